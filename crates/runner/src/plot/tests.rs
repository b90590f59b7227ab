use super::*;

fn learning_curve(count: usize) -> Vec<(f64, f64)> {
    (1..=count).map(|i| (i as f64 * 100.0, 500.0 * (1.0 - (-(i as f64) / 50.0).exp()))).collect()
}

/// Whether every element that is opened is closed, and no text has an unescaped sign.
fn is_well_formed(svg: &str) -> bool {
    let mut open = Vec::new();
    for part in svg.split('<').skip(1) {
        let Some((tag, text)) = part.split_once('>') else { return false };
        let text_is_escaped = text.split('&').skip(1).all(|rest| {
            ["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|entity| rest.starts_with(entity))
        });
        if text.contains('>') || !text_is_escaped {
            return false;
        }
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap_or_default());
        }
    }
    open.is_empty()
}

#[test]
fn everything_asked_for_is_in_the_picture() {
    let points = learning_curve(200);
    let svg = Plot::new("CartPole-v1, PPO")
        .x_label("environment steps")
        .y_label("mean return")
        .scatter("seed 0", &points, &moving_average(&points, 20))
        .series("seed 1", &points)
        .horizontal_line("solved at 475", 475.0)
        .render();
    assert!(is_well_formed(&svg));
    for text in [
        "CartPole-v1, PPO",
        "environment steps",
        "mean return",
        "seed 0",
        "seed 1",
        "solved at 475",
        ">500<",
        ">20k<",
    ] {
        assert!(svg.contains(text), "{text} is missing");
    }
    assert_eq!(svg.matches("stroke-width=\"2.25\"").count(), 2);
    assert!(!svg.contains("no data yet"));
}

#[test]
fn a_band_is_an_area_that_the_axes_hold() {
    let svg =
        Plot::new("a").band("b", &[(0.0, 10.0, 30.0), (10.0, 20.0, 90.0)], &[(0.0, 20.0), (10.0, 40.0)]);
    let svg = svg.render();
    assert!(is_well_formed(&svg));
    let area = svg.lines().find(|line| line.contains("fill-opacity")).expect("an area");
    // Four corners: the lower edge from the left, then the upper one from the right.
    assert_eq!((area.matches('M').count(), area.matches('L').count(), area.matches('Z').count()), (1, 3, 1));
    assert!(svg.contains(">80<"), "the axis reaches past the line, to the band's upper edge");
    assert!(!Plot::new("a").series("b", &[(0.0, 1.0), (1.0, 2.0)]).render().contains("fill-opacity"));
}

#[test]
fn points_that_are_not_finite_are_skipped() {
    let strange = [(0.0, f64::NAN), (f64::INFINITY, 1.0), (1.0, f64::NEG_INFINITY), (2.0, 1e308)];
    let clean = Plot::new("a").series("b", &[(3.0, 4.0), (5.0, 6.0)]).render();
    let mixed: Vec<_> = strange.into_iter().chain([(3.0, 4.0), (5.0, 6.0)]).collect();
    assert_eq!(Plot::new("a").series("b", &mixed).horizontal_line("c", f64::NAN).render(), clean);
    assert!(Plot::new("a").series("b", &strange).render().contains("no data yet"));
}

#[test]
fn an_empty_plot_says_so() {
    let svg = Plot::new("a").horizontal_line("solved", 3.0).render();
    assert!(is_well_formed(&svg) && svg.contains("no data yet"));
}

