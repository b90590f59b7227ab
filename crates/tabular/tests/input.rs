//! What is asked for wrongly: refused with a message that names the culprit and what would be right.

use gradus_tabular::{
    DiscountedMdp, Method, MonotoneImprovement, PolicyTable, SoftmaxPolicy, Solver, SolverConfig, Tables,
    TabularError,
};

/// Two states and two actions: action 0 stays, action 1 goes to the other state.
fn tables() -> Tables {
    Tables {
        n_states: 2,
        n_actions: 2,
        transitions: vec![1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0],
        rewards: vec![0.0, 1.0, 2.0, 3.0],
        initial: vec![1.0, 0.0],
        terminal: Vec::new(),
    }
}

fn mdp() -> DiscountedMdp {
    tables().discounted(0.9).expect("a process")
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, TabularError>, parts: &[&str]) {
    let message = result.expect_err("an error").to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

/// The tables with a change.
fn changed(change: impl FnOnce(&mut Tables)) -> Result<DiscountedMdp, TabularError> {
    let mut tables = tables();
    change(&mut tables);
    tables.discounted(0.9)
}

#[test]
fn tables_that_are_no_process() {
    refused(changed(|t| t.transitions[3] = 0.5), &["state 0, action 1", "sum to 0.5, not to 1"]);
    refused(
        changed(|t| (t.transitions[2], t.transitions[3]) = (-0.5, 1.5)),
        &["state 0, action 1, outcome 0", "-0.5 is not a probability"],
    );
    refused(changed(|t| t.transitions[7] = f64::NAN), &["state 1, action 1, outcome 1", "NaN"]);
    refused(changed(|t| t.transitions[4..6].fill(0.0)), &["state 1, action 0", "sum to 0"]);
    refused(changed(|t| t.rewards[2] = f64::INFINITY), &["state 1, action 0", "the reward is inf"]);
    refused(changed(|t| t.initial = vec![0.5, 0.4]), &["initial distribution sums to 0.9"]);
    refused(changed(|t| t.initial = vec![1.5, -0.5]), &["initial distribution, state 1", "-0.5"]);
    refused(changed(|t| t.n_states = 0), &["`transitions` holds 8 numbers; it must hold 0"]);
    let nothing = Tables { transitions: vec![], rewards: vec![], initial: vec![], n_states: 0, ..tables() };
    refused(nothing.discounted(0.9), &["at least one state and one action, not 0 states"]);
}

#[test]
fn tables_of_the_wrong_size() {
    refused(
        changed(|t| t.transitions.truncate(7)),
        &["`transitions` holds 7", "8, [states, actions, states]"],
    );
    refused(changed(|t| t.rewards.truncate(3)), &["`rewards` holds 3", "4, [states, actions] of 2 states"]);
    refused(changed(|t| t.terminal = vec![true]), &["`terminal` holds 1", "must hold 2"]);
    refused(changed(|t| t.initial.push(0.0)), &["initial distribution has 3 probabilities for 2 states"]);
    refused(changed(|t| t.n_actions = usize::MAX), &["`transitions` holds 8"]);
}

#[test]
fn discounts() {
    for gamma in [1.0, 1.5, -0.1, f64::NAN, f64::INFINITY] {
        refused(tables().discounted(gamma), &[&format!("gamma is {gamma}"), "[0, 1)"]);
    }
    assert!(tables().discounted(0.0).is_ok() && tables().discounted(1.0 - 1e-12).is_ok());
}

#[test]
fn policies() {
    refused(PolicyTable::new(2, vec![0.5, 0.6]), &["policy, state 0", "sum to 1.1, not to 1"]);
    refused(PolicyTable::new(2, vec![1.0, 0.0, 1.5, -0.5]), &["policy, state 1, action 1: -0.5"]);
    refused(PolicyTable::new(2, vec![f64::NAN, 0.5]), &["policy, state 0, action 0: NaN"]);
    refused(PolicyTable::new(2, vec![1.0, 0.0, 1.0]), &["`policy` holds 3", "rows of 2 actions"]);
    for empty in [PolicyTable::new(2, vec![]), PolicyTable::new(0, vec![]), PolicyTable::new(0, vec![1.0])] {
        refused(empty, &["at least one state and one action"]);
    }
    refused(PolicyTable::deterministic(0, &[0]), &["at least one state and one action"]);
    refused(SoftmaxPolicy::new(0, vec![1.0]), &["at least one state and one action"]);
    refused(PolicyTable::deterministic(2, &[0, 2]), &["state 1: there is no action 2, the last one is 1"]);
    refused(SoftmaxPolicy::new(2, vec![0.0; 3]), &["`logits` holds 3", "rows of 2 actions"]);
    refused(
        SoftmaxPolicy::new(2, vec![0.0, 0.0, 0.0, f64::NAN]),
        &["logits, state 1, action 1: NaN is not finite"],
    );
    // As many numbers, in another shape.
    let other = PolicyTable::uniform(1, 4);
    refused(mdp().evaluate(&other), &["policy", "[states, actions] of 2 states and 2 actions"]);
    refused(mdp().evaluate(&PolicyTable::uniform(3, 2)), &["`policy` holds 6", "must hold 4"]);
    for method in Method::ALL {
        let solver = Solver::from_policy(&mdp(), method, SolverConfig::new(), other.clone()).map(|_| ());
        refused(solver, &["policy", "[states, actions] of 2 states and 2 actions"]);
    }
}

#[test]
fn algorithm_1_needs_every_action() {
    let policy = PolicyTable::new(2, vec![0.5, 0.5, 1.0, 0.0]).expect("a policy");
    refused(
        MonotoneImprovement::new(&mdp(), policy),
        &["state 1, action 1: the probability is 0", "takes every action"],
    );
}

#[test]
fn values_that_overflow() {
    let huge = changed(|t| t.rewards = vec![0.0, 0.0, 0.0, 1e308]).expect("finite rewards");
    let stay_and_go = PolicyTable::deterministic(2, &[1, 1]).expect("a policy");
    refused(huge.evaluate(&stay_and_go), &["the value of state", "not finite", "rewards are too large"]);
    refused(Solver::new(&huge, Method::Monotone, SolverConfig::new()).map(|_| ()), &["not finite"]);
}

#[test]
fn settings_and_names() {
    for tolerance in [-1.0, f64::NAN, f64::INFINITY] {
        refused(SolverConfig::new().with_tolerance(tolerance), &["tolerance is", "at least 0"]);
    }
    refused("q-learning".parse::<Method>(), &["\"q-learning\"", "policy-iteration", "cpi", "monotone"]);
    for method in Method::ALL {
        assert_eq!(method.to_string().parse(), Ok(method));
    }
}

/// A state that is left out of every episode, and one that is never left: both have their values, and are named.
#[test]
fn absorbing_and_unreachable_states() {
    let tables = Tables {
        n_states: 3,
        n_actions: 1,
        // 0 → 1, 1 stays for ever at a reward of 1, 2 leads to 0 and is reached from nowhere.
        transitions: vec![0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0],
        rewards: vec![0.0, 1.0, 4.0],
        initial: vec![1.0, 0.0, 0.0],
        terminal: Vec::new(),
    };
    let mdp = tables.discounted(0.5).expect("a process");
    assert_eq!(mdp.reachable(), [true, true, false]);
    assert_eq!(mdp.absorbing(), [false, true, false]);
    let evaluation = mdp.evaluate(&mdp.uniform_policy()).expect("an evaluation");
    let close = |found: &[f64], expected: [f64; 3]| {
        found.iter().zip(expected).for_each(|(x, y)| assert!((x - y).abs() < 1e-14, "{found:?}"));
    };
    close(&evaluation.values, [1.0, 2.0, 4.5]);
    close(&evaluation.visitation, [1.0, 1.0, 0.0]);
    // With the second state marked, its rewards are gone, and the episode is one step long.
    let ending = Tables { terminal: vec![false, true, false], ..tables }.discounted(0.5).expect("a process");
    assert_eq!(ending.absorbing(), [false; 3]);
    let evaluation = ending.evaluate(&ending.uniform_policy()).expect("an evaluation");
    close(&evaluation.values, [0.0, 0.0, 4.0]);
    close(&evaluation.visitation, [1.0, 0.0, 0.0]);
}

/// Rewards of outcomes count with their probabilities: r(s, a, s′), not r(s, a) alone.
#[test]
fn rewards_of_the_next_state() {
    let tables = Tables {
        n_states: 2,
        n_actions: 1,
        transitions: vec![0.25, 0.75, 0.0, 1.0],
        rewards: vec![4.0, 8.0, 0.0, -1.0],
        initial: vec![1.0, 0.0],
        terminal: Vec::new(),
    };
    let mdp = tables.discounted(0.0).expect("a process");
    let evaluation = mdp.evaluate(&mdp.uniform_policy()).expect("an evaluation");
    assert!((evaluation.eta - 7.0).abs() < 1e-15, "{}", evaluation.eta);
    let text = serde_json::to_string(&tables).expect("JSON");
    assert_eq!(serde_json::from_str::<Tables>(&text).expect("tables"), tables);
}
