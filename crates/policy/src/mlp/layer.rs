//! One layer: its place in θ, and its weights laid out for the kernels.

use crate::aligned::Aligned;
use crate::kernel::{
    Activation, InstructionSet, Kernel, Loop, Transpose, padded, transpose, vectorized, weight_row_length,
};

/// Up to this many outputs, an output layer is evaluated by dot products rather than padded tiles.
const THIN: usize = 4;

/// y = activation(x·W + b) with W `[inputs, outputs]` row-major at `offset` in θ, and b behind it.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) activation: Activation,
    pub(super) offset: usize,
    /// The first layer has no input to pass a cotangent to.
    pub(super) first: bool,
    pub(super) thin: bool,
}

impl Layer {
    /// The layers of a network with these widths, input first and output last.
    pub(super) fn stack(widths: &[usize], activation: Activation) -> Vec<Self> {
        let mut offset = 0;
        (1..widths.len())
            .map(|l| {
                let (inputs, outputs) = (widths[l - 1], widths[l]);
                let last = l + 1 == widths.len();
                let layer = Self {
                    inputs,
                    outputs,
                    activation: if last { Activation::Identity } else { activation },
                    offset,
                    first: l == 1,
                    thin: last && outputs <= THIN,
                };
                offset += layer.size();
                layer
            })
            .collect()
    }

    /// Weights and biases.
    pub(super) fn size(&self) -> usize {
        (self.inputs + 1) * self.outputs
    }

    fn weight<'t, T>(&self, theta: &'t [T]) -> &'t [T] {
        &theta[self.offset..self.offset + self.inputs * self.outputs]
    }

    fn bias<'t, T>(&self, theta: &'t [T]) -> &'t [T] {
        &theta[self.offset + self.inputs * self.outputs..self.offset + self.size()]
    }
}

/// A layer's weights with rows padded by zeros, as they are and transposed.
#[derive(Debug)]
pub(super) struct Packed<T> {
    /// `[inputs, weight_row_length(outputs)]`
    pub(super) weight: Aligned<T>,
    /// `[outputs, weight_row_length(inputs)]`; empty where nothing reads it.
    pub(super) transposed: Aligned<T>,
    /// `[padded(outputs)]`
    pub(super) bias: Aligned<T>,
}

impl<T: Kernel> Packed<T> {
    /// Room for the weights of `layer`, with the transpose if the layer needs it.
    pub(super) fn new(layer: &Layer) -> Self {
        let transposed =
            if layer.first && !layer.thin { 0 } else { layer.outputs * weight_row_length(layer.inputs) };
        Self {
            weight: Aligned::zeros(layer.inputs * weight_row_length(layer.outputs)),
            transposed: Aligned::zeros(transposed),
            bias: Aligned::zeros(padded(layer.outputs)),
        }
    }

    /// Copies the layer's weights out of θ.
    pub(super) fn load(&mut self, set: InstructionSet, layer: &Layer, theta: &[T]) {
        self.load_untransposed(layer, theta);
        if !self.transposed.is_empty() {
            let (from, to) = (layer.weight(theta), &mut self.transposed[..]);
            let (rows, columns, to_row) = (layer.inputs, layer.outputs, weight_row_length(layer.inputs));
            transpose(set, Transpose { rows, columns, from, to, to_row });
        }
    }

    /// Copies the weights of a layer that is only run forwards with tiles.
    pub(super) fn load_untransposed(&mut self, layer: &Layer, theta: &[T]) {
        let (from, width) = (layer.weight(theta), weight_row_length(layer.outputs));
        if width == layer.outputs {
            self.weight.copy_from_slice(from);
        } else {
            for (to, from) in self.weight.chunks_exact_mut(width).zip(from.chunks_exact(layer.outputs)) {
                to[..layer.outputs].copy_from_slice(from);
            }
        }
        self.bias[..layer.outputs].copy_from_slice(layer.bias(theta));
    }
}

/// The gradient of one layer, laid out as the kernels write it.
#[derive(Debug)]
pub(super) struct LayerGradient<T> {
    /// `[inputs + 1, padded(outputs)]`, the bias last; for a thin layer `[outputs, padded(inputs + 1)]`.
    pub(super) sums: Aligned<T>,
}

impl<T: Kernel> LayerGradient<T> {
    pub(super) fn new(layer: &Layer) -> Self {
        let size = if layer.thin {
            layer.outputs * padded(layer.inputs + 1)
        } else {
            (layer.inputs + 1) * padded(layer.outputs)
        };
        Self { sums: Aligned::zeros(size) }
    }

    /// Writes this gradient to its place in a vector like θ, or adds it to what is there.
    pub(super) fn unpack(&self, layer: &Layer, gradient: &mut [T], add: bool) {
        let to = &mut gradient[layer.offset..layer.offset + layer.size()];
        vectorized(Unpack { sums: &self.sums, layer, to, add });
    }
}

/// A layer's gradient on its way to a vector like θ.
struct Unpack<'a, T> {
    sums: &'a [T],
    layer: &'a Layer,
    to: &'a mut [T],
    add: bool,
}

impl<T: Kernel> Loop for Unpack<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { sums, layer, to, add } = self;
        if layer.thin {
            let stride = padded(layer.inputs + 1);
            for (i, to) in to.chunks_exact_mut(layer.outputs).enumerate() {
                for (j, to) in to.iter_mut().enumerate() {
                    let sum = sums[j * stride + i];
                    *to = if add { *to + sum } else { sum };
                }
            }
            return;
        }
        let stride = padded(layer.outputs);
        // Rows without padding are one long row.
        let length = if stride == layer.outputs { sums.len() } else { layer.outputs };
        for (to, from) in to.chunks_exact_mut(length).zip(sums.chunks_exact(length.max(stride))) {
            if add {
                to.iter_mut().zip(from).for_each(|(to, &from)| *to += from);
            } else {
                to.copy_from_slice(&from[..length]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transpose_of_any_shape() {
        for set in InstructionSet::available() {
            for (rows, columns) in [(1, 1), (3, 9), (8, 8), (17, 24), (40, 5)] {
                let from: Vec<f32> = (0..rows * columns).map(|i| i as f32).collect();
                let to_row = rows + 3;
                let mut to = vec![f32::NAN; columns * to_row];
                transpose(set, Transpose { rows, columns, from: &from, to: &mut to, to_row });
                for i in 0..rows {
                    for j in 0..columns {
                        let (found, expected) = (to[j * to_row + i], from[i * columns + j]);
                        assert_eq!(found.to_bits(), expected.to_bits(), "{set:?} {rows}×{columns}");
                    }
                }
                let untouched = to.iter().filter(|x| x.is_nan()).count();
                assert_eq!(untouched, 3 * columns, "{set:?} {rows}×{columns}");
            }
        }
    }
}
