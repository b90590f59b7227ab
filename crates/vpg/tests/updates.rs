//! Whole updates: what they learn, that they can be repeated and resumed bit for bit, and how they fail.

mod common;

use common::{CONTEXTS, Kind, ROWS, Run, categorical, gaussian, non_finite};
use gradus_core_math::{AdamConfig, Distribution, OptimizerConfig, RmsPropConfig, Schedule};
use gradus_policy::{CriticConfig, Rollout, Threads, UpdateError, UpdateState};
use gradus_vpg::{
    A2cConfig, Average, Baseline, OffPolicyConfig, ReinforceConfig, StepConfig, TrustRegionConfig,
};

fn adam() -> StepConfig {
    StepConfig::adam(0.01)
}

/// Every algorithm with its options: a name, and what it keeps in its state beside the count of updates and the steps
/// of its optimiser.
fn kinds() -> Vec<(&'static str, Kind, &'static [&'static str])> {
    let reinforce = ReinforceConfig::new().with_step(adam());
    let a2c = A2cConfig::new().with_step(adam().with_max_grad_norm(Some(0.5)));
    let off_policy = OffPolicyConfig::new().with_step(StepConfig::adam(3e-3)).with_gradient_steps(4);
    let running = Baseline::RunningMean { over: Average::Episodes, decay: 0.9 };
    let critic = CriticConfig::new().with_epochs(4).with_minibatch_size(100);
    let ascent = StepConfig::ascent(0.3).with_max_grad_norm(Some(1.0));
    let rms_prop = StepConfig::rms_prop(0.003);
    let region = TrustRegionConfig::new().with_max_kl(0.1).with_average_decay(0.9);
    vec![
        ("reinforce", Kind::Reinforce(reinforce), &["adam.m", "adam.v"]),
        ("ascent", Kind::Reinforce(reinforce.with_step(ascent)), &[]),
        (
            "running mean",
            Kind::Reinforce(reinforce.with_baseline(running)),
            &["adam.m", "adam.v", "baseline.sum", "baseline.weight"],
        ),
        (
            "value",
            Kind::Reinforce(reinforce.with_baseline(Baseline::Value(critic)).with_average(Average::Steps)),
            &["adam.m", "adam.v", "critic.adam.m", "critic.adam.steps", "critic.adam.v"],
        ),
        ("a2c", Kind::A2c(a2c.with_step(rms_prop)), &["rms_prop.v"]),
        (
            "a2c, trust region",
            Kind::A2c(a2c.with_trust_region(Some(region)).with_entropy_coef(1e-3)),
            &["adam.m", "adam.v", "average_policy"],
        ),
        ("a2c, normalised", Kind::A2c(a2c.with_normalize_advantage(true)), &["adam.m", "adam.v"]),
        ("off-policy", Kind::OffPolicy(off_policy), &["adam.m", "adam.v"]),
        (
            "self-normalised",
            Kind::OffPolicy(off_policy.with_self_normalize(true).with_normalize_advantage(true)),
            &["adam.m", "adam.v"],
        ),
    ]
}

/// Whether the algorithm takes an agent with a shared trunk.
fn takes_shared(name: &str) -> bool {
    name != "value"
}

/// A contextual bandit, an identity task of bits and targets of real numbers: within 200 updates of 256 rows the best
/// action has at least 90 %, or every mean is within 0.1 of its target.
#[test]
fn every_algorithm_learns() {
    let bits = Distribution::Bernoulli { n: 2 };
    for (name, kind, _) in kinds() {
        for distribution in [categorical(), bits.clone(), gaussian()] {
            for shared in [false, true].into_iter().filter(|&shared| !shared || takes_shared(name)) {
                let mut run = Run::new(&kind, distribution.clone(), shared, 1);
                let start = run.scores();
                assert!(start.iter().any(|&p| p < 0.5), "{start:?}");
                run.train(200, ROWS);
                let scores = run.scores();
                assert!(scores.iter().all(|&p| p >= 0.9), "{name}, {distribution:?}, {shared}: {scores:?}");
            }
        }
    }
}

/// The defaults of A2C's paper implementation learn as well, with rollouts of few rows.
#[test]
fn the_defaults_of_a2c_learn() {
    let mut run = Run::new(&Kind::A2c(A2cConfig::new()), categorical(), false, 2);
    run.train(3000, 16);
    let scores = run.scores();
    assert!(scores.iter().all(|&p| p >= 0.9), "{scores:?}");
}

#[test]
fn the_same_seed_gives_the_same_bits_with_any_number_of_threads() {
    for (name, kind, _) in kinds() {
        for shared in [false, true].into_iter().filter(|&shared| !shared || takes_shared(name)) {
            let trained = |threads: usize, seed: u64| {
                let mut run = Run::new(&kind, gaussian(), shared, seed);
                run.threads = Threads::new(threads);
                run.train(10, 600);
                run.bits()
            };
            let first = trained(1, 5);
            (1..=4).for_each(|threads| assert!(trained(threads, 5) == first, "{name}, {threads} threads"));
            assert!(trained(1, 6) != first, "{name}: another seed gives another run");
        }
    }
}

#[test]
fn a_resumed_run_continues_bit_for_bit() {
    for (name, kind, kept) in kinds() {
        let mut whole = Run::new(&kind, gaussian(), false, 7);
        whole.train(5, ROWS);
        let continued = |state: Option<UpdateState<f32>>| {
            let mut run = Run::new(&kind, gaussian(), false, 8);
            if let Some(state) = state {
                run.algorithm.load(state).expect("its own state");
            }
            run.agent.theta.clone_from(&whole.agent.theta);
            (run.acting, run.shuffling) = (whole.acting.clone(), whole.shuffling.clone());
            run.train(5, ROWS);
            run
        };
        let resumed = continued(Some(whole.algorithm.state()));
        let forgetful = continued(None);
        whole.train(5, ROWS);
        assert!(whole.bits() == resumed.bits(), "{name}");
        // Without what is kept the runs would part.
        assert_eq!(whole.agent.theta == forgetful.agent.theta, kept.is_empty(), "{name}");
    }
}

#[test]
fn a_state_that_does_not_fit_is_refused_and_changes_nothing() {
    for (name, kind, kept) in kinds() {
        let mut run = Run::new(&kind, gaussian(), false, 9);
        run.train(2, ROWS);
        let good = run.algorithm.state();
        let before = run.bits();
        let mut names: Vec<&str> =
            good.tensors.keys().chain(good.scalars.keys()).map(String::as_str).collect();
        names.retain(|key| {
            *key != "updates" && !["adam.steps", "rms_prop.steps", "plain.steps"].contains(key)
        });
        names.sort_unstable();
        assert_eq!(names, kept, "{name}");
        let mut refused = |bad: UpdateState<f32>, expected: &str| {
            match run.algorithm.load(bad) {
                Err(UpdateError::State(text)) => assert!(text.contains(expected), "{name}: {text}"),
                other => panic!("{name}, {expected}: {other:?}"),
            }
            assert!(run.bits() == before, "{name}, {expected}");
        };
        for key in kept.iter().chain(&["updates"]) {
            let mut bad = good.clone();
            bad.tensors.remove(*key);
            bad.scalars.remove(*key);
            refused(bad, key);
            let mut bad = good.clone();
            if let Some(tensor) = bad.tensors.get_mut(*key) {
                tensor.push(0.0);
                refused(bad, key.rsplit_once('.').map_or(key, |(optimizer, _)| optimizer));
            } else {
                bad.scalars.insert((*key).into(), f64::NAN);
                refused(bad, key);
            }
        }
        let mut bad = good.clone();
        bad.scalars.insert("cg.residual".into(), 1.0);
        refused(bad, "cg.residual");
        refused(UpdateState::default(), "updates");
        assert_eq!(run.algorithm.load(good), Ok(()));
        assert!(run.bits() == before);
    }
}

#[test]
fn a_nan_in_the_batch_is_named_and_nothing_has_changed() {
    type Field = fn(&mut Rollout<f32>) -> &mut Vec<f32>;
    let fields: [(&str, Field); 8] = [
        ("observations", |r| &mut r.observations),
        ("actions", |r| &mut r.actions),
        ("log_probs", |r| &mut r.log_probs),
        ("values", |r| &mut r.values),
        ("advantages", |r| &mut r.advantages),
        ("value_targets", |r| &mut r.value_targets),
        ("weights", |r| &mut r.weights),
        ("episode_returns", |r| &mut r.episode_returns),
    ];
    for (name, kind, _) in kinds() {
        let mut run = Run::new(&kind, gaussian(), false, 10);
        run.train(2, ROWS);
        let rollout = run.collect(ROWS);
        let before = run.bits();
        for (array_name, field) in fields {
            for bad in [f32::NAN, f32::INFINITY] {
                let mut spoilt = rollout.clone();
                spoilt.weights = vec![1.0; ROWS];
                let array = field(&mut spoilt);
                let place = array.len() - 1;
                array[place] = bad;
                let (quantity, value, update) = non_finite(run.update(&spoilt, 0.0));
                assert_eq!(quantity, format!("element {place} of the batch's {array_name}"));
                assert_eq!((value.is_nan(), update), (bad.is_nan(), 3));
                assert!(run.bits() == before, "{name}, {array_name}");
            }
        }
        run.update(&rollout, 0.0).expect("finite numbers");
        assert!(run.bits() != before, "{name}");
    }
}

#[test]
fn numbers_that_overflow_are_named_and_nothing_has_changed() {
    type Change = fn(&mut Rollout<f32>);
    let (huge_return, huge_target): (Change, Change) =
        (|r| r.advantages[7] = 3e38, |r| r.value_targets[7] = 1e30);
    let far: Change = |r| r.log_probs[7] = -200.0;
    let steep = StepConfig::ascent(1e38);
    let critic = CriticConfig::new().with_learning_rate(1e39.into()).with_epochs(1).with_minibatch_size(ROWS);
    let reinforce = ReinforceConfig::new().with_step(StepConfig::ascent(1.0));
    let cases: Vec<(Kind, Change, &str)> = vec![
        (Kind::Reinforce(reinforce.with_step(steep)), |r| r.advantages.fill(1e5), "the parameters actor"),
        (Kind::Reinforce(reinforce.with_step(StepConfig::ascent(1e4))), huge_return, "the parameters actor"),
        (Kind::Reinforce(reinforce.with_baseline(Baseline::Value(critic))), |_| (), "the parameters critic"),
        (
            Kind::Reinforce(reinforce.with_baseline(Baseline::Value(CriticConfig::new()))),
            huge_target,
            "the value loss",
        ),
        (Kind::A2c(A2cConfig::new()), huge_target, "the value loss"),
        (Kind::OffPolicy(OffPolicyConfig::new()), far, "the policy loss"),
        (Kind::OffPolicy(OffPolicyConfig::new().with_gradient_steps(3).with_step(steep)), |_| (), ""),
    ];
    for (kind, change, expected) in cases {
        let mut run = Run::new(&kind, gaussian(), false, 12);
        let mut rollout = run.collect(ROWS);
        change(&mut rollout);
        let before = run.bits();
        let (quantity, value, update) = non_finite(run.update(&rollout, 0.0));
        assert!(quantity.contains(expected), "{kind:?}: {quantity}");
        assert!(!value.is_finite() && update == 1);
        assert!(run.bits() == before, "{kind:?}");
    }
}

#[test]
fn batches_that_do_not_fit_are_refused() {
    for (name, kind, _) in kinds() {
        let mut run = Run::new(&kind, categorical(), false, 13);
        let rollout = run.collect(8);
        let before = run.bits();
        let empty = Rollout::new(0, 4, CONTEXTS, &categorical(), false);
        assert_eq!(run.update(&empty, 0.0), Err(UpdateError::EmptyBatch));
        let mut silent = rollout.clone();
        silent.weights = vec![0.0; 8];
        let expected = match kind {
            Kind::OffPolicy(_) => UpdateError::Weighted { algorithm: "the off-policy gradient" },
            _ => UpdateError::EmptyBatch,
        };
        assert_eq!(run.update(&silent, 0.0), Err(expected), "{name}");
        assert!(run.bits() == before, "{name}");
    }
}

#[test]
#[should_panic(expected = "weights of a batch of 8 rows are 7 long, not 8")]
fn a_batch_of_ragged_arrays_is_refused() {
    let mut run = Run::new(&kinds()[0].1, categorical(), false, 14);
    let mut rollout = run.collect(8);
    rollout.weights = vec![1.0; 7];
    let _ = run.update(&rollout, 0.0);
}

/// Plain steps are proportional to the rate, which follows its schedule.
#[test]
fn schedules_follow_the_progress() {
    let schedule = Schedule::Linear { start: 4e-3, end: 1e-3 };
    let step = StepConfig::ascent(schedule);
    for kind in [
        Kind::Reinforce(ReinforceConfig::new().with_step(step)),
        Kind::A2c(A2cConfig::new().with_step(step)),
        Kind::OffPolicy(OffPolicyConfig::new().with_step(step)),
    ] {
        let moved = |progress: f64| {
            let mut run = Run::new(&kind, categorical(), false, 17);
            let rollout = run.collect(ROWS);
            let before = run.agent.theta.clone();
            let metrics = run.update(&rollout, progress).expect("finite numbers");
            let moved: f64 = run.agent.theta.iter().zip(&before).map(|(a, b)| f64::from(a - b).powi(2)).sum();
            (moved.sqrt(), metrics.get("learning_rate").expect("it"))
        };
        let (whole, _) = moved(0.0);
        for (progress, rate) in [(0.5, 2.5e-3), (1.0, 1e-3)] {
            let (length, found) = moved(progress);
            assert!((found - rate).abs() < 1e-15);
            assert!((length / whole - rate / 4e-3).abs() < 1e-3, "{progress}: {length} of {whole}");
        }
    }
}

/// A gradient that is longer than allowed is shortened: the step of plain ascent is rate · bound.
#[test]
fn the_norm_of_the_gradient_is_bounded() {
    for bound in [1e-3, 1e-2] {
        let step = StepConfig::ascent(0.5).with_max_grad_norm(Some(bound));
        let mut run = Run::new(&Kind::A2c(A2cConfig::new().with_step(step)), gaussian(), false, 18);
        let rollout = run.collect(ROWS);
        let before = run.agent.theta.clone();
        let metrics = run.update(&rollout, 0.0).expect("finite numbers");
        assert!(metrics.get("gradient_norm") > Some(10.0 * bound), "that of the whole gradient");
        let moved: f64 = run.agent.theta.iter().zip(&before).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        assert!((moved.sqrt() / (0.5 * bound) - 1.0).abs() < 1e-2, "{}", moved.sqrt());
    }
}

/// Several steps on one batch move the ratios away from 1, and the effective sample size falls.
#[test]
fn more_steps_leave_fewer_effective_samples() {
    let sizes = [1, 4, 16, 64].map(|steps| {
        let config = OffPolicyConfig::new().with_step(StepConfig::adam(3e-3)).with_gradient_steps(steps);
        let mut run = Run::new(&Kind::OffPolicy(config), gaussian(), false, 19);
        let rollout = run.collect(ROWS);
        let metrics = run.update(&rollout, 0.0).expect("finite numbers");
        let get = |name| metrics.get(name).expect("it");
        assert!((get("gradient_steps") - steps as f64).abs() < 1e-12);
        if steps == 1 {
            assert!((get("weight_mean") - 1.0).abs() < 1e-5 && get("weight_variance") < 1e-9);
        }
        get("effective_sample_size")
    });
    assert!((sizes[0] - ROWS as f64).abs() < 0.01, "{sizes:?}");
    assert!(sizes.windows(2).all(|pair| pair[1] < pair[0]) && sizes[3] < 0.5 * ROWS as f64, "{sizes:?}");
}

#[test]
fn every_setting_out_of_range_is_named() {
    let agent = common::agent(categorical(), false, 20);
    let mut cases: Vec<(&str, Kind)> = Vec::new();
    let mut all_with = |name, step: StepConfig| {
        cases.push((name, Kind::Reinforce(ReinforceConfig::new().with_step(step))));
        cases.push((name, Kind::A2c(A2cConfig::new().with_step(step))));
        cases.push((name, Kind::OffPolicy(OffPolicyConfig::new().with_step(step))));
    };
    let adam_of = |epsilon| OptimizerConfig::Adam(AdamConfig::new().with_epsilon(epsilon));
    let rms_of = |alpha| OptimizerConfig::RmsProp(RmsPropConfig::new().with_alpha(alpha));
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        all_with("learning_rate", StepConfig::adam(bad));
        all_with("learning_rate", StepConfig::adam(Schedule::Linear { start: 1.0, end: bad }));
        all_with("max_grad_norm", StepConfig::adam(0.1).with_max_grad_norm(Some(bad)));
        all_with("epsilon", StepConfig::adam(0.1).with_optimizer(adam_of(bad)));
        all_with("alpha", StepConfig::adam(0.1).with_optimizer(rms_of(bad)));
    }
    all_with("learning_rate", StepConfig::adam(0.0));
    all_with("max_grad_norm", StepConfig::adam(0.1).with_max_grad_norm(Some(0.0)));
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let running = Baseline::RunningMean { over: Average::Steps, decay: bad };
        cases.extend([
            ("entropy_coef", Kind::Reinforce(ReinforceConfig::new().with_entropy_coef(bad))),
            ("entropy_coef", Kind::A2c(A2cConfig::new().with_entropy_coef(bad))),
            ("value_coef", Kind::A2c(A2cConfig::new().with_value_coef(bad))),
            ("value_coef", Kind::OffPolicy(OffPolicyConfig::new().with_value_coef(bad))),
            ("entropy_coef", Kind::OffPolicy(OffPolicyConfig::new().with_entropy_coef(bad))),
            ("baseline decay", Kind::Reinforce(ReinforceConfig::new().with_baseline(running))),
        ]);
    }
    cases.push(("gradient_steps", Kind::OffPolicy(OffPolicyConfig::new().with_gradient_steps(0))));
    let critic = Baseline::Value(CriticConfig::new().with_epochs(0));
    cases.push(("critic epochs", Kind::Reinforce(ReinforceConfig::new().with_baseline(critic))));
    for (expected, kind) in cases {
        match kind.build(&agent).err() {
            Some(UpdateError::Setting { name, .. }) => assert_eq!(name, expected, "{kind:?}"),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn settings_survive_serialisation() {
    for (name, kind, _) in kinds() {
        let same = match kind {
            Kind::Reinforce(c) => {
                serde_json::from_str(&serde_json::to_string(&c).expect("text")).ok() == Some(c)
            }
            Kind::A2c(c) => serde_json::from_str(&serde_json::to_string(&c).expect("text")).ok() == Some(c),
            Kind::OffPolicy(c) => {
                serde_json::from_str(&serde_json::to_string(&c).expect("text")).ok() == Some(c)
            }
        };
        assert!(same, "{name}");
    }
}
