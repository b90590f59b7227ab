//! Forward, backward and tangent passes over one block of rows, the unit of work of a thread.

use super::layer::{Layer, LayerGradient, Packed};
use crate::aligned::Aligned;
use crate::kernel::{
    Finish, Gemm, Init, InstructionSet, Kernel, PAD, Thin, gemm, padded, row_length, thin, weight_row_length,
};
use crate::network::Input;
use crate::rows::copy_row;

/// Rows in a segment: enough to pay for its overheads, few enough for its activations to stay in cache, and for small
/// minibatches to make work for two threads. Gradients are sums over segments in order, so this number is part of what
/// determines their bits.
pub(super) fn segment_rows(layers: &[Layer]) -> usize {
    /// From so many parameters on, a segment's gradient does not stay in the cache between two segments.
    const LARGE: usize = 1 << 15;
    if layers.iter().map(Layer::size).sum::<usize>() < LARGE { 64 } else { 128 }
}

/// The network as a segment sees it.
#[derive(Clone, Copy)]
pub(super) struct Map<'a, T> {
    pub(super) set: InstructionSet,
    pub(super) layers: &'a [Layer],
    pub(super) weights: &'a [Packed<T>],
}

/// What one block of rows needs: activations of the forward pass, kept for the derivative, and room for
/// cotangents and tangents.
#[derive(Debug)]
pub(super) struct Segment<T> {
    rows: usize,
    /// Input of each layer with a one behind it, `[rows, row_length(width)]`, and last the output (unused where it is
    /// thin).
    activations: Vec<Aligned<T>>,
    /// `[rows, outputs]`
    outputs: Vec<T>,
    /// Of the outputs, where a loss writes it, and where a metric reads it; `[rows, outputs]`.
    cotangent: Vec<T>,
    tangent: Vec<T>,
    /// Cotangent or tangent of a layer's output and input, `[rows, row_length(width)]`, in turn.
    flow: [Aligned<T>; 2],
}

impl<T: Kernel> Segment<T> {
    /// Room for `capacity` rows of a forward pass.
    pub(super) fn new(layers: &[Layer], capacity: usize) -> Self {
        let widths = layers.iter().map(|l| l.inputs).chain(layers.last().map(|l| l.outputs));
        let with_ones = |width: usize| {
            let mut rows = Aligned::zeros(capacity * row_length(width));
            put_ones(&mut rows, width, capacity);
            rows
        };
        Self {
            rows: 0,
            activations: widths.map(with_ones).collect(),
            outputs: vec![T::zero(); capacity * layers.last().map_or(0, |l| l.outputs)],
            cotangent: Vec::new(),
            tangent: Vec::new(),
            flow: [Aligned::default(), Aligned::default()],
        }
    }

    /// Makes room for derivatives, once.
    fn prepare_derivative(&mut self, layers: &[Layer]) {
        if self.flow[0].is_empty() {
            let capacity = self.activations[0].len() / row_length(layers[0].inputs);
            let lengths = layers.iter().map(|l| row_length(l.inputs).max(row_length(l.outputs)));
            let size = capacity * lengths.max().unwrap_or(0);
            self.cotangent = vec![T::zero(); self.outputs.len()];
            self.tangent = vec![T::zero(); self.outputs.len()];
            self.flow = [Aligned::zeros(size), Aligned::zeros(size)];
        }
    }

    /// The outputs of the last forward pass, `[rows, outputs]`.
    pub(super) fn outputs(&self, width: usize) -> &[T] {
        &self.outputs[..self.rows * width]
    }

