//! The one thing that every algorithm needs of a policy or a critic: a differentiable map.

use std::ops::AddAssign;

use gradus_core_math::{Real, Stream};

use crate::Team;
use crate::memory::Memory;

/// Which rows of a batch an operation concerns.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// The first so many.
    First(usize),
    /// These, in this order: a minibatch, named rather than copied.
    Listed(&'a [u32]),
}

impl Rows<'_> {
    /// The number of rows.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Rows::First(count) => *count,
            Rows::Listed(list) => list.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the `i`-th row lies in the batch.
    #[inline]
    pub fn index(&self, i: usize) -> usize {
        match self {
            Rows::First(_) => i,
            Rows::Listed(list) => list[i] as usize,
        }
    }
}

/// A batch of observations, of which some rows are meant.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a, T> {
    /// Observations of the whole batch, `[batch, width]`.
    pub observations: &'a [T],
    /// The length of an observation.
    pub width: usize,
    /// The rows that are meant.
    pub rows: Rows<'a>,
    /// What a network that remembers is given beside; none where every row stands by itself.
    pub memory: Option<Memory<'a, T>>,
}

impl<'a, T> Input<'a, T> {
    /// All rows of `observations`.
    ///
    /// # Panics
    /// When the length is no multiple of `width`.
    pub fn all(observations: &'a [T], width: usize) -> Self {
        assert!(observations.len().is_multiple_of(width), "observations are whole rows of width {width}");
        Self { observations, width, rows: Rows::First(observations.len() / width), memory: None }
    }

    /// The listed rows of `observations`.
    pub fn listed(observations: &'a [T], width: usize, rows: &'a [u32]) -> Self {
        Self { observations, width, rows: Rows::Listed(rows), memory: None }
    }

    /// The same rows with what a network that remembers needs beside.
    #[must_use]
    pub fn with_memory(self, memory: Option<Memory<'a, T>>) -> Self {
        Self { memory, ..self }
    }

    /// The `i`-th of the rows that are meant.
    #[inline]
    pub fn row(&self, i: usize) -> &'a [T] {
        let start = self.rows.index(i) * self.width;
        &self.observations[start..start + self.width]
    }
}

/// The place of one tensor in the flat parameter vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// A name such as `actor.0.weight`.
    pub name: String,
    /// Its shape; row-major.
    pub shape: Vec<usize>,
    /// Where it begins in θ.
    pub offset: usize,
}

impl TensorInfo {
    /// The number of its elements.
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }
}

/// A differentiable map y = f_θ(x) from observations to outputs, row by row, with one flat vector θ.
///
/// The one central operation is [`linearize`](Network::linearize): it evaluates the map and keeps what is
/// needed to apply its Jacobian J = ∂y/∂θ to vectors, from the left ([`vjp`](Linearized::vjp), a gradient)
/// and from the right ([`jvp`](Linearized::jvp)). A gradient step is `linearize → cotangent → vjp`; a
/// Fisher-vector product is `jvp → metric → vjp` on the same linearisation.
pub trait Network: Send {
    /// Whether two networks of this kind may be evaluated at the same time by two threads.
    const CONCURRENT: bool;

    /// The scalar of parameters and activations.
    type Scalar: Real;
    /// The map with its parameters fixed; see [`Frozen`].
    type Frozen: Frozen<Scalar = Self::Scalar>;
    /// The map with its derivative at one point; see [`Linearized`].
    type Linearized<'a>: Linearized<Scalar = Self::Scalar> + Send
    where
        Self: 'a;

    /// The length of an observation.
    fn input_width(&self) -> usize;

    /// The number of outputs a row.
    fn output_width(&self) -> usize;

    /// How many numbers it remembers from one step to the next; 0 for a map that knows only the present row.
    fn state_width(&self) -> usize {
        0
    }

    /// The length of θ.
    fn parameter_count(&self) -> usize;

    /// The tensors of θ, in order and without gaps.
    fn tensors(&self) -> Vec<TensorInfo>;

    /// Draws initial parameters into `theta`.
    ///
    /// # Panics
    /// When the length does not fit.
    fn initialize(&self, rng: &mut Stream, theta: &mut [Self::Scalar]);

    /// A copy for acting that owns its parameters.
    ///
    /// # Panics
    /// When the length does not fit.
    fn freeze(&self, theta: &[Self::Scalar]) -> Self::Frozen;

    /// y = f_θ(x) for the rows of `input`, into `output` `[rows, output_width]`.
    ///
    /// # Panics
    /// When lengths do not fit.
    fn forward(
        &mut self,
        team: Team<'_>,
        theta: &[Self::Scalar],
        input: Input<'_, Self::Scalar>,
        output: &mut [Self::Scalar],
    );

