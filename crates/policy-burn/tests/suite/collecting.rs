//! What a collector records of a policy that remembers, beside a loop that steps one environment by hand.

use gradus_core_math::{Distribution, Stream};
use gradus_envs::{Env, KeepValues, Outcome, TimeLimit, VecEnv, VectorEnv, classic::CartPole};
use gradus_policy::{
    ActionMap, ActorCritic, ActorCriticConfig, Agent, Body, Context, Frozen, Rollout, Team, Threads, Update,
};
use gradus_policy_burn::{BurnNetwork, Stack, build_actor_critic};
use gradus_ppo::{Minibatches, Ppo, PpoConfig};
use gradus_runner::{Acting, AdvantageEstimator, Collector, CollectorConfig};

use crate::devices::{devices, uniform};

const ENVS: usize = 3;
const STEPS: usize = 40;
const LENGTH: usize = 8;
const STATE: usize = 6;
const SEED: u64 = 3;
const TOLERANCE: f32 = 1e-4;

/// Episodes that end both ways within a few steps.
fn task() -> TimeLimit<KeepValues<CartPole>> {
    TimeLimit::new(KeepValues::new(CartPole::default(), &[0, 2]), 17)
}

fn agent(device: &burn::tensor::Device) -> Agent<BurnNetwork<Stack>> {
    let config = ActorCriticConfig::new(2, Distribution::Categorical { n: 2 })
        .with_body(Body::Gru { width: STATE })
        .with_hidden(&[8])
        .with_shared_trunk(true);
    let mut agent = Agent::new(build_actor_critic(&config, device), &mut Stream::new(4, "initialize", 0));
    let moved = uniform("moved", agent.theta.len());
    agent.theta.iter_mut().zip(moved).for_each(|(x, m)| *x += 0.4 * m);
    agent
}

fn collector(
    agent: &Agent<BurnNetwork<Stack>>,
    acting: Acting,
    threads: usize,
) -> Collector<BurnNetwork<Stack>> {
    let make = |n: usize, seed: u64, first: usize| {
        let envs = (0..n).map(|_| task()).collect();
        Ok(Box::new(VecEnv::new(envs, seed, first)?) as Box<dyn VectorEnv>)
    };
    let config = CollectorConfig {
        n_envs: ENVS,
        n_steps: STEPS,
        seed: SEED,
        gamma: 0.9,
        gae_lambda: 0.8,
        advantage: AdvantageEstimator::Gae,
        normalize_observation: false,
        normalize_reward: false,
        action_map: ActionMap::Identity,
        acting,
        sequence_length: LENGTH,
        vine: None,
    };
    Collector::new(config, &make, &agent.network, &agent.theta, threads).expect("a collector")
}

/// One environment, stepped by hand with the actions of a rollout, and what the policy remembers of it.
struct Hand {
    env: TimeLimit<KeepValues<CartPole>>,
    rng: Stream,
    now: Vec<f32>,
    state: Vec<f32>,
}

impl Hand {
    fn new(i: u64) -> Self {
        let mut hand = Self {
            env: task(),
            rng: Stream::new(SEED, "environment", i),
            now: vec![0.0; 2],
            state: vec![0.0; STATE],
        };
        hand.env.reset(&mut hand.rng, &mut hand.now).expect("a start");
        hand
    }

    /// The outputs for the present observation, and the state after it.
    fn look(&self, network: &ActorCritic<BurnNetwork<Stack>>, theta: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let (mut state, mut output) = (self.state.clone(), vec![0.0; network.frozen_width()]);
        network.freeze_policy(theta).step(&self.now, &mut state, &mut output);
        (output, state)
    }

