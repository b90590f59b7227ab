//! The table for the terminal, the JSON file, the page and its pictures.

use gradus_runner::plot::Bars;
use serde::Serialize;

use super::process::Run;
use super::summary::{Measured, Row, Spread};
use super::workloads::{Library, Quantity};
use crate::bench::Machine;
use crate::bench::table::aligned;
use crate::pages::{findings, provenance};

/// Processors that others may keep busy, on average over a run, before it is warned of.
pub(super) const BUSY_OTHERS: f64 = 0.1;

/// Everything that came of it.
pub(super) struct Results<'a> {
    pub(super) command: &'a str,
    pub(super) machine: &'a Machine,
    pub(super) repeats: usize,
    pub(super) measured: &'a [Measured],
    pub(super) rows: &'a [Row],
    /// What could not be installed or has failed, a sentence each.
    pub(super) left_out: &'a [String],
}

/// The JSON file: the rows, and all runs that they come from.
#[derive(Serialize)]
struct Document<'a> {
    command: &'a str,
    machine: &'a Machine,
    repeats: usize,
    left_out: &'a [String],
    rows: &'a [Row],
    runs: Vec<RunOf<'a>>,
}

#[derive(Serialize)]
struct RunOf<'a> {
    workload: &'static str,
    round: usize,
    library: &'static str,
    #[serde(flatten)]
    run: &'a Run,
}

