//! Solvers for linear systems and step lengths: settings in, what happened out.

mod conjugate_gradient;
mod line_search;

pub use conjugate_gradient::{CgError, CgInfo, CgSolver, ConjugateGradient};
pub use line_search::{BacktrackingLineSearch, Evaluation, LineSearchOutcome, RejectReason, Trial};

use thiserror::Error;

/// A setting of a solver is outside its range.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error("{name} is {value}, it must be {range}")]
pub struct SolverSettingError {
    /// The setting's name.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// The range in words.
    pub range: &'static str,
}

/// Passes if `holds`, else says what `name` must be.
fn require(
    holds: bool,
    name: &'static str,
    value: f64,
    range: &'static str,
) -> Result<(), SolverSettingError> {
    if holds { Ok(()) } else { Err(SolverSettingError { name, value, range }) }
}
