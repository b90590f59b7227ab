//! The softmax policy with one logit for each state and action, and its exact derivatives.

use crate::error::check_rows;
use crate::{Evaluation, PolicyTable, TabularError};

/// The policy π_θ(a|s) = exp θ(s, a)/Σ_b exp θ(s, b).
///
/// Its parameters are one flat vector, `[S, A]`, and what sampled algorithms estimate is known exactly: the policy
/// gradient, the Fisher information, the natural gradient.
///
/// ```
/// use gradus_envs::finite::FrozenLake;
/// use gradus_tabular::{DiscountedMdp, SoftmaxPolicy};
///
/// let mdp = DiscountedMdp::new(FrozenLake::four_by_four().mdp(), 0.9)?;
/// let mut policy = SoftmaxPolicy::new(mdp.n_actions(), vec![0.0; 16 * 4])?;
/// let before = mdp.evaluate(&policy.table())?;
/// let gradient = policy.gradient(&before);
/// policy.logits_mut().iter_mut().zip(&gradient).for_each(|(x, g)| *x += g);
/// assert!(mdp.evaluate(&policy.table())?.eta > before.eta);
/// # Ok::<(), gradus_tabular::TabularError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SoftmaxPolicy {
    n_actions: usize,
    logits: Vec<f64>,
}

impl SoftmaxPolicy {
    /// The policy with these logits.
    ///
    /// # Shapes
    /// `logits`: `[S, A]`, state by state.
    ///
    /// # Errors
    /// When they are no whole rows of `n_actions`, or one is not finite.
    pub fn new(n_actions: usize, logits: Vec<f64>) -> Result<Self, TabularError> {
        check_rows("logits", logits.len(), n_actions)?;
        if let Some((at, &value)) = logits.iter().enumerate().find(|(_, x)| !x.is_finite()) {
            return Err(TabularError::Logit { state: at / n_actions, action: at % n_actions, value });
        }
        Ok(Self { n_actions, logits })
    }

    /// θ.
    pub fn logits(&self) -> &[f64] {
        &self.logits
    }

    /// θ, to be changed.
    pub fn logits_mut(&mut self) -> &mut [f64] {
        &mut self.logits
    }

    /// π_θ.
    pub fn table(&self) -> PolicyTable {
        let mut probabilities = self.logits.clone();
        for row in probabilities.chunks_exact_mut(self.n_actions) {
            let greatest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            row.iter_mut().for_each(|x| *x = (*x - greatest).exp());
            let sum: f64 = row.iter().sum();
            row.iter_mut().for_each(|x| *x /= sum);
        }
        PolicyTable::trusted(self.n_actions, probabilities)
    }

    /// The score ∇_θ log π_θ(a|s), `[S, A]`: in the row of `state` 1{b = a} − π(b|s), and 0 elsewhere.
    ///
    /// # Panics
    /// When there is no such state or action.
    pub fn score(&self, state: usize, action: usize) -> Vec<f64> {
        let mut score = vec![0.0; self.logits.len()];
        let row = &mut score[state * self.n_actions..(state + 1) * self.n_actions];
        row.iter_mut().zip(self.table().row(state)).for_each(|(x, pi)| *x = -pi);
        row[action] += 1.0;
        score
    }

    /// ∇_θ η = Σ_s ρ(s) Σ_a ∇π(a|s) Q(s, a), `[S, A]`: here ρ(s) π(a|s) A(s, a).
    ///
    /// ρ is not normalised, and the gradient is that of η itself. Source: Sutton et al. 2000, theorem 1, with
    /// ∂π(b|s)/∂θ(s, a) = π(a|s) (1{a = b} − π(b|s)).
    ///
    /// # Panics
    /// When `evaluation` has another shape; so do the others.
    pub fn gradient(&self, evaluation: &Evaluation) -> Vec<f64> {
        self.check(evaluation);
        let table = self.table();
        let rows = table.rows().zip(evaluation.advantage_rows()).zip(&evaluation.visitation);
        rows.flat_map(|((pi, a), rho)| pi.iter().zip(a).map(move |(pi, a)| rho * pi * a)).collect()
    }

    /// F = Σ_s d(s) (diag π(·|s) − π(·|s) π(·|s)ᵀ), the mean Fisher information under d = ρ/Σρ, `[S·A, S·A]` row by
    /// row; it is the Hessian of the mean of KL(π_θ‖π_θ′) in θ′ at θ′ = θ.
    ///
    /// It is singular: adding a number to all logits of a state changes nothing.
    ///
    /// Source: Kakade 2001, equation 2; Schulman et al. 2015, appendix C.
    pub fn fisher_matrix(&self, evaluation: &Evaluation) -> Vec<f64> {
        self.check(evaluation);
        let (n, width) = (self.n_actions, self.logits.len());
        let total: f64 = evaluation.visitation.iter().sum();
        let mut matrix = vec![0.0; width * width];
        for (state, (pi, rho)) in self.table().rows().zip(&evaluation.visitation).enumerate() {
            for (a, &pi_a) in pi.iter().enumerate() {
                for (b, &pi_b) in pi.iter().enumerate() {
                    let diagonal = if a == b { pi_a } else { 0.0 };
                    let cell = (state * n + a) * width + state * n + b;
                    matrix[cell] = rho / total * (diagonal - pi_a * pi_b);
                }
            }
        }
        matrix
    }

    /// The natural gradient F⁺ ∇_θ η, `[S, A]`: of all solutions of F x = ∇η the one of least norm,
    /// x(s, a) = (Σρ) (A(s, a) − mean_b A(s, b)), and 0 in states without visits.
    ///
    /// F x = ∇η asks for d(s) π(a|s) (x(s, a) − Σ_b π(b|s) x(s, b)) = ρ(s) π(a|s) A(s, a), which x = (Σρ) A solves, since
    /// Σ_b π A = 0, and any number may be added to the x of a state. Source: Kakade 2001, theorem 1, with the advantage
    /// as the compatible approximation.
    pub fn natural_gradient(&self, evaluation: &Evaluation) -> Vec<f64> {
        self.check(evaluation);
        let total: f64 = evaluation.visitation.iter().sum();
        let rows = evaluation.advantage_rows().zip(&evaluation.visitation);
        rows.flat_map(|(row, &rho)| {
            let mean = row.iter().sum::<f64>() / row.len() as f64;
            let weight = if rho > 0.0 { total } else { 0.0 };
            row.iter().map(move |a| weight * (a - mean))
        })
        .collect()
    }

    fn check(&self, evaluation: &Evaluation) {
        let ours = (self.logits.len() / self.n_actions, self.n_actions);
        assert_eq!(ours, (evaluation.n_states(), evaluation.n_actions()), "an evaluation of this policy");
    }
}
