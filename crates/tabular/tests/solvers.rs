//! The four methods on their way: what they certify holds, nothing falls, and the optimum is reached.

mod common;

use common::{Case, cases, distance, rounding, task};
use gradus_tabular::bounds::{
    PenaltyFactors, max_abs_advantage, max_kl_old_new, mixture_bound, policy_advantage,
};
use gradus_tabular::{
    Detail, DiscountedMdp, Garnet, Iteration, Method, PolicyTable, Solver, SolverConfig, Stop, Tables,
    penalized_maximum,
};
use proptest::prelude::*;

/// How near "the optimum" is.
const NEAR: f64 = 1e-6;

fn config(max_iterations: usize) -> SolverConfig {
    SolverConfig::new().with_max_iterations(max_iterations)
}

/// Runs a method and holds every iteration to what it promises. Returns the iterations.
fn run(mdp: &DiscountedMdp, method: Method, config: SolverConfig) -> Vec<Iteration<Detail>> {
    let mut solver = Solver::new(mdp, method, config).expect("a solver");
    let mut eta = solver.evaluation().eta;
    let optimal_eta = solver.optimal_eta();
    let mut done = Vec::new();
    for iteration in &mut solver {
        let it = iteration.expect("an iteration");
        let tolerance = rounding(it.eta.abs().max(optimal_eta.abs()));
        let at = || format!("{method}, iteration {}: {it:?}", it.index);
        assert_eq!(it.index, done.len() + 1);
        assert!((it.improvement - (it.eta - eta)).abs() < 1e-300, "{}", at());
        assert!(it.improvement >= it.certified - tolerance, "less than certified: {}", at());
        if method != Method::ValueIteration {
            assert!(it.improvement >= -tolerance, "η falls: {}", at());
            assert!(it.certified >= -tolerance, "nothing is certified: {}", at());
        }
        assert!((it.gap - (optimal_eta - it.eta)).abs() < 1e-300 && it.gap >= -tolerance, "{}", at());
        assert!(it.gap <= it.gap_bound + tolerance, "the gap's bound: {}", at());
        check_detail(mdp, &it, tolerance);
        eta = it.eta;
        done.push(it);
    }
    assert!(solver.stopped().is_some() && (solver.evaluation().eta - eta).abs() < 1e-300);
    done
}

