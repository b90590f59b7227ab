//! Trying other actions out in states that a rollout went through.

use gradus_core_math::{Distribution, Stream};
use gradus_envs::{EnvError, Outcome, State, VectorEnv};
use gradus_policy::Frozen;
use rand::RngExt;

use super::actor::Actor;
use super::shard::{Maps, Record, see};

/// How a rollout branches: TRPO's *vine* (Schulman et al. 2015, section 5.2).
///
/// In some states of each environment several actions are tried out. What each is worth, Q̂(s, a), is the discounted sum
/// of rewards of a roll-out that begins with it and goes on with the policy, and of the critic's value where it is cut
/// off. All roll-outs of a state meet the same random numbers, in the policy's draws and in the task's (common random
/// numbers): what differs between their returns is due to their actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VineConfig {
    /// States of each environment in which a rollout branches, of T: one of each of as many equal parts of it.
    pub states: usize,
    /// K, the actions that are tried in a state: all, once each, where a single choice has so few; else as many that
    /// the policy draws. At least 2.
    pub actions: usize,
    /// The most steps of a roll-out, L.
    pub length: usize,
}

impl VineConfig {
    /// Whether the actions are all that there are, and how many they are.
    pub(super) fn actions_of(self, distribution: &Distribution) -> (bool, usize) {
        match distribution {
            Distribution::Categorical { n } if *n <= self.actions => (true, *n),
            _ => (false, self.actions),
        }
    }

    /// The steps of a rollout of `n_steps` after which it branches, in their order: one of each part.
    pub(super) fn draw_steps(self, n_steps: usize, rng: &mut Stream) -> Vec<usize> {
        let parts = 0..self.states;
        let bound = |part: usize| part * n_steps / self.states;
        parts.map(|part| rng.random_range(bound(part)..bound(part + 1))).collect()
    }
}

/// What is needed to go back to a state, and on from there with the numbers that came after it.
pub(super) struct Fork {
    pub(super) env: State,
    pub(super) stream: Stream,
}

/// The environments of one thread that roll-outs are made in, one for each, and what these come to. Roll-outs are in the
/// order of steps, then environments, then actions, `[P, n, K]`.
pub(super) struct Brancher {
    gamma: f64,
    length: usize,
    distribution: Distribution,
    all_actions: bool,
    actions_per_state: usize,
    envs: Vec<Box<dyn VectorEnv>>,
    streams: Vec<Stream>,
    pub(super) actions: Vec<f32>,
    pub(super) log_probs: Vec<f32>,
    /// Discounted rewards; without the value of what follows.
    pub(super) returns: Vec<f64>,
    /// Where that value is missing: the roll-out, and the discount there.
    pub(super) open: Vec<(usize, f64)>,
    /// The observations there, as the networks see them.
    pub(super) ends: Vec<f32>,
    /// Steps of the simulator.
    pub(super) steps: u64,
    live: Vec<usize>,
    observed: Vec<f32>,
    outputs: Vec<f32>,
    action: Vec<f32>,
    env_action: Vec<f32>,
}

impl Brancher {
    /// For the states of `n_envs` environments; `make` makes one.
    pub(super) fn new(
        vine: VineConfig,
        gamma: f64,
        n_envs: usize,
        distribution: &Distribution,
        make: impl Fn() -> Result<Box<dyn VectorEnv>, EnvError>,
    ) -> Result<Self, EnvError> {
        let (all_actions, actions_per_state) = vine.actions_of(distribution);
        let count = vine.states * n_envs * actions_per_state;
        let width = distribution.action_width();
        Ok(Self {
            gamma,
            length: vine.length,
            all_actions,
            actions_per_state,
            envs: (0..count).map(|_| make()).collect::<Result<_, _>>()?,
            streams: Vec::new(),
            actions: Vec::new(),
            log_probs: Vec::new(),
            returns: Vec::new(),
            open: Vec::new(),
            ends: Vec::new(),
            steps: 0,
            live: Vec::new(),
            observed: Vec::new(),
            outputs: Vec::new(),
            action: vec![0.0; width],
            env_action: vec![0.0; width],
            distribution: distribution.clone(),
        })
    }

    /// Tries out actions in the states of `record` that were kept, after its `steps`.
    pub(super) fn run<F: Frozen<Scalar = f32>>(
        &mut self,
        actor: &mut Actor<F>,
        record: &Record,
        steps: &[usize],
        maps: Maps<'_>,
    ) -> Result<(), EnvError> {
        self.begin(record, steps)?;
        self.first_step(maps)?;
        for t in 1..self.length {
            if self.live.is_empty() {
                break;
            }
            self.observe(maps);
            actor.answer_rows(&self.observed, &mut self.outputs, self.live.len());
            self.draw_and_step(t, actor.width(), maps)?;
        }
        self.cut_off(maps);
        Ok(())
    }

