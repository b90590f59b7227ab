//! Swinging up a double pendulum by its middle joint.

use std::f64::consts::{PI, TAU};

use gradus_core_math::Stream;

use super::trigonometry::sin_cos;
use super::{finite_state, uniform};
use crate::{Env, EnvError, Space, State, Step, TimeLimit, choice};

const NAME: &str = "Acrobot";
const TIME_STEP: f64 = 0.2;
const MAX_SPEED_1: f64 = 4.0 * PI;
const MAX_SPEED_2: f64 = 9.0 * PI;
const GRAVITY: f64 = 9.8;
/// Both links have mass 1, length 1, their centre of mass in the middle, and this moment of inertia.
const INERTIA: f64 = 1.0;
const CENTRE: f64 = 0.5;

/// Two links hanging from a fixed point, with a motor of torque −1 (action 0), 0 or 1 (2) between them:
/// raise the free end above the fixed point by one length.
///
/// Every step costs 1 until −cos θ₁ − cos(θ₁ + θ₂) > 1, which terminates. The observation is
/// (cos θ₁, sin θ₁, cos θ₂, sin θ₂, θ̇₁, θ̇₂); each of θ₁, θ₂, θ̇₁, θ̇₂ starts uniformly in ±0.1.
///
/// Sutton 1996; equations of Sutton & Barto's book, one Runge–Kutta step of fourth order over 0.2 s, as
/// in Gymnasium 1.4.0's Acrobot.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Acrobot {
    state: [f64; 4],
}

impl Acrobot {
    /// Acrobot-v1: at most 500 steps.
    pub fn v1() -> TimeLimit<Self> {
        TimeLimit::new(Self::default(), 500)
    }

    /// The task in the state (θ₁, θ₂, θ̇₁, θ̇₂).
    pub fn from_state(state: [f64; 4]) -> Self {
        Self { state }
    }

    /// The state (θ₁, θ₂, θ̇₁, θ̇₂).
    pub fn state(&self) -> [f64; 4] {
        self.state
    }

    /// Writes the observation of the present state.
    #[inline]
    pub fn observe(&self, observation: &mut [f32]) {
        let [theta_1, theta_2, speed_1, speed_2] = self.state;
        let ((sin_1, cos_1), (sin_2, cos_2)) = (sin_cos(theta_1), sin_cos(theta_2));
        let row = [cos_1, sin_1, cos_2, sin_2, speed_1, speed_2];
        observation.copy_from_slice(&row.map(|x| x as f32));
    }
}

/// The time derivative of `state` under `torque`. With cos(x − π/2) = sin x, two pairs of sine and cosine
/// are all it takes.
fn derivative([theta_1, theta_2, speed_1, speed_2]: [f64; 4], torque: f64) -> [f64; 4] {
    let ((sin_1, cos_1), (sin_2, cos_2)) = (sin_cos(theta_1), sin_cos(theta_2));
    let sin_12 = sin_1 * cos_2 + cos_1 * sin_2;
    let d1 = CENTRE * CENTRE + (1.0 + CENTRE * CENTRE + 2.0 * CENTRE * cos_2) + 2.0 * INERTIA;
    let d2 = CENTRE * CENTRE + CENTRE * cos_2 + INERTIA;
    let phi2 = CENTRE * GRAVITY * sin_12;
    let phi1 = -CENTRE * speed_2 * speed_2 * sin_2 - 2.0 * CENTRE * speed_2 * speed_1 * sin_2
        + (CENTRE + 1.0) * GRAVITY * sin_1
        + phi2;
    let acceleration_2 = (torque + d2 / d1 * phi1 - CENTRE * speed_1 * speed_1 * sin_2 - phi2)
        / (CENTRE * CENTRE + INERTIA - d2 * d2 / d1);
    let acceleration_1 = -(d2 * acceleration_2 + phi1) / d1;
    [speed_1, speed_2, acceleration_1, acceleration_2]
}

/// One Runge–Kutta step of fourth order.
fn integrate(state: [f64; 4], torque: f64) -> [f64; 4] {
    let along = |k: [f64; 4], dt: f64| std::array::from_fn(|i| state[i] + dt * k[i]);
    let k1 = derivative(state, torque);
    let k2 = derivative(along(k1, TIME_STEP / 2.0), torque);
    let k3 = derivative(along(k2, TIME_STEP / 2.0), torque);
    let k4 = derivative(along(k3, TIME_STEP), torque);
    std::array::from_fn(|i| state[i] + TIME_STEP / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]))
}

/// The same angle within ±π. Speeds are bounded, so that it takes few turns.
fn wrap(mut angle: f64) -> f64 {
    while angle > PI {
        angle -= TAU;
    }
    while angle < -PI {
        angle += TAU;
    }
    angle
}

impl Env for Acrobot {
    fn observation_space(&self) -> Space {
        let high = vec![1.0, 1.0, 1.0, 1.0, MAX_SPEED_1 as f32, MAX_SPEED_2 as f32];
        Space::Box { low: high.iter().map(|bound| -bound).collect(), high }
    }

    fn action_space(&self) -> Space {
        Space::Discrete { n: 3 }
    }

    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        // Gymnasium rounds the start, and only the start, to single precision.
        self.state = std::array::from_fn(|_| f64::from(uniform(rng, -0.1, 0.1) as f32));
        self.observe(observation);
        Ok(())
    }

    fn step(&mut self, action: &[f32], _rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        let torque = choice(action, 3)? as f64 - 1.0;
        let [theta_1, theta_2, speed_1, speed_2] = integrate(self.state, torque);
        let (theta_1, theta_2) = (wrap(theta_1), wrap(theta_2));
        self.state = [
            theta_1,
            theta_2,
            speed_1.clamp(-MAX_SPEED_1, MAX_SPEED_1),
            speed_2.clamp(-MAX_SPEED_2, MAX_SPEED_2),
        ];
        self.observe(observation);
        let raised = -sin_cos(theta_1).1 - sin_cos(theta_1 + theta_2).1 > 1.0;
        Ok(if raised { Step::terminated(0.0) } else { Step::running(-1.0) })
    }

    fn save(&self) -> State {
        State::of(NAME, &self.state)
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        self.state = finite_state(state, NAME)?;
        Ok(())
    }
}
