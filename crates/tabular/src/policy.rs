//! A policy as a table.

use crate::TabularError;
use crate::error::check_rows;

/// How far from one the probabilities of a row may sum, as in the tables of `gradus_envs::finite`.
const SUM_TOLERANCE: f64 = 1e-9;

/// A stationary policy as a table: π(a|s) for every state and action.
///
/// ```
/// use gradus_tabular::PolicyTable;
///
/// let policy = PolicyTable::new(2, vec![0.25, 0.75, 1.0, 0.0])?;
/// assert_eq!(policy.row(0), [0.25, 0.75]);
/// assert_eq!(policy.chosen(1), Some(0));
/// # Ok::<(), gradus_tabular::TabularError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyTable {
    n_actions: usize,
    probabilities: Vec<f64>,
}

impl PolicyTable {
    /// The policy with these probabilities, each row of which is divided by its sum.
    ///
    /// # Shapes
    /// `probabilities`: `[S, A]`, state by state.
    ///
    /// # Errors
    /// When there are no whole rows of `n_actions`, a number is no probability, or a row does not sum to one within
    /// 1e-9.
    pub fn new(n_actions: usize, probabilities: Vec<f64>) -> Result<Self, TabularError> {
        check_rows("policy", probabilities.len(), n_actions)?;
        let mut policy = Self { n_actions, probabilities };
        for (state, row) in policy.probabilities.chunks_exact_mut(n_actions).enumerate() {
            if let Some((action, &value)) = row.iter().enumerate().find(|(_, p)| !p.is_finite() || **p < 0.0)
            {
                return Err(TabularError::PolicyProbability { state, action, value });
            }
            let sum: f64 = row.iter().sum();
            if (sum - 1.0).abs() > SUM_TOLERANCE {
                return Err(TabularError::PolicySum { state, sum });
            }
            row.iter_mut().for_each(|p| *p /= sum);
        }
        Ok(policy)
    }

    /// The policy that takes every action with probability 1/A.
    ///
    /// # Panics
    /// When there is no state or no action.
    pub fn uniform(n_states: usize, n_actions: usize) -> Self {
        assert!(n_states > 0 && n_actions > 0, "a policy has at least one state and one action");
        Self { n_actions, probabilities: vec![1.0 / n_actions as f64; n_states * n_actions] }
    }

    /// The policy that takes action `actions[s]` in state s.
    ///
    /// # Errors
    /// When there is no such action, or no state.
    pub fn deterministic(n_actions: usize, actions: &[usize]) -> Result<Self, TabularError> {
        check_rows("policy", actions.len().saturating_mul(n_actions), n_actions)?;
        let mut probabilities = vec![0.0; actions.len() * n_actions];
        for (state, &action) in actions.iter().enumerate() {
            if action >= n_actions {
                return Err(TabularError::NoSuchAction { state, action, n_actions });
            }
            probabilities[state * n_actions + action] = 1.0;
        }
        Ok(Self { n_actions, probabilities })
    }

    /// The policy that takes, in each state, the action of the greatest score; the first of equals.
    ///
    /// # Shapes
    /// `scores`: `[S, A]`, of Q or of the advantage.
    ///
    /// # Panics
    /// When `scores` is no whole rows of `n_actions`.
    pub fn greedy(n_actions: usize, scores: &[f64]) -> Self {
        let best = scores.chunks_exact(n_actions).map(first_greatest);
        Self::of_actions(n_actions, scores.len() / n_actions, best)
    }

    /// As [`greedy`](Self::greedy), but a state keeps the action that `self` takes for certain where no other one is
    /// better by more than `slack`: rounding does not make a policy jump between equals.
    pub(crate) fn greedy_keeping(&self, scores: &[f64], slack: f64) -> Self {
        let best = scores.chunks_exact(self.n_actions).enumerate().map(|(state, row)| {
            let best = first_greatest(row);
            self.chosen(state).filter(|&kept| row[kept] >= row[best] - slack).unwrap_or(best)
        });
        Self::of_actions(self.n_actions, self.n_states(), best)
    }

    /// From rows that are known to be distributions.
    pub(crate) fn trusted(n_actions: usize, probabilities: Vec<f64>) -> Self {
        debug_assert!(probabilities.len().is_multiple_of(n_actions));
        Self { n_actions, probabilities }
    }

    fn of_actions(n_actions: usize, n_states: usize, actions: impl Iterator<Item = usize>) -> Self {
        let mut probabilities = vec![0.0; n_states * n_actions];
        for (row, action) in probabilities.chunks_exact_mut(n_actions).zip(actions) {
            row[action] = 1.0;
        }
        Self { n_actions, probabilities }
    }

    /// The mixture (1−α) π + α π′ of this policy π with `other`, π′.
    ///
    /// Source: Kakade & Langford 2002, section 4, the conservative update.
    ///
    /// # Panics
    /// When α is outside [0, 1], or the policies have other shapes.
    pub fn mixed_with(&self, other: &Self, alpha: f64) -> Self {
        assert!((0.0..=1.0).contains(&alpha), "a mixture's weight lies in [0, 1], {alpha} does not");
        assert_eq!(self.shape(), other.shape(), "policies of one process");
        let pairs = self.probabilities.iter().zip(&other.probabilities);
        let probabilities = pairs.map(|(p, q)| (1.0 - alpha) * p + alpha * q).collect();
        Self { n_actions: self.n_actions, probabilities }
    }

    /// The number of states, S.
    pub fn n_states(&self) -> usize {
        self.probabilities.len() / self.n_actions
    }

    /// The number of actions, A.
    pub fn n_actions(&self) -> usize {
        self.n_actions
    }

    /// S and A.
    pub(crate) fn shape(&self) -> (usize, usize) {
        (self.n_states(), self.n_actions)
    }

    /// All probabilities, `[S, A]`.
    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    /// π(·|s).
    ///
    /// # Panics
    /// When there is no such state.
    pub fn row(&self, state: usize) -> &[f64] {
        &self.probabilities[state * self.n_actions..(state + 1) * self.n_actions]
    }

    /// The rows of all states, in their order.
    pub fn rows(&self) -> std::slice::ChunksExact<'_, f64> {
        self.probabilities.chunks_exact(self.n_actions)
    }

    /// The action that is taken for certain in `state`, if one is.
    ///
    /// # Panics
    /// When there is no such state.
    pub fn chosen(&self, state: usize) -> Option<usize> {
        self.row(state).iter().position(|&p| p >= 1.0)
    }

    /// The first state and action of probability zero.
    pub(crate) fn first_without_support(&self) -> Option<(usize, usize)> {
        let at = self.probabilities.iter().position(|&p| p <= 0.0)?;
        Some((at / self.n_actions, at % self.n_actions))
    }
}

/// The place of the greatest number, the first of equals.
fn first_greatest(row: &[f64]) -> usize {
    let mut best = 0;
    for (i, &x) in row.iter().enumerate() {
        if x > row[best] {
            best = i;
        }
    }
    best
}
