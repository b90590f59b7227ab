//! Branches of rollouts: each roll-out against the rollout that it branches from, and what is learnt from them.

use gradus_core_math::{Distribution, Stream};
use gradus_envs::classic::{CartPole, Pendulum};
use gradus_envs::probe::MaskedChoice;
use gradus_envs::{Env, EnvError, Space, State, Step, TimeLimit, VecEnv, VectorEnv};
use gradus_policy::{ActionMap, ActorCriticConfig, Agent, Branches, Mlp, Rollout, Threads};
use gradus_runner::{
    Acting, AdvantageEstimator, Algorithm, Collector, CollectorConfig, Settings, Trainer, VineConfig,
};
use gradus_trpo::TrpoConfig;

use crate::tasks::{bits, limited_walk};

const N: usize = 3;
const T: usize = 24;
const GAMMA: f64 = 0.9;

/// Some rollouts of a task with branches, by the advantages of `length` steps.
fn rollouts<E: Env + 'static>(
    env: impl Fn() -> E,
    vine: VineConfig,
    acting: Acting,
    normalize: bool,
) -> Vec<Rollout<f32>> {
    let make = |n: usize, seed: u64, first: usize| -> Result<Box<dyn VectorEnv>, EnvError> {
        Ok(Box::new(VecEnv::new((0..n).map(|_| env()).collect(), seed, first)?))
    };
    let sample = env();
    let distribution = match sample.action_space() {
        Space::Discrete { n } => Distribution::Categorical { n },
        other => Distribution::DiagGaussian { dim: other.width() },
    };
    let config = ActorCriticConfig::new(sample.observation_space().width(), distribution).with_hidden(&[16]);
    let mut agent: Agent<Mlp<f32>> = Agent::new(config.build(), &mut Stream::new(5, "initialize", 0));
    let config = CollectorConfig {
        n_envs: N,
        n_steps: T,
        seed: 5,
        gamma: GAMMA,
        gae_lambda: 1.0,
        advantage: AdvantageEstimator::NStep(vine.length),
        normalize_observation: normalize,
        normalize_reward: false,
        action_map: ActionMap::Identity,
        acting,
        sequence_length: T,
        vine: Some(vine),
    };
    let mut threads = Threads::new(2);
    let mut collector =
        Collector::new(config, &make, &agent.network, &agent.theta, 2).expect("environments that start");
    let mut collect = || {
        collector.collect(threads.team(), &mut agent.network, &agent.theta).expect("a rollout");
        collector.rollout().clone()
    };
    (0..8).map(|_| collect()).collect()
}

fn branches(rollout: &Rollout<f32>) -> &Branches<f32> {
    rollout.branches.as_ref().expect("the rollout branches")
}

/// The roll-out with the action that was taken meets what the rollout met: its value is the estimate of L steps that
/// advantages are made of, wherever these L steps lie in the rollout. With both kinds of ends on the way.
#[test]
fn the_rollout_is_one_of_its_own_branches() {
    let vine = VineConfig { states: 8, actions: 2, length: 5 };
    for acting in [Acting::Apart, Acting::Together] {
        let rollouts = rollouts(|| TimeLimit::new(CartPole::v1(), 13), vine, acting, true);
        let (mut compared, mut ends) = (0, [0, 0]);
        for rollout in &rollouts {
            let branches = branches(rollout);
            assert!(branches.all_actions && branches.actions_per_state == 2);
            for (n, &row) in branches.rows.iter().enumerate() {
                let row = row as usize;
                if row / N + vine.length > T {
                    continue;
                }
                let (actions, log_probs, q_values) = branches.of_state(n);
                assert_eq!(actions, [0.0, 1.0]);
                let taken = rollout.actions[row] as usize;
                let expected = rollout.values[row] + rollout.advantages[row];
                let found = q_values[taken];
                assert!((found - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{found}, {expected}");
                assert_eq!(log_probs[taken].to_bits(), rollout.log_probs[row].to_bits());
                compared += 1;
                for t in 0..vine.length {
                    ends[0] += usize::from(rollout.terminated[row + t * N]);
                    ends[1] += usize::from(rollout.truncated[row + t * N]);
                }
            }
        }
        assert!(compared > 100 && ends[0] > 5 && ends[1] > 20, "{compared} compared, {ends:?} ended");
    }
}

/// Of actions that are drawn, the first is the one that was taken; the value of one step is r + γ V of what follows.
#[test]
fn drawn_actions_begin_with_the_one_that_was_taken() {
    let vine = VineConfig { states: 6, actions: 4, length: 1 };
    for rollout in rollouts(limited_walk, vine, Acting::Apart, false) {
        let branches = branches(&rollout);
        assert!(!branches.all_actions && branches.actions_per_state == 4);
        for (n, &row) in branches.rows.iter().enumerate() {
            let (actions, _, q_values) = branches.of_state(n);
            let row = row as usize;
            assert_eq!(actions[0].to_bits(), rollout.actions[row].to_bits());
            assert!(bits(&actions[1..]).iter().all(|&action| action != actions[0].to_bits()));
            let expected = rollout.rewards[row] + GAMMA as f32 * rollout.next_values[row];
            assert!(
                (q_values[0] - expected).abs() < 1e-5 * (1.0 + expected.abs()),
                "{q_values:?}, {expected}"
            );
        }
    }
}

/// Each part of the rollout has one branching step, and not always the same one.
#[test]
fn branching_steps_are_spread_over_the_rollout() {
    let vine = VineConfig { states: 5, actions: 2, length: 1 };
    let mut seen = std::collections::BTreeSet::new();
    for rollout in rollouts(CartPole::v1, vine, Acting::Apart, false) {
        let steps: Vec<usize> =
            branches(&rollout).rows.iter().step_by(N).map(|row| *row as usize / N).collect();
        assert_eq!(steps.len(), 5);
        for (part, step) in steps.iter().enumerate() {
            assert!((part * T / 5..(part + 1) * T / 5).contains(step), "{steps:?}");
        }
        seen.insert(steps);
    }
    assert!(seen.len() > 4);
}

/// Noise, whatever one does: rewards, observations, and an end at any time.
#[derive(Clone, Debug, Default)]
struct Deaf;

impl Env for Deaf {
    fn observation_space(&self) -> Space {
        Space::cube(1, -1.0, 1.0)
    }

    fn action_space(&self) -> Space {
        Space::Discrete { n: 3 }
    }

    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        self.observation_space().sample(rng, observation);
        Ok(())
    }

    fn step(&mut self, _: &[f32], rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        self.observation_space().sample(rng, observation);
        let reward = f64::from(observation[0]);
        self.observation_space().sample(rng, observation);
        Ok(if reward > 0.8 { Step::terminated(reward) } else { Step::running(reward) })
    }

    fn save(&self) -> State {
        State::of("Deaf", &())
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        state.get("Deaf")
    }
}

/// With common random numbers actions that do nothing are worth the same, to the bit, though each roll-out is noise.
#[test]
fn roll_outs_of_a_state_meet_the_same_chances() {
    for actions in [2, 3] {
        let vine = VineConfig { states: 4, actions, length: 20 };
        let mut all = Vec::new();
        for rollout in rollouts(|| Deaf, vine, Acting::Apart, false) {
            let branches = branches(&rollout);
            for n in 0..branches.rows.len() {
                let (.., q_values) = branches.of_state(n);
                assert!(bits(q_values).iter().all(|&q| q == q_values[0].to_bits()), "{q_values:?}");
                all.push(q_values[0].to_bits());
            }
        }
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "two states had the same chances");
    }
}

