//! A complete configuration whose every value is in range.

use toml::Table;

use super::layers::subject;
use super::{Key, Origin, Problem, ProblemKind, Setting};

/// A complete configuration: every key has a value that its table allows.
///
/// # Panics
/// The getters panic if the key is not in the table or has another type there: both are mistakes of the
/// caller's, whatever the user wrote.
#[derive(Clone, Debug)]
pub struct Config {
    entries: Vec<(Key, Setting, Origin)>,
}

impl Config {
    pub(super) fn new(entries: Vec<(Key, Setting, Origin)>) -> Self {
        Self { entries }
    }

    /// All keys in the table's order with their values and where those came from.
    pub fn entries(&self) -> impl Iterator<Item = (&Key, &Setting, &Origin)> {
        self.entries.iter().map(|(key, setting, origin)| (key, setting, origin))
    }

    /// The value of an integer.
    pub fn integer(&self, key: &str) -> i64 {
        self.optional_integer(key).unwrap_or_else(|| self.absent(key))
    }

    /// The value of an optional integer.
    pub fn optional_integer(&self, key: &str) -> Option<i64> {
        match self.setting(key) {
            Setting::None => None,
            Setting::Integer(x) => Some(*x),
            other => mismatch(key, "an integer", other),
        }
    }

    /// The value of an integer whose range begins at 0 or above, as a length.
    pub fn count(&self, key: &str) -> usize {
        self.optional_count(key).unwrap_or_else(|| self.absent(key))
    }

    /// The same for an optional integer.
    pub fn optional_count(&self, key: &str) -> Option<usize> {
        self.optional_integer(key).map(|x| to_count(key, x))
    }

    /// The value of an integer whose range begins at 0 or above, as a number of steps or a seed.
    pub fn unsigned(&self, key: &str) -> u64 {
        to_count(key, self.integer(key)) as u64
    }

    /// The value of a floating-point number.
    pub fn float(&self, key: &str) -> f64 {
        self.optional_float(key).unwrap_or_else(|| self.absent(key))
    }

    /// The value of an optional floating-point number.
    pub fn optional_float(&self, key: &str) -> Option<f64> {
        match self.setting(key) {
            Setting::None => None,
            Setting::Float(x) => Some(*x),
            other => mismatch(key, "a floating-point number", other),
        }
    }

    /// The value of a key that is true or false.
    pub fn bool(&self, key: &str) -> bool {
        match self.setting(key) {
            Setting::Bool(x) => *x,
            other => mismatch(key, "true or false", other),
        }
    }

    /// The value of a text or a choice.
    pub fn text(&self, key: &str) -> &str {
        self.optional_text(key).unwrap_or_else(|| self.absent(key))
    }

    /// The value of an optional text or choice.
    pub fn optional_text(&self, key: &str) -> Option<&str> {
        match self.setting(key) {
            Setting::None => None,
            Setting::Text(x) => Some(x),
            other => mismatch(key, "a text", other),
        }
    }

    /// The value of a list of integers whose range begins at 0 or above.
    pub fn counts(&self, key: &str) -> Vec<usize> {
        match self.setting(key) {
            Setting::Integers(items) => items.iter().map(|&x| to_count(key, x)).collect(),
            other => mismatch(key, "a list of integers", other),
        }
    }

    /// The same for an optional list.
    pub fn optional_counts(&self, key: &str) -> Option<Vec<usize>> {
        (*self.setting(key) != Setting::None).then(|| self.counts(key))
    }

    /// Where the value of a key came from.
    pub fn origin(&self, key: &str) -> &Origin {
        &self.entry(key).2
    }

    /// A problem with the value of a key that only shows beside other values; `reason` says what would fit.
    pub fn problem(&self, key: &str, reason: impl Into<String>) -> Problem {
        let (key, setting, origin) = self.entry(key);
        Problem {
            subject: subject(key.name, &setting.to_toml()),
            origin: Some(origin.clone()),
            kind: ProblemKind::Unfit { reason: reason.into() },
        }
    }

    /// The keys and values alone, as for a checkpoint.
    pub fn to_table(&self) -> Table {
        self.entries.iter().map(|(key, setting, _)| (key.name.to_owned(), setting.to_toml())).collect()
    }

    /// The configuration as a file, with a comment on every key. [`Layers::file`](super::Layers::file) reads
    /// exactly the same values from it.
    pub fn to_toml(&self) -> String {
        self.to_toml_over("")
    }

    /// The same, where `before` is the text of such a file: what it says about a key whose value is the same now,
    /// comments included, stays.
    pub fn to_toml_over(&self, before: &str) -> String {
        let mut text = String::from("# The complete configuration of a run. Use it again by --config.\n");
        for (key, setting, origin) in &self.entries {
            let line = format!("{} = {}", key.name, setting.to_toml());
            let same =
                before.split("\n\n").map(str::trim).find(|part| part.lines().next_back() == Some(&line));
            let comment = one_line(&format!("{} Must be {}. From {origin}.", key.doc, key.needed()));
            text += &format!("\n{}\n", same.map_or(format!("# {comment}\n{line}"), str::to_owned));
        }
        text
    }

    fn entry(&self, key: &str) -> &(Key, Setting, Origin) {
        let entry = self.entries.iter().find(|(other, _, _)| other.name == key);
        entry.unwrap_or_else(|| panic!("there is no key {key} in this configuration's table"))
    }

    fn setting(&self, key: &str) -> &Setting {
        &self.entry(key).1
    }

    fn absent(&self, key: &str) -> ! {
        panic!("the key {key} is optional: ask for it by the optional getter")
    }
}

fn mismatch(key: &str, asked: &str, found: &Setting) -> ! {
    panic!("the key {key} is not {asked} but {found:?}")
}

fn to_count(key: &str, x: i64) -> usize {
    usize::try_from(x).unwrap_or_else(|_| panic!("the range of {key} does not begin at 0 or above: {x}"))
}

/// A path may hold anything, a comment ends with its line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
