//! What can be wrong with a call.

/// A call whose arrays do not fit together, or with a parameter out of its range.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum AdvantageError {
    /// Data of no environment at all.
    #[error("the number of environments is 0; it must be at least 1")]
    NoEnvironments,
    /// The rewards are not whole steps.
    #[error("`rewards` holds {length} values, which is not a whole number of steps of {n_envs} environments")]
    Ragged {
        /// How many values `rewards` holds.
        length: usize,
        /// How many environments it should hold them of.
        n_envs: usize,
    },
    /// An array is not as long as it should be.
    #[error("`{array}` holds {length} values; {expected} are needed")]
    Length {
        /// The name of the array.
        array: &'static str,
        /// How many values it holds.
        length: usize,
        /// How many it should hold.
        expected: usize,
    },
    /// A discount that does not lie in [0, 1], or is not a number.
    #[error("`{name}` is {value}; it must lie in [0, 1]")]
    OutOfRange {
        /// The name of the parameter.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// An n-step advantage over no step.
    #[error("`n` is 0; an n-step advantage needs at least 1 step")]
    NoSteps,
}

/// Refuses an array of the wrong length.
pub(crate) fn check_length(
    array: &'static str,
    length: usize,
    expected: usize,
) -> Result<(), AdvantageError> {
    if length == expected { Ok(()) } else { Err(AdvantageError::Length { array, length, expected }) }
}

/// Refuses a discount outside [0, 1]; NaN is outside.
pub(crate) fn check_discount<T: num_traits::Float>(
    name: &'static str,
    value: T,
) -> Result<(), AdvantageError> {
    if value >= T::zero() && value <= T::one() {
        Ok(())
    } else {
        Err(AdvantageError::OutOfRange { name, value: value.to_f64().unwrap_or(f64::NAN) })
    }
}
