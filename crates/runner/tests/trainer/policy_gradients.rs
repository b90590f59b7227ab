//! REINFORCE and A2C on tasks whose answer is known, with what the collector gives them.

use gradus_core_math::Schedule;
use gradus_envs::classic::{CartPole, Pendulum};
use gradus_envs::probe::{DelayedReward, MatchSign, OneStep};
use gradus_policy::CriticConfig;
use gradus_ppo::{AdaptiveKl, Objective, PpoConfig};
use gradus_runner::{AdvantageEstimator, Algorithm, Settings, TrainError, Trainer};
use gradus_vpg::{A2cConfig, Average, Baseline, ReinforceConfig, StepConfig, TrustRegionConfig};

const RATE: Schedule = Schedule::Linear { start: 3e-2, end: 0.0 };

fn reinforce(baseline: Baseline) -> Algorithm {
    let config = ReinforceConfig::new().with_step(StepConfig::adam(RATE)).with_baseline(baseline);
    Algorithm::Reinforce(config)
}

fn critic() -> Baseline {
    Baseline::Value(CriticConfig::new().with_minibatch_size(64).with_learning_rate(RATE))
}

fn a2c(trust_region: Option<TrustRegionConfig>) -> Algorithm {
    let config = A2cConfig::new().with_step(StepConfig::adam(RATE)).with_trust_region(trust_region);
    Algorithm::A2c(config)
}

fn settings(algorithm: Algorithm, advantage: AdvantageEstimator) -> Settings {
    let settings = Settings::new(algorithm).with_rollout(8, 32).with_hidden(&[32]).with_total_steps(256 * 60);
    settings.with_advantage(advantage)
}

const TO_GO: AdvantageEstimator = AdvantageEstimator::RewardToGo { discount_weights: false };

#[test]
fn every_update_learns_what_an_observation_asks_for() {
    let mean = |over| Baseline::RunningMean { over, decay: 0.9 };
    let penalty = |adaptive: Option<AdaptiveKl>| {
        let objective = Objective::Penalty { kl_coef: 1.0, adaptive };
        Algorithm::Ppo(PpoConfig::new().with_objective(objective).with_learning_rate(RATE))
    };
    for (algorithm, advantage) in [
        (reinforce(Baseline::None), AdvantageEstimator::WholeReturn),
        (reinforce(mean(Average::Episodes)), AdvantageEstimator::WholeReturn),
        (reinforce(mean(Average::Steps)), TO_GO),
        (reinforce(critic()), TO_GO),
        (reinforce(critic()), AdvantageEstimator::RewardToGo { discount_weights: true }),
        (a2c(None), AdvantageEstimator::TemporalDifference),
        (a2c(None), AdvantageEstimator::NStep(3)),
        (a2c(Some(TrustRegionConfig::new())), AdvantageEstimator::MonteCarlo),
        (penalty(None), AdvantageEstimator::Gae),
        (penalty(Some(AdaptiveKl::new(0.01))), AdvantageEstimator::Gae),
    ] {
        let settings = settings(algorithm, advantage).with_threads(2);
        let make = || OneStep::new(MatchSign);
        let mut trainer = Trainer::for_env("probe", make, &settings).expect("a run");
        trainer.train(|_, _| {}).expect("training");
        let (name, found) = (settings.algorithm.name(), trainer.mean_return());
        assert!(found > Some(0.95), "{name} with {advantage:?}: {found:?}");
    }
}

/// With γ = 1/2 the first state is worth 1/2, and the second one 1, for returns as for advantages.
#[test]
fn the_critic_of_reinforce_learns_the_reward_to_go() {
    let settings = settings(reinforce(critic()), TO_GO).with_discount(0.5, 1.0);
    let mut trainer = Trainer::for_env("probe", DelayedReward::default, &settings).expect("a run");
    trainer.train(|_, _| {}).expect("training");
    let rollout = trainer.rollout();
    for (row, value) in rollout.observations.chunks_exact(rollout.observation_width).zip(&rollout.values) {
        let expected = if row[0] < 0.5 { 0.5 } else { 1.0 };
        assert!((value - expected).abs() < 0.02, "{value} for {expected}");
    }
}

/// Every rollout begins with first steps, so that an episode is of one policy; what did not end has no weight.
#[test]
fn returns_are_of_episodes_that_one_policy_played_from_start_to_end() {
    let settings = settings(reinforce(Baseline::None), TO_GO).with_rollout(3, 40).with_threads(2);
    let mut trainer = Trainer::for_env("CartPole-v1", CartPole::v1, &settings).expect("a run");
    let mut unfinished = 0;
    for _ in 0..10 {
        let episodes = trainer.iterate().expect("an update").episodes;
        let rollout = trainer.rollout();
        // A first observation of CartPole is within 0.05 of the upright pole at rest.
        assert!(rollout.observations[..3 * 4].iter().all(|x| x.abs() <= 0.05));
        let discounted = |length: u64| (0..length).map(|t| 0.99_f64.powi(t as i32)).sum::<f64>();
        let mut expected: Vec<f64> = episodes.iter().map(|episode| discounted(episode.length)).collect();
        let mut found: Vec<f64> = rollout.episode_returns.iter().map(|&r| f64::from(r)).collect();
        expected.sort_by(f64::total_cmp);
        found.sort_by(f64::total_cmp);
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-4), "{found:?} {expected:?}");
        let counted = rollout.weights.iter().filter(|weight| **weight > 0.0).count() as u64;
        assert_eq!(counted, episodes.iter().map(|episode| episode.length).sum::<u64>());
        unfinished += 120 - counted;
    }
    assert!(unfinished > 0, "no rollout cut an episode off");
}

#[test]
fn a_rollout_without_a_finished_episode_says_what_would_help() {
    let settings = settings(reinforce(Baseline::None), TO_GO);
    let mut trainer = Trainer::for_env("Pendulum-v1", Pendulum::v1, &settings).expect("a run");
    let message = trainer.iterate().expect_err("200 steps are no 32").to_string();
    for part in ["no episode ended within the 32 steps", "raise n_steps", "bootstrapped-return"] {
        assert!(message.contains(part), "{message}");
    }
    let settings = Settings { advantage: AdvantageEstimator::BootstrappedReturn, ..settings };
    let Algorithm::Reinforce(config) = settings.algorithm.clone() else { panic!("REINFORCE") };
    let algorithm = Algorithm::Reinforce(config.with_average(Average::Steps));
    let settings = Settings { algorithm, ..settings };
    let mut trainer = Trainer::for_env("Pendulum-v1", Pendulum::v1, &settings).expect("a run");
    trainer.iterate().expect("it helps");
}

#[test]
fn an_estimator_that_does_not_fit_the_algorithm_is_refused() {
    let begin = |settings: &Settings| -> Result<Trainer, TrainError> {
        Trainer::for_env("CartPole-v1", CartPole::v1, settings)
    };
    for (settings, expected) in [
        (settings(a2c(None), TO_GO), "it must be an advantage for all algorithms but REINFORCE"),
        (settings(reinforce(Baseline::None), AdvantageEstimator::Gae), "it must be a return for REINFORCE"),
        (settings(a2c(None), AdvantageEstimator::NStep(0)), "advantage_steps is 0, it must be at least 1"),
    ] {
        let Err(error) = begin(&settings) else { panic!("it was taken") };
        assert!(error.to_string().contains(expected), "{error}");
    }
}
