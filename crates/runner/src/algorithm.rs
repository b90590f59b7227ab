//! The algorithms that a run can train with.

use gradus_core_math::{BacktrackingLineSearch, ConjugateGradient, Schedule};
use gradus_policy::{Agent, Network, Update, UpdateError};
use gradus_ppo::{Minibatches, Objective, Ppo, PpoConfig};
use gradus_trpo::{CriticConfig, Trpo, TrpoConfig};

use crate::config::{Config, Problem};

/// The algorithm and its own settings.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Algorithm {
    /// Proximal policy optimisation with the clipped objective.
    Ppo(PpoConfig),
    /// Trust region policy optimisation.
    Trpo(TrpoConfig),
    /// The natural policy gradient: [`TrpoConfig`] without a line search.
    Npg(TrpoConfig),
}

impl Algorithm {
    /// The names that a configuration can give.
    pub const NAMES: &[&str] = &["ppo", "trpo", "npg"];

    /// The name in configurations.
    pub fn name(&self) -> &'static str {
        match self {
            Algorithm::Ppo(_) => "ppo",
            Algorithm::Trpo(_) => "trpo",
            Algorithm::Npg(_) => "npg",
        }
    }

    /// The algorithm of a configuration whose updates have `rows` steps; what is wrong goes to `problems`.
    pub(crate) fn from_config(config: &Config, rows: usize, problems: &mut Vec<Problem>) -> Option<Self> {
        let minibatches = minibatches(config, rows, problems);
        match config.text("algo") {
            "ppo" => Some(Algorithm::Ppo(ppo(config, minibatches?))),
            "trpo" => Some(Algorithm::Trpo(trpo(config, minibatches?, rows))),
            "npg" => {
                Some(Algorithm::Npg(TrpoConfig { line_search: None, ..trpo(config, minibatches?, rows) }))
            }
            _ => {
                let known = Self::NAMES.join(", ");
                problems
                    .push(config.problem("algo", format!("there is no such algorithm; there are: {known}")));
                None
            }
        }
    }

    /// The algorithm for an agent.
    pub(crate) fn build<N: Network<Scalar = f32> + 'static>(
        &self,
        agent: &Agent<N>,
    ) -> Result<Box<dyn Update<N>>, UpdateError> {
        Ok(match self {
            Algorithm::Ppo(config) => Box::new(Ppo::new(config.clone(), agent)?),
            Algorithm::Trpo(config) => Box::new(Trpo::new(config.clone(), agent)?),
            Algorithm::Npg(config) => {
                Box::new(Trpo::new(TrpoConfig { line_search: None, ..config.clone() }, agent)?)
            }
        })
    }
}

/// The minibatches of a pass, which fit into an update.
fn minibatches(config: &Config, rows: usize, problems: &mut Vec<Problem>) -> Option<Minibatches> {
    let (key, found, too_many) =
        match (config.optional_count("minibatches"), config.optional_count("minibatch_size")) {
            (Some(count), _) => ("minibatches", Minibatches::Count(count), count > rows),
            (None, Some(size)) => ("minibatch_size", Minibatches::Size(size), size > rows),
            (None, None) => {
                problems
                    .push(config.problem("minibatches", "either minibatches or minibatch_size is needed"));
                return None;
            }
        };
    if too_many {
        problems
            .push(config.problem(key, format!("more than the n_envs · n_steps = {rows} steps of an update")));
    }
    Some(found)
}

fn schedule(config: &Config, key: &str, kind: &str) -> Schedule {
    match config.text(kind) {
        "linear" => Schedule::Linear { start: config.float(key), end: 0.0 },
        _ => Schedule::Constant(config.float(key)),
    }
}

fn ppo(config: &Config, minibatches: Minibatches) -> PpoConfig {
    PpoConfig {
        epochs: config.count("epochs"),
        minibatches,
        learning_rate: schedule(config, "learning_rate", "learning_rate_schedule"),
        objective: Objective::clip(schedule(config, "clip_epsilon", "clip_schedule")),
        value_clip_epsilon: config.optional_float("value_clip_epsilon"),
        entropy_coef: config.float("entropy_coef"),
        value_coef: config.float("value_coef"),
        max_grad_norm: config.optional_float("max_grad_norm"),
        normalize_advantage: config.bool("normalize_advantage"),
        kl_target: config.optional_float("kl_target"),
        ..PpoConfig::default()
    }
}

/// Epochs, minibatches and learning rate are the critic's: the policy takes one step with all rows.
fn trpo(config: &Config, minibatches: Minibatches, rows: usize) -> TrpoConfig {
    let minibatch_size = match minibatches {
        Minibatches::Size(size) => size,
        Minibatches::Count(count) => rows.div_ceil(count),
    };
    TrpoConfig {
        max_kl: config.float("max_kl"),
        conjugate_gradient: ConjugateGradient::new().with_max_iterations(config.count("cg_iterations")),
        cg_damping: config.float("cg_damping"),
        line_search: Some(
            BacktrackingLineSearch::new()
                .with_backtrack_ratio(config.float("backtrack_ratio"))
                .with_max_backtracks(config.count("max_backtracks")),
        ),
        normalize_advantage: config.bool("normalize_advantage"),
        critic: CriticConfig {
            learning_rate: schedule(config, "learning_rate", "learning_rate_schedule"),
            epochs: config.count("epochs"),
            minibatch_size,
            ..CriticConfig::default()
        },
    }
}
