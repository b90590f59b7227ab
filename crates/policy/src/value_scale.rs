//! What the outputs of a critic with normalised targets stand for.

use gradus_core_math::{Real, RunningMoments};

/// The value that an output y stands for: V = mean + deviation · y.
///
/// A critic that is fitted to normalised targets puts out y, so that its weights need not follow the scale of the
/// returns. The layers are not rewritten when the moments change, as PopArt does (van Hasselt et al. 2016): V moves
/// with them.
///
/// ```
/// use gradus_core_math::RunningMoments;
/// use gradus_policy::ValueScale;
/// let mut moments = RunningMoments::new(1);
/// assert_eq!(ValueScale::of(&moments), None);
/// moments.push(&[10.0]);
/// moments.push(&[14.0]);
/// let scale = ValueScale::of(&moments).expect("two targets");
/// let mut values = [0.5_f32];
/// scale.to_values(&mut values);
/// assert_eq!(values, [13.0]);
/// assert!((scale.to_output(13.0_f64) - 0.5).abs() < 1e-8);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueScale {
    mean: f64,
    deviation: f64,
}

impl ValueScale {
    /// What keeps equal targets from a division by 0: ε in √(variance + ε), as that of [`Normalizer`](crate::Normalizer).
    pub const EPSILON: f64 = crate::Normalizer::EPSILON;

    /// The scale of targets with the moments of one component; none before the first target.
    ///
    /// # Panics
    /// When the moments are of no component.
    pub fn of(moments: &RunningMoments) -> Option<Self> {
        let deviation = (moments.variance()[0] + Self::EPSILON).sqrt();
        (moments.count() > 0).then(|| Self { mean: moments.mean()[0], deviation })
    }

    /// Outputs become the values that they stand for.
    pub fn to_values<T: Real>(&self, outputs: &mut [T]) {
        for output in outputs {
            *output = T::of(self.mean + self.deviation * output.wide());
        }
    }

    /// The output that stands for `value`.
    #[inline]
    pub fn to_output<T: Real>(&self, value: T) -> T {
        T::of((value.wide() - self.mean) / self.deviation)
    }
}
