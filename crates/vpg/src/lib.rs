//! Policy gradients: the score ∇log π(a|s), weighted by what the action was worth.
//!
//! | update | gradient of the policy | data |
//! |---|---|---|
//! | [`Reinforce`] | (1/N) Σ_n Σ_t w_t Ψ_t ∇log π(a_t\|s_t), Ψ a return, less a baseline | one step a batch |
//! | [`A2c`] | mean[A ∇log π], A an advantage, optionally within a trust region for each row | one step a rollout |
//! | [`OffPolicyGradient`] | ∇ mean[π_θ/π' · A], the data drawn from π' | several steps a batch |
//!
//! What Ψ and A are is the batch's affair: `gradus-advantage` has returns, reward-to-go and every advantage.
//! [`loss_and_cotangent`] and [`surrogate_and_cotangent`] are the formulas themselves, [`weight_statistics`] and its
//! neighbours say how far importance sampling is to be trusted, and [`trust_region_gradient`] is the projection of one
//! row.

mod a2c;
mod importance;
mod loss;
mod off_policy;
mod reinforce;
mod running_mean;
mod step;
mod surrogate;
mod trust_region;

pub use a2c::{A2c, A2cConfig};
pub use importance::{
    WeightStatistics, importance_sampled_mean, importance_variance, self_normalized_mean, weight_statistics,
};
pub use loss::{Average, LossConfig, Losses, loss_and_cotangent};
pub use off_policy::{OffPolicyConfig, OffPolicyGradient};
pub use reinforce::{Baseline, Reinforce, ReinforceConfig};
pub use step::StepConfig;
pub use surrogate::{SurrogateConfig, SurrogateLosses, surrogate_and_cotangent};
pub use trust_region::{TrustRegionConfig, trust_region_gradient};
