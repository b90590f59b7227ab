//! The environments of one thread.

use gradus_core_math::{Distribution, RunningMoments, Stream};
use gradus_envs::{EnvError, Episode, Outcome, VectorEnv};
use gradus_policy::{ActionMap, Frozen, Normalizer};

use super::actor::{Actor, Answers};
use super::branching::{Brancher, Fork};

/// How observations and actions are seen from the other side during a rollout.
#[derive(Clone, Copy)]
pub(super) struct Maps<'a> {
    pub(super) normalizer: Option<&'a Normalizer>,
    pub(super) action_map: &'a ActionMap,
}

/// Some environments with all that they need to go through a rollout without meeting anybody else: their random
/// streams, and room for what they see. No cache line of one thread's is beside one of another's.
#[repr(align(128))]
pub(super) struct Shard {
    pub(super) env: Box<dyn VectorEnv>,
    pub(super) first: usize,
    /// One stream an environment, from which its actions are drawn.
    pub(super) streams: Vec<Stream>,
    distribution: Distribution,
    pub(super) record: Record,
    /// Who tries other actions out, if anybody does.
    pub(super) brancher: Option<Brancher>,
    pub(super) error: Option<EnvError>,
    env_actions: Vec<f32>,
    /// The present observations, as the networks see them, `[n, observation_width]`.
    pub(super) observed: Vec<f32>,
}

/// What the environments of a shard saw in one rollout; time-major, `[T, n, ...]`.
#[derive(Default)]
pub(super) struct Record {
    pub(super) observations: Vec<f32>,
    pub(super) actions: Vec<f32>,
    pub(super) masks: Vec<bool>,
    pub(super) log_probs: Vec<f32>,
    pub(super) params: Vec<f32>,
    pub(super) rewards: Vec<f64>,
    pub(super) outcomes: Vec<Outcome>,
    /// Final observations of truncated episodes, as the networks see them, in the order of their coming.
    pub(super) truncated: Vec<f32>,
    /// What the policy remembered there.
    pub(super) truncated_states: Vec<f32>,
    /// The observations after the last step, as the networks see them.
    pub(super) last: Vec<f32>,
    pub(super) episodes: Vec<Episode>,
    /// The states in which other actions are tried out, in the order of steps and then of environments.
    pub(super) forks: Vec<Fork>,
    /// Statistics of raw observations, one an environment.
    pub(super) moments: Vec<RunningMoments>,
}

impl Shard {
    pub(super) fn new(env: Box<dyn VectorEnv>, first: usize, seed: u64, distribution: Distribution) -> Self {
        let n = env.n_envs();
        Self {
            streams: (first..first + n).map(|i| Stream::new(seed, "action", i as u64)).collect(),
            first,
            record: Record::default(),
            brancher: None,
            error: None,
            env_actions: vec![0.0; n * distribution.action_width()],
            observed: vec![0.0; env.observations().len()],
            env,
            distribution,
        }
    }

    /// Steps every environment `n_steps` times with a policy of its own, and branches in the steps `forks`. An error
    /// stays in `error`.
    pub(super) fn run<F: Frozen<Scalar = f32>>(
        &mut self,
        actor: &mut Actor<F>,
        theta: &[f32],
        (n_steps, forks): (usize, &[usize]),
        maps: Maps<'_>,
    ) {
        actor.begin(theta);
        self.begin(maps);
        for t in 0..n_steps {
            if forks.contains(&t) {
                self.fork();
            }
            actor.answer(&self.observed);
            self.step(actor.answers(), maps);
            actor.forget(0, self.env.outcomes());
        }
        self.end();
        self.branch(actor, forks, maps);
    }

    /// Keeps the present states, to come back to them.
    pub(super) fn fork(&mut self) {
        let states = self.env.save().into_iter().zip(&self.streams);
        self.record.forks.extend(states.map(|(env, stream)| Fork { env, stream: stream.clone() }));
    }

    /// Tries other actions out in the states that were kept. After an error nothing happens any more.
    pub(super) fn branch<F: Frozen<Scalar = f32>>(
        &mut self,
        actor: &mut Actor<F>,
        forks: &[usize],
        maps: Maps<'_>,
    ) {
        if let (Some(brancher), None) = (&mut self.brancher, &self.error) {
            self.error = brancher.run(actor, &self.record, forks, maps).err();
        }
    }

