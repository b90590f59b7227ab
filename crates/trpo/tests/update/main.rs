//! Whole updates: what they learn, that every step keeps its promises, that they can be repeated and resumed bit for
//! bit, and how they fail.

#[path = "../common/mod.rs"]
mod common;
mod failures;

use common::{Run, STATES, Task, categorical, config, gaussian, surrogate_and_kl};
use gradus_core_math::{BacktrackingLineSearch, CgError, ConjugateGradient, Real, Schedule, Stream};
use gradus_policy::{
    ActorCritic, ActorCriticConfig, Agent, Context, FrozenMlp, Input, Kernel, Linearized, LinearizedMlp,
    Metrics, Mlp, MlpConfig, Network, Rollout, Team, TensorInfo, Threads, Update, UpdateError, UpdateState,
};
use gradus_trpo::{CriticConfig, Fisher, KlConstraint, Trpo, TrpoConfig};

const ROWS: usize = 256;

fn bandit(config: TrpoConfig, distribution: gradus_core_math::Distribution, seed: u64) -> Run<f32> {
    Run::new(Task::Bandit, config, distribution, seed)
}

fn metric(metrics: &Metrics, name: &str) -> f64 {
    metrics.get(name).unwrap_or_else(|| panic!("{name} is reported"))
}

fn is_one(metrics: &Metrics, name: &str) -> bool {
    let value = metric(metrics, name);
    assert!(value.abs() < 1e-9 || (value - 1.0).abs() < 1e-9, "{name} is {value}");
    value > 0.5
}

fn non_finite(outcome: Result<Metrics, UpdateError>) -> (String, f64, u64) {
    match outcome {
        Err(UpdateError::NonFinite { quantity, value, update }) => (quantity, value, update),
        other => panic!("{other:?}"),
    }
}

fn wide<T: Real>(x: &[T]) -> Vec<f64> {
    x.iter().map(|x| x.wide()).collect()
}

fn bits<T: Real>(x: &[T]) -> Vec<u64> {
    x.iter().map(|x| x.wide().to_bits()).collect()
}

/// TRPO and NPG.
fn both() -> [TrpoConfig; 2] {
    [config(), config().with_line_search(None)]
}

/// Trains by updates of 256 rows until the task is learnt; at most `most`.
///
/// A step goes to the rim of the trust region even where nothing is left to learn and the gradient is the critic's
/// noise, so that a policy that has learnt its task does not rest there.
fn train_until(run: &mut Run<f32>, most: usize, learnt: impl Fn(&Run<f32>) -> bool) {
    assert!(!learnt(run), "nothing is learnt before the first update");
    for _ in 0..most {
        run.train(1, ROWS);
        if learnt(run) {
            return;
        }
    }
    panic!("not learnt after {most} updates: {:?}", run.params());
}

/// The best choice has at least 95 % in every context, from a third at first.
#[test]
fn a_contextual_bandit_is_learnt() {
    for config in both() {
        for seed in 0..3 {
            let mut run = bandit(config.clone(), categorical(), seed);
            assert!(run.bandit_scores().iter().all(|&p| p < 0.4), "{:?}", run.bandit_scores());
            train_until(&mut run, 20, |run| run.bandit_scores().iter().all(|&p| p >= 0.95));
        }
    }
}

/// Every mean is within 0.05 of its target, which lie within ±1, and the noise has shrunk by half.
#[test]
fn continuous_targets_are_learnt() {
    for config in both() {
        for seed in 0..3 {
            let mut run = bandit(config.clone(), gaussian(), seed);
            train_until(&mut run, 40, |run| {
                let theta = run.policy_theta();
                let shrunk = theta[theta.len() - 2..].iter().all(|&log_std| log_std < -0.7);
                shrunk && run.bandit_scores().iter().all(|&score| score >= 0.95)
            });
        }
    }
}

/// Going right has at least 95 % in every state.
#[test]
fn a_walk_to_a_distant_goal_is_learnt() {
    for config in both() {
        let mut run = Run::<f32>::new(Task::Chain, config, categorical(), 3);
        let right = |params: &Vec<f64>| common::log_prob(&categorical(), params, &[0.0]).exp();
        train_until(&mut run, 20, |run| run.params().iter().all(|params| right(params) >= 0.95));
    }
}

