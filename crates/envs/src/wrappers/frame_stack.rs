//! Observations that remember.

use gradus_core_math::Stream;

use crate::{Env, EnvError, Space, State, Step};

const NAME: &str = "FrameStack";

/// Shows the last k observations in one row, the oldest first: for tasks where one observation does not
/// tell the state, a velocity say. At a reset, the first observation fills all k places.
///
/// The observation space is the inner one k times over; k rows of [`Space::Discrete`] are a row of
/// [`Space::MultiDiscrete`].
#[derive(Clone, Debug)]
pub struct FrameStack<E> {
    env: E,
    /// The width of one observation.
    width: usize,
    /// The last k observations, the oldest first.
    frames: Vec<f32>,
}

impl<E: Env> FrameStack<E> {
    /// Stacks the last `k` observations of `env`.
    ///
    /// # Panics
    /// When `k` is 0.
    pub fn new(env: E, k: usize) -> Self {
        assert!(k > 0, "a stack has at least one observation");
        let width = env.observation_space().width();
        Self { env, width, frames: vec![0.0; k * width] }
    }

    /// The environment inside.
    pub fn env(&self) -> &E {
        &self.env
    }

    /// The number of observations in a row, k.
    pub fn depth(&self) -> usize {
        self.frames.len() / self.width
    }
}

impl<E: Env> Env for FrameStack<E> {
    fn observation_space(&self) -> Space {
        let k = self.depth();
        match self.env.observation_space() {
            Space::Discrete { n } => Space::MultiDiscrete { sizes: vec![n; k] },
            Space::MultiDiscrete { sizes } => Space::MultiDiscrete { sizes: sizes.repeat(k) },
            Space::MultiBinary { n } => Space::MultiBinary { n: n * k },
            Space::Box { low, high } => Space::Box { low: low.repeat(k), high: high.repeat(k) },
        }
    }

    fn action_space(&self) -> Space {
        self.env.action_space()
    }

    fn image_shape(&self) -> Option<[usize; 3]> {
        self.env.image_shape().map(|[channels, height, width]| [self.depth() * channels, height, width])
    }

    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        let (first, rest) = self.frames.split_at_mut(self.width);
        self.env.reset(rng, first)?;
        rest.chunks_exact_mut(self.width).for_each(|frame| frame.copy_from_slice(first));
        observation.copy_from_slice(&self.frames);
        Ok(())
    }

    fn step(&mut self, action: &[f32], rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        self.frames.copy_within(self.width.., 0);
        let newest = self.frames.len() - self.width;
        let step = self.env.step(action, rng, &mut self.frames[newest..])?;
        observation.copy_from_slice(&self.frames);
        Ok(step)
    }

    fn has_action_mask(&self) -> bool {
        self.env.has_action_mask()
    }

    fn action_mask(&self, mask: &mut [bool]) {
        self.env.action_mask(mask);
    }

    fn save(&self) -> State {
        State::of(NAME, &(&self.frames, self.env.save()))
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        let (frames, inner): (Vec<f32>, State) = state.get(NAME)?;
        if frames.len() != self.frames.len() {
            let (found, expected) = (frames.len(), self.frames.len());
            return Err(EnvError::bad_state(format!("its stack has {found} values, not {expected}")));
        }
        self.env.restore(&inner)?;
        self.frames = frames;
        Ok(())
    }
}
