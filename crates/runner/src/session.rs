//! A training run on disk: its folder, its logs, its checkpoints.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gradus_checkpoint::{CheckpointFolder, FileError, atomic_file};
use gradus_policy::Metrics;
use serde::Serialize;
use thiserror::Error;

use crate::collector::MakeEnvs;
use crate::config::{Config, ConfigError, KEYS, Layers, Origin};
use crate::evaluate::evaluate;
use crate::log::{MetricsCsv, MetricsError, Table, TensorBoardWriter};
use crate::plot::Plot;
use crate::run_folder::{RunFolder, RunFolderError, RunPaths};
use crate::settings::Settings;
use crate::trainer::{TrainError, Trainer};

/// Rows that a log has at the end of a run, about.
const LOG_ROWS: u64 = 400;

/// Why a run on disk cannot begin or go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] RunFolderError),
    /// A checkpoint cannot be written or read.
    #[error(transparent)]
    Checkpoint(#[from] FileError),
    /// The log cannot be written or read.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// Training failed before anything was saved.
    #[error("{0}\nno checkpoint was written yet")]
    Train(TrainError),
    /// Training failed, and can go on from where it was last saved.
    #[error("{error}\nthe last checkpoint is {}", checkpoint.display())]
    TrainSaved {
        /// What happened.
        error: TrainError,
        /// The last checkpoint.
        checkpoint: PathBuf,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

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
    /// Whether all steps are done.
    pub finished: bool,
    /// The threads that computed.
    pub threads: usize,
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
    trainer: Trainer,
    folder: RunFolder,
    checkpoints: CheckpointFolder,
    log: Log,
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
        let trainer = Trainer::new(config.text("env"), make, &settings).map_err(SessionError::Train)?;
        let folder = RunFolder::create(folder)?;
        write(&folder.config(), config.to_toml().as_bytes())?;
        let log = Log {
            csv: MetricsCsv::create(&folder.metrics())?,
            tensorboard: tensorboard(&folder, TensorBoardWriter::create(&folder.tensorboard()))?,
            pending: Vec::new(),
            iterations: 0,
            every: log_interval(&settings),
            next: 0,
        };
        Ok(Self::assemble(config, trainer, folder, log))
    }

    /// Goes on with the run in `folder` from its newest checkpoint, up to `total_steps` if given.
    ///
    /// # Errors
    /// When there is no run, its newest checkpoint is damaged (the message says which one still loads), or it
    /// does not fit.
    pub fn resume(
        folder: &Path,
        make: &dyn Fn(
            &str,
            usize,
            u64,
            usize,
        ) -> Result<Box<dyn gradus_envs::VectorEnv>, gradus_envs::EnvError>,
        changes: &[(&str, &str, toml::Value)],
    ) -> Result<Self, SessionError> {
        let folder = RunFolder::open(folder)?;
        let config = resumed_config(&folder, changes)?;
        let settings = Settings::from_config(&config)?;
        let env = config.text("env").to_owned();
        let make = |n: usize, seed: u64, first: usize| make(&env, n, seed, first);
        let mut trainer = Trainer::new(&env, &make, &settings).map_err(SessionError::Train)?;
        let found = checkpoint_folder(&config, &folder).newest()?;
        trainer.restore(&found.checkpoint).map_err(SessionError::Train)?;
        write(&folder.config(), config.to_toml().as_bytes())?;
        let step = trainer.steps();
        let log = Log {
            csv: MetricsCsv::resume(&folder.metrics(), step)?,
            tensorboard: tensorboard(&folder, TensorBoardWriter::resume(&folder.tensorboard(), step))?,
            pending: Vec::new(),
            iterations: 0,
            every: log_interval(&settings),
            next: step,
        };
        let mut session = Self::assemble(config, trainer, folder, log);
        session.saved = Some((step, found.path));
        Ok(session)
    }

    fn assemble(config: Config, trainer: Trainer, folder: RunFolder, log: Log) -> Self {
        Self {
            checkpoints: checkpoint_folder(&config, &folder),
            first_step: trainer.steps(),
            config,
            trainer,
            folder,
            log,
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
    pub fn trainer(&self) -> &Trainer {
        &self.trainer
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
    /// When training fails or a file cannot be written.
    pub fn run(
        &mut self,
        make: &MakeEnvs<'_>,
        stop: &AtomicBool,
        watch: &mut dyn FnMut(Status<'_>),
    ) -> Result<Summary, SessionError> {
        let begin = Instant::now();
        while !self.trainer.is_done() && !stop.load(Ordering::Relaxed) {
            let iteration = self.trainer.iterate().map_err(|error| self.failure(error))?;
            let steps_per_second = self.speed(begin.elapsed());
            watch(Status {
                steps: iteration.steps,
                steps_per_second,
                mean_return: self.trainer.mean_return(),
                metrics: &iteration.metrics,
            });
            self.log.take(&self.trainer, &iteration.metrics, steps_per_second)?;
            let every = self.config.unsigned("checkpoint_every");
            if iteration.steps / every
                > (iteration.steps - self.trainer.settings().steps_per_update()) / every
            {
                self.save()?;
            }
        }
        let wall = begin.elapsed();
        self.save()?;
        self.finish(make, wall)
    }

    fn speed(&self, elapsed: Duration) -> f64 {
        (self.trainer.steps() - self.first_step) as f64 / elapsed.as_secs_f64().max(1e-9)
    }

    fn failure(&self, error: TrainError) -> SessionError {
        match &self.saved {
            Some((_, checkpoint)) => SessionError::TrainSaved { error, checkpoint: checkpoint.clone() },
            None => SessionError::Train(error),
        }
    }

    /// Writes a checkpoint of the present state, unless there is one.
    fn save(&mut self) -> Result<(), SessionError> {
        let step = self.trainer.steps();
        if self.saved.as_ref().is_none_or(|(saved, _)| *saved != step) {
            let checkpoint = self.trainer.checkpoint().map_err(|error| self.failure(error))?;
            self.saved = Some((step, self.checkpoints.save(step, &checkpoint)?));
        }
        Ok(())
    }

    /// Evaluates the policy if the run is done, and writes what a run leaves behind.
    fn finish(&mut self, make: &MakeEnvs<'_>, wall: Duration) -> Result<Summary, SessionError> {
        let mut policy = self.trainer.policy().map_err(|error| self.failure(error))?;
        let policy_path = self.folder.policy();
        let bytes = policy.to_bytes().map_err(|error| self.failure(error.into()))?;
        write(&policy_path, &bytes)?;
        let settings = self.trainer.settings();
        let evaluation = if self.trainer.is_done() {
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
            total_steps: self.trainer.steps(),
            wall_seconds: wall.as_secs_f64(),
            steps_per_second: self.speed(wall),
            mean_return: self.trainer.mean_return(),
            eval_mean_return: evaluation.as_ref().map(|evaluation| evaluation.mean_return()),
            eval_episodes: evaluation.as_ref().map(|evaluation| evaluation.returns.len() as u64),
            finished: self.trainer.is_done(),
            threads: self.trainer.threads(),
            run_dir: self.folder.folder().to_owned(),
            checkpoint: self.saved.as_ref().map(|(_, path)| path.clone()).unwrap_or_default(),
            policy: policy_path,
        };
        self.draw()?;
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

/// The logs of a run.
struct Log {
    csv: MetricsCsv,
    tensorboard: TensorBoardWriter,
    /// Sums of the metrics since the last row.
    pending: Vec<(&'static str, f64)>,
    iterations: u32,
    /// Steps between two rows.
    every: u64,
    /// The step of the next row.
    next: u64,
}

impl Log {
    /// Takes in one iteration, and writes a row when one is due: updates' metrics are means since the last row.
    fn take(
        &mut self,
        trainer: &Trainer,
        metrics: &Metrics,
        steps_per_second: f64,
    ) -> Result<(), SessionError> {
        if self.iterations == 0 {
            self.pending = metrics.iter().collect();
        } else {
            for ((_, sum), (_, value)) in self.pending.iter_mut().zip(metrics.iter()) {
                *sum += value;
            }
        }
        self.iterations += 1;
        let step = trainer.steps();
        if step < self.next && !trainer.is_done() {
            return Ok(());
        }
        self.next = step + self.every;
        let mut row = vec![
            ("step", step as f64),
            ("updates", trainer.updates() as f64),
            ("episodes", trainer.episodes() as f64),
            ("mean_return", trainer.mean_return().unwrap_or(f64::NAN)),
            ("mean_length", trainer.mean_length().unwrap_or(f64::NAN)),
            ("steps_per_second", steps_per_second),
        ];
        let count = f64::from(std::mem::take(&mut self.iterations));
        row.extend(self.pending.iter().map(|(name, sum)| (*name, sum / count)));
        self.csv.append(&row)?;
        let finite: Vec<(&str, f64)> =
            row[1..].iter().copied().filter(|(_, value)| value.is_finite()).collect();
        self.tensorboard
            .scalars(step, &finite)
            .map_err(|source| SessionError::Write { path: self.tensorboard.path().to_owned(), source })
    }
}

fn log_interval(settings: &Settings) -> u64 {
    settings.total_steps / LOG_ROWS
}

/// The run's own configuration, with the changes that a flag may make when it goes on.
fn resumed_config(folder: &RunPaths, changes: &[(&str, &str, toml::Value)]) -> Result<Config, SessionError> {
    let mut layers = Layers::new(KEYS).file(&folder.config());
    for (flag, key, value) in changes {
        layers = layers.flag(flag, key, value.clone());
    }
    Ok(layers.resolve()?)
}

/// The configuration of the run in a folder.
///
/// # Errors
/// When there is none, or it was altered into something wrong.
pub fn config_of(folder: &Path) -> Result<Config, SessionError> {
    let paths = RunPaths::new(folder);
    if !paths.config().is_file() {
        return Err(RunFolderError::NoRun { folder: folder.to_owned() }.into());
    }
    resumed_config(&paths, &[])
}

/// The folder of checkpoints of the run in a folder.
pub fn checkpoint_folder(config: &Config, paths: &RunPaths) -> CheckpointFolder {
    let keep = NonZeroUsize::new(config.count("keep_checkpoints")).unwrap_or(NonZeroUsize::MIN);
    CheckpointFolder::new(paths.checkpoints(), keep)
}

/// Lays the layers of a configuration over each other: defaults, the preset for environment and algorithm (as far
/// as they are known from what comes later), a file, assignments, and flags.
///
/// # Errors
/// Lists everything that is wrong with any of them.
pub fn layered_config(
    preset: impl Fn(&str, &str) -> Option<toml::Table>,
    file: Option<&Path>,
    assignments: &[String],
    flags: &[(&str, &str, toml::Value)],
) -> Result<Config, ConfigError> {
    let over = |mut layers: Layers| {
        if let Some(file) = file {
            layers = layers.file(file);
        }
        layers = layers.set(assignments);
        for (flag, key, value) in flags {
            layers = layers.flag(flag, key, value.clone());
        }
        layers
    };
    let first = over(Layers::new(KEYS));
    let text = |key: &str| match first.get(key) {
        Some(crate::config::Setting::Text(text)) => text.clone(),
        _ => String::new(),
    };
    let (env, algo) = (text("env"), text("algo"));
    match preset(&algo, &env) {
        None => first.resolve(),
        Some(table) => {
            let origin = Origin::Preset(format!("{algo}/{env}"));
            over(Layers::new(KEYS).table(&origin, table)).resolve()
        }
    }
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
