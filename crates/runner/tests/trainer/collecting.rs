//! The collector against a loop that does one thing after the other.

use gradus_core_math::{Distribution, RunningMoments, Stream};
use gradus_envs::{Env, Outcome, VecEnv, VectorEnv};
use gradus_policy::{
    ActionMap, ActorCritic, ActorCriticConfig, Agent, Frozen, Input, Mlp, Normalizer, Rollout, Team, Threads,
    ValueScale,
};
use gradus_runner::{Acting, AdvantageEstimator, Collector, CollectorConfig};

use crate::tasks::{WALK_LIMIT, bits, limited_walk};

const N: usize = 3;
const T: usize = 16;
const WIDTH: usize = 2;
const SEED: u64 = 11;
const GAMMA: f64 = 0.9;
const LAMBDA: f64 = 0.8;

fn config(normalize: bool, acting: Acting) -> CollectorConfig {
    CollectorConfig {
        n_envs: N,
        n_steps: T,
        seed: SEED,
        gamma: GAMMA,
        gae_lambda: LAMBDA,
        advantage: AdvantageEstimator::Gae,
        normalize_observation: normalize,
        normalize_reward: normalize,
        action_map: ActionMap::Clip { low: vec![-1.0], high: vec![1.0] },
        acting,
        sequence_length: T,
        vine: None,
    }
}

fn agent() -> Agent<Mlp<f32>> {
    let config = ActorCriticConfig::new(WIDTH, Distribution::DiagGaussian { dim: 1 }).with_hidden(&[16]);
    Agent::new(config.build(), &mut Stream::new(SEED, "initialize", 0))
}

/// One environment, stepped by hand.
struct Hand {
    env: Box<dyn Env>,
    transitions: Stream,
    actions: Stream,
    /// The present observation.
    now: Vec<f32>,
    /// The discounted return so far, for the scale of rewards.
    discounted: f64,
}

/// What the naive loop knows of one step.
struct Moment {
    observation: Vec<f32>,
    action: f32,
    log_prob: f32,
    reward: f64,
    outcome: Outcome,
    value: f32,
    /// Of the state that the step led to: at the end of an episode the true final one.
    next_value: f32,
    /// Of what the environment shows next: after the end of an episode the first state of the next one.
    value_after_reset: f32,
}

struct Naive {
    hands: Vec<Hand>,
    observations: RunningMoments,
    /// All discounted returns so far.
    discounted: Vec<f64>,
    normalize: bool,
}

impl Naive {
    fn new(normalize: bool) -> Self {
        let hand = |i: u64| {
            let mut hand = Hand {
                env: Box::new(limited_walk()),
                transitions: Stream::new(SEED, "environment", i),
                actions: Stream::new(SEED, "action", i),
                now: vec![0.0; WIDTH],
                discounted: 0.0,
            };
            hand.env.reset(&mut hand.transitions, &mut hand.now).expect("a start");
            hand
        };
        let hands = (0..N as u64).map(hand).collect();
        Self { hands, observations: RunningMoments::new(WIDTH), discounted: Vec::new(), normalize }
    }

    fn seen(&self, observation: &[f32]) -> Vec<f32> {
        let mut out = observation.to_vec();
        if self.normalize {
            Normalizer::new(&self.observations).apply(observation, &mut out);
        }
        out
    }

    /// T steps of one environment after the other.
    fn rollout(&mut self, agent: &mut Agent<Mlp<f32>>) -> Vec<Vec<Moment>> {
        let mut all = Vec::new();
        let mut moments = Vec::new();
        for i in 0..N {
            let mut own = RunningMoments::new(WIDTH);
            let steps = (0..T).map(|_| self.step(i, agent, &mut own)).collect::<Vec<_>>();
            all.push(steps);
            moments.push(own);
        }
        moments.iter().for_each(|own| self.observations.merge(own));
        all
    }

