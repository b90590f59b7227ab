//! Dense networks beside the fused `Mlp`, with the same θ.

use gradus_core_math::{Distribution, Stream};
use gradus_policy::{ActionMap, PolicySpec};
use gradus_policy::{
    Activation, ActorCritic, ActorCriticConfig, Agent, Batch, Frozen, Input, Mlp, Network, Policy, Team,
};
use gradus_policy_burn::{BurnNetwork, Stack, build_actor_critic, load_policy};
use gradus_trpo::{Surrogate, fisher_vector_product};

use crate::devices::{Point, devices, distance, families, uniform};

const WIDTH: usize = 7;
const ROWS: usize = 37;
/// Of f32, where sums are taken in another order.
const TOLERANCE: f64 = 2e-5;

pub(crate) fn configs() -> Vec<ActorCriticConfig> {
    let mut all = Vec::new();
    for family in families() {
        for shared in [false, true] {
            for activation in [Activation::Tanh, Activation::Relu] {
                let config = ActorCriticConfig::new(WIDTH, family.clone()).with_hidden(&[19, 24]);
                all.push(
                    config.with_activation(activation).with_shared_trunk(shared).with_log_std_init(-0.3),
                );
            }
        }
    }
    all
}

/// Parameters that are no longer those of the beginning, where the last policy layer is almost zero.
pub(crate) fn trained(network: &ActorCritic<Mlp<f32>>) -> Vec<f32> {
    let mut theta = vec![0.0; network.parameter_count()];
    network.initialize(&mut Stream::new(1, "initialize", 0), &mut theta);
    theta.iter_mut().zip(uniform("moved", network.parameter_count())).for_each(|(x, m)| *x += 0.3 * m);
    theta
}

#[test]
fn parameters_have_the_names_shapes_and_first_values_of_the_fused_network() {
    for (name, device) in devices() {
        for config in configs() {
            let (fused, burn) = (config.build::<f32>(), build_actor_critic(&config, &device));
            assert_eq!(fused.tensors(), burn.tensors(), "{name}");
            let initial = |network: &dyn Fn(&mut Stream, &mut [f32])| {
                let mut theta = vec![0.0; fused.parameter_count()];
                network(&mut Stream::new(3, "initialize", 0), &mut theta);
                theta
            };
            let of_fused = initial(&|rng, theta| fused.initialize(rng, theta));
            let of_burn = initial(&|rng, theta| burn.initialize(rng, theta));
            assert!(of_fused == of_burn, "other first values on {name}");
        }
    }
}

#[test]
fn outputs_gradients_and_directional_derivatives_are_those_of_the_fused_network() {
    let observations = uniform("observations", 2 * ROWS * WIDTH);
    let listed: Vec<u32> = (0..ROWS as u32).map(|i| (i * 29) % (2 * ROWS as u32)).collect();
    let input = Input::listed(&observations, WIDTH, &listed);
    for config in configs() {
        let mut fused = config.build::<f32>();
        let theta = trained(&fused);
        let expected = Point::of(&mut fused, &theta, input);
        for (name, device) in devices() {
            let mut burn = build_actor_critic(&config, &device);
            let found = Point::of(&mut burn, &theta, input);
            let at = format!("{name}, {config:?}");
            for (what, found, expected) in [
                ("outputs", &found.outputs, &expected.outputs),
                ("Jᵀu", &found.gradient, &expected.gradient),
                ("Jᵀu again", &found.again, &expected.gradient),
                ("Jv", &found.along, &expected.along),
            ] {
                let apart = distance(found, expected);
                assert!(apart < TOLERANCE, "{what} apart by {apart:e}: {at}");
            }
            // The wrong variant: another direction is far away.
            assert!(distance(&found.tangent, &found.gradient) > 0.1);

            let mut outputs = vec![0.0; found.outputs.len()];
            burn.forward(Team::single(), &theta, input, &mut outputs);
            assert!(distance(&outputs, &expected.outputs) < TOLERANCE, "forward: {at}");
            let mut acted = vec![0.0; 2 * ROWS * burn.frozen_width()];
            let mut beside = acted.clone();
            let of_policy = &theta[..burn.policy_parameter_count()];
            let mut frozen = burn.freeze_policy(&vec![0.1; theta.len()]);
            frozen.load(of_policy);
            frozen.forward(&observations, &mut acted);
            fused.freeze_policy(&theta).forward(&observations, &mut beside);
            assert!(distance(&acted, &beside) < TOLERANCE, "acting: {at}");
        }
    }
}

