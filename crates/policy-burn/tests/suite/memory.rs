//! A recurrent unit: sequences read at once and step by step, and its derivative.

use gradus_core_math::{Distribution, Stream};
use gradus_policy::{
    ActionMap, ActorCriticConfig, Body, Frozen, Input, Memory, Network, Policy, PolicySpec, Team,
};
use gradus_policy_burn::{build_actor_critic, load_policy};

use crate::devices::{Point, devices, distance, uniform};

const WIDTH: usize = 3;
const STATE: usize = 5;
/// Environments, steps, and steps of a sequence.
const ENVS: usize = 2;
const STEPS: usize = 6;
const LENGTH: usize = 3;
const TOLERANCE: f64 = 2e-5;

fn config() -> ActorCriticConfig {
    ActorCriticConfig::new(WIDTH, Distribution::DiagGaussian { dim: 2 })
        .with_body(Body::Gru { width: STATE })
        .with_hidden(&[8])
        .with_shared_trunk(true)
}

fn trained(network: &impl Network<Scalar = f32>) -> Vec<f32> {
    let mut theta = vec![0.0; network.parameter_count()];
    network.initialize(&mut Stream::new(4, "initialize", 0), &mut theta);
    theta.iter_mut().zip(uniform("moved", network.parameter_count())).for_each(|(x, m)| *x += 0.4 * m);
    theta
}

/// Whether an episode begins with each row, `[STEPS, ENVS]`.
fn starts() -> Vec<bool> {
    (0..STEPS * ENVS).map(|row| row == ENVS || row == 4 * ENVS + 1).collect()
}

/// One unit by the equations of Cho et al. 2014, in f64.
fn gru(theta: &[f32], x: &[f32], h: &[f64]) -> Vec<f64> {
    let (w, rest) = theta.split_at(WIDTH * 3 * STATE);
    let (b, rest) = rest.split_at(3 * STATE);
    let (u, rest) = rest.split_at(STATE * 3 * STATE);
    let c = &rest[..3 * STATE];
    let of_input = |j: usize| {
        f64::from(b[j]) + (0..WIDTH).map(|i| f64::from(x[i]) * f64::from(w[i * 3 * STATE + j])).sum::<f64>()
    };
    let of_state =
        |j: usize| f64::from(c[j]) + (0..STATE).map(|i| h[i] * f64::from(u[i * 3 * STATE + j])).sum::<f64>();
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let unit = |j: usize| {
        let reset = sigmoid(of_input(j) + of_state(j));
        let keep = sigmoid(of_input(STATE + j) + of_state(STATE + j));
        let new = (of_input(2 * STATE + j) + reset * of_state(2 * STATE + j)).tanh();
        (1.0 - keep) * new + keep * h[j]
    };
    (0..STATE).map(unit).collect()
}

#[test]
fn the_state_follows_the_equations() {
    for (name, device) in devices() {
        let network = build_actor_critic(&config(), &device);
        let theta = trained(&network);
        let mut frozen = network.freeze_policy(&theta);
        assert_eq!((network.state_width(), frozen.state_width()), (STATE, STATE));
        let (mut states, mut expected) = (vec![0.0; STATE], vec![0.0; STATE]);
        let mut output = vec![0.0; network.frozen_width()];
        for t in 0..4 {
            let x = uniform(&format!("observation {t}"), WIDTH);
            frozen.step(&x, &mut states, &mut output);
            expected = gru(&theta, &x, &expected);
            for (found, expected) in states.iter().zip(&expected) {
                assert!((f64::from(*found) - expected).abs() < 1e-5, "{found}, not {expected}, on {name}");
            }
        }
    }
}