    /// y = f_θ(x) and its derivative in θ at this point.
    ///
    /// # Panics
    /// When lengths do not fit.
    fn linearize<'a>(
        &'a mut self,
        team: Team<'_>,
        theta: &'a [Self::Scalar],
        input: Input<'a, Self::Scalar>,
    ) -> Self::Linearized<'a>;

    /// `gradient` ← the gradient in θ of a loss that is a sum over rows: `linearize`, cotangent, `vjp` in one, so that
    /// a thread can take some rows there and back. Returns the sum of what `loss` returned.
    ///
    /// `loss(first, outputs, cotangent)` is called for some rows at a time, from the `first` of `input` on: it writes
    /// the cotangent of their outputs `[rows, output_width]`, all of it. How many rows they are depends on the network
    /// alone, and the sums are in their order.
    ///
    /// # Panics
    /// When lengths do not fit.
    fn gradient<S: Send + Default + AddAssign>(
        &mut self,
        mut team: Team<'_>,
        theta: &[Self::Scalar],
        input: Input<'_, Self::Scalar>,
        loss: &(impl Fn(usize, &[Self::Scalar], &mut [Self::Scalar]) -> S + Sync),
        gradient: &mut [Self::Scalar],
    ) -> S {
        let mut point = self.linearize(team.reborrow(), theta, input);
        let mut cotangent = vec![Self::Scalar::default(); point.outputs().len()];
        let sum = loss(0, point.outputs(), &mut cotangent);
        point.vjp(team, &cotangent, gradient);
        sum
    }
}

/// A network at one point: its outputs there, and its Jacobian J as an operator.
pub trait Linearized {
    /// The scalar of parameters and activations.
    type Scalar: Real;

    /// The outputs, `[rows, output_width]`.
    fn outputs(&self) -> &[Self::Scalar];

    /// `gradient` ← Jᵀu, the gradient in θ of Σ y·u, for a cotangent u `[rows, output_width]`.
    ///
    /// # Panics
    /// When lengths do not fit.
    fn vjp(&mut self, team: Team<'_>, cotangent: &[Self::Scalar], gradient: &mut [Self::Scalar]);

    /// `output` `[rows, output_width]` ← Jv, the derivative of the outputs along a parameter tangent v.
    ///
    /// # Panics
    /// When lengths do not fit.
    fn jvp(&mut self, team: Team<'_>, tangent: &[Self::Scalar], output: &mut [Self::Scalar]);

    /// `product` ← Jᵀ M J v for a parameter tangent v and a metric M that each row has one of: `jvp`, M, `vjp` in one, so
    /// that a thread can take some rows there and back. Returns the sum of what `metric` returned.
    ///
    /// `metric(first, outputs, tangent, cotangent)` is called for some rows at a time, from the `first` on: of their
    /// outputs and J v it makes M J v, all `[rows, output_width]`. How many rows they are depends on the network alone,
    /// and the sums are in their order.
    ///
    /// # Panics
    /// When lengths do not fit.
    fn metric_product<S: Send + Default + AddAssign>(
        &mut self,
        mut team: Team<'_>,
        tangent: &[Self::Scalar],
        metric: &(impl Fn(usize, &[Self::Scalar], &[Self::Scalar], &mut [Self::Scalar]) -> S + Sync),
        product: &mut [Self::Scalar],
    ) -> S {
        let mut of_outputs = vec![Self::Scalar::default(); self.outputs().len()];
        self.jvp(team.reborrow(), tangent, &mut of_outputs);
        let mut cotangent = of_outputs.clone();
        let sum = metric(0, self.outputs(), &of_outputs, &mut cotangent);
        self.vjp(team, &cotangent, product);
        sum
    }
}

/// A network with its parameters fixed: what a thread that collects, or a deployed agent, acts with.
pub trait Frozen: Send + std::fmt::Debug {
    /// The scalar of parameters and activations.
    type Scalar: Real;

    /// Takes other parameters: as many as it was frozen with.
    ///
    /// # Panics
    /// When the length does not fit.
    fn load(&mut self, theta: &[Self::Scalar]);

    /// y = f_θ(x) for whole rows of observations. A row's result does not depend on the rows beside it.
    ///
    /// # Panics
    /// When lengths do not fit.
    fn forward(&mut self, observations: &[Self::Scalar], output: &mut [Self::Scalar]);

    /// How many numbers it remembers from one step to the next, for each row.
    fn state_width(&self) -> usize {
        0
    }

    /// As [`forward`](Self::forward), with what is remembered: `states` `[rows, state_width]` are those before the
    /// step, and then those after it. Zeros are the state at the start of an episode.
    ///
    /// # Panics
    /// When lengths do not fit.
    fn step(
        &mut self,
        observations: &[Self::Scalar],
        _states: &mut [Self::Scalar],
        output: &mut [Self::Scalar],
    ) {
        self.forward(observations, output);
    }
}
