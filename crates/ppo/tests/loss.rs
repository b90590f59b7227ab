//! The clipped objective: as a function of the ratio, its gradient against finite differences, and its corners.

use gradus_core_math::{Distribution, Real, RunningMoments, Stream};
use gradus_policy::{Batch, ValueScale};
use gradus_ppo::{LossConfig, LossObjective, Losses, loss_and_cotangent};
use rand::RngExt;

const PLAIN: LossConfig = LossConfig {
    objective: LossObjective::Clip { epsilon: 0.2, dual: None },
    value_clip_epsilon: None,
    entropy_coef: 0.0,
    value_coef: 0.5,
    normalize_advantage: false,
    value_scale: None,
};

/// A batch that owns its arrays.
#[derive(Clone, Debug)]
struct Data {
    distribution: Distribution,
    actions: Vec<f64>,
    masks: Vec<bool>,
    log_probs: Vec<f64>,
    /// Parameters of the old policy; they need not fit `log_probs`, no formula reads both.
    params_old: Vec<f64>,
    values: Vec<f64>,
    advantages: Vec<f64>,
    value_targets: Vec<f64>,
    /// What the networks put out now, `[rows, n_params + 1]`.
    outputs: Vec<f64>,
}

impl Data {
    /// Rows whose policy has moved away from the one that acted, some beyond the clip and some not.
    fn random(distribution: Distribution, rows: usize, masked: bool, seed: u64) -> Self {
        let mut rng = Stream::new(seed, "test", 0);
        let (n_params, mask_width) = (distribution.n_params(), distribution.mask_width());
        let mut data = Self {
            distribution: distribution.clone(),
            actions: vec![0.0; rows * distribution.action_width()],
            masks: Vec::new(),
            log_probs: Vec::new(),
            params_old: Vec::new(),
            values: Vec::new(),
            advantages: Vec::new(),
            value_targets: Vec::new(),
            outputs: Vec::new(),
        };
        let mut uniform = |scale: f64| scale * (2.0 * rng.random::<f64>() - 1.0);
        for _ in 0..rows {
            data.outputs.extend((0..=n_params).map(|_| uniform(1.0)));
            data.values.push(uniform(1.0));
            data.advantages.push(uniform(2.0));
            data.value_targets.push(uniform(1.0));
            // The first and the last choice of each component stay allowed.
            data.masks
                .extend((0..if masked { mask_width } else { 0 }).map(|i| i % 3 != 1 || uniform(1.0) > 0.0));
        }
        let width = distribution.action_width();
        for (i, output) in data.outputs.chunks(n_params + 1).enumerate() {
            let mask = (!data.masks.is_empty()).then(|| &data.masks[i * mask_width..(i + 1) * mask_width]);
            let action = &mut data.actions[i * width..(i + 1) * width];
            distribution.sample(&output[..n_params], mask, &mut rng, action);
            let moved = 0.5 * (2.0 * rng.random::<f64>() - 1.0);
            data.log_probs.push(distribution.log_prob(&output[..n_params], mask, action) + moved);
        }
        let mut rng = Stream::new(seed, "old parameters", 0);
        data.params_old.extend((0..rows * n_params).map(|_| 2.0 * rng.random::<f64>() - 1.0));
        data
    }

    /// One row of two choices with probability ½ each, of which the first was taken with ratio `ratio`.
    fn at_ratio(ratio: f64, advantage: f64) -> Self {
        Self {
            distribution: Distribution::Categorical { n: 2 },
            actions: vec![0.0],
            masks: Vec::new(),
            log_probs: vec![0.5_f64.ln() - ratio.ln()],
            params_old: Vec::new(),
            values: vec![0.0],
            advantages: vec![advantage],
            value_targets: vec![0.0],
            outputs: vec![0.0; 3],
        }
    }

    fn rows(&self) -> Vec<u32> {
        (0..self.log_probs.len() as u32).collect()
    }

