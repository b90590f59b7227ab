//! Pictures of learning curves and of bars, as SVG.

mod axis;
mod bars;
mod canvas;
mod draw;

pub use bars::Bars;
pub(crate) use canvas::escaped;

/// Width and height of a picture in pixels, unless it is given others.
const SIZE: (f64, f64) = (860.0, 500.0);

/// A picture of one or several curves over common axes.
///
/// Points that are not finite are skipped. The same input gives the same picture, byte for byte.
///
/// ```
/// use gradus_runner::plot::{Plot, moving_average};
///
/// let returns = [(0.0, 20.0), (1024.0, 35.0), (2048.0, f64::NAN), (3072.0, 480.0)];
/// let picture = Plot::new("CartPole-v1, PPO")
///     .x_label("environment steps")
///     .y_label("mean return")
///     .scatter("seed 0", &returns, &moving_average(&returns, 10))
///     .horizontal_line("solved at 475", 475.0)
///     .render();
/// assert!(picture.starts_with("<svg"));
/// ```
#[derive(Clone, Debug)]
pub struct Plot {
    title: String,
    x_label: String,
    y_label: String,
    series: Vec<Series>,
    horizontal_lines: Vec<(String, f64)>,
    size: (f64, f64),
    has_no_legend: bool,
}

impl Default for Plot {
    fn default() -> Self {
        Self {
            title: String::new(),
            x_label: String::new(),
            y_label: String::new(),
            series: Vec::new(),
            horizontal_lines: Vec::new(),
            size: SIZE,
            has_no_legend: false,
        }
    }
}

#[derive(Clone, Debug)]
struct Series {
    name: String,
    line: Vec<(f64, f64)>,
    dots: Vec<(f64, f64)>,
    /// Lower and upper edge.
    band: [Vec<(f64, f64)>; 2],
}

impl Plot {
    /// An empty plot.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// What the horizontal axis counts.
    #[must_use]
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.x_label = label.into();
        self
    }

    /// What the vertical axis measures.
    #[must_use]
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.y_label = label.into();
        self
    }

    /// A curve through points (x, y) in the order given. The legend shows the name, unless it is empty.
    #[must_use]
    pub fn series(self, name: impl Into<String>, points: &[(f64, f64)]) -> Self {
        self.scatter(name, &[], points)
    }

    /// Single points, pale, and a curve through others, such as their [`moving_average`], over them.
    #[must_use]
    pub fn scatter(mut self, name: impl Into<String>, raw: &[(f64, f64)], smooth: &[(f64, f64)]) -> Self {
        let band = Default::default();
        self.series.push(Series { name: name.into(), line: drawable(smooth), dots: drawable(raw), band });
        self
    }

    /// A curve over a pale band, such as the middle half of several runs: (x, lower edge, upper edge) in the order of x.
    #[must_use]
    pub fn band(mut self, name: impl Into<String>, band: &[(f64, f64, f64)], line: &[(f64, f64)]) -> Self {
        let edge =
            |of: fn(&(f64, f64, f64)) -> (f64, f64)| drawable(&band.iter().map(of).collect::<Vec<_>>());
        let band = [edge(|&(x, low, _)| (x, low)), edge(|&(x, _, high)| (x, high))];
        self.series.push(Series { name: name.into(), line: drawable(line), dots: Vec::new(), band });
        self
    }

    /// A dashed line at the height `y` with its meaning written on it, such as "solved at 475".
    #[must_use]
    pub fn horizontal_line(mut self, label: impl Into<String>, y: f64) -> Self {
        if is_drawable(y) {
            self.horizontal_lines.push((label.into(), y));
        }
        self
    }

    /// Another size than 860 × 500 pixels.
    ///
    /// # Panics
    /// If there is no room for the axes: a picture is at least 240 × 180 pixels.
    #[must_use]
    pub fn size(mut self, width: f64, height: f64) -> Self {
        let is_wide_enough = is_drawable(width) && is_drawable(height) && width >= 240.0 && height >= 180.0;
        assert!(is_wide_enough, "{width} × {height} pixels are too few for a plot");
        self.size = (width, height);
        self
    }

    /// Leaves the legend to whoever shows the picture.
    #[must_use]
    pub fn without_legend(mut self) -> Self {
        self.has_no_legend = true;
        self
    }

    /// The picture: an SVG document of its [`size`](Self::size), higher if the legend needs several rows.
    pub fn render(&self) -> String {
        draw::draw(self)
    }

    /// The points of all curves.
    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.series
            .iter()
            .flat_map(|series| series.line.iter().chain(&series.dots).chain(series.band.iter().flatten()))
            .copied()
    }
}

/// The mean of each point's value and up to `window` − 1 before it, at the same x. Values that are not finite
/// do not count; a point without any that is finite is left out.
///
/// # Panics
/// If `window` is 0.
pub fn moving_average(points: &[(f64, f64)], window: usize) -> Vec<(f64, f64)> {
    assert!(window > 0, "a moving average is over at least one point");
    let mean_at = |index: usize| {
        let values = points[(index + 1).saturating_sub(window)..=index].iter().map(|(_, y)| *y);
        let (count, sum) =
            values.filter(|y| y.is_finite()).fold((0_u32, 0.0), |(count, sum), y| (count + 1, sum + y));
        (count > 0).then(|| (points[index].0, sum / f64::from(count)))
    };
    (0..points.len()).filter_map(mean_at).collect()
}

/// The short line that stands for the series of an index in a legend, as an SVG element.
pub(crate) fn swatch(index: usize) -> String {
    format!(
        "<svg class=\"swatch\" width=\"26\" height=\"10\" viewBox=\"0 0 26 10\" aria-hidden=\"true\">\
         <line x1=\"2\" y1=\"5\" x2=\"24\" y2=\"5\" {} stroke-width=\"3\" stroke-linecap=\"round\"/></svg>",
        draw::stroke(index)
    )
}

/// Rules of CSS that show the pictures below `selector` on a dark page.
pub(crate) fn dark_rules(selector: &str) -> String {
    let rule = |(light, dark): &(&str, &str)| {
        format!(
            "{selector} [fill=\"{light}\"] {{ fill: {dark}; }}\n\
             {selector} [stroke=\"{light}\"] {{ stroke: {dark}; }}\n"
        )
    };
    draw::ON_DARK.iter().map(rule).collect()
}

/// Differences of larger numbers would overflow.
fn is_drawable(x: f64) -> bool {
    x.is_finite() && x.abs() < 1e300
}

fn drawable(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    points.iter().copied().filter(|(x, y)| is_drawable(*x) && is_drawable(*y)).collect()
}

#[cfg(test)]
#[path = "plot/tests.rs"]
mod tests;
