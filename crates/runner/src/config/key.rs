//! What can be set: a key's name, type, range, default and the reason for it.

use std::fmt;
use std::ops::Bound;

use toml::Value;

use super::{ProblemKind, nearest};

/// What stands for the absence of a value, which TOML has no word for.
pub(super) const NONE: &str = "none";

/// Integers up to this size are exact as floating-point numbers.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// One thing that can be set.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name, as in the field.
    pub name: &'static str,
    /// The type and range of its values.
    pub kind: Kind,
    /// Whether it can be absent, written `none`.
    pub optional: bool,
    /// Its default as TOML and where that comes from; without one, some layer has to give a value.
    pub default: Option<(&'static str, &'static str)>,
    /// Keys that lose their value when this one is given one, for they say the same in another way.
    pub replaces: &'static [&'static str],
    /// What it does, in one sentence.
    pub doc: &'static str,
}

/// The type and range of a key's values.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// An integer from the first to the second number, both included. In a file `1e6` is one as well.
    Integer(i64, i64),
    /// A finite floating-point number between two bounds.
    Float(Bound<f64>, Bound<f64>),
    /// True or false.
    Bool,
    /// Any text but the empty one.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// One of these words, alone or with more behind a colon.
    Place(&'static [&'static str]),
    /// A list, possibly empty, of integers from the first to the second number, both included.
    Integers(i64, i64),
}

/// The value of a key after it was checked.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// An optional key without a value.
    None,
    /// An integer.
    Integer(i64),
    /// A finite floating-point number.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// A text or one of several words.
    Text(String),
    /// A list of integers.
    Integers(Vec<i64>),
}

impl Setting {
    /// The value as it stands in a file.
    pub fn to_toml(&self) -> Value {
        match self {
            Setting::None => Value::String(NONE.to_owned()),
            Setting::Integer(x) => Value::Integer(*x),
            Setting::Float(x) => Value::Float(*x),
            Setting::Bool(x) => Value::Boolean(*x),
            Setting::Text(x) => Value::String(x.clone()),
            Setting::Integers(x) => Value::Array(x.iter().map(|&x| Value::Integer(x)).collect()),
        }
    }
}

impl Key {
    /// A key that has to be given a value.
    pub const fn new(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { name, kind, optional: false, default: None, replaces: &[], doc }
    }

    /// The same key with a default, given as TOML (`none` for an optional key), and where that comes from.
    #[must_use]
    pub const fn default(self, toml: &'static str, source: &'static str) -> Self {
        Self { default: Some((toml, source)), ..self }
    }

    /// The same key, which can be absent.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// The same key, which takes the place of these when it is given a value.
    #[must_use]
    pub const fn replaces(self, others: &'static [&'static str]) -> Self {
        Self { replaces: others, ..self }
    }

    /// What a value must be, to continue "it must be".
    pub fn needed(&self) -> String {
        if self.optional { format!("{}, or none", self.kind) } else { self.kind.to_string() }
    }

    /// Checks a value from a layer.
    pub(super) fn check(&self, value: &Value) -> Result<Setting, ProblemKind> {
        if self.optional && value.as_str() == Some(NONE) {
            return Ok(Setting::None);
        }
        let wrong_type = || ProblemKind::WrongType { needed: self.needed() };
        let in_range = |setting, inside| {
            if inside { Ok(setting) } else { Err(ProblemKind::OutOfRange { needed: self.needed() }) }
        };
        match self.kind {
            Kind::Integer(min, max) => {
                let x = integer(value).ok_or_else(wrong_type)?;
                in_range(Setting::Integer(x), (min..=max).contains(&x))
            }
            Kind::Float(min, max) => {
                let x = number(value).ok_or_else(wrong_type)?;
                in_range(Setting::Float(x), x.is_finite() && above(x, min) && below(x, max))
            }
            Kind::Bool => value.as_bool().map(Setting::Bool).ok_or_else(wrong_type),
            Kind::Text => {
                let text = value.as_str().ok_or_else(wrong_type)?;
                in_range(Setting::Text(text.to_owned()), !text.trim().is_empty())
            }
            Kind::Choice(words) | Kind::Place(words) => {
                let text = value.as_str().ok_or_else(wrong_type)?;
                let is_place = matches!(self.kind, Kind::Place(_));
                let word = if is_place { text.split(':').next().unwrap_or(text) } else { text };
                if words.contains(&word) {
                    return Ok(Setting::Text(text.to_owned()));
                }
                let words = if words.len() > 1 { words } else { &[] };
                let suggestion = nearest(text, words.iter().copied()).map(str::to_owned);
                Err(ProblemKind::UnknownValue { needed: self.needed(), suggestion })
            }
            Kind::Integers(min, max) => {
                let items = value.as_array().ok_or_else(wrong_type)?;
                let items: Vec<i64> =
                    items.iter().map(integer).collect::<Option<_>>().ok_or_else(wrong_type)?;
                let inside = items.iter().all(|x| (min..=max).contains(x));
                in_range(Setting::Integers(items), inside)
            }
        }
    }
}

