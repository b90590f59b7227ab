//! The derivative of a map along a direction in its parameters, from two values.

use gradus_core_math::norm;

/// h of the difference (f(θ + h v) − f(θ − h v)) / 2h, as a length in parameter space.
///
/// The error of the difference grows as h² and that of rounding as ε/h, so that h = ε^{1/3}, in units of θ, balances
/// the two; ε is that of f32.
fn step(theta: &[f32], direction: &[f32]) -> Option<f64> {
    let length = norm(direction);
    (length > 0.0).then(|| f64::from(f32::EPSILON).cbrt() * (1.0 + norm(theta)) / length)
}

/// `output` ← Jv by the central difference of `evaluate`, which maps parameters to outputs.
pub(crate) fn difference(
    theta: &[f32],
    direction: &[f32],
    mut evaluate: impl FnMut(&[f32]) -> Vec<f32>,
    output: &mut [f32],
) {
    let Some(h) = step(theta, direction) else { return output.fill(0.0) };
    let mut at = |sign: f64| {
        let moved =
            theta.iter().zip(direction).map(|(x, v)| (f64::from(*x) + sign * h * f64::from(*v)) as f32);
        evaluate(&moved.collect::<Vec<f32>>())
    };
    let (ahead, behind) = (at(1.0), at(-1.0));
    let scale = 1.0 / (2.0 * h);
    for (output, (ahead, behind)) in output.iter_mut().zip(ahead.into_iter().zip(behind)) {
        *output = ((f64::from(ahead) - f64::from(behind)) * scale) as f32;
    }
}
