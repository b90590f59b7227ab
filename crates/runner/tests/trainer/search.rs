//! Searches without gradients: fair to every candidate, the same for any number of threads, the same after a restart.

use gradus_blackbox::{CmaEsConfig, CovarianceModel, CrossEntropyConfig};
use gradus_checkpoint::Checkpoint;
use gradus_envs::classic::{CartPole, Pendulum};
use gradus_envs::probe::{Fault, Faulty, MaskedChoice, MatchSign, OneStep};
use gradus_policy::Policy;
use gradus_runner::{Algorithm, SearchTrainer, Settings, TrainError, Trainer, policy_of};

use crate::tasks::{bits, limited_walk};

type Begin = fn(&Settings) -> Result<SearchTrainer, TrainError>;

fn cart_pole(settings: &Settings) -> Result<SearchTrainer, TrainError> {
    SearchTrainer::for_env("CartPole-v1", CartPole::v1, settings)
}

fn pendulum(settings: &Settings) -> Result<SearchTrainer, TrainError> {
    SearchTrainer::for_env("Pendulum-v1", Pendulum::v1, settings)
}

/// A task with chance in its steps, not in its starts alone.
fn walk(settings: &Settings) -> Result<SearchTrainer, TrainError> {
    SearchTrainer::for_env("Walk", limited_walk, settings)
}

fn cem() -> Algorithm {
    let config = CrossEntropyConfig::new().with_population(11).with_elite_fraction(0.3);
    Algorithm::CrossEntropy(config.with_extra_noise(0.1, Some(10)))
}

fn cma_es(covariance: Option<CovarianceModel>) -> Algorithm {
    Algorithm::CmaEs { config: CmaEsConfig::new().with_population(11), covariance }
}

fn settings(algorithm: Algorithm, normalize: bool) -> Settings {
    Settings::new(algorithm)
        .with_hidden(&[6])
        .with_normalization(normalize, false)
        .with_episodes_per_candidate(3)
        .with_total_steps(u64::MAX)
}

fn variants() -> [(Algorithm, Begin, bool); 6] {
    [
        (cem(), cart_pole, false),
        (cem(), walk, true),
        (cma_es(None), cart_pole, true),
        (cma_es(Some(CovarianceModel::Diagonal)), walk, false),
        (cma_es(Some(CovarianceModel::Full)), walk, true),
        (cma_es(None), pendulum, true),
    ]
}

const GENERATIONS: usize = 12;

fn bytes(trainer: &SearchTrainer) -> Vec<u8> {
    trainer.checkpoint().expect("a checkpoint").to_bytes().expect("its bytes")
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for (algorithm, begin, normalize) in variants() {
        let settings = settings(algorithm, normalize);
        let run = |threads| begin(&settings.clone().with_threads(threads)).expect("a run");
        let mut runs: Vec<SearchTrainer> = [1, 2, 3, 16].map(run).into_iter().collect();
        for generation in 0..GENERATIONS {
            let found: Vec<_> = runs.iter_mut().map(|run| run.iterate().expect("a generation")).collect();
            for other in &found[1..] {
                assert_eq!(found[0].episodes, other.episodes, "generation {generation}");
                assert_eq!(found[0].metrics, other.metrics, "generation {generation}");
            }
        }
        let all: Vec<Vec<u8>> = runs.iter().map(bytes).collect();
        assert!(all.iter().all(|other| *other == all[0]), "a checkpoint tells the threads");
    }
}

#[test]
fn a_restored_search_goes_on_as_if_it_had_not_stopped() {
    for (algorithm, begin, normalize) in variants() {
        let settings = settings(algorithm, normalize);
        let run = |threads| begin(&settings.clone().with_threads(threads)).expect("a run");
        let mut straight = run(1);
        for _ in 0..GENERATIONS / 2 {
            straight.iterate().expect("a generation");
        }
        let saved = bytes(&straight);
        let (mut restored, mut rounded) = (run(2), run(1));
        restored.restore(&Checkpoint::from_bytes(&saved).expect("intact")).expect("of the same run");
        rounded.restore(&rounded_to_f32(&saved)).expect("of the same run");
        for _ in 0..GENERATIONS / 2 {
            for run in [&mut straight, &mut restored, &mut rounded] {
                run.iterate().expect("a generation");
            }
            assert!(bytes(&straight) == bytes(&restored));
        }
        // The wrong variant: vectors of the search that were kept as 32-bit numbers are noticed.
        assert_ne!(straight.search().mean(), rounded.search().mean());
    }
}

