//! A network whose rows carry, beside its outputs, parameters that do not depend on the observation.

use std::iter::repeat;
use std::ops::AddAssign;

use gradus_core_math::{Real, Stream};

use crate::network::{Frozen, Input, Linearized, Network, TensorInfo};
use crate::rows::copy_row;
use crate::threads::Team;

/// A network with `width` free parameters inserted into every row of its outputs: the log_std of a Gaussian
/// whose spread is the same in every state.
///
/// θ is the inner network's, then the free parameters. They are outputs like any other, so that gradients and
/// Fisher-vector products include them without further thought. With width 0 it is the inner network.
#[derive(Debug)]
pub struct PolicyHead<N: Network> {
    inner: N,
    free: Free,
    /// The value that the free parameters begin with.
    initial: f64,
    outputs: Vec<N::Scalar>,
    cotangent: Vec<N::Scalar>,
}

/// Where the free parameters stand.
#[derive(Clone, Copy, Debug)]
struct Free {
    /// The column of the first one.
    at: usize,
    width: usize,
    /// The inner network's outputs.
    inner: usize,
}

impl Free {
    fn total(self) -> usize {
        self.inner + self.width
    }

    /// `to` `[rows, total]` ← rows of the inner outputs with `free` inserted.
    fn insert<T: Copy>(self, inner: &[T], free: &[T], to: &mut [T]) {
        for (from, to) in inner.chunks_exact(self.inner).zip(to.chunks_exact_mut(self.total())) {
            copy_row(&from[..self.at], &mut to[..self.at]);
            copy_row(free, &mut to[self.at..self.at + self.width]);
            copy_row(&from[self.at..], &mut to[self.at + self.width..]);
        }
    }

    /// `to` `[rows, inner]` ← rows of `from` without the free columns.
    fn remove<T: Copy>(self, from: &[T], to: &mut [T]) {
        for (from, to) in from.chunks_exact(self.total()).zip(to.chunks_exact_mut(self.inner)) {
            copy_row(&from[..self.at], &mut to[..self.at]);
            copy_row(&from[self.at + self.width..], &mut to[self.at..]);
        }
    }

    /// The sums of the free columns.
    fn sums<T: Real>(self, from: &[T]) -> Vec<f64> {
        let column = |k: usize| from.chunks_exact(self.total()).map(move |row| row[k].wide());
        (self.at..self.at + self.width).map(|k| column(k).sum()).collect()
    }
}

/// What some rows contribute to a loss, and to the gradient in the free parameters: nothing, if there are no sums yet.
#[derive(Default)]
struct WithFree<S> {
    loss: S,
    sums: Vec<f64>,
}

/// `gradient` ← the gradient in the free parameters.
fn write<T: Real>(sums: &[f64], gradient: &mut [T]) {
    for (to, &sum) in gradient.iter_mut().zip(sums.iter().chain(repeat(&0.0))) {
        *to = T::of(sum);
    }
}

impl<S: AddAssign> AddAssign for WithFree<S> {
    fn add_assign(&mut self, other: Self) {
        self.loss += other.loss;
        self.sums.resize(other.sums.len(), 0.0);
        self.sums.iter_mut().zip(other.sums).for_each(|(sum, part)| *sum += part);
    }
}

impl<N: Network> PolicyHead<N> {
    /// Inserts `width` free parameters, `initial` at first, before column `at` of the outputs.
    ///
    /// # Panics
    /// When the network has fewer than `at` outputs.
    pub fn new(inner: N, at: usize, width: usize, initial: f64) -> Self {
        let free = Free { at, width, inner: inner.output_width() };
        assert!(at <= free.inner, "column {at} of {} outputs", free.inner);
        Self { inner, free, initial, outputs: Vec::new(), cotangent: Vec::new() }
    }

    /// The network inside.
    pub fn inner(&self) -> &N {
        &self.inner
    }
}

impl<N: Network> Network for PolicyHead<N> {
    const CONCURRENT: bool = N::CONCURRENT;
    type Scalar = N::Scalar;
    type Frozen = FrozenHead<N::Frozen>;
    type Linearized<'a>
        = LinearizedHead<'a, N>
    where
        Self: 'a;

    fn input_width(&self) -> usize {
        self.inner.input_width()
    }

    fn output_width(&self) -> usize {
        self.free.total()
    }

