//! An instance under examination: its buffers are poisoned before every call, and its panics caught.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use gradus_core_math::Stream;

use super::Spaces;
use crate::{Env, EnvError, EnvErrorKind, Outcome, State, Step};

/// Makes instances of the environment.
pub(super) type Make<'m, 'e> = dyn Fn() -> Box<dyn Env + 'e> + 'm;

/// A NaN that nobody writes by accident: it marks what was left unwritten.
const POISON: u32 = 0x7fc6_7261;

/// Why a call gave nothing.
pub(super) enum Failure {
    Refused(EnvError),
    Panicked(String),
}

impl Failure {
    /// Whether the environment said that the action was not allowed.
    pub(super) fn is_invalid_action(&self) -> bool {
        matches!(self, Failure::Refused(error) if matches!(error.kind(), EnvErrorKind::InvalidAction { .. }))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(error) => write!(f, "it failed: {error}"),
            Failure::Panicked(message) => write!(f, "it panicked: {message}"),
        }
    }
}

/// Calls an environment; a panic becomes a failure. What a panic leaves behind in the environment does not
/// matter, since nothing is asked of it afterwards but to be dropped.
pub(super) fn guard<T>(call: impl FnOnce() -> Result<T, EnvError>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(Failure::Refused),
        Err(payload) => {
            let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
            Err(Failure::Panicked(text.unwrap_or_else(|| "without a message".to_owned())))
        }
    }
}

/// An instance and what it last showed.
pub(super) struct Subject<'e> {
    pub(super) env: Box<dyn Env + 'e>,
    masked: bool,
    pub(super) row: Vec<f32>,
    pub(super) step: Step,
    /// Which choices are allowed now; empty without masks.
    pub(super) mask: Vec<bool>,
    /// The first flag that was left unwritten.
    pub(super) unwritten_flag: Option<usize>,
}

impl<'e> Subject<'e> {
    pub(super) fn new(env: Box<dyn Env + 'e>, spaces: &Spaces) -> Self {
        Self {
            env,
            masked: spaces.masked,
            row: vec![0.0; spaces.observation.width()],
            step: Step::running(0.0),
            mask: vec![true; if spaces.masked { spaces.action.mask_width() } else { 0 }],
            unwritten_flag: None,
        }
    }

    pub(super) fn reset(&mut self, rng: &mut Stream) -> Result<(), Failure> {
        self.row.fill(f32::from_bits(POISON));
        self.step = Step::running(0.0);
        guard(|| self.env.reset(rng, &mut self.row))?;
        self.read_mask()
    }

    pub(super) fn step(&mut self, action: &[f32], rng: &mut Stream) -> Result<(), Failure> {
        self.row.fill(f32::from_bits(POISON));
        self.step = guard(|| self.env.step(action, rng, &mut self.row))?;
        // Nobody chooses an action after the end.
        if self.step.outcome.is_over() { Ok(()) } else { self.read_mask() }
    }

    pub(super) fn save(&self) -> Result<State, Failure> {
        guard(|| Ok(self.env.save()))
    }

    pub(super) fn restore(&mut self, state: &State) -> Result<(), Failure> {
        guard(|| self.env.restore(state))
    }

    /// Reads the mask onto flags of both kinds: where the results differ, nothing was written.
    fn read_mask(&mut self) -> Result<(), Failure> {
        if !self.masked {
            return Ok(());
        }
        let mut other = vec![false; self.mask.len()];
        self.mask.fill(true);
        guard(|| {
            self.env.action_mask(&mut self.mask);
            self.env.action_mask(&mut other);
            Ok(())
        })?;
        self.unwritten_flag = self.mask.iter().zip(&other).position(|(a, b)| a != b);
        Ok(())
    }

    /// Reads the mask of the state just restored, unless its episode is over; the first difference from that
    /// of `other`.
    pub(super) fn mask_difference(&mut self, other: &Subject<'_>) -> Result<Option<String>, Failure> {
        if other.step.outcome.is_over() {
            return Ok(None);
        }
        self.read_mask()?;
        let different = other.mask.iter().zip(&self.mask).position(|(a, b)| a != b);
        Ok(different.map(|i| format!("mask[{i}] is {} and {}", other.mask[i], self.mask[i])))
    }

    /// The first number of the observation that was left unwritten.
    pub(super) fn unwritten(&self) -> Option<usize> {
        self.row.iter().position(|x| x.to_bits() == POISON)
    }

    /// The first difference of what two instances last showed, bit by bit.
    pub(super) fn difference(&self, other: &Subject<'_>) -> Option<String> {
        if self.step.outcome != other.step.outcome {
            return Some(format!("the outcome is {:?} and {:?}", self.step.outcome, other.step.outcome));
        }
        if self.step.reward.to_bits() != other.step.reward.to_bits() {
            return Some(format!("the reward is {} and {}", self.step.reward, other.step.reward));
        }
        if let Some(i) = first_difference(&self.row, &other.row) {
            return Some(format!("observation[{i}] is {} and {}", self.row[i], other.row[i]));
        }
        let over = self.step.outcome != Outcome::Running;
        if !over && let Some(i) = self.mask.iter().zip(&other.mask).position(|(a, b)| a != b) {
            return Some(format!("mask[{i}] is {} and {}", self.mask[i], other.mask[i]));
        }
        None
    }
}

/// The first place where two rows differ in a bit.
pub(super) fn first_difference(a: &[f32], b: &[f32]) -> Option<usize> {
    a.iter().zip(b).position(|(x, y)| x.to_bits() != y.to_bits())
}
