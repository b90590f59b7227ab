//! Algorithm 1 of the TRPO paper.

use super::best_response::penalized_maximum;
use super::progress::{Iteration, Progress, Step};
use crate::bounds::{PenaltyFactors, max_abs_advantage, max_kl_old_new, policy_advantage};
use crate::{DiscountedMdp, Evaluation, PolicyTable, TabularError};

/// Policy iteration that guarantees non-decreasing returns, Algorithm 1 of Schulman et al. 2015:
///
/// π_{i+1} = argmax_π M_i(π), M_i(π) = L_{π_i}(π) − C max_s KL(π_i(·|s) ‖ π(·|s)), C = 4εγ/(1−γ)², ε = max |A_{π_i}|.
///
/// The maximum is exact; [`penalized_maximum`] says how. M_i bounds η from below and touches it at π_i, hence
///
/// η(π_{i+1}) − η(π_i) ≥ M_i(π_{i+1}) − M_i(π_i) ≥ 0,
///
/// whose middle is what an iteration certifies. The size of a step is max_s KL(π_i‖π_{i+1}).
///
/// Source: Schulman et al. 2015, equations 9 and 10 and Algorithm 1. Where it leaves the choice of argmax open, in states
/// that π_i does not visit, the step is as in those that it does.
///
/// ```
/// use gradus_envs::finite::FrozenLake;
/// use gradus_tabular::{DiscountedMdp, MonotoneImprovement};
///
/// let mdp = DiscountedMdp::new(FrozenLake::four_by_four().mdp(), 0.9)?;
/// let mut solver = MonotoneImprovement::new(&mdp, mdp.uniform_policy())?;
/// let first = solver.advance()?;
/// assert!(first.improvement >= first.certified && first.certified > 0.0);
/// # Ok::<(), gradus_tabular::TabularError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MonotoneImprovement<'m> {
    progress: Progress<'m>,
}

/// What an iteration of [`MonotoneImprovement`] did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MonotoneInfo {
    /// L_{π_i}(π_{i+1}) − η(π_i).
    pub surrogate_gain: f64,
    /// ε = max |A_{π_i}|.
    pub epsilon: f64,
    /// C.
    pub penalty: f64,
    /// max_s KL(π_i(·|s) ‖ π_{i+1}(·|s)).
    pub max_kl_old_new: f64,
}

impl<'m> MonotoneImprovement<'m> {
    /// Starts from `policy`.
    ///
    /// # Errors
    /// When the policy is of another process or never takes some action, or a value overflows.
    pub fn new(mdp: &'m DiscountedMdp, policy: PolicyTable) -> Result<Self, TabularError> {
        mdp.check_shape(&policy)?;
        if let Some((state, action)) = policy.first_without_support() {
            return Err(TabularError::NoSupport { state, action });
        }
        let optimal_eta = mdp.optimum()?.evaluation.eta;
        Ok(Self { progress: Progress::new(mdp, policy, optimal_eta)? })
    }

    /// One iteration.
    ///
    /// # Errors
    /// When a value overflows.
    pub fn advance(&mut self) -> Result<Iteration<MonotoneInfo>, TabularError> {
        let Progress { mdp, policy, evaluation, .. } = &self.progress;
        let epsilon = max_abs_advantage(evaluation);
        let penalty = PenaltyFactors::new(epsilon, mdp.gamma()).kl;
        let new = penalized_maximum(policy, evaluation, penalty).policy;
        // Of the tables as they are, not as the solution of the inner problem would have them. The old policy's own
        // advantage is zero but for rounding, which would drown a small gain.
        let surrogate_gain = policy_advantage(evaluation, &new) - policy_advantage(evaluation, policy);
        let max_kl_old_new = max_kl_old_new(policy, &new);
        // Without a penalty the policy may leave actions out at no cost: 0 · ∞ is 0 here.
        let certified = surrogate_gain - if penalty > 0.0 { penalty * max_kl_old_new } else { 0.0 };
        let step = Step { policy: new, certified, step_size: max_kl_old_new };
        self.progress.advance(step, |_, _| MonotoneInfo { surrogate_gain, epsilon, penalty, max_kl_old_new })
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
