//! The minibatches of PPO on several devices, as a table of their own, and from which size on a GPU pays.

use super::estimates::Estimate;
use super::table::{aligned, time};
use super::{BUSY_LOAD, Machine};

/// The beginning of the names of these benchmarks: `devices/2x64 256 flex`.
const GROUP: &str = "devices/";
/// The device that others are compared with.
const BASE: &str = "cpu";
/// The name of devices that are GPUs, but for one.
const GPU: &str = "wgpu";
/// A driver in software, which is none.
const SOFTWARE: &str = "wgpu:cpu";

/// One figure.
struct Cell<'a> {
    network: &'a str,
    rows: usize,
    device: &'a str,
    ns: f64,
}

impl<'a> Cell<'a> {
    fn of(result: &'a Estimate) -> Option<Self> {
        let mut words = result.name.strip_prefix(GROUP)?.split(' ');
        let (network, rows, device) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
        Some(Self { network, rows, device, ns: result.median_ns })
    }

    fn is_gpu(&self) -> bool {
        self.device.starts_with(GPU) && self.device != SOFTWARE
    }
}

/// The table and what follows from it; nothing where no such benchmark was run.
pub(super) fn render(results: &[Estimate]) -> Option<String> {
    let cells: Vec<Cell<'_>> = results.iter().filter_map(Cell::of).collect();
    if cells.is_empty() {
        return None;
    }
    Some(format!(
        "One minibatch of PPO (linearise, loss, vjp, Adam), and how many times as long as on {BASE}, the fused kernels,\n\
         it takes; the first device is the measure of networks that these do not know:\n\n{}\n{}",
        table(&cells),
        verdict(&cells)
    ))
}

/// The page docs/results/devices.md: what was measured, where, the table. Nothing where no such benchmark was run.
pub(super) fn page(machine: &Machine, results: &[Estimate]) -> Option<String> {
    let table = render(results)?;
    let unknown = || "unknown".to_owned();
    let load = match machine.load_average_before {
        None => String::new(),
        Some(load) if load < BUSY_LOAD => " The machine was idle.".to_owned(),
        Some(load) => format!(
            " **Other processes were running (load average {load:.1}): the figures are too high, and their ratios rough.**"
        ),
    };
    Some(format!(
        "# Devices\n\n\
         Written by `cargo xtask bench --filter devices --devices flex,ndarray,wgpu --page docs/results/devices.md`.\n\n\
         The networks are an actor and a critic of 2×64 and of 2×512 for CartPole, and one convolution with a layer of\n\
         128 for MinAtar's Breakout, shared by both. Times are medians on {}, at {} (commit {}).{load} `cpu` are the fused\n\
         kernels on all cores, `flex` and `ndarray` Burn's backends for processors, `wgpu:…` its backend for GPUs;\n\
         `wgpu:cpu` is a GPU in software on the same processor.\n\n\
         ```text\n{table}```\n",
        machine.summary(),
        machine.date,
        machine.commit.clone().unwrap_or_else(unknown),
    ))
}

