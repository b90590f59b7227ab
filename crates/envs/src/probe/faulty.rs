//! A task that breaks on purpose.

use gradus_core_math::Stream;

use crate::{Env, EnvError, Space, State, Step, choice};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// This element of the observation becomes this value.
    Observation(usize, f32),
    /// The reward becomes this value.
    Reward(f64),
    /// The task reports a failure.
    Failure,
    /// The action mask forbids everything.
    NoActionAllowed,
}

/// A task of zeros, three a row, without end, which a [`Fault`] strikes at one step of every episode (0
/// is the reset, which gives no reward).
#[derive(Clone, Debug)]
pub struct Faulty {
    fault: Fault,
    at_step: u64,
    taken: u64,
}

impl Faulty {
    /// `fault` strikes at step `at_step`.
    pub fn new(fault: Fault, at_step: u64) -> Self {
        Self { fault, at_step, taken: 0 }
    }

    fn strikes(&self) -> bool {
        self.taken == self.at_step
    }

    fn observe(&self, observation: &mut [f32]) -> Result<(), EnvError> {
        observation.fill(0.0);
        match self.fault {
            Fault::Observation(index, value) if self.strikes() => observation[index] = value,
            Fault::Failure if self.strikes() => return Err(EnvError::task("the task broke on purpose")),
            _ => {}
        }
        Ok(())
    }
}

impl Env for Faulty {
    fn observation_space(&self) -> Space {
        Space::cube(3, -1.0, 1.0)
    }

    fn action_space(&self) -> Space {
        Space::Discrete { n: 2 }
    }

    fn reset(&mut self, _rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        self.taken = 0;
        self.observe(observation)
    }

    fn step(&mut self, action: &[f32], _rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        choice(action, 2)?;
        self.taken += 1;
        self.observe(observation)?;
        match self.fault {
            Fault::Reward(value) if self.strikes() => Ok(Step::running(value)),
            _ => Ok(Step::running(0.0)),
        }
    }

    fn has_action_mask(&self) -> bool {
        self.fault == Fault::NoActionAllowed
    }

    fn action_mask(&self, mask: &mut [bool]) {
        mask.fill(!(self.has_action_mask() && self.strikes()));
    }

    fn save(&self) -> State {
        State::of("Faulty", &self.taken)
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        self.taken = state.get("Faulty")?;
        Ok(())
    }
}