    fn state_width(&self) -> usize {
        self.inner.state_width()
    }

    fn parameter_count(&self) -> usize {
        self.inner.parameter_count() + self.free.width
    }

    fn tensors(&self) -> Vec<TensorInfo> {
        let mut tensors = self.inner.tensors();
        if self.free.width > 0 {
            let offset = self.inner.parameter_count();
            tensors.push(TensorInfo { name: "log_std".into(), shape: vec![self.free.width], offset });
        }
        tensors
    }

    fn initialize(&self, rng: &mut Stream, theta: &mut [N::Scalar]) {
        let (inner, free) = theta.split_at_mut(self.inner.parameter_count());
        self.inner.initialize(rng, inner);
        free.fill(N::Scalar::of(self.initial));
    }

    fn freeze(&self, theta: &[N::Scalar]) -> Self::Frozen {
        let (inner, free) = theta.split_at(self.inner.parameter_count());
        FrozenHead {
            inner: self.inner.freeze(inner),
            free: self.free,
            values: free.to_vec(),
            parameter_count: inner.len(),
            outputs: Vec::new(),
        }
    }

    fn forward(
        &mut self,
        team: Team<'_>,
        theta: &[N::Scalar],
        input: Input<'_, N::Scalar>,
        output: &mut [N::Scalar],
    ) {
        assert_eq!(theta.len(), self.parameter_count(), "the length of θ");
        let (inner, free) = theta.split_at(self.inner.parameter_count());
        if self.free.width == 0 {
            return self.inner.forward(team, inner, input, output);
        }
        assert_eq!(output.len(), input.rows.len() * self.free.total(), "the length of the output");
        self.outputs.resize(input.rows.len() * self.free.inner, N::Scalar::default());
        self.inner.forward(team, inner, input, &mut self.outputs);
        self.free.insert(&self.outputs, free, output);
    }

    fn linearize<'a>(
        &'a mut self,
        team: Team<'_>,
        theta: &'a [N::Scalar],
        input: Input<'a, N::Scalar>,
    ) -> LinearizedHead<'a, N> {
        assert_eq!(theta.len(), self.parameter_count(), "the length of θ");
        let (inner, free) = theta.split_at(self.inner.parameter_count());
        let point = self.inner.linearize(team, inner, input);
        if self.free.width > 0 {
            self.outputs.resize(input.rows.len() * self.free.total(), N::Scalar::default());
            self.free.insert(point.outputs(), free, &mut self.outputs);
        }
        LinearizedHead { point, free: self.free, outputs: &self.outputs, scratch: &mut self.cotangent }
    }

    fn gradient<S: Send + Default + AddAssign>(
        &mut self,
        team: Team<'_>,
        theta: &[N::Scalar],
        input: Input<'_, N::Scalar>,
        loss: &(impl Fn(usize, &[N::Scalar], &mut [N::Scalar]) -> S + Sync),
        gradient: &mut [N::Scalar],
    ) -> S {
        let Self { inner, free, .. } = self;
        if free.width == 0 {
            return inner.gradient(team, theta, input, loss, gradient);
        }
        let (of_inner, of_free) = theta.split_at(inner.parameter_count());
        let (to_inner, to_free) = gradient.split_at_mut(of_inner.len());
        let around = |first, inner: &[N::Scalar], to_inner: &mut [N::Scalar]| {
            let mut outputs = vec![N::Scalar::default(); inner.len() / free.inner * free.total()];
            let mut cotangent = outputs.clone();
            free.insert(inner, of_free, &mut outputs);
            let loss = loss(first, &outputs, &mut cotangent);
            free.remove(&cotangent, to_inner);
            WithFree { loss, sums: free.sums(&cotangent) }
        };
        let sum = inner.gradient(team, of_inner, input, &around, to_inner);
        write(&sum.sums, to_free);
        sum.loss
    }
}

/// A [`PolicyHead`] at one point.
pub struct LinearizedHead<'a, N: Network + 'a> {
    point: N::Linearized<'a>,
    free: Free,
    outputs: &'a [N::Scalar],
    scratch: &'a mut Vec<N::Scalar>,
}

