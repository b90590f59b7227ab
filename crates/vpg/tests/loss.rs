//! The policy gradient's loss: against finite differences, the sum over samples, and cross-entropy.

mod common;

use common::{Data, assert_near, distance, families, finite_difference};
use gradus_core_math::Distribution;
use gradus_policy::{Batch, UpdateError};
use gradus_vpg::{Average, LossConfig, Losses, loss_and_cotangent};

const PLAIN: LossConfig = LossConfig { average: Average::Steps, entropy_coef: 0.0, value_coef: 0.0 };

fn evaluate(data: &Data, config: &LossConfig, outputs: &[f64]) -> (Losses, Vec<f64>) {
    let mut cotangent = vec![9.0; outputs.len()];
    let batch = data.batch();
    let losses =
        loss_and_cotangent(config, &data.distribution, &batch, &data.advantages, outputs, &mut cotangent);
    (losses.expect("rows that count"), cotangent)
}

fn configs() -> Vec<LossConfig> {
    let mut configs = Vec::new();
    for average in [Average::Steps, Average::Episodes] {
        for (entropy_coef, value_coef) in [(0.0, 0.0), (0.1, 0.5), (0.3, 0.0)] {
            configs.push(LossConfig { average, entropy_coef, value_coef });
        }
    }
    configs
}

#[test]
fn the_cotangent_is_the_gradient_of_the_total() {
    for (seed, distribution) in families().into_iter().enumerate() {
        for (masked, weighted) in [(false, false), (true, true)] {
            let mut data = Data::random(distribution.clone(), 18, masked, seed as u64);
            if !weighted {
                data.weights.clear();
            }
            for config in configs() {
                let (_, cotangent) = evaluate(&data, &config, &data.outputs);
                let total = |outputs: &[f64]| evaluate(&data, &config, outputs).0.total(&config);
                let expected = finite_difference(&data.outputs, total);
                assert_near(&format!("{distribution:?} {config:?}"), &cotangent, &expected, 1e-8);
            }
        }
    }
}

/// Without the value the outputs are the policy's alone, and everything else is the same.
#[test]
fn a_policy_alone_has_the_same_gradient() {
    for (seed, distribution) in families().into_iter().enumerate() {
        let data = Data::random(distribution.clone(), 12, true, 20 + seed as u64);
        let config = LossConfig { entropy_coef: 0.2, ..PLAIN };
        let (with, cotangent) = evaluate(&data, &config, &data.outputs);
        let n = distribution.n_params();
        let alone: Vec<f64> = (0..data.rows()).flat_map(|i| data.params(i).to_vec()).collect();
        let (without, of_policy) = evaluate(&data, &config, &alone);
        let taken: Vec<f64> = cotangent.chunks(n + 1).flat_map(|row| row[..n].to_vec()).collect();
        assert_near("cotangent", &of_policy, &taken, 1e-15);
        assert!(cotangent.chunks(n + 1).all(|row| row[n].abs() < 1e-300), "no weight, no gradient");
        assert!(with.value_loss > 0.1 && without.value_loss.abs() < 1e-300);
        assert!((with.total(&config) - without.total(&config)).abs() < 1e-14);
    }
}

/// (1/D) Σ w Ψ ∇log π + c₂ ∇H, sample by sample, with D the episodes or the rows that count.
#[test]
fn the_gradient_is_the_sum_over_samples() {
    for (seed, distribution) in families().into_iter().enumerate() {
        let data = Data::random(distribution.clone(), 18, true, 40 + seed as u64);
        let n = distribution.n_params();
        let counted = data.weights.iter().filter(|&&w| w > 0.0).count();
        assert!(counted > 5 && counted < 18, "{counted} of 18 rows count");
        let sum = |divisor: f64, weight: &dyn Fn(usize) -> f64| -> Vec<f64> {
            let row = |i: usize| {
                let mut gradient = vec![0.0; n + 1];
                let (score, bonus) = (weight(i) * data.advantages[i], 0.3 * f64::from(weight(i) > 0.0));
                let (params, mask) = (data.params(i), data.mask(i));
                distribution.add_gradient(params, mask, data.action(i), score, bonus, &mut gradient[..n]);
                gradient.into_iter().map(move |g| -g / divisor)
            };
            (0..18).flat_map(row).collect()
        };
        for (average, divisor) in [(Average::Steps, counted as f64), (Average::Episodes, 6.0)] {
            let config = LossConfig { average, entropy_coef: 0.3, value_coef: 0.0 };
            let (losses, found) = evaluate(&data, &config, &data.outputs);
            assert_near("gradient", &found, &sum(divisor, &|i| data.weights[i]), 1e-13);
            let by_hand: f64 = (0..18).map(|i| data.weights[i] * data.advantages[i] * data.log_prob(i)).sum();
            assert!((losses.policy_loss + by_hand / divisor).abs() < 1e-12);
            let entropies: f64 = (0..18)
                .filter(|&i| data.weights[i] > 0.0)
                .map(|i| distribution.entropy(data.params(i), data.mask(i)))
                .sum();
            assert!((losses.entropy - entropies / counted as f64).abs() < 1e-12);
            assert!((losses.entropy_sum - entropies / divisor).abs() < 1e-12);
            // Slips: the rows that are left out in the divisor, and no weights.
            assert!(distance(&found, &sum(18.0, &|i| data.weights[i])) > 1e-3);
            assert!(distance(&found, &sum(divisor, &|_| 1.0)) > 1e-3);
        }
    }
}

