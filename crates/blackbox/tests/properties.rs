//! What a search may not depend on: the scale of returns, where the origin is, how the axes lie, how candidates are
//! numbered; and what happens to it when returns mean nothing.

mod common;

use common::{distance, ellipsoid, random, returns, rosenbrock};
use gradus_blackbox::{CmaEs, CmaEsConfig, CrossEntropy, CrossEntropyConfig, StrategyParameters};
use gradus_core_math::Stream;
use gradus_policy::Search;
use nalgebra::{DMatrix, DVector};
use proptest::prelude::*;
use rand_distr::{Distribution, StandardNormal};

const GENERATIONS: usize = 25;

fn normals(random: &mut Stream, count: usize) -> Vec<f64> {
    (0..count).map(|_| -> f64 { StandardNormal.sample(random) }).collect()
}

fn both_models() -> [CmaEsConfig; 2] {
    [CmaEsConfig::new(), CmaEsConfig::separable()].map(|config| config.with_initial_deviation(0.4))
}

fn vector(n: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-2.0..2.0, n)
}

/// The means of `GENERATIONS` generations, with candidates judged by `judge`.
fn path(search: &mut impl Search, seed: u64, judge: impl Fn(&[f64]) -> f64) -> Vec<Vec<f64>> {
    let (n, mut random) = (search.dimension(), random(seed));
    let mut step = || {
        let returns: Vec<f64> = search.ask(&mut random).chunks_exact(n).map(&judge).collect();
        search.tell(&returns).expect("finite returns");
        search.mean().to_vec()
    };
    (0..GENERATIONS).map(|_| step()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// A rising function of the returns changes nothing, to the last bit.
    #[test]
    fn order_is_all_that_counts(start in vector(2..7), seed in 0..1000_u64) {
        let judge = |x: &[f64]| -rosenbrock(x);
        // Steep and flat at once, and far from the origin.
        let risen = |x: &[f64]| 1e3 + 1e-2 * judge(x).cbrt();
        for config in both_models() {
            let search = || CmaEs::new(config.clone(), &start).expect("a search");
            prop_assert_eq!(path(&mut search(), seed, judge), path(&mut search(), seed, risen));
            // Highest first, not lowest.
            let fallen = path(&mut search(), seed, |x| -judge(x));
            prop_assert_ne!(path(&mut search(), seed, judge), fallen);
        }
        let search = || CrossEntropy::new(CrossEntropyConfig::new(), &start).expect("a search");
        prop_assert_eq!(path(&mut search(), seed, judge), path(&mut search(), seed, risen));
    }

    /// A problem that is shifted, with a start that is shifted, has the shifted search.
    #[test]
    fn the_origin_does_not_matter(start in vector(4..5), shift in vector(4..5), seed in 0..1000_u64) {
        let shifted_start: Vec<f64> = start.iter().zip(&shift).map(|(x, a)| x + a).collect();
        let back = |x: &[f64]| x.iter().zip(&shift).map(|(x, a)| x - a).collect::<Vec<_>>();
        let compare = |here: Vec<Vec<f64>>, there: Vec<Vec<f64>>| {
            here.iter().zip(&there).all(|(here, there)| distance(&back(there), here) < 1e-8)
        };
        for config in both_models() {
            let search = |start: &[f64]| CmaEs::new(config.clone(), start).expect("a search");
            let here = path(&mut search(&start), seed, |x| -ellipsoid(x));
            let there = path(&mut search(&shifted_start), seed, |x| -ellipsoid(&back(x)));
            prop_assert!(compare(here, there));
        }
        let search = |start: &[f64]| CrossEntropy::new(CrossEntropyConfig::new(), start).expect("a search");
        let here = path(&mut search(&start), seed, |x| -ellipsoid(x));
        let there = path(&mut search(&shifted_start), seed, |x| -ellipsoid(&back(x)));
        prop_assert!(compare(here, there));
    }

    /// A problem that is turned, with draws that are turned, has the turned search: CMA-ES does not see the axes. The
    /// separable one does, and this shows it.
    #[test]
    fn the_axes_do_not_matter_to_a_full_covariance(start in vector(4..5), seed in 0..1000_u64) {
        let n = start.len();
        let mut stream = random(seed);
        let rotation = DMatrix::from_vec(n, n, normals(&mut stream, n * n)).qr().q();
        let turn = |x: &[f64]| (&rotation * DVector::from_column_slice(x)).as_slice().to_vec();
        let turn_back = |x: &[f64]| (rotation.transpose() * DVector::from_column_slice(x)).as_slice().to_vec();
        let apart = |config: &CmaEsConfig, stream: &mut Stream| -> f64 {
            let mut here = CmaEs::new(config.clone(), &start).expect("a search");
            let mut there = CmaEs::new(config.clone(), &turn(&start)).expect("a search");
            for _ in 0..GENERATIONS {
                let draws = normals(stream, here.population() * n);
                let turned: Vec<f64> = draws.chunks_exact(n).flat_map(turn).collect();
                let judged = returns(here.ask_with(&draws).expect("draws"), n, ellipsoid);
                here.tell(&judged).expect("finite returns");
                let judged = returns(there.ask_with(&turned).expect("draws"), n, |x| ellipsoid(&turn_back(x)));
                there.tell(&judged).expect("finite returns");
            }
            distance(&turn_back(there.mean()), here.mean()) + (there.step_size() / here.step_size() - 1.0).abs()
        };
        let [full, separable] = both_models();
        let far = apart(&full, &mut stream);
        prop_assert!(far < 1e-6, "{far}");
        prop_assert!(apart(&separable, &mut stream) > 1e-3);
    }

    /// Candidates have no place: numbered otherwise, they give the same search to the last bit.
    #[test]
    fn the_numbering_of_candidates_does_not_matter(start in vector(3..6), seed in 0..1000_u64) {
        let (n, mut stream) = (start.len(), random(seed));
        for config in both_models() {
            let mut here = CmaEs::new(config.clone(), &start).expect("a search");
            let mut there = here.clone();
            for _ in 0..GENERATIONS {
                let draws = normals(&mut stream, here.population() * n);
                let turned_over: Vec<f64> = draws.chunks_exact(n).rev().flatten().copied().collect();
                let judged = returns(here.ask_with(&draws).expect("draws"), n, rosenbrock);
                here.tell(&judged).expect("finite returns");
                let judged = returns(there.ask_with(&turned_over).expect("draws"), n, rosenbrock);
                there.tell(&judged).expect("finite returns");
            }
            prop_assert_eq!(here.state(), there.state());
        }
    }
}

/// Where returns mean nothing, the path of the step size is a standard normal vector, and its length has the mean that
/// it is compared with.
#[test]
fn returns_without_meaning_leave_the_step_size_on_average() {
    for config in both_models() {
        let mut search = CmaEs::new(config, &[0.0; 4]).expect("a search");
        let mut stream = random(3);
        let mut length = || {
            search.ask(&mut stream);
            let noise = normals(&mut stream, search.population());
            search.tell(&noise).expect("finite returns").get("path_length").expect("a metric")
        };
        // The path has forgotten its start after some ten generations; blocks of 100 are independent.
        let lengths: Vec<f64> = (0..20_000).map(|_| length()).collect();
        let blocks: Vec<f64> = lengths[100..].chunks_exact(100).map(gradus_core_math::mean).collect();
        assert_mean_is_one(&blocks);
    }
}

/// The same for the covariance: weights below 0 take as much variance as those above 0 bring. Without the rank-one
/// update, which loses some where long paths stall.
#[test]
fn returns_without_meaning_leave_the_covariance_on_average() {
    for config in both_models() {
        let (n, population) = (4, 8);
        let mut parameters =
            StrategyParameters::new(n, population, config.covariance, true).expect("constants");
        parameters.c_1 = 0.0;
        let start = CmaEs::with_parameters(config, parameters, &vec![0.0; n]).expect("a search");
        let mut stream = random(4);
        let mut trace = || {
            let mut search = start.clone();
            for _ in 0..4 {
                search.ask(&mut stream);
                let noise = normals(&mut stream, population);
                search.tell(&noise).expect("finite returns");
            }
            let stride = if search.covariance().len() == n { 1 } else { n + 1 };
            search.covariance().iter().step_by(stride).sum::<f64>() / n as f64
        };
        assert_mean_is_one(&(0..10_000).map(|_| trace()).collect::<Vec<_>>());
    }
}

/// The mean is 1 within four of its standard errors, and these are below 1 %.
fn assert_mean_is_one(values: &[f64]) {
    let mean = gradus_core_math::mean(values);
    let error = gradus_core_math::standard_deviation(values) / (values.len() as f64).sqrt();
    assert!(error < 0.01 && (mean - 1.0).abs() < 4.0 * error, "{mean} ± {error}");
}
