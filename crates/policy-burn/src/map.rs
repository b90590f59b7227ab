//! What a Burn module has to offer to be a network.

use burn::module::Module;
use burn::tensor::Tensor;

/// A Burn module that maps rows of flat observations to rows of outputs; images are reshaped inside.
///
/// Its parameters θ are its float parameters in the order in which Burn visits them: fields as they are declared,
/// parts of a `Vec` as they are numbered, each tensor row-major.
///
/// ```
/// use burn::module::Module;
/// use burn::nn::{Linear, LinearConfig};
/// use burn::tensor::{Device, Tensor};
/// use gradus_core_math::Stream;
/// use gradus_policy::Network;
/// use gradus_policy_burn::{BurnNetwork, Map, open_device, tanh};
///
/// #[derive(Module, Debug)]
/// struct Net {
///     hidden: Linear,
///     output: Linear,
/// }
///
/// impl Map for Net {
///     fn forward(&self, observations: Tensor<2>) -> Tensor<2> {
///         self.output.forward(tanh(self.hidden.forward(observations)))
///     }
/// }
///
/// let device = open_device("flex")?;
/// let network = BurnNetwork::new(&device, 4, 2, |device: &Device, _: &mut Stream| Net {
///     hidden: LinearConfig::new(4, 32).init(device),
///     output: LinearConfig::new(32, 2).init(device),
/// });
/// assert_eq!(network.parameter_count(), 4 * 32 + 32 + 32 * 2 + 2);
/// assert_eq!(network.tensors()[0].name, "hidden.weight");
/// # Ok::<(), gradus_policy_burn::DeviceError>(())
/// ```
pub trait Map: Module + Clone + std::fmt::Debug + Send + Sync + 'static {
    /// y = f_θ(x).
    ///
    /// # Shapes
    /// `observations`: `[rows, input_width]`; the result: `[rows, output_width]`.
    fn forward(&self, observations: Tensor<2>) -> Tensor<2>;

    /// How many numbers it remembers from one step to the next.
    fn state_width(&self) -> usize {
        0
    }

    /// One step of a map that remembers: outputs, and the state after it. Zeros are the state at the start of an
    /// episode.
    ///
    /// # Shapes
    /// `observations`: `[rows, input_width]`; `state`, before and after: `[rows, state_width]`; outputs:
    /// `[rows, output_width]`.
    fn step(&self, observations: Tensor<2>, state: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        (self.forward(observations), state)
    }

    /// The derivative of the outputs along `tangent`, a module like this one whose parameters are the direction v: Jv.
    ///
    /// `None`, as by default, leaves it to the central difference (f_{θ+hv} − f_{θ−hv}) / 2h, whose error is about
    /// 1e-4 of the result in f32. [`Dual`](crate::Dual) helps to do better.
    fn jvp(&self, _tangent: &Self, _observations: Tensor<2>) -> Option<Tensor<2>> {
        None
    }
}
