//! What can be wrong with a table.

/// Why some numbers are not a finite Markov decision process.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FiniteMdpError {
    /// There is no state, or no action.
    #[error("an MDP has at least one state and one action, not {n_states} states and {n_actions} actions")]
    Empty {
        /// The number of states.
        n_states: usize,
        /// The number of actions.
        n_actions: usize,
    },
    /// Nothing follows an action.
    #[error("state {state}, action {action}: the row has no outcome")]
    EmptyRow {
        /// The state of the row.
        state: usize,
        /// The action of the row.
        action: usize,
    },
    /// A probability is negative, NaN or infinite.
    #[error("state {state}, action {action}, outcome {outcome}: {value} is not a probability")]
    Probability {
        /// The state of the row.
        state: usize,
        /// The action of the row.
        action: usize,
        /// The place in the row, from 0.
        outcome: usize,
        /// The number.
        value: f64,
    },
    /// The probabilities of a row do not sum to one.
    #[error("state {state}, action {action}: the probabilities sum to {sum}, not to 1")]
    RowSum {
        /// The state of the row.
        state: usize,
        /// The action of the row.
        action: usize,
        /// What they sum to.
        sum: f64,
    },
    /// An outcome leads to a state that does not exist.
    #[error(
        "state {state}, action {action}, outcome {outcome}: \
         there is no state {next_state}, the last one is {}", .n_states - 1
    )]
    NextState {
        /// The state of the row.
        state: usize,
        /// The action of the row.
        action: usize,
        /// The place in the row, from 0.
        outcome: usize,
        /// The state that it leads to.
        next_state: usize,
        /// The number of states.
        n_states: usize,
    },
    /// A reward is NaN or infinite.
    #[error("state {state}, action {action}, outcome {outcome}: the reward is {value}")]
    Reward {
        /// The state of the row.
        state: usize,
        /// The action of the row.
        action: usize,
        /// The place in the row, from 0.
        outcome: usize,
        /// The number.
        value: f64,
    },
    /// The initial distribution does not have one probability a state.
    #[error("the initial distribution has {found} probabilities for {expected} states")]
    InitialLength {
        /// Its length.
        found: usize,
        /// The number of states.
        expected: usize,
    },
    /// A probability of the initial distribution is negative, NaN or infinite.
    #[error("initial distribution, state {state}: {value} is not a probability")]
    InitialProbability {
        /// The state.
        state: usize,
        /// The number.
        value: f64,
    },
    /// The initial distribution does not sum to one.
    #[error("the initial distribution sums to {sum}, not to 1")]
    InitialSum {
        /// What it sums to.
        sum: f64,
    },
}
