//! A deployed policy: what it does, and what it refuses.

use gradus_checkpoint::{Checkpoint, CheckpointError, Tensor};
use gradus_core_math::{Distribution, RunningMoments, Stream};
use gradus_policy::{
    ActionMap, Activation, ActorCriticConfig, Agent, Input, Network, Normalizer, Policy, PolicyError,
    PolicySpec, Team,
};
use rand::RngExt;

const INF: f32 = f32::INFINITY;

fn spec(network: ActorCriticConfig) -> PolicySpec {
    PolicySpec { network, normalizer: None, action_map: ActionMap::Identity, env: "Task-v0".into() }
}

fn normalizer(width: usize) -> Normalizer {
    let mut moments = RunningMoments::new(width);
    let mut rng = Stream::new(3, "moments", 0);
    for _ in 0..10 {
        let row: Vec<f32> = (0..width).map(|i| 5.0 * rng.random::<f32>() + i as f32).collect();
        moments.push(&row);
    }
    Normalizer::new(&moments)
}

/// Pendulum's kind: a Gaussian, normalised observations, bounded actions.
fn gaussian() -> PolicySpec {
    let network = ActorCriticConfig::new(3, Distribution::DiagGaussian { dim: 2 }).with_log_std_init(-0.5);
    let action_map = ActionMap::Rescale { low: vec![-2.0, 0.0], high: vec![2.0, 0.1] };
    PolicySpec { normalizer: Some(normalizer(3)), action_map, ..spec(network) }
}

/// Every family, with separate and shared networks, some maps and normalisers.
fn specs() -> Vec<PolicySpec> {
    let clip = ActionMap::Clip { low: vec![-0.01, f32::NEG_INFINITY], high: vec![INF, 0.01] };
    let shared_gaussian = ActorCriticConfig::new(3, Distribution::DiagGaussian { dim: 2 });
    let several = Distribution::MultiCategorical { sizes: vec![2, 3] };
    vec![
        spec(ActorCriticConfig::new(4, Distribution::Categorical { n: 2 })),
        gaussian(),
        PolicySpec { action_map: clip, ..spec(shared_gaussian.with_shared_trunk(true).with_hidden(&[20])) },
        PolicySpec {
            normalizer: Some(normalizer(5)),
            ..spec(
                ActorCriticConfig::new(5, several).with_shared_trunk(true).with_activation(Activation::Relu),
            )
        },
        spec(ActorCriticConfig::new(2, Distribution::Bernoulli { n: 3 }).with_hidden(&[])),
    ]
}

/// Trained parameters: those of a new network, all of them moved.
fn agent(spec: &PolicySpec) -> Agent<gradus_policy::Mlp<f32>> {
    let mut rng = Stream::new(1, "initialise", 0);
    let mut agent = Agent::new(spec.network.build(), &mut rng);
    agent.theta.iter_mut().for_each(|x| *x += 0.3 * (rng.random::<f32>() - 0.5));
    agent
}

fn policy(spec: &PolicySpec) -> Policy {
    let agent = agent(spec);
    Policy::new(spec.clone(), &agent.theta[..agent.network.policy_parameter_count()]).expect("a sound policy")
}