    fn evaluate<T: Real>(&self, config: &LossConfig, rows: &[u32], outputs: &[f64]) -> (Losses, Vec<f64>) {
        let of = |x: &[f64]| x.iter().map(|&x| T::of(x)).collect::<Vec<T>>();
        let (actions, log_probs, values) = (of(&self.actions), of(&self.log_probs), of(&self.values));
        let (advantages, value_targets) = (of(&self.advantages), of(&self.value_targets));
        let params_old = of(&self.params_old);
        let batch = Batch {
            observation_width: 0,
            observations: &[],
            actions: &actions,
            masks: &self.masks,
            log_probs: &log_probs,
            distribution_params: &params_old,
            values: &values,
            advantages: &advantages,
            value_targets: &value_targets,
            ..Batch::default()
        };
        let mut cotangent = vec![T::of(9.0); outputs.len()];
        let losses =
            loss_and_cotangent(config, &self.distribution, &batch, rows, &of(outputs), &mut cotangent);
        (losses, cotangent.iter().map(|c| c.wide()).collect())
    }

    fn losses(&self, config: &LossConfig) -> Losses {
        self.evaluate::<f64>(config, &self.rows(), &self.outputs).0
    }

    fn cotangent(&self, config: &LossConfig) -> Vec<f64> {
        self.evaluate::<f64>(config, &self.rows(), &self.outputs).1
    }
}

fn families() -> Vec<Distribution> {
    vec![
        Distribution::Categorical { n: 4 },
        Distribution::MultiCategorical { sizes: vec![3, 2, 4] },
        Distribution::Bernoulli { n: 3 },
        Distribution::DiagGaussian { dim: 2 },
    ]
}

const DUAL: LossObjective = LossObjective::Clip { epsilon: 0.2, dual: Some(1.3) };
const PENALTY: LossObjective = LossObjective::Penalty { kl_coef: 0.7 };

fn every_config() -> Vec<LossConfig> {
    let mut moments = RunningMoments::new(1);
    [-1.0, 2.0].iter().for_each(|&target| moments.push(&[target]));
    let mut configs = Vec::new();
    for objective in [PLAIN.objective, DUAL, PENALTY] {
        for value_clip_epsilon in [None, Some(0.3)] {
            for entropy_coef in [0.0, 0.1] {
                for normalize_advantage in [false, true] {
                    let value_scale = ValueScale::of(&moments).filter(|_| normalize_advantage);
                    configs.push(LossConfig {
                        objective,
                        value_clip_epsilon,
                        entropy_coef,
                        normalize_advantage,
                        value_scale,
                        ..PLAIN
                    });
                }
            }
        }
    }
    configs
}

fn is_clip(config: &LossConfig) -> bool {
    matches!(config.objective, LossObjective::Clip { .. })
}

/// Rows in another order than the batch's, one of them twice.
#[test]
fn the_cotangent_is_the_gradient_of_the_total() {
    let step = 1e-6;
    for (seed, distribution) in families().into_iter().enumerate() {
        for masked in [false, true] {
            let data = Data::random(distribution.clone(), 24, masked, seed as u64);
            let rows: Vec<u32> = (0..24).rev().chain([5]).collect();
            let width = distribution.n_params() + 1;
            let outputs: Vec<f64> =
                rows.iter().flat_map(|&row| data.outputs[row as usize * width..][..width].to_vec()).collect();
            for config in every_config() {
                let (losses, cotangent) = data.evaluate::<f64>(&config, &rows, &outputs);
                let both_sides = losses.clip_fraction > 0.1 && losses.clip_fraction < 0.9;
                assert_eq!(both_sides, is_clip(&config), "{losses:?}");
                let total = |outputs: &[f64]| data.evaluate::<f64>(&config, &rows, outputs).0.total(&config);
                let mut moved = outputs.clone();
                for i in 0..outputs.len() {
                    moved[i] = outputs[i] + step;
                    let above = total(&moved);
                    moved[i] = outputs[i] - step;
                    let below = total(&moved);
                    moved[i] = outputs[i];
                    let slope = (above - below) / (2.0 * step);
                    assert!(
                        (slope - cotangent[i]).abs() < 1e-8,
                        "{distribution:?} {config:?}, output {i}: {} instead of {slope}",
                        cotangent[i]
                    );
                }
            }
        }
    }
}

#[test]
fn in_f32_the_cotangent_is_the_same_to_rounding() {
    for (seed, distribution) in families().into_iter().enumerate() {
        let data = Data::random(distribution, 64, true, 50 + seed as u64);
        for config in every_config() {
            let (exact, cotangent) = data.evaluate::<f64>(&config, &data.rows(), &data.outputs);
            let (losses, rounded) = data.evaluate::<f32>(&config, &data.rows(), &data.outputs);
            assert!((losses.total(&config) - exact.total(&config)).abs() < 1e-6);
            assert!((losses.kl_old_new - exact.kl_old_new).abs() < 1e-6);
            for (a, b) in rounded.iter().zip(&cotangent) {
                assert!((a - b).abs() < 1e-6, "{a} instead of {b}");
            }
        }
    }
}

