//! Properties that hold for every member of every family.

mod common;

use common::{assert_close, close};
use gradus_core_math::Distribution;
use proptest::prelude::*;

/// A family with two rows of parameters and two vectors of the same length.
#[derive(Clone, Debug)]
struct Member {
    family: Distribution,
    mask: Option<Vec<bool>>,
    p: Vec<f64>,
    q: Vec<f64>,
    vectors: [Vec<f64>; 2],
}

fn family() -> impl Strategy<Value = Distribution> {
    prop_oneof![
        (1..40usize).prop_map(|n| Distribution::Categorical { n }),
        prop::collection::vec(1..5usize, 1..4).prop_map(|sizes| Distribution::MultiCategorical { sizes }),
        (1..8usize).prop_map(|n| Distribution::Bernoulli { n }),
        (1..6usize).prop_map(|dim| Distribution::DiagGaussian { dim }),
    ]
}

/// Half of the rows are masked, always leaving the first choice of every component.
fn mask_of(family: &Distribution) -> impl Strategy<Value = Option<Vec<bool>>> + use<> {
    let firsts: Vec<usize> = match family {
        Distribution::MultiCategorical { sizes } => {
            sizes.iter().scan(0, |end, size| Some(std::mem::replace(end, *end + size))).collect()
        }
        _ => vec![0],
    };
    let flags = prop::collection::vec(any::<bool>(), family.mask_width());
    let keep_first = move |mut mask: Vec<bool>| {
        firsts.iter().for_each(|&first| {
            if let Some(flag) = mask.get_mut(first) {
                *flag = true;
            }
        });
        mask
    };
    prop::option::of(flags.prop_map(keep_first))
}

fn member() -> impl Strategy<Value = Member> {
    family().prop_flat_map(|family| {
        let row = |scale: f64| prop::collection::vec(-scale..scale, family.n_params());
        let mask = mask_of(&family);
        (Just(family.clone()), mask, row(3.0), row(3.0), row(2.0), row(2.0))
            .prop_map(|(family, mask, p, q, u, v)| Member { family, mask, p, q, vectors: [u, v] })
    })
}

impl Member {
    fn kl(&self, p: &[f64], q: &[f64]) -> f64 {
        self.family.kl(p, q, self.mask.as_deref())
    }

