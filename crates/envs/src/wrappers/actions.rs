//! Actions that do not fit the task yet.

use gradus_core_math::Stream;

use crate::{Env, EnvError, Space, State, Step};

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

    fn image_shape(&self) -> Option<[usize; 3]> {
        self.env.image_shape()
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

    fn image_shape(&self) -> Option<[usize; 3]> {
        self.env.image_shape()
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
