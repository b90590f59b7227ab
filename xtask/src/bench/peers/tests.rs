//! What peers say is read, compared and told, on small examples: nothing is run or installed.

use std::collections::BTreeMap;
use std::path::Path;

use gradus_runner::config::{Config, KEYS, Layers, Origin};
use gradus_runner::{Settings, presets};

use super::commands::{Programs, scaled};
use super::install::packages;
use super::process::{self, Figures, Run, busy_seconds, last_lines, own_seconds, peak_memory};
use super::report::Results;
use super::summary::{Measured, Round, Row, Spread, rows, value};
use super::workloads::{Library, Ppo, Quantity, Task, WORKLOADS, Workload};
use crate::bench::Machine;

fn workload(name: &str) -> Workload {
    *WORKLOADS.iter().find(|it| it.name == name).expect("a workload of this name")
}

/// A run at so many steps a second.
fn at(rate: f64) -> Run {
    Run {
        figures: Figures { steps: Some(2.0 * rate), seconds: Some(2.0), ..Figures::default() },
        process_seconds: 3.0,
        memory_mib: None,
        others: Some(0.0),
    }
}

fn peak(flop_per_second: f64) -> Run {
    let figures = Figures { flop_per_second: Some(flop_per_second), ..Figures::default() };
    Run { figures, ..Run::default() }
}

/// Rounds of ours, rejax and stable-baselines3, of which the last round has none of the third.
fn measured() -> Measured {
    let round = |ours: f64, rejax: f64, sb3: Option<f64>, flop: f64| Round {
        peak: Some(peak(flop)),
        runs: [
            (Library::Gradus, Some(ours)),
            (Library::Rejax, Some(rejax)),
            (Library::StableBaselines3, sb3),
        ]
        .into_iter()
        .filter_map(|(library, rate)| Some((library, at(rate?))))
        .collect(),
    };
    Measured {
        workload: workload("ppo CartPole 8x128"),
        rounds: vec![
            round(1.2e6, 2e5, Some(2e4), 4.4e11),
            round(1.0e6, 1e5, Some(1e4), 5e11),
            round(0.9e6, 3e5, None, 3.4e11),
        ],
    }
}

fn find<'a>(rows: &'a [Row], library: &str) -> &'a Row {
    rows.iter().find(|row| row.library == library).expect("a row of this library")
}

fn is_close(a: f64, b: f64) -> bool {
    (a / b - 1.0).abs() < 1e-12
}

#[test]
fn the_last_line_of_json_is_read() {
    let output = "{\"steps\": 1}\na warning\n{\"steps\": 10240, \"seconds\": 2.5, \"threads\": 1, \
                  \"versions\": {\"torch\": \"2.13.0\"}, \"news\": [1]}\ndone\n";
    let figures = process::parse(output).expect("figures");
    let versions = BTreeMap::from([("torch".to_owned(), "2.13.0".to_owned())]);
    let expected = Figures {
        steps: Some(10240.0),
        seconds: Some(2.5),
        threads: Some(1),
        versions,
        ..Figures::default()
    };
    assert_eq!(figures, expected);
    assert!(process::parse("no line of it\n").is_err());
    assert!(process::parse("{\"steps\": \"many\"}\n").is_err());
}

/// As `gradus train --json` prints it, shortened.
#[test]
fn our_own_summary_is_read() {
    let figures = process::parse(
        r#"{"env":"CartPole-v1","total_steps":500736,"wall_seconds":0.5,"steps_per_second":1001472.0,"mean_return":475.5,"finished":true,"threads":2}"#,
    )
    .expect("figures");
    let run = Run { figures, ..Run::default() };
    assert!(is_close(value(&run, Quantity::Rate).expect("a rate"), 1_001_472.0));
    assert_eq!(value(&run, Quantity::Update), None);
    assert_eq!(run.figures.threads, Some(2));
}

#[test]
fn ratios_are_those_within_a_round() {
    let rows = rows(&measured());
    let ours = find(&rows, "gradus");
    assert_eq!(ours.value, Spread { median: 1.0e6, min: 0.9e6, max: 1.2e6 });
    assert_eq!(ours.ours_is, None);
    // 6, 10 and 3 times; the ratio of the medians would be 5.
    let times = find(&rows, "rejax").ours_is.expect("ratios");
    assert!(
        is_close(times.median, 6.0) && is_close(times.min, 3.0) && is_close(times.max, 10.0),
        "{times:?}"
    );
    // Of two rounds: 60 and 100 times.
    let times = find(&rows, "stable-baselines3").ours_is.expect("ratios");
    assert!(is_close(times.median, 80.0), "{times:?}");
}

