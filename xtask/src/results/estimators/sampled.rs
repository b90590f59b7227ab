//! Rollouts through the library's environments, and the errors of the estimates made from them.

use gradus_advantage::{AdvantageError, Episodes, Trajectories, gae, value_targets};
use gradus_core_math::{Distribution, Stream, dot};
use gradus_envs::finite::FiniteEnv;
use gradus_envs::{Outcome, VecEnv, VectorEnv};

use super::estimator::Estimator;
use super::exact::norm;
use super::setting::Setting;

/// A rollout; arrays are `[steps, envs]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rollout {
    n_envs: usize,
    pub(super) states: Vec<usize>,
    /// s·A + a.
    pub(super) cells: Vec<usize>,
    rewards: Vec<f64>,
    /// The state that the step led to, before any reset.
    next_states: Vec<usize>,
    terminated: Vec<bool>,
    truncated: Vec<bool>,
}

impl Rollout {
    /// Hands the rollout with a critic's values to `f`.
    fn with_critic<T>(
        &self,
        critic: &[f64],
        f: impl FnOnce(&Trajectories<'_, f64>) -> Result<T, AdvantageError>,
    ) -> Result<T, AdvantageError> {
        let of = |states: &[usize]| -> Vec<f64> { states.iter().map(|&s| critic[s]).collect() };
        let (values, next_values) = (of(&self.states), of(&self.next_states));
        let episodes = Episodes::new(self.n_envs, &self.rewards, &self.terminated, &self.truncated)?;
        f(&episodes.with_values(&values, &next_values)?)
    }

    /// A + V with GAE's A, `[steps, envs]`.
    pub(super) fn value_targets(
        &self,
        critic: &[f64],
        gamma: f64,
        gae_lambda: f64,
    ) -> Result<Vec<f64>, AdvantageError> {
        self.with_critic(critic, |trajectories| {
            let (mut advantages, mut targets) = (vec![0.0; self.states.len()], vec![0.0; self.states.len()]);
            gae(trajectories, gamma, gae_lambda, &mut advantages)?;
            value_targets(trajectories, &advantages, &mut targets)?;
            Ok(targets)
        })
    }
}

/// Environments of a setting, and the policy's stream.
pub(super) struct Player<'a> {
    setting: &'a Setting,
    envs: VecEnv<FiniteEnv>,
    family: Distribution,
    rng: Stream,
}

impl<'a> Player<'a> {
    /// `n_envs` environments without a time limit, as the exact values know none.
    pub(super) fn new(setting: &'a Setting, n_envs: usize, seed: u64, purpose: &str) -> anyhow::Result<Self> {
        let env = FiniteEnv::new(setting.shared.clone()).with_index_observations();
        let envs = VecEnv::new(vec![env; n_envs], seed, 0)?;
        let family = Distribution::Categorical { n: setting.mdp.n_actions() };
        Ok(Self { setting, envs, family, rng: Stream::new(seed, purpose, 0) })
    }

    /// Resets all environments and plays a rollout of the setting's length.
    pub(super) fn play(&mut self, into: &mut Rollout) -> anyhow::Result<()> {
        let (n_envs, n_actions) = (self.envs.n_envs(), self.setting.mdp.n_actions());
        *into = Rollout { n_envs, ..Rollout::default() };
        // Indices of states and actions are whole numbers, exact in f32.
        let state = |observation: f32| observation as usize;
        let mut actions = vec![0.0_f32; n_envs];
        self.envs.reset_all()?;
        for _ in 0..self.setting.visits.len() {
            for (slot, &observation) in actions.iter_mut().zip(self.envs.observations()) {
                let row = state(observation) * n_actions;
                let (mut action, logits) = ([0.0], &self.setting.policy.logits()[row..row + n_actions]);
                self.family.sample(logits, None, &mut self.rng, &mut action);
                *slot = action[0] as f32;
                into.states.push(state(observation));
                into.cells.push(row + action[0] as usize);
            }
            self.envs.step(&actions)?;
            into.rewards.extend(self.envs.rewards());
            let ends = self.envs.outcomes().iter().zip(self.envs.final_observations());
            for ((outcome, &last), &next) in ends.zip(self.envs.observations()) {
                into.next_states.push(state(if outcome.is_over() { last } else { next }));
                into.terminated.push(*outcome == Outcome::Terminated);
                into.truncated.push(*outcome == Outcome::Truncated);
            }
        }
        Ok(())
    }
}

/// What one seed says of an estimator with a critic. All of it is unbiased but for the cosine, and a square may come out
/// negative where it is nearly 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figures {
    /// The mean over the visits of the squared bias.
    pub(super) bias_squared: f64,
    /// The same of what differs between the actions of a state, all that a gradient sees.
    pub(super) between_squared: f64,
    /// The mean of (Â − A)².
    pub(super) square: f64,
    /// `‖E[ĝ] − g‖²/‖g‖²`.
    pub(super) gradient_bias_squared: f64,
    /// E[‖ĝ − g‖²]/‖g‖².
    pub(super) gradient_square: f64,
    /// The mean cosine between ĝ and g; that of a gradient of zero counts as 0.
    pub(super) cosine: f64,
}

impl Figures {
    /// The mean variance of Â − A at a state and an action.
    pub(super) fn variance(&self) -> f64 {
        self.square - self.bias_squared
    }

    /// `E[‖ĝ − E[ĝ]‖²]/‖g‖²`.
    pub(super) fn gradient_variance(&self) -> f64 {
        self.gradient_square - self.gradient_bias_squared
    }
}