    fn fisher(&self, vector: &[f64]) -> Vec<f64> {
        let mut out = vec![f64::NAN; vector.len()];
        self.family.fisher_vector(&self.p, self.mask.as_deref(), vector, &mut out);
        out
    }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn shifted(row: &[f64], by: f64) -> Vec<f64> {
    row.iter().map(|x| x + by).collect()
}

proptest! {
    #[test]
    fn kl_is_positive_and_zero_from_itself(member in member()) {
        let kl = member.kl(&member.p, &member.q);
        prop_assert!(kl >= 0.0 && kl.is_finite(), "{}", kl);
        prop_assert!(member.kl(&member.p, &member.p).abs() < 1e-15);
        let mask = member.mask.as_deref();
        let sum = member.family.entropy(&member.p, mask) + kl;
        assert_close("H + KL", member.family.cross_entropy(&member.p, &member.q, mask), sum, 1e-12, 1.0);
    }

    /// D_KL(p‖p + h v) = h²/2 vᵀMv + O(h³), which the sum of p log p/q loses to rounding in `f32`.
    #[test]
    fn kl_of_near_distributions_keeps_its_digits(member in member()) {
        let step = 1e-5;
        let near: Vec<f64> = member.p.iter().zip(&member.vectors[0]).map(|(p, v)| p + step * v).collect();
        let expected = 0.5 * step * step * dot(&member.vectors[0], &member.fisher(&member.vectors[0]));
        let kl = member.kl(&member.p, &near);
        assert_close("kl", kl, expected, 1e-3, 1e-12);
    }

    #[test]
    fn total_variation_is_symmetric_and_below_pinskers_bound(member in member()) {
        let mask = member.mask.as_deref();
        let of = |p: &[f64], q: &[f64]| member.family.total_variation(p, q, mask);
        prop_assert_eq!(of(&member.p, &member.q).is_some(), of(&member.q, &member.p).is_some());
        if let (Some(one), Some(other)) = (of(&member.p, &member.q), of(&member.q, &member.p)) {
            assert_close("symmetry", one, other, 1e-13, 1.0);
            prop_assert!((0.0..=1.0 + 1e-14).contains(&one));
            let kl = member.kl(&member.p, &member.q);
            prop_assert!(one * one <= 0.5 * kl + 1e-14, "{} {}", one, kl);
        }
    }

    #[test]
    fn categorical_logits_may_be_shifted(
        p in prop::collection::vec(-3.0..3.0f64, 7), q in prop::collection::vec(-3.0..3.0f64, 7),
        by in -100.0..100.0f64,
    ) {
        let family = Distribution::Categorical { n: 7 };
        let moved = shifted(&p, by);
        let check = |name: &str, one: f64, other: f64| assert_close(name, one, other, 1e-12, 1.0);
        check("log_prob", family.log_prob(&moved, None, &[2.0]), family.log_prob(&p, None, &[2.0]));
        check("entropy", family.entropy(&moved, None), family.entropy(&p, None));
        check("kl", family.kl(&moved, &q, None), family.kl(&p, &q, None));
        // Bits are not shift invariant, so the check can fail.
        let bits = Distribution::Bernoulli { n: 7 };
        let (one, other) = (bits.entropy(&shifted(&p, 1.0 + by.abs()), None), bits.entropy(&p, None));
        prop_assert!(!close(one, other, 1e-10, 1.0));
    }

    #[test]
    fn fisher_information_is_symmetric_and_positive(member in member()) {
        let [u, v] = &member.vectors;
        let (image_u, image_v) = (member.fisher(u), member.fisher(v));
        assert_close("uᵀMv", dot(u, &image_v), dot(v, &image_u), 1e-12, 1.0);
        prop_assert!(dot(v, &image_v) >= -1e-15);
    }

    /// Shifting all logits of a component changes nothing, so M has that direction in its kernel.
    #[test]
    fn shifts_are_in_the_kernel_of_the_categorical_information(p in prop::collection::vec(-3.0..3.0f64, 1..40)) {
        let mut out = vec![f64::NAN; p.len()];
        Distribution::Categorical { n: p.len() }.fisher_vector(&p, None, &vec![1.0; p.len()], &mut out);
        prop_assert!(out.iter().all(|x| x.abs() < 1e-15), "{:?}", out);
    }

    /// One row in `f32` agrees with `f64` at the same, rounded parameters.
    #[test]
    fn single_precision_agrees(member in member()) {
        let narrow = |row: &[f64]| -> Vec<f32> { row.iter().map(|&x| x as f32).collect() };
        let wide = |row: &[f32]| -> Vec<f64> { row.iter().map(|&x| f64::from(x)).collect() };
        let (family, mask) = (&member.family, member.mask.as_deref());
        let (p, q) = (narrow(&member.p), narrow(&member.q));
        let mut action = vec![0.0; family.action_width()];
        family.mode(&p, mask, &mut action);
        let check = |name: &str, one: f32, other: f64| assert_close(name, f64::from(one), other, 1e-5, 1.0);
        let (log_prob, entropy) = family.log_prob_and_entropy(&p, mask, &action);
        check("log_prob", log_prob, family.log_prob(&wide(&p), mask, &wide(&action)));
        check("entropy", entropy, family.entropy(&wide(&p), mask));
        let kl = f64::from(family.kl(&p, &q, mask));
        assert_close("kl", kl, family.kl(&wide(&p), &wide(&q), mask), 1e-6, 1e-6);
    }
}
