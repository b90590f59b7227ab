//! An environment of one's own: a rocket that is to hover at a height, trained and saved.
//!
//! Run with: `cargo run --release -p gradus --example own_env`
#![allow(clippy::print_stdout, reason = "an example prints its result")]

use gradus::core_math::Stream;
use gradus::envs::TimeLimit;
use gradus::{Env, EnvError, Settings, Space, State, Step, Trainer};
use serde::{Deserialize, Serialize};

/// Height above the goal and speed; thrust against gravity.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Hover([f32; 2]);

impl Env for Hover {
    fn observation_space(&self) -> Space {
        Space::cube(2, -f32::INFINITY, f32::INFINITY)
    }
    fn action_space(&self) -> Space {
        Space::cube(1, 0.0, 2.0)
    }
    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        Space::cube(2, -1.0, 1.0).sample(rng, &mut self.0);
        observation.copy_from_slice(&self.0);
        Ok(())
    }
    fn step(&mut self, action: &[f32], _: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        let [height, speed] = &mut self.0;
        *speed += 0.1 * (action[0] - 1.0);
        *height += 0.1 * *speed;
        let lost = height.abs() > 3.0;
        let reward =
            if lost { -100.0 } else { 1.0 - f64::from(*height).powi(2) - 0.1 * f64::from(*speed).powi(2) };
        observation.copy_from_slice(&self.0);
        Ok(if lost { Step::terminated(reward) } else { Step::running(reward) })
    }
    fn save(&self) -> State {
        State::of("hover", self)
    }
    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        *self = state.get("hover")?;
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings = Settings::ppo().with_total_steps(150_000).with_normalization(false, true);
    let mut trainer = Trainer::for_env("Hover", || TimeLimit::new(Hover::default(), 200), &settings)?;
    trainer.train(|trainer, iteration| {
        if let (0, Some(mean_return)) = (iteration.updates % 10, trainer.mean_return()) {
            println!("{:>7} steps  mean return {mean_return:.1} of at most 200", iteration.steps);
        }
    })?;
    let file = std::env::temp_dir().join("hover.safetensors");
    std::fs::write(&file, trainer.policy()?.to_bytes()?)?;
    println!("saved to {}; a program that only acts needs gradus-policy alone", file.display());
    Ok(())
}
