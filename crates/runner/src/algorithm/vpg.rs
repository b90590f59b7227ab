//! The settings of policy gradients: REINFORCE and A2C.

use gradus_core_math::{AdamConfig, OptimizerConfig, RmsPropConfig};
use gradus_policy::CriticConfig;
use gradus_ppo::Minibatches;
use gradus_vpg::{A2cConfig, Average, Baseline, ReinforceConfig, StepConfig, TrustRegionConfig};

use super::{Algorithm, minibatches, schedule};
use crate::collector::AdvantageEstimator;
use crate::config::{Config, Problem};

/// ε of the optimisers, as in stable-baselines3's A2C and PPO.
const EPSILON: f64 = 1e-5;

/// The estimator that a configuration asks for; without a word from it the reward-to-go for REINFORCE, GAE for all
/// others. What is wrong goes to `problems`.
pub(crate) fn advantage_estimator(
    config: &Config,
    algorithm: Option<&Algorithm>,
    problems: &mut Vec<Problem>,
) -> AdvantageEstimator {
    let reinforce = matches!(algorithm, Some(Algorithm::Reinforce(_)));
    let discount_weights = config.bool("discount_weights");
    let to_go = AdvantageEstimator::RewardToGo { discount_weights };
    let estimator = match config.optional_text("advantage_estimator") {
        None if reinforce => to_go,
        None | Some("gae") => AdvantageEstimator::Gae,
        Some("td") => AdvantageEstimator::TemporalDifference,
        Some("n-step") => AdvantageEstimator::NStep(config.count("advantage_steps")),
        Some("monte-carlo") => AdvantageEstimator::MonteCarlo,
        Some("bootstrapped-return") => AdvantageEstimator::BootstrappedReturn,
        Some("whole-return") => AdvantageEstimator::WholeReturn,
        Some(_) => to_go,
    };
    let searches = algorithm.is_some_and(Algorithm::is_search);
    if algorithm.is_some() && !searches && estimator.is_return() != reinforce {
        let reason = if reinforce {
            "REINFORCE weighs by returns, from which it subtracts its own baseline; \
             give reward-to-go, whole-return or bootstrapped-return"
        } else {
            "a return is for the algorithm reinforce alone; give gae, td, n-step or monte-carlo"
        };
        problems.push(config.problem("advantage_estimator", reason));
    }
    if discount_weights && reinforce && estimator != to_go {
        let reason = "the weights belong to the advantage_estimator reward-to-go";
        problems.push(config.problem("discount_weights", reason));
    }
    estimator
}

fn optimizer(config: &Config, default: &str) -> OptimizerConfig {
    match config.optional_text("optimizer").unwrap_or(default) {
        "adam" => OptimizerConfig::Adam(AdamConfig::new().with_epsilon(EPSILON)),
        "rmsprop" => OptimizerConfig::RmsProp(RmsPropConfig::new().with_epsilon(EPSILON)),
        _ => OptimizerConfig::Plain,
    }
}

fn step(config: &Config, default_optimizer: &str) -> StepConfig {
    StepConfig::ascent(schedule(config, "learning_rate", "learning_rate_schedule"))
        .with_optimizer(optimizer(config, default_optimizer))
        .with_max_grad_norm(config.optional_float("max_grad_norm"))
}

/// Epochs and minibatches are the critic's, where one is the baseline.
pub(super) fn reinforce(
    config: &Config,
    rows: usize,
    problems: &mut Vec<Problem>,
) -> Option<ReinforceConfig> {
    // A bootstrapped return is no sum over whole episodes, whose number could divide it.
    let estimator = config.optional_text("advantage_estimator");
    let average = match estimator {
        Some("bootstrapped-return") => Average::Steps,
        _ => Average::Episodes,
    };
    let over = if estimator == Some("whole-return") { Average::Episodes } else { Average::Steps };
    let baseline = match config.text("baseline") {
        "none" => Baseline::None,
        "running-mean" => Baseline::RunningMean { over, decay: config.float("baseline_decay") },
        _ => {
            if config.bool("shared_trunk") {
                let reason = "a critic that is REINFORCE's baseline is fitted apart; give false";
                problems.push(config.problem("shared_trunk", reason));
            }
            let minibatch_size = match minibatches(config, rows, problems)? {
                Minibatches::Size(size) => size,
                Minibatches::Count(count) => rows.div_ceil(count),
            };
            let critic = CriticConfig::new()
                .with_learning_rate(schedule(config, "critic_learning_rate", "learning_rate_schedule"))
                .with_epochs(config.count("epochs"))
                .with_minibatch_size(minibatch_size);
            Baseline::Value(critic)
        }
    };
    let config = ReinforceConfig::new()
        .with_step(step(config, "adam"))
        .with_average(average)
        .with_baseline(baseline)
        .with_entropy_coef(config.float("entropy_coef"));
    Some(config)
}

pub(super) fn a2c(config: &Config, trust_region: bool) -> A2cConfig {
    let region = TrustRegionConfig::new()
        .with_max_kl(config.float("row_max_kl"))
        .with_average_decay(config.float("average_decay"));
    A2cConfig::new()
        .with_step(step(config, "rmsprop"))
        .with_value_coef(config.float("value_coef"))
        .with_entropy_coef(config.float("entropy_coef"))
        .with_normalize_advantage(config.bool("normalize_advantage"))
        .with_trust_region(trust_region.then_some(region))
}
