//! CMA-ES: evolution strategy with adaptation of step size and covariance matrix.

mod config;
mod covariance;
mod diagonal;
mod distribution;
mod full;
mod parameters;

pub use config::{CmaEsConfig, CovarianceModel};
pub use parameters::StrategyParameters;

use gradus_core_math::Stream;
use gradus_policy::{Candidate, Metrics, Search, SearchError, UpdateError, UpdateState};
use rand_distr::{Distribution, StandardNormal};

use crate::champion::Champion;
use crate::ranking::{ranking, report};
use crate::state::{check_start, require, take_optional_vector};
use covariance::Covariance;
use distribution::{SearchDistribution, Sorted};
use parameters::expected_norm;

/// CMA-ES (Hansen 2016, "The CMA evolution strategy: a tutorial", arXiv 1604.00772), with full or diagonal covariance.
///
/// Candidates are x = m + σ y, y = C^½ z, z from N(0, 1) (equations 38 to 40). After their returns are told,
///
/// - the mean m moves to the weighted mean of the better half;
/// - the step size σ grows if the last steps of m went the same way, and shrinks if they undid each other, which
///   the path p_σ tells by its length;
/// - the covariance C learns the path of the mean, p_c p_cᵀ, and the steps of the candidates, for which bad ones count
///   with negative weights.
///
/// The equations, what they are for, and their tests are in `docs/theory/blackbox.md`.
/// Given the same draws z, the search is that of the author's implementation `cma` 4.5.0 without mirrored sampling, which
/// that has for λ < 6; the constants are explained at [`StrategyParameters`].
///
/// The search does not change if returns go through a rising function, parameters are shifted, or (full covariance)
/// turned, with draws that turn alike.
///
/// Memory: 3 λ·n numbers for the candidates, some vectors of n, and 2 n² for a full covariance, which
/// become up to 8 n² while returns are told.
///
/// ```
/// use gradus_blackbox::{CmaEs, CmaEsConfig, CovarianceModel};
///
/// let config = CmaEsConfig::new().with_initial_deviation(0.5).with_covariance(CovarianceModel::suited_to(4_000));
/// let search = CmaEs::new(config, &[0.0; 4_000])?;
/// assert_eq!(search.parameters().population(), 28);
/// # Ok::<(), gradus_policy::UpdateError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CmaEs {
    config: CmaEsConfig,
    parameters: StrategyParameters,
    expected_norm: f64,
    distribution: SearchDistribution,
    draws: Draws,
    generation: u64,
    champion: Champion,
}

/// Candidates that wait for their returns, `[population, dimension]` each, or nothing.
#[derive(Clone, Debug, Default)]
struct Draws {
    /// z.
    normals: Vec<f64>,
    /// y = C^½ z.
    directions: Vec<f64>,
    /// x = m + σ y.
    candidates: Vec<f64>,
}

impl CmaEs {
    /// A search around the parameters `start`.
    ///
    /// # Errors
    /// When a setting is outside its range, or there is no parameter, or one is not finite.
    pub fn new(config: CmaEsConfig, start: &[f64]) -> Result<Self, UpdateError> {
        config.check()?;
        check_start(start)?;
        let population = config.population_for(start.len());
        let parameters = StrategyParameters::new(start.len(), population, config.covariance, config.active)?;
        Self::with_parameters(config, parameters, start)
    }

    /// A search with constants of one's own. Population and negative weights are those of `parameters`.
    ///
    /// # Errors
    /// When a setting or constant is outside its range, or there is no parameter, or one is not finite.
    pub fn with_parameters(
        config: CmaEsConfig,
        parameters: StrategyParameters,
        start: &[f64],
    ) -> Result<Self, UpdateError> {
        config.check()?;
        parameters.check()?;
        check_start(start)?;
        let n = start.len();
        let interval = config.eigen_interval.unwrap_or_else(|| parameters.eigen_interval(n));
        let distribution = SearchDistribution {
            mean: start.to_vec(),
            step_size: config.initial_deviation,
            path_sigma: vec![0.0; n],
            path_c: vec![0.0; n],
            covariance: Covariance::identity(&config, n, interval),
        };
        Ok(Self {
            config,
            parameters,
            expected_norm: expected_norm(n),
            distribution,
            draws: Draws::default(),
            generation: 0,
            champion: Champion::default(),
        })
    }

    /// The settings.
    pub fn config(&self) -> &CmaEsConfig {
        &self.config
    }

    /// The constants that follow from them.
    pub fn parameters(&self) -> &StrategyParameters {
        &self.parameters
    }

    /// σ.
    pub fn step_size(&self) -> f64 {
        self.distribution.step_size
    }

    /// C: `[dimension, dimension]` by rows where it is full, `[dimension]` where it is diagonal.
    pub fn covariance(&self) -> &[f64] {
        self.distribution.covariance.numbers()
    }

