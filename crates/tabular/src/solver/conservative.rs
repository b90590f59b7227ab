//! Conservative policy iteration.

use super::progress::{Iteration, Progress, Step};
use crate::bounds::{max_abs_policy_advantage, mixture_bound, mixture_weight, policy_advantage};
use crate::{DiscountedMdp, Evaluation, PolicyTable, TabularError};

/// Conservative policy iteration (CPI): π_{i+1} = (1−α) π_i + α π′ with π′ greedy in the advantage of π_i.
///
/// With the policy advantage 𝔸 = Σ_s ρ(s) Σ_a π′(a|s) A(s, a) and ε = max_s |Σ_a π′(a|s) A(s, a)|, the weight
/// α = min(1, (1−γ)² 𝔸/(4εγ)) maximises the bound
///
/// η(π_{i+1}) − η(π_i) ≥ α 𝔸 − 2εγ/(1−γ)² α²,
///
/// which is what an iteration certifies: 𝔸² (1−γ)²/(8εγ) where α < 1. The size of a step is α.
///
/// Source: Kakade & Langford 2002, theorem 4.1 and corollary 4.2, here with the ρ that is not normalised; Schulman et
/// al. 2015, equations 5 and 6.
///
/// ```
/// use gradus_envs::finite::FrozenLake;
/// use gradus_tabular::{ConservativePolicyIteration, DiscountedMdp};
///
/// let mdp = DiscountedMdp::new(FrozenLake::four_by_four().mdp(), 0.9)?;
/// let mut solver = ConservativePolicyIteration::new(&mdp, mdp.uniform_policy())?;
/// let first = solver.advance()?;
/// assert!(first.improvement >= first.certified && first.certified > 0.0);
/// # Ok::<(), gradus_tabular::TabularError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConservativePolicyIteration<'m> {
    progress: Progress<'m>,
}

/// What an iteration of [`ConservativePolicyIteration`] did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConservativeInfo {
    /// 𝔸.
    pub policy_advantage: f64,
    /// ε.
    pub epsilon: f64,
    /// α.
    pub alpha: f64,
}

impl<'m> ConservativePolicyIteration<'m> {
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
    pub fn advance(&mut self) -> Result<Iteration<ConservativeInfo>, TabularError> {
        let Progress { mdp, policy, evaluation, .. } = &self.progress;
        let greedy = PolicyTable::greedy(mdp.n_actions(), &evaluation.advantages);
        let policy_advantage = policy_advantage(evaluation, &greedy);
        let epsilon = max_abs_policy_advantage(evaluation, &greedy);
        let alpha = mixture_weight(policy_advantage, epsilon, mdp.gamma());
        let certified = mixture_bound(policy_advantage, epsilon, mdp.gamma(), alpha);
        let mixture = policy.mixed_with(&greedy, alpha);
        self.progress.advance(Step { policy: mixture, certified, step_size: alpha }, |_, _| {
            ConservativeInfo { policy_advantage, epsilon, alpha }
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
