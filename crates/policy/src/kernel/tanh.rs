//! The hyperbolic tangent of the kernels.

use gradus_core_math::Real;

/// tanh x ≈ x · P(x²) / Q(x²) for |x| ≤ [`BOUND`]: the quotient of two polynomials of degree 4 whose relative
/// error up to 8.3 is levelled (Lawson's reweighting of a linear least-squares fit), 9.4e-9 before rounding. In f32 the
/// result is within 4e-7 of tanh x; beyond the bound tanh x is ±1 to that precision, and up to it rounding does not lead
/// past 1. The first coefficient of Q is 1, which saves a multiplication.
pub(super) const P: [f32; 5] = [1_205_527.8, 161_852.6, 4_278.624, 25.929_12, 0.017_658_92];
pub(super) const Q: [f32; 4] = [1_205_527.8, 563_695.1, 31_440.11, 406.739_4];
pub(super) const BOUND: f32 = 8.0;
/// Above any value of Q.
#[cfg(target_arch = "x86_64")]
pub(super) const ABOVE_Q: f32 = 1e9;

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
        let q = (((t + Q[3]) * t + Q[2]) * t + Q[1]) * t + Q[0];
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
