//! Sums of rewards.

use num_traits::Float;

use crate::error::{check_discount, check_length};
use crate::rows::{discounted_next_value, sum_backward};
use crate::{AdvantageError, Episodes, Trajectories};

/// The reward-to-go of every step: the discounted rewards from it to the end of its episode.
///
/// G_t = r_t + γ G_{t+1} = Σ_{k≥t} γ^{k−t} r_k, where G_{t+1} = 0 behind the end of the episode.
///
/// Source: Sutton & Barto, 2nd edition, equation 3.9; computed backwards in one pass.
/// The episode also stops at the end of the data and where it was truncated: with no value at hand, later
/// rewards count as 0. [`discounted_returns`] puts a critic's value in their place.
///
/// # Shapes
/// `returns`: `[steps, envs]`, t = 0..T−1.
///
/// # Errors
/// When γ is outside [0, 1] or `returns` has another length than the rewards.
///
/// # Example
/// ```
/// use gradus_advantage::{Episodes, reward_to_go};
///
/// let episodes = Episodes::new(1, &[5.0, 0.0, -2.0], &[false, false, true], &[false; 3])?;
/// let mut returns = [0.0; 3];
/// reward_to_go(&episodes, 1.0, &mut returns)?;
/// assert_eq!(returns, [3.0, -2.0, -2.0]);
/// # Ok::<(), gradus_advantage::AdvantageError>(())
/// ```
pub fn reward_to_go<T: Float>(
    episodes: &Episodes<'_, T>,
    gamma: T,
    returns: &mut [T],
) -> Result<(), AdvantageError> {
    check_discount("gamma", gamma)?;
    check_length("returns", returns.len(), episodes.len())?;
    returns.copy_from_slice(episodes.rewards);
    sum_backward(episodes, gamma, returns);
    Ok(())
}

/// The whole return of the episode that a step belongs to, the same for all its steps.
///
/// R(τ) = Σ_t γ^t r_t, with t counted from the first step of the episode.
///
/// Source: Williams 1992, section 6; the weight of every score ∇log π(a_t|s_t) in REINFORCE before causality is used.
/// An episode is what the data hold of it: one that goes on behind the data, or that began before them, gets
/// the return of the part that is there. That is not R(τ), so REINFORCE leaves such episodes out:
/// [`finished_episodes`] says which steps lie in an episode that ended, and whoever collects starts with a
/// reset. A truncated episode gets the rewards up to its truncation.
///
/// # Shapes
/// `returns`: `[steps, envs]`, t = 0..T−1.
///
/// # Errors
/// When γ is outside [0, 1] or `returns` has another length than the rewards.
///
/// # Example
/// ```
/// use gradus_advantage::{Episodes, whole_episode_returns};
///
/// let episodes = Episodes::new(1, &[5.0, 0.0, -2.0], &[false, false, true], &[false; 3])?;
/// let mut returns = [0.0; 3];
/// whole_episode_returns(&episodes, 1.0, &mut returns)?;
/// assert_eq!(returns, [3.0, 3.0, 3.0]);
/// # Ok::<(), gradus_advantage::AdvantageError>(())
/// ```
pub fn whole_episode_returns<T: Float>(
    episodes: &Episodes<'_, T>,
    gamma: T,
    returns: &mut [T],
) -> Result<(), AdvantageError> {
    reward_to_go(episodes, gamma, returns)?;
    // The reward-to-go of an episode's first step is its whole return; carry it on to the steps behind.
    for i in episodes.n_envs..returns.len() {
        let before = i - episodes.n_envs;
        let is_first = episodes.terminated[before] | episodes.truncated[before];
        returns[i] = if is_first { returns[i] } else { returns[before] };
    }
    Ok(())
}

/// Whether the episode that a step belongs to ended, either way, within the data.
///
/// finished_t = ended_t or finished_{t+1}, with finished_T = false.
///
/// Monte Carlo methods learn from finished episodes only (Sutton & Barto, chapter 5).
///
/// # Shapes
/// `finished`: `[steps, envs]`, t = 0..T−1.
///
/// # Errors
/// When `finished` has another length than the rewards.
///
/// # Example
/// ```
/// use gradus_advantage::{Episodes, finished_episodes};
///
/// let episodes = Episodes::new(1, &[1.0_f32; 3], &[false, true, false], &[false; 3])?;
/// let mut finished = [false; 3];
/// finished_episodes(&episodes, &mut finished)?;
/// assert_eq!(finished, [true, true, false]);
/// # Ok::<(), gradus_advantage::AdvantageError>(())
/// ```
pub fn finished_episodes<T>(episodes: &Episodes<'_, T>, finished: &mut [bool]) -> Result<(), AdvantageError> {
    check_length("finished", finished.len(), episodes.len())?;
    for i in (0..finished.len()).rev() {
        let later = finished.get(i + episodes.n_envs).copied().unwrap_or(false);
        finished[i] = episodes.terminated[i] | episodes.truncated[i] | later;
    }
    Ok(())
}

