//! Policy optimisation for reinforcement learning: implement one trait for your game, robot or simulation, train an
//! agent in seconds to minutes, and ship it.
//!
//! ```
//! use gradus::envs::classic::CartPole;
//! use gradus::{Settings, Trainer};
//!
//! let settings = Settings::ppo().with_total_steps(10_000).with_seed(1);
//! let mut trainer = Trainer::for_env("CartPole-v1", CartPole::v1, &settings)?;
//! trainer.train(|trainer, iteration| println!("{} steps: {:?}", iteration.steps, trainer.mean_return()))?;
//!
//! let mut policy = trainer.policy()?;
//! let mut action = [0.0];
//! policy.act(&[0.01, 0.0, 0.02, 0.0], None, &mut action)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This crate re-exports the others, each of which can be depended on by itself:
//!
//! | module | crate | what it has |
//! |---|---|---|
//! | [`core_math`] | `gradus-core-math` | distributions, optimisers, statistics, random streams |
//! | [`envs`] | `gradus-envs` | the [`Env`] trait, spaces, vectorised stepping, classic tasks |
//! | [`advantage`] | `gradus-advantage` | returns and advantages |
//! | [`policy`] | `gradus-policy` | networks, batches, the traits of algorithms, deployed policies |
//! | [`vpg`] | `gradus-vpg` | REINFORCE, advantage actor-critic, importance-sampled gradients |
//! | [`ppo`] | `gradus-ppo` | proximal policy optimisation |
//! | [`trpo`] | `gradus-trpo` | trust region policy optimisation, natural policy gradient |
//! | [`blackbox`] | `gradus-blackbox` | search without derivatives: cross-entropy method, CMA-ES |
//! | [`tabular`] | `gradus-tabular` | finite processes, exactly: evaluation, solvers, gradients |
//! | [`runner`] | `gradus-runner` | collector, training loop, evaluation, runs on disk |
//! | [`checkpoint`] | `gradus-checkpoint` | the files |
//!
//! A program that only acts needs [`Policy`] alone: depend on `gradus-policy`.

pub use gradus_advantage as advantage;
pub use gradus_blackbox as blackbox;
pub use gradus_checkpoint as checkpoint;
pub use gradus_core_math as core_math;
pub use gradus_envs as envs;
pub use gradus_policy as policy;
pub use gradus_ppo as ppo;
pub use gradus_runner as runner;
pub use gradus_tabular as tabular;
pub use gradus_trpo as trpo;
pub use gradus_vpg as vpg;

pub use gradus_core_math::Stream;
pub use gradus_envs::{Env, EnvError, Outcome, Space, State, Step};
pub use gradus_policy::Policy;
pub use gradus_ppo::PpoConfig;
pub use gradus_runner::{Algorithm, Evaluation, Settings, Trainer, evaluate};
pub use gradus_trpo::TrpoConfig;
