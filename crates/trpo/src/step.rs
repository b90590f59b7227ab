//! The policy's step: gradient, Fisher-vector product, step length, line search.

use gradus_core_math::{BacktrackingLineSearch, CgInfo, Evaluation, LineSearchOutcome, Real};
use gradus_policy::{Input, Linearized, Network, Team};

use crate::surrogate::Surrogate;

/// g = ∇L(θ_old) into `gradient`, by `vjp` of the surrogate's cotangent. Returns L(θ_old).
///
/// # Shapes
/// `cotangent` is scratch, `[B, n_params]`.
pub fn surrogate_gradient<L: Linearized>(
    team: Team<'_>,
    point: &mut L,
    surrogate: &Surrogate<'_, L::Scalar>,
    cotangent: &mut [L::Scalar],
    gradient: &mut [L::Scalar],
) -> f64 {
    let value = surrogate.value_and_cotangent(point.outputs(), cotangent);
    point.vjp(team, cotangent, gradient);
    value
}

/// `out` ← F v = Jᵀ M J v + damping · v: `jvp`, the metric of the distributions, `vjp`, all at one linearisation
/// (Schulman et al. 2015, appendix C.1).
///
/// # Shapes
/// `tangent` and `cotangent` are scratch, `[B, n_params]`.
pub fn fisher_vector_product<L: Linearized>(
    mut team: Team<'_>,
    point: &mut L,
    surrogate: &Surrogate<'_, L::Scalar>,
    damping: f64,
    vector: &[L::Scalar],
    (tangent, cotangent): (&mut [L::Scalar], &mut [L::Scalar]),
    out: &mut [L::Scalar],
) {
    point.jvp(team.reborrow(), vector, tangent);
    surrogate.metric(point.outputs(), tangent, cotangent);
    point.vjp(team, cotangent, out);
    let damping = L::Scalar::of(damping);
    for (out, &v) in out.iter_mut().zip(vector) {
        *out += damping * v;
    }
}

/// √(2δ / xᵀF x), the length that puts the step on the bound of the quadratic model; with xᵀF x from the same damped
/// F as in conjugate gradient. Zero where x is zero.
pub fn step_length(max_kl: f64, info: &CgInfo) -> f64 {
    if info.curvature > 0.0 { (2.0 * max_kl / info.curvature).sqrt() } else { 0.0 }
}

/// Tries θ = θ_old + ratio^k · `full_step` for k = 0, 1, …, and leaves `theta` at the first that improves the
/// surrogate and keeps the mean of `kl_old_new` within δ; where there is none, `theta` is restored bit for bit.
///
/// # Shapes
/// `params` is scratch, `[B, n_params]`.
#[allow(clippy::too_many_arguments, reason = "the parts of one formula, at its one call")]
pub fn line_search<N: Network>(
    mut team: Team<'_>,
    policy: &mut N,
    theta: &mut [N::Scalar],
    full_step: &[N::Scalar],
    input: Input<'_, N::Scalar>,
    surrogate: &Surrogate<'_, N::Scalar>,
    (initial, max_kl): (f64, f64),
    search: &BacktrackingLineSearch,
    (params_old, params): (&[N::Scalar], &mut [N::Scalar]),
) -> LineSearchOutcome {
    let theta_old = theta.to_vec();
    let outcome = search.search(initial, max_kl, |scale| {
        move_to(theta, &theta_old, full_step, scale);
        policy.forward(team.reborrow(), theta, input, params);
        let (objective, constraint) = surrogate.value_and_kl(params_old, params);
        Evaluation { objective, constraint }
    });
    if outcome.accepted_scale().is_none() {
        theta.copy_from_slice(&theta_old);
    }
    outcome
}

/// θ ← θ_old + scale · step.
pub(crate) fn move_to<T: Real>(theta: &mut [T], theta_old: &[T], step: &[T], scale: f64) {
    let scale = T::of(scale);
    for ((theta, &old), &step) in theta.iter_mut().zip(theta_old).zip(step) {
        *theta = old + scale * step;
    }
}
