//! Which part of the numbers an axis shows, and what is written along it.

/// The range of an axis with its ticks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) min: f64,
    pub(super) max: f64,
    /// Where the ticks are and what they say.
    pub(super) ticks: Vec<(f64, String)>,
}

/// About how many ticks an axis gets.
const TICKS: f64 = 6.0;
/// A step may be shorter than the exact share by this factor.
const ROOMY: f64 = 0.8;
/// An axis that begins within this share of its length from zero begins at zero.
const NEAR_ZERO: f64 = 0.25;

impl Axis {
    /// An axis from a tick at or below the least of `values` to one at or above the greatest.
    pub(super) fn between_ticks(values: impl Iterator<Item = f64>) -> Self {
        let (min, max) = range(values);
        let step = tick_step(max - min);
        Self::new((min / step).floor() * step, (max / step).ceil() * step, step)
    }

    /// An axis that ends at the greatest of `values`, and begins at the least or at zero if that is near.
    pub(super) fn to_the_end(values: impl Iterator<Item = f64>) -> Self {
        let (min, max) = range(values);
        let min = if min > 0.0 && min < NEAR_ZERO * max { 0.0 } else { min };
        Self::new(min, max, tick_step(max - min))
    }

    fn new(min: f64, max: f64, step: f64) -> Self {
        // Half a thousandth of a step forgives rounding.
        let first = (min / step - 5e-4).ceil();
        let count = ((max / step + 5e-4).floor() - first).clamp(0.0, 4.0 * TICKS) as u32;
        let at = |index: u32| (first + f64::from(index)) * step;
        let largest = min.abs().max(max.abs());
        let ticks = (0..=count).map(|index| (at(index), label(at(index), step, largest))).collect();
        Self { min, max, ticks }
    }

    /// Where a value lies on the axis: 0 at its beginning, 1 at its end.
    pub(super) fn place(&self, x: f64) -> f64 {
        (x - self.min) / (self.max - self.min)
    }
}

/// The least and the greatest value, apart enough for an axis.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (min, max) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), x| (min.min(x), max.max(x)));
    if min > max {
        return (0.0, 1.0);
    }
    let size = min.abs().max(max.abs());
    if max - min > 1e-9 * size && max - min > 1e-290 {
        return (min, max);
    }
    // What is always 0 is mostly a share or a count.
    if size > 1e-280 { (min - 0.1 * size, max + 0.1 * size) } else { (0.0, 1.0) }
}

/// 1, 2 or 5 times a power of ten, so that there are about [`TICKS`] in `span`.
fn tick_step(span: f64) -> f64 {
    let rough = span / TICKS;
    let power = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= ROOMY * rough);
    factor.unwrap_or(10.0) * power
}

/// A tick's number in the unit that suits the largest on its axis: plain, thousands (k) or millions (M).
pub(super) fn label(x: f64, step: f64, largest: f64) -> String {
    let (unit, suffix) = match largest {
        l if !(1e-4..1e10).contains(&l) => return exponent_label(x, step),
        l if l >= 1e6 => (1e6, "M"),
        l if l >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let decimals = decimals_of(step / unit);
    let text = format!("{:.decimals$}", x / unit);
    if text.bytes().all(|byte| !(b'1'..=b'9').contains(&byte)) {
        return "0".to_owned();
    }
    text.replace('-', "\u{2212}") + suffix
}

fn exponent_label(x: f64, step: f64) -> String {
    if x.abs() < step / 2.0 {
        return "0".to_owned();
    }
    let digits = decimals_of(step / 10_f64.powf(x.abs().log10().floor()));
    format!("{x:.digits$e}").replace('-', "\u{2212}")
}

/// How many decimals tell multiples of `step` apart.
fn decimals_of(step: f64) -> usize {
    // At most 12: finer steps do not come with axes that are wide enough to be drawn.
    (-(step * 1.000_001).log10().floor()).clamp(0.0, 12.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        let axis = Axis::between_ticks([9.0, 500.0].into_iter());
        assert_eq!(labels(&axis), ["0", "100", "200", "300", "400", "500"]);
        let axis = Axis::between_ticks([-1432.0, -150.0].into_iter());
        let expected = ["1600", "1400", "1200", "1000", "800", "600", "400", "200"];
        let mut expected: Vec<String> = expected.iter().map(|digits| format!("\u{2212}{digits}")).collect();
        expected.push("0".to_owned());
        assert_eq!(labels(&axis), expected);
        let axis = Axis::to_the_end([1024.0, 100_352.0].into_iter());
        assert_eq!(labels(&axis), ["0", "20k", "40k", "60k", "80k", "100k"]);
        let axis = Axis::to_the_end([1e3, 1e6].into_iter());
        assert_eq!(labels(&axis), ["0", "0.2M", "0.4M", "0.6M", "0.8M", "1.0M"]);
        let axis = Axis::between_ticks([0.001, 0.0249].into_iter());
        assert_eq!(labels(&axis), ["0", "0.005", "0.010", "0.015", "0.020", "0.025"]);
    }

    #[test]
    fn every_range_has_a_few_distinct_ticks_in_it() {
        let values = [0.0, 5e-324, 1e-300, 1e-12, 1e-5, 0.3, 1.0, 99.9, 1e4, 1e9, 1e15, 9.9e299];
        let signed: Vec<f64> = values.iter().flat_map(|&x| [x, -x]).collect();
        for &a in &signed {
            for &b in &signed {
                for axis in [Axis::between_ticks([a, b].into_iter()), Axis::to_the_end([a, b].into_iter())] {
                    let inside = |x| (-1e-9..1.0 + 1e-9).contains(&axis.place(x));
                    assert!(inside(a) && inside(b), "{a} {b}");
                    let count = axis.ticks.len();
                    assert!((2..=16).contains(&count), "{a} and {b}: {:?}", labels(&axis));
                    let mut distinct = labels(&axis);
                    distinct.dedup();
                    assert_eq!(distinct.len(), count, "{a} and {b}: {:?}", labels(&axis));
                    assert!(axis.ticks.iter().all(|(x, _)| (-1e-3..1.001).contains(&axis.place(*x))));
                }
            }
        }
    }

    #[test]
    fn without_values_there_is_still_an_axis() {
        assert_eq!(Axis::to_the_end(std::iter::empty()).ticks.len(), 6);
    }
}
