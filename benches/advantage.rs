//! Generalised advantage estimation with value targets.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gradus_advantage::{Episodes, gae, value_targets};
use gradus_benches::{criterion, flags, measure, uniform};

/// Environments and steps.
const ROLLOUTS: [(usize, usize); 3] = [(8, 128), (64, 32), (1, 2048)];

/// The discount γ and λ that PPO's authors use.
const DISCOUNT: (f32, f32) = (0.99, 0.95);

fn estimate(c: &mut Criterion) {
    for (n_envs, n_steps) in ROLLOUTS {
        let rows = n_envs * n_steps;
        let rewards = uniform("rewards", rows);
        let (values, next_values) = (uniform("values", rows), uniform("next_values", rows));
        let (terminated, truncated) = (flags("terminated", rows, 0.01), flags("truncated", rows, 0.005));
        let (mut advantages, mut targets) = (vec![0.0; rows], vec![0.0; rows]);
        measure(c, "gae", &format!("{n_envs}x{n_steps}"), (rows, "step"), |b| {
            b.iter(|| {
                let trajectories = Episodes::new(n_envs, black_box(&rewards), &terminated, &truncated)
                    .and_then(|episodes| episodes.with_values(&values, &next_values))
                    .expect("arrays of one length");
                gae(&trajectories, DISCOUNT.0, DISCOUNT.1, &mut advantages).expect("a discount in range");
                value_targets(&trajectories, &advantages, &mut targets).expect("arrays of one length");
                black_box(&mut targets);
            });
        });
    }
}

criterion_group! { name = benches; config = criterion(); targets = estimate }
criterion_main!(benches);
