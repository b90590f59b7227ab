//! The constants of CMA-ES against those of the author's implementation (`golden/constants.json`, from `golden/cma.py`
//! with `cma` 4.5.0), and what follows from them.

mod common;
mod oracle;

use common::{assert_close, count, distance, number, numbers, random, sphere};
use gradus_blackbox::{CmaEs, CmaEsConfig, CovarianceModel, StrategyParameters};
use gradus_policy::{Search, UpdateError};
use serde_json::Value;

const TOLERANCE: f64 = 1e-12;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/constants.json")).expect("JSON")
}

/// Every recorded case with our constants for it.
fn cases() -> Vec<(Value, StrategyParameters)> {
    let ours = |case: &Value| {
        let separable = case["separable"].as_bool().expect("a flag");
        let model = if separable { CovarianceModel::Diagonal } else { CovarianceModel::Full };
        StrategyParameters::new(count(&case["n"]), count(&case["population"]), model, true)
            .expect("constants")
    };
    golden()["cases"].as_array().expect("cases").iter().map(|case| (case.clone(), ours(case))).collect()
}

#[test]
fn constants_are_those_of_the_reference() {
    for (case, ours) in cases() {
        let name = format!("n = {}, λ = {}, separable {}", case["n"], case["population"], case["separable"]);
        assert_eq!(ours.parents(), count(&case["mu"]), "{name}");
        assert_close(&ours.weights, &numbers(&case["weights"]), TOLERANCE, &name);
        let found = [ours.mu_eff(), ours.c_sigma, ours.d_sigma, ours.c_c, ours.c_1, ours.c_mu];
        for (name_of, found) in ["mu_eff", "c_sigma", "d_sigma", "c_c", "c_1", "c_mu"].iter().zip(found) {
            assert_close(&[found], &[number(&case[name_of])], TOLERANCE, &format!("{name}: {name_of}"));
        }
        ours.check().expect("what we make is what we take");
    }
}

/// The formulas that circulate, none of which is what the reference has.
#[test]
fn wrong_variants_are_rejected() {
    type Formula = fn(f64, f64, f64) -> f64;
    let wrong: [(&str, &str, Formula); 6] = [
        ("c_1", "without the 2", |n, _, mu_eff| 1.0 / ((n + 1.3).powi(2) + mu_eff)),
        ("c_1", "without the fall for small populations", |n, _, mu_eff| 2.0 / ((n + 1.3).powi(2) + mu_eff)),
        ("c_mu", "without the quarter (before 2016)", |n, _, mu_eff| {
            2.0 * (mu_eff - 2.0 + 1.0 / mu_eff) / ((n + 2.0).powi(2) + mu_eff)
        }),
        ("c_sigma", "as printed in the tutorial", |n, _, mu_eff| (mu_eff + 2.0) / (n + mu_eff + 5.0)),
        ("c_c", "without μ_eff (before 2009)", |n, _, _| 4.0 / (n + 4.0)),
        ("d_sigma", "as printed in the tutorial", |n, _, mu_eff| {
            let c_sigma = (mu_eff + 2.0) / (n + mu_eff + 3.0);
            1.0 + 2.0 * (((mu_eff - 1.0) / (n + 1.0)).sqrt() - 1.0).max(0.0) + c_sigma.min(0.5)
        }),
    ];
    for (name, how, formula) in wrong {
        let far = |(case, ours): &(Value, StrategyParameters)| {
            let [n, lambda] = ["n", "population"].map(|name| number(&case[name]));
            (formula(n, lambda, ours.mu_eff()) - number(&case[name])).abs()
        };
        let full = cases().into_iter().filter(|(case, _)| case["separable"] == Value::Bool(false));
        let farthest = full.map(|case| far(&case)).fold(0.0, f64::max);
        assert!(farthest > 1e-3, "{name} {how} is only {farthest} from the reference");
    }
}

