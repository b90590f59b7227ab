//! Environments around environments. Masks pass through all of them.

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

/// Moves actions into the bounds of the environment's [`Space::Box`] before it sees them; the wrapped
/// environment takes every finite or infinite number, and NaN stays an error.
#[derive(Clone, Debug)]
pub struct ClipAction<E> {
    env: E,
    space: Space,
    action: Vec<f32>,
}

impl<E: Env> ClipAction<E> {
    /// Clips the actions for `env`.
    ///
    /// # Errors
    /// When its action space is not a [`Space::Box`].
    pub fn new(env: E) -> Result<Self, EnvError> {
        let space = env.action_space();
        let Space::Box { low, .. } = &space else {
            return Err(EnvError::setup(format!("only actions of a box can be clipped, not of {space}")));
        };
        Ok(Self { action: vec![0.0; low.len()], env, space })
    }

    /// The environment inside.
    pub fn env(&self) -> &E {
        &self.env
    }
}

impl<E: Env> Env for ClipAction<E> {
    fn observation_space(&self) -> Space {
        self.env.observation_space()
    }

    fn action_space(&self) -> Space {
        Space::cube(self.action.len(), f32::NEG_INFINITY, f32::INFINITY)
    }

    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        self.env.reset(rng, observation)
    }

    fn step(&mut self, action: &[f32], rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        self.action.copy_from_slice(action);
        self.space.clip(&mut self.action);
        self.env.step(&self.action, rng, observation)
    }

    fn has_action_mask(&self) -> bool {
        self.env.has_action_mask()
    }

    fn action_mask(&self, mask: &mut [bool]) {
        self.env.action_mask(mask);
    }

    fn save(&self) -> State {
        State::of("ClipAction", &self.env.save())
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        self.env.restore(&state.get("ClipAction")?)
    }
}

/// Takes actions in [−1, 1] and stretches them to the bounds of the environment's [`Space::Box`]:
/// low + (a + 1)/2 · (high − low) for each coordinate.
#[derive(Clone, Debug)]
pub struct RescaleAction<E> {
    env: E,
    low: Vec<f32>,
    high: Vec<f32>,
    action: Vec<f32>,
}

impl<E: Env> RescaleAction<E> {
    /// Rescales the actions for `env`.
    ///
    /// # Errors
    /// When its action space is not a [`Space::Box`] with finite bounds.
    pub fn new(env: E) -> Result<Self, EnvError> {
        match env.action_space() {
            Space::Box { low, high } if low.iter().chain(&high).all(|bound| bound.is_finite()) => {
                Ok(Self { action: vec![0.0; low.len()], env, low, high })
            }
            space => Err(EnvError::setup(format!(
                "only actions of a box with finite bounds can be rescaled, not of {space}"
            ))),
        }
    }

    /// The environment inside.
    pub fn env(&self) -> &E {
        &self.env
    }
}

impl<E: Env> Env for RescaleAction<E> {
    fn observation_space(&self) -> Space {
        self.env.observation_space()
    }

    fn action_space(&self) -> Space {
        Space::cube(self.action.len(), -1.0, 1.0)
    }

    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        self.env.reset(rng, observation)
    }

    fn step(&mut self, action: &[f32], rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        assert_eq!(action.len(), self.action.len(), "an action of {} coordinates", self.action.len());
        for (i, &a) in action.iter().enumerate() {
            if !(-1.0..=1.0).contains(&a) {
                return Err(EnvError::invalid_action(action, &self.action_space()));
            }
            let (low, high) = (f64::from(self.low[i]), f64::from(self.high[i]));
            let stretched = low + (f64::from(a) + 1.0) * 0.5 * (high - low);
            self.action[i] = (stretched as f32).clamp(self.low[i], self.high[i]);
        }
        self.env.step(&self.action, rng, observation)
    }

    fn has_action_mask(&self) -> bool {
        self.env.has_action_mask()
    }

    fn action_mask(&self, mask: &mut [bool]) {
        self.env.action_mask(mask);
    }

    fn save(&self) -> State {
        State::of("RescaleAction", &self.env.save())
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        self.env.restore(&state.get("RescaleAction")?)
    }
}

/// A boxed environment is one too, so that environments found by name can be wrapped.
impl<E: Env + ?Sized> Env for Box<E> {
    fn observation_space(&self) -> Space {
        (**self).observation_space()
    }

    fn action_space(&self) -> Space {
        (**self).action_space()
    }

    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        (**self).reset(rng, observation)
    }

    fn step(&mut self, action: &[f32], rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        (**self).step(action, rng, observation)
    }

    fn has_action_mask(&self) -> bool {
        (**self).has_action_mask()
    }

    fn action_mask(&self, mask: &mut [bool]) {
        (**self).action_mask(mask);
    }

    fn save(&self) -> State {
        (**self).save()
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        (**self).restore(state)
    }
}
