//! The perceptron with its parameters fixed.

use super::layer::{Layer, Packed};
use super::parameter_count;
use super::segment::{Map, Segment, segment_rows};
use crate::kernel::{InstructionSet, Kernel};
use crate::network::{Frozen, Input};

/// An [`Mlp`](crate::Mlp) with its parameters fixed.
#[derive(Debug)]
pub struct FrozenMlp<T> {
    layers: Vec<Layer>,
    set: InstructionSet,
    weights: Vec<Packed<T>>,
    segment: Segment<T>,
    capacity: usize,
}

impl<T: Kernel> FrozenMlp<T> {
    /// These layers, without their parameters.
    pub(super) fn new(layers: &[Layer], set: InstructionSet) -> Self {
        Self {
            layers: layers.to_vec(),
            set,
            weights: layers.iter().map(Packed::new).collect(),
            segment: Segment::new(layers, 0),
            capacity: 0,
        }
    }
}

impl<T: Kernel> Frozen for FrozenMlp<T> {
    type Scalar = T;

    fn load(&mut self, theta: &[T]) {
        assert_eq!(theta.len(), parameter_count(&self.layers), "the length of θ");
        for (packed, layer) in self.weights.iter_mut().zip(&self.layers) {
            packed.load(self.set, layer, theta);
        }
    }

    fn forward(&mut self, observations: &[T], output: &mut [T]) {
        let (inputs, outputs) = (self.layers[0].inputs, self.layers[self.layers.len() - 1].outputs);
        let input = Input::all(observations, inputs);
        let rows = input.rows.len();
        assert_eq!(output.len(), rows * outputs, "the length of the output");
        let most = segment_rows(&self.layers);
        if self.capacity < rows.min(most) {
            self.capacity = rows.min(most);
            self.segment = Segment::new(&self.layers, self.capacity);
        }
        let map = Map { set: self.set, layers: &self.layers, weights: &self.weights };
        for (i, to) in output.chunks_mut(most * outputs).enumerate() {
            self.segment.forward(map, input, i * most, to.len() / outputs);
            to.copy_from_slice(self.segment.outputs(outputs));
        }
    }
}
