//! Products of discrete distributions against sums over all joint actions, and masks against shorter rows.

mod common;

use common::{assert_all_close, assert_close, cases, close};
use gradus_core_math::{Distribution, TOTAL_VARIATION_ENUMERATION_LIMIT};

/// All joint actions of a discrete family, masked ones included.
fn joint_actions(family: &Distribution) -> Vec<Vec<f64>> {
    let sizes = match family {
        Distribution::Categorical { n } => vec![*n],
        Distribution::MultiCategorical { sizes } => sizes.clone(),
        Distribution::Bernoulli { n } => vec![2; *n],
        Distribution::DiagGaussian { .. } => unreachable!("a Gaussian has no list of actions"),
    };
    sizes.iter().fold(vec![vec![]], |heads, &size| {
        let extend = |head: &Vec<f64>, a: usize| [head.as_slice(), &[a as f64]].concat();
        heads.iter().flat_map(|head| (0..size).map(move |a| extend(head, a))).collect()
    })
}

#[test]
fn every_measure_is_its_sum_over_joint_actions() {
    for case in cases().iter().filter(|case| !matches!(case.family, Distribution::DiagGaussian { .. })) {
        let (family, mask) = (&case.family, case.mask());
        let log_probs = |params: &[f64]| -> Vec<f64> {
            joint_actions(family).iter().map(|action| family.log_prob(params, mask, action)).collect()
        };
        let (p, q) = (log_probs(&case.p), log_probs(&case.q));
        let pairs: Vec<(f64, f64)> = p.iter().copied().zip(q).filter(|pair| pair.0.is_finite()).collect();
        let sum = |f: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|&(p, q)| f(p, q)).sum::<f64>();
        let check = |name: &str, found: f64, expected: f64| {
            assert_close(&format!("{name} of {case:?}"), found, expected, 1e-13, 1.0);
        };
        check("Σ p", sum(&|p, _| p.exp()), 1.0);
        check("entropy", family.entropy(&case.p, mask), sum(&|p, _| -p.exp() * p));
        check("kl", family.kl(&case.p, &case.q, mask), sum(&|p, q| p.exp() * (p - q)));
        check("cross", family.cross_entropy(&case.p, &case.q, mask), sum(&|p, q| -p.exp() * q));
        let total_variation = family.total_variation(&case.p, &case.q, mask).expect("is exact");
        check("tv", total_variation, 0.5 * sum(&|p, q| (p.exp() - q.exp()).abs()));
        check("tv(p, p)", family.total_variation(&case.p, &case.p, mask).expect("is exact"), 0.0);
    }
}

/// A slip: the total variation of a product as the sum over its factors.
#[test]
fn total_variation_does_not_add_up_over_factors() {
    let (p, q) = ([0.5, -2.0, 0.1], [-0.4, 1.0, 0.3]);
    let single = Distribution::Bernoulli { n: 1 };
    let sum: f64 = (0..3).map(|i| single.total_variation(&p[i..=i], &q[i..=i], None).expect("exact")).sum();
    let exact = Distribution::Bernoulli { n: 3 }.total_variation(&p, &q, None).expect("exact");
    assert!(exact < sum && !close(exact, sum, 1e-11, 1.0), "{exact} {sum}");
}

#[test]
fn total_variation_is_refused_where_it_is_not_cheap() {
    let bits = |n: usize| Distribution::Bernoulli { n }.total_variation(&vec![0.1; n], &vec![0.2; n], None);
    assert_eq!(1 << 16, TOTAL_VARIATION_ENUMERATION_LIMIT);
    assert!(bits(16).is_some());
    assert_eq!(bits(17), None);
    assert_eq!(bits(200), None, "the number of joint actions overflows");
    let plane = Distribution::DiagGaussian { dim: 2 };
    assert_eq!(plane.total_variation(&[0.0, 0.0, 0.1, 0.2], &[1.0, 0.0, 0.1, 0.3], None), None);
}

/// Masking all but k of the logits is the categorical over those k, whatever the masked logits are.
#[test]
fn a_masked_row_is_the_row_of_its_allowed_logits() {
    let (short_p, short_q) = ([0.4, -1.0, 2.2], [1.0, 0.3, -0.7]);
    let short = Distribution::Categorical { n: 3 };
    let long = Distribution::Categorical { n: 6 };
    let places = [1, 2, 4];
    let mask: Vec<bool> = (0..6).map(|i| places.contains(&i)).collect();
    for masked in [0.0, 1e4, -1e300, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        let widen = |row: &[f64]| {
            let mut wide = vec![masked; 6];
            places.iter().zip(row).for_each(|(&i, &x)| wide[i] = x);
            wide
        };
        let (p, q) = (widen(&short_p), widen(&short_q));
        let mask = Some(mask.as_slice());
        long.validate(&p, mask).expect("masked logits may be anything");
        let check = |name: &str, found: f64, expected: f64| {
            assert_close(&format!("{name} beside {masked}"), found, expected, 0.0, 1.0);
        };
        check("log_prob", long.log_prob(&p, mask, &[4.0]), short.log_prob(&short_p, None, &[2.0]));
        check("entropy", long.entropy(&p, mask), short.entropy(&short_p, None));
        check("kl", long.kl(&p, &q, mask), short.kl(&short_p, &short_q, None));
        check("cross", long.cross_entropy(&p, &q, mask), short.cross_entropy(&short_p, &short_q, None));
        let variation =
            |d: &Distribution, p: &[f64], q: &[f64], m| d.total_variation(p, q, m).expect("exact");
        check("tv", variation(&long, &p, &q, mask), variation(&short, &short_p, &short_q, None));

        let (mut wide, mut narrow) = (vec![0.0; 6], vec![0.0; 3]);
        long.add_gradient(&p, mask, &[1.0], 0.8, 0.3, &mut wide);
        long.add_kl_gradient_q(&p, &q, mask, 0.5, &mut wide);
        long.add_kl_gradient_p(&p, &q, mask, 0.9, &mut wide);
        short.add_gradient(&short_p, None, &[0.0], 0.8, 0.3, &mut narrow);
        short.add_kl_gradient_q(&short_p, &short_q, None, 0.5, &mut narrow);
        short.add_kl_gradient_p(&short_p, &short_q, None, 0.9, &mut narrow);
        assert_all_close("gradient", &wide, &spread(&narrow), 0.0, 1.0);

        let vector = [f64::INFINITY, 0.3, -0.2, f64::NAN, 1.5, 7.0];
        let (mut wide, mut narrow) = (vec![f64::NAN; 6], vec![f64::NAN; 3]);
        long.fisher_vector(&p, mask, &vector, &mut wide);
        short.fisher_vector(&short_p, None, &[0.3, -0.2, 1.5], &mut narrow);
        assert_all_close("fisher_vector", &wide, &spread(&narrow), 0.0, 1.0);

        let mut chosen = [f64::NAN];
        long.mode(&p, mask, &mut chosen);
        check("mode", chosen[0], 4.0);
        assert_eq!(long.log_prob(&p, mask, &[0.0]).total_cmp(&f64::NEG_INFINITY), std::cmp::Ordering::Equal);
    }
}

/// Three numbers at the places 1, 2, 4 of six zeros.
fn spread(narrow: &[f64]) -> Vec<f64> {
    vec![0.0, narrow[0], narrow[1], 0.0, narrow[2], 0.0]
}