/// Over whole runs, from the parameters before and after and by formulas of the test's own: the surrogate has grown
/// and the mean of KL(π_old‖π_new) is within δ, or the policy is the same bit for bit.
///
/// The numbers agree with the reported ones to `tolerance`, a share of δ.
fn every_step_keeps_its_promises<T: Kernel>(
    config: &TrpoConfig,
    updates: usize,
    tolerance: f64,
) -> [usize; 3] {
    let [mut accepted, mut backtracked, mut rejected] = [0; 3];
    for task in [Task::Bandit, Task::Chain] {
        for distribution in [categorical(), gaussian()] {
            let mut run = Run::<T>::new(task, config.clone(), distribution.clone(), 4);
            for _ in 0..updates {
                let rollout = run.collect(ROWS);
                let before = wide(run.policy_theta());
                let metrics = run.update(&rollout, 0.0).expect("finite numbers");
                let after = wide(run.policy_theta());
                let (old, _) = surrogate_and_kl(&distribution, &rollout, &before, &before);
                let (new, kl) = surrogate_and_kl(&distribution, &rollout, &before, &after);
                let max_kl = config.max_kl;
                let reported = ["surrogate_improvement", "kl_old_new"].map(|name| metric(&metrics, name));
                assert!(
                    (new - old - reported[0]).abs() < tolerance * max_kl.sqrt(),
                    "{new} − {old}, {reported:?}"
                );
                assert!((kl - reported[1]).abs() < tolerance * max_kl, "{kl}, {reported:?}");
                if is_one(&metrics, "rejected") {
                    rejected += 1;
                    assert!(before == after, "a rejected step leaves the policy alone");
                    continue;
                }
                accepted += 1;
                assert!(reported[1] <= max_kl && kl <= max_kl * (1.0 + tolerance), "{kl}");
                assert!(reported[0] > 0.0 && new > old, "{new}, {old}");
                backtracked += usize::from(metric(&metrics, "step_scale") < 1.0);
            }
        }
    }
    [accepted, backtracked, rejected]
}

#[test]
fn every_accepted_step_is_within_the_trust_region_and_improves_the_surrogate() {
    let [accepted, ..] = every_step_keeps_its_promises::<f64>(&config(), 30, 1e-9);
    assert!(accepted >= 100, "{accepted} of 120");
    every_step_keeps_its_promises::<f32>(&config(), 30, 1e-3);
    // The matrix of a fifth of the states: the promises are about all of them.
    let sparse = config().with_fisher_fraction(0.2);
    let [accepted, ..] = every_step_keeps_its_promises::<f64>(&sparse, 30, 1e-9);
    assert!(accepted >= 100, "{accepted} of 120");
    // A region so large that the quadratic model fails, to see the search at work.
    let bold = config().with_max_kl(2.0).with_cg_damping(1e-3);
    let bold = bold.with_line_search(Some(BacktrackingLineSearch::new().with_max_backtracks(3)));
    let [_, backtracked, rejected] = every_step_keeps_its_promises::<f64>(&bold, 30, 1e-9);
    assert!(backtracked > 0 && rejected > 0, "{backtracked} {rejected}");
}

/// All states, or a part of them that is drawn anew for each update, and drawn alike when it is made again.
#[test]
fn a_part_of_the_states_makes_another_step() {
    let run = |fraction: f64| {
        let mut run = bandit(config().with_fisher_fraction(fraction), categorical(), 3);
        run.train(3, ROWS);
        bits(run.policy_theta())
    };
    assert_eq!(run(0.3), run(0.3));
    assert_ne!(run(0.3), run(1.0));
}

