//! Helpers shared by the tests.

#![allow(dead_code, reason = "every test file uses some of the helpers")]

use gradus_core_math::{Distribution, Real};
use serde_json::Value;

/// |found − expected| ≤ `relative` · max(|expected|, `floor`).
pub(crate) fn close(found: f64, expected: f64, relative: f64, floor: f64) -> bool {
    (found - expected).abs() <= relative * expected.abs().max(floor)
}

#[track_caller]
pub(crate) fn assert_close(what: &str, found: f64, expected: f64, relative: f64, floor: f64) {
    assert!(close(found, expected, relative, floor), "{what}: {found:e}, expected {expected:e}");
}

#[track_caller]
pub(crate) fn assert_all_close(what: &str, found: &[f64], expected: &[f64], relative: f64, floor: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        assert_close(&format!("{what}[{i}]"), found, expected, relative, floor);
    }
}

/// The cases of a golden file of this crate.
pub(crate) fn golden_cases(name: &str) -> Vec<Value> {
    let path = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the golden file is there");
    let file: Value = serde_json::from_str(&text).expect("and is JSON");
    file["cases"].as_array().expect("with cases").clone()
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    let entries = value.as_array().expect("an array of numbers");
    entries.iter().map(|x| x.as_f64().expect("a number")).collect()
}

pub(crate) fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().expect("an array of rows").iter().map(numbers).collect()
}

pub(crate) fn cast<T: Real>(values: &[f64]) -> Vec<T> {
    values.iter().map(|&x| T::of(x)).collect()
}

pub(crate) fn wide<T: Real>(values: &[T]) -> Vec<f64> {
    values.iter().map(|x| x.wide()).collect()
}

/// Central differences of `f` at `x`, fourth order: with step 1e-3 they are good to about 1e-11.
pub(crate) fn finite_difference(x: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let step = 1e-3;
    let shifted = |i: usize, by: f64| {
        let mut moved = x.to_vec();
        moved[i] += by * step;
        f(&moved)
    };
    let slope = |i| {
        let near = shifted(i, 1.0) - shifted(i, -1.0);
        let far = shifted(i, 2.0) - shifted(i, -2.0);
        (8.0 * near - far) / (12.0 * step)
    };
    (0..x.len()).map(slope).collect()
}

/// A family with parameters of two of its members, a mask and an action that it allows.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) family: Distribution,
    pub(crate) p: Vec<f64>,
    pub(crate) q: Vec<f64>,
    pub(crate) mask: Option<Vec<bool>>,
    pub(crate) action: Vec<f64>,
}

impl Case {
    pub(crate) fn mask(&self) -> Option<&[bool]> {
        self.mask.as_deref()
    }
}

fn case(family: Distribution, p: &[f64], q: &[f64], mask: Option<&[bool]>, action: &[f64]) -> Case {
    let case =
        Case { family, p: p.into(), q: q.into(), mask: mask.map(<[bool]>::to_vec), action: action.into() };
    case.family.validate(&case.p, case.mask()).expect("p is valid");
    case.family.validate(&case.q, case.mask()).expect("q is valid");
    case.family.check_action(&case.action, case.mask()).expect("the action is allowed");
    case
}

/// Cases of every family, with and without masks, of a few sizes.
pub(crate) fn cases() -> Vec<Case> {
    let long = |phase: f64| -> Vec<f64> { (0..40).map(|i| 2.0 * (phase + f64::from(i)).sin()).collect() };
    let five = ([0.3, -1.2, 2.0, 0.0, 0.7], [1.0, 0.4, -0.3, 0.2, -2.0]);
    let multi = Distribution::MultiCategorical { sizes: vec![2, 3] };
    let gaussian_p = [0.3, -1.0, 2.0, -0.5, 0.2, 0.6];
    let gaussian_q = [0.1, 0.5, 1.5, -0.1, 0.4, -0.3];
    vec![
        case(Distribution::Categorical { n: 2 }, &[0.3, -0.8], &[-1.0, 0.1], None, &[1.0]),
        case(Distribution::Categorical { n: 5 }, &five.0, &five.1, None, &[2.0]),
        case(
            Distribution::Categorical { n: 5 },
            &five.0,
            &five.1,
            Some(&[true, false, true, true, false]),
            &[3.0],
        ),
        case(Distribution::Categorical { n: 40 }, &long(0.0), &long(0.7), None, &[35.0]),
        case(multi.clone(), &five.0, &five.1, None, &[1.0, 0.0]),
        case(multi, &five.0, &five.1, Some(&[true, false, false, true, true]), &[0.0, 2.0]),
        case(Distribution::Bernoulli { n: 3 }, &[0.5, -2.0, 0.1], &[-0.4, 1.0, 0.3], None, &[1.0, 0.0, 0.0]),
        case(Distribution::DiagGaussian { dim: 1 }, &[0.4, -0.3], &[-0.2, 0.5], None, &[1.1]),
        case(Distribution::DiagGaussian { dim: 3 }, &gaussian_p, &gaussian_q, None, &[1.0, -1.3, 0.2]),
    ]
}
