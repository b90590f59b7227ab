//! What can be wrong with a configuration, and where each part of it came from.

use std::fmt;
use std::path::PathBuf;

/// Which layer a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The default in the table of keys.
    Default,
    /// A preset, by name.
    Preset(String),
    /// A file.
    File(PathBuf),
    /// A flag of the command line, with its dashes.
    Flag(String),
    /// `--set key=value` on the command line.
    Set,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("the defaults"),
            Origin::Preset(name) => write!(f, "preset {name}"),
            Origin::File(path) => write!(f, "{}", path.display()),
            Origin::Flag(flag) => f.write_str(flag),
            Origin::Set => f.write_str("--set"),
        }
    }
}

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}", message(.problems))]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    /// An error that reports these problems, of which there is at least one.
    pub fn new(problems: Vec<Problem>) -> Self {
        debug_assert!(!problems.is_empty(), "an error reports at least one problem");
        Self { problems }
    }

    /// The problems, layer by layer.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

fn message(problems: &[Problem]) -> String {
    let count = match problems.len() {
        1 => "1 problem".to_owned(),
        n => format!("{n} problems"),
    };
    let lines: String = problems.iter().map(|problem| format!("\n- {problem}")).collect();
    format!("{count} with the configuration:{lines}")
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}{kind}", prefix(.subject, .origin.as_ref()))]
pub struct Problem {
    /// The key, with the value given for it if there is one, as in `gamma = 1.5`; empty if the problem is with
    /// a whole layer.
    pub subject: String,
    /// The layer at fault; none if a value is missing from all of them.
    pub origin: Option<Origin>,
    /// What is wrong.
    pub kind: ProblemKind,
}

fn prefix(subject: &str, origin: Option<&Origin>) -> String {
    match (subject, origin) {
        ("", None) => String::new(),
        ("", Some(origin)) => format!("{origin}: "),
        (subject, None) => format!("{subject}: "),
        (subject, Some(origin)) => format!("{subject} (from {origin}): "),
    }
}

/// The ways in which a part of a configuration can be wrong. `needed` says what would be right.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemKind {
    /// There is no such key.
    #[error("unknown key{}", did_you_mean(.suggestion.as_deref()))]
    UnknownKey {
        /// The key that was probably meant.
        suggestion: Option<String>,
    },
    /// There are tables in the file, but keys are flat.
    #[error("a table, but keys are flat: write its keys without the heading")]
    Table,
    /// The value has another type than the key.
    #[error("wrong type, it must be {needed}")]
    WrongType {
        /// What would be right.
        needed: String,
    },
    /// The value is outside the key's range.
    #[error("out of range, it must be {needed}")]
    OutOfRange {
        /// What would be right.
        needed: String,
    },
    /// The value is not one of those there are.
    #[error("unknown value, it must be {needed}{}", did_you_mean(.suggestion.as_deref()))]
    UnknownValue {
        /// What would be right.
        needed: String,
        /// The value that was probably meant.
        suggestion: Option<String>,
    },
    /// No layer gives a value.
    #[error("missing, it must be {needed}")]
    Missing {
        /// What would be right.
        needed: String,
    },
    /// One layer gives two keys of which only one can count.
    #[error("it cannot be given together with {other}: remove one of them")]
    Conflict {
        /// The other key.
        other: String,
    },
    /// The file cannot be read.
    #[error("the file cannot be read: {reason}")]
    Unreadable {
        /// What the system said.
        reason: String,
    },
    /// The text is not TOML, or an argument of `--set` not `key=value`.
    #[error("{reason}")]
    Syntax {
        /// What is wrong with the text.
        reason: String,
    },
    /// The value is in its range but does not fit the rest of the configuration.
    #[error("{reason}")]
    Unfit {
        /// What does not fit, and what would.
        reason: String,
    },
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}
