//! Stepping many environments together.

use serde::{Deserialize, Serialize};

use crate::{EnvError, Outcome, Space, State};

/// A finished episode.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// Which environment, counted over all of them.
    pub env: usize,
    /// The sum of its rewards, undiscounted.
    pub return_: f64,
    /// The number of its steps.
    pub length: u64,
}

/// Several environments of one task that step together: what a collector holds.
///
/// Rows are those of the environments in order. An environment whose episode ends is reset in the same
/// step: [`observations`](Self::observations) then has the first observation of its next episode, and
/// [`final_observations`](Self::final_observations) the true last one of the old. Every call works on
/// all environments, so that a `Box<dyn VectorEnv>` costs one virtual call a step.
pub trait VectorEnv: Send {
    /// The number of environments, N.
    fn n_envs(&self) -> usize;

    /// What the observations of each environment look like.
    fn observation_space(&self) -> &Space;

    /// What the actions of each environment look like.
    fn action_space(&self) -> &Space;

    /// The observation of each environment as an image, `[channels, height, width]`, if it is one; see
    /// [`Env::image_shape`](crate::Env::image_shape).
    fn image_shape(&self) -> Option<[usize; 3]> {
        None
    }

    /// Begins a new episode in every environment. Unfinished episodes are not recorded; finished ones stay
    /// until they are fetched.
    ///
    /// # Errors
    /// When an environment cannot start, or its observation is NaN or infinite.
    fn reset_all(&mut self) -> Result<(), EnvError>;

    /// Takes one action in every environment.
    ///
    /// # Shapes
    /// `actions` is `[N, action_space().width()]`.
    ///
    /// # Errors
    /// When an action is not allowed, a task fails, or an observation or a reward is NaN or infinite; the
    /// error names the environment and the step. Some environments have then taken their step and others
    /// not, so that all must be reset or restored before the next one.
    ///
    /// # Panics
    /// When `actions` has another length.
    fn step(&mut self, actions: &[f32]) -> Result<(), EnvError>;

    /// The present observations, `[N, observation_space().width()]`.
    fn observations(&self) -> &[f32];

    /// The rewards of the last step, `[N]`.
    fn rewards(&self) -> &[f64];

    /// How the last step left each episode, `[N]`.
    fn outcomes(&self) -> &[Outcome];

    /// The last observations of the episodes that the last step ended, shaped like the observations; only
    /// the rows whose outcome is over mean anything.
    fn final_observations(&self) -> &[f32];

    /// Which choices are allowed in the present states, `[N, action_space().mask_width()]`; empty when
    /// the task has no masks.
    fn masks(&self) -> &[bool];

    /// The episodes that ended since the last call, in the order of time and then of the environments.
    /// They gather until they are fetched.
    fn drain_episodes(&mut self) -> std::vec::Drain<'_, Episode>;

    /// The whole state of each environment: task, random stream, observation and running statistics. What
    /// the last step returned is not part of it.
    ///
    /// One state an environment, so that they can be shared out otherwise when they are restored.
    fn save(&self) -> Vec<State>;

    /// Continues exactly from the states that [`save`](Self::save) gave. Rewards and outcomes are then as
    /// after [`reset_all`](Self::reset_all), and finished episodes that were not fetched are forgotten.
    ///
    /// # Errors
    /// When there are not N states, or one does not fit; all must then be reset or restored.
    fn restore(&mut self, states: &[State]) -> Result<(), EnvError>;
}
