//! Putting a plot on the page.

use super::axis::Axis;
use super::canvas::{Anchor, Canvas, PAPER, Style, text_width};
use super::{Plot, Series};

const RIGHT: f64 = 36.0;
const BOTTOM: f64 = 64.0;
const LEGEND_ROW: f64 = 22.0;
/// Where titles begin.
pub(super) const EDGE: f64 = 28.0;

pub(super) const INK: &str = "#1f2328";
pub(super) const SOFT_INK: &str = "#57606a";
const PALE_INK: &str = "#8c959f";

pub(super) const TITLE: Style = Style { size: 18.0, colour: INK, bold: true };
const LABEL: Style = Style { size: 13.0, colour: SOFT_INK, bold: false };
pub(super) const TICK: Style = Style { size: 12.0, colour: SOFT_INK, bold: false };
const LEGEND: Style = Style { size: 13.0, colour: INK, bold: false };
const EMPTY: Style = Style { size: 16.0, colour: PALE_INK, bold: false };

pub(super) const GRID: &str = "stroke=\"#e7eaee\" stroke-width=\"1\"";
const BASE_LINE: &str = "stroke=\"#8c959f\" stroke-width=\"1\"";
const DASHED: &str = "stroke=\"#6e7781\" stroke-width=\"1.25\" stroke-dasharray=\"6 5\"";

/// Colours that people with any colour vision tell apart (Okabe and Ito 2008, without black and yellow), the
/// most different first.
pub(super) const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/// Further series take the same colours again, with the next of these patterns.
const DASHES: [&str; 4] = ["", "9 5", "2 5", "12 5 2 5"];

/// Colours of the picture and what takes their places on a dark page.
pub(super) const ON_DARK: [(&str, &str); 7] = [
    (PAPER, "#161b22"),
    (INK, "#e6edf3"),
    (SOFT_INK, "#9da7b3"),
    (PALE_INK, "#6e7681"),
    ("#e7eaee", "#2a313a"),
    ("#6e7781", "#8b949e"),
    ("#0072b2", "#3d9fe0"),
];

/// Colour and pattern of the series of an index, as attributes of a line.
pub(super) fn stroke(index: usize) -> String {
    let colour = COLOURS[index % COLOURS.len()];
    match DASHES[index / COLOURS.len() % DASHES.len()] {
        "" => format!("stroke=\"{colour}\""),
        dashes => format!("stroke=\"{colour}\" stroke-dasharray=\"{dashes}\""),
    }
}

/// More points than this add bytes to the picture, but nothing to see.
const MOST_POINTS: usize = 2000;

/// The rectangle that the curves are drawn in, and what its sides mean.
struct Frame {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
    x: Axis,
    y: Axis,
}

impl Frame {
    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (
            self.left + self.x.place(x) * (self.right - self.left),
            self.bottom - self.y.place(y) * (self.bottom - self.top),
        )
    }
}

/// The plot as an SVG document.
pub(super) fn draw(plot: &Plot) -> String {
    let legend = legend_rows(plot);
    let extra_rows = legend.len().saturating_sub(1) as f64 * LEGEND_ROW;
    let top = if legend.is_empty() { 60.0 } else { 84.0 } + extra_rows;
    let (width, height) = (plot.size.0, plot.size.1 + extra_rows);
    let mut canvas = Canvas::new(width, height, &plot.title);
    canvas.text(EDGE, 36.0, Anchor::Start, TITLE, &plot.title);
    draw_legend(&mut canvas, &legend);

    let x = Axis::to_the_end(plot.points().map(|(x, _)| x));
    let heights = plot.horizontal_lines.iter().map(|(_, y)| *y);
    let y = Axis::between_ticks(plot.points().map(|(_, y)| y).chain(heights));
    let widest = y.ticks.iter().map(|(_, label)| text_width(label, TICK.size)).fold(0.0, f64::max);
    let left = EDGE + LABEL.size + 20.0 + widest;
    let frame = Frame { left, top, right: width - RIGHT, bottom: height - BOTTOM, x, y };
    let is_empty = plot.points().next().is_none();
    draw_axes(&mut canvas, plot, &frame, !is_empty);
    if is_empty {
        let (x, y) = (f64::midpoint(frame.left, frame.right), f64::midpoint(frame.top, frame.bottom));
        canvas.text(x, y, Anchor::Middle, EMPTY, "no data yet");
        return canvas.finish();
    }
    for (series, colour) in plot.series.iter().zip(COLOURS.iter().cycle()) {
        let [low, high] = &series.band;
        // There and back again.
        canvas.area(low.iter().chain(high.iter().rev()).map(|point| frame.place(*point)), colour);
        let dots = thinned(&series.dots);
        // Many dots are small and pale, so that one still sees how dense they are.
        let (size, opacity) = if dots.len() > 400 { (2.6, 0.28) } else { (4.0, 0.36) };
        canvas.dots(dots.into_iter().map(|point| frame.place(point)), size, colour, opacity);
    }
    draw_horizontal_lines(&mut canvas, plot, &frame);
    for (index, series) in plot.series.iter().enumerate() {
        draw_curve(&mut canvas, series, index, &frame);
    }
    label_horizontal_lines(&mut canvas, plot, &frame);
    canvas.finish()
}

