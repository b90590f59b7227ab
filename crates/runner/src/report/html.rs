//! Pieces of the page: tables and numbers.

use crate::plot::{escaped, swatch};

/// What stands where there is no value.
pub(super) const NONE: &str = "\u{2013}";

/// A cell of a table.
pub(super) struct Cell {
    /// HTML.
    content: String,
    attributes: String,
}

impl Cell {
    /// A text.
    pub(super) fn text(text: &str) -> Self {
        Self { content: escaped(text), attributes: String::new() }
    }

    /// A number, to stand in line with those above and below it.
    pub(super) fn number(text: Option<String>) -> Self {
        let content = escaped(text.as_deref().unwrap_or(NONE));
        let mut cell = Self { content, attributes: String::new() };
        cell.align_right();
        cell
    }

    /// Stands as the numbers below it do.
    pub(super) fn align_right(&mut self) {
        " class=\"number\"".clone_into(&mut self.attributes);
    }

    /// HTML as it is.
    pub(super) fn html(content: String) -> Self {
        Self { content, attributes: String::new() }
    }

    /// With a text that is shown where the pointer rests.
    pub(super) fn with_title(mut self, title: &str) -> Self {
        self.attributes += &format!(" title=\"{}\"", escaped(title));
        self
    }
}

/// A row of a table, whose first cell says what it is about.
pub(super) struct Row {
    pub(super) cells: Vec<Cell>,
    /// The class of the row, if it has one.
    pub(super) class: &'static str,
}

/// A table that scrolls by itself if it is too wide. `name` is what it is found by.
pub(super) fn table(name: &str, head: &[Cell], rows: &[Row]) -> String {
    let cell = |cell: &Cell, scope: &str| {
        let element = if scope.is_empty() { "td" } else { "th" };
        format!("<{element}{scope}{}>{}</{element}>", cell.attributes, cell.content)
    };
    let heads: String = head.iter().map(|it| cell(it, " scope=\"col\"")).collect();
    let mut html = format!(
        "<div class=\"wide\"><table data-table=\"{}\">\n<thead><tr>{heads}</tr></thead>\n<tbody>\n",
        escaped(name)
    );
    for row in rows {
        let class = if row.class.is_empty() { String::new() } else { format!(" class=\"{}\"", row.class) };
        html += &format!("<tr{class}>");
        for (index, it) in row.cells.iter().enumerate() {
            html += &cell(it, if index == 0 { " scope=\"row\"" } else { "" });
        }
        html += "</tr>\n";
    }
    html + "</tbody></table></div>\n"
}

/// The name of the run of an index, with the colour of its curves.
pub(super) fn run_name(index: usize, label: &str) -> String {
    format!("<span class=\"run\">{} {}</span>", swatch(index), escaped(label))
}

/// A whole number with its thousands apart.
pub(super) fn whole(x: u64) -> String {
    let digits = x.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A return with the digits that matter; none if it is not a number.
pub(super) fn real(x: f64) -> Option<String> {
    let decimals = match x.abs() {
        size if size >= 100.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    x.is_finite().then(|| format!("{x:.decimals$}").replace('-', "\u{2212}"))
}

/// A length of time.
pub(super) fn duration(seconds: f64) -> Option<String> {
    if !seconds.is_finite() || seconds < 0.0 {
        return None;
    }
    let whole = seconds.round() as u64;
    Some(match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!([0, 999, 1000, 1_234_567].map(whole), ["0", "999", "1,000", "1,234,567"]);
        let reals = [487.34, -95.312, 0.7421, -0.0004].map(|x| real(x).expect("a number"));
        assert_eq!(reals, ["487.3", "\u{2212}95.31", "0.742", "\u{2212}0.000"]);
        assert_eq!(real(f64::NAN), None);
        let times = [0.04, 59.4, 59.8, 200.0, 7500.0].map(|x| duration(x).expect("a time"));
        assert_eq!(times, ["0.0 s", "59.4 s", "1 min 00 s", "3 min 20 s", "2 h 05 min"]);
        assert_eq!(duration(f64::INFINITY), None);
    }
}
