//! One wrong variant of each formula, most of them in circulation: the check that the right one passes must
//! reject it, and by a margin, so that the tolerance is far below the effect.

mod oracle;

use gradus_advantage::{
    discount_weights, discounted_returns, gae, n_step_advantages, reward_to_go, td_residuals, value_targets,
    whole_episode_returns,
};
use oracle::{Arrays, History, check, difference, every_history};

const GAMMA: f64 = 0.9;
const LAMBDA: f64 = 0.7;

/// Asserts that what the crate computes passes the check with `right` and fails it with `wrong`, where the two
/// differ by at least a hundredth somewhere: ten orders of magnitude above the tolerance.
fn rejects(
    what: &str,
    found: impl Fn(&Arrays) -> Vec<f64>,
    right: impl Fn(&History, usize) -> f64,
    wrong: impl Fn(&History, usize) -> f64,
) {
    let histories = every_history(4);
    let found = found(&Arrays::of(&histories));
    check(what, &found, &histories, &right).unwrap_or_else(|message| panic!("{message}"));
    check(what, &found, &histories, &wrong).expect_err(what);
    let places = || (0..4).flat_map(|t| histories.iter().map(move |h| (h, t)));
    let effect = places().map(|(h, t)| difference(right(h, t), wrong(h, t))).fold(0.0, f64::max);
    assert!(effect > 0.01, "{what}: the wrong variant differs by {effect} only");
}

#[test]
fn reward_to_go_discounted_from_the_start_of_the_episode() {
    rejects(
        "γ^k in place of γ^{k−t}",
        |x| x.output(|x, out| reward_to_go(x.episodes(), GAMMA, out)),
        |h, t| h.reward_to_go(t, GAMMA),
        |h, t| h.discount_weight(t, GAMMA) * h.reward_to_go(t, GAMMA),
    );
}

#[test]
fn whole_return_of_the_data_in_place_of_the_episode() {
    rejects(
        "sum over all data",
        |x| x.output(|x, out| whole_episode_returns(x.episodes(), GAMMA, out)),
        |h, t| h.whole_return(t, GAMMA),
        |h, _| (0..h.len()).map(|k| GAMMA.powi(k as i32) * h.rewards[k]).sum(),
    );
}

#[test]
fn truncation_taken_for_termination() {
    rejects(
        "no bootstrap where truncated",
        |x| x.output(|x, out| discounted_returns(x, GAMMA, out)),
        |h, t| h.bootstrapped_return(t, GAMMA),
        |h, t| h.reward_to_go(t, GAMMA),
    );
}

#[test]
fn residual_that_bootstraps_from_the_state_itself() {
    rejects(
        "γV(s_t) in place of γV(s_{t+1})",
        |x| x.output(|x, out| td_residuals(x, GAMMA, out)),
        |h, t| h.residual(t, GAMMA),
        |h, t| h.rewards[t] + if h.terminated(t) { 0.0 } else { GAMMA * h.values[t] } - h.values[t],
    );
}

#[test]
fn residual_that_bootstraps_where_terminated() {
    rejects(
        "V(s_{t+1}) kept behind a terminal step",
        |x| x.output(|x, out| td_residuals(x, GAMMA, out)),
        |h, t| h.residual(t, GAMMA),
        |h, t| h.rewards[t] + GAMMA * h.next_values[t] - h.values[t],
    );
}

#[test]
fn n_step_that_discounts_the_outlook_by_n_though_cut_short() {
    rejects(
        "γ^n in place of γ^m",
        |x| x.output(|x, out| n_step_advantages(x, GAMMA, 3, out)),
        |h, t| h.n_step(t, GAMMA, 3),
        |h, t| {
            let last = h.last(t).min(t + 2);
            let rewards: f64 = (t..=last).map(|k| GAMMA.powi((k - t) as i32) * h.rewards[k]).sum();
            rewards + GAMMA.powi(3) * h.outlook(last) - h.values[t]
        },
    );
}

/// The exponent of the last term as the PPO paper prints it, T − t + 1 with T the number of steps.
#[test]
fn gae_with_the_printed_exponent() {
    rejects(
        "(γλ)^{T−t+1} on the last residual",
        |x| x.output(|x, out| gae(x, GAMMA, LAMBDA, out)),
        |h, t| h.gae(t, GAMMA, LAMBDA),
        |h, t| {
            let last = h.last(t);
            let power = |exponent: usize| (GAMMA * LAMBDA).powi(exponent as i32);
            h.gae(t, GAMMA, LAMBDA) + (power(last + 1 - t + 1) - power(last - t)) * h.residual(last, GAMMA)
        },
    );
}

#[test]
fn gae_that_leaks_past_a_truncation() {
    rejects(
        "only `terminated` cuts the sum",
        |x| x.output(|x, out| gae(x, GAMMA, LAMBDA, out)),
        |h, t| h.gae(t, GAMMA, LAMBDA),
        |h, t| {
            let last = (t..h.len()).find(|&k| h.terminated(k)).unwrap_or(h.len() - 1);
            (t..=last).map(|k| (GAMMA * LAMBDA).powi((k - t) as i32) * h.residual(k, GAMMA)).sum()
        },
    );
}

#[test]
fn mixture_that_drops_the_left_over_weight() {
    rejects(
        "(1−λ)λ^{m−1} on the last n-step advantage",
        |x| x.output(|x, out| gae(x, GAMMA, LAMBDA, out)),
        |h, t| h.gae_mixture(t, GAMMA, LAMBDA),
        |h, t| {
            let longest = h.last(t) - t + 1;
            let share = |n: usize| (1.0 - LAMBDA) * LAMBDA.powi(n as i32 - 1);
            (1..=longest).map(|n| share(n) * h.n_step(t, GAMMA, n)).sum()
        },
    );
}

#[test]
fn value_target_from_the_next_state() {
    rejects(
        "A + V(s_{t+1})",
        |x| {
            let advantages = x.output(|x, out| gae(x, GAMMA, LAMBDA, out));
            x.output(|x, out| value_targets(x, &advantages, out))
        },
        |h, t| h.gae(t, GAMMA, LAMBDA) + h.values[t],
        |h, t| h.gae(t, GAMMA, LAMBDA) + h.next_values[t],
    );
}

#[test]
fn discount_weight_counted_from_the_start_of_the_data() {
    rejects(
        "γ^t with t of the data",
        |x| {
            let mut carry = vec![1.0; x.n_envs];
            x.output(|x, out| discount_weights(x.episodes(), GAMMA, &mut carry, out))
        },
        |h, t| h.discount_weight(t, GAMMA),
        |_, t| GAMMA.powi(t as i32),
    );
}
