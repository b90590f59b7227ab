//! The multilayer perceptron: fused kernels over one flat parameter vector.

mod frozen;
mod init;
mod layer;
mod linearized;
mod segment;

use std::ops::AddAssign;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gradus_core_math::Stream;
use serde::{Deserialize, Serialize};

use crate::kernel::{Activation, InstructionSet, Kernel};
use crate::network::{Frozen, Input, Network, TensorInfo};
use crate::threads::Team;
pub use frozen::FrozenMlp;
pub use init::orthogonal;
use layer::{Layer, LayerGradient, Packed};
pub use linearized::LinearizedMlp;
use segment::{Map, Segment, segment_rows};

/// A group of adjacent outputs that is initialised by itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The number of outputs.
    pub width: usize,
    /// The gain of its orthogonal weights.
    pub gain: f64,
}

/// The shape of an [`Mlp`].
///
/// Weights are orthogonal at first, with gain √2 in hidden layers (Saxe et al. 2014; the usual choice for
/// on-policy methods, Andrychowicz et al. 2021), and biases are zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MlpConfig {
    /// The length of an observation.
    pub inputs: usize,
    /// The widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// The outputs, in groups.
    pub heads: Vec<Head>,
    /// The nonlinearity of the hidden layers; the outputs have none.
    pub activation: Activation,
    /// The gain of the hidden layers' orthogonal weights.
    pub hidden_gain: f64,
}

impl MlpConfig {
    /// Two hidden layers of 64 with tanh, and `outputs` outputs of gain 1.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self {
            inputs,
            hidden: vec![64, 64],
            heads: vec![Head { width: outputs, gain: 1.0 }],
            activation: Activation::Tanh,
            hidden_gain: std::f64::consts::SQRT_2,
        }
    }

    /// Other hidden layers; none for an affine map.
    pub fn with_hidden(mut self, hidden: &[usize]) -> Self {
        self.hidden = hidden.to_vec();
        self
    }

    /// Another nonlinearity.
    pub fn with_activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// Another gain of the hidden layers' weights.
    pub fn with_hidden_gain(mut self, hidden_gain: f64) -> Self {
        self.hidden_gain = hidden_gain;
        self
    }

    /// Other groups of outputs.
    pub fn with_heads(mut self, heads: &[Head]) -> Self {
        self.heads = heads.to_vec();
        self
    }

    fn outputs(&self) -> usize {
        self.heads.iter().map(|head| head.width).sum()
    }

    fn layers(&self) -> Vec<Layer> {
        let mut widths = vec![self.inputs];
        widths.extend(&self.hidden);
        widths.push(self.outputs());
        assert!(widths.iter().all(|&w| w > 0), "every layer of a network has a width: {widths:?}");
        Layer::stack(&widths, self.activation)
    }
}

/// y = W_L·φ(… φ(W₁x + b₁) …) + b_L with one flat θ: for each layer the weight `[inputs, outputs]` row-major,
/// then the bias.
///
/// ```
/// use gradus_policy::{Input, Linearized, Mlp, MlpConfig, Network, Team};
/// use gradus_core_math::Stream;
///
/// let mut mlp = Mlp::<f32>::new(MlpConfig::new(4, 2));
/// let mut theta = vec![0.0; mlp.parameter_count()];
/// mlp.initialize(&mut Stream::new(0, "initialise", 0), &mut theta);
/// let observations = [0.1, 0.2, 0.3, 0.4, -0.1, -0.2, -0.3, -0.4];
///
/// let mut point = mlp.linearize(Team::single(), &theta, Input::all(&observations, 4));
/// assert_eq!(point.outputs().len(), 2 * 2);
/// let mut gradient = vec![0.0; theta.len()];
/// point.vjp(Team::single(), &[1.0, 0.0, 0.0, 0.0], &mut gradient);
/// ```
#[derive(Debug)]
pub struct Mlp<T> {
    config: MlpConfig,
    layers: Vec<Layer>,
    set: InstructionSet,
    weights: Vec<Packed<T>>,
    tangents: Vec<Packed<T>>,
    /// Rows of each segment but the last.
    segment_rows: usize,
    /// Those of a linearisation, which are kept.
    segments: Vec<Segment<T>>,
    /// For each thread one through which segments pass that are not kept.
    passing: Vec<Mutex<Segment<T>>>,
    /// The gradients of the segments.
    gradients: Vec<Vec<LayerGradient<T>>>,
    outputs: Vec<T>,
}