#[test]
fn sequences_read_at_once_are_those_read_step_by_step() {
    let observations = uniform("observations", STEPS * ENVS * WIDTH);
    let starts = starts();
    for (name, device) in devices() {
        let mut network = build_actor_critic(&config(), &device);
        let theta = trained(&network);
        let width = network.output_width();
        let mut frozen = network.freeze_policy(&theta);
        let (mut states, mut by_step, mut before) = (uniform("states", ENVS * STATE), Vec::new(), Vec::new());
        for step in 0..STEPS {
            if step % LENGTH == 0 {
                before.extend_from_slice(&states);
            }
            for env in (0..ENVS).filter(|env| starts[step * ENVS + env]) {
                states[env * STATE..][..STATE].fill(0.0);
            }
            let mut output = vec![0.0; ENVS * width];
            frozen.step(&observations[step * ENVS * WIDTH..][..ENVS * WIDTH], &mut states, &mut output);
            by_step.extend(output);
        }
        let memory = Memory { n_envs: ENVS, length: LENGTH, states: &before, starts: &starts };
        let input = Input::all(&observations, WIDTH).with_memory(Some(memory));
        let mut at_once = vec![0.0; by_step.len()];
        network.forward(Team::single(), &theta, input, &mut at_once);
        assert!(distance(&at_once, &by_step) < TOLERANCE, "{name}");
        // Two sequences of a minibatch, the later one of the second environment first.
        let rows = [7, 9, 11, 0, 2, 4];
        let listed = Input::listed(&observations, WIDTH, &rows).with_memory(Some(memory));
        let expected: Vec<f32> =
            rows.iter().flat_map(|&r| by_step[r as usize * width..][..width].to_vec()).collect();
        let point = Point::of(&mut network, &theta, listed);
        assert!(distance(&point.outputs, &expected) < TOLERANCE, "{name}");
        // The wrong variant: without a memory the outputs are others.
        let mut forgetful = vec![0.0; expected.len()];
        network.forward(Team::single(), &theta, Input::listed(&observations, WIDTH, &rows), &mut forgetful);
        assert!(distance(&forgetful, &expected) > 1e-2, "{name}");
    }
}

#[test]
fn the_gradient_goes_back_through_time_and_not_through_the_start_of_an_episode() {
    let observations = uniform("observations", STEPS * ENVS * WIDTH);
    let (starts, states) = (starts(), uniform("before", STEPS / LENGTH * ENVS * STATE));
    let memory = Memory { n_envs: ENVS, length: LENGTH, states: &states, starts: &starts };
    let input = Input::all(&observations, WIDTH).with_memory(Some(memory));
    for (name, device) in devices() {
        let mut network = build_actor_critic(&config(), &device);
        let theta = trained(&network);
        let point = Point::of(&mut network, &theta, input);
        // Jv is a central difference of outputs, so that agreement says that Jᵀu has every path through time.
        assert!(point.asymmetry() < 2e-3, "{:e} on {name}", point.asymmetry());
        assert!(distance(&point.again, &point.gradient) < TOLERANCE, "{name}");
    }
}

#[test]
fn a_policy_remembers_row_by_row_until_it_is_told_to_forget() {
    let (name, device) = devices().remove(0);
    let network = build_actor_critic(&config(), &device);
    let theta = trained(&network);
    let spec = PolicySpec {
        network: config(),
        normalizer: None,
        action_map: ActionMap::Identity,
        env: "any".into(),
    };
    let bytes = Policy::with_network(spec, &theta, &network).expect("a policy").to_bytes().expect("bytes");
    let mut policy = load_policy(&bytes, &device).expect("the same policy");
    assert_eq!(policy.state_width(), STATE);
    let observation = uniform("observation", WIDTH);
    let both = [observation.clone(), observation.clone()].concat();
    let act = |policy: &mut Policy| {
        let mut actions = vec![0.0; 4];
        policy.act_batch(&both, None, &mut actions).expect("actions");
        actions
    };
    let first = act(&mut policy);
    let second = act(&mut policy);
    assert_ne!(first, second, "{name}: nothing was remembered");
    policy.reset_row(1);
    let third = act(&mut policy);
    assert_eq!(third[2..], first[2..], "{name}: row 1 begins anew");
    assert_ne!(third[..2], first[..2], "{name}: row 0 goes on");
    policy.reset();
    assert_eq!(act(&mut policy), first, "{name}");
}
