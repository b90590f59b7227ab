//! Matrix kernels of the fused network: a safe front with checked bounds over SIMD loops that are chosen at
//! run time (AVX-512, AVX2 with FMA, or a plain form that the compiler vectorises).
#![allow(unsafe_code, reason = "SIMD intrinsics on raw rows; tests hold every kernel to plain loops")]

mod gemm;
mod loops;
mod tanh;
mod vector;
#[cfg(target_arch = "x86_64")]
mod x86;

use serde::{Deserialize, Serialize};

pub use loops::{Loop, vectorized};
use tanh::Tanh;

/// Widths are padded to a multiple of this many scalars, one AVX-512 register of f32.
pub(crate) const PAD: usize = 16;

/// `width` rounded up to a multiple of [`PAD`].
pub(crate) fn padded(width: usize) -> usize {
    width.next_multiple_of(PAD)
}

/// The distance between rows of activations: room for `width` numbers, a one behind them, and zeros. An odd number of
/// cache lines, so that the same columns of many rows do not fall into the same few places of the cache.
pub(crate) fn row_length(width: usize) -> usize {
    ((width / PAD + 1) | 1) * PAD
}

/// The distance between rows of weights: without padding, as far as a column of them stays in the cache all the same.
pub(crate) fn weight_row_length(width: usize) -> usize {
    const SHORT: usize = 128;
    if width <= SHORT { padded(width) } else { row_length(width) }
}

/// The nonlinearity after a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// x
    Identity,
    /// tanh x
    Tanh,
    /// max(0, x), with derivative 0 at 0
    Relu,
}

/// What a sum starts from.
#[derive(Clone, Copy)]
pub(crate) enum Init<'a, T> {
    Zero,
    /// A row that every row of C starts from.
    Bias(&'a [T]),
    /// What C holds already.
    Accumulate,
}

/// What happens to a sum before it is stored.
#[derive(Clone, Copy)]
pub(crate) enum Finish<'a, T> {
    Keep,
    /// y = activation(sum)
    Activate(Activation),
    /// sum · activation'(x), from the activation's value y, laid out as C.
    Derivative(Activation, &'a [T]),
}

/// C ← finish(init + A·B) with C `[m, n]`, A `[m, k]` of any strides, B `[k, n]` with contiguous rows.
pub(crate) struct Gemm<'a, T> {
    pub(crate) m: usize,
    /// A multiple of [`PAD`].
    pub(crate) n: usize,
    pub(crate) k: usize,
    pub(crate) a: &'a [T],
    pub(crate) a_row: usize,
    pub(crate) a_k: usize,
    pub(crate) b: &'a [T],
    pub(crate) b_row: usize,
    pub(crate) c: &'a mut [T],
    pub(crate) c_row: usize,
    pub(crate) init: Init<'a, T>,
    pub(crate) finish: Finish<'a, T>,
}

impl<T> Gemm<'_, T> {
    /// Panics unless every element that the loops touch lies inside its slice.
    fn check(&self) {
        if self.m == 0 || self.n == 0 {
            return;
        }
        assert!(self.n.is_multiple_of(PAD), "columns are padded");
        let c_end = (self.m - 1) * self.c_row + self.n;
        assert!(c_end <= self.c.len(), "C is too short");
        if self.k > 0 {
            assert!((self.m - 1) * self.a_row + (self.k - 1) * self.a_k < self.a.len(), "A is too short");
            assert!((self.k - 1) * self.b_row + self.n <= self.b.len(), "B is too short");
        }
        if let Init::Bias(bias) = self.init {
            assert!(self.n <= bias.len(), "the bias is too short");
        }
        if let Finish::Derivative(_, y) = self.finish {
            assert!(c_end <= y.len(), "the activations are too short");
        }
    }
}

/// y ← bias + x·wᵀ with x `[rows, k]`, w `[n, k]`, y `[rows, n]`.
pub(crate) struct Thin<'a, T> {
    pub(crate) rows: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
    pub(crate) x: &'a [T],
    pub(crate) x_row: usize,
    pub(crate) w: &'a [T],
    pub(crate) w_row: usize,
    pub(crate) bias: &'a [T],
    pub(crate) y: &'a mut [T],
    pub(crate) y_row: usize,
}

impl<T> Thin<'_, T> {
    fn check(&self) {
        if self.rows == 0 || self.n == 0 {
            return;
        }
        assert!((self.rows - 1) * self.x_row + self.k <= self.x.len(), "x is too short");
        assert!((self.n - 1) * self.w_row + self.k <= self.w.len(), "w is too short");
        assert!((self.rows - 1) * self.y_row + self.n <= self.y.len(), "y is too short");
    }
}

/// B ← Aᵀ with A `[rows, columns]` and B `[columns, rows]`, whose rows are `to_row` apart.
pub(crate) struct Transpose<'a, T> {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) from: &'a [T],
    pub(crate) to: &'a mut [T],
    pub(crate) to_row: usize,
}

