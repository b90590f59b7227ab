//! Forward, backward and tangent passes over one block of rows, the unit of work of a thread.

use super::layer::{Layer, LayerGradient, Packed};
use crate::aligned::Aligned;
use crate::kernel::{Finish, Gemm, Init, InstructionSet, Kernel, Thin, gemm, padded, thin};
use crate::network::Input;
use crate::rows::copy_row;

/// Rows in a segment: enough to pay for its overheads, few enough for its activations to stay in cache.
/// Gradients are sums over segments in order, so this number is part of what determines their bits.
pub(super) const SEGMENT: usize = 128;

/// The network as a segment sees it.
#[derive(Clone, Copy)]
pub(super) struct Map<'a, T> {
    pub(super) set: InstructionSet,
    pub(super) layers: &'a [Layer],
    pub(super) weights: &'a [Packed<T>],
}

/// What one block of rows needs: activations of the forward pass, kept for the derivative, and room for
/// cotangents, tangents and the gradient.
#[derive(Debug)]
pub(super) struct Segment<T> {
    rows: usize,
    /// Input of each layer, `[rows, padded(width)]`, and last the padded output (unused where it is thin).
    activations: Vec<Aligned<T>>,
    /// `[rows, outputs]`
    outputs: Vec<T>,
    /// Cotangent or tangent of a layer's output and input, `[rows, padded(width)]`, in turn.
    flow: [Aligned<T>; 2],
    gradient: Vec<LayerGradient<T>>,
}

impl<T: Kernel> Segment<T> {
    /// Room for `capacity` rows of a forward pass.
    pub(super) fn new(layers: &[Layer], capacity: usize) -> Self {
        let widths = layers.iter().map(|l| l.inputs).chain(layers.last().map(|l| l.outputs));
        Self {
            rows: 0,
            activations: widths.map(|w| Aligned::zeros(capacity * padded(w))).collect(),
            outputs: vec![T::zero(); capacity * layers.last().map_or(0, |l| l.outputs)],
            flow: [Aligned::default(), Aligned::default()],
            gradient: Vec::new(),
        }
    }

    /// Makes room for derivatives, once.
    fn prepare_derivative(&mut self, layers: &[Layer]) {
        if self.gradient.is_empty() {
            let capacity = self.activations.iter().zip(layers).map(|(a, l)| a.len() / padded(l.inputs));
            let widest = layers.iter().map(|l| padded(l.inputs).max(padded(l.outputs))).max().unwrap_or(0);
            let size = capacity.max().unwrap_or(0) * widest;
            self.flow = [Aligned::zeros(size), Aligned::zeros(size)];
            self.gradient = layers.iter().map(LayerGradient::new).collect();
        }
    }

    /// The outputs of the last forward pass, `[rows, outputs]`.
    pub(super) fn outputs(&self, width: usize) -> &[T] {
        &self.outputs[..self.rows * width]
    }

    /// Evaluates `rows` rows of `input` from row `first` on.
    pub(super) fn forward(&mut self, map: Map<'_, T>, input: Input<'_, T>, first: usize, rows: usize) {
        self.rows = rows;
        let stride = padded(input.width);
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
                        x_row: padded(layer.inputs),
                        w: &packed.transposed,
                        w_row: padded(layer.inputs),
                        bias: &packed.bias,
                        y: &mut self.outputs,
                        y_row: layer.outputs,
                    },
                );
                return;
            }
            affine(
                map.set,
                layer,
                rows,
                x,
                packed,
                y,
                Init::Bias(&packed.bias),
                Finish::Activate(layer.activation),
            );
        }
        if let Some(last) = map.layers.last() {
            let y = &self.activations[map.layers.len()];
            compact(y, &mut self.outputs, rows, last.outputs);
        }
    }

    /// Pulls the cotangent of this segment's outputs, `[rows, outputs]`, back to its gradient.
    pub(super) fn backward(&mut self, map: Map<'_, T>, cotangent: &[T]) {
        self.prepare_derivative(map.layers);
        let rows = self.rows;
        let [mut delta, mut next] = std::mem::take(&mut self.flow);
        if let Some(last) = map.layers.last() {
            let stride = padded(last.outputs);
            for (to, from) in
                delta.chunks_exact_mut(stride).zip(cotangent.chunks_exact(last.outputs)).take(rows)
            {
                copy_row(from, &mut to[..last.outputs]);
                to[last.outputs..stride].fill(T::zero());
            }
        }
        for (l, (layer, packed)) in map.layers.iter().zip(map.weights).enumerate().rev() {
            let (inputs, outputs) = (padded(layer.inputs), padded(layer.outputs));
            let x = &self.activations[l];
            let gradient = &mut self.gradient[l];
            weight_gradient(map.set, layer, rows, x, &delta, gradient);
            gemm(
                map.set,
                Gemm {
                    m: 1,
                    n: outputs,
                    k: rows,
                    a: &[T::one()],
                    a_row: 0,
                    a_k: 0,
                    b: &delta,
                    b_row: outputs,
                    c: &mut gradient.bias,
                    c_row: outputs,
                    init: Init::Zero,
                    finish: Finish::Keep,
                },
            );
            if layer.first {
                break;
            }
            gemm(
                map.set,
                Gemm {
                    m: rows,
                    n: inputs,
                    k: layer.outputs,
                    a: &delta,
                    a_row: outputs,
                    a_k: 1,
                    b: &packed.transposed,
                    b_row: inputs,
                    c: &mut next,
                    c_row: inputs,
                    init: Init::Zero,
                    finish: Finish::Derivative(map.layers[l - 1].activation, x),
                },
            );
            std::mem::swap(&mut delta, &mut next);
        }
        self.flow = [delta, next];
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

    /// Copies the tangent of the outputs, `[rows, width]`, after [`push_forward`](Segment::push_forward).
    pub(super) fn tangent(&self, width: usize, output: &mut [T]) {
        compact(&self.flow[0], output, self.rows, width);
    }

    /// The number of rows of the last forward pass.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Writes this segment's gradient to a vector like θ, or adds it.
    pub(super) fn unpack_gradient(&self, layers: &[Layer], gradient: &mut [T], add: bool) {
        for (layer, part) in layers.iter().zip(&self.gradient) {
            part.unpack(layer, gradient, add);
        }
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
            a_row: padded(layer.inputs),
            a_k: 1,
            b: &packed.weight,
            b_row: outputs,
            c: y,
            c_row: outputs,
            init,
            finish,
        },
    );
}

/// ∂W = xᵀ·δ, or its transpose for a thin layer: the long side is the one in vectors.
fn weight_gradient<T: Kernel>(
    set: InstructionSet,
    layer: &Layer,
    rows: usize,
    x: &[T],
    delta: &[T],
    gradient: &mut LayerGradient<T>,
) {
    let (inputs, outputs) = (padded(layer.inputs), padded(layer.outputs));
    let (m, n, a, a_k, b) = if layer.thin {
        (layer.outputs, inputs, delta, outputs, x)
    } else {
        (layer.inputs, outputs, x, inputs, delta)
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
            b_row: n,
            c: &mut gradient.weight,
            c_row: n,
            init: Init::Zero,
            finish: Finish::Keep,
        },
    );
}

/// Copies rows of `width` out of padded rows.
fn compact<T: Copy>(from: &[T], to: &mut [T], rows: usize, width: usize) {
    for (to, from) in to.chunks_exact_mut(width).zip(from.chunks_exact(padded(width))).take(rows) {
        copy_row(&from[..width], to);
    }
}
