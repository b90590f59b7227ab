//! What updates adapt beside parameters and optimiser.

use gradus_core_math::RunningMoments;
use gradus_policy::{UpdateError, UpdateState};

use crate::config::PpoConfig;
use crate::objective::Objective;

/// What updates adapt beside parameters and optimiser. Each is there if the settings ask for it.
#[derive(Clone, Debug)]
pub(crate) struct Adapted {
    /// β of an adaptive penalty.
    pub(crate) kl_coef: Option<f64>,
    /// A learning rate that follows the KL.
    pub(crate) learning_rate: Option<f64>,
    /// The moments of all value targets.
    pub(crate) values: Option<RunningMoments>,
}

impl Adapted {
    /// What the settings begin with.
    pub(crate) fn new(config: &PpoConfig) -> Self {
        let kl_coef = match config.objective {
            Objective::Penalty { kl_coef, adaptive: Some(_) } => Some(kl_coef),
            _ => None,
        };
        Self {
            kl_coef,
            learning_rate: config.kl_adaptive_rate.map(|_| config.learning_rate.at(0.0)),
            values: config.normalize_value.then(|| RunningMoments::new(1)),
        }
    }

    /// Whether something follows the KL of an update.
    pub(crate) fn follows_kl(&self) -> bool {
        self.kl_coef.is_some() || self.learning_rate.is_some()
    }

    /// β and the learning rate after an update that moved the policy by `kl_old_new`.
    pub(crate) fn follow(&mut self, config: &PpoConfig, kl_old_new: f64) {
        if let (Some(coef), Objective::Penalty { adaptive: Some(rule), .. }) =
            (&mut self.kl_coef, config.objective)
        {
            *coef = rule.next_coef(*coef, kl_old_new);
        }
        if let (Some(rate), Some(rule)) = (&mut self.learning_rate, config.kl_adaptive_rate) {
            *rate = rule.next_rate(*rate, kl_old_new);
        }
    }

    /// Puts every part into a state.
    pub(crate) fn put<T>(&self, state: &mut UpdateState<T>) {
        let mut put = |name: &str, value: f64| state.scalars.insert(name.into(), value);
        if let Some(kl_coef) = self.kl_coef {
            put("kl_coef", kl_coef);
        }
        if let Some(learning_rate) = self.learning_rate {
            put("learning_rate", learning_rate);
        }
        if let Some(values) = &self.values {
            put("value_targets.count", values.count() as f64);
            put("value_targets.mean", values.mean()[0]);
            put("value_targets.squares", values.squares()[0]);
        }
    }

    /// The same parts as this one has, out of a state.
    pub(crate) fn taken<T>(&self, state: &mut UpdateState<T>) -> Result<Self, UpdateError> {
        let mut take = |name: &str, present: bool| match present {
            true => state.take_number(name).map(Some),
            false => Ok(None),
        };
        let kl_coef = take("kl_coef", self.kl_coef.is_some())?;
        let learning_rate = take("learning_rate", self.learning_rate.is_some())?;
        let values = match self.values {
            None => None,
            Some(_) => {
                let count = state.take_count("value_targets.count")?;
                let mut take = |name: &str| state.take_number(name).map(|number| vec![number]);
                let (mean, squares) = (take("value_targets.mean")?, take("value_targets.squares")?);
                Some(RunningMoments::from_parts(count, mean, squares))
            }
        };
        Ok(Self { kl_coef, learning_rate, values })
    }
}
