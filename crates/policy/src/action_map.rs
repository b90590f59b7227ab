//! From what a policy draws to what an environment takes.

use serde::{Deserialize, Serialize};

/// How a row of actions is brought into the environment's bounds.
///
/// The policy's own action, unbounded, is what enters log-probabilities; only the environment sees the result.
/// A bound that is not there is ∓∞, and `null` where the map is written as JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ActionMap {
    /// As it is: discrete actions, or boxes without bounds.
    #[default]
    Identity,
    /// Clipped into [low, high], component by component.
    Clip {
        /// Lower bounds.
        #[serde(with = "lower")]
        low: Vec<f32>,
        /// Upper bounds.
        #[serde(with = "upper")]
        high: Vec<f32>,
    },
    /// Clipped into [−1, 1], then mapped linearly onto [low, high]: low + (a + 1)/2 · (high − low).
    Rescale {
        /// Lower bounds, finite.
        #[serde(with = "lower")]
        low: Vec<f32>,
        /// Upper bounds, finite.
        #[serde(with = "upper")]
        high: Vec<f32>,
    },
}

impl ActionMap {
    /// Maps whole rows. NaN stays NaN.
    ///
    /// # Panics
    /// When the lengths differ or are no whole rows, or a lower bound is not below or at its upper one.
    #[inline]
    pub fn apply(&self, actions: &[f32], out: &mut [f32]) {
        assert_eq!(actions.len(), out.len(), "as many actions out as in");
        match self {
            ActionMap::Identity => out.copy_from_slice(actions),
            ActionMap::Clip { low, high } => map_rows(actions, out, low, high, |a, _, _| a),
            ActionMap::Rescale { low, high } => map_rows(actions, out, low, high, |a, low, high| {
                // In f64, where the width of the widest bounds is finite.
                let (low, high) = (f64::from(low), f64::from(high));
                (low + (f64::from(a.clamp(-1.0, 1.0)) + 1.0) * 0.5 * (high - low)) as f32
            }),
        }
    }

    pub(crate) fn check(&self, action_width: usize) -> Result<(), String> {
        let (low, high, must_be_finite) = match self {
            ActionMap::Identity => return Ok(()),
            ActionMap::Clip { low, high } => (low, high, false),
            ActionMap::Rescale { low, high } => (low, high, true),
        };
        if low.len() != action_width || high.len() != action_width {
            let (lower, upper) = (low.len(), high.len());
            return Err(format!(
                "{lower} lower and {upper} upper bounds for an action of width {action_width}"
            ));
        }
        let is_sound = |low: f32, high: f32| {
            let reachable = low <= high && low < f32::INFINITY && high > f32::NEG_INFINITY;
            reachable && (!must_be_finite || (low.is_finite() && high.is_finite()))
        };
        match low.iter().zip(high).position(|(&low, &high)| !is_sound(low, high)) {
            Some(i) => {
                let kind = if must_be_finite { "range to rescale to" } else { "range to clip to" };
                Err(format!("component {i} of the action has [{}, {}] as its {kind}", low[i], high[i]))
            }
            None => Ok(()),
        }
    }
}

/// out ← clamp(f(a, low, high), low, high); also what `f` puts into the bounds may round past them.
fn map_rows(actions: &[f32], out: &mut [f32], low: &[f32], high: &[f32], f: impl Fn(f32, f32, f32) -> f32) {
    assert!(actions.len().is_multiple_of(low.len()) && low.len() == high.len(), "actions are whole rows");
    if actions.is_empty() {
        return;
    }
    for (from, to) in actions.chunks_exact(low.len()).zip(out.chunks_exact_mut(low.len())) {
        for (((to, &a), &low), &high) in to.iter_mut().zip(from).zip(low).zip(high) {
            *to = f(a, low, high).clamp(low, high);
        }
    }
}

/// Bounds with `none` for those that are not there: JSON has no infinity.
mod bounds {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error};

    pub(super) fn write<S: Serializer>(values: &[f32], none: f32, to: S) -> Result<S::Ok, S::Error> {
        let option = |&bound: &f32| match bound {
            bound if bound.is_finite() => Ok(Some(bound)),
            bound if bound.total_cmp(&none).is_eq() => Ok(None),
            bound => Err(S::Error::custom(format!("{bound} is no bound of an action"))),
        };
        values.iter().map(option).collect::<Result<Vec<_>, _>>()?.serialize(to)
    }

    pub(super) fn read<'de, D: Deserializer<'de>>(none: f32, from: D) -> Result<Vec<f32>, D::Error> {
        let values = Vec::<Option<f32>>::deserialize(from)?;
        Ok(values.into_iter().map(|bound| bound.unwrap_or(none)).collect())
    }
}

