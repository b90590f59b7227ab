//! Lower bounds on what a new policy is worth.

use gradus_tabular::bounds::{
    PenaltyFactors, max_abs_advantage, max_abs_policy_advantage, max_kl_old_new, max_total_variation,
    mixture_bound, mixture_weight, policy_advantage, surrogate,
};
use gradus_tabular::{DiscountedMdp, PolicyTable, Tables};
use proptest::prelude::*;

use crate::common::cases;

/// How far the surrogate is above η, and what the penalties are, all for one pair of policies.
struct Gap {
    /// L_π(π′) − η(π′), of which the penalties are upper bounds.
    excess: f64,
    factors: PenaltyFactors,
    /// max D_TV².
    alpha_squared: f64,
    kl: f64,
}

impl Gap {
    fn of(mdp: &DiscountedMdp, old: &PolicyTable, new: &PolicyTable) -> Self {
        let evaluation = mdp.evaluate(old).expect("an evaluation");
        let eta = mdp.evaluate(new).expect("an evaluation").eta;
        Self {
            excess: surrogate(&evaluation, new) - eta,
            factors: PenaltyFactors::new(max_abs_advantage(&evaluation), mdp.gamma()),
            alpha_squared: max_total_variation(old, new).powi(2),
            kl: max_kl_old_new(old, new),
        }
    }

    /// From tight to loose, by factor · divergence: 4εγ α², 2εγ KL, 4εγ KL, each over (1−γ)².
    fn penalties(&self) -> [f64; 3] {
        let Self { factors, alpha_squared, kl, .. } = self;
        [factors.total_variation * alpha_squared, factors.kl_pinsker * kl, factors.kl * kl]
    }

    /// The one without γ, 4ε α²/(1−γ)².
    fn loose(&self) -> f64 {
        self.factors.total_variation_loose * self.alpha_squared
    }
}

proptest! {
    /// All of them hold, in both directions (|η − L| is what the proof bounds), in their order.
    #[test]
    fn penalties_hold_in_their_order(case in cases(6, 0.98), scale in 0.01..5.0_f64, certain in any::<bool>()) {
        let (mdp, old) = (case.mdp(), case.policy("old", scale));
        let new = if certain { case.certain_policy("new") } else { case.policy("new", scale) };
        let gap = Gap::of(&mdp, &old, &new);
        let rounding = 1e-13 / (1.0 - mdp.gamma()).powi(2);
        let [tv, pinsker, kl] = gap.penalties();
        prop_assert!(gap.excess.abs() <= tv + rounding, "{} and {tv}", gap.excess);
        prop_assert!(tv <= pinsker * (1.0 + 1e-12) && pinsker <= kl, "{tv} {pinsker} {kl}");
        prop_assert!(tv <= gap.loose(), "{tv} {}", gap.loose());
    }

    /// η((1−α)π + απ′) − η(π) ≥ α 𝔸 − 2εγ/(1−γ)² α², whatever π′ is.
    #[test]
    fn the_bound_on_mixtures_holds(case in cases(6, 0.98), alpha in 0.0..=1.0_f64, certain in any::<bool>()) {
        let (mdp, old) = (case.mdp(), case.policy("old", 3.0));
        let other = if certain { case.certain_policy("new") } else { case.policy("new", 3.0) };
        let before = mdp.evaluate(&old).expect("an evaluation");
        let eta = mdp.evaluate(&old.mixed_with(&other, alpha)).expect("an evaluation").eta;
        let (advantage, epsilon) = (policy_advantage(&before, &other), max_abs_policy_advantage(&before, &other));
        let bound = mixture_bound(advantage, epsilon, mdp.gamma(), alpha);
        let rounding = 1e-12 / (1.0 - mdp.gamma());
        prop_assert!(eta - before.eta >= bound - rounding, "{} and {bound}", eta - before.eta);
    }
}

