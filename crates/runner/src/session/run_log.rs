//! The logs of a run.

use gradus_policy::Metrics;

use super::{SessionError, tensorboard};
use crate::log::{MetricsCsv, TensorBoardWriter};
use crate::run_folder::RunPaths;
use crate::settings::Settings;
use crate::training::Progress;

/// Rows that a log has at the end of a run, about.
const ROWS: u64 = 400;

/// The logs of a run: `metrics.csv` and TensorBoard's events.
pub(super) struct RunLog {
    csv: MetricsCsv,
    tensorboard: TensorBoardWriter,
    /// Sums of the metrics since the last row.
    pending: Vec<(&'static str, f64)>,
    iterations: u32,
    /// What the last evaluation during training gave, if there are any and one came since the last row.
    evaluation: Option<f64>,
    evaluates: bool,
    /// Steps between two rows.
    every: u64,
    /// The step of the next row.
    next: u64,
}

impl RunLog {
    /// The logs of a new run.
    pub(super) fn create(paths: &RunPaths, settings: &Settings) -> Result<Self, SessionError> {
        let events = tensorboard(paths, TensorBoardWriter::create(&paths.tensorboard()))?;
        Ok(Self::new(MetricsCsv::create(&paths.metrics())?, events, settings, 0))
    }

    /// The logs of a run that goes on after `step`; what they have from later steps is forgotten.
    pub(super) fn resume(paths: &RunPaths, settings: &Settings, step: u64) -> Result<Self, SessionError> {
        let csv = MetricsCsv::resume(&paths.metrics(), step)?;
        let events = tensorboard(paths, TensorBoardWriter::resume(&paths.tensorboard(), step))?;
        Ok(Self::new(csv, events, settings, step))
    }

    fn new(csv: MetricsCsv, tensorboard: TensorBoardWriter, settings: &Settings, next: u64) -> Self {
        Self {
            csv,
            tensorboard,
            pending: Vec::new(),
            iterations: 0,
            evaluation: None,
            evaluates: false,
            every: settings.total_steps / ROWS,
            next,
        }
    }

    /// Adds a column for evaluations during training.
    pub(super) fn with_evaluations(mut self, evaluates: bool) -> Self {
        self.evaluates = evaluates;
        self
    }

    /// Takes in the mean return of an evaluation, which the next row tells.
    pub(super) fn take_evaluation(&mut self, mean_return: f64) {
        self.evaluation = Some(mean_return);
    }

    /// Takes in one iteration, and writes a row when one is due: updates' metrics are means since the last row.
    pub(super) fn take(
        &mut self,
        progress: &Progress,
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
        if progress.steps() < self.next { Ok(()) } else { self.flush(progress, steps_per_second) }
    }

    /// Writes a row with what came since the last one, if anything did.
    pub(super) fn flush(&mut self, progress: &Progress, steps_per_second: f64) -> Result<(), SessionError> {
        if self.iterations == 0 {
            return Ok(());
        }
        let step = progress.steps();
        self.next = step + self.every;
        let mut row = vec![
            ("step", step as f64),
            ("updates", progress.updates() as f64),
            ("episodes", progress.episodes() as f64),
            ("mean_return", progress.mean_return().unwrap_or(f64::NAN)),
            ("mean_length", progress.mean_length().unwrap_or(f64::NAN)),
            ("steps_per_second", steps_per_second),
        ];
        if self.evaluates {
            row.push(("eval_mean_return", self.evaluation.take().unwrap_or(f64::NAN)));
        }
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
