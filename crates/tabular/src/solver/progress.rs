//! What all solvers keep and report.

use crate::{DiscountedMdp, Evaluation, PolicyTable, TabularError};

/// What one iteration did: from policy π_i to π_{i+1}.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Iteration<D> {
    /// The number of the iteration, from 1.
    pub index: usize,
    /// η(π_{i+1}), exactly.
    pub eta: f64,
    /// The true improvement, η(π_{i+1}) − η(π_i).
    pub improvement: f64,
    /// What the method's theory certifies of the improvement before it is known: a lower bound on it.
    pub certified: f64,
    /// The size of the step; what that is, the method says.
    pub step_size: f64,
    /// η* − η(π_{i+1}), with the optimum known.
    pub gap: f64,
    /// What is certain of the gap without knowing the optimum: an upper bound on it.
    pub gap_bound: f64,
    /// What belongs to the method.
    pub detail: D,
}

impl<D> Iteration<D> {
    /// The same with another detail.
    pub(crate) fn map<E>(self, f: impl FnOnce(D) -> E) -> Iteration<E> {
        let Self { index, eta, improvement, certified, step_size, gap, gap_bound, detail } = self;
        Iteration { index, eta, improvement, certified, step_size, gap, gap_bound, detail: f(detail) }
    }
}

/// A policy on its way, with its evaluation.
#[derive(Clone, Debug)]
pub(crate) struct Progress<'m> {
    pub(crate) mdp: &'m DiscountedMdp,
    pub(crate) policy: PolicyTable,
    pub(crate) evaluation: Evaluation,
    /// η*.
    pub(crate) optimal_eta: f64,
    reachable: Vec<bool>,
    index: usize,
}

/// What a method knows of its step.
pub(crate) struct Step {
    pub(crate) policy: PolicyTable,
    pub(crate) certified: f64,
    pub(crate) step_size: f64,
}

impl<'m> Progress<'m> {
    /// Starts with `policy`. `optimal_eta` is η*, which only the reported gap needs.
    pub(crate) fn new(
        mdp: &'m DiscountedMdp,
        policy: PolicyTable,
        optimal_eta: f64,
    ) -> Result<Self, TabularError> {
        let evaluation = mdp.evaluate(&policy)?;
        Ok(Self { mdp, policy, evaluation, optimal_eta, reachable: mdp.reachable(), index: 0 })
    }

    /// max_s max_a A(s, a)/(1−γ) over the states that can be reached: no policy is better by more, since
    /// η* − η = Σ_s ρ*(s) Σ_a π*(a|s) A(s, a) and ρ* sums to 1/(1−γ) at most.
    pub(crate) fn gap_bound(&self) -> f64 {
        let greatest = self.evaluation.greatest_advantages();
        let reached = greatest.iter().zip(&self.reachable).filter(|(_, reachable)| **reachable);
        // Some action is no worse than the mean, but for rounding.
        reached.map(|(a, _)| *a).fold(0.0, f64::max) / (1.0 - self.mdp.gamma())
    }

    /// Goes to a new policy, and reports; `detail` sees the evaluations of the old and the new one.
    pub(crate) fn advance<D>(
        &mut self,
        step: Step,
        detail: impl FnOnce(&Evaluation, &Evaluation) -> D,
    ) -> Result<Iteration<D>, TabularError> {
        let new = self.mdp.evaluate(&step.policy)?;
        let detail = detail(&self.evaluation, &new);
        let old = std::mem::replace(&mut self.evaluation, new);
        self.policy = step.policy;
        self.index += 1;
        let eta = self.evaluation.eta;
        Ok(Iteration {
            index: self.index,
            eta,
            improvement: eta - old.eta,
            certified: step.certified,
            step_size: step.step_size,
            gap: self.optimal_eta - eta,
            gap_bound: self.gap_bound(),
            detail,
        })
    }
}
