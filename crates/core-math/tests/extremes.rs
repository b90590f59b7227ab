//! Extreme parameters in `f32`, and the checks that name what is wrong.

mod common;

use common::assert_close;
use gradus_core_math::{Distribution, DistributionError, Stream};

/// Adds something to a gradient or writes a product.
type Fill<'a> = &'a dyn Fn(&mut [f32]);

/// Every result for a row, as one list.
fn everything(
    family: &Distribution,
    p: &[f32],
    q: &[f32],
    mask: Option<&[bool]>,
    action: &[f32],
) -> Vec<f32> {
    let n = p.len();
    let (log_prob, entropy) = family.log_prob_and_entropy(p, mask, action);
    let mut all = vec![
        family.log_prob(p, mask, action),
        log_prob,
        family.entropy(p, mask),
        entropy,
        family.kl(p, q, mask),
        family.kl(q, p, mask),
        family.cross_entropy(p, q, mask),
        family.total_variation(p, q, mask).expect("is exact"),
    ];
    let fills: [Fill<'_>; 4] = [
        &|out| family.add_gradient(p, mask, action, 1.0, 1.0, out),
        &|out| family.add_kl_gradient_p(p, q, mask, 1.0, out),
        &|out| family.add_kl_gradient_q(p, q, mask, 1.0, out),
        &|out| family.fisher_vector(p, mask, &vec![1.0; n], out),
    ];
    for fill in fills {
        let mut out = vec![0.0; n];
        fill(&mut out);
        all.extend(out);
    }
    let mut drawn = vec![f32::NAN; family.action_width()];
    family.sample(p, mask, &mut Stream::new(1, "extremes", 0), &mut drawn);
    family.check_action(&drawn, mask).expect("a drawn action is allowed");
    all
}

#[test]
fn extreme_logits_give_finite_results() {
    let rows: [[f32; 3]; 5] =
        [[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e4, 1e4, 1e4], [-1e4, 1e4, 1e4], [0.0, 0.0, 0.0]];
    let mask = [true, true, false];
    for p in rows {
        for q in rows {
            for action in [0.0, 1.0] {
                let categorical = Distribution::Categorical { n: 3 };
                let multi = Distribution::MultiCategorical { sizes: vec![1, 2] };
                let bits = Distribution::Bernoulli { n: 3 };
                for results in [
                    everything(&categorical, &p, &q, None, &[action]),
                    everything(&categorical, &p, &q, Some(&mask), &[action]),
                    everything(&multi, &p, &q, None, &[0.0, action]),
                    everything(&bits, &p, &q, None, &[action, 1.0, 0.0]),
                ] {
                    assert!(results.iter().all(|x| x.is_finite()), "{p:?} {q:?} {results:?}");
                }
            }
        }
    }
}

#[test]
fn extreme_logits_have_their_limits() {
    let family = Distribution::Categorical { n: 2 };
    let (p, q) = ([1e4f32, -1e4], [-1e4f32, 1e4]);
    let check = |found: f32, expected: f64| assert_close("limit", f64::from(found), expected, 1e-7, 1e-30);
    check(family.log_prob(&p, None, &[1.0]), -2e4);
    check(family.entropy(&p, None), 0.0);
    check(family.kl(&p, &q, None), 2e4);
    check(family.total_variation(&p, &q, None).expect("exact"), 1.0);
    let bit = Distribution::Bernoulli { n: 1 };
    check(bit.log_prob(&[-1e4f32], None, &[1.0]), -1e4);
    check(bit.kl(&[1e4f32], &[-1e4], None), 1e4);
    // e^{−20}(20 + 1): 1 − σ(20) in the naive entropy rounds to 0 in f32.
    check(bit.entropy(&[20.0f32], None), 21.0 * (-20f64).exp());
    check(bit.entropy(&[-20.0f32], None), 21.0 * (-20f64).exp());
}

/// D_KL = ½ h² σ(x) σ(−x) + O(h³) between logits x and x + h. The sum of p (log p − log q) has an error of 1e-7
/// in `f32` and of 1e-16 in `f64`, which is as large as what it should find here.
#[test]
fn the_kl_of_near_distributions_keeps_its_digits() {
    let (bit, pair) = (Distribution::Bernoulli { n: 1 }, Distribution::Categorical { n: 2 });
    let x = 0.3f64;
    let expected = |h: f64| 0.5 * h * h / (2.0 + 2.0 * x.cosh());
    let (narrow, near) = (x as f32, (x + 1e-3) as f32);
    let kl = f64::from(bit.kl(&[narrow], &[near], None));
    assert_close("f32", kl, expected(f64::from(near) - f64::from(narrow)), 1e-3, 0.0);
    let near = x + 1e-7;
    assert_close("bit", bit.kl(&[x], &[near], None), expected(near - x), 1e-6, 0.0);
    assert_close("pair", pair.kl(&[x, 0.0], &[near, 0.0], None), expected(near - x), 1e-6, 0.0);
}

