//! A module's parameters as one flat vector, and back.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use gradus_policy::TensorInfo;

/// The tensors of a module's parameters, in the order in which Burn visits them, without gaps.
pub(crate) fn layout(module: &impl Module) -> Vec<TensorInfo> {
    struct Layout {
        path: Vec<String>,
        offset: usize,
        tensors: Vec<TensorInfo>,
    }
    impl ModuleVisitor for Layout {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }

        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let shape = param.shape().to_vec();
            let tensor = TensorInfo { name: self.path.join("."), shape, offset: self.offset };
            self.offset += tensor.size();
            self.tensors.push(tensor);
        }
    }
    let mut layout = Layout { path: Vec::new(), offset: 0, tensors: Vec::new() };
    module.visit(&mut layout);
    layout.tensors
}

/// The parameters of a module, one after the other.
pub(crate) fn parameters(module: &impl Module) -> Vec<f32> {
    struct Flatten(Vec<Tensor<1>>);
    impl ModuleVisitor for Flatten {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.push(param.val().reshape([-1]));
        }
    }
    let mut flatten = Flatten(Vec::new());
    module.visit(&mut flatten);
    numbers(Tensor::cat(flatten.0, 0))
}

/// The module with the parameters `theta` on `device`, which are followed for gradients if the device is one that
/// does so. One upload for all of them: on a GPU each costs more than it carries.
pub(crate) fn with_parameters<M: Module>(module: M, theta: &[f32], device: &Device) -> M {
    struct Load {
        flat: Tensor<1>,
        offset: usize,
        tracked: bool,
    }
    impl ModuleMapper for Load {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let shape = param.shape();
            let size = shape.num_elements();
            let values = self.flat.clone().narrow(0, self.offset, size).reshape(shape);
            self.offset += size;
            let values = if self.tracked { values.require_grad() } else { values };
            param.map(|_| values)
        }
    }
    let flat = Tensor::from_data(TensorData::new(theta.to_vec(), [theta.len()]), device);
    module.map(&mut Load { flat, offset: 0, tracked: device.is_autodiff() })
}

/// The gradients of a module's parameters, one after the other; zeros for those that the outputs do not depend on.
pub(crate) fn gradient(module: &impl Module, gradients: &Gradients, device: &Device) -> Vec<f32> {
    struct Collect<'a> {
        gradients: &'a Gradients,
        device: &'a Device,
        flat: Vec<Tensor<1>>,
    }
    impl ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let parameter = param.val();
            let gradient = parameter.grad(self.gradients);
            let gradient = gradient.unwrap_or_else(|| Tensor::zeros(parameter.shape(), self.device));
            self.flat.push(gradient.reshape([-1]));
        }
    }
    let mut collect = Collect { gradients, device, flat: Vec::new() };
    module.visit(&mut collect);
    numbers(Tensor::cat(collect.flat, 0))
}

/// The numbers of a tensor, row by row.
pub(crate) fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_into_vec().expect("a tensor of f32")
}
