//! Layer normalisation.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

/// What keeps equal numbers finite (Ba et al. 2016, as usual).
const EPSILON: f64 = 1e-5;

/// y = γ (x − mean x)/√(var x + 1e-5) + β over the last axis (Ba, Kiros & Hinton 2016), with a derivative in forward
/// mode: [`Dual::norm`](crate::Dual::norm).
#[derive(Module, Debug)]
pub struct Norm {
    /// γ, `[width]`
    pub gamma: Param<Tensor<1>>,
    /// β, `[width]`
    pub beta: Param<Tensor<1>>,
}

impl Norm {
    /// With γ = 1 and β = 0.
    pub fn new(width: usize, device: &Device) -> Self {
        Self {
            gamma: Param::from_tensor(Tensor::ones([width], device)),
            beta: Param::from_tensor(Tensor::zeros([width], device)),
        }
    }

    /// # Shapes
    /// `x` and the result: `[..., width]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        self.scale_and_shift(self.normalize(x).0)
    }

    /// n and s.
    pub(crate) fn normalize<const D: usize>(&self, x: Tensor<D>) -> (Tensor<D>, Tensor<D>) {
        let centred = x.clone() - x.mean_dim(D - 1);
        let deviation = ((centred.clone() * centred.clone()).mean_dim(D - 1) + EPSILON).sqrt();
        (centred / deviation.clone(), deviation)
    }

    pub(crate) fn scale<const D: usize>(&self, normal: Tensor<D>) -> Tensor<D> {
        normal * self.gamma.val().unsqueeze()
    }

    pub(crate) fn scale_and_shift<const D: usize>(&self, normal: Tensor<D>) -> Tensor<D> {
        self.scale(normal) + self.beta.val().unsqueeze()
    }
}
