//! How the cost of training grows, and what its parts are, as a page with pictures.

use gradus_runner::plot::{Bars, Plot};

use super::estimates::Estimate;
use super::table::{aligned, rate, time};
use super::{BUSY_LOAD, Machine};
use crate::pages::provenance;

/// The beginning of the names of these benchmarks: `growth/envs 64`.
const GROUP: &str = "growth/";

/// What writes the page.
const COMMAND: &str = "cargo xtask bench --devices cpu --filter growth --page docs/results/growth.md";

/// What grows: its name, how the table and the picture call it, and what the arithmetic of a step grows with.
const AXES: [(&str, &str, &str); 3] = [
    (
        "steps",
        "environment steps of a whole training",
        "One training, from its beginning: twice the steps take twice the time.",
    ),
    (
        "envs",
        "environments, rollouts of 32 steps",
        "One iteration. A step costs less the more environments there are.",
    ),
    (
        "hidden",
        "width of both hidden layers",
        "One iteration of 8 environments × 128 steps. Arithmetic grows with the square of the width; the rate tells whether\n\
      a multiplication takes longer in a wide layer.",
    ),
];

/// The parts of an iteration on one thread, and the benchmark that measures each. What is left of an update, and of an
/// iteration, is told as the rest.
const PARTS: [(&str, &str); 3] =
    [("networks there and back", "part networks"), ("loss", "part loss"), ("Adam", "part adam")];

fn find<'r>(results: &'r [Estimate], name: &str) -> Option<&'r Estimate> {
    results.iter().find(|result| result.name.strip_prefix(GROUP) == Some(name))
}

/// One point of an axis: how large it is, and its figures.
fn points<'r>(results: &'r [Estimate], axis: &str) -> Vec<(f64, &'r Estimate)> {
    let size = |result: &'r Estimate| {
        let (name, size) = result.name.strip_prefix(GROUP)?.split_once(' ')?;
        Some((size.parse().ok().filter(|_| name == axis)?, result))
    };
    let mut points: Vec<(f64, &Estimate)> = results.iter().filter_map(size).collect();
    points.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    points
}

/// Nanoseconds of one environment step.
fn per_step(result: &Estimate) -> Option<f64> {
    Some(1e9 / result.throughput.as_ref()?.per_second)
}

/// Multiplications and additions with the weights of one step: acting and the value once, and three times as many in each
/// of four epochs, for an actor with two outputs and a critic with one, on four numbers.
fn flop_per_step(width: f64) -> f64 {
    let weights = 2.0 * (4.0 * width + width * width) + 3.0 * width;
    let without_first = 2.0 * 4.0 * width;
    2.0 * weights + 4.0 * (6.0 * weights - 2.0 * without_first)
}

