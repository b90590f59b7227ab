//! The classic control tasks with the dynamics, spaces, start distributions, rewards and time limits of
//! Gymnasium 1.4.0.
//!
//! Each type is the bare task; its version constructor (`CartPole::v1()`) adds the time limit. Actions
//! outside the space are errors, also where Gymnasium clips them silently
//! ([`ClipAction`](crate::ClipAction) does so openly).

mod acrobot;
mod cart_pole;
mod mountain_car;
mod mountain_car_continuous;
mod pendulum;
mod trigonometry;

pub use acrobot::Acrobot;
pub use cart_pole::CartPole;
pub use mountain_car::MountainCar;
pub use mountain_car_continuous::MountainCarContinuous;
pub use pendulum::Pendulum;

use gradus_core_math::Stream;
use rand::RngExt;
use serde::de::DeserializeOwned;

use crate::{EnvError, State};

/// Uniform between `low` and `high`, as numpy draws it.
#[inline]
fn uniform(rng: &mut Stream, low: f64, high: f64) -> f64 {
    low + (high - low) * rng.random::<f64>()
}

/// The numbers of a saved state, refused unless all are finite.
fn finite_state<const N: usize>(state: &State, name: &str) -> Result<[f64; N], EnvError>
where
    [f64; N]: DeserializeOwned,
{
    let numbers: [f64; N] = state.get(name)?;
    if numbers.iter().all(|x| x.is_finite()) {
        Ok(numbers)
    } else {
        Err(EnvError::bad_state(format!("{name}'s saved state is {numbers:?}")))
    }
}
