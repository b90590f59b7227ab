//! Training: environment steps a second, with everything that belongs to it.

use criterion::{Criterion, criterion_group, criterion_main};
use gradus_benches::{criterion, measure, threads};
use gradus_ppo::{Minibatches, PpoConfig};
use gradus_runner::{Algorithm, Settings, Trainer};

/// A task and how it is trained: two separate networks of 2×64 with tanh.
struct Workload {
    env: &'static str,
    n_envs: usize,
    n_steps: usize,
    epochs: usize,
    minibatches: Minibatches,
}

/// Those that other libraries are compared on.
const WORKLOADS: [Workload; 4] = [
    Workload { env: "CartPole-v1", n_envs: 8, n_steps: 128, epochs: 4, minibatches: Minibatches::Count(4) },
    Workload { env: "CartPole-v1", n_envs: 64, n_steps: 32, epochs: 4, minibatches: Minibatches::Count(4) },
    Workload { env: "CartPole-v1", n_envs: 8, n_steps: 256, epochs: 10, minibatches: Minibatches::Size(64) },
    Workload { env: "Pendulum-v1", n_envs: 8, n_steps: 128, epochs: 4, minibatches: Minibatches::Count(4) },
];

impl Workload {
    fn name(&self) -> String {
        let minibatches = match self.minibatches {
            Minibatches::Count(count) => format!("{}x{count}", self.epochs),
            Minibatches::Size(size) => format!("{} epochs of {size}", self.epochs),
        };
        format!("{} {}x{}, {minibatches}", self.env, self.n_envs, self.n_steps)
    }

    fn trainer(&self, thread_count: usize) -> Trainer {
        let ppo = PpoConfig::new().with_epochs(self.epochs).with_minibatches(self.minibatches);
        let settings = Settings::new(Algorithm::Ppo(ppo))
            .with_rollout(self.n_envs, self.n_steps)
            // Never reached: criterion says when it is enough.
            .with_total_steps(u64::MAX)
            .with_threads(thread_count);
        let make = |n: usize, seed: u64, first: usize| gradus_envs::make_vector(self.env, n, seed, first);
        Trainer::new(self.env, &make, &settings).expect("settings that fit the task")
    }
}

/// One iteration is a rollout and its update. Training goes on from one to the next, as it does in use.
fn train(c: &mut Criterion) {
    for workload in &WORKLOADS {
        for thread_count in [1, 2] {
            let name = format!("{}, {}", workload.name(), threads(thread_count));
            // Made only where the filter lets it through, for it has threads.
            let mut trainer = None;
            measure(c, "train", &name, (workload.n_envs * workload.n_steps, "step"), |b| {
                let trainer = trainer.get_or_insert_with(|| workload.trainer(thread_count));
                b.iter(|| trainer.iterate().expect("finite numbers"));
            });
        }
    }
}

criterion_group! { name = benches; config = criterion(); targets = train }
criterion_main!(benches);