    fn step(&mut self, i: usize, agent: &mut Agent<Mlp<f32>>, own: &mut RunningMoments) -> Moment {
        let observation = self.seen(&self.hands[i].now);
        let value = value_of(&mut agent.network, &agent.theta, &observation);
        let mut params = [0.0; 2];
        agent.network.freeze_policy(&agent.theta).forward(&observation, &mut params);
        let (distribution, hand) = (agent.network.distribution(), &mut self.hands[i]);
        let mut action = [0.0];
        distribution.sample(&params, None, &mut hand.actions, &mut action);
        let log_prob = distribution.log_prob(&params, None, &action);
        let clipped = [action[0].clamp(-1.0, 1.0)];
        let step = hand.env.step(&clipped, &mut hand.transitions, &mut hand.now).expect("a step");
        let reached = self.seen(&self.hands[i].now);
        let hand = &mut self.hands[i];
        if step.outcome.is_over() {
            hand.env.reset(&mut hand.transitions, &mut hand.now).expect("a start");
        }
        own.push(&hand.now);
        let after_reset = self.seen(&self.hands[i].now);
        Moment {
            action: action[0],
            log_prob,
            reward: step.reward,
            outcome: step.outcome,
            value,
            next_value: value_of(&mut agent.network, &agent.theta, &reached),
            value_after_reset: value_of(&mut agent.network, &agent.theta, &after_reset),
            observation,
        }
    }

    /// The rewards as the learner sees them, `[N][T]`.
    fn scaled(&mut self, moments: &[Vec<Moment>]) -> Vec<Vec<f64>> {
        if !self.normalize {
            return moments.iter().map(|of_env| of_env.iter().map(|m| m.reward).collect()).collect();
        }
        for (of_env, hand) in moments.iter().zip(&mut self.hands) {
            for m in of_env {
                hand.discounted = GAMMA * hand.discounted + m.reward;
                self.discounted.push(hand.discounted);
                if m.outcome.is_over() {
                    hand.discounted = 0.0;
                }
            }
        }
        let n = self.discounted.len() as f64;
        let mean = self.discounted.iter().sum::<f64>() / n;
        let variance = self.discounted.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
        let scale = |m: &Moment| (m.reward / (variance + 1e-8).sqrt()).clamp(-10.0, 10.0);
        moments.iter().map(|of_env| of_env.iter().map(scale).collect()).collect()
    }
}

fn value_of(network: &mut ActorCritic<Mlp<f32>>, theta: &[f32], observation: &[f32]) -> f32 {
    let mut value = [0.0];
    network.values(Team::single(), theta, Input::all(observation, WIDTH), &mut value);
    value[0]
}

/// Â_t = Σ_k (γλ)^k δ_{t+k} up to the end of the episode or of the rollout, from the definition.
fn advantages(moments: &[Moment], rewards: &[f64]) -> Vec<f64> {
    let delta = |t: usize| {
        let m: &Moment = &moments[t];
        let next = if m.outcome == Outcome::Terminated { 0.0 } else { f64::from(m.next_value) };
        rewards[t] + GAMMA * next - f64::from(m.value)
    };
    let sum = |t: usize| {
        let end = (t..T).find(|&k| moments[k].outcome.is_over()).unwrap_or(T - 1);
        (t..=end).map(|k| (GAMMA * LAMBDA).powi((k - t) as i32) * delta(k)).sum()
    };
    (0..T).map(sum).collect()
}

fn collector(
    normalize: bool,
    acting: Acting,
    threads: usize,
    agent: &Agent<Mlp<f32>>,
) -> Collector<Mlp<f32>> {
    let make = |n: usize, seed: u64, first: usize| {
        let envs = (0..n).map(|_| limited_walk()).collect();
        Ok(Box::new(VecEnv::new(envs, seed, first)?) as Box<dyn VectorEnv>)
    };
    let config = config(normalize, acting);
    Collector::new(config, &make, &agent.network, &agent.theta, threads).expect("a collector")
}

#[test]
fn a_rollout_is_what_a_plain_loop_gives() {
    use Acting::{Apart, Together};
    for (normalize, threads, acting) in [
        (false, 1, Apart),
        (false, 2, Apart),
        (true, 1, Apart),
        (true, 3, Apart),
        (false, 1, Together),
        (true, 2, Together),
    ] {
        let mut agent = agent();
        let mut collector = collector(normalize, acting, threads, &agent);
        let mut naive = Naive::new(normalize);
        let mut team = Threads::new(threads);
        let (mut terminated, mut truncated) = (0, 0);
        // The second one goes on with the statistics of the first.
        for _ in 0..3 {
            let (network, theta) = (&mut agent.network, &agent.theta);
            collector.collect(team.team(), network, theta).expect("a rollout");
            let moments = naive.rollout(&mut agent);
            let rewards = naive.scaled(&moments);
            for (i, of_env) in moments.iter().enumerate() {
                check_env(collector.rollout(), i, of_env, &rewards[i]);
                terminated += of_env.iter().filter(|m| m.outcome == Outcome::Terminated).count();
                truncated += of_env.iter().filter(|m| m.outcome == Outcome::Truncated).count();
            }
            let expected = normalize.then(|| Normalizer::new(&naive.observations));
            assert_eq!(collector.normalizer(), expected);
        }
        assert!(terminated > 3 && truncated > 3, "{terminated} and {truncated} ends are too few to tell");
    }
}

