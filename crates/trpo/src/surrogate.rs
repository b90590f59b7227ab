//! The surrogate objective, the constraint, and their derivatives in the outputs of the policy.

use std::ops::AddAssign;

use gradus_core_math::{Distribution, Real};
use gradus_policy::{Batch, Branches, Input, Loop, Rows, Team, vectorized};

use crate::branched::{add_branched_gradient, branched_value};
use crate::config::{Fisher, KlConstraint};

/// The batch as the policy's step sees it: the means of L(θ) and of `kl_old_new` over its states.
///
/// *Single path*: the states are all rows, L of a row is r(θ) A, r = π_θ(a|s)/π_old(a|s) (Schulman et al. 2015, equation
/// 14 with q = π_old, section 5.1); advantages stand for Q, which moves the expectation of L by a constant. Departure:
/// advantages may be brought to mean 0 and standard deviation 1 over the batch, as in sb3-contrib and Spinning Up.
///
/// *Vine*: where the batch has [`Branches`], the states are theirs, and L of a state is equation 15 or 16 (section 5.2).
#[derive(Clone, Copy, Debug)]
pub struct Surrogate<'a, T> {
    distribution: &'a Distribution,
    batch: &'a Batch<'a, T>,
    /// The states as rows of the batch.
    rows: Rows<'a>,
    source: Source<'a, T>,
    constraint: KlConstraint,
    fisher: Fisher,
}

/// What tells good actions from bad ones.
#[derive(Clone, Copy, Debug)]
enum Source<'a, T> {
    /// The advantage of the action that was taken, less `mean`, times `scale`.
    SinglePath { mean: f64, scale: f64 },
    /// The values of several actions of the same state.
    Vine(&'a Branches<T>),
}

/// KL(π_old(·|s)‖π_θ(·|s)) over the states of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Divergence {
    /// Their mean.
    pub mean: f64,
    /// The greatest of them; NaN if one is.
    pub max: f64,
}

impl Divergence {
    /// What the constraint is about.
    pub fn of(&self, constraint: KlConstraint) -> f64 {
        match constraint {
            KlConstraint::Mean => self.mean,
            KlConstraint::Max => self.max,
        }
    }
}

/// L and `kl_old_new` of some states, added up.
#[derive(Default)]
struct Sums {
    value: f64,
    divergence: Divergence,
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        let (own, divergence) = (&mut self.divergence, other.divergence);
        self.value += other.value;
        own.mean += divergence.mean;
        own.max = greater(own.max, divergence.max);
    }
}

/// States that are worked on at a time. Sums over them are in their order, so this number is part of what determines
/// their bits, and the number of threads is not.
const ROWS: usize = 128;

