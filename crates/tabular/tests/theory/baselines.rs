//! What is subtracted from returns: no bias, and less variance. By enumeration of every trajectory, without sampling.

use gradus_advantage::{Episodes, discount_weights, gae, reward_to_go, whole_episode_returns};
use gradus_core_math::Stream;
use gradus_envs::finite::{FiniteMdp, Transition};
use gradus_tabular::{DiscountedMdp, SoftmaxPolicy};
use rand::RngExt;

use crate::common::distance;

const GAMMA: f64 = 0.8;
/// States in a layer, layers, and actions.
const SHAPE: (usize, usize, usize) = (2, 3, 2);

/// A process of three steps, through layers of two states; rewards are random within [0.5, 1.5], of the outcome.
fn layered(seed: u64) -> DiscountedMdp {
    let (width, depth, n_actions) = SHAPE;
    let mut rng = Stream::new(seed, "layered", 0);
    let n_states = width * depth;
    let mut initial = vec![0.0; n_states];
    let start: f64 = rng.random();
    (initial[0], initial[1]) = (start, 1.0 - start);
    let row = |state: usize, _| {
        let terminated = state + width >= n_states;
        let first = if terminated { 0 } else { (state / width + 1) * width };
        let p: f64 = rng.random();
        let mut outcome = |next: usize, probability| Transition {
            probability,
            next_state: first + next,
            reward: 0.5 + rng.random::<f64>(),
            terminated,
        };
        vec![outcome(0, p), outcome(1, 1.0 - p)]
    };
    let table = FiniteMdp::new(n_states, n_actions, initial, row).expect("a process");
    DiscountedMdp::new(table, GAMMA).expect("a discount")
}

fn policy(seed: u64) -> SoftmaxPolicy {
    let mut rng = Stream::new(seed, "policy", 0);
    let logits = (0..SHAPE.0 * SHAPE.1 * SHAPE.2).map(|_| 2.0 * rng.random::<f64>() - 1.0).collect();
    SoftmaxPolicy::new(SHAPE.2, logits).expect("logits")
}

/// A trajectory, from its first to its last step.
#[derive(Clone, Default)]
struct Trajectory {
    probability: f64,
    states: Vec<usize>,
    actions: Vec<usize>,
    rewards: Vec<f64>,
}

/// Every trajectory with its probability.
fn trajectories(mdp: &DiscountedMdp, policy: &SoftmaxPolicy) -> Vec<Trajectory> {
    let table = policy.table();
    let begin = |(state, &p): (usize, &f64)| (state, Trajectory { probability: p, ..Trajectory::default() });
    let mut open: Vec<(usize, Trajectory)> =
        mdp.initial().iter().enumerate().filter(|(_, p)| **p > 0.0).map(begin).collect();
    let mut done = Vec::new();
    while let Some((state, trajectory)) = open.pop() {
        for (action, pi) in table.row(state).iter().enumerate() {
            for t in mdp.table().transitions(state, action) {
                let mut longer = trajectory.clone();
                longer.probability *= pi * t.probability;
                longer.states.push(state);
                longer.actions.push(action);
                longer.rewards.push(t.reward);
                if t.terminated { done.push(longer) } else { open.push((t.next_state, longer)) }
            }
        }
    }
    let total: f64 = done.iter().map(|t| t.probability).sum();
    assert!((total - 1.0).abs() < 1e-14);
    done
}

