//! Sine and cosine of small angles, fast.

use std::f64::consts::FRAC_PI_4;

/// Sine and cosine of `x`, within one unit in the last place for |x| ≤ π/4, and the standard library's
/// beyond.
///
/// Minimax polynomials of fdlibm (Sun Microsystems 1993, `k_sin.c` and `k_cos.c`). The general functions
/// spend most of their time on reducing the argument, which angles near an upright pole do not need; and
/// these give the same bits on every platform.
#[inline]
pub(super) fn sin_cos(x: f64) -> (f64, f64) {
    if x.abs() <= FRAC_PI_4 { (sin_kernel(x), cos_kernel(x)) } else { x.sin_cos() }
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

    /// Rejects, tried by hand: the last coefficient left out (errors near 1e-12 at π/4).
    #[test]
    fn agrees_with_the_standard_library_to_the_last_place() {
        for i in -20_000..=20_000 {
            let x = f64::from(i) * 1e-4;
            let (s, c) = sin_cos(x);
            assert!((s - x.sin()).abs() <= f64::EPSILON * x.sin().abs(), "sine of {x}");
            assert!((c - x.cos()).abs() <= f64::EPSILON * x.cos().abs(), "cosine of {x}");
        }
    }
}
