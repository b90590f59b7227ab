//! The cross-entropy method.

mod config;

pub use config::CrossEntropyConfig;

use gradus_core_math::Stream;
use gradus_policy::{Candidate, Metrics, Search, SearchError, UpdateError, UpdateState};
use rand_distr::{Distribution, StandardNormal};

use crate::champion::Champion;
use crate::ranking::{ranking, report};
use crate::state::{check_start, take_optional_vector, take_vector};

/// The cross-entropy method (Rubinstein 1999) with a diagonal Gaussian and noise (Szita & Lőrincz 2006).
///
/// Candidates x are drawn from N(μ, diag(σ²)). Of the λ candidates of generation t the N_e = ρ λ with the highest
/// returns are the elite E, whose maximum-likelihood fit is the next Gaussian, with the smoothing α of Rubinstein &
/// Kroese 2004 and the noise Z_t of Szita & Lőrincz:
///
///   x̄ = (1/N_e) Σ_E x,  μ ← α x̄ + (1−α) μ
///
///   σ² ← α (1/N_e) Σ_E (x − x̄)² + (1−α) σ² + Z_t,  Z_t = z σ₀² max(1 − t/T, 0)
///
/// To fit the Gaussian to the elite is to minimise its cross-entropy with the distribution of good candidates, hence
/// the name. The fit forgets in every generation how wide it was, so that it may collapse before it is where it
/// should be; the noise Z_t keeps it open for T generations.
///
/// Memory: λ·n numbers for the candidates, and five vectors of n.
///
/// ```
/// use gradus_blackbox::{CrossEntropy, CrossEntropyConfig};
///
/// let config = CrossEntropyConfig::new().with_population(50).with_elite_fraction(0.2);
/// let search = CrossEntropy::new(config, &[0.0; 10])?;
/// # Ok::<(), gradus_policy::UpdateError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CrossEntropy {
    config: CrossEntropyConfig,
    gaussian: Gaussian,
    /// Candidates that wait for their returns, `[population, dimension]`, or nothing.
    candidates: Vec<f64>,
    generation: u64,
    champion: Champion,
}

/// N(mean, diag(variance)).
#[derive(Clone, Debug)]
struct Gaussian {
    mean: Vec<f64>,
    variance: Vec<f64>,
}

impl CrossEntropy {
    /// A search around the parameters `start`.
    ///
    /// # Errors
    /// When a setting is outside its range, or there is no parameter, or one is not finite.
    pub fn new(config: CrossEntropyConfig, start: &[f64]) -> Result<Self, UpdateError> {
        config.check()?;
        check_start(start)?;
        let gaussian =
            Gaussian { mean: start.to_vec(), variance: vec![config.initial_deviation.powi(2); start.len()] };
        Ok(Self { config, gaussian, candidates: Vec::new(), generation: 0, champion: Champion::default() })
    }

    /// The settings.
    pub fn config(&self) -> &CrossEntropyConfig {
        &self.config
    }

    /// σ²: the variance of every parameter, `[dimension]`.
    pub fn variance(&self) -> &[f64] {
        &self.gaussian.variance
    }

    /// The generations whose returns have been told.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The next Gaussian: the fit to the elite, smoothed, with the noise of this generation.
    fn fit(&self, elite: &[usize]) -> Gaussian {
        let Self { config, gaussian, candidates, .. } = self;
        let n = gaussian.mean.len();
        let share = 1.0 / elite.len() as f64;
        let alpha = config.smoothing;
        let noise = config.noise(self.generation + 1);
        let column = |j: usize| elite.iter().map(move |&candidate| candidates[candidate * n + j]);
        let fit = |j: usize| {
            let center = share * column(j).sum::<f64>();
            let spread = share * column(j).map(|x| (x - center).powi(2)).sum::<f64>();
            let mean = alpha * center + (1.0 - alpha) * gaussian.mean[j];
            (mean, alpha * spread + (1.0 - alpha) * gaussian.variance[j] + noise)
        };
        let (mean, variance) = (0..n).map(fit).unzip();
        Gaussian { mean, variance }
    }
}

