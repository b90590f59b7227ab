//! Training runs: experience from environments ([`Collector`]), the loop ([`Trainer`]), evaluation, and what a run
//! leaves on disk ([`Session`]): configurations, logs, pictures and checkpoints.
//!
//! The command `gradus` is a thin layer over [`Session`].

mod algorithm;
mod begin;
#[cfg(feature = "cli")]
pub mod cli;
mod collector;
pub mod config;
mod evaluate;
pub mod log;
mod pace;
pub mod plot;
pub mod presets;
pub mod report;
pub mod run_folder;
mod saving;
mod search;
mod session;
mod settings;
mod trainer;
mod training;

pub use algorithm::Algorithm;
pub use begin::{begin, load_policy};
pub use collector::{
    Acting, AdvantageEstimator, CollectError, Collector, CollectorConfig, CollectorState, MakeEnvs,
    RewardScale, VineConfig,
};
pub use evaluate::{Evaluation, evaluate};
pub use saving::policy_of;
pub use search::SearchTrainer;
pub use session::{MakeNamed, Session, SessionError, Status, Summary, newest_checkpoint};
pub use settings::{ActionScaling, BodyKind, Settings, SettingsError, distribution_for};
pub use trainer::{TrainError, Trainer};
pub use training::{Iteration, Progress, Training};
