//! Normalisation of observations with fixed statistics.

use gradus_core_math::RunningMoments;
use serde::{Deserialize, Serialize};

/// x ↦ clamp((x − mean) / √(variance + ε), −clip, clip), component by component.
///
/// The statistics are fixed: a collector takes new ones between rollouts, and a deployed policy keeps those it
/// was trained with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Normalizer {
    mean: Vec<f64>,
    /// 1 / √(variance + ε)
    scale: Vec<f64>,
    clip: f64,
}

/// A normaliser as it is read, before its numbers are known to make sense.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    mean: Vec<f64>,
    scale: Vec<f64>,
    clip: f64,
}

impl TryFrom<Unchecked> for Normalizer {
    type Error = String;

    fn try_from(Unchecked { mean, scale, clip }: Unchecked) -> Result<Self, String> {
        let normalizer = Self { mean, scale, clip };
        normalizer.check()?;
        Ok(normalizer)
    }
}

impl Normalizer {
    /// ε under the root: what keeps a component that never changes finite (as in OpenAI's baselines).
    pub const EPSILON: f64 = 1e-8;
    /// How many standard deviations an observation may be away (as in OpenAI's baselines).
    pub const CLIP: f64 = 10.0;

    /// Normalisation by these moments; before the first row the identity, up to ε and the clip.
    pub fn new(moments: &RunningMoments) -> Self {
        let scale = |variance: f64| 1.0 / (variance + Self::EPSILON).sqrt();
        Self {
            mean: moments.mean().to_vec(),
            scale: moments.variance().into_iter().map(scale).collect(),
            clip: Self::CLIP,
        }
    }

    /// The length of an observation.
    pub fn width(&self) -> usize {
        self.mean.len()
    }

    /// Normalises whole rows. NaN stays NaN.
    ///
    /// # Panics
    /// When the lengths differ or are no whole rows.
    #[inline]
    pub fn apply(&self, observations: &[f32], out: &mut [f32]) {
        assert!(observations.len().is_multiple_of(self.width()), "observations are whole rows");
        assert_eq!(observations.len(), out.len(), "as many rows out as in");
        if observations.is_empty() {
            return;
        }
        let (lowest, highest) = (-self.clip, self.clip);
        let rows = observations.chunks_exact(self.width()).zip(out.chunks_exact_mut(self.width()));
        for (from, to) in rows {
            for (((to, &x), mean), scale) in to.iter_mut().zip(from).zip(&self.mean).zip(&self.scale) {
                *to = ((f64::from(x) - mean) * scale).clamp(lowest, highest) as f32;
            }
        }
    }

    /// The statistics are of one width and finite, the factors and the clip positive.
    pub(crate) fn check(&self) -> Result<(), String> {
        let (means, scales) = (self.mean.len(), self.scale.len());
        if means != scales {
            return Err(format!("a normaliser has {means} means and {scales} scales"));
        }
        let is_positive = |x: f64| x.is_finite() && x > 0.0;
        if let Some((i, mean)) = self.mean.iter().enumerate().find(|(_, mean)| !mean.is_finite()) {
            return Err(format!("mean {i} of a normaliser is {mean}"));
        }
        if let Some((i, scale)) = self.scale.iter().enumerate().find(|(_, scale)| !is_positive(**scale)) {
            return Err(format!("scale {i} of a normaliser is {scale}"));
        }
        if is_positive(self.clip) {
            Ok(())
        } else {
            Err(format!("the clip of a normaliser is {}", self.clip))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(rows: &[[f32; 2]]) -> RunningMoments {
        let mut moments = RunningMoments::new(2);
        rows.iter().for_each(|row| moments.push(row));
        moments
    }

    /// Against the formula in [`RunningMoments::normalize`], which divides where this multiplies.
    #[test]
    fn agrees_with_the_moments_it_is_made_of() {
        let moments = moments(&[[1.0, -300.0], [2.5, 100.0], [0.25, 70.0]]);
        let normalizer = Normalizer::new(&moments);
        for row in [[0.0, 0.0], [1.5, -42.0], [1e9, -1e9]] {
            let (mut out, mut expected) = ([0.0; 2], [0.0; 2]);
            normalizer.apply(&row, &mut out);
            moments.normalize(&row, Normalizer::EPSILON, Normalizer::CLIP, &mut expected);
            for (out, expected) in out.iter().zip(expected) {
                assert!((out - expected).abs() <= 1e-6 * expected.abs(), "{out} and {expected}");
            }
        }
    }

    #[test]
    fn normalises_every_row_and_keeps_what_is_no_number() {
        let normalizer = Normalizer::new(&moments(&[[-1.0, 5.0], [1.0, 5.0]]));
        let mut out = [0.0; 4];
        normalizer.apply(&[0.5, 5.0, f32::NAN, f32::INFINITY], &mut out);
        assert!((out[0] - 0.5).abs() < 1e-6 && out[1].abs() < 1e-6, "{out:?}");
        // A component that never changed has the scale 1/√ε, and infinity is clipped.
        assert!(out[2].is_nan() && (out[3] - 10.0).abs() < 1e-6, "{out:?}");
    }

    #[test]
    fn comes_back_from_json_bit_for_bit() {
        let normalizer = Normalizer::new(&moments(&[[0.1, 1e-30], [0.7, 3e30], [-0.0, 1.0 / 3.0]]));
        let text = serde_json::to_string(&normalizer).expect("representable");
        assert_eq!(serde_json::from_str::<Normalizer>(&text).expect("readable"), normalizer, "{text}");
    }

    #[test]
    fn statistics_without_sense_are_refused() {
        let read = serde_json::from_str::<Normalizer>;
        assert!(read(r#"{"mean":[0.0],"scale":[1.0],"clip":10.0}"#).is_ok());
        for (text, reason) in [
            (r#"{"mean":[0.0],"scale":[1.0,1.0],"clip":10.0}"#, "1 means and 2 scales"),
            (r#"{"mean":[0.0],"scale":[0.0],"clip":10.0}"#, "scale 0 of a normaliser is 0"),
            (r#"{"mean":[0.0],"scale":[-1.0],"clip":10.0}"#, "scale 0 of a normaliser is -1"),
            (r#"{"mean":[0.0],"scale":[1.0],"clip":0.0}"#, "the clip of a normaliser is 0"),
            (r#"{"mean":[null],"scale":[1.0],"clip":10.0}"#, "null"),
            (r#"{"mean":[0.0],"scale":[1.0],"clip":10.0,"more":1}"#, "unknown field"),
        ] {
            let message = read(text).expect_err("refused").to_string();
            assert!(message.contains(reason), "{message}");
        }
    }
}
