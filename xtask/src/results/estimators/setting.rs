//! Processes, policies and critics.

use std::sync::Arc;

use anyhow::bail;
use gradus_core_math::{Distribution, Stream};
use gradus_envs::finite::FiniteMdp;
use gradus_tabular::{DiscountedMdp, Evaluation, Garnet, PolicyTable, SoftmaxPolicy};

use super::exact;
use super::sampled::{Player, Rollout};

/// γ.
pub(super) const GAMMA: f64 = 0.99;

/// T and N of a rollout, as in the Atari experiments of Schulman et al. 2017.
pub(super) const SHAPE: (usize, usize) = (128, 8);

/// The size of the wrong critic's error, in standard deviations of V over the visits.
pub(super) const CRITIC_ERROR: f64 = 0.5;

/// λ of the targets that the fitted critic is fitted to, and how often it is.
pub(super) const CRITIC_FIT: (f64, usize) = (0.95, 20);

/// The seed of everything that all seeds have in common: random processes, and critics.
const COMMON_SEED: u64 = 1;

/// The name and the recipe of every process.
const PROCESSES: [(&str, Recipe); 5] = [
    ("FrozenLake-v1", Recipe::Named),
    ("CliffWalking-v1", Recipe::Named),
    ("Taxi-v4", Recipe::Named),
    ("Garnet-endless", Recipe::Random(Garnet { n_states: 30, n_actions: 4, branching: 3, termination: 0.0 })),
    ("Garnet-ending", Recipe::Random(Garnet { n_states: 30, n_actions: 4, branching: 3, termination: 0.05 })),
];

#[derive(Clone, Copy)]
enum Recipe {
    /// The table of an environment of the library.
    Named,
    Random(Garnet),
}

/// A process with a policy, and all that is known of them.
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) mdp: DiscountedMdp,
    /// The table again, as environments share it.
    pub(super) shared: Arc<FiniteMdp>,
    pub(super) policy: SoftmaxPolicy,
    pub(super) table: PolicyTable,
    pub(super) evaluation: Evaluation,
    /// μ_t, `[steps][S]`; see [`exact::visits`].
    pub(super) visits: Vec<Vec<f64>>,
    /// The mean of μ_t over the steps, `[S]`.
    pub(super) share: Vec<f64>,
    /// The gradient that exact advantages give, `[S, A]`; see [`gradient_of`](Self::gradient_of).
    pub(super) gradient: Vec<f64>,
}

/// A critic: an estimate of V.
pub(super) struct Critic {
    pub(super) name: &'static str,
    /// One a state.
    pub(super) values: Vec<f64>,
}

/// The names of the processes.
pub(super) fn names() -> Vec<&'static str> {
    PROCESSES.iter().map(|(name, _)| *name).collect()
}

impl Setting {
    /// The process of that name, with the policy that one step away from the uniform one gives.
    pub(super) fn named(name: &str) -> anyhow::Result<Self> {
        let Some((name, recipe)) = PROCESSES.iter().find(|(known, _)| *known == name) else {
            bail!("there is no process {name:?} in this experiment, which has {}", names().join(", "));
        };
        let table = match recipe {
            Recipe::Named => gradus_envs::find(name)?.finite_mdp(),
            Recipe::Random(garnet) => Some(garnet.draw(&mut Stream::new(COMMON_SEED, name, 0))?),
        };
        let Some(table) = table else { bail!("{name} has no table") };
        let mdp = DiscountedMdp::new(table, GAMMA)?;
        let logits = improved(&mdp)?;
        Self::new(name, mdp, logits, SHAPE.0)
    }

    /// A process with the softmax policy of `logits`, `[S, A]`, and rollouts of `n_steps` steps.
    pub(super) fn new(
        name: &'static str,
        mdp: DiscountedMdp,
        logits: Vec<f64>,
        n_steps: usize,
    ) -> anyhow::Result<Self> {
        let policy = SoftmaxPolicy::new(mdp.n_actions(), logits)?;
        let table = policy.table();
        let evaluation = mdp.evaluate(&table)?;
        let shared = Arc::new(mdp.table().clone());
        let share = vec![0.0; mdp.n_states()];
        let (visits, gradient) = (Vec::new(), Vec::new());
        let mut it = Self { name, mdp, shared, policy, table, evaluation, visits, share, gradient };
        it.visits = exact::visits(&it, n_steps);
        for visits in &it.visits {
            it.share.iter_mut().zip(visits).for_each(|(share, x)| *share += x / n_steps as f64);
        }
        it.gradient = it.gradient_of(&it.evaluation.advantages);
        Ok(it)
    }

    /// The mean over the visits of Σ_a π(a|s) ∇log π(a|s) x(s, a), `[S, A]`: d(s) π(a|s) (x(s, a) − Σ_b π(b|s) x(s, b)).
    pub(super) fn gradient_of(&self, x: &[f64]) -> Vec<f64> {
        self.shares().iter().zip(self.centred(x)).map(|(share, x)| share * x).collect()
    }

