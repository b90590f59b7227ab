//! Stepping environments of one type on the calling thread.

use gradus_core_math::Stream;
use serde::{Deserialize, Serialize};

use crate::checks::{all_finite, allows_an_action, check_reward, check_row};
use crate::{Env, EnvError, EnvErrorKind, Episode, Outcome, Space, State, VectorEnv};

/// [`VectorEnv`] over any [`Env`], on the calling thread, without dynamic dispatch or allocation in the
/// steady state.
///
/// Environment i draws from the stream `(seed, "environment", first_index + i)`, so that many
/// environments behave the same in one `VecEnv` as when they are shared out over several.
///
/// Every step checks that numbers are finite and that masks leave a choice. Whether observations lie in their
/// space is left to [`check_env`](crate::check_env), beforehand.
#[derive(Clone, Debug)]
pub struct VecEnv<E> {
    slots: Vec<Slot<E>>,
    first_index: usize,
    observation_space: Space,
    action_space: Space,
    image_shape: Option<[usize; 3]>,
    width: usize,
    action_width: usize,
    mask_width: usize,
    ready: bool,
    observations: Vec<f32>,
    final_observations: Vec<f32>,
    rewards: Vec<f64>,
    outcomes: Vec<Outcome>,
    masks: Vec<bool>,
    episodes: Vec<Episode>,
}

#[derive(Clone, Debug)]
struct Slot<E> {
    env: E,
    stream: Stream,
    return_: f64,
    length: u64,
}

/// What is saved of one environment.
#[derive(Serialize, Deserialize)]
struct Saved {
    env: State,
    stream: Stream,
    return_: f64,
    length: u64,
    observation: Vec<f32>,
    ready: bool,
}

const NAME: &str = "VecEnv";

impl<E: Env> VecEnv<E> {
    /// Takes `envs`, the first of which has the index `first_index` among all environments of a run.
    ///
    /// # Errors
    /// When there is none, their spaces, masks or images differ, a space makes no sense, has masks but no
    /// choices, or an image has not one value for each of the observation.
    pub fn new(envs: Vec<E>, seed: u64, first_index: usize) -> Result<Self, EnvError> {
        let first = envs.first().ok_or_else(|| EnvError::setup("at least one environment is needed"))?;
        let (observation_space, action_space) = (first.observation_space(), first.action_space());
        observation_space.validate()?;
        action_space.validate()?;
        let (masked, image_shape) = (first.has_action_mask(), first.image_shape());
        for (i, env) in envs.iter().enumerate() {
            if env.observation_space() != observation_space
                || env.action_space() != action_space
                || env.has_action_mask() != masked
                || env.image_shape() != image_shape
            {
                let message = format!("environments {} and {first_index}", first_index + i);
                return Err(EnvError::setup(format!("{message} differ in their spaces, masks or images")));
            }
        }
        if masked && action_space.mask_width() == 0 {
            return Err(EnvError::setup(format!("actions of {action_space} cannot be masked")));
        }
        let width = observation_space.width();
        if let Some(shape) = image_shape.filter(|shape| shape.iter().product::<usize>() != width) {
            let message = format!("an image of {shape:?} is no observation of {observation_space}");
            return Err(EnvError::setup(message));
        }
        let mask_width = if masked { action_space.mask_width() } else { 0 };
        let n = envs.len();
        let slot = |(i, env)| {
            let stream = Stream::new(seed, "environment", (first_index + i) as u64);
            Slot { env, stream, return_: 0.0, length: 0 }
        };
        Ok(Self {
            slots: envs.into_iter().enumerate().map(slot).collect(),
            first_index,
            width: observation_space.width(),
            action_width: action_space.width(),
            image_shape,
            mask_width,
            ready: false,
            observations: vec![0.0; n * observation_space.width()],
            final_observations: vec![0.0; n * observation_space.width()],
            rewards: vec![0.0; n],
            outcomes: vec![Outcome::Running; n],
            masks: vec![true; n * mask_width],
            episodes: Vec::with_capacity(n),
            observation_space,
            action_space,
        })
    }

    /// The environments in order.
    pub fn envs(&self) -> impl ExactSizeIterator<Item = &E> {
        self.slots.iter().map(|slot| &slot.env)
    }

    #[inline]
    fn step_one(&mut self, i: usize, action: &[f32]) -> Result<(), EnvError> {
        let slot = &mut self.slots[i];
        let observation = &mut self.observations[i * self.width..(i + 1) * self.width];
        slot.length += 1;
        let step = slot.env.step(action, &mut slot.stream, observation);
        let step = step.map_err(|error| error.at(self.first_index + i, slot.length))?;
        check_reward(self.first_index + i, slot.length, step.reward)?;
        slot.return_ += step.reward;
        self.rewards[i] = step.reward;
        self.outcomes[i] = step.outcome;
        if step.outcome.is_over() { self.finish(i) } else { Ok(()) }
    }

