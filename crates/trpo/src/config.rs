//! The settings of TRPO and of the natural policy gradient.

use gradus_core_math::{BacktrackingLineSearch, ConjugateGradient, Schedule};
use gradus_policy::UpdateError;
use serde::{Deserialize, Serialize};

/// How the critic is fitted, apart from the policy.
///
/// The defaults are sb3-contrib's: Adam 1e-3, 10 epochs of minibatches of 128.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CriticConfig {
    /// Adam's step size.
    pub learning_rate: Schedule,
    /// Passes over each batch.
    pub epochs: usize,
    /// Rows of a minibatch; the last one of a pass may be smaller.
    pub minibatch_size: usize,
    /// ε of Adam.
    pub adam_epsilon: f64,
}

impl Default for CriticConfig {
    fn default() -> Self {
        Self { learning_rate: Schedule::Constant(1e-3), epochs: 10, minibatch_size: 128, adam_epsilon: 1e-5 }
    }
}

/// The settings of [`Trpo`](crate::Trpo).
///
/// The defaults are those of Schulman et al. 2015 (δ = 0.01, 10 iterations of conjugate gradient), with the
/// damping 0.1 of Spinning Up and stable-baselines3's contributions, and their line search: 10 trials, each 0.8 of
/// the one before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrpoConfig {
    /// δ: the greatest mean of `kl_old_new` over the batch.
    pub max_kl: f64,
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
            conjugate_gradient: ConjugateGradient::default(),
            cg_damping: 0.1,
            line_search: Some(BacktrackingLineSearch::default()),
            normalize_advantage: true,
            critic: CriticConfig::default(),
        }
    }
}

impl CriticConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another step size.
    pub fn with_learning_rate(mut self, learning_rate: Schedule) -> Self {
        self.learning_rate = learning_rate;
        self
    }

    /// Another number of passes.
    pub fn with_epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Another size of minibatches.
    pub fn with_minibatch_size(mut self, minibatch_size: usize) -> Self {
        self.minibatch_size = minibatch_size;
        self
    }

    /// Another ε of Adam.
    pub fn with_adam_epsilon(mut self, adam_epsilon: f64) -> Self {
        self.adam_epsilon = adam_epsilon;
        self
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

    /// Another bound on the mean KL divergence.
    pub fn with_max_kl(mut self, max_kl: f64) -> Self {
        self.max_kl = max_kl;
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
        let setting = |name, value, ok, range| {
            if ok { Ok(()) } else { Err(UpdateError::Setting { name, value, range }) }
        };
        let above_zero = |x: f64| x.is_finite() && x > 0.0;
        setting("max_kl", self.max_kl, above_zero(self.max_kl), "a number above 0")?;
        let damping = self.cg_damping;
        setting("cg_damping", damping, damping.is_finite() && damping >= 0.0, "a number from 0 on")?;
        let solvers =
            self.conjugate_gradient.check().and_then(|()| self.line_search.map_or(Ok(()), |s| s.check()));
        if let Err(error) = solvers {
            return setting(error.name, error.value, false, error.range);
        }
        let critic = &self.critic;
        setting("critic epochs", critic.epochs as f64, critic.epochs > 0, "at least 1")?;
        let size = critic.minibatch_size;
        setting("critic minibatch_size", size as f64, size > 0, "at least 1")?;
        let rate = critic.learning_rate.at(0.0);
        setting("critic learning_rate", rate, above_zero(rate), "above 0 at the start")?;
        let end = critic.learning_rate.at(1.0);
        setting("critic learning_rate", end, end.is_finite() && end >= 0.0, "a number from 0 on")?;
        setting(
            "critic adam_epsilon",
            critic.adam_epsilon,
            above_zero(critic.adam_epsilon),
            "a number above 0",
        )
    }
}