/// F v, with the metric of the distributions between jvp and vjp.
fn fisher<N: Network<Scalar = f32>>(
    network: &mut ActorCritic<N>,
    theta: &[f32],
    batch: &Batch<'_, f32>,
) -> Vec<f32> {
    let family = network.distribution().clone();
    let (policy, _) = network.split_mut().expect("two networks");
    let theta = &theta[..policy.parameter_count()];
    let surrogate = Surrogate::new(&family, batch, true);
    let mut point = policy.linearize(Team::single(), theta, surrogate.input());
    let (vector, mut out) = (uniform("vector", theta.len()), vec![0.0; theta.len()]);
    fisher_vector_product(Team::single(), &mut point, &surrogate, 1e-3, &vector, &mut out);
    out
}

#[test]
fn fisher_vector_products_are_those_of_the_fused_network() {
    let observations = uniform("observations", ROWS * WIDTH);
    for family in families() {
        let config = ActorCriticConfig::new(WIDTH, family.clone()).with_hidden(&[19, 24]);
        let mut fused = config.build::<f32>();
        let theta = trained(&fused);
        let (zeros, actions) = (vec![0.0; ROWS], vec![0.0; ROWS * family.action_width()]);
        let batch = |log_probs| Batch {
            observation_width: WIDTH,
            observations: &observations,
            actions: &actions,
            masks: &[],
            log_probs,
            distribution_params: &[],
            values: &zeros,
            advantages: &zeros,
            value_targets: &zeros,
            ..Batch::default()
        };
        let expected = fisher(&mut fused, &theta, &batch(&zeros));
        for (name, device) in devices() {
            let found = fisher(&mut build_actor_critic(&config, &device), &theta, &batch(&zeros));
            let apart = distance(&found, &expected);
            assert!(apart < TOLERANCE, "{apart:e} on {name} with {family:?}");
        }
    }
}

#[test]
fn a_policy_moves_between_devices_by_its_file() {
    let family = Distribution::DiagGaussian { dim: 2 };
    let network = ActorCriticConfig::new(WIDTH, family).with_hidden(&[16]);
    let fused = network.build::<f32>();
    let theta = trained(&fused);
    let spec = PolicySpec { network, normalizer: None, action_map: ActionMap::Identity, env: "any".into() };
    let theta = &theta[..fused.policy_parameter_count()];
    let mut on_processor = Policy::new(spec.clone(), theta).expect("a policy");
    let bytes = on_processor.to_bytes().expect("bytes");
    let observations = uniform("observations", ROWS * WIDTH);
    let (mut expected, mut found) = (vec![0.0; 2 * ROWS], vec![0.0; 2 * ROWS]);
    on_processor.act_batch(&observations, None, &mut expected).expect("actions");
    for (name, device) in devices() {
        let mut moved = load_policy(&bytes, &device).expect("the same policy");
        moved.act_batch(&observations, None, &mut found).expect("actions");
        assert!(distance(&found, &expected) < TOLERANCE, "{name}");
        assert_eq!(moved.to_bytes().expect("bytes"), bytes, "{name}");
    }
}

#[test]
fn an_agent_of_a_stack_is_debug_and_send() {
    fn check<T: std::fmt::Debug + Send>() {}
    check::<Agent<BurnNetwork<Stack>>>();
}
