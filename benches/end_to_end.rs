//! Training: environment steps a second, with everything that belongs to it.

use criterion::{Criterion, criterion_group, criterion_main};
use gradus_benches::{Workload, criterion, measure, threads};
use gradus_ppo::Minibatches;

const BASE: Workload = Workload {
    env: "CartPole-v1",
    n_envs: 8,
    n_steps: 128,
    epochs: 4,
    minibatches: Minibatches::Count(4),
    width: 64,
};

/// Those that other libraries are compared on.
const WORKLOADS: [Workload; 4] = [
    BASE,
    Workload { n_envs: 64, n_steps: 32, ..BASE },
    Workload { n_steps: 256, epochs: 10, minibatches: Minibatches::Size(64), ..BASE },
    Workload { env: "Pendulum-v1", ..BASE },
];

/// One iteration is a rollout and its update. Training goes on from one to the next, as it does in use.
fn train(c: &mut Criterion) {
    for workload in &WORKLOADS {
        for thread_count in [1, 2] {
            let name = format!("{}, {}", workload.name(), threads(thread_count));
            // Made only where the filter lets it through, for it has threads.
            let mut trainer = None;
            measure(c, "train", &name, (workload.n_envs * workload.n_steps, "step"), |b| {
                let trainer = trainer.get_or_insert_with(|| workload.trainer(u64::MAX, thread_count));
                b.iter(|| trainer.iterate().expect("finite numbers"));
            });
        }
    }
}

criterion_group! { name = benches; config = criterion(); targets = train }
criterion_main!(benches);
