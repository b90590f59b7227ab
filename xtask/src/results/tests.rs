//! Tables, pages and curves from small fixtures, and the store of runs with a stand-in for the command.

use std::num::NonZeroUsize;

use super::curves::{Curves, dots_and_mean, picture};
use super::page::{self, Origin};
use super::runs::{Job, RunResult};
use super::summary::groups;
use super::{Experiment, Options, presets};
use crate::bench::Machine;

fn result(env: &str, seed: u64, eval_mean: f64, wall_seconds: f64) -> RunResult {
    RunResult {
        label: "ppo".into(),
        algo: "ppo".into(),
        env: env.into(),
        seed,
        total_steps: 100_096,
        mean_return: (seed != 2).then_some(490.25),
        eval_mean,
        eval_std: 1.5,
        wall_seconds,
        steps_per_second: 81_234.6,
        sets: Vec::new(),
    }
}

fn results() -> Vec<RunResult> {
    vec![
        result("CartPole-v1", 1, 500.0, 1.0),
        result("CartPole-v1", 2, 470.0, 3.0),
        result("CartPole-v1", 3, 500.0, 2.0),
        result("Pendulum-v1", 1, -150.0, 4.0),
        result("Pendulum-v1", 2, -190.0, 5.0),
        result("FrozenLake-v1", 1, 0.7, 1.0),
    ]
}

pub(super) fn machine() -> Machine {
    Machine {
        cpu: Some("Example 9000".into()),
        cores: 2,
        instruction_sets: vec!["avx2", "fma"],
        platform: "linux x86_64".into(),
        rustc: Some("rustc 1.95.0".into()),
        commit: Some("0123abc".into()),
        uncommitted_changes: Some(true),
        date: "2026-01-31T23:59:59Z".into(),
        load_average_before: Some(0.0),
    }
}

/// An experiment with so many seeds, and nothing else said.
pub(super) fn asked(experiment: Experiment, seeds: usize) -> Options {
    Options {
        experiment,
        seeds: NonZeroUsize::new(seeds).expect("some seeds"),
        jobs: None,
        algo: Vec::new(),
        env: Vec::new(),
        out: None,
        fresh: false,
    }
}

fn options() -> Options {
    asked(Experiment::Presets, 3)
}

#[test]
fn a_line_of_the_table_has_every_figure() {
    let table = page::csv(&results()[..2]);
    assert_eq!(
        table,
        "algo,env,seed,total_steps,mean_return,eval_mean,eval_std,wall_seconds,steps_per_second\n\
         ppo,CartPole-v1,1,100096,490.25,500,1.5,1.000,81235\n\
         ppo,CartPole-v1,2,100096,,470,1.5,3.000,81235\n"
    );
}

#[test]
fn seeds_are_summed_up() {
    let results = results();
    let groups = groups(&results);
    let names: Vec<(&str, usize)> = groups.iter().map(|group| (group.env, group.runs.len())).collect();
    assert_eq!(names, [("CartPole-v1", 3), ("Pendulum-v1", 2), ("FrozenLake-v1", 1)]);
    let cart_pole = &groups[0];
    assert!((cart_pole.mean() - 490.0).abs() < 1e-12);
    // Deviations 10, −20 and 10: 600 / 2, where the population's deviation would have 600 / 3.
    assert!(cart_pole.std().is_some_and(|std| (std - 300_f64.sqrt()).abs() < 1e-12));
    assert_eq!(
        [cart_pole.min(), cart_pole.max(), cart_pole.wall_seconds()].map(f64::to_bits),
        [470.0, 500.0, 2.0].map(f64::to_bits)
    );
    assert_eq!(groups[2].std(), None);
}

#[test]
fn the_page_tells_levels_seeds_and_where_it_comes_from() {
    let machine = machine();
    let origin = Origin { command: options().as_typed(), side_by_side: 2, machine: &machine };
    let pictures = [("CartPole-v1".to_owned(), "presets/CartPole-v1.svg".to_owned())];
    let page = page::presets(&presets::FUSED, &results(), &origin, &pictures);
    for part in [
        "| command | `cargo xtask results presets --seeds 3` |\n",
        "| machine | Example 9000, 2 cores, linux x86_64, avx2 fma |\n",
        "| commit | `0123abc`, with uncommitted changes |\n",
        "one thread a run and 2 runs side by side",
        "\n## ppo\n",
        "| CartPole-v1 | 100,096 | ≥ 475 on every seed | no, 2 of 3 | 490.0 | 17.3 | 470.0 | 500.0 | 2.00 s |\n",
        "| Pendulum-v1 | 100,096 | mean ≥ -200 | yes | -170.0 | 28.3 | -190.0 | -150.0 | 4.50 s |\n",
        "| FrozenLake-v1 | 100,096 | mean ≥ 0.694 | yes | 0.700 | – | 0.700 | 0.700 | 1.00 s |\n",
        "| CartPole-v1 | 500.0, 470.0, 500.0 |\n",
        "![Learning curves on CartPole-v1](presets/CartPole-v1.svg)\n",
    ] {
        assert!(page.contains(part), "{part:?} is not in\n{page}");
    }
}

