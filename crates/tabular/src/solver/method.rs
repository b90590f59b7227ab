//! The methods by name.

use std::fmt;
use std::str::FromStr;

use crate::TabularError;

/// A way to improve a policy exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// [`ValueIteration`](crate::ValueIteration), `value-iteration`.
    ValueIteration,
    /// [`PolicyIteration`](crate::PolicyIteration), `policy-iteration`.
    PolicyIteration,
    /// [`ConservativePolicyIteration`](crate::ConservativePolicyIteration), `cpi`.
    Conservative,
    /// [`MonotoneImprovement`](crate::MonotoneImprovement), `monotone`.
    Monotone,
}

impl Method {
    /// All methods.
    pub const ALL: [Self; 4] =
        [Self::ValueIteration, Self::PolicyIteration, Self::Conservative, Self::Monotone];
    /// Their names, in the same order.
    pub const NAMES: [&'static str; 4] = ["value-iteration", "policy-iteration", "cpi", "monotone"];

    /// The name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// What the size of a step is.
    pub fn step_size(self) -> &'static str {
        match self {
            Self::ValueIteration => "greatest change of a value",
            Self::PolicyIteration => "1: all the way to the greedy policy",
            Self::Conservative => "alpha, the weight of the greedy policy",
            Self::Monotone => "greatest KL(old‖new) of a state",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Method {
    type Err = TabularError;

    fn from_str(name: &str) -> Result<Self, TabularError> {
        let known = Self::ALL.into_iter().find(|method| method.name() == name);
        known.ok_or_else(|| TabularError::UnknownMethod { name: name.to_owned() })
    }
}