/// What is maximised, from its definition.
fn objective(ratio: f64, advantage: f64) -> f64 {
    f64::min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage)
}

type Objective = fn(f64, f64) -> f64;

/// Ways to get it wrong.
const WRONG: [(&str, Objective); 5] = [
    ("not clipped", |r, a| r * a),
    ("clipped without the minimum", |r, a| r.clamp(0.8, 1.2) * a),
    ("the maximum for the minimum", |r, a| f64::max(r * a, r.clamp(0.8, 1.2) * a)),
    ("clipped above alone", |r, a| f64::min(r * a, r.min(1.2) * a)),
    ("the sign of a loss", |r, a| -objective(r, a)),
];

/// The largest distance of the objective, over ratios from 0.2 to 3 and advantages of either sign, from `other`.
fn distance(other: impl Fn(f64, f64) -> f64) -> f64 {
    let mut worst = 0.0_f64;
    for advantage in [-3.0, -1.0, -0.1, 0.0, 0.1, 1.0, 3.0] {
        for i in 20..=300 {
            let ratio = f64::from(i) * 0.01;
            let ours = -Data::at_ratio(ratio, advantage).losses(&PLAIN).policy_loss;
            worst = worst.max((ours - other(ratio, advantage)).abs());
        }
    }
    worst
}

#[test]
fn the_objective_is_the_minimum_of_the_clipped_and_the_plain_term() {
    assert!(distance(objective) < 1e-12);
    for (name, wrong) in WRONG {
        assert!(distance(wrong) > 0.1, "{name} is told apart");
    }
}

/// Flat above 1+ε for A > 0, flat below 1−ε for A < 0, and the plain slope A elsewhere, which for A < 0 above 1+ε
/// and A > 0 below 1−ε leads back.
#[test]
fn the_objective_is_flat_where_there_is_nothing_more_to_gain() {
    for advantage in [-2.0_f64, 2.0] {
        for ratio in [0.3, 0.7, 0.79, 0.81, 1.0, 1.19, 1.21, 1.5, 3.0] {
            let data = Data::at_ratio(ratio, advantage);
            let flat = if advantage > 0.0 { ratio > 1.2 } else { ratio < 0.8 };
            // ∂ log π(a)/∂ logits is (½, −½).
            let slope = if flat { 0.0 } else { -0.5 * ratio * advantage };
            let cotangent = data.cotangent(&PLAIN);
            assert!((cotangent[0] - slope).abs() < 1e-12, "A {advantage}, ratio {ratio}: {cotangent:?}");
            assert!((cotangent[1] + slope).abs() < 1e-12);
            let outside = f64::from(!(0.8..=1.2).contains(&ratio));
            assert!((data.losses(&PLAIN).clip_fraction - outside).abs() < 1e-12);
        }
    }
}

/// The dual clip from its definition: for A < 0 at least c A.
fn dual_objective(ratio: f64, advantage: f64, c: f64) -> f64 {
    let clipped = objective(ratio, advantage);
    if advantage < 0.0 { clipped.max(c * advantage) } else { clipped }
}

#[test]
fn the_dual_clip_holds_a_negative_advantage_at_c() {
    for c in [1.1, 1.3, 2.0, 3.0] {
        let config = LossConfig { objective: LossObjective::Clip { epsilon: 0.2, dual: Some(c) }, ..PLAIN };
        let (mut slips, mut flat) = ([0.0_f64; 3], 0);
        for advantage in [-3.0, -0.1, 0.0, 2.0] {
            for i in 1..=500 {
                let ratio = f64::from(i) * 0.0101;
                let data = Data::at_ratio(ratio, advantage);
                let found = -data.losses(&config).policy_loss;
                let expected = dual_objective(ratio, advantage, c);
                assert!((found - expected).abs() < 1e-12, "A {advantage}, ratio {ratio}, c {c}: {found}");
                let of_dual = advantage < 0.0 && ratio > c;
                let slope = data.cotangent(&config)[0].abs();
                let plain_slope = data.cotangent(&PLAIN)[0].abs();
                let expected = if of_dual { 0.0 } else { plain_slope };
                assert!((slope - expected).abs() < 1e-12, "A {advantage}, ratio {ratio}, c {c}: {slope}");
                flat += usize::from(of_dual);
                let others = [
                    objective(ratio, advantage),
                    objective(ratio, advantage).max(c * advantage),
                    objective(ratio, advantage).min(c * advantage),
                ];
                slips
                    .iter_mut()
                    .zip(others)
                    .for_each(|(slip, other)| *slip = slip.max((other - found).abs()));
            }
        }
        assert!(flat > 100, "the second clip was met");
        assert!(slips.iter().all(|&slip| slip > 0.1), "no clip, for A > 0 too, the minimum: {slips:?}");
    }
}

