//! Every case of running, terminated, truncated and unfinished, at every position of short sequences.

mod oracle;

use gradus_advantage::{
    discount_weights, discounted_returns, finished_episodes, gae, monte_carlo_advantages, n_step_advantages,
    reward_to_go, td_residuals, value_targets, whole_episode_returns,
};
use oracle::{Arrays, End, History, check, every_history};

const GAMMA: f64 = 0.9;
const LAMBDA: f64 = 0.7;

/// Holds every function to the oracle.
fn check_all(histories: &[History]) -> Result<(), String> {
    let arrays = Arrays::of(histories);
    let found = arrays.output(|x, out| reward_to_go(x.episodes(), GAMMA, out));
    check("reward to go", &found, histories, |h, t| h.reward_to_go(t, GAMMA))?;
    let found = arrays.output(|x, out| whole_episode_returns(x.episodes(), GAMMA, out));
    check("whole return", &found, histories, |h, t| h.whole_return(t, GAMMA))?;
    let found = arrays.output(|x, out| discounted_returns(x, GAMMA, out));
    check("bootstrapped return", &found, histories, |h, t| h.bootstrapped_return(t, GAMMA))?;
    let found = arrays.output(|x, out| td_residuals(x, GAMMA, out));
    check("residual", &found, histories, |h, t| h.residual(t, GAMMA))?;
    let found = arrays.output(|x, out| monte_carlo_advantages(x, GAMMA, out));
    check("Monte Carlo", &found, histories, |h, t| h.bootstrapped_return(t, GAMMA) - h.values[t])?;
    for n in 1..=histories[0].len() + 2 {
        let found = arrays.output(|x, out| n_step_advantages(x, GAMMA, n, out));
        check(&format!("{n}-step"), &found, histories, |h, t| h.n_step(t, GAMMA, n))?;
    }
    let advantages = arrays.output(|x, out| gae(x, GAMMA, LAMBDA, out));
    check("GAE", &advantages, histories, |h, t| h.gae(t, GAMMA, LAMBDA))?;
    check("GAE as a mixture", &advantages, histories, |h, t| h.gae_mixture(t, GAMMA, LAMBDA))?;
    let found = arrays.output(|x, out| value_targets(x, &advantages, out));
    check("value target", &found, histories, |h, t| h.gae(t, GAMMA, LAMBDA) + h.values[t])?;
    let mut carry = vec![1.0; histories.len()];
    let found = arrays.output(|x, out| discount_weights(x.episodes(), GAMMA, &mut carry, out));
    check("discount weight", &found, histories, |h, t| h.discount_weight(t, GAMMA))?;
    Ok(())
}

#[test]
fn every_ending_at_every_position() {
    for n_steps in 1..=5 {
        check_all(&every_history(n_steps)).unwrap_or_else(|message| panic!("{message}"));
    }
}

/// What stands in `next_values` behind a terminated step must not be read, not even multiplied by zero.
#[test]
fn nan_and_infinity_behind_terminated_steps() {
    for poison in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut histories = every_history(4);
        for history in &mut histories {
            for t in 0..history.len() {
                if history.terminated(t) {
                    history.next_values[t] = poison;
                }
            }
        }
        check_all(&histories).unwrap_or_else(|message| panic!("{message}"));
    }
}

/// Changes everything behind the first end of an episode, to other numbers and to NaN: not a bit before moves.
#[test]
fn nothing_crosses_the_end_of_an_episode() {
    let histories: Vec<History> =
        every_history(5).into_iter().filter(|h| h.ends[..4].iter().any(|&end| end != End::Running)).collect();
    let before = Arrays::of(&histories);
    for replacement in [1e30, f64::NAN] {
        let changed: Vec<History> = histories.iter().map(|h| behind_first_episode(h, replacement)).collect();
        let after = Arrays::of(&changed);
        type Function = fn(
            &gradus_advantage::Trajectories<'_, f64>,
            &mut [f64],
        ) -> Result<(), gradus_advantage::AdvantageError>;
        let functions: [(&str, Function); 7] = [
            ("reward to go", |x, out| reward_to_go(x.episodes(), GAMMA, out)),
            ("whole return", |x, out| whole_episode_returns(x.episodes(), GAMMA, out)),
            ("bootstrapped return", |x, out| discounted_returns(x, GAMMA, out)),
            ("residual", |x, out| td_residuals(x, GAMMA, out)),
            ("Monte Carlo", |x, out| monte_carlo_advantages(x, GAMMA, out)),
            ("3-step", |x, out| n_step_advantages(x, GAMMA, 3, out)),
            ("GAE", |x, out| gae(x, GAMMA, LAMBDA, out)),
        ];
        for (name, function) in functions {
            let (old, new) = (before.output(function), after.output(function));
            let mut moved_behind = false;
            for (i, (old, new)) in old.iter().zip(&new).enumerate() {
                let (t, history) = (i / before.n_envs, &histories[i % before.n_envs]);
                if t <= history.last(0) {
                    assert_eq!(old.to_bits(), new.to_bits(), "{name} at step {t} of {:?}", history.ends);
                } else {
                    moved_behind |= old.to_bits() != new.to_bits();
                }
            }
            assert!(moved_behind, "{name}: the change reaches what lies behind the end");
        }
    }
}

fn behind_first_episode(history: &History, replacement: f64) -> History {
    let mut changed = history.clone();
    for t in history.last(0) + 1..history.len() {
        changed.rewards[t] = replacement;
        changed.values[t] = replacement;
        changed.next_values[t] = replacement;
        changed.ends[t] = End::Running;
    }
    changed
}

#[test]
fn finished_episodes_are_those_that_end_in_the_data() {
    let histories = every_history(5);
    let arrays = Arrays::of(&histories);
    let mut finished = vec![false; arrays.rewards.len()];
    finished_episodes(&arrays.episodes(), &mut finished).expect("a valid call");
    for (i, &found) in finished.iter().enumerate() {
        let (t, history) = (i / arrays.n_envs, &histories[i % arrays.n_envs]);
        let expected = history.ends[t..].iter().any(|&end| end != End::Running);
        assert_eq!(found, expected, "step {t} of {:?}", history.ends);
    }
}

/// Data in two parts, with the carry handed on, have the weights of the whole, bit for bit.
#[test]
fn discount_weights_of_parts_are_those_of_the_whole() {
    let histories = every_history(5);
    let arrays = Arrays::of(&histories);
    let n = arrays.n_envs;
    let mut carry = vec![1.0; n];
    let whole = arrays.output(|x, out| discount_weights(x.episodes(), GAMMA, &mut carry, out));
    for cut in 0..=5 {
        let mut carry_of_parts = vec![1.0; n];
        let mut parts = vec![f64::NAN; whole.len()];
        for range in [0..cut * n, cut * n..5 * n] {
            let (rewards, terminated) = (&arrays.rewards[range.clone()], &arrays.terminated[range.clone()]);
            let part =
                gradus_advantage::Episodes::new(n, rewards, terminated, &arrays.truncated[range.clone()])
                    .expect("arrays that fit");
            discount_weights(&part, GAMMA, &mut carry_of_parts, &mut parts[range]).expect("a valid call");
        }
        let bits = |x: &[f64]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&parts), bits(&whole), "cut before step {cut}");
        assert_eq!(bits(&carry_of_parts), bits(&carry), "cut before step {cut}");
    }
}
