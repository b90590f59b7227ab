//! A training run on disk: its folder, its logs, its checkpoints.

mod best;
mod error;
mod run_log;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gradus_checkpoint::{Checkpoint, CheckpointFolder, FileError, Found, atomic_file};
use gradus_envs::{EnvError, VectorEnv};
use gradus_policy::Metrics;
use serde::Serialize;

use crate::begin::begin;
use crate::collector::MakeEnvs;
use crate::config::{Config, KEYS, Layers};
use crate::evaluate::evaluate;
use crate::log::{Table, TensorBoardWriter};
use crate::plot::Plot;
use crate::run_folder::{RunFolder, RunFolderError, RunPaths};
use crate::settings::Settings;
use crate::trainer::TrainError;
use crate::training::Training;

use best::Best;
pub use error::SessionError;
use run_log::RunLog;

/// Makes environments of the task of a name: `make(env, n, seed, first_index)`.
pub type MakeNamed<'a> = dyn Fn(&str, usize, u64, usize) -> Result<Box<dyn VectorEnv>, EnvError> + 'a;

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The task.
    pub env: String,
    /// The algorithm.
    pub algo: String,
    /// The seed.
    pub seed: u64,
    /// Environment steps done, over the whole run.
    pub total_steps: u64,
    /// Seconds of this session's training, without the evaluation at its end.
    pub wall_seconds: f64,
    /// Environment steps a second, in this session.
    pub steps_per_second: f64,
    /// The mean return of the last 100 training episodes; none when no episode ended.
    pub mean_return: Option<f64>,
    /// The mean return of the final policy's most probable actions on fresh episodes; none when the run was
    /// stopped before its end.
    pub eval_mean_return: Option<f64>,
    /// The number of these episodes.
    pub eval_episodes: Option<u64>,
    /// The mean return of the best evaluation during training, if there were any.
    pub best_mean_return: Option<f64>,
    /// Whether all steps are done, or the target return is reached.
    pub finished: bool,
    /// The threads that computed.
    pub threads: usize,
    /// Where networks were evaluated.
    pub device: String,
    /// The folder of the run.
    pub run_dir: PathBuf,
    /// The last checkpoint.
    pub checkpoint: PathBuf,
    /// The policy, to be deployed.
    pub policy: PathBuf,
}

/// What a watcher is shown after each update.
#[derive(Clone, Copy, Debug)]
pub struct Status<'a> {
    /// Environment steps so far.
    pub steps: u64,
    /// Environment steps a second, in this session.
    pub steps_per_second: f64,
    /// The mean return of the last 100 episodes.
    pub mean_return: Option<f64>,
    /// What the last update reported.
    pub metrics: &'a Metrics,
}

/// A training run on disk.
pub struct Session {
    config: Config,
    training: Box<dyn Training>,
    folder: RunFolder,
    checkpoints: CheckpointFolder,
    log: RunLog,
    best: Best,
    /// The newest checkpoint that was written, and its step.
    saved: Option<(u64, PathBuf)>,
    first_step: u64,
    reward_threshold: Option<f64>,
}

impl Session {
    /// Begins a run in a new folder, on environments from `make`.
    ///
    /// # Errors
    /// When the configuration does not fit the task, or the folder cannot be used.
    pub fn start(config: Config, make: &MakeEnvs<'_>, folder: &Path) -> Result<Self, SessionError> {
        let settings = Settings::from_config(&config)?;
        let training = begin(config.text("env"), make, &settings).map_err(SessionError::Setup)?;
        let folder = RunFolder::create(folder)?;
        write(&folder.config(), config.to_toml().as_bytes())?;
        let log = RunLog::create(&folder, &settings)?;
        Ok(Self::assemble(config, training, folder, log))
    }