/// The greatest divergence of a state is within δ after every accepted step, by a formula of the test's own; where the
/// mean alone is bounded, it is not.
#[test]
fn the_greatest_divergence_keeps_within_the_trust_region() {
    let greatest = |constraint: KlConstraint, fisher: Fisher| {
        let config = config().with_constraint(constraint).with_fisher(fisher);
        let (mut greatest, mut accepted) = (0.0_f64, 0);
        for distribution in [categorical(), gaussian()] {
            let mut run = Run::<f64>::new(Task::Chain, config.clone(), distribution.clone(), 4);
            for _ in 0..30 {
                let rollout = run.collect(ROWS);
                let before = run.params();
                let metrics = run.update(&rollout, 0.0).expect("finite numbers");
                let pairs = before.iter().zip(run.params());
                let kls: Vec<f64> = pairs.map(|(p, q)| common::kl(&distribution, p, &q)).collect();
                let found = kls.iter().copied().fold(0.0, f64::max);
                if constraint == KlConstraint::Max {
                    let told = metric(&metrics, "max_kl_old_new");
                    assert!((told - found).abs() < 1e-9, "{told}, {found}");
                    assert!(metric(&metrics, "kl_old_new") <= told);
                }
                greatest = greatest.max(found);
                accepted += usize::from(!is_one(&metrics, "rejected"));
            }
        }
        assert!(accepted >= 40, "{accepted} of 60");
        greatest
    };
    let max_kl = config().max_kl;
    for fisher in [Fisher::Analytic, Fisher::Empirical] {
        let found = greatest(KlConstraint::Max, fisher);
        assert!(found <= max_kl * (1.0 + 1e-9) && found > 0.5 * max_kl, "{fisher:?}: {found}");
    }
    let found = greatest(KlConstraint::Mean, Fisher::Analytic);
    assert!(found > 1.2 * max_kl, "the wrong variant, a bound on the mean: {found}");
}

/// Advantages that call for less spread.
fn draw_near(rollout: &mut Rollout<f32>) {
    for (advantage, action) in rollout.advantages.iter_mut().zip(rollout.actions.chunks_exact(2)) {
        *advantage = -action.iter().map(|a| a * a).sum::<f32>();
    }
}

/// The four ways in which a search that has one trial fails, each shown to be so by the natural policy gradient, which
/// takes that very step.
#[test]
fn a_rejected_step_restores_the_policy_and_says_why() {
    let reasons = ["rejected_no_improvement", "rejected_kl", "rejected_not_finite"];
    let all_good: fn(&mut Rollout<f32>) = |r| r.advantages.iter_mut().for_each(|a| *a = a.abs() + 1.0);
    let as_they_are: fn(&mut Rollout<f32>) = |_| ();
    let near_is_good: fn(&mut Rollout<f32>) = draw_near;
    let raw = || config().with_normalize_advantage(false);
    let cases = [
        // Ratios of probabilities vanish far away, and with them a surrogate of positive advantages.
        (raw().with_max_kl(1e4), gaussian(), all_good, [true, false, false]),
        // The quadratic model underestimates the divergence.
        (config().with_max_kl(0.3).with_cg_damping(1e-6), categorical(), as_they_are, [false, true, false]),
        (raw().with_max_kl(1.0).with_cg_damping(1e-9), gaussian(), all_good, [true, true, false]),
        // The spread shrinks to e^-1000, and the divergence is infinite.
        (config().with_max_kl(1e6), gaussian(), near_is_good, [false, false, true]),
    ];
    for (config, distribution, change, expected) in cases {
        let one_trial =
            config.clone().with_line_search(Some(BacktrackingLineSearch::new().with_max_backtracks(1)));
        let mut run = bandit(one_trial, distribution.clone(), 2);
        let mut rollout = run.collect(ROWS);
        change(&mut rollout);
        let (policy, critic) = (run.policy_theta().to_vec(), run.critic_theta().to_vec());
        let metrics = run.update(&rollout, 0.0).expect("a rejected step is no error");
        let flags = reasons.map(|name| is_one(&metrics, name));
        assert_eq!((is_one(&metrics, "rejected"), flags), (true, expected), "{metrics:?}");
        assert_eq!(bits(run.policy_theta()), bits(&policy), "the policy is as it was");
        assert_eq!(bits(&run.trpo.state().tensors["critic.adam.m"]).len(), critic.len());
        assert_ne!(bits(run.critic_theta()), bits(&critic), "the critic is fitted");
        for (name, value) in metrics.iter() {
            assert!(value.is_finite(), "{name} is {value}");
        }
        for (name, value) in [("step_scale", 0.0), ("line_search_trials", 1.0), ("kl_old_new", 0.0)] {
            assert!((metric(&metrics, name) - value).abs() < 1e-12, "{name}");
        }
        assert_eq!(metric(&metrics, "surrogate_improvement").to_bits(), 0);

        // The critic's fit is the same whatever becomes of the policy.
        let mut npg = bandit(config.clone().with_line_search(None), distribution, 2);
        assert!(npg.collect(ROWS).actions == rollout.actions);
        let before = npg.bits();
        match npg.update(&rollout, 0.0) {
            Ok(metrics) => {
                assert!(metric(&metrics, "surrogate_improvement") > 0.0 || expected[0]);
                assert!(metric(&metrics, "surrogate_improvement") <= 0.0 || !expected[0]);
                assert_eq!(metric(&metrics, "kl_old_new") > config.max_kl, expected[1]);
                assert_eq!(bits(npg.critic_theta()), bits(run.critic_theta()));
            }
            Err(error) => {
                assert!(expected[2] && error.to_string().contains("after the step"), "{error}");
                assert!(npg.bits() == before, "agent and Adam are as they were");
            }
        }
    }
}

