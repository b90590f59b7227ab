//! Gradients of many rows, several side by side.

use super::{Distribution, categorical, diag_gaussian};
use crate::Real;

/// Rows that are worked on side by side: as many as the widest registers have `f32`s.
pub const BLOCK: usize = 16;

/// So many choices or variables of a row fit beside those of the others.
pub(super) const FEW: usize = 16;

/// One number for each row of a block.
pub type Block<T> = [T; BLOCK];

/// The coefficients with which the gradients of a block of rows are added up. A function is such a thing, but one that may
/// be compiled by itself, for the vectors that every processor has; an `#[inline(always)]` method becomes part of the
/// function around it.
pub trait Coefficients<T> {
    /// `(log_prob_coefs, entropy_coefs)` of the rows from the `first` on, from their log π(a) and H.
    fn of_rows(&mut self, first: usize, log_probs: &Block<T>, entropies: &Block<T>) -> (Block<T>, Block<T>);
}

impl<T, F: FnMut(usize, &Block<T>, &Block<T>) -> (Block<T>, Block<T>)> Coefficients<T> for F {
    #[inline(always)]
    fn of_rows(&mut self, first: usize, log_probs: &Block<T>, entropies: &Block<T>) -> (Block<T>, Block<T>) {
        self(first, log_probs, entropies)
    }
}

impl Distribution {
    /// [`add_gradient_with`](Self::add_gradient_with) for many rows, in blocks whose coefficients are asked for together.
    /// Where the rows are fewer than a block, what is said of the others is not used.
    ///
    /// A categorical family of a few choices without masks, and a Gaussian of a few variables, are computed on vectors, as
    /// wide as those of the function around this one, with exponentials and logarithms that in `f32` are right to 2e-7.
    ///
    /// # Shapes
    /// `params`, `gradient`: `[rows, n_params]`. `mask(i)` and `action(i)` are those of row i; all rows have a mask, or
    /// none.
    ///
    /// # Panics
    /// When lengths do not fit.
    ///
    /// ```
    /// use gradus_core_math::Distribution;
    /// let (family, logits) = (Distribution::Categorical { n: 2 }, [0.0, 0.0, 1.0, 1.0_f64]);
    /// let mut gradient = [0.0; 4];
    /// let coefs = |_, log_probs: &[f64; 16], _: &_| (log_probs.map(f64::exp), [0.0; 16]);
    /// family.add_gradients_with(&logits, |_| None, |row| &[[0.0], [1.0]][row], coefs, &mut gradient);
    /// assert_eq!(gradient, [0.25, -0.25, -0.25, 0.25]);
    /// ```
    #[inline(always)]
    pub fn add_gradients_with<'a, T: Real>(
        &self,
        params: &[T],
        mask: impl Fn(usize) -> Option<&'a [bool]>,
        action: impl Fn(usize) -> &'a [T],
        mut coefs: impl Coefficients<T>,
        gradient: &mut [T],
    ) {
        let width = self.n_params();
        assert_eq!(gradient.len(), params.len(), "the gradient has the parameters' length");
        let blocks = params.chunks(BLOCK * width).zip(gradient.chunks_mut(BLOCK * width));
        for (index, (params, gradient)) in blocks.enumerate() {
            let first = index * BLOCK;
            match self {
                Self::Categorical { n } if *n <= FEW && mask(first).is_none() => {
                    let action = |i: usize| action(first + i)[0];
                    categorical::add_gradients_with(*n, params, action, first, &mut coefs, gradient);
                }
                Self::DiagGaussian { dim } if *dim <= FEW => {
                    let action = |i: usize| action(first + i);
                    diag_gaussian::add_gradients_with(*dim, params, action, first, &mut coefs, gradient);
                }
                _ => self.add_one_by_one(params, &mask, &action, first, &mut coefs, gradient),
            }
        }
    }

    /// [`fisher_vector`](Self::fisher_vector) for many rows; those families on vectors that are in
    /// [`add_gradients_with`](Self::add_gradients_with).
    ///
    /// # Shapes
    /// `params`, `vector`, `out`: `[rows, n_params]`. `mask(i)` is that of row i; all rows have a mask, or none.
    ///
    /// # Panics
    /// When lengths do not fit.
    ///
    /// ```
    /// use gradus_core_math::Distribution;
    /// let (family, logits) = (Distribution::Categorical { n: 2 }, [0.0, 0.0, 1.0, 1.0_f64]);
    /// let mut out = [0.0; 4];
    /// family.fisher_vectors(&logits, |_| None, &[4.0, 0.0, 0.0, 8.0], &mut out);
    /// assert_eq!(out, [1.0, -1.0, -2.0, 2.0]);
    /// ```
    #[inline(always)]
    pub fn fisher_vectors<'a, T: Real>(
        &self,
        params: &[T],
        mask: impl Fn(usize) -> Option<&'a [bool]>,
        vector: &[T],
        out: &mut [T],
    ) {
        let width = self.n_params();
        assert!(vector.len() == params.len() && out.len() == params.len(), "as many as parameters");
        let size = BLOCK * width;
        let blocks = params.chunks(size).zip(vector.chunks(size)).zip(out.chunks_mut(size));
        match self {
            Self::Categorical { n } if *n <= FEW && (params.is_empty() || mask(0).is_none()) => {
                for ((params, vector), out) in blocks {
                    categorical::fisher_vectors(*n, params, vector, out);
                }
            }
            Self::DiagGaussian { dim } if *dim <= FEW => {
                for ((params, vector), out) in blocks {
                    diag_gaussian::fisher_vectors(*dim, params, vector, out);
                }
            }
            _ => {
                let rows = params.chunks_exact(width).zip(vector.chunks_exact(width));
                for (i, ((params, vector), out)) in rows.zip(out.chunks_exact_mut(width)).enumerate() {
                    self.fisher_vector(params, mask(i), vector, out);
                }
            }
        }
    }

    /// One block, with the functions of single rows.
    fn add_one_by_one<'a, T: Real>(
        &self,
        params: &[T],
        mask: impl Fn(usize) -> Option<&'a [bool]>,
        action: impl Fn(usize) -> &'a [T],
        first: usize,
        coefs: &mut impl Coefficients<T>,
        gradient: &mut [T],
    ) {
        let width = self.n_params();
        let (mask, action) = (|i| mask(first + i), |i| action(first + i));
        let (mut log_probs, mut entropies) = ([T::zero(); BLOCK], [T::zero(); BLOCK]);
        for (i, params) in params.chunks_exact(width).enumerate() {
            (log_probs[i], entropies[i]) = self.log_prob_and_entropy(params, mask(i), action(i));
        }
        let (of_log_prob, of_entropy) = coefs.of_rows(first, &log_probs, &entropies);
        for (i, (params, gradient)) in
            params.chunks_exact(width).zip(gradient.chunks_exact_mut(width)).enumerate()
        {
            self.add_gradient(params, mask(i), action(i), of_log_prob[i], of_entropy[i], gradient);
        }
    }
}
