//! What the presets are asked to reach.

/// The level of RL Baselines3 Zoo's tuned agents for a task, in the undiscounted return of an episode.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    env: &'static str,
    pub(super) at_least: f64,
    pub(super) of: Of,
}

/// Whose return is to reach a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// The mean return of every seed.
    EverySeed,
    /// The mean over all seeds.
    Mean,
}

/// The algorithms that are asked to reach them.
const ASKED: &[&str] = &["ppo", "trpo"];

/// RL Baselines3 Zoo's levels.
const LEVELS: &[Level] = &[
    Level { env: "CartPole-v1", at_least: 475.0, of: Of::EverySeed },
    Level { env: "Pendulum-v1", at_least: -200.0, of: Of::Mean },
    Level { env: "Acrobot-v1", at_least: -90.0, of: Of::Mean },
    Level { env: "MountainCarContinuous-v0", at_least: 88.0, of: Of::Mean },
    Level { env: "MountainCar-v0", at_least: -120.0, of: Of::Mean },
];

/// The level for an algorithm and a task, if there is one.
pub(super) fn find(algo: &str, env: &str) -> Option<&'static Level> {
    LEVELS.iter().find(|level| level.env == env && ASKED.contains(&algo))
}

impl Level {
    /// What is asked for, in words.
    pub(super) fn asked(&self) -> String {
        match self.of {
            Of::EverySeed => format!("≥ {} on every seed", self.at_least),
            Of::Mean => format!("mean ≥ {}", self.at_least),
        }
    }

    /// How far these seeds' returns, which have the mean `mean`, reach it.
    pub(super) fn reached(&self, returns: &[f64], mean: f64) -> String {
        match self.of {
            Of::Mean => (if mean >= self.at_least { "yes" } else { "no" }).to_owned(),
            Of::EverySeed => {
                let reached = returns.iter().filter(|&&it| it >= self.at_least).count();
                let word = if reached == returns.len() { "yes" } else { "no" };
                format!("{word}, {reached} of {}", returns.len())
            }
        }
    }
}
