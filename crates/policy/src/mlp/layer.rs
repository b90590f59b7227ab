//! One layer: its place in θ, and its weights laid out for the kernels.

use crate::aligned::Aligned;
use crate::kernel::{Activation, Kernel, Loop, padded, row_length, vectorized};

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
    /// `[inputs, row_length(outputs)]`
    pub(super) weight: Aligned<T>,
    /// `[outputs, row_length(inputs)]`; empty where nothing reads it.
    pub(super) transposed: Aligned<T>,
    /// `[padded(outputs)]`
    pub(super) bias: Aligned<T>,
}

impl<T: Kernel> Packed<T> {
    /// Room for the weights of `layer`, with the transpose if the layer needs it.
    pub(super) fn new(layer: &Layer) -> Self {
        let transposed =
            if layer.first && !layer.thin { 0 } else { layer.outputs * row_length(layer.inputs) };
        Self {
            weight: Aligned::zeros(layer.inputs * row_length(layer.outputs)),
            transposed: Aligned::zeros(transposed),
            bias: Aligned::zeros(padded(layer.outputs)),
        }
    }

    /// Copies the layer's weights out of θ.
    pub(super) fn load(&mut self, layer: &Layer, theta: &[T]) {
        self.load_untransposed(layer, theta);
        if !self.transposed.is_empty() {
            let (from, to) = (layer.weight(theta), &mut self.transposed[..]);
            vectorized(Transpose { from, columns: layer.outputs, to, stride: row_length(layer.inputs) });
        }
    }

    /// Copies the weights of a layer that is only run forwards with tiles.
    pub(super) fn load_untransposed(&mut self, layer: &Layer, theta: &[T]) {
        let width = row_length(layer.outputs);
        for (to, from) in
            self.weight.chunks_exact_mut(width).zip(layer.weight(theta).chunks_exact(layer.outputs))
        {
            to[..layer.outputs].copy_from_slice(from);
        }
        self.bias[..layer.outputs].copy_from_slice(layer.bias(theta));
    }
}

/// `to[j][i] ← from[i][j]` for `from` `[_, columns]` and `to` `[columns, stride]`, in blocks that stay in
/// registers.
struct Transpose<'a, T> {
    from: &'a [T],
    columns: usize,
    to: &'a mut [T],
    stride: usize,
}

impl<T: Copy> Loop for Transpose<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        const BLOCK: usize = 8;
        let Self { from, columns, to, stride } = self;
        let rows = from.len() / columns;
        let (full_rows, full_columns) = (rows / BLOCK * BLOCK, columns / BLOCK * BLOCK);
        for i in (0..full_rows).step_by(BLOCK) {
            for j in (0..full_columns).step_by(BLOCK) {
                let block: [[T; BLOCK]; BLOCK] = std::array::from_fn(|r| {
                    let start = (i + r) * columns + j;
                    std::array::from_fn(|c| from[start..start + BLOCK][c])
                });
                for (c, to) in to[j * stride..].chunks_mut(stride).take(BLOCK).enumerate() {
                    let column: [T; BLOCK] = std::array::from_fn(|r| block[r][c]);
                    to[i..i + BLOCK].copy_from_slice(&column);
                }
            }
        }
        for i in 0..rows {
            let rest = if i < full_rows { full_columns } else { 0 };
            for j in rest..columns {
                to[j * stride + i] = from[i * columns + j];
            }
        }
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
        for (rows, columns) in [(1, 1), (3, 9), (8, 8), (17, 24), (40, 5)] {
            let from: Vec<usize> = (0..rows * columns).collect();
            let stride = rows + 3;
            let mut to = vec![usize::MAX; columns * stride];
            vectorized(Transpose { from: &from, columns, to: &mut to, stride });
            for i in 0..rows {
                for j in 0..columns {
                    assert_eq!(to[j * stride + i], from[i * columns + j], "{rows}×{columns}");
                }
            }
        }
    }
}
