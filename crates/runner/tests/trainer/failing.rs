//! NaN, infinity and failures end a run by name, and leave the parameters as they were.

use gradus_checkpoint::{Checkpoint, Tensor};
use gradus_core_math::Schedule;
use gradus_envs::classic::{CartPole, Pendulum};
use gradus_envs::probe::{Fault, Faulty};
use gradus_envs::{Env, EnvError, VecEnv, VectorEnv};
use gradus_policy::Activation;
use gradus_runner::{Settings, TrainError, Trainer};

use crate::tasks::{bits, quick};

const NEVER: u64 = u64::MAX;

/// Eight environments, of which number 5 breaks.
fn with_fault(fault: Fault, at_step: u64, threads: usize) -> Result<Trainer, TrainError> {
    let make = |n: usize, seed: u64, first: usize| {
        let one = |i| Faulty::new(fault, if i == 5 { at_step } else { NEVER });
        let envs = (first..first + n).map(one).collect();
        Ok(Box::new(VecEnv::new(envs, seed, first)?) as Box<dyn VectorEnv>)
    };
    Trainer::new("Faulty", &make, &quick(Schedule::Constant(1e-3)).with_threads(threads))
}

#[test]
fn what_an_environment_breaks_is_named_with_its_place() {
    for (fault, expected) in [
        (Fault::Observation(1, f32::NAN), "environment 5, step 40 of its episode: observation[1] is NaN"),
        (
            Fault::Observation(2, f32::NEG_INFINITY),
            "environment 5, step 40 of its episode: observation[2] is -inf",
        ),
        (Fault::Reward(f64::NAN), "environment 5, step 40 of its episode: the reward is NaN"),
        (Fault::Reward(f64::INFINITY), "environment 5, step 40 of its episode: the reward is inf"),
        (
            Fault::Reward(-1e39),
            "the reward of environment 5 at step 7 of the rollout is -1e39, too large for training",
        ),
        (Fault::Failure, "environment 5, step 40 of its episode: the task broke on purpose"),
        (Fault::NoActionAllowed, "environment 5, step 40 of its episode: the action mask allows no action"),
    ] {
        for threads in [1, 3] {
            let mut trainer = with_fault(fault, 40, threads).expect("a run");
            trainer.iterate().expect("32 steps without a fault");
            let before = bits(trainer.parameters());
            let message = trainer.iterate().expect_err("a fault").to_string();
            assert_eq!(message, expected);
            assert_eq!(bits(trainer.parameters()), before);
            assert_eq!((trainer.steps(), trainer.updates()), (256, 1));
        }
    }
}

/// Of several failures the first one is told, for any number of threads.
#[test]
fn the_first_failure_is_told() {
    let make = |n: usize, seed: u64, first: usize| {
        let one = |i| Faulty::new(Fault::Failure, [20, 9, 9, 8, 7, 8, 7, NEVER][i]);
        let envs = (first..first + n).map(one).collect();
        Ok(Box::new(VecEnv::new(envs, seed, first)?) as Box<dyn VectorEnv>)
    };
    for threads in 1..=4 {
        let settings = quick(Schedule::Constant(1e-3)).with_threads(threads);
        let mut trainer = Trainer::new("Faulty", &make, &settings).expect("a run");
        let message = trainer.iterate().expect_err("a fault").to_string();
        assert!(message.starts_with("environment 4, step 7 "), "{threads} threads: {message}");
    }
}

#[test]
fn a_run_that_cannot_start_says_why() {
    let error = with_fault(Fault::Observation(0, f32::NAN), 0, 2).err().expect("a fault").to_string();
    assert_eq!(error, "environment 5, step 0 of its episode: observation[0] is NaN");
    let none = |_: usize, _: u64, _: usize| Err(EnvError::task("no licence"));
    let error = Trainer::new("Licensed", &none, &Settings::ppo()).err().expect("an error");
    assert_eq!(error.to_string(), "no licence");
}

/// A run after one update whose parameters have NaN at one place.
fn poisoned<E: Env + 'static>(make: fn() -> E, settings: &Settings, tensor: &str) -> Trainer {
    let mut trainer = Trainer::for_env("poisoned", make, settings).expect("a run");
    trainer.iterate().expect("an update");
    let mut checkpoint = trainer.checkpoint().expect("a checkpoint");
    let name = format!("parameters.{tensor}");
    let shape = checkpoint.tensor(&name).expect("a parameter").shape().to_vec();
    let mut values = checkpoint.f32(&name, &shape).expect("a parameter").to_vec();
    values[0] = f32::NAN;
    checkpoint.tensors.insert(name, Tensor::from(values).reshaped(&shape).expect("the same shape"));
    let bytes = checkpoint.to_bytes().expect("bytes");
    trainer.restore(&Checkpoint::from_bytes(&bytes).expect("intact")).expect("of the same run");
    trainer
}

#[test]
fn a_broken_network_is_an_error_that_names_it() {
    let base = quick(Schedule::Constant(1e-3));
    for activation in [Activation::Tanh, Activation::Relu] {
        let settings = Settings { activation, ..base.clone() };
        let first = |trainer: &Trainer, part: &str| {
            let checkpoint = trainer.checkpoint().expect("a checkpoint");
            let mut names = checkpoint.tensors.keys().filter_map(|name| name.strip_prefix("parameters."));
            names.find(|name| name.contains(part)).map(str::to_owned).expect("such a tensor")
        };
        let sample = Trainer::for_env("sample", Pendulum::v1, &settings).expect("a run");
        for (part, expected) in [
            ("actor", "the policy's output for environment 0 at step 0 of the rollout is not finite"),
            ("log_std", "the policy's output for environment 0 at step 0 of the rollout is not finite"),
            ("critic", "the critic's value for environment 0 at step 0 of the rollout is NaN"),
        ] {
            let tensor = first(&sample, part);
            let mut runs = vec![poisoned(Pendulum::v1, &settings, &tensor)];
            if part != "log_std" {
                runs.push(poisoned(CartPole::v1, &settings, &tensor));
            }
            for mut trainer in runs {
                let before = bits(trainer.parameters());
                let message = trainer.iterate().expect_err("NaN").to_string();
                assert_eq!(message, expected, "{tensor}");
                assert_eq!(bits(trainer.parameters()), before);
                assert!(part == "critic" || trainer.policy().is_err(), "a policy of NaN was handed out");
            }
        }
    }
}

/// Far too large a step breaks the update itself: it is named, and undone.
#[test]
fn an_update_that_breaks_is_undone() {
    let mut settings = quick(Schedule::Constant(1e38));
    let gradus_runner::Algorithm::Ppo(ppo) = &mut settings.algorithm else { unreachable!("PPO") };
    *ppo = ppo.clone().with_max_grad_norm(None);
    let mut trainer = Trainer::for_env("Pendulum-v1", Pendulum::v1, &settings).expect("a run");
    let mut before = bits(trainer.parameters());
    for _ in 0..20 {
        match trainer.iterate() {
            Ok(_) => before = bits(trainer.parameters()),
            Err(error) => {
                assert_eq!(bits(trainer.parameters()), before, "{error}");
                assert!(trainer.parameters().iter().all(|x| x.is_finite()));
                return;
            }
        }
    }
    panic!("steps of 1e38 were survived");
}
