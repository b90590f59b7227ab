//! A Burn module as a network.

use std::fmt;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use gradus_core_math::Stream;
use gradus_policy::{Frozen, Input, Linearized, Network, Team, TensorInfo};
use rand::RngExt;

use crate::central;
use crate::exclusive::exclusive;
use crate::flat::{self, numbers};
use crate::map::Map;
use crate::rows::DeviceRows;

/// Makes a module with its initial parameters.
type Init<M> = dyn Fn(&Device, &mut Stream) -> M + Send + Sync;

/// A Burn module on a device, behind [`Network`].
///
/// Observations and cotangents go to the device, outputs and gradients come back, each in one piece; θ lives with the
/// caller. `vjp` is Burn's automatic differentiation of Σ y·u; it is of first order and its graph serves once, so that
/// a second `vjp` at the same point evaluates the module again. `jvp` is the module's own, or a central difference:
/// see [`Map::jvp`]. Of all networks of a process one at a time builds a graph or goes back through one, because Burn
/// may lose gradients otherwise (tracel-ai/burn#5573).
///
/// Teams of threads are not used: Burn's processors' backends have threads of their own.
pub struct BurnNetwork<M> {
    device: Device,
    template: M,
    init: Arc<Init<M>>,
    tensors: Vec<TensorInfo>,
    input_width: usize,
    output_width: usize,
}

impl<M: Map> BurnNetwork<M> {
    /// The network of the module that `init` makes on `device`.
    ///
    /// `init` is called once for the shape, and again for each set of initial parameters. It may draw these from the
    /// stream that it is given, or from Burn's own generator, which is seeded from a copy of that stream before.
    pub fn new(
        device: &Device,
        input_width: usize,
        output_width: usize,
        init: impl Fn(&Device, &mut Stream) -> M + Send + Sync + 'static,
    ) -> Self {
        let device = device.clone().without_autodiff();
        let init: Arc<Init<M>> = Arc::new(init);
        let template = {
            let _alone = exclusive();
            (*init)(&device, &mut Stream::new(0, "shape", 0))
        };
        let tensors = flat::layout(&template);
        Self { device, template, init, tensors, input_width, output_width }
    }

    /// The same with other names of the tensors, made from Burn's paths such as `hidden.weight`.
    #[must_use]
    pub fn with_names(mut self, name: impl Fn(&str) -> String) -> Self {
        self.tensors.iter_mut().for_each(|tensor| tensor.name = name(&tensor.name));
        self
    }

    /// Where it is evaluated.
    pub fn device(&self) -> &Device {
        &self.device
    }

    fn module(&self, theta: &[f32], device: &Device) -> M {
        assert_eq!(theta.len(), self.parameter_count(), "the length of θ");
        flat::with_parameters(self.template.clone(), theta, device)
    }

    fn rows(&self, input: &Input<'_, f32>, device: &Device) -> DeviceRows {
        assert_eq!(input.width, self.input_width, "the width of an observation");
        DeviceRows::new(input, self.state_width(), device)
    }
}

impl<M> fmt::Debug for BurnNetwork<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BurnNetwork")
            .field("device", &self.device)
            .field("tensors", &self.tensors)
            .finish_non_exhaustive()
    }
}

impl<M: Map> Network for BurnNetwork<M> {
    const CONCURRENT: bool = false;
    type Scalar = f32;
    type Frozen = BurnFrozen<M>;
    type Linearized<'a> = LinearizedBurn<'a, M>;

    fn input_width(&self) -> usize {
        self.input_width
    }

    fn output_width(&self) -> usize {
        self.output_width
    }

    fn state_width(&self) -> usize {
        self.template.state_width()
    }

    fn parameter_count(&self) -> usize {
        self.tensors.last().map_or(0, |last| last.offset + last.size())
    }

    fn tensors(&self) -> Vec<TensorInfo> {
        self.tensors.clone()
    }

    fn initialize(&self, rng: &mut Stream, theta: &mut [f32]) {
        let _alone = exclusive();
        // From a copy, so that who draws from the stream alone draws what any other network would.
        self.device.seed(rng.clone().random());
        theta.copy_from_slice(&flat::parameters(&(*self.init)(&self.device, rng)));
    }

    fn freeze(&self, theta: &[f32]) -> BurnFrozen<M> {
        BurnFrozen {
            module: self.module(theta, &self.device),
            device: self.device.clone(),
            input_width: self.input_width,
            output_width: self.output_width,
        }
    }

    fn forward(&mut self, _: Team<'_>, theta: &[f32], input: Input<'_, f32>, output: &mut [f32]) {
        assert_eq!(output.len(), input.rows.len() * self.output_width, "the length of the output");
        if output.is_empty() {
            return;
        }
        let rows = self.rows(&input, &self.device);
        let outputs = numbers(rows.evaluate(&self.module(theta, &self.device)));
        rows.to_caller(&outputs, output);
    }

