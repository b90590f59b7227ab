//! A finite Markov decision process with a discount.

use gradus_envs::finite::FiniteMdp;
use nalgebra::DMatrix;

use crate::error::{check_finite, check_length};
use crate::linear::Factors;
use crate::{Evaluation, PolicyTable, TabularError};

/// A finite Markov decision process with a discount γ below one, on which everything is computed exactly.
///
/// An end of an episode is a property of the transition, as in [`FiniteMdp`]: nothing follows it. Sums over the future
/// are over the steps that are taken, so that the matrix P of the transitions that go on may have rows of less than one.
/// (This is the process that goes to an absorbing state without rewards, with that state left out.)
///
/// Absorbing states, states that cannot be reached and actions without effect need nothing special: I − γP is regular
/// for every γ < 1.
#[derive(Clone, Debug, PartialEq)]
pub struct DiscountedMdp {
    table: FiniteMdp,
    gamma: f64,
    /// r(s, a), `[S, A]`.
    rewards: Vec<f64>,
    /// Where the successors of (s, a) begin, at s·A + a; and the end of the last.
    begins: Vec<usize>,
    /// The states that the process goes on in, once each and in ascending order, beside their probabilities.
    successors: Vec<(usize, f64)>,
}

impl DiscountedMdp {
    /// The process with the discount γ. Each row of the table is divided by its sum, which may differ from one by
    /// 1e-9.
    ///
    /// # Errors
    /// When γ is not in [0, 1).
    pub fn new(table: FiniteMdp, gamma: f64) -> Result<Self, TabularError> {
        if !(0.0..1.0).contains(&gamma) {
            return Err(TabularError::Gamma { value: gamma });
        }
        let mut mdp = Self { gamma, rewards: Vec::new(), begins: vec![0], successors: Vec::new(), table };
        for state in 0..mdp.n_states() {
            for action in 0..mdp.n_actions() {
                mdp.push_row(state, action);
            }
        }
        Ok(mdp)
    }

    fn push_row(&mut self, state: usize, action: usize) {
        let row = self.table.transitions(state, action);
        let sum: f64 = row.iter().map(|t| t.probability).sum();
        self.rewards.push(row.iter().map(|t| t.probability * t.reward).sum::<f64>() / sum);
        let goes_on = row.iter().filter(|t| !t.terminated && t.probability > 0.0);
        let mut next: Vec<(usize, f64)> = goes_on.map(|t| (t.next_state, t.probability / sum)).collect();
        next.sort_by_key(|&(state, _)| state);
        next.dedup_by(|dropped, kept| {
            let same = dropped.0 == kept.0;
            kept.1 += if same { dropped.1 } else { 0.0 };
            same
        });
        self.successors.extend(next);
        self.begins.push(self.successors.len());
    }

    /// The table, without the discount.
    pub fn table(&self) -> &FiniteMdp {
        &self.table
    }

    /// The discount, γ.
    pub fn gamma(&self) -> f64 {
        self.gamma
    }

    /// The number of states, S.
    pub fn n_states(&self) -> usize {
        self.table.n_states()
    }

    /// The number of actions, A.
    pub fn n_actions(&self) -> usize {
        self.table.n_actions()
    }

    /// The distribution of the first state, `[S]`.
    pub fn initial(&self) -> &[f64] {
        self.table.initial()
    }

    /// r(s, a), the mean reward of an action, `[S, A]`.
    pub fn rewards(&self) -> &[f64] {
        &self.rewards
    }

    /// The states in which the process goes on after `action` in `state`, with their probabilities: each once, in
    /// ascending order. What is missing to one ends the episode.
    ///
    /// # Panics
    /// When there is no such state or action.
    pub fn successors(&self, state: usize, action: usize) -> &[(usize, f64)] {
        assert!(action < self.n_actions(), "action {action} of {}", self.n_actions());
        let cell = state * self.n_actions() + action;
        &self.successors[self.begins[cell]..self.begins[cell + 1]]
    }

    /// The policy that takes every action with the same probability.
    pub fn uniform_policy(&self) -> PolicyTable {
        PolicyTable::uniform(self.n_states(), self.n_actions())
    }

