//! The policy's step: gradient, Fisher-vector product, step length, line search.

use gradus_core_math::{BacktrackingLineSearch, CgInfo, Evaluation, LineSearchOutcome, Real, axpy, dot};
use gradus_policy::{Linearized, Network, Team};

use crate::surrogate::{Divergence, Surrogate};

/// `gradient` ← ∇L at the linearisation's θ, as Jᵀ ∂L/∂φ by `vjp` of the surrogate's cotangent. Returns L.
///
/// At θ_old this is g of Schulman et al. 2015, appendix C, the policy gradient with A for advantages.
///
/// # Shapes
/// `cotangent` is scratch, `[B, n_params]`.
pub fn surrogate_gradient<L: Linearized>(
    mut team: Team<'_>,
    point: &mut L,
    surrogate: &Surrogate<'_, L::Scalar>,
    cotangent: &mut [L::Scalar],
    gradient: &mut [L::Scalar],
) -> f64 {
    let value = surrogate.value_and_cotangent(team.reborrow(), point.outputs(), cotangent);
    point.vjp(team, cotangent, gradient);
    value
}

/// `out` ← F v = Jᵀ M J v + damping · v: `jvp`, the metric of the distributions, `vjp`, all at one linearisation
/// (Schulman et al. 2015, appendix C.1). Returns vᵀF v without the damping, which is uᵀM u of u = J v.
pub fn fisher_vector_product<L: Linearized>(
    team: Team<'_>,
    point: &mut L,
    surrogate: &Surrogate<'_, L::Scalar>,
    damping: f64,
    vector: &[L::Scalar],
    out: &mut [L::Scalar],
) -> f64 {
    let metric = |first: usize, params: &[L::Scalar], tangent: &[L::Scalar], cotangent: &mut [L::Scalar]| {
        surrogate.metric(first, params, tangent, cotangent);
        dot(tangent, cotangent)
    };
    let curvature = point.metric_product(team, vector, &metric, out);
    axpy(L::Scalar::of(damping), vector, out);
    curvature
}

/// β = √(2δ / xᵀF x), with which the step β x lies on the bound of the quadratic model, ½ (βx)ᵀF(βx) = δ; 0 where
/// x = 0, NaN where xᵀF x < 0.
///
/// Source: Schulman et al. 2015, appendix C. xᵀF x is that of conjugate gradient, so that both have the same damped F.
pub fn step_length(max_kl: f64, info: &CgInfo) -> f64 {
    step_length_for(max_kl, info.curvature)
}

/// The same for a bound on the greatest of the rows' divergences: β = √(2δ / max_i uᵢᵀMᵢuᵢ) with u = J x, at which the
/// quadratic model of no row exceeds δ. `curvature` is that maximum plus damping · xᵀx, so that there is as much damping
/// as in the length for the mean.
pub(crate) fn step_length_for(max_kl: f64, curvature: f64) -> f64 {
    if curvature == 0.0 { 0.0 } else { (2.0 * max_kl / curvature).sqrt() }
}

/// Tries θ = θ_old + ratio^k · `full_step` for k = 0, 1, …, and leaves `theta` at the first that improves the
/// surrogate and keeps `kl_old_new`, its mean or its greatest value, within δ; where there is none, `theta` is restored bit for bit.
/// Also returns the divergence of the last trial, which is that of the accepted step.
///
/// Source: Schulman et al. 2015, appendix C. `initial` is L(θ_old), `max_kl` is δ.
///
/// # Shapes
/// `params_old`, the policy's outputs at θ_old, and `params`, scratch: `[B, n_params]`.
#[allow(clippy::too_many_arguments, reason = "the parts of one formula, at its one call")]
pub fn line_search<N: Network>(
    mut team: Team<'_>,
    policy: &mut N,
    theta: &mut [N::Scalar],
    full_step: &[N::Scalar],
    surrogate: &Surrogate<'_, N::Scalar>,
    (initial, max_kl): (f64, f64),
    search: &BacktrackingLineSearch,
    (params_old, params): (&[N::Scalar], &mut [N::Scalar]),
) -> (LineSearchOutcome, Divergence) {
    let theta_old = theta.to_vec();
    let mut last = Divergence::default();
    let outcome = search.search(initial, max_kl, |scale| {
        let scale = N::Scalar::of(scale);
        for ((theta, &old), &step) in theta.iter_mut().zip(&theta_old).zip(full_step) {
            *theta = old + scale * step;
        }
        policy.forward(team.reborrow(), theta, surrogate.input(), params);
        let (objective, divergence) = surrogate.value_and_divergence(team.reborrow(), params_old, params);
        last = divergence;
        Evaluation { objective, constraint: divergence.of(surrogate.constraint()) }
    });
    if outcome.accepted_scale().is_none() {
        theta.copy_from_slice(&theta_old);
    }
    (outcome, last)
}
