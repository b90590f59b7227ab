//! The settings of TRPO and of the natural policy gradient.

use gradus_core_math::{BacktrackingLineSearch, ConjugateGradient};
use gradus_policy::{CriticConfig, UpdateError, check_setting};
use serde::{Deserialize, Serialize};

/// What of the divergences KL(π_old(·|s)‖π_new(·|s)) of the batch's states is bounded by δ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KlConstraint {
    /// Their mean (Schulman et al. 2015, equation 12), the practical algorithm.
    #[default]
    Mean,
    /// The greatest of them (equation 11, and "max KL" in section 8.1), which the theory is about: of the states
    /// that the batch has, for of others nothing is known.
    Max,
}

/// What F is, the matrix of the natural gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fisher {
    /// The mean over states of the Hessian of the KL divergence, with the expectation over actions in closed form.
    #[default]
    Analytic,
    /// The mean over rows of s sᵀ with the score s = ∇log π(a|s) of the action that was drawn: an estimate of the same
    /// matrix that has the noise of the actions as well ("empirical FIM" in section 8.1, and appendix C.1).
    Empirical,
}

/// The settings of [`Trpo`](crate::Trpo).
///
/// The defaults are those of Schulman et al. 2015 (δ = 0.01, 10 iterations of conjugate gradient), with the
/// damping 0.1 of Spinning Up and stable-baselines3's contributions, and their line search: 10 trials, each 0.8 of
/// the one before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrpoConfig {
    /// δ: the bound of `kl_old_new` over the batch.
    pub max_kl: f64,
    /// Whether the mean is bounded, or the greatest of a state.
    pub constraint: KlConstraint,
    /// The matrix of the natural gradient.
    pub fisher: Fisher,
    /// The share of the batch's states that F is made of, drawn anew for each update, above 0 and at most 1. A tenth
    /// makes products ten times as fast (Schulman et al. 2015, appendix C).
    pub fisher_fraction: f64,
    /// Conjugate gradient on F x = g.
    pub conjugate_gradient: ConjugateGradient,
    /// The multiple of the identity that F includes.
    pub cg_damping: f64,
    /// The search along the step; none takes the whole step, which is the natural policy gradient.
    pub line_search: Option<BacktrackingLineSearch>,
    /// Whether advantages are brought to mean 0 and standard deviation 1 over the batch.
    pub normalize_advantage: bool,
    /// How the critic is fitted.
    pub critic: CriticConfig,
}

impl Default for TrpoConfig {
    fn default() -> Self {
        Self {
            max_kl: 0.01,
            constraint: KlConstraint::Mean,
            fisher: Fisher::Analytic,
            fisher_fraction: 1.0,
            conjugate_gradient: ConjugateGradient::default(),
            cg_damping: 0.1,
            line_search: Some(BacktrackingLineSearch::default()),
            normalize_advantage: true,
            critic: CriticConfig::default(),
        }
    }
}

impl TrpoConfig {
    /// The defaults of TRPO.
    pub fn new() -> Self {
        Self::default()
    }

    /// The natural policy gradient (Kakade 2001), with the step length of TRPO: the same without the search.
    pub fn natural_policy_gradient() -> Self {
        Self { line_search: None, ..Self::default() }
    }

    /// Another bound on the KL divergence.
    pub fn with_max_kl(mut self, max_kl: f64) -> Self {
        self.max_kl = max_kl;
        self
    }

    /// The mean bounded, or the greatest.
    pub fn with_constraint(mut self, constraint: KlConstraint) -> Self {
        self.constraint = constraint;
        self
    }

    /// Another matrix of the natural gradient.
    pub fn with_fisher(mut self, fisher: Fisher) -> Self {
        self.fisher = fisher;
        self
    }

    /// Another share of the states that this matrix is made of.
    pub fn with_fisher_fraction(mut self, fisher_fraction: f64) -> Self {
        self.fisher_fraction = fisher_fraction;
        self
    }

    /// Another number of iterations of conjugate gradient.
    pub fn with_cg_iterations(mut self, iterations: usize) -> Self {
        self.conjugate_gradient.max_iterations = iterations;
        self
    }

    /// Another damping.
    pub fn with_cg_damping(mut self, cg_damping: f64) -> Self {
        self.cg_damping = cg_damping;
        self
    }

    /// Another line search, or none.
    pub fn with_line_search(mut self, line_search: Option<BacktrackingLineSearch>) -> Self {
        self.line_search = line_search;
        self
    }

    /// Standardised advantages, or as they are.
    pub fn with_normalize_advantage(mut self, normalize_advantage: bool) -> Self {
        self.normalize_advantage = normalize_advantage;
        self
    }

    /// Another way to fit the critic.
    pub fn with_critic(mut self, critic: CriticConfig) -> Self {
        self.critic = critic;
        self
    }

    /// Checks every range.
    ///
    /// # Errors
    /// Names the first setting that is outside its range.
    pub fn check(&self) -> Result<(), UpdateError> {
        let above_zero = self.max_kl.is_finite() && self.max_kl > 0.0;
        check_setting("max_kl", self.max_kl, above_zero, "a number above 0")?;
        let fraction = self.fisher_fraction;
        let is_share = fraction > 0.0 && fraction <= 1.0;
        check_setting("fisher_fraction", fraction, is_share, "a number above 0, and at most 1")?;
        let damping = self.cg_damping;
        check_setting("cg_damping", damping, damping.is_finite() && damping >= 0.0, "a number from 0 on")?;
        let solvers =
            self.conjugate_gradient.check().and_then(|()| self.line_search.map_or(Ok(()), |s| s.check()));
        if let Err(error) = solvers {
            return check_setting(error.name, error.value, false, error.range);
        }
        self.critic.check()
    }
}
