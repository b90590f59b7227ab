//! Distributions against the values that numpy and torch computed (`golden/*.json`, see their `about`).
//!
//! In `f64` everything agrees to 1e-10 of the value, or of 1e-3 where the value is smaller; in `f32`, whose
//! inputs are rounded already, to 1e-5 of the value, or of 1 where it is smaller.

mod common;

use common::{assert_all_close, assert_close, cast, close, golden_cases, numbers, rows, wide};
use gradus_core_math::{Distribution, Real};
use serde_json::Value;

/// How close a scalar type has to come.
#[derive(Clone, Copy)]
struct Tolerance {
    relative: f64,
    floor: f64,
}

const F64: Tolerance = Tolerance { relative: 1e-10, floor: 1e-3 };
const F32: Tolerance = Tolerance { relative: 1e-5, floor: 1.0 };

/// Rows of one case, and the quantities of every row under their names in the file.
struct Golden<T> {
    family: Distribution,
    p: Vec<Vec<T>>,
    q: Vec<Vec<T>>,
    action: Vec<Vec<T>>,
    json: Value,
}

impl<T: Real> Golden<T> {
    #[track_caller]
    fn check(&self, name: &str, tolerance: Tolerance, value: impl Fn(usize) -> T) {
        let expected = numbers(&self.json[name]);
        assert_eq!(expected.len(), self.p.len(), "{name} of every row");
        for (row, &expected) in expected.iter().enumerate() {
            let what = format!("{name}, row {row} of {:?}", self.family);
            assert_close(&what, value(row).wide(), expected, tolerance.relative, tolerance.floor);
        }
    }

    /// What both families have.
    fn check_common(&self, tolerance: Tolerance) {
        let (family, p, q, action) = (&self.family, &self.p, &self.q, &self.action);
        self.check("log_prob", tolerance, |i| family.log_prob(&p[i], None, &action[i]));
        self.check("log_prob", tolerance, |i| family.log_prob_and_entropy(&p[i], None, &action[i]).0);
        self.check("entropy", tolerance, |i| family.entropy(&p[i], None));
        self.check("entropy", tolerance, |i| family.log_prob_and_entropy(&p[i], None, &action[i]).1);
        self.check("kl_p_q", tolerance, |i| family.kl(&p[i], &q[i], None));
        self.check("kl_q_p", tolerance, |i| family.kl(&q[i], &p[i], None));
    }

    fn gradient(&self, row: usize, log_prob_coef: f64, entropy_coef: f64) -> Vec<f64> {
        let mut gradient = vec![T::zero(); self.family.n_params()];
        let coefs = (T::of(log_prob_coef), T::of(entropy_coef));
        self.family.add_gradient(&self.p[row], None, &self.action[row], coefs.0, coefs.1, &mut gradient);
        wide(&gradient)
    }

    /// ∂D_KL(q‖p)/∂p: p stands in the second place.
    fn kl_gradient(&self, row: usize) -> Vec<f64> {
        let mut gradient = vec![T::zero(); self.family.n_params()];
        self.family.add_kl_gradient_q(&self.q[row], &self.p[row], None, T::one(), &mut gradient);
        wide(&gradient)
    }
}

fn categorical<T: Real>() -> Vec<Golden<T>> {
    let load = |json: Value| {
        let logits = |name| rows(&json[name]).iter().map(|row| cast(row)).collect::<Vec<Vec<T>>>();
        let action = numbers(&json["action"]).iter().map(|&a| vec![T::of(a)]).collect();
        let (p, q) = (logits("logits_p"), logits("logits_q"));
        Golden { family: Distribution::Categorical { n: p[0].len() }, p, q, action, json }
    };
    golden_cases("categorical").into_iter().map(load).collect()
}

fn gaussian<T: Real>() -> Vec<Golden<T>> {
    let load = |json: Value| {
        let params = |mean: &str, log_std: &str| -> Vec<Vec<T>> {
            let log_std = numbers(&json[log_std]);
            rows(&json[mean]).iter().map(|mean| cast(&[mean.as_slice(), &log_std].concat())).collect()
        };
        let (p, q) = (params("mean_p", "log_std_p"), params("mean_q", "log_std_q"));
        let action = rows(&json["action"]).iter().map(|row| cast(row)).collect();
        Golden { family: Distribution::DiagGaussian { dim: p[0].len() / 2 }, p, q, action, json }
    };
    golden_cases("diag_gaussian").into_iter().map(load).collect()
}

