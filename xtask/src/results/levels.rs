//! What the presets are asked to reach.

use super::page::{digits, shown};

/// The level for a task, in the undiscounted return of an episode.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
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

/// The algorithms that are asked to reach RL Baselines3 Zoo's levels.
const ASKED: &[&str] = &["ppo", "trpo"];

/// RL Baselines3 Zoo's levels.
const LEVELS: &[(&str, f64, Of)] = &[
    ("CartPole-v1", 475.0, Of::EverySeed),
    ("Pendulum-v1", -200.0, Of::Mean),
    ("Acrobot-v1", -90.0, Of::Mean),
    ("MountainCarContinuous-v0", 88.0, Of::Mean),
    ("MountainCar-v0", -120.0, Of::Mean),
    ("CartPoleNoVel-v1", 475.0, Of::EverySeed),
    ("PendulumNoVel-v1", -218.0, Of::Mean),
];

/// Mean returns of a policy that plays at random (docs/guide/minatar.md).
const RANDOM: &[(&str, f64)] = &[
    ("MinAtar/Breakout-v1", 0.405),
    ("MinAtar/Asterix-v1", 0.473),
    ("MinAtar/Freeway-v1", 0.377),
    ("MinAtar/Seaquest-v1", 0.108),
    ("MinAtar/SpaceInvaders-v1", 4.085),
];

/// How many times better than at random a game is to be played.
const OVER_RANDOM: f64 = 5.0;

/// How far from the greatest possible return a finite task counts as solved, by any algorithm.
const OPTIMUM_WITHIN: f64 = 0.05;

/// The level for an algorithm and a task, if there is one.
pub(super) fn find(algo: &str, env: &str) -> Option<Level> {
    let of_zoo = LEVELS.iter().find(|(task, ..)| *task == env && ASKED.contains(&algo));
    of_zoo
        .map(|&(_, at_least, of)| Level { at_least, of })
        .or_else(|| of_optimum(env))
        .or_else(|| of_random(env))
}

/// Near the optimum of a finite task, which value iteration gives.
fn of_optimum(env: &str) -> Option<Level> {
    let optimum = gradus_envs::find(env).ok()?.optimal_return()?;
    Some(Level { at_least: optimum - OPTIMUM_WITHIN, of: Of::Mean })
}

/// Well above a policy that plays a game at random.
fn of_random(env: &str) -> Option<Level> {
    let (_, random) = RANDOM.iter().find(|(game, _)| *game == env)?;
    Some(Level { at_least: OVER_RANDOM * random, of: Of::Mean })
}

impl Level {
    /// What is asked for, in words.
    pub(super) fn asked(&self) -> String {
        match self.of {
            Of::EverySeed => format!("≥ {} on every seed", self.at_least),
            Of::Mean => format!("mean ≥ {}", shown(self.at_least, digits(self.at_least, 0))),
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
