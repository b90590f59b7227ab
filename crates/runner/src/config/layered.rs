//! The layers of a training run's configuration.

use std::path::Path;

use toml::{Table, Value};

use super::{Config, ConfigError, KEYS, Layers, Origin, Setting};

/// What there is for the names in a configuration: a preset, or none; or what is wrong with the names, as keys
/// and reasons.
pub type LookUp = Result<Option<Table>, Vec<(&'static str, String)>>;

/// Lays the layers of a training run over each other: defaults, the preset that `look_up(algo, env)` finds for the
/// names that come later (empty where none is given), a file, assignments, and flags, each with its key and value.
///
/// # Errors
/// Lists everything that is wrong with any of them.
pub fn layered(
    look_up: impl Fn(&str, &str) -> LookUp,
    file: Option<&Path>,
    assignments: &[String],
    flags: &[(&str, &str, Value)],
) -> Result<Config, ConfigError> {
    let over = |mut layers: Layers| {
        if let Some(file) = file {
            layers = layers.file(file);
        }
        layers = layers.set(assignments);
        for (flag, key, value) in flags {
            layers = layers.flag(flag, key, value.clone());
        }
        layers
    };
    let first = over(Layers::new(KEYS));
    let text = |key: &str| match first.get(key) {
        Some(Setting::Text(text)) => text.clone(),
        _ => String::new(),
    };
    let (env, algo) = (text("env"), text("algo"));
    match look_up(&algo, &env) {
        Ok(None) => first.resolve(),
        Ok(Some(table)) => {
            let origin = Origin::Preset(format!("{algo}/{env}"));
            over(Layers::new(KEYS).table(&origin, table)).resolve()
        }
        Err(wrong) => wrong.into_iter().fold(first, |layers, (key, why)| layers.refuse(key, why)).resolve(),
    }
}
