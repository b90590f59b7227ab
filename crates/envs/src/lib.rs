//! Environments for reinforcement learning: the trait of a task, the spaces of its observations and
//! actions, wrappers, vectorised stepping, native implementations of the classic control tasks and of the
//! games of MinAtar, and finite Markov decision processes with their tables.
//!
//! ```
//! use gradus_envs::{VecEnv, VectorEnv, classic::CartPole};
//!
//! let mut envs = VecEnv::new(vec![CartPole::v1(), CartPole::v1()], 7, 0)?;
//! envs.reset_all()?;
//! for step in 0..100 {
//!     envs.step(&[0.0, 1.0])?;
//! }
//! for episode in envs.drain_episodes() {
//!     assert_eq!(episode.return_, episode.length as f64);
//! }
//! # Ok::<(), gradus_envs::EnvError>(())
//! ```
//!
//! An environment of one's own implements [`Env`]; [`VecEnv`] steps many of them, resets each as its
//! episode ends, keeps the true final observation, and refuses NaN. [`make`] and [`make_vector`] find an
//! environment by its name. [`check_env`] tells whether an environment keeps the contract of [`Env`].

mod checks;
pub mod classic;
mod env;
mod env_check;
mod error;
pub mod finite;
pub mod minatar;
pub mod probe;
mod registry;
mod space;
mod state;
mod vec_env;
mod vector;
mod wrappers;

pub use env::{Env, Outcome, Step};
pub use env_check::{Check, CheckFailed, CheckReport, EnvCheck, Finding, Place, Severity, check_env};
pub use error::{EnvError, EnvErrorKind, Quantity};
pub use registry::{ENVIRONMENTS, EnvInfo, find, make, make_vector};
pub use space::{Space, choice};
pub use state::State;
pub use vec_env::VecEnv;
pub use vector::{Episode, VectorEnv};
pub use wrappers::{ClipAction, FrameStack, KeepValues, RescaleAction, TimeLimit};
