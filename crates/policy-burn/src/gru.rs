//! A memory.

use burn::module::Module;
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};

use crate::tanh::tanh;

/// A gated recurrent unit (Cho et al. 2014; the form of cuDNN, in which the reset gate follows the product):
///
///   r = σ(x W_r + b_r + h U_r + c_r),  z = σ(x W_z + b_z + h U_z + c_z),
///   n = tanh(x W_n + b_n + r ⊙ (h U_n + c_n)),  h' = (1 − z) ⊙ n + z ⊙ h.
///
/// W and b are `input`, U and c are `hidden`, with the columns of r, z and n in this order.
#[derive(Module, Debug)]
pub struct Gru {
    /// `[inputs, 3 · width]`
    pub input: Linear,
    /// `[width, 3 · width]`
    pub hidden: Linear,
}

impl Gru {
    /// With all parameters 0.
    pub fn zeros(inputs: usize, width: usize, device: &Device) -> Self {
        let layer = |inputs: usize| LinearConfig::new(inputs, 3 * width).with_initializer(Initializer::Zeros);
        Self { input: layer(inputs).init(device), hidden: layer(width).init(device) }
    }

    /// The length of h.
    pub fn width(&self) -> usize {
        self.hidden.weight.dims()[0]
    }

    /// h' from x and h.
    ///
    /// # Shapes
    /// `x`: `[rows, inputs]`; `h` and the result: `[rows, width]`.
    pub fn step(&self, x: Tensor<2>, h: Tensor<2>) -> Tensor<2> {
        let width = self.width();
        let (of_input, of_state) = (self.input.forward(x), self.hidden.forward(h.clone()));
        let part =
            |all: &Tensor<2>, first: usize, count: usize| all.clone().narrow(1, first * width, count * width);
        let gates = sigmoid(part(&of_input, 0, 2) + part(&of_state, 0, 2));
        let (reset, keep) = (gates.clone().narrow(1, 0, width), gates.narrow(1, width, width));
        let new = tanh(part(&of_input, 2, 1) + reset * part(&of_state, 2, 1));
        new.clone() + keep * (h - new)
    }
}
