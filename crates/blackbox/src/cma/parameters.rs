//! The constants of CMA-ES, which follow from the number of parameters and of candidates.

use std::f64::consts::PI;

use gradus_policy::UpdateError;

use super::config::CovarianceModel;
use crate::state::require;

/// The constants of one search: weights, learning rates and damping.
///
/// With n parameters, λ candidates, μ = ⌊λ/2⌋ and w'_i = ln((λ+1)/2) − ln i (Hansen 2016, equations 49 to 58):
///
/// | | |
/// |---|---|
/// | weights | w_i ∝ w'_i, those above 0 with sum 1; see below for the others |
/// | μ_eff | 1/Σ_{i≤μ} w_i² |
/// | c_σ | min(½, (μ_eff + 2)/(n + μ_eff + 3)) |
/// | d_σ | 1 + c_σ + 2 max(0, κ √((μ_eff−1)/(n+1)) − 1), κ = max(1, 3 (1 − 2^(−n/9))) |
/// | c_c | (4 + μ_eff/n)/(n + 4 + 2 μ_eff/n) |
/// | c_1 | 2 min(1, λ/6)/((n + 1.3)² + μ_eff) |
/// | c_μ | min(1 − c_1, 2 (¼ + μ_eff + 1/μ_eff − 2)/((n + 2)² + μ_eff)) |
///
/// and (n+2)/3 times as much for c_1 and c_μ where the covariance is diagonal (Ros & Hansen 2008),
/// together at most 1.
///
/// The weights below 0 (i > μ) are scaled to the sum −min(1 + c_1/c_μ, 1 + 2 μ_eff⁻/(μ_eff + 2),
/// (1 − c_1 − c_μ)/(n c_μ)), where μ_eff⁻ = (Σ w⁻)²/Σ (w⁻)²: the covariance then keeps its size on average, learns from bad
/// candidates no faster than from good ones, and stays positive definite.
///
/// Departures from the tutorial, all of them the author's own, in his implementation `cma` 4.5.0: c_σ has 3 in place of 5
/// and a bound; κ damps the step size more where λ is much larger than n; c_1 falls with λ below 6; E‖N(0, 1)‖ is exact
/// and not the first terms of its series.
#[derive(Clone, Debug, PartialEq)]
pub struct StrategyParameters {
    /// w_1 ≥ … ≥ w_λ, for the best to the worst candidate, `[population]`; those of the better half are above 0 and have
    /// the sum 1, the others are not above 0.
    pub weights: Vec<f64>,
    /// c_σ: the learning rate of the path of the step size.
    pub c_sigma: f64,
    /// d_σ: the damping of the step size.
    pub d_sigma: f64,
    /// c_c: the learning rate of the path of the covariance.
    pub c_c: f64,
    /// c_1: the learning rate of the covariance from its path, the rank-one update.
    pub c_1: f64,
    /// c_μ: the learning rate of the covariance from the candidates, the rank-μ update.
    pub c_mu: f64,
}

impl StrategyParameters {
    /// The constants for `dimension` parameters and `population` candidates, with negative weights if `active`.
    ///
    /// # Errors
    /// When there is no parameter, or there are fewer than 3 candidates.
    pub fn new(
        dimension: usize,
        population: usize,
        model: CovarianceModel,
        active: bool,
    ) -> Result<Self, UpdateError> {
        require(dimension >= 1, "the number of parameters", dimension as f64, "at least 1")?;
        require(population >= 3, "population", population as f64, "at least 3")?;
        let (n, lambda) = (dimension as f64, population as f64);
        let mut weights: Vec<f64> =
            (1..=population).map(|i| ((lambda + 1.0) / 2.0).ln() - (i as f64).ln()).collect();
        let (positive, negative) = weights.split_at_mut(population / 2);
        scale_to_sum(positive, 1.0);
        let mu_eff = effective_count(positive);

        let c_sigma = ((mu_eff + 2.0) / (n + mu_eff + 3.0)).min(0.5);
        let faster = match model {
            CovarianceModel::Full => 1.0,
            CovarianceModel::Diagonal => (n + 2.0) / 3.0,
        };
        let c_1 = faster * 2.0 * (lambda / 6.0).min(1.0) / ((n + 1.3).powi(2) + mu_eff);
        let c_mu = faster * 2.0 * (0.25 + mu_eff + 1.0 / mu_eff - 2.0) / ((n + 2.0).powi(2) + mu_eff);
        let mut parameters = Self {
            c_sigma,
            d_sigma: 1.0
                + c_sigma
                + 2.0 * (damping_factor(n) * ((mu_eff - 1.0) / (n + 1.0)).sqrt() - 1.0).max(0.0),
            c_c: (4.0 + mu_eff / n) / (n + 4.0 + 2.0 * mu_eff / n),
            c_1,
            c_mu: c_mu.min(1.0 - c_1),
            weights: Vec::new(),
        };
        let sum = if active { parameters.negative_sum(n, mu_eff, effective_count(negative)) } else { 0.0 };
        scale_to_sum(negative, -sum);
        parameters.weights = weights;
        Ok(parameters)
    }

