//! How updates fail.

use gradus_core_math::{CgError, OptimizerError, Schedule};
use thiserror::Error;

use crate::SearchError;

/// Why an update could not be made. The agent is then as it was before.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// A setting is outside its range.
    #[error("{name} is {value}, it must be {range}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it was given.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// The batch has no row.
    #[error("the batch is empty")]
    EmptyBatch,
    /// A quantity is NaN or infinite.
    #[error(
        "{quantity} is {value} in update {update}; the parameters are those from before it. \
         A smaller learning rate, normalised observations and rewards, or gradient clipping may help"
    )]
    NonFinite {
        /// What it is.
        quantity: String,
        /// The value found.
        value: f64,
        /// The number of the update, from 1.
        update: u64,
    },
    /// The rows of the batch are weighted, and the algorithm has no such weights.
    #[error("the rows of the batch have weights, which {algorithm} does not take: leave `weights` empty")]
    Weighted {
        /// The algorithm.
        algorithm: &'static str,
    },
    /// An array of the batch that may be empty is needed.
    #[error("the batch has no {array}, which {reader} needs")]
    Missing {
        /// The array.
        array: &'static str,
        /// What needs it.
        reader: &'static str,
    },
    /// Conjugate gradient found no direction.
    #[error("conjugate gradient failed in update {update}: {error}; the parameters are those from before it")]
    Solver {
        /// What it met.
        error: CgError,
        /// The number of the update, from 1.
        update: u64,
    },
    /// The algorithm fits the critic apart from the policy, which it would move where both share their trunk.
    #[error(
        "this algorithm needs a critic of its own, and this one shares its trunk with the policy: use two networks"
    )]
    SharedTrunk,
    /// A search without derivatives could not go on.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// A saved state does not fit this algorithm or network.
    #[error("the saved state does not fit: {0}")]
    State(String),
}

impl From<OptimizerError> for UpdateError {
    fn from(error: OptimizerError) -> Self {
        match error {
            OptimizerError::Setting { name, value, range } => Self::Setting { name, value, range },
            other => Self::State(other.to_string()),
        }
    }
}

/// Passes if `ok`, else names the setting, its value and its range.
///
/// # Errors
/// Unless `ok`.
pub fn check_setting(
    name: &'static str,
    value: f64,
    ok: bool,
    range: &'static str,
) -> Result<(), UpdateError> {
    if ok { Ok(()) } else { Err(UpdateError::Setting { name, value, range }) }
}

/// Passes if the values of `schedule` are finite and never negative, and the first one is above 0.
///
/// # Errors
/// Names the schedule and the value.
pub fn check_schedule(name: &'static str, schedule: Schedule) -> Result<(), UpdateError> {
    for value in [schedule.at(0.0), schedule.at(1.0)] {
        check_setting(name, value, value.is_finite() && value >= 0.0, "a number from 0 on")?;
    }
    check_setting(name, schedule.at(0.0), schedule.at(0.0) > 0.0, "above 0 at the start")
}

/// Passes if `value` is finite, else says what is not.
///
/// # Errors
/// Names the quantity; `update` is the number of the update in the message.
pub fn check_finite(quantity: &str, value: f64, update: u64) -> Result<(), UpdateError> {
    if value.is_finite() {
        return Ok(());
    }
    Err(UpdateError::NonFinite { quantity: quantity.into(), value, update })
}

/// Passes if an array of a batch that may be empty is there.
///
/// # Errors
/// Names the array, and `reader`, which needs it.
pub fn check_present<U>(array: &[U], name: &'static str, reader: &'static str) -> Result<(), UpdateError> {
    if array.is_empty() { Err(UpdateError::Missing { array: name, reader }) } else { Ok(()) }
}
