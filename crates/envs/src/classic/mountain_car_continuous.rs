//! A car too weak for its hill, with a throttle.

use gradus_core_math::Stream;

use super::trigonometry::sin_cos;
use super::{finite_state, uniform};
use crate::{Env, EnvError, Space, State, Step, TimeLimit};

const NAME: &str = "MountainCarContinuous";
const MIN_POSITION: f32 = -1.2;
const MAX_POSITION: f32 = 0.6;
const MAX_SPEED: f32 = 0.07;
const GOAL: f32 = 0.45;
const POWER: f32 = 0.0015;
const GRAVITY: f64 = 0.0025;

/// A car in a valley that must swing up to reach the flag, pushed with a force in [−1, 1].
///
/// A step costs 0.1 a²; reaching position 0.45 gives 100 and terminates. The observation is
/// (position, velocity); the position starts uniformly in [−0.6, −0.4], at rest.
///
/// v ← v + 0.0015 a − 0.0025 cos 3x, then x ← x + v, both kept within their bounds; the left wall stops
/// the car.
///
/// Equations as in Gymnasium 1.4.0's MountainCarContinuous, which computes in single precision where
/// numpy's promotion makes it so. Departure: there the start position has double precision up to the
/// first step, here single from the start.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct MountainCarContinuous {
    state: [f32; 2],
}

impl MountainCarContinuous {
    /// MountainCarContinuous-v0: at most 999 steps.
    pub fn v0() -> TimeLimit<Self> {
        TimeLimit::new(Self::default(), 999)
    }

    /// The task in the state (position, velocity).
    pub fn from_state(state: [f32; 2]) -> Self {
        Self { state }
    }

    /// The state (position, velocity).
    pub fn state(&self) -> [f32; 2] {
        self.state
    }

    /// Writes the observation of the present state.
    #[inline]
    pub fn observe(&self, observation: &mut [f32]) {
        observation.copy_from_slice(&self.state);
    }
}

impl Env for MountainCarContinuous {
    fn observation_space(&self) -> Space {
        Space::Box { low: vec![MIN_POSITION, -MAX_SPEED], high: vec![MAX_POSITION, MAX_SPEED] }
    }

    fn action_space(&self) -> Space {
        Space::cube(1, -1.0, 1.0)
    }

    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        self.state = [uniform(rng, -0.6, -0.4) as f32, 0.0];
        self.observe(observation);
        Ok(())
    }

    fn step(&mut self, action: &[f32], _rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        let force = action[0];
        if !(-1.0..=1.0).contains(&force) {
            return Err(EnvError::invalid_action(action, &self.action_space()));
        }
        let [position, velocity] = self.state;
        let slope = GRAVITY * sin_cos(f64::from(3.0 * position)).1;
        let velocity = (velocity + (force * POWER - slope as f32)).clamp(-MAX_SPEED, MAX_SPEED);
        let position = (position + velocity).clamp(MIN_POSITION, MAX_POSITION);
        let at_wall = position <= MIN_POSITION && velocity < 0.0;
        self.state = [position, if at_wall { 0.0 } else { velocity }];
        self.observe(observation);
        let cost = 0.1 * f64::from(force) * f64::from(force);
        let arrived = position >= GOAL && velocity >= 0.0;
        Ok(if arrived { Step::terminated(100.0 - cost) } else { Step::running(-cost) })
    }

    fn save(&self) -> State {
        State::of(NAME, &self.state.map(f64::from))
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        self.state = finite_state(state, NAME)?.map(|x| x as f32);
        Ok(())
    }
}
