//! Laying configurations over each other, and checking all of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use toml::{Table, Value};

use super::key::NONE;
use super::{Config, ConfigError, Key, Origin, Problem, ProblemKind, Setting, nearest};

/// A longer value is cut in messages.
const LONGEST_VALUE: usize = 60;

/// A configuration in the making: each layer goes over those before it.
///
/// Every value is checked when its layer is laid on, also those that a later layer covers: a file with a
/// mistake in it is worth mending. Nothing is reported until [`resolve`](Self::resolve), which reports all.
#[derive(Clone, Debug)]
pub struct Layers {
    keys: &'static [Key],
    values: BTreeMap<&'static str, (Setting, Origin)>,
    problems: Vec<Problem>,
}

impl Layers {
    /// The defaults of these keys as the lowest layer.
    pub fn new(keys: &'static [Key]) -> Self {
        let layers = Self { keys, values: BTreeMap::new(), problems: Vec::new() };
        let defaults = keys.iter().filter_map(|key| {
            let (text, _) = key.default?;
            Some((key.name.to_owned(), parse_value(text).unwrap_or_else(|_| text.into())))
        });
        layers.table(&Origin::Default, defaults.collect())
    }

    /// Lays a table over what is there: a preset, say, or the configuration of a run to go on with.
    #[must_use]
    pub fn table(mut self, origin: &Origin, table: Table) -> Self {
        let mut layer: Vec<(&'static Key, Setting)> = Vec::new();
        for (name, value) in table {
            match self.check(&name, &value) {
                Ok((key, setting)) => layer.push((key, setting)),
                Err(kind) => {
                    self.problems.push(Problem {
                        subject: subject(&name, &value),
                        origin: Some(origin.clone()),
                        kind,
                    });
                }
            }
        }
        self.make_room(&layer, origin);
        for (key, setting) in layer {
            self.values.insert(key.name, (setting, origin.clone()));
        }
        self
    }

    /// Lays a TOML file over what is there.
    #[must_use]
    pub fn file(mut self, path: &Path) -> Self {
        let origin = Origin::File(path.to_owned());
        let text =
            fs::read_to_string(path).map_err(|error| ProblemKind::Unreadable { reason: error.to_string() });
        let table = text.and_then(|text| {
            text.parse::<Table>().map_err(|error| ProblemKind::Syntax { reason: error.to_string() })
        });
        match table {
            Ok(table) => self.table(&origin, table),
            Err(kind) => {
                self.problems.push(Problem { subject: String::new(), origin: Some(origin), kind });
                self
            }
        }
    }

    /// Lays the value of a flag such as `--seed` over what is there.
    #[must_use]
    pub fn flag(self, flag: &str, key: &str, value: impl Into<Value>) -> Self {
        self.table(&Origin::Flag(flag.to_owned()), Table::from_iter([(key.to_owned(), value.into())]))
    }

    /// Lays the arguments of `--set`, each `key=value`, over what is there. A value is TOML; a bare word is a
    /// text. Of two for one key the later counts.
    #[must_use]
    pub fn set<S: AsRef<str>>(mut self, assignments: impl IntoIterator<Item = S>) -> Self {
        let mut table = Table::new();
        for assignment in assignments {
            match parse_assignment(assignment.as_ref()) {
                Ok((key, value)) => {
                    table.insert(key, value);
                }
                Err(reason) => self.problems.push(Problem {
                    subject: shorten(assignment.as_ref()),
                    origin: Some(Origin::Set),
                    kind: ProblemKind::Syntax { reason },
                }),
            }
        }
        self.table(&Origin::Set, table)
    }

    /// Reports that the value which a key has so far, or its absence, will not do; `reason` says what would. A key
    /// that was given a wrong value is reported for that alone.
    #[must_use]
    pub fn refuse(mut self, key: &str, reason: impl Into<String>) -> Self {
        if self.problems.iter().any(|problem| problem.is_about(key)) {
            return self;
        }
        let (subject, origin) = match self.values.get(key) {
            Some((setting, origin)) => (subject(key, &setting.to_toml()), Some(origin.clone())),
            None => (key.to_owned(), None),
        };
        self.problems.push(Problem { subject, origin, kind: ProblemKind::Unfit { reason: reason.into() } });
        self
    }

    /// The value that a key has so far; to choose a preset by `env` and `algo`, say.
    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.values.get(key).map(|(setting, _)| setting)
    }

    /// The configuration.
    ///
    /// # Errors
    /// [`ConfigError`], which lists everything that is wrong with any layer, and the keys without a value.
    pub fn resolve(mut self) -> Result<Config, ConfigError> {
        let mut entries = Vec::with_capacity(self.keys.len());
        for key in self.keys {
            match self.values.remove(key.name) {
                Some((setting, origin)) => entries.push((*key, setting, origin)),
                None if key.optional => entries.push((*key, Setting::None, Origin::Default)),
                // A value that was given but wrong is reported already.
                None if self.problems.iter().any(|problem| problem.is_about(key.name)) => {}
                None => self.problems.push(Problem {
                    subject: key.name.to_owned(),
                    origin: None,
                    kind: ProblemKind::Missing { needed: key.needed() },
                }),
            }
        }
        if self.problems.is_empty() { Ok(Config::new(entries)) } else { Err(ConfigError::new(self.problems)) }
    }

    fn check(&self, name: &str, value: &Value) -> Result<(&'static Key, Setting), ProblemKind> {
        match self.keys.iter().find(|key| key.name == name) {
            Some(key) => Ok((key, key.check(value)?)),
            None if value.is_table() => Err(ProblemKind::Table),
            None => {
                let suggestion = nearest(name, self.keys.iter().map(|key| key.name)).map(str::to_owned);
                Err(ProblemKind::UnknownKey { suggestion })
            }
        }
    }

    /// Removes what the keys of a layer replace, and reports those that replace each other.
    fn make_room(&mut self, layer: &[(&'static Key, Setting)], origin: &Origin) {
        let given: Vec<_> = layer.iter().filter(|(_, setting)| *setting != Setting::None).collect();
        for (index, (key, setting)) in given.iter().enumerate() {
            for other in key.replaces {
                match given.iter().position(|(key, _)| key.name == *other) {
                    None => {
                        self.values.insert(other, (Setting::None, origin.clone()));
                    }
                    Some(position) if position > index => self.problems.push(Problem {
                        subject: subject(key.name, &setting.to_toml()),
                        origin: Some(origin.clone()),
                        kind: ProblemKind::Conflict { other: (*other).to_owned() },
                    }),
                    // Reported when the other one was at hand.
                    Some(_) => {}
                }
            }
        }
    }
}

impl Problem {
    fn is_about(&self, key: &str) -> bool {
        self.subject.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(" = "))
    }
}

/// A key and its value for a message.
pub(super) fn subject(name: &str, value: &Value) -> String {
    if value.is_table() { name.to_owned() } else { format!("{name} = {}", shorten(&value.to_string())) }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn parse_assignment(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| "not an assignment, write key=value, such as gamma=0.99".to_owned())?;
    Ok((key.trim().to_owned(), parse_value(value.trim())?))
}

/// A value in TOML, or a bare word.
fn parse_value(text: &str) -> Result<Value, String> {
    let error = match text.parse::<Value>() {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    if text.is_empty() {
        return Err(format!(
            "there is no value after the equals sign; write {NONE} to leave a key without one"
        ));
    }
    if text.starts_with(['[', '{', '"', '\'']) {
        return Err(format!("the value is not TOML: {}", error.message()));
    }
    Ok(Value::String(text.to_owned()))
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
