//! The settings of PPO.

use gradus_core_math::{KlAdaptiveRate, Schedule};
use gradus_policy::{UpdateError, check_schedule, check_setting};
use serde::{Deserialize, Serialize};

use crate::objective::Objective;

/// How far an estimate may exceed `kl_target` before the update stops: minibatches are small and their estimates
/// scatter (as in Stable-Baselines3 and Spinning Up).
pub(crate) const KL_TOLERANCE: f64 = 1.5;

/// How an epoch is cut into minibatches: of rows, or of whole sequences of rows where the network remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Minibatches {
    /// So many, whose sizes differ by at most one row.
    Count(usize),
    /// Of so many rows; the last one may be smaller.
    Size(usize),
}

impl Minibatches {
    /// The same in pieces of `length` rows that stay together; a minibatch has at least one piece.
    pub(crate) fn of_pieces(self, length: usize) -> Self {
        match self {
            Minibatches::Count(count) => Minibatches::Count(count),
            Minibatches::Size(size) => Minibatches::Size((size / length).max(1)),
        }
    }

    /// The end of each minibatch of `rows` rows, or pieces.
    pub(crate) fn ends(self, rows: usize) -> impl Iterator<Item = usize> {
        let count = match self {
            Minibatches::Count(count) => count.min(rows),
            Minibatches::Size(size) => rows.div_ceil(size),
        };
        (1..=count).map(move |i| match self {
            Minibatches::Count(_) => i * rows / count,
            Minibatches::Size(size) => rows.min(i * size),
        })
    }
}

/// The settings of [`Ppo`](crate::Ppo).
///
/// The defaults are those of Schulman et al. 2017, Table 3 (continuous control): 10 epochs, Adam 3e-4,
/// clip 0.2; with the value coefficient, gradient-norm clip, normalised advantages and Adam's ε = 1e-5 of the
/// authors' own code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PpoConfig {
    /// Passes over each batch, K.
    pub epochs: usize,
    /// How each pass is cut.
    pub minibatches: Minibatches,
    /// Adam's step size.
    pub learning_rate: Schedule,
    /// If set, the step size begins with `learning_rate`, which is then a constant, and follows the mean of
    /// `kl_old_new` over the batch after each update.
    pub kl_adaptive_rate: Option<KlAdaptiveRate>,
    /// What is maximised.
    pub objective: Objective,
    /// If set, the new value is held within this distance of the old one in a second loss, and the larger
    /// of both counts. The distance is in deviations of the targets with `normalize_value`.
    pub value_clip_epsilon: Option<f64>,
    /// Whether the critic is fitted to targets with mean 0 and deviation 1 by the running moments of all targets so
    /// far, those of the batch among them (Yu et al. 2022, value normalisation, there with PopArt);
    /// [`Update::value_scale`](gradus_policy::Update::value_scale) then says what its outputs stand for.
    pub normalize_value: bool,
    /// The weight c₂ of the entropy bonus.
    pub entropy_coef: f64,
    /// The weight c₁ of the mean squared error of the value.
    pub value_coef: f64,
    /// The greatest norm of the gradient of all parameters; longer ones are shortened to it.
    pub max_grad_norm: Option<f64>,
    /// Whether advantages are brought to mean 0 and standard deviation 1 in each minibatch.
    pub normalize_advantage: bool,
    /// If set, the update stops before a minibatch whose `kl_old_new` estimate exceeds 1.5 times this.
    pub kl_target: Option<f64>,
    /// ε of Adam.
    pub adam_epsilon: f64,
}

impl Default for PpoConfig {
    fn default() -> Self {
        Self {
            epochs: 10,
            minibatches: Minibatches::Size(64),
            learning_rate: Schedule::Constant(3e-4),
            kl_adaptive_rate: None,
            objective: Objective::clip(0.2),
            value_clip_epsilon: None,
            normalize_value: false,
            entropy_coef: 0.0,
            value_coef: 0.5,
            max_grad_norm: Some(0.5),
            normalize_advantage: true,
            kl_target: None,
            adam_epsilon: 1e-5,
        }
    }
}