    /// Begins a rollout: forgets the last one, and looks at the present observations.
    pub(super) fn begin(&mut self, maps: Maps<'_>) {
        self.record.clear();
        if maps.normalizer.is_some() {
            let width = self.env.observation_space().width();
            self.record.moments.resize_with(self.env.n_envs(), || RunningMoments::new(width));
            self.record.moments.fill(RunningMoments::new(width));
        }
        self.look(maps.normalizer);
    }

    /// Draws an action for each environment from the policy's answers, whose first rows are its own, and makes the
    /// step. After an error nothing happens any more.
    pub(super) fn step(&mut self, answers: Answers<'_>, maps: Maps<'_>) {
        if self.error.is_some() {
            return;
        }
        self.act(answers);
        let actions = last_rows(&self.record.actions, self.env_actions.len());
        maps.action_map.apply(actions, &mut self.env_actions);
        if let Err(error) = self.env.step(&self.env_actions) {
            self.error = Some(error);
            return;
        }
        self.observe(answers, maps.normalizer);
        self.look(maps.normalizer);
    }

    /// Ends a rollout.
    pub(super) fn end(&mut self) {
        self.record.last.extend_from_slice(&self.observed);
        self.record.episodes.extend(self.env.drain_episodes());
    }

    /// Writes the observations, as the networks see them, to `observed`.
    fn look(&mut self, normalizer: Option<&Normalizer>) {
        match normalizer {
            Some(normalizer) => normalizer.apply(self.env.observations(), &mut self.observed),
            None => self.observed.copy_from_slice(self.env.observations()),
        }
    }

    /// Draws one action an environment, and records it with what it was drawn from.
    fn act(&mut self, answers: Answers<'_>) {
        let record = &mut self.record;
        record.observations.extend_from_slice(&self.observed);
        record.masks.extend_from_slice(self.env.masks());
        let (n_params, action_width) = (self.distribution.n_params(), self.distribution.action_width());
        for (i, rng) in self.streams.iter_mut().enumerate() {
            let params = &answers.outputs[i * answers.width..][..n_params];
            let mask = (!self.env.masks().is_empty()).then(|| {
                let width = self.distribution.mask_width();
                &self.env.masks()[i * width..][..width]
            });
            let start = record.actions.len();
            record.actions.resize(start + action_width, 0.0);
            let action = &mut record.actions[start..];
            self.distribution.sample(params, mask, rng, action);
            record.log_probs.push(self.distribution.log_prob(params, mask, action));
            record.params.extend_from_slice(params);
        }
    }

    /// Records what the step gave.
    fn observe(&mut self, answers: Answers<'_>, normalizer: Option<&Normalizer>) {
        let record = &mut self.record;
        record.rewards.extend_from_slice(self.env.rewards());
        record.outcomes.extend_from_slice(self.env.outcomes());
        let width = self.env.observation_space().width();
        for (i, outcome) in self.env.outcomes().iter().enumerate() {
            if *outcome == Outcome::Truncated {
                let observation = &self.env.final_observations()[i * width..][..width];
                see(normalizer, observation, &mut record.truncated);
                record.truncated_states.extend_from_slice(answers.state(i));
            }
        }
        let rows = self.env.observations().chunks_exact(width);
        for (moments, observation) in record.moments.iter_mut().zip(rows) {
            moments.push(observation);
        }
    }
}

impl Record {
    fn clear(&mut self) {
        self.observations.clear();
        self.actions.clear();
        self.masks.clear();
        self.log_probs.clear();
        self.params.clear();
        self.rewards.clear();
        self.outcomes.clear();
        self.truncated.clear();
        self.truncated_states.clear();
        self.last.clear();
        self.episodes.clear();
        self.forks.clear();
    }
}

/// Appends an observation as the networks see it.
pub(super) fn see(normalizer: Option<&Normalizer>, observation: &[f32], to: &mut Vec<f32>) {
    let start = to.len();
    to.extend_from_slice(observation);
    if let Some(normalizer) = normalizer {
        normalizer.apply(observation, &mut to[start..]);
    }
}

fn last_rows(rows: &[f32], length: usize) -> &[f32] {
    &rows[rows.len() - length..]
}