    /// The absolute sum of the weights below 0.
    fn negative_sum(&self, n: f64, mu_eff: f64, mu_eff_minus: f64) -> f64 {
        let keeps_size = 1.0 + self.c_1 / self.c_mu;
        let no_faster = 1.0 + 2.0 * mu_eff_minus / (mu_eff + 2.0);
        let stays_definite = (1.0 - self.c_1 - self.c_mu) / (n * self.c_mu);
        keeps_size.min(no_faster).min(stays_definite)
    }

    /// λ, the number of candidates.
    pub fn population(&self) -> usize {
        self.weights.len()
    }

    /// μ, the number of candidates that the mean moves to.
    pub fn parents(&self) -> usize {
        self.weights.len() / 2
    }

    /// μ_eff: as many equal weights would leave as much variance in the mean.
    pub fn mu_eff(&self) -> f64 {
        effective_count(&self.weights[..self.parents()])
    }

    /// Generations that the covariance may be used for before it is decomposed again: 1/(10 n (c_1 + c_μ)), as a
    /// whole number from 1 on (Hansen 2016, section B.2, rounded up as in `cma` 4.5.0).
    pub fn eigen_interval(&self, dimension: usize) -> u64 {
        // A cast of a large number saturates.
        (1.0 / (10.0 * dimension as f64 * (self.c_1 + self.c_mu))).ceil().max(1.0) as u64
    }

    /// Checks what a search relies on.
    ///
    /// # Errors
    /// Names the first constant that is outside its range.
    pub fn check(&self) -> Result<(), UpdateError> {
        require(self.weights.len() >= 3, "the number of weights", self.weights.len() as f64, "at least 3")?;
        let falling = |w: &[f64]| w[0] >= w[1];
        require(self.weights.windows(2).all(falling), "the order of weights", f64::NAN, "falling")?;
        let (positive, negative) = self.weights.split_at(self.parents());
        let sum: f64 = positive.iter().sum();
        let last = positive[positive.len() - 1];
        require(last > 0.0, "a weight of the better half", last, "above 0")?;
        require((sum - 1.0).abs() < 1e-9, "the sum of the positive weights", sum, "1")?;
        let bad = negative.iter().copied().find(|w| !(w.is_finite() && *w <= 0.0));
        require(bad.is_none(), "a weight of the worse half", bad.unwrap_or_default(), "at most 0")?;
        let rates = [("c_sigma", self.c_sigma), ("c_c", self.c_c)];
        for (name, rate) in rates {
            require(rate > 0.0 && rate <= 1.0, name, rate, "above 0 and at most 1")?;
        }
        require(self.d_sigma.is_finite() && self.d_sigma > 0.0, "d_sigma", self.d_sigma, "a number above 0")?;
        require(self.c_1 >= 0.0, "c_1", self.c_1, "a number from 0 on")?;
        let sum = self.c_1 + self.c_mu;
        // Rounding may put the sum of a rate and its complement beside 1.
        require(self.c_mu >= 0.0 && sum <= 1.0 + 1e-12, "c_mu", self.c_mu, "from 0 on, with c_1 at most 1")
    }
}

/// E‖N(0, 1)‖ = √2 Γ((n+1)/2)/Γ(n/2), the expected length of a standard normal vector.
///
/// From E_1 = √(2/π) and E_m E_{m+1} = m, which follows from Γ(x+1) = x Γ(x).
pub(crate) fn expected_norm(dimension: usize) -> f64 {
    (1..dimension).fold((2.0 / PI).sqrt(), |norm, m| m as f64 / norm)
}

/// κ: how much more the step size is damped for large populations; 1 for n up to 5, and on to 3.
fn damping_factor(n: f64) -> f64 {
    (3.0 * (1.0 - 0.5_f64.powf(n / 9.0))).max(1.0)
}

/// (Σ w)²/Σ w².
fn effective_count(weights: &[f64]) -> f64 {
    weights.iter().sum::<f64>().powi(2) / weights.iter().map(|w| w * w).sum::<f64>()
}

/// Scales weights to another sum.
fn scale_to_sum(weights: &mut [f64], sum: f64) {
    let factor = sum / weights.iter().sum::<f64>();
    weights.iter_mut().for_each(|w| *w *= factor);
}
