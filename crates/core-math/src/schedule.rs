//! How learning rates and clip ranges change while training goes on.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A number that depends on the progress of training.
///
/// ```
/// use gradus_core_math::Schedule;
/// let rate = Schedule::Linear { start: 3e-4, end: 0.0 };
/// assert_eq!(rate.at(0.5), 1.5e-4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// The same value throughout.
    Constant(f64),
    /// start + (end − start) · progress.
    Linear {
        /// The value at progress 0.
        start: f64,
        /// The value at progress 1.
        end: f64,
    },
}

impl Schedule {
    /// The value at `progress`, which runs from 0 at the start of training to 1 at its end and is clamped
    /// to that range. Both ends are hit exactly.
    pub fn at(&self, progress: f64) -> f64 {
        match *self {
            Self::Constant(value) => value,
            Self::Linear { end, .. } if progress >= 1.0 => end,
            Self::Linear { start, end } => start + (end - start) * progress.max(0.0),
        }
    }
}

impl From<f64> for Schedule {
    fn from(value: f64) -> Self {
        Self::Constant(value)
    }
}

/// What is wrong with the settings of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The target of a [`KlAdaptiveRate`] is not a positive, finite number.
    #[error("kl_target is {0}, it must be positive and finite")]
    Target(f64),
    /// The bounds of a [`KlAdaptiveRate`] are not 0 < minimum ≤ maximum < ∞.
    #[error("learning rates must satisfy 0 < minimum ≤ maximum < ∞, got {minimum} and {maximum}")]
    Bounds {
        /// The lower bound.
        minimum: f64,
        /// The upper bound.
        maximum: f64,
    },
}

/// A learning rate that follows the divergence which the last update caused: larger steps while the policy
/// hardly moves, smaller ones when it moves too far.
///
///   kl > 2 · target  →  rate / 1.5, at least `minimum`
///   0 < kl < target / 2  →  rate · 1.5, at most `maximum`
///
/// Source: the schedule "adaptive" of rsl_rl (`PPO.update`), from where the constants 2, 1.5 and the default
/// bounds 1e-5 and 1e-2 come. As there, a KL of exactly 0 (nothing was updated yet) changes nothing; nor
/// does NaN, which the caller's own check of the KL has to report.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedKlAdaptiveRate")]
pub struct KlAdaptiveRate {
    kl_target: f64,
    minimum: f64,
    maximum: f64,
}

impl KlAdaptiveRate {
    /// How far the KL may be from the target, as a factor, before the rate changes.
    const TOLERANCE: f64 = 2.0;
    /// The factor of one change.
    const FACTOR: f64 = 1.5;

    /// The rule for `kl_target`, with rates from 1e-5 to 1e-2.
    ///
    /// # Errors
    /// If the target is not a positive, finite number.
    pub fn new(kl_target: f64) -> Result<Self, ScheduleError> {
        if !(kl_target > 0.0 && kl_target.is_finite()) {
            return Err(ScheduleError::Target(kl_target));
        }
        Ok(Self { kl_target, minimum: 1e-5, maximum: 1e-2 })
    }

    /// The rule with other bounds on the rate.
    ///
    /// # Errors
    /// Unless 0 < minimum ≤ maximum < ∞.
    pub fn with_bounds(self, minimum: f64, maximum: f64) -> Result<Self, ScheduleError> {
        if !(0.0 < minimum && minimum <= maximum && maximum.is_finite()) {
            return Err(ScheduleError::Bounds { minimum, maximum });
        }
        Ok(Self { minimum, maximum, ..self })
    }

    /// The rate after an update with `learning_rate` that moved the policy by `kl_old_new`.
    pub fn next_rate(&self, learning_rate: f64, kl_old_new: f64) -> f64 {
        if kl_old_new > self.kl_target * Self::TOLERANCE {
            (learning_rate / Self::FACTOR).max(self.minimum)
        } else if 0.0 < kl_old_new && kl_old_new < self.kl_target / Self::TOLERANCE {
            (learning_rate * Self::FACTOR).min(self.maximum)
        } else {
            learning_rate
        }
    }
}

/// What a file may say, before the checks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UncheckedKlAdaptiveRate {
    kl_target: f64,
    minimum: Option<f64>,
    maximum: Option<f64>,
}

impl TryFrom<UncheckedKlAdaptiveRate> for KlAdaptiveRate {
    type Error = ScheduleError;
    fn try_from(read: UncheckedKlAdaptiveRate) -> Result<Self, ScheduleError> {
        let rule = Self::new(read.kl_target)?;
        rule.with_bounds(read.minimum.unwrap_or(rule.minimum), read.maximum.unwrap_or(rule.maximum))
    }
}
