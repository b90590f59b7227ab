//! What PPO maximises: the clipped objective, or the ratio with a penalty on the KL divergence.

use gradus_core_math::Schedule;
use gradus_policy::{UpdateError, check_schedule, check_setting};
use serde::{Deserialize, Serialize};

use crate::loss::LossObjective;

/// The objective of an update, with r = π_θ(a|s)/π_old(a|s) and the advantage A.
///
/// ```
/// use gradus_ppo::{AdaptiveKl, Objective};
/// let clipped = Objective::clip(0.2);
/// let fixed = Objective::penalty(1.0);
/// let adaptive = Objective::adaptive_penalty(1.0, AdaptiveKl::new(0.01));
/// # assert!([clipped, fixed, adaptive].iter().all(|objective| objective.check().is_ok()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Objective {
    /// mean[min(r A, clip(r, 1−ε, 1+ε) A)] (Schulman et al. 2017, equation 7).
    Clip {
        /// ε: the ratio counts within [1−ε, 1+ε].
        epsilon: Schedule,
        /// c of the dual clip, if there is one: for A < 0 a row counts at least c A, so that one ratio far above 1
        /// cannot outweigh the batch. Ye et al. 2020 ("Mastering complex control in MOBA games"), with c = 3.
        dual: Option<f64>,
    },
    /// mean[r A − β KL(π_old‖π_θ)] (Schulman et al. 2017, equation 8), with the KL of each row in closed form.
    Penalty {
        /// β, or the β of the first update where it adapts.
        kl_coef: f64,
        /// How β follows the KL divergence of the updates; none keeps it.
        adaptive: Option<AdaptiveKl>,
    },
}

impl Objective {
    /// The clipped objective.
    pub fn clip(epsilon: impl Into<Schedule>) -> Self {
        Self::Clip { epsilon: epsilon.into(), dual: None }
    }

    /// The clipped objective with a second clip at c A for A < 0.
    pub fn dual_clip(epsilon: impl Into<Schedule>, c: f64) -> Self {
        Self::Clip { epsilon: epsilon.into(), dual: Some(c) }
    }

    /// The penalty with one β.
    pub fn penalty(kl_coef: f64) -> Self {
        Self::Penalty { kl_coef, adaptive: None }
    }

    /// The penalty with a β that begins with `kl_coef` and adapts.
    pub fn adaptive_penalty(kl_coef: f64, adaptive: AdaptiveKl) -> Self {
        Self::Penalty { kl_coef, adaptive: Some(adaptive) }
    }

    /// Checks every range.
    ///
    /// # Errors
    /// Names the first setting that is outside its range.
    pub fn check(&self) -> Result<(), UpdateError> {
        match *self {
            Self::Clip { epsilon, dual } => {
                check_schedule("clip_epsilon", epsilon)?;
                let c = dual.unwrap_or(f64::MAX);
                check_setting("dual_clip", c, c.is_finite() && c > 1.0, "a number above 1")
            }
            Self::Penalty { kl_coef, adaptive } => {
                let ok = kl_coef.is_finite() && kl_coef >= 0.0;
                check_setting("kl_coef", kl_coef, ok, "a number from 0 on")?;
                let Some(adaptive) = adaptive else { return Ok(()) };
                check_setting("kl_coef", kl_coef, kl_coef > 0.0, "above 0 where it adapts by factors")?;
                adaptive.check()
            }
        }
    }

    /// The constants of an update; `kl_coef` is the present β.
    pub(crate) fn at(&self, progress: f64, kl_coef: f64) -> LossObjective {
        match *self {
            Self::Clip { epsilon, dual } => LossObjective::Clip { epsilon: epsilon.at(progress), dual },
            Self::Penalty { .. } => LossObjective::Penalty { kl_coef },
        }
    }
}

/// How β of the penalty follows the KL divergence d = mean[KL(π_old‖π_new)] that an update led to:
///
///   d > `kl_high`  →  β · `factor`, at most `coef_max`
///   d < `kl_low`   →  β / `factor`, at least `coef_min`
///
/// Source: Schulman et al. 2017, section 4. Departure: β is kept within bounds, wide enough that they hold only a β
/// which would otherwise run to 0 or ∞.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveKl {
    /// The lowest d that is acceptable; d_targ / 1.5 in the paper.
    pub kl_low: f64,
    /// The highest d that is acceptable; 1.5 d_targ in the paper.
    pub kl_high: f64,
    /// What β is multiplied with or divided by; 2 in the paper.
    pub factor: f64,
    /// The least β; 1e-8.
    pub coef_min: f64,
    /// The greatest β; 1e8.
    pub coef_max: f64,
}

impl AdaptiveKl {
    /// The rule of the paper for the target d_targ: between d_targ / 1.5 and 1.5 d_targ, β stays.
    pub fn new(kl_target: f64) -> Self {
        Self { kl_low: kl_target / 1.5, kl_high: 1.5 * kl_target, factor: 2.0, coef_min: 1e-8, coef_max: 1e8 }
    }

    /// Other acceptable divergences.
    pub fn with_acceptable(self, kl_low: f64, kl_high: f64) -> Self {
        Self { kl_low, kl_high, ..self }
    }

    /// Another factor.
    pub fn with_factor(self, factor: f64) -> Self {
        Self { factor, ..self }
    }

    /// Other bounds of β.
    pub fn with_coef_bounds(self, coef_min: f64, coef_max: f64) -> Self {
        Self { coef_min, coef_max, ..self }
    }

    /// β after an update with `kl_coef` that moved the policy by `kl_old_new`.
    pub fn next_coef(&self, kl_coef: f64, kl_old_new: f64) -> f64 {
        if kl_old_new > self.kl_high {
            (kl_coef * self.factor).min(self.coef_max)
        } else if kl_old_new < self.kl_low {
            (kl_coef / self.factor).max(self.coef_min)
        } else {
            kl_coef
        }
    }

    fn check(&self) -> Result<(), UpdateError> {
        let positive = [("kl_low", self.kl_low), ("coef_min", self.coef_min)];
        for (name, value) in positive {
            check_setting(name, value, value.is_finite() && value > 0.0, "a number above 0")?;
        }
        let above = |x: f64, low: f64| x.is_finite() && x >= low;
        check_setting("kl_high", self.kl_high, above(self.kl_high, self.kl_low), "a number from kl_low on")?;
        let max = self.coef_max;
        check_setting("coef_max", max, above(max, self.coef_min), "a number from coef_min on")?;
        let factor = self.factor;
        check_setting("factor", factor, factor.is_finite() && factor > 1.0, "a number above 1")
    }
}
