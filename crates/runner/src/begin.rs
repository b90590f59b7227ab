//! The kind of training that settings ask for.

use crate::collector::MakeEnvs;
use crate::settings::Settings;
use crate::trainer::{TrainError, Trainer};
use crate::training::Training;

/// A run on environments that `make` makes in groups.
///
/// # Errors
/// When the settings do not fit the task, or it cannot be started.
pub fn begin(name: &str, make: &MakeEnvs<'_>, settings: &Settings) -> Result<Box<dyn Training>, TrainError> {
    Ok(Box::new(Trainer::new(name, make, settings)?))
}
