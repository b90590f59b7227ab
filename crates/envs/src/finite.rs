//! Finite Markov decision processes: their tables, on which theory can be held exactly, and the
//! environments that draw from them.
//!
//! A [`FiniteMdp`] is a checked table of transitions; [`FiniteEnv`] is the [`Env`](crate::Env) that samples
//! it. [`optimal_return`] and [`policy_return`] are exact references under a time limit, by backward
//! induction. The tasks are Gymnasium 1.4.0's: [`FrozenLake`], [`CliffWalking`], [`Taxi`].
//!
//! ```
//! use gradus_envs::finite::{FrozenLake, optimal_return};
//!
//! // Reaching the goal pays 1 and nothing else does: the return is the rate of success.
//! let lake = FrozenLake::eight_by_eight().mdp();
//! assert!((optimal_return(&lake, 200) - 0.913_220).abs() < 1e-6);
//! ```

mod cliff_walking;
mod env;
mod error;
mod frozen_lake;
mod horizon;
pub(crate) mod limits;
mod mdp;
mod taxi;

pub use cliff_walking::CliffWalking;
pub use env::FiniteEnv;
pub use error::FiniteMdpError;
pub use frozen_lake::FrozenLake;
pub use horizon::{optimal_return, optimal_values, policy_return, policy_values};
pub use mdp::{FiniteMdp, Transition};
pub use taxi::Taxi;