    /// x(s, a) − Σ_b π(b|s) x(s, b), `[S, A]`.
    pub(super) fn centred(&self, x: &[f64]) -> Vec<f64> {
        let rows = self.table.rows().zip(x.chunks_exact(self.mdp.n_actions()));
        rows.flat_map(|(pi, x)| {
            let mean: f64 = pi.iter().zip(x).map(|(pi, x)| pi * x).sum();
            x.iter().map(move |x| x - mean)
        })
        .collect()
    }

    /// The share of the visits that are of each state and action, `[S, A]`.
    pub(super) fn shares(&self) -> Vec<f64> {
        self.table
            .rows()
            .zip(&self.share)
            .flat_map(|(pi, share)| pi.iter().map(move |pi| share * pi))
            .collect()
    }

    /// The mean of x(s, a)² over the visits.
    pub(super) fn mean_square(&self, x: &[f64]) -> f64 {
        self.shares().iter().zip(x).map(|(share, x)| share * x * x).sum()
    }

    /// The standard deviation of V over the visits.
    pub(super) fn value_deviation(&self) -> f64 {
        let values = &self.evaluation.values;
        let mean: f64 = self.share.iter().zip(values).map(|(share, v)| share * v).sum();
        self.value_error(&vec![mean; values.len()])
    }

    /// The root of the mean square of V − U over the visits.
    pub(super) fn value_error(&self, critic: &[f64]) -> f64 {
        let pairs = self.evaluation.values.iter().zip(critic).zip(&self.share);
        pairs.map(|((v, u), share)| share * (v - u).powi(2)).sum::<f64>().sqrt()
    }

    /// The share of the steps that end an episode.
    pub(super) fn end_share(&self) -> f64 {
        let ends = |cell: usize| {
            let (state, action) = (cell / self.mdp.n_actions(), cell % self.mdp.n_actions());
            let row = self.shared.transitions(state, action).iter();
            row.filter(|t| t.terminated).map(|t| t.probability).sum::<f64>()
        };
        self.shares().iter().enumerate().map(|(cell, share)| share * ends(cell)).sum()
    }

    /// The critics of the experiment: V, V with an error, and a fit to one rollout.
    pub(super) fn critics(&self) -> anyhow::Result<Vec<Critic>> {
        let exact = self.evaluation.values.clone();
        Ok(vec![
            Critic { name: "exact", values: exact },
            Critic { name: "wrong", values: self.wrong_critic() },
            Critic { name: "fitted", values: self.fitted_critic()? },
        ])
    }

    /// V(s) + e(s): the errors are normal and independent, and scaled to [`CRITIC_ERROR`].
    fn wrong_critic(&self) -> Vec<f64> {
        let n = self.mdp.n_states();
        let standard_normal = Distribution::DiagGaussian { dim: n };
        let mut error = vec![0.0; n];
        let mut rng = Stream::new(COMMON_SEED, "critic", 0);
        standard_normal.sample(&vec![0.0; 2 * n], None, &mut rng, &mut error);
        let with_error = |scale: f64| -> Vec<f64> {
            self.evaluation.values.iter().zip(&error).map(|(v, e)| v + scale * e).collect()
        };
        let size = self.value_error(&with_error(1.0));
        with_error(CRITIC_ERROR * self.value_deviation() / size)
    }

    /// The mean over each state's visits of the targets V_target = A + V, of GAE's A, from V = 0 on again and again, in
    /// one rollout. States that it has not visited keep 0.
    fn fitted_critic(&self) -> anyhow::Result<Vec<f64>> {
        let (gae_lambda, sweeps) = CRITIC_FIT;
        let mut rollout = Rollout::default();
        Player::new(self, SHAPE.1, COMMON_SEED, "fit")?.play(&mut rollout)?;
        let mut critic = vec![0.0; self.mdp.n_states()];
        for _ in 0..sweeps {
            let targets = rollout.value_targets(&critic, self.mdp.gamma(), gae_lambda)?;
            let (mut sums, mut counts) = (vec![0.0; critic.len()], vec![0.0; critic.len()]);
            for (&state, target) in rollout.states.iter().zip(targets) {
                sums[state] += target;
                counts[state] += 1.0;
            }
            for ((value, sum), count) in critic.iter_mut().zip(sums).zip(counts) {
                *value = if count > 0.0 { sum / count } else { *value };
            }
        }
        Ok(critic)
    }
}

/// The logits of a policy that one step away from the uniform one gives, `[S, A]`: its advantages, divided by the root of
/// their mean square under its discounted visits.
fn improved(mdp: &DiscountedMdp) -> anyhow::Result<Vec<f64>> {
    let uniform = mdp.evaluate(&mdp.uniform_policy())?;
    let total: f64 = uniform.visitation.iter().sum();
    let squares = uniform.advantage_rows().zip(&uniform.visitation);
    let squares = squares.map(|(row, rho)| rho * row.iter().map(|a| a * a).sum::<f64>());
    let size = (squares.sum::<f64>() / total / mdp.n_actions() as f64).sqrt();
    Ok(uniform.advantages.iter().map(|a| a / size).collect())
}
