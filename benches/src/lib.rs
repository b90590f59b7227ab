//! What the benchmarks share: how long they measure, how they are named, deterministic inputs, and counts of
//! arithmetic.
//!
//! A benchmark's name ends with what its throughput counts, in brackets, such as
//! `kernels/vjp 4-64-64-2 avx512 [FLOP]`; `cargo xtask bench` reads the unit from there.

use std::time::Duration;

use criterion::{Bencher, Criterion, Throughput};
use gradus_core_math::Stream;
use rand::RngExt;

mod experience;
mod peak;
mod stepping;
mod training;

pub use experience::{experience, experience_of};
pub use peak::{PEAK_FLOP, fma_chains};
pub use stepping::Stepping;
pub use training::{LOSS, Workload};

/// Criterion with times that keep the whole suite within a few minutes; options of the command line override them.
pub fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        // The bootstrap of a median's interval has settled long before criterion's 100,000, which take as long as
        // a short measurement.
        .nresamples(10_000)
}

/// Adds the benchmark `group/name [unit]`, of which each iteration does `count` units.
///
/// `run` is called once a sample: what it makes before [`Bencher::iter`] is not timed.
pub fn measure(
    criterion: &mut Criterion,
    group: &str,
    name: &str,
    (count, unit): (usize, &str),
    run: impl FnMut(&mut Bencher<'_>),
) {
    let mut group = criterion.benchmark_group(group);
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function(format!("{name} [{unit}]"), run);
    group.finish();
}

/// How names say the number of threads.
pub fn threads(count: usize) -> String {
    format!("{count} thread{}", if count == 1 { "" } else { "s" })
}

/// `n` numbers in [−1, 1), always the same for a purpose.
pub fn uniform(purpose: &str, n: usize) -> Vec<f32> {
    let mut stream = Stream::new(0, purpose, 0);
    (0..n).map(|_| 2.0 * stream.random::<f32>() - 1.0).collect()
}

/// `n` flags, each set with this probability, always the same for a purpose.
pub fn flags(purpose: &str, n: usize, probability: f64) -> Vec<bool> {
    let mut stream = Stream::new(0, purpose, 0);
    (0..n).map(|_| stream.random::<f64>() < probability).collect()
}

/// The layers of a perceptron, from the observation to the outputs, and its arithmetic.
///
/// Only products with weights are counted, a multiplication and an addition each: no bias, no activation.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    /// The width of every layer, the observation's first.
    pub widths: &'a [usize],
}

impl Shape<'_> {
    /// The widths with dashes between, such as `4-64-64-2`.
    pub fn name(self) -> String {
        self.widths.iter().map(usize::to_string).collect::<Vec<_>>().join("-")
    }

    /// Of `forward` and `linearize`: one product with each weight and row.
    pub fn forward_flop(self, rows: usize) -> usize {
        2 * rows * self.weights()
    }

    /// Of `vjp` and of `jvp`: two products with each weight and row, but one with those of the first layer, because
    /// observations have no derivative.
    pub fn derivative_flop(self, rows: usize) -> usize {
        let first = self.widths.windows(2).next().map_or(0, |pair| pair[0] * pair[1]);
        2 * rows * (2 * self.weights() - first)
    }

    fn weights(self) -> usize {
        self.widths.windows(2).map(|pair| pair[0] * pair[1]).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_is_counted_product_by_product() {
        let shape = Shape { widths: &[3, 5, 2] };
        assert_eq!(shape.name(), "3-5-2");
        let (mut forward, mut derivative) = (0, 0);
        for (layer, (inputs, outputs)) in [(3, 5), (5, 2)].into_iter().enumerate() {
            for _row in 0..7 {
                forward += 2 * inputs * outputs;
                // The weights' own gradient, and from the second layer on the one that is passed down.
                derivative += 2 * inputs * outputs * if layer > 0 { 2 } else { 1 };
            }
        }
        assert_eq!((shape.forward_flop(7), shape.derivative_flop(7)), (forward, derivative));
    }

    #[test]
    fn inputs_are_the_same_each_time() {
        assert_eq!(uniform("a", 5), uniform("a", 5));
        assert_ne!(uniform("a", 5), uniform("b", 5));
        assert!(uniform("a", 1000).iter().all(|x| (-1.0..1.0).contains(x)));
        let set = flags("a", 10_000, 0.25).into_iter().filter(|&flag| flag).count();
        assert!((2_250..2_750).contains(&set), "{set}");
    }
}
