//! The few vector operations from which every kernel is built, and their plain form.

use gradus_core_math::Real;

/// A register of `LANES` scalars.
///
/// # Safety
/// The functions may use instructions that not every processor has: they are called only below a function
/// that enables those instructions, which the dispatcher calls only where they exist. `load` and `store`
/// touch `LANES` scalars from the pointer on.
pub(super) unsafe trait Vector<T>: Copy {
    const LANES: usize;
    /// How many registers the processor has.
    const REGISTERS: usize;
    /// How many registers wide a tile of many rows is.
    const TILE: usize;
    /// How many registers wide a tile of one or two rows is.
    const WIDE_TILE: usize;

    unsafe fn splat(x: T) -> Self;
    unsafe fn load(from: *const T) -> Self;
    unsafe fn store(self, to: *mut T);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    /// `self · factor + term`
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self;
    /// The larger of both lane by lane, and NaN where `self` is NaN.
    unsafe fn max(self, other: Self) -> Self;
    /// `value` in the lanes where `self > 0`, zero in the others.
    unsafe fn where_positive(self, value: Self) -> Self;
    /// The sum of the lanes, in a fixed order.
    unsafe fn sum(self) -> T;
    unsafe fn tanh(self) -> Self;
    /// Both, where that is faster than one after the other.
    #[inline(always)]
    unsafe fn tanh_pair(pair: [Self; 2]) -> [Self; 2] {
        // SAFETY: as for each.
        unsafe { [pair[0].tanh(), pair[1].tanh()] }
    }
    /// `to[j][i] ← from[i][j]` for 8×8 scalars in rows that far apart.
    #[inline(always)]
    unsafe fn transpose_block(from: *const T, from_row: usize, to: *mut T, to_row: usize) {
        for i in 0..8 {
            for j in 0..8 {
                // SAFETY: the caller vouches for 8 rows of 8 on both sides.
                unsafe { to.add(j * to_row + i).copy_from_nonoverlapping(from.add(i * from_row + j), 1) };
            }
        }
    }
}

/// AArch64 always has vectors with a fused multiply-add.
const NEON: bool = cfg!(target_arch = "aarch64");

/// The plain form: works for every scalar on every processor, and the compiler turns it into whatever
/// vectors the target has (SSE2 on x86-64, NEON on AArch64).
#[derive(Clone, Copy)]
pub(super) struct Plain<T>([T; 8]);

impl<T: Real> Plain<T> {
    #[inline(always)]
    fn map(self, f: impl Fn(T) -> T) -> Self {
        Self(self.0.map(f))
    }

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(T, T) -> T) -> Self {
        Self(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

// SAFETY: no special instruction is used; load and store touch the 8 scalars that the caller vouches for.
unsafe impl<T: Real + super::Tanh> Vector<T> for Plain<T> {
    const LANES: usize = 8;
    // Each is two registers of four `f32`s: of 16 on x86-64, of 32 on AArch64.
    const REGISTERS: usize = if NEON { 16 } else { 8 };
    const TILE: usize = if NEON { 2 } else { 1 };
    const WIDE_TILE: usize = 2 * Self::TILE;

    #[inline(always)]
    unsafe fn splat(x: T) -> Self {
        Self([x; 8])
    }
    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller vouches for 8 readable scalars.
        Self(unsafe { from.cast::<[T; 8]>().read() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: the caller vouches for 8 writable scalars.
        unsafe { to.cast::<[T; 8]>().write(self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        if NEON {
            return Self(std::array::from_fn(|i| self.0[i].mul_add(factor.0[i], term.0[i])));
        }
        // Without the instruction a fused operation is a call.
        self.zip(factor, |a, b| a * b).zip(term, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if b > a { b } else { a })
    }
    #[inline(always)]
    unsafe fn where_positive(self, value: Self) -> Self {
        self.zip(value, |a, b| if a > T::zero() { b } else { T::zero() })
    }
    #[inline(always)]
    unsafe fn sum(self) -> T {
        let [a, b, c, d, e, f, g, h] = self.0;
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    }
    #[inline(always)]
    unsafe fn tanh(self) -> Self {
        self.map(T::tanh_kernel)
    }
}