    /// Keeps the final observation and the record of environment i, then begins its next episode.
    fn finish(&mut self, i: usize) -> Result<(), EnvError> {
        let row = i * self.width..(i + 1) * self.width;
        let slot = &self.slots[i];
        let env = self.first_index + i;
        check_row(env, slot.length, &self.observations[row.clone()])?;
        self.final_observations[row.clone()].copy_from_slice(&self.observations[row]);
        self.episodes.push(Episode { env, return_: slot.return_, length: slot.length });
        self.begin(i)
    }

    fn begin(&mut self, i: usize) -> Result<(), EnvError> {
        let slot = &mut self.slots[i];
        (slot.return_, slot.length) = (0.0, 0);
        let observation = &mut self.observations[i * self.width..(i + 1) * self.width];
        slot.env.reset(&mut slot.stream, observation).map_err(|error| error.at(self.first_index + i, 0))
    }

    /// Checks all present observations, and the masks if there are any. One pass over the whole buffer
    /// is much cheaper than one a row; which row it was is found out when it matters.
    fn complete(&mut self) -> Result<(), EnvError> {
        if !all_finite(&self.observations) {
            for (i, row) in self.observations.chunks_exact(self.width).enumerate() {
                check_row(self.first_index + i, self.slots[i].length, row)?;
            }
        }
        if self.mask_width > 0 {
            self.read_masks()?;
        }
        self.ready = true;
        Ok(())
    }

    fn read_masks(&mut self) -> Result<(), EnvError> {
        for (i, mask) in self.masks.chunks_exact_mut(self.mask_width).enumerate() {
            self.slots[i].env.action_mask(mask);
            if !allows_an_action(&self.action_space, mask) {
                let (env, step) = (self.first_index + i, self.slots[i].length);
                return Err(EnvErrorKind::NoActionAllowed { env, step }.into());
            }
        }
        Ok(())
    }

    fn restore_one(&mut self, i: usize, state: &State) -> Result<bool, EnvError> {
        let saved: Saved = state.get(NAME)?;
        if saved.observation.len() != self.width {
            let (found, expected) = (saved.observation.len(), self.width);
            return Err(EnvError::bad_state(format!("its observation has {found} values, not {expected}")));
        }
        let slot = &mut self.slots[i];
        slot.env.restore(&saved.env)?;
        (slot.stream, slot.return_, slot.length) = (saved.stream, saved.return_, saved.length);
        self.observations[i * self.width..(i + 1) * self.width].copy_from_slice(&saved.observation);
        Ok(saved.ready)
    }
}

impl<E: Env> VectorEnv for VecEnv<E> {
    fn n_envs(&self) -> usize {
        self.slots.len()
    }

    fn observation_space(&self) -> &Space {
        &self.observation_space
    }

    fn action_space(&self) -> &Space {
        &self.action_space
    }

    fn image_shape(&self) -> Option<[usize; 3]> {
        self.image_shape
    }

    fn reset_all(&mut self) -> Result<(), EnvError> {
        self.ready = false;
        self.rewards.fill(0.0);
        self.outcomes.fill(Outcome::Running);
        for i in 0..self.slots.len() {
            self.begin(i)?;
        }
        self.complete()
    }

    fn step(&mut self, actions: &[f32]) -> Result<(), EnvError> {
        assert_eq!(actions.len(), self.slots.len() * self.action_width, "one action for each environment");
        if !self.ready {
            return Err(EnvErrorKind::NotReset.into());
        }
        self.ready = false;
        for (i, action) in actions.chunks_exact(self.action_width).enumerate() {
            self.step_one(i, action)?;
        }
        self.complete()
    }

    fn observations(&self) -> &[f32] {
        &self.observations
    }

    fn rewards(&self) -> &[f64] {
        &self.rewards
    }

    fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    fn final_observations(&self) -> &[f32] {
        &self.final_observations
    }

    fn masks(&self) -> &[bool] {
        &self.masks
    }

    fn drain_episodes(&mut self) -> std::vec::Drain<'_, Episode> {
        self.episodes.drain(..)
    }

    fn save(&self) -> Vec<State> {
        let rows = self.observations.chunks_exact(self.width);
        let saved = |(slot, row): (&Slot<E>, &[f32])| Saved {
            env: slot.env.save(),
            stream: slot.stream.clone(),
            return_: slot.return_,
            length: slot.length,
            observation: row.to_vec(),
            ready: self.ready,
        };
        self.slots.iter().zip(rows).map(|pair| State::of(NAME, &saved(pair))).collect()
    }

    fn restore(&mut self, states: &[State]) -> Result<(), EnvError> {
        self.ready = false;
        if states.len() != self.slots.len() {
            let (found, expected) = (states.len(), self.slots.len());
            return Err(EnvError::bad_state(format!("{found} saved states for {expected} environments")));
        }
        self.rewards.fill(0.0);
        self.outcomes.fill(Outcome::Running);
        self.episodes.clear();
        let mut ready = true;
        for (i, state) in states.iter().enumerate() {
            let env = self.first_index + i;
            ready &= self.restore_one(i, state).map_err(|error| error.at(env, 0))?;
        }
        if ready { self.complete() } else { Ok(()) }
    }
}
