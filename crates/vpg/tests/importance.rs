//! Importance sampling: the variance identity, the example of p and q far apart, and the surrogate with its gradient.

mod common;

use common::{Data, assert_near, distance, families, finite_difference};
use gradus_core_math::{Distribution, Stream, mean, standard_deviation};
use gradus_policy::Batch;
use gradus_vpg::{
    Average, LossConfig, SurrogateConfig, SurrogateLosses, importance_sampled_mean, importance_variance,
    loss_and_cotangent, self_normalized_mean, surrogate_and_cotangent, weight_statistics,
};

/// A bell around `center`, on the points −5, −4.5, …, 5.
fn bell(center: f64) -> Vec<f64> {
    let height: Vec<f64> = points().iter().map(|x| (-0.5 * (x - center).powi(2)).exp()).collect();
    let sum: f64 = height.iter().sum();
    height.iter().map(|h| h / sum).collect()
}

fn points() -> Vec<f64> {
    (-10..=10).map(|i| 0.5 * f64::from(i)).collect()
}

fn expectation(p: &[f64], f: impl Fn(usize) -> f64) -> f64 {
    p.iter().enumerate().map(|(i, p)| p * f(i)).sum()
}

/// Weights and values of `n` draws from q.
fn draw(p: &[f64], q: &[f64], f: &[f64], n: usize, rng: &mut Stream) -> (Vec<f64>, Vec<f64>) {
    let family = Distribution::Categorical { n: q.len() };
    let logits: Vec<f64> = q.iter().map(|q| q.ln()).collect();
    let mut action = [0.0];
    let sample = |_| {
        family.sample(&logits, None, rng, &mut action);
        let x = action[0] as usize;
        (p[x] / q[x], f[x])
    };
    (0..n).map(sample).unzip()
}

/// Var_q[f p/q] = E_p[f² p/q] − E_p[f]², both sides from their definitions.
#[test]
fn the_variance_identity() {
    let f: Vec<f64> = points().iter().map(|x| x.tanh() + 0.3 * x.cos()).collect();
    for (to_p, to_q) in [(0.0, 0.0), (-0.5, 0.5), (1.0, -0.4), (-1.5, 1.5)] {
        let (p, q) = (bell(to_p), bell(to_q));
        let center = expectation(&q, |i| f[i] * p[i] / q[i]);
        let direct = expectation(&q, |i| (f[i] * p[i] / q[i] - center).powi(2));
        let found = importance_variance(&p, &q, &f);
        assert!((found - direct).abs() < 1e-11 * direct.max(1.0), "{to_p} {to_q}: {found}, {direct}");
        assert!((center - expectation(&p, |i| f[i])).abs() < 1e-12, "unbiased");
        // Slips: the variance under p, and the second moment without its weight. They agree for p = q only.
        let under_p = expectation(&p, |i| f[i] * f[i]) - center * center;
        assert_eq!((found - under_p).abs() < 1e-12, (to_p - to_q).abs() < 1e-12);
    }
    assert!(importance_variance(&[0.5, 0.5], &[1.0, 0.0], &[1.0, 1.0]).is_infinite());
    assert!((importance_variance(&[1.0, 0.0], &[0.5, 0.0], &[1.0, 9.0]) - 1.0).abs() < 1e-15);
}

/// p lives where f < 0, q where f > 0. Five samples of q are mostly from the right, and their mean has the wrong sign;
/// many have the right one.
#[test]
fn few_samples_from_far_away_mislead() {
    let (p, q) = (bell(-1.5), bell(1.5));
    let f: Vec<f64> = points().iter().map(|x| x.tanh()).collect();
    let exact = expectation(&p, |i| f[i]);
    assert!(exact < -0.7);
    let mut rng = Stream::new(3, "test", 0);
    let mut wrong = 0;
    for _ in 0..1000 {
        let (weights, values) = draw(&p, &q, &f, 5, &mut rng);
        wrong += u32::from(importance_sampled_mean(&weights, &values) > 0.0);
    }
    assert!(wrong > 600, "{wrong} of 1000 have the wrong sign");
    for _ in 0..5 {
        let (weights, values) = draw(&p, &q, &f, 200_000, &mut rng);
        let deviation = (importance_variance(&p, &q, &f) / 200_000.0).sqrt();
        let found = importance_sampled_mean(&weights, &values);
        assert!((found - exact).abs() < 5.0 * deviation && found < 0.0, "{found}, {exact} ± {deviation}");
        let normalised = self_normalized_mean(&weights, &values);
        assert!((normalised - exact).abs() < 0.2 && normalised.abs() <= 1.0, "{normalised}");
        let statistics = weight_statistics(&weights);
        assert!((statistics.mean - 1.0).abs() < 0.5);
        // What tells: of 200,000 samples less than a hundredth count.
        assert!(statistics.effective_sample_size < 2000.0, "{statistics:?}");
    }
}