/// mean[−r A + β KL(π_old‖π_θ)], row by row from the definitions.
#[test]
fn the_penalty_is_the_sum_over_rows() {
    for (seed, distribution) in families().into_iter().enumerate() {
        let data = Data::random(distribution.clone(), 20, true, 60 + seed as u64);
        let (n, width) = (distribution.n_params(), distribution.action_width());
        let mut slips = [0.0_f64; 2];
        for kl_coef in [0.0, 0.7, 5.0] {
            let config = LossConfig { objective: LossObjective::Penalty { kl_coef }, ..PLAIN };
            let (mut ratio_term, mut kl, mut reversed) = (0.0, 0.0, 0.0);
            for i in 0..20 {
                let mask_width = distribution.mask_width();
                let mask = (!data.masks.is_empty()).then(|| &data.masks[i * mask_width..][..mask_width]);
                let new = &data.outputs[i * (n + 1)..][..n];
                let old = &data.params_old[i * n..][..n];
                let log_prob = distribution.log_prob(new, mask, &data.actions[i * width..][..width]);
                ratio_term -= (log_prob - data.log_probs[i]).exp() * data.advantages[i] / 20.0;
                kl += distribution.kl(old, new, mask) / 20.0;
                reversed += distribution.kl(new, old, mask) / 20.0;
            }
            let losses = data.losses(&config);
            assert!((losses.kl_old_new - kl).abs() < 1e-13);
            assert!((losses.policy_loss - (ratio_term + kl_coef * kl)).abs() < 1e-12);
            assert!(losses.clip_fraction.abs() < 1e-300);
            // Slips: the sign of the penalty, and the KL from the other side.
            for (slip, other) in slips.iter_mut().zip([-kl, reversed]) {
                *slip = slip.max((losses.policy_loss - (ratio_term + kl_coef * other)).abs());
            }
        }
        assert!(slips.iter().all(|&slip| slip > 1e-3), "{distribution:?}: {slips:?}");
    }
}

/// Targets and old values are brought to the outputs' scale; the loss and its clip are in units of the deviation.
#[test]
fn a_value_scale_normalises_targets() {
    let mut moments = RunningMoments::new(1);
    [10.0, 14.0].iter().for_each(|&target| moments.push(&[target]));
    let value_scale = ValueScale::of(&moments);
    // Output 0.5 stands for 13; the target 15 is 1.5, the old value 12 is 0.
    let mut data = Data::at_ratio(1.0, 0.0);
    (data.outputs[2], data.values[0], data.value_targets[0]) = (0.5, 12.0, 15.0);
    for (value_clip_epsilon, loss, slope) in [(None, 1.0, -2.0), (Some(0.2), 1.69, 0.0)] {
        let config = LossConfig { value_scale, value_clip_epsilon, value_coef: 1.0, ..PLAIN };
        assert!((data.losses(&config).value_loss - loss).abs() < 1e-7);
        assert!((data.cotangent(&config)[2] - slope).abs() < 1e-7);
    }
}

