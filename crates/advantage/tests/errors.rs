//! Calls that are refused, and how the refusal reads.
#![allow(clippy::float_cmp, reason = "numbers that are only handed through are compared exactly")]

use gradus_advantage::{
    AdvantageError, Episodes, discount_weights, discounted_returns, finished_episodes, gae,
    monte_carlo_advantages, n_step_advantages, reward_to_go, td_residuals, value_targets,
    whole_episode_returns,
};

fn length(array: &'static str, length: usize, expected: usize) -> Result<(), AdvantageError> {
    Err(AdvantageError::Length { array, length, expected })
}

#[test]
fn arrays_that_do_not_fit_together() {
    let (x, no) = ([0.0; 6], [false; 6]);
    let new = |n_envs, rewards, terminated, truncated| {
        Episodes::<f64>::new(n_envs, rewards, terminated, truncated).map(|_| ())
    };
    assert_eq!(new(0, &x[..], &no[..], &no[..]), Err(AdvantageError::NoEnvironments));
    assert_eq!(new(4, &x, &no, &no), Err(AdvantageError::Ragged { length: 6, n_envs: 4 }));
    assert_eq!(new(2, &x, &no[..5], &no), length("terminated", 5, 6));
    assert_eq!(new(2, &x, &no, &no[..4]), length("truncated", 4, 6));
    let episodes = Episodes::new(2, &x, &no, &no).expect("arrays that fit");
    assert_eq!(episodes.with_values(&x[..3], &x).map(|_| ()), length("values", 3, 6));
    assert_eq!(episodes.with_values(&x, &x[..2]).map(|_| ()), length("next_values", 2, 6));
    assert_eq!((episodes.n_envs(), episodes.n_steps()), (2, 3));
}

#[test]
fn outputs_of_the_wrong_length() {
    let (x, no) = ([0.0; 6], [false; 6]);
    let episodes = Episodes::new(2, &x, &no, &no).expect("arrays that fit");
    let trajectories = episodes.with_values(&x, &x).expect("arrays that fit");
    let mut out = [0.0; 5];
    assert_eq!(reward_to_go(&episodes, 0.9, &mut out), length("returns", 5, 6));
    assert_eq!(whole_episode_returns(&episodes, 0.9, &mut out), length("returns", 5, 6));
    assert_eq!(discounted_returns(&trajectories, 0.9, &mut out), length("returns", 5, 6));
    assert_eq!(td_residuals(&trajectories, 0.9, &mut out), length("residuals", 5, 6));
    assert_eq!(monte_carlo_advantages(&trajectories, 0.9, &mut out), length("advantages", 5, 6));
    assert_eq!(gae(&trajectories, 0.9, 0.9, &mut out), length("advantages", 5, 6));
    for n in [1, 9] {
        assert_eq!(n_step_advantages(&trajectories, 0.9, n, &mut out), length("advantages", 5, 6));
    }
    assert_eq!(value_targets(&trajectories, &x, &mut out), length("targets", 5, 6));
    assert_eq!(value_targets(&trajectories, &out, &mut [0.0; 6]), length("advantages", 5, 6));
    assert_eq!(discount_weights(&episodes, 0.9, &mut [1.0; 2], &mut out), length("weights", 5, 6));
    assert_eq!(discount_weights(&episodes, 0.9, &mut [1.0; 3], &mut [0.0; 6]), length("carry", 3, 2));
    assert_eq!(finished_episodes(&episodes, &mut [false; 7]), length("finished", 7, 6));
}

#[test]
fn parameters_out_of_range() {
    let (x, no) = ([0.0; 6], [false; 6]);
    let episodes = Episodes::new(2, &x, &no, &no).expect("arrays that fit");
    let trajectories = episodes.with_values(&x, &x).expect("arrays that fit");
    let mut out = [0.0; 6];
    let out_of_range = |name, value| Err(AdvantageError::OutOfRange { name, value });
    for gamma in [-0.1, 1.0 + f64::EPSILON, f64::INFINITY] {
        assert_eq!(reward_to_go(&episodes, gamma, &mut out), out_of_range("gamma", gamma));
        assert_eq!(whole_episode_returns(&episodes, gamma, &mut out), out_of_range("gamma", gamma));
        assert_eq!(discounted_returns(&trajectories, gamma, &mut out), out_of_range("gamma", gamma));
        assert_eq!(td_residuals(&trajectories, gamma, &mut out), out_of_range("gamma", gamma));
        assert_eq!(monte_carlo_advantages(&trajectories, gamma, &mut out), out_of_range("gamma", gamma));
        assert_eq!(n_step_advantages(&trajectories, gamma, 2, &mut out), out_of_range("gamma", gamma));
        assert_eq!(discount_weights(&episodes, gamma, &mut [1.0; 2], &mut out), out_of_range("gamma", gamma));
        assert_eq!(gae(&trajectories, gamma, 0.9, &mut out), out_of_range("gamma", gamma));
        assert_eq!(gae(&trajectories, 0.9, gamma, &mut out), out_of_range("gae_lambda", gamma));
    }
    assert!(gae(&trajectories, f64::NAN, 0.9, &mut out).is_err(), "NaN lies outside any range");
    assert_eq!(n_step_advantages(&trajectories, 0.9, 0, &mut out), Err(AdvantageError::NoSteps));
}

/// A refused call has not touched the output.
#[test]
fn a_refused_call_leaves_the_output_alone() {
    let (x, no) = ([1.0; 4], [false; 4]);
    let trajectories = Episodes::new(2, &x, &no, &no)
        .and_then(|episodes| episodes.with_values(&x, &x))
        .expect("arrays that fit");
    let mut out = [7.0; 4];
    gae(&trajectories, 0.9, 2.0, &mut out).expect_err("λ = 2");
    assert_eq!(out, [7.0; 4]);
}

#[test]
fn no_step_at_all_is_no_error() {
    let none: [f64; 0] = [];
    let trajectories = Episodes::new(3, &none, &[], &[])
        .and_then(|episodes| episodes.with_values(&none, &none))
        .expect("arrays that fit");
    assert_eq!(trajectories.episodes().n_steps(), 0);
    gae(&trajectories, 0.9, 0.9, &mut []).expect("nothing to do");
    discounted_returns(&trajectories, 0.9, &mut []).expect("nothing to do");
    whole_episode_returns(trajectories.episodes(), 0.9, &mut []).expect("nothing to do");
    n_step_advantages(&trajectories, 0.9, 3, &mut []).expect("nothing to do");
}

#[test]
fn messages_name_the_array_and_the_numbers() {
    let message = |error: AdvantageError| error.to_string();
    assert_eq!(
        message(AdvantageError::Length { array: "next_values", length: 3, expected: 6 }),
        "`next_values` holds 3 values; 6 are needed"
    );
    assert_eq!(
        message(AdvantageError::OutOfRange { name: "gamma", value: 1.5 }),
        "`gamma` is 1.5; it must lie in [0, 1]"
    );
}