#[test]
fn times_and_memory_are_better_where_they_are_less() {
    for quantity in [Quantity::Update, Quantity::Wall, Quantity::Memory] {
        assert!(is_close(quantity.ratio(2.0, 8.0), 4.0));
    }
    assert!(is_close(Quantity::Rate.ratio(8.0, 2.0), 4.0));
    let figures = Figures { choice_seconds: Some(1.5), ..Figures::default() };
    let run = Run { figures, process_seconds: 12.0, ..Run::default() };
    assert!(is_close(value(&run, Quantity::Wall).expect("a time"), 10.5), "the choice of threads is ours");
}

/// Counted product by product, a row after the other.
#[test]
fn arithmetic_is_that_of_every_product() {
    let ppo =
        Ppo { env: "", widths: (3, 2), n_envs: 2, n_steps: 5, epochs: 4, minibatch_size: 5, hidden: [7, 11] };
    let mut flop = 0;
    for (outputs, extra_rows) in [(2, 0), (1, ppo.n_envs)] {
        for (layer, (inputs, width)) in [(3, 7), (7, 11), (11, outputs)].into_iter().enumerate() {
            let product = 2 * inputs * width;
            let rows = ppo.n_envs * ppo.n_steps;
            // The weights' own gradient, and from the second layer on the one that is passed down.
            let back = product * if layer > 0 { 2 } else { 1 };
            flop += (rows + extra_rows) * product + ppo.epochs * rows * (product + back);
        }
    }
    let steps = (ppo.n_envs * ppo.n_steps) as f64;
    assert!(is_close(ppo.flop_per_step(), flop as f64 / steps));
}

#[test]
fn targets_are_held_against_the_right_rows() {
    let rows = rows(&measured());
    let verdicts = |library: &str| -> Vec<(String, bool)> {
        find(&rows, library).verdicts.iter().map(|it| (it.target.clone(), it.is_met)).collect()
    };
    assert_eq!(verdicts("rejax"), [("≥ 5 ×".to_owned(), true)]);
    assert_eq!(verdicts("stable-baselines3"), [("≥ 70 ×".to_owned(), true)]);
    // The middle of the three rounds, each with its own peak.
    let share = find(&rows, "gradus").share_of_peak.expect("a share").median;
    let Task::Ppo(ppo) = workload("ppo CartPole 8x128").task else { panic!("PPO") };
    let mut shares = [1.2e6 / 4.4e11, 1.0e6 / 5e11, 0.9e6 / 3.4e11].map(|it| it * ppo.flop_per_step());
    shares.sort_by(f64::total_cmp);
    assert!(is_close(share, shares[1]), "{share}");
    assert!(share < 0.65, "{share}");
    assert_eq!(verdicts("gradus"), [("≥ 65 % of the peak".to_owned(), false)]);

    let memory = |mib: f64| Run { memory_mib: Some(mib), ..Run::default() };
    for (mib, is_met) in [(19.9, true), (20.1, false)] {
        let runs = vec![(Library::Gradus, memory(mib)), (Library::Rejax, memory(400.0))];
        let rounds = vec![Round { peak: None, runs }];
        let rows = super::summary::rows(&Measured { workload: workload("memory CartPole"), rounds });
        assert_eq!(find(&rows, "gradus").verdicts[0].is_met, is_met);
        assert!(find(&rows, "rejax").verdicts.is_empty());
    }
}

#[test]
fn solved_seeds_are_counted() {
    let run = |solved: Option<bool>, mean_return: Option<f64>| Run {
        figures: Figures { solved, mean_return, ..Figures::default() },
        process_seconds: 0.3,
        ..Run::default()
    };
    let round = |ours: f64, theirs: bool| Round {
        peak: None,
        runs: vec![
            (Library::Gradus, run(None, Some(ours))),
            (Library::StableBaselines3, run(Some(theirs), None)),
        ],
    };
    let rounds = vec![round(475.0, true), round(474.9, false), round(490.0, true)];
    let rows = rows(&Measured { workload: workload("solve CartPole"), rounds });
    assert_eq!(find(&rows, "gradus").note, "solved by 2 of 3 seeds");
    assert_eq!(find(&rows, "stable-baselines3").note, "solved by 2 of 3 seeds");
    assert_eq!(workload("solve CartPole").rounds(5), 10);
}