/// What is drawn and evaluated agrees to the bit; sums are taken in another order here.
fn check_env(rollout: &Rollout<f32>, i: usize, moments: &[Moment], rewards: &[f64]) {
    let advantages = advantages(moments, rewards);
    for (t, m) in moments.iter().enumerate() {
        let row = t * N + i;
        let at = format!("step {t} of environment {i}");
        let observation = &rollout.observations[row * WIDTH..][..WIDTH];
        assert_eq!(bits(observation), bits(&m.observation), "{at}");
        assert_eq!(rollout.actions[row].to_bits(), m.action.to_bits(), "{at}");
        assert_eq!(rollout.log_probs[row].to_bits(), m.log_prob.to_bits(), "{at}");
        assert_eq!(rollout.values[row].to_bits(), m.value.to_bits(), "{at}");
        assert_eq!(rollout.terminated[row], m.outcome == Outcome::Terminated, "{at}");
        assert_eq!(rollout.truncated[row], m.outcome == Outcome::Truncated, "{at}");
        if m.outcome != Outcome::Terminated {
            assert_eq!(rollout.next_values[row].to_bits(), m.next_value.to_bits(), "{at}");
        }
        if m.outcome == Outcome::Truncated {
            // The wrong variants: the value of the next episode's start, or none.
            assert_ne!(m.next_value.to_bits(), m.value_after_reset.to_bits(), "{at}");
            assert!((m.next_value - m.value_after_reset).abs() > 1e-4 && m.next_value.abs() > 1e-4, "{at}");
        }
        close(rollout.rewards[row], rewards[t], &at);
        close(rollout.advantages[row], advantages[t], &at);
        close(rollout.value_targets[row], advantages[t] + f64::from(m.value), &at);
    }
}

fn close(found: f32, expected: f64, at: &str) {
    assert!(
        (f64::from(found) - expected).abs() <= 1e-5 * (1.0 + expected.abs()),
        "{found}, {expected}: {at}"
    );
}

/// With a scale the outputs of the critic become values, those behind the last step and of true final observations
/// as well; the value behind a terminated step stays 0.
#[test]
fn values_are_what_the_outputs_stand_for() {
    let mut agent = agent();
    let mut moments = RunningMoments::new(1);
    [-30.0_f32, -10.0].iter().for_each(|&target| moments.push(&[target]));
    let scale = ValueScale::of(&moments);
    let [plain, scaled] = [None, scale].map(|scale| {
        let mut collector = collector(false, Acting::Apart, 2, &agent);
        collector.set_value_scale(scale);
        collector.collect(Threads::new(2).team(), &mut agent.network, &agent.theta).expect("a rollout");
        collector.rollout().clone()
    });
    let mut ends = 0;
    for i in 0..T * N {
        let at = format!("row {i}");
        close(scaled.values[i], -20.0 + 10.0 * f64::from(plain.values[i]), &at);
        let next = if plain.terminated[i] { 0.0 } else { -20.0 + 10.0 * f64::from(plain.next_values[i]) };
        close(scaled.next_values[i], next, &at);
        ends += usize::from(plain.terminated[i]) + usize::from(plain.truncated[i]);
    }
    assert!(ends > 1, "ends of episodes were met");
}

/// The last hundred episodes are those of the mean return: their order must not tell the number of threads.
#[test]
fn episodes_are_told_in_the_order_of_their_ends() {
    let mut agent = agent();
    for (threads, acting) in
        [(1, Acting::Apart), (2, Acting::Apart), (3, Acting::Apart), (3, Acting::Together)]
    {
        let mut collector = collector(false, acting, threads, &agent);
        let mut team = Threads::new(threads);
        for _ in 0..3 {
            collector.collect(team.team(), &mut agent.network, &agent.theta).expect("a rollout");
            let rollout = collector.rollout();
            let over = |row: usize| rollout.terminated[row] || rollout.truncated[row];
            let ends: Vec<usize> = (0..T * N).filter(|&row| over(row)).map(|row| row % N).collect();
            let told: Vec<usize> = collector.episodes().iter().map(|episode| episode.env).collect();
            assert_eq!(told, ends, "{threads} threads");
            assert!(collector.episodes().iter().all(|episode| episode.length <= WALK_LIMIT));
        }
    }
}
