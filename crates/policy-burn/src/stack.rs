//! The module that a description asks for: convolutions or a memory, then dense layers.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use gradus_core_math::Stream;
use gradus_policy::{Activation, ActorCriticConfig, Body, ConvConfig, Head, orthogonal};

use crate::dual::Dual;
use crate::flat;
use crate::gru::Gru;
use crate::map::Map;
use crate::network::BurnNetwork;
use crate::tanh::tanh;

/// The gain of hidden layers (as in [`MlpConfig`](gradus_policy::MlpConfig)).
const HIDDEN_GAIN: f64 = std::f64::consts::SQRT_2;

/// The layers of a description: convolutions over an image, or a recurrent unit, or neither; then dense layers, with
/// the activation between them.
///
/// θ of a stack of dense layers alone is that of an [`Mlp`](gradus_policy::Mlp), with the same names and the same
/// initial values: what one has learnt, the other can go on with.
#[derive(Module, Debug)]
pub struct Stack {
    convolutions: Vec<Conv2d>,
    gru: Option<Gru>,
    dense: Vec<Linear>,
    #[module(skip)]
    image: [usize; 3],
    #[module(skip)]
    activation: Activation,
}

impl Stack {
    /// The network with these outputs, of an actor-critic of this description.
    ///
    /// # Panics
    /// When the description is not one of layers that fit together.
    pub fn network(config: &ActorCriticConfig, heads: &[Head], device: &Device) -> BurnNetwork<Self> {
        let outputs = heads.iter().map(|head| head.width).sum();
        let first_dense = match &config.body {
            Body::Conv(conv) => conv.layers.len(),
            Body::Gru { .. } => 1,
            _ => 0,
        };
        let (config, heads) = (config.clone(), heads.to_vec());
        let width = config.observation_width;
        BurnNetwork::new(device, width, outputs, move |device, rng| {
            Self::initial(&config, &heads, device, rng)
        })
        .with_names(|path| name_of(path, first_dense))
    }

    /// With orthogonal weights and zero biases.
    fn initial(config: &ActorCriticConfig, heads: &[Head], device: &Device, rng: &mut Stream) -> Self {
        let module = Self::zeros(config, heads, device);
        let tensors = flat::layout(&module);
        let mut theta = vec![0.0; tensors.last().map_or(0, |last| last.offset + last.size())];
        let last = tensors.iter().rposition(|tensor| tensor.shape.len() > 1).unwrap_or(0);
        for (i, tensor) in tensors.iter().enumerate() {
            let weight = &mut theta[tensor.offset..][..tensor.size()];
            match tensor.shape[..] {
                [_] => {}
                [_, columns] if i == last => {
                    let mut start = 0;
                    for head in heads {
                        let end = start + head.width;
                        orthogonal(weight, columns, start..end, head.gain, rng);
                        start = end;
                    }
                }
                [_, columns] if tensor.name.starts_with("gru.") => {
                    let gate = columns / 3;
                    (0..3).for_each(|g| orthogonal(weight, columns, g * gate..(g + 1) * gate, 1.0, rng));
                }
                [_, columns] => orthogonal(weight, columns, 0..columns, HIDDEN_GAIN, rng),
                [channels, ..] => {
                    let stride = weight.len() / channels;
                    orthogonal(weight, stride, 0..stride, HIDDEN_GAIN, rng);
                }
                [] => unreachable!("every parameter has an axis"),
            }
        }
        flat::with_parameters(module, &theta, device)
    }

    fn zeros(config: &ActorCriticConfig, heads: &[Head], device: &Device) -> Self {
        let (convolutions, image, gru, features) = match &config.body {
            Body::Dense => (Vec::new(), [0; 3], None, config.observation_width),
            Body::Conv(conv) => {
                let (convolutions, features) = convolutions(conv, device);
                (convolutions, conv.image, None, features)
            }
            Body::Gru { width } => {
                let gru = Gru::zeros(config.observation_width, *width, device);
                (Vec::new(), [0; 3], Some(gru), *width)
            }
            Body::Custom => panic!("a custom network is not described"),
        };
        let outputs = heads.iter().map(|head| head.width).sum();
        let widths: Vec<usize> =
            [features].into_iter().chain(config.hidden.clone()).chain([outputs]).collect();
        let dense = |pair: &[usize]| {
            LinearConfig::new(pair[0], pair[1]).with_initializer(Initializer::Zeros).init(device)
        };
        Self {
            convolutions,
            gru,
            dense: widths.windows(2).map(dense).collect(),
            image,
            activation: config.activation,
        }
    }

