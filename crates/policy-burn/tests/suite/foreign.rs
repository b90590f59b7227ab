//! A module of the user's own, which says nothing of its derivative, and the layers that know theirs.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, TensorData};
use gradus_core_math::{Distribution, Stream};
use gradus_envs::{FrameStack, KeepValues, VecEnv, VectorEnv, classic::CartPole};
use gradus_policy::{ActorCritic, Input, Network, Policy};
use gradus_policy_burn::{BurnNetwork, Dual, Map, Norm, load_policy, tanh};
use gradus_runner::{Settings, Trainer};

use crate::devices::{Point, devices, distance, uniform};

const WIDTH: usize = 6;
const ROWS: usize = 16;

/// Two layers with a gate and a normalisation between, with its own derivative or without.
#[derive(Module, Debug)]
struct Gated<const EXACT: bool> {
    left: Linear,
    right: Linear,
    norm: Norm,
    output: Linear,
    idle: Linear,
}

impl<const EXACT: bool> Gated<EXACT> {
    fn network(device: &Device) -> BurnNetwork<Self> {
        BurnNetwork::new(device, WIDTH, 3, |device: &Device, _: &mut Stream| {
            let layer = |inputs, outputs| LinearConfig::new(inputs, outputs).init(device);
            Self {
                left: layer(WIDTH, 12),
                right: layer(WIDTH, 12),
                norm: Norm::new(12, device),
                output: layer(12, 3),
                idle: layer(1, 1),
            }
        })
    }
}

impl<const EXACT: bool> Map for Gated<EXACT> {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let gated = tanh(self.left.forward(x.clone())) * sigmoid(self.right.forward(x));
        self.output.forward(self.norm.forward(gated))
    }

    fn jvp(&self, tangent: &Self, x: Tensor<2>) -> Option<Tensor<2>> {
        if !EXACT {
            return None;
        }
        let left = Dual::constant(x.clone()).linear(&self.left, &tangent.left).tanh();
        let right = Dual::constant(x).linear(&self.right, &tangent.right);
        let gate = sigmoid(right.value);
        let of_gate = gate.clone() * (1.0 - gate.clone()) * right.tangent?;
        let gated = Dual {
            value: left.value.clone() * gate.clone(),
            tangent: Some(left.tangent? * gate + left.value * of_gate),
        };
        gated.norm(&self.norm, &tangent.norm).linear(&self.output, &tangent.output).tangent
    }
}

fn theta<const EXACT: bool>(network: &BurnNetwork<Gated<EXACT>>) -> Vec<f32> {
    let mut theta = vec![0.0; network.parameter_count()];
    network.initialize(&mut Stream::new(5, "initialize", 0), &mut theta);
    theta.iter_mut().zip(uniform("moved", network.parameter_count())).for_each(|(x, m)| *x += 0.3 * m);
    theta
}

#[test]
fn parameters_come_in_the_order_of_the_fields() {
    let (_, device) = devices().remove(0);
    let names: Vec<String> = Gated::<true>::network(&device).tensors().into_iter().map(|t| t.name).collect();
    let expected = ["left", "right", "norm", "output", "idle"].iter().flat_map(|layer| {
        let parts = if *layer == "norm" { ["gamma", "beta"] } else { ["weight", "bias"] };
        parts.map(|part| format!("{layer}.{part}"))
    });
    assert_eq!(names, expected.collect::<Vec<_>>());
}