    /// Evaluates `rows` rows of `input` from row `first` on.
    pub(super) fn forward(&mut self, map: Map<'_, T>, input: Input<'_, T>, first: usize, rows: usize) {
        self.rows = rows;
        let stride = row_length(input.width);
        for (r, to) in self.activations[0].chunks_exact_mut(stride).take(rows).enumerate() {
            copy_row(input.row(first + r), &mut to[..input.width]);
        }
        for (l, (layer, packed)) in map.layers.iter().zip(map.weights).enumerate() {
            let (before, after) = self.activations.split_at_mut(l + 1);
            let (x, y) = (&before[l], &mut after[0]);
            if layer.thin {
                thin(
                    map.set,
                    Thin {
                        rows,
                        n: layer.outputs,
                        k: layer.inputs,
                        x,
                        x_row: row_length(layer.inputs),
                        w: &packed.transposed,
                        w_row: weight_row_length(layer.inputs),
                        bias: &packed.bias,
                        y: &mut self.outputs,
                        y_row: layer.outputs,
                    },
                );
                return;
            }
            let finish = Finish::Activate(layer.activation);
            affine(map.set, layer, rows, x, packed, y, Init::Bias(&packed.bias), finish);
            if !layer.outputs.is_multiple_of(PAD) {
                put_ones(y, layer.outputs, rows);
            }
        }
        if let Some(last) = map.layers.last() {
            let y = &self.activations[map.layers.len()];
            compact(y, &mut self.outputs, rows, last.outputs);
        }
    }

    /// Pulls the cotangent that `loss` writes of this segment's outputs, `[rows, outputs]`, back to its gradient.
    /// Returns what `loss` returned.
    pub(super) fn backward<S>(
        &mut self,
        map: Map<'_, T>,
        gradient: &mut [LayerGradient<T>],
        loss: impl FnOnce(&[T], &mut [T]) -> S,
    ) -> S {
        self.prepare_derivative(map.layers);
        let rows = self.rows;
        let Self { activations, outputs, cotangent, flow: [delta, next], .. } = self;
        let width = map.layers[map.layers.len() - 1].outputs;
        let cotangent = &mut cotangent[..rows * width];
        let sum = loss(&outputs[..rows * width], cotangent);
        let (mut delta, mut next) = (&mut delta[..], &mut next[..]);
        for (l, (layer, packed)) in map.layers.iter().zip(map.weights).enumerate().rev() {
            let last = l + 1 == map.layers.len();
            if last && !layer.thin {
                spread(cotangent, delta, rows, width);
            }
            let (of_outputs, outputs_row) =
                if layer.thin { (&*cotangent, width) } else { (&*delta, row_length(layer.outputs)) };
            let (x, x_row) = (&activations[l], row_length(layer.inputs));
            weight_gradient(map.set, layer, rows, x, of_outputs, &mut gradient[l]);
            if layer.first {
                break;
            }
            let inputs = padded(layer.inputs);
            gemm(
                map.set,
                Gemm {
                    m: rows,
                    n: inputs,
                    k: layer.outputs,
                    a: of_outputs,
                    a_row: outputs_row,
                    a_k: 1,
                    b: &packed.transposed,
                    b_row: weight_row_length(layer.inputs),
                    c: next,
                    c_row: x_row,
                    init: Init::Zero,
                    finish: Finish::Derivative(map.layers[l - 1].activation, x),
                },
            );
            std::mem::swap(&mut delta, &mut next);
        }
        sum
    }

    /// Pushes a parameter tangent, packed like the weights, forward to the tangent of the outputs, which
    /// [`tangent`](Segment::tangent) then copies out.
    pub(super) fn push_forward(&mut self, map: Map<'_, T>, tangents: &[Packed<T>]) {
        self.prepare_derivative(map.layers);
        let rows = self.rows;
        let [mut from, mut to] = std::mem::take(&mut self.flow);
        for (l, (layer, packed)) in map.layers.iter().zip(map.weights).enumerate() {
            let (x, y) = (&self.activations[l], &self.activations[l + 1]);
            // An output layer is the identity, and may be thin: then y was never written, and is not read.
            let finish = match layer.activation {
                crate::Activation::Identity => Finish::Keep,
                activation => Finish::Derivative(activation, y),
            };
            let dw = &tangents[l];
            if layer.first {
                affine(map.set, layer, rows, x, dw, &mut to, Init::Bias(&dw.bias), finish);
            } else {
                affine(map.set, layer, rows, x, dw, &mut to, Init::Bias(&dw.bias), Finish::Keep);
                affine(map.set, layer, rows, &from, packed, &mut to, Init::Accumulate, finish);
            }
            std::mem::swap(&mut from, &mut to);
        }
        self.flow = [from, to];
    }

