//! Balancing a pole on a cart.

use std::f64::consts::PI;

use gradus_core_math::Stream;

use super::trigonometry::sin_cos;
use super::{finite_state, uniform};
use crate::{Env, EnvError, Space, State, Step, TimeLimit, choice};

const NAME: &str = "CartPole";
const GRAVITY: f64 = 9.8;
const MASS_POLE: f64 = 0.1;
const TOTAL_MASS: f64 = 1.1;
/// Half the pole's length.
const LENGTH: f64 = 0.5;
const POLE_MASS_LENGTH: f64 = MASS_POLE * LENGTH;
const FORCE: f64 = 10.0;
const TIME_STEP: f64 = 0.02;
const MAX_POSITION: f64 = 2.4;
const MAX_ANGLE: f64 = 12.0 * 2.0 * PI / 360.0;

/// A pole on a cart that is pushed to the left (action 0) or to the right (1): keep it upright.
///
/// Every step gives 1. The episode terminates when the cart leaves ±2.4 or the pole ±12°. The
/// observation is (x, ẋ, θ, θ̇); each starts uniformly in ±0.05.
///
/// With temp = (F + m l θ̇² sin θ)/M (m, l: mass and half length of the pole, M: total mass), the
/// accelerations are θ̈ = (g sin θ − temp cos θ)/(l (4/3 − m cos² θ/M)) and
/// ẍ = temp − m l θ̈ cos θ/M, integrated by Euler steps of 0.02 s.
///
/// Barto, Sutton & Anderson 1983; equations as in Gymnasium 1.4.0's CartPole.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct CartPole {
    state: [f64; 4],
}

impl CartPole {
    /// CartPole-v1: at most 500 steps.
    pub fn v1() -> TimeLimit<Self> {
        TimeLimit::new(Self::default(), 500)
    }

    /// The task in the state (x, ẋ, θ, θ̇).
    pub fn from_state(state: [f64; 4]) -> Self {
        Self { state }
    }

    /// The state (x, ẋ, θ, θ̇).
    pub fn state(&self) -> [f64; 4] {
        self.state
    }

    /// Writes the observation of the present state.
    #[inline]
    pub fn observe(&self, observation: &mut [f32]) {
        observation.copy_from_slice(&self.state.map(|x| x as f32));
    }
}

impl Env for CartPole {
    fn observation_space(&self) -> Space {
        let high = vec![(2.0 * MAX_POSITION) as f32, f32::INFINITY, (2.0 * MAX_ANGLE) as f32, f32::INFINITY];
        Space::Box { low: high.iter().map(|bound| -bound).collect(), high }
    }

    fn action_space(&self) -> Space {
        Space::Discrete { n: 2 }
    }

    #[inline]
    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        self.state = std::array::from_fn(|_| uniform(rng, -0.05, 0.05));
        self.observe(observation);
        Ok(())
    }

    #[inline]
    fn step(&mut self, action: &[f32], _rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        let force = if choice(action, 2)? == 1 { FORCE } else { -FORCE };
        let [x, x_dot, theta, theta_dot] = self.state;
        let (sin, cos) = sin_cos(theta);
        let temp = (force + POLE_MASS_LENGTH * theta_dot * theta_dot * sin) * (1.0 / TOTAL_MASS);
        let inertia = LENGTH * (4.0 / 3.0) - LENGTH * MASS_POLE / TOTAL_MASS * cos * cos;
        let theta_acc = (GRAVITY * sin - cos * temp) / inertia;
        let x_acc = temp - POLE_MASS_LENGTH / TOTAL_MASS * theta_acc * cos;
        self.state = [
            x + TIME_STEP * x_dot,
            x_dot + TIME_STEP * x_acc,
            theta + TIME_STEP * theta_dot,
            theta_dot + TIME_STEP * theta_acc,
        ];
        self.observe(observation);
        let fallen = self.state[0].abs() > MAX_POSITION || self.state[2].abs() > MAX_ANGLE;
        Ok(if fallen { Step::terminated(1.0) } else { Step::running(1.0) })
    }

    fn save(&self) -> State {
        State::of(NAME, &self.state)
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        self.state = finite_state(state, NAME)?;
        Ok(())
    }
}
