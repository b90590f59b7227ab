//! Tensors with a derivative beside them: forward mode through the layers that this crate knows.

use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::module::linear;

use crate::norm::Norm;
use crate::tanh::tanh;

/// A tensor y and its derivative ẏ along one direction in parameter space; no derivative is zero.
///
/// A module's [`jvp`](crate::Map::jvp) follows its `forward` line by line, with a layer of the direction `tangent` beside
/// each of its own.
///
/// ```
/// use burn::module::Module;
/// use burn::nn::Linear;
/// use burn::tensor::Tensor;
/// use gradus_policy_burn::{Dual, Map, tanh};
///
/// #[derive(Module, Debug)]
/// struct Net {
///     hidden: Linear,
///     output: Linear,
/// }
///
/// impl Map for Net {
///     fn forward(&self, x: Tensor<2>) -> Tensor<2> {
///         self.output.forward(tanh(self.hidden.forward(x)))
///     }
///
///     fn jvp(&self, tangent: &Self, x: Tensor<2>) -> Option<Tensor<2>> {
///         let hidden = Dual::constant(x).linear(&self.hidden, &tangent.hidden).tanh();
///         hidden.linear(&self.output, &tangent.output).tangent
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Dual<const D: usize> {
    /// y
    pub value: Tensor<D>,
    /// ẏ
    pub tangent: Option<Tensor<D>>,
}

impl<const D: usize> Dual<D> {
    /// What does not depend on the parameters.
    pub fn constant(value: Tensor<D>) -> Self {
        Self { value, tangent: None }
    }

    /// The same numbers in another shape.
    pub fn reshape<const E: usize>(self, shape: [usize; E]) -> Dual<E> {
        Dual { value: self.value.reshape(shape), tangent: self.tangent.map(|tangent| tangent.reshape(shape)) }
    }

    /// tanh x, with ẏ = (1 − y²) ẋ.
    #[must_use]
    pub fn tanh(self) -> Self {
        let value = tanh(self.value);
        let slope = |tangent: Tensor<D>| tangent * (1.0 - value.clone() * value.clone());
        Self { tangent: self.tangent.map(slope), value }
    }

    /// max(0, x), with the derivative 0 at 0.
    #[must_use]
    pub fn relu(self) -> Self {
        let off = self.value.clone().lower_equal_elem(0.0);
        let tangent = self.tangent.map(|tangent| tangent.mask_fill(off, 0.0));
        Self { value: relu(self.value), tangent }
    }

    /// x W + b over the last axis, with ẏ = ẋ W + x Ẇ + ḃ.
    #[must_use]
    pub fn linear(self, layer: &Linear, tangent: &Linear) -> Self {
        let of_parameters = tangent.forward(self.value.clone());
        let of_input = self.tangent.map(|x| linear(x, layer.weight.val(), None));
        Self { value: layer.forward(self.value), tangent: Some(sum(of_parameters, of_input)) }
    }

    /// Layer normalisation over the last axis, y = γ n + β with n = (x − mean x)/s and s = √(var x + ε): with
    /// ẏ = γ̇ n + β̇ + γ ṅ and ṅ = (ẋ − mean ẋ − n mean(n ẋ))/s.
    #[must_use]
    pub fn norm(self, layer: &Norm, tangent: &Norm) -> Self {
        let (normal, deviation) = layer.normalize(self.value);
        let of_input = self.tangent.map(|x| {
            let along = normal.clone() * (normal.clone() * x.clone()).mean_dim(D - 1);
            let normal = (x.clone() - x.mean_dim(D - 1) - along) / deviation;
            layer.scale(normal)
        });
        Self {
            value: layer.scale_and_shift(normal.clone()),
            tangent: Some(sum(tangent.scale_and_shift(normal), of_input)),
        }
    }
}

impl Dual<4> {
    /// A convolution, bilinear in image and kernel as [`linear`](Dual::linear) is in row and matrix.
    #[must_use]
    pub fn conv2d(self, layer: &Conv2d, tangent: &Conv2d) -> Self {
        let of_parameters = tangent.forward(self.value.clone());
        let of_input = self.tangent.map(|x| Conv2d { bias: None, ..layer.clone() }.forward(x));
        Self { value: layer.forward(self.value), tangent: Some(sum(of_parameters, of_input)) }
    }
}

fn sum<const D: usize>(a: Tensor<D>, b: Option<Tensor<D>>) -> Tensor<D> {
    match b {
        Some(b) => a + b,
        None => a,
    }
}
