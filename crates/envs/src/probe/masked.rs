//! Choices that are sometimes forbidden.

use gradus_core_math::Stream;
use rand::RngExt;

use crate::{Env, EnvError, Space, State, Step, choice};

const NAME: &str = "MaskedChoice";
const CHOICES: usize = 3;
const STEPS: u8 = 4;

/// Four steps with three choices, of which one, drawn anew each step and shown as a one-hot observation,
/// is forbidden: taking it is an error. The choice after the forbidden one (in a circle) gives 1, the
/// other 0; so the best policy earns 4, and one that ignores the mask soon fails.
#[derive(Clone, Debug, Default)]
pub struct MaskedChoice {
    forbidden: usize,
    taken: u8,
}

impl MaskedChoice {
    fn draw(&mut self, rng: &mut Stream, observation: &mut [f32]) {
        self.forbidden = rng.random_range(0..CHOICES);
        observation.fill(0.0);
        observation[self.forbidden] = 1.0;
    }
}

impl Env for MaskedChoice {
    fn observation_space(&self) -> Space {
        Space::cube(CHOICES, 0.0, 1.0)
    }

    fn action_space(&self) -> Space {
        Space::Discrete { n: CHOICES }
    }

    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        self.taken = 0;
        self.draw(rng, observation);
        Ok(())
    }

    fn step(&mut self, action: &[f32], rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        let chosen = choice(action, CHOICES)?;
        if chosen == self.forbidden {
            return Err(EnvError::forbidden_action(action, format!("all but {chosen} are allowed now")));
        }
        let reward = if chosen == (self.forbidden + 1) % CHOICES { 1.0 } else { 0.0 };
        self.taken += 1;
        self.draw(rng, observation);
        Ok(if self.taken >= STEPS { Step::terminated(reward) } else { Step::running(reward) })
    }

    fn has_action_mask(&self) -> bool {
        true
    }

    fn action_mask(&self, mask: &mut [bool]) {
        mask.fill(true);
        mask[self.forbidden] = false;
    }

    fn save(&self) -> State {
        State::of(NAME, &(self.forbidden, self.taken))
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        let (forbidden, taken) = state.get(NAME)?;
        if forbidden >= CHOICES || taken > STEPS {
            return Err(EnvError::bad_state(format!("choice {forbidden} forbidden, {taken} steps taken")));
        }
        (self.forbidden, self.taken) = (forbidden, taken);
        Ok(())
    }
}
