//! Differentiable policies and critics: the [`Network`] trait, the fused [`Mlp`], and the data of an update.
//!
//! Every algorithm needs three things of a policy or a critic: its outputs, Jᵀu and Jv
//! ([`Network::linearize`]). [`ActorCritic`] joins a policy and a critic to one network, [`Rollout`] and
//! [`Batch`] carry experience, and [`Update`] is the trait of algorithms that learn from it ([`CriticFit`] is what several
//! of them do); a [`Search`] tries parameters out instead. [`Policy`] is what training leaves: it comes from the bytes of
//! one file and acts.

mod action_map;
mod actor_critic;
mod aligned;
mod architecture;
mod batch;
mod branches;
mod critic;
mod deployed;
mod kernel;
mod memory;
mod mlp;
mod network;
mod normalizer;
mod policy_head;
mod rows;
mod search;
mod threads;
mod update;
mod value_scale;

pub use action_map::ActionMap;
pub use actor_critic::{ActorCritic, LinearizedActorCritic, Side};
pub use architecture::{ActorCriticConfig, Body, ConvConfig, ConvLayer, POLICY_GAIN, VALUE_GAIN};
pub use batch::{Batch, Rollout};
pub use branches::Branches;
pub use critic::{CriticConfig, CriticFit};
pub use deployed::{Policy, PolicyError, PolicySpec};
pub use kernel::{Activation, InstructionSet, Kernel, Loop, tanh_in_place, vectorized};
pub use memory::{Memory, Remembered};
pub use mlp::{FrozenMlp, Head, LinearizedMlp, Mlp, MlpConfig, orthogonal};
pub use network::{Frozen, Input, Linearized, Network, Rows, TensorInfo};
pub use normalizer::Normalizer;
pub use policy_head::{FrozenHead, LinearizedHead, PolicyHead};
pub use search::{Candidate, Search, SearchError};
pub use threads::{Team, Threads};
pub use update::{
    Agent, Context, Descent, Metrics, SharedStep, Update, UpdateError, UpdateState, check_finite,
    check_present, check_schedule, check_setting,
};
pub use value_scale::ValueScale;
