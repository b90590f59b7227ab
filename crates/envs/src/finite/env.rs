//! A finite MDP as an environment.

use std::sync::Arc;

use gradus_core_math::Stream;

use super::FiniteMdp;
use crate::{Env, EnvError, Space, State, Step, choice};

const NAME: &str = "FiniteEnv";

/// The environment that draws its transitions from a [`FiniteMdp`].
///
/// The observation is the state, one-hot: a row of S numbers, all 0 but a 1 at the state's place, in
/// Box(S, from 0 to 1). [`with_index_observations`](Self::with_index_observations) shows the state's index
/// instead, as [`Space::Discrete`]. The action is [`Space::Discrete`]. A transition that terminates shows its
/// next state as the final observation.
///
/// The table is shared between clones, so that many environments cost one table.
#[derive(Clone, Debug)]
pub struct FiniteEnv {
    mdp: Arc<FiniteMdp>,
    as_index: bool,
    /// Which actions are allowed, `[S · A]`.
    allowed: Option<Arc<[bool]>>,
    state: usize,
}

impl FiniteEnv {
    /// The environment of `mdp`, with one-hot observations and without a mask.
    pub fn new(mdp: impl Into<Arc<FiniteMdp>>) -> Self {
        Self { mdp: mdp.into(), as_index: false, allowed: None, state: 0 }
    }

    /// Shows the index of the state as the observation, instead of a one-hot row.
    pub fn with_index_observations(mut self) -> Self {
        self.as_index = true;
        self
    }

    /// Forbids the actions whose flag in `allowed` (`[S, A]`, state by state) is `false`: the environment
    /// has an action mask then, and a forbidden action is an error.
    ///
    /// # Errors
    /// When there is not one flag for each state and action, or a state is left without any action.
    pub fn with_action_mask(mut self, allowed: impl Into<Arc<[bool]>>) -> Result<Self, EnvError> {
        let allowed = allowed.into();
        let (n_states, n_actions) = (self.mdp.n_states(), self.mdp.n_actions());
        if allowed.len() != n_states * n_actions {
            let found = allowed.len();
            let message = format!("the mask has {found} flags for {n_states} states of {n_actions} actions");
            return Err(EnvError::setup(message));
        }
        if let Some(state) = allowed.chunks_exact(n_actions).position(|row| !row.contains(&true)) {
            return Err(EnvError::setup(format!("the mask allows no action in state {state}")));
        }
        self.allowed = Some(allowed);
        Ok(self)
    }

    /// The table.
    pub fn mdp(&self) -> &Arc<FiniteMdp> {
        &self.mdp
    }

    /// The index of the present state.
    pub fn state(&self) -> usize {
        self.state
    }

    /// Puts the environment into `state`.
    ///
    /// # Panics
    /// When there is no such state.
    pub fn set_state(&mut self, state: usize) {
        assert!(state < self.mdp.n_states(), "state {state} of {}", self.mdp.n_states());
        self.state = state;
    }

    /// Writes the observation of the present state.
    #[inline]
    pub fn observe(&self, observation: &mut [f32]) {
        if self.as_index {
            observation[0] = self.state as f32;
        } else {
            observation.fill(0.0);
            observation[self.state] = 1.0;
        }
    }

    /// The flags of the present state, if there is a mask.
    #[inline]
    fn allowed_now(&self) -> Option<&[bool]> {
        let n = self.mdp.n_actions();
        self.allowed.as_ref().map(|allowed| &allowed[self.state * n..(self.state + 1) * n])
    }
}

impl Env for FiniteEnv {
    fn observation_space(&self) -> Space {
        let n = self.mdp.n_states();
        if self.as_index { Space::Discrete { n } } else { Space::cube(n, 0.0, 1.0) }
    }

    fn action_space(&self) -> Space {
        Space::Discrete { n: self.mdp.n_actions() }
    }

    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        self.state = self.mdp.sample_initial(rng);
        self.observe(observation);
        Ok(())
    }

    fn step(&mut self, action: &[f32], rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        let chosen = choice(action, self.mdp.n_actions())?;
        if self.allowed_now().is_some_and(|allowed| !allowed[chosen]) {
            let message = format!("the mask forbids it in state {}", self.state);
            return Err(EnvError::forbidden_action(action, message));
        }
        let drawn = *self.mdp.sample(self.state, chosen, rng);
        self.state = drawn.next_state;
        self.observe(observation);
        Ok(if drawn.terminated { Step::terminated(drawn.reward) } else { Step::running(drawn.reward) })
    }

    fn has_action_mask(&self) -> bool {
        self.allowed.is_some()
    }

    fn action_mask(&self, mask: &mut [bool]) {
        match self.allowed_now() {
            Some(allowed) => mask.copy_from_slice(allowed),
            None => mask.fill(true),
        }
    }

    fn save(&self) -> State {
        State::of(NAME, &(self.mdp.n_states(), self.mdp.n_actions(), self.state))
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        let (n_states, n_actions, state): (usize, usize, usize) = state.get(NAME)?;
        let (expected_states, expected_actions) = (self.mdp.n_states(), self.mdp.n_actions());
        if (n_states, n_actions) != (expected_states, expected_actions) {
            return Err(EnvError::bad_state(format!(
                "it is of an MDP with {n_states} states and {n_actions} actions, \
                 not {expected_states} and {expected_actions}"
            )));
        }
        if state >= n_states {
            return Err(EnvError::bad_state(format!("it is in state {state} of {n_states}")));
        }
        self.state = state;
        Ok(())
    }
}