/// A distribution may lose an outcome altogether: −∞ as a logit counts as probability 0.
#[test]
fn an_infinite_logit_is_an_impossible_outcome() {
    let family = Distribution::Categorical { n: 3 };
    let logits = [0.0, f64::NEG_INFINITY, 0.0];
    assert_close("entropy", family.entropy(&logits, None), 2f64.ln(), 1e-15, 1.0);
    let mut gradient = [0.0; 3];
    family.add_gradient(&logits, None, &[0.0], 1.0, 1.0, &mut gradient);
    assert_eq!(gradient.map(f64::to_bits), [0.5f64, 0.0, -0.5].map(f64::to_bits));
}

#[test]
fn nan_is_never_replaced() {
    let logits = [0.0, f64::NAN, 1.0];
    let family = Distribution::Categorical { n: 3 };
    let bits = Distribution::Bernoulli { n: 3 };
    for family in [family, bits] {
        let action = vec![0.0; family.action_width()];
        assert!(family.log_prob(&logits, None, &action).is_nan());
        assert!(family.entropy(&logits, None).is_nan());
        assert!(family.kl(&logits, &[0.0; 3], None).is_nan());
        assert!(family.kl(&[0.0; 3], &logits, None).is_nan());
    }
    let gaussian = Distribution::DiagGaussian { dim: 1 };
    assert!(gaussian.kl(&[0.0, f64::NAN], &[0.0, 0.0], None).is_nan());
    assert!(gaussian.kl(&[0.0, 0.0], &[f64::NAN, 0.0], None).is_nan());
}

#[test]
fn validate_names_the_culprit() {
    let categorical = Distribution::Categorical { n: 3 };
    let multi = Distribution::MultiCategorical { sizes: vec![2, 2] };
    let gaussian = Distribution::DiagGaussian { dim: 2 };
    let text = |family: &Distribution, params: &[f32], mask: Option<&[bool]>| {
        family.validate(params, mask).expect_err("must be refused").to_string()
    };
    assert_eq!(text(&categorical, &[0.0; 2], None), "params has 2 values, the distribution needs 3");
    assert_eq!(text(&categorical, &[0.0; 3], Some(&[true])), "mask has 1 values, the distribution needs 3");
    assert_eq!(text(&categorical, &[0.0, 1.0, f32::NAN], None), "logit 2 is NaN");
    assert_eq!(
        text(&multi, &[0.0; 4], Some(&[true, true, false, false])),
        "component 1 has no allowed action among its 2"
    );
    assert_eq!(
        text(&Distribution::Categorical { n: 0 }, &[], None),
        "component 0 has no allowed action among its 0"
    );
    assert_eq!(text(&gaussian, &[0.0, f32::INFINITY, 0.0, 0.0], None), "mean 1 is inf");
    assert_eq!(text(&gaussian, &[0.0, 0.0, f32::NAN, 0.0], None), "log_std 0 is NaN");
    assert!(matches!(
        gaussian.validate(&[0.0f32, 0.0, 0.0, -45.0], None),
        Err(DistributionError::LogStdOutOfRange { index: 1, .. })
    ));
    assert_eq!(gaussian.validate(&[0.0f64, 0.0, 0.0, -45.0], None), Ok(()));
    assert_eq!(gaussian.validate(&[0.0f32, 0.0, 44.0, -44.0], Some(&[])), Ok(()));
    assert_eq!(categorical.validate(&[0.0, f32::NAN, 1.0], Some(&[true, false, true])), Ok(()));
}

#[test]
fn check_action_names_the_culprit() {
    let multi = Distribution::MultiCategorical { sizes: vec![2, 3] };
    let mask = [true, true, true, false, true];
    let text = |family: &Distribution, action: &[f32], mask: Option<&[bool]>| {
        family.check_action(action, mask).expect_err("must be refused").to_string()
    };
    assert_eq!(multi.check_action(&[1.0f32, 2.0], Some(&mask)), Ok(()));
    assert_eq!(text(&multi, &[1.0, 1.0], Some(&mask)), "action 1 of component 1 is masked");
    for wrong in [2.0, -1.0, 0.5, f32::NAN] {
        let expected = format!("action {wrong} of component 0 is not an index below 2");
        assert_eq!(text(&multi, &[wrong, 0.0], None), expected);
    }
    assert_eq!(text(&multi, &[1.0], None), "action has 1 values, the distribution needs 2");
    let bits = Distribution::Bernoulli { n: 2 };
    assert_eq!(text(&bits, &[1.0, 0.5], None), "bit 1 of the action is 0.5, not 0 or 1");
    assert_eq!(bits.check_action(&[1.0f32, 0.0], None), Ok(()));
    let gaussian = Distribution::DiagGaussian { dim: 1 };
    assert_eq!(text(&gaussian, &[f32::NAN], None), "action 0 is NaN");
}

#[test]
fn a_description_survives_serialisation() {
    let family = Distribution::MultiCategorical { sizes: vec![2, 3] };
    let text = serde_json::to_string(&family).expect("it serialises");
    assert_eq!(text, r#"{"multi_categorical":{"sizes":[2,3]}}"#);
    assert_eq!(serde_json::from_str::<Distribution>(&text).expect("it loads"), family);
}
