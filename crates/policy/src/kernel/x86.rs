//! The vectors of x86-64: AVX-512 (16 lanes) and AVX2 with FMA (8 lanes).

use std::arch::x86_64::*;

use super::tanh::{ABOVE_Q, BOUND, P, Q};
use super::vector::Vector;

#[derive(Clone, Copy)]
pub(super) struct Avx512(__m512);

#[derive(Clone, Copy)]
pub(super) struct Avx2(__m256);

/// Numerator and denominator of tanh, the same for both widths.
macro_rules! tanh {
    ($x:expr, $vector:ident, $min:ident, $max:ident) => {{
        // max and min return their second operand when one is NaN: the value stands there, so NaN stays.
        let x = $min($vector::splat(BOUND).0, $max($vector::splat(-BOUND).0, $x));
        let x = $vector(x);
        let t = x.mul(x);
        // No closure, which would not be inlined below the instructions that it needs.
        let mut p = $vector::splat(P[4]).mul_add(t, $vector::splat(P[3]));
        let mut q = t.add($vector::splat(Q[3]));
        (p, q) = (p.mul_add(t, $vector::splat(P[2])), q.mul_add(t, $vector::splat(Q[2])));
        (p, q) = (p.mul_add(t, $vector::splat(P[1])), q.mul_add(t, $vector::splat(Q[1])));
        (p, q) = (p.mul_add(t, $vector::splat(P[0])), q.mul_add(t, $vector::splat(Q[0])));
        (x.mul(p), q)
    }};
}

