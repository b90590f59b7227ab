//! Sine and cosine, fast and the same on every platform.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_4};

/// Beyond this the argument's reduction is left to the standard library.
const LARGE: f64 = 1e6;

/// Sine and cosine of `x`, each within 2⁻⁵² of the true value.
///
/// x = n π/2 + y with whole n and |y| ≤ π/4, π/2 being subtracted in two parts of which the first has 33
/// bits, so that n times it is exact; then minimax polynomials in y. Method and constants of fdlibm (Sun
/// Microsystems 1993: `e_rem_pio2.c`, `k_sin.c`, `k_cos.c`), without its last correction below one unit
/// in the last place. The pair takes half the time of the standard library's two calls, inlines, and
/// does not depend on the platform's mathematical library, on which trajectories would then depend.
#[inline]
pub(super) fn sin_cos(x: f64) -> (f64, f64) {
    if x.abs() <= FRAC_PI_4 { (sin_kernel(x), cos_kernel(x)) } else { reduced(x) }
}

#[inline]
fn reduced(x: f64) -> (f64, f64) {
    if x.is_nan() || x.abs() > LARGE {
        return x.sin_cos();
    }
    // π/2 in two parts: 1.57079632673412561417 and 6.07710050650619224932e-11.
    let (first, second) = (f64::from_bits(0x3FF9_21FB_5440_0000), f64::from_bits(0x3DD0_B461_1A62_6331));
    // Adding 1.5·2⁵² leaves no bits below the point: it rounds to a whole number.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let n = (x * FRAC_2_PI + ROUND) - ROUND;
    let y = (x - n * first) - n * second;
    let (sin, cos) = (sin_kernel(y), cos_kernel(y));
    let quarter = n as i64;
    let (sin, cos) = if quarter & 1 == 0 { (sin, cos) } else { (cos, -sin) };
    if quarter & 2 == 0 { (sin, cos) } else { (-sin, -cos) }
}

#[inline]
fn sin_kernel(x: f64) -> f64 {
    const S: [f64; 6] = [
        -1.666_666_666_666_663_2e-1,
        8.333_333_333_322_49e-3,
        -1.984_126_982_985_795e-4,
        2.755_731_370_707_006_8e-6,
        -2.505_076_025_340_686_3e-8,
        1.589_690_995_211_55e-10,
    ];
    let z = x * x;
    let (high, low) = (S[4] + z * S[5], S[2] + z * S[3]);
    let z2 = z * z;
    x + x * z * ((S[0] + z * S[1]) + z2 * (low + z2 * high))
}

#[inline]
fn cos_kernel(x: f64) -> f64 {
    const C: [f64; 6] = [
        4.166_666_666_666_66e-2,
        -1.388_888_888_887_411e-3,
        2.480_158_728_947_673e-5,
        -2.755_731_435_139_066_3e-7,
        2.087_572_321_298_175e-9,
        -1.135_964_755_778_819_5e-11,
    ];
    let z = x * x;
    let z2 = z * z;
    let tail = (C[0] + z * C[1]) + z2 * ((C[2] + z * C[3]) + z2 * (C[4] + z * C[5]));
    let half = 0.5 * z;
    let w = 1.0 - half;
    // What rounding `w` lost goes into the small end.
    w + (((1.0 - w) - half) + z2 * tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rejects, tried by hand: the last coefficient of the sine left out, π/2 in one part, the quarters
    /// taken the other way round.
    #[test]
    fn agrees_with_the_standard_library() {
        for i in -300_000..=300_000 {
            for x in [f64::from(i) * 1e-4, f64::from(i) * 3.3, f64::from(i) * 1e-9] {
                let (s, c) = sin_cos(x);
                assert!((s - x.sin()).abs() <= f64::EPSILON, "sine of {x}");
                assert!((c - x.cos()).abs() <= f64::EPSILON, "cosine of {x}");
                let exact = (x.sin(), x.cos());
                assert!(x.abs() > FRAC_PI_4 || (s - exact.0).abs() <= f64::EPSILON * exact.0.abs());
            }
        }
        assert!(sin_cos(f64::NAN).0.is_nan() && sin_cos(f64::INFINITY).1.is_nan());
    }
}