/// All trials fail, and all are reported.
#[test]
fn a_search_gives_up_after_its_last_trial() {
    let config = config().with_normalize_advantage(false).with_max_kl(1e6);
    let search = BacktrackingLineSearch::new().with_max_backtracks(7);
    let mut run = bandit(config.with_line_search(Some(search)), gaussian(), 0);
    let mut rollout = run.collect(ROWS);
    rollout.advantages.iter_mut().for_each(|a| *a = a.abs() + 1.0);
    let before = bits(run.policy_theta());
    let metrics = run.update(&rollout, 0.0).expect("a rejected step is no error");
    assert!(is_one(&metrics, "rejected"));
    assert!((metric(&metrics, "line_search_trials") - 7.0).abs() < 1e-12);
    assert_eq!(bits(run.policy_theta()), before);
}

/// The natural policy gradient takes the whole step, of which the search takes a share.
#[test]
fn the_natural_policy_gradient_takes_the_whole_step() {
    let mut shares = Vec::new();
    for (max_kl, damping) in [(0.02, 0.1), (1.0, 1e-4)] {
        let config = config().with_max_kl(max_kl).with_cg_damping(damping);
        let moved = |config: TrpoConfig| {
            let mut run = Run::<f64>::new(Task::Bandit, config, gaussian(), 1);
            run.train(5, ROWS);
            let mut rollout = run.collect(ROWS);
            // The same θ and batch for both.
            let mut other = Run::<f64>::new(Task::Bandit, run.trpo.config().clone(), gaussian(), 77);
            rollout.clone_from(&other.collect(ROWS));
            let before = other.policy_theta().to_vec();
            let metrics = other.update(&rollout, 0.0).expect("finite numbers");
            let step: Vec<f64> = other.policy_theta().iter().zip(&before).map(|(a, b)| a - b).collect();
            (step, metrics)
        };
        let (whole, of_npg) = moved(config.clone().with_line_search(None));
        let (share, of_trpo) = moved(config);
        let scale = metric(&of_trpo, "step_scale");
        shares.push(scale);
        assert!((metric(&of_npg, "step_scale") - 1.0).abs() < 1e-15);
        for (whole, share) in whole.iter().zip(&share) {
            assert!((scale * whole - share).abs() < 1e-14, "{share} of {whole} with {scale}");
        }
        let norm = whole.iter().map(|x| x * x).sum::<f64>().sqrt();
        let reported = metric(&of_npg, "full_step_norm");
        assert!((norm - reported).abs() < 1e-12 * norm, "{norm}, {reported}");
        assert_eq!(metric(&of_npg, "kl_old_new") > max_kl, scale < 1.0);
    }
    assert!(shares[0] > 0.999 && shares[1] < 0.9, "both a whole step and a part were seen: {shares:?}");
}

