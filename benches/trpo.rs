//! TRPO's update and its parts, with sb3-contrib's default settings.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gradus_benches::{criterion, experience, measure, threads};
use gradus_core_math::{Distribution, Stream};
use gradus_policy::{Context, Network, Team, Threads, Update};
use gradus_trpo::{CriticConfig, Surrogate, Trpo, TrpoConfig, fisher_vector_product};

/// One environment, 2048 steps.
const ROLLOUT: (usize, usize) = (1, 2048);
const ROWS: usize = ROLLOUT.0 * ROLLOUT.1;
/// Rows in a minibatch of the critic, and passes over all rows.
const CRITIC: (usize, usize) = (128, 10);

/// The tasks of the comparisons with other libraries, by their observations and actions.
const TASKS: [(&str, usize, Distribution); 2] = [
    ("CartPole", 4, Distribution::Categorical { n: 2 }),
    ("Pendulum", 3, Distribution::DiagGaussian { dim: 1 }),
];

/// One Fisher-vector product at one linearisation, which conjugate gradient asks for ten times.
fn product(c: &mut Criterion) {
    for (task, width, family) in &TASKS {
        let (mut agent, rollout) = experience(family, *width, ROLLOUT);
        let batch = rollout.batch();
        let surrogate = Surrogate::new(family, &batch, true);
        let (policy, _) = agent.network.split_mut().expect("two networks");
        let theta = &agent.theta[..policy.parameter_count()];
        let mut point = policy.linearize(Team::single(), theta, surrogate.input());
        let (mut out, vector) = (vec![0.0; theta.len()], theta.to_vec());
        measure(c, "trpo", &format!("fisher_vector_product {task} {ROWS}"), (ROWS, "row"), |b| {
            b.iter(|| {
                fisher_vector_product(
                    Team::single(),
                    &mut point,
                    &surrogate,
                    0.1,
                    black_box(&vector),
                    &mut out,
                )
            });
        });
    }
}

/// A whole update, from the same parameters each time: policy and critic.
fn update(c: &mut Criterion) {
    let (minibatch_size, epochs) = CRITIC;
    let critic = CriticConfig::new().with_minibatch_size(minibatch_size).with_epochs(epochs);
    for (task, width, family) in &TASKS {
        for thread_count in [1, 2] {
            let (mut agent, rollout) = experience(family, *width, ROLLOUT);
            let start = agent.theta.clone();
            let mut trpo = Trpo::new(TrpoConfig::new().with_critic(critic), &agent).expect("in range");
            let mut workers = Threads::new(thread_count);
            let mut rng = Stream::new(0, "update", 0);
            let name = format!("update {task} {ROWS} rows, {}", threads(thread_count));
            measure(c, "trpo", &name, (ROWS, "row"), |b| {
                b.iter(|| {
                    agent.theta.copy_from_slice(&start);
                    let context = Context { team: workers.team(), progress: 0.0, rng: &mut rng };
                    trpo.update(&mut agent, &rollout.batch(), context).expect("finite numbers")
                });
            });
        }
    }
}

criterion_group! { name = benches; config = criterion(); targets = product, update }
criterion_main!(benches);
