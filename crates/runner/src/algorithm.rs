//! The algorithms that a run can train with.

mod search;
mod vpg;

use gradus_blackbox::{CmaEsConfig, CovarianceModel, CrossEntropyConfig};
use gradus_core_math::{BacktrackingLineSearch, ConjugateGradient, KlAdaptiveRate, Schedule};
use gradus_policy::{Agent, Network, Search, Update, UpdateError};
use gradus_ppo::{AdaptiveKl, Minibatches, Objective, Ppo, PpoConfig};
use gradus_trpo::{CriticConfig, Fisher, KlConstraint, Trpo, TrpoConfig};
use gradus_vpg::{A2c, A2cConfig, Reinforce, ReinforceConfig};

use crate::collector::VineConfig;
use crate::config::{Config, Problem};

pub(crate) use vpg::advantage_estimator;

/// The algorithm and its own settings.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Algorithm {
    /// Proximal policy optimisation, with the clipped objective or a penalty on the KL divergence.
    Ppo(PpoConfig),
    /// Trust region policy optimisation.
    Trpo(TrpoConfig),
    /// Trust region policy optimisation by the values of several actions in states that a rollout went through.
    TrpoVine {
        /// The update.
        config: TrpoConfig,
        /// How rollouts branch.
        vine: VineConfig,
    },
    /// The natural policy gradient: [`TrpoConfig`] without a line search.
    Npg(TrpoConfig),
    /// REINFORCE; the settings' `advantage` is to be a return.
    Reinforce(ReinforceConfig),
    /// Advantage actor-critic, with or without a trust region for each row.
    A2c(A2cConfig),
    /// The cross-entropy method.
    CrossEntropy(CrossEntropyConfig),
    /// CMA-ES.
    CmaEs {
        /// Its settings.
        config: CmaEsConfig,
        /// What the covariance looks like, instead of what `config` says; none for what suits the number of parameters
        /// ([`CovarianceModel::suited_to`]).
        covariance: Option<CovarianceModel>,
    },
}

impl Algorithm {
    /// The names that a configuration can give.
    pub const NAMES: &[&str] = &[
        "ppo",
        "ppo-penalty",
        "ppo-adaptive-kl",
        "trpo",
        "trpo-max-kl",
        "trpo-vine",
        "npg",
        "a2c",
        "a2c-trust-region",
        "reinforce",
        "cem",
        "cma-es",
    ];