fn check_detail(mdp: &DiscountedMdp, it: &Iteration<Detail>, tolerance: f64) {
    let gamma = mdp.gamma();
    match it.detail {
        Detail::ValueIteration(info) => {
            let optimal_eta = it.eta + it.gap;
            assert!(info.lower <= it.eta + tolerance && optimal_eta <= info.upper + tolerance, "{it:?}");
        }
        Detail::PolicyIteration(info) => {
            assert!(info.least_value_gain >= -tolerance, "policy improvement: {it:?}");
        }
        Detail::Conservative(info) => {
            let (advantage, epsilon, alpha) = (info.policy_advantage, info.epsilon, info.alpha);
            assert_eq!(it.step_size.to_bits(), alpha.to_bits());
            // The closed form of the certificate, and that no other weight certifies more.
            if alpha < 1.0 && alpha > 0.0 {
                let gain = advantage.powi(2) * (1.0 - gamma).powi(2) / (8.0 * epsilon * gamma);
                assert!((it.certified - gain).abs() <= 1e-12 * gain, "{it:?}");
            }
            for other in [0.5 * alpha, 0.99 * alpha, f64::min(1.0, 1.01 * alpha), 1.0] {
                let certified = mixture_bound(advantage, epsilon, gamma, other);
                assert!(certified <= it.certified + tolerance, "{other} certifies {certified}: {it:?}");
            }
        }
        Detail::Monotone(info) => {
            assert_eq!(it.step_size.to_bits(), info.max_kl_old_new.to_bits());
            let c = 4.0 * info.epsilon * gamma / (1.0 - gamma).powi(2);
            assert!((info.penalty - c).abs() <= 1e-12 * c, "{it:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_promise_is_kept_on_random_processes(case in cases(6, 0.98)) {
        let mdp = case.mdp();
        for method in Method::ALL {
            let done = run(&mdp, method, config(200));
            prop_assert!(method != Method::PolicyIteration || done.len() < 30, "{}", done.len());
        }
    }

    #[test]
    fn policy_value_and_conservative_iteration_reach_the_optimum(case in cases(6, 0.9)) {
        let mdp = case.mdp();
        let reached: Vec<f64> = [Method::PolicyIteration, Method::ValueIteration, Method::Conservative]
            .map(|method| {
                let tolerance = config(20_000).with_tolerance(NEAR).expect("a tolerance");
                let mut solver = Solver::new(&mdp, method, tolerance).expect("a solver");
                assert!(solver.by_ref().all(|it| it.is_ok()));
                assert_ne!(solver.stopped(), Some(Stop::MaxIterations), "{method} on {case:?}");
                solver.evaluation().eta
            })
            .to_vec();
        prop_assert!(distance(&reached, &[reached[0]; 3]) <= NEAR, "{reached:?}");
    }
}

/// How long Algorithm 1 takes to come near the optimum, by its rate in the end.
///
/// There an action of advantage A* loses the share ρ*|A*|/C of its probability in an iteration, in the state that comes
/// last: with one state left, √(2κ) = ρ √p |A|/C, and p falls by √(2κ/p). What it costs is ρ*|A*| p at first.
fn predicted_iterations(mdp: &DiscountedMdp) -> f64 {
    let optimum = mdp.optimum().expect("an optimum").evaluation;
    let c = PenaltyFactors::new(max_abs_advantage(&optimum), mdp.gamma()).kl;
    let costs = optimum.advantage_rows().zip(&optimum.visitation);
    let costs = costs.flat_map(|(row, rho)| row.iter().map(move |a| rho * a.abs()));
    costs.filter(|cost| *cost > NEAR).map(|cost| c / cost * (cost / NEAR).ln()).fold(0.0, f64::max)
}

/// Algorithm 1 reaches the optimum as well. It takes as long as its rate says, which is thousands of iterations and
/// more; processes that would need more than the cap are left out, and counted.
#[test]
fn algorithm_1_reaches_the_optimum() {
    const CAP: f64 = 8_000.0;
    let mut tried = 0;
    for seed in 0..60_u64 {
        let sizes = (2 + seed as usize % 5, 2 + seed as usize % 2);
        let garnet = Garnet {
            n_states: sizes.0,
            n_actions: sizes.1,
            branching: 2,
            termination: if seed.is_multiple_of(2) { 0.0 } else { 0.1 },
        };
        let gamma = [0.3, 0.5, 0.7, 0.8, 0.9][seed as usize / 5 % 5];
        let mdp = Case { seed, garnet, gamma }.mdp();
        let predicted = predicted_iterations(&mdp);
        if 1.5 * predicted > CAP {
            continue;
        }
        tried += 1;
        let most = (1.5 * predicted) as usize + 10;
        let done = run(&mdp, Method::Monotone, config(most));
        let last = done.last().expect("an iteration");
        assert!(last.gap.abs() <= NEAR, "seed {seed}, γ {gamma}: {last:?} after {most}");
    }
    assert!(tried >= 30, "{tried} of 60 have a chance");
}

/// The named tasks, each for as long as a test may take; Taxi has 500 states.
#[test]
fn every_promise_is_kept_on_named_tasks() {
    for (name, gamma, most) in [
        ("FrozenLake-v1", 0.99, 300),
        ("FrozenLake8x8-v1", 0.99, 40),
        ("CliffWalking-v1", 0.99, 60),
        ("Taxi-v4", 0.99, 4),
    ] {
        let mdp = task(name, gamma);
        for method in [Method::Conservative, Method::Monotone] {
            let done = run(&mdp, method, config(most));
            assert_eq!(done.len(), most, "{name}, {method}: not at its end yet");
        }
        let by_policy = run(&mdp, Method::PolicyIteration, config(100));
        let by_value = run(&mdp, Method::ValueIteration, config(2_000));
        for done in [by_policy, by_value] {
            let last = done.last().expect("an iteration");
            assert!(last.gap.abs() <= NEAR && last.gap_bound <= 1e-9, "{name}: {last:?}");
        }
    }
}

/// γ = 0: there is no penalty, and one iteration of each method is greedy and done.
#[test]
fn without_a_future_one_iteration_is_enough() {
    let garnet = Garnet { n_states: 5, n_actions: 3, branching: 2, termination: 0.1 };
    let mdp = Case { seed: 3, garnet, gamma: 0.0 }.mdp();
    for method in Method::ALL {
        let done = run(&mdp, method, config(50));
        assert!(done[0].gap.abs() < 1e-14, "{method}: {:?}", done[0]);
        assert!(done.len() <= 2, "{method}: {done:?}");
    }
}

#[test]
fn why_a_solver_stops() {
    let mdp = task("FrozenLake-v1", 0.9);
    let stop = |method, config| {
        let mut solver = Solver::new(&mdp, method, config).expect("a solver");
        let n = solver.by_ref().count();
        assert_eq!(solver.iterations(), n);
        assert!(solver.next().is_none(), "it stays at its end");
        (n, solver.stopped())
    };
    assert_eq!(stop(Method::Conservative, config(3)), (3, Some(Stop::MaxIterations)));
    assert_eq!(stop(Method::Conservative, config(0)), (0, Some(Stop::MaxIterations)));
    assert_eq!(stop(Method::PolicyIteration, config(100)).1, Some(Stop::Tolerance));
    let exact = config(1000).with_tolerance(0.0).expect("a tolerance");
    assert_eq!(stop(Method::PolicyIteration, exact).1, Some(Stop::Stationary));
    // A process with one action is at its optimum from the start.
    let garnet = Garnet { n_states: 4, n_actions: 1, branching: 2, termination: 0.0 };
    let still = Case { seed: 1, garnet, gamma: 0.9 }.mdp();
    for method in [Method::PolicyIteration, Method::Conservative, Method::Monotone] {
        let mut solver = Solver::new(&still, method, config(10)).expect("a solver");
        assert_eq!((solver.by_ref().count(), solver.stopped()), (0, Some(Stop::Tolerance)), "{method}");
    }
}

/// The same run twice has the same bits.
#[test]
fn the_same_again() {
    let mdp = task("FrozenLake-v1", 0.95);
    for method in Method::ALL {
        let bits = || -> Vec<u64> {
            let mut solver = Solver::new(&mdp, method, config(50)).expect("a solver");
            assert!(solver.by_ref().all(|it| it.is_ok()));
            solver.policy().probabilities().iter().map(|p| p.to_bits()).collect()
        };
        assert_eq!(bits(), bits(), "{method}");
    }
}

/// A penalty without its (1−γ)², 4εγ, claims more than comes true, where a policy that ends an episode earlier forgoes
/// what it would have gained later. The test of the chain tells the two apart.
#[test]
fn a_smaller_penalty_claims_too_much() {
    // One state: stay for nothing, or take 1 and end.
    let tables = Tables {
        n_states: 2,
        n_actions: 2,
        transitions: vec![1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0],
        rewards: vec![0.0, 1.0, 0.0, 0.0],
        initial: vec![1.0, 0.0],
        terminal: vec![false, true],
    };
    let mdp = tables.discounted(0.95).expect("a process");
    let old = PolicyTable::new(2, vec![0.98, 0.02, 0.5, 0.5]).expect("a policy");
    let evaluation = mdp.evaluate(&old).expect("an evaluation");
    let c = PenaltyFactors::new(max_abs_advantage(&evaluation), mdp.gamma()).kl;
    let claims_too_much = |penalty: f64| {
        let new = penalized_maximum(&old, &evaluation, penalty).policy;
        let claimed = policy_advantage(&evaluation, &new) - penalty * max_kl_old_new(&old, &new);
        mdp.evaluate(&new).expect("an evaluation").eta - evaluation.eta < claimed - 1e-2
    };
    assert!(!claims_too_much(c));
    assert!(claims_too_much(c * (1.0 - mdp.gamma()).powi(2)));
}
