//! At θ_old the policy gradient, TRPO's surrogate and PPO's clipped objective have one gradient. The updates themselves
//! are asked: `gradus_trpo::Surrogate`, `gradus_ppo::loss_and_cotangent`.

use gradus_core_math::Distribution;
use gradus_policy::{Batch, Team};
use gradus_ppo::{LossConfig, LossObjective, loss_and_cotangent};
use gradus_tabular::{DiscountedMdp, Evaluation, SoftmaxPolicy};
use gradus_trpo::Surrogate;
use proptest::prelude::*;

use crate::common::{Case, cases, distance};

/// One row for each state and action, with advantages ρ π A · rows: the mean over the rows is the exact expectation.
struct Enumerated {
    n_actions: usize,
    actions: Vec<f64>,
    log_probs: Vec<f64>,
    params: Vec<f64>,
    advantages: Vec<f64>,
    zeros: Vec<f64>,
}

impl Enumerated {
    fn new(policy: &SoftmaxPolicy, evaluation: &Evaluation) -> Self {
        let (n, rows) = (evaluation.n_actions(), policy.logits().len());
        let table = policy.table();
        let weight = |row: usize| evaluation.visitation[row / n] * table.probabilities()[row];
        Self {
            n_actions: n,
            actions: (0..rows).map(|row| (row % n) as f64).collect(),
            log_probs: table.probabilities().iter().map(|p| p.ln()).collect(),
            params: Self::per_row(n, policy.logits()),
            advantages: (0..rows).map(|row| weight(row) * evaluation.advantages[row] * rows as f64).collect(),
            zeros: vec![0.0; rows],
        }
    }

    /// The logits of each row's state.
    fn per_row(n_actions: usize, logits: &[f64]) -> Vec<f64> {
        logits.chunks_exact(n_actions).flat_map(|row| row.repeat(n_actions)).collect()
    }

    fn batch(&self) -> Batch<'_, f64> {
        Batch {
            observation_width: 0,
            observations: &[],
            actions: &self.actions,
            masks: &[],
            log_probs: &self.log_probs,
            distribution_params: &self.params,
            values: &self.zeros,
            advantages: &self.advantages,
            value_targets: &self.zeros,
            ..Batch::default()
        }
    }

    fn family(&self) -> Distribution {
        Distribution::Categorical { n: self.n_actions }
    }

    /// What the rows say of the logits of their states.
    fn by_state(&self, cotangent: &[f64]) -> Vec<f64> {
        let n = self.n_actions;
        let rows_of_state = cotangent.chunks_exact(n * n);
        rows_of_state.flat_map(|rows| (0..n).map(|a| rows.iter().skip(a).step_by(n).sum())).collect()
    }

    /// The policy gradient Σ ρ π A ∇log π, by the derivative of log π.
    fn policy_gradient(&self) -> Vec<f64> {
        let (n, rows) = (self.n_actions, self.zeros.len());
        let mut cotangent = vec![0.0; rows * n];
        for (row, into) in cotangent.chunks_exact_mut(n).enumerate() {
            let (params, action) = (&self.params[row * n..(row + 1) * n], &self.actions[row..=row]);
            self.family().add_gradient(params, None, action, self.advantages[row] / rows as f64, 0.0, into);
        }
        self.by_state(&cotangent)
    }

    /// ∇L of TRPO at `logits`.
    fn trpo(&self, logits: &[f64]) -> Vec<f64> {
        let (batch, family) = (self.batch(), self.family());
        let params = Self::per_row(self.n_actions, logits);
        let mut cotangent = vec![0.0; params.len()];
        Surrogate::new(&family, &batch, false).value_and_cotangent(Team::single(), &params, &mut cotangent);
        self.by_state(&cotangent)
    }

    /// ∇L_clip of PPO at `logits`.
    fn ppo(&self, logits: &[f64], clip_epsilon: f64) -> Vec<f64> {
        let (n, batch) = (self.n_actions, self.batch());
        let config = LossConfig {
            objective: LossObjective::Clip { epsilon: clip_epsilon, dual: None },
            value_clip_epsilon: None,
            entropy_coef: 0.0,
            value_coef: 0.0,
            normalize_advantage: false,
            value_scale: None,
        };
        let with_value = |row: &[f64]| [row, &[0.0]].concat();
        let outputs: Vec<f64> = Self::per_row(n, logits).chunks_exact(n).flat_map(with_value).collect();
        let rows: Vec<u32> = (0..self.zeros.len() as u32).collect();
        let mut cotangent = vec![0.0; outputs.len()];
        loss_and_cotangent(&config, &self.family(), &batch, &rows, &outputs, &mut cotangent);
        // The loss is minimised.
        let of_policy: Vec<f64> =
            cotangent.chunks_exact(n + 1).flat_map(|row| row[..n].iter().map(|x| -x)).collect();
        self.by_state(&of_policy)
    }
}

fn set_up(case: &Case, scale: f64) -> (DiscountedMdp, SoftmaxPolicy, Evaluation) {
    let mdp = case.mdp();
    let policy = SoftmaxPolicy::new(mdp.n_actions(), case.numbers("logits", scale)).expect("logits");
    let evaluation = mdp.evaluate(&policy.table()).expect("an evaluation");
    (mdp, policy, evaluation)
}

proptest! {
    #[test]
    fn the_three_gradients_are_one_at_the_old_policy(case in cases(5, 0.95), clip_epsilon in 0.01..0.5_f64) {
        let (mdp, policy, evaluation) = set_up(&case, 1.5);
        let exact = policy.gradient(&evaluation);
        let rows = Enumerated::new(&policy, &evaluation);
        let tolerance = 1e-13 / (1.0 - mdp.gamma()).powi(2);
        prop_assert!(distance(&rows.policy_gradient(), &exact) < tolerance);
        prop_assert!(distance(&rows.trpo(policy.logits()), &exact) < tolerance);
        prop_assert!(distance(&rows.ppo(policy.logits(), clip_epsilon), &exact) < tolerance);
    }
}

/// Away from θ_old they part: TRPO's gradient weighs with the ratio, and PPO's is flat where that has gone far enough.
#[test]
fn away_from_the_old_policy_they_differ() {
    let garnet = gradus_tabular::Garnet { n_states: 4, n_actions: 3, branching: 2, termination: 0.1 };
    let case = Case { seed: 2, garnet, gamma: 0.9 };
    let (_, policy, evaluation) = set_up(&case, 1.0);
    let rows = Enumerated::new(&policy, &evaluation);
    let moved: Vec<f64> =
        policy.logits().iter().zip(policy.natural_gradient(&evaluation)).map(|(x, g)| x + 0.3 * g).collect();
    let (old, trpo, ppo) = (rows.policy_gradient(), rows.trpo(&moved), rows.ppo(&moved, 0.1));
    let size = old.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    assert!(distance(&old, &trpo) > 0.05 * size, "{old:?} {trpo:?}");
    assert!(distance(&trpo, &ppo) > 0.05 * size, "{trpo:?} {ppo:?}");
    assert!(distance(&trpo, &rows.ppo(&moved, 1e6)) < 1e-12 * size, "without a clip they are the same");
}
