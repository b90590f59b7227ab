//! How the cost of PPO grows with environment steps, environments and the width of networks, and what the parts of an
//! iteration cost: what `docs/results/growth.md` is made of.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use gradus_benches::{LOSS, Workload, criterion, experience, measure};
use gradus_core_math::{Adam, AdamConfig, Distribution, Stream};
use gradus_policy::{Agent, Context, Input, SharedStep, Side, Team, Threads, Update};
use gradus_ppo::{Minibatches, Ppo, loss_and_cotangent};

/// What is trained, but for what grows.
const BASE: Workload = Workload {
    env: "CartPole-v1",
    n_envs: 8,
    n_steps: 128,
    epochs: 4,
    minibatches: Minibatches::Count(MINIBATCHES),
    width: 64,
};
const MINIBATCHES: usize = 4;
/// Minibatches of an iteration.
const GRADIENTS: usize = BASE.epochs * MINIBATCHES;
/// The length of its observations, and its actions.
const OBSERVATION_WIDTH: usize = 4;
const FAMILY: Distribution = Distribution::Categorical { n: 2 };

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Iterations of a trainer that is made when the filter lets the benchmark through.
fn iterations(c: &mut Criterion, name: &str, workload: Workload, thread_count: usize) {
    let mut made = None;
    measure(c, "growth", name, (workload.n_envs * workload.n_steps, "step"), |b| {
        let trainer = made.get_or_insert_with(|| workload.trainer(u64::MAX, thread_count));
        b.iter(|| trainer.iterate().expect("finite numbers"));
    });
}

/// Whole trainings from their beginning.
fn steps(c: &mut Criterion) {
    for total in [8_192, 16_384, 32_768, 65_536, 131_072] {
        measure(c, "growth", &format!("steps {total}"), (total, "step"), |b| {
            b.iter(|| BASE.trainer(total as u64, cores()).train(|_, _| ()).expect("finite numbers"));
        });
    }
}

/// Rollouts of 32 steps.
fn envs(c: &mut Criterion) {
    for n_envs in [1, 4, 16, 64, 256, 1024, 4096] {
        iterations(c, &format!("envs {n_envs}"), Workload { n_envs, n_steps: 32, ..BASE }, cores());
    }
}

fn hidden(c: &mut Criterion) {
    for width in [32, 64, 128, 256, 512, 1024] {
        iterations(c, &format!("hidden {width}"), Workload { width, ..BASE }, cores());
    }
}

/// The parts of an iteration on one thread, each as often as it comes in one. They are timed in turn, round by round: what
/// is left of an iteration is a difference, and means little between times of which a processor's speed has changed.
fn parts(c: &mut Criterion) {
    let rows = BASE.n_envs * BASE.n_steps;
    let shape = (BASE.n_envs, BASE.n_steps);
    let mut trainer = BASE.trainer(u64::MAX, 1);
    let (mut agent, rollout) = experience(&FAMILY, OBSERVATION_WIDTH, shape);
    let (batch, start) = (rollout.batch(), agent.theta.clone());
    let mut ppo = Ppo::new(BASE.ppo(), &agent).expect("settings in range");
    let (mut threads, mut rng) = (Threads::new(1), Stream::new(0, "update", 0));
    let (Agent { mut network, mut theta }, _) = experience(&FAMILY, OBSERVATION_WIDTH, shape);
    // Scattered over the batch like a shuffled minibatch.
    let listed: Vec<u32> = (0..rows as u32).step_by(MINIBATCHES).collect();
    let input = Input::listed(batch.observations, OBSERVATION_WIDTH, &listed);
    let split = network.policy_parameter_count();
    let mut gradient = vec![0.0; theta.len()];
    let (outputs, mut cotangent) = (vec![0.1; listed.len() * 3], vec![0.0; listed.len() * 3]);
    let (mut stepped, mut step) = (theta.clone(), vec![1e-3; theta.len()]);
    let mut adam = Adam::new(AdamConfig::new(), theta.len()).expect("the defaults");

    let mut iteration = || drop(trainer.iterate().expect("finite numbers"));
    let mut update = || {
        agent.theta.copy_from_slice(&start);
        let context = Context { team: threads.team(), progress: 0.0, rng: &mut rng };
        ppo.update(&mut agent, &batch, context).expect("finite numbers");
    };
    let mut networks = || {
        // The loss does next to nothing.
        let loss = |_: usize, _: &[f32], cotangent: &mut [f32]| {
            cotangent.fill(1e-3);
            0.0
        };
        for _ in 0..GRADIENTS {
            let sides = Side::both(&mut theta, &mut gradient, split);
            black_box(network.gradient_after(Team::single(), sides, input, &loss, &loss));
        }
    };
    let mut loss = || {
        for _ in 0..GRADIENTS {
            let outputs = black_box(&outputs);
            black_box(loss_and_cotangent(&LOSS, &FAMILY, &batch, &listed, outputs, &mut cotangent));
        }
    };
    let mut adam_steps = || {
        for _ in 0..GRADIENTS {
            SharedStep::new(&mut adam, 1.0, 0.0).take(Team::single(), &mut stepped, black_box(&mut step));
        }
    };
    let mut parts: [(&str, &mut dyn FnMut()); 5] = [
        ("part iteration", &mut iteration),
        ("part update", &mut update),
        ("part networks", &mut networks),
        ("part loss", &mut loss),
        ("part adam", &mut adam_steps),
    ];
    let mut rounds: Option<Vec<[Duration; 5]>> = None;
    for i in 0..parts.len() {
        measure(c, "growth", parts[i].0, (rows, "step"), |b| {
            let rounds = rounds.get_or_insert_with(|| (0..ROUNDS).map(|_| one_round(&mut parts)).collect());
            let mut times = rounds.iter().map(|round| round[i]).cycle();
            b.iter_custom(|iterations| times.by_ref().take(iterations as usize).sum());
        });
    }
}

/// Rounds in which the parts are timed.
const ROUNDS: usize = 300;

/// The time of each part, one after the other.
fn one_round(parts: &mut [(&str, &mut dyn FnMut()); 5]) -> [Duration; 5] {
    std::array::from_fn(|i| {
        let begin = Instant::now();
        parts[i].1();
        begin.elapsed()
    })
}

criterion_group! { name = benches; config = criterion().sample_size(20); targets = steps, envs, hidden, parts }
criterion_main!(benches);
