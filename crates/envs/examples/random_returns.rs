//! What a policy that acts at random earns: mean return and length of episodes with their standard errors, one
//! line an environment.
//!
//! ```sh
//! cargo run --release -p gradus-envs --example random_returns -- 1000 MinAtar/Breakout-v1 CartPole-v1
//! ```
//!
//! The first argument is the number of episodes; without names, all environments are played.

#![allow(clippy::print_stdout, reason = "an example talks")]

use std::error::Error;

use gradus_core_math::Stream;
use gradus_envs::{ENVIRONMENTS, make};

/// Mean and standard error of the mean.
fn summary(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

/// Returns and lengths of so many episodes.
fn play(name: &str, episodes: usize) -> Result<(Vec<f64>, Vec<f64>), Box<dyn Error>> {
    let mut env = make(name)?;
    let actions = env.action_space();
    let (mut rng, mut actor) = (Stream::new(0, "environment", 0), Stream::new(0, "actions", 0));
    let mut observation = vec![0.0; env.observation_space().width()];
    let mut action = vec![0.0; actions.width()];
    let (mut returns, mut lengths) = (vec![0.0; episodes], vec![0.0; episodes]);
    for (return_, length) in returns.iter_mut().zip(&mut lengths) {
        env.reset(&mut rng, &mut observation)?;
        loop {
            actions.sample(&mut actor, &mut action);
            let step = env.step(&action, &mut rng, &mut observation)?;
            *return_ += step.reward;
            *length += 1.0;
            if step.outcome.is_over() {
                break;
            }
        }
    }
    Ok((returns, lengths))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let episodes = arguments.next().map_or(Ok(1000), |text| text.parse())?;
    let mut names: Vec<String> = arguments.collect();
    if names.is_empty() {
        names.extend(ENVIRONMENTS.iter().map(|info| info.name.to_owned()));
    }
    for name in names {
        let (returns, lengths) = play(&name, episodes)?;
        let ((mean, error), (length, length_error)) = (summary(&returns), summary(&lengths));
        println!("{name:<26} return {mean:8.3} ± {error:.3}, length {length:7.1} ± {length_error:.1}");
    }
    Ok(())
}
