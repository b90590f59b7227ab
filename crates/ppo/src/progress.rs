//! What an update came to.

use gradus_core_math::{Real, explained_variance};
use gradus_policy::{Batch, Metrics};

use crate::loss::{LossObjective, Losses};

/// What the minibatches of an update add up to.
#[derive(Default)]
pub(crate) struct Progress {
    sum: Losses,
    gradient_norm: f64,
    minibatches: usize,
    /// Minibatches that were followed by a step: all, or all but the one that stopped the update.
    pub(crate) steps: usize,
    /// Of the last epoch alone: how far the update has gone.
    last_epoch: Losses,
    last_epoch_minibatches: usize,
    pub(crate) stopped: bool,
    /// The mean of `kl_old_new` over the batch after the last step, where something follows it.
    pub(crate) kl_after: Option<f64>,
}

impl Progress {
    /// Begins an epoch.
    pub(crate) fn begin_epoch(&mut self) {
        self.last_epoch = Losses::default();
        self.last_epoch_minibatches = 0;
    }

    /// Adds a minibatch.
    pub(crate) fn add(&mut self, losses: &Losses, gradient_norm: f64) {
        for sum in [&mut self.sum, &mut self.last_epoch] {
            sum.policy_loss += losses.policy_loss;
            sum.value_loss += losses.value_loss;
            sum.entropy += losses.entropy;
            sum.clip_fraction += losses.clip_fraction;
            sum.kl_old_new += losses.kl_old_new;
        }
        self.gradient_norm += gradient_norm;
        self.minibatches += 1;
        self.last_epoch_minibatches += 1;
    }

    /// Losses are means over all minibatches, `kl_old_new` and `clip_fraction` over those of the last epoch.
    pub(crate) fn metrics<T: Real>(
        &self,
        batch: &Batch<'_, T>,
        learning_rate: f64,
        objective: LossObjective,
    ) -> Metrics {
        let all = 1.0 / self.minibatches.max(1) as f64;
        let last = 1.0 / self.last_epoch_minibatches.max(1) as f64;
        let mut metrics = Metrics::new();
        metrics.push("policy_loss", self.sum.policy_loss * all);
        metrics.push("value_loss", self.sum.value_loss * all);
        metrics.push("entropy", self.sum.entropy * all);
        metrics.push("kl_old_new", self.last_epoch.kl_old_new * last);
        if let LossObjective::Clip { .. } = objective {
            metrics.push("clip_fraction", self.last_epoch.clip_fraction * last);
        }
        metrics.push("gradient_norm", self.gradient_norm * all);
        metrics.push("explained_variance", explained_variance(batch.values, batch.value_targets));
        metrics.push("gradient_steps", self.steps as f64);
        metrics.push("stopped_on_kl", f64::from(self.stopped));
        metrics.push("learning_rate", learning_rate);
        match objective {
            LossObjective::Clip { epsilon, .. } => metrics.push("clip_epsilon", epsilon),
            LossObjective::Penalty { kl_coef } => metrics.push("kl_coef", kl_coef),
        }
        if let Some(kl) = self.kl_after {
            metrics.push("kl_old_new_after", kl);
        }
        metrics
    }
}
