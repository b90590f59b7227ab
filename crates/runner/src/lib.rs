//! What a training run leaves on disk and is started from: configurations, run folders, logs and pictures.
//! Checkpoints are `gradus-checkpoint`'s.

pub mod config;
pub mod log;
pub mod plot;
pub mod run_folder;
