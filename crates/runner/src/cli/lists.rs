//! `gradus envs` and `gradus presets`.

use anyhow::bail;
use clap::Args;

use super::{Outcome, print};
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
    let lines = gradus_envs::ENVIRONMENTS.iter().map(|env| {
        let solved = env.reward_threshold.map(|r| format!(", solved at {r}")).unwrap_or_default();
        format!("{:<26}{} (at most {} steps{solved})", env.name, env.description, env.time_limit)
    });
    print(&lines.collect::<Vec<_>>().join("\n"))
}

pub(super) fn presets(args: &PresetsArgs) -> anyhow::Result<Outcome> {
    if args.keys {
        return print(reference(KEYS).trim_end());
    }
    let (Some(algo), Some(env)) = (&args.algo, &args.env) else {
        let mut text = String::new();
        for preset in PRESETS {
            text += &format!("{:<8}{}\n", preset.algo, preset.env);
        }
        return print(&format!(
            "{text}\n`gradus presets ALGO ENV` shows one; `gradus presets --keys` explains every setting"
        ));
    };
    match find(algo, env) {
        Some(preset) => print(preset.toml.trim_end()),
        None => bail!("there is no preset for {algo} on {env}; `gradus presets` lists them"),
    }
}