impl<T: Kernel> Mlp<T> {
    /// A network of this shape on the processor's best instructions.
    ///
    /// # Panics
    /// When a width is zero.
    pub fn new(config: MlpConfig) -> Self {
        Self::with_instruction_set(config, InstructionSet::best())
    }

    /// A network of this shape on the given instructions.
    ///
    /// # Panics
    /// When a width is zero, or the processor lacks the instructions.
    pub fn with_instruction_set(config: MlpConfig, set: InstructionSet) -> Self {
        assert!(InstructionSet::available().contains(&set), "this processor has no {set:?}");
        let layers = config.layers();
        Self {
            weights: layers.iter().map(Packed::new).collect(),
            segment_rows: segment_rows(&layers),
            config,
            layers,
            set,
            tangents: Vec::new(),
            segments: Vec::new(),
            passing: Vec::new(),
            gradients: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// The shape.
    pub fn config(&self) -> &MlpConfig {
        &self.config
    }

    fn check(&self, theta: &[T], input: &Input<'_, T>) {
        assert_eq!(theta.len(), self.parameter_count(), "the length of θ");
        assert_eq!(input.width, self.config.inputs, "the width of an observation");
    }

    /// Takes over θ.
    fn load(&mut self, theta: &[T], input: &Input<'_, T>) {
        self.check(theta, input);
        for (packed, layer) in self.weights.iter_mut().zip(&self.layers) {
            packed.load(self.set, layer, theta);
        }
    }

    /// Makes room for each thread that may come.
    fn make_room(&mut self, team: &Team<'_>) {
        let new = || Mutex::new(Segment::new(&self.layers, self.segment_rows));
        self.passing.resize_with(self.passing.len().max(team.reach()), new);
    }
}

/// A thread's own segment: no other thread ever asks for it.
fn own<T>(passing: &[Mutex<Segment<T>>], thread: usize) -> MutexGuard<'_, Segment<T>> {
    passing[thread].lock().unwrap_or_else(PoisonError::into_inner)
}

/// Room for the gradients of `count` segments.
fn make_room_for_gradients<T: Kernel>(
    layers: &[Layer],
    gradients: &mut Vec<Vec<LayerGradient<T>>>,
    count: usize,
) {
    let new = || layers.iter().map(LayerGradient::new).collect();
    gradients.resize_with(gradients.len().max(count), new);
}

impl<T: Kernel> Network for Mlp<T> {
    const CONCURRENT: bool = true;
    type Scalar = T;
    type Frozen = FrozenMlp<T>;
    type Linearized<'a> = LinearizedMlp<'a, T>;

    fn input_width(&self) -> usize {
        self.config.inputs
    }

    fn output_width(&self) -> usize {
        self.config.outputs()
    }

    fn parameter_count(&self) -> usize {
        parameter_count(&self.layers)
    }

    fn tensors(&self) -> Vec<TensorInfo> {
        let of_layer = |(l, layer): (usize, &Layer)| {
            let weight = TensorInfo {
                name: format!("{l}.weight"),
                shape: vec![layer.inputs, layer.outputs],
                offset: layer.offset,
            };
            let bias = TensorInfo {
                name: format!("{l}.bias"),
                shape: vec![layer.outputs],
                offset: layer.offset + weight.size(),
            };
            [weight, bias]
        };
        self.layers.iter().enumerate().flat_map(of_layer).collect()
    }

    fn initialize(&self, rng: &mut Stream, theta: &mut [T]) {
        assert_eq!(theta.len(), self.parameter_count(), "the length of θ");
        theta.fill(T::zero());
        for (l, layer) in self.layers.iter().enumerate() {
            let weight = &mut theta[layer.offset..layer.offset + layer.inputs * layer.outputs];
            if l + 1 < self.layers.len() {
                orthogonal(weight, layer.outputs, 0..layer.outputs, self.config.hidden_gain, rng);
                continue;
            }
            let mut first = 0;
            for head in &self.config.heads {
                orthogonal(weight, layer.outputs, first..first + head.width, head.gain, rng);
                first += head.width;
            }
        }
    }

