//! The settings of the cross-entropy method.

use gradus_policy::UpdateError;
use serde::{Deserialize, Serialize};

use crate::state::{check_deviation, require};

/// The settings of [`CrossEntropy`](crate::CrossEntropy).
///
/// The defaults are those of Szita & Lőrincz 2006 ("Learning Tetris using the noisy cross-entropy method"): 100
/// candidates, of which the best tenth counts, no smoothing, and noise that falls to nothing in 50 generations. Their
/// noise max(5 − t/10, 0) stands beside an initial variance of 100; here it is counted in initial variances. The initial
/// deviation is that of [`CmaEsConfig`](crate::CmaEsConfig), for the same reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossEntropyConfig {
    /// λ: the candidates of a generation.
    pub population: usize,
    /// ρ: the share of candidates that the distribution is fitted to, rounded to whole ones; at least 2 of them.
    pub elite_fraction: f64,
    /// σ₀: the standard deviation of every parameter in the first generation.
    pub initial_deviation: f64,
    /// α: how much of mean and variance comes from the new elite; the rest stays as it was.
    pub smoothing: f64,
    /// z: what is added to every variance after the fit, in units of σ₀²; 0 for no noise.
    pub extra_noise: f64,
    /// T: the generations after which the noise has fallen to 0, linearly; none for noise that stays.
    pub noise_generations: Option<u64>,
}

impl Default for CrossEntropyConfig {
    fn default() -> Self {
        Self {
            population: 100,
            elite_fraction: 0.1,
            initial_deviation: 0.3,
            smoothing: 1.0,
            extra_noise: 0.05,
            noise_generations: Some(50),
        }
    }
}

impl CrossEntropyConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another number of candidates.
    pub fn with_population(mut self, population: usize) -> Self {
        self.population = population;
        self
    }

    /// Another share of elite candidates.
    pub fn with_elite_fraction(mut self, elite_fraction: f64) -> Self {
        self.elite_fraction = elite_fraction;
        self
    }

    /// Another deviation to start with.
    pub fn with_initial_deviation(mut self, initial_deviation: f64) -> Self {
        self.initial_deviation = initial_deviation;
        self
    }

    /// Another smoothing.
    pub fn with_smoothing(mut self, smoothing: f64) -> Self {
        self.smoothing = smoothing;
        self
    }

    /// Other noise, and the generations in which it falls to 0, or none if it stays.
    pub fn with_extra_noise(mut self, extra_noise: f64, generations: Option<u64>) -> Self {
        self.extra_noise = extra_noise;
        self.noise_generations = generations;
        self
    }

    /// N_e: the number of elite candidates, ρ λ rounded.
    pub fn elites(&self) -> usize {
        // A cast of a negative number or NaN gives 0, which `check` refuses.
        (self.elite_fraction * self.population as f64).round() as usize
    }

    /// Z_t = z σ₀² max(1 − t/T, 0): what generation t (from 1) adds to every variance.
    pub fn noise(&self, generation: u64) -> f64 {
        let left = self.noise_generations.map_or(1.0, |end| (1.0 - generation as f64 / end as f64).max(0.0));
        self.extra_noise * self.initial_deviation.powi(2) * left
    }

    /// Checks every range.
    ///
    /// # Errors
    /// Names the first setting that is outside its range.
    pub fn check(&self) -> Result<(), UpdateError> {
        require(self.population >= 2, "population", self.population as f64, "at least 2")?;
        let rho = self.elite_fraction;
        require(
            rho <= 1.0 && self.elites() >= 2,
            "elite_fraction",
            rho,
            "at most 1, and at least 2 candidates",
        )?;
        check_deviation(self.initial_deviation)?;
        let alpha = self.smoothing;
        require(alpha > 0.0 && alpha <= 1.0, "smoothing", alpha, "above 0 and at most 1")?;
        let noise = self.extra_noise;
        require(noise.is_finite() && noise >= 0.0, "extra_noise", noise, "a number from 0 on")?;
        require(self.noise_generations != Some(0), "noise_generations", 0.0, "at least 1")
    }
}
