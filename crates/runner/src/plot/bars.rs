//! Groups of horizontal bars, as SVG.

use super::axis::label;
use super::canvas::{Anchor, Canvas, Style, text_width};
use super::draw::{COLOURS, EDGE, GRID, INK, SOFT_INK, TICK, TITLE};

const WIDTH: f64 = 860.0;
const TOP: f64 = 64.0;
const BAR: f64 = 18.0;
const GAP: f64 = 4.0;
/// Between two groups, with the title of the second.
const GROUP_GAP: f64 = 34.0;
const BOTTOM: f64 = 36.0;
/// What the shortest bar has of the width, so that it is seen.
const SHORTEST: f64 = 0.04;
/// Values that span more than this factor get a logarithmic axis, or the small ones would not be seen.
const MOST_LINEAR: f64 = 20.0;

const GROUP: Style = Style { size: 13.0, colour: INK, bold: true };
const LABEL: Style = Style { size: 13.0, colour: SOFT_INK, bold: false };
const VALUE: Style = Style { size: 12.0, colour: INK, bold: false };

/// A picture of groups of horizontal bars, all on one axis that begins at zero, or is logarithmic where the values are far
/// apart; a grid of powers of ten shows that. Bars of the same name have the same colour in all groups.
///
/// Values that are not positive and finite have no bar.
///
/// ```
/// use gradus_runner::plot::Bars;
///
/// let picture = Bars::new("Steps a second")
///     .group("CartPole", &[("one", 1.4e6, "1.4 M".to_owned()), ("another", 2.1e5, "0.2 M".to_owned())])
///     .render();
/// assert!(picture.starts_with("<svg"));
/// ```
#[derive(Clone, Debug)]
pub struct Bars {
    title: String,
    groups: Vec<(String, Vec<Bar>)>,
}

#[derive(Clone, Debug)]
struct Bar {
    name: String,
    value: f64,
    label: String,
}

impl Bars {
    /// A picture without bars.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), groups: Vec::new() }
    }

    /// One more group: each bar has a name, a value, and what is written at its end.
    #[must_use]
    pub fn group(mut self, title: impl Into<String>, bars: &[(&str, f64, String)]) -> Self {
        let bar = |(name, value, label): &(&str, f64, String)| Bar {
            name: (*name).to_owned(),
            value: *value,
            label: label.clone(),
        };
        self.groups.push((title.into(), bars.iter().map(bar).collect()));
        self
    }

    /// The picture: an SVG document, as high as its bars need.
    pub fn render(&self) -> String {
        let n_bars: usize = self.groups.iter().map(|(_, bars)| bars.len()).sum();
        let height = TOP + self.groups.len() as f64 * GROUP_GAP + n_bars as f64 * (BAR + GAP) + BOTTOM;
        let mut canvas = Canvas::new(WIDTH, height, &self.title);
        canvas.text(EDGE, 36.0, Anchor::Start, TITLE, &self.title);
        let widest = |texts: &mut dyn Iterator<Item = &str>, size: f64| {
            texts.map(|text| text_width(text, size)).fold(0.0, f64::max)
        };
        let left = EDGE + widest(&mut self.bars().map(|bar| bar.name.as_str()), LABEL.size) + 12.0;
        let room = widest(&mut self.bars().map(|bar| bar.label.as_str()), VALUE.size) + EDGE;
        let axis = Axis::of(self.bars().map(|bar| bar.value), left, WIDTH - room);
        for (x, power) in axis.powers_of_ten() {
            canvas.line((x, TOP - 8.0), (x, height - BOTTOM), GRID);
            canvas.text(x, height - BOTTOM + 18.0, Anchor::Middle, TICK, &power);
        }
        let names = self.names();
        let mut y = TOP;
        for (title, bars) in &self.groups {
            canvas.text(EDGE, y + GROUP_GAP - 12.0, Anchor::Start, GROUP, title);
            y += GROUP_GAP;
            for bar in bars {
                let colour = names.iter().position(|name| *name == bar.name).unwrap_or(0) % COLOURS.len();
                let baseline = y + BAR - 5.0;
                canvas.text(left - 8.0, baseline, Anchor::End, LABEL, &bar.name);
                let end = axis.place(bar.value);
                if let Some(end) = end {
                    canvas.bar((left, y), (end - left, BAR), COLOURS[colour]);
                }
                canvas.text(end.unwrap_or(left) + 6.0, baseline, Anchor::Start, VALUE, &bar.label);
                y += BAR + GAP;
            }
        }
        canvas.finish()
    }

    fn bars(&self) -> impl Iterator<Item = &Bar> {
        self.groups.iter().flat_map(|(_, bars)| bars)
    }

    /// The names of the bars, each once, in the order of their coming.
    fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for bar in self.bars() {
            if !names.contains(&bar.name.as_str()) {
                names.push(&bar.name);
            }
        }
        names
    }
}

/// Where bars end.
struct Axis {
    left: f64,
    right: f64,
    min: f64,
    max: f64,
    is_logarithmic: bool,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64>, left: f64, right: f64) -> Self {
        let (min, max) = values
            .filter(|it| has_a_bar(*it))
            .fold((f64::INFINITY, 0.0_f64), |(min, max), it| (min.min(it), max.max(it)));
        Self { left, right, min, max, is_logarithmic: max > MOST_LINEAR * min }
    }

    fn place(&self, value: f64) -> Option<f64> {
        has_a_bar(value).then(|| {
            let share = if self.is_logarithmic {
                SHORTEST + (1.0 - SHORTEST) * (value / self.min).ln() / (self.max / self.min).ln()
            } else {
                value / self.max
            };
            self.left + share * (self.right - self.left)
        })
    }

    /// Where they are and how they are written; nothing on a linear axis.
    fn powers_of_ten(&self) -> Vec<(f64, String)> {
        if !self.is_logarithmic {
            return Vec::new();
        }
        let (first, last) = (self.min.log10().ceil() as i32, self.max.log10().floor() as i32);
        let powers = (first..=last).map(|exponent| 10.0_f64.powi(exponent));
        powers.filter_map(|power| Some((self.place(power)?, label(power, power, power)))).collect()
    }
}

fn has_a_bar(value: f64) -> bool {
    value.is_finite() && value > 0.0
}
