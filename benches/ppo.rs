//! PPO's update and its parts, on data that a policy gave.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gradus_benches::{LOSS, criterion, experience, measure};
use gradus_core_math::{Distribution, Stream};
use gradus_policy::{Agent, Context, Input, Linearized, Network, Team, Threads, Update};
use gradus_ppo::{Minibatches, Ppo, PpoConfig, loss_and_cotangent};

/// Environments and steps of the rollout.
const ROLLOUT: (usize, usize) = (8, 128);
const ROWS: usize = ROLLOUT.0 * ROLLOUT.1;
const EPOCHS: usize = 4;
const MINIBATCHES: usize = 4;
/// The length of CartPole's observations.
const OBSERVATION_WIDTH: usize = 4;
const FAMILY: Distribution = Distribution::Categorical { n: 2 };

/// One minibatch: the loss alone, and with the way there and back through the networks.
fn minibatch(c: &mut Criterion) {
    let (Agent { mut network, theta }, rollout) = experience(&FAMILY, OBSERVATION_WIDTH, ROLLOUT);
    let batch = rollout.batch();
    // Every fourth row: scattered over the batch like a shuffled minibatch.
    let rows: Vec<u32> = (0..ROWS as u32).step_by(MINIBATCHES).collect();
    let input = Input::listed(batch.observations, OBSERVATION_WIDTH, &rows);
    let outputs = network.linearize(Team::single(), &theta, input).outputs().to_vec();
    let (mut cotangent, mut gradient) = (vec![0.0; outputs.len()], vec![0.0; theta.len()]);
    let unit = (rows.len(), "row");
    measure(c, "ppo", "loss_and_cotangent 256", unit, |b| {
        b.iter(|| loss_and_cotangent(&LOSS, &FAMILY, &batch, &rows, black_box(&outputs), &mut cotangent));
    });
    measure(c, "ppo", "gradient 256", unit, |b| {
        b.iter(|| {
            let mut point = network.linearize(Team::single(), black_box(&theta), input);
            black_box(loss_and_cotangent(&LOSS, &FAMILY, &batch, &rows, point.outputs(), &mut cotangent));
            point.vjp(Team::single(), &cotangent, &mut gradient);
        });
    });
}

/// A whole update of 1024 rows, from the same parameters each time.
fn update(c: &mut Criterion) {
    let config = PpoConfig::new()
        .with_epochs(EPOCHS)
        .with_minibatches(Minibatches::Count(MINIBATCHES))
        .with_entropy_coef(LOSS.entropy_coef);
    for thread_count in [1, 2] {
        let (mut agent, rollout) = experience(&FAMILY, OBSERVATION_WIDTH, ROLLOUT);
        let start = agent.theta.clone();
        let mut ppo = Ppo::new(config.clone(), &agent).expect("settings in range");
        let mut threads = Threads::new(thread_count);
        let mut rng = Stream::new(0, "update", 0);
        let name =
            format!("update {ROWS} rows, {EPOCHS}x{MINIBATCHES}, {}", gradus_benches::threads(thread_count));
        measure(c, "ppo", &name, (EPOCHS * ROWS, "row"), |b| {
            b.iter(|| {
                agent.theta.copy_from_slice(&start);
                let context = Context { team: threads.team(), progress: 0.0, rng: &mut rng };
                ppo.update(&mut agent, &rollout.batch(), context).expect("finite numbers")
            });
        });
    }
}

criterion_group! { name = benches; config = criterion(); targets = minibatch, update }
criterion_main!(benches);
