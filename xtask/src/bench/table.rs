//! The table at the end.

use super::estimates::{Estimate, Throughput};

/// One line a benchmark, with aligned columns.
pub(super) fn render(results: &[Estimate]) -> String {
    let confidence = results.first().map_or(0.95, |first| first.confidence_level);
    let title = format!("{:.0} % interval", 100.0 * confidence);
    let mut rows = vec![["benchmark".to_owned(), "median".to_owned(), title, "throughput".to_owned()]];
    rows.extend(results.iter().map(row));
    let widths: [usize; 4] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    });
    let mut text = String::new();
    for [name, median, interval, throughput] in &rows {
        let [a, b, c, d] = widths;
        text += &format!("{name:a$}  {median:>b$}  {interval:>c$}  {throughput:>d$}\n");
    }
    text
}

fn row(result: &Estimate) -> [String; 4] {
    let interval = format!("{} – {}", time(result.low_ns), time(result.high_ns));
    let throughput = result.throughput.as_ref().map(rate).unwrap_or_default();
    [result.name.clone(), time(result.median_ns), interval, throughput]
}

/// A time in the largest unit of which it is at least one.
pub(super) fn time(ns: f64) -> String {
    let units = [(1e9, "s"), (1e6, "ms"), (1e3, "µs")];
    let (scale, unit) = units.into_iter().find(|(scale, _)| ns >= *scale).unwrap_or((1.0, "ns"));
    format!("{} {unit}", three_digits(ns / scale))
}

/// A rate with its unit: `12.3 GFLOP/s`, `1.23 M steps/s`.
pub(super) fn rate(throughput: &Throughput) -> String {
    let Throughput { unit, per_second } = throughput;
    let prefixes = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let (scale, prefix) = prefixes.into_iter().find(|(scale, _)| per_second >= scale).unwrap_or((1.0, ""));
    let number = three_digits(per_second / scale);
    // FLOP is a unit that takes a prefix; what has a plural is a word.
    match (unit.as_str(), prefix) {
        ("FLOP", _) => format!("{number} {prefix}FLOP/s"),
        (_, "") => format!("{number} {unit}s/s"),
        _ => format!("{number} {prefix} {unit}s/s"),
    }
}

/// Three significant digits, as far as the point allows.
fn three_digits(x: f64) -> String {
    let decimals = if x < 9.995 { 2 } else { usize::from(x < 99.95) };
    format!("{x:.decimals$}")
}

/// Columns with their right ends below each other, but for the first.
pub(super) fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width =
        |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let mut row = format!("{:1$}", line[0], widths[0]);
        for (word, width) in line.iter().zip(&widths).skip(1) {
            row += &format!("  {word:>width$}");
        }
        text += row.trim_end();
        text.push('\n');
    }
    text
}
