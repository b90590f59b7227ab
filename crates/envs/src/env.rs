//! The trait that a task implements, and what a step returns.

use gradus_core_math::Stream;

use crate::{EnvError, Space};

/// How a step left the episode.
///
/// The two ways to end are different variants because a learner treats them differently: after
/// `Terminated` there is no future reward; after `Truncated` (a time limit, say) there would have been,
/// and the value of the final observation stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Outcome {
    /// The episode goes on.
    #[default]
    Running,
    /// The task itself ended the episode: the value of what follows is zero.
    Terminated,
    /// The episode was cut off from outside: the value of what would have followed counts.
    Truncated,
}

impl Outcome {
    /// Whether the episode is over, either way.
    #[inline]
    pub fn is_over(self) -> bool {
        self != Outcome::Running
    }
}

/// What one step gave, beside the observation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The reward for the action, r(s_t, a_t, s_{t+1}).
    pub reward: f64,
    /// Whether the episode goes on.
    pub outcome: Outcome,
}

impl Step {
    /// A step after which the episode goes on.
    #[inline]
    pub fn running(reward: f64) -> Self {
        Self { reward, outcome: Outcome::Running }
    }

    /// A step by which the task ended.
    #[inline]
    pub fn terminated(reward: f64) -> Self {
        Self { reward, outcome: Outcome::Terminated }
    }

    /// A step after which the episode was cut off.
    #[inline]
    pub fn truncated(reward: f64) -> Self {
        Self { reward, outcome: Outcome::Truncated }
    }
}

/// A task: the one trait to implement for a game, a robot or a simulation.
///
/// Observations and actions are flat rows of `f32`: an action of a [`Space::Discrete`] is its index, of a
/// [`Space::Box`] its coordinates. The random stream that `reset` and `step` draw from belongs to this
/// environment alone and is handed in, so that seeding, checkpoints and the number of threads are no
/// concern of the task.
///
/// After a step whose [`Outcome`] is over, the caller resets before it steps again; what another step would
/// do is up to the task. `observation` then holds the true final observation of the episode.
///
/// [`check_env`](crate::check_env) tells whether an implementation keeps to all of this.
///
/// ```
/// use gradus_core_math::Stream;
/// use gradus_envs::{Env, EnvError, Space, State, Step, TimeLimit, VecEnv, choice};
///
/// /// Walk from 0 to 5: action 1 goes right, action 0 left, and every step costs 1.
/// #[derive(Default)]
/// struct Corridor {
///     place: i32,
/// }
///
/// impl Env for Corridor {
///     fn observation_space(&self) -> Space {
///         Space::cube(1, f32::NEG_INFINITY, 5.0)
///     }
///     fn action_space(&self) -> Space {
///         Space::Discrete { n: 2 }
///     }
///     fn reset(&mut self, _rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
///         self.place = 0;
///         observation[0] = 0.0;
///         Ok(())
///     }
///     fn step(&mut self, action: &[f32], _rng: &mut Stream, row: &mut [f32]) -> Result<Step, EnvError> {
///         self.place += if choice(action, 2)? == 1 { 1 } else { -1 };
///         row[0] = self.place as f32;
///         Ok(if self.place == 5 { Step::terminated(-1.0) } else { Step::running(-1.0) })
///     }
///     fn save(&self) -> State {
///         State::of("Corridor", &self.place)
///     }
///     fn restore(&mut self, state: &State) -> Result<(), EnvError> {
///         self.place = state.get("Corridor")?;
///         Ok(())
///     }
/// }
///
/// let eight = (0..8).map(|_| TimeLimit::new(Corridor::default(), 100)).collect();
/// let envs = VecEnv::new(eight, 7, 0)?;
/// # Ok::<(), EnvError>(())
/// ```
pub trait Env: Send {
    /// What observations look like.
    fn observation_space(&self) -> Space;

    /// What actions look like.
    fn action_space(&self) -> Space;

    /// The observation as an image, `[channels, height, width]`: its row is the channels one after the other,
    /// each row by row. `None` for observations that are no image.
    fn image_shape(&self) -> Option<[usize; 3]> {
        None
    }

    /// Begins an episode and writes its first observation (`observation_space().width()` values), from
    /// whatever state the environment is in. What the buffer held before means nothing, here and in `step`:
    /// every value is written.
    ///
    /// # Errors
    /// When the task cannot start, with a message that says why.
    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError>;

    /// Takes `action` (`action_space().width()` values) and writes the observation that it led to.
    ///
    /// # Errors
    /// When the action is not in the action space, or the task fails.
    fn step(&mut self, action: &[f32], rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError>;

    /// Whether some actions can be forbidden; [`action_mask`](Env::action_mask) then says which.
    fn has_action_mask(&self) -> bool {
        false
    }

    /// Writes which choices are allowed in the present state: `action_space().mask_width()` flags, for a
    /// discrete space one a choice, all `true` unless a task says otherwise.
    fn action_mask(&self, mask: &mut [bool]) {
        mask.fill(true);
    }

    /// The whole state, so that [`restore`](Env::restore) continues from here exactly.
    ///
    /// [`State::of`](crate::State::of) makes one from a name and anything that serialises.
    fn save(&self) -> crate::State;

    /// Continues from a state that [`save`](Env::save) gave.
    ///
    /// # Errors
    /// When the state is not one of this task's.
    fn restore(&mut self, state: &crate::State) -> Result<(), EnvError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every step returns one of these; it should fit into two registers.
    #[test]
    fn a_step_is_small() {
        assert_eq!(size_of::<Result<Step, EnvError>>(), 16);
    }
}
