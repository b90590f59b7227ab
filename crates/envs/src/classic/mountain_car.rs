//! A car too weak for its hill, with three choices.

use gradus_core_math::Stream;

use super::trigonometry::sin_cos;
use super::{finite_state, uniform};
use crate::{Env, EnvError, Space, State, Step, TimeLimit, choice};

const NAME: &str = "MountainCar";
const MIN_POSITION: f64 = -1.2;
const MAX_POSITION: f64 = 0.6;
const MAX_SPEED: f64 = 0.07;
const GOAL: f64 = 0.5;
const FORCE: f64 = 0.001;
const GRAVITY: f64 = 0.0025;

/// A car in a valley that must swing up to reach the flag: push left (0), not at all (1), right (2).
///
/// Every step costs 1 until the position is at least 0.5. The observation is (position, velocity); the
/// position starts uniformly in [−0.6, −0.4], at rest.
///
/// v ← v + 0.001 (a − 1) − 0.0025 cos 3x, then x ← x + v, both kept within their bounds; the left wall
/// stops the car.
///
/// Moore 1990; equations as in Gymnasium 1.4.0's MountainCar.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct MountainCar {
    state: [f64; 2],
}

impl MountainCar {
    /// MountainCar-v0: at most 200 steps.
    pub fn v0() -> TimeLimit<Self> {
        TimeLimit::new(Self::default(), 200)
    }

    /// The task in the state (position, velocity).
    pub fn from_state(state: [f64; 2]) -> Self {
        Self { state }
    }

    /// The state (position, velocity).
    pub fn state(&self) -> [f64; 2] {
        self.state
    }

    /// Writes the observation of the present state.
    #[inline]
    pub fn observe(&self, observation: &mut [f32]) {
        observation.copy_from_slice(&self.state.map(|x| x as f32));
    }
}

impl Env for MountainCar {
    fn observation_space(&self) -> Space {
        Space::Box {
            low: vec![MIN_POSITION as f32, -MAX_SPEED as f32],
            high: vec![MAX_POSITION as f32, MAX_SPEED as f32],
        }
    }

    fn action_space(&self) -> Space {
        Space::Discrete { n: 3 }
    }

    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        self.state = [uniform(rng, -0.6, -0.4), 0.0];
        self.observe(observation);
        Ok(())
    }

    fn step(&mut self, action: &[f32], _rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        let push = choice(action, 3)? as f64 - 1.0;
        let [position, velocity] = self.state;
        let velocity = velocity + push * FORCE - sin_cos(3.0 * position).1 * GRAVITY;
        let velocity = velocity.clamp(-MAX_SPEED, MAX_SPEED);
        let position = (position + velocity).clamp(MIN_POSITION, MAX_POSITION);
        let at_wall = position <= MIN_POSITION && velocity < 0.0;
        self.state = [position, if at_wall { 0.0 } else { velocity }];
        self.observe(observation);
        let arrived = position >= GOAL && velocity >= 0.0;
        Ok(if arrived { Step::terminated(-1.0) } else { Step::running(-1.0) })
    }

    fn save(&self) -> State {
        State::of(NAME, &self.state)
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        self.state = finite_state(state, NAME)?;
        Ok(())
    }
}