fn rounded_to_f32(bytes: &[u8]) -> Checkpoint {
    let mut checkpoint = Checkpoint::from_bytes(bytes).expect("intact");
    let mut vectors = 0;
    for (name, tensor) in &mut checkpoint.tensors {
        if name.starts_with("algorithm.") {
            let values = tensor.as_f64().expect("64-bit numbers");
            *tensor = values.iter().map(|&x| f64::from(x as f32)).collect::<Vec<f64>>().into();
            vectors += 1;
        }
    }
    assert!(vectors >= 2, "a mean and a spread at least");
    checkpoint
}

/// All candidates are the same policy here: whatever they differ in is the evaluation's fault, be it other first
/// states, other noise, or a normalisation that moves on within the generation.
#[test]
fn candidates_are_judged_under_the_same_conditions() {
    let tiny = CrossEntropyConfig::new().with_population(9).with_elite_fraction(0.3);
    let algorithm = Algorithm::CrossEntropy(tiny.with_initial_deviation(1e-14).with_extra_noise(0.0, None));
    for normalize in [false, true] {
        let settings = settings(algorithm.clone(), normalize).with_threads(3);
        let mut trainer = walk(&settings).expect("a run");
        let mut generations = Vec::new();
        for _ in 0..4 {
            let episodes = trainer.iterate().expect("a generation").episodes;
            for candidate in episodes.chunks_exact(3) {
                assert_eq!(candidate, &episodes[..3]);
            }
            let returns: Vec<u64> = episodes[..3].iter().map(|episode| episode.return_.to_bits()).collect();
            assert!(returns[0] != returns[1] && returns[1] != returns[2], "three episodes, not one");
            generations.push(returns);
        }
        // Every generation plays other episodes.
        for (i, returns) in generations.iter().enumerate() {
            assert!(generations[..i].iter().flatten().all(|other| !returns.contains(other)), "{i}");
        }
    }
}

#[test]
fn steps_and_episodes_are_counted_as_they_were_played() {
    let mut trainer = cart_pole(&settings(cem(), false)).expect("a run");
    let (mut steps, mut episodes) = (0, 0);
    for _ in 0..3 {
        let iteration = trainer.iterate().expect("a generation");
        assert_eq!(iteration.episodes.len(), 11 * 3);
        steps += iteration.episodes.iter().map(|episode| episode.length).sum::<u64>();
        episodes += 33;
        assert_eq!((iteration.steps, trainer.progress().episodes()), (steps, episodes));
        // A step of CartPole is worth 1, so that the search was told mean lengths.
        let mean = |of: &[gradus_envs::Episode]| of.iter().map(|e| e.length).sum::<u64>() as f64 / 3.0;
        let best = iteration.episodes.chunks_exact(3).map(mean).fold(0.0, f64::max);
        assert_eq!(iteration.metrics.get("return_max").map(f64::to_bits), Some(best.to_bits()));
    }
}

#[test]
fn the_deployed_policy_is_the_mean_and_keeps_its_spread() {
    let settings = Settings { log_std_init: -0.5, ..settings(cma_es(None), true) };
    let mut trainer = pendulum(&settings).expect("a run");
    trainer.iterate().expect("a generation");
    let parameters = trainer.parameters();
    let (log_std, searched) = parameters.split_last().expect("parameters");
    assert_eq!(log_std.to_bits(), (-0.5_f32).to_bits());
    let mean: Vec<f32> = trainer.search().mean().iter().map(|&x| x as f32).collect();
    assert_eq!(bits(searched), bits(&mean));
    // The same policy three ways: from memory, from its file, and from the checkpoint.
    let mut here = trainer.policy().expect("a policy");
    let mut filed = Policy::from_bytes(&here.to_bytes().expect("bytes")).expect("a policy");
    let mut saved = policy_of(&trainer.checkpoint().expect("a checkpoint"), "cpu").expect("a policy");
    let answers = [&mut here, &mut filed, &mut saved].map(|policy| {
        let mut action = [0.0];
        policy.act(&[0.3, -0.9, 2.0], None, &mut action).expect("an action");
        action[0].to_bits()
    });
    assert_eq!(answers, [answers[0]; 3]);
}