#[test]
fn figures_of_the_system_are_read() {
    assert_eq!(peak_memory("Name:\tgradus\nVmHWM:\t   20480 kB\nVmRSS:\t 9 kB\n"), Some(20.0));
    assert_eq!(peak_memory("Name:\tgradus\n"), None);
    // Waiting, be it for a disk, is not being busy.
    assert_eq!(busy_seconds("cpu  100 20 30 4000 500 6 7 8 0 0\ncpu0 1 1\n"), Some(1.71));
    assert_eq!(busy_seconds("cpu0 1 1\n"), None);
    assert_eq!(busy_seconds("cpu  1 2 3\n"), None);
    let stat = "4645 (a (b) c) R 4640 4640 24164 0 -1 4194304 102 0 0 0 11 22 33 44 20 0 1 0 1332198\n";
    assert_eq!(own_seconds(stat), Some(1.1));
    assert_eq!(own_seconds("4645 (a) R 1"), None);
}

#[test]
fn messages_are_cut_to_their_end() {
    assert_eq!(
        last_lines("Traceback\n  File\n\n    import x\nModuleNotFoundError: x\n"),
        "File / import x / ModuleNotFoundError: x"
    );
    assert_eq!(last_lines(""), "");
}

#[test]
fn every_peer_has_requirements_that_are_pinned_and_a_script() {
    let scripts = crate::repository_root().join("benches/peers");
    let programs = programs();
    for workload in WORKLOADS {
        for (library, amount) in workload.peers {
            let group = library.group().expect("a peer is installed");
            let file = scripts.join(format!("requirements-{group}.txt"));
            let text = std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("no {}", file.display()));
            let packages = packages(&text);
            assert!(!packages.is_empty() && packages.iter().all(|it| it.contains("==")), "{packages:?}");
            let command = programs.peer(Path::new("python"), *library, &workload, *amount, 1);
            let script = command.get_args().next().expect("a script");
            assert!(Path::new(script).is_file(), "no {}", script.display());
        }
    }
}

fn programs() -> Programs {
    Programs {
        gradus: "gradus".into(),
        measure: "measure".into(),
        scripts: crate::repository_root().join("benches/peers"),
        run: "run".into(),
    }
}