    /// Q of a value of what follows: Q(s, a) = r(s, a) + γ Σ_s′ P(s′|s, a) V(s′), `[S, A]`.
    ///
    /// # Panics
    /// When there is not one value for each state.
    pub fn action_values(&self, values: &[f64]) -> Vec<f64> {
        assert_eq!(values.len(), self.n_states(), "one value for each state");
        let next = |cell: usize| &self.successors[self.begins[cell]..self.begins[cell + 1]];
        let mean = |cell: usize| next(cell).iter().map(|&(s, p)| p * values[s]).sum::<f64>();
        self.rewards.iter().enumerate().map(|(cell, r)| r + self.gamma * mean(cell)).collect()
    }

    /// Everything about a policy, by linear solves; see [`Evaluation`].
    ///
    /// V = r_π + γ P_π V and ρ = ρ₀ + γ P_πᵀ ρ, so that one factorisation of I − γP_π gives both: O(S³).
    ///
    /// # Errors
    /// When the policy has another shape, or a value overflows.
    pub fn evaluate(&self, policy: &PolicyTable) -> Result<Evaluation, TabularError> {
        self.check_shape(policy)?;
        let factors = Factors::of(self.system(policy));
        let values = factors.solve(&self.policy_rewards(policy));
        check_finite("the value", &values)?;
        let visitation = factors.solve_transposed(self.initial());
        check_finite("the visitation", &visitation)?;
        let action_values = self.action_values(&values);
        let by_state = action_values.chunks_exact(self.n_actions()).zip(&values);
        let advantages: Vec<f64> = by_state.flat_map(|(q, v)| q.iter().map(move |q| q - v)).collect();
        let eta = self.mean_over_starts(&values);
        Ok(Evaluation { n_actions: self.n_actions(), values, action_values, advantages, visitation, eta })
    }

    /// Σ_s ρ₀(s) V(s).
    pub(crate) fn mean_over_starts(&self, values: &[f64]) -> f64 {
        self.initial().iter().zip(values).map(|(p, v)| p * v).sum()
    }

    /// Refuses a policy of another process.
    pub(crate) fn check_shape(&self, policy: &PolicyTable) -> Result<(), TabularError> {
        let (s, a) = (self.n_states(), self.n_actions());
        let shape = || format!("[states, actions] of {s} states and {a} actions");
        // Equal products of other factors are caught as well.
        let found = if policy.n_actions() == a { policy.probabilities().len() } else { policy.n_actions() };
        let expected = if policy.n_actions() == a { s * a } else { a };
        check_length("policy", found, expected, shape)
    }

    /// I − γ P_π.
    fn system(&self, policy: &PolicyTable) -> DMatrix<f64> {
        let mut matrix = DMatrix::identity(self.n_states(), self.n_states());
        for (state, row) in policy.rows().enumerate() {
            for (action, &pi) in row.iter().enumerate().filter(|(_, pi)| **pi > 0.0) {
                for &(next, p) in self.successors(state, action) {
                    matrix[(state, next)] -= self.gamma * pi * p;
                }
            }
        }
        matrix
    }

    /// r_π(s) = Σ_a π(a|s) r(s, a).
    fn policy_rewards(&self, policy: &PolicyTable) -> Vec<f64> {
        let rewards = self.rewards.chunks_exact(self.n_actions());
        policy.rows().zip(rewards).map(|(pi, r)| dot(pi, r)).collect()
    }

    /// Which states some policy reaches in the midst of an episode, `[S]`. Nothing that happens in the others has a
    /// part in any η.
    pub fn reachable(&self) -> Vec<bool> {
        let mut reached: Vec<bool> = self.initial().iter().map(|&p| p > 0.0).collect();
        let mut pending: Vec<usize> = (0..reached.len()).filter(|&s| reached[s]).collect();
        while let Some(state) = pending.pop() {
            for action in 0..self.n_actions() {
                for &(next, _) in self.successors(state, action) {
                    if !reached[next] {
                        reached[next] = true;
                        pending.push(next);
                    }
                }
            }
        }
        reached
    }

    /// Which states are never left once they are entered, whatever is done, `[S]`.
    pub fn absorbing(&self) -> Vec<bool> {
        let stays = |state: usize, action: usize| {
            let next = self.successors(state, action);
            // Rows sum to one within rounding, and an end of the episode leaves the state.
            matches!(next, [(only, p)] if *only == state && *p > 1.0 - 1e-12)
        };
        (0..self.n_states()).map(|s| (0..self.n_actions()).all(|a| stays(s, a))).collect()
    }
}

/// Σ_i x_i y_i.
pub(crate) fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}
