//! What a policy gains over another at least: surrogates, divergences, penalties.
//!
//! Everywhere π is the old policy, whose [`Evaluation`] is given, and π′ the new one.

use crate::mdp::dot;
use crate::{Evaluation, PolicyTable};

/// The policy advantage 𝔸_π(π′) = Σ_s ρ_π(s) Σ_a π′(a|s) A_π(s, a), with ρ not normalised.
///
/// Source: Kakade & Langford 2002, section 4, for a ρ that sums to one; Schulman et al. 2015, equation 3.
///
/// # Panics
/// When the policy has another shape than the evaluation; so do all functions of this module.
pub fn policy_advantage(old: &Evaluation, new: &PolicyTable) -> f64 {
    policy_advantages(old, new).zip(&old.visitation).map(|(a, rho)| a * rho).sum()
}

/// The surrogate L_π(π′) = η(π) + 𝔸_π(π′), which is η(π′) but for the states, which π still visits.
///
/// Source: Schulman et al. 2015, equation 3.
pub fn surrogate(old: &Evaluation, new: &PolicyTable) -> f64 {
    old.eta + policy_advantage(old, new)
}

/// ε of the bounds on total variation and KL: max_{s,a} |A_π(s, a)|.
///
/// Source: Schulman et al. 2015, theorem 1.
pub fn max_abs_advantage(old: &Evaluation) -> f64 {
    greatest(old.advantages.iter().map(|a| a.abs()))
}

/// ε of the bound on mixtures: max_s |Σ_a π′(a|s) A_π(s, a)|.
///
/// Source: Kakade & Langford 2002, theorem 4.1; Schulman et al. 2015, equation 6.
pub fn max_abs_policy_advantage(old: &Evaluation, new: &PolicyTable) -> f64 {
    greatest(policy_advantages(old, new).map(f64::abs))
}

/// max_s D_TV(π(·|s), π′(·|s)), with D_TV = ½ Σ_a |π − π′|.
pub fn max_total_variation(old: &PolicyTable, new: &PolicyTable) -> f64 {
    greatest(rows(old, new).map(|(p, q)| 0.5 * p.iter().zip(q).map(|(p, q)| (p - q).abs()).sum::<f64>()))
}

/// max_s KL(π(·|s) ‖ π′(·|s)), old against new; infinite where the new policy never takes an action of the old one.
pub fn max_kl_old_new(old: &PolicyTable, new: &PolicyTable) -> f64 {
    greatest(rows(old, new).map(|(p, q)| kl(p, q)))
}

/// KL(p‖q) = Σ_a p (log p − log q) of two distributions.
///
/// Summed as p (log p − log q) + q − p, of which no term is negative, so that near distributions keep their digits.
///
/// # Panics
/// When the lengths differ.
pub fn kl(p: &[f64], q: &[f64]) -> f64 {
    assert_eq!(p.len(), q.len(), "distributions over the same actions");
    p.iter().zip(q).map(|(&p, &q)| divergence_term(p, q)).sum()
}

/// p (log p − log q) + q − p. What rounds to nothing, q/p − 1 at its end −1 or the quotient itself, is not formed.
fn divergence_term(p: f64, q: f64) -> f64 {
    if p <= 0.0 {
        return q;
    }
    let change = (q - p) / p;
    if change.abs() < SERIES_BELOW { p * excess(change) } else { p * (p.ln() - q.ln()) + (q - p) }
}

/// Below it the terms of x − ln(1 + x) agree in more than their first digits.
const SERIES_BELOW: f64 = 0.1;

/// x − ln(1 + x), which is not negative, to full precision near 0 also. Near −1 it has what x has of 1 + x.
pub(crate) fn excess(x: f64) -> f64 {
    /// 0.1¹⁸ is below half a unit in the last place of the first term.
    const TERMS: i32 = 18;
    if x.abs() >= SERIES_BELOW || x.is_nan() {
        return x - x.ln_1p();
    }
    // x²/2 − x³/3 + x⁴/4 − …, from the last term on.
    x * x * (2..=TERMS).rev().fold(0.0, |sum, k| f64::from(k).recip() - x * sum)
}