/// What the command line of ours would be resolved to.
fn config(workload: &Workload) -> Config {
    let command = programs().train(workload, 100, 3, Some(2));
    let words: Vec<String> = command.get_args().map(|it| it.to_string_lossy().into_owned()).collect();
    let after = |flag: &str| words.iter().position(|it| it == flag).map(|at| words[at + 1].clone());
    let sets: Vec<String> = words.windows(2).filter(|it| it[0] == "--set").map(|it| it[1].clone()).collect();
    let (env, algo) = (after("--env").expect("a task"), after("--algo").expect("an algorithm"));
    let preset = presets::find(&algo, &env).expect("a preset");
    Layers::new(KEYS)
        .table(&Origin::Preset(algo.clone()), preset.table())
        .set(&sets)
        .flag("--env", "env", env.as_str())
        .flag("--algo", "algo", algo.as_str())
        .resolve()
        .unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

#[test]
fn our_settings_are_those_of_the_workload() {
    for workload in WORKLOADS.into_iter().filter(|it| !matches!(it.task, Task::Steps { .. })) {
        let config = config(&workload);
        Settings::from_config(&config).unwrap_or_else(|error| panic!("{}: {error}", workload.name));
        assert_eq!(config.count("eval_episodes"), 1);
        match workload.task {
            Task::Ppo(ppo) => {
                let counts = ["n_envs", "n_steps", "epochs", "minibatch_size"].map(|key| config.count(key));
                assert_eq!(counts, [ppo.n_envs, ppo.n_steps, ppo.epochs, ppo.minibatch_size]);
                assert_eq!(config.text("learning_rate_schedule"), "constant");
                assert!(!config.bool("normalize_reward") && !config.bool("shared_trunk"));
            }
            Task::Trpo { .. } => {
                let counts = ["n_envs", "n_steps", "cg_iterations", "epochs", "minibatch_size"];
                assert_eq!(counts.map(|key| config.count(key)), [1, 2048, 15, 10, 128]);
            }
            Task::Solve => assert_eq!(config.optional_float("target_return"), Some(475.0)),
            Task::Memory | Task::Steps { .. } => {}
        }
    }
}

#[test]
fn minibatches_divide_the_rollout() {
    for workload in WORKLOADS {
        if let Task::Ppo(ppo) = workload.task {
            assert_eq!((ppo.n_envs * ppo.n_steps) % ppo.minibatch_size, 0, "{}", workload.name);
        }
    }
    assert_eq!((scaled(30, 0.1), scaled(2, 0.1), scaled(5, 1.0)), (3, 1, 5));
}

fn page(measured: &[Measured], before: &str) -> (String, String, serde_json::Value) {
    let machine = Machine::here(crate::repository_root()).expect("facts");
    let rows: Vec<Row> = measured.iter().flat_map(rows).collect();
    let left_out = ["envpool could not be installed: pip has failed".to_owned()];
    let results = Results {
        command: "cargo xtask bench --peers --repeats 3",
        machine: &machine,
        repeats: 3,
        measured,
        rows: &rows,
        left_out: &left_out,
    };
    let json = serde_json::from_str(&results.json().expect("JSON")).expect("JSON");
    let pictures: Vec<_> =
        results.pictures().into_iter().map(|(title, file, _)| (title, file.to_owned())).collect();
    (results.table(), results.page(&pictures, before), json)
}

#[test]
fn table_page_and_file_tell_the_same() {
    let (table, page, json) = page(&[measured()], "");
    for part in
        ["1.00 M steps/s", "200 k steps/s", "6.00 ×", "80.0 ×", "≥ 5 ×: met", "≥ 65 % of the peak: MISSED"]
    {
        assert!(table.contains(part), "no {part:?} in\n{table}");
        assert!(page.contains(part), "no {part:?} in\n{page}");
    }
    for part in
        ["cargo xtask bench --peers --repeats 3", "- envpool could not", "(training.svg)", "No other process"]
    {
        assert!(page.contains(part), "no {part:?} in\n{page}");
    }
    assert_eq!(json["rows"][1]["library"], "rejax");
    assert_eq!(json["rows"][1]["verdicts"][0]["is_met"], true);
    // Three of ours and of rejax, two of the third, and three peaks.
    assert_eq!(json["runs"].as_array().map(Vec::len), Some(11));
    assert_eq!(json["runs"][0]["library"], "peak");
    assert!(json["machine"].get("cpu").is_some());
}

#[test]
fn findings_are_kept() {
    let (_, first, _) = page(&[measured()], "");
    let mark = "<!-- findings: kept when the page is written anew -->";
    let with_findings = first.replace(mark, &format!("{mark}\nXLA waits.\n\n"));
    assert_ne!(first, with_findings);
    assert!(page(&[measured()], &with_findings).1.contains("XLA waits."));
}

#[test]
fn others_that_were_busy_are_warned_of() {
    let mut busy = measured();
    busy.rounds[1].runs[0].1.others = Some(0.7);
    let (_, page, _) = page(&[busy], "");
    // Peaks in these rounds say nothing about others.
    assert!(page.contains("during 1 of 8 runs") && page.contains("at most 0.7 on average"), "{page}");
}

#[test]
fn bars_have_a_group_for_each_workload() {
    let measured = [measured()];
    let machine = Machine::here(crate::repository_root()).expect("facts");
    let rows: Vec<Row> = measured.iter().flat_map(rows).collect();
    let results = Results {
        command: "",
        machine: &machine,
        repeats: 3,
        measured: &measured,
        rows: &rows,
        left_out: &[],
    };
    let pictures = results.pictures();
    assert_eq!(pictures.len(), 1);
    let (_, file, svg) = &pictures[0];
    assert_eq!(*file, "training.svg");
    for part in ["ppo CartPole 8x128", "stable-baselines3", "1.00 M steps/s", "200 k steps/s (6.00 ×)"] {
        assert!(svg.contains(part), "no {part} in\n{svg}");
    }
}
