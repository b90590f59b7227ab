//! The clipped objective, its gradient and Adam's steps against values computed with torch in f64.

use gradus_core_math::{Adam, AdamConfig, Distribution, Optimizer, Real, clip_global_norm};
use gradus_policy::{ActorCritic, Batch, Input, Kernel, Linearized, Mlp, MlpConfig, Network, Team};
use gradus_ppo::{LossConfig, loss_and_cotangent};
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().expect("a number")],
    }
}

fn convert<T: Real>(values: &[f64]) -> Vec<T> {
    values.iter().map(|&v| T::of(v)).collect()
}

/// |a − b| ≤ tolerance · max(|b|, floor · largest |b| of the vector).
fn assert_close<T: Real>(ours: &[T], golden: &[f64], (tolerance, floor): (f64, f64), what: &str) {
    assert_eq!(ours.len(), golden.len(), "{what}");
    let floor = floor * golden.iter().fold(0.0, |largest: f64, b| largest.max(b.abs()));
    for (i, (a, b)) in ours.iter().zip(golden).enumerate() {
        let allowed = tolerance * b.abs().max(floor);
        assert!((a.wide() - b).abs() <= allowed, "{what}[{i}]: {a}, golden {b}");
    }
}

fn check<T: Kernel>(tolerance: (f64, f64)) {
    let text = include_str!("golden/policy_updates.json");
    let golden: Value = serde_json::from_str(text).expect("golden values are JSON");
    for case in golden["cases"].as_array().expect("cases") {
        let kind = case["kind"].as_str().expect("a kind");
        let sizes: Vec<usize> = numbers(&case["layer_sizes"]).iter().map(|&x| x as usize).collect();
        let (inputs, outputs) = (sizes[0], sizes[sizes.len() - 1]);
        let distribution = match kind {
            "categorical" => Distribution::Categorical { n: outputs },
            _ => Distribution::DiagGaussian { dim: outputs },
        };
        let hidden = &sizes[1..sizes.len() - 1];
        let actor = Mlp::<T>::new(MlpConfig::new(inputs, outputs).with_hidden(hidden));
        // The golden cases have no critic: one without hidden layers and with parameters 0 takes its place.
        let critic = Mlp::<T>::new(MlpConfig::new(inputs, 1).with_hidden(&[]));
        let mut network = ActorCritic::separate(actor, critic, distribution.clone(), 0.0);
        let of_actor = network.policy_parameter_count();
        let mut theta: Vec<T> = convert(&numbers(&case["theta1"]));
        assert_eq!(theta.len(), of_actor);
        theta.resize(network.parameter_count(), T::zero());

        let observations: Vec<T> = convert(&numbers(&case["obs"]));
        let actions: Vec<T> = convert(&numbers(&case["action"]));
        let advantages: Vec<T> = convert(&numbers(&case["advantage"]));
        let log_probs: Vec<T> = convert(&numbers(&case["log_prob0"]));
        let zeros = vec![T::zero(); log_probs.len()];
        let batch = Batch {
            observation_width: inputs,
            observations: &observations,
            actions: &actions,
            masks: &[],
            log_probs: &log_probs,
            distribution_params: &[],
            values: &zeros,
            advantages: &advantages,
            value_targets: &zeros,
        };
        let number = |name: &str| case[name].as_f64().expect("a number");
        let config = LossConfig {
            clip_epsilon: number("clip_eps"),
            value_clip_epsilon: None,
            entropy_coef: number("entropy_coef"),
            value_coef: 0.5,
            normalize_advantage: false,
        };
        let rows: Vec<u32> = (0..batch.len() as u32).collect();
        let mut point =
            network.linearize(Team::single(), &theta, Input::listed(&observations, inputs, &rows));
        let mut cotangent = vec![T::zero(); point.outputs().len()];
        let losses =
            loss_and_cotangent(&config, &distribution, &batch, &rows, point.outputs(), &mut cotangent);
        let mut gradient = vec![T::zero(); theta.len()];
        point.vjp(Team::single(), &cotangent, &mut gradient);

        let one = |value: f64, name: &str| assert_close(&[value], &[number(name)], tolerance, name);
        one(losses.total(&config), "ppo_loss_theta1");
        one(losses.clip_fraction, "clip_fraction_theta1");
        one(losses.kl_old_new, "approx_kl_k3_theta1");
        let (of_policy, of_critic) = gradient.split_at_mut(of_actor);
        assert_close(
            of_policy,
            &numbers(&case["ppo_grad_theta1"]),
            tolerance,
            &format!("{kind} ppo_grad_theta1"),
        );
        assert!(of_critic.iter().all(|g| g.is_zero()), "the critic is at its target");

        let norm = clip_global_norm(of_policy, number("max_grad_norm"));
        one(norm.wide(), "grad_norm_before_clip");
        let adam = AdamConfig::new().with_epsilon(case["adam"]["eps"].as_f64().expect("a number"));
        let mut adam = Adam::<T>::new(adam, of_actor).expect("valid settings");
        let learning_rate = case["adam"]["lr"].as_f64().expect("a number");
        theta.truncate(of_actor);
        adam.step(&mut theta, of_policy, learning_rate);
        assert_close(&theta, &numbers(&case["theta1_after_one_adam_step"]), tolerance, "one Adam step");
        of_policy.iter_mut().for_each(|g| *g *= T::of(0.5));
        adam.step(&mut theta, of_policy, learning_rate);
        let second = numbers(&case["theta1_after_second_adam_step_with_half_the_clipped_gradient"]);
        assert_close(&theta, &second, tolerance, "two Adam steps");
    }
}

/// Each element to 1e-10 of itself, or of a thousandth of the largest where it is smaller than that.
#[test]
fn in_f64() {
    check::<f64>((1e-10, 1e-3));
}

/// Each element to 1e-5 of the largest: the ratio exp(log π − log π_old) of the Gaussian cases, whose log
/// probabilities go to −20, is known to 1e-6 only, and gradients are sums of such terms of either sign.
#[test]
fn in_f32() {
    check::<f32>((1e-5, 1.0));
}