/// The factors of the penalties: with one of them, η(π′) ≥ L_π(π′) − factor · divergence.
///
/// With ε = max |A_π|, α = max_s D_TV(π, π′) and KL = max_s KL(π‖π′),
///
/// | factor | of | source |
/// |---|---|---|
/// | 4εγ/(1−γ)² | α² | Schulman et al. 2015, theorem 1 |
/// | 4εγ/(1−γ)² = C | KL | Schulman et al. 2015, equation 9, by α² ≤ KL |
/// | 2εγ/(1−γ)² | KL | by Pinsker's inequality, α² ≤ KL/2 |
/// | 4ε/(1−γ)² | α² | the first without its γ, as it is often printed |
///
/// Of a pair of policies, the first penalty is the least, then comes the third, then the second: each follows from
/// the one before. The last is looser than the first, and has no fixed place among those on the KL.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PenaltyFactors {
    /// 4εγ/(1−γ)², of the square of the greatest total variation.
    pub total_variation: f64,
    /// 2εγ/(1−γ)², of the greatest KL.
    pub kl_pinsker: f64,
    /// 4εγ/(1−γ)², of the greatest KL: the C of Algorithm 1.
    pub kl: f64,
    /// 4ε/(1−γ)², of the square of the greatest total variation.
    pub total_variation_loose: f64,
}

impl PenaltyFactors {
    /// The factors for the greatest advantage ε = `epsilon` and the discount γ.
    pub fn new(epsilon: f64, gamma: f64) -> Self {
        let loose = 4.0 * epsilon / (1.0 - gamma).powi(2);
        let c = gamma * loose;
        Self { total_variation: c, kl_pinsker: 0.5 * c, kl: c, total_variation_loose: loose }
    }
}

/// The bound on mixtures: η((1−α)π + απ′) − η(π) ≥ α 𝔸 − 2εγ/(1−γ)² α², with 𝔸 of [`policy_advantage`] and ε of
/// [`max_abs_policy_advantage`].
///
/// Source: Kakade & Langford 2002, theorem 4.1, of which 1 − γ(1−α) is replaced by 1 − γ; Schulman et al. 2015,
/// equation 6. Both hold for the ρ that is not normalised.
pub fn mixture_bound(policy_advantage: f64, epsilon: f64, gamma: f64, alpha: f64) -> f64 {
    alpha * policy_advantage - 2.0 * epsilon * gamma / (1.0 - gamma).powi(2) * alpha * alpha
}

/// The weight that maximises [`mixture_bound`] over [0, 1]: α = min(1, (1−γ)² 𝔸 / (4εγ)). It is 0 where there is
/// nothing to gain, 𝔸 ≤ 0, and 1 where nothing is lost, γ = 0.
///
/// Source: Kakade & Langford 2002, corollary 4.2, whose (1−γ) 𝔸 / (4R) is for ρ and A that are multiplied by 1−γ; it is
/// not the maximum here.
pub fn mixture_weight(policy_advantage: f64, epsilon: f64, gamma: f64) -> f64 {
    if policy_advantage <= 0.0 {
        return 0.0;
    }
    // γ = 0 gives infinity, and the minimum 1.
    f64::min(1.0, (1.0 - gamma).powi(2) * policy_advantage / (4.0 * epsilon * gamma))
}

/// Σ_a π′(a|s) A_π(s, a) of all states, in their order.
pub(crate) fn policy_advantages<'a>(
    old: &'a Evaluation,
    new: &'a PolicyTable,
) -> impl Iterator<Item = f64> + 'a {
    assert_eq!(new.shape(), (old.n_states(), old.n_actions()), "a policy of the process that was evaluated");
    new.rows().zip(old.advantage_rows()).map(|(pi, a)| dot(pi, a))
}

fn rows<'a>(old: &'a PolicyTable, new: &'a PolicyTable) -> impl Iterator<Item = (&'a [f64], &'a [f64])> {
    assert_eq!(old.shape(), new.shape(), "policies of one process");
    old.rows().zip(new.rows())
}

/// The greatest number, none of which is negative; NaN if there is one.
fn greatest(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(0.0, |max, x| if x > max || x.is_nan() { x } else { max })
}