fn above(x: f64, bound: Bound<f64>) -> bool {
    match bound {
        Bound::Included(min) => x >= min,
        Bound::Excluded(min) => x > min,
        Bound::Unbounded => true,
    }
}

fn below(x: f64, bound: Bound<f64>) -> bool {
    match bound {
        Bound::Included(max) => x <= max,
        Bound::Excluded(max) => x < max,
        Bound::Unbounded => true,
    }
}

/// Also a floating-point number without a fraction: `total_steps = 1e6` is what people write.
fn integer(value: &Value) -> Option<i64> {
    match *value {
        Value::Integer(x) => Some(x),
        // Without a fraction and this small, it is an integer, and the cast exact.
        Value::Float(x) if x.trunc().to_bits() == x.to_bits() && x.abs() <= EXACT => Some(x as i64),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match *value {
        Value::Integer(x) => Some(x as f64),
        Value::Float(x) => Some(x),
        _ => None,
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Integer(min, max) => write!(f, "an integer {}", IntegerRange(*min, *max)),
            Kind::Float(min, max) => write!(f, "a number{}", FloatRange(*min, *max)),
            Kind::Bool => f.write_str("true or false"),
            Kind::Text => f.write_str("a text"),
            Kind::Choice([only]) => f.write_str(only),
            Kind::Choice(words) => write!(f, "one of {}", words.join(", ")),
            Kind::Place(words) => {
                let last = words.last().unwrap_or(&"");
                write!(f, "one of {}, or one of several such as {last}:discrete:1", words.join(", "))
            }
            Kind::Integers(min, max) => {
                write!(f, "a list, such as [64, 64], of integers {}", IntegerRange(*min, *max))
            }
        }
    }
}

struct IntegerRange(i64, i64);

impl fmt::Display for IntegerRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (min, i64::MAX) => write!(f, "of at least {min}"),
            (min, max) => write!(f, "from {min} to {max}"),
        }
    }
}

struct FloatRange(Bound<f64>, Bound<f64>);

impl fmt::Display for FloatRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (Bound::Unbounded, Bound::Unbounded) => Ok(()),
            (Bound::Included(min), Bound::Unbounded) => write!(f, " of at least {min}"),
            (Bound::Excluded(min), Bound::Unbounded) => write!(f, " above {min}"),
            (Bound::Unbounded, Bound::Included(max)) => write!(f, " of at most {max}"),
            (Bound::Unbounded, Bound::Excluded(max)) => write!(f, " below {max}"),
            (min, max) => {
                let open = if matches!(min, Bound::Included(_)) { '[' } else { '(' };
                let close = if matches!(max, Bound::Included(_)) { ']' } else { ')' };
                write!(f, " in {open}{}, {}{close}", end(min), end(max))
            }
        }
    }
}

/// The number at a bound that is there.
fn end(bound: Bound<f64>) -> f64 {
    match bound {
        Bound::Included(x) | Bound::Excluded(x) => x,
        Bound::Unbounded => f64::INFINITY,
    }
}

/// The keys as a table in Markdown: name, values, default, source of the default, what it does.
pub fn reference(keys: &[Key]) -> String {
    let mut table = String::from("| key | values | default | meaning |\n|---|---|---|---|\n");
    for key in keys {
        let default = match key.default {
            Some((value, source)) => format!("`{value}` ({source})"),
            None => "must be given".to_owned(),
        };
        table += &format!("| `{}` | {} | {default} | {} |\n", key.name, key.needed(), key.doc);
    }
    table
}