    fn linearize<'a>(
        &'a mut self,
        _: Team<'_>,
        theta: &'a [f32],
        input: Input<'a, f32>,
    ) -> LinearizedBurn<'a, M> {
        let device = self.device.clone().autodiff();
        let rows = self.rows(&input, &device);
        let _alone = exclusive();
        let module = self.module(theta, &device);
        let graph = rows.evaluate(&module);
        let mut outputs = vec![0.0; input.rows.len() * self.output_width];
        rows.to_caller(&numbers(graph.clone().inner()), &mut outputs);
        LinearizedBurn { network: self, theta, module, rows, graph: Some(graph), outputs }
    }
}

/// A [`BurnNetwork`] at one point.
pub struct LinearizedBurn<'a, M: Map> {
    network: &'a BurnNetwork<M>,
    theta: &'a [f32],
    /// With parameters that are followed for gradients.
    module: M,
    rows: DeviceRows,
    /// The outputs with the graph behind them, until it is used.
    graph: Option<Tensor<2>>,
    outputs: Vec<f32>,
}

impl<M: Map> Linearized for LinearizedBurn<'_, M> {
    type Scalar = f32;

    fn outputs(&self) -> &[f32] {
        &self.outputs
    }

    fn vjp(&mut self, _: Team<'_>, cotangent: &[f32], gradient: &mut [f32]) {
        assert_eq!(cotangent.len(), self.outputs.len(), "the length of the cotangent");
        assert_eq!(gradient.len(), self.theta.len(), "the length of the gradient");
        if cotangent.is_empty() {
            return gradient.fill(0.0);
        }
        let device = self.network.device.clone().autodiff();
        let width = self.network.output_width;
        let mut ordered = vec![0.0; cotangent.len()];
        self.rows.to_device(cotangent, &mut ordered);
        let _alone = exclusive();
        let graph = self.graph.take().unwrap_or_else(|| self.rows.evaluate(&self.module));
        let cotangent =
            Tensor::from_data(TensorData::new(ordered, [self.outputs.len() / width, width]), &device);
        let gradients = (graph * cotangent).sum().backward();
        gradient.copy_from_slice(&flat::gradient(&self.module, &gradients, &self.network.device));
    }

    fn jvp(&mut self, _: Team<'_>, tangent: &[f32], output: &mut [f32]) {
        assert_eq!(output.len(), self.outputs.len(), "the length of the output");
        assert_eq!(tangent.len(), self.theta.len(), "the length of the tangent");
        if output.is_empty() {
            return;
        }
        let Self { network, theta, rows, .. } = self;
        let rows = rows.without_autodiff();
        let module = |theta: &[f32]| network.module(theta, &network.device);
        let exact = rows.derivative(&module(theta), &module(tangent));
        let derivative = exact.map(numbers).unwrap_or_else(|| {
            let mut derivative = vec![0.0; output.len()];
            central::difference(
                theta,
                tangent,
                |theta| numbers(rows.evaluate(&module(theta))),
                &mut derivative,
            );
            derivative
        });
        rows.to_caller(&derivative, output);
    }
}

/// A [`BurnNetwork`] with its parameters fixed.
#[derive(Debug)]
pub struct BurnFrozen<M> {
    module: M,
    device: Device,
    input_width: usize,
    output_width: usize,
}

impl<M: Map> BurnFrozen<M> {
    fn tensor(&self, values: &[f32], width: usize) -> Tensor<2> {
        assert!(values.len().is_multiple_of(width), "{} values are no rows of {width}", values.len());
        Tensor::from_data(TensorData::new(values.to_vec(), [values.len() / width, width]), &self.device)
    }
}

impl<M: Map> Frozen for BurnFrozen<M> {
    type Scalar = f32;

    fn load(&mut self, theta: &[f32]) {
        self.module = flat::with_parameters(self.module.clone(), theta, &self.device);
    }

    fn forward(&mut self, observations: &[f32], output: &mut [f32]) {
        let rows = output.len() / self.output_width;
        self.step(observations, &mut vec![0.0; rows * self.state_width()], output);
    }

    fn state_width(&self) -> usize {
        self.module.state_width()
    }

    fn step(&mut self, observations: &[f32], states: &mut [f32], output: &mut [f32]) {
        if output.is_empty() {
            return;
        }
        let observations = self.tensor(observations, self.input_width);
        let width = self.state_width();
        let outputs = if width == 0 {
            self.module.forward(observations)
        } else {
            let (outputs, after) = self.module.step(observations, self.tensor(states, width));
            states.copy_from_slice(&numbers(after));
            outputs
        };
        output.copy_from_slice(&numbers(outputs));
    }
}