/// One line a network and number of rows, one column a device.
fn table(cells: &[Cell<'_>]) -> String {
    let devices = distinct(cells.iter().map(|cell| cell.device));
    let mut lines = vec![vec!["network".to_owned(), "rows".to_owned()]];
    lines[0].extend(devices.iter().map(|device| (*device).to_owned()));
    for network in distinct(cells.iter().map(|cell| cell.network)) {
        let of_network: Vec<&Cell<'_>> = cells.iter().filter(|cell| cell.network == network).collect();
        for rows in distinct(of_network.iter().map(|cell| cell.rows)) {
            let on = |device: &str| {
                of_network.iter().find(|cell| cell.rows == rows && cell.device == device).map(|cell| cell.ns)
            };
            let base = devices.iter().find_map(|device| on(device));
            let figure = |device: &&str| match (on(device), base) {
                (Some(ns), Some(base)) => format!("{} {:>5.1}×", time(ns), ns / base),
                _ => "–".to_owned(),
            };
            lines.push(
                [network.to_owned(), rows.to_string()]
                    .into_iter()
                    .chain(devices.iter().map(figure))
                    .collect(),
            );
        }
    }
    aligned(&lines)
}

/// From how many rows on a GPU is faster than every processor, for each network.
fn verdict(cells: &[Cell<'_>]) -> String {
    let gpus = distinct(cells.iter().filter(|cell| cell.is_gpu()).map(|cell| cell.device));
    if gpus.is_empty() {
        let software = cells.iter().any(|cell| cell.device == SOFTWARE);
        let why = if software { ": wgpu:cpu is a driver in software" } else { "" };
        return format!(
            "No GPU was measured{why}. From which size on one pays, `--devices wgpu` tells on a machine with one.\n"
        );
    }
    let mut text = String::new();
    for gpu in gpus {
        for network in distinct(cells.iter().map(|cell| cell.network)) {
            text += &match pays_from(cells, gpu, network) {
                Some(rows) => format!("{gpu} pays for {network} from {rows} rows on.\n"),
                None => {
                    format!("{gpu} does not pay for {network}, up to the most rows that were measured.\n")
                }
            };
        }
    }
    text
}

/// The least number of rows from which on `gpu` is faster than all that is no GPU.
fn pays_from(cells: &[Cell<'_>], gpu: &str, network: &str) -> Option<usize> {
    let of_network = || cells.iter().filter(|cell| cell.network == network);
    let mut sizes: Vec<&Cell<'_>> = of_network().filter(|cell| cell.device == gpu).collect();
    sizes.sort_by_key(|cell| std::cmp::Reverse(cell.rows));
    let is_faster = |on_gpu: &&&Cell<'_>| {
        let mut others = of_network().filter(|cell| !cell.is_gpu() && cell.rows == on_gpu.rows);
        others.all(|other| on_gpu.ns < other.ns)
    };
    sizes.iter().take_while(is_faster).last().map(|cell| cell.rows)
}

/// Each once, in the order of their coming.
fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut found = Vec::new();
    for one in all {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(figures: &[(&str, f64)]) -> Vec<Estimate> {
        let estimate = |&(name, median_ns): &(&str, f64)| Estimate {
            name: name.into(),
            median_ns,
            low_ns: median_ns,
            high_ns: median_ns,
            confidence_level: 0.95,
            throughput: None,
        };
        figures.iter().map(estimate).collect()
    }

    #[test]
    fn devices_stand_side_by_side_beside_the_base() {
        let results = results(&[
            ("devices/2x64 64 cpu", 2e5),
            ("devices/2x64 256 cpu", 5e5),
            ("kernels/vjp", 1e3),
            ("devices/2x64 64 flex", 1e6),
            ("devices/2x64 256 flex", 1.5e6),
            ("devices/conv 64 flex", 3e6),
            ("devices/conv 64 wgpu:cpu", 4.5e6),
        ]);
        let text = render(&results).expect("a table");
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        for expected in [
            "network rows cpu flex wgpu:cpu",
            "2x64 64 200 µs 1.0× 1.00 ms 5.0× –",
            "2x64 256 500 µs 1.0× 1.50 ms 3.0× –",
            "conv 64 – 3.00 ms 1.0× 4.50 ms 1.5×",
        ] {
            let expected: Vec<&str> = expected.split(' ').collect();
            assert!(lines.contains(&expected), "no {expected:?} in\n{text}");
        }
        assert!(text.contains("No GPU was measured: wgpu:cpu is a driver in software"), "{text}");
    }

    #[test]
    fn a_gpu_pays_from_the_size_on_from_which_it_is_always_the_fastest() {
        let gpu = "wgpu:discrete:0";
        let mut figures = Vec::new();
        for (rows, cpu, flex, on_gpu) in
            [(64, 1.0, 2.0, 0.5), (256, 2.0, 4.0, 2.5), (1024, 9.0, 8.0, 7.0), (4096, 30.0, 40.0, 8.0)]
        {
            for (device, ns) in [("cpu", cpu), ("flex", flex), (gpu, on_gpu), ("wgpu:cpu", 0.1)] {
                figures.push((format!("devices/2x64 {rows} {device}"), ns));
            }
        }
        // The driver in software is a processor like others: where it is the fastest, no GPU pays.
        let all: Vec<(&str, f64)> = figures.iter().map(|(name, ns)| (name.as_str(), *ns)).collect();
        let text = render(&results(&all)).expect("a table");
        assert!(text.contains("wgpu:discrete:0 does not pay for 2x64"), "{text}");
        let without: Vec<(&str, f64)> =
            all.into_iter().filter(|(name, _)| !name.ends_with("wgpu:cpu")).collect();
        let text = render(&results(&without)).expect("a table");
        assert!(text.contains("wgpu:discrete:0 pays for 2x64 from 1024 rows on."), "{text}");
    }

    #[test]
    fn the_page_says_where_and_whether_the_machine_was_busy() {
        let results = results(&[("devices/2x64 64 cpu", 2e5)]);
        let here = Machine::here(crate::repository_root()).expect("facts");
        for (load, part) in [(Some(0.0), "was idle"), (Some(7.25), "load average 7.2"), (None, "`cpu` are")] {
            let machine =
                Machine { load_average_before: load, cpu: Some("A Processor".into()), ..here.clone() };
            let page = page(&machine, &results).expect("a page");
            for part in [part, "A Processor", "2x64", "No GPU was measured"] {
                assert!(page.contains(part), "no {part:?} in\n{page}");
            }
        }
        assert_eq!(page(&here, &[]), None);
    }

    #[test]
    fn without_such_benchmarks_there_is_no_table() {
        assert_eq!(
            render(&results(&[("kernels/vjp", 1.0), ("devices/2x64", 1.0), ("devices/2x64 x cpu", 1.0)])),
            None
        );
    }
}