/// At θ_old the gradient is that of −mean(A log π): neither ratio nor clip show.
#[test]
fn at_ratio_one_the_gradient_is_the_policy_gradient() {
    for (seed, distribution) in families().into_iter().enumerate() {
        let mut data = Data::random(distribution.clone(), 16, true, 20 + seed as u64);
        let (n_params, width) = (distribution.n_params(), distribution.action_width());
        let mut expected = Vec::new();
        for i in 0..16 {
            let params = &data.outputs[i * (n_params + 1)..][..n_params];
            let action = &data.actions[i * width..][..width];
            let mask_width = distribution.mask_width();
            let mask = (!data.masks.is_empty()).then(|| &data.masks[i * mask_width..][..mask_width]);
            data.log_probs[i] = distribution.log_prob(params, mask, action);
            let mut gradient = vec![0.0; n_params];
            distribution.add_gradient(params, mask, action, -data.advantages[i] / 16.0, 0.0, &mut gradient);
            expected.push(gradient);
        }
        for clip_epsilon in [0.05, 0.2] {
            let config =
                LossConfig { objective: LossObjective::Clip { epsilon: clip_epsilon, dual: None }, ..PLAIN };
            let losses = data.losses(&config);
            assert!(losses.kl_old_new < 1e-30 && losses.clip_fraction < 1e-30, "{losses:?}");
            for (cotangent, expected) in data.cotangent(&config).chunks(n_params + 1).zip(&expected) {
                for (a, b) in cotangent.iter().zip(expected) {
                    assert!((a - b).abs() < 1e-14, "{distribution:?}: {a} instead of {b}");
                }
            }
        }
    }
}

#[test]
fn advantages_are_normalised_over_the_minibatch_alone() {
    let config = LossConfig { normalize_advantage: true, ..PLAIN };
    let mut data = Data::random(Distribution::Categorical { n: 3 }, 6, false, 30);
    data.advantages = vec![1.0, 2.0, 6.0, 1e3, -1e3, 7.0];
    let rows = [2, 0, 1];
    let outputs: Vec<f64> = rows.iter().flat_map(|&r| data.outputs[r as usize * 4..][..4].to_vec()).collect();
    let (normalised, cotangent) = data.evaluate::<f64>(&config, &rows, &outputs);
    // Mean 3, and variance (4 + 1 + 9)/2 = 7 with Bessel's correction.
    let by_hand = |variance: f64| {
        let mut data = data.clone();
        for a in &mut data.advantages {
            *a = (*a - 3.0) / variance.sqrt();
        }
        data.evaluate::<f64>(&PLAIN, &rows, &outputs)
    };
    let (expected, expected_cotangent) = by_hand(7.0);
    assert!((normalised.policy_loss - expected.policy_loss).abs() < 1e-8);
    for (a, b) in cotangent.iter().zip(&expected_cotangent) {
        assert!((a - b).abs() < 1e-8);
    }
    // The wrong variant without the correction is told apart.
    assert!((normalised.policy_loss - by_hand(14.0 / 3.0).0.policy_loss).abs() > 1e-3);

    // A single row keeps its advantage; equal advantages become zero rather than NaN.
    let alone = data.evaluate::<f64>(&config, &[2], &outputs[..4]).0.policy_loss;
    assert!((alone - data.evaluate::<f64>(&PLAIN, &[2], &outputs[..4]).0.policy_loss).abs() < 1e-300);
    assert!(alone.abs() > 1.0);
    data.advantages = vec![5.0; 6];
    assert!(data.losses(&config).policy_loss.abs() < 1e-300);
}

/// The larger of (V − target)² and the same for V held within ε of V_old, with the derivative of the larger one.
#[test]
fn the_value_clip_takes_the_larger_loss() {
    let epsilon = 0.2;
    // V, V_old, target; the loss and its derivative.
    let cases = [
        // Within the interval both are the same.
        ((0.1, 0.0, 1.0), (0.81, -1.8)),
        // Moved towards the target by more than ε: held at 0.2, no further gain, no slope.
        ((0.5, 0.0, 1.0), (0.64, 0.0)),
        // Moved away from the target by more than ε: the plain loss is larger and leads back.
        ((-0.5, 0.0, 1.0), (2.25, -3.0)),
        // The same on the other side.
        ((-0.5, 0.0, -1.0), (0.64, 0.0)),
        ((0.5, 0.0, -1.0), (2.25, 3.0)),
        // Beyond the target: |V − target| is the larger distance again.
        ((2.0, 0.0, 0.3), (2.89, 3.4)),
    ];
    for ((value, value_old, target), (loss, derivative)) in cases {
        let mut data = Data::at_ratio(1.0, 0.0);
        data.outputs[2] = value;
        data.values[0] = value_old;
        data.value_targets[0] = target;
        let config = LossConfig { value_clip_epsilon: Some(epsilon), value_coef: 0.25, ..PLAIN };
        let losses = data.losses(&config);
        assert!(
            (losses.value_loss - loss).abs() < 1e-12,
            "{value} {value_old} {target}: {}",
            losses.value_loss
        );
        assert!((losses.total(&config) - 0.25 * loss).abs() < 1e-12);
        assert!(
            (data.cotangent(&config)[2] - 0.25 * derivative).abs() < 1e-12,
            "{value} {value_old} {target}"
        );
        let plain = data.losses(&PLAIN).value_loss;
        assert!((plain - (value - target).powi(2)).abs() < 1e-12 && plain <= losses.value_loss + 1e-12);
    }
}

