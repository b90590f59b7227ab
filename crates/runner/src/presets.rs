//! Settings that solve the tasks that come with the library.

/// A preset: the settings of an algorithm for a task, as TOML.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// The algorithm.
    pub algo: &'static str,
    /// The task.
    pub env: &'static str,
    /// The settings.
    pub toml: &'static str,
}

macro_rules! presets {
    ($($algo:literal: $($env:literal),* ;)*) => {
        /// All presets.
        pub const PRESETS: &[Preset] = &[$($(Preset {
            algo: $algo,
            env: $env,
            toml: include_str!(concat!("../presets/", $algo, "/", $env, ".toml")),
        }),*),*];
    };
}

presets! {
    "ppo": "CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1",
        "FrozenLake-v1", "FrozenLake8x8-v1", "CartPoleNoVel-v1", "PendulumNoVel-v1",
        "MinAtar/Breakout-v1", "MinAtar/Asterix-v1", "MinAtar/Freeway-v1", "MinAtar/Seaquest-v1",
        "MinAtar/SpaceInvaders-v1";
    "trpo": "CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1",
        "FrozenLake-v1", "FrozenLake8x8-v1";
    "npg": "CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1",
        "FrozenLake-v1", "FrozenLake8x8-v1";
    "trpo-max-kl": "CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1";
    "trpo-vine": "CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1";
    "ppo-penalty": "CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1";
    "ppo-adaptive-kl": "CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1";
    "a2c": "CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1";
    "a2c-trust-region": "CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1";
    "reinforce": "CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1";
    "cem": "CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1";
    "cma-es": "CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1";
}

/// The preset of an algorithm for a task, if there is one.
pub fn find(algo: &str, env: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.algo == algo && preset.env == env)
}

impl Preset {
    /// The settings as a table.
    ///
    /// # Panics
    /// Never: a test reads them all.
    pub fn table(&self) -> toml::Table {
        self.toml.parse().expect("shipped presets are TOML")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{KEYS, Layers, Origin};
    use crate::settings::Settings;

    #[test]
    fn every_preset_is_a_whole_configuration() {
        for preset in PRESETS {
            let name = format!("{}/{}", preset.algo, preset.env);
            let config = Layers::new(KEYS)
                .table(&Origin::Preset(name.clone()), preset.table())
                .flag("--env", "env", preset.env)
                .flag("--algo", "algo", preset.algo)
                .resolve()
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            Settings::from_config(&config).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(gradus_envs::find(preset.env).is_ok(), "{name}");
        }
    }
}