/// How a step of a trajectory is weighed.
#[derive(Clone, Copy)]
enum Weight<'a> {
    /// R(τ).
    WholeReturn,
    /// γ^t G_t.
    ToGo,
    /// G_t, without γ^t.
    ToGoUndiscounted,
    /// γ^t (G_t − b(s_t)).
    ToGoMinus(&'a [f64]),
    /// γ^t (G_t − b(s_t, a_t)), which is biased.
    ToGoMinusOfAction(&'a [f64]),
    /// γ^t A_t of GAE(γ, λ) with the critic.
    Gae(f64, &'a [f64]),
}

impl Weight<'_> {
    fn of(self, t: &Trajectory) -> Vec<f64> {
        let n = t.rewards.len();
        let mut terminated = vec![false; n];
        terminated[n - 1] = true;
        let truncated = vec![false; n];
        let episodes = Episodes::new(1, &t.rewards, &terminated, &truncated).expect("arrays that fit");
        let (mut out, mut discount) = (vec![0.0; n], vec![0.0; n]);
        discount_weights(&episodes, GAMMA, &mut [1.0], &mut discount).expect("a valid call");
        match self {
            Self::WholeReturn => whole_episode_returns(&episodes, GAMMA, &mut out).expect("a valid call"),
            Self::Gae(lambda, critic) => {
                let values: Vec<f64> = t.states.iter().map(|&s| critic[s]).collect();
                // Behind the end nothing is read.
                let next: Vec<f64> = values[1..].iter().copied().chain([f64::NAN]).collect();
                let trajectories = episodes.with_values(&values, &next).expect("arrays that fit");
                gae(&trajectories, GAMMA, lambda, &mut out).expect("a valid call");
            }
            _ => reward_to_go(&episodes, GAMMA, &mut out).expect("a valid call"),
        }
        for (i, x) in out.iter_mut().enumerate() {
            let (s, a) = (t.states[i], t.actions[i]);
            match self {
                Self::ToGoMinus(b) => *x -= b[s],
                Self::ToGoMinusOfAction(b) => *x -= b[s * SHAPE.2 + a],
                _ => {}
            }
            if !matches!(self, Self::WholeReturn | Self::ToGoUndiscounted) {
                *x *= discount[i];
            }
        }
        out
    }
}

/// The mean of Σ_t weight_t ∇log π(a_t|s_t) over all trajectories, and the sum of its components' variances.
fn moments(all: &[Trajectory], policy: &SoftmaxPolicy, weight: Weight<'_>) -> (Vec<f64>, f64) {
    let mut mean = vec![0.0; policy.logits().len()];
    let mut square = 0.0;
    for t in all {
        let mut gradient = vec![0.0; mean.len()];
        for (i, w) in weight.of(t).iter().enumerate() {
            let score = policy.score(t.states[i], t.actions[i]);
            gradient.iter_mut().zip(score).for_each(|(g, x)| *g += w * x);
        }
        mean.iter_mut().zip(&gradient).for_each(|(m, g)| *m += t.probability * g);
        square += t.probability * gradient.iter().map(|g| g * g).sum::<f64>();
    }
    let of_mean: f64 = mean.iter().map(|m| m * m).sum();
    (mean, square - of_mean)
}

/// A critic that is wrong everywhere.
fn wrong_critic(seed: u64) -> Vec<f64> {
    let mut rng = Stream::new(seed, "critic", 0);
    (0..SHAPE.0 * SHAPE.1).map(|_| 4.0 * rng.random::<f64>() - 1.0).collect()
}

/// Whole return, reward-to-go, any state baseline, and GAE(1) with any critic have the gradient for their mean.
#[test]
fn unbiased_estimates() {
    for seed in 0..20 {
        let (mdp, policy) = (layered(seed), policy(seed));
        let evaluation = mdp.evaluate(&policy.table()).expect("an evaluation");
        let exact = policy.gradient(&evaluation);
        let all = trajectories(&mdp, &policy);
        let (wrong, right) = (wrong_critic(seed), &evaluation.values);
        let unbiased = [
            Weight::WholeReturn,
            Weight::ToGo,
            Weight::ToGoMinus(&wrong),
            Weight::ToGoMinus(right),
            Weight::Gae(1.0, &wrong),
            Weight::Gae(1.0, right),
            Weight::Gae(0.5, right),
            Weight::Gae(0.0, right),
        ];
        for (i, weight) in unbiased.into_iter().enumerate() {
            let (mean, _) = moments(&all, &policy, weight);
            assert!(distance(&mean, &exact) < 1e-13, "{i}, seed {seed}: {mean:?}, not {exact:?}");
        }
    }
}

/// What is biased, and by how much more than rounding: reward-to-go without γ^t, a baseline of the action, GAE(λ < 1)
/// with a wrong critic.
#[test]
fn biased_estimates() {
    for seed in 0..20 {
        let (mdp, policy) = (layered(seed), policy(seed));
        let evaluation = mdp.evaluate(&policy.table()).expect("an evaluation");
        let exact = policy.gradient(&evaluation);
        let all = trajectories(&mdp, &policy);
        let wrong = wrong_critic(seed);
        let of_action: Vec<f64> = evaluation.action_values.iter().map(|q| 0.5 * q).collect();
        let biased = [
            Weight::ToGoUndiscounted,
            Weight::ToGoMinusOfAction(&of_action),
            Weight::Gae(0.5, &wrong),
            Weight::Gae(0.0, &wrong),
        ];
        for (i, weight) in biased.into_iter().enumerate() {
            let (mean, _) = moments(&all, &policy, weight);
            assert!(distance(&mean, &exact) > 1e-3, "{i}, seed {seed}: {mean:?} and {exact:?}");
        }
    }
}

/// Each step of the way lowers the variance here, where all rewards are positive: reward-to-go, then the baseline V. A
/// bad baseline raises it, without bias.
#[test]
fn a_baseline_lowers_the_variance() {
    for seed in 0..20 {
        let (mdp, policy) = (layered(seed), policy(seed));
        let values = mdp.evaluate(&policy.table()).expect("an evaluation").values;
        let all = trajectories(&mdp, &policy);
        let variance = |weight| moments(&all, &policy, weight).1;
        let (whole, to_go) = (variance(Weight::WholeReturn), variance(Weight::ToGo));
        let with_values = variance(Weight::ToGoMinus(&values));
        assert!(to_go < 0.9 * whole, "seed {seed}: {to_go} of {whole}");
        assert!(with_values < 0.3 * to_go, "seed {seed}: {with_values} of {to_go}");
        let bad: Vec<f64> = values.iter().map(|v| -v).collect();
        assert!(variance(Weight::ToGoMinus(&bad)) > 2.0 * to_go, "seed {seed}");
    }
}

/// For one step there is a best baseline, b = E[‖∇log π‖² r]/E[‖∇log π‖²] (Greensmith, Bartlett & Baxter 2004): no
/// number does better, and none at all does worse.
#[test]
fn the_best_baseline_of_one_step() {
    let policy = SoftmaxPolicy::new(3, vec![0.2, -0.7, 1.0]).expect("logits");
    let (table, rewards) = (policy.table(), [1.0, 3.0, 2.0]);
    let variance = |baseline: f64| {
        let mut mean = [0.0; 3];
        let mut square = 0.0;
        for (action, pi) in table.row(0).iter().enumerate() {
            for (m, x) in mean.iter_mut().zip(policy.score(0, action)) {
                let g = (rewards[action] - baseline) * x;
                *m += pi * g;
                square += pi * g * g;
            }
        }
        square - mean.iter().map(|m| m * m).sum::<f64>()
    };
    let (mut weighted, mut total) = (0.0, 0.0);
    for (action, pi) in table.row(0).iter().enumerate() {
        let norm: f64 = policy.score(0, action).iter().map(|x| x * x).sum();
        weighted += pi * norm * rewards[action];
        total += pi * norm;
    }
    let best = weighted / total;
    let value: f64 = table.row(0).iter().zip(rewards).map(|(p, r)| p * r).sum();
    for other in (0..=400).map(|i| f64::from(i) * 0.01) {
        assert!(variance(other) >= variance(best) - 1e-15);
    }
    assert!(variance(value) < 0.5 * variance(0.0), "the mean is nearly as good as the best");
    assert!(variance(value) > variance(best) + 1e-4, "and is not the best");
}
