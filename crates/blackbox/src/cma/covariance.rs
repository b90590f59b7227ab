//! The covariance of the candidates, full or diagonal.

use gradus_policy::{SearchError, UpdateError, UpdateState};

use super::config::{CmaEsConfig, CovarianceModel};
use super::diagonal::DiagonalCovariance;
use super::full::FullCovariance;

/// C, and the root of it that candidates are drawn with.
#[derive(Clone, Debug)]
pub(crate) enum Covariance {
    Full(FullCovariance),
    Diagonal(DiagonalCovariance),
}

/// One change of C: C ← keep · C + Σ weight · v vᵀ over the terms.
pub(crate) struct Change<'a> {
    /// What is left of the old C.
    pub(crate) keep: f64,
    /// Vectors of n and their weights.
    pub(crate) terms: Vec<(f64, &'a [f64])>,
}

impl Covariance {
    /// The identity.
    pub(crate) fn identity(config: &CmaEsConfig, dimension: usize, eigen_interval: u64) -> Self {
        match config.covariance {
            CovarianceModel::Full => {
                Self::Full(FullCovariance::identity(dimension, eigen_interval, config.max_condition))
            }
            CovarianceModel::Diagonal => {
                Self::Diagonal(DiagonalCovariance::identity(dimension, config.max_condition))
            }
        }
    }

    /// The numbers of C: `[n, n]` where it is full, `[n]` where it is diagonal.
    pub(crate) fn numbers(&self) -> &[f64] {
        match self {
            Self::Full(full) => full.matrix(),
            Self::Diagonal(diagonal) => diagonal.variances(),
        }
    }

    /// y = C^½ z, with the symmetric root; for a full C, of the last decomposition.
    pub(crate) fn transform(&self, z: &[f64], y: &mut [f64]) {
        match self {
            Self::Full(full) => full.transform(z, y),
            Self::Diagonal(diagonal) => diagonal.transform(z, y),
        }
    }

    /// Changes C. The root follows with [`refresh`](Self::refresh).
    pub(crate) fn change(&mut self, change: &Change<'_>) {
        match self {
            Self::Full(full) => full.change(change),
            Self::Diagonal(diagonal) => diagonal.change(change),
        }
    }

    /// Takes the root of C, if it is due after `generation`.
    ///
    /// # Errors
    /// When C is not finite, or has no decomposition.
    pub(crate) fn refresh(&mut self, generation: u64) -> Result<(), SearchError> {
        match self {
            Self::Full(full) => full.refresh(generation),
            Self::Diagonal(diagonal) => diagonal.refresh(generation),
        }
    }

    /// The largest over the smallest standard deviation along the axes of C, as of the last root.
    pub(crate) fn axis_ratio(&self) -> f64 {
        match self {
            Self::Full(full) => full.axis_ratio(),
            Self::Diagonal(diagonal) => diagonal.axis_ratio(),
        }
    }

    pub(crate) fn save(&self, state: &mut UpdateState<f64>) {
        match self {
            Self::Full(full) => full.save(state),
            Self::Diagonal(diagonal) => diagonal.save(state),
        }
    }

    /// The saved covariance, of the same form as this one.
    pub(crate) fn taken_from(&self, state: &mut UpdateState<f64>) -> Result<Self, UpdateError> {
        match self {
            Self::Full(full) => full.taken_from(state).map(Self::Full),
            Self::Diagonal(diagonal) => diagonal.taken_from(state).map(Self::Diagonal),
        }
    }
}

/// That all of `numbers` are finite.
pub(crate) fn check_finite(
    numbers: &[f64],
    quantity: &'static str,
    generation: u64,
) -> Result<(), SearchError> {
    match numbers.iter().find(|x| !x.is_finite()) {
        None => Ok(()),
        Some(&value) => Err(SearchError::Diverged { quantity, value, generation }),
    }
}

/// ε with (largest + ε)/(smallest + ε) = `max_condition`, or 0 where the condition is smaller anyway.
pub(crate) fn conditioning(smallest: f64, largest: f64, max_condition: f64) -> f64 {
    ((largest - max_condition * smallest) / (max_condition - 1.0)).max(0.0)
}
