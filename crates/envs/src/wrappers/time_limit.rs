//! Episodes of limited length.

use gradus_core_math::Stream;

use crate::{Env, EnvError, Outcome, Space, State, Step};

/// Cuts an episode off after a number of steps.
///
/// A step that terminates the episode stays `Terminated`, also if it is the last one allowed.
#[derive(Clone, Debug)]
pub struct TimeLimit<E> {
    env: E,
    limit: u64,
    elapsed: u64,
}

impl<E: Env> TimeLimit<E> {
    /// Limits the episodes of `env` to `limit` steps.
    ///
    /// # Panics
    /// When `limit` is 0.
    pub fn new(env: E, limit: u64) -> Self {
        assert!(limit > 0, "an episode has at least one step");
        Self { env, limit, elapsed: 0 }
    }

    /// The environment inside.
    pub fn env(&self) -> &E {
        &self.env
    }

    /// The environment inside, to change its state.
    pub fn env_mut(&mut self) -> &mut E {
        &mut self.env
    }

    /// The steps that the episode has taken.
    pub fn elapsed(&self) -> u64 {
        self.elapsed
    }

    /// The steps after which it is cut off.
    pub fn limit(&self) -> u64 {
        self.limit
    }
}

impl<E: Env> Env for TimeLimit<E> {
    fn observation_space(&self) -> Space {
        self.env.observation_space()
    }

    fn action_space(&self) -> Space {
        self.env.action_space()
    }

    fn image_shape(&self) -> Option<[usize; 3]> {
        self.env.image_shape()
    }

    #[inline]
    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        self.elapsed = 0;
        self.env.reset(rng, observation)
    }

    #[inline]
    fn step(&mut self, action: &[f32], rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        let mut step = self.env.step(action, rng, observation)?;
        self.elapsed += 1;
        if step.outcome == Outcome::Running && self.elapsed >= self.limit {
            step.outcome = Outcome::Truncated;
        }
        Ok(step)
    }

    fn has_action_mask(&self) -> bool {
        self.env.has_action_mask()
    }

    fn action_mask(&self, mask: &mut [bool]) {
        self.env.action_mask(mask);
    }

    fn save(&self) -> State {
        State::of("TimeLimit", &(self.elapsed, self.env.save()))
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        let (elapsed, inner): (u64, State) = state.get("TimeLimit")?;
        self.env.restore(&inner)?;
        self.elapsed = elapsed;
        Ok(())
    }
}