/// Near policies: the scatter of the estimate is what the identity says.
#[test]
fn the_variance_is_that_of_the_estimates() {
    let (p, q) = (bell(-0.25), bell(0.25));
    let f: Vec<f64> = points().iter().map(|x| x.tanh()).collect();
    let mut rng = Stream::new(4, "test", 0);
    let estimates: Vec<f64> = (0..4000)
        .map(|_| {
            let (weights, values) = draw(&p, &q, &f, 25, &mut rng);
            importance_sampled_mean(&weights, &values)
        })
        .collect();
    let variance = 25.0 * standard_deviation(&estimates).powi(2);
    let expected = importance_variance(&p, &q, &f);
    // 4000 estimates know their variance to 2.2 %.
    assert!((variance / expected - 1.0).abs() < 0.08, "{variance}, {expected}");
    assert!((mean(&estimates) - expectation(&p, |i| f[i])).abs() < 4.0 * (expected / 1e5).sqrt());
    // The slip of the variance under p is 25 % away.
    let under_p = expectation(&p, |i| f[i] * f[i]) - expectation(&p, |i| f[i]).powi(2);
    assert!((under_p / expected - 1.0).abs() > 0.15, "{under_p}, {expected}");
}

#[test]
fn statistics_of_weights() {
    let equal = weight_statistics(&[0.3; 7]);
    assert!((equal.mean - 0.3).abs() < 1e-15 && equal.variance < 1e-30);
    assert!((equal.effective_sample_size - 7.0).abs() < 1e-12);
    let one = weight_statistics(&[0.0, 5.0, 0.0, 0.0]);
    assert!((one.effective_sample_size - 1.0).abs() < 1e-12 && (one.mean - 1.25).abs() < 1e-15);
    assert!((one.variance - 4.6875).abs() < 1e-12);
    // Scale does not matter, and no square overflows.
    for scale in [1e-200, 1.0, 1e200] {
        let found = weight_statistics(&[scale, 3.0 * scale]).effective_sample_size;
        assert!((found - 1.6).abs() < 1e-12, "{found}");
    }
    assert!(weight_statistics(&[0.0; 3]).effective_sample_size.abs() < 1e-300);
    assert!(weight_statistics::<f32>(&[]).mean.is_nan());
    assert!(weight_statistics(&[1.0, f64::NAN]).effective_sample_size.is_nan());
    // Its expectation: n / E_q[w²] with E_q[w²] = 1 + χ².
    let (p, q) = (bell(-0.25), bell(0.25));
    let (weights, _) = draw(&p, &q, &points(), 100_000, &mut Stream::new(5, "test", 0));
    let expected = 1e5 / expectation(&q, |i| (p[i] / q[i]).powi(2));
    let found = weight_statistics(&weights).effective_sample_size;
    assert!((found / expected - 1.0).abs() < 0.02, "{found}, {expected}");
}

fn evaluate(data: &Data, config: &SurrogateConfig, outputs: &[f64]) -> (SurrogateLosses, Vec<f64>) {
    let (mut cotangent, mut weights) = (vec![9.0; outputs.len()], vec![9.0; data.rows()]);
    let (family, batch) = (&data.distribution, data.batch());
    let losses = surrogate_and_cotangent(
        config,
        family,
        &batch,
        &data.advantages,
        outputs,
        &mut cotangent,
        &mut weights,
    );
    (losses, cotangent)
}

#[test]
fn the_cotangent_is_the_gradient_of_the_surrogate() {
    for (seed, distribution) in families().into_iter().enumerate() {
        for masked in [false, true] {
            let data = Data::random(distribution.clone(), 15, masked, 90 + seed as u64);
            for (entropy_coef, value_coef) in [(0.0, 0.0), (0.1, 0.5)] {
                let of = |self_normalize| SurrogateConfig { self_normalize, entropy_coef, value_coef };
                let [plain, normalised] = [of(false), of(true)].map(|config| {
                    let (_, cotangent) = evaluate(&data, &config, &data.outputs);
                    let total = |outputs: &[f64]| evaluate(&data, &config, outputs).0.total(&config);
                    let expected = finite_difference(&data.outputs, total);
                    assert_near(&format!("{distribution:?} {config:?}"), &cotangent, &expected, 1e-8);
                    cotangent
                });
                assert!(distance(&plain, &normalised) > 1e-3, "the two are told apart");
            }
        }
    }
}

