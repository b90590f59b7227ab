//! Medians over the rounds, ratios within them, and whether the targets are met.

use gradus_core_math::median;
use serde::Serialize;

use super::process::Run;
use super::workloads::{Library, Quantity, SOLVED, Target, Task, Workload};
use crate::bench::estimates::Throughput;
use crate::bench::table::{rate, time};

/// What ran shortly after one another: the processor's peak where it is asked for, ours, the peers.
#[derive(Clone, Debug, Default)]
pub(super) struct Round {
    pub(super) peak: Option<Run>,
    pub(super) runs: Vec<(Library, Run)>,
}

/// All rounds of one workload.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    pub(super) workload: Workload,
    pub(super) rounds: Vec<Round>,
}

/// The middle of some values and their ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    /// None of no values.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let (min, max) = values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), &it| (min.min(it), max.max(it)));
        (!values.is_empty()).then(|| Self { median: median(values), min, max })
    }
}

/// A target and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Verdict {
    /// Such as `≥ 5 ×`.
    pub(super) target: String,
    pub(super) is_met: bool,
}

/// One library's figures on one workload.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Row {
    pub(super) workload: &'static str,
    pub(super) quantity: &'static str,
    pub(super) library: &'static str,
    pub(super) value: Spread,
    /// How many times as good ours is, of pairs in the same round; none for ours.
    pub(super) ours_is: Option<Spread>,
    /// Of the peak of fused multiply-adds in the same round.
    pub(super) share_of_peak: Option<Spread>,
    pub(super) verdicts: Vec<Verdict>,
    pub(super) note: String,
    #[serde(skip)]
    pub(super) kind: Quantity,
    #[serde(skip)]
    pub(super) is_ours: bool,
}

impl Row {
    /// The median in its unit.
    pub(super) fn shown(&self, value: f64) -> String {
        match self.kind {
            Quantity::Rate => rate(&Throughput { unit: "step".to_owned(), per_second: value }),
            Quantity::Update | Quantity::Wall => time(1e9 * value),
            Quantity::Memory => format!("{value:.1} MiB"),
        }
    }
}

/// A run's value of a quantity; none where it does not tell.
pub(super) fn value(run: &Run, quantity: Quantity) -> Option<f64> {
    match quantity {
        Quantity::Rate => Some(run.figures.steps? / run.figures.seconds?),
        Quantity::Update => run.figures.update_seconds,
        Quantity::Wall => Some(run.process_seconds - run.figures.choice_seconds.unwrap_or(0.0)),
        Quantity::Memory => run.memory_mib,
    }
}

/// The rows of a workload: each quantity of each library that has run.
pub(super) fn rows(measured: &Measured) -> Vec<Row> {
    let Measured { workload, .. } = measured;
    let of_quantity = |&quantity: &Quantity| {
        workload.libraries().filter_map(move |(library, _)| row(measured, quantity, library))
    };
    workload.quantities.iter().flat_map(of_quantity).collect()
}

fn row(measured: &Measured, quantity: Quantity, library: Library) -> Option<Row> {
    let Measured { workload, rounds } = measured;
    let of = |round: &Round, library: Library| {
        let run = round.runs.iter().find(|(it, _)| *it == library).map(|(_, run)| run)?;
        value(run, quantity)
    };
    let values: Vec<f64> = rounds.iter().filter_map(|round| of(round, library)).collect();
    let spread = Spread::of(&values)?;
    let is_ours = library == Library::Gradus;
    let pairs = rounds.iter().filter_map(|it| Some((of(it, Library::Gradus)?, of(it, library)?)));
    let ratios: Vec<f64> = pairs.map(|(ours, theirs)| quantity.ratio(ours, theirs)).collect();
    let ours_is = if is_ours { None } else { Spread::of(&ratios) };
    let share_of_peak = match (workload.task, quantity) {
        (Task::Ppo(ppo), Quantity::Rate) => {
            let peaks =
                rounds.iter().filter_map(|it| it.peak.as_ref()?.figures.flop_per_second.zip(of(it, library)));
            Spread::of(&peaks.map(|(peak, rate)| rate * ppo.flop_per_step() / peak).collect::<Vec<f64>>())
        }
        _ => None,
    };
    let mut row = Row {
        workload: workload.name,
        quantity: quantity.name(),
        library: library.name(),
        value: spread,
        ours_is,
        share_of_peak,
        verdicts: Vec::new(),
        note: note(rounds, library, workload),
        kind: quantity,
        is_ours,
    };
    row.verdicts = workload.targets.iter().filter_map(|target| verdict(target, library, &row)).collect();
    Some(row)
}

/// What a target says about a row; none where it is about another.
fn verdict(target: &Target, library: Library, row: &Row) -> Option<Verdict> {
    let ours = |quantity: Quantity| row.is_ours && row.kind == quantity;
    let verdict = |target: String, is_met: bool| Some(Verdict { target, is_met });
    let median = row.value.median;
    match *target {
        Target::Times(quantity, of, times) if of == library && quantity == row.kind => {
            verdict(format!("≥ {times} ×"), row.ours_is?.median >= times)
        }
        Target::RateAtLeast(least) if ours(Quantity::Rate) => {
            verdict(format!("≥ {}", row.shown(least)), median >= least)
        }
        Target::WallAtMost(most) if ours(Quantity::Wall) => verdict(format!("≤ {most} s"), median <= most),
        Target::MemoryAtMost(most) if ours(Quantity::Memory) => {
            verdict(format!("≤ {most} MiB"), median <= most)
        }
        Target::ShareAtLeast(least) if ours(Quantity::Rate) => {
            verdict(format!("≥ {:.0} % of the peak", 100.0 * least), row.share_of_peak?.median >= least)
        }
        _ => None,
    }
}

/// What else there is to say: threads, compiling, how many seeds came to the end, the way of stepping.
fn note(rounds: &[Round], library: Library, workload: &Workload) -> String {
    let runs = || rounds.iter().flat_map(|it| &it.runs).filter(|(it, _)| *it == library).map(|(_, run)| run);
    let mut notes = Vec::new();
    let mut threads: Vec<u64> = runs().filter_map(|run| run.figures.threads).collect();
    threads.sort_unstable();
    threads.dedup();
    if let (Some(least), Some(most)) = (threads.first(), threads.last()) {
        let count = if least == most { most.to_string() } else { format!("{least} or {most}") };
        notes.push(format!("{count} thread{}", if *most == 1 { "" } else { "s" }));
    }
    let compiling: Vec<f64> = runs().filter_map(|run| run.figures.compile_seconds).collect();
    if let Some(spread) = Spread::of(&compiling) {
        notes.push(format!("compiling takes {} more", time(1e9 * spread.median)));
    }
    if matches!(workload.task, Task::Solve) {
        let solved = runs().filter(|run| is_solved(run)).count();
        notes.push(format!("solved by {solved} of {} seeds", runs().count()));
    }
    let mut modes: Vec<&str> = runs().filter_map(|run| run.figures.mode.as_deref()).collect();
    modes.sort_unstable();
    modes.dedup();
    notes.extend(modes.into_iter().map(str::to_owned));
    notes.join(", ")
}

/// A peer says whether it is; ours says the mean return of its last 100 episodes.
fn is_solved(run: &Run) -> bool {
    run.figures.solved.unwrap_or(run.figures.mean_return.is_some_and(|it| it >= SOLVED))
}
