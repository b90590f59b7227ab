//! A reward that comes late.

use gradus_core_math::Stream;

use crate::{Env, EnvError, Space, State, Step, choice};

/// Two steps, with the observations 0 and 1 (and a final one of 2); only the second step gives 1. The
/// value is γ at 0 and 1 at 1, whatever the policy.
#[derive(Clone, Debug, Default)]
pub struct DelayedReward {
    taken: u8,
}

impl Env for DelayedReward {
    fn observation_space(&self) -> Space {
        Space::cube(1, 0.0, 2.0)
    }

    fn action_space(&self) -> Space {
        Space::Discrete { n: 2 }
    }

    fn reset(&mut self, _rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        self.taken = 0;
        observation[0] = 0.0;
        Ok(())
    }

    fn step(&mut self, action: &[f32], _rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        choice(action, 2)?;
        self.taken = (self.taken + 1).min(2);
        observation[0] = f32::from(self.taken);
        Ok(if self.taken == 1 { Step::running(0.0) } else { Step::terminated(1.0) })
    }

    fn save(&self) -> State {
        State::of("DelayedReward", &self.taken)
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        let taken = state.get("DelayedReward")?;
        if taken > 2 {
            return Err(EnvError::bad_state(format!("{taken} steps of 2 are taken")));
        }
        self.taken = taken;
        Ok(())
    }
}