impl<T> Transpose<'_, T> {
    fn check(&self) {
        assert_eq!(self.from.len(), self.rows * self.columns, "the length of A");
        let end = self.columns.saturating_sub(1) * self.to_row + self.rows;
        assert!(end <= self.to.len() && self.rows <= self.to_row, "B is too short");
    }
}

/// The instructions that the kernels use. Results differ between instruction sets in the last bits (a fused
/// multiply-add rounds once), and are identical for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstructionSet {
    /// Whatever the compilation target has.
    Plain,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX-512F.
    Avx512,
}

impl InstructionSet {
    /// All there are, slowest first.
    const ALL: [Self; 3] = [Self::Plain, Self::Avx2, Self::Avx512];

    /// The best that this processor has.
    pub fn best() -> Self {
        Self::ALL.into_iter().rev().find(|set| set.is_available()).unwrap_or(Self::Plain)
    }

    /// All that this processor has, slowest first.
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|set| set.is_available()).collect()
    }

    #[cfg(target_arch = "x86_64")]
    fn is_available(self) -> bool {
        let avx2 = || is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        match self {
            Self::Plain => true,
            Self::Avx2 => avx2(),
            Self::Avx512 => avx2() && is_x86_feature_detected!("avx512f"),
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn is_available(self) -> bool {
        self == Self::Plain
    }
}

/// A scalar with kernels: `f32` with SIMD, `f64` in the plain form alone (for tests against references).
#[allow(private_bounds, reason = "the bound seals the trait")]
pub trait Kernel: Tanh {
    #[doc(hidden)]
    fn run(set: InstructionSet, job: Job<'_, '_, Self>);
}

/// A kernel's task, in one type so that each scalar dispatches in one place.
#[doc(hidden)]
pub enum Job<'j, 'a, T> {
    #[allow(private_interfaces, reason = "an implementation detail that only this crate can build")]
    Gemm(&'j mut Gemm<'a, T>),
    #[allow(private_interfaces, reason = "an implementation detail that only this crate can build")]
    Thin(&'j mut Thin<'a, T>),
    #[allow(private_interfaces, reason = "an implementation detail that only this crate can build")]
    Transpose(&'j mut Transpose<'a, T>),
    Tanh(&'j mut [T]),
}

pub(crate) fn gemm<T: Kernel>(set: InstructionSet, mut g: Gemm<'_, T>) {
    g.check();
    T::run(set, Job::Gemm(&mut g));
}

pub(crate) fn thin<T: Kernel>(set: InstructionSet, mut t: Thin<'_, T>) {
    t.check();
    T::run(set, Job::Thin(&mut t));
}

pub(crate) fn transpose<T: Kernel>(set: InstructionSet, mut t: Transpose<'_, T>) {
    t.check();
    T::run(set, Job::Transpose(&mut t));
}

/// Replaces every value by its tanh, as the hidden layers of an [`Mlp`](crate::Mlp) have it: within 4e-7 of tanh x in
/// `f32`, and NaN of NaN.
pub fn tanh_in_place<T: Kernel>(values: &mut [T]) {
    T::run(InstructionSet::best(), Job::Tanh(values));
}

/// Runs a checked job with the vectors `V`.
#[inline(always)]
unsafe fn run_with<T: Tanh, V: vector::Vector<T>>(job: Job<'_, '_, T>) {
    // SAFETY: `gemm`, `thin` and `transpose` above have checked the bounds; the caller vouches for the instructions.
    unsafe {
        match job {
            Job::Gemm(g) => gemm::gemm::<T, V>(g),
            Job::Thin(t) => gemm::thin::<T, V>(t),
            Job::Transpose(t) => gemm::transpose::<T, V>(t),
            Job::Tanh(values) => gemm::tanh::<T, V>(values),
        }
    }
}

impl Kernel for f32 {
    fn run(set: InstructionSet, job: Job<'_, '_, f32>) {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f,avx2,fma")]
            unsafe fn avx512(job: Job<'_, '_, f32>) {
                // SAFETY: this function is called where AVX-512F is there.
                unsafe { run_with::<f32, x86::Avx512>(job) }
            }
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2(job: Job<'_, '_, f32>) {
                // SAFETY: this function is called where AVX2 and FMA are there.
                unsafe { run_with::<f32, x86::Avx2>(job) }
            }
            match set {
                // SAFETY: an instruction set is only ever taken from `available`, or checked against it.
                InstructionSet::Avx512 => return unsafe { avx512(job) },
                // SAFETY: as above.
                InstructionSet::Avx2 => return unsafe { avx2(job) },
                InstructionSet::Plain => {}
            }
        }
        // SAFETY: the plain form needs no special instruction.
        unsafe { run_with::<f32, vector::Plain<f32>>(job) }
    }
}

impl Kernel for f64 {
    fn run(_: InstructionSet, job: Job<'_, '_, f64>) {
        // SAFETY: the plain form needs no special instruction.
        unsafe { run_with::<f64, vector::Plain<f64>>(job) }
    }
}