impl Results<'_> {
    /// All runs with their workload and round, those of the peak among them.
    fn runs(&self) -> impl Iterator<Item = RunOf<'_>> {
        self.measured.iter().flat_map(|measured| {
            let workload = measured.workload.name;
            measured.rounds.iter().enumerate().flat_map(move |(round, it)| {
                let peak = it.peak.iter().map(|run| ("peak", run));
                let runs = it.runs.iter().map(|(library, run)| (library.name(), run));
                peak.chain(runs).map(move |(library, run)| RunOf { workload, round, library, run })
            })
        })
    }

    pub(super) fn json(&self) -> anyhow::Result<String> {
        let document = Document {
            command: self.command,
            machine: self.machine,
            repeats: self.repeats,
            left_out: self.left_out,
            rows: self.rows,
            runs: self.runs().collect(),
        };
        Ok(serde_json::to_string_pretty(&document)? + "\n")
    }

    /// The rows in aligned columns.
    pub(super) fn table(&self) -> String {
        let mut lines = vec![TITLES.map(str::to_owned).to_vec()];
        lines.extend(self.rows.iter().map(|row| cells(row).to_vec()));
        aligned(&lines)
    }

    /// What is to be said where others were busy during the runs.
    pub(super) fn busy_warning(&self) -> Option<String> {
        let others: Vec<f64> = self.runs().filter_map(|it| it.run.others).collect();
        let busy = others.iter().filter(|&&it| it >= BUSY_OTHERS).count();
        let most = Spread::of(&others)?.max;
        (busy > 0).then(|| {
            format!(
                "during {busy} of {} runs other processes kept more than {BUSY_OTHERS} processors busy, at most \
                 {most:.1} on average: these figures may be too slow, and ratios rough",
                others.len()
            )
        })
    }

    /// The page, with what was found by hand in the page `before`.
    pub(super) fn page(&self, pictures: &[(&'static str, String)], before: &str) -> String {
        let mut text = format!(
            "# Beside other libraries\n\n\
             <!-- Written by `{}`; what is changed by hand is lost, but for the findings. -->\n\n{}\n\n{}\n\n{}",
            self.command,
            provenance(self.command, self.machine),
            EXPLANATION.replace("REPEATS", &self.repeats.to_string()),
            findings(before)
        );
        match self.busy_warning() {
            Some(warning) => text += &format!("\n**Not on an idle machine: {warning}.**\n"),
            None => text += "\nNo other process was busy meanwhile.\n",
        }
        if !self.left_out.is_empty() {
            text += "\nLeft out:\n\n";
            self.left_out.iter().for_each(|it| text += &format!("- {it}\n"));
        }
        text += &format!("\n| {} |\n|---|---|---|---:|---|---:|---:|---|---|\n", TITLES.join(" | "));
        for row in self.rows {
            text += &format!("| {} |\n", cells(row).join(" | "));
        }
        for (title, file) in pictures {
            text += &format!("\n![{title}]({file})\n");
        }
        text += &format!("\n## Versions\n\n{}", self.versions());
        text
    }

    /// What each peer says that it is made of.
    fn versions(&self) -> String {
        let mut text = String::from("| library | packages |\n|---|---|\n");
        let mut told: Vec<&str> = Vec::new();
        for RunOf { library, run, .. } in self.runs() {
            if run.figures.versions.is_empty() || told.contains(&library) {
                continue;
            }
            told.push(library);
            let packages: Vec<String> =
                run.figures.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
            text += &format!("| {library} | {} |\n", packages.join(", "));
        }
        text
    }

    /// The pictures that there is something for: a title, the name of a file, the picture.
    pub(super) fn pictures(&self) -> Vec<(&'static str, &'static str, String)> {
        let is_stepping = |row: &&Row| row.workload.starts_with("steps ");
        let of = |kind: Quantity, stepping: bool| -> Vec<&Row> {
            self.rows.iter().filter(|row| row.kind == kind && is_stepping(row) == stepping).collect()
        };
        let updates_and_walls = [of(Quantity::Update, false), of(Quantity::Wall, false)].concat();
        let all = [
            ("Training: environment steps a second", "training.svg", of(Quantity::Rate, false)),
            ("Time of one update, and until CartPole is solved", "times.svg", updates_and_walls),
            ("Stepping alone: environment steps a second", "stepping.svg", of(Quantity::Rate, true)),
            ("Resident memory", "memory.svg", of(Quantity::Memory, false)),
        ];
        all.into_iter()
            .filter(|(.., rows)| !rows.is_empty())
            .map(|(title, file, rows)| (title, file, picture(title, &rows)))
            .collect()
    }
}

const EXPLANATION: &str = "Each workload is run REPEATS times by each library in turn, ours first, each run a process of its own (solving: twice\n\
    as many, a seed each). *median* and *range* are over these runs; *ours is* is the median of the ratios within a round, above 1\n\
    where ours is better. *of the peak* is the arithmetic of the workload (products with weights: acting, values, forward and\n\
    back in each epoch) as a share of what fused multiply-adds on all cores come to in the same round. The peers' networks,\n\
    environments, epochs and minibatches are ours: two separate networks of 2×64 with tanh, unless the workload says otherwise. Steady\n\
    training leaves out starting, compiling and warming up. PyTorch gets one thread or two, whichever is faster, XLA its default;\n\
    ours has its default, and for TRPO one thread or two likewise. Ours is `gradus train --json` with its logs and one checkpoint;\n\
    the peers write nothing. Where they differ otherwise is said in their scripts, `benches/peers`. *solve* is the whole process\n\
    with RL Baselines3 Zoo's settings, from its start until the last 100 training episodes have a mean return of 475.";

const TITLES: [&str; 9] =
    ["workload", "what", "library", "median", "range", "ours is", "of the peak", "target", "notes"];

fn cells(row: &Row) -> [String; 9] {
    let Spread { median, min, max } = row.value;
    let target =
        |(target, is_met): (&str, bool)| format!("{target}: {}", if is_met { "met" } else { "MISSED" });
    let targets: Vec<String> =
        row.verdicts.iter().map(|verdict| target((&verdict.target, verdict.is_met))).collect();
    let dash = || "–".to_owned();
    [
        row.workload.to_owned(),
        row.quantity.to_owned(),
        row.library.to_owned(),
        row.shown(median),
        format!("{} – {}", row.shown(min), row.shown(max)),
        row.ours_is.map_or_else(dash, |it| times(it.median)),
        row.share_of_peak.map_or_else(dash, |it| format!("{:.1} %", 100.0 * it.median)),
        if targets.is_empty() { dash() } else { targets.join(", ") },
        if row.note.is_empty() { dash() } else { row.note.clone() },
    ]
}

/// Such as `5.21 ×`, `74.3 ×`, `134 ×`.
fn times(ratio: f64) -> String {
    let decimals = if ratio < 9.995 { 2 } else { usize::from(ratio < 99.95) };
    format!("{ratio:.decimals$} ×")
}

/// A group of bars for each workload and quantity, a bar for each library.
fn picture(title: &str, rows: &[&Row]) -> String {
    let mut bars = Bars::new(title);
    for group in rows.chunk_by(|a, b| (a.workload, a.quantity) == (b.workload, b.quantity)) {
        let title = match group[0].kind {
            Quantity::Update | Quantity::Wall => format!("{}, {}", group[0].workload, group[0].quantity),
            Quantity::Rate | Quantity::Memory => group[0].workload.to_owned(),
        };
        let values: Vec<(&str, f64, String)> = group
            .iter()
            .map(|row| {
                let ratio = row.ours_is.map(|it| format!(" ({})", times(it.median))).unwrap_or_default();
                (row.library, row.value.median, row.shown(row.value.median) + &ratio)
            })
            .collect();
        bars = bars.group(title, &values);
    }
    bars.render()
}

/// One line on a run, as it ends.
pub(super) fn told(workload: &str, library: Library, run: &Run) -> String {
    let busy = run.others.filter(|&it| it >= BUSY_OTHERS);
    let warning = busy.map(|it| format!("; others kept {it:.1} processors busy")).unwrap_or_default();
    format!("{workload}: {} in {:.2} s{warning}", library.name(), run.process_seconds)
}
