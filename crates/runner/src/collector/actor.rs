//! The policy as acting sees it.

use gradus_envs::Outcome;
use gradus_policy::Frozen;

/// A policy that answers some environments, with what it remembers of each; apart from those of other threads.
#[repr(align(128))]
pub(super) struct Actor<F> {
    frozen: F,
    /// The length of a row of outputs, which begins with the distribution's parameters.
    width: usize,
    outputs: Vec<f32>,
    /// What is remembered before the next observation, `[n, state_width]`; zeros at the start of an episode.
    states: Vec<f32>,
    state_width: usize,
    /// The steps of a sequence that is learnt from.
    sequence_length: usize,
    /// The steps of this rollout so far.
    step: usize,
    /// The states before the first step of each sequence of this rollout, `[sequences, n, state_width]`.
    pub(super) sequence_states: Vec<f32>,
}

/// A policy's answers to one step.
#[derive(Clone, Copy)]
pub(super) struct Answers<'a> {
    /// Rows of `width`.
    pub(super) outputs: &'a [f32],
    pub(super) width: usize,
    /// What is remembered now, before it is known whether the episode goes on: rows of `state_width`.
    states: &'a [f32],
    state_width: usize,
}

impl<'a> Answers<'a> {
    /// The answers to the environments from number `first` on.
    pub(super) fn skip(self, first: usize) -> Answers<'a> {
        let Self { outputs, width, states, state_width } = self;
        Answers { outputs: &outputs[first * width..], states: &states[first * state_width..], ..self }
    }

    /// What is remembered of environment `i`.
    pub(super) fn state(&self, i: usize) -> &[f32] {
        &self.states[i * self.state_width..][..self.state_width]
    }
}

impl<F: Frozen<Scalar = f32>> Actor<F> {
    /// A policy that answers `n` environments at a time.
    pub(super) fn new(frozen: F, width: usize, n: usize, sequence_length: usize) -> Self {
        let state_width = frozen.state_width();
        Self {
            frozen,
            width,
            outputs: vec![0.0; n * width],
            states: vec![0.0; n * state_width],
            state_width,
            sequence_length,
            step: 0,
            sequence_states: Vec::new(),
        }
    }

    /// Begins a rollout with these parameters.
    pub(super) fn begin(&mut self, theta: &[f32]) {
        self.frozen.load(theta);
        self.step = 0;
        self.sequence_states.clear();
    }

    /// Answers the rows of `observed`.
    pub(super) fn answer(&mut self, observed: &[f32]) {
        if self.step.is_multiple_of(self.sequence_length) {
            self.sequence_states.extend_from_slice(&self.states);
        }
        self.step += 1;
        self.frozen.step(observed, &mut self.states, &mut self.outputs);
    }

    /// Answers so many rows of `observed` apart from the environments; for a policy that remembers nothing.
    pub(super) fn answer_rows(&mut self, observed: &[f32], outputs: &mut Vec<f32>, rows: usize) {
        outputs.resize(rows * self.width, 0.0);
        self.frozen.forward(observed, outputs);
    }

    /// The length of a row of outputs.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// What it last answered.
    pub(super) fn answers(&self) -> Answers<'_> {
        let Self { outputs, states, .. } = self;
        Answers { outputs, width: self.width, states, state_width: self.state_width }
    }

    /// Forgets everything: every episode begins anew.
    pub(super) fn forget_all(&mut self) {
        self.states.fill(0.0);
    }

    /// Forgets the episodes that are over; the outcomes are those of the environments from number `first` on.
    pub(super) fn forget(&mut self, first: usize, outcomes: &[Outcome]) {
        if self.state_width > 0 {
            let states = self.states[first * self.state_width..].chunks_exact_mut(self.state_width);
            states
                .zip(outcomes)
                .filter(|(_, outcome)| outcome.is_over())
                .for_each(|(state, _)| state.fill(0.0));
        }
    }

    /// The number of environments that it answers.
    pub(super) fn n_envs(&self) -> usize {
        self.outputs.len() / self.width
    }

    /// What is remembered before the next observations, `[n, state_width]`.
    pub(super) fn states(&self) -> &[f32] {
        &self.states
    }

    /// Goes on with what was remembered elsewhere.
    pub(super) fn load_states(&mut self, states: &[f32]) {
        self.states.copy_from_slice(states);
    }
}
