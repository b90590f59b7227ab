//! The scalar type of formulas.

use crate::elementary::{exp_f32, ln_f32};
use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{AddAssign, DivAssign, MulAssign, SubAssign};

/// A floating-point scalar: `f32` in training, `f64` where formulas are held to reference values.
pub trait Real:
    num_traits::Float
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sum
    + Debug
    + Display
    + Default
    + Send
    + Sync
    + 'static
{
    /// The value nearest to `x`.
    fn of(x: f64) -> Self;
    /// The value as `f64`, exactly.
    fn wide(self) -> f64;
    /// eˣ, of which a loop over many numbers can be made one over vectors: in `f32` to 2e-7 of itself, 0 below −87.3 and
    /// ∞ above 88, in `f64` that of the standard library.
    fn exp_in_loop(self) -> Self;
    /// ln x of a normal x above 0, likewise: in `f32` to 2e-7 of itself.
    fn ln_in_loop(self) -> Self;
}

impl Real for f32 {
    #[inline(always)]
    fn of(x: f64) -> Self {
        x as f32
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn exp_in_loop(self) -> Self {
        exp_f32(self)
    }
    #[inline(always)]
    fn ln_in_loop(self) -> Self {
        ln_f32(self)
    }
}

impl Real for f64 {
    #[inline(always)]
    fn of(x: f64) -> Self {
        x
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }
    #[inline(always)]
    fn exp_in_loop(self) -> Self {
        self.exp()
    }
    #[inline(always)]
    fn ln_in_loop(self) -> Self {
        self.ln()
    }
}