/// (r − 1) − log r, never negative even in f32 where the policy has hardly moved, and close to the KL's true value.
#[test]
fn the_estimate_of_the_kl_is_never_negative_and_keeps_its_digits() {
    for exponent in 0..18 {
        for sign in [1.0, -1.0] {
            let log_ratio = sign * 10_f64.powf(-0.5 * f64::from(exponent));
            let mut data = Data::at_ratio(1.0, 1.0);
            data.log_probs[0] -= log_ratio;
            let exact = log_ratio.exp_m1() - log_ratio;
            let estimate = data.losses(&PLAIN).kl_old_new;
            // log π itself is rounded to 1e-16.
            let allowed = 1e-13 * exact + 3e-16 * log_ratio.abs();
            assert!((estimate - exact).abs() <= allowed, "{log_ratio}: {estimate} instead of {exact}");
            let in_f32 = data.evaluate::<f32>(&PLAIN, &[0], &data.outputs).0.kl_old_new;
            assert!(in_f32 >= 0.0, "{log_ratio}: {in_f32}");
        }
    }
    // Over all actions of the old policy its mean is the KL divergence.
    let family = Distribution::Categorical { n: 3 };
    let (old, new) = ([0.3, -0.2, 0.9], [0.1, 0.4, 0.6_f64]);
    let mean: f64 = (0..3)
        .map(|a| {
            let log_prob = family.log_prob(&old, None, &[f64::from(a)]);
            let mut data = Data::at_ratio(1.0, 1.0);
            data.distribution = family.clone();
            data.actions = vec![f64::from(a)];
            data.log_probs = vec![log_prob];
            data.outputs = [&new[..], &[0.0]].concat();
            log_prob.exp() * data.losses(&PLAIN).kl_old_new
        })
        .sum();
    assert!((mean - family.kl(&old, &new, None)).abs() < 1e-12);
    // The other direction is told apart.
    assert!((mean - family.kl(&new, &old, None)).abs() > 1e-3);
}

#[test]
fn a_nan_anywhere_reaches_its_loss() {
    for value_clip_epsilon in [None, Some(0.2)] {
        let config = LossConfig { value_clip_epsilon, ..PLAIN };
        for (seed, distribution) in families().into_iter().enumerate() {
            let n_params = distribution.n_params();
            let clean = Data::random(distribution, 3, false, 40 + seed as u64);
            assert!(clean.losses(&config).total(&config).is_finite());
            for column in 0..n_params {
                let mut data = clean.clone();
                data.outputs[n_params + 1 + column] = f64::NAN;
                let (losses, cotangent) = data.evaluate::<f64>(&config, &data.rows(), &data.outputs);
                // A Gaussian's entropy does not depend on its mean.
                assert!(losses.policy_loss.is_nan() && losses.kl_old_new.is_nan(), "{column}: {losses:?}");
                assert!(cotangent.iter().any(|c| c.is_nan()));
            }
            let mut data = clean.clone();
            data.outputs[n_params] = f64::NAN;
            assert!(data.losses(&config).value_loss.is_nan());
            assert!(data.cotangent(&config)[n_params].is_nan());
            let arrays: [fn(&mut Data) -> &mut Vec<f64>; 2] = [|d| &mut d.advantages, |d| &mut d.log_probs];
            for array in arrays {
                let mut data = clean.clone();
                array(&mut data)[1] = f64::NAN;
                assert!(data.losses(&config).policy_loss.is_nan());
                let normalised = LossConfig { normalize_advantage: true, ..config };
                assert!(data.losses(&normalised).policy_loss.is_nan());
            }
            let mut data = clean.clone();
            data.value_targets[1] = f64::NAN;
            assert!(data.losses(&config).value_loss.is_nan());
            // The old value is read by the clip alone.
            let mut data = clean.clone();
            data.values[1] = f64::NAN;
            assert_eq!(data.losses(&config).value_loss.is_nan(), value_clip_epsilon.is_some());
        }
    }
}
