//! The checked input of every function.

use crate::AdvantageError;
use crate::error::check_length;

/// The rewards of N environments over T steps, and where episodes end: all that returns need.
///
/// [`with_values`](Self::with_values) adds a critic's values, which advantages need.
#[derive(Clone, Copy, Debug)]
pub struct Episodes<'a, T> {
    pub(crate) n_envs: usize,
    pub(crate) rewards: &'a [T],
    pub(crate) terminated: &'a [bool],
    pub(crate) truncated: &'a [bool],
}

impl<'a, T> Episodes<'a, T> {
    /// Joins the arrays, after a check that they fit together.
    ///
    /// # Shapes
    /// `rewards`, `terminated`, `truncated`: `[steps, envs]`, t = 0..T−1. No step at all (T = 0) is allowed.
    ///
    /// # Errors
    /// When `n_envs` is 0, when `rewards` is not whole steps of `n_envs` environments, or when another array
    /// differs from it in length.
    pub fn new(
        n_envs: usize,
        rewards: &'a [T],
        terminated: &'a [bool],
        truncated: &'a [bool],
    ) -> Result<Self, AdvantageError> {
        if n_envs == 0 {
            return Err(AdvantageError::NoEnvironments);
        }
        if !rewards.len().is_multiple_of(n_envs) {
            return Err(AdvantageError::Ragged { length: rewards.len(), n_envs });
        }
        check_length("terminated", terminated.len(), rewards.len())?;
        check_length("truncated", truncated.len(), rewards.len())?;
        Ok(Self { n_envs, rewards, terminated, truncated })
    }

    /// Adds the critic's values: `values[t]` of the state in which the action was taken, `next_values[t]` of
    /// the state that the step led to, before any reset.
    ///
    /// # Shapes
    /// `values`, `next_values`: `[steps, envs]`, t = 0..T−1.
    ///
    /// # Errors
    /// When an array differs in length from the rewards.
    pub fn with_values(
        self,
        values: &'a [T],
        next_values: &'a [T],
    ) -> Result<Trajectories<'a, T>, AdvantageError> {
        check_length("values", values.len(), self.rewards.len())?;
        check_length("next_values", next_values.len(), self.rewards.len())?;
        Ok(Trajectories { episodes: self, values, next_values })
    }

    /// The number of environments, N.
    pub fn n_envs(&self) -> usize {
        self.n_envs
    }

    /// The number of steps, T.
    pub fn n_steps(&self) -> usize {
        self.rewards.len() / self.n_envs
    }

    /// The length of every array, T·N.
    pub(crate) fn len(&self) -> usize {
        self.rewards.len()
    }
}

/// [`Episodes`] with a critic's values beside them: the input of advantages.
///
/// Within an episode `next_values[t]` is meant to equal `values[t + 1]`; then generalised advantages are
/// mixtures of the n-step ones. Nothing breaks where it does not (a critic in lower precision, say): each
/// function states which of the two it reads.
#[derive(Clone, Copy, Debug)]
pub struct Trajectories<'a, T> {
    pub(crate) episodes: Episodes<'a, T>,
    pub(crate) values: &'a [T],
    pub(crate) next_values: &'a [T],
}

impl<'a, T> Trajectories<'a, T> {
    /// The rewards and ends of episodes alone.
    pub fn episodes(&self) -> &Episodes<'a, T> {
        &self.episodes
    }
}
