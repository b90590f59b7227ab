//! Proximal policy optimisation.
//!
//! [`Ppo`] is the update, with the clipped objective or a penalty on the KL divergence ([`Objective`]);
//! [`loss_and_cotangent`] is the objective itself, with its closed-form gradient in the outputs of the networks.

mod adapted;
mod config;
mod loss;
mod objective;
mod ppo;
mod progress;

pub use config::{Minibatches, PpoConfig};
pub use loss::{LossConfig, LossObjective, Losses, loss_and_cotangent};
pub use objective::{AdaptiveKl, Objective};
pub use ppo::Ppo;