    fn freeze(&self, theta: &[T]) -> FrozenMlp<T> {
        let mut frozen = FrozenMlp::new(&self.layers, self.set);
        frozen.load(theta);
        frozen
    }

    /// Each thread takes some segments.
    fn forward(&mut self, mut team: Team<'_>, theta: &[T], input: Input<'_, T>, output: &mut [T]) {
        self.load(theta, &input);
        self.make_room(&team);
        let (width, length) = (self.output_width(), self.segment_rows);
        assert_eq!(output.len(), input.rows.len() * width, "the length of the output");
        let map = Map { set: self.set, layers: &self.layers, weights: &self.weights };
        let mut parts: Vec<&mut [T]> = output.chunks_mut(length * width).collect();
        team.for_each_helped(&mut parts, |thread, i, output| {
            let mut segment = own(&self.passing, thread);
            segment.forward(map, input, i * length, output.len() / width);
            output.copy_from_slice(segment.outputs(width));
        });
    }

    /// Each thread takes some segments.
    fn linearize<'a>(
        &'a mut self,
        mut team: Team<'_>,
        theta: &'a [T],
        input: Input<'a, T>,
    ) -> LinearizedMlp<'a, T> {
        self.load(theta, &input);
        let (rows, width, length) = (input.rows.len(), self.output_width(), self.segment_rows);
        let count = rows.div_ceil(length);
        let new = || Segment::new(&self.layers, length);
        self.segments.resize_with(self.segments.len().max(count), new);
        self.outputs.resize(rows * width, T::zero());
        let map = Map { set: self.set, layers: &self.layers, weights: &self.weights };
        let outputs = self.outputs.chunks_mut(length * width);
        let mut parts: Vec<_> = self.segments.iter_mut().zip(outputs).collect();
        team.for_each_helped(&mut parts, |_, i, (segment, output)| {
            segment.forward(map, input, i * length, output.len() / width);
            output.copy_from_slice(segment.outputs(width));
        });
        LinearizedMlp { mlp: self, count }
    }

    /// Each thread takes some segments there and back, while they are in its cache.
    fn gradient<S: Send + Default + AddAssign>(
        &mut self,
        mut team: Team<'_>,
        theta: &[T],
        input: Input<'_, T>,
        loss: &(impl Fn(usize, &[T], &mut [T]) -> S + Sync),
        gradient: &mut [T],
    ) -> S {
        self.load(theta, &input);
        self.make_room(&team);
        let (rows, length) = (input.rows.len(), self.segment_rows);
        let count = rows.div_ceil(length);
        assert_eq!(gradient.len(), theta.len(), "the length of the gradient");
        make_room_for_gradients(&self.layers, &mut self.gradients, count);
        let map = Map { set: self.set, layers: &self.layers, weights: &self.weights };
        let sum = team.sum_helped(self.gradients[..count].iter_mut(), |thread, i, gradient| {
            let (first, mut segment) = (i * length, own(&self.passing, thread));
            segment.forward(map, input, first, length.min(rows - first));
            segment.backward(map, gradient, |outputs, cotangent| loss(first, outputs, cotangent))
        });
        unpack(&self.layers, &self.gradients[..count], gradient);
        sum
    }
}

/// `gradient` ← the sum of the segments' gradients, in their order.
fn unpack<T: Kernel>(layers: &[Layer], segments: &[Vec<LayerGradient<T>>], gradient: &mut [T]) {
    if segments.is_empty() {
        gradient.fill(T::zero());
    }
    for (i, segment) in segments.iter().enumerate() {
        for (layer, part) in layers.iter().zip(segment) {
            part.unpack(layer, gradient, i > 0);
        }
    }
}

/// The weights and biases of all layers.
fn parameter_count(layers: &[Layer]) -> usize {
    layers.iter().map(Layer::size).sum()
}