// SAFETY: every function is called below a `#[target_feature(enable = "avx512f")]` function of the
// dispatcher, which runs only where the processor has AVX-512F; pointers are the caller's promise.
unsafe impl Vector<f32> for Avx512 {
    const LANES: usize = 16;
    const REGISTERS: usize = 32;
    const TILE: usize = 4;
    const WIDE_TILE: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: see the impl.
        unsafe { Self(_mm512_set1_ps(x)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: see the impl.
        unsafe { Self(_mm512_loadu_ps(from)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see the impl.
        unsafe { _mm512_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: see the impl.
        unsafe { Self(_mm512_add_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: see the impl.
        unsafe { Self(_mm512_sub_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: see the impl.
        unsafe { Self(_mm512_mul_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: see the impl.
        unsafe { Self(_mm512_fmadd_ps(self.0, factor.0, term.0)) }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // The instruction returns its second operand where one is NaN.
        // SAFETY: see the impl.
        unsafe { Self(_mm512_max_ps(other.0, self.0)) }
    }
    #[inline(always)]
    unsafe fn where_positive(self, value: Self) -> Self {
        // SAFETY: see the impl.
        unsafe {
            let positive = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, _mm512_setzero_ps());
            Self(_mm512_maskz_mov_ps(positive, value.0))
        }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: see the impl.
        unsafe { _mm512_reduce_add_ps(self.0) }
    }
    #[inline(always)]
    unsafe fn tanh(self) -> Self {
        // SAFETY: see the impl.
        unsafe {
            let (p, q) = tanh!(self.0, Self, _mm512_min_ps, _mm512_max_ps);
            Self(_mm512_div_ps(p.0, q.0))
        }
    }
    /// With one division, which takes as long as all the rest of a tanh: 1/q₁ = q₂ · 1/(q₁ q₂). A NaN, which stands in p
    /// as well, does not spread: min takes its second operand for it, far above any q.
    #[inline(always)]
    unsafe fn tanh_pair([first, second]: [Self; 2]) -> [Self; 2] {
        // SAFETY: see the impl.
        unsafe {
            let (p1, q1) = tanh!(first.0, Self, _mm512_min_ps, _mm512_max_ps);
            let (p2, q2) = tanh!(second.0, Self, _mm512_min_ps, _mm512_max_ps);
            let most = Self::splat(ABOVE_Q).0;
            let (q1, q2) = (Self(_mm512_min_ps(q1.0, most)), Self(_mm512_min_ps(q2.0, most)));
            let inverse = Self(_mm512_div_ps(Self::splat(1.0).0, q1.mul(q2).0));
            [p1.mul(q2.mul(inverse)), p2.mul(q1.mul(inverse))]
        }
    }
    #[inline(always)]
    unsafe fn transpose_block(from: *const f32, from_row: usize, to: *mut f32, to_row: usize) {
        // SAFETY: see the impl.
        unsafe { transpose_block(from, from_row, to, to_row) }
    }
}

// SAFETY: every function is called below a `#[target_feature(enable = "avx2,fma")]` function of the
// dispatcher, which runs only where the processor has AVX2 and FMA; pointers are the caller's promise.
unsafe impl Vector<f32> for Avx2 {
    const LANES: usize = 8;
    const REGISTERS: usize = 16;
    const TILE: usize = 2;
    const WIDE_TILE: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: see the impl.
        unsafe { Self(_mm256_set1_ps(x)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: see the impl.
        unsafe { Self(_mm256_loadu_ps(from)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see the impl.
        unsafe { _mm256_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: see the impl.
        unsafe { Self(_mm256_add_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: see the impl.
        unsafe { Self(_mm256_sub_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: see the impl.
        unsafe { Self(_mm256_mul_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: see the impl.
        unsafe { Self(_mm256_fmadd_ps(self.0, factor.0, term.0)) }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // The instruction returns its second operand where one is NaN.
        // SAFETY: see the impl.
        unsafe { Self(_mm256_max_ps(other.0, self.0)) }
    }
    #[inline(always)]
    unsafe fn where_positive(self, value: Self) -> Self {
        // SAFETY: see the impl.
        unsafe { Self(_mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(self.0, _mm256_setzero_ps()), value.0)) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: see the impl.
        unsafe {
            let four = _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }
    #[inline(always)]
    unsafe fn tanh(self) -> Self {
        // SAFETY: see the impl.
        unsafe {
            let (p, q) = tanh!(self.0, Self, _mm256_min_ps, _mm256_max_ps);
            Self(_mm256_div_ps(p.0, q.0))
        }
    }
    #[inline(always)]
    unsafe fn transpose_block(from: *const f32, from_row: usize, to: *mut f32, to_row: usize) {
        // SAFETY: see the impl.
        unsafe { transpose_block(from, from_row, to, to_row) }
    }
}

/// Transposes 8×8 numbers: pairs, then fours, then halves of a register change places.
///
/// # Safety
/// The processor has AVX2; there are 8 rows of 8 on both sides.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "index loops unroll where iterators leave the array in memory")]
unsafe fn transpose_block(from: *const f32, from_row: usize, to: *mut f32, to_row: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let zero = _mm256_setzero_ps();
        let (mut rows, mut pairs, mut fours) = ([zero; 8], [zero; 8], [zero; 8]);
        for i in 0..8 {
            rows[i] = _mm256_loadu_ps(from.add(i * from_row));
        }
        for i in 0..4 {
            pairs[2 * i] = _mm256_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
            pairs[2 * i + 1] = _mm256_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
        }
        for half in 0..2 {
            for k in 0..2 {
                let (a, b) = (pairs[4 * half + k], pairs[4 * half + 2 + k]);
                fours[4 * half + 2 * k] = _mm256_shuffle_ps::<0x44>(a, b);
                fours[4 * half + 2 * k + 1] = _mm256_shuffle_ps::<0xee>(a, b);
            }
        }
        for j in 0..4 {
            let (above, below) = (fours[j], fours[4 + j]);
            _mm256_storeu_ps(to.add(j * to_row), _mm256_permute2f128_ps::<0x20>(above, below));
            _mm256_storeu_ps(to.add((4 + j) * to_row), _mm256_permute2f128_ps::<0x31>(above, below));
        }
    }
}
