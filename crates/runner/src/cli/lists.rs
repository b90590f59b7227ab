//! `gradus envs` and `gradus presets`.

use anyhow::bail;
use clap::Args;

use super::Outcome;
use crate::config::{KEYS, reference};
use crate::presets::{PRESETS, find};

#[derive(Debug, Args)]
pub(super) struct PresetsArgs {
    /// The algorithm of the preset to show
    #[arg(requires = "env")]
    algo: Option<String>,
    /// The environment of the preset to show
    env: Option<String>,
    /// Explain every setting, with its range and default
    #[arg(long, conflicts_with_all = ["algo", "env"])]
    keys: bool,
}

pub(super) fn envs() -> anyhow::Result<Outcome> {
    for env in gradus_envs::ENVIRONMENTS {
        let solved = env.reward_threshold.map(|r| format!(", solved at {r}")).unwrap_or_default();
        println!("{:<26}{} (at most {} steps{solved})", env.name, env.description, env.time_limit);
    }
    Ok(Outcome::Done)
}

pub(super) fn presets(args: &PresetsArgs) -> anyhow::Result<Outcome> {
    if args.keys {
        println!("{}", reference(KEYS));
        return Ok(Outcome::Done);
    }
    match (&args.algo, &args.env) {
        (Some(algo), Some(env)) => match find(algo, env) {
            Some(preset) => print!("{}", preset.toml),
            None => bail!("there is no preset for {algo} on {env}; `gradus presets` lists them"),
        },
        _ => {
            for preset in PRESETS {
                println!("{:<8}{}", preset.algo, preset.env);
            }
            println!("\ngradus presets ALGO ENV shows one; gradus presets --keys explains every setting");
        }
    }
    Ok(Outcome::Done)
}