    fn check(&mut self, agent: &Agent<BurnNetwork<Stack>>, rollout: &Rollout<f32>, env: usize) -> [usize; 2] {
        let remembered = rollout.remembered.as_ref().expect("a memory");
        let (mut ends, mut begins) = ([0; 2], false);
        for t in 0..STEPS {
            let (row, at) = (t * ENVS + env, format!("step {t} of environment {env}"));
            if t % LENGTH == 0 {
                let found = &remembered.states[(t / LENGTH * ENVS + env) * STATE..][..STATE];
                near(found, &self.state, &at);
            }
            assert_eq!(remembered.starts[row], begins, "{at}");
            let (output, state) = self.look(&agent.network, &agent.theta);
            near(&rollout.distribution_params[row * 2..][..2], &output[..2], &at);
            near(&rollout.values[row..][..1], &output[2..], &at);
            self.state = state;
            let action = [rollout.actions[row]];
            let step = self.env.step(&action, &mut self.rng, &mut self.now).expect("a step");
            // What follows is seen with what was remembered so far, also where the episode was cut off.
            let next = if step.outcome == Outcome::Terminated {
                0.0
            } else {
                self.look(&agent.network, &agent.theta).0[2]
            };
            near(&rollout.next_values[row..][..1], &[next], &at);
            begins = step.outcome.is_over();
            if begins {
                ends[usize::from(step.outcome == Outcome::Truncated)] += 1;
                self.env.reset(&mut self.rng, &mut self.now).expect("a start");
                self.state.fill(0.0);
            }
        }
        ends
    }
}

fn near(found: &[f32], expected: &[f32], at: &str) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < TOLERANCE, "{found}, not {expected}: {at}");
    }
}

#[test]
fn memories_begin_with_episodes_and_are_kept_over_rollouts() {
    for (_, device) in devices() {
        for (acting, threads) in [(Acting::Together, 1), (Acting::Together, 2), (Acting::Apart, 1)] {
            let mut agent = agent(&device);
            let mut collector = collector(&agent, acting, threads);
            let mut hands: Vec<Hand> = (0..ENVS as u64).map(Hand::new).collect();
            let mut ends = [0; 2];
            for _ in 0..2 {
                let mut team = Threads::new(threads);
                let (network, theta) = (&mut agent.network, &agent.theta);
                collector.collect(team.team(), network, theta).expect("a rollout");
                for (env, hand) in hands.iter_mut().enumerate() {
                    let of_env = hand.check(&agent, collector.rollout(), env);
                    ends.iter_mut().zip(of_env).for_each(|(all, own)| *all += own);
                }
            }
            assert!(ends[0] > 2 && ends[1] > 2, "{ends:?} ends are too few to tell");
        }
    }
}

/// What is remembered between rollouts is part of a collector's state.
#[test]
fn a_restored_collector_remembers() {
    let (_, device) = devices().remove(0);
    let mut agent = agent(&device);
    let mut straight = collector(&agent, Acting::Together, 1);
    let mut collect = |collector: &mut Collector<BurnNetwork<Stack>>| {
        let (network, theta) = (&mut agent.network, &agent.theta);
        collector.collect(Threads::new(1).team(), network, theta).expect("a rollout");
        collector.rollout().clone()
    };
    collect(&mut straight);
    let state = straight.state();
    let expected = collect(&mut straight);
    let first = expected.remembered.as_ref().expect("a memory").states[..ENVS * STATE].to_vec();
    assert!(first.iter().any(|x| *x != 0.0), "there is something to remember");
    let other = self::agent(&device);
    let mut restored = collector(&other, Acting::Together, 1);
    restored.load(state).expect("of the same run");
    assert!(collect(&mut restored) == expected);
}

/// Sequences stay whole in minibatches of any size, or the network would refuse them, and all rows are learnt from.
#[test]
fn updates_shuffle_whole_sequences() {
    let (_, device) = devices().remove(0);
    for (minibatches, steps) in
        [(Minibatches::Count(2), 2.0), (Minibatches::Size(20), 8.0), (Minibatches::Size(1), 15.0)]
    {
        let mut agent = agent(&device);
        let mut collector = collector(&agent, Acting::Together, 1);
        let (network, theta) = (&mut agent.network, &agent.theta);
        collector.collect(Threads::new(1).team(), network, theta).expect("a rollout");
        let config = PpoConfig::new().with_epochs(1).with_minibatches(minibatches);
        let mut ppo = Ppo::new(config, &agent).expect("settings in range");
        let context = Context { team: Team::single(), progress: 0.0, rng: &mut Stream::new(9, "update", 0) };
        let metrics = ppo.update(&mut agent, &collector.rollout().batch(), context).expect("finite numbers");
        assert_eq!(metrics.get("gradient_steps"), Some(steps), "{minibatches:?}");
        // With the policy that acted, ratios are 1: the first minibatch tells whether it sees what acting saw.
        if minibatches == Minibatches::Count(2) {
            let kl = metrics.get("kl_old_new").expect("told");
            assert!(kl.abs() < 1e-3, "{kl}");
        }
    }
}
