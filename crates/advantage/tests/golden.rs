//! Values computed outside the library, from `golden/advantage.json`, whose field `about` says what it holds.
//!
//! Tolerances: 1e-10 in f64 and 1e-5 in f32, relative to the value or, where that is smaller, to the floor of 1,
//! the size of the rewards and values that the sums are made of.

use gradus_advantage::{
    Episodes, discounted_returns, gae, monte_carlo_advantages, n_step_advantages, td_residuals, value_targets,
};
use num_traits::Float;
use serde_json::Value;

const FLOOR: f64 = 1.0;

fn rows(case: &Value) -> Vec<Value> {
    let rows = case.as_array().expect("an array of steps");
    rows.iter().flat_map(|row| row.as_array().expect("a row of environments").clone()).collect()
}

fn numbers(case: &Value) -> Vec<f64> {
    rows(case).iter().map(|x| x.as_f64().expect("a number")).collect()
}

fn scalars<T: Float>(case: &Value) -> Vec<T> {
    numbers(case).into_iter().map(scalar).collect()
}

fn scalar<T: Float>(x: f64) -> T {
    T::from(x).expect("a float")
}

fn flags(case: &Value) -> Vec<bool> {
    rows(case).iter().map(|x| x.as_bool().expect("a flag")).collect()
}

fn check<T: Float>(what: &str, found: &[T], expected: &Value, tolerance: f64) {
    let expected = numbers(expected);
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (&x, &wanted)) in found.iter().zip(&expected).enumerate() {
        let x = x.to_f64().expect("a number");
        let error = (x - wanted).abs() / wanted.abs().max(FLOOR);
        assert!(error <= tolerance, "{what}[{i}]: found {x}, expected {wanted}, off by {error:e}");
    }
}

fn check_case<T: Float>(case: &Value, tolerance: f64) {
    let n_envs = case["rewards"][0].as_array().expect("a row of environments").len();
    let [gamma, gae_lambda] =
        ["gamma", "gae_lambda"].map(|name| scalar(case[name].as_f64().expect("a number")));
    let [rewards, values, next_values] =
        ["rewards", "values", "next_values"].map(|name| scalars::<T>(&case[name]));
    let [terminated, truncated] = ["terminated", "truncated"].map(|name| flags(&case[name]));
    let trajectories = Episodes::new(n_envs, &rewards, &terminated, &truncated)
        .and_then(|episodes| episodes.with_values(&values, &next_values))
        .expect("arrays that fit");

    let mut out = vec![T::nan(); rewards.len()];
    discounted_returns(&trajectories, gamma, &mut out).expect("a valid call");
    check("bootstrapped_return", &out, &case["bootstrapped_return"], tolerance);
    for (n, expected) in case["nstep_advantage"].as_object().expect("a table by n") {
        let n: usize = n.parse().expect("a number of steps");
        n_step_advantages(&trajectories, gamma, n, &mut out).expect("a valid call");
        check(&format!("nstep_advantage[{n}]"), &out, expected, tolerance);
        if n == 1 {
            td_residuals(&trajectories, gamma, &mut out).expect("a valid call");
            check("td_residuals", &out, expected, tolerance);
        }
    }
    // Beyond the data: n = T + 1 reaches to the end, as the Monte Carlo advantage does.
    let beyond = rewards.len() / n_envs + 1;
    n_step_advantages(&trajectories, gamma, beyond, &mut out).expect("a valid call");
    let mut monte_carlo = vec![T::nan(); rewards.len()];
    monte_carlo_advantages(&trajectories, gamma, &mut monte_carlo).expect("a valid call");
    let returns = numbers(&case["bootstrapped_return"]);
    let minus_values: Vec<f64> =
        returns.iter().zip(numbers(&case["values"])).map(|(g, value)| g - value).collect();
    let minus_values = serde_json::json!([minus_values]);
    check("n-step beyond the data", &out, &minus_values, tolerance);
    check("Monte Carlo", &monte_carlo, &minus_values, tolerance);

    gae(&trajectories, gamma, gae_lambda, &mut out).expect("a valid call");
    check("gae", &out, &case["gae"], tolerance);
    let mut targets = vec![T::nan(); out.len()];
    value_targets(&trajectories, &out, &mut targets).expect("a valid call");
    check("value_target", &targets, &case["value_target"], tolerance);
}

fn cases() -> Vec<Value> {
    let golden: Value = serde_json::from_str(include_str!("golden/advantage.json")).expect("valid JSON");
    let cases = golden["cases"].as_array().expect("an array of cases").clone();
    assert_eq!(cases.len(), 5);
    cases
}

#[test]
fn golden_values_in_f64() {
    cases().iter().for_each(|case| check_case::<f64>(case, 1e-10));
}

#[test]
fn golden_values_in_f32() {
    cases().iter().for_each(|case| check_case::<f32>(case, 1e-5));
}
