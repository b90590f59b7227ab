//! Gradients and Fisher information against finite differences in `f64`.

mod common;

use common::{assert_all_close, cases, close, finite_difference};
use gradus_core_math::Block;

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

/// Rows in blocks, whole ones and the rest, against one row at a time; for each row coefficients of its own, so that a row
/// that takes another's place would show.
#[test]
fn of_many_rows_are_those_of_each() {
    for case in cases() {
        let (family, mask, action) = (&case.family, case.mask(), &case.action);
        for rows in [1, 15, 16, 17, 40] {
            let at = |row: usize| case.p.iter().map(move |x| x * (1.0 + row as f64 / 50.0));
            let params: Vec<f64> = (0..rows).flat_map(at).collect();
            let coefs_at =
                |row: usize, log_prob: f64, entropy: f64| (log_prob.exp() + row as f64, 0.3 * entropy - 1.0);
            let mut expected = vec![10.0; params.len()];
            for (row, (params, to)) in
                params.chunks(case.p.len()).zip(expected.chunks_mut(case.p.len())).enumerate()
            {
                family.add_gradient_with(params, mask, action, |l, h| coefs_at(row, l, h), to);
            }
            let coefs = |first: usize, log_probs: &Block<f64>, entropies: &Block<f64>| {
                let of = |i: usize| coefs_at(first + i, log_probs[i], entropies[i]);
                (std::array::from_fn(|i| of(i).0), std::array::from_fn(|i| of(i).1))
            };
            let mut gradient = vec![10.0; params.len()];
            family.add_gradients_with(&params, |_| mask, |_| action, coefs, &mut gradient);
            assert_all_close(&format!("{rows} of {case:?}"), &gradient, &expected, 1e-13, FLOOR);

            // In f32 categorical rows have exponentials of their own.
            let narrow = |x: &[f64]| x.iter().map(|&x| x as f32).collect::<Vec<f32>>();
            let (params, action) = (narrow(&params), narrow(action));
            let coefs = |first: usize, log_probs: &Block<f32>, entropies: &Block<f32>| {
                let of = |i: usize| coefs_at(first + i, f64::from(log_probs[i]), f64::from(entropies[i]));
                (std::array::from_fn(|i| of(i).0 as f32), std::array::from_fn(|i| of(i).1 as f32))
            };
            let mut gradient = vec![10.0_f32; params.len()];
            family.add_gradients_with(&params, |_| mask, |_| &action, coefs, &mut gradient);
            let gradient: Vec<f64> = gradient.into_iter().map(f64::from).collect();
            assert_all_close(&format!("{rows} of {case:?} in f32"), &gradient, &expected, 1e-4, FLOOR);
        }
    }
}

/// Products with the Fisher matrix, in blocks against one row at a time.
#[test]
fn products_of_many_rows_are_those_of_each() {
    for case in cases() {
        let (family, mask, width) = (&case.family, case.mask(), case.p.len());
        for rows in [1, 15, 16, 17, 40] {
            let at = |row: usize| case.p.iter().map(move |x| x * (1.0 + row as f64 / 50.0));
            let params: Vec<f64> = (0..rows).flat_map(at).collect();
            let vector: Vec<f64> = (0..params.len()).map(|i| (i as f64).sin() + 0.5).collect();
            let mut expected = vec![0.0; params.len()];
            for ((params, vector), to) in
                params.chunks(width).zip(vector.chunks(width)).zip(expected.chunks_mut(width))
            {
                family.fisher_vector(params, mask, vector, to);
            }
            let mut products = vec![9.0; params.len()];
            family.fisher_vectors(&params, |_| mask, &vector, &mut products);
            assert_all_close(&format!("{rows} of {case:?}"), &products, &expected, 1e-13, FLOOR);

            let narrow = |x: &[f64]| x.iter().map(|&x| x as f32).collect::<Vec<f32>>();
            let mut products = vec![9.0_f32; params.len()];
            family.fisher_vectors(&narrow(&params), |_| mask, &narrow(&vector), &mut products);
            let products: Vec<f64> = products.into_iter().map(f64::from).collect();
            assert_all_close(&format!("{rows} of {case:?} in f32"), &products, &expected, 1e-4, FLOOR);
        }
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
