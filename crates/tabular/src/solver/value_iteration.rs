//! Value iteration.

use super::progress::Iteration;
use crate::{DiscountedMdp, Evaluation, PolicyTable, TabularError};

/// Value iteration: V_{i+1} = T V_i, (T V)(s) = max_a r(s, a) + γ Σ_s′ P(s′|s, a) V(s′), from V_0 = 0.
///
/// The policy π_{i+1} is greedy in V_i; it is evaluated exactly, so that an iteration tells the true improvement, as the
/// other methods do. That is not what value iteration needs, and not always an improvement.
///
/// With the least and the greatest change m = min(0, min_s V_{i+1}(s) − V_i(s)) and M likewise,
///
/// Σ_s ρ₀(s) V_{i+1}(s) + γ m/(1−γ) ≤ η(π_{i+1}) ≤ η* ≤ Σ_s ρ₀(s) V_{i+1}(s) + γ M/(1−γ),
///
/// whose first inequality, less η(π_i), is what an iteration certifies of the improvement, and whose ends bound the gap.
/// The zero in m and M is there for processes whose episodes end. The size of a step is ‖V_{i+1} − V_i‖_∞.
///
/// Source: Bellman 1957; the bounds are MacQueen's (1966), Puterman 1994, theorem 6.6.6.
///
/// ```
/// use gradus_envs::finite::FrozenLake;
/// use gradus_tabular::{DiscountedMdp, ValueIteration};
///
/// let mdp = DiscountedMdp::new(FrozenLake::four_by_four().mdp(), 0.99)?;
/// let mut solver = ValueIteration::new(&mdp, mdp.uniform_policy())?;
/// while solver.advance()?.gap_bound > 1e-9 {}
/// assert!((solver.values()[0] - mdp.optimum()?.evaluation.eta).abs() < 1e-9);
/// # Ok::<(), gradus_tabular::TabularError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ValueIteration<'m> {
    mdp: &'m DiscountedMdp,
    values: Vec<f64>,
    policy: PolicyTable,
    evaluation: Evaluation,
    optimal_eta: f64,
    gap_bound: f64,
    index: usize,
}

/// What an iteration of [`ValueIteration`] did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueIterationInfo {
    /// The lower bound on η(π_{i+1}), and hence on η*.
    pub lower: f64,
    /// The upper bound on η*.
    pub upper: f64,
    /// In how many states the policy changed.
    pub changed_states: usize,
}

impl<'m> ValueIteration<'m> {
    /// Starts from V = 0. `policy` is what the first improvement is measured from.
    ///
    /// # Errors
    /// When the policy is of another process, or a value overflows.
    pub fn new(mdp: &'m DiscountedMdp, policy: PolicyTable) -> Result<Self, TabularError> {
        let evaluation = mdp.evaluate(&policy)?;
        let optimal_eta = mdp.optimum()?.evaluation.eta;
        let values = vec![0.0; mdp.n_states()];
        Ok(Self { mdp, values, policy, evaluation, optimal_eta, gap_bound: f64::INFINITY, index: 0 })
    }

    /// One iteration.
    ///
    /// # Errors
    /// When a value overflows.
    pub fn advance(&mut self) -> Result<Iteration<ValueIterationInfo>, TabularError> {
        let eta_old = self.evaluation.eta;
        let scores = self.mdp.action_values(&self.values);
        // Ties are kept exactly: slack would spoil the bounds, and there is no solve whose rounding it would hide.
        let policy = self.policy.greedy_keeping(&scores, 0.0);
        let changed_states = policy.rows().zip(self.policy.rows()).filter(|(new, old)| new != old).count();
        if changed_states > 0 {
            self.evaluation = self.mdp.evaluate(&policy)?;
            self.policy = policy;
        }
        let rows = scores.chunks_exact(self.mdp.n_actions());
        let values: Vec<f64> =
            rows.map(|row| row.iter().copied().fold(f64::NEG_INFINITY, f64::max)).collect();
        let changes = || values.iter().zip(&self.values).map(|(new, old)| new - old);
        let (least, greatest) = (changes().fold(0.0, f64::min), changes().fold(0.0, f64::max));
        let outlook = self.mdp.gamma() / (1.0 - self.mdp.gamma());
        let mean = self.mdp.mean_over_starts(&values);
        let (lower, upper) = (mean + outlook * least, mean + outlook * greatest);
        self.values = values;
        self.index += 1;
        self.gap_bound = upper - lower;
        let eta = self.evaluation.eta;
        Ok(Iteration {
            index: self.index,
            eta,
            improvement: eta - eta_old,
            certified: lower - eta_old,
            step_size: greatest.max(-least),
            gap: self.optimal_eta - eta,
            gap_bound: self.gap_bound,
            detail: ValueIterationInfo { lower, upper, changed_states },
        })
    }

    /// V_i, `[S]`.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The policy as it is now.
    pub fn policy(&self) -> &PolicyTable {
        &self.policy
    }

    /// Its evaluation.
    pub fn evaluation(&self) -> &Evaluation {
        &self.evaluation
    }

    pub(crate) fn optimal_eta(&self) -> f64 {
        self.optimal_eta
    }

    pub(crate) fn gap_bound(&self) -> f64 {
        self.gap_bound
    }
}
