//! Importance sampling: means under p from draws of q.

use gradus_core_math::Stream;
use proptest::prelude::*;
use rand::RngExt;

/// E_p[f].
fn mean(p: &[f64], f: &[f64]) -> f64 {
    p.iter().zip(f).map(|(p, f)| p * f).sum()
}

/// f p/q.
fn weighted(p: &[f64], q: &[f64], f: &[f64]) -> Vec<f64> {
    p.iter().zip(q).zip(f).map(|((p, q), f)| f * p / q).collect()
}

/// Var_q[x] by its definition.
fn variance(q: &[f64], x: &[f64]) -> f64 {
    let center = mean(q, x);
    q.iter().zip(x).map(|(q, x)| q * (x - center).powi(2)).sum()
}

/// E_p[f² p/q] − E_p[f]².
fn identity(p: &[f64], q: &[f64], f: &[f64]) -> f64 {
    let squares: Vec<f64> = p.iter().zip(q).zip(f).map(|((p, q), f)| f * f * p / q).collect();
    mean(p, &squares) - mean(p, f).powi(2)
}

fn normalised(raw: &[f64]) -> Vec<f64> {
    let sum: f64 = raw.iter().map(|x| x.exp()).sum();
    raw.iter().map(|x| x.exp() / sum).collect()
}

proptest! {
    /// E_q[f p/q] = E_p[f], and Var_q[f p/q] = E_p[f² p/q] − E_p[f]². The identity that forgets its weight, E_p[f²] −
    /// E_p[f]², is that of draws from p, and holds for q = p alone.
    #[test]
    fn mean_and_variance(raw in proptest::collection::vec((-2.0..2.0_f64, -2.0..2.0_f64, -3.0..3.0_f64), 2..8)) {
        let p = normalised(&raw.iter().map(|x| x.0).collect::<Vec<_>>());
        let q = normalised(&raw.iter().map(|x| x.1).collect::<Vec<_>>());
        let f: Vec<f64> = raw.iter().map(|x| x.2).collect();
        let x = weighted(&p, &q, &f);
        prop_assert!((mean(&q, &x) - mean(&p, &f)).abs() < 1e-12);
        let exact = variance(&q, &x);
        prop_assert!((exact - identity(&p, &q, &f)).abs() < 1e-11 * exact.max(1.0));
        prop_assert!((variance(&p, &f) - identity(&p, &p, &f)).abs() < 1e-12 * exact.max(1.0));
    }
}

#[test]
fn the_weight_belongs_into_the_variance() {
    let (p, q, f) = ([0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [1.0, 2.0, -1.0]);
    let exact = variance(&q, &weighted(&p, &q, &f));
    assert!((exact - identity(&p, &q, &f)).abs() < 1e-14);
    let forgotten = variance(&p, &f);
    assert!((exact - forgotten).abs() > 1.0, "{exact} and {forgotten}");
}

/// A mean of `n` draws from q of f p/q.
fn estimate(n: usize, p: &[f64], q: &[f64], f: &[f64], rng: &mut Stream) -> f64 {
    let x = weighted(p, q, f);
    let draw = |rng: &mut Stream| {
        let mut rest: f64 = rng.random();
        let found = q.iter().position(|q| {
            rest -= q;
            rest < 0.0
        });
        x[found.unwrap_or(q.len() - 1)]
    };
    (0..n).map(|_| draw(rng)).sum::<f64>() / n as f64
}

/// p sits on the left, where f is negative, and q on the right, where it is positive. The mean under p is −0.82. Of ten
/// draws from q none comes from the left nine times in ten, and then the estimate has the wrong sign; of a hundred
/// thousand the mean is right, and its variance is what the identity says.
#[test]
fn p_and_q_far_apart() {
    let p = [0.49, 0.42, 0.06, 0.02, 0.01];
    let q = [0.005, 0.005, 0.09, 0.4, 0.5];
    let f = [-1.0, -1.0, 1.0, 1.0, 1.0];
    let truth = mean(&p, &f);
    assert!((truth + 0.82).abs() < 1e-12);
    let of_runs = |n: usize, runs: u64| -> Vec<f64> {
        (0..runs).map(|run| estimate(n, &p, &q, &f, &mut Stream::new(run, "importance", n as u64))).collect()
    };
    let few = of_runs(10, 1000);
    let wrong = few.iter().filter(|x| **x > 0.0).count();
    // 0.99¹⁰ = 0.904, within four standard errors.
    assert!((wrong as f64 - 904.4).abs() < 4.0 * (1000.0 * 0.904 * 0.096_f64).sqrt(), "{wrong} of 1000");

    let exact = identity(&p, &q, &f);
    let many = of_runs(100_000, 40);
    assert!(many.iter().all(|x| *x < 0.0), "{many:?}");
    let of_runs = many.iter().sum::<f64>() / many.len() as f64;
    assert!((of_runs - truth).abs() < 4.0 * (exact / (100_000.0 * 40.0)).sqrt(), "{of_runs}");
    // The variance over the runs, times n: a χ² variable of 39 degrees of freedom, whose 1e-4 quantiles are 0.33 and
    // 2.05 of its mean.
    let spread: f64 = many.iter().map(|x| (x - of_runs).powi(2)).sum::<f64>() / 39.0 * 100_000.0;
    assert!(spread > 0.33 * exact && spread < 2.05 * exact, "{spread} and {exact}");
    // That of draws from p is told apart: it is below one.
    assert!(variance(&p, &f) < 0.05 * exact);
}
