//! Tiny tasks whose answer is known: each fails for one part of the learner.

use gradus_core_math::Schedule;
use gradus_envs::Env;
use gradus_envs::probe::{
    ActionReward, ConstantReward, DelayedReward, MaskedChoice, MatchDigits, MatchSign, MatchSwitches,
    MatchTarget, ObservationReward, OneStep,
};
use gradus_runner::{Settings, Trainer};

use crate::tasks::quick;

/// Trains for `updates` updates of 256 steps, at a rate that falls from 3e-3 to 0.
fn trained<E: Env + 'static>(make: impl Fn() -> E, updates: u64, settings: Settings) -> Trainer {
    let settings = settings.with_total_steps(256 * updates).with_threads(2);
    let mut trainer = Trainer::for_env("probe", make, &settings).expect("a run");
    trainer.train(|_, _| {}).expect("training");
    trainer
}

fn falling() -> Settings {
    quick(Schedule::Linear { start: 3e-3, end: 0.0 })
}

/// The greatest distance of a value from the one expected for its observation, in the last rollout.
fn worst_value(trainer: &Trainer, expected: impl Fn(&[f32]) -> f32) -> f32 {
    let rollout = trainer.rollout();
    let rows = rollout.observations.chunks_exact(rollout.observation_width);
    rollout.values.iter().zip(rows).map(|(value, row)| (value - expected(row)).abs()).fold(0.0, f32::max)
}

fn mean_reward(trainer: &Trainer) -> f64 {
    let rewards = &trainer.rollout().rewards;
    rewards.iter().map(|r| f64::from(*r)).sum::<f64>() / rewards.len() as f64
}

#[test]
fn the_value_of_one_state() {
    let trainer = trained(|| OneStep::new(ConstantReward), 60, falling());
    let error = worst_value(&trainer, |_| 1.0);
    assert!(error < 0.01, "{error}");
}

#[test]
fn a_value_that_depends_on_the_observation() {
    let trainer = trained(|| OneStep::new(ObservationReward), 60, falling());
    let error = worst_value(&trainer, |row| row[0]);
    assert!(error < 0.02, "{error}");
}

/// With γ = 1/2 the first state is worth 1/2: without discounting it were 1, without bootstrapping 0, and with a
/// bootstrap across the end of the episode the second one more than 1.
#[test]
fn a_reward_that_comes_late_is_discounted() {
    for gae_lambda in [0.0, 0.95, 1.0] {
        let settings = falling().with_discount(0.5, gae_lambda);
        let trainer = trained(DelayedReward::default, 80, settings);
        let error = worst_value(&trainer, |row| if row[0] < 0.5 { 0.5 } else { 1.0 });
        assert!(error < 0.01, "λ = {gae_lambda}: {error}");
    }
}

/// Mean reward 2p − 1 ≥ 0.9 is a probability p ≥ 95 % of the right action, drawn from the policy.
#[test]
fn the_better_action_is_learnt() {
    let trainer = trained(|| OneStep::new(ActionReward), 30, falling());
    assert!(mean_reward(&trainer) >= 0.9, "{}", mean_reward(&trainer));
}

#[test]
fn the_action_that_fits_the_observation_is_learnt() {
    let trainer = trained(|| OneStep::new(MatchSign), 40, falling());
    assert!(mean_reward(&trainer) >= 0.9, "{}", mean_reward(&trainer));
}

/// The best constant action earns −1/3, the first policy, of deviation 2, about −2; the noise that is left counts.
#[test]
fn a_continuous_target_is_met() {
    for (shared_trunk, normalize) in [(false, false), (true, true)] {
        let settings = Settings { shared_trunk, ..falling().with_normalization(normalize, false) };
        let mut trainer = trained(|| OneStep::new(MatchTarget), 150, settings);
        let played = evaluate_on(&mut trainer, || OneStep::new(MatchTarget));
        assert!(played > -0.01 && mean_reward(&trainer) > -0.1, "{played}, {}", mean_reward(&trainer));
    }
}

fn evaluate_on<E: Env + 'static>(trainer: &mut Trainer, make_env: impl Fn() -> E) -> f64 {
    let make = |n: usize, seed: u64, first: usize| {
        let envs = (0..n).map(|_| make_env()).collect();
        Ok(Box::new(gradus_envs::VecEnv::new(envs, seed, first)?) as Box<dyn gradus_envs::VectorEnv>)
    };
    let mut policy = trainer.policy().expect("finite");
    gradus_runner::evaluate(&mut policy, &make, 300, 5, false).expect("an evaluation").mean_return()
}

/// By chance the digits earn (1/2 + 1/3)/2 = 0.42, the switches 0.5.
#[test]
fn several_choices_at_once_are_learnt() {
    let digits = trained(|| OneStep::new(MatchDigits), 60, falling());
    assert!(mean_reward(&digits) >= 0.95, "{}", mean_reward(&digits));
    let switches = trained(|| OneStep::new(MatchSwitches), 60, falling());
    assert!(mean_reward(&switches) >= 0.95, "{}", mean_reward(&switches));
}

/// A forbidden action would be an error, so that having trained at all shows that none was taken; among the two
/// allowed ones chance earns 0.5.
#[test]
fn a_forbidden_choice_is_never_taken() {
    let mut trainer = trained(MaskedChoice::default, 40, falling());
    assert!(mean_reward(&trainer) >= 0.95, "{}", mean_reward(&trainer));
    let rollout = trainer.rollout();
    for (row, action) in rollout.masks.chunks_exact(3).zip(&rollout.actions) {
        assert!(row.iter().filter(|allowed| !**allowed).count() == 1 && row[*action as usize]);
    }
    let played = evaluate_on(&mut trainer, MaskedChoice::default);
    assert!(played > 3.99, "{played}");
}
