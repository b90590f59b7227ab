//! What the formulas share: one backward sum and one step's outlook, both without branches.
//!
//! The steps of an environment depend on each other, its neighbours' do not: a row of environments is handled
//! at a time, so that the compiler turns the inner loops into vector instructions. For that, everything in them
//! is a selection (`if` on a value that is already there), and slices are cut to the row's length beforehand.

use num_traits::Float;

use crate::{Episodes, Trajectories};

/// γ V(s_{t+1}) of a step, 0 where the task ended: selected, since 0 · NaN would be NaN.
#[inline(always)]
pub(crate) fn discounted_next_value<T: Float>(terminated: bool, gamma: T, next_value: T) -> T {
    let kept = if terminated { T::zero() } else { next_value };
    gamma * kept
}

/// Turns x_t into Σ_b factor^b x_{t+b}, summed to the end of the episode or of the data, in place:
/// from the last step backwards x_t ← x_t + factor · x_{t+1}, unless the episode ended with step t.
pub(crate) fn sum_backward<T: Float>(episodes: &Episodes<'_, T>, factor: T, x: &mut [T]) {
    let n_envs = episodes.n_envs;
    for t in (0..episodes.n_steps().saturating_sub(1)).rev() {
        let (until_now, later) = x[t * n_envs..].split_at_mut(n_envs);
        let row = t * n_envs..(t + 1) * n_envs;
        let steps = episodes.terminated[row.clone()].iter().zip(&episodes.truncated[row]);
        for ((now, &next), (&terminated, &truncated)) in until_now.iter_mut().zip(&*later).zip(steps) {
            let following = if terminated | truncated { T::zero() } else { next };
            *now = *now + factor * following;
        }
    }
}

/// Writes the returns of the windows that start at step `first` and end with step `last`, or with the episode:
/// the discounted rewards and, unless the task ended, the discounted value of the state behind the window.
pub(crate) fn window_returns<T: Float>(
    trajectories: &Trajectories<'_, T>,
    gamma: T,
    (first, last): (usize, usize),
    out: &mut [T],
) {
    let Trajectories { episodes, next_values, .. } = trajectories;
    for t in (first..=last).rev() {
        let row = t * episodes.n_envs..(t + 1) * episodes.n_envs;
        let steps = episodes.rewards[row.clone()].iter().zip(&next_values[row.clone()]);
        let ends = episodes.terminated[row.clone()].iter().zip(&episodes.truncated[row]);
        let is_last = t == last;
        for ((x, (&reward, &next_value)), (&terminated, &truncated)) in out.iter_mut().zip(steps).zip(ends) {
            let outlook = discounted_next_value(terminated, gamma, next_value);
            let following = gamma * *x;
            *x = reward + if terminated | truncated | is_last { outlook } else { following };
        }
    }
}
