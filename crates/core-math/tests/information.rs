//! Entropy, cross-entropy, KL divergence and total variation of the families by their definitions: worked values,
//! sums over all outcomes, and integrals.

mod common;

use common::{assert_close, cases, close};
use gradus_core_math::Distribution;

const BIT: Distribution = Distribution::Bernoulli { n: 1 };
const NORMAL: Distribution = Distribution::DiagGaussian { dim: 1 };

/// The logit of a probability.
fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

/// ∫ f over the real line, by the trapezoid rule, which is exact to rounding for analytic functions that fall so fast.
fn integral(f: impl Fn(f64) -> f64) -> f64 {
    const STEP: f64 = 1e-3;
    (-20_000..=20_000).map(|i| f(f64::from(i) * STEP)).sum::<f64>() * STEP
}

/// H(p) = −p ln p − (1−p) ln(1−p), 0 at the ends, ln 2 at ½, symmetric.
#[test]
fn binary_entropy() {
    for p in [1e-6, 0.11, 0.5, 0.89, 1.0 - 1e-6] {
        let expected = -p * f64::ln(p) - (1.0 - p) * f64::ln(1.0 - p);
        assert_close("H", BIT.entropy(&[logit(p)], None), expected, 1e-9, 1e-9);
        assert_close("symmetry", BIT.entropy(&[-logit(p)], None), expected, 1e-9, 1e-9);
        // A bit is a choice of two.
        let choice = Distribution::Categorical { n: 2 }.entropy(&[0.0, logit(p)], None);
        assert_close("as a choice", choice, expected, 1e-9, 1e-9);
    }
    assert_close("a fair coin", BIT.entropy(&[0.0], None), std::f64::consts::LN_2, 1e-15, 1.0);
    // A slip: in bits.
    assert!(!close(BIT.entropy(&[0.0], None), 1.0, 1e-2, 1.0));
}

/// A uniform choice of n has ln n, the most that n outcomes can have; several choices add up.
#[test]
fn discrete_entropy() {
    for n in 1..20_usize {
        let family = Distribution::Categorical { n };
        let uniform = family.entropy(&vec![-3.0; n], None);
        assert_close("uniform", uniform, (n as f64).ln(), 1e-14, 1.0);
        let other: Vec<f64> = (0..n).map(|i| (i as f64).sin()).collect();
        assert!(family.entropy(&other, None) <= uniform + 1e-15);
    }
    let dice = Distribution::MultiCategorical { sizes: vec![6, 6, 2] };
    assert_close("two dice and a coin", dice.entropy(&[0.7; 14], None), 72_f64.ln(), 1e-14, 1.0);
}

/// ½ ln 2πe + ln σ: below 0 for σ < 0.242, and the entropy, cross-entropy and KL of normal densities are their
/// integrals.
#[test]
fn gaussian_measures_are_integrals() {
    let density = |params: [f64; 2]| move |x: f64| NORMAL.log_prob(&params, None, &[x]);
    for (p, q) in [([0.4, -0.3], [-0.2, 0.5]), ([1.0, 0.6], [-1.0, 0.1]), ([0.0, -1.5], [0.1, -1.4])] {
        let (log_p, log_q) = (density(p), density(q));
        let check = |name: &str, found: f64, f: &dyn Fn(f64, f64) -> f64| {
            let expected = integral(|x| f(log_p(x), log_q(x)));
            assert_close(name, found, expected, 1e-10, 1e-3);
        };
        check("∫p", 1.0, &|p, _| p.exp());
        check("entropy", NORMAL.entropy(&p, None), &|p, _| -p.exp() * p);
        check("cross-entropy", NORMAL.cross_entropy(&p, &q, None), &|p, q| -p.exp() * q);
        check("kl", NORMAL.kl(&p, &q, None), &|p, q| p.exp() * (p - q));
        check("kl, reversed", NORMAL.kl(&q, &p, None), &|p, q| q.exp() * (q - p));
        // |p − q| has kinks where the densities cross, which cost the trapezoid rule its exactness.
        let variation = NORMAL.total_variation(&p, &q, None).expect("one dimension");
        let expected = 0.5 * integral(|x| (log_p(x).exp() - log_q(x).exp()).abs());
        assert_close("total variation", variation, expected, 1e-6, 1.0);

        // Slips: a cross-entropy that lost its logarithm, the KL from the other side.
        let lost = integral(|x| -log_p(x).exp() * log_q(x).exp());
        assert!(!close(lost, NORMAL.cross_entropy(&p, &q, None), 1e-2, 1.0));
        assert!(!close(NORMAL.kl(&p, &q, None), NORMAL.kl(&q, &p, None), 1e-2, 1e-2));
    }
    let narrow = NORMAL.entropy(&[7.0, 0.2_f64.ln()], None);
    assert!(narrow < 0.0, "a differential entropy may be negative: {narrow}");
}

/// H(p, q) = H(p) + KL(p‖q) ≥ H(p), with equality for q = p, and D_TV² ≤ D_KL/2 (Pinsker), for every family.
#[test]
fn the_measures_fit_together() {
    for case in cases() {
        let (family, mask) = (&case.family, case.mask());
        for (p, q) in [(&case.p, &case.q), (&case.q, &case.p)] {
            let (entropy, kl) = (family.entropy(p, mask), family.kl(p, q, mask));
            let cross = family.cross_entropy(p, q, mask);
            assert_close(&format!("H(p, q) of {case:?}"), cross, entropy + kl, 1e-13, 1.0);
            assert_close("H(p, p)", family.cross_entropy(p, p, mask), entropy, 1e-13, 1.0);
            assert!(kl > 0.0);
            if let Some(variation) = family.total_variation(p, q, mask) {
                assert!(variation > 0.0 && variation * variation <= 0.5 * kl, "{case:?}: {variation}, {kl}");
            }
        }
    }
}

/// Near p = q the bound D_TV² ≤ D_KL/2 is tight for a fair coin, so that no smaller constant would do: for
/// probabilities ½ and ½ + x, D_TV = x and D_KL = 2x² + O(x⁴).
#[test]
fn pinskers_constant_is_the_smallest() {
    let ratio = |x: f64| {
        let (p, q) = ([0.0], [logit(0.5 + x)]);
        let variation = BIT.total_variation(&p, &q, None).expect("exact");
        assert_close("variation", variation, x, 1e-9, 1e-3);
        variation * variation / BIT.kl(&p, &q, None)
    };
    for x in [1e-3, 1e-2, 0.1, 0.4] {
        assert!(ratio(x) <= 0.5);
    }
    assert!(ratio(1e-3) > 0.4999);
    // The slip D_TV² ≤ D_KL/4 is broken.
    assert!(ratio(0.1) > 0.25);
}
