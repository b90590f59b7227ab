//! The settings of CMA-ES.

use gradus_policy::UpdateError;
use serde::{Deserialize, Serialize};

use crate::state::{check_deviation, require};

/// Up to how many parameters [`CovarianceModel::suited_to`] takes a full covariance: its eigendecomposition then takes
/// about 0.2 s on one core.
const FULL_LIMIT: usize = 500;

/// What the covariance C of the candidates looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CovarianceModel {
    /// A full matrix (CMA-ES): learns any dependence between parameters. Memory of order n², time of order n² for a
    /// candidate and n³ for an eigendecomposition.
    Full,
    /// A diagonal matrix (sep-CMA-ES, Ros & Hansen 2008): learns a scale for each parameter, (n+2)/3 times as fast,
    /// in time and memory of order n.
    Diagonal,
}

impl CovarianceModel {
    /// [`Full`](Self::Full) up to 500 parameters, [`Diagonal`](Self::Diagonal) above: a policy with two hidden layers of
    /// 64 has some 4,700, for which a full matrix takes minutes to decompose and a million generations to
    /// learn.
    pub fn suited_to(dimension: usize) -> Self {
        if dimension <= FULL_LIMIT { Self::Full } else { Self::Diagonal }
    }
}

/// The settings of [`CmaEs`](crate::CmaEs).
///
/// CMA-ES is made to need none beyond where to start and how far to look (Hansen 2016); the learning rates
/// follow from n and λ, see [`StrategyParameters`](crate::StrategyParameters). The initial deviation suits the weights
/// of a policy: of 0.02 to 1, 0.1 and 0.3 needed the fewest candidates for CartPole with two hidden layers of 64. In
/// general it should be about a third of the width in which good parameters are expected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CmaEsConfig {
    /// λ: the candidates of a generation; none for 4 + ⌊3 ln n⌋ (Hansen 2016, table 1). More of them look further
    /// and bear more noise, at the price of slower progress.
    pub population: Option<usize>,
    /// σ₀: the standard deviation of every parameter in the first generation.
    pub initial_deviation: f64,
    /// What the covariance looks like.
    pub covariance: CovarianceModel,
    /// Whether bad candidates count as well, with negative weights in the covariance (Jastrebski & Arnold 2006).
    pub active: bool,
    /// Generations between two eigendecompositions of a full covariance; none for as many as make their cost small
    /// beside that of the candidates (Hansen 2016, section B.2).
    pub eigen_interval: Option<u64>,
    /// The greatest condition number of the covariance. Where it would be exceeded, a multiple of the identity is
    /// added. The default is where Hansen 2016, section B.3 ends a search, 1e14.
    pub max_condition: f64,
}

impl Default for CmaEsConfig {
    fn default() -> Self {
        Self {
            population: None,
            initial_deviation: 0.3,
            covariance: CovarianceModel::Full,
            active: true,
            eigen_interval: None,
            max_condition: 1e14,
        }
    }
}

impl CmaEsConfig {
    /// CMA-ES with a full covariance.
    pub fn new() -> Self {
        Self::default()
    }

    /// CMA-ES with a diagonal covariance, sep-CMA-ES.
    pub fn separable() -> Self {
        Self { covariance: CovarianceModel::Diagonal, ..Self::default() }
    }

    /// Another number of candidates.
    pub fn with_population(mut self, population: usize) -> Self {
        self.population = Some(population);
        self
    }

    /// Another deviation to start with.
    pub fn with_initial_deviation(mut self, initial_deviation: f64) -> Self {
        self.initial_deviation = initial_deviation;
        self
    }

    /// Another form of the covariance.
    pub fn with_covariance(mut self, covariance: CovarianceModel) -> Self {
        self.covariance = covariance;
        self
    }

    /// With negative weights, or without.
    pub fn with_active(mut self, active: bool) -> Self {
        self.active = active;
        self
    }

    /// A fixed number of generations between two eigendecompositions.
    pub fn with_eigen_interval(mut self, generations: u64) -> Self {
        self.eigen_interval = Some(generations);
        self
    }

    /// Another bound on the condition number.
    pub fn with_max_condition(mut self, max_condition: f64) -> Self {
        self.max_condition = max_condition;
        self
    }

    /// λ for n = `dimension` parameters: the setting, or 4 + ⌊3 ln n⌋.
    pub fn population_for(&self, dimension: usize) -> usize {
        self.population.unwrap_or(4 + (3.0 * (dimension as f64).ln()).floor() as usize)
    }

    /// Checks every range.
    ///
    /// # Errors
    /// Names the first setting that is outside its range.
    pub fn check(&self) -> Result<(), UpdateError> {
        if let Some(population) = self.population {
            require(population >= 3, "population", population as f64, "at least 3")?;
        }
        check_deviation(self.initial_deviation)?;
        require(self.eigen_interval != Some(0), "eigen_interval", 0.0, "at least 1")?;
        let condition = self.max_condition;
        require(condition > 1.0 && condition <= 1e15, "max_condition", condition, "above 1 and at most 1e15")
    }
}