    /// Chooses the actions, and puts every environment back into its state.
    fn begin(&mut self, record: &Record, steps: &[usize]) -> Result<(), EnvError> {
        let (n_params, width) = (self.distribution.n_params(), self.distribution.action_width());
        self.streams.clear();
        self.actions.clear();
        self.log_probs.clear();
        self.live.clear();
        self.open.clear();
        self.ends.clear();
        self.returns.clear();
        self.returns.resize(self.envs.len(), 0.0);
        self.steps = 0;
        let n = record.forks.len() / steps.len();
        for (place, fork) in record.forks.iter().enumerate() {
            let row = steps[place / n] * n + place % n;
            let params = &record.params[row * n_params..][..n_params];
            let masks = self.distribution.mask_width();
            let mask = (!record.masks.is_empty()).then(|| &record.masks[row * masks..][..masks]);
            let mut stream = fork.stream.clone();
            // As the rollout did, which is then the roll-out with the action that was taken.
            if self.all_actions {
                self.distribution.sample(params, mask, &mut stream, &mut self.action);
            }
            for k in 0..self.actions_per_state {
                let start = self.actions.len();
                self.actions.resize(start + width, k as f32);
                let action = &mut self.actions[start..];
                if !self.all_actions {
                    self.distribution.sample(params, mask, &mut stream, action);
                }
                self.log_probs.push(self.distribution.log_prob(params, mask, action));
            }
            for _ in 0..self.actions_per_state {
                let branch = self.streams.len();
                if self.log_probs[branch] > f32::NEG_INFINITY {
                    self.envs[branch].restore(std::slice::from_ref(&fork.env))?;
                    self.live.push(branch);
                }
                self.streams.push(stream.clone());
            }
        }
        Ok(())
    }

    /// The step with the action that is tried out.
    fn first_step(&mut self, maps: Maps<'_>) -> Result<(), EnvError> {
        let width = self.action.len();
        for branch in std::mem::take(&mut self.live) {
            self.action.copy_from_slice(&self.actions[branch * width..][..width]);
            self.step(branch, 0, maps)?;
        }
        Ok(())
    }

    /// A step with an action that the policy draws.
    fn draw_and_step(&mut self, t: usize, outputs: usize, maps: Maps<'_>) -> Result<(), EnvError> {
        for (row, branch) in std::mem::take(&mut self.live).into_iter().enumerate() {
            let params = &self.outputs[row * outputs..][..self.distribution.n_params()];
            let masks = self.envs[branch].masks();
            let mask = (!masks.is_empty()).then_some(masks);
            self.distribution.sample(params, mask, &mut self.streams[branch], &mut self.action);
            self.step(branch, t, maps)?;
        }
        Ok(())
    }

    /// Takes `self.action` at step `t` of a roll-out, which lives on unless its episode ends.
    fn step(&mut self, branch: usize, t: usize, maps: Maps<'_>) -> Result<(), EnvError> {
        let env = &mut self.envs[branch];
        maps.action_map.apply(&self.action, &mut self.env_action);
        env.step(&self.env_action)?;
        env.drain_episodes();
        self.steps += 1;
        self.returns[branch] += self.gamma.powi(t as i32) * env.rewards()[0];
        match env.outcomes()[0] {
            Outcome::Running => self.live.push(branch),
            Outcome::Terminated => {}
            Outcome::Truncated => {
                self.open.push((branch, self.gamma.powi(t as i32 + 1)));
                see(maps.normalizer, env.final_observations(), &mut self.ends);
            }
        }
        Ok(())
    }

    /// Writes the observations of all roll-outs that live to `observed`.
    fn observe(&mut self, maps: Maps<'_>) {
        self.observed.clear();
        for &branch in &self.live {
            see(maps.normalizer, self.envs[branch].observations(), &mut self.observed);
        }
    }

    /// What lives still has L steps behind it.
    fn cut_off(&mut self, maps: Maps<'_>) {
        let discount = self.gamma.powi(self.length as i32);
        for branch in std::mem::take(&mut self.live) {
            self.open.push((branch, discount));
            see(maps.normalizer, self.envs[branch].observations(), &mut self.ends);
        }
    }
}