impl Gaussian {
    /// That every number is finite.
    fn check(&self, generation: u64) -> Result<(), SearchError> {
        for (quantity, vector) in [("the mean", &self.mean), ("a variance", &self.variance)] {
            if let Some(&value) = vector.iter().find(|x| !x.is_finite()) {
                return Err(SearchError::Diverged { quantity, value, generation });
            }
        }
        Ok(())
    }

    fn metrics(&self, metrics: &mut Metrics) {
        let deviations = || self.variance.iter().map(|x| x.sqrt());
        metrics.push("deviation_mean", deviations().sum::<f64>() / self.variance.len() as f64);
        metrics.push("deviation_min", deviations().fold(f64::INFINITY, f64::min));
        metrics.push("deviation_max", deviations().fold(0.0, f64::max));
    }
}

impl Search for CrossEntropy {
    fn dimension(&self) -> usize {
        self.gaussian.mean.len()
    }

    fn population(&self) -> usize {
        self.config.population
    }

    fn ask(&mut self, rng: &mut Stream) -> &[f64] {
        let Gaussian { mean, variance } = &self.gaussian;
        self.candidates.clear();
        for _ in 0..self.config.population {
            self.candidates.extend(mean.iter().zip(variance).map(|(mean, variance)| {
                let z: f64 = StandardNormal.sample(rng);
                mean + variance.sqrt() * z
            }));
        }
        &self.candidates
    }

    fn tell(&mut self, returns: &[f64]) -> Result<Metrics, UpdateError> {
        let generation = self.generation + 1;
        if self.candidates.is_empty() {
            return Err(SearchError::NotAsked.into());
        }
        let order = ranking(returns, self.config.population, generation)?;
        let elite = &order[..self.config.elites()];
        let next = self.fit(elite);
        next.check(generation)?;

        let mut metrics = report(returns, &order);
        metrics.push("elite_return_min", returns[elite[elite.len() - 1]]);
        next.metrics(&mut metrics);
        metrics.push("extra_noise", self.config.noise(generation));
        let n = self.dimension();
        self.champion.challenge(&self.candidates[order[0] * n..(order[0] + 1) * n], returns[order[0]]);
        self.gaussian = next;
        self.generation = generation;
        self.candidates.clear();
        Ok(metrics)
    }

    fn mean(&self) -> &[f64] {
        &self.gaussian.mean
    }

    fn best(&self) -> Option<Candidate<'_>> {
        self.champion.get()
    }

    fn state(&self) -> UpdateState<f64> {
        let mut state = UpdateState::default();
        state.tensors.insert("mean".into(), self.gaussian.mean.clone());
        state.tensors.insert("variance".into(), self.gaussian.variance.clone());
        if !self.candidates.is_empty() {
            state.tensors.insert("candidates".into(), self.candidates.clone());
        }
        state.put_count("generation", self.generation);
        self.champion.save(&mut state);
        state
    }

    fn load(&mut self, mut state: UpdateState<f64>) -> Result<(), UpdateError> {
        let n = self.dimension();
        let generation = state.take_count("generation")?;
        let gaussian = Gaussian {
            mean: take_vector(&mut state, "mean", n)?,
            variance: take_vector(&mut state, "variance", n)?,
        };
        if let Some(negative) = gaussian.variance.iter().find(|x| **x < 0.0) {
            return Err(UpdateError::State(format!("its \"variance\" has the value {negative}")));
        }
        let candidates = take_optional_vector(&mut state, "candidates", self.population() * n)?;
        let champion = Champion::take(&mut state, n)?;
        state.nothing_left()?;
        self.gaussian = gaussian;
        self.candidates = candidates.unwrap_or_default();
        self.champion = champion;
        self.generation = generation;
        Ok(())
    }
}
