//! Reading what criterion writes, and the table, on small examples.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::estimates::{self, Estimate, Throughput, split_unit};
use super::machine::{Machine, cpu_model, load_average, utc};
use super::report::Report;
use super::{BUSY_LOAD, Options, busy_warning, table};

/// As criterion 0.8 writes it, shortened.
const BENCHMARK: &str = r#"{"group_id":"gae","function_id":"8x128 [step]","value_str":null,
    "throughput":{"Elements":1024},"full_id":"gae/8x128 [step]","directory_name":"gae/8x128 [step]",
    "title":"gae/8x128 [step]"}"#;
const ESTIMATES: &str = r#"{
    "mean":{"confidence_interval":{"confidence_level":0.95,"lower_bound":9.0,"upper_bound":9.9},
        "point_estimate":9.5,"standard_error":0.1},
    "median":{"confidence_interval":{"confidence_level":0.95,"lower_bound":1980.0,"upper_bound":2100.5},
        "point_estimate":2048.0,"standard_error":20.0},
    "slope":null}"#;

fn write(home: &Path, benchmark: &str, files: &[(&str, &str)], written: SystemTime) {
    let directory = home.join(benchmark);
    fs::create_dir_all(&directory).expect("a directory");
    for (name, text) in files {
        let path = directory.join(name);
        fs::write(&path, text).expect("a file");
        let file = fs::File::options().write(true).open(path).expect("the file");
        file.set_modified(written).expect("a time");
    }
}

fn files() -> [(&'static str, &'static str); 2] {
    [("benchmark.json", BENCHMARK), ("estimates.json", ESTIMATES)]
}

fn gae() -> Estimate {
    Estimate {
        name: "gae/8x128".into(),
        median_ns: 2048.0,
        low_ns: 1980.0,
        high_ns: 2100.5,
        confidence_level: 0.95,
        // 1024 steps in 2048 ns.
        throughput: Some(Throughput { unit: "step".into(), per_second: 5e8 }),
    }
}

fn close(a: &Estimate, b: &Estimate) -> bool {
    let rate = |x: &Estimate| x.throughput.as_ref().map_or(0.0, |throughput| throughput.per_second);
    let without = |x: &Estimate| {
        let throughput = x.throughput.clone().map(|throughput| Throughput { per_second: 0.0, ..throughput });
        Estimate { throughput, ..x.clone() }
    };
    (rate(a) / rate(b) - 1.0).abs() < 1e-12 && without(a) == without(b)
}

#[test]
fn only_figures_of_this_run_are_read() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let started = SystemTime::now();
    let earlier = started - Duration::from_secs(1);
    write(home.path(), "gae/8x128 [step]/new", &files(), started);
    write(home.path(), "gae/8x128 [step]/base", &files(), started);
    write(home.path(), "gae/old [step]/new", &files(), earlier);
    let found = estimates::read(home.path(), started).expect("figures");
    assert_eq!(found.len(), 1);
    assert!(close(&found[0], &gae()), "{found:?}");
}

#[test]
fn figures_come_in_the_order_of_the_run() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let started = SystemTime::now();
    for (second, name) in [(2, "a"), (0, "b"), (1, "c")] {
        let benchmark = BENCHMARK.replace("8x128", name);
        let files = [("benchmark.json", benchmark.as_str()), ("estimates.json", ESTIMATES)];
        write(home.path(), &format!("gae/{name}/new"), &files, started + Duration::from_secs(second));
    }
    let found = estimates::read(home.path(), started).expect("figures");
    let names: Vec<&str> = found.iter().map(|result| result.name.as_str()).collect();
    assert_eq!(names, ["gae/b", "gae/c", "gae/a"]);
}

#[test]
fn no_throughput_or_one_of_another_kind() {
    for other in ["null", r#"{"Bytes":5}"#, r#"{"ElementsAndBytes":{"elements":5,"bytes":6}}"#] {
        let home = tempfile::tempdir().expect("a temporary directory");
        let benchmark = BENCHMARK.replace(r#"{"Elements":1024}"#, other);
        let files = [("benchmark.json", benchmark.as_str()), ("estimates.json", ESTIMATES)];
        write(home.path(), "gae/new", &files, SystemTime::now());
        let found = estimates::read(home.path(), SystemTime::UNIX_EPOCH).expect("figures");
        assert_eq!(found, [Estimate { throughput: None, ..gae() }]);
    }
}

#[test]
fn no_directory_is_no_figure_and_a_broken_file_is_named() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let nowhere = home.path().join("criterion");
    assert_eq!(estimates::read(&nowhere, SystemTime::UNIX_EPOCH).expect("figures"), []);
    let broken = [("benchmark.json", BENCHMARK), ("estimates.json", "{\"mean\":")];
    write(home.path(), "gae/new", &broken, SystemTime::now());
    let error = estimates::read(home.path(), SystemTime::UNIX_EPOCH).expect_err("a broken file").to_string();
    assert!(error.contains("estimates.json is not as criterion 0.8 writes it"), "{error}");
}

#[test]
fn units_stand_at_the_end_of_names() {
    assert_eq!(split_unit("kernels/vjp 4-64-2 [FLOP]"), ("kernels/vjp 4-64-2", Some("FLOP")));
    assert_eq!(split_unit("a [b] [step]"), ("a [b]", Some("step")));
    assert_eq!(split_unit("gae/8x128"), ("gae/8x128", None));
    assert_eq!(split_unit("a[step]"), ("a[step]", None));
}