/// The bootstrapped return of every step: discounted rewards to the end of the episode or of the data, then
/// the discounted value of the state that follows.
///
/// G_t = r_t + γ G_{t+1}, where G_{t+1} is 0 if step t terminated, and V(s_{t+1}), read from `next_values`, if
/// it was truncated or is the last of the data.
///
/// Source: Sutton & Barto, 2nd edition, equation 7.1, with as many steps as there are; the λ-return at λ = 1. Common code takes a truncated
/// step for a terminal one, or adds γ V(s_t); here it is the value of the true final observation.
///
/// # Shapes
/// `returns`: `[steps, envs]`, t = 0..T−1.
///
/// # Errors
/// When γ is outside [0, 1] or `returns` has another length than the rewards.
///
/// # Example
/// ```
/// use gradus_advantage::{Episodes, discounted_returns};
///
/// let episodes = Episodes::new(1, &[1.0, 2.0], &[false; 2], &[false, true])?;
/// let trajectories = episodes.with_values(&[0.0, 0.0], &[0.0, 8.0])?;
/// let mut returns = [0.0; 2];
/// discounted_returns(&trajectories, 0.5, &mut returns)?;
/// assert_eq!(returns, [4.0, 6.0]);
/// # Ok::<(), gradus_advantage::AdvantageError>(())
/// ```
pub fn discounted_returns<T: Float>(
    trajectories: &Trajectories<'_, T>,
    gamma: T,
    returns: &mut [T],
) -> Result<(), AdvantageError> {
    let Trajectories { episodes, next_values, .. } = trajectories;
    check_discount("gamma", gamma)?;
    check_length("returns", returns.len(), episodes.len())?;
    let last_row = episodes.len().saturating_sub(episodes.n_envs);
    for i in 0..returns.len() {
        let outlook = discounted_next_value(episodes.terminated[i], gamma, next_values[i]);
        let bootstraps = episodes.truncated[i] | (i >= last_row);
        returns[i] = episodes.rewards[i] + if bootstraps { outlook } else { T::zero() };
    }
    sum_backward(episodes, gamma, returns);
    Ok(())
}

/// The weight γ^t of every step, with t counted from the first step of its episode.
///
/// w_0 = 1; w_{t+1} = γ w_t, and 1 again behind the end of an episode.
///
/// Source: the policy gradient theorem for the start state, Sutton & Barto, 2nd edition, section 13.3: for
/// γ < 1 the sum of reward-to-go times score is unbiased for ∇η only with this weight on step t. Practice drops
/// it, and so do the defaults of this library.
///
/// `carry` holds for every environment the weight of its first step here, and afterwards that of the step that
/// would come next, so that data in parts get the weights of the whole. Start it with ones.
///
/// # Shapes
/// `weights`: `[steps, envs]`, t = 0..T−1; `carry`: `[envs]`.
///
/// # Errors
/// When γ is outside [0, 1] or an array has the wrong length.
///
/// # Example
/// ```
/// use gradus_advantage::{Episodes, discount_weights};
///
/// let episodes = Episodes::new(1, &[0.0; 4], &[false, false, true, false], &[false; 4])?;
/// let (mut weights, mut carry) = ([0.0; 4], [1.0]);
/// discount_weights(&episodes, 0.5, &mut carry, &mut weights)?;
/// assert_eq!(weights, [1.0, 0.5, 0.25, 1.0]);
/// assert_eq!(carry, [0.5]);
/// # Ok::<(), gradus_advantage::AdvantageError>(())
/// ```
pub fn discount_weights<T: Float>(
    episodes: &Episodes<'_, T>,
    gamma: T,
    carry: &mut [T],
    weights: &mut [T],
) -> Result<(), AdvantageError> {
    check_discount("gamma", gamma)?;
    check_length("carry", carry.len(), episodes.n_envs)?;
    check_length("weights", weights.len(), episodes.len())?;
    for (t, row) in weights.chunks_exact_mut(episodes.n_envs).enumerate() {
        for (n, (weight, next)) in row.iter_mut().zip(carry.iter_mut()).enumerate() {
            let i = t * episodes.n_envs + n;
            *weight = *next;
            *next = if episodes.terminated[i] | episodes.truncated[i] { T::one() } else { gamma * *weight };
        }
    }
    Ok(())
}
