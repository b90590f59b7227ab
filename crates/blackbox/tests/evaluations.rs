//! How many evaluations CMA-ES takes, beside the author's implementation.
//!
//! `golden/evaluations.json` comes from `golden/cma.py`, with `cma` 4.5.0 as it comes: for 30 seeds each, the evaluations
//! until a function value of 1e-9, or that it was not reached. The draws differ, so medians are compared.

mod common;

use common::{count, function, minimise, number, random};
use gradus_blackbox::{CmaEs, CmaEsConfig, CovarianceModel, StrategyParameters};
use gradus_core_math::median;
use gradus_policy::Search;
use serde_json::Value;

/// How far medians may lie apart, as a factor: about three standard errors of the worst of them.
const FACTOR: f64 = 1.1;
/// Fewer seeds that reach the target than in the reference, at most so many of 30.
const FAILURES: usize = 6;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/evaluations.json")).expect("JSON")
}

/// A recorded case, the evaluations that the reference needed in its successful runs, and ours with the same seeds.
struct Comparison {
    name: String,
    theirs: Vec<f64>,
    ours: Vec<f64>,
}

impl Comparison {
    /// The cases of a function in up to `dimensions` dimensions; `change` may spoil the constants.
    fn all(function: &str, dimensions: usize, change: fn(&mut StrategyParameters)) -> Vec<Self> {
        let golden = golden();
        let cases = golden["cases"].as_array().expect("cases").iter();
        let of = cases.filter(|case| case["function"] == function && count(&case["n"]) <= dimensions);
        of.map(|case| Self::new(case, number(&golden["target"]), change)).collect()
    }

    fn new(case: &Value, target: f64, change: fn(&mut StrategyParameters)) -> Self {
        let (n, counts) = (count(&case["n"]), case["counts"].as_array().expect("counts"));
        let config = CmaEsConfig::new().with_initial_deviation(number(&case["sigma0"]));
        let population = count(&case["population"]);
        let mut parameters =
            StrategyParameters::new(n, population, CovarianceModel::Full, true).expect("constants");
        change(&mut parameters);
        let start = vec![number(&case["start"]); n];
        let search = CmaEs::with_parameters(config, parameters, &start).expect("a search");
        let f = function(case["function"].as_str().expect("a name"));
        Self {
            name: format!("{} in {n} dimensions", case["function"]),
            theirs: counts.iter().filter_map(Value::as_f64).collect(),
            ours: (1..=counts.len() as u64)
                .filter_map(|seed| evaluations(search.clone(), f, target, seed))
                .collect(),
        }
    }

    /// Our median over that of the reference.
    fn factor(&self) -> f64 {
        median(&self.ours) / median(&self.theirs)
    }

    fn assert_alike(&self) {
        let Self { name, theirs, ours } = self;
        assert!(ours.len() + FAILURES >= theirs.len(), "{name}: {} solved, {}", ours.len(), theirs.len());
        let factor = self.factor();
        assert!(factor < FACTOR && factor > 1.0 / FACTOR, "{name}: {factor} times the reference's median");
    }
}

/// The evaluations of one run until the target, if it comes that far before it has converged somewhere else.
fn evaluations(mut search: CmaEs, f: fn(&[f64]) -> f64, target: f64, seed: u64) -> Option<f64> {
    let (mut stream, mut evaluations) = (random(seed), 0.0);
    while largest_deviation(&search) > 1e-7 && evaluations < 3e5 {
        evaluations += search.population() as f64;
        if minimise(&mut search, &mut stream, f) <= target {
            return Some(evaluations);
        }
    }
    None
}

/// The largest standard deviation of a parameter. Where it falls below 1e-7, the search is in a local optimum: at the
/// target it is still above 1e-6.
fn largest_deviation(search: &CmaEs) -> f64 {
    let n = search.dimension();
    let variances =
        search.covariance().iter().step_by(if search.covariance().len() == n { 1 } else { n + 1 });
    search.step_size() * variances.fold(0.0, |largest: f64, variance| largest.max(*variance)).sqrt()
}

fn assert_alike(function: &str) {
    Comparison::all(function, 20, |_| ()).iter().for_each(Comparison::assert_alike);
}

#[test]
fn sphere_takes_as_many_evaluations_as_the_reference() {
    assert_alike("sphere");
}

#[test]
fn ellipsoid_takes_as_many_evaluations_as_the_reference() {
    assert_alike("ellipsoid");
}

#[test]
fn rosenbrock_takes_as_many_evaluations_as_the_reference() {
    assert_alike("rosenbrock");
}

#[test]
fn rastrigin_takes_as_many_evaluations_as_the_reference() {
    assert_alike("rastrigin");
}

/// What the medians tell: a covariance that learns at half the rates is far outside the factor, one without weights
/// below 0 as well.
#[test]
fn wrong_variants_are_rejected() {
    let slow = |p: &mut StrategyParameters| (p.c_1, p.c_mu) = (0.5 * p.c_1, 0.5 * p.c_mu);
    let passive = |p: &mut StrategyParameters| p.weights.iter_mut().for_each(|w| *w = w.max(0.0));
    for change in [slow as fn(&mut StrategyParameters), passive] {
        let factors: Vec<f64> =
            Comparison::all("ellipsoid", 10, change).iter().map(Comparison::factor).collect();
        assert!(factors.iter().all(|factor| *factor > 1.0 + 2.0 * (FACTOR - 1.0)), "{factors:?}");
    }
}

/// Why weights below 0 are on with a diagonal covariance as well, which Ros & Hansen 2008 do without.
#[test]
fn weights_below_zero_save_evaluations_with_a_diagonal_covariance() {
    for n in [5, 10, 20] {
        let needed = |active: bool| {
            let config = CmaEsConfig::separable().with_active(active).with_initial_deviation(0.5);
            let search = CmaEs::new(config, &vec![1.0; n]).expect("a search");
            let run =
                |seed| evaluations(search.clone(), function("ellipsoid"), 1e-9, seed).expect("one minimum");
            median(&(1..=30).map(run).collect::<Vec<f64>>())
        };
        let factor = needed(true) / needed(false);
        assert!(factor > 0.7 && factor < 0.9, "{n} dimensions: {factor}");
    }
}