#[test]
fn one_point_and_a_flat_line_are_drawn() {
    for points in [&[(1.0, 1.0)][..], &[(1.0, -200.0), (2.0, -200.0)], &[(0.0, 0.0)], &[(0.0, 5e-324)]] {
        let svg = Plot::new("a").series("b", points).render();
        assert!(is_well_formed(&svg) && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}

#[test]
fn text_is_escaped() {
    let name = "<script>&\"'\u{0}\u{ffff}\n]]>";
    let svg = Plot::new(name).x_label(name).y_label(name).series(name, &[(0.0, 1.0)]).render();
    assert!(is_well_formed(&svg) && !svg.contains("<script>"));
    assert!(svg.contains("&lt;script&gt;&amp;&quot;&#39;\u{fffd}\u{fffd} ]]&gt;"));
}

#[test]
fn many_points_make_no_large_file_and_keep_the_extremes() {
    let mut points = learning_curve(100_000);
    points[54_321].1 = 2000.0;
    points[54_322].1 = -1000.0;
    let svg = Plot::new("a").scatter("b", &points, &points).render();
    assert!(svg.len() < 100_000, "{} bytes", svg.len());
    // The frame goes from the lowest to the highest point: y = 60 + 24 and 500 − 64.
    assert!(svg.contains(" 84.0") && svg.contains(" 436.0"));
}

#[test]
fn a_moving_average_looks_back_only() {
    let points = [(1.0, 2.0), (2.0, 4.0), (3.0, f64::NAN), (4.0, 9.0)];
    assert_eq!(moving_average(&points, 2), [(1.0, 2.0), (2.0, 3.0), (3.0, 4.0), (4.0, 9.0)]);
    assert_eq!(moving_average(&[(0.0, f64::NAN)], 3), []);
}

#[test]
fn a_long_legend_takes_several_rows() {
    let mut plot = Plot::new("a");
    for seed in 0..20 {
        plot = plot.series(format!("a rather long name {seed}"), &[(0.0, 1.0), (1.0, f64::from(seed))]);
    }
    let svg = plot.render();
    // Six rows, of which one is in the 500 pixels.
    assert!(is_well_formed(&svg) && svg.contains("height=\"610\""), "{}", &svg[..200]);
}

#[test]
fn every_series_is_marked_by_its_name_and_looks_different() {
    let mut plot = Plot::new("a").without_legend().size(600.0, 340.0);
    for seed in 0..24 {
        plot = plot.series(format!("seed {seed}"), &[(0.0, 1.0), (1.0, f64::from(seed))]);
    }
    let svg = plot.series("without points", &[]).render();
    assert!(is_well_formed(&svg) && svg.contains("width=\"600\" height=\"340\""), "{}", &svg[..200]);
    assert_eq!(svg.matches("<g data-series=").count(), 24);
    assert!(svg.contains("<g data-series=\"seed 7\"><title>seed 7</title>"));
    // Names stand in the marks alone: the legend is left out.
    assert!(!svg.contains(">seed 7</text>"));
    let mut looks: Vec<String> = (0..24).map(draw::stroke).collect();
    looks.sort();
    looks.dedup();
    assert_eq!(looks.len(), 24);
}

/// A colour that is missing in the rules would be dark on dark.
#[test]
fn on_a_dark_page_every_colour_but_those_of_curves_changes() {
    let points = learning_curve(20);
    let drawn = Plot::new("a").x_label("x").y_label("y").series("b", &points).horizontal_line("c", 9.0);
    let svg = drawn.render() + &Plot::new("empty").render();
    let rules = dark_rules(".picture");
    for colour in svg.split("\"#").skip(1).map(|rest| &rest[..6]) {
        assert!(rules.contains(&format!("[fill=\"#{colour}\"]")), "{colour}");
        assert!(rules.contains(&format!("[stroke=\"#{colour}\"]")), "{colour}");
    }
}

#[test]
#[should_panic(expected = "too few")]
fn a_picture_without_room_is_refused() {
    let _ = Plot::new("a").size(100.0, 500.0);
}

#[test]
fn bars_are_as_long_as_their_values() {
    let label = |text: &str| text.to_owned();
    let svg = Bars::new("Steps <a second>")
        .group("CartPole", &[("ours", 100.0, label("100")), ("theirs", 25.0, label("25"))])
        .group("Pendulum", &[("ours", 50.0, label("50")), ("none", f64::NAN, label("–"))])
        .render();
    assert!(is_well_formed(&svg));
    let rectangles: Vec<&str> = svg.lines().filter(|line| line.contains("rx=")).collect();
    let width = |line: &&str| -> f64 {
        let (_, rest) = line.split_once("width=\"").expect("a width");
        rest.split('"').next().and_then(|text| text.parse().ok()).expect("a number")
    };
    let widths: Vec<f64> = rectangles.iter().map(width).collect();
    assert_eq!(widths.len(), 3, "a bar without a value in {svg}");
    assert!(
        (widths[0] / widths[1] - 4.0).abs() < 0.01 && (widths[0] / widths[2] - 2.0).abs() < 0.01,
        "{widths:?}"
    );
    let colour = |line: &str| line.split_once("fill=").map(|(_, rest)| rest.to_owned());
    assert_eq!(colour(rectangles[0]), colour(rectangles[2]), "the same name in two colours");
    assert_ne!(colour(rectangles[0]), colour(rectangles[1]));
}

#[test]
fn bars_of_values_far_apart_are_logarithmic() {
    let bars = [("a", 1.0, String::new()), ("b", 100.0, String::new()), ("c", 10_000.0, String::new())];
    let svg = Bars::new("").group("", &bars).render();
    let widths: Vec<f64> = svg
        .lines()
        .filter(|line| line.contains("rx="))
        .filter_map(|line| line.split_once("width=\"")?.1.split('"').next()?.parse().ok())
        .collect();
    assert!(((widths[1] - widths[0]) / (widths[2] - widths[1]) - 1.0).abs() < 0.01, "{widths:?}");
    assert_eq!(svg.matches("stroke=\"#e7eaee\"").count(), 5, "a line of the grid for each power of ten");
}
