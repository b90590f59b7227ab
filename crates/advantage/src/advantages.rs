//! Estimates of the advantage A = Q − V, from one step to all.

use num_traits::Float;

use crate::error::{check_discount, check_length};
use crate::returns::discounted_returns;
use crate::rows::{discounted_next_value, sum_backward, window_returns};
use crate::{AdvantageError, Trajectories};

/// The residual of temporal-difference learning, which is the one-step advantage A¹.
///
/// δ_t = r_t + γ V(s_{t+1}) − V(s_t), with V(s_{t+1}) read from `next_values`, and 0 if step t terminated.
///
/// Source: Schulman et al. 2016 (GAE), equations 10 and 11; Sutton & Barto, 2nd edition, equation 6.5.
///
/// # Shapes
/// `residuals`: `[steps, envs]`, t = 0..T−1.
///
/// # Errors
/// When γ is outside [0, 1] or `residuals` has another length than the rewards.
///
/// # Example
/// ```
/// use gradus_advantage::{Episodes, td_residuals};
///
/// let episodes = Episodes::new(1, &[1.0, 1.0], &[false, true], &[false; 2])?;
/// let trajectories = episodes.with_values(&[2.0, 3.0], &[3.0, f64::NAN])?;
/// let mut residuals = [0.0; 2];
/// td_residuals(&trajectories, 0.5, &mut residuals)?;
/// assert_eq!(residuals, [0.5, -2.0]);
/// # Ok::<(), gradus_advantage::AdvantageError>(())
/// ```
pub fn td_residuals<T: Float>(
    trajectories: &Trajectories<'_, T>,
    gamma: T,
    residuals: &mut [T],
) -> Result<(), AdvantageError> {
    let Trajectories { episodes, values, next_values } = trajectories;
    check_discount("gamma", gamma)?;
    check_length("residuals", residuals.len(), episodes.len())?;
    let states = values.iter().zip(*next_values);
    let steps = episodes.rewards.iter().zip(episodes.terminated);
    for ((residual, (&value, &next_value)), (&reward, &terminated)) in
        residuals.iter_mut().zip(states).zip(steps)
    {
        *residual = reward + discounted_next_value(terminated, gamma, next_value) - value;
    }
    Ok(())
}

/// The n-step advantage Aⁿ.
///
/// Aⁿ_t = Σ_{b=0}^{m−1} γ^b r_{t+b} + γ^m V(s_{t+m}) − V(s_t), where m is n or the number of steps up to the
/// end of the episode or of the data, whichever is less; V(s_{t+m}), read from `next_values` at step t+m−1, is 0
/// if that step terminated.
///
/// Source: Schulman et al. 2016 (GAE), equations 11 to 15, there with data that never end; Mnih et al. 2016
/// (A3C), section 4. n = 1 gives [`td_residuals`], n ≥ T gives [`monte_carlo_advantages`].
///
/// Takes min(n, T−t) operations for step t, in one row of environments at a time; one pass if n ≥ T.
///
/// # Shapes
/// `advantages`: `[steps, envs]`, t = 0..T−1.
///
/// # Errors
/// When n is 0, when γ is outside [0, 1], or when `advantages` has another length than the rewards.
///
/// # Example
/// ```
/// use gradus_advantage::{Episodes, n_step_advantages};
///
/// let episodes = Episodes::new(1, &[1.0, 1.0, 1.0], &[false; 3], &[false; 3])?;
/// let trajectories = episodes.with_values(&[1.0, 2.0, 4.0], &[2.0, 4.0, 8.0])?;
/// let mut advantages = [0.0; 3];
/// n_step_advantages(&trajectories, 0.5, 2, &mut advantages)?;
/// assert_eq!(advantages, [1.5, 1.5, 1.0]);
/// # Ok::<(), gradus_advantage::AdvantageError>(())
/// ```
pub fn n_step_advantages<T: Float>(
    trajectories: &Trajectories<'_, T>,
    gamma: T,
    n: usize,
    advantages: &mut [T],
) -> Result<(), AdvantageError> {
    let episodes = &trajectories.episodes;
    if n == 0 {
        return Err(AdvantageError::NoSteps);
    }
    if n >= episodes.n_steps() {
        return monte_carlo_advantages(trajectories, gamma, advantages);
    }
    check_discount("gamma", gamma)?;
    check_length("advantages", advantages.len(), episodes.len())?;
    let last_step = episodes.n_steps() - 1;
    for (t, row) in advantages.chunks_exact_mut(episodes.n_envs).enumerate() {
        window_returns(trajectories, gamma, (t, last_step.min(t + n - 1)), row);
    }
    subtract_values(trajectories, advantages);
    Ok(())
}

