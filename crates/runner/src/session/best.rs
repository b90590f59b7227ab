//! Evaluation during training, and the best policy so far.

use super::{Session, SessionError, of_run, write};
use crate::collector::MakeEnvs;
use crate::config::Config;
use crate::evaluate::evaluate;
use crate::log::Table;
use crate::run_folder::RunPaths;

/// When a run evaluates its policy, and how good the best one was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Best {
    /// Steps between evaluations; none for no evaluations.
    every: Option<u64>,
    mean_return: Option<f64>,
}

impl Best {
    /// Of a run whose log is read up to its present step, if it has one.
    pub(super) fn new(config: &Config, paths: &RunPaths) -> Self {
        let evaluations = Table::read(&paths.metrics()).map(|table| table.points("step", "eval_mean_return"));
        let returns = evaluations.unwrap_or_default().into_iter().map(|(_, mean_return)| mean_return);
        let every = config.optional_count("eval_every").map(|every| every as u64);
        Self { every, mean_return: returns.filter(|r| r.is_finite()).reduce(f64::max) }
    }

    /// Whether there are evaluations during training.
    pub(super) fn is_kept(&self) -> bool {
        self.every.is_some()
    }

    fn is_due(&self, steps: u64, before: u64) -> bool {
        self.every.is_some_and(|every| steps / every > before / every)
    }
}

impl Session {
    /// Evaluates the policy when it is time, after an iteration that began `before` so many steps, and keeps it with its checkpoint if it is the best so far.
    pub(super) fn evaluate_if_due(&mut self, make: &MakeEnvs<'_>, before: u64) -> Result<(), SessionError> {
        if !self.best.is_due(self.training.progress().steps(), before) {
            return Ok(());
        }
        let mut policy = self.training.policy().map_err(|error| self.failure(error))?;
        let (episodes, seed) = (self.config.count("eval_episodes"), self.training.settings().seed);
        let evaluation =
            evaluate(&mut policy, make, episodes, seed, false).map_err(|error| self.failure(error))?;
        let mean_return = evaluation.mean_return();
        self.log.take_evaluation(mean_return);
        if self.best.mean_return.is_none_or(|best| mean_return > best) {
            let bytes = policy.to_bytes().map_err(|error| self.failure(error.into()))?;
            write(&self.folder.best_policy(), &bytes)?;
            let checkpoint = self.training.checkpoint().map_err(|error| self.failure(error))?;
            self.checkpoints.save_best(&checkpoint).map_err(of_run(&self.folder))?;
            self.best.mean_return = Some(mean_return);
        }
        Ok(())
    }

    /// The mean return of the best evaluation during training.
    pub(super) fn best_mean_return(&self) -> Option<f64> {
        self.best.mean_return
    }
}