fn vine(states: usize, actions: usize, length: usize) -> Settings {
    let vine = VineConfig { states, actions, length };
    let config = TrpoConfig::new().with_cg_damping(0.01);
    Settings::new(Algorithm::TrpoVine { config, vine }).with_rollout(4, 32).with_hidden(&[16]).with_threads(2)
}

/// Every step of the simulator counts: those of the rollout, and those of roll-outs, which end early with an episode.
#[test]
fn all_steps_of_the_simulator_are_counted() {
    // Episodes of 200 steps, of which the first rollouts and their branches see no end.
    let mut trainer = Trainer::for_env("Pendulum-v1", Pendulum::v1, &vine(8, 3, 10)).expect("a run");
    let metrics = trainer.iterate().expect("an update").metrics;
    assert_eq!(metrics.get("branch_steps"), Some(4.0 * 8.0 * 3.0 * 10.0));
    assert_eq!(trainer.steps(), 4 * 32 + 4 * 8 * 3 * 10);
    // A task that is cut off after one step ends roll-outs with theirs.
    let limited = || TimeLimit::new(CartPole::v1(), 1);
    let mut trainer = Trainer::for_env("CartPole-v1", limited, &vine(8, 2, 10)).expect("a run");
    trainer.iterate().expect("an update");
    assert_eq!(trainer.steps(), 4 * 32 + 4 * 8 * 2);
}

/// What is forbidden is not tried, where trying it would fail; and what is best is learnt.
#[test]
fn forbidden_actions_are_left_out() {
    for actions in [2, 3] {
        let settings = vine(32, actions, 4).with_total_steps(40_000);
        let mut trainer = Trainer::for_env("MaskedChoice", MaskedChoice::default, &settings).expect("a run");
        trainer.train(|_, _| {}).expect("updates");
        let branches = branches(trainer.rollout());
        assert_eq!(branches.all_actions, actions == 3);
        let forbidden = branches.log_probs.iter().filter(|log_prob| **log_prob == f32::NEG_INFINITY).count();
        assert_eq!(forbidden, if actions == 3 { branches.rows.len() } else { 0 });
        let mean = trainer.mean_return().expect("episodes");
        assert!(mean > 3.5, "{mean} of 4");
    }
}

#[test]
fn settings_that_do_not_fit_are_refused_by_name() {
    let cases = [
        (vine(33, 2, 5), "vine_states is 33"),
        (vine(0, 2, 5), "vine_states is 0"),
        (vine(4, 1, 5), "vine_actions is 1"),
        (vine(4, 2, 0), "vine_length is 0"),
        (vine(32, 1 << 20, 5), "n_envs · vine_states · vine_actions is 134217728"),
        (vine(4, 2, 5).with_normalization(false, true), "normalize_reward is true"),
    ];
    for (settings, expected) in cases {
        let error = Trainer::for_env("CartPole-v1", CartPole::v1, &settings).err().expect("a refusal");
        assert!(error.to_string().contains(expected), "{error}");
    }
}
