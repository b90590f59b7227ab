//! Both objectives, their gradients and Adam's steps against values computed with torch in f64.

use gradus_core_math::{Adam, AdamConfig, Distribution, Optimizer, Real, clip_global_norm};
use gradus_policy::{ActorCritic, Batch, Input, Kernel, Linearized, Mlp, MlpConfig, Network, Team};
use gradus_ppo::{LossConfig, LossObjective, Losses, loss_and_cotangent};
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

/// A network at θ1 and the batch that it is updated from; see the file's `about`.
struct Case<T: Kernel> {
    golden: Value,
    distribution: Distribution,
    network: ActorCritic<Mlp<T>>,
    /// θ1, then the parameters of a critic.
    theta: Vec<T>,
    inputs: usize,
    observations: Vec<T>,
    actions: Vec<T>,
    advantages: Vec<T>,
    log_probs: Vec<T>,
}

fn cases<T: Kernel>() -> Vec<Case<T>> {
    let text = include_str!("golden/policy_updates.json");
    let golden: Value = serde_json::from_str(text).expect("golden values are JSON");
    golden["cases"].as_array().expect("cases").iter().cloned().map(Case::new).collect()
}

impl<T: Kernel> Case<T> {
    fn new(golden: Value) -> Self {
        let kind = golden["kind"].as_str().expect("a kind");
        let sizes: Vec<usize> = numbers(&golden["layer_sizes"]).iter().map(|&x| x as usize).collect();
        let (inputs, outputs) = (sizes[0], sizes[sizes.len() - 1]);
        let distribution = match kind {
            "categorical" => Distribution::Categorical { n: outputs },
            _ => Distribution::DiagGaussian { dim: outputs },
        };
        let hidden = &sizes[1..sizes.len() - 1];
        let actor = Mlp::<T>::new(MlpConfig::new(inputs, outputs).with_hidden(hidden));
        // The golden cases have no critic: one without hidden layers and with parameters 0 takes its place.
        let critic = Mlp::<T>::new(MlpConfig::new(inputs, 1).with_hidden(&[]));
        let network = ActorCritic::separate(actor, critic, distribution.clone(), 0.0);
        let array = |name: &str| convert(&numbers(&golden[name]));
        let mut theta: Vec<T> = array("theta1");
        assert_eq!(theta.len(), network.policy_parameter_count());
        theta.resize(network.parameter_count(), T::zero());
        Self {
            observations: array("obs"),
            actions: array("action"),
            advantages: array("advantage"),
            log_probs: array("log_prob0"),
            golden,
            distribution,
            network,
            theta,
            inputs,
        }
    }

    fn number(&self, name: &str) -> f64 {
        self.golden[name].as_f64().expect("a number")
    }

    fn array(&self, name: &str) -> Vec<f64> {
        numbers(&self.golden[name])
    }

    /// Parameters of the distributions at θ0.
    fn params_old(&mut self) -> Vec<T> {
        let theta: Vec<T> = convert(&self.array("theta0"));
        let mut params = vec![T::zero(); self.log_probs.len() * self.distribution.n_params()];
        let input = Input::all(&self.observations, self.inputs);
        self.network.policy_params(Team::single(), &theta, input, &mut params);
        params
    }

    /// Losses at θ1 and the gradient in the policy's parameters.
    fn losses_and_gradient(&mut self, config: &LossConfig, params_old: &[T]) -> (Losses, Vec<T>) {
        let zeros = vec![T::zero(); self.log_probs.len()];
        let batch = Batch {
            observation_width: self.inputs,
            observations: &self.observations,
            actions: &self.actions,
            masks: &[],
            log_probs: &self.log_probs,
            distribution_params: params_old,
            values: &zeros,
            advantages: &self.advantages,
            value_targets: &zeros,
            ..Batch::default()
        };
        let rows: Vec<u32> = (0..batch.len() as u32).collect();
        let input = Input::listed(&self.observations, self.inputs, &rows);
        let of_policy = self.network.policy_parameter_count();
        let mut point = self.network.linearize(Team::single(), &self.theta, input);
        let mut cotangent = vec![T::zero(); point.outputs().len()];
        let losses =
            loss_and_cotangent(config, &self.distribution, &batch, &rows, point.outputs(), &mut cotangent);
        let mut gradient = vec![T::zero(); self.theta.len()];
        point.vjp(Team::single(), &cotangent, &mut gradient);
        let of_critic = gradient.split_off(of_policy);
        assert!(of_critic.iter().all(|g| g.is_zero()), "the critic is at its target");
        (losses, gradient)
    }
}