fn check_categorical<T: Real>(tolerance: Tolerance) {
    for golden in categorical::<T>() {
        let (family, p, q) = (&golden.family, &golden.p, &golden.q);
        golden.check_common(tolerance);
        golden.check("tv", tolerance, |i| family.total_variation(&p[i], &q[i], None).expect("is exact"));
        golden.check("cross_entropy_p_q", tolerance, |i| family.cross_entropy(&p[i], &q[i], None));
        let rows_of = |name| rows(&golden.json[name]);
        let Tolerance { relative, floor } = tolerance;
        for (i, vector) in rows_of("vector").iter().enumerate() {
            let mut product = vec![T::nan(); p[i].len()];
            family.fisher_vector(&p[i], None, &cast::<T>(vector), &mut product);
            let expected = &rows_of("fisher_vector")[i];
            assert_all_close("fisher_vector", &wide(&product), expected, relative, floor);
            let gradient = golden.gradient(i, 1.0, 0.0);
            assert_all_close("grad_log_prob", &gradient, &rows_of("grad_log_prob")[i], relative, floor);
            let gradient = golden.gradient(i, 0.0, 1.0);
            assert_all_close("grad_entropy", &gradient, &rows_of("grad_entropy")[i], relative, floor);
            let expected = &rows_of("grad_kl_q_p_wrt_p")[i];
            assert_all_close("grad_kl_q_p", &golden.kl_gradient(i), expected, relative, floor);
        }
    }
}

fn check_gaussian<T: Real>(tolerance: Tolerance) {
    for golden in gaussian::<T>() {
        golden.check_common(tolerance);
        let dim = golden.p[0].len() / 2;
        let of_log_prob: Vec<_> = (0..golden.p.len()).map(|i| golden.gradient(i, 1.0, 0.0)).collect();
        let of_kl: Vec<_> = (0..golden.p.len()).map(|i| golden.kl_gradient(i)).collect();
        for (name, gradients) in [("grad_log_prob", of_log_prob), ("grad_kl_q_p", of_kl)] {
            let Tolerance { relative, floor } = tolerance;
            let means: Vec<f64> = gradients.iter().flat_map(|row| row[..dim].to_vec()).collect();
            let expected = rows(&golden.json[format!("{name}_mean")]).concat();
            assert_all_close(name, &means, &expected, relative, floor);
            // The file's rows share one log_std, so its gradient is the sum over the rows.
            let sums: Vec<f64> = (dim..2 * dim).map(|i| gradients.iter().map(|row| row[i]).sum()).collect();
            let expected = numbers(&golden.json[format!("{name}_log_std")]);
            assert_all_close(name, &sums, &expected, relative, floor);
        }
    }
}

#[test]
fn categorical_in_f64() {
    check_categorical::<f64>(F64);
}

#[test]
fn categorical_in_f32() {
    check_categorical::<f32>(F32);
}

#[test]
fn gaussian_in_f64() {
    check_gaussian::<f64>(F64);
}

#[test]
fn gaussian_in_f32() {
    check_gaussian::<f32>(F32);
}

/// The values tell the formulas from their common slips: the KL from the other direction, the total
/// variation from the L1 distance, cross-entropy from KL, log π with and without the constant.
#[test]
fn slips_are_rejected() {
    let Tolerance { relative, floor } = F32;
    let column = |name: &str| -> Vec<f64> {
        categorical::<f64>().iter().flat_map(|golden| numbers(&golden.json[name])).collect()
    };
    // Where a policy is nearly certain a slip may not show, but most rows must differ by 100 tolerances.
    let differ = |slip: &[f64], name| {
        let pairs = slip.iter().zip(column(name));
        let differing = pairs.filter(|&(&x, y)| !close(x, y, 100.0 * relative, floor)).count();
        assert!(2 * differing > slip.len(), "{name}: {differing} of {}", slip.len());
    };
    differ(&column("kl_q_p"), "kl_p_q");
    differ(&column("kl_p_q"), "cross_entropy_p_q");
    let doubled: Vec<f64> = column("tv").iter().map(|tv| 2.0 * tv).collect();
    differ(&doubled, "tv");
    for golden in gaussian::<f64>() {
        let constant = 0.5 * std::f64::consts::TAU.ln() * (golden.p[0].len() / 2) as f64;
        for (log_prob, entropy) in
            numbers(&golden.json["log_prob"]).iter().zip(numbers(&golden.json["entropy"]))
        {
            assert!(!close(log_prob + constant, *log_prob, 100.0 * relative, floor));
            assert!(!close(entropy - constant, entropy, 100.0 * relative, floor));
        }
    }
}
