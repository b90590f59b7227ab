//! Differentiable policies and critics.

mod aligned;
mod kernel;
mod mlp;
mod network;
mod threads;

pub use kernel::{Activation, InstructionSet, Kernel};
pub use mlp::{FrozenMlp, Head, LinearizedMlp, Mlp, MlpConfig};
pub use network::{Frozen, Input, Linearized, Network, Rows, TensorInfo};
pub use threads::{Team, Threads};