/// −(1/B) Σ Ψ log π is cross-entropy from one-hot labels, weighted by Ψ, and so is its gradient: softmax less label.
#[test]
fn the_loss_is_weighted_cross_entropy() {
    let family = Distribution::Categorical { n: 4 };
    let mut data = Data::random(family.clone(), 10, false, 60);
    data.weights.clear();
    let (losses, cotangent) = evaluate(&data, &PLAIN, &data.outputs);
    let (mut cross_entropy, mut gradient) = (0.0, Vec::new());
    for i in 0..10 {
        let logits = data.params(i);
        let sum: f64 = logits.iter().map(|z| z.exp()).sum();
        let softmax: Vec<f64> = logits.iter().map(|z| z.exp() / sum).collect();
        let label: Vec<f64> = (0..4).map(|b| f64::from(b == data.actions[i] as usize)).collect();
        let of_row: f64 = -label.iter().zip(&softmax).map(|(l, p)| l * p.ln()).sum::<f64>();
        cross_entropy += data.advantages[i] * of_row / 10.0;
        let row = softmax.iter().zip(&label).map(|(p, l)| data.advantages[i] * (p - l) / 10.0);
        gradient.extend(row.chain([0.0]));
    }
    assert!((losses.policy_loss - cross_entropy).abs() < 1e-14);
    assert_near("gradient", &cotangent, &gradient, 1e-14);
    // The library's cross-entropy from a label that is all but certain is the same number.
    let certain: Vec<f64> = (0..4).map(|b| if b == data.actions[0] as usize { 50.0 } else { 0.0 }).collect();
    let of_library = family.cross_entropy(&certain, data.params(0), None);
    assert!((of_library + data.log_prob(0)).abs() < 1e-14);
    // A slip: the loss of a classifier that takes no notice of the return.
    let unweighted = -(0..10).map(|i| data.log_prob(i)).sum::<f64>() / 10.0;
    assert!((unweighted - cross_entropy).abs() > 0.1);
}

#[test]
fn a_batch_in_which_nothing_counts_is_an_error() {
    let mut data = Data::random(Distribution::Categorical { n: 4 }, 6, false, 61);
    let error = |data: &Data, average| {
        let mut cotangent = data.outputs.clone();
        let config = LossConfig { average, ..PLAIN };
        let (batch, psi) = (data.batch(), &data.advantages);
        let family = &data.distribution;
        loss_and_cotangent(&config, family, &batch, psi, &data.outputs, &mut cotangent).err()
    };
    data.episode_returns.clear();
    assert_eq!(error(&data, Average::Steps), None);
    assert_eq!(error(&data, Average::Episodes), Some(UpdateError::EmptyBatch));
    data.weights.fill(0.0);
    assert_eq!(error(&data, Average::Steps), Some(UpdateError::EmptyBatch));
}

/// In f32 everything is the same to rounding.
#[test]
fn single_precision_agrees() {
    let narrow = |x: &[f64]| x.iter().map(|&x| x as f32).collect::<Vec<f32>>();
    for (seed, distribution) in families().into_iter().enumerate() {
        let data = Data::random(distribution.clone(), 32, true, 70 + seed as u64);
        for config in configs() {
            let (losses, cotangent) = evaluate(&data, &config, &data.outputs);
            let [actions, log_probs, values, psi, targets, weights, returns] = [
                &data.actions,
                &data.log_probs,
                &data.values,
                &data.advantages,
                &data.value_targets,
                &data.weights,
                &data.episode_returns,
            ]
            .map(|x| narrow(x));
            let batch = Batch {
                actions: &actions,
                masks: &data.masks,
                log_probs: &log_probs,
                values: &values,
                advantages: &psi,
                value_targets: &targets,
                weights: &weights,
                episode_returns: &returns,
                ..Batch::default()
            };
            let mut found = vec![0.0_f32; cotangent.len()];
            let outputs = narrow(&data.outputs);
            let in_f32 = loss_and_cotangent(&config, &distribution, &batch, &psi, &outputs, &mut found);
            let in_f32 = in_f32.expect("rows that count");
            assert!((in_f32.total(&config) - losses.total(&config)).abs() < 1e-5);
            assert_near("cotangent", &common::wide(&found), &cotangent, 1e-6);
        }
    }
}

#[test]
fn a_nan_anywhere_reaches_its_loss() {
    for (seed, distribution) in families().into_iter().enumerate() {
        let n = distribution.n_params();
        let mut clean = Data::random(distribution, 3, false, 80 + seed as u64);
        clean.weights.clear();
        let config = LossConfig { value_coef: 0.5, ..PLAIN };
        for column in 0..=n {
            let mut data = clean.clone();
            data.outputs[n + 1 + column] = f64::NAN;
            let (losses, cotangent) = evaluate(&data, &config, &data.outputs);
            assert!(if column < n { losses.policy_loss } else { losses.value_loss }.is_nan());
            assert!(cotangent.iter().any(|c| c.is_nan()));
        }
        let mut data = clean.clone();
        data.advantages[1] = f64::NAN;
        assert!(evaluate(&data, &config, &data.outputs).0.policy_loss.is_nan());
    }
}
