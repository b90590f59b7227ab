//! The same to the bit: for any number of threads, and after a restart.

use gradus_checkpoint::Checkpoint;
use gradus_core_math::{KlAdaptiveRate, Schedule};
use gradus_envs::classic::{CartPole, Pendulum};
use gradus_ppo::{AdaptiveKl, Minibatches, Objective, PpoConfig};
use gradus_runner::{AdvantageEstimator, Algorithm, Settings, TrainError, Trainer, VineConfig};
use gradus_trpo::{CriticConfig, Fisher, KlConstraint, TrpoConfig};
use gradus_vpg::{A2cConfig, Average, Baseline, ReinforceConfig, StepConfig, TrustRegionConfig};

use crate::tasks::bits;

/// A task, as a way to begin a run on it.
type Begin = fn(&Settings) -> Result<Trainer, TrainError>;

fn cart_pole(settings: &Settings) -> Result<Trainer, TrainError> {
    Trainer::for_env("CartPole-v1", CartPole::v1, settings)
}

fn pendulum(settings: &Settings) -> Result<Trainer, TrainError> {
    Trainer::for_env("Pendulum-v1", Pendulum::v1, settings)
}

/// Environments that no number of threads but 1, 2, 3 and 6 divides, minibatches of unequal size, and everything
/// that has a state: schedules, normalisation of every kind.
fn settings(total_updates: u64, normalize: bool, shared_trunk: bool) -> Settings {
    let settings = Settings { shared_trunk, ..Settings::new(ppo()) };
    let settings =
        settings.with_rollout(6, 32).with_hidden(&[32, 32]).with_normalization(normalize, normalize);
    settings.with_total_steps(total_updates * 6 * 32)
}

const RATE: Schedule = Schedule::Linear { start: 1e-3, end: 0.0 };

fn ppo() -> Algorithm {
    let config = PpoConfig::new().with_epochs(2).with_minibatches(Minibatches::Count(5));
    let clip = Schedule::Linear { start: 0.2, end: 0.0 };
    Algorithm::Ppo(config.with_learning_rate(RATE).with_clip_epsilon(clip))
}

fn trust_region() -> TrpoConfig {
    let critic = CriticConfig::new().with_epochs(2).with_minibatch_size(50).with_learning_rate(RATE);
    TrpoConfig::new().with_critic(critic)
}

fn trpo() -> Algorithm {
    Algorithm::Trpo(trust_region())
}

fn trpo_max_kl() -> Algorithm {
    let config = trust_region().with_constraint(KlConstraint::Max).with_fisher(Fisher::Empirical);
    Algorithm::Trpo(config)
}

fn trpo_vine() -> Algorithm {
    Algorithm::TrpoVine { config: trust_region(), vine: VineConfig { states: 5, actions: 3, length: 7 } }
}

fn npg() -> Algorithm {
    Algorithm::Npg(trust_region())
}

/// The divergence of an update as the target of β, or of the learning rate: both are states beside Adam's.
fn adaptive_penalty() -> Algorithm {
    let config = PpoConfig::new().with_epochs(2).with_minibatches(Minibatches::Count(5));
    let objective = Objective::adaptive_penalty(0.5, AdaptiveKl::new(1e-3));
    Algorithm::Ppo(config.with_learning_rate(RATE).with_objective(objective))
}

fn adaptive_rate() -> Algorithm {
    let config = PpoConfig::new().with_epochs(2).with_minibatches(Minibatches::Count(5));
    let rule = KlAdaptiveRate::new(1e-3).expect("a target");
    Algorithm::Ppo(config.with_objective(Objective::dual_clip(0.2, 3.0)).with_kl_adaptive_rate(Some(rule)))
}

/// Returns less a critic's values, which are fitted after the policy's step.
fn reinforce() -> Algorithm {
    let critic = CriticConfig::new().with_epochs(2).with_minibatch_size(50).with_learning_rate(RATE);
    let config = ReinforceConfig::new().with_step(StepConfig::adam(RATE)).with_average(Average::Steps);
    Algorithm::Reinforce(config.with_baseline(Baseline::Value(critic)))
}

