//! The hyperbolic tangent of the kernels.

use gradus_core_math::Real;

/// tanh x ≈ x · P(x²) / Q(x²) for |x| ≤ [`BOUND`]: the quotient of two polynomials of degree 4 whose relative
/// error up to 8.3 is levelled (Lawson's reweighting of a linear least-squares fit), 9.4e-9 before rounding. In f32 the
/// result is within 4e-7 of tanh x; beyond the bound tanh x is ±1 to that precision, and up to it rounding does not lead
/// past 1.
pub(super) const P: [f32; 5] = [1.0, 0.134_258_72, 0.003_549_171, 2.150_852e-5, 1.464_829e-8];
pub(super) const Q: [f32; 5] = [1.0, 0.467_591_97, 0.026_079_956, 0.000_337_395_3, 8.295_122e-7];
pub(super) const BOUND: f32 = 8.0;

/// The scalar tanh of the plain kernels: the approximation above in f32, the library's in f64.
pub(super) trait Tanh: Real {
    /// tanh x, and NaN of NaN.
    fn tanh_kernel(self) -> Self;
}

impl Tanh for f32 {
    #[inline(always)]
    fn tanh_kernel(self) -> f32 {
        let x = self.clamp(-BOUND, BOUND);
        let t = x * x;
        let p = (((P[4] * t + P[3]) * t + P[2]) * t + P[1]) * t + P[0];
        let q = (((Q[4] * t + Q[3]) * t + Q[2]) * t + Q[1]) * t + Q[0];
        x * p / q
    }
}

impl Tanh for f64 {
    #[inline(always)]
    fn tanh_kernel(self) -> f64 {
        self.tanh()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_to_the_true_function_everywhere() {
        for i in -200_000..=200_000_i32 {
            let x = i as f32 * 1e-4;
            let y = x.tanh_kernel();
            assert!((f64::from(y) - f64::from(x).tanh()).abs() < 4e-7, "tanh {x} = {y}");
            assert!(y.abs() <= 1.0);
        }
        assert!(f32::NAN.tanh_kernel().is_nan());
        assert!(f32::INFINITY.tanh_kernel() > 0.999_999);
    }
}