mod lower {
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(values: &[f32], to: S) -> Result<S::Ok, S::Error> {
        super::bounds::write(values, f32::NEG_INFINITY, to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f32>, D::Error> {
        super::bounds::read(f32::NEG_INFINITY, from)
    }
}

mod upper {
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(values: &[f32], to: S) -> Result<S::Ok, S::Error> {
        super::bounds::write(values, f32::INFINITY, to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f32>, D::Error> {
        super::bounds::read(f32::INFINITY, from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: f32 = f32::INFINITY;

    fn clip(low: &[f32], high: &[f32]) -> ActionMap {
        ActionMap::Clip { low: low.to_vec(), high: high.to_vec() }
    }

    fn rescale(low: &[f32], high: &[f32]) -> ActionMap {
        ActionMap::Rescale { low: low.to_vec(), high: high.to_vec() }
    }

    #[test]
    fn maps() {
        let check = |map: ActionMap, expected: [f32; 4]| {
            let mut out = [0.0; 4];
            map.apply(&[0.5, 0.5, -9.0, 9.0], &mut out);
            assert!(out.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-7), "{map:?}: {out:?}");
        };
        check(ActionMap::Identity, [0.5, 0.5, -9.0, 9.0]);
        check(clip(&[-2.0, 0.0], &[2.0, 1.0]), [0.5, 0.5, -2.0, 1.0]);
        check(clip(&[-INF, 0.0], &[0.0, INF]), [0.0, 0.5, -9.0, 9.0]);
        check(rescale(&[-2.0, 0.0], &[2.0, 1.0]), [1.0, 0.75, -2.0, 1.0]);
    }

    /// In f32 the width of these bounds is infinite, and 0 · ∞ is NaN; or the sum rounds past the bound.
    #[test]
    fn rescaled_ends_are_the_bounds() {
        for (low, high) in [(f32::MIN, f32::MAX), (-0.1, 0.3), (-1e-8, 1e8), (0.7, 0.7)] {
            let mut out = [0.0; 3];
            rescale(&[low], &[high]).apply(&[-1.0, 1.0, 0.3], &mut out);
            assert_eq!(out[..2], [low, high]);
            assert!((low..=high).contains(&out[2]), "{out:?}");
        }
    }

    #[test]
    fn nan_stays_nan() {
        for map in [ActionMap::Identity, clip(&[0.0], &[1.0]), rescale(&[0.0], &[1.0])] {
            let mut out = [0.0];
            map.apply(&[f32::NAN], &mut out);
            assert!(out[0].is_nan(), "{map:?}");
        }
    }

    #[test]
    fn unsound_bounds_are_refused() {
        let sound =
            [ActionMap::Identity, clip(&[-INF, 0.0], &[INF, 0.0]), rescale(&[-1.0, 0.0], &[1.0, 0.0])];
        for map in sound {
            assert_eq!(map.check(2), Ok(()), "{map:?}");
        }
        let unsound = [
            clip(&[0.0], &[1.0]),
            clip(&[0.0, 0.0], &[1.0]),
            clip(&[0.0, 2.0], &[1.0, 1.0]),
            clip(&[0.0, f32::NAN], &[1.0, 1.0]),
            clip(&[0.0, INF], &[1.0, INF]),
            clip(&[0.0, -INF], &[1.0, -INF]),
            rescale(&[0.0, 0.0], &[1.0, INF]),
        ];
        for map in unsound {
            assert!(map.check(2).is_err(), "{map:?}");
        }
        let message = clip(&[0.0, 2.0], &[1.0, 1.0]).check(2).expect_err("refused");
        assert_eq!(message, "component 1 of the action has [2, 1] as its range to clip to");
    }

    #[test]
    fn comes_back_from_json_bit_for_bit() {
        for map in
            [ActionMap::Identity, clip(&[-INF, 0.1], &[f32::MIN_POSITIVE, INF]), rescale(&[-0.0], &[0.3])]
        {
            let text = serde_json::to_string(&map).expect("representable");
            let back: ActionMap = serde_json::from_str(&text).expect("readable");
            assert_eq!(format!("{back:?}"), format!("{map:?}"), "{text}");
        }
        assert!(serde_json::to_string(&clip(&[f32::NAN], &[1.0])).is_err());
        assert!(serde_json::to_string(&clip(&[INF], &[INF])).is_err());
    }
}
