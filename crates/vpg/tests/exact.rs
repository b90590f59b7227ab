//! The estimates on a task whose every trajectory can be listed: their expectation is the exact gradient of the return,
//! with any baseline, and their variance is what the listing says.

mod common;

use common::{assert_near, distance, finite_difference};
use gradus_advantage::{Episodes, discount_weights, reward_to_go, whole_episode_returns};
use gradus_core_math::Distribution;
use gradus_policy::Batch;
use gradus_vpg::{Average, LossConfig, loss_and_cotangent};

/// Two states, two actions, three steps. Rewards depend on the action and on the next state.
const STEPS: usize = 3;
const STATES: usize = 2;
const ACTIONS: usize = 2;
/// P(next state is 1 | state, action).
const TO_ONE: [[f64; ACTIONS]; STATES] = [[0.2, 0.7], [0.5, 0.9]];
const REWARDS: [[[f64; STATES]; ACTIONS]; STATES] = [[[1.0, 3.0], [0.5, 2.0]], [[4.0, -1.0], [0.0, 1.5]]];
/// The first state is 0 with this probability.
const START: f64 = 0.6;
const FAMILY: Distribution = Distribution::Categorical { n: ACTIONS };

/// Logits of each state: the parameters of the policy.
type Theta = [f64; STATES * ACTIONS];
const THETA: Theta = [0.3, -0.4, 0.1, 0.9];

fn logits(theta: &[f64], state: usize) -> &[f64] {
    &theta[state * ACTIONS..][..ACTIONS]
}

#[derive(Clone, Debug)]
struct Trajectory {
    probability: f64,
    states: Vec<usize>,
    actions: Vec<f64>,
    rewards: Vec<f64>,
}

/// All trajectories of the policy θ with their probabilities.
fn trajectories(theta: &[f64]) -> Vec<Trajectory> {
    let start = |state: usize, probability: f64| {
        (state, Trajectory { probability, states: vec![], actions: vec![], rewards: vec![] })
    };
    let mut open = vec![start(0, START), start(1, 1.0 - START)];
    for _ in 0..STEPS {
        open = open.iter().flat_map(|(state, so_far)| branches(theta, *state, so_far)).collect();
    }
    open.into_iter().map(|(_, trajectory)| trajectory).collect()
}

fn branches(theta: &[f64], state: usize, so_far: &Trajectory) -> Vec<(usize, Trajectory)> {
    let mut all = Vec::new();
    for action in 0..ACTIONS {
        for (next, &reward) in REWARDS[state][action].iter().enumerate() {
            let to_one = TO_ONE[state][action];
            let of_next = if next == 1 { to_one } else { 1.0 - to_one };
            let of_action = FAMILY.log_prob(logits(theta, state), None, &[action as f64]).exp();
            let mut longer = so_far.clone();
            longer.probability *= of_action * of_next;
            longer.states.push(state);
            longer.actions.push(action as f64);
            longer.rewards.push(reward);
            all.push((next, longer));
        }
    }
    all
}

fn discounted(rewards: &[f64], gamma: f64) -> f64 {
    rewards.iter().rev().fold(0.0, |later, r| r + gamma * later)
}