#[test]
fn a_level_that_a_mean_misses_is_not_reached() {
    let machine = machine();
    let origin = Origin { command: String::new(), side_by_side: 1, machine: &machine };
    let below = [result("Pendulum-v1", 1, -150.0, 1.0), result("Pendulum-v1", 2, -250.5, 1.0)];
    let page = page::presets(&presets::BURN, &below, &origin, &[]);
    assert!(page.contains("| mean ≥ -200 | no | -200.2 |"), "{page}");
    assert!(page.starts_with("# Results of convolutions and memories\n"), "{page}");
}

#[test]
fn jobs_are_the_presets_asked_for_in_order() {
    let of = |options: &Options, set| presets::jobs(options, set).map_err(|error| error.to_string());
    let jobs = |options: &Options| of(options, &presets::FUSED);
    let all = jobs(&options()).expect("presets");
    let on_device = of(&options(), &presets::BURN).expect("presets");
    assert_eq!(all.len() + on_device.len(), 3 * gradus_runner::presets::PRESETS.len());
    assert!(on_device.iter().any(|job| job.env == "MinAtar/Breakout-v1"));
    assert!(all.iter().all(|job| !on_device.contains(job)));
    let filtered = Options { env: vec!["Pendulum-v1".into()], algo: vec!["ppo".into()], ..options() };
    let expected = [1, 2, 3].map(|seed| Job::preset("ppo", "Pendulum-v1", seed));
    assert_eq!(jobs(&filtered).expect("one preset"), expected);
    assert_eq!(filtered.as_typed(), "cargo xtask results presets --seeds 3 --algo ppo --env Pendulum-v1");
    let two = vec!["CartPole-v1".into(), "Pendulum-v1".into()];
    let filtered = Options { env: two, algo: vec!["trpo".into()], ..options() };
    assert_eq!(jobs(&filtered).expect("two presets").len(), 6);
    assert!(filtered.as_typed().ends_with(" --algo trpo --env CartPole-v1 --env Pendulum-v1"));
    let unknown = Options { env: vec!["Pendulum-v7".into()], ..options() };
    assert!(jobs(&unknown).expect_err("no preset").contains("no such preset"));
}

#[test]
fn curves_are_compared_where_every_seed_has_a_value() {
    let seeds = [vec![(0.0, 1.0), (8.0, 3.0), (16.0, 5.0)], vec![(8.0, 5.0), (16.0, 9.0)]];
    let (dots, mean) = dots_and_mean(&seeds);
    assert_eq!(dots, [(8.0, 3.0), (8.0, 5.0), (16.0, 5.0), (16.0, 9.0)]);
    assert_eq!(mean, [(8.0, 4.0), (16.0, 7.0)]);
}

#[test]
fn long_curves_are_thinned_and_keep_their_end() {
    let long: Vec<(f64, f64)> = (0..400).map(|i| (f64::from(i), f64::from(i))).collect();
    let (_, mean) = dots_and_mean(&[long]);
    assert!(mean.len() <= 60, "{}", mean.len());
    assert_eq!(mean.last(), Some(&(399.0, 399.0)));
    assert_eq!(dots_and_mean(&[]), (Vec::new(), Vec::new()));
}

#[test]
fn a_picture_has_every_algorithm_and_the_level() {
    let curves = |algo: &str| {
        let seeds = vec![vec![(0.0, 20.0), (8.0, 480.0)]; 2];
        Curves { label: algo.into(), algo: algo.into(), seeds }
    };
    let picture = picture("CartPole-v1", &[curves("ppo"), curves("trpo")]);
    for part in ["<svg", "ppo, mean of 2 seeds", "trpo, mean of 2 seeds", "level asked for: 475"] {
        assert!(picture.contains(part), "{part}");
    }
}

#[cfg(unix)]
mod store {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};

    use crate::results::runs::{Job, Store};

    /// A stand-in for the command: it notes each call, and the seed 3 fails.
    const COMMAND: &str = r#"#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
