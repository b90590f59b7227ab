//! Checks of parameters and actions, with errors that name the culprit.

use thiserror::Error;

use super::{Distribution, categorical, parts};
use crate::Real;

/// What is wrong with a row of parameters or with an action.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum DistributionError {
    /// A slice has another length than the distribution's.
    #[error("{what} has {found} values, the distribution needs {expected}")]
    Length {
        /// "params", "mask" or "action".
        what: &'static str,
        /// The width of the distribution.
        expected: usize,
        /// The length of the slice.
        found: usize,
    },
    /// A parameter is NaN or infinite.
    #[error("{name} {index} is {value}")]
    NonFiniteParam {
        /// "logit", "mean" or "log_std".
        name: &'static str,
        /// Its index among the parameters of that name.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// σ² or 1/σ² of a Gaussian is not a positive, finite number of the scalar type.
    #[error("log_std {index} is {value}: beyond ±{limit} the variance or its inverse overflows")]
    LogStdOutOfRange {
        /// The dimension.
        index: usize,
        /// Its ln σ.
        value: f64,
        /// The largest |ln σ| of the scalar type.
        limit: f64,
    },
    /// The mask leaves no action, or there is none.
    #[error("component {component} has no allowed action among its {size}")]
    NoAllowedAction {
        /// The component of a multi-categorical distribution, else 0.
        component: usize,
        /// The number of its logits.
        size: usize,
    },
    /// A discrete action is not an index of its component.
    #[error("action {value} of component {component} is not an index below {size}")]
    NotAnIndex {
        /// The component of a multi-categorical distribution, else 0.
        component: usize,
        /// The action's number.
        value: f64,
        /// The number of the component's logits.
        size: usize,
    },
    /// A discrete action is masked.
    #[error("action {index} of component {component} is masked")]
    MaskedAction {
        /// The component of a multi-categorical distribution, else 0.
        component: usize,
        /// The masked index.
        index: usize,
    },
    /// A bit of a Bernoulli action is neither 0 nor 1.
    #[error("bit {index} of the action is {value}, not 0 or 1")]
    NotABit {
        /// Which bit.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// A continuous action is NaN or infinite.
    #[error("action {index} is {value}")]
    NonFiniteAction {
        /// Which value of the action.
        index: usize,
        /// Its value.
        value: f64,
    },
}

impl Distribution {
    /// Checks a row of parameters before it is used: lengths, finite numbers (masked logits may be
    /// anything), at least one allowed action for each component, and |ln σ| small enough for σ² and 1/σ² to
    /// be finite in `T` (44.3 for `f32`, 354.8 for `f64`).
    ///
    /// # Errors
    /// The first fault, with its index and value.
    pub fn validate<T: Real>(&self, params: &[T], mask: Option<&[bool]>) -> Result<(), DistributionError> {
        check_length("params", self.n_params(), params.len())?;
        check_length("mask", self.mask_width(), mask.map_or(self.mask_width(), <[bool]>::len))?;
        match self {
            Self::Categorical { n } => validate_logits(params, mask, std::slice::from_ref(n)),
            Self::MultiCategorical { sizes } => validate_logits(params, mask, sizes),
            Self::Bernoulli { .. } => check_finite("logit", params, |_| true),
            Self::DiagGaussian { dim } => {
                let (means, log_stds) = params.split_at(*dim);
                check_finite("mean", means, |_| true)?;
                check_finite("log_std", log_stds, |_| true)?;
                check_log_stds(log_stds)
            }
        }
    }

    /// Checks an action: length, an index of an allowed choice, a bit, or a finite number.
    ///
    /// # Errors
    /// The first fault, with its index and value.
    pub fn check_action<T: Real>(
        &self,
        action: &[T],
        mask: Option<&[bool]>,
    ) -> Result<(), DistributionError> {
        check_length("action", self.action_width(), action.len())?;
        check_length("mask", self.mask_width(), mask.map_or(self.mask_width(), <[bool]>::len))?;
        match self {
            Self::Categorical { n } => check_indices(action, mask, std::slice::from_ref(n)),
            Self::MultiCategorical { sizes } => check_indices(action, mask, sizes),
            Self::Bernoulli { .. } => {
                let fault = action.iter().position(|&a| a != T::zero() && a != T::one());
                fault.map_or(Ok(()), |index| {
                    Err(DistributionError::NotABit { index, value: action[index].wide() })
                })
            }
            Self::DiagGaussian { .. } => {
                let fault = action.iter().position(|a| !a.is_finite());
                fault.map_or(Ok(()), |index| {
                    Err(DistributionError::NonFiniteAction { index, value: action[index].wide() })
                })
            }
        }
    }
}

fn check_length(what: &'static str, expected: usize, found: usize) -> Result<(), DistributionError> {
    if found == expected { Ok(()) } else { Err(DistributionError::Length { what, expected, found }) }
}

fn check_finite<T: Real>(
    name: &'static str,
    values: &[T],
    relevant: impl Fn(usize) -> bool,
) -> Result<(), DistributionError> {
    for (index, value) in values.iter().enumerate() {
        if !value.is_finite() && relevant(index) {
            return Err(DistributionError::NonFiniteParam { name, index, value: value.wide() });
        }
    }
    Ok(())
}

fn check_log_stds<T: Real>(log_stds: &[T]) -> Result<(), DistributionError> {
    let limit = 0.5 * T::max_value().wide().ln();
    for (index, value) in log_stds.iter().enumerate() {
        let value = value.wide();
        if value.abs() >= limit {
            return Err(DistributionError::LogStdOutOfRange { index, value, limit });
        }
    }
    Ok(())
}

fn validate_logits<T: Real>(
    params: &[T],
    mask: Option<&[bool]>,
    sizes: &[usize],
) -> Result<(), DistributionError> {
    check_finite("logit", params, |i| categorical::allowed(mask, i))?;
    for (component, part) in parts(sizes, params, mask).enumerate() {
        let size = part.params.len();
        if !(0..size).any(|i| categorical::allowed(part.mask, i)) {
            return Err(DistributionError::NoAllowedAction { component, size });
        }
    }
    Ok(())
}

fn check_indices<T: Real>(
    action: &[T],
    mask: Option<&[bool]>,
    sizes: &[usize],
) -> Result<(), DistributionError> {
    let mut start = 0;
    for (component, (&value, &size)) in action.iter().zip(sizes).enumerate() {
        let index = value.to_usize().filter(|&index| index < size && T::of(index as f64) == value);
        let Some(index) = index else {
            return Err(DistributionError::NotAnIndex { component, value: value.wide(), size });
        };
        if !categorical::allowed(mask, start + index) {
            return Err(DistributionError::MaskedAction { component, index });
        }
        start += size;
    }
    Ok(())
}