    /// Goes on with the run in `folder` from its newest checkpoint, or from the one in the file `from`, which sets
    /// later ones aside. `changes` are flags with the keys and values that they change in the configuration.
    ///
    /// # Errors
    /// When there is no run, the checkpoint is damaged (the message says which one still loads), it does not fit,
    /// or the steps asked for are done. Nothing in the folder is changed then.
    pub fn resume(
        folder: &Path,
        from: Option<&Path>,
        make: &MakeNamed<'_>,
        changes: &[(&str, &str, toml::Value)],
    ) -> Result<Self, SessionError> {
        let folder = RunFolder::open(folder)?;
        let config = resumed_config(&folder, changes)?;
        let settings = Settings::from_config(&config)?;
        let env = config.text("env").to_owned();
        let make = |n: usize, seed: u64, first: usize| make(&env, n, seed, first);
        let mut training = begin(&env, &make, &settings).map_err(SessionError::Setup)?;
        let (path, checkpoint) = match from {
            None => newest_checkpoint(folder.folder()).map(|found| (found.path, found.checkpoint))?,
            Some(path) => (path.to_owned(), Checkpoint::load(path).map_err(of_run(&folder))?),
        };
        training.restore(&checkpoint).map_err(|error| SessionError::Restore {
            error: Box::new(error),
            checkpoint: path.clone(),
            config: folder.config(),
        })?;
        let step = training.progress().steps();
        if training.is_done() {
            let (folder, total) = (folder.folder().to_owned(), settings.total_steps);
            return Err(SessionError::Finished { folder, steps: step, total });
        }
        checkpoint_folder(&config, &folder).set_aside_after(step).map_err(of_run(&folder))?;
        if !changes.is_empty() {
            let before = std::fs::read_to_string(folder.config()).unwrap_or_default();
            write(&folder.config(), config.to_toml_over(&before).as_bytes())?;
        }
        let log = RunLog::resume(&folder, &settings, step)?;
        let mut session = Self::assemble(config, training, folder, log);
        // One from elsewhere is not yet where the next resume looks for it.
        session.saved = Some((step, path)).filter(|(_, path)| *path == session.checkpoints.path_of(step));
        Ok(session)
    }

    fn assemble(config: Config, training: Box<dyn Training>, folder: RunFolder, log: RunLog) -> Self {
        let best = Best::new(&config, &folder);
        Self {
            log: log.with_evaluations(best.is_kept()),
            best,
            checkpoints: checkpoint_folder(&config, &folder),
            first_step: training.progress().steps(),
            config,
            training,
            folder,
            saved: None,
            reward_threshold: None,
        }
    }

    /// Draws a line in the learning curve where the task counts as solved.
    #[must_use]
    pub fn with_reward_threshold(mut self, reward_threshold: Option<f64>) -> Self {
        self.reward_threshold = reward_threshold;
        self
    }

