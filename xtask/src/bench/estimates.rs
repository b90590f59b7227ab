//! What criterion leaves on disk: a directory `…/new` for each benchmark, with its name in `benchmark.json` and
//! its figures in `estimates.json`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The figures of one benchmark.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Estimate {
    /// Such as `kernels/vjp 4-64-64-2 avx512`.
    pub(super) name: String,
    /// The median time of an iteration.
    pub(super) median_ns: f64,
    /// The lower end of the median's interval.
    pub(super) low_ns: f64,
    /// The upper end.
    pub(super) high_ns: f64,
    /// How sure the interval is, such as 0.95.
    pub(super) confidence_level: f64,
    /// What one iteration does, if the benchmark says it.
    pub(super) throughput: Option<Throughput>,
}

/// How much is done in a second, at the median time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Throughput {
    /// What is counted, such as `FLOP` or `step`.
    pub(super) unit: String,
    pub(super) per_second: f64,
}

/// The part of `benchmark.json` that is read.
#[derive(Deserialize)]
struct Benchmark {
    full_id: String,
    throughput: Option<Amount>,
}

/// What an iteration does. Our benchmarks count elements alone.
#[derive(Deserialize)]
enum Amount {
    Elements(u64),
    #[serde(untagged)]
    Other(serde::de::IgnoredAny),
}

/// The part of `estimates.json` that is read.
#[derive(Deserialize)]
struct Estimates {
    median: Figure,
}

#[derive(Deserialize)]
struct Figure {
    confidence_interval: Interval,
    point_estimate: f64,
}

#[derive(Deserialize)]
struct Interval {
    confidence_level: f64,
    lower_bound: f64,
    upper_bound: f64,
}

/// The figures below `home` that were written since `started`, in the order in which they were.
pub(super) fn read(home: &Path, started: SystemTime) -> anyhow::Result<Vec<Estimate>> {
    let mut found = Vec::new();
    let mut pending = vec![home.to_owned()];
    while let Some(directory) = pending.pop() {
        if !directory.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&directory).with_context(|| format!("reading {}", directory.display()))? {
            let entry = entry?;
            if entry.file_name() == "new" {
                found.extend(written_since(&entry.path(), started)?);
            } else if entry.file_type()?.is_dir() {
                pending.push(entry.path());
            }
        }
    }
    found.sort();
    found.iter().map(|(_, directory)| read_one(directory)).collect()
}

/// When the figures in a directory `new` were written, if that was since `started`.
fn written_since(directory: &Path, started: SystemTime) -> anyhow::Result<Option<(SystemTime, PathBuf)>> {
    let path = directory.join("estimates.json");
    let Ok(facts) = fs::metadata(&path) else { return Ok(None) };
    let written = facts.modified().with_context(|| format!("the time of {}", path.display()))?;
    Ok((written >= started).then(|| (written, directory.to_owned())))
}

fn read_one(directory: &Path) -> anyhow::Result<Estimate> {
    let Benchmark { full_id, throughput } = parse(&directory.join("benchmark.json"))?;
    let Estimates { median } = parse(&directory.join("estimates.json"))?;
    let (name, unit) = split_unit(&full_id);
    let throughput = match throughput {
        Some(Amount::Elements(count)) => Some(Throughput {
            unit: unit.unwrap_or("element").to_owned(),
            per_second: count as f64 / (median.point_estimate * 1e-9),
        }),
        Some(Amount::Other(_)) | None => None,
    };
    Ok(Estimate {
        name: name.to_owned(),
        median_ns: median.point_estimate,
        low_ns: median.confidence_interval.lower_bound,
        high_ns: median.confidence_interval.upper_bound,
        confidence_level: median.confidence_interval.confidence_level,
        throughput,
    })
}

/// `name [unit]` as name and unit.
pub(super) fn split_unit(id: &str) -> (&str, Option<&str>) {
    let split = id.strip_suffix(']').and_then(|rest| rest.rsplit_once(" ["));
    split.map_or((id, None), |(name, unit)| (name, Some(unit)))
}

fn parse<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is not as criterion 0.8 writes it", path.display()))
}