/// The Monte Carlo advantage: the bootstrapped return to the end of the episode or of the data, minus the value.
///
/// A_t = G_t − V(s_t), with G_t as in [`discounted_returns`].
///
/// Source: Schulman et al. 2016 (GAE), equation 18: [`gae`] with λ = 1.
///
/// # Shapes
/// `advantages`: `[steps, envs]`, t = 0..T−1.
///
/// # Errors
/// When γ is outside [0, 1] or `advantages` has another length than the rewards.
///
/// # Example
/// ```
/// use gradus_advantage::{Episodes, monte_carlo_advantages};
///
/// let episodes = Episodes::new(1, &[1.0, 2.0], &[false, true], &[false; 2])?;
/// let trajectories = episodes.with_values(&[1.5, 1.0], &[1.0, 0.0])?;
/// let mut advantages = [0.0; 2];
/// monte_carlo_advantages(&trajectories, 0.5, &mut advantages)?;
/// assert_eq!(advantages, [0.5, 1.0]);
/// # Ok::<(), gradus_advantage::AdvantageError>(())
/// ```
pub fn monte_carlo_advantages<T: Float>(
    trajectories: &Trajectories<'_, T>,
    gamma: T,
    advantages: &mut [T],
) -> Result<(), AdvantageError> {
    check_length("advantages", advantages.len(), trajectories.episodes.len())?;
    discounted_returns(trajectories, gamma, advantages)?;
    subtract_values(trajectories, advantages);
    Ok(())
}

/// Generalised advantage estimation, GAE(γ, λ).
///
/// A_t = Σ_{b≥0} (γλ)^b δ_{t+b}, summed to the end of the episode or of the data, with δ as in
/// [`td_residuals`]. Computed backwards: A_t = δ_t + γλ A_{t+1}.
///
/// Equally, where `next_values[t]` is `values[t + 1]` within an episode, the mixture
/// (1−λ) (A¹ + λ A² + λ² A³ + …) of the n-step advantages, with the whole left-over weight λ^{m−1} on the last one
/// that the episode or the data have. λ = 0 gives [`td_residuals`], λ = 1 gives [`monte_carlo_advantages`].
///
/// Source: Schulman et al. 2016 (GAE), equation 16; Schulman et al. 2017 (PPO), equation 11, for data that end.
/// Its last term is (γλ)^{T−1−t} δ_{T−1}: the exponent T−t+1 that the PPO paper prints is off by two.
///
/// # Shapes
/// `advantages`: `[steps, envs]`, t = 0..T−1.
///
/// # Errors
/// When γ or λ is outside [0, 1] or `advantages` has another length than the rewards.
///
/// # Example
/// ```
/// use gradus_advantage::{Episodes, gae};
///
/// let episodes = Episodes::new(1, &[1.0, 1.0], &[false, true], &[false; 2])?;
/// let trajectories = episodes.with_values(&[2.0, 3.0], &[3.0, 0.0])?;
/// let mut advantages = [0.0; 2];
/// gae(&trajectories, 0.5, 0.5, &mut advantages)?;
/// assert_eq!(advantages, [0.5 + 0.25 * -2.0, -2.0]);
/// # Ok::<(), gradus_advantage::AdvantageError>(())
/// ```
pub fn gae<T: Float>(
    trajectories: &Trajectories<'_, T>,
    gamma: T,
    gae_lambda: T,
    advantages: &mut [T],
) -> Result<(), AdvantageError> {
    check_discount("gae_lambda", gae_lambda)?;
    check_length("advantages", advantages.len(), trajectories.episodes.len())?;
    td_residuals(trajectories, gamma, advantages)?;
    sum_backward(&trajectories.episodes, gamma * gae_lambda, advantages);
    Ok(())
}

/// What the critic is regressed on: the estimate of Q(s_t, a_t) that belongs to an advantage.
///
/// target_t = A_t + V(s_t): the TD target with A¹, the λ-return with [`gae`], the bootstrapped return with
/// [`monte_carlo_advantages`].
///
/// Source: Sutton & Barto, 2nd edition, equation 12.3 (the λ-return). Take the advantages before they are
/// normalised.
///
/// # Shapes
/// `advantages`, `targets`: `[steps, envs]`, t = 0..T−1.
///
/// # Errors
/// When an array has another length than the rewards.
///
/// # Example
/// ```
/// use gradus_advantage::{Episodes, value_targets};
///
/// let trajectories =
///     Episodes::new(1, &[1.0, 1.0], &[false; 2], &[false; 2])?.with_values(&[2.0, 3.0], &[3.0, 1.0])?;
/// let mut targets = [0.0; 2];
/// value_targets(&trajectories, &[0.5, -1.0], &mut targets)?;
/// assert_eq!(targets, [2.5, 2.0]);
/// # Ok::<(), gradus_advantage::AdvantageError>(())
/// ```
pub fn value_targets<T: Float>(
    trajectories: &Trajectories<'_, T>,
    advantages: &[T],
    targets: &mut [T],
) -> Result<(), AdvantageError> {
    check_length("advantages", advantages.len(), trajectories.episodes.len())?;
    check_length("targets", targets.len(), trajectories.episodes.len())?;
    for ((target, &advantage), &value) in targets.iter_mut().zip(advantages).zip(trajectories.values) {
        *target = advantage + value;
    }
    Ok(())
}

/// Turns returns into advantages.
fn subtract_values<T: Float>(trajectories: &Trajectories<'_, T>, returns: &mut [T]) {
    for (x, &value) in returns.iter_mut().zip(trajectories.values) {
        *x = *x - value;
    }
}
