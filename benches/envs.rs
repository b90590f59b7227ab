//! Stepping alone: the tasks of the registry with random actions, on one thread.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gradus_benches::{Stepping, criterion, measure};
use gradus_envs::ENVIRONMENTS;

const N_ENVS: usize = 64;

fn step(c: &mut Criterion) {
    for info in ENVIRONMENTS {
        let mut stepping = Stepping::new(info, N_ENVS);
        measure(c, "envs", info.name, (stepping.steps(), "step"), |b| {
            b.iter(|| {
                black_box(stepping.run(|observations| {
                    black_box(observations);
                }))
            });
        });
    }
}

criterion_group! { name = benches; config = criterion(); targets = step }
criterion_main!(benches);
