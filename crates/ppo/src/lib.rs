//! Proximal policy optimisation.
//!
//! [`Ppo`] is the update with the clipped objective; [`loss_and_cotangent`] is the objective itself, with its
//! closed-form gradient in the outputs of the networks.

mod config;
mod loss;
mod ppo;

pub use config::{Minibatches, PpoConfig};
pub use loss::{LossConfig, Losses, loss_and_cotangent};
pub use ppo::Ppo;
