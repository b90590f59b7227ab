//! The table of a finite MDP.

use gradus_core_math::Stream;
use rand::RngExt;

use super::FiniteMdpError;

/// How far from one the probabilities of a row may sum.
const SUM_TOLERANCE: f64 = 1e-9;

/// One of the outcomes of an action in a state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transition {
    /// The probability of this outcome, given the state and the action.
    pub probability: f64,
    /// The state that it leads to.
    pub next_state: usize,
    /// The reward that it gives.
    pub reward: f64,
    /// Whether it ends the episode: the value of what follows is then zero, whatever the next state.
    pub terminated: bool,
}

impl Transition {
    /// The only outcome: it has probability 1.
    pub fn certain(next_state: usize, reward: f64, terminated: bool) -> Self {
        Self { probability: 1.0, next_state, reward, terminated }
    }
}

/// A finite Markov decision process: S states, A actions in each, for every pair a row of possible
/// outcomes, and the distribution of the first state.
///
/// A row keeps its outcomes in the order in which they were given, and nothing is merged: two outcomes may
/// lead to the same state (a slippery step against a wall). Algorithms that sum over a row need not care;
/// who compares distributions adds up equal `(next_state, reward, terminated)` first.
///
/// ```
/// use gradus_envs::finite::{FiniteMdp, Transition, optimal_return};
///
/// // In state 0, action 1 pays 1 and ends; action 0 stays, and pays nothing.
/// let mdp = FiniteMdp::new(1, 2, vec![1.0], |_, a| vec![Transition::certain(0, a as f64, a == 1)])?;
/// assert_eq!(optimal_return(&mdp, 10), 1.0);
/// # Ok::<(), gradus_envs::finite::FiniteMdpError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FiniteMdp {
    n_states: usize,
    n_actions: usize,
    /// Where the row of (s, a) begins, at s·A + a; and the end of the last.
    begins: Vec<usize>,
    transitions: Vec<Transition>,
    initial: Vec<f64>,
    /// The states of positive initial probability, each beside the sum of the probabilities up to it.
    starts: Vec<(f64, usize)>,
}

impl FiniteMdp {
    /// The process with `n_states` states, `n_actions` actions, the initial distribution `initial`
    /// (`[n_states]`) and, for a state and an action, the outcomes that `row` gives.
    ///
    /// Rewards are those of the outcome, r(s, a, s′). An end is a property of the transition, as in
    /// Gymnasium's tables: there need be no terminal states.
    ///
    /// # Errors
    /// When there is no state or no action, a row is empty, a probability is negative or not finite,
    /// probabilities do not sum to one within 1e-9, an outcome leads to a state that does not exist, or a
    /// reward is not finite. The error says where.
    pub fn new(
        n_states: usize,
        n_actions: usize,
        initial: Vec<f64>,
        mut row: impl FnMut(usize, usize) -> Vec<Transition>,
    ) -> Result<Self, FiniteMdpError> {
        if n_states == 0 || n_actions == 0 {
            return Err(FiniteMdpError::Empty { n_states, n_actions });
        }
        let starts = check_initial(n_states, &initial)?;
        let mut begins = vec![0];
        let mut transitions = Vec::new();
        for state in 0..n_states {
            for action in 0..n_actions {
                let row = row(state, action);
                check_row(n_states, state, action, &row)?;
                transitions.extend(row);
                begins.push(transitions.len());
            }
        }
        Ok(Self { n_states, n_actions, begins, transitions, initial, starts })
    }

    /// The number of states, S.
    pub fn n_states(&self) -> usize {
        self.n_states
    }

    /// The number of actions, A.
    pub fn n_actions(&self) -> usize {
        self.n_actions
    }

    /// The distribution of the first state, `[S]`.
    pub fn initial(&self) -> &[f64] {
        &self.initial
    }

    /// The possible outcomes of `action` in `state`: at least one, whose probabilities sum to one.
    ///
    /// # Panics
    /// When there is no such state or action.
    #[inline]
    pub fn transitions(&self, state: usize, action: usize) -> &[Transition] {
        assert!(action < self.n_actions, "action {action} of {}", self.n_actions);
        let row = state * self.n_actions + action;
        &self.transitions[self.begins[row]..self.begins[row + 1]]
    }

    /// The mean reward of `action` in `state`: r(s, a) = Σ p r over the row.
    ///
    /// # Panics
    /// When there is no such state or action.
    pub fn expected_reward(&self, state: usize, action: usize) -> f64 {
        self.transitions(state, action).iter().map(|t| t.probability * t.reward).sum()
    }

    /// Draws the first state of an episode. A certain one takes nothing from the stream.
    #[inline]
    pub fn sample_initial(&self, rng: &mut Stream) -> usize {
        let last = self.starts.len() - 1;
        if last == 0 {
            return self.starts[0].1;
        }
        let u: f64 = rng.random();
        // Rounding may leave the whole sum just below one.
        let found = self.starts.partition_point(|&(up_to, _)| up_to <= u);
        self.starts[found.min(last)].1
    }

    /// Draws an outcome of `action` in `state`. A certain one takes nothing from the stream.
    ///
    /// # Panics
    /// When there is no such state or action.
    #[inline]
    pub fn sample(&self, state: usize, action: usize, rng: &mut Stream) -> &Transition {
        let row = self.transitions(state, action);
        if let [certain] = row {
            return certain;
        }
        let mut rest: f64 = rng.random();
        let mut drawn = &row[0];
        for outcome in row.iter().filter(|t| t.probability > 0.0) {
            drawn = outcome;
            rest -= outcome.probability;
            if rest < 0.0 {
                break;
            }
        }
        drawn
    }
}

fn is_probability(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}

fn sums_to_one(sum: f64) -> bool {
    (sum - 1.0).abs() <= SUM_TOLERANCE
}

fn check_row(n_states: usize, state: usize, action: usize, row: &[Transition]) -> Result<(), FiniteMdpError> {
    if row.is_empty() {
        return Err(FiniteMdpError::EmptyRow { state, action });
    }
    for (outcome, &Transition { probability, next_state, reward, .. }) in row.iter().enumerate() {
        if !is_probability(probability) {
            return Err(FiniteMdpError::Probability { state, action, outcome, value: probability });
        }
        if next_state >= n_states {
            return Err(FiniteMdpError::NextState { state, action, outcome, next_state, n_states });
        }
        if !reward.is_finite() {
            return Err(FiniteMdpError::Reward { state, action, outcome, value: reward });
        }
    }
    let sum = row.iter().map(|t| t.probability).sum();
    if sums_to_one(sum) { Ok(()) } else { Err(FiniteMdpError::RowSum { state, action, sum }) }
}

/// Checks the initial distribution and gives its states with their cumulative probabilities.
fn check_initial(n_states: usize, initial: &[f64]) -> Result<Vec<(f64, usize)>, FiniteMdpError> {
    if initial.len() != n_states {
        return Err(FiniteMdpError::InitialLength { found: initial.len(), expected: n_states });
    }
    let mut starts = Vec::new();
    let mut sum = 0.0;
    for (state, &value) in initial.iter().enumerate() {
        if !is_probability(value) {
            return Err(FiniteMdpError::InitialProbability { state, value });
        }
        if value > 0.0 {
            sum += value;
            starts.push((sum, state));
        }
    }
    if sums_to_one(sum) { Ok(starts) } else { Err(FiniteMdpError::InitialSum { sum }) }
}