#[test]
fn searches_learn_what_an_observation_asks_for() {
    for algorithm in [cem(), cma_es(None)] {
        let settings = settings(algorithm, false).with_episodes_per_candidate(20);
        let mut trainer =
            SearchTrainer::for_env("probe", || OneStep::new(MatchSign), &settings).expect("a run");
        (0..30).for_each(|_| drop(trainer.iterate().expect("a generation")));
        let name = settings.algorithm.name();
        let mean = trainer.progress().mean_return();
        assert!(mean > Some(0.9), "{name}: {mean:?}");
    }
    let mut masked =
        SearchTrainer::for_env("masked", MaskedChoice::default, &settings(cem(), false)).expect("a run");
    masked.iterate().expect("a generation within the masks");
}

#[test]
fn a_broken_task_is_named_and_leaves_the_search_as_it_was() {
    for threads in [1, 3] {
        let settings = settings(cem(), false).with_threads(threads);
        let make = || Faulty::new(Fault::Reward(f64::NAN), 3);
        let mut trainer = SearchTrainer::for_env("Faulty", make, &settings).expect("a run");
        let before = bytes(&trainer);
        let message = trainer.iterate().expect_err("a fault").to_string();
        assert_eq!(message, "environment 0, step 3 of its episode: the reward is NaN");
        assert!(trainer.progress().steps() == 0 && trainer.search().mean() == start(&before));
    }
}

/// The mean of a search in a checkpoint.
fn start(bytes: &[u8]) -> Vec<f64> {
    let checkpoint = Checkpoint::from_bytes(bytes).expect("intact");
    let mean = checkpoint.tensor("algorithm.mean").expect("a mean");
    mean.as_f64().expect("64-bit numbers").to_vec()
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let message = |result: Result<SearchTrainer, TrainError>| match result {
        Ok(_) => panic!("it was taken"),
        Err(error) => error.to_string(),
    };
    let good = settings(cem(), false);
    let bad = [
        (Settings { shared_trunk: true, ..good.clone() }, "shared_trunk is true, it must be false"),
        (good.clone().with_device("flex"), "device is flex, it must be cpu for a search"),
        (good.clone().with_episodes_per_candidate(0), "episodes_per_candidate is 0, it must be at least 1"),
        (Settings::ppo(), "algorithm is ppo, it must be a search"),
        (
            settings(Algorithm::CrossEntropy(CrossEntropyConfig::new().with_population(0)), false),
            "population is 0, it must be at least 2",
        ),
    ];
    for (settings, expected) in bad {
        let found = message(cart_pole(&settings));
        assert!(found.contains(expected), "{found}");
    }
    let Err(error) = Trainer::for_env("CartPole-v1", CartPole::v1, &good) else { panic!("it was taken") };
    assert!(error.to_string().contains("a SearchTrainer runs searches"), "{error}");

    let checkpoint = cart_pole(&good).expect("a run").checkpoint().expect("a checkpoint");
    let others = [
        (settings(cma_es(None), false), "it has the algorithm cem, this run cma-es"),
        (good.clone().with_episodes_per_candidate(2), "it has 3 episodes per candidate, this run 2"),
        (good.clone().with_hidden(&[5]), "it has the hidden layers [6], this run [5]"),
        (
            good.clone().with_normalization(true, false),
            "it has the normalize_observation false, this run true",
        ),
    ];
    for (settings, expected) in others {
        let mut run = cart_pole(&settings).expect("a run");
        let found = run.restore(&checkpoint).expect_err("another run").to_string();
        assert!(found.contains(expected), "{found}");
    }
}