/// Sums over the rollouts of one seed, for one estimator with one critic.
struct Sums {
    /// Σ Â of each state and action, over the rollouts of either half.
    estimates: [Vec<f64>; 2],
    square: f64,
    gradient_square: f64,
    cosine: f64,
}

/// Plays `n_rollouts` rollouts and estimates every step's advantage with every critic by every estimator.
///
/// ĝ is a rollout's mean of Â ∇log π. Squares of biases are products of two halves of the rollouts, which know nothing
/// of each other, so that noise has the mean zero in them: with E_h(s, a) the sum of Â − A over the visits in half h,
/// and M d(s, a) its expected number of visits, Σ_{s,a} d (E_1/(M d)) (E_2/(M d)).
///
/// The result is `[critics][estimators]`.
pub(super) fn measure(
    setting: &Setting,
    critics: &[&[f64]],
    estimators: &[Estimator],
    (n_envs, n_rollouts, seed): (usize, usize, u64),
) -> anyhow::Result<Vec<Vec<Figures>>> {
    let n_cells = setting.evaluation.advantages.len();
    let new = || Sums {
        estimates: [vec![0.0; n_cells], vec![0.0; n_cells]],
        square: 0.0,
        gradient_square: 0.0,
        cosine: 0.0,
    };
    let mut sums: Vec<Vec<Sums>> =
        critics.iter().map(|_| estimators.iter().map(|_| new()).collect()).collect();
    let mut counts = [vec![0.0; n_cells], vec![0.0; n_cells]];
    let mut player = Player::new(setting, n_envs, seed, "actions")?;
    let mut rollout = Rollout::default();
    for half in (0..n_rollouts).map(|i| i % 2) {
        player.play(&mut rollout)?;
        rollout.cells.iter().for_each(|&cell| counts[half][cell] += 1.0);
        let mut estimates = vec![0.0; rollout.cells.len()];
        for (critic, sums) in critics.iter().zip(&mut sums) {
            rollout.with_critic(critic, |trajectories| {
                for (estimator, sums) in estimators.iter().zip(sums) {
                    estimator.estimate(trajectories, setting.mdp.gamma(), &mut estimates)?;
                    sums.add(setting, half, &rollout.cells, &estimates);
                }
                Ok(())
            })?;
        }
    }
    let figures = |sums: &Sums| sums.figures(setting, &counts, n_rollouts);
    Ok(sums.iter().map(|sums| sums.iter().map(figures).collect()).collect())
}

impl Sums {
    /// Adds the estimates of a rollout.
    fn add(&mut self, setting: &Setting, half: usize, cells: &[usize], estimates: &[f64]) {
        let mut by_cell = vec![0.0; self.estimates[half].len()];
        for (&cell, estimate) in cells.iter().zip(estimates) {
            by_cell[cell] += estimate;
            self.square += (estimate - setting.evaluation.advantages[cell]).powi(2) / cells.len() as f64;
        }
        let gradient = gradient(setting, &by_cell, cells.len() as f64);
        let distance: f64 = gradient.iter().zip(&setting.gradient).map(|(x, g)| (x - g).powi(2)).sum();
        let (size, exact_size) = (norm(&gradient), norm(&setting.gradient));
        self.gradient_square += distance / exact_size.powi(2);
        self.cosine += if size > 0.0 { dot(&gradient, &setting.gradient) / (size * exact_size) } else { 0.0 };
        self.estimates[half].iter_mut().zip(by_cell).for_each(|(sum, x)| *sum += x);
    }

    /// What the sums say, with the numbers of visits of each state and action in either half.
    fn figures(&self, setting: &Setting, counts: &[Vec<f64>; 2], n_rollouts: usize) -> Figures {
        let steps = counts.each_ref().map(|counts| counts.iter().sum::<f64>());
        let errors = [0, 1].map(|half| {
            let terms = self.estimates[half].iter().zip(&counts[half]).zip(&setting.evaluation.advantages);
            terms.map(|((sum, count), a)| (sum - count * a) / steps[half]).collect::<Vec<f64>>()
        });
        let shares = setting.shares();
        let biases = errors.each_ref().map(|errors| {
            let mean = |(x, share): (&f64, &f64)| if *share > 0.0 { x / share } else { 0.0 };
            errors.iter().zip(&shares).map(mean).collect::<Vec<f64>>()
        });
        let centred = biases.each_ref().map(|bias| setting.centred(bias));
        let product = |[x, y]: &[Vec<f64>; 2]| -> f64 {
            x.iter().zip(y).zip(&shares).map(|((x, y), share)| share * x * y).sum()
        };
        let off = [0, 1].map(|half| {
            let mean = gradient(setting, &self.estimates[half], steps[half]);
            mean.iter().zip(&setting.gradient).map(|(x, g)| x - g).collect::<Vec<f64>>()
        });
        let n = n_rollouts as f64;
        Figures {
            bias_squared: product(&biases),
            between_squared: product(&centred),
            square: self.square / n,
            gradient_bias_squared: dot(&off[0], &off[1]) / norm(&setting.gradient).powi(2),
            gradient_square: self.gradient_square / n,
            cosine: self.cosine / n,
        }
    }
}

/// The mean of Â ∇log π over so many steps, `[S, A]`, from Σ Â of each state and action.
fn gradient(setting: &Setting, by_cell: &[f64], steps: f64) -> Vec<f64> {
    let rows = setting.table.rows().zip(by_cell.chunks_exact(setting.mdp.n_actions()));
    rows.flat_map(|(pi, row)| {
        let total: f64 = row.iter().sum();
        pi.iter().zip(row).map(move |(pi, sum)| (sum - pi * total) / steps)
    })
    .collect()
}
