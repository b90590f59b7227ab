//! The performance difference, the surrogate's first order, and the policy improvement theorem.

use gradus_tabular::bounds::{policy_advantage, surrogate};
use gradus_tabular::{DiscountedMdp, Evaluation, PolicyTable, SoftmaxPolicy};
use proptest::prelude::*;

use crate::common::{Case, cases};

/// Σ_s ρ(s) Σ_a π′(a|s) A(s, a), with any ρ.
fn weighted(rho: &[f64], new: &PolicyTable, old: &Evaluation) -> f64 {
    let states = rho.iter().zip(new.rows()).zip(old.advantage_rows());
    states.map(|((rho, pi), a)| rho * pi.iter().zip(a).map(|(p, a)| p * a).sum::<f64>()).sum()
}

fn evaluate(mdp: &DiscountedMdp, policy: &PolicyTable) -> Evaluation {
    mdp.evaluate(policy).expect("an evaluation")
}

/// A case whose wrong variants are well away from the truth.
fn example() -> Case {
    let garnet = gradus_tabular::Garnet { n_states: 5, n_actions: 3, branching: 2, termination: 0.05 };
    Case { seed: 11, garnet, gamma: 0.9 }
}

proptest! {
    /// η(π′) − η(π) = Σ_s ρ_π′(s) Σ_a π′(a|s) A_π(s, a) (Kakade & Langford 2002, lemma 6.1).
    #[test]
    fn performance_difference(case in cases(6, 0.95), scale in 0.1..4.0_f64) {
        let mdp = case.mdp();
        for new in [case.policy("new", scale), case.certain_policy("new")] {
            let (old, new_evaluation) = (evaluate(&mdp, &case.policy("old", scale)), evaluate(&mdp, &new));
            let difference = new_evaluation.eta - old.eta;
            let by_identity = weighted(&new_evaluation.visitation, &new, &old);
            let tolerance = 1e-12 / (1.0 - mdp.gamma()).powi(2);
            prop_assert!((difference - by_identity).abs() < tolerance, "{difference} and {by_identity}");
        }
    }

    /// A greedy policy is nowhere worse, and neither is one that changes in some states only.
    #[test]
    fn policy_improvement(case in cases(6, 0.95), chosen in any::<u8>()) {
        let (mdp, old) = (case.mdp(), case.policy("old", 3.0));
        let before = evaluate(&mdp, &old);
        let greedy = PolicyTable::greedy(mdp.n_actions(), &before.action_values);
        let rows = old.rows().zip(greedy.rows()).enumerate();
        let some = rows.flat_map(|(s, (old, new))| if chosen >> s & 1 == 1 { new } else { old }).copied();
        let partly = PolicyTable::new(mdp.n_actions(), some.collect()).expect("a policy");
        for new in [greedy, partly] {
            let after = evaluate(&mdp, &new);
            for (new, old) in after.values.iter().zip(&before.values) {
                prop_assert!(*new >= old - 1e-12 / (1.0 - mdp.gamma()), "{new} is less than {old}");
            }
        }
    }

    /// L and η have the same value and the same gradient at π_old (Schulman et al. 2015, equation 4), by differences in
    /// the logits of a softmax policy.
    #[test]
    fn the_surrogate_is_right_to_first_order(case in cases(4, 0.9), scale in 0.1..2.0_f64) {
        let mdp = case.mdp();
        let logits = case.numbers("logits", scale);
        let at = |logits: Vec<f64>| SoftmaxPolicy::new(mdp.n_actions(), logits).expect("logits").table();
        let old = evaluate(&mdp, &at(logits.clone()));
        prop_assert!((surrogate(&old, &at(logits.clone())) - old.eta).abs() < 1e-12 / (1.0 - mdp.gamma()));
        let step = 1e-5;
        for i in 0..logits.len() {
            let moved = |by: f64| {
                let mut logits = logits.clone();
                logits[i] += by;
                at(logits)
            };
            let slope = |f: &dyn Fn(&PolicyTable) -> f64| (f(&moved(step)) - f(&moved(-step))) / (2.0 * step);
            let of_eta = slope(&|policy| evaluate(&mdp, policy).eta);
            let of_surrogate = slope(&|policy| surrogate(&old, policy));
            let tolerance = 1e-8 / (1.0 - mdp.gamma()).powi(2);
            prop_assert!((of_eta - of_surrogate).abs() < tolerance, "{of_eta} and {of_surrogate}");
        }
    }
}

/// With the visits of the old policy the identity is the surrogate, and with visits that sum to one it is neither.
#[test]
fn the_identity_needs_the_visits_of_the_new_policy() {
    let case = example();
    let mdp = case.mdp();
    let (old, new) = (case.policy("old", 1.0), case.policy("new", 3.0));
    let (before, after) = (evaluate(&mdp, &old), evaluate(&mdp, &new));
    let difference = after.eta - before.eta;
    assert!((weighted(&after.visitation, &new, &before) - difference).abs() < 1e-12);
    assert!((weighted(&before.visitation, &new, &before) - difference).abs() > 1e-2);
    let normalised: Vec<f64> = after.visitation.iter().map(|rho| rho * 0.1).collect();
    assert!((weighted(&normalised, &new, &before) - difference).abs() > 1e-2);
    // And the advantages of the new one give the difference with the other sign, from the old one's side.
    assert!((weighted(&before.visitation, &old, &after) + difference).abs() < 1e-12);
}

/// Away from π_old the surrogate errs in second order: halving the way divides its error by four.
#[test]
fn the_surrogate_errs_in_second_order() {
    let case = example();
    let (mdp, old, new) = (case.mdp(), case.policy("old", 1.0), case.policy("new", 3.0));
    let before = evaluate(&mdp, &old);
    let error = |share: f64| {
        let mixture = old.mixed_with(&new, share);
        evaluate(&mdp, &mixture).eta - surrogate(&before, &mixture)
    };
    let ratio = error(1e-3) / error(5e-4);
    assert!((ratio - 4.0).abs() < 0.01, "{ratio}");
    // Of a surrogate with visits that sum to one even the first order is wrong.
    let wrong = |share: f64| {
        let mixture = old.mixed_with(&new, share);
        evaluate(&mdp, &mixture).eta - before.eta - (1.0 - mdp.gamma()) * policy_advantage(&before, &mixture)
    };
    let ratio = wrong(1e-3) / wrong(5e-4);
    assert!((ratio - 2.0).abs() < 0.01, "{ratio}");
}

/// To be greedy in the reward, or in the advantage with the wrong sign, makes some state worse.
#[test]
fn wrong_improvements_are_found_out() {
    let mut worse = [0; 2];
    for seed in 0..50 {
        let case = Case { seed, ..example() };
        let (mdp, old) = (case.mdp(), case.policy("old", 1.0));
        let before = evaluate(&mdp, &old);
        let negative: Vec<f64> = before.action_values.iter().map(|q| -q).collect();
        for (count, scores) in worse.iter_mut().zip([mdp.rewards(), &negative]) {
            let after = evaluate(&mdp, &PolicyTable::greedy(mdp.n_actions(), scores));
            let falls = after.values.iter().zip(&before.values).any(|(new, old)| *new < old - 1e-6);
            *count += u32::from(falls);
        }
    }
    assert!(worse[0] >= 3 && worse[1] > 40, "{worse:?}");
}