impl PpoConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another number of epochs.
    pub fn with_epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Other minibatches.
    pub fn with_minibatches(mut self, minibatches: Minibatches) -> Self {
        self.minibatches = minibatches;
        self
    }

    /// Another learning rate.
    pub fn with_learning_rate(mut self, learning_rate: Schedule) -> Self {
        self.learning_rate = learning_rate;
        self
    }

    /// A learning rate that follows the KL divergence, or not.
    pub fn with_kl_adaptive_rate(mut self, rule: Option<KlAdaptiveRate>) -> Self {
        self.kl_adaptive_rate = rule;
        self
    }

    /// Another objective.
    pub fn with_objective(mut self, objective: Objective) -> Self {
        self.objective = objective;
        self
    }

    /// The clipped objective with this ε.
    pub fn with_clip_epsilon(self, clip_epsilon: Schedule) -> Self {
        self.with_objective(Objective::clip(clip_epsilon))
    }

    /// Value targets normalised by their running moments, or as they are.
    pub fn with_normalize_value(mut self, normalize_value: bool) -> Self {
        self.normalize_value = normalize_value;
        self
    }

    /// A clip of the value, or none.
    pub fn with_value_clip_epsilon(mut self, value_clip_epsilon: Option<f64>) -> Self {
        self.value_clip_epsilon = value_clip_epsilon;
        self
    }

    /// Another weight of the entropy bonus.
    pub fn with_entropy_coef(mut self, entropy_coef: f64) -> Self {
        self.entropy_coef = entropy_coef;
        self
    }

    /// Another weight of the value loss.
    pub fn with_value_coef(mut self, value_coef: f64) -> Self {
        self.value_coef = value_coef;
        self
    }

    /// Another greatest norm of the gradient, or none.
    pub fn with_max_grad_norm(mut self, max_grad_norm: Option<f64>) -> Self {
        self.max_grad_norm = max_grad_norm;
        self
    }

    /// Advantages normalised in each minibatch, or as they are.
    pub fn with_normalize_advantage(mut self, normalize_advantage: bool) -> Self {
        self.normalize_advantage = normalize_advantage;
        self
    }

    /// Another ε of Adam.
    pub fn with_adam_epsilon(mut self, adam_epsilon: f64) -> Self {
        self.adam_epsilon = adam_epsilon;
        self
    }

    /// Another bound on the KL divergence of an update, or none.
    pub fn with_kl_target(mut self, kl_target: Option<f64>) -> Self {
        self.kl_target = kl_target;
        self
    }

    /// Checks every range.
    ///
    /// # Errors
    /// Names the first setting that is outside its range.
    pub fn check(&self) -> Result<(), UpdateError> {
        let at_least_one = |name, value: usize| check_setting(name, value as f64, value >= 1, "at least 1");
        at_least_one("epochs", self.epochs)?;
        match self.minibatches {
            Minibatches::Count(count) => at_least_one("minibatches", count)?,
            Minibatches::Size(size) => at_least_one("minibatch_size", size)?,
        }
        check_schedule("learning_rate", self.learning_rate)?;
        if self.kl_adaptive_rate.is_some() {
            let constant = matches!(self.learning_rate, Schedule::Constant(_));
            let end = self.learning_rate.at(1.0);
            check_setting("learning_rate", end, constant, "the same throughout where it follows the KL")?;
        }
        self.objective.check()?;
        for (name, value) in [("entropy_coef", self.entropy_coef), ("value_coef", self.value_coef)] {
            check_setting(name, value, value.is_finite() && value >= 0.0, "a number from 0 on")?;
        }
        let positive = [
            ("value_clip_epsilon", self.value_clip_epsilon),
            ("max_grad_norm", self.max_grad_norm),
            ("kl_target", self.kl_target),
            ("adam_epsilon", Some(self.adam_epsilon)),
        ];
        for (name, value) in positive {
            if let Some(value) = value {
                check_setting(name, value, value.is_finite() && value > 0.0, "a number above 0")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minibatches_cover_every_row_once() {
        for rows in 1..70 {
            for n in 1..80 {
                for minibatches in [Minibatches::Count(n), Minibatches::Size(n)] {
                    let ends: Vec<usize> = minibatches.ends(rows).collect();
                    let sizes: Vec<usize> = ends
                        .iter()
                        .scan(0, |start, &end| Some(end - std::mem::replace(start, end)))
                        .collect();
                    assert_eq!(ends.last(), Some(&rows), "{minibatches:?} of {rows}: {sizes:?}");
                    let (least, most) = (sizes.iter().min(), sizes.iter().max());
                    assert!(least >= Some(&1), "{minibatches:?} of {rows}: {sizes:?}");
                    match minibatches {
                        Minibatches::Count(count) => {
                            assert_eq!(sizes.len(), count.min(rows));
                            assert!(
                                most.zip(least).is_some_and(|(most, least)| most - least <= 1),
                                "{sizes:?}"
                            );
                        }
                        Minibatches::Size(size) => {
                            assert!(sizes[..sizes.len() - 1].iter().all(|&s| s == size), "{sizes:?}");
                        }
                    }
                }
            }
        }
    }
}
