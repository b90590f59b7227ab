//! Backtracking line search with one constraint.

use serde::{Deserialize, Serialize};

use super::{SolverSettingError, require};

/// The settings of a backtracking line search, which tries the step scaled by
///
///   ratioᵏ,  k = 0, 1, …, max_backtracks − 1,
///
/// and accepts the first that improves the objective and keeps to the constraint.
///
/// Source: Schulman et al. 2015, appendix C, where the objective is the surrogate minus a penalty that is
/// infinite outside of the trust region, so that both conditions hold at once. Departure: the two are judged
/// apart here, so that the record tells which of them failed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BacktrackingLineSearch {
    /// The factor from one trial to the next; 0.8 (`backtrack_coeff` of Spinning Up,
    /// `line_search_shrinking_factor` of sb3-contrib).
    pub backtrack_ratio: f64,
    /// The most trials, that of the full step included; 10 (`backtrack_iters` of Spinning Up,
    /// `line_search_max_iter` of sb3-contrib).
    pub max_backtracks: usize,
}

impl Default for BacktrackingLineSearch {
    fn default() -> Self {
        Self { backtrack_ratio: 0.8, max_backtracks: 10 }
    }
}

/// What a step of some scale leads to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// What is to grow, in TRPO the surrogate.
    pub objective: f64,
    /// What is to stay within its limit, in TRPO the mean kl_old_new.
    pub constraint: f64,
}

/// One step that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Trial {
    /// Its number.
    pub k: usize,
    /// Its share of the full step, ratioᵏ.
    pub scale: f64,
    /// The objective after it.
    pub objective: f64,
    /// The constrained quantity after it.
    pub constraint: f64,
    /// Why it was refused; nothing if it was accepted.
    pub refused: Option<RejectReason>,
}

/// Why a step was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RejectReason {
    /// The objective is not above its value at the start; equal is not enough.
    NoImprovement,
    /// The objective is, but the constrained quantity exceeds its limit.
    ConstraintViolated,
    /// Neither condition holds.
    NoImprovementAndConstraintViolated,
    /// The objective or the constrained quantity is NaN or infinite.
    NotFinite,
    /// The objective at the start is NaN or infinite, so that nothing was tried.
    InitialNotFinite,
}

/// How a line search ended. Both ends are normal.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineSearchOutcome {
    /// The step scaled by `scale` meets both conditions, and no longer step that was tried does.
    Accepted {
        /// The number of the accepted trial.
        k: usize,
        /// Its share of the full step.
        scale: f64,
        /// The objective after it.
        objective: f64,
        /// The constrained quantity after it.
        constraint: f64,
        /// All trials in order; the accepted one is the last.
        trials: Vec<Trial>,
    },
    /// No trial meets both conditions; the caller stays where it was.
    Rejected {
        /// Why the last and shortest step was refused; every trial has its own reason.
        reason: RejectReason,
        /// All trials in order.
        trials: Vec<Trial>,
    },
}

impl LineSearchOutcome {
    /// The scale to step by, if one was accepted.
    pub fn accepted_scale(&self) -> Option<f64> {
        match *self {
            Self::Accepted { scale, .. } => Some(scale),
            Self::Rejected { .. } => None,
        }
    }

    /// All values seen, in order.
    pub fn trials(&self) -> &[Trial] {
        match self {
            Self::Accepted { trials, .. } | Self::Rejected { trials, .. } => trials,
        }
    }
}

impl BacktrackingLineSearch {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// The settings with another factor from trial to trial.
    pub fn with_backtrack_ratio(self, backtrack_ratio: f64) -> Self {
        Self { backtrack_ratio, ..self }
    }

    /// The settings with another number of trials.
    pub fn with_max_backtracks(self, max_backtracks: usize) -> Self {
        Self { max_backtracks, ..self }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// Unless 0 < ratio < 1 and there is at least one trial.
    pub fn check(&self) -> Result<(), SolverSettingError> {
        let ratio = self.backtrack_ratio;
        require(0.0 < ratio && ratio < 1.0, "backtrack_ratio", ratio, "above 0 and below 1")?;
        require(self.max_backtracks > 0, "max_backtracks", 0.0, "at least 1")
    }

    /// Searches for the first k at which
    ///
    ///   objective > `initial_objective`  and  constraint ≤ `limit`.
    ///
    /// `evaluate` gets the scale of the step, 1 at first, and says what the step leads to. It is called in order
    /// and not again after a step is accepted: whatever it left behind belongs to the last trial. A trial with a
    /// NaN or an infinity is refused, recorded, and followed by shorter ones, which may be finite again.
    ///
    /// The record is one vector, allocated per search.
    ///
    /// # Panics
    /// If [`check`](Self::check) fails or `limit` is NaN.
    ///
    /// ```
    /// use gradus_core_math::{BacktrackingLineSearch, Evaluation, LineSearchOutcome};
    /// // −(x − 1)² from x = 0 along a step of 4, with x² ≤ 3.
    /// let evaluate = |scale: f64| {
    ///     let x = 4.0 * scale;
    ///     Evaluation { objective: -(x - 1.0) * (x - 1.0), constraint: x * x }
    /// };
    /// let outcome = BacktrackingLineSearch::new().with_backtrack_ratio(0.5).search(-1.0, 3.0, evaluate);
    /// assert!(matches!(outcome, LineSearchOutcome::Accepted { k: 2, .. }));
    /// assert_eq!(outcome.trials().len(), 3);
    /// ```
    pub fn search(
        &self,
        initial_objective: f64,
        limit: f64,
        mut evaluate: impl FnMut(f64) -> Evaluation,
    ) -> LineSearchOutcome {
        assert_eq!(self.check(), Ok(()), "the settings of a line search are in range");
        assert!(!limit.is_nan(), "the limit of a line search is a number");
        let mut trials = Vec::new();
        let mut reason = RejectReason::InitialNotFinite;
        if !initial_objective.is_finite() {
            return LineSearchOutcome::Rejected { reason, trials };
        }
        trials.reserve_exact(self.max_backtracks);
        // Powers by repeated products: their bits are the same on every machine, those of `powi` need not be.
        let mut scale = 1.0;
        for k in 0..self.max_backtracks {
            let Evaluation { objective, constraint } = evaluate(scale);
            let refused = refusal(objective, constraint, initial_objective, limit);
            trials.push(Trial { k, scale, objective, constraint, refused });
            match refused {
                None => return LineSearchOutcome::Accepted { k, scale, objective, constraint, trials },
                Some(refused) => reason = refused,
            }
            scale *= self.backtrack_ratio;
        }
        LineSearchOutcome::Rejected { reason, trials }
    }
}

/// Why a step with these values is refused, or nothing if it is accepted.
fn refusal(objective: f64, constraint: f64, initial_objective: f64, limit: f64) -> Option<RejectReason> {
    if !(objective.is_finite() && constraint.is_finite()) {
        return Some(RejectReason::NotFinite);
    }
    match (objective > initial_objective, constraint <= limit) {
        (true, true) => None,
        (false, true) => Some(RejectReason::NoImprovement),
        (true, false) => Some(RejectReason::ConstraintViolated),
        (false, false) => Some(RejectReason::NoImprovementAndConstraintViolated),
    }
}