fn observations(spec: &PolicySpec, rows: usize) -> Vec<f32> {
    let mut rng = Stream::new(2, "observations", 0);
    (0..rows * spec.network.observation_width).map(|_| 8.0 * (rng.random::<f32>() - 0.5)).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

/// The policy's file, altered before its checksum is taken.
fn altered(spec: &PolicySpec, alter: impl FnOnce(&mut Checkpoint)) -> Result<Policy, PolicyError> {
    let bytes = policy(spec).to_bytes().expect("representable");
    let mut checkpoint = Checkpoint::from_bytes(&bytes).expect("intact");
    alter(&mut checkpoint);
    Policy::from_bytes(&checkpoint.to_bytes().expect("representable"))
}

fn refusal(result: Result<Policy, PolicyError>) -> String {
    result.expect_err("refused").to_string()
}

#[test]
fn comes_back_from_its_bytes_with_the_same_actions() {
    for spec in specs() {
        let mut before = policy(&spec);
        let bytes = before.to_bytes().expect("representable");
        let mut after = Policy::from_bytes(&bytes).expect("intact");
        assert_eq!(*after.spec(), spec);
        assert_eq!(after.to_bytes().expect("representable"), bytes);
        let mut streams = [Stream::new(5, "actions", 0), Stream::new(5, "actions", 0)];
        for observation in observations(&spec, 50).chunks_exact(before.observation_width()) {
            let mut actions = [vec![0.0; before.action_width()], vec![0.0; before.action_width()]];
            before.act(observation, None, &mut actions[0]).expect("it acts");
            after.act(observation, None, &mut actions[1]).expect("it acts");
            assert_eq!(bits(&actions[0]), bits(&actions[1]), "{spec:?}");
            before.sample(observation, None, &mut streams[0], &mut actions[0]).expect("it acts");
            after.sample(observation, None, &mut streams[1], &mut actions[1]).expect("it acts");
            assert_eq!(bits(&actions[0]), bits(&actions[1]), "{spec:?}");
        }
    }
}

/// The oracle is the actor-critic of training, and the two maps written out in f64. A policy without its
/// normaliser, or one that takes the shared trunk's value for a parameter, is far off.
#[test]
fn acts_as_the_trained_network_says() {
    for spec in specs() {
        let mut agent = agent(&spec);
        let mut policy = policy(&spec);
        let distribution = policy.distribution().clone();
        let mut far_off = 0;
        for observation in observations(&spec, 50).chunks_exact(policy.observation_width()) {
            let mut params_of = |observation: &[f32]| {
                let mut output = vec![0.0; agent.network.output_width()];
                let input = Input::all(observation, observation.len());
                agent.network.forward(Team::single(), &agent.theta, input, &mut output);
                output.truncate(distribution.n_params());
                output
            };
            let mut normalized = observation.to_vec();
            if let Some(normalizer) = &spec.normalizer {
                normalizer.apply(observation, &mut normalized);
            }
            let expected_of = |params: &[f32]| {
                let mut action = vec![0.0; distribution.action_width()];
                distribution.mode(params, None, &mut action);
                let mut action: Vec<f64> = action.into_iter().map(f64::from).collect();
                for (i, a) in action.iter_mut().enumerate() {
                    match &spec.action_map {
                        ActionMap::Identity => {}
                        ActionMap::Clip { low, high } => *a = a.max(low[i].into()).min(high[i].into()),
                        ActionMap::Rescale { low, high } => {
                            let (low, high) = (f64::from(low[i]), f64::from(high[i]));
                            *a = (low + high) / 2.0 + a.clamp(-1.0, 1.0) * (high - low) / 2.0;
                        }
                    }
                }
                action
            };
            let mut action = vec![0.0; policy.action_width()];
            policy.act(observation, None, &mut action).expect("it acts");
            let error = |expected: Vec<f64>| {
                let differences = action.iter().zip(expected).map(|(&a, b)| (f64::from(a) - b).abs());
                differences.fold(0.0, f64::max)
            };
            let expected = expected_of(&params_of(&normalized));
            assert!(error(expected.clone()) < 1e-6, "{spec:?}: {action:?} and {expected:?}");
            far_off += usize::from(error(expected_of(&params_of(observation))) > 1e-3);
        }
        assert_eq!(
            far_off > 0,
            spec.normalizer.is_some(),
            "the normaliser matters where there is one: {spec:?}"
        );
    }
}

#[test]
fn a_batch_gives_what_single_observations_give() {
    for spec in specs() {
        let mut policy = policy(&spec);
        let (width, action_width) = (policy.observation_width(), policy.action_width());
        for rows in [0, 1, 7, 300, 3] {
            let observations = observations(&spec, rows);
            let mut together = vec![0.0; rows * action_width];
            policy.act_batch(&observations, None, &mut together).expect("it acts");
            let mut single = vec![0.0; rows * action_width];
            let each = observations.chunks_exact(width).zip(single.chunks_exact_mut(action_width));
            for (observation, action) in each {
                policy.act(observation, None, action).expect("it acts");
            }
            assert_eq!(bits(&together), bits(&single), "{rows} rows, {spec:?}");
        }
    }
}

#[test]
fn samples_have_the_spread_of_the_distribution_and_stay_in_bounds() {
    let spec = gaussian();
    let agent = agent(&spec);
    let mut policy = policy(&spec);
    let observation = observations(&spec, 1);
    let mut normalized = observation.clone();
    spec.normalizer.as_ref().expect("it has one").apply(&observation, &mut normalized);
    let mut frozen = vec![0.0; agent.network.frozen_width()];
    gradus_policy::Frozen::forward(&mut agent.network.freeze_policy(&agent.theta), &normalized, &mut frozen);
    let (mut rng, mut again) = (Stream::new(8, "actions", 0), Stream::new(8, "actions", 0));
    let mut at_a_bound = 0;
    for _ in 0..1000 {
        let (mut action, mut drawn, mut expected) = ([0.0; 2], [0.0; 2], [0.0; 2]);
        policy.sample(&observation, None, &mut rng, &mut action).expect("it acts");
        policy.distribution().sample(&frozen, None, &mut again, &mut drawn);
        spec.action_map.apply(&drawn, &mut expected);
        assert_eq!(bits(&action), bits(&expected));
        assert!((-2.0..=2.0).contains(&action[0]) && (0.0..=0.1).contains(&action[1]), "{action:?}");
        at_a_bound += usize::from(drawn[0].abs() > 1.0);
    }
    assert!(at_a_bound > 10, "the bounds are tried");
}

#[test]
fn masked_actions_are_never_taken() {
    let spec = &specs()[3];
    let mut policy = policy(spec);
    let mut rng = Stream::new(4, "actions", 0);
    let masks = [false, true, true, false, false, true, false, false, true, true];
    let observations = observations(spec, 2);
    let mut actions = [0.0; 4];
    policy.act_batch(&observations, Some(&masks), &mut actions).expect("it acts");
    assert_eq!(bits(&actions[..3]), bits(&[1.0, 0.0, 0.0]));
    let mut seen = [0; 3];
    for _ in 0..100 {
        let mut action = [0.0; 2];
        policy.sample(&observations[..5], Some(&masks[..5]), &mut rng, &mut action).expect("it acts");
        assert_eq!(bits(&action), bits(&[1.0, 0.0]));
        policy.sample(&observations[5..], Some(&masks[5..]), &mut rng, &mut action).expect("it acts");
        assert_eq!(action[0].to_bits(), 0);
        seen[action[1] as usize] += 1;
    }
    assert!(seen[0] == 0 && seen[1] > 0 && seen[2] > 0, "{seen:?}");
}

#[test]
fn the_file_has_the_tensors_of_the_network() {
    for spec in specs() {
        let agent = agent(&spec);
        let mut tensors = agent.network.tensors();
        tensors.retain(|tensor| tensor.offset < agent.network.policy_parameter_count());
        assert_eq!(spec.tensors().expect("sound"), tensors, "{spec:?}");

        let bytes = policy(&spec).to_bytes().expect("representable");
        let checkpoint = Checkpoint::from_bytes(&bytes).expect("intact");
        assert_eq!(checkpoint.tensors.len(), tensors.len());
        for tensor in tensors {
            let values = checkpoint.f32(&tensor.name, &tensor.shape).expect("it is there");
            assert_eq!(bits(values), bits(&agent.theta[tensor.offset..tensor.offset + tensor.size()]));
        }
    }
    let names: Vec<String> =
        gaussian().tensors().expect("sound").into_iter().map(|tensor| tensor.name).collect();
    let layers = ["actor.0.weight", "actor.0.bias", "actor.1.weight", "actor.1.bias", "actor.2.weight"];
    assert_eq!(names, [&layers[..], &["actor.2.bias", "actor.log_std"]].concat());
}

#[test]
fn every_altered_byte_and_every_missing_end_is_refused() {
    let network = ActorCriticConfig::new(2, Distribution::DiagGaussian { dim: 1 }).with_hidden(&[2]);
    let bytes = policy(&spec(network)).to_bytes().expect("representable");
    let mut damaged = bytes.clone();
    for index in 0..bytes.len() {
        damaged[index] ^= 0x10;
        let error = Policy::from_bytes(&damaged).expect_err("refused");
        assert!(matches!(error, PolicyError::Checkpoint(_)), "byte {index}: {error}");
        damaged[index] = bytes[index];
        let error = Policy::from_bytes(&bytes[..index]).expect_err("refused");
        assert!(
            matches!(error, PolicyError::Checkpoint(CheckpointError::Truncated { .. })),
            "{index} bytes: {error}"
        );
    }
    *damaged.last_mut().expect("not empty") ^= 1;
    let message = refusal(Policy::from_bytes(&damaged));
    assert_eq!(message, "the checkpoint is damaged: its checksum does not fit its content");
}

#[test]
fn a_file_of_something_else_is_refused() {
    let message = refusal(altered(&gaussian(), |file| file.metadata["kind"] = "training run".into()));
    assert_eq!(message, "this is no policy but a checkpoint of the kind \"training run\"");
    let message = refusal(altered(&gaussian(), |file| file.metadata = serde_json::json!([1])));
    assert_eq!(message, "this is no policy but a checkpoint of the kind \"\"");
    let message = refusal(altered(&gaussian(), |file| file.metadata["more"] = 1.into()));
    assert!(message.contains("unknown field `more`"), "{message}");
    let message =
        refusal(altered(&gaussian(), |file| file.metadata["spec"]["network"]["hidden"] = "64".into()));
    assert!(message.contains("metadata") && message.contains("64"), "{message}");
}

#[test]
fn tensors_that_do_not_fit_are_named() {
    let spec = gaussian();
    let message = refusal(altered(&spec, |file| drop(file.tensors.remove("actor.1.bias"))));
    assert!(message.contains("no array `actor.1.bias`; it has actor.0.bias, actor.0.weight"), "{message}");

    let reshape = |file: &mut Checkpoint| {
        let tensor = file.tensors["actor.0.weight"].clone().reshaped(&[64, 3]).expect("as many elements");
        file.tensors.insert("actor.0.weight".into(), tensor);
    };
    let message = refusal(altered(&spec, reshape));
    assert!(message.contains("`actor.0.weight` has shape [64, 3], and [3, 64] is needed"), "{message}");

    let retype = |file: &mut Checkpoint| {
        file.tensors.insert("actor.log_std".into(), Tensor::from(vec![0.0_f64; 2]));
    };
    let message = refusal(altered(&spec, retype));
    assert!(message.contains("`actor.log_std` has elements of type f64, and f32 is needed"), "{message}");

    let add = |file: &mut Checkpoint| {
        file.tensors.insert("critic.0.bias".into(), Tensor::from(vec![0.0_f32; 64]));
    };
    let message = refusal(altered(&spec, add));
    assert!(message.contains("no tensor `critic.0.bias`, and the file has one of shape [64]"), "{message}");

    for value in [f32::NAN, INF, f32::NEG_INFINITY] {
        let spoil = |file: &mut Checkpoint| {
            let mut values = vec![0.5; 64];
            values[7] = value;
            file.tensors.insert("actor.1.bias".into(), Tensor::from(values));
        };
        let message = refusal(altered(&spec, spoil));
        assert_eq!(message, format!("element 7 of the policy's tensor `actor.1.bias` is {value}"));
    }

    // Finite, and yet no policy.
    let widen = |file: &mut Checkpoint| {
        file.tensors.insert("actor.log_std".into(), Tensor::from(vec![0.0_f32, 50.0]));
    };
    let message = refusal(altered(&spec, widen));
    assert!(message.contains("log_std 1 is 50"), "{message}");
}

#[test]
fn the_tensors_of_another_description_are_refused() {
    let network = |change: fn(&mut ActorCriticConfig)| {
        altered(&gaussian(), |file| {
            let mut spec = gaussian();
            change(&mut spec.network);
            file.metadata["spec"] = serde_json::to_value(spec).expect("representable");
        })
    };
    for (change, expected) in [
        ((|n| n.hidden = vec![64, 32]) as fn(&mut ActorCriticConfig), "`actor.1.weight` has shape [64, 64]"),
        (|n| n.hidden = vec![64], "`actor.1.weight` has shape [64, 64], and [64, 2] is needed"),
        (|n| n.hidden = vec![64, 64, 2], "no array `actor.3.weight`"),
        (|n| n.shared_trunk = true, "no array `trunk.0.weight`"),
        (|n| n.observation_width = 4, "the normaliser is for observations of width 3, the network for 4"),
        (|n| n.distribution = Distribution::DiagGaussian { dim: 3 }, "2 lower and 2 upper bounds"),
        (|n| n.distribution = Distribution::Bernoulli { n: 2 }, "discrete actions have no bounds"),
        (|n| n.hidden = vec![64, 0], "a layer of width 0"),
    ] {
        let message = refusal(network(change));
        assert!(message.contains(expected), "{message}");
    }
    let agent = agent(&gaussian());
    let message = refusal(Policy::new(gaussian(), &agent.theta));
    assert!(message.contains("has 4548 parameters, and 9029 are given"), "{message}");
}

/// None of these may be built: each would panic, or ask for more memory than there is.
#[test]
fn absurd_descriptions_are_errors() {
    let huge = 1_000_000_000_000;
    let discrete = || Distribution::Categorical { n: 2 };
    let several = |sizes: &[usize]| Distribution::MultiCategorical { sizes: sizes.to_vec() };
    let networks = [
        ActorCriticConfig::new(huge, discrete()),
        ActorCriticConfig::new(usize::MAX, discrete()),
        ActorCriticConfig::new(0, discrete()),
        ActorCriticConfig::new(4, discrete()).with_hidden(&[0]),
        ActorCriticConfig::new(4, discrete()).with_hidden(&[huge, huge]),
        ActorCriticConfig::new(4, discrete()).with_hidden(&[usize::MAX, 1]),
        ActorCriticConfig::new(4, discrete()).with_log_std_init(f64::MAX * 2.0),
        ActorCriticConfig::new(4, Distribution::Categorical { n: 0 }),
        ActorCriticConfig::new(4, Distribution::Categorical { n: usize::MAX }).with_shared_trunk(true),
        ActorCriticConfig::new(4, Distribution::Bernoulli { n: huge }),
        ActorCriticConfig::new(4, Distribution::DiagGaussian { dim: usize::MAX / 2 + 1 }),
        ActorCriticConfig::new(4, Distribution::DiagGaussian { dim: 0 }),
        ActorCriticConfig::new(4, several(&[])),
        ActorCriticConfig::new(4, several(&[2, 0])),
        ActorCriticConfig::new(4, several(&[usize::MAX, 2])),
    ];
    let sound = || spec(ActorCriticConfig::new(4, discrete()));
    for network in networks {
        let text = format!("{network:?}");
        let absurd = spec(network);
        assert!(Policy::new(absurd.clone(), &[0.0; 8]).is_err(), "{text}");
        let metadata = serde_json::to_value(absurd).expect("representable");
        assert!(altered(&sound(), |file| file.metadata["spec"] = metadata).is_err(), "{text}");
    }
    let message = refusal(altered(&sound(), |file| {
        file.metadata["spec"]["network"]["observation_width"] = huge.into();
    }));
    let expected = "`actor.0.weight` has shape [4, 64], and [1000000000000, 64] is needed";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn bad_input_is_named_and_changes_nothing() {
    let mut policy = policy(&specs()[3]);
    let observation = [0.1, 0.2, 0.3, 0.4, 0.5];
    let all = [true; 5];
    let mut check = |observation: &[f32], mask: Option<&[bool]>, width: usize, expected: &str| {
        let mut action = vec![7.0; width];
        let error = policy.act(observation, mask, &mut action).expect_err("refused");
        assert_eq!(error.to_string(), expected);
        let mut rng = Stream::new(0, "actions", 0);
        let error = policy.sample(observation, mask, &mut rng, &mut action).expect_err("refused");
        assert_eq!(error.to_string(), expected);
        assert_eq!(bits(&action), bits(&vec![7.0; width]));
    };
    check(&observation[..4], None, 2, "the observation has 4 values and should have 5");
    check(&[0.0; 10], None, 2, "the observation has 10 values and should have 5");
    check(&observation, None, 3, "the action has 3 values and should have 2");
    check(&observation, Some(&all[..4]), 2, "the mask has 4 values and should have 5");
    check(&observation, Some(&[]), 2, "the mask has 0 values and should have 5");
    check(&[0.0, 0.0, f32::NAN, 0.0, 0.0], None, 2, "component 2 of observation 0 is NaN");
    check(&[0.0, 0.0, 0.0, 0.0, -INF], None, 2, "component 4 of observation 0 is -inf");
    let expected = "the mask of observation 0 allows none of the 3 choices of action component 1";
    check(&observation, Some(&[true, true, false, false, false]), 2, expected);

    let mut actions = [7.0; 4];
    let mut check = |observations: &[f32], masks: Option<&[bool]>, expected: &str| {
        let error = policy.act_batch(observations, masks, &mut actions).expect_err("refused");
        assert_eq!(error.to_string(), expected);
        assert_eq!(bits(&actions), bits(&[7.0; 4]));
    };
    check(&[0.0; 9], None, "9 values are no whole number of observations of 5");
    check(&[0.0; 15], None, "the action has 4 values and should have 6");
    check(&[0.0; 10], Some(&all), "the mask has 5 values and should have 10");
    let mut observations = [0.0; 10];
    observations[8] = f32::NAN;
    check(&observations, None, "component 3 of observation 1 is NaN");
    let masks = [true, true, true, true, true, false, false, true, true, true];
    let expected = "the mask of observation 1 allows none of the 2 choices of action component 0";
    check(&[0.0; 10], Some(&masks), expected);

    policy.act(&observation, Some(&all), &mut [0.0; 2]).expect("it goes on after errors");
}

#[test]
fn distributions_without_masks_take_none_and_outputs_are_finite() {
    let spec = specs().swap_remove(2);
    let mut policy = policy(&spec);
    let mut action = [0.0; 2];
    policy.act(&[0.1, 0.2, 0.3], Some(&[]), &mut action).expect("an empty mask is none");
    let error = policy.act(&[0.1, 0.2, 0.3], Some(&[true, true]), &mut action).expect_err("refused");
    assert_eq!(error.to_string(), "the mask has 2 values and should have 0");

    // Without hidden layers that saturate, a large observation overflows.
    let network = ActorCriticConfig::new(1, Distribution::DiagGaussian { dim: 1 }).with_hidden(&[]);
    let mut policy = Policy::new(self::spec(network), &[1e30, 0.0, 0.0]).expect("sound");
    let error = policy.act(&[1e30], None, &mut action[..1]).expect_err("refused");
    assert_eq!(error.to_string(), "the policy's answer to observation 0 is no distribution: mean 0 is inf");
}