    fn activate<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        match self.activation {
            Activation::Identity => x,
            Activation::Tanh => tanh(x),
            Activation::Relu => relu(x),
        }
    }

    fn activate_dual<const D: usize>(&self, x: Dual<D>) -> Dual<D> {
        match self.activation {
            Activation::Identity => x,
            Activation::Tanh => x.tanh(),
            Activation::Relu => x.relu(),
        }
    }

    /// What the dense layers see, of a map without memory.
    fn features(&self, observations: Tensor<2>) -> Tensor<2> {
        if self.convolutions.is_empty() {
            return observations;
        }
        let rows = observations.dims()[0];
        let [channels, height, width] = self.image;
        let mut x = observations.reshape([rows, channels, height, width]);
        for layer in &self.convolutions {
            x = self.activate(layer.forward(x));
        }
        x.flatten(1, 3)
    }

    fn outputs(&self, mut x: Tensor<2>) -> Tensor<2> {
        for (l, layer) in self.dense.iter().enumerate() {
            x = layer.forward(x);
            if l + 1 < self.dense.len() {
                x = self.activate(x);
            }
        }
        x
    }
}

impl Map for Stack {
    fn forward(&self, observations: Tensor<2>) -> Tensor<2> {
        self.outputs(self.features(observations))
    }

    fn state_width(&self) -> usize {
        self.gru.as_ref().map_or(0, Gru::width)
    }

    fn step(&self, observations: Tensor<2>, state: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        match &self.gru {
            None => (self.forward(observations), state),
            Some(gru) => {
                let after = gru.step(observations, state);
                (self.outputs(after.clone()), after)
            }
        }
    }

    fn jvp(&self, tangent: &Self, observations: Tensor<2>) -> Option<Tensor<2>> {
        if self.gru.is_some() {
            return None;
        }
        let mut x = if self.convolutions.is_empty() {
            Dual::constant(observations)
        } else {
            let rows = observations.dims()[0];
            let [channels, height, width] = self.image;
            let mut x = Dual::constant(observations.reshape([rows, channels, height, width]));
            for (layer, tangent) in self.convolutions.iter().zip(&tangent.convolutions) {
                x = self.activate_dual(x.conv2d(layer, tangent));
            }
            let features = x.value.dims()[1..].iter().product();
            x.reshape([rows, features])
        };
        for (l, (layer, tangent)) in self.dense.iter().zip(&tangent.dense).enumerate() {
            x = x.linear(layer, tangent);
            if l + 1 < self.dense.len() {
                x = self.activate_dual(x);
            }
        }
        x.tangent
    }
}

/// The convolutions, and the length of what they put out.
fn convolutions(config: &ConvConfig, device: &Device) -> (Vec<Conv2d>, usize) {
    let shapes = config.shapes().expect("convolutions that fit into the image");
    let layers = shapes.iter().zip(&config.layers).map(|([channels, ..], layer)| {
        Conv2dConfig::new([*channels, layer.channels], [layer.kernel; 2])
            .with_stride([layer.stride; 2])
            .with_initializer(Initializer::Zeros)
            .init(device)
    });
    (layers.collect(), shapes.last().map_or(0, |shape| shape.iter().product()))
}

/// The name that an `Mlp` gives a tensor: the number of its layer and what it is there.
fn name_of(path: &str, first_dense: usize) -> String {
    let parts: Vec<&str> = path.split('.').collect();
    match parts[..] {
        ["convolutions", layer, part] => format!("{layer}.{part}"),
        ["gru", gate, part] => format!("0.{gate}.{part}"),
        ["dense", layer, part] => {
            let layer: usize = layer.parse().expect("Burn numbers the parts of a vector");
            format!("{}.{part}", first_dense + layer)
        }
        _ => path.to_owned(),
    }
}