/// Without data the numbers along the axes would mean nothing.
fn draw_axes(canvas: &mut Canvas, plot: &Plot, frame: &Frame, with_numbers: bool) {
    for (y, label) in &frame.y.ticks {
        let (_, y) = frame.place((frame.x.min, *y));
        canvas.line((frame.left, y), (frame.right, y), GRID);
        if with_numbers {
            canvas.text(frame.left - 10.0, y + 4.0, Anchor::End, TICK, label);
        }
    }
    for (x, label) in &frame.x.ticks {
        let (x, _) = frame.place((*x, frame.y.min));
        canvas.line((x, frame.top), (x, frame.bottom), GRID);
        if with_numbers {
            canvas.line((x, frame.bottom), (x, frame.bottom + 5.0), BASE_LINE);
            canvas.text(x, frame.bottom + 21.0, Anchor::Middle, TICK, label);
        }
    }
    canvas.line((frame.left, frame.bottom), (frame.right, frame.bottom), BASE_LINE);
    let middle = f64::midpoint(frame.left, frame.right);
    canvas.text(middle, frame.bottom + 46.0, Anchor::Middle, LABEL, &plot.x_label);
    canvas.rising_text(EDGE + 5.0, f64::midpoint(frame.top, frame.bottom), LABEL, &plot.y_label);
}

fn draw_horizontal_lines(canvas: &mut Canvas, plot: &Plot, frame: &Frame) {
    for (_, y) in &plot.horizontal_lines {
        let (_, y) = frame.place((frame.x.min, *y));
        canvas.line((frame.left, y), (frame.right, y), DASHED);
    }
}

/// Over the curves, or these would strike the labels out.
fn label_horizontal_lines(canvas: &mut Canvas, plot: &Plot, frame: &Frame) {
    for (label, y) in &plot.horizontal_lines {
        let (_, y) = frame.place((frame.x.min, *y));
        // Above the line, unless that would leave the frame.
        let baseline = if y - frame.top > 18.0 { y - 6.0 } else { y + 16.0 };
        canvas.text_over_curves(frame.left + 8.0, baseline, TICK, label);
    }
}

fn draw_curve(canvas: &mut Canvas, series: &Series, index: usize, frame: &Frame) {
    let points = thinned(&series.line);
    if points.is_empty() {
        return;
    }
    if !series.name.is_empty() {
        canvas.begin_series(&series.name);
    }
    match points.as_slice() {
        // A curve through one point would not be seen.
        [only] => {
            canvas.dots(std::iter::once(frame.place(*only)), 7.0, COLOURS[index % COLOURS.len()], 1.0);
        }
        points => canvas.curve(points.iter().map(|point| frame.place(*point)), &stroke(index)),
    }
    if !series.name.is_empty() {
        canvas.end_series();
    }
}

/// The entries of the legend: a series' name and index, and where it begins, row by row.
fn legend_rows(plot: &Plot) -> Vec<Vec<(&str, usize, f64)>> {
    let mut rows: Vec<Vec<(&str, usize, f64)>> = Vec::new();
    let mut x = f64::INFINITY;
    for (index, series) in plot.series.iter().enumerate() {
        if series.name.is_empty() || plot.has_no_legend {
            continue;
        }
        let width = 28.0 + text_width(&series.name, LEGEND.size) + 22.0;
        if x + width > plot.size.0 - RIGHT {
            rows.push(Vec::new());
            x = EDGE;
        }
        if let Some(row) = rows.last_mut() {
            row.push((&series.name, index, x));
        }
        x += width;
    }
    rows
}

fn draw_legend(canvas: &mut Canvas, rows: &[Vec<(&str, usize, f64)>]) {
    for (row_index, row) in rows.iter().enumerate() {
        let y = 62.0 + row_index as f64 * LEGEND_ROW;
        for (name, index, x) in row {
            let look = format!("{} stroke-width=\"3\" stroke-linecap=\"round\"", stroke(*index));
            canvas.line((x + 2.0, y - 4.5), (x + 20.0, y - 4.5), &look);
            canvas.text(x + 28.0, y, Anchor::Start, LEGEND, name);
        }
    }
}

/// At most about [`MOST_POINTS`] points that look the same: of each stretch the lowest and the highest.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= MOST_POINTS {
        return points.to_vec();
    }
    let stretch = points.len().div_ceil(MOST_POINTS / 2);
    let mut kept = Vec::with_capacity(MOST_POINTS);
    for stretch in points.chunks(stretch) {
        let by_height = |&a: &usize, &b: &usize| stretch[a].1.total_cmp(&stretch[b].1);
        let lowest = (0..stretch.len()).min_by(by_height).unwrap_or(0);
        let highest = (0..stretch.len()).max_by(by_height).unwrap_or(0);
        kept.push(stretch[lowest.min(highest)]);
        if lowest != highest {
            kept.push(stretch[lowest.max(highest)]);
        }
    }
    kept
}