/// Whole returns less their mean in earlier updates.
fn reinforce_mean() -> Algorithm {
    let baseline = Baseline::RunningMean { over: Average::Episodes, decay: 0.9 };
    Algorithm::Reinforce(ReinforceConfig::new().with_step(StepConfig::adam(RATE)).with_baseline(baseline))
}

fn a2c() -> Algorithm {
    Algorithm::A2c(A2cConfig::new())
}

fn a2c_trust_region() -> Algorithm {
    let region = TrustRegionConfig::new().with_max_kl(0.01);
    Algorithm::A2c(A2cConfig::new().with_trust_region(Some(region)).with_normalize_advantage(true))
}

/// What to train on what, whether normalised, and whether with one trunk.
struct Variant {
    algorithm: fn() -> Algorithm,
    begin: Begin,
    normalize: bool,
    shared_trunk: bool,
}

const fn variant(algorithm: fn() -> Algorithm, begin: Begin, normalize: bool, shared_trunk: bool) -> Variant {
    Variant { algorithm, begin, normalize, shared_trunk }
}

const VARIANTS: [Variant; 20] = [
    variant(ppo, cart_pole, false, false),
    variant(ppo, cart_pole, true, true),
    variant(ppo, pendulum, true, false),
    variant(ppo, pendulum, false, true),
    variant(trpo, cart_pole, true, false),
    variant(trpo, pendulum, false, false),
    variant(npg, cart_pole, false, false),
    variant(npg, pendulum, true, false),
    variant(adaptive_penalty, cart_pole, false, false),
    variant(adaptive_penalty, pendulum, true, true),
    variant(adaptive_rate, pendulum, false, false),
    variant(reinforce, cart_pole, true, false),
    variant(reinforce, pendulum, false, false),
    variant(reinforce_mean, cart_pole, true, true),
    variant(a2c, cart_pole, true, true),
    variant(a2c, pendulum, false, false),
    variant(trpo_max_kl, cart_pole, false, false),
    variant(a2c_trust_region, pendulum, true, true),
    variant(trpo_vine, cart_pole, false, false),
    variant(trpo_vine, pendulum, false, false),
];

