//! An SVG document in the making.

use std::fmt::Write;

/// About how wide a character is, as a share of the font's size.
const CHARACTER: f64 = 0.56;

/// What the picture is drawn on.
pub(super) const PAPER: &str = "#ffffff";

const FONT: &str = "-apple-system,'Segoe UI',Inter,Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif";

/// How a text stands at its place.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Size, colour and weight of a text.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) size: f64,
    pub(super) colour: &'static str,
    pub(super) bold: bool,
}

pub(super) struct Canvas {
    text: String,
}

impl Canvas {
    /// A white page. `title` is what screen readers say.
    pub(super) fn new(width: f64, height: f64, title: &str) -> Self {
        let mut canvas = Self { text: String::new() };
        let title = escaped(title);
        canvas.line_of(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"{FONT}\">\n<title>{title}</title>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"{PAPER}\"/>"
        ));
        canvas
    }

    pub(super) fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }

    pub(super) fn text(&mut self, x: f64, y: f64, anchor: Anchor, style: Style, text: &str) {
        self.text_with(x, y, anchor, style, text, "");
    }

    /// A text that reads from below.
    pub(super) fn rising_text(&mut self, x: f64, y: f64, style: Style, text: &str) {
        self.text_with(
            x,
            y,
            Anchor::Middle,
            style,
            text,
            &format!(" transform=\"rotate(-90 {x:.1} {y:.1})\""),
        );
    }

    /// A text that stays legible where curves pass below it.
    pub(super) fn text_over_curves(&mut self, x: f64, y: f64, style: Style, text: &str) {
        let halo = format!(
            " stroke=\"{PAPER}\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\""
        );
        self.text_with(x, y, Anchor::Start, style, text, &halo);
    }

    fn text_with(&mut self, x: f64, y: f64, anchor: Anchor, style: Style, text: &str, attributes: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let weight = if style.bold { " font-weight=\"600\"" } else { "" };
        let (size, colour, text) = (style.size, style.colour, escaped(text));
        self.line_of(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\" \
             fill=\"{colour}\"{weight}{attributes}>{text}</text>"
        ));
    }

    /// A straight line; `attributes` says how it looks.
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), attributes: &str) {
        self.line_of(format_args!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" {attributes}/>",
            from.0, from.1, to.0, to.1
        ));
    }

    /// A line through points; `look` is its [stroke](super::draw::stroke).
    pub(super) fn curve(&mut self, points: impl Iterator<Item = (f64, f64)>, look: &str) {
        let mut path = String::new();
        for (x, y) in points {
            path += &format!("{}{x:.1} {y:.1}", if path.is_empty() { 'M' } else { 'L' });
        }
        self.line_of(format_args!(
            "<path d=\"{path}\" fill=\"none\" {look} stroke-width=\"2.25\" \
             stroke-linejoin=\"round\" stroke-linecap=\"round\"/>"
        ));
    }

    /// Begins what belongs to the series called `name`, which is shown where the pointer rests on it.
    pub(super) fn begin_series(&mut self, name: &str) {
        let name = escaped(name);
        self.line_of(format_args!("<g data-series=\"{name}\"><title>{name}</title>"));
    }

    pub(super) fn end_series(&mut self) {
        self.text.push_str("</g>\n");
    }

    /// Round dots of one colour, as the ends of strokes without length, which is short.
    pub(super) fn dots(
        &mut self,
        points: impl Iterator<Item = (f64, f64)>,
        size: f64,
        colour: &str,
        opacity: f64,
    ) {
        let path: String = points.map(|(x, y)| format!("M{x:.1} {y:.1}h0")).collect();
        self.line_of(format_args!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{size}\" \
             stroke-linecap=\"round\" stroke-opacity=\"{opacity}\"/>"
        ));
    }

    /// A pale area with these corners; nothing where there is none.
    pub(super) fn area(&mut self, corners: impl Iterator<Item = (f64, f64)>, colour: &str) {
        let mut path = String::new();
        for (x, y) in corners {
            path += &format!("{}{x:.1} {y:.1}", if path.is_empty() { 'M' } else { 'L' });
        }
        if !path.is_empty() {
            self.line_of(format_args!("<path d=\"{path}Z\" fill=\"{colour}\" fill-opacity=\"0.13\"/>"));
        }
    }

    /// A filled rectangle from its upper left corner on.
    pub(super) fn bar(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), colour: &str) {
        self.line_of(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"2\" fill=\"{colour}\"/>"
        ));
    }

    fn line_of(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{arguments}");
    }
}

/// About how wide a text is.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * CHARACTER * size
}

/// A text as XML. Characters that XML has no way to write become U+FFFD.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => out.push(char::REPLACEMENT_CHARACTER),
            c if c.is_control() => {
                out.push(if c.is_whitespace() { ' ' } else { char::REPLACEMENT_CHARACTER })
            }
            c => out.push(c),
        }
    }
    out
}