    /// p_c, the path that C learns, `[dimension]`.
    pub fn path_c(&self) -> &[f64] {
        &self.distribution.path_c
    }

    /// p_σ, the path that σ follows, `[dimension]`.
    pub fn path_sigma(&self) -> &[f64] {
        &self.distribution.path_sigma
    }

    /// The generations whose returns have been told.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The same as [`ask`](Search::ask) with given draws z, `[population, dimension]`, of a standard normal distribution:
    /// mirrored or quasi-random ones, say.
    ///
    /// # Errors
    /// When the number of draws is another, or one is not finite.
    pub fn ask_with(&mut self, normals: &[f64]) -> Result<&[f64], UpdateError> {
        let expected = self.parameters.population() * self.distribution.mean.len();
        require(
            normals.len() == expected,
            "the number of draws",
            normals.len() as f64,
            "population · dimension",
        )?;
        let bad = normals.iter().copied().find(|z| !z.is_finite());
        require(bad.is_none(), "a draw", bad.unwrap_or_default(), "finite")?;
        self.draws.normals.clear();
        self.draws.normals.extend_from_slice(normals);
        self.draws.place(&self.distribution);
        Ok(&self.draws.candidates)
    }

    fn metrics(&self, metrics: &mut Metrics) {
        metrics.push("step_size", self.distribution.step_size);
        metrics.push("axis_ratio", self.distribution.covariance.axis_ratio());
    }
}

impl Draws {
    /// y = C^½ z and x = m + σ y for every row of z.
    fn place(&mut self, distribution: &SearchDistribution) {
        let SearchDistribution { mean, step_size, covariance, .. } = distribution;
        let n = mean.len();
        self.directions.resize(self.normals.len(), 0.0);
        for (z, y) in self.normals.chunks_exact(n).zip(self.directions.chunks_exact_mut(n)) {
            covariance.transform(z, y);
        }
        self.candidates.clear();
        self.candidates
            .extend(self.directions.iter().zip(mean.iter().cycle()).map(|(y, m)| m + step_size * y));
    }

    /// The rows of z and y in another order.
    fn sorted(&self, order: &[usize], n: usize) -> Sorted<'_> {
        Sorted {
            z: order.iter().map(|&row| &self.normals[row * n..(row + 1) * n]).collect(),
            y: order.iter().map(|&row| &self.directions[row * n..(row + 1) * n]).collect(),
        }
    }
}

impl Search for CmaEs {
    fn dimension(&self) -> usize {
        self.distribution.mean.len()
    }

    fn population(&self) -> usize {
        self.parameters.population()
    }

    fn ask(&mut self, rng: &mut Stream) -> &[f64] {
        let count = self.population() * self.dimension();
        self.draws.normals.clear();
        self.draws.normals.extend((0..count).map(|_| -> f64 { StandardNormal.sample(rng) }));
        self.draws.place(&self.distribution);
        &self.draws.candidates
    }

    fn tell(&mut self, returns: &[f64]) -> Result<Metrics, UpdateError> {
        let (n, generation) = (self.dimension(), self.generation + 1);
        if self.draws.normals.is_empty() {
            return Err(SearchError::NotAsked.into());
        }
        let order = ranking(returns, self.population(), generation)?;
        let sorted = self.draws.sorted(&order, n);
        let (next, info) =
            self.distribution.stepped(&self.parameters, self.expected_norm, &sorted, generation)?;

        let best = order[0];
        self.champion.challenge(&self.draws.candidates[best * n..(best + 1) * n], returns[best]);
        self.distribution = next;
        self.generation = generation;
        self.draws.normals.clear();
        let mut metrics = report(returns, &order);
        self.metrics(&mut metrics);
        metrics.push("path_length", info.path_length);
        metrics.push("stalled", f64::from(info.stalled));
        Ok(metrics)
    }

    fn mean(&self) -> &[f64] {
        &self.distribution.mean
    }

    fn best(&self) -> Option<Candidate<'_>> {
        self.champion.get()
    }

    fn state(&self) -> UpdateState<f64> {
        let mut state = UpdateState::default();
        self.distribution.save(&mut state);
        if !self.draws.normals.is_empty() {
            state.tensors.insert("normals".into(), self.draws.normals.clone());
        }
        state.put_count("generation", self.generation);
        self.champion.save(&mut state);
        state
    }

    fn load(&mut self, mut state: UpdateState<f64>) -> Result<(), UpdateError> {
        let n = self.dimension();
        let generation = state.take_count("generation")?;
        let distribution = self.distribution.taken_from(&mut state)?;
        let normals = take_optional_vector(&mut state, "normals", self.population() * n)?;
        let champion = Champion::take(&mut state, n)?;
        state.nothing_left()?;
        self.draws = Draws { normals: normals.unwrap_or_default(), ..Draws::default() };
        self.draws.place(&distribution);
        self.distribution = distribution;
        self.champion = champion;
        self.generation = generation;
        Ok(())
    }
}
