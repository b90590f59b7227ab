//! What is known of a policy.

/// A policy π of a [`DiscountedMdp`](crate::DiscountedMdp), evaluated exactly.
///
/// | field | what it is |
/// |---|---|
/// | `values` | V(s) = E[Σ_t γ^t r_t \| s₀ = s] |
/// | `action_values` | Q(s, a) = r(s, a) + γ Σ_s′ P(s′\|s, a) V(s′) |
/// | `advantages` | A = Q − V |
/// | `visitation` | ρ(s) = Σ_t γ^t P(s_t = s), not normalised |
/// | `eta` | η = Σ_s ρ₀(s) V(s), which is Σ_s ρ(s) Σ_a π(a\|s) r(s, a) as well |
///
/// ρ sums to 1/(1−γ) where no episode ends, and to less where some do.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    pub(crate) n_actions: usize,
    /// V, `[S]`.
    pub values: Vec<f64>,
    /// Q, `[S, A]`.
    pub action_values: Vec<f64>,
    /// A, `[S, A]`.
    pub advantages: Vec<f64>,
    /// ρ, `[S]`.
    pub visitation: Vec<f64>,
    /// η.
    pub eta: f64,
}

impl Evaluation {
    /// The number of actions, A.
    pub fn n_actions(&self) -> usize {
        self.n_actions
    }

    /// The number of states, S.
    pub fn n_states(&self) -> usize {
        self.values.len()
    }

    /// A(s, ·) of all states, in their order.
    pub fn advantage_rows(&self) -> std::slice::ChunksExact<'_, f64> {
        self.advantages.chunks_exact(self.n_actions)
    }

    /// max_a A(s, a) of all states, `[S]`: what a step of policy improvement gains at once.
    pub fn greatest_advantages(&self) -> Vec<f64> {
        self.advantage_rows().map(|row| row.iter().copied().fold(f64::NEG_INFINITY, f64::max)).collect()
    }
}