if [ "$1" = eval ]; then
    echo '{"mean_return": 12.5, "std_return": 0.5, "episodes": 100}'
    exit
fi
for last; do :; done
[ "$7" = 3 ] && { echo "error: no luck" >&2; exit 1; }
mkdir -p "$last" && echo step,mean_return > "$last/metrics.csv"
echo '{"total_steps": 1024, "mean_return": null, "wall_seconds": 0.25, "steps_per_second": 4096.0}'
"#;

    fn stand_in(folder: &Path) -> PathBuf {
        // Copied by another process: had this one written it, a process that another test is just starting could
        // still hold it open for writing, and no system runs such a file.
        let (text, path) = (folder.join("gradus.sh"), folder.join("gradus"));
        fs::write(&text, COMMAND).expect("a file");
        fs::set_permissions(&text, fs::Permissions::from_mode(0o755)).expect("permission");
        let copied = std::process::Command::new("cp").args(["-p"]).args([&text, &path]).status();
        assert!(copied.expect("cp").success());
        path
    }

    fn jobs(seeds: u64) -> Vec<Job> {
        (1..=seeds).map(|seed| Job::preset("ppo", "CartPole-v1", seed)).collect()
    }

    fn calls(folder: &Path) -> Vec<String> {
        let text = fs::read_to_string(folder.join("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn runs_are_made_once_and_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = |fresh| Store::open(stand_in(folder.path()), folder.path(), fresh).expect("a store");
        let results = open(false).all(&jobs(2), 2).expect("results");
        assert_eq!(results.iter().map(|it| it.seed).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((results[0].total_steps, results[0].mean_return), (1024, None));
        let made = calls(folder.path());
        assert_eq!(made.len(), 4);
        assert!(
            made.iter()
                .any(|call| call.starts_with("train --algo ppo --env CartPole-v1 --seed 2 --threads 1"))
        );
        assert!(made.iter().any(|call| call.ends_with("--episodes 100 --seed 1002 --json")), "{made:?}");

        assert_eq!(open(false).all(&jobs(2), 1).expect("kept results"), results);
        assert_eq!(calls(folder.path()).len(), 4, "nothing was trained again");
        open(true).all(&jobs(2), 1).expect("fresh results");
        assert_eq!(calls(folder.path()).len(), 8);
    }

    #[test]
    fn a_run_without_its_metrics_or_of_another_program_is_made_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let gradus = stand_in(folder.path());
        let store = Store::open(gradus.clone(), folder.path(), false).expect("a store");
        store.all(&jobs(1), 1).expect("results");
        fs::remove_file(store.metrics(&jobs(1)[0])).expect("metrics");
        assert_eq!(store.find(&jobs(1)[0]), None);
        store.all(&jobs(1), 1).expect("results");
        assert_eq!(calls(folder.path()).len(), 4);

        fs::write(&gradus, format!("{COMMAND}\n# another preset\n")).expect("a file");
        let other = Store::open(gradus, folder.path(), false).expect("a store");
        assert_eq!(other.find(&jobs(1)[0]), None);
    }

    #[test]
    fn a_variant_is_trained_with_its_settings_and_kept_under_its_label() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(stand_in(folder.path()), folder.path(), false).expect("a store");
        let preset = Job::preset("ppo", "CartPole-v1", 1);
        let sets = vec!["clip_epsilon=0.3".to_owned(), "clip_schedule=constant".to_owned()];
        let variant = Job { label: "clip-0.3".into(), sets, ..preset.clone() };
        let results = store.all(&[preset.clone(), variant.clone()], 1).expect("results");
        let made = calls(folder.path());
        assert!(
            made[2].contains("--threads 1 --set clip_epsilon=0.3 --set clip_schedule=constant --json"),
            "{made:?}"
        );
        assert!(!made[0].contains("--set"), "{made:?}");
        assert_eq!([&results[0].label, &results[1].label], ["ppo", "clip-0.3"]);
        assert_eq!(store.find(&variant), Some(results[1].clone()));
        let other = Job { sets: vec!["clip_epsilon=0.4".into()], ..variant };
        assert_eq!(store.find(&other), None, "the same label with other settings is another run");
    }

    #[test]
    fn a_failure_is_told_after_the_others_are_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(stand_in(folder.path()), folder.path(), false).expect("a store");
        let error = store.all(&jobs(4), 2).expect_err("seed 3 fails").to_string();
        assert!(error.starts_with("1 of 4 runs have failed"), "{error}");
        let kept: Vec<bool> = jobs(4).iter().map(|job| store.find(job).is_some()).collect();
        assert_eq!(kept, [true, true, false, true]);
    }
}
