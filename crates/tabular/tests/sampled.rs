//! Estimates from sampled episodes against exact gradients, by confidence intervals. Seeds are fixed; an unbiased
//! estimate is kept at a level of 1e-4 for the whole file, a biased one lies ten standard errors off.

mod common;

use common::Case;
use gradus_advantage::{
    Episodes, Trajectories, discount_weights, gae, monte_carlo_advantages, n_step_advantages, reward_to_go,
    whole_episode_returns,
};
use gradus_core_math::Stream;
use gradus_tabular::{DiscountedMdp, Evaluation, Garnet, SampledEpisodes, SoftmaxPolicy, sample_episodes};

const N_EPISODES: usize = 40_000;
/// The two-sided normal quantile of 1e-4 over 12 components of 9 estimates: 9.3e-7.
const KEPT: f64 = 4.91;
/// What tells a bias from chance.
const TOLD_APART: f64 = 10.0;

struct Setting {
    mdp: DiscountedMdp,
    policy: SoftmaxPolicy,
    evaluation: Evaluation,
    sampled: SampledEpisodes,
    wrong_critic: Vec<f64>,
}

impl Setting {
    fn new() -> Self {
        let garnet = Garnet { n_states: 4, n_actions: 3, branching: 2, termination: 0.25 };
        let case = Case { seed: 6, garnet, gamma: 0.8 };
        let mdp = case.mdp();
        let policy = SoftmaxPolicy::new(3, case.numbers("logits", 1.0)).expect("logits");
        let evaluation = mdp.evaluate(&policy.table()).expect("an evaluation");
        let mut rng = Stream::new(1, "episodes", 0);
        let sampled = sample_episodes(mdp.table(), &policy.table(), N_EPISODES, 100_000, &mut rng);
        assert!(!sampled.truncated.contains(&true), "every episode ends by itself");
        assert!(sampled.rewards.len() > 2 * N_EPISODES, "and has a length");
        let wrong_critic = evaluation.values.iter().map(|v| 2.0 - v).collect();
        Self { mdp, policy, evaluation, sampled, wrong_critic }
    }

