//! Estimators of the advantage on finite processes, where the advantage itself is known.

mod estimator;
mod exact;
mod intervals;
mod page;
mod pictures;
mod sampled;
mod setting;

#[cfg(test)]
mod page_tests;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{anyhow, bail};

use super::Options;
use super::files::Files;
use super::page::Origin;
use crate::bench::Machine;
use exact::Expected;
use sampled::Figures;
use setting::{Critic, SHAPE, Setting};

/// Rollouts of each seed, in each process. An even number: biases are measured in halves.
const ROLLOUTS: usize = 512;

/// An estimator with a critic in a process: what theory says, and what the seeds do.
struct Row {
    estimator: estimator::Estimator,
    expected: Expected,
    /// One a seed, in their order.
    seeds: Vec<Figures>,
}

/// All estimators with one critic.
struct Section {
    critic: Critic,
    rows: Vec<Row>,
}

/// All critics in one process.
struct Chapter {
    setting: Setting,
    sections: Vec<Section>,
}

/// Measures every estimator in every process that is asked for, and writes table, page and pictures.
pub(super) fn run(root: &Path, options: &Options) -> anyhow::Result<ExitCode> {
    let names = names(options)?;
    let machine = Machine::here(root)?;
    let side_by_side = options.jobs.map_or(machine.cores, NonZeroUsize::get);
    let chapters = chapters(&names, options.seeds.get(), ROLLOUTS, side_by_side)?;
    let files = Files::of(root, options);
    let mut drawn = Vec::new();
    for chapter in &chapters {
        for (file, picture) in pictures::of(chapter) {
            files.write(&file, &picture)?;
            drawn.push(file);
        }
    }
    let origin = Origin { command: options.as_typed(), side_by_side, machine: &machine };
    let text = page::page(&chapters, &origin, &drawn, &files.before("estimators.md"))?;
    files.write("estimators.csv", &page::csv(&chapters))?;
    files.write("estimators.md", &text)?;
    Ok(files.told())
}

/// The processes that are asked for, in the order of the page.
fn names(options: &Options) -> anyhow::Result<Vec<&'static str>> {
    if !options.algo.is_empty() {
        bail!("`--algo` makes no sense here: this experiment trains nothing, and always has all estimators");
    }
    if options.fresh {
        bail!("`--fresh` makes no sense here: this experiment keeps nothing that it could use again");
    }
    let known = setting::names();
    if let Some(name) = options.env.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("there is no process {name:?} in this experiment, which has {}", known.join(", "));
    }
    Ok(known.into_iter().filter(|name| options.asks_for(&[], name)).collect())
}

/// Everything, the same for any number of threads.
fn chapters(
    names: &[&'static str],
    seeds: usize,
    rollouts: usize,
    threads: usize,
) -> anyhow::Result<Vec<Chapter>> {
    let prepared = in_order(names.len(), threads, |i| {
        let setting = Setting::named(names[i])?;
        let critics = setting.critics()?;
        let of_critic = |critic: &Critic| -> Vec<Expected> {
            estimator::ALL.iter().map(|&it| exact::expected(&setting, &critic.values, it)).collect()
        };
        let expected: Vec<Vec<Expected>> = critics.iter().map(of_critic).collect();
        Ok((setting, critics, expected))
    })?;
    let mut figures = in_order(names.len() * seeds, threads, |i| {
        let (setting, critics, _) = &prepared[i / seeds];
        let values: Vec<&[f64]> = critics.iter().map(|critic| critic.values.as_slice()).collect();
        let seed = (i % seeds) as u64 + 1;
        let result = sampled::measure(setting, &values, &estimator::ALL, (SHAPE.1, rollouts, seed));
        eprintln!("{} seed {seed}", setting.name);
        result
    })?
    .into_iter();
    let chapter = |(setting, critics, expected): (Setting, Vec<Critic>, Vec<Vec<Expected>>)| {
        let of_seeds: Vec<Vec<Vec<Figures>>> = figures.by_ref().take(seeds).collect();
        let sections = critics.into_iter().zip(expected).enumerate().map(|(c, (critic, expected))| {
            let rows = estimator::ALL.into_iter().zip(expected).enumerate();
            let rows = rows.map(|(e, (estimator, expected))| {
                let seeds = of_seeds.iter().map(|figures| figures[c][e]).collect();
                Row { estimator, expected, seeds }
            });
            Section { critic, rows: rows.collect() }
        });
        Chapter { sections: sections.collect(), setting }
    };
    Ok(prepared.into_iter().map(chapter).collect())
}

/// f(0), f(1), …, on several threads.
fn in_order<T: Send>(
    count: usize,
    threads: usize,
    f: impl Fn(usize) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    let results: Mutex<Vec<Option<anyhow::Result<T>>>> = Mutex::new((0..count).map(|_| None).collect());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(count) {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= count {
                        break;
                    }
                    let result = f(i);
                    if let Ok(mut results) = results.lock() {
                        results[i] = Some(result);
                    }
                }
            });
        }
    });
    let results = results.into_inner().map_err(|_| anyhow!("a thread has panicked"))?;
    results.into_iter().map(|it| it.unwrap_or_else(|| Err(anyhow!("a thread has panicked")))).collect()
}
