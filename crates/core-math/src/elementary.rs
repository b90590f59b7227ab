//! Exponential and logarithm that a loop over many numbers can compute on vectors.
//!
//! Those of the standard library are calls, one for each number. These are a few operations without a branch, so that the
//! compiler makes of a loop over them one over vectors, as wide as the function around it may use; no operation is
//! contracted, so that the bits are the same for every width.

/// eˣ to 2e-7 of itself: 0 below −87.3, where the result would be subnormal, and ∞ above 88; NaN of NaN.
#[inline(always)]
pub(crate) fn exp_f32(x: f32) -> f32 {
    /// Adding it rounds to an integer, which then stands in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts: an integer up to 2⁷ times the first one is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    // x = n ln 2 + r with |r| ≤ ½ ln 2.
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let mut sum = 1.0 / 5040.0;
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5] {
        sum = sum * r + coefficient;
    }
    let power = f32::from_bits(rounded.to_bits().wrapping_add(127) << 23);
    let value = (1.0 + (r + r * r * sum)) * power;
    let value = if x > 88.0 { f32::INFINITY } else { value };
    if x < -87.3 { 0.0 } else { value }
}

/// ln x of a positive, normal x to 2e-7, relative near 1; NaN of NaN and ∞.
#[inline(always)]
pub(crate) fn ln_f32(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // x = 2ⁿ m with √½ ≤ m < √2.
    let bits = x.to_bits();
    let exponent = (bits.wrapping_sub(std::f32::consts::FRAC_1_SQRT_2.to_bits()) as i32) >> 23;
    let m = f32::from_bits(bits.wrapping_sub((exponent << 23) as u32));
    let n = exponent as f32;
    // ln m = 2 artanh s.
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let t = s * s;
    let mut sum = 1.0 / 9.0;
    for coefficient in [1.0 / 7.0, 0.2, 1.0 / 3.0] {
        sum = sum * t + coefficient;
    }
    let ln_m = 2.0 * s + 2.0 * s * (t * sum);
    // 0 · x is 0, or NaN where x is not finite.
    n * LN_2_HIGH + (ln_m + n * LN_2_LOW) + 0.0 * x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_those_of_f64() {
        for i in -872_000..=880_000 {
            let x = i as f32 * 1e-4;
            let (found, expected) = (f64::from(exp_f32(x)), f64::from(x).exp());
            assert!((found / expected - 1.0).abs() < 2e-7, "exp {x} is {found}, not {expected}");
        }
        let bits = |x: [f32; 3]| x.map(|x| exp_f32(x).to_bits());
        assert_eq!(bits([0.0, -0.0, 1e-30]), [1.0_f32.to_bits(); 3]);
        assert_eq!(bits([-87.4, -1e9, f32::NEG_INFINITY]), [0; 3]);
        assert_eq!(bits([88.1, 1e9, f32::INFINITY]), [f32::INFINITY.to_bits(); 3]);
        assert!(exp_f32(f32::NAN).is_nan());
    }

    #[test]
    fn logarithms_are_those_of_f64() {
        let near_one = (0..200_000).map(|i| 0.5 + i as f32 * 1e-5);
        let everywhere = (-126..127).flat_map(|n| [1.0, 1.3, 1.7].map(|m| m * 2.0_f32.powi(n)));
        for x in near_one.chain(everywhere) {
            let (found, expected) = (f64::from(ln_f32(x)), f64::from(x).ln());
            assert!((found - expected).abs() <= 2e-7 * expected.abs(), "ln {x} is {found}, not {expected}");
        }
        assert!(ln_f32(f32::NAN).is_nan() && ln_f32(f32::INFINITY).is_nan());
    }
}
