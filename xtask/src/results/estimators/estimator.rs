//! The estimators that are compared.

use std::fmt;

use gradus_advantage::{AdvantageError, Trajectories, gae, monte_carlo_advantages, n_step_advantages};

/// An estimator of advantages from rewards and a critic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Estimator {
    /// Aⁿ.
    NStep(usize),
    /// The return to the end of the episode or of the data, minus the value.
    MonteCarlo,
    /// GAE(γ, λ), with this λ.
    Gae(f64),
}

/// All that are compared, in the order of the tables. The one-step advantage is GAE(γ, 0), Monte Carlo GAE(γ, 1): each
/// of the two is computed by two functions of the library.
pub(super) const ALL: [Estimator; 14] = [
    Estimator::NStep(1),
    Estimator::NStep(2),
    Estimator::NStep(4),
    Estimator::NStep(8),
    Estimator::NStep(16),
    Estimator::NStep(32),
    Estimator::MonteCarlo,
    Estimator::Gae(0.0),
    Estimator::Gae(0.5),
    Estimator::Gae(0.8),
    Estimator::Gae(0.9),
    Estimator::Gae(0.95),
    Estimator::Gae(0.98),
    Estimator::Gae(1.0),
];

impl Estimator {
    /// Writes the advantages of a rollout, `[steps, envs]`, by the library's function.
    pub(super) fn estimate(
        self,
        trajectories: &Trajectories<'_, f64>,
        gamma: f64,
        advantages: &mut [f64],
    ) -> Result<(), AdvantageError> {
        match self {
            Self::NStep(n) => n_step_advantages(trajectories, gamma, n, advantages),
            Self::MonteCarlo => monte_carlo_advantages(trajectories, gamma, advantages),
            Self::Gae(lambda) => gae(trajectories, gamma, lambda, advantages),
        }
    }

    /// c and n of Σ_{b<n} cᵇ δ_{t+b}, which all of them are: the sum ends earlier where the episode or the data do.
    pub(super) fn residuals(self, gamma: f64) -> (f64, usize) {
        match self {
            Self::NStep(n) => (gamma, n),
            Self::MonteCarlo => (gamma, usize::MAX),
            Self::Gae(lambda) => (gamma * lambda, usize::MAX),
        }
    }
}

impl fmt::Display for Estimator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NStep(n) => write!(f, "n = {n}"),
            Self::MonteCarlo => write!(f, "Monte Carlo"),
            Self::Gae(lambda) => write!(f, "λ = {lambda}"),
        }
    }
}
