//! What a training run leaves on disk and is started from: configurations, run folders, logs, pictures and
//! checkpoints.

pub mod atomic_file;
pub mod checkpoint;
pub mod config;
pub mod log;
pub mod plot;
pub mod run_folder;
