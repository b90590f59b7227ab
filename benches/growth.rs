//! How the cost of PPO grows with environment steps, environments and the width of networks, and what the parts of an
//! iteration cost: what `docs/results/growth.md` is made of.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gradus_benches::{criterion, experience, measure};
use gradus_core_math::{Adam, AdamConfig, Distribution, Stream};
use gradus_policy::{Agent, Context, Input, Team, Threads, Update, shared_adam_step};
use gradus_ppo::{LossConfig, LossObjective, Minibatches, Ppo, PpoConfig, loss_and_cotangent};
use gradus_runner::{Algorithm, Settings, Trainer};

const ENV: &str = "CartPole-v1";
/// The length of its observations, and its actions.
const OBSERVATION_WIDTH: usize = 4;
const FAMILY: Distribution = Distribution::Categorical { n: 2 };
/// Environments and steps of a rollout, unless it is they that grow.
const ROLLOUT: (usize, usize) = (8, 128);
const EPOCHS: usize = 4;
const MINIBATCHES: usize = 4;
/// Minibatches of an iteration.
const GRADIENTS: usize = EPOCHS * MINIBATCHES;

fn trainer((n_envs, n_steps): (usize, usize), width: usize, total_steps: u64, threads: usize) -> Trainer {
    let ppo = PpoConfig::new().with_epochs(EPOCHS).with_minibatches(Minibatches::Count(MINIBATCHES));
    let settings = Settings::new(Algorithm::Ppo(ppo))
        .with_rollout(n_envs, n_steps)
        .with_hidden(&[width, width])
        .with_total_steps(total_steps)
        .with_threads(threads);
    let make = |n: usize, seed: u64, first: usize| gradus_envs::make_vector(ENV, n, seed, first);
    Trainer::new(ENV, &make, &settings).expect("settings that fit the task")
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Iterations of a trainer that is made when the filter lets the benchmark through.
fn iterations(c: &mut Criterion, name: &str, rollout: (usize, usize), width: usize, threads: usize) {
    let mut made = None;
    measure(c, "growth", name, (rollout.0 * rollout.1, "step"), |b| {
        // The number of steps is never reached: criterion says when it is enough.
        let trainer = made.get_or_insert_with(|| trainer(rollout, width, u64::MAX, threads));
        b.iter(|| trainer.iterate().expect("finite numbers"));
    });
}

/// Whole trainings from their beginning.
fn steps(c: &mut Criterion) {
    for total in [8_192, 16_384, 32_768, 65_536, 131_072] {
        measure(c, "growth", &format!("steps {total}"), (total, "step"), |b| {
            b.iter(|| {
                let mut trainer = trainer(ROLLOUT, 64, total as u64, cores());
                trainer.train(|_, _| ()).expect("finite numbers");
            });
        });
    }
}

/// Rollouts of 32 steps.
fn envs(c: &mut Criterion) {
    for n_envs in [1, 4, 16, 64, 256, 1024, 4096] {
        iterations(c, &format!("envs {n_envs}"), (n_envs, 32), 64, cores());
    }
}

fn hidden(c: &mut Criterion) {
    for width in [32, 64, 128, 256, 512, 1024] {
        iterations(c, &format!("hidden {width}"), ROLLOUT, width, cores());
    }
}

/// The parts of an iteration on one thread, each as often as it comes in one.
fn parts(c: &mut Criterion) {
    let rows = ROLLOUT.0 * ROLLOUT.1;
    let unit = (rows, "step");
    iterations(c, "part iteration", ROLLOUT, 64, 1);

    let (mut agent, rollout) = experience(&FAMILY, OBSERVATION_WIDTH, ROLLOUT);
    let (batch, start) = (rollout.batch(), agent.theta.clone());
    let config = PpoConfig::new().with_epochs(EPOCHS).with_minibatches(Minibatches::Count(MINIBATCHES));
    let mut ppo = Ppo::new(config, &agent).expect("settings in range");
    let (mut threads, mut rng) = (Threads::new(1), Stream::new(0, "update", 0));
    measure(c, "growth", "part update", unit, |b| {
        b.iter(|| {
            agent.theta.copy_from_slice(&start);
            let context = Context { team: threads.team(), progress: 0.0, rng: &mut rng };
            ppo.update(&mut agent, &batch, context).expect("finite numbers")
        });
    });

    let Agent { mut network, mut theta } = agent;
    // Scattered over the batch like a shuffled minibatch.
    let listed: Vec<u32> = (0..rows as u32).step_by(MINIBATCHES).collect();
    let mut gradient = vec![0.0; theta.len()];
    measure(c, "growth", "part networks", unit, |b| {
        let input = Input::listed(batch.observations, OBSERVATION_WIDTH, &listed);
        // What is of the loss does next to nothing.
        let loss = |_: usize, _: &[f32], cotangent: &mut [f32]| {
            cotangent.fill(1e-3);
            0.0
        };
        b.iter(|| {
            for _ in 0..GRADIENTS {
                black_box(network.gradient_of(Team::single(), &theta, input, &loss, &loss, &mut gradient));
            }
        });
    });

    let config = LossConfig {
        objective: LossObjective::Clip { epsilon: 0.2, dual: None },
        value_clip_epsilon: None,
        entropy_coef: 0.0,
        value_coef: 0.5,
        normalize_advantage: true,
        value_scale: None,
    };
    let outputs = vec![0.1; listed.len() * 3];
    let mut cotangent = vec![0.0; outputs.len()];
    measure(c, "growth", "part loss", unit, |b| {
        b.iter(|| {
            for _ in 0..GRADIENTS {
                let outputs = black_box(&outputs);
                black_box(loss_and_cotangent(&config, &FAMILY, &batch, &listed, outputs, &mut cotangent));
            }
        });
    });

    let mut adam = Adam::new(AdamConfig::new(), theta.len()).expect("the defaults");
    let split = network.policy_parameter_count();
    measure(c, "growth", "part adam", unit, |b| {
        b.iter(|| {
            for _ in 0..GRADIENTS {
                let params = (&mut theta[..], split);
                shared_adam_step(Team::single(), &mut adam, params, black_box(&mut gradient), 1.0, 0.0);
            }
        });
    });
}

criterion_group! { name = benches; config = criterion().sample_size(20); targets = steps, envs, hidden, parts }
criterion_main!(benches);