/// η(θ) = E[Σ γ^t r_t].
fn expected_return(theta: &[f64], gamma: f64) -> f64 {
    trajectories(theta).iter().map(|t| t.probability * discounted(&t.rewards, gamma)).sum()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Psi {
    WholeReturn,
    RewardToGo,
}

/// The estimate from one trajectory, by the library's returns, weights and loss: (1/1) Σ_t w_t (Ψ_t − b) ∇log π.
fn estimate(one: &Trajectory, gamma: f64, psi: Psi, weighted: bool, baseline: [f64; STATES]) -> Vec<f64> {
    let ends: Vec<bool> = (0..STEPS).map(|t| t == STEPS - 1).collect();
    let episodes = Episodes::new(1, &one.rewards, &ends, &[false; STEPS]).expect("arrays that fit");
    let (mut returns, mut weights, mut carry) = ([0.0; STEPS], [0.0; STEPS], [1.0]);
    match psi {
        Psi::WholeReturn => whole_episode_returns(&episodes, gamma, &mut returns),
        Psi::RewardToGo => reward_to_go(&episodes, gamma, &mut returns),
    }
    .expect("a valid discount");
    discount_weights(&episodes, gamma, &mut carry, &mut weights).expect("a valid discount");
    returns.iter_mut().zip(&one.states).for_each(|(psi, &state)| *psi -= baseline[state]);

    let zeros = [0.0; STEPS];
    let batch = Batch {
        actions: &one.actions,
        log_probs: &zeros,
        values: &zeros,
        advantages: &returns,
        value_targets: &zeros,
        weights: if weighted { &weights } else { &[] },
        episode_returns: &[0.0],
        ..Batch::default()
    };
    let outputs: Vec<f64> = one.states.iter().flat_map(|&state| logits(&THETA, state).to_vec()).collect();
    let mut cotangent = vec![0.0; outputs.len()];
    let config = LossConfig { average: Average::Episodes, entropy_coef: 0.0, value_coef: 0.0 };
    loss_and_cotangent(&config, &FAMILY, &batch, &returns, &outputs, &mut cotangent).expect("an episode");
    let mut gradient = vec![0.0; THETA.len()];
    for (row, &state) in cotangent.chunks(ACTIONS).zip(&one.states) {
        for (action, c) in row.iter().enumerate() {
            gradient[state * ACTIONS + action] -= c;
        }
    }
    gradient
}

/// Expectation and total variance of the estimate.
fn moments(gamma: f64, psi: Psi, weighted: bool, baseline: [f64; STATES]) -> (Vec<f64>, f64) {
    let (mut mean, mut second) = (vec![0.0; THETA.len()], 0.0);
    for one in trajectories(&THETA) {
        let found = estimate(&one, gamma, psi, weighted, baseline);
        mean.iter_mut().zip(&found).for_each(|(mean, g)| *mean += one.probability * g);
        second += one.probability * found.iter().map(|g| g * g).sum::<f64>();
    }
    let square: f64 = mean.iter().map(|m| m * m).sum();
    (mean, second - square)
}

fn exact(gamma: f64) -> Vec<f64> {
    finite_difference(&THETA, |theta| expected_return(theta, gamma))
}

const NO_BASELINE: [f64; STATES] = [0.0; STATES];

#[test]
fn whole_return_and_reward_to_go_are_unbiased() {
    let total: f64 = trajectories(&THETA).iter().map(|t| t.probability).sum();
    assert!((total - 1.0).abs() < 1e-14);
    for gamma in [1.0, 0.8] {
        let whole = moments(gamma, Psi::WholeReturn, false, NO_BASELINE);
        assert_near("R(τ)", &whole.0, &exact(gamma), 1e-8);
        let to_go = moments(gamma, Psi::RewardToGo, true, NO_BASELINE);
        assert_near("γ^t G_t", &to_go.0, &exact(gamma), 1e-8);
        assert!(to_go.1 < 0.7 * whole.1, "rewards of the past are noise: {} {}", to_go.1, whole.1);
    }
    // Without discount the weights are 1.
    assert_near("G_t", &moments(1.0, Psi::RewardToGo, false, NO_BASELINE).0, &exact(1.0), 1e-8);
}

/// Practice drops γ^t: for γ < 1 it then follows another direction than ∇η. A whole return that is weighted is wrong
/// as well.
#[test]
fn for_a_discount_only_the_weighted_reward_to_go_is_unbiased() {
    let exact = exact(0.8);
    let unweighted = moments(0.8, Psi::RewardToGo, false, NO_BASELINE).0;
    assert!(distance(&unweighted, &exact) > 5e-3, "{unweighted:?} {exact:?}");
    assert!(distance(&moments(0.8, Psi::WholeReturn, true, NO_BASELINE).0, &exact) > 5e-3);
}

/// A baseline of the state, any at all, leaves the expectation alone; a good one lowers the variance, a bad one does
/// not.
#[test]
fn a_baseline_adds_no_bias() {
    let gamma = 0.8;
    let mean_return = expected_return(&THETA, gamma);
    let plain = moments(gamma, Psi::WholeReturn, false, NO_BASELINE);
    for (baseline, better) in [([mean_return; 2], true), ([100.0, -70.0], false)] {
        for (psi, weighted) in [(Psi::WholeReturn, false), (Psi::RewardToGo, true)] {
            let with = moments(gamma, psi, weighted, baseline);
            assert_near(&format!("{psi:?} − {baseline:?}"), &with.0, &exact(gamma), 1e-8);
            if psi == Psi::WholeReturn {
                assert_eq!(with.1 < 0.7 * plain.1, better, "{} {}", with.1, plain.1);
            }
        }
    }
    // A slip: a baseline that depends on the action, here through the probability weight of both.
    let slip = |one: &Trajectory| {
        let of_actions: f64 = one.actions.iter().sum();
        estimate(one, gamma, Psi::WholeReturn, false, [of_actions; 2])
    };
    let mut mean = vec![0.0; THETA.len()];
    for one in trajectories(&THETA) {
        mean.iter_mut().zip(slip(&one)).for_each(|(mean, g)| *mean += one.probability * g);
    }
    assert!(distance(&mean, &exact(gamma)) > 0.1);
}

/// The score has mean zero.
#[test]
fn the_score_has_mean_zero() {
    let mut mean = vec![0.0; THETA.len()];
    for one in trajectories(&THETA) {
        // Ψ − b = −1 with no rewards.
        let silent = Trajectory { rewards: vec![0.0; STEPS], ..one.clone() };
        let score = estimate(&silent, 1.0, Psi::RewardToGo, false, [-1.0; 2]);
        assert!(distance(&score, &vec![0.0; THETA.len()]) > 1e-3);
        mean.iter_mut().zip(score).for_each(|(mean, g)| *mean += one.probability * g);
    }
    assert_near("E[∇log π]", &mean, &vec![0.0; THETA.len()], 1e-14);
}