fn config(objective: LossObjective, entropy_coef: f64) -> LossConfig {
    LossConfig {
        objective,
        value_clip_epsilon: None,
        entropy_coef,
        value_coef: 0.5,
        normalize_advantage: false,
        value_scale: None,
    }
}

fn check_clip<T: Kernel>(tolerance: (f64, f64)) {
    for mut case in cases::<T>() {
        let objective = LossObjective::Clip { epsilon: case.number("clip_eps"), dual: None };
        let config = config(objective, case.number("entropy_coef"));
        let (losses, mut gradient) = case.losses_and_gradient(&config, &[]);
        let one = |value: f64, name: &str| assert_close(&[value], &[case.number(name)], tolerance, name);
        one(losses.total(&config), "ppo_loss_theta1");
        one(losses.clip_fraction, "clip_fraction_theta1");
        one(losses.kl_old_new, "approx_kl_k3_theta1");
        assert_close(&gradient, &case.array("ppo_grad_theta1"), tolerance, "ppo_grad_theta1");

        let norm = clip_global_norm(&mut gradient, case.number("max_grad_norm"));
        one(norm.wide(), "grad_norm_before_clip");
        let settings = &case.golden["adam"];
        let setting = |name: &str| settings[name].as_f64().expect("a number");
        let adam = AdamConfig::new().with_epsilon(setting("eps"));
        let mut adam = Adam::<T>::new(adam, gradient.len()).expect("valid settings");
        let mut theta = case.theta[..gradient.len()].to_vec();
        adam.step(&mut theta, &gradient, setting("lr"));
        assert_close(&theta, &case.array("theta1_after_one_adam_step"), tolerance, "one Adam step");
        gradient.iter_mut().for_each(|g| *g *= T::of(0.5));
        adam.step(&mut theta, &gradient, setting("lr"));
        let second = case.array("theta1_after_second_adam_step_with_half_the_clipped_gradient");
        assert_close(&theta, &second, tolerance, "two Adam steps");
    }
}

fn check_penalty<T: Kernel>(tolerance: (f64, f64)) {
    for mut case in cases::<T>() {
        let kl_coef = case.number("kl_coef");
        let params_old = case.params_old();
        let mut evaluate = |kl_coef: f64| {
            let config = config(LossObjective::Penalty { kl_coef }, 0.0);
            let (losses, gradient) = case.losses_and_gradient(&config, &params_old);
            (losses, losses.total(&config), gradient)
        };
        let (losses, total, gradient) = evaluate(kl_coef);
        let (_, slip, _) = evaluate(2.0 * kl_coef);
        let one = |value: f64, name: &str| assert_close(&[value], &[case.number(name)], tolerance, name);
        one(total, "kl_penalty_loss_theta1");
        one(losses.kl_old_new, "kl_old_new_mean_theta1");
        let expected = case.array("kl_penalty_grad_theta1");
        assert_close(&gradient, &expected, tolerance, "kl_penalty_grad_theta1");
        assert!(losses.clip_fraction.abs() < 1e-300);
        assert!((slip - case.number("kl_penalty_loss_theta1")).abs() > 1e-3, "another β is told apart");
    }
}

/// Each element to 1e-10 of itself, or of a thousandth of the largest where it is smaller than that.
#[test]
fn in_f64() {
    check_clip::<f64>((1e-10, 1e-3));
    check_penalty::<f64>((1e-10, 1e-3));
}

/// Each element to 1e-5 of the largest: the ratio exp(log π − log π_old) of the Gaussian cases, whose log
/// probabilities go to −20, is known to 1e-6 only, and gradients are sums of such terms of either sign.
#[test]
fn in_f32() {
    check_clip::<f32>((1e-5, 1.0));
    check_penalty::<f32>((1e-5, 1.0));
}