/// Advantages that are all equal, as they are standardised; 0.1 is no binary fraction, so that the mean of many is not
/// it in f64.
#[test]
fn equal_advantages_leave_the_policy_alone() {
    fn check<T: Kernel>(config: TrpoConfig, advantage: f64) {
        for distribution in [categorical(), gaussian()] {
            let mut run = Run::<T>::new(Task::Bandit, config.clone(), distribution, 3);
            let mut rollout = run.collect(600);
            rollout.advantages.fill(T::of(advantage));
            let (policy, critic) = (bits(run.policy_theta()), bits(run.critic_theta()));
            let metrics = run.update(&rollout, 0.0).expect("a batch without news is no error");
            assert_eq!(bits(run.policy_theta()), policy);
            assert_ne!(bits(run.critic_theta()), critic, "the critic is fitted");
            let flags =
                ["zero_gradient", "rejected", "line_search_trials"].map(|name| is_one(&metrics, name));
            assert_eq!(flags, [true, false, false], "{metrics:?}");
            for (name, value) in metrics.iter() {
                assert!(value.is_finite(), "{name} is {value}");
            }
            rollout = run.collect(600);
            let metrics = run.update(&rollout, 0.0).expect("finite numbers");
            assert!(!is_one(&metrics, "zero_gradient"));
        }
    }
    let mean = (0..600).map(|_| 0.1).sum::<f64>() / 600.0;
    assert!((mean - 0.1).abs() > 0.0, "{mean}");
    for config in both() {
        check::<f32>(config.clone(), 0.1);
        check::<f64>(config.clone(), 0.1);
        check::<f64>(config.clone(), -1e9 / 3.0);
        check::<f32>(config.with_normalize_advantage(false), 0.0);
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_with_any_number_of_threads() {
    for (task, distribution, config) in
        [(Task::Bandit, categorical(), config()), (Task::Chain, gaussian(), config().with_line_search(None))]
    {
        // Minibatches of several segments, so that threads have something to share.
        let config = config.with_critic(CriticConfig::new().with_minibatch_size(300).with_epochs(2));
        let trained = |threads: usize, seed: u64| {
            let mut run = Run::<f32>::new(task, config.clone(), distribution.clone(), seed);
            run.threads = Threads::new(threads);
            run.train(20, 600);
            run.bits()
        };
        let first = trained(1, 5);
        for threads in 1..=4 {
            assert!(trained(threads, 5) == first, "{threads} threads");
        }
        assert!(trained(1, 6) != first, "another seed gives another run");
    }
}

#[test]
fn a_resumed_run_continues_bit_for_bit() {
    for config in both() {
        let mut whole = bandit(config.clone(), gaussian(), 7);
        whole.train(5, ROWS);
        let resume = |state: Option<UpdateState<f32>>| {
            let mut run = bandit(config.clone(), gaussian(), 8);
            if let Some(state) = state {
                run.trpo.load(state).expect("its own state");
            }
            run.agent.theta.clone_from(&whole.agent.theta);
            (run.acting, run.shuffling) = (whole.acting.clone(), whole.shuffling.clone());
            run
        };
        let mut resumed = resume(Some(whole.trpo.state()));
        // Without Adam's moments the runs would part.
        let mut forgetful = resume(None);
        for run in [&mut whole, &mut resumed, &mut forgetful] {
            run.train(5, ROWS);
        }
        assert!(whole.bits() == resumed.bits());
        assert!(whole.bits() != forgetful.bits());
    }
}

#[test]
fn a_state_that_does_not_fit_is_refused_and_changes_nothing() {
    let mut run = bandit(config(), categorical(), 9);
    run.train(2, ROWS);
    let good = run.trpo.state();
    let before = run.bits();
    type Spoil = fn(&mut UpdateState<f32>);
    let faults: [(&str, Spoil); 9] = [
        ("critic.adam.m", |s| {
            s.tensors.remove("critic.adam.m");
        }),
        ("critic.adam.v", |s| {
            s.tensors.remove("critic.adam.v");
        }),
        ("moments", |s| s.tensors.values_mut().next().expect("moments").push(0.0)),
        ("critic.adam.steps", |s| {
            s.scalars.remove("critic.adam.steps");
        }),
        ("updates", |s| {
            s.scalars.remove("updates");
        }),
        ("updates", |s| {
            s.scalars.insert("updates".into(), -1.0);
        }),
        ("critic.adam.steps", |s| {
            s.scalars.insert("critic.adam.steps".into(), 0.5);
        }),
        ("critic.adam.steps", |s| {
            s.scalars.insert("critic.adam.steps".into(), f64::NAN);
        }),
        ("adam.steps", |s| {
            s.scalars.insert("adam.steps".into(), 1.0);
        }),
    ];
    for (name, spoil) in faults {
        let mut bad = good.clone();
        spoil(&mut bad);
        match run.trpo.load(bad) {
            Err(UpdateError::State(text)) => assert!(text.contains(name), "{name}: {text}"),
            other => panic!("{name}: {other:?}"),
        }
        assert!(run.bits() == before, "{name}");
    }
    assert!(run.trpo.load(UpdateState::default()).is_err());
    // The trait's functions are the same ones.
    let through_trait = Update::<Mlp<f32>>::state(&run.trpo);
    assert_eq!(through_trait, good);
    assert_eq!(Update::<Mlp<f32>>::load(&mut run.trpo, through_trait), Ok(()));
    assert!(run.bits() == before);
}
