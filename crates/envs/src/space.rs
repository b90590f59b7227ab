//! What observations and actions look like.

use std::fmt;

use rand::{Rng, RngExt};
use rand_distr::{Exp1, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::EnvError;

/// A set of flat `f32` rows: the observations or the actions of an environment.
///
/// Choices are whole numbers counted from 0, each stored as one `f32`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Space {
    /// One choice out of `n`: the row is its index.
    Discrete {
        /// The number of choices, at least 1.
        n: usize,
    },
    /// Several choices at once: the row is their indices.
    MultiDiscrete {
        /// The number of choices of each, at least 1.
        sizes: Vec<usize>,
    },
    /// `n` switches, each 0 or 1.
    MultiBinary {
        /// The number of switches.
        n: usize,
    },
    /// Real numbers between bounds, which may be infinite.
    Box {
        /// The least value of each coordinate.
        #[serde(with = "bounds")]
        low: Vec<f32>,
        /// The greatest value of each coordinate.
        #[serde(with = "bounds")]
        high: Vec<f32>,
    },
}

/// The greatest number of choices: every index below it is exact in `f32`.
const MAX_CHOICES: usize = 1 << 24;

impl Space {
    /// A box of `width` coordinates, all between `low` and `high`.
    pub fn cube(width: usize, low: f32, high: f32) -> Self {
        Space::Box { low: vec![low; width], high: vec![high; width] }
    }

    /// The length of a row.
    pub fn width(&self) -> usize {
        match self {
            Space::Discrete { .. } => 1,
            Space::MultiDiscrete { sizes } => sizes.len(),
            Space::MultiBinary { n } => *n,
            Space::Box { low, .. } => low.len(),
        }
    }

    /// The length of a row of an action mask: one flag a choice for `Discrete`, those of all parts one
    /// after the other for `MultiDiscrete`, and 0 for the others, whose actions cannot be masked.
    pub fn mask_width(&self) -> usize {
        match self {
            Space::Discrete { n } => *n,
            Space::MultiDiscrete { sizes } => sizes.iter().sum(),
            Space::MultiBinary { .. } | Space::Box { .. } => 0,
        }
    }

    /// Whether `row` is an element: of the right length, whole numbers where they are choices, and
    /// within the bounds. NaN never is.
    pub fn contains(&self, row: &[f32]) -> bool {
        row.len() == self.width()
            && match self {
                Space::Discrete { n } => is_choice(row[0], *n),
                Space::MultiDiscrete { sizes } => row.iter().zip(sizes).all(|(&x, &n)| is_choice(x, n)),
                Space::MultiBinary { .. } => row.iter().all(|&x| is_choice(x, 2)),
                Space::Box { low, high } => {
                    row.iter().zip(low.iter().zip(high)).all(|(x, (l, h))| l <= x && x <= h)
                }
            }
    }

    /// Checks that the action `row` is an element.
    ///
    /// # Errors
    /// When it is not; the error shows the action and the space.
    #[inline]
    pub fn check(&self, row: &[f32]) -> Result<(), EnvError> {
        if self.contains(row) { Ok(()) } else { Err(EnvError::invalid_action(row, self)) }
    }

    /// Moves every coordinate of a [`Space::Box`] row to the nearest value within the bounds; rows of
    /// other spaces stay as they are, and NaN stays NaN.
    ///
    /// # Panics
    /// When `row` has another length than the space.
    pub fn clip(&self, row: &mut [f32]) {
        assert_eq!(row.len(), self.width(), "a row of {self}");
        if let Space::Box { low, high } = self {
            for (x, (l, h)) in row.iter_mut().zip(low.iter().zip(high)) {
                *x = x.clamp(*l, *h);
            }
        }
    }

