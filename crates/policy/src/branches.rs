//! Several actions tried out in one state.

use gradus_core_math::Real;

/// What several actions of the same state came to: for S rows of a batch, K actions each, with their values.
///
/// A collector that can put a task back into an earlier state fills it, beside the batch that these states are of
/// (Schulman et al. 2015, section 5.2). TRPO and NPG then take their surrogate from here; others have no use for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Branches<T> {
    /// The rows of the batch whose states these are, `[S]`.
    pub rows: Vec<u32>,
    /// K.
    pub actions_per_state: usize,
    /// Whether the K actions are all that there are, each once; else they are drawn from π_old(·|s).
    pub all_actions: bool,
    /// Actions, `[S, K, action_width]`.
    pub actions: Vec<T>,
    /// log π_old(a|s), `[S, K]`; −∞ for an action that s does not allow, whose value means nothing.
    pub log_probs: Vec<T>,
    /// Estimates of Q(s, a) under π_old, `[S, K]`.
    pub q_values: Vec<T>,
}

impl<T: Real> Branches<T> {
    /// Panics unless the arrays fit together, and `rows` lie in a batch of `batch` rows.
    ///
    /// # Panics
    /// When they do not, with the name of the one that does not.
    pub fn assert_fits(&self, batch: usize, action_width: usize) {
        let expected = self.rows.len() * self.actions_per_state;
        for (name, found, expected) in [
            ("actions", self.actions.len(), expected * action_width),
            ("log_probs", self.log_probs.len(), expected),
            ("q_values", self.q_values.len(), expected),
        ] {
            assert!(found == expected, "{name} of branches are {found} long, not {expected}");
        }
        let outside = self.rows.iter().find(|&&row| row as usize >= batch);
        assert!(outside.is_none(), "branches begin in row {outside:?} of a batch of {batch} rows");
    }

    /// The actions, their log-probabilities and their values of state `n`.
    pub fn of_state(&self, n: usize) -> (&[T], &[T], &[T]) {
        let (k, states) = (self.actions_per_state, self.rows.len());
        let width = self.actions.len() / (states * k);
        let range = n * k..(n + 1) * k;
        (
            &self.actions[range.start * width..range.end * width],
            &self.log_probs[range.clone()],
            &self.q_values[range],
        )
    }
}