/// The greater one, NaN if one of them is: `f64::max` would hide it.
fn greater(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

impl<'a, T: Real> Surrogate<'a, T> {
    /// The surrogate over all rows of `batch`, or over its branches. Advantages that are all equal are 0 where they are
    /// normalised; the values of branches are compared within their state, and are never normalised.
    pub fn new(distribution: &'a Distribution, batch: &'a Batch<'a, T>, normalize_advantage: bool) -> Self {
        let source = match batch.branches {
            Some(branches) => Source::Vine(branches),
            None if normalize_advantage => {
                let (mean, scale) = batch.standardization(Rows::First(batch.len()));
                Source::SinglePath { mean, scale }
            }
            None => Source::SinglePath { mean: 0.0, scale: 1.0 },
        };
        let rows = match source {
            Source::SinglePath { .. } => Rows::First(batch.len()),
            Source::Vine(branches) => Rows::Listed(&branches.rows),
        };
        let (constraint, fisher) = Default::default();
        Self { distribution, batch, rows, source, constraint, fisher }
    }

    /// The same over these rows of the batch alone, and their single path: for products with the Fisher matrix, in which
    /// L has no part.
    pub fn with_rows(self, rows: &'a [u32]) -> Self {
        let source = match self.source {
            Source::Vine(_) => Source::SinglePath { mean: 0.0, scale: 1.0 },
            single_path => single_path,
        };
        Self { rows: Rows::Listed(rows), source, ..self }
    }

    /// The same with another constraint than the mean.
    pub fn with_constraint(self, constraint: KlConstraint) -> Self {
        Self { constraint, ..self }
    }

    /// The same with another matrix than the analytic one.
    pub fn with_fisher(self, fisher: Fisher) -> Self {
        Self { fisher, ..self }
    }

    /// What is bounded.
    pub fn constraint(&self) -> KlConstraint {
        self.constraint
    }

    /// The states as rows of the batch.
    pub fn rows(&self) -> Rows<'a> {
        self.rows
    }

    /// 1/B for B states.
    fn per_row(&self) -> f64 {
        1.0 / self.rows.len() as f64
    }

    /// The observations of all states, as a policy takes them.
    pub fn input(&self) -> Input<'a, T> {
        self.batch.input(self.rows)
    }

    fn mask(&self, i: usize) -> Option<&'a [bool]> {
        self.batch.mask(self.distribution.mask_width(), self.rows.index(i))
    }

    /// The action that was taken in state `i`.
    fn action(&self, i: usize) -> &'a [T] {
        Batch::<T>::row(self.batch.actions, self.distribution.action_width(), self.rows.index(i))
    }

    /// r A of the action that was taken in state `i`, for log π_θ of it.
    fn weighted_advantage(&self, i: usize, log_prob: T, mean: f64, scale: f64) -> f64 {
        let row = self.rows.index(i);
        let ratio = (log_prob - self.batch.log_probs[row]).exp().wide();
        ratio * (self.batch.advantages[row].wide() - mean) * scale
    }

    /// L of state `i`.
    fn value(&self, i: usize, params: &[T]) -> f64 {
        match self.source {
            Source::SinglePath { mean, scale } => {
                let log_prob = self.distribution.log_prob(params, self.mask(i), self.action(i));
                self.weighted_advantage(i, log_prob, mean, scale)
            }
            Source::Vine(branches) => branched_value(self.distribution, params, self.mask(i), branches, i),
        }
    }

    /// The cotangent of L in the parameters of the distributions: of a row of a single path
    /// ∂L/∂φ = r A ∂log π(a|s)/∂φ / B. Returns L.
    ///
    /// # Shapes
    /// `params` and `cotangent`: `[B, n_params]`.
    pub fn value_and_cotangent(&self, mut team: Team<'_>, params: &[T], cotangent: &mut [T]) -> f64 {
        let block = ROWS * self.distribution.n_params();
        let blocks = params.chunks(block).zip(cotangent.chunks_mut(block));
        let sum: f64 =
            team.sum_helped(blocks, |_, i, (params, cotangent)| self.cotangent(i * ROWS, params, cotangent));
        sum * self.per_row()
    }

    /// The cotangent of some states, from the `first` on. Returns the sum of their L.
    fn cotangent(&self, first: usize, params: &[T], cotangent: &mut [T]) -> f64 {
        let width = self.distribution.n_params();
        let per_row = self.per_row();
        let mut sum = 0.0;
        cotangent.fill(T::zero());
        let rows = params.chunks_exact(width).zip(cotangent.chunks_exact_mut(width));
        for (i, (params, to)) in (first..).zip(rows) {
            match self.source {
                Source::SinglePath { mean, scale } => {
                    let weigh = |log_prob: T, _| {
                        let weighted = self.weighted_advantage(i, log_prob, mean, scale);
                        sum += weighted;
                        (T::of(weighted * per_row), T::zero())
                    };
                    self.distribution.add_gradient_with(params, self.mask(i), self.action(i), weigh, to);
                }
                Source::Vine(branches) => {
                    let state = (params, self.mask(i));
                    sum += add_branched_gradient(self.distribution, state, branches, i, per_row, to);
                }
            }
        }
        sum
    }

    /// L(θ) and `kl_old_new` = KL(π_old(·|s)‖π_θ(·|s)), its mean and its greatest value, in f64.
    ///
    /// # Shapes
    /// `params_old`, `params`: `[B, n_params]`, of π_old and π_θ.
    pub fn value_and_divergence(
        &self,
        mut team: Team<'_>,
        params_old: &[T],
        params: &[T],
    ) -> (f64, Divergence) {
        let block = ROWS * self.distribution.n_params();
        let blocks = params_old.chunks(block).zip(params.chunks(block));
        let Sums { value, divergence: Divergence { mean, max } } =
            team.sum_helped(blocks, |_, i, &mut (old, new)| self.sums(i * ROWS, old, new));
        let per_row = self.per_row();
        (value * per_row, Divergence { mean: mean * per_row, max })
    }

    /// The same of some states, from the `first` on, with sums in place of means.
    fn sums(&self, first: usize, params_old: &[T], params: &[T]) -> Sums {
        let width = self.distribution.n_params();
        let mut sums = Sums::default();
        let rows = params_old.chunks_exact(width).zip(params.chunks_exact(width));
        for (i, (old, new)) in (first..).zip(rows) {
            let kl = self.distribution.kl(old, new, self.mask(i)).wide();
            sums += Sums { value: self.value(i, new), divergence: Divergence { mean: kl, max: kl } };
        }
        sums
    }

    /// `out` ← M u / B at π_θ = π_old, block by block: M is each row's Fisher information, which is the Hessian of its
    /// `kl_old_new` in the parameters of the distribution, or with [`Fisher::Empirical`] its estimate s sᵀ from the
    /// action that was drawn, s = ∂log π(a|s)/∂φ.
    ///
    /// Of some rows, from the `first` on.
    ///
    /// # Shapes
    /// `params_old`, `tangent`, `out`: `[rows, n_params]`.
    pub fn metric(&self, first: usize, params_old: &[T], tangent: &[T], out: &mut [T]) {
        match self.fisher {
            Fisher::Analytic => vectorized(Analytic { surrogate: self, first, params_old, tangent, out }),
            Fisher::Empirical => {
                let width = self.distribution.n_params();
                let rows = params_old.chunks_exact(width).zip(tangent.chunks_exact(width));
                for (i, ((params, tangent), out)) in (first..).zip(rows.zip(out.chunks_exact_mut(width))) {
                    self.outer_product(i, params, tangent, out);
                }
            }
        }
        let per_row = T::of(self.per_row());
        out.iter_mut().for_each(|x| *x *= per_row);
    }

    /// `out` ← s (s·u) of row `i`.
    fn outer_product(&self, i: usize, params: &[T], tangent: &[T], out: &mut [T]) {
        out.fill(T::zero());
        let score = |_, _| (T::one(), T::zero());
        self.distribution.add_gradient_with(params, self.mask(i), self.action(i), score, out);
        let along = T::of(out.iter().zip(tangent).map(|(s, u)| s.wide() * u.wide()).sum());
        out.iter_mut().for_each(|s| *s *= along);
    }

    /// What the constraint's second-order model is twice of: the mean over the rows of uᵀM u, or the greatest of
    /// them, with the analytic M of each, for u the change of the distributions' parameters to first order.
    ///
    /// # Shapes
    /// `params_old`, `tangent`: `[B, n_params]`.
    pub fn curvature(&self, params_old: &[T], tangent: &[T]) -> f64 {
        let width = self.distribution.n_params();
        let mut product = vec![T::zero(); width];
        let (mut sum, mut max) = (0.0, 0.0);
        let rows = params_old.chunks_exact(width).zip(tangent.chunks_exact(width));
        for (i, (params, tangent)) in rows.enumerate() {
            self.distribution.fisher_vector(params, self.mask(i), tangent, &mut product);
            let of_row: f64 = tangent.iter().zip(&product).map(|(u, mu)| u.wide() * mu.wide()).sum();
            sum += of_row;
            max = greater(max, of_row);
        }
        Divergence { mean: sum * self.per_row(), max }.of(self.constraint)
    }

    /// The mean entropy of the distributions.
    pub fn entropy(&self, params: &[T]) -> f64 {
        let width = self.distribution.n_params();
        let rows = params.chunks_exact(width).enumerate();
        let sum: f64 = rows.map(|(i, row)| self.distribution.entropy(row, self.mask(i)).wide()).sum();
        sum * self.per_row()
    }
}

/// Products with the rows' Fisher information.
struct Analytic<'m, 'a, T> {
    surrogate: &'m Surrogate<'a, T>,
    first: usize,
    params_old: &'m [T],
    tangent: &'m [T],
    out: &'m mut [T],
}

impl<T: Real> Loop for Analytic<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { surrogate, first, params_old, tangent, out } = self;
        let mask = |i| surrogate.mask(first + i);
        surrogate.distribution.fisher_vectors(params_old, mask, tangent, out);
    }
}
