//! The command lines that measure.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::workloads::{Library, Ppo, SOLVED, STEPPED_ENVS, Task, WATCHED, Workload, ZOO};

/// What is 1 for a whole measurement, and for a quick look the share of the amount that is done.
pub(super) const QUICK: f64 = 0.1;

/// Settings that leave nothing to do beside training: no evaluation but of one episode, one checkpoint.
const BARE: [&str; 2] = ["eval_episodes=1", "checkpoint_every=1000000000000"];

/// Where programs and scripts lie.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) gradus: PathBuf,
    pub(super) measure: PathBuf,
    /// The folder of the peers' scripts.
    pub(super) scripts: PathBuf,
    /// A folder for the runs of `gradus`, one at a time.
    pub(super) run: PathBuf,
}

/// An amount of work.
pub(super) fn scaled(amount: u64, scale: f64) -> u64 {
    ((amount as f64 * scale).round() as u64).max(1)
}

impl Programs {
    /// Our training, for so many steps or updates. `threads` is given where the default is not meant.
    pub(super) fn train(&self, workload: &Workload, amount: u64, seed: u64, threads: Option<u64>) -> Command {
        let mut command = Command::new(&self.gradus);
        let (env, algo, steps) = match workload.task {
            Task::Ppo(ppo) => (ppo.env, "ppo", amount),
            Task::Trpo { env } => (env, "trpo", amount * 2048),
            Task::Solve | Task::Memory | Task::Steps { .. } => (ZOO.env, "ppo", amount),
        };
        command.args(["train", "--json", "--quiet", "--env", env, "--algo", algo]);
        command.args(["--total-steps", &steps.to_string(), "--seed", &seed.to_string()]);
        if let Some(threads) = threads {
            command.args(["--threads", &threads.to_string()]);
        }
        let settings = BARE.map(str::to_owned).into_iter().chain(settings(&workload.task));
        for setting in settings {
            command.args(["--set", &setting]);
        }
        command.arg("--out").arg(&self.run);
        command
    }

    /// A figure that training does not tell.
    pub(super) fn measure(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.measure);
        command.args(arguments);
        command
    }

    /// The script of a peer, run by the Python that has it.
    pub(super) fn peer(
        &self,
        python: &Path,
        library: Library,
        workload: &Workload,
        amount: u64,
        seed: u64,
    ) -> Command {
        let mut command = Command::new(python);
        // No folder of compiled scripts in the repository.
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg(self.scripts.join(script(library)));
        let (amount, seed) = (amount.to_string(), seed.to_string());
        match workload.task {
            Task::Steps { env } => {
                let seconds = format!("{:.3}", workload_seconds(&amount));
                command.args(["--env", env, "--n-envs", &STEPPED_ENVS.to_string(), "--seconds", &seconds]);
                return command;
            }
            Task::Trpo { env } => {
                command.args(["--env", env, "--updates", &amount]);
            }
            Task::Solve => {
                command.arg("solve").args(shape(&ZOO)).args(["--steps", &amount, "--linear"]);
                command.args(["--learning-rate", "0.001", "--gamma", "0.98", "--gae-lambda", "0.8"]);
                command.args(["--target", &SOLVED.to_string()]);
            }
            Task::Ppo(_) | Task::Memory => {
                let ppo = if let Task::Ppo(ppo) = workload.task { ppo } else { WATCHED };
                if library == Library::StableBaselines3 {
                    command.arg("train");
                }
                command.args(shape(&ppo)).args(["--steps", &amount]);
            }
        }
        command.args(["--seed", &seed]);
        command
    }
}

/// Seconds from the thousandths that the amount of stepping is.
pub(super) fn workload_seconds(amount: &str) -> f64 {
    amount.parse::<f64>().unwrap_or(1_000.0) / 1_000.0
}

fn script(library: Library) -> &'static str {
    match library {
        Library::Gradus => "",
        Library::Rejax => "rejax_ppo.py",
        Library::StableBaselines3 => "sb3_ppo.py",
        Library::Sb3Contrib => "sb3_trpo.py",
        Library::Gymnasium => "gymnasium_steps.py",
        Library::EnvPool => "envpool_steps.py",
    }
}

/// The same for every peer that trains by PPO.
fn shape(ppo: &Ppo) -> Vec<String> {
    let mut words = vec!["--env".to_owned(), ppo.env.to_owned()];
    for (flag, value) in [
        ("--n-envs", ppo.n_envs),
        ("--n-steps", ppo.n_steps),
        ("--epochs", ppo.epochs),
        ("--minibatch-size", ppo.minibatch_size),
    ] {
        words.extend([flag.to_owned(), value.to_string()]);
    }
    words.push("--hidden".to_owned());
    words.extend(ppo.hidden.map(|width| width.to_string()));
    words
}

/// Settings over those of the preset, whatever that has.
fn settings(task: &Task) -> Vec<String> {
    match task {
        Task::Ppo(ppo) => {
            let [first, second] = ppo.hidden;
            let mut settings = vec![
                format!("n_envs={}", ppo.n_envs),
                format!("n_steps={}", ppo.n_steps),
                format!("epochs={}", ppo.epochs),
                format!("minibatch_size={}", ppo.minibatch_size),
                format!("hidden=[{first}, {second}]"),
            ];
            let steady = ["learning_rate_schedule=constant", "clip_schedule=constant", "learning_rate=3e-4"];
            settings.extend(steady.map(str::to_owned));
            settings.extend(["gamma=0.99", "gae_lambda=0.95", "entropy_coef=0.0"].map(str::to_owned));
            settings
        }
        Task::Trpo { .. } => {
            let rollout = ["n_envs=1", "n_steps=2048", "gamma=0.99", "gae_lambda=0.95"];
            let critic = ["epochs=10", "minibatch_size=128", "learning_rate=1e-3"];
            let step = ["cg_iterations=15", "cg_damping=0.1", "max_kl=0.01"];
            rollout.iter().chain(&critic).chain(&step).map(|setting| (*setting).to_owned()).collect()
        }
        // The preset has the Zoo's settings.
        Task::Solve => vec![format!("target_return={SOLVED}")],
        Task::Memory | Task::Steps { .. } => Vec::new(),
    }
}
