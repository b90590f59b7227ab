//! Gradients and Fisher information against finite differences in `f64`.

mod common;

use common::{assert_all_close, cases, close, finite_difference};

/// Fourth-order differences of functions of size 1 with step 1e-3 are good to about 1e-11.
const RELATIVE: f64 = 1e-9;
const FLOOR: f64 = 1.0;

#[test]
fn of_log_prob_and_entropy() {
    for case in cases() {
        let (family, mask, action) = (&case.family, case.mask(), &case.action);
        let of_log_prob = finite_difference(&case.p, |p| family.log_prob(p, mask, action));
        let of_entropy = finite_difference(&case.p, |p| family.entropy(p, mask));
        // Gradients are added to what is there.
        let mut gradient = vec![10.0; case.p.len()];
        family.add_gradient(&case.p, mask, action, 0.7, -1.3, &mut gradient);
        let terms = of_log_prob.iter().zip(&of_entropy);
        let expected: Vec<f64> = terms.map(|(l, h)| 10.0 + 0.7 * l - 1.3 * h).collect();
        assert_all_close(&format!("{case:?}"), &gradient, &expected, RELATIVE, FLOOR);
    }
}

/// A function of both, L = exp(log π) + H², whose derivative is exp(log π) ∂log π + 2 H ∂H.
#[test]
fn with_coefficients_that_depend_on_the_values() {
    for case in cases() {
        let (family, mask, action) = (&case.family, case.mask(), &case.action);
        let expected = finite_difference(&case.p, |p| {
            family.log_prob(p, mask, action).exp() + family.entropy(p, mask).powi(2)
        });
        let mut gradient = vec![0.0; case.p.len()];
        let coefs = |log_prob: f64, entropy: f64| (log_prob.exp(), 2.0 * entropy);
        family.add_gradient_with(&case.p, mask, action, coefs, &mut gradient);
        assert_all_close(&format!("{case:?}"), &gradient, &expected, RELATIVE, FLOOR);
    }
}

#[test]
fn of_kl_in_both_places() {
    for case in cases() {
        let (family, mask) = (&case.family, case.mask());
        let in_p = finite_difference(&case.p, |p| family.kl(p, &case.q, mask));
        let in_q = finite_difference(&case.q, |q| family.kl(&case.p, q, mask));
        let (mut of_p, mut of_q) = (vec![0.0; case.p.len()], vec![0.0; case.p.len()]);
        family.add_kl_gradient_p(&case.p, &case.q, mask, 1.0, &mut of_p);
        family.add_kl_gradient_q(&case.p, &case.q, mask, 1.0, &mut of_q);
        assert_all_close(&format!("p of {case:?}"), &of_p, &in_p, RELATIVE, FLOOR);
        assert_all_close(&format!("q of {case:?}"), &of_q, &in_q, RELATIVE, FLOOR);
        // A slip: the gradient in the other argument.
        assert!(of_p.iter().zip(&in_q).any(|(&x, &y)| !close(x, y, 100.0 * RELATIVE, FLOOR)));

        let (mut doubled, mut minus) = (of_p.clone(), of_q.clone());
        family.add_kl_gradient_p(&case.p, &case.q, mask, 1.0, &mut doubled);
        family.add_kl_gradient_q(&case.p, &case.q, mask, -1.0, &mut minus);
        let expected: Vec<f64> = of_p.iter().map(|x| 2.0 * x).collect();
        assert_all_close("coefficient 1 added", &doubled, &expected, 1e-15, FLOOR);
        assert_all_close("coefficient −1 added", &minus, &vec![0.0; case.p.len()], 1e-15, FLOOR);
    }
}

/// M v = d/dh ∇_q D_KL(p‖q) at q = p + h v.
#[test]
fn fisher_information_is_the_hessian_of_the_kl() {
    for case in cases() {
        let (family, mask, p) = (&case.family, case.mask(), &case.p);
        let vector: Vec<f64> = (0..p.len()).map(|i| (1.7 * i as f64 + 0.4).cos()).collect();
        let mut product = vec![f64::NAN; p.len()];
        family.fisher_vector(p, mask, &vector, &mut product);
        let component = |i: usize| {
            let along = |h: &[f64]| {
                let q: Vec<f64> = p.iter().zip(&vector).map(|(p, v)| p + h[0] * v).collect();
                let mut gradient = vec![0.0; p.len()];
                family.add_kl_gradient_q(p, &q, mask, 1.0, &mut gradient);
                gradient[i]
            };
            finite_difference(&[0.0], along)[0]
        };
        let expected: Vec<f64> = (0..p.len()).map(component).collect();
        assert_all_close(&format!("{case:?}"), &product, &expected, RELATIVE, FLOOR);
    }
}
