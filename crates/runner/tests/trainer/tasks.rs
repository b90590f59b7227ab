//! Tasks for tests, and settings that train them in a moment.

use gradus_core_math::{Schedule, Stream};
use gradus_envs::{Env, EnvError, Space, State, Step, TimeLimit};
use gradus_ppo::{Minibatches, PpoConfig};
use gradus_runner::{Algorithm, Settings};

/// A walk along a line: each step adds the action, in [−1, 1], and noise to the place; beyond 1.5 the task ends.
/// Observed are the place and the steps taken, and the reward is the place.
#[derive(Default)]
pub(crate) struct Walk {
    place: f32,
    taken: f32,
}

/// A walk that is cut off after so many steps.
pub(crate) const WALK_LIMIT: u64 = 5;

pub(crate) fn limited_walk() -> TimeLimit<Walk> {
    TimeLimit::new(Walk::default(), WALK_LIMIT)
}

impl Env for Walk {
    fn observation_space(&self) -> Space {
        Space::cube(2, f32::NEG_INFINITY, f32::INFINITY)
    }

    fn action_space(&self) -> Space {
        Space::cube(1, -1.0, 1.0)
    }

    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        let mut place = [0.0];
        Space::cube(1, -1.0, 1.0).sample(rng, &mut place);
        (self.place, self.taken) = (place[0], 0.0);
        observation.copy_from_slice(&[self.place, self.taken]);
        Ok(())
    }

    fn step(&mut self, action: &[f32], rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        let mut noise = [0.0];
        Space::cube(1, -0.5, 0.5).sample(rng, &mut noise);
        self.place += action[0] + noise[0];
        self.taken += 1.0;
        observation.copy_from_slice(&[self.place, self.taken]);
        let reward = f64::from(self.place);
        Ok(if self.place.abs() > 1.5 { Step::terminated(reward) } else { Step::running(reward) })
    }

    fn save(&self) -> State {
        State::of("Walk", &(self.place, self.taken))
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        (self.place, self.taken) = state.get("Walk")?;
        Ok(())
    }
}

/// PPO on 8 × 32 steps in 4 epochs of 4 minibatches, with a small network.
pub(crate) fn quick(learning_rate: Schedule) -> Settings {
    let ppo = PpoConfig::new()
        .with_epochs(4)
        .with_minibatches(Minibatches::Count(4))
        .with_learning_rate(learning_rate);
    Settings::new(Algorithm::Ppo(ppo)).with_rollout(8, 32).with_hidden(&[32, 32])
}

/// The bits of numbers, to compare without exception.
pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}
