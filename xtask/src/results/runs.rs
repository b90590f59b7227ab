//! Training runs: many of them, side by side, each kept so that it is never made twice by the same program.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

/// Fresh episodes that a policy is evaluated on.
pub(super) const EPISODES: u32 = 100;

/// What is added to a run's seed for its evaluation.
pub(super) const EVALUATION_SEED: u64 = 1000;

/// The file of a run that is whole, beside the folder of the run itself.
const RESULT: &str = "result.json";

/// What is to be trained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    /// What the variant is called, in tables and in the folder of its runs: the algorithm's name for a preset as it is.
    pub(super) label: String,
    pub(super) algo: String,
    pub(super) env: String,
    pub(super) seed: u64,
    /// Settings over those of the preset, as `gradus train --set` takes them.
    pub(super) sets: Vec<String>,
}

impl Job {
    /// A run of a preset as it is.
    pub(super) fn preset(algo: &str, env: &str, seed: u64) -> Self {
        let sets = Vec::new();
        Self { label: algo.to_owned(), algo: algo.to_owned(), env: env.to_owned(), seed, sets }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RunResult {
    /// Not kept, since it may be called otherwise the next time.
    #[serde(skip)]
    pub(super) label: String,
    pub(super) algo: String,
    pub(super) env: String,
    pub(super) seed: u64,
    pub(super) total_steps: u64,
    /// Of the last 100 training episodes; none where no episode ended.
    pub(super) mean_return: Option<f64>,
    /// Mean and standard deviation of the returns of the evaluation.
    pub(super) eval_mean: f64,
    pub(super) eval_std: f64,
    pub(super) wall_seconds: f64,
    pub(super) steps_per_second: f64,
    /// None where the preset was run as it is.
    #[serde(default)]
    pub(super) sets: Vec<String>,
}

/// What `gradus train --json` says, of it what is needed.
#[derive(Deserialize)]
struct Trained {
    total_steps: u64,
    mean_return: Option<f64>,
    wall_seconds: f64,
    steps_per_second: f64,
}

/// What `gradus eval --json` says, of it what is needed.
#[derive(Deserialize)]
struct Evaluated {
    mean_return: f64,
    std_return: f64,
}

/// The runs of one program. Another program, be it by another preset alone, has a store of its own, since the
/// presets are compiled in.
pub(super) struct Store {
    gradus: PathBuf,
    folder: PathBuf,
}

impl Store {
    /// The store below `folder` for the command `gradus`; empty if `fresh`.
    pub(super) fn open(gradus: PathBuf, folder: &Path, fresh: bool) -> anyhow::Result<Self> {
        let program = fs::read(&gradus).with_context(|| format!("cannot read {}", gradus.display()))?;
        let mut hasher = DefaultHasher::new();
        hasher.write(&program);
        let folder = folder.join(format!("{:016x}", hasher.finish()));
        if fresh && folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        Ok(Self { gradus, folder })
    }

    /// Where everything of a run lies.
    fn place(&self, job: &Job) -> PathBuf {
        self.folder.join(&job.label).join(&job.env).join(format!("seed-{}", job.seed))
    }

    /// The table of a run's metrics.
    pub(super) fn metrics(&self, job: &Job) -> PathBuf {
        self.place(job).join("run").join("metrics.csv")
    }

    /// The result of a run that was made before, under the same label with the same settings.
    pub(super) fn find(&self, job: &Job) -> Option<RunResult> {
        let text = fs::read_to_string(self.place(job).join(RESULT)).ok()?;
        let kept: RunResult = serde_json::from_str(&text).ok()?;
        let is_asked_for = (&kept.algo, &kept.sets) == (&job.algo, &job.sets);
        let is_whole = self.metrics(job).is_file();
        (is_asked_for && is_whole).then(|| RunResult { label: job.label.clone(), ..kept })
    }

    /// Trains and evaluates, and keeps the result. What an interrupted attempt has left goes first.
    fn make(&self, job: &Job) -> anyhow::Result<RunResult> {
        let place = self.place(job);
        if place.exists() {
            fs::remove_dir_all(&place).with_context(|| format!("cannot empty {}", place.display()))?;
        }
        fs::create_dir_all(&place).with_context(|| format!("cannot create {}", place.display()))?;
        let run = place.join("run");
        let seed = job.seed.to_string();
        let train = ["train", "--algo", &job.algo, "--env", &job.env, "--seed", &seed, "--threads", "1"];
        let sets = job.sets.iter().flat_map(|set| ["--set", set]);
        let trained = Command::new(&self.gradus)
            .args(train)
            .args(sets)
            .args(["--json", "--quiet", "--out"])
            .arg(&run)
            .output();
        let trained: Trained = read("gradus train", trained)?;
        let (episodes, seed) = (EPISODES.to_string(), (EVALUATION_SEED + job.seed).to_string());
        let eval = ["--episodes", &episodes, "--seed", &seed, "--json"];
        let evaluated: Evaluated =
            read("gradus eval", Command::new(&self.gradus).arg("eval").arg(&run).args(eval).output())?;
        let result = RunResult {
            label: job.label.clone(),
            algo: job.algo.clone(),
            env: job.env.clone(),
            seed: job.seed,
            total_steps: trained.total_steps,
            mean_return: trained.mean_return,
            eval_mean: evaluated.mean_return,
            eval_std: evaluated.std_return,
            wall_seconds: trained.wall_seconds,
            steps_per_second: trained.steps_per_second,
            sets: job.sets.clone(),
        };
        // Written aside and renamed: a result is there as a whole or not at all.
        let partial = place.join("result.partial");
        fs::write(&partial, serde_json::to_string_pretty(&result)?)?;
        fs::rename(&partial, place.join(RESULT))?;
        Ok(result)
    }

    /// The results of all jobs, in their order, `side_by_side` at a time; tells each on standard error.
    ///
    /// A failure does not keep the others from being made, and is reported after them.
    pub(super) fn all(&self, jobs: &[Job], side_by_side: usize) -> anyhow::Result<Vec<RunResult>> {
        let slots: Mutex<Vec<Option<anyhow::Result<RunResult>>>> =
            Mutex::new(jobs.iter().map(|job| self.find(job).map(Ok)).collect());
        let missing: Vec<usize> = (0..jobs.len()).filter(|&i| self.find(&jobs[i]).is_none()).collect();
        if missing.len() < jobs.len() {
            eprintln!("{} of {} runs are there already", jobs.len() - missing.len(), jobs.len());
        }
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(jobs.len() - missing.len()));
        std::thread::scope(|scope| {
            for _ in 0..side_by_side.min(missing.len()) {
                scope.spawn(|| {
                    while let Some(&i) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let result = self.make(&jobs[i]);
                        let count = done.fetch_add(1, Ordering::Relaxed) + 1;
                        eprintln!("[{count:>3}/{}] {}", jobs.len(), told(&jobs[i], &result));
                        if let Ok(mut slots) = slots.lock() {
                            slots[i] = Some(result);
                        }
                    }
                });
            }
        });
        let slots = slots.into_inner().map_err(|_| anyhow::anyhow!("a run has panicked"))?;
        let count = slots.len();
        let results: Vec<RunResult> = slots.into_iter().flatten().filter_map(Result::ok).collect();
        if results.len() < count {
            bail!(
                "{} of {count} runs have failed; the others are kept for the next time",
                count - results.len()
            );
        }
        Ok(results)
    }
}

/// One line on a run.
fn told(job: &Job, result: &anyhow::Result<RunResult>) -> String {
    let Job { label, env, seed, .. } = job;
    match result {
        Ok(it) => format!(
            "{label} {env} seed {seed}: mean return {:.1} ± {:.1} after {} steps in {:.1} s",
            it.eval_mean, it.eval_std, it.total_steps, it.wall_seconds
        ),
        Err(error) => format!("{label} {env} seed {seed} has failed: {error:#}"),
    }
}

/// The JSON line on the standard output of a command that succeeded.
fn read<T: for<'de> Deserialize<'de>>(what: &str, output: std::io::Result<Output>) -> anyhow::Result<T> {
    let output = output.with_context(|| format!("starting {what}"))?;
    if !output.status.success() {
        bail!("{what} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("reading what {what} printed"))
}
