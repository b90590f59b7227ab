//! What can go wrong in an environment.

use std::fmt;

use crate::Space;
use crate::finite::FiniteMdpError;

/// Why an environment could not be made, stepped, reset or restored.
///
/// It is one pointer wide, because every step returns a `Result` with it; what happened is in
/// [`kind`](EnvError::kind).
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct EnvError(Box<EnvErrorKind>);

/// The ways an environment fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvErrorKind {
    /// An action is outside the action space, or forbidden in the present state.
    #[error("action {action} is not allowed: {allowed}")]
    InvalidAction {
        /// The action as it was given.
        action: String,
        /// What would have been allowed.
        allowed: String,
    },
    /// The task failed for a reason of its own.
    #[error("{message}")]
    Task {
        /// The task's words.
        message: String,
    },
    /// An observation or a reward is NaN or infinite.
    #[error("environment {env}, step {step} of its episode: {quantity} is {value}")]
    NotFinite {
        /// Which environment, counted over all of them.
        env: usize,
        /// Which step of its episode: 0 is the reset, 1 the first step.
        step: u64,
        /// Which of the numbers it gave.
        quantity: Quantity,
        /// The number.
        value: f64,
    },
    /// An action mask forbids every choice.
    #[error("environment {env}, step {step} of its episode: the action mask allows no action")]
    NoActionAllowed {
        /// Which environment, counted over all of them.
        env: usize,
        /// After which step of its episode: 0 is the reset.
        step: u64,
    },
    /// An environment of several failed.
    #[error("environment {env}, step {step} of its episode: {source}")]
    InEnvironment {
        /// Which environment, counted over all of them.
        env: usize,
        /// Which step of its episode: 0 is the reset, 1 the first step.
        step: u64,
        /// What it reported.
        source: EnvError,
    },
    /// A saved state does not belong to the environment that should continue from it.
    #[error("cannot restore the environment: {message}")]
    BadState {
        /// What does not fit.
        message: String,
    },
    /// A step was asked for before the first reset, or after an error.
    #[error("environments must be reset or restored before a step, first of all and after every error")]
    NotReset,
    /// Spaces or settings that make no sense.
    #[error("{message}")]
    Setup {
        /// What is wrong with them.
        message: String,
    },
    /// A table is not a finite Markov decision process.
    #[error(transparent)]
    FiniteMdp(FiniteMdpError),
    /// There is no environment of this name.
    #[error("unknown environment {name:?}{}; known are {}", did_you_mean(.nearest), .known.join(", "))]
    UnknownName {
        /// The name that was asked for.
        name: String,
        /// The known name most like it, if one is.
        nearest: Option<&'static str>,
        /// All known names.
        known: Vec<&'static str>,
    },
}

/// The number that was not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// This element of the observation's row.
    Observation(usize),
    /// The reward.
    Reward,
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Quantity::Observation(index) => write!(f, "observation[{index}]"),
            Quantity::Reward => write!(f, "the reward"),
        }
    }
}

fn did_you_mean(nearest: &Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |name| format!(", did you mean {name:?}?"))
}

impl EnvError {
    /// `action` is not an element of `space`.
    #[cold]
    pub fn invalid_action(action: &[f32], space: &Space) -> Self {
        Self::forbidden_action(action, format!("the action space is {space}"))
    }

    /// `action` is not allowed now; `allowed` says what is.
    #[cold]
    pub fn forbidden_action(action: &[f32], allowed: impl Into<String>) -> Self {
        let action = match action {
            [one] => one.to_string(),
            row => format!("{row:?}"),
        };
        EnvErrorKind::InvalidAction { action, allowed: allowed.into() }.into()
    }

    /// The task failed, for the reason in `message`.
    #[cold]
    pub fn task(message: impl Into<String>) -> Self {
        EnvErrorKind::Task { message: message.into() }.into()
    }

    /// A saved state does not fit, for the reason in `message`.
    #[cold]
    pub fn bad_state(message: impl Into<String>) -> Self {
        EnvErrorKind::BadState { message: message.into() }.into()
    }

    /// Spaces or settings make no sense, for the reason in `message`.
    #[cold]
    pub fn setup(message: impl Into<String>) -> Self {
        EnvErrorKind::Setup { message: message.into() }.into()
    }

    /// The same failure, with the environment and the step of its episode in which it arose.
    #[cold]
    pub(crate) fn at(self, env: usize, step: u64) -> Self {
        EnvErrorKind::InEnvironment { env, step, source: self }.into()
    }

    /// What happened, to match on.
    pub fn kind(&self) -> &EnvErrorKind {
        &self.0
    }
}

impl From<FiniteMdpError> for EnvError {
    #[cold]
    fn from(error: FiniteMdpError) -> Self {
        EnvErrorKind::FiniteMdp(error).into()
    }
}

impl From<EnvErrorKind> for EnvError {
    #[cold]
    fn from(kind: EnvErrorKind) -> Self {
        Self(Box::new(kind))
    }
}