impl Variant {
    fn settings(&self, total_updates: u64) -> Settings {
        let settings = settings(total_updates, self.normalize, self.shared_trunk);
        let algorithm = match (self.algorithm)() {
            Algorithm::Ppo(config) => Algorithm::Ppo(config.with_normalize_value(self.normalize)),
            other => other,
        };
        let advantage = match &algorithm {
            Algorithm::Reinforce(ReinforceConfig { baseline: Baseline::RunningMean { .. }, .. }) => {
                AdvantageEstimator::WholeReturn
            }
            Algorithm::Reinforce(_) if self.normalize => {
                AdvantageEstimator::RewardToGo { discount_weights: true }
            }
            Algorithm::Reinforce(_) => AdvantageEstimator::BootstrappedReturn,
            Algorithm::A2c(_) => AdvantageEstimator::NStep(5),
            _ => AdvantageEstimator::Gae,
        };
        // Roll-outs are steps as well.
        let times = if algorithm.vine().is_some() { 5 } else { 1 };
        Settings { algorithm, advantage, total_steps: times * settings.total_steps, ..settings }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for variant in VARIANTS {
        let settings = variant.settings(25);
        let begin = |threads| (variant.begin)(&settings.clone().with_threads(threads)).expect("a run");
        let mut runs: Vec<Trainer> = (1..=4).map(begin).collect();
        while runs[0].updates() < 25 {
            runs.iter_mut().for_each(|run| drop(run.iterate().expect("an update")));
            let (first, others) = runs.split_first().expect("four runs");
            for other in others {
                let algo = settings.algorithm.name();
                let at = format!("{algo} on {} threads, update {}", other.threads(), first.updates());
                assert!(first.rollout() == other.rollout(), "the rollouts differ: {at}");
                assert_eq!(bits(first.parameters()), bits(other.parameters()), "{at}");
            }
        }
        let checkpoints: Vec<Vec<u8>> = runs.iter().map(checkpoint_bytes).collect();
        assert!(checkpoints.iter().all(|other| *other == checkpoints[0]), "a checkpoint tells the threads");
    }
}

#[test]
fn another_seed_is_another_run() {
    let run = |seed| {
        let mut trainer = cart_pole(&settings(3, false, false).with_seed(seed)).expect("a run");
        trainer.iterate().expect("an update");
        trainer
    };
    let (a, again, b) = (run(1), run(1), run(2));
    assert!(a.rollout() == again.rollout() && a.parameters() == again.parameters());
    assert_ne!(bits(a.parameters()), bits(b.parameters()));
    assert_ne!(bits(&a.rollout().observations), bits(&b.rollout().observations));
    assert_ne!(bits(&a.rollout().actions), bits(&b.rollout().actions));
}

fn checkpoint_bytes(trainer: &Trainer) -> Vec<u8> {
    trainer.checkpoint().expect("a checkpoint").to_bytes().expect("its bytes")
}

/// The bytes of a checkpoint hold parameters, moments of Adam, normalisation, environments, streams and the last
/// returns: if they agree, everything does.
#[test]
fn a_restored_run_goes_on_as_if_it_had_not_stopped() {
    for (i, variant) in VARIANTS.into_iter().enumerate() {
        let (settings, begin) = (variant.settings(40), variant.begin);
        let mut straight = begin(&settings.clone().with_threads(1)).expect("a run");
        for _ in 0..20 {
            straight.iterate().expect("an update");
        }
        let bytes = checkpoint_bytes(&straight);
        let mut restored = begin(&settings.clone().with_threads(2 + i % 3)).expect("a run");
        restored.restore(&Checkpoint::from_bytes(&bytes).expect("intact")).expect("of the same run");
        let mut forgetful = begin(&settings.clone().with_threads(1)).expect("a run");
        forgetful.restore(&without_moments(&bytes)).expect("of the same run");
        while straight.updates() < 40 {
            for run in [&mut straight, &mut restored, &mut forgetful] {
                run.iterate().expect("an update");
            }
            let at = straight.updates();
            assert_eq!(bits(straight.parameters()), bits(restored.parameters()), "update {at}");
            assert_eq!(straight.mean_return(), restored.mean_return(), "update {at}");
            let normalizer = |run: &Trainer| run.policy().expect("finite").spec().normalizer.clone();
            assert_eq!(normalizer(&straight), normalizer(&restored), "update {at}");
            assert!(checkpoint_bytes(&straight) == checkpoint_bytes(&restored), "update {at}");
        }
        assert_eq!(restored.updates(), 40);
        // The wrong variant: a restart that forgets the moments of Adam is noticed.
        assert_ne!(bits(straight.parameters()), bits(forgetful.parameters()));
    }
}

fn without_moments(bytes: &[u8]) -> Checkpoint {
    let mut checkpoint = Checkpoint::from_bytes(bytes).expect("intact");
    let mut forgotten = 0;
    for (name, tensor) in &mut checkpoint.tensors {
        if name.starts_with("algorithm.") {
            let zeros = vec![0.0_f32; tensor.len()];
            *tensor = zeros.into();
            forgotten += 1;
        }
    }
    assert!(forgotten > 0, "the optimiser has no state");
    checkpoint
}

#[test]
fn a_checkpoint_of_another_run_is_refused_by_what_differs() {
    let mut trainer = cart_pole(&settings(2, true, false)).expect("a run");
    trainer.iterate().expect("an update");
    let checkpoint = trainer.checkpoint().expect("a checkpoint");
    let same = settings(2, true, false);
    let others: [(Begin, Settings, &str); 6] = [
        (pendulum, same.clone(), "it has the environment CartPole-v1, this run Pendulum-v1"),
        (cart_pole, same.clone().with_hidden(&[16]), "it has the hidden layers [32, 32], this run [16]"),
        (cart_pole, settings(2, true, true), "it has the shared_trunk false, this run true"),
        (
            cart_pole,
            same.clone().with_normalization(false, true),
            "it has the normalize_observation true, this run false",
        ),
        (cart_pole, same.clone().with_normalization(true, false), "statistics are of other"),
        (cart_pole, same.with_rollout(3, 32), "it has 6 environments, the run has 3"),
    ];
    for (begin, settings, expected) in others {
        let mut other = begin(&settings).expect("a run");
        let message = other.restore(&checkpoint).expect_err("another run").to_string();
        assert!(message.contains(expected), "{message}");
    }
}
