//! `gradus check`.

use anyhow::bail;
use clap::Args;
use gradus_envs::{ENVIRONMENTS, EnvInfo, check_env};

use super::{Outcome, print};

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The environments to check [default: all]; one of your own is checked from code by `gradus_envs::check_env`
    envs: Vec<String>,
    /// The seed of the episodes
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

pub(super) fn check(args: &CheckArgs) -> anyhow::Result<Outcome> {
    let mut chosen: Vec<&EnvInfo> = Vec::new();
    for name in &args.envs {
        chosen.push(gradus_envs::find(name)?);
    }
    if chosen.is_empty() {
        chosen.extend(ENVIRONMENTS);
    }
    let mut failed = Vec::new();
    for env in chosen {
        match check_env(|| env.make(), args.seed) {
            Ok(report) => print(&format!("{}: {report}", env.name))?,
            Err(error) => {
                failed.push(env.name);
                print(&format!("{}: {error}", env.name))?
            }
        };
    }
    if failed.is_empty() {
        Ok(Outcome::Done)
    } else {
        bail!("these environments break the rules: {}", failed.join(", "))
    }
}