fn table(axis: &str, points: &[(f64, &Estimate)]) -> String {
    let mut titles = vec![axis, "time", "per step", "beside the first"];
    titles.extend((axis == "hidden").then_some("arithmetic"));
    let mut lines = vec![titles.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    let first = points.first().and_then(|(_, result)| per_step(result)).unwrap_or(f64::NAN);
    for (size, result) in points {
        let Some(ns) = per_step(result) else { continue };
        let mut line =
            vec![size.to_string(), time(result.median_ns), time(ns), format!("{:.2} ×", ns / first)];
        if axis == "hidden" {
            let per_second = 1e9 * flop_per_step(*size) / ns;
            line.push(rate(&super::estimates::Throughput { unit: "FLOP".into(), per_second }));
        }
        lines.push(line);
    }
    aligned(&lines)
}

/// The parts with their nanoseconds an iteration; nothing unless all were measured.
fn parts(results: &[Estimate]) -> Option<Vec<(&'static str, f64)>> {
    let of = |name: &str| find(results, name).map(|result| result.median_ns);
    let (iteration, update) = (of("part iteration")?, of("part update")?);
    let mut parts = Vec::new();
    for (title, name) in PARTS {
        parts.push((title, of(name)?));
    }
    let known: f64 = parts.iter().map(|(_, ns)| ns).sum();
    parts.push(("the rest of the update: shuffles, norms, checks", update - known));
    parts.push(("acting, values, advantages", iteration - update));
    Some(parts)
}

fn parts_table(parts: &[(&str, f64)]) -> String {
    let all: f64 = parts.iter().map(|(_, ns)| ns).sum();
    let mut lines = vec![["part", "time", "share"].map(str::to_owned).to_vec()];
    for (title, ns) in parts {
        lines.push(vec![(*title).to_owned(), time(*ns), format!("{:.1} %", 100.0 * ns / all)]);
    }
    lines.push(vec!["an iteration".to_owned(), time(all), "100 %".to_owned()]);
    aligned(&lines)
}

/// The pictures of what was measured, with the names of their files.
pub(super) fn pictures(results: &[Estimate]) -> Vec<(String, String)> {
    let mut pictures = Vec::new();
    for (axis, title, _) in AXES {
        let points = points(results, axis);
        if points.is_empty() {
            continue;
        }
        let milliseconds: Vec<(f64, f64)> = points.iter().map(|(x, it)| (*x, it.median_ns / 1e6)).collect();
        let plot = Plot::new(format!("PPO on CartPole: time over {title}"));
        let plot = plot.x_label(title).y_label("milliseconds").scatter(axis, &milliseconds, &milliseconds);
        pictures.push((format!("{axis}.svg"), plot.without_legend().render()));
    }
    if let Some(parts) = parts(results) {
        let all: f64 = parts.iter().map(|(_, ns)| ns).sum();
        let bars: Vec<(&str, f64, String)> = parts
            .iter()
            .map(|(title, ns)| {
                (*title, ns.max(0.0) / 1e6, format!("{} ({:.0} %)", time(*ns), 100.0 * ns / all))
            })
            .collect();
        let bars = Bars::new("An iteration of PPO on CartPole, 8×128, one thread").group("parts", &bars);
        pictures.push(("parts.svg".to_owned(), bars.render()));
    }
    pictures
}

/// The page docs/results/growth.md: what was measured, where, tables and pictures, which lie in `folder` beside it. Nothing
/// where no such benchmark was run.
pub(super) fn page(machine: &Machine, results: &[Estimate], folder: &str) -> Option<String> {
    let axes: Vec<_> =
        AXES.iter().map(|axis| (axis, points(results, axis.0))).filter(|it| !it.1.is_empty()).collect();
    let parts = parts(results);
    if axes.is_empty() && parts.is_none() {
        return None;
    }
    let load = match machine.load_average_before {
        Some(load) if load >= BUSY_LOAD => {
            format!(" **Other processes were running (load average {load:.1}): the figures are too high.**")
        }
        _ => String::new(),
    };
    let mut text = format!(
        "# Growth\n\n{}\n\n\
         PPO on CartPole with 4 epochs of 4 minibatches and two separate networks with tanh, on all cores unless said\n\
         otherwise. Times are medians.{load}\n",
        provenance(COMMAND, machine),
    );
    for ((axis, title, about), points) in axes {
        let table = table(axis, &points);
        text += &format!(
            "\n## {axis}\n\n{about}\n\n```text\n{table}```\n\n![Time over {title}]({folder}/{axis}.svg)\n"
        );
    }
    if let Some(parts) = parts {
        let table = parts_table(&parts);
        text += &format!(
            "\n## Parts\n\n\
             Where the time of an iteration of 8 × 128 goes on one thread. Each part is measured by itself, as often as it comes\n\
             in an iteration, in turn with the others; what is left is the rest.\n\n```text\n{table}```\n\n![Parts of an iteration]({folder}/parts.svg)\n"
        );
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::super::estimates::Throughput;
    use super::*;

    fn result(name: &str, steps: f64, median_ns: f64) -> Estimate {
        Estimate {
            name: format!("growth/{name}"),
            median_ns,
            low_ns: median_ns,
            high_ns: median_ns,
            confidence_level: 0.95,
            throughput: Some(Throughput { unit: "step".into(), per_second: 1e9 * steps / median_ns }),
        }
    }

    #[test]
    fn sizes_are_in_order_and_beside_the_first() {
        let results =
            [result("envs 64", 2048.0, 4e6), result("envs 1", 32.0, 1e5), result("hidden 64", 1.0, 1e3)];
        let table = table("envs", &points(&results, "envs"));
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["1", "100", "µs", "3.12", "µs", "1.00", "×"]);
        assert_eq!(lines[2], ["64", "4.00", "ms", "1.95", "µs", "0.62", "×"]);
    }

    /// By loops over layers and passes.
    #[test]
    fn arithmetic_of_a_step_is_that_of_its_products() {
        for width in [32, 256] {
            let mut flop = 0;
            for outputs in [2, 1] {
                let layers = [(4, width), (width, width), (width, outputs)];
                for (i, (inputs, outputs)) in layers.into_iter().enumerate() {
                    let product = 2 * inputs * outputs;
                    // Acting; in each epoch there, the gradient, and what is passed down.
                    flop += product + 4 * (2 * product + if i > 0 { product } else { 0 });
                }
            }
            assert!((flop_per_step(f64::from(width)) - f64::from(flop)).abs() < 1e-6, "{width}");
        }
    }

    #[test]
    fn what_is_not_measured_is_the_rest() {
        let figures = [("iteration", 10.0), ("update", 8.0), ("networks", 5.0), ("loss", 1.0), ("adam", 0.5)];
        let results: Vec<Estimate> =
            figures.iter().map(|(name, ms)| result(&format!("part {name}"), 1024.0, ms * 1e6)).collect();
        let parts = parts(&results).expect("all parts");
        let shares: Vec<f64> = parts.iter().map(|(_, ns)| ns / 1e6).collect();
        assert!(
            shares.iter().zip([5.0, 1.0, 0.5, 1.5, 2.0]).all(|(a, b)| (a - b).abs() < 1e-9),
            "{shares:?}"
        );
        assert!(parts_table(&parts).contains("50.0 %"));
        assert_eq!(super::parts(&results[1..]), None);
    }

    #[test]
    fn the_page_has_what_was_measured_and_pictures_of_it() {
        let machine = Machine::here(crate::repository_root()).expect("facts");
        let results = [result("envs 1", 32.0, 1e5)];
        let page = page(&machine, &results, "growth").expect("a page");
        assert!(page.contains("(growth/envs.svg)") && !page.contains("## hidden"), "{page}");
        let pictures = pictures(&results);
        assert_eq!(pictures.len(), 1);
        assert!(pictures[0].0 == "envs.svg" && pictures[0].1.starts_with("<svg"));
        assert_eq!(super::page(&machine, &[], "growth"), None);
    }
}