/// A process of one choice with a consequence: from state 0, action 0 leads to state 1 and action 1 to state 2. There,
/// action 0 gives 1 and action 1 gives −1, for one step. Under the uniform policy all values are zero, and A = r.
fn fork(gamma: f64) -> DiscountedMdp {
    let mut transitions = vec![0.0; 4 * 2 * 4];
    for (cell, next) in [(0, 1), (1, 2), (2, 3), (3, 3), (4, 3), (5, 3)] {
        transitions[cell * 4 + next] = 1.0;
    }
    let tables = Tables {
        n_states: 4,
        n_actions: 2,
        transitions,
        rewards: vec![0.0, 0.0, 1.0, -1.0, 1.0, -1.0, 0.0, 0.0],
        initial: vec![1.0, 0.0, 0.0, 0.0],
        terminal: vec![false, false, false, true],
    };
    tables.discounted(gamma).expect("a process")
}

/// State 0 is left for state 1 by action 1 only, for ever; action 1 is rare and has the advantage 1. In state 1 action 0
/// gives 1 and action 1 gives −1. Under the policy of [`rarely`] all values are zero.
fn trap(gamma: f64, rare: f64) -> DiscountedMdp {
    let tables = Tables {
        n_states: 2,
        n_actions: 2,
        transitions: vec![1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0],
        rewards: vec![-rare / (1.0 - rare), 1.0, 1.0, -1.0],
        initial: vec![1.0, 0.0],
        terminal: Vec::new(),
    };
    tables.discounted(gamma).expect("a process")
}

fn rarely(rare: f64, of_bad: f64) -> PolicyTable {
    PolicyTable::new(2, vec![1.0 - rare, rare, 1.0 - of_bad, of_bad]).expect("a policy")
}

/// The fork nearly attains the bound as γ → 0: L − η = 4εγ α² without the 1/(1−γ)². Half the factor is too little, so
/// that a C without its 4, which is a quarter, is no bound; nor is it on the KL, which is 2α² there.
#[test]
fn the_fork_needs_the_four() {
    let (gamma, alpha) = (0.1, 0.1);
    let old = PolicyTable::uniform(4, 2);
    let tilted = [0.5 + alpha, 0.5 - alpha, 0.5 - alpha, 0.5 + alpha, 0.5 + alpha, 0.5 - alpha, 0.5, 0.5];
    let new = PolicyTable::new(2, tilted.to_vec()).expect("a policy");
    let gap = Gap::of(&fork(gamma), &old, &new);
    assert!((gap.excess - 4.0 * gamma * alpha * alpha).abs() < 1e-15, "{}", gap.excess);
    let [tv, pinsker, kl] = gap.penalties();
    assert!(gap.excess <= tv && tv <= pinsker && pinsker <= kl);
    assert!(gap.excess > 0.5 * tv, "the bound on α² without half its factor");
    assert!(gap.excess > 0.5 * pinsker, "Pinsker's without half its factor");
    assert!(gap.excess > 0.25 * kl * 1.5, "C without the 4");
}

/// In the trap every further step can go astray: a single 1/(1−γ), as in a bound for a ρ that sums to one, is too little.
#[test]
fn the_trap_needs_the_square() {
    let (gamma, rare, alpha) = (0.9, 1e-3, 1e-2);
    let gap = Gap::of(&trap(gamma, rare), &rarely(rare, 0.5), &rarely(rare + alpha, 0.5 + alpha));
    let [tv, ..] = gap.penalties();
    assert!(gap.excess <= tv && gap.excess > 0.5 * tv, "{} and {tv}", gap.excess);
    assert!(gap.excess > 2.0 * (1.0 - gamma) * tv);
}

/// Where γ > ½, the bound without its γ, 4ε α²/(1−γ)², is tighter than C · KL, and where the KL is about 2α² and γ small,
/// it is looser: the two have no order.
#[test]
fn the_loose_factor_has_no_place_among_those_on_the_kl() {
    let compare = |gamma: f64| {
        let (old, new) = (rarely(0.4, 0.5), rarely(0.45, 0.55));
        let gap = Gap::of(&trap(gamma, 0.4), &old, &new);
        gap.loose() - gap.penalties()[2]
    };
    assert!(compare(0.9) < 0.0 && compare(0.1) > 0.0);
}

