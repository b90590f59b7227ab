//! The perceptron at one point.

use std::ops::AddAssign;

use super::layer::Packed;
use super::segment::Map;
use super::{Mlp, make_room_for_gradients, parameter_count, unpack};
use crate::kernel::Kernel;
use crate::network::Linearized;
use crate::threads::Team;

/// An [`Mlp`] at one point, with the activations of all rows.
#[derive(Debug)]
pub struct LinearizedMlp<'a, T> {
    pub(super) mlp: &'a mut Mlp<T>,
    /// Segments that its rows are in.
    pub(super) count: usize,
}

impl<T: Kernel> LinearizedMlp<'_, T> {
    /// Takes over a parameter tangent.
    fn load_tangent(&mut self, tangent: &[T]) {
        let Mlp { layers, tangents, .. } = &mut *self.mlp;
        assert_eq!(tangent.len(), parameter_count(layers), "the length of the tangent");
        if tangents.is_empty() {
            *tangents = layers.iter().map(Packed::new).collect();
        }
        for (packed, layer) in tangents.iter_mut().zip(layers.iter()) {
            packed.load_untransposed(layer, tangent);
        }
    }
}

impl<T: Kernel> Linearized for LinearizedMlp<'_, T> {
    type Scalar = T;

    fn outputs(&self) -> &[T] {
        &self.mlp.outputs
    }

    fn vjp(&mut self, mut team: Team<'_>, cotangent: &[T], gradient: &mut [T]) {
        let Mlp { layers, weights, segments, gradients, segment_rows, set, outputs, config, .. } =
            &mut *self.mlp;
        assert_eq!(cotangent.len(), outputs.len(), "the length of the cotangent");
        assert_eq!(gradient.len(), parameter_count(layers), "the length of the gradient");
        let share = *segment_rows * config.outputs();
        let map = Map { set: *set, layers, weights };
        make_room_for_gradients(layers, gradients, self.count);
        let mut parts: Vec<_> = segments[..self.count].iter_mut().zip(gradients.iter_mut()).collect();
        team.for_each_helped(&mut parts, |_, i, (segment, gradient)| {
            let copy = |_: &[T], to: &mut [T]| to.copy_from_slice(&cotangent[i * share..][..to.len()]);
            segment.backward(map, gradient, copy);
        });
        unpack(layers, &gradients[..self.count], gradient);
    }

    fn jvp(&mut self, mut team: Team<'_>, tangent: &[T], output: &mut [T]) {
        self.load_tangent(tangent);
        let Mlp { layers, weights, tangents, segments, segment_rows, set, outputs, config, .. } =
            &mut *self.mlp;
        assert_eq!(output.len(), outputs.len(), "the length of the output");
        let map = Map { set: *set, layers, weights };
        team.for_each_helped(&mut segments[..self.count], |_, _, segment| {
            segment.push_forward(map, tangents)
        });
        let width = config.outputs();
        for (to, segment) in output.chunks_mut(*segment_rows * width).zip(segments.iter()) {
            segment.tangent(width, &mut to[..segment.rows() * width]);
        }
    }

    /// Each thread takes some segments there and back, while they are in its cache.
    fn metric_product<S: Send + Default + AddAssign>(
        &mut self,
        mut team: Team<'_>,
        tangent: &[T],
        metric: &(impl Fn(usize, &[T], &[T], &mut [T]) -> S + Sync),
        product: &mut [T],
    ) -> S {
        self.load_tangent(tangent);
        let Mlp { layers, weights, tangents, segments, gradients, segment_rows, set, .. } = &mut *self.mlp;
        assert_eq!(product.len(), tangent.len(), "the length of the product");
        make_room_for_gradients(layers, gradients, self.count);
        let map = Map { set: *set, layers, weights };
        let pairs = segments[..self.count].iter_mut().zip(gradients.iter_mut());
        let sum = team.sum_helped(pairs, |_, i, (segment, gradient)| {
            let first = i * *segment_rows;
            let metric = |outputs: &[T], tangent: &[T], to: &mut [T]| metric(first, outputs, tangent, to);
            segment.there_and_back(map, tangents, gradient, metric)
        });
        unpack(layers, &gradients[..self.count], product);
        sum
    }
}
