//! One run of a program: what it says, how long it took, its memory, and who else was busy.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

/// Linux counts processor time in hundredths of a second, for every program that asks.
const TICKS: f64 = 100.0;
/// How often the memory of a process is looked at.
const WATCH: Duration = Duration::from_millis(5);

/// What a run tells, each where it applies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Figures {
    #[serde(alias = "total_steps", skip_serializing_if = "Option::is_none")]
    pub(super) steps: Option<f64>,
    /// Of what counts: without compiling or warming up.
    #[serde(alias = "wall_seconds", skip_serializing_if = "Option::is_none")]
    pub(super) seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) compile_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) update_seconds: Option<f64>,
    /// What a script took to find the best number of threads, which is no part of the process's time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) choice_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) flop_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) threads: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) solved: Option<bool>,
    /// The mean return of the last 100 episodes; of ours, which do not say whether that is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mean_return: Option<f64>,
    /// Which way of stepping was the fastest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mode: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) versions: BTreeMap<String, String>,
}

/// A run that has succeeded.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Run {
    #[serde(flatten)]
    pub(super) figures: Figures,
    /// From the start of the process to its end.
    pub(super) process_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory_mib: Option<f64>,
    /// Processors that others kept busy meanwhile, on average.
    pub(super) others: Option<f64>,
}

/// Runs a command whose output has one line of JSON, its last. `watched` asks for its memory.
pub(super) fn run(mut command: Command, watched: bool) -> anyhow::Result<Run> {
    let program = command.get_program().to_string_lossy().into_owned();
    let meter = Meter::now();
    let begin = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.with_context(|| format!("starting {program}"))?;
    let mut errors = child.stderr.take().context("the program's messages")?;
    // Read aside: a program that cannot get rid of its messages would wait for ever.
    let errors = std::thread::spawn(move || {
        let mut text = Vec::new();
        errors.read_to_end(&mut text).map(|_| text)
    });
    let mut memory_mib = None;
    if watched {
        while child.try_wait().with_context(|| format!("waiting for {program}"))?.is_none() {
            memory_mib = status_of(child.id()).or(memory_mib);
            std::thread::sleep(WATCH);
        }
    }
    let output = child.wait_with_output().with_context(|| format!("waiting for {program}"))?;
    let process_seconds = begin.elapsed().as_secs_f64();
    let errors = errors.join().ok().and_then(Result::ok).unwrap_or_default();
    if !output.status.success() {
        bail!("{program} ended with {}: {}", output.status, last_lines(&String::from_utf8_lossy(&errors)));
    }
    let figures = parse(&String::from_utf8_lossy(&output.stdout))
        .with_context(|| format!("reading what {program} printed"))?;
    let others = meter.and_then(Meter::others_since);
    Ok(Run { figures, process_seconds, memory_mib, others })
}

/// The figures in the last line that is a JSON object: libraries print warnings before it.
pub(super) fn parse(output: &str) -> anyhow::Result<Figures> {
    let line = output.lines().rev().find(|line| line.starts_with('{')).context("there is no line of JSON")?;
    Ok(serde_json::from_str(line)?)
}

/// What a message ends with, which is where Python says what is wrong.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join(" / ")
}

/// The most memory that a process has had resident so far, in MiB; none where the system does not tell.
fn status_of(process: u32) -> Option<f64> {
    peak_memory(&fs::read_to_string(format!("/proc/{process}/status")).ok()?)
}

pub(super) fn peak_memory(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

/// Processor time so far, in seconds, of all processes and of ours with those that we waited for.
#[derive(Debug)]
struct Meter {
    at: Instant,
    all: f64,
    own: f64,
}

impl Meter {
    /// None where the system does not tell.
    fn now() -> Option<Self> {
        let all = busy_seconds(&fs::read_to_string("/proc/stat").ok()?)?;
        let own = own_seconds(&fs::read_to_string("/proc/self/stat").ok()?)?;
        Some(Self { at: Instant::now(), all, own })
    }

    /// Processors that others kept busy since, on average.
    fn others_since(self) -> Option<f64> {
        let now = Self::now()?;
        let seconds = self.at.elapsed().as_secs_f64();
        let others = (now.all - self.all) - (now.own - self.own);
        (seconds > 0.0).then(|| (others / seconds).max(0.0))
    }
}

/// Of the first line, `cpu  user nice system idle iowait irq softirq steal …`, all that is not waiting.
pub(super) fn busy_seconds(stat: &str) -> Option<f64> {
    let words = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<f64> = words.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let [user, nice, system, _, _, irq, softirq, steal, ..] = ticks.as_slice() else { return None };
    Some((user + nice + system + irq + softirq + steal) / TICKS)
}

/// The times of a process and of its children: fields 14 to 17, where the name, field 2, may have blanks.
pub(super) fn own_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: Vec<f64> =
        fields.split_whitespace().skip(11).take(4).map_while(|it| it.parse().ok()).collect();
    (ticks.len() == 4).then(|| ticks.iter().sum::<f64>() / TICKS)
}
