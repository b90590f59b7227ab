//! tanh on processors: vectorised, and with a derivative that does not compute it again.

use burn::tensor::Tensor;

/// tanh x, with the derivative (1 − y²) from the result y.
///
/// On the processor's backends it is the kernel of [`Mlp`](gradus_policy::Mlp), within 4e-7 of tanh x, and the result is
/// kept for the way back: Burn's own tanh calls the library's function for each number, and once more for the
/// derivative. Elsewhere it is Burn's.
pub fn tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(any(feature = "flex", feature = "ndarray"))]
    if processor::has(&x.device()) {
        return Tensor::from_dispatch(processor::tanh(x.into_dispatch()));
    }
    x.tanh()
}

#[cfg(any(feature = "flex", feature = "ndarray"))]
#[allow(deprecated, reason = "burn-ndarray is one of the two backends, and is marked as going")]
mod processor {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    #[cfg(feature = "flex")]
    use burn::backend::Flex;
    #[cfg(feature = "ndarray")]
    use burn::backend::NdArray;
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
    use burn::backend::tensor::FloatTensor;
    use burn::backend::{
        Autodiff, Backend, Dispatch, DispatchDevice, DispatchTensor, TensorMetadata, backend_extension,
    };
    use burn::tensor::{Device, TensorData};
    use gradus_policy::tanh_in_place;

    /// Whether the device is one of these backends.
    pub(super) fn has(device: &Device) -> bool {
        match device.clone().without_autodiff().as_dispatch() {
            #[cfg(feature = "flex")]
            DispatchDevice::Flex(_) => true,
            #[cfg(feature = "ndarray")]
            DispatchDevice::NdArray(_) => true,
            #[allow(unreachable_patterns, reason = "without other backends there is no other device")]
            _ => false,
        }
    }

    pub(super) fn tanh(x: DispatchTensor) -> DispatchTensor {
        <Dispatch as Tanh>::tanh(x)
    }

    #[cfg_attr(all(feature = "flex", feature = "ndarray"), backend_extension(Autodiff, NdArray, Flex))]
    #[cfg_attr(all(feature = "flex", not(feature = "ndarray")), backend_extension(Autodiff, Flex))]
    #[cfg_attr(all(feature = "ndarray", not(feature = "flex")), backend_extension(Autodiff, NdArray))]
    trait Tanh: Backend {
        fn tanh(x: FloatTensor<Self>) -> FloatTensor<Self> {
            change::<Self>(x, tanh_in_place)
        }
    }

    #[cfg(feature = "flex")]
    impl Tanh for Flex {}
    #[cfg(feature = "ndarray")]
    impl Tanh for NdArray {}

    impl<B: Backend + Tanh, C: CheckpointStrategy> Tanh for Autodiff<B, C> {
        fn tanh(x: FloatTensor<Self>) -> FloatTensor<Self> {
            match Slope.prepare::<C>([x.node()]).compute_bound().stateful() {
                OpsKind::Tracked(preparation) => {
                    let y = B::tanh(x.into_primitive());
                    preparation.finish(y.clone(), y)
                }
                OpsKind::UnTracked(preparation) => preparation.finish(B::tanh(x.into_primitive())),
            }
        }
    }

    /// The way back: ∂L/∂x = (1 − y²) ∂L/∂y.
    #[derive(Debug)]
    struct Slope;

    impl<B: Backend> Backward<B, 1> for Slope {
        type State = FloatTensor<B>;

        fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
            let [parent] = ops.parents;
            let gradient = gradients.consume::<B>(&ops.node);
            let Some(parent) = parent else { return };
            let y = numbers::<B>(ops.state);
            let y = y.as_slice::<f32>().expect("tanh of f32");
            let through = change::<B>(gradient, |gradient| {
                for (g, y) in gradient.iter_mut().zip(y) {
                    *g *= 1.0 - y * y;
                }
            });
            gradients.register::<B>(parent.id, through);
        }
    }

    /// The tensor after a change of its numbers, which are in memory and not on a device.
    fn change<B: Backend>(x: FloatTensor<B>, change: impl FnOnce(&mut [f32])) -> FloatTensor<B> {
        let device = TensorMetadata::device(&x);
        let mut data = numbers::<B>(x);
        change(data.as_mut_slice().expect("tanh of f32"));
        B::float_from_data(data, &device)
    }

    fn numbers<B: Backend>(x: FloatTensor<B>) -> TensorData {
        let mut future = pin!(B::float_into_data(x));
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(data) => data.expect("what is in memory can be read"),
            Poll::Pending => unreachable!("what is in memory is not waited for"),
        }
    }
}
