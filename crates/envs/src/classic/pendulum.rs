//! Swinging a pendulum up and holding it.

use std::f64::consts::{PI, TAU};

use gradus_core_math::Stream;

use super::trigonometry::sin_cos;
use super::{finite_state, uniform};
use crate::{Env, EnvError, Space, State, Step, TimeLimit};

const NAME: &str = "Pendulum";
const MAX_SPEED: f64 = 8.0;
const MAX_TORQUE: f32 = 2.0;
const TIME_STEP: f64 = 0.05;
const GRAVITY: f64 = 10.0;

/// A pendulum (mass and length 1) with a weak motor: hold it upright, where θ = 0.
///
/// The torque u is in [−2, 2]; a step costs θ² + 0.1 θ̇² + 0.001 u², with θ in [−π, π) of the state
/// before the step. It never terminates. The observation is (cos θ, sin θ, θ̇); θ starts uniformly in
/// ±π, θ̇ in ±1.
///
/// θ̇ ← θ̇ + (3g/2 sin θ + 3u)·0.05, kept within ±8, then θ ← θ + 0.05 θ̇.
///
/// Equations as in Gymnasium 1.4.0's Pendulum, where the terms in u alone have single precision.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Pendulum {
    state: [f64; 2],
}

impl Pendulum {
    /// Pendulum-v1: exactly 200 steps.
    pub fn v1() -> TimeLimit<Self> {
        TimeLimit::new(Self::default(), 200)
    }

    /// The task in the state (θ, θ̇).
    pub fn from_state(state: [f64; 2]) -> Self {
        Self { state }
    }

    /// The state (θ, θ̇); the angle counts full turns.
    pub fn state(&self) -> [f64; 2] {
        self.state
    }

    /// Writes the observation of the present state.
    #[inline]
    pub fn observe(&self, observation: &mut [f32]) {
        let [theta, theta_dot] = self.state;
        let (sin, cos) = sin_cos(theta);
        observation.copy_from_slice(&[cos as f32, sin as f32, theta_dot as f32]);
    }
}

impl Env for Pendulum {
    fn observation_space(&self) -> Space {
        let high = vec![1.0, 1.0, MAX_SPEED as f32];
        Space::Box { low: high.iter().map(|bound| -bound).collect(), high }
    }

    fn action_space(&self) -> Space {
        Space::cube(1, -MAX_TORQUE, MAX_TORQUE)
    }

    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        self.state = [uniform(rng, -PI, PI), uniform(rng, -1.0, 1.0)];
        self.observe(observation);
        Ok(())
    }

    fn step(&mut self, action: &[f32], _rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        let torque = action[0];
        if !(-MAX_TORQUE..=MAX_TORQUE).contains(&torque) {
            return Err(EnvError::invalid_action(action, &self.action_space()));
        }
        let [theta, theta_dot] = self.state;
        let angle = (theta + PI).rem_euclid(TAU) - PI;
        let cost = angle * angle + 0.1 * theta_dot * theta_dot + f64::from(0.001 * (torque * torque));
        let acceleration = 1.5 * GRAVITY * sin_cos(theta).0 + f64::from(3.0 * torque);
        let theta_dot = (theta_dot + acceleration * TIME_STEP).clamp(-MAX_SPEED, MAX_SPEED);
        self.state = [theta + theta_dot * TIME_STEP, theta_dot];
        self.observe(observation);
        Ok(Step::running(-cost))
    }

    fn save(&self) -> State {
        State::of(NAME, &self.state)
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        self.state = finite_state(state, NAME)?;
        Ok(())
    }
}
