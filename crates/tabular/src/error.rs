//! What can be wrong with a call.

use gradus_envs::finite::FiniteMdpError;

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TabularError {
    /// The tables are no Markov decision process.
    #[error(transparent)]
    Mdp(#[from] FiniteMdpError),
    /// The discount is not below one, is negative, or is no number.
    #[error("gamma is {value}; it must lie in [0, 1), so that sums over an endless future are finite")]
    Gamma {
        /// The discount.
        value: f64,
    },
    /// A table does not have one number for each of its cells.
    #[error("`{table}` holds {found} numbers; it must hold {expected}, {shape}")]
    Length {
        /// The name of the table.
        table: &'static str,
        /// How many numbers it holds.
        found: usize,
        /// How many it must hold.
        expected: usize,
        /// What they are, with the sizes.
        shape: String,
    },
    /// A policy without a state or an action.
    #[error("a policy has at least one state and one action")]
    EmptyPolicy,
    /// A policy has a number that is no probability.
    #[error("policy, state {state}, action {action}: {value} is not a probability")]
    PolicyProbability {
        /// The state of the row.
        state: usize,
        /// The action.
        action: usize,
        /// The number.
        value: f64,
    },
    /// A row of a policy does not sum to one.
    #[error("policy, state {state}: the probabilities sum to {sum}, not to 1")]
    PolicySum {
        /// The state of the row.
        state: usize,
        /// What they sum to.
        sum: f64,
    },
    /// A policy names an action that does not exist.
    #[error("policy, state {state}: there is no action {action}, the last one is {}", .n_actions - 1)]
    NoSuchAction {
        /// The state.
        state: usize,
        /// The action that it names.
        action: usize,
        /// The number of actions.
        n_actions: usize,
    },
    /// A logit is NaN or infinite.
    #[error("logits, state {state}, action {action}: {value} is not finite")]
    Logit {
        /// The state.
        state: usize,
        /// The action.
        action: usize,
        /// The number.
        value: f64,
    },
    /// A policy that is to be improved under a KL penalty never takes an action.
    #[error(
        "policy, state {state}, action {action}: the probability is 0; Algorithm 1 starts from a policy that \
         takes every action, since KL(π_old‖π) says nothing of actions that π_old never takes"
    )]
    NoSupport {
        /// The state.
        state: usize,
        /// The action.
        action: usize,
    },
    /// A number overflowed.
    #[error("{quantity} of state {state} is not finite; the rewards are too large for this discount")]
    NotFinite {
        /// What overflowed.
        quantity: &'static str,
        /// The first state where it did.
        state: usize,
    },
    /// A setting is outside its range.
    #[error("{name} is {value}; it must be {range}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        range: &'static str,
    },
    /// There is no method of this name.
    #[error("there is no method {name:?} (there are: {})", crate::Method::NAMES.join(", "))]
    UnknownMethod {
        /// The name.
        name: String,
    },
}

/// Refuses a table of the wrong length.
pub(crate) fn check_length(
    table: &'static str,
    found: usize,
    expected: usize,
    shape: impl FnOnce() -> String,
) -> Result<(), TabularError> {
    if found == expected {
        Ok(())
    } else {
        Err(TabularError::Length { table, found, expected, shape: shape() })
    }
}

/// Refuses a table that is not whole rows of `n_actions`, or has none.
pub(crate) fn check_rows(table: &'static str, found: usize, n_actions: usize) -> Result<(), TabularError> {
    if found == 0 || n_actions == 0 {
        return Err(TabularError::EmptyPolicy);
    }
    let whole = found.div_ceil(n_actions).saturating_mul(n_actions);
    check_length(table, found, whole, || format!("rows of {n_actions} actions"))
}

/// Refuses a quantity `[S]` that overflowed.
pub(crate) fn check_finite(quantity: &'static str, per_state: &[f64]) -> Result<(), TabularError> {
    match per_state.iter().position(|x| !x.is_finite()) {
        Some(state) => Err(TabularError::NotFinite { quantity, state }),
        None => Ok(()),
    }
}