#[test]
fn weights_keep_their_promises() {
    for (case, ours) in cases() {
        let n = number(&case["n"]);
        let (positive, negative) = ours.weights.split_at(ours.parents());
        assert_close(&[positive.iter().sum()], &[1.0], TOLERANCE, "the positive weights");
        let negative: f64 = -negative.iter().sum::<f64>();
        // No decay of C on average, or a remaining one where another bound is lower.
        assert!(ours.c_1 + ours.c_mu * (1.0 - negative) >= -TOLERANCE);
        // C stays positive definite: the worst case takes n times its weight from one direction.
        let kept = 1.0 - ours.c_1 - ours.c_mu * (1.0 - negative);
        assert!(kept - ours.c_mu * negative * n >= -TOLERANCE, "n = {n}: {kept}");
        assert!(ours.c_1 + ours.c_mu <= 1.0 + TOLERANCE);
    }
    let passive = StrategyParameters::new(5, 9, CovarianceModel::Full, false).expect("constants");
    assert!(passive.weights[4..].iter().all(|w| w.abs() <= 0.0), "{:?}", passive.weights);
}

#[test]
fn populations_are_those_of_the_reference() {
    for (n, population) in golden()["default_populations"].as_object().expect("populations") {
        let ours = CmaEsConfig::new().population_for(n.parse().expect("a number"));
        assert_eq!(ours, count(population), "n = {n}");
    }
}

/// The metric `path_length` is ‖p_σ‖/E‖N(0, 1)‖, which shows the expected length.
#[test]
fn the_expected_norm_is_that_of_the_reference_and_of_the_integral() {
    for (i, expected) in numbers(&golden()["expected_norms"]).into_iter().enumerate() {
        let n = i + 1;
        let mut search = CmaEs::new(CmaEsConfig::separable(), &vec![1.0; n]).expect("a search");
        let returns = common::returns(search.ask(&mut random(1)), n, sphere);
        let metrics = search.tell(&returns).expect("finite returns");
        let length = search.path_sigma().iter().map(|x| x * x).sum::<f64>().sqrt();
        let ours = length / metrics.get("path_length").expect("a metric");
        assert_close(&[ours], &[expected], TOLERANCE, &format!("E‖N(0, 1)‖ for n = {n}"));
        assert_close(&[ours], &[oracle::expected_norm(n)], 1e-9, &format!("the integral for n = {n}"));
        // The first terms of the series, as printed in the tutorial, are another number.
        let n = n as f64;
        let series = n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n));
        assert!(distance(&[series], &[expected]) > 100.0 * TOLERANCE);
    }
}

#[test]
fn decompositions_are_rare_where_learning_is_slow() {
    for (name, gap) in golden()["eigen_gaps"].as_object().expect("gaps") {
        let n: usize = name.parse().expect("a number");
        let population = CmaEsConfig::new().population_for(n);
        let ours = StrategyParameters::new(n, population, CovarianceModel::Full, true).expect("constants");
        // The reference decomposes as soon as the gap, a fraction, has passed.
        let expected = number(gap).ceil().max(1.0) as u64;
        assert_eq!(ours.eigen_interval(n), expected, "n = {n}: {gap}");
    }
}

#[test]
fn constants_outside_their_range_are_named() {
    type Change = fn(&mut StrategyParameters);
    let cases: [(Change, &str); 9] = [
        (|p| p.weights.truncate(2), "the number of weights"),
        (|p| p.weights.reverse(), "the order of weights"),
        (|p| p.weights[0] += 0.1, "the sum of the positive weights"),
        (|p| p.weights[7] = f64::NAN, "the order of weights"),
        (|p| p.c_sigma = 0.0, "c_sigma"),
        (|p| p.c_c = 1.5, "c_c"),
        (|p| p.d_sigma = f64::INFINITY, "d_sigma"),
        (|p| p.c_1 = -0.1, "c_1"),
        (|p| p.c_mu = 1.0, "c_mu"),
    ];
    let right = StrategyParameters::new(5, 8, CovarianceModel::Full, true).expect("constants");
    for (change, expected) in cases {
        let mut parameters = right.clone();
        change(&mut parameters);
        match CmaEs::with_parameters(CmaEsConfig::new(), parameters, &[0.0; 5]) {
            Err(UpdateError::Setting { name, .. }) => assert_eq!(name, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    for (n, population) in [(0, 8), (5, 2)] {
        StrategyParameters::new(n, population, CovarianceModel::Full, true).expect_err("too few");
    }
}
