//! Exact returns within a time limit.
//!
//! These are references for tests and reports: what a policy could reach at best, and what a given one
//! does reach, when an episode is cut off after `horizon` steps and returns are not discounted.

use super::{FiniteMdp, Transition};

/// The greatest expected return of an episode that is cut off after `horizon` steps:
/// Σ_s ρ₀(s) V_horizon(s), with the initial distribution ρ₀ and [`optimal_values`].
///
/// It is the maximum over all policies, also those that count the steps left; a policy that sees the state
/// alone may stay a little below it. For a task whose only reward is 1 for success, it is the optimal
/// success rate within the limit.
pub fn optimal_return(mdp: &FiniteMdp, horizon: u64) -> f64 {
    mean(mdp, &optimal_values(mdp, horizon))
}

/// The greatest expected return from each state with `horizon` steps left, `[S]`, undiscounted.
///
/// V_0 = 0 and V_h(s) = max_a Σ p(s′, r | s, a) (r + [not terminated] V_{h−1}(s′)).
///
/// Backward induction: Bellman 1957; Puterman 1994, section 4.5. It takes `horizon` sweeps over the table.
pub fn optimal_values(mdp: &FiniteMdp, horizon: u64) -> Vec<f64> {
    induct(mdp, horizon, |state, after| {
        (0..mdp.n_actions())
            .map(|a| backup(mdp.transitions(state, a), after))
            .fold(f64::NEG_INFINITY, f64::max)
    })
}

/// The expected return of a stationary policy in an episode that is cut off after `horizon` steps; see
/// [`policy_values`].
///
/// # Panics
/// As [`policy_values`].
pub fn policy_return(mdp: &FiniteMdp, policy: &[f64], horizon: u64) -> f64 {
    mean(mdp, &policy_values(mdp, policy, horizon))
}

/// The expected return of a stationary policy from each state with `horizon` steps left, `[S]`,
/// undiscounted.
///
/// V_0 = 0 and V_h(s) = Σ_a π(a | s) Σ p(s′, r | s, a) (r + [not terminated] V_{h−1}(s′)).
///
/// Puterman 1994, section 4.2.
///
/// # Shapes
/// `policy` is `[S, A]`, state by state: π(a | s) at s·A + a. Whether its rows sum to one is the caller's
/// affair.
///
/// # Panics
/// When `policy` has another length.
pub fn policy_values(mdp: &FiniteMdp, policy: &[f64], horizon: u64) -> Vec<f64> {
    let n = mdp.n_actions();
    assert_eq!(policy.len(), mdp.n_states() * n, "one probability for each state and action");
    induct(mdp, horizon, |state, after| {
        let row = &policy[state * n..(state + 1) * n];
        row.iter().enumerate().map(|(a, pi)| pi * backup(mdp.transitions(state, a), after)).sum()
    })
}

/// The values after `horizon` rounds of `value(state, values of the round before)`, from zero.
fn induct(mdp: &FiniteMdp, horizon: u64, value: impl Fn(usize, &[f64]) -> f64) -> Vec<f64> {
    let mut after = vec![0.0; mdp.n_states()];
    let mut now = after.clone();
    for _ in 0..horizon {
        for (state, v) in now.iter_mut().enumerate() {
            *v = value(state, &after);
        }
        std::mem::swap(&mut now, &mut after);
    }
    after
}

/// Σ p (r + [not terminated] V(s′)) over a row of the table.
fn backup(row: &[Transition], after: &[f64]) -> f64 {
    let value = |t: &Transition| t.reward + if t.terminated { 0.0 } else { after[t.next_state] };
    row.iter().map(|t| t.probability * value(t)).sum()
}

fn mean(mdp: &FiniteMdp, values: &[f64]) -> f64 {
    mdp.initial().iter().zip(values).map(|(p, v)| p * v).sum()
}