    fn episodes(&self) -> Episodes<'_, f64> {
        let SampledEpisodes { rewards, terminated, truncated, .. } = &self.sampled;
        Episodes::new(1, rewards, terminated, truncated).expect("arrays that fit")
    }

    /// An estimator's weight of each step, which reads rewards alone.
    fn of_rewards(&self, f: impl FnOnce(&Episodes<'_, f64>, &mut [f64])) -> Vec<f64> {
        let mut weights = vec![0.0; self.sampled.rewards.len()];
        f(&self.episodes(), &mut weights);
        weights
    }

    /// The same, with a critic.
    fn of_critic(&self, critic: &[f64], f: impl FnOnce(&Trajectories<'_, f64>, &mut [f64])) -> Vec<f64> {
        let (values, next_values) = self.sampled.values_of(critic);
        let trajectories = self.episodes().with_values(&values, &next_values).expect("arrays that fit");
        let mut weights = vec![0.0; values.len()];
        f(&trajectories, &mut weights);
        weights
    }

    /// The weights times γ^t.
    fn discounted(&self, mut weights: Vec<f64>) -> Vec<f64> {
        let mut discount = vec![0.0; weights.len()];
        discount_weights(&self.episodes(), self.mdp.gamma(), &mut [1.0], &mut discount)
            .expect("a valid call");
        weights.iter_mut().zip(discount).for_each(|(w, d)| *w *= d);
        weights
    }

    /// Of Σ_t w_t ∇log π(a_t|s_t) over the episodes: the greatest distance of a component's mean from `expected`, in
    /// standard errors, and the sum of the variances.
    fn compare(&self, weights: &[f64], expected: &[f64]) -> (f64, f64) {
        let n = self.policy.logits().len();
        let scores: Vec<Vec<f64>> = (0..n).map(|i| self.policy.score(i / 3, i % 3)).collect();
        let (mut sum, mut square) = (vec![0.0; n], vec![0.0; n]);
        for steps in self.sampled.episodes() {
            let mut gradient = vec![0.0; n];
            for t in steps {
                let score = &scores[self.sampled.states[t] * 3 + self.sampled.actions[t]];
                gradient.iter_mut().zip(score).for_each(|(g, x)| *g += weights[t] * x);
            }
            for ((s, q), g) in sum.iter_mut().zip(&mut square).zip(&gradient) {
                (*s, *q) = (*s + g, *q + g * g);
            }
        }
        let (mut farthest, mut total) = (0.0_f64, 0.0);
        let count = N_EPISODES as f64;
        for ((s, q), expected) in sum.iter().zip(&square).zip(expected) {
            let mean = s / count;
            let variance = q / count - mean * mean;
            farthest = farthest.max((mean - expected).abs() / (variance / count).sqrt());
            total += variance;
        }
        (farthest, total)
    }
}

fn whole_return(x: &Setting) -> Vec<f64> {
    x.of_rewards(|e, out| whole_episode_returns(e, x.mdp.gamma(), out).expect("a valid call"))
}

fn to_go(x: &Setting) -> Vec<f64> {
    x.of_rewards(|e, out| reward_to_go(e, x.mdp.gamma(), out).expect("a valid call"))
}

fn minus_values(x: &Setting, critic: &[f64]) -> Vec<f64> {
    x.of_critic(critic, |t, out| monte_carlo_advantages(t, x.mdp.gamma(), out).expect("a valid call"))
}

fn generalised(x: &Setting, critic: &[f64], lambda: f64) -> Vec<f64> {
    x.of_critic(critic, |t, out| gae(t, x.mdp.gamma(), lambda, out).expect("a valid call"))
}

fn two_steps(x: &Setting, critic: &[f64]) -> Vec<f64> {
    x.of_critic(critic, |t, out| n_step_advantages(t, x.mdp.gamma(), 2, out).expect("a valid call"))
}

#[test]
fn unbiased_and_biased_estimates() {
    let x = Setting::new();
    let exact = x.policy.gradient(&x.evaluation);
    let (wrong, right) = (&x.wrong_critic, &x.evaluation.values);
    let constant = [x.evaluation.eta; 4];
    let unbiased = [
        ("whole return", whole_return(&x)),
        ("reward-to-go", x.discounted(to_go(&x))),
        ("a constant baseline", x.discounted(minus_values(&x, &constant))),
        ("V as the baseline", x.discounted(minus_values(&x, right))),
        ("a wrong baseline", x.discounted(minus_values(&x, wrong))),
        ("GAE(1) with a wrong critic", x.discounted(generalised(&x, wrong, 1.0))),
        ("GAE(0.7) with the right critic", x.discounted(generalised(&x, right, 0.7))),
        ("two steps with the right critic", x.discounted(two_steps(&x, right))),
    ];
    for (name, weights) in &unbiased {
        let (distance, _) = x.compare(weights, &exact);
        assert!(distance < KEPT, "{name}: {distance} standard errors");
    }
    let biased = [
        ("reward-to-go without γ^t", to_go(&x)),
        ("GAE(0.7) with a wrong critic", x.discounted(generalised(&x, wrong, 0.7))),
        ("GAE(0) with a wrong critic", x.discounted(generalised(&x, wrong, 0.0))),
        ("two steps with a wrong critic", x.discounted(two_steps(&x, wrong))),
        ("returns of later steps, discounted once more", x.discounted(x.discounted(to_go(&x)))),
    ];
    for (name, weights) in &biased {
        let (distance, _) = x.compare(weights, &exact);
        assert!(distance > TOLD_APART, "{name}: {distance} standard errors");
    }
}

/// What practice estimates, without γ^t, is not the gradient of η: it weighs states by undiscounted visits, Σ_t P(s_t =
/// s), and advantages by γ. Of that it is an unbiased estimate.
#[test]
fn what_practice_estimates() {
    let x = Setting::new();
    let without_discount = DiscountedMdp::new(x.mdp.table().clone(), 1.0 - 1e-12).expect("a discount");
    let visits = without_discount.evaluate(&x.policy.table()).expect("an evaluation").visitation;
    let mut mixed = x.evaluation.clone();
    mixed.visitation = visits;
    let (distance, _) = x.compare(&to_go(&x), &x.policy.gradient(&mixed));
    assert!(distance < KEPT, "{distance} standard errors");
}

/// Reward-to-go is quieter than the whole return, V quietens it further, and λ < 1 once more.
#[test]
fn variances_fall() {
    let x = Setting::new();
    let zeros = vec![0.0; x.policy.logits().len()];
    let variance = |weights: &[f64]| x.compare(weights, &zeros).1;
    let right = &x.evaluation.values;
    let steps = [
        variance(&whole_return(&x)),
        variance(&x.discounted(to_go(&x))),
        variance(&x.discounted(minus_values(&x, right))),
        variance(&x.discounted(generalised(&x, right, 0.5))),
    ];
    assert!(steps.is_sorted_by(|a, b| *a > 1.05 * b), "{steps:?}");
    assert!(variance(&x.discounted(minus_values(&x, &x.wrong_critic))) > 1.5 * steps[1]);
}

/// The same seed draws the same episodes, also in later versions.
#[test]
fn value_stability() {
    let lake = gradus_envs::finite::FrozenLake::four_by_four().mdp();
    let policy = gradus_tabular::PolicyTable::uniform(16, 4);
    let draw = |seed| sample_episodes(&lake, &policy, 2, 5, &mut Stream::new(seed, "stability", 0));
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let found = draw(1);
    assert_eq!(found.actions, [1, 3, 2, 1, 1, 1, 0, 0, 0, 2]);
    assert_eq!(found.next_states, [4, 4, 0, 4, 4, 1, 0, 0, 0, 1]);
}

/// Visits of the sampler are those of the process: Σ_t γ^t 1{s_t = s} has the mean ρ(s).
#[test]
fn visits_are_those_of_the_process() {
    let x = Setting::new();
    let weights = x.discounted(vec![1.0; x.sampled.rewards.len()]);
    for (state, rho) in x.evaluation.visitation.iter().enumerate() {
        let (mut sum, mut square) = (0.0, 0.0);
        for steps in x.sampled.episodes() {
            let visits: f64 = steps.filter(|&t| x.sampled.states[t] == state).map(|t| weights[t]).sum();
            (sum, square) = (sum + visits, square + visits * visits);
        }
        let mean = sum / N_EPISODES as f64;
        let error = ((square / N_EPISODES as f64 - mean * mean) / N_EPISODES as f64).sqrt();
        assert!((mean - rho).abs() < KEPT * error, "state {state}: {mean} ± {error}, not {rho}");
    }
}

/// Episodes that do not end are cut off, and say so.
#[test]
fn episodes_that_do_not_end() {
    let garnet = Garnet { n_states: 3, n_actions: 2, branching: 1, termination: 0.0 };
    let mdp = Case { seed: 1, garnet, gamma: 0.9 }.mdp();
    let policy = mdp.uniform_policy();
    let sampled = sample_episodes(mdp.table(), &policy, 3, 4, &mut Stream::new(1, "cut", 0));
    assert_eq!(sampled.episodes().collect::<Vec<_>>(), [0..4, 4..8, 8..12]);
    let expected: Vec<bool> = (0..12).map(|t| t % 4 == 3).collect();
    assert_eq!((&sampled.truncated, sampled.terminated.contains(&true)), (&expected, false));
    // One that ends with the last step allowed is not cut off.
    let at_once = Garnet { termination: 1.0, ..garnet };
    let mdp = Case { seed: 1, garnet: at_once, gamma: 0.9 }.mdp();
    let sampled = sample_episodes(mdp.table(), &policy, 3, 1, &mut Stream::new(1, "end", 0));
    assert_eq!((sampled.truncated, sampled.terminated), (vec![false; 3], vec![true; 3]));
}