/// The bound on mixtures is attained by the fork as γ → 0, from the policy that always takes action 1 towards the one
/// that always takes action 0 and then what is worst there: a factor of 1 in place of 2 is too little.
#[test]
fn the_bound_on_mixtures_needs_the_two() {
    let (gamma, alpha) = (0.1, 0.2);
    let mdp = fork(gamma);
    let old = PolicyTable::new(2, vec![0.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]).expect("a policy");
    let other = PolicyTable::deterministic(2, &[0, 1, 0, 0]).expect("a policy");
    let before = mdp.evaluate(&old).expect("an evaluation");
    let (advantage, epsilon) = (policy_advantage(&before, &other), max_abs_policy_advantage(&before, &other));
    let gain = mdp.evaluate(&old.mixed_with(&other, alpha)).expect("an evaluation").eta - before.eta;
    assert!((gain - gamma * (alpha - 2.0 * alpha * alpha)).abs() < 1e-15, "{gain}");
    assert!(gain >= mixture_bound(advantage, epsilon, gamma, alpha));
    let penalty = alpha * advantage - mixture_bound(advantage, epsilon, gamma, alpha);
    assert!(gain < alpha * advantage - 0.5 * penalty, "half the penalty");
}

/// A step that the right weight makes safe, and the textbook's (1−γ)𝔸/(4R) with a 𝔸 that is not normalised does not: it
/// makes the policy worse.
#[test]
fn the_weight_for_a_normalised_advantage_is_too_great() {
    let gamma = 0.9;
    // Action 1 of state 0 is never taken and has the advantage ½; state 1 is as in the trap.
    let tables = Tables {
        n_states: 2,
        n_actions: 2,
        transitions: vec![1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0],
        rewards: vec![0.0, 0.5, 1.0, -1.0],
        initial: vec![1.0, 0.0],
        terminal: Vec::new(),
    };
    let mdp = tables.discounted(gamma).expect("a process");
    let (old, other) = (rarely(0.0, 0.5), rarely(1.0, 1.0));
    let before = mdp.evaluate(&old).expect("an evaluation");
    let (advantage, epsilon) = (policy_advantage(&before, &other), max_abs_policy_advantage(&before, &other));
    let gain =
        |alpha: f64| mdp.evaluate(&old.mixed_with(&other, alpha)).expect("an evaluation").eta - before.eta;
    let right = mixture_weight(advantage, epsilon, gamma);
    let certified = mixture_bound(advantage, epsilon, gamma, right);
    assert!(certified > 0.0 && gain(right) >= certified);
    let greatest_reward = 1.0;
    let textbook = (1.0 - gamma) * advantage / (4.0 * greatest_reward);
    assert!(textbook > 5.0 * right && gain(textbook) < -0.1, "{textbook}: {}", gain(textbook));
    assert!(mixture_bound(advantage, epsilon, gamma, textbook) < 0.0);
}

/// The weight maximises the bound over [0, 1].
#[test]
fn the_weight_is_the_best() {
    for (advantage, epsilon, gamma) in [(1.0, 0.5, 0.9), (0.01, 1.0, 0.5), (3.0, 0.1, 0.3), (2.0, 1.0, 0.0)] {
        let bound = |alpha: f64| mixture_bound(advantage, epsilon, gamma, alpha);
        let best = mixture_weight(advantage, epsilon, gamma);
        for i in 0..=1000 {
            assert!(bound(f64::from(i) * 1e-3) <= bound(best) + 1e-15);
        }
    }
    assert!(mixture_weight(-1.0, 1.0, 0.9).abs() < 1e-300, "nothing to gain");
    assert!(mixture_weight(0.0, 0.0, 0.0).abs() < 1e-300, "nothing at all");
}