    /// Pushes a parameter tangent forward, and what `metric` makes of it, from outputs and tangent `[rows, outputs]`, back
    /// to its gradient. Returns what `metric` returned.
    pub(super) fn there_and_back<S>(
        &mut self,
        map: Map<'_, T>,
        tangents: &[Packed<T>],
        gradient: &mut [LayerGradient<T>],
        metric: impl FnOnce(&[T], &[T], &mut [T]) -> S,
    ) -> S {
        self.push_forward(map, tangents);
        let mut tangent = std::mem::take(&mut self.tangent);
        let width = map.layers[map.layers.len() - 1].outputs;
        let of_rows = &mut tangent[..self.rows * width];
        self.tangent(width, of_rows);
        let sum = self.backward(map, gradient, |outputs, cotangent| metric(outputs, of_rows, cotangent));
        self.tangent = tangent;
        sum
    }

    /// Copies the tangent of the outputs, `[rows, width]`, after [`push_forward`](Segment::push_forward).
    pub(super) fn tangent(&self, width: usize, output: &mut [T]) {
        compact(&self.flow[0], output, self.rows, width);
    }

    /// The number of rows of the last forward pass.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }
}

/// y ← finish(init + x·W) for padded rows.
#[allow(clippy::too_many_arguments, reason = "one line of mathematics, called three times in this file")]
fn affine<T: Kernel>(
    set: InstructionSet,
    layer: &Layer,
    rows: usize,
    x: &[T],
    packed: &Packed<T>,
    y: &mut [T],
    init: Init<'_, T>,
    finish: Finish<'_, T>,
) {
    let outputs = padded(layer.outputs);
    gemm(
        set,
        Gemm {
            m: rows,
            n: outputs,
            k: layer.inputs,
            a: x,
            a_row: row_length(layer.inputs),
            a_k: 1,
            b: &packed.weight,
            b_row: weight_row_length(layer.outputs),
            c: y,
            c_row: row_length(layer.outputs),
            init,
            finish,
        },
    );
}

/// (∂W, ∂b) = (x, 1)ᵀ·δ, or its transpose for a thin layer: the long side is the one in vectors.
fn weight_gradient<T: Kernel>(
    set: InstructionSet,
    layer: &Layer,
    rows: usize,
    x: &[T],
    delta: &[T],
    gradient: &mut LayerGradient<T>,
) {
    let x_row = row_length(layer.inputs);
    let (m, n, (a, a_k), (b, b_row)) = if layer.thin {
        (layer.outputs, padded(layer.inputs + 1), (delta, layer.outputs), (x, x_row))
    } else {
        (layer.inputs + 1, padded(layer.outputs), (x, x_row), (delta, row_length(layer.outputs)))
    };
    gemm(
        set,
        Gemm {
            m,
            n,
            k: rows,
            a,
            a_row: 1,
            a_k,
            b,
            b_row,
            c: &mut gradient.sums,
            c_row: n,
            init: Init::Zero,
            finish: Finish::Keep,
        },
    );
}

/// Writes the one behind each of the first rows of `width` numbers.
fn put_ones<T: Kernel>(activations: &mut [T], width: usize, rows: usize) {
    for row in activations.chunks_exact_mut(row_length(width)).take(rows) {
        row[width] = T::one();
    }
}

/// Copies rows of `width` out of padded rows.
fn compact<T: Copy>(from: &[T], to: &mut [T], rows: usize, width: usize) {
    for (to, from) in to.chunks_exact_mut(width).zip(from.chunks_exact(row_length(width))).take(rows) {
        copy_row(&from[..width], to);
    }
}

/// Copies rows of `width` into padded rows, with zeros behind.
fn spread<T: Kernel>(from: &[T], to: &mut [T], rows: usize, width: usize) {
    for (from, to) in from.chunks_exact(width).zip(to.chunks_exact_mut(row_length(width))).take(rows) {
        copy_row(from, &mut to[..width]);
        to[width..].fill(T::zero());
    }
}
