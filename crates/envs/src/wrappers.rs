//! Environments around environments. Masks pass through all of them.
//!
//! None of them normalises observations or rewards: those statistics belong to whoever collects data from
//! all environments together, who freezes them during a rollout, merges them in a fixed order, saves them
//! with the policy and keeps them still at evaluation. One environment alone can do none of that.

mod actions;
mod frame_stack;
mod keep_values;
mod time_limit;

pub use actions::{ClipAction, RescaleAction};
pub use frame_stack::FrameStack;
pub use keep_values::KeepValues;
pub use time_limit::TimeLimit;

use gradus_core_math::Stream;

use crate::{Env, EnvError, Space, State, Step};

/// A boxed environment is one too, so that environments found by name can be wrapped.
impl<E: Env + ?Sized> Env for Box<E> {
    fn observation_space(&self) -> Space {
        (**self).observation_space()
    }

    fn action_space(&self) -> Space {
        (**self).action_space()
    }

    fn image_shape(&self) -> Option<[usize; 3]> {
        (**self).image_shape()
    }

    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        (**self).reset(rng, observation)
    }

    fn step(&mut self, action: &[f32], rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        (**self).step(action, rng, observation)
    }

    fn has_action_mask(&self) -> bool {
        (**self).has_action_mask()
    }

    fn action_mask(&self, mask: &mut [bool]) {
        (**self).action_mask(mask);
    }

    fn save(&self) -> State {
        (**self).save()
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        (**self).restore(state)
    }
}