#[test]
fn the_central_difference_is_near_the_exact_derivative() {
    let observations = uniform("observations", ROWS * WIDTH);
    let input = Input::all(&observations, WIDTH);
    for (name, device) in devices() {
        let (mut exact, mut foreign) = (Gated::<true>::network(&device), Gated::<false>::network(&device));
        let theta = theta(&exact);
        let (exact, by_difference) =
            (Point::of(&mut exact, &theta, input), Point::of(&mut foreign, &theta, input));
        assert!(exact.asymmetry() < 1e-5, "{:e} on {name}", exact.asymmetry());
        let error = distance(&by_difference.along, &exact.along);
        // What the documentation of `Map::jvp` says, with room for other directions.
        assert!(error < 5e-4 && error > 1e-7, "{error:e} on {name}");
        assert!(distance(&by_difference.gradient, &exact.gradient) < 1e-6, "{name}");
        // Nothing depends on the last layer.
        assert!(exact.gradient[exact.gradient.len() - 2..].iter().all(|g| g.abs() < f32::MIN_POSITIVE));
    }
}

#[test]
fn initial_parameters_follow_the_stream_alone() {
    for (name, device) in devices() {
        let network = Gated::<true>::network(&device);
        let initial = |seed| {
            let mut theta = vec![0.0; network.parameter_count()];
            network.initialize(&mut Stream::new(seed, "initialize", 0), &mut theta);
            theta
        };
        assert!(initial(1) == initial(1), "{name}");
        assert!(initial(1) != initial(2), "{name}");
    }
}

#[test]
fn tanh_and_its_slope() {
    let values: Vec<f32> = (-400..=400_i16).map(|x| f32::from(x) / 40.0).collect();
    for (name, device) in devices() {
        let x = Tensor::<2>::from_data(TensorData::new(values.clone(), [9, 89]), &device.clone().autodiff());
        let x = x.require_grad();
        let y = tanh(x.clone());
        let gradients = (y.clone() * y.clone()).sum().backward();
        let numbers = |tensor: Tensor<2>| tensor.into_data().try_into_vec::<f32>().expect("f32");
        let slope = numbers(x.grad(&gradients).expect("a gradient"));
        for ((x, y), slope) in values.iter().zip(numbers(y.inner())).zip(slope) {
            let exact = f64::from(*x).tanh();
            assert!((f64::from(y) - exact).abs() < 1e-6, "tanh {x} = {y} on {name}");
            let expected = 2.0 * exact * (1.0 - exact * exact);
            assert!((f64::from(slope) - expected).abs() < 2e-6, "{slope}, not {expected}, at {x} on {name}");
        }
    }
}

/// Its file says that it is of the user's own, so that nobody takes it for layers that it does not have.
#[test]
fn a_policy_of_a_foreign_module_is_loaded_by_those_who_know_it() {
    let (_, device) = devices().remove(0);
    let make = |n: usize, seed: u64, first: usize| {
        let task = || FrameStack::new(KeepValues::new(CartPole::v1(), &[0, 1, 2]), 2);
        let envs = (0..n).map(|_| task()).collect();
        Ok(Box::new(VecEnv::new(envs, seed, first)?) as Box<dyn VectorEnv>)
    };
    let network = || {
        let family = Distribution::Categorical { n: 2 };
        ActorCritic::shared(Gated::<false>::network(&device), family, 0.0)
    };
    let settings = Settings { shared_trunk: true, ..Settings::ppo().with_rollout(2, 16) };
    let mut trainer = Trainer::with_network("mine", &make, &settings, |_| network()).expect("a run");
    trainer.iterate().expect("an update");
    let mut policy = trainer.policy().expect("finite parameters");
    let bytes = policy.to_bytes().expect("its bytes");
    for refused in [Policy::from_bytes(&bytes).err(), load_policy(&bytes, &device).err()] {
        let message = refused.expect("nobody can know the module").to_string();
        assert!(message.contains("own"), "{message}");
    }
    let mut again = Policy::from_bytes_with(&bytes, |_| Ok(network())).expect("its own network");
    let observations = uniform("observations", 64 * WIDTH);
    let mut actions = [vec![0.0; 64], vec![0.0; 64]];
    policy.act_batch(&observations, None, &mut actions[0]).expect("actions");
    again.act_batch(&observations, None, &mut actions[1]).expect("actions");
    assert_eq!(actions[0], actions[1]);
}
