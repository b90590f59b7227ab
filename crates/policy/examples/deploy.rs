//! Loads a trained policy from its file and acts on one observation. Nothing of the training is linked.
//!
//! A training run writes `policy.safetensors` into its folder; the numbers are the observation, zeros if left out:
//!
//! ```sh
//! cargo run --release -p gradus-policy --example deploy -- RUN_DIR/policy.safetensors 0.02 -0.01 0.03 0.04
//! ```
#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::error::Error;

use gradus_policy::Policy;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: deploy POLICY_FILE [OBSERVATION...]")?;
    let bytes = std::fs::read(&path).map_err(|error| format!("cannot read {path}: {error}"))?;
    let mut policy = Policy::from_bytes(&bytes).map_err(|error| format!("{path}: {error}"))?;

    let read = |number: String| number.parse().map_err(|_| format!("{number} is no number"));
    let mut observation = arguments.map(read).collect::<Result<Vec<f32>, _>>()?;
    if observation.is_empty() {
        observation = vec![0.0; policy.observation_width()];
    }
    let mut action = vec![0.0; policy.action_width()];
    policy.act(&observation, None, &mut action).map_err(|error| error.to_string())?;

    println!("{}: {:?}", policy.spec().env, policy.distribution());
    println!("observation {observation:?}");
    println!("action      {action:?}");
    Ok(())
}