/// Sample by sample: −(1/B) Σ r A, and the statistics of r.
#[test]
fn the_surrogate_is_the_sum_over_samples() {
    for (seed, distribution) in families().into_iter().enumerate() {
        let data = Data::random(distribution, 15, true, 100 + seed as u64);
        let ratios: Vec<f64> = (0..15).map(|i| (data.log_prob(i) - data.log_probs[i]).exp()).collect();
        let sum: f64 = ratios.iter().zip(&data.advantages).map(|(r, a)| r * a).sum();
        for (self_normalize, divisor) in [(false, 15.0), (true, ratios.iter().sum())] {
            let config = SurrogateConfig { self_normalize, entropy_coef: 0.0, value_coef: 0.0 };
            let (losses, _) = evaluate(&data, &config, &data.outputs);
            assert!((losses.policy_loss + sum / divisor).abs() < 1e-13);
            assert_eq!(losses.weights, weight_statistics(&ratios));
        }
    }
}

/// Where θ = θ' the ratios are 1 and the gradient is the policy gradient; self-normalised it has the mean of the
/// advantages for a baseline.
#[test]
fn on_its_own_data_it_is_the_policy_gradient() {
    for (seed, distribution) in families().into_iter().enumerate() {
        let mut data = Data::random(distribution.clone(), 12, true, 110 + seed as u64);
        data.weights.clear();
        data.log_probs = (0..12).map(|i| data.log_prob(i)).collect();
        let center = mean(&data.advantages);
        let plain = LossConfig { average: Average::Steps, entropy_coef: 0.0, value_coef: 0.5 };
        for (self_normalize, baseline) in [(false, 0.0), (true, center)] {
            let config = SurrogateConfig { self_normalize, entropy_coef: 0.0, value_coef: 0.5 };
            let (losses, found) = evaluate(&data, &config, &data.outputs);
            assert!((losses.weights.effective_sample_size - 12.0).abs() < 1e-9);
            let psi: Vec<f64> = data.advantages.iter().map(|a| a - baseline).collect();
            let mut expected = vec![0.0; found.len()];
            let batch: Batch<'_, f64> = data.batch();
            loss_and_cotangent(&plain, &distribution, &batch, &psi, &data.outputs, &mut expected)
                .expect("rows that count");
            assert_near("gradient", &found, &expected, 1e-14);
        }
    }
}

/// Each action as often as q takes it: then both means over the samples are E_p[A], and their gradient is ∇E_p[A].
#[test]
fn its_expectation_is_the_other_policys() {
    let family = Distribution::Categorical { n: 3 };
    let q = [0.25_f64, 0.5, 0.25];
    let advantage = [1.0, -2.0, 0.7];
    let taken = [0, 1, 1, 2];
    let logits = [0.4, -0.3, 1.1];
    let data = Data {
        distribution: family.clone(),
        actions: taken.map(|a| a as f64).to_vec(),
        masks: vec![],
        log_probs: taken.map(|a| q[a].ln()).to_vec(),
        values: vec![0.0; 4],
        advantages: taken.map(|a| advantage[a]).to_vec(),
        value_targets: vec![0.0; 4],
        weights: vec![],
        episode_returns: vec![],
        outputs: [&logits[..], &[0.0]].concat().repeat(4),
    };
    let expected_advantage = |logits: &[f64]| -> f64 {
        (0..3).map(|a| family.log_prob(logits, None, &[a as f64]).exp() * advantage[a]).sum()
    };
    let exact = finite_difference(&logits, expected_advantage);
    for self_normalize in [false, true] {
        let config = SurrogateConfig { self_normalize, entropy_coef: 0.0, value_coef: 0.0 };
        let (losses, cotangent) = evaluate(&data, &config, &data.outputs);
        assert!((losses.policy_loss + expected_advantage(&logits)).abs() < 1e-14);
        let mut gradient = vec![0.0; 3];
        for row in cotangent.chunks(4) {
            gradient.iter_mut().zip(row).for_each(|(g, c)| *g -= c);
        }
        assert_near("∇E_p[A]", &gradient, &exact, 1e-9);
    }
    // A slip: no ratios, which is the gradient of another objective.
    let mut on_policy = data.clone();
    on_policy.log_probs = (0..4).map(|i| data.log_prob(i)).collect();
    let config = SurrogateConfig { self_normalize: false, entropy_coef: 0.0, value_coef: 0.0 };
    assert!(
        (evaluate(&on_policy, &config, &data.outputs).0.policy_loss + expected_advantage(&logits)).abs()
            > 0.1
    );
}
