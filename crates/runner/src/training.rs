//! What every kind of training has in common: what a run on disk needs of it.

use std::collections::VecDeque;

use gradus_checkpoint::Checkpoint;
use gradus_envs::Episode;
use gradus_policy::{Metrics, Policy};
use serde::{Deserialize, Serialize};

use crate::settings::Settings;
use crate::trainer::TrainError;

/// How many of the last episodes `mean_return` is over.
const WINDOW: usize = 100;

/// What one iteration of the loop gave.
#[derive(Clone, Debug)]
pub struct Iteration {
    /// Environment steps so far.
    pub steps: u64,
    /// Updates so far.
    pub updates: u64,
    /// The episodes that ended, in the order of their ends.
    pub episodes: Vec<Episode>,
    /// What the update reported.
    pub metrics: Metrics,
}

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    steps: u64,
    updates: u64,
    episodes: u64,
    /// Return and length of the last episodes.
    recent: VecDeque<(f64, u64)>,
}

impl Progress {
    /// Environment steps so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Updates so far.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Episodes so far.
    pub fn episodes(&self) -> u64 {
        self.episodes
    }

    /// The mean return of the last 100 episodes, or of as many as have ended.
    pub fn mean_return(&self) -> Option<f64> {
        mean(self.recent.iter().map(|(return_, _)| *return_))
    }

    /// The mean length of the same episodes.
    pub fn mean_length(&self) -> Option<f64> {
        mean(self.recent.iter().map(|(_, length)| *length as f64))
    }

    /// Counts an update after so many steps, in which these episodes ended.
    pub(crate) fn count(&mut self, steps: u64, episodes: &[Episode]) {
        self.steps += steps;
        self.updates += 1;
        self.episodes += episodes.len() as u64;
        self.recent.extend(episodes.iter().map(|episode| (episode.return_, episode.length)));
        let extra = self.recent.len().saturating_sub(WINDOW);
        self.recent.drain(..extra);
    }

    /// Whether the steps of the settings are done, or their target is reached.
    pub(crate) fn is_done(&self, settings: &Settings) -> bool {
        self.steps >= settings.total_steps || self.has_reached_target(settings)
    }

    /// Whether the last 100 episodes have the mean return at which training is to end early.
    pub(crate) fn has_reached_target(&self, settings: &Settings) -> bool {
        let full = self.recent.len() == WINDOW;
        settings.target_return.is_some_and(|target| full && self.mean_return() >= Some(target))
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    let count = values.len();
    (count > 0).then(|| values.sum::<f64>() / count as f64)
}

/// A training run in memory, of whatever kind its network and its algorithm are.
pub trait Training {
    /// Some experience, and one update.
    ///
    /// # Errors
    /// When the task, a network or the update fails; the parameters are then those before the update.
    fn iterate(&mut self) -> Result<Iteration, TrainError>;

    /// Where the run stands.
    fn progress(&self) -> &Progress;

    /// The settings.
    fn settings(&self) -> &Settings;

    /// The number of threads that compute.
    fn threads(&self) -> usize;

    /// The number of parameters.
    fn parameter_count(&self) -> usize;

    /// What an update learns from, in words.
    fn experience(&self) -> String {
        let Settings { n_envs, n_steps, .. } = self.settings();
        format!("{n_envs} environments × {n_steps} steps an update")
    }

    /// A copy of the present policy, ready to act or to be saved.
    ///
    /// # Errors
    /// When its parameters are not finite.
    fn policy(&self) -> Result<Policy, TrainError>;

    /// Everything that the rest of the run depends on: a run that [`restore`](Training::restore)s it goes on bit for
    /// bit like this one.
    ///
    /// # Errors
    /// When something has no representation in the file's format.
    fn checkpoint(&self) -> Result<Checkpoint, TrainError>;

    /// Goes on from a checkpoint of the same task, networks and algorithm.
    ///
    /// # Errors
    /// When the checkpoint is of another run; this one may then be partly restored, and is not to be used.
    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError>;

    /// Whether the steps of the settings are done, or their target is reached.
    fn is_done(&self) -> bool {
        self.progress().is_done(self.settings())
    }
}