    /// The name in configurations.
    pub fn name(&self) -> &'static str {
        match self {
            Algorithm::Ppo(PpoConfig { objective: Objective::Clip { .. }, .. }) => "ppo",
            Algorithm::Ppo(PpoConfig { objective: Objective::Penalty { adaptive: None, .. }, .. }) => {
                "ppo-penalty"
            }
            Algorithm::Ppo(_) => "ppo-adaptive-kl",
            Algorithm::Trpo(TrpoConfig { constraint: KlConstraint::Mean, .. }) => "trpo",
            Algorithm::Trpo(_) => "trpo-max-kl",
            Algorithm::TrpoVine { .. } => "trpo-vine",
            Algorithm::Npg(_) => "npg",
            Algorithm::Reinforce(_) => "reinforce",
            Algorithm::A2c(A2cConfig { trust_region: None, .. }) => "a2c",
            Algorithm::A2c(_) => "a2c-trust-region",
            Algorithm::CrossEntropy(_) => "cem",
            Algorithm::CmaEs { .. } => "cma-es",
        }
    }

    /// Whether it searches among parameters by the returns of whole episodes, without gradients: then it is no
    /// [`Update`], and trains by [`SearchTrainer`](crate::SearchTrainer).
    pub fn is_search(&self) -> bool {
        matches!(self, Algorithm::CrossEntropy(_) | Algorithm::CmaEs { .. })
    }

    /// How rollouts branch for it, if they do.
    pub fn vine(&self) -> Option<VineConfig> {
        match self {
            Algorithm::TrpoVine { vine, .. } => Some(*vine),
            _ => None,
        }
    }

    /// The algorithm of a configuration whose updates have `rows` steps; what is wrong goes to `problems`.
    pub(crate) fn from_config(config: &Config, rows: usize, problems: &mut Vec<Problem>) -> Option<Self> {
        match config.text("algo") {
            name @ ("ppo" | "ppo-penalty" | "ppo-adaptive-kl") => {
                let minibatches = minibatches(config, rows, problems)?;
                ppo(name, config, minibatches, problems).map(Algorithm::Ppo)
            }
            name @ ("trpo" | "trpo-max-kl" | "trpo-vine" | "npg") => {
                let minibatches = minibatches(config, rows, problems)?;
                refuse_adaptive_rate(config, problems);
                let trpo = trpo(config, minibatches, rows);
                Some(match name {
                    "npg" => Algorithm::Npg(TrpoConfig { line_search: None, ..trpo }),
                    "trpo-max-kl" => Algorithm::Trpo(trpo.with_constraint(KlConstraint::Max)),
                    "trpo-vine" => Algorithm::TrpoVine { config: trpo, vine: vine(config, problems) },
                    _ => Algorithm::Trpo(trpo),
                })
            }
            "reinforce" => {
                refuse_adaptive_rate(config, problems);
                vpg::reinforce(config, rows, problems).map(Algorithm::Reinforce)
            }
            name @ ("a2c" | "a2c-trust-region") => {
                refuse_adaptive_rate(config, problems);
                Some(Algorithm::A2c(vpg::a2c(config, name == "a2c-trust-region")))
            }
            "cem" => search::cross_entropy(config, problems),
            "cma-es" => search::cma_es(config, problems),
            _ => {
                let known = Self::NAMES.join(", ");
                problems
                    .push(config.problem("algo", format!("there is no such algorithm; there are: {known}")));
                None
            }
        }
    }

    /// The update for an agent; none for a search.
    pub(crate) fn build<N: Network<Scalar = f32> + 'static>(
        &self,
        agent: &Agent<N>,
    ) -> Result<Option<Box<dyn Update<N>>>, UpdateError> {
        Ok(Some(match self {
            Algorithm::Ppo(config) => Box::new(Ppo::new(config.clone(), agent)?),
            Algorithm::Trpo(config) | Algorithm::TrpoVine { config, .. } => {
                Box::new(Trpo::new(config.clone(), agent)?)
            }
            Algorithm::Npg(config) => {
                Box::new(Trpo::new(TrpoConfig { line_search: None, ..config.clone() }, agent)?)
            }
            Algorithm::Reinforce(config) => Box::new(Reinforce::new(*config, agent)?),
            Algorithm::A2c(config) => Box::new(A2c::new(*config, agent)?),
            Algorithm::CrossEntropy(_) | Algorithm::CmaEs { .. } => return Ok(None),
        }))
    }

    /// The search that begins with the parameters `start`; none for an update.
    pub(crate) fn build_search(&self, start: &[f64]) -> Result<Option<Box<dyn Search>>, UpdateError> {
        search::build(self, start)
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

/// The word for a learning rate that follows the KL divergence.
const KL_ADAPTIVE: &str = "kl-adaptive";

/// A rate that follows the divergence of minibatch updates is PPO's.
fn refuse_adaptive_rate(config: &Config, problems: &mut Vec<Problem>) {
    if config.text("learning_rate_schedule") == KL_ADAPTIVE {
        let reason = "only PPO's learning rate can follow the KL divergence; give constant or linear";
        problems.push(config.problem("learning_rate_schedule", reason));
    }
}

/// The objective that the name of a variant of PPO asks for.
fn objective(name: &str, config: &Config, problems: &mut Vec<Problem>) -> Objective {
    let kl_coef = config.float("kl_coef");
    match name {
        "ppo-penalty" => Objective::penalty(kl_coef),
        "ppo-adaptive-kl" => {
            let rule = AdaptiveKl::new(config.float("kl_coef_target"));
            let (low, high) = (config.optional_float("kl_low"), config.optional_float("kl_high"));
            let (low, high) = (low.unwrap_or(rule.kl_low), high.unwrap_or(rule.kl_high));
            if low > high {
                let reason = format!("above {high}, the highest KL divergence that leaves kl_coef as it is");
                problems.push(config.problem("kl_low", reason));
            }
            if kl_coef <= 0.0 {
                problems.push(config.problem("kl_coef", "it must be above 0 where it adapts by factors"));
            }
            let rule = rule.with_acceptable(low, high).with_factor(config.float("kl_coef_factor"));
            Objective::adaptive_penalty(kl_coef, rule)
        }
        _ => Objective::Clip {
            epsilon: schedule(config, "clip_epsilon", "clip_schedule"),
            dual: config.optional_float("dual_clip"),
        },
    }
}

fn ppo(
    name: &str,
    config: &Config,
    minibatches: Minibatches,
    problems: &mut Vec<Problem>,
) -> Option<PpoConfig> {
    let kl_adaptive_rate = match config.text("learning_rate_schedule") {
        KL_ADAPTIVE => match KlAdaptiveRate::new(config.float("learning_rate_kl_target")) {
            Ok(rule) => Some(rule),
            Err(error) => {
                problems.push(config.problem("learning_rate_kl_target", error.to_string()));
                return None;
            }
        },
        _ => None,
    };
    Some(PpoConfig {
        epochs: config.count("epochs"),
        minibatches,
        learning_rate: schedule(config, "learning_rate", "learning_rate_schedule"),
        kl_adaptive_rate,
        objective: objective(name, config, problems),
        value_clip_epsilon: config.optional_float("value_clip_epsilon"),
        normalize_value: config.bool("normalize_value"),
        entropy_coef: config.float("entropy_coef"),
        value_coef: config.float("value_coef"),
        max_grad_norm: config.optional_float("max_grad_norm"),
        normalize_advantage: config.bool("normalize_advantage"),
        kl_target: config.optional_float("kl_target"),
        ..PpoConfig::default()
    })
}

/// How rollouts branch; what does not fit the other settings goes to `problems`.
fn vine(config: &Config, problems: &mut Vec<Problem>) -> VineConfig {
    let vine = VineConfig {
        states: config.count("vine_states"),
        actions: config.count("vine_actions"),
        length: config.count("vine_length"),
    };
    let n_steps = config.count("n_steps");
    if vine.states > n_steps {
        let reason = format!("a rollout has only n_steps = {n_steps} states of an environment");
        problems.push(config.problem("vine_states", reason));
    }
    if config.bool("normalize_reward") {
        let reason = "trpo-vine compares returns of the task's own rewards; give false";
        problems.push(config.problem("normalize_reward", reason));
    }
    if config.text("network") == "gru" {
        let reason =
            "trpo-vine goes back to states of the task, not of a network's memory; give dense or conv";
        problems.push(config.problem("network", reason));
    }
    vine
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
        constraint: KlConstraint::Mean,
        fisher_fraction: config.float("fisher_fraction"),
        fisher: if config.text("fisher") == "empirical" { Fisher::Empirical } else { Fisher::Analytic },
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