    /// Draws a row: choices uniformly, coordinates uniformly between finite bounds. As in Gymnasium, a
    /// coordinate with one finite bound lies a standard exponential away from it, one without any is
    /// standard normal.
    ///
    /// # Panics
    /// When `row` has another length than the space.
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R, row: &mut [f32]) {
        assert_eq!(row.len(), self.width(), "a row of {self}");
        match self {
            Space::Discrete { n } => row[0] = rng.random_range(0..*n) as f32,
            Space::MultiDiscrete { sizes } => {
                row.iter_mut().zip(sizes).for_each(|(x, &n)| *x = rng.random_range(0..n) as f32);
            }
            Space::MultiBinary { .. } => row.iter_mut().for_each(|x| *x = rng.random_range(0..2_u32) as f32),
            Space::Box { low, high } => {
                for (x, (l, h)) in row.iter_mut().zip(low.iter().zip(high)) {
                    *x = sample_between(rng, *l, *h);
                }
            }
        }
    }

    /// Checks that the space makes sense.
    ///
    /// # Errors
    /// When it has no row, no element, more choices than `f32` can count (2²⁴), bounds of different
    /// lengths, or a bound that is NaN.
    pub fn validate(&self) -> Result<(), EnvError> {
        let choices = 1..=MAX_CHOICES;
        let sensible = self.width() > 0
            && match self {
                Space::Discrete { n } => choices.contains(n),
                Space::MultiDiscrete { sizes } => sizes.iter().all(|n| choices.contains(n)),
                Space::MultiBinary { .. } => true,
                Space::Box { low, high } => {
                    low.len() == high.len() && low.iter().zip(high).all(|(l, h)| l <= h)
                }
            };
        if sensible { Ok(()) } else { Err(EnvError::setup(format!("{self:?} is not a space"))) }
    }
}

/// The index of a [`Space::Discrete`] action among `n` choices: what a task's `step` begins with.
///
/// # Errors
/// When it is not one of 0, 1, …, n−1.
///
/// # Panics
/// When `action` is empty.
#[inline]
pub fn choice(action: &[f32], n: usize) -> Result<usize, EnvError> {
    if is_choice(action[0], n) {
        Ok(action[0] as usize)
    } else {
        Err(EnvError::invalid_action(action, &Space::Discrete { n }))
    }
}

#[inline]
#[expect(clippy::float_cmp, reason = "a choice is exactly a whole number")]
fn is_choice(x: f32, n: usize) -> bool {
    // The cast saturates and maps NaN to 0, so that only whole numbers from 0 on survive the way back.
    let index = x as u32;
    index as f32 == x && (index as usize) < n
}

fn sample_between<R: Rng + ?Sized>(rng: &mut R, low: f32, high: f32) -> f32 {
    match (low.is_finite(), high.is_finite()) {
        (true, true) => {
            let (l, h) = (f64::from(low), f64::from(high));
            ((l + (h - l) * rng.random::<f64>()) as f32).clamp(low, high)
        }
        (true, false) => low + rng.sample::<f32, _>(Exp1),
        (false, true) => high - rng.sample::<f32, _>(Exp1),
        (false, false) => rng.sample(StandardNormal),
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Space::Discrete { n } => write!(f, "Discrete({n})"),
            Space::MultiDiscrete { sizes } => write!(f, "MultiDiscrete({sizes:?})"),
            Space::MultiBinary { n } => write!(f, "MultiBinary({n})"),
            Space::Box { low, high } => {
                let same = |row: &[f32]| row.windows(2).all(|pair| pair[0].total_cmp(&pair[1]).is_eq());
                match (low.first(), high.first()) {
                    (Some(l), Some(h)) if same(low) && same(high) => {
                        write!(f, "Box({}, from {l} to {h})", low.len())
                    }
                    _ if low.len() <= 16 => write!(f, "Box({}, from {low:?} to {high:?})", low.len()),
                    _ => write!(f, "Box({})", low.len()),
                }
            }
        }
    }
}

/// Bounds in files: JSON knows no infinity, so text formats get `"inf"` and `"-inf"`.
mod bounds {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Bound {
        Number(f32),
        Word(String),
    }

    pub(super) fn serialize<S: Serializer>(row: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return row.serialize(serializer);
        }
        let bound = |&x: &f32| if x.is_finite() { Bound::Number(x) } else { Bound::Word(x.to_string()) };
        serializer.collect_seq(row.iter().map(bound))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
        if !deserializer.is_human_readable() {
            return Vec::deserialize(deserializer);
        }
        let number = |bound| match bound {
            Bound::Number(x) => Ok(x),
            Bound::Word(word) => word.parse().map_err(|_| Error::custom(format!("{word:?} is no bound"))),
        };
        Vec::<Bound>::deserialize(deserializer)?.into_iter().map(number).collect()
    }
}
