//! Trains PPO on CartPole from code, evaluates the policy and saves it.
//!
//! Run with: `cargo run --release -p gradus --example train`
#![allow(clippy::print_stdout, reason = "an example prints its result")]

use gradus::envs::make_vector;
use gradus::{Settings, Trainer, evaluate};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let make = |n: usize, seed: u64, first: usize| make_vector("CartPole-v1", n, seed, first);
    let settings = Settings::ppo().with_total_steps(100_000).with_seed(7);
    let mut trainer = Trainer::new("CartPole-v1", &make, &settings)?;
    while !trainer.is_done() {
        let iteration = trainer.iterate()?;
        if iteration.updates % 10 == 0 {
            let kl = iteration.metrics.get("kl_old_new").unwrap_or(f64::NAN);
            println!(
                "{:>7} steps  return {:>6.1}  KL {kl:.4}",
                iteration.steps,
                trainer.mean_return().unwrap_or(0.0)
            );
        }
    }

    let mut policy = trainer.policy()?;
    let evaluation = evaluate(&mut policy, &make, 100, 0, false)?;
    println!("evaluation: {:.1} ± {:.1}", evaluation.mean_return(), evaluation.std_return());

    let file = std::env::temp_dir().join("cartpole.safetensors");
    std::fs::write(&file, policy.to_bytes()?)?;
    println!("saved to {}", file.display());
    Ok(())
}
