//! Distributions over actions, row by row as the losses use them.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gradus_benches::{criterion, measure, uniform};
use gradus_core_math::{Distribution, Stream};

/// Rows of an iteration.
const ROWS: usize = 256;

/// The families with the sizes of a small task and of a large one (Atari's buttons, a humanoid's joints).
fn families() -> [(&'static str, Distribution); 4] {
    [
        ("categorical 2", Distribution::Categorical { n: 2 }),
        ("categorical 18", Distribution::Categorical { n: 18 }),
        ("gaussian 1", Distribution::DiagGaussian { dim: 1 }),
        ("gaussian 17", Distribution::DiagGaussian { dim: 17 }),
    ]
}

/// Parameters of two policies for every row, actions of the first, and room for its gradient.
struct Case {
    params: Vec<f32>,
    others: Vec<f32>,
    actions: Vec<f32>,
    gradient: Vec<f32>,
}

impl Case {
    fn new(family: &Distribution) -> Self {
        let params = uniform("params", ROWS * family.n_params());
        let mut stream = Stream::new(0, "sample", 0);
        let mut actions = vec![0.0; ROWS * family.action_width()];
        for (row, action) in
            params.chunks_exact(family.n_params()).zip(actions.chunks_exact_mut(family.action_width()))
        {
            family.sample(row, None, &mut stream, action);
        }
        let gradient = vec![0.0; params.len()];
        Self { others: uniform("others", params.len()), params, actions, gradient }
    }
}

fn formulas(c: &mut Criterion) {
    for (name, family) in families() {
        let (n_params, action_width) = (family.n_params(), family.action_width());
        let Case { params, others, mut actions, mut gradient } = Case::new(&family);
        let mut add = |formula: &str, run: &mut dyn FnMut(&mut criterion::Bencher<'_>)| {
            measure(c, "distributions", &format!("{formula} {name}"), (ROWS, "row"), run);
        };
        let rows = || black_box(&params).chunks_exact(n_params);
        add("log_prob", &mut |b| {
            b.iter(|| {
                rows()
                    .zip(actions.chunks_exact(action_width))
                    .map(|(p, a)| family.log_prob(p, None, a))
                    .sum::<f32>()
            });
        });
        add("kl", &mut |b| {
            b.iter(|| {
                rows().zip(others.chunks_exact(n_params)).map(|(p, q)| family.kl(p, q, None)).sum::<f32>()
            });
        });
        add("add_gradient_with", &mut |b| {
            b.iter(|| {
                // Gradients are added to: from zero each time, so that they stay finite.
                gradient.fill(0.0);
                let rows = rows().zip(actions.chunks_exact(action_width));
                for ((p, a), to) in rows.zip(gradient.chunks_exact_mut(n_params)) {
                    family.add_gradient_with(p, None, a, |log_prob, _| (log_prob.exp(), 0.01), to);
                }
                black_box(&mut gradient);
            });
        });
        let mut stream = Stream::new(0, "sample", 1);
        add("sample", &mut |b| {
            b.iter(|| {
                for (p, a) in rows().zip(actions.chunks_exact_mut(action_width)) {
                    family.sample(p, None, &mut stream, a);
                }
                black_box(&mut actions);
            });
        });
    }
}

criterion_group! { name = benches; config = criterion(); targets = formulas }
criterion_main!(benches);