#[test]
fn the_table() {
    let named = |name: &str, unit: &str, per_second| Estimate {
        name: name.into(),
        throughput: Some(Throughput { unit: unit.into(), per_second }),
        ..gae()
    };
    let bare = Estimate { name: "bare".into(), throughput: None, median_ns: 12.34, low_ns: 9.996, ..gae() };
    let results = [gae(), named("kernels/vjp", "FLOP", 1.234e11), bare];
    let expected = "\
benchmark     median     95 % interval     throughput
gae/8x128    2.05 µs  1.98 µs – 2.10 µs  500 M steps/s
kernels/vjp  2.05 µs  1.98 µs – 2.10 µs   123 GFLOP/s
bare         12.3 ns  10.0 ns – 2.10 µs
";
    let squeezed = |text: &str| -> Vec<Vec<String>> {
        text.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
    };
    let text = table::render(&results);
    assert_eq!(squeezed(&text), squeezed(expected));
    let columns: Vec<usize> = text.lines().map(|line| line.chars().count()).collect();
    assert!(columns.iter().all(|&width| width == columns[0]), "ragged:\n{text}");
}

#[test]
fn times_and_rates_have_three_digits() {
    let cases =
        [(0.5, "0.50 ns"), (999.0, "999 ns"), (1e3, "1.00 µs"), (99_960.0, "100 µs"), (1.5e6, "1.50 ms")];
    for (ns, expected) in cases.into_iter().chain([(2.5e9, "2.50 s")]) {
        assert_eq!(table::time(ns), expected);
    }
    let rate = |unit: &str, per_second| table::rate(&Throughput { unit: unit.into(), per_second });
    assert_eq!(rate("step", 1_400_000.0), "1.40 M steps/s");
    assert_eq!(rate("step", 999.0), "999 steps/s");
    assert_eq!(rate("action", 25_500.0), "25.5 k actions/s");
    assert_eq!(rate("FLOP", 2e12), "2.00 TFLOP/s");
}

#[test]
fn facts_about_the_machine() {
    let cpuinfo =
        "processor\t: 0\nmodel\t\t: 207\nmodel name\t: A Processor @ 2 GHz\n\nmodel name\t: Another\n";
    assert_eq!(cpu_model(cpuinfo).as_deref(), Some("A Processor @ 2 GHz"));
    assert_eq!(cpu_model("Hardware : a board\n"), None);
    assert_eq!(load_average("0.25 0.59 1.31 3/115 17142\n"), Some(0.25));
    assert_eq!(load_average("{ 1.50 0.59 1.31 }"), Some(1.5));
    assert_eq!(load_average(""), None);
}

/// The expected texts are those of `date -u -d @SECONDS +%FT%TZ`.
#[test]
fn dates() {
    for (seconds, expected) in [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_399, "2000-02-28T23:59:59Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_709_251_199, "2024-02-29T23:59:59Z"),
        (1_767_225_599, "2025-12-31T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
    ] {
        assert_eq!(utc(seconds), expected);
    }
}

#[test]
fn a_busy_machine_is_warned_of() {
    let machine = |load| Machine { load_average_before: load, ..here() };
    assert_eq!(busy_warning(&machine(None)), None);
    assert_eq!(busy_warning(&machine(Some(0.9 * BUSY_LOAD))), None);
    let warning = busy_warning(&machine(Some(1.234))).expect("a warning");
    assert!(warning.contains("load average was 1.23"), "{warning}");
}

#[test]
fn the_file_has_figures_and_machine() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("new/bench.json");
    let (machine, results) = (here(), [gae()]);
    Report { machine: &machine, quick: true, filter: None, results: &results }.write(&path).expect("a file");
    let text = fs::read_to_string(path).expect("the file");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["results"][0]["name"], "gae/8x128");
    assert_eq!(json["results"][0]["throughput"]["unit"], "step");
    assert_eq!(json["quick"], true);
    for fact in ["cpu", "cores", "instruction_sets", "rustc", "commit", "date", "load_average_before"] {
        assert!(json["machine"].get(fact).is_some(), "no {fact} in {text}");
    }
}

#[test]
fn the_command_line() {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }
    let parse = |line: &[&str]| <Line as clap::Parser>::try_parse_from(line).map(|line| line.options);
    let options =
        parse(&["bench", "--quick", "--filter", "train", "--json", "a.json"]).unwrap_or_else(|e| e.exit());
    assert!(
        options.quick && options.filter.as_deref() == Some("train") && options.json == Some("a.json".into())
    );
    assert!(parse(&["bench", "train"]).is_err(), "a filter without its flag");
    let features = |line: &[&str]| -> Vec<&str> {
        let options = parse(line).unwrap_or_else(|e| e.exit());
        options.devices.iter().filter_map(|device| device.feature()).collect()
    };
    assert_eq!(features(&["bench"]), ["flex", "ndarray"]);
    assert_eq!(features(&["bench", "--devices", "cpu"]), [""; 0]);
    assert_eq!(features(&["bench", "--devices", "flex,wgpu"]), ["flex", "wgpu"]);
    assert!(parse(&["bench", "--devices", "gpu"]).is_err(), "a device that is not there");
}

fn here() -> Machine {
    Machine::here(crate::repository_root()).expect("facts")
}
