//! Burn modules as policies and critics, on any of Burn's devices.
//!
//! [`BurnNetwork`] puts a Burn module behind [`Network`](gradus_policy::Network), so that every algorithm trains it as
//! it trains an `Mlp`: a module of one's own that implements [`Map`], or the [`Stack`] of layers that this crate
//! ships, with convolutions ([`Body::Conv`](gradus_policy::Body)) or a memory ([`Body::Gru`](gradus_policy::Body)).
//! [`open_device`] finds the device of a name. With the feature `burn-rl`, the module `rl` puts our environments under
//! the trait of the crate of that name.

mod central;
mod device;
mod dual;
mod exclusive;
mod flat;
mod gru;
mod map;
mod network;
mod norm;
mod policy;
#[cfg(feature = "burn-rl")]
pub mod rl;
mod rows;
mod sequences;
mod stack;
mod tanh;

pub use burn::tensor::Device;
pub use device::{DEVICES, DeviceError, devices_in_build, open_device};
pub use dual::Dual;
pub use gru::Gru;
pub use map::Map;
pub use network::{BurnFrozen, BurnNetwork, LinearizedBurn};
pub use norm::Norm;
pub use policy::{build_actor_critic, build_policy, load_policy};
pub use stack::Stack;
pub use tanh::tanh;
