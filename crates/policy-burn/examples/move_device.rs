//! A policy that the fused kernels have trained goes to Burn's devices by its bytes, and acts the same on each.
//!
//! Run with: `cargo run --release -p gradus-policy-burn --example move_device`, and with `--features wgpu` for a GPU
//! as well (`GRADUS_WGPU=wgpu:cpu` names another adapter than the default one)
#![allow(clippy::print_stdout, reason = "an example prints its result")]

use gradus_envs::{VectorEnv, classic::CartPole, make_vector};
use gradus_policy::Policy;
use gradus_policy_burn::{load_policy, open_device};
use gradus_runner::{Settings, Trainer};

const ENV: &str = "CartPole-v1";
const EPISODES: usize = 16;

/// What `policy` does on the way through some episodes: all observations, and its action for each.
fn play(policy: &mut Policy) -> Result<(Vec<f32>, Vec<f32>), Box<dyn std::error::Error>> {
    let mut envs: Box<dyn VectorEnv> = make_vector(ENV, EPISODES, 1, 0)?;
    envs.reset_all()?;
    let (mut observations, mut actions) = (Vec::new(), Vec::new());
    let mut now = vec![0.0; EPISODES];
    for _ in 0..500 {
        policy.act_batch(envs.observations(), None, &mut now)?;
        observations.extend_from_slice(envs.observations());
        actions.extend_from_slice(&now);
        envs.step(&now)?;
    }
    Ok((observations, actions))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings = Settings::ppo().with_total_steps(60_000).with_target_return(475.0);
    let mut trainer = Trainer::for_env(ENV, CartPole::v1, &settings)?;
    trainer.train(|_, _| {})?;
    println!("trained on cpu: mean return {:.1}", trainer.mean_return().unwrap_or_default());

    let bytes = trainer.policy()?.to_bytes()?;
    let (observations, expected) = play(&mut Policy::from_bytes(&bytes)?)?;
    let mut names = vec!["flex".to_owned(), "ndarray".to_owned()];
    if cfg!(feature = "wgpu") {
        names.push(std::env::var("GRADUS_WGPU").unwrap_or_else(|_| "wgpu".into()));
    }
    for name in names {
        let mut moved = load_policy(&bytes, &open_device(&name)?)?;
        let mut actions = vec![0.0; expected.len()];
        moved.act_batch(&observations, None, &mut actions)?;
        let same = actions.iter().zip(&expected).filter(|(a, b)| (**a - **b).abs() < 0.5).count();
        println!("{name}: {same} of {} actions as on cpu", expected.len());
    }
    Ok(())
}
