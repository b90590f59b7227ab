//! Policy iteration.

use super::progress::{Iteration, Progress, Step};
use crate::{DiscountedMdp, Evaluation, PolicyTable, TabularError};

/// By how much, relative to the greatest |Q|, another action must be better to be changed to: differences below are
/// the rounding of the linear solve.
const ROUNDING: f64 = 1e-13;

/// The best that a process allows.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimum {
    /// A policy that is best from every state.
    pub policy: PolicyTable,
    /// Its evaluation: V*, Q*, and η*.
    pub evaluation: Evaluation,
}

impl DiscountedMdp {
    /// A policy that is best from every state, by [`PolicyIteration`] up to its end.
    ///
    /// # Errors
    /// When a value overflows.
    pub fn optimum(&self) -> Result<Optimum, TabularError> {
        let mut policy = PolicyTable::greedy(self.n_actions(), self.rewards());
        let mut evaluation = self.evaluate(&policy)?;
        loop {
            let better = greedy(&policy, &evaluation);
            if better == policy {
                return Ok(Optimum { policy, evaluation });
            }
            let new = self.evaluate(&better)?;
            // In exact arithmetic the sum of the values rises until the end. It has to rise here as well, so that
            // rounding cannot lead in a circle.
            if new.values.iter().sum::<f64>() <= evaluation.values.iter().sum::<f64>() {
                return Ok(Optimum { policy, evaluation });
            }
            (policy, evaluation) = (better, new);
        }
    }
}

/// The policy that is greedy in Q, and keeps what is as good.
fn greedy(policy: &PolicyTable, evaluation: &Evaluation) -> PolicyTable {
    let greatest = evaluation.action_values.iter().fold(0.0, |max: f64, q| max.max(q.abs()));
    policy.greedy_keeping(&evaluation.action_values, ROUNDING * greatest)
}

/// Policy iteration: evaluate exactly, then be greedy in Q everywhere.
///
/// π_{i+1}(s) = argmax_a Q_{π_i}(s, a). By the policy improvement theorem V_{π_{i+1}}(s) ≥ V_{π_i}(s) in every state, and
/// more precisely V_{π_{i+1}} ≥ T V_{π_i} ≥ V_{π_i} with Bellman's operator T, so that
///
/// η(π_{i+1}) − η(π_i) ≥ Σ_s ρ₀(s) max_a A_{π_i}(s, a),
///
/// which is what an iteration certifies. Its step is whole: the size is 1, or 0 where nothing changed.
///
/// Source: Howard 1960; Puterman 1994, section 6.4; Sutton & Barto, 2nd edition, sections 4.2 and 4.3.
///
/// ```
/// use gradus_envs::finite::CliffWalking;
/// use gradus_tabular::{DiscountedMdp, PolicyIteration};
///
/// let mdp = DiscountedMdp::new(CliffWalking::default().mdp(), 0.99)?;
/// let mut solver = PolicyIteration::new(&mdp, mdp.uniform_policy())?;
/// while solver.advance()?.step_size > 0.0 {}
/// // Thirteen steps along the cliff.
/// let eta: f64 = -(0..13).map(|t| 0.99_f64.powi(t)).sum::<f64>();
/// assert!((solver.evaluation().eta - eta).abs() < 1e-10);
/// # Ok::<(), gradus_tabular::TabularError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PolicyIteration<'m> {
    progress: Progress<'m>,
}

/// What an iteration of [`PolicyIteration`] did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PolicyIterationInfo {
    /// In how many states the policy changed.
    pub changed_states: usize,
    /// min_s V_{π_{i+1}}(s) − V_{π_i}(s), which the policy improvement theorem says is not negative; rounding may leave
    /// it some units in the last place below.
    pub least_value_gain: f64,
}

impl<'m> PolicyIteration<'m> {
    /// Starts from `policy`.
    ///
    /// # Errors
    /// When the policy is of another process, or a value overflows.
    pub fn new(mdp: &'m DiscountedMdp, policy: PolicyTable) -> Result<Self, TabularError> {
        mdp.check_shape(&policy)?;
        let optimal_eta = mdp.optimum()?.evaluation.eta;
        Ok(Self { progress: Progress::new(mdp, policy, optimal_eta)? })
    }

    /// One iteration.
    ///
    /// # Errors
    /// When a value overflows.
    pub fn advance(&mut self) -> Result<Iteration<PolicyIterationInfo>, TabularError> {
        let Progress { mdp, policy, evaluation, .. } = &self.progress;
        let better = greedy(policy, evaluation);
        let changed_states = policy.rows().zip(better.rows()).filter(|(old, new)| old != new).count();
        let certified = mdp.mean_over_starts(&evaluation.greatest_advantages());
        let step_size = if changed_states > 0 { 1.0 } else { 0.0 };
        self.progress.advance(Step { policy: better, certified, step_size }, |old, new| {
            let gains = new.values.iter().zip(&old.values).map(|(new, old)| new - old);
            PolicyIterationInfo { changed_states, least_value_gain: gains.fold(f64::INFINITY, f64::min) }
        })
    }

    /// The policy as it is now.
    pub fn policy(&self) -> &PolicyTable {
        &self.progress.policy
    }

    /// Its evaluation.
    pub fn evaluation(&self) -> &Evaluation {
        &self.progress.evaluation
    }

    pub(crate) fn progress(&self) -> &Progress<'m> {
        &self.progress
    }
}
