//! The examples that every reader of the literature knows.
#![allow(clippy::float_cmp, reason = "sums of small integers and products with zero are exact")]

mod oracle;

use gradus_advantage::{
    Episodes, discounted_returns, gae, monte_carlo_advantages, reward_to_go, td_residuals,
    whole_episode_returns,
};
use oracle::{Arrays, End, History};

#[test]
fn rewards_5_0_minus_2() {
    let (rewards, terminated, truncated) = ([5.0, 0.0, -2.0], [false, false, true], [false; 3]);
    let episodes = Episodes::new(1, &rewards, &terminated, &truncated).expect("arrays that fit");
    let mut returns = [0.0; 3];
    whole_episode_returns(&episodes, 1.0, &mut returns).expect("a valid call");
    assert_eq!(returns, [3.0, 3.0, 3.0]);
    reward_to_go(&episodes, 1.0, &mut returns).expect("a valid call");
    assert_eq!(returns, [3.0, -2.0, -2.0]);
}

/// Rewards +1, +3, −5 from a step on, which is not the first: its weight is 1 + 3γ − 5γ².
#[test]
fn rewards_1_3_minus_5() {
    let rewards = [7.0, 1.0, 3.0, -5.0, 11.0];
    let terminated = [false, false, false, true, false];
    let episodes = Episodes::new(1, &rewards, &terminated, &[false; 5]).expect("arrays that fit");
    for gamma in [0.0, 0.5, 0.9, 0.99, 1.0] {
        let mut returns = [0.0; 5];
        reward_to_go(&episodes, gamma, &mut returns).expect("a valid call");
        let expected: f64 = 1.0 + 3.0 * gamma - 5.0 * gamma * gamma;
        assert!((returns[1] - expected).abs() < 1e-14, "γ = {gamma}: {} and {expected}", returns[1]);
    }
}

/// The weight of Aⁿ in the advantage of λ = 0.9, read off by a unit of reward that only Aⁿ, Aⁿ⁺¹, … see.
///
/// With γ = 1, V = 0 and one reward of 1 at step k, Aⁿ_0 is 1 for n > k and 0 before, so that the advantage is the
/// sum of the weights of all n > k, and differences of neighbours are the weights themselves.
#[test]
fn weights_of_lambda_0_9() {
    const STEPS: usize = 6;
    let weight_from = |k: usize| {
        let mut rewards = [0.0; STEPS];
        rewards[k] = 1.0;
        let mut advantages = [0.0; STEPS];
        let zeros = [0.0; STEPS];
        let ends = [false; STEPS];
        let trajectories = Episodes::new(1, &rewards, &ends, &ends)
            .and_then(|episodes| episodes.with_values(&zeros, &zeros))
            .expect("arrays that fit");
        gae(&trajectories, 1.0, 0.9, &mut advantages).expect("a valid call");
        advantages[0]
    };
    let expected = [0.1, 0.09, 0.081, 0.0729, 0.06561, 0.59049];
    for n in 1..=STEPS {
        let beyond = if n < STEPS { weight_from(n) } else { 0.0 };
        let weight: f64 = weight_from(n - 1) - beyond;
        assert!((weight - expected[n - 1]).abs() < 1e-14, "A^{n}: {weight}, not {}", expected[n - 1]);
    }
    assert!((expected.iter().sum::<f64>() - 1.0).abs() < 1e-14, "the left-over weight lies on the last");
}

#[test]
fn lambda_0_is_td_and_lambda_1_is_monte_carlo() {
    use End::{Running, Terminated, Truncated};
    let ends = [Running, Running, Terminated, Running, Running, Truncated, Running, Running];
    let arrays = Arrays::of(&[History::made_up(1, &ends), History::made_up(2, &[Running; 8])]);
    let td = arrays.output(|x, out| td_residuals(x, 0.97, out));
    let lambda_0 = arrays.output(|x, out| gae(x, 0.97, 0.0, out));
    assert_eq!(lambda_0, td, "exactly: what follows is multiplied by zero");
    let monte_carlo = arrays.output(|x, out| monte_carlo_advantages(x, 0.97, out));
    let lambda_1 = arrays.output(|x, out| gae(x, 0.97, 1.0, out));
    for (a, b) in lambda_1.iter().zip(&monte_carlo) {
        assert!((a - b).abs() < 1e-14, "{a} and {b}");
    }
}

/// A task of reward 1 for ever under a time limit, with the true value 1/(1−γ): no step has an advantage, and every
/// return is the value, however the data are cut. Treating the limit as terminal gives neither.
#[test]
fn a_time_limit_changes_nothing_under_the_true_value() {
    let value = 1.0 / (1.0 - 0.9);
    let truncated: Vec<bool> = (0..12).map(|t| t % 5 == 4).collect();
    let (rewards, values, no) = ([1.0; 12], [value; 12], [false; 12]);
    let arrays = |terminated: &[bool], truncated: &[bool]| {
        let trajectories = Episodes::new(1, &rewards, terminated, truncated)
            .and_then(|episodes| episodes.with_values(&values, &values))
            .expect("arrays that fit");
        let (mut advantages, mut returns) = ([f64::NAN; 12], [f64::NAN; 12]);
        gae(&trajectories, 0.9, 0.8, &mut advantages).expect("a valid call");
        discounted_returns(&trajectories, 0.9, &mut returns).expect("a valid call");
        (advantages, returns)
    };
    let (advantages, returns) = arrays(&no, &truncated);
    assert!(advantages.iter().all(|a| a.abs() < 1e-13), "{advantages:?}");
    assert!(returns.iter().all(|g| (g - value).abs() < 1e-13), "{returns:?}");
    let (advantages, _) = arrays(&truncated, &no);
    assert!((advantages[4] + 9.0).abs() < 1e-13, "terminal: 1 − V = −9, not {}", advantages[4]);
}
