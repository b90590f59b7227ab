//! Whole updates: what they learn, that they can be repeated and resumed bit for bit, and how they fail.

mod common;

use common::{CONTEXTS, ROWS, Run, categorical, config, gaussian, non_finite};
use gradus_core_math::Schedule;
use gradus_policy::{Mlp, Rollout, Threads, Update, UpdateError, UpdateState};
use gradus_ppo::{Minibatches, Ppo, PpoConfig};

/// Within 40 updates of 256 rows the best choice has at least 95 %, from a third at first.
#[test]
fn a_contextual_bandit_is_learnt() {
    for shared in [false, true] {
        for seed in 0..3 {
            let mut run = Run::new(config(), categorical(), shared, seed);
            assert!(run.scores().iter().all(|&p| p < 0.4), "{:?}", run.scores());
            run.train(40, ROWS);
            assert!(run.scores().iter().all(|&p| p >= 0.95), "shared: {shared}, {:?}", run.scores());
        }
    }
}

/// Within 100 updates of 256 rows every mean is within 0.05 of its target, which lie within ±1, and the noise has
/// shrunk.
#[test]
fn continuous_targets_are_learnt() {
    for shared in [false, true] {
        for seed in 0..3 {
            let mut run = Run::new(config(), gaussian(), shared, seed);
            assert!(run.scores().iter().any(|&s| s < 0.2), "{:?}", run.scores());
            run.train(100, ROWS);
            assert!(run.scores().iter().all(|&s| s >= 0.95), "shared: {shared}, {:?}", run.scores());
            let end = run.agent.network.policy_parameter_count();
            assert!(run.agent.theta[end - 2..end].iter().all(|&log_std| log_std < -0.7));
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_with_any_number_of_threads() {
    for (distribution, shared) in [(categorical(), false), (gaussian(), true)] {
        // Minibatches of several segments, so that threads have something to share.
        let config = config().with_minibatches(Minibatches::Size(300)).with_epochs(2);
        let trained = |threads: usize, seed: u64| {
            let mut run = Run::new(config.clone(), distribution.clone(), shared, seed);
            run.threads = Threads::new(threads);
            run.train(50, 600);
            run.bits()
        };
        let first = trained(1, 5);
        for threads in 1..=4 {
            assert!(trained(threads, 5) == first, "{threads} threads");
        }
        assert!(trained(1, 6) != first, "another seed gives another run");
    }
}

#[test]
fn a_resumed_run_continues_bit_for_bit() {
    let mut whole = Run::new(config(), gaussian(), false, 7);
    whole.train(5, ROWS);
    let mut resumed = Run::new(config(), gaussian(), false, 8);
    resumed.ppo.load(whole.ppo.state()).expect("its own state");
    resumed.agent.theta.clone_from(&whole.agent.theta);
    (resumed.acting, resumed.shuffling) = (whole.acting.clone(), whole.shuffling.clone());
    // Without Adam's moments the runs would part.
    let mut forgetful = Run::new(config(), gaussian(), false, 8);
    forgetful.agent.theta.clone_from(&whole.agent.theta);
    (forgetful.acting, forgetful.shuffling) = (whole.acting.clone(), whole.shuffling.clone());
    for run in [&mut whole, &mut resumed, &mut forgetful] {
        run.train(5, ROWS);
    }
    assert!(whole.bits() == resumed.bits());
    assert!(whole.bits().0 != forgetful.bits().0);
}

#[test]
fn a_state_that_does_not_fit_is_refused_and_changes_nothing() {
    let mut run = Run::new(config(), categorical(), false, 9);
    run.train(2, ROWS);
    let good = run.ppo.state();
    let before = run.bits();
    type Spoil = fn(&mut UpdateState<f32>);
    let faults: [(&str, Spoil); 9] = [
        ("adam.m", |s| {
            s.tensors.remove("adam.m");
        }),
        ("adam.v", |s| {
            s.tensors.remove("adam.v");
        }),
        ("moments", |s| s.tensors.values_mut().next().expect("moments").push(0.0)),
        ("adam.steps", |s| {
            s.scalars.remove("adam.steps");
        }),
        ("updates", |s| {
            s.scalars.remove("updates");
        }),
        ("updates", |s| {
            s.scalars.insert("updates".into(), -1.0);
        }),
        ("adam.steps", |s| {
            s.scalars.insert("adam.steps".into(), 0.5);
        }),
        ("adam.steps", |s| {
            s.scalars.insert("adam.steps".into(), f64::NAN);
        }),
        ("cg.residual", |s| {
            s.scalars.insert("cg.residual".into(), 1.0);
        }),
    ];
    for (name, spoil) in faults {
        let mut bad = good.clone();
        spoil(&mut bad);
        match run.ppo.load(bad) {
            Err(UpdateError::State(text)) => assert!(text.contains(name), "{name}: {text}"),
            other => panic!("{name}: {other:?}"),
        }
        assert!(run.bits() == before, "{name}");
    }
    assert!(run.ppo.load(UpdateState::default()).is_err());
    // The trait's functions are the same ones.
    let through_trait = Update::<Mlp<f32>>::state(&run.ppo);
    assert_eq!(through_trait, good);
    assert_eq!(Update::<Mlp<f32>>::load(&mut run.ppo, through_trait), Ok(()));
    assert!(run.bits() == before);
}

#[test]
fn a_nan_in_the_batch_is_named_and_nothing_has_changed() {
    type Field = fn(&mut Rollout<f32>) -> &mut Vec<f32>;
    let fields: [(&str, Field); 6] = [
        ("observations", |r| &mut r.observations),
        ("actions", |r| &mut r.actions),
        ("log_probs", |r| &mut r.log_probs),
        ("values", |r| &mut r.values),
        ("advantages", |r| &mut r.advantages),
        ("value_targets", |r| &mut r.value_targets),
    ];
    for shared in [false, true] {
        // Minibatches small enough that steps are made before the row's turn comes.
        let config = config().with_minibatches(Minibatches::Size(16)).with_normalize_advantage(false);
        let mut run = Run::new(config.with_value_clip_epsilon(Some(0.2)), gaussian(), shared, 10);
        run.train(2, ROWS);
        let rollout = run.collect(ROWS);
        let before = run.bits();
        for (name, field) in fields {
            for bad in [f32::NAN, f32::INFINITY] {
                let mut spoilt = rollout.clone();
                let array = field(&mut spoilt);
                let place = array.len() - 1;
                array[place] = bad;
                let (quantity, value, update) = non_finite(run.update(&spoilt, 0.0));
                assert_eq!(quantity, format!("element {place} of the batch's {name}"));
                assert_eq!(value.is_nan(), bad.is_nan(), "{value}");
                assert_eq!(update, 3);
                assert!(run.bits() == before, "{name}: agent and Adam are as they were");
            }
        }
        // The rest of the run is as if nothing had happened.
        run.update(&rollout, 0.0).expect("finite numbers");
        assert!(run.bits() != before);
    }
}

/// A NaN reward comes to the update as advantage and target.
#[test]
fn a_nan_reward_is_found_through_the_advantage() {
    let mut run = Run::new(config(), categorical(), false, 11);
    let mut rollout = run.collect(ROWS);
    rollout.advantages[3] = f32::NAN - rollout.values[3];
    rollout.value_targets[3] = f32::NAN;
    let (quantity, _, update) = non_finite(run.update(&rollout, 0.0));
    assert_eq!((quantity.as_str(), update), ("element 3 of the batch's advantages", 1));
}

#[test]
fn numbers_that_overflow_are_named_and_nothing_has_changed() {
    let cases = [
        // The second minibatch meets parameters of 1e30.
        (1e30, Minibatches::Count(2), "the value loss", f64::INFINITY),
        // The only step leaves the range of f32.
        (1e39, Minibatches::Count(1), "of the parameters actor.0.weight", f64::NAN),
    ];
    for (learning_rate, minibatches, name, expected) in cases {
        let config =
            config().with_epochs(1).with_minibatches(minibatches).with_learning_rate(learning_rate.into());
        let mut run = Run::new(config, categorical(), false, 12);
        let rollout = run.collect(ROWS);
        let before = run.bits();
        let outcome = run.update(&rollout, 0.0);
        let text = outcome.clone().expect_err("too long a step").to_string();
        let (quantity, value, _) = non_finite(outcome);
        assert!(quantity.ends_with(name), "{quantity}");
        assert!(!value.is_finite() && (expected.is_nan() || value.is_infinite()), "{value}");
        assert!(text.contains(name) && text.contains("learning rate"), "{text}");
        assert!(run.bits() == before);
    }
}

#[test]
fn an_empty_batch_is_an_error() {
    let mut run = Run::new(config(), categorical(), false, 13);
    let before = run.bits();
    let empty = Rollout::new(0, 4, CONTEXTS, &categorical(), false);
    assert_eq!(run.update(&empty, 0.0), Err(UpdateError::EmptyBatch));
    assert!(run.bits() == before);
}

#[test]
#[should_panic(expected = "advantages of a batch of 8 rows are 7 long, not 8")]
fn a_batch_of_ragged_arrays_is_refused() {
    let mut run = Run::new(config(), categorical(), false, 14);
    let mut rollout = run.collect(8);
    rollout.advantages.pop();
    let _ = run.update(&rollout, 0.0);
}

/// With one minibatch an epoch the first estimate is 0 and the second is not: one step, not the other nine.
#[test]
fn kl_target_stops_the_whole_update_before_the_step() {
    let config = config().with_epochs(10).with_minibatches(Minibatches::Count(1));
    let outcome = |config: PpoConfig| {
        let mut run = Run::new(config, categorical(), false, 15);
        let rollout = run.collect(ROWS);
        let metrics = run.update(&rollout, 0.0).expect("finite numbers");
        let numbers = ["gradient_steps", "stopped_on_kl", "kl_old_new"].map(|name| metrics.get(name));
        (run.bits(), numbers, run.shuffling)
    };
    let (one_step, ..) = outcome(config.clone().with_epochs(1));
    let (stopped, [steps, flag, kl], shuffling) = outcome(config.clone().with_kl_target(Some(1e-9)));
    assert_eq!((steps, flag), (Some(1.0), Some(1.0)));
    assert!(kl > Some(1.5e-9), "what stopped it is reported: {kl:?}");
    assert!(stopped == one_step, "as after one step without a target");
    let (.., of_two_epochs) = outcome(config.clone().with_epochs(2).with_kl_target(Some(1e-9)));
    assert_eq!(shuffling, of_two_epochs, "later epochs are not even begun");

    // 1.5 times the target is the bound: just above the second estimate it lets the second step pass.
    let second = kl.expect("a divergence");
    for (target, expected) in [(second / 1.5 * 1.001, 2.0), (second / 1.5 * 0.999, 1.0)] {
        let (_, [steps, ..], _) = outcome(config.clone().with_kl_target(Some(target)));
        assert_eq!(steps, Some(expected));
    }
    let (free, [steps, flag, _], _) = outcome(config.clone());
    assert_eq!((steps, flag), (Some(10.0), Some(0.0)));
    assert!(outcome(config.clone().with_kl_target(Some(1e3))).0 == free);

    // Among several minibatches the rest of the epoch is left out too.
    let config = config.with_minibatches(Minibatches::Count(8)).with_kl_target(Some(1e-9));
    assert_eq!(outcome(config).1[..2], [Some(1.0), Some(1.0)]);
}

/// Losses of steps that do not move are those of the batch, if and only if every row comes once an epoch; the
/// targets are powers of two, so that no other rows add up to the same.
#[test]
fn every_row_comes_once_an_epoch() {
    for minibatches in
        [Minibatches::Count(1), Minibatches::Count(4), Minibatches::Size(4), Minibatches::Size(16)]
    {
        let still = Schedule::Linear { start: 1.0, end: 0.0 };
        let config = config().with_epochs(3).with_minibatches(minibatches).with_learning_rate(still);
        let mut run = Run::new(config, categorical(), false, 16);
        let mut rollout = run.collect(16);
        for (i, target) in rollout.value_targets.iter_mut().enumerate() {
            *target = 2_f32.powi(i as i32 / 2);
        }
        let before = run.agent.theta.clone();
        let metrics = run.update(&rollout, 1.0).expect("finite numbers");
        assert!(run.agent.theta == before, "the learning rate is 0");
        let squares =
            rollout.values.iter().zip(&rollout.value_targets).map(|(v, t)| f64::from(v - t).powi(2));
        let expected = squares.sum::<f64>() / 16.0;
        let value_loss = metrics.get("value_loss").expect("a loss");
        assert!((value_loss - expected).abs() < 1e-6 * expected, "{minibatches:?}: {value_loss}, {expected}");
    }
    // 10 rows in minibatches of 4 are 3 minibatches, the last one of 2.
    let config = config().with_epochs(2).with_minibatches(Minibatches::Size(4));
    let mut run = Run::new(config, categorical(), false, 16);
    let rollout = run.collect(10);
    assert_eq!(run.update(&rollout, 0.0).expect("finite numbers").get("gradient_steps"), Some(6.0));
}

#[test]
fn schedules_follow_the_progress() {
    let config = config()
        .with_epochs(1)
        .with_minibatches(Minibatches::Count(1))
        .with_learning_rate(Schedule::Linear { start: 4e-3, end: 1e-3 })
        .with_clip_epsilon(Schedule::Linear { start: 0.3, end: 0.1 });
    let step = |progress: f64| {
        let mut run = Run::new(config.clone(), categorical(), false, 17);
        let rollout = run.collect(ROWS);
        let before = run.agent.theta.clone();
        let metrics = run.update(&rollout, progress).expect("finite numbers");
        let moved: f64 = run.agent.theta.iter().zip(&before).map(|(a, b)| f64::from(a - b).abs()).sum();
        (moved, metrics.get("learning_rate").expect("it"), metrics.get("clip_epsilon").expect("it"))
    };
    let (whole, ..) = step(0.0);
    for (progress, rate, clip) in [(0.0, 4e-3, 0.3), (0.5, 2.5e-3, 0.2), (1.0, 1e-3, 0.1)] {
        let (moved, learning_rate, clip_epsilon) = step(progress);
        assert!((learning_rate - rate).abs() < 1e-15 && (clip_epsilon - clip).abs() < 1e-15);
        // Adam's first step is proportional to the rate.
        assert!((moved / whole - rate / 4e-3).abs() < 1e-3, "{progress}: {moved} of {whole}");
    }
}

#[test]
fn every_setting_out_of_range_is_named() {
    let agent = Run::new(config(), categorical(), false, 18).agent;
    let c = PpoConfig::new;
    let linear = |start, end| Schedule::Linear { start, end };
    let mut cases = vec![
        ("epochs", c().with_epochs(0)),
        ("minibatches", c().with_minibatches(Minibatches::Count(0))),
        ("minibatch_size", c().with_minibatches(Minibatches::Size(0))),
        ("learning_rate", c().with_learning_rate(linear(0.0, 1.0))),
        ("clip_epsilon", c().with_clip_epsilon(linear(0.0, 0.2))),
    ];
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        cases.extend([
            ("learning_rate", c().with_learning_rate(bad.into())),
            ("learning_rate", c().with_learning_rate(linear(1e-3, bad))),
            ("clip_epsilon", c().with_clip_epsilon(bad.into())),
            ("clip_epsilon", c().with_clip_epsilon(linear(0.2, bad))),
            ("entropy_coef", c().with_entropy_coef(bad)),
            ("value_coef", c().with_value_coef(bad)),
        ]);
    }
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        cases.extend([
            ("value_clip_epsilon", c().with_value_clip_epsilon(Some(bad))),
            ("max_grad_norm", c().with_max_grad_norm(Some(bad))),
            ("kl_target", c().with_kl_target(Some(bad))),
            ("adam_epsilon", c().with_adam_epsilon(bad)),
        ]);
    }
    for (expected, config) in cases {
        match Ppo::new(config, &agent) {
            Err(UpdateError::Setting { name, .. }) => assert_eq!(name, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    let allowed = c()
        .with_entropy_coef(0.0)
        .with_value_coef(0.0)
        .with_max_grad_norm(None)
        .with_learning_rate(linear(1e-3, 0.0))
        .with_clip_epsilon(linear(0.2, 0.0));
    assert!(Ppo::new(allowed, &agent).is_ok());
}
