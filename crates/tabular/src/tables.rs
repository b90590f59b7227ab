//! Processes from plain tables.

use gradus_envs::finite::{FiniteMdp, Transition};
use serde::{Deserialize, Serialize};

use crate::error::check_length;
use crate::{DiscountedMdp, TabularError};

/// A finite Markov decision process as plain tables, such as papers and files hold.
///
/// [`FiniteMdp`] takes transitions that end an episode one by one. Here an episode ends when a state is entered that
/// `terminal` marks; what the tables say of such a state's own actions is not read. A state that is never left without
/// being marked is absorbing: it goes on for ever, and its rewards count.
///
/// ```
/// use gradus_tabular::{PolicyTable, Tables};
///
/// // From state 0, action 0 stays and pays 1, action 1 ends the episode in state 1 and pays 5.
/// let tables = Tables {
///     n_states: 2,
///     n_actions: 2,
///     transitions: vec![1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
///     rewards: vec![1.0, 5.0, 0.0, 0.0],
///     initial: vec![1.0, 0.0],
///     terminal: vec![false, true],
/// };
/// let mdp = tables.discounted(0.9)?;
/// let stay = PolicyTable::deterministic(2, &[0, 0])?;
/// assert!((mdp.evaluate(&stay)?.eta - 10.0).abs() < 1e-12);
/// # Ok::<(), gradus_tabular::TabularError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tables {
    /// The number of states, S.
    pub n_states: usize,
    /// The number of actions, A.
    pub n_actions: usize,
    /// P(s′|s, a), `[S, A, S]`.
    pub transitions: Vec<f64>,
    /// r(s, a), `[S, A]`, or r(s, a, s′), `[S, A, S]`: which of the two, their number says.
    pub rewards: Vec<f64>,
    /// The distribution of the first state, `[S]`.
    pub initial: Vec<f64>,
    /// Which states end the episode when they are entered, `[S]`; empty where none does.
    #[serde(default)]
    pub terminal: Vec<bool>,
}

impl Tables {
    /// The checked process, as environments draw from it.
    ///
    /// # Errors
    /// When a table has the wrong length, and where [`FiniteMdp::new`] has an error. The outcome that such an error
    /// names is the next state.
    pub fn finite_mdp(&self) -> Result<FiniteMdp, TabularError> {
        let (n_states, n_actions) = (self.n_states, self.n_actions);
        self.check_lengths()?;
        let per_outcome = self.rewards.len() != n_states * n_actions;
        let ends = |state: usize| self.terminal.get(state).copied().unwrap_or(false);
        let row = |state: usize, action: usize| {
            if ends(state) {
                return vec![Transition::certain(state, 0.0, true)];
            }
            let cell = state * n_actions + action;
            let outcome = |next_state: usize| Transition {
                probability: self.transitions[cell * n_states + next_state],
                next_state,
                reward: self.rewards[if per_outcome { cell * n_states + next_state } else { cell }],
                terminated: ends(next_state),
            };
            (0..n_states).map(outcome).collect()
        };
        Ok(FiniteMdp::new(n_states, n_actions, self.initial.clone(), row)?)
    }

    /// The process with the discount γ.
    ///
    /// # Errors
    /// As [`finite_mdp`](Self::finite_mdp), and when γ is not in [0, 1).
    pub fn discounted(&self, gamma: f64) -> Result<DiscountedMdp, TabularError> {
        DiscountedMdp::new(self.finite_mdp()?, gamma)
    }

    fn check_lengths(&self) -> Result<(), TabularError> {
        let (s, a) = (self.n_states, self.n_actions);
        let cells = |dimensions: &[usize]| dimensions.iter().fold(1_usize, |n, &x| n.saturating_mul(x));
        let all = || format!("[states, actions, states] of {s} states and {a} actions");
        check_length("transitions", self.transitions.len(), cells(&[s, a, s]), all)?;
        if self.rewards.len() != cells(&[s, a, s]) {
            let shape = || format!("[states, actions] of {s} states and {a} actions, or one a next state");
            check_length("rewards", self.rewards.len(), cells(&[s, a]), shape)?;
        }
        if !self.terminal.is_empty() {
            check_length("terminal", self.terminal.len(), s, || format!("one a state of {s}"))?;
        }
        Ok(())
    }
}