    /// The run in memory.
    pub fn training(&self) -> &dyn Training {
        &*self.training
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The folder.
    pub fn folder(&self) -> &RunPaths {
        &self.folder
    }

    /// Trains to the end, or until `stop` is set: then the run is saved as it stands after the present update.
    ///
    /// # Errors
    /// When training fails or a file cannot be written. The learning curve is drawn also when training fails.
    pub fn run(
        &mut self,
        make: &MakeEnvs<'_>,
        stop: &AtomicBool,
        watch: &mut dyn FnMut(Status<'_>),
    ) -> Result<Summary, SessionError> {
        let begin = Instant::now();
        let trained = self.train(make, begin, stop, watch);
        let wall = begin.elapsed();
        let speed = self.speed(wall);
        let drawn = self.log.flush(self.training.progress(), speed).and_then(|()| self.draw());
        // Of two errors the first one matters.
        trained.and(drawn)?;
        self.save()?;
        self.finish(make, stop, wall)
    }

    fn train(
        &mut self,
        make: &MakeEnvs<'_>,
        begin: Instant,
        stop: &AtomicBool,
        watch: &mut dyn FnMut(Status<'_>),
    ) -> Result<(), SessionError> {
        while !self.training.is_done() && !stop.load(Ordering::Relaxed) {
            let before = self.training.progress().steps();
            let iteration = self.training.iterate().map_err(|error| self.failure(error))?;
            let steps_per_second = self.speed(begin.elapsed());
            watch(Status {
                steps: iteration.steps,
                steps_per_second,
                mean_return: self.training.progress().mean_return(),
                metrics: &iteration.metrics,
            });
            self.evaluate_if_due(make, before)?;
            self.log.take(self.training.progress(), &iteration.metrics, steps_per_second)?;
            let every = self.config.unsigned("checkpoint_every");
            if iteration.steps / every > before / every {
                self.save()?;
            }
        }
        Ok(())
    }

    fn speed(&self, elapsed: Duration) -> f64 {
        (self.training.progress().steps() - self.first_step) as f64 / elapsed.as_secs_f64().max(1e-9)
    }

    fn failure(&self, error: TrainError) -> SessionError {
        match &self.saved {
            Some((_, checkpoint)) => {
                let (checkpoint, folder) = (checkpoint.clone(), self.folder.folder().to_owned());
                SessionError::TrainSaved { error: Box::new(error), checkpoint, folder }
            }
            None => SessionError::Train(error),
        }
    }

    /// Writes a checkpoint of the present state, unless there is one.
    fn save(&mut self) -> Result<(), SessionError> {
        let step = self.training.progress().steps();
        if self.saved.as_ref().is_none_or(|(saved, _)| *saved != step) {
            let checkpoint = self.training.checkpoint().map_err(|error| self.failure(error))?;
            let path = self.checkpoints.save(step, &checkpoint).map_err(of_run(&self.folder))?;
            self.saved = Some((step, path));
        }
        Ok(())
    }

    /// Evaluates the policy if the run is done, and writes what a run leaves behind.
    fn finish(
        &mut self,
        make: &MakeEnvs<'_>,
        stop: &AtomicBool,
        wall: Duration,
    ) -> Result<Summary, SessionError> {
        let mut policy = self.training.policy().map_err(|error| self.failure(error))?;
        let policy_path = self.folder.policy();
        let bytes = policy.to_bytes().map_err(|error| self.failure(error.into()))?;
        write(&policy_path, &bytes)?;
        let settings = self.training.settings();
        let evaluation = if self.training.is_done() && !stop.load(Ordering::Relaxed) {
            let episodes = self.config.count("eval_episodes");
            let evaluation = evaluate(&mut policy, make, episodes, settings.seed, false);
            Some(evaluation.map_err(|error| self.failure(error))?)
        } else {
            None
        };
        let summary = Summary {
            env: self.config.text("env").to_owned(),
            algo: settings.algorithm.name().to_owned(),
            seed: settings.seed,
            total_steps: self.training.progress().steps(),
            wall_seconds: wall.as_secs_f64(),
            steps_per_second: self.speed(wall),
            mean_return: self.training.progress().mean_return(),
            eval_mean_return: evaluation.as_ref().map(|evaluation| evaluation.mean_return()),
            eval_episodes: evaluation.as_ref().map(|evaluation| evaluation.returns.len() as u64),
            best_mean_return: self.best_mean_return(),
            finished: self.training.is_done(),
            threads: self.training.threads(),
            device: settings.device.clone(),
            run_dir: self.folder.folder().to_owned(),
            checkpoint: self.saved.as_ref().map(|(_, path)| path.clone()).unwrap_or_default(),
            policy: policy_path,
        };
        let text = serde_json::to_string_pretty(&summary).unwrap_or_default();
        write(&self.folder.summary(), text.as_bytes())?;
        Ok(summary)
    }

    fn draw(&self) -> Result<(), SessionError> {
        let points = Table::read(&self.folder.metrics())?.points("step", "mean_return");
        let title = format!("{} on {}", self.config.text("algo"), self.config.text("env"));
        let mut plot = Plot::new(title)
            .x_label("environment steps")
            .y_label("mean return of the last 100 episodes")
            .series("", &points);
        if let Some(threshold) = self.reward_threshold {
            plot = plot.horizontal_line(format!("solved at {threshold}"), threshold);
        }
        write(&self.folder.learning_curve(), plot.render().as_bytes())
    }
}

/// The run's own configuration, with the changes that a flag may make when it goes on.
fn resumed_config(folder: &RunPaths, changes: &[(&str, &str, toml::Value)]) -> Result<Config, SessionError> {
    let mut layers = Layers::new(KEYS).file(&folder.config());
    for (flag, key, value) in changes {
        layers = layers.flag(flag, key, value.clone());
    }
    Ok(layers.resolve()?)
}

/// The newest checkpoint of the run in a folder.
///
/// # Errors
/// When there is no run, no checkpoint yet, or the newest one is damaged (the message says which one still loads).
pub fn newest_checkpoint(folder: &Path) -> Result<Found, SessionError> {
    let paths = RunPaths::new(folder);
    if !paths.config().is_file() {
        return Err(RunFolderError::NoRun { folder: folder.to_owned() }.into());
    }
    CheckpointFolder::new(paths.checkpoints(), NonZeroUsize::MIN).newest().map_err(of_run(&paths))
}

fn checkpoint_folder(config: &Config, paths: &RunPaths) -> CheckpointFolder {
    let keep = NonZeroUsize::new(config.count("keep_checkpoints")).unwrap_or(NonZeroUsize::MIN);
    CheckpointFolder::new(paths.checkpoints(), keep)
}

fn of_run(paths: &RunPaths) -> impl FnOnce(FileError) -> SessionError {
    let folder = paths.folder().to_owned();
    move |error| SessionError::Checkpoint { error, folder }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), SessionError> {
    atomic_file::write(path, bytes).map_err(|source| SessionError::Write { path: path.to_owned(), source })
}

fn tensorboard(
    folder: &RunPaths,
    writer: std::io::Result<TensorBoardWriter>,
) -> Result<TensorBoardWriter, SessionError> {
    writer.map_err(|source| SessionError::Write { path: folder.tensorboard(), source })
}