impl<N: Network> Linearized for LinearizedHead<'_, N> {
    type Scalar = N::Scalar;

    fn outputs(&self) -> &[N::Scalar] {
        if self.free.width == 0 { self.point.outputs() } else { self.outputs }
    }

    fn vjp(&mut self, team: Team<'_>, cotangent: &[N::Scalar], gradient: &mut [N::Scalar]) {
        if self.free.width == 0 {
            return self.point.vjp(team, cotangent, gradient);
        }
        assert_eq!(cotangent.len(), self.outputs.len(), "the length of the cotangent");
        let (inner, free) = gradient.split_at_mut(gradient.len() - self.free.width);
        self.scratch.resize(cotangent.len() / self.free.total() * self.free.inner, N::Scalar::default());
        self.free.remove(cotangent, self.scratch);
        write(&self.free.sums(cotangent), free);
        self.point.vjp(team, self.scratch, inner);
    }

    fn jvp(&mut self, team: Team<'_>, tangent: &[N::Scalar], output: &mut [N::Scalar]) {
        if self.free.width == 0 {
            return self.point.jvp(team, tangent, output);
        }
        assert_eq!(output.len(), self.outputs.len(), "the length of the output");
        let (inner, free) = tangent.split_at(tangent.len() - self.free.width);
        self.scratch.resize(output.len() / self.free.total() * self.free.inner, N::Scalar::default());
        self.point.jvp(team, inner, self.scratch);
        self.free.insert(self.scratch, free, output);
    }

    fn metric_product<S: Send + Default + AddAssign>(
        &mut self,
        team: Team<'_>,
        tangent: &[N::Scalar],
        metric: &(impl Fn(usize, &[N::Scalar], &[N::Scalar], &mut [N::Scalar]) -> S + Sync),
        product: &mut [N::Scalar],
    ) -> S {
        let Self { point, free, outputs, .. } = self;
        if free.width == 0 {
            return point.metric_product(team, tangent, metric, product);
        }
        let (of_inner, of_free) = tangent.split_at(tangent.len() - free.width);
        let (to_inner, to_free) = product.split_at_mut(of_inner.len());
        let around = |first: usize, _: &[N::Scalar], inner: &[N::Scalar], to_inner: &mut [N::Scalar]| {
            let mut tangent = vec![N::Scalar::default(); inner.len() / free.inner * free.total()];
            let mut cotangent = tangent.clone();
            free.insert(inner, of_free, &mut tangent);
            let outputs = &outputs[first * free.total()..][..tangent.len()];
            let loss = metric(first, outputs, &tangent, &mut cotangent);
            free.remove(&cotangent, to_inner);
            WithFree { loss, sums: free.sums(&cotangent) }
        };
        let sum = point.metric_product(team, of_inner, &around, to_inner);
        write(&sum.sums, to_free);
        sum.loss
    }
}

/// A [`PolicyHead`] with its parameters fixed.
#[derive(Debug)]
pub struct FrozenHead<F: Frozen> {
    inner: F,
    free: Free,
    values: Vec<F::Scalar>,
    parameter_count: usize,
    outputs: Vec<F::Scalar>,
}

impl<F: Frozen> Frozen for FrozenHead<F> {
    type Scalar = F::Scalar;

    fn load(&mut self, theta: &[F::Scalar]) {
        let (inner, free) = theta.split_at(self.parameter_count);
        self.inner.load(inner);
        self.values.copy_from_slice(free);
    }

    fn forward(&mut self, observations: &[F::Scalar], output: &mut [F::Scalar]) {
        self.around(output, |inner, output| inner.forward(observations, output));
    }

    fn state_width(&self) -> usize {
        self.inner.state_width()
    }

    fn step(&mut self, observations: &[F::Scalar], states: &mut [F::Scalar], output: &mut [F::Scalar]) {
        self.around(output, |inner, output| inner.step(observations, states, output));
    }
}

impl<F: Frozen> FrozenHead<F> {
    /// Lets the inner network evaluate its outputs, and inserts the free parameters.
    fn around(&mut self, output: &mut [F::Scalar], evaluate: impl FnOnce(&mut F, &mut [F::Scalar])) {
        if self.free.width == 0 {
            return evaluate(&mut self.inner, output);
        }
        assert!(
            output.len().is_multiple_of(self.free.total()),
            "outputs are whole rows of {}",
            self.free.total()
        );
        self.outputs.resize(output.len() / self.free.total() * self.free.inner, F::Scalar::default());
        evaluate(&mut self.inner, &mut self.outputs);
        self.free.insert(&self.outputs, &self.values, output);
    }
}
