//! The cross-entropy method: its update in closed form, its noise, its convergence.

mod common;

use common::{assert_close, minimise, random, rastrigin, sphere};
use gradus_blackbox::{CrossEntropy, CrossEntropyConfig};
use gradus_policy::Search;

/// The defaults, with an initial deviation of 1.
fn unit() -> CrossEntropyConfig {
    CrossEntropyConfig::new().with_initial_deviation(1.0)
}

/// A search of two parameters with six candidates, of which two are the elite, and without noise.
fn small() -> CrossEntropyConfig {
    unit().with_population(6).with_elite_fraction(1.0 / 3.0).with_extra_noise(0.0, None)
}

/// Mean and variance after candidates whose first two are the elite, by hand: of two points the mean is the middle
/// and the variance a quarter of the squared distance.
fn by_hand(a: &[f64], b: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let pairs = || a.iter().zip(b);
    (pairs().map(|(a, b)| 0.5 * (a + b)).collect(), pairs().map(|(a, b)| 0.25 * (a - b) * (a - b)).collect())
}

/// Candidates of a first generation with the returns 5, 4, 3, …: the first two are the elite.
fn after_one(config: CrossEntropyConfig) -> (CrossEntropy, Vec<Vec<f64>>) {
    let mut search = CrossEntropy::new(config, &[3.0, -1.0]).expect("a search");
    let candidates = search.ask(&mut random(1)).chunks_exact(2).map(<[f64]>::to_vec).collect();
    search.tell(&[5.0, 4.0, 3.0, 2.0, 1.0, 0.0]).expect("finite returns");
    (search, candidates)
}

#[test]
fn the_update_is_mean_and_variance_of_the_elite() {
    let (search, x) = after_one(small());
    let (mean, variance) = by_hand(&x[0], &x[1]);
    assert_close(search.mean(), &mean, 1e-14, "mean");
    assert_close(search.variance(), &variance, 1e-14, "variance");
}

#[test]
fn smoothing_keeps_a_part_of_the_old() {
    let (search, x) = after_one(small().with_smoothing(0.7).with_initial_deviation(2.0));
    let (mean, variance) = by_hand(&x[0], &x[1]);
    let mixed = |new: &[f64], old: [f64; 2]| [0, 1].map(|j| 0.7 * new[j] + 0.3 * old[j]);
    assert_close(search.mean(), &mixed(&mean, [3.0, -1.0]), 1e-14, "mean");
    assert_close(search.variance(), &mixed(&variance, [4.0, 4.0]), 1e-14, "variance");
}

#[test]
fn noise_is_added_to_variances_and_falls_to_nothing() {
    // Szita & Lőrincz: max(5 − t/10, 0) beside an initial variance of 100.
    let config = unit().with_initial_deviation(10.0);
    for t in [1, 10, 25, 49, 50, 51, 1000] {
        let expected = (5.0 - t as f64 / 10.0).max(0.0);
        assert_close(&[config.noise(t)], &[expected], 1e-12, &format!("noise of generation {t}"));
    }
    let constant = unit().with_initial_deviation(10.0).with_extra_noise(0.04, None);
    assert_close(&[constant.noise(1), constant.noise(1000)], &[4.0, 4.0], 1e-12, "constant noise");

    let (search, x) = after_one(small().with_initial_deviation(2.0).with_extra_noise(0.1, Some(10)));
    let (_, variance) = by_hand(&x[0], &x[1]);
    let noisy: Vec<f64> = variance.iter().map(|variance| variance + 0.1 * 4.0 * 0.9).collect();
    assert_close(search.variance(), &noisy, 1e-14, "variance");
}

/// What the tests above reject: each mistake is far from the right numbers.
#[test]
fn wrong_variants_are_rejected() {
    let (search, x) = after_one(small());
    let (mean, variance) = by_hand(&x[0], &x[1]);
    let far = |ours: &[f64], wrong: &[f64]| common::distance(ours, wrong) > 1e-3;
    // The estimate of a sample, which divides by N − 1.
    assert!(far(search.variance(), &variance.iter().map(|v| 2.0 * v).collect::<Vec<_>>()));
    // The spread around the old mean.
    let around = |j: usize, old: f64| 0.5 * ((x[0][j] - old).powi(2) + (x[1][j] - old).powi(2));
    assert!(far(search.variance(), &[around(0, 3.0), around(1, -1.0)]));
    // The candidates with the lowest returns.
    assert!(far(search.mean(), &by_hand(&x[4], &x[5]).0));
    // All of them.
    let all = |j: usize| x.iter().map(|x| x[j]).sum::<f64>() / 6.0;
    assert!(far(&mean, &[all(0), all(1)]));
    // Noise added to the deviation.
    let (noisy, x) = after_one(small().with_extra_noise(0.1, None));
    let added = |variance: &f64| (variance.sqrt() + 0.1).powi(2);
    assert!(far(noisy.variance(), &by_hand(&x[0], &x[1]).1.iter().map(added).collect::<Vec<_>>()));
}

#[test]
fn it_converges_on_the_sphere() {
    // Of a tenth of the candidates only, some seeds collapse at 1e-6.
    for seed in 0..10 {
        let mut search = CrossEntropy::new(unit().with_elite_fraction(0.25), &[2.0; 10]).expect("a search");
        let mut stream = random(seed);
        for _ in 0..150 {
            minimise(&mut search, &mut stream, sphere);
        }
        let value = sphere(search.mean());
        assert!(value < 1e-9, "seed {seed}: {value}");
    }
}

/// The noise is for this: without it, the elite's variance collapses before the mean is there.
#[test]
fn noise_keeps_the_search_from_collapsing() {
    let distance = |noise: f64, seed: u64| {
        let config = unit().with_extra_noise(noise, Some(50));
        let mut search = CrossEntropy::new(config, &[6.0; 10]).expect("a search");
        let mut stream = random(seed);
        for _ in 0..150 {
            minimise(&mut search, &mut stream, sphere);
        }
        sphere(search.mean()).sqrt()
    };
    let far =
        |noise: f64| gradus_core_math::median(&(0..11).map(|seed| distance(noise, seed)).collect::<Vec<_>>());
    let (with, without) = (far(0.05), far(0.0));
    assert!(with < 1e-4 && without > 1.0, "with noise {with}, without {without}");
}

#[test]
fn it_leaves_local_minima_for_better_ones() {
    let solved = (0..10).filter(|&seed| {
        let config = unit().with_population(200).with_initial_deviation(2.0);
        let mut search = CrossEntropy::new(config, &[3.3; 5]).expect("a search");
        let mut stream = random(seed);
        for _ in 0..200 {
            minimise(&mut search, &mut stream, rastrigin);
        }
        rastrigin(search.mean()) < 1e-9
    });
    assert!(solved.count() >= 5);
}
