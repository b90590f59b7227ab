//! The arithmetic limit of one core: what kernels are compared with.

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};

/// Chains of dependent sums that run side by side: two units with a latency of at most five cycles need ten to be
/// always busy, and with two more registers for the operands they fit into AVX2's sixteen.
const CHAINS: usize = 12;

/// Fused multiply-adds in each chain, long enough that starting costs nothing.
const LENGTH: usize = 10_000;

/// Multiplications and additions of [`fma_chains`], for each lane of a register.
pub const PEAK_FLOP: usize = 2 * CHAINS * LENGTH;

/// Keeps the units for fused multiply-adds of one core as busy as they can be, on the widest vectors that it has,
/// with no memory involved. Gives the number of lanes, and a number that depends on all of it.
///
/// The safe vectors of `fearless_simd` serve here because the kernels in question should not be their own measure.
pub fn fma_chains(start: f32) -> (usize, f32) {
    dispatch!(Level::new(), simd => chains(simd, start))
}

#[inline(always)]
fn chains<S: Simd>(simd: S, start: f32) -> (usize, f32) {
    // x ← x/2 + 1 has its fixed point at 2: neither overflow nor subnormal numbers, which some cores are slow on.
    let (factor, summand) = (S::f32s::splat(simd, 0.5), S::f32s::splat(simd, 1.0));
    let mut sums = [S::f32s::splat(simd, start); CHAINS];
    for _ in 0..LENGTH {
        for sum in &mut sums {
            *sum = sum.mul_add(factor, summand);
        }
    }
    let all = sums.iter().flat_map(|sum| sum.as_slice()).sum();
    (S::f32s::LEN, all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_reach_their_fixed_point_in_every_lane() {
        let (lanes, sum) = fma_chains(-7.0);
        assert!(lanes.is_power_of_two());
        // Powers of two and their small multiples are exact in f32.
        assert_eq!(sum.to_bits(), (2.0 * (CHAINS * lanes) as f32).to_bits());
    }
}
