//! Stepping alone: the tasks of the registry with random actions, on one thread.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gradus_benches::{criterion, measure};
use gradus_core_math::Stream;
use gradus_envs::{ENVIRONMENTS, EnvInfo, VectorEnv};

const N_ENVS: usize = 64;
/// Steps of each environment in one iteration.
const N_STEPS: usize = 256;

/// Environments at the start of their episodes, and actions for all of `N_STEPS`, drawn beforehand.
fn prepare(info: &EnvInfo) -> (Box<dyn VectorEnv>, Vec<f32>) {
    let mut envs = info.make_vector(N_ENVS, 0, 0).expect("a task of the registry");
    envs.reset_all().expect("a task that starts");
    let mut stream = Stream::new(0, "actions", 0);
    let space = envs.action_space();
    let mut actions = vec![0.0; N_STEPS * N_ENVS * space.width()];
    actions.chunks_exact_mut(space.width()).for_each(|action| space.sample(&mut stream, action));
    (envs, actions)
}

fn step(c: &mut Criterion) {
    for info in ENVIRONMENTS {
        let (mut envs, actions) = prepare(info);
        let width = actions.len() / N_STEPS;
        measure(c, "envs", info.name, (N_STEPS * N_ENVS, "step"), |b| {
            b.iter(|| {
                for row in actions.chunks_exact(width) {
                    envs.step(row).expect("an action of the space");
                    black_box(envs.observations());
                }
                black_box(envs.drain_episodes().count())
            });
        });
    }
}

criterion_group! { name = benches; config = criterion(); targets = step }
criterion_main!(benches);
