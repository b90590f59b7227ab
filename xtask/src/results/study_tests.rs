//! Studies from small fixtures, whose statistics are computed by hand.

use gradus_runner::Settings;
use gradus_runner::config::{Config, KEYS, Layers, Origin as From};
use gradus_runner::log::Table;
use gradus_runner::presets::{self, PRESETS};
use std::collections::BTreeMap;

use super::curves::{Curves, band_and_line, banded_picture};
use super::page::Origin;
use super::runs::{Job, RunResult};
use super::scores::{self, RANGES};
use super::searches::{self, Searches};
use super::study::{Study, jobs};
use super::study_page::{self, Pictures};
use super::summary::groups;
use super::tests::{asked, machine};
use super::{Experiment, Options, classic, clipping, profiles, trust_region};

fn options() -> Options {
    asked(Experiment::Clipping, 2)
}

fn studies() -> [Study; 3] {
    [classic::study(), clipping::study(), trust_region::study()]
}

/// Runs with such scores, one a seed.
fn runs(label: &str, algo: &str, env: &str, sets: &[&str], scores: &[f64]) -> Vec<RunResult> {
    let range = scores::range(env).expect("a classic task");
    (1..)
        .zip(scores)
        .map(|(seed, score)| RunResult {
            label: label.into(),
            algo: algo.into(),
            env: env.into(),
            seed,
            total_steps: 100_096,
            mean_return: None,
            eval_mean: range.random + score * (range.good - range.random),
            eval_std: 1.5,
            wall_seconds: 2.0,
            steps_per_second: 50_048.0,
            sets: sets.iter().map(|&set| set.to_owned()).collect(),
        })
        .collect()
}

/// One variant on two tasks, and one on the first alone.
fn results() -> Vec<RunResult> {
    let clip = ["clip_epsilon=0.2", "clip_schedule=constant"];
    [
        runs("no-clipping", "ppo-penalty", "CartPole-v1", &["kl_coef=0"], &[1.0; 4]),
        runs("clip-0.2", "ppo", "CartPole-v1", &clip, &[1.0, 0.0, 0.5, 1.0]),
        runs("clip-0.2", "ppo", "Pendulum-v1", &clip, &[4.0, 2.0, 3.0, 2.0]),
    ]
    .concat()
}

fn config(job: &Job) -> Config {
    let preset = presets::find(&job.algo, &job.env).expect("a preset");
    Layers::new(KEYS)
        .table(&From::Preset(job.algo.clone()), preset.table())
        .set(&job.sets)
        .flag("--env", "env", job.env.as_str())
        .flag("--algo", "algo", job.algo.as_str())
        .resolve()
        .unwrap_or_else(|error| panic!("{job:?}: {error}"))
}

#[test]
fn every_study_has_its_runs_and_all_their_settings_are_valid() {
    let on_classic = |algo: &str| {
        PRESETS
            .iter()
            .filter(|it| scores::range(it.env).is_some() && (algo.is_empty() || it.algo == algo))
            .count()
    };
    for (study, settings) in studies().iter().zip([on_classic(""), 11 * RANGES.len(), (5 + 7) * RANGES.len()])
    {
        let jobs = jobs(&options(), study).expect("jobs");
        assert_eq!(jobs.len(), 2 * settings, "{}", study.name);
        for job in &jobs {
            let settings = Settings::from_config(&config(job));
            settings.unwrap_or_else(|error| panic!("{job:?}: {error}"));
        }
        let has_baseline = jobs.iter().any(|job| job.label == study.baseline);
        assert!(has_baseline, "{}", study.name);
    }
}

#[test]
fn a_label_stands_for_the_same_runs_in_all_studies() {
    let mut known = BTreeMap::new();
    for variant in studies().into_iter().flat_map(|study| study.variants) {
        assert!(!variant.label.contains(['/', ',', ' ']), "{} is a folder and a cell", variant.label);
        let meaning = (variant.algo, variant.sets);
        let before = known.insert(variant.label.clone(), meaning.clone());
        assert!(before.is_none_or(|before| before == meaning), "{} has two meanings", variant.label);
    }
    assert!(known.contains_key("trpo") && known.contains_key("no-clipping"));
}

#[test]
fn what_clipping_compares_differs_in_the_objective_alone() {
    for range in RANGES {
        let of = |algo: &str| {
            let mut table = config(&Job::preset(algo, range.env, 1)).to_table();
            table.retain(|key, _| !["algo", "clip_epsilon", "clip_schedule"].contains(&key));
            table
        };
        assert_eq!(of("ppo"), of("ppo-penalty"), "{}", range.env);
        assert_eq!(of("ppo"), of("ppo-adaptive-kl"), "{}", range.env);
    }
}

#[test]
fn trust_regions_of_a_task_are_as_wide_as_each_other() {
    for range in RANGES {
        let max_kl = |algo: &str| config(&Job::preset(algo, range.env, 1)).float("max_kl").to_bits();
        assert_eq!(
            ["npg", "trpo", "trpo-max-kl", "trpo-vine"].map(max_kl),
            [max_kl("trpo"); 4],
            "{}",
            range.env
        );
    }
}

#[test]
fn variants_are_asked_for_by_label_or_algorithm() {
    let asked = |algo: &str| jobs(&Options { algo: vec![algo.into()], ..options() }, &trust_region::study());
    let trpo = asked("trpo").expect("TRPO with two matrices");
    assert_eq!(trpo.len(), 2 * 2 * RANGES.len());
    let empirical = asked("trpo-empirical").expect("one of them");
    assert_eq!(empirical.len(), 2 * RANGES.len());
    assert!(empirical.iter().all(|job| job.algo == "trpo" && job.sets == ["fisher=empirical"]));
    let error = asked("ppo").expect_err("not in this study").to_string();
    assert!(error.contains("trpo-max-kl"), "{error}");
}

#[test]
fn an_interquartile_mean_over_tasks_is_that_of_all_scores() {
    let results = results();
    let overall = scores::overall(&groups(&results));
    assert_eq!(overall.iter().map(|it| it.label).collect::<Vec<_>>(), ["no-clipping", "clip-0.2"]);
    let clip = overall[1].iqm().expect("scores");
    // 0 ½ [1 1 2 2] 3 4. Their plain mean is 1.6875, and the mean of the tasks' interquartile means 1.625.
    assert!((clip.value - 1.5).abs() < 1e-9, "{clip:?}");
    assert!(clip.interval.low < 1.5 && clip.interval.high > 1.5, "{clip:?}");
    let again = overall[1].iqm().expect("scores");
    assert_eq!(again.interval, clip.interval, "the bootstrap has a fixed seed");
    let sure = overall[0].iqm().expect("scores");
    assert!([sure.value, sure.interval.low, sure.interval.high].iter().all(|it| (it - 1.0).abs() < 1e-9));
}

#[test]
fn an_improvement_counts_pairs_on_common_tasks() {
    let results = results();
    let overall = scores::overall(&groups(&results));
    // Of CartPole's pairs 1 > 0 and 1 > ½, and two are equal: (1 + 1 + ½ + ½) / 4. On Pendulum there is no pair.
    let better = overall[0].improvement_over(&overall[1]).expect("a common task");
    assert!((better.value - 0.75).abs() < 1e-12, "{better:?}");
    let worse = overall[1].improvement_over(&overall[0]).expect("a common task");
    assert!((worse.value - 0.25).abs() < 1e-12, "{worse:?}");
    assert!(better.interval.low >= 0.5 && better.interval.high <= 1.0);
}

#[test]
fn the_table_has_variants_and_settings() {
    let csv = study_page::csv(&results()[..5]);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines[0],
        "variant,settings,algo,env,seed,total_steps,mean_return,eval_mean,eval_std,wall_seconds,steps_per_second"
    );
    assert_eq!(lines[1], "no-clipping,kl_coef=0,ppo-penalty,CartPole-v1,1,100096,,500,1.5,2.000,50048");
    assert!(lines[5].starts_with("clip-0.2,clip_epsilon=0.2 clip_schedule=constant,ppo,CartPole-v1,1,"));
}

fn page(before: &str, searches: &[Searches]) -> String {
    let machine = machine();
    let origin = Origin { command: options().as_typed(), side_by_side: 2, machine: &machine };
    let curves = ["CartPole-v1", "Pendulum-v1"].map(|env| (env.to_owned(), format!("clipping/{env}.svg")));
    let pictures = Pictures { profile: "clipping/profiles.svg", curves: &curves };
    study_page::page(&clipping::study(), &results(), &origin, &pictures, searches, before).expect("a page")
}

#[test]
fn the_page_tells_statistics_settings_and_where_it_comes_from() {
    let page = page("", &[]);
    for part in [
        "# Clipping and penalties\n",
        "| command | `cargo xtask results clipping --seeds 2` |\n",
        "| machine | Example 9000, 2 cores, linux x86_64, avx2 fma |\n",
        "| no-clipping | `ppo-penalty` | `--set kl_coef=0` |\n",
        "| clip-0.2 | `ppo` | `--set clip_epsilon=0.2` `--set clip_schedule=constant` |\n",
        "| no-clipping | 1 | 1.000 | 1.000 to 1.000 | 0.75 | ",
        "| clip-0.2 | 2 | 1.500 | ",
        " | – | – |\n",
        "\n## CartPole-v1\n",
        "| no-clipping | 100,096 | 4 | 500.0 | 0.0 | 500.0 | 500.0 to 500.0 | 500.0 | 500.0 | 2.00 s |\n",
        "![Learning curves on Pendulum-v1](clipping/Pendulum-v1.svg)\n",
        "![Performance profiles](clipping/profiles.svg)\n",
        "[clipping.csv](clipping.csv)",
    ] {
        assert!(page.contains(part), "{part:?} is not in\n{page}");
    }
    assert!(!page.contains("fixed-kl-10 |"), "what was not run is not in a table");
    assert!(!page.contains("## Line searches"));
    let range = scores::range("CartPole-v1").expect("a range");
    let at = |score: f64| format!("{:.1}", range.random + score * (range.good - range.random));
    // Scores 0 [½ 1] 1: the interquartile mean is at ¾, and the plain mean, in a column of its own, at ⅝.
    let row = page.lines().find(|line| line.starts_with("| clip-0.2 | 100,096")).expect("a row");
    let cells: Vec<&str> = row.split(" | ").collect();
    assert_eq!((cells[3], cells[5]), (at(0.625).as_str(), at(0.75).as_str()), "{row}");
}

#[test]
fn findings_are_kept() {
    let first = page("", &[]);
    let mark = "written anew -->\n";
    let with_findings = first.replace(mark, &format!("{mark}\nClipping wins.\n\n"));
    assert_ne!(first, with_findings);
    assert_eq!(page(&with_findings, &[]), with_findings);
    assert_eq!(page("a page without marks", &[]), first);
}

#[test]
fn searches_are_summed_up_over_updates() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("metrics.csv");
    // The third row is of two updates, one of which was rejected; the last has no direction to search.
    let text = "step,updates,kl_old_new,zero_gradient,line_search_trials,rejected\n\
                8,1,0.008,0,1,0\n16,2,0.01,0,3,0\n32,4,0.003,0,6,0.5\n40,5,0,1,0,0\n";
    std::fs::write(&path, text).expect("a file");
    let jobs = ["trpo", "npg"].map(|algo| Job::preset(algo, "CartPole-v1", 1));
    let all = searches::of_jobs(&jobs, |_| Ok(Table::read(&path)?)).expect("searches");
    let near = |value: Option<f64>, expected: f64| value.is_some_and(|it| (it - expected).abs() < 1e-12);
    let trpo = &all[0];
    assert!(near(Some(trpo.updates), 5.0) && trpo.rows == 4 && near(Some(trpo.max_kl), 0.01));
    // Backtracks 0 + 2 + 2 · 5 of 4 searches; with rows in place of updates they would be 7/3.
    assert!(near(trpo.backtracks, 3.0) && near(trpo.rejected, 0.25), "{trpo:?}");
    // 0.008 + 0.01 + 2 · 0.003 of the 3 updates that moved.
    assert!(near(Some(trpo.realised_kl), 0.008) && near(Some(trpo.greatest_kl), 0.01), "{trpo:?}");
    assert_eq!((all[1].backtracks, all[1].rejected), (None, None));
    let page = page("", &all);
    assert!(
        page.contains("| CartPole-v1 | trpo | 0.01 | 5 | 1.2 | 3.00 | 25.0 % | 0.80 | 1.00 | – |\n"),
        "{page}"
    );
    assert!(page.contains("| CartPole-v1 | npg | 0.01 | 5 | 1.2 | – | – | "), "{page}");
}

#[test]
fn the_greatest_divergence_of_a_state_is_what_that_bound_is_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("metrics.csv");
    let text = "step,updates,kl_old_new,max_kl_old_new,zero_gradient,line_search_trials,rejected\n8,1,0.001,0.009,0,1,0\n";
    std::fs::write(&path, text).expect("a file");
    let job = [Job::preset("trpo-max-kl", "CartPole-v1", 1)];
    let all = searches::of_jobs(&job, |_| Ok(Table::read(&path)?)).expect("searches");
    assert!((all[0].realised_kl - 0.009).abs() < 1e-12, "{all:?}");
    // Roll-outs of 100 steps in one update, and of 40 in each of the three after it.
    let text = "step,updates,kl_old_new,zero_gradient,line_search_trials,rejected,branch_steps\n8,1,0.01,0,1,0,100\n9,4,0.01,0,1,0,40\n";
    std::fs::write(&path, text).expect("a file");
    let all = searches::of_jobs(&job, |_| Ok(Table::read(&path)?)).expect("searches");
    assert_eq!(all[0].branch_steps, Some(55.0));
    std::fs::write(&path, "step,updates,mean_return\n8,1,20\n").expect("a file");
    assert_eq!(searches::of_jobs(&job, |_| Ok(Table::read(&path)?)).expect("no searches"), []);
}

#[test]
fn a_band_holds_the_middle_half_of_the_seeds() {
    // Of other steps each, and of one value each until all have ended.
    let seeds = [(50.0, 30.0), (60.0, 0.0), (70.0, 1.0), (60.0, 2.0)];
    let seeds = seeds.map(|(end, value)| vec![(10.0, value), (end, value), (90.0 + end, 500.0)]);
    let (band, line) = band_and_line(&seeds);
    assert!(band.iter().zip(&line).all(|((x, ..), (at, _))| x.to_bits() == at.to_bits()));
    let (step, low, high) = band[0];
    assert!(step >= 10.0, "before, there is a seed without a value");
    // 0 [1 2] 30: the mean of all is 8.25.
    assert_eq!([low, high, line[0].1].map(f64::to_bits), [1.0, 2.0, 1.5].map(f64::to_bits));
    // The shortest run ends at 140.
    assert!(line.last().is_some_and(|(step, _)| (step - 140.0).abs() < 1e-9));
    assert_eq!(band_and_line(&[]), (Vec::new(), Vec::new()));
    assert_eq!(band_and_line(&[Vec::new()]), (Vec::new(), Vec::new()));
}

#[test]
fn pictures_have_bands_and_profiles_of_comparable_variants() {
    let seeds = vec![vec![(0.0, 20.0), (8.0, 480.0)], vec![(0.0, 20.0), (8.0, 400.0)]];
    let curves = ["clip-0.1", "clip-0.2"].map(|label| Curves {
        label: label.into(),
        algo: "ppo".into(),
        seeds: seeds.clone(),
    });
    let picture = banded_picture("CartPole-v1", &curves);
    for part in ["clip-0.1", "clip-0.2", "score 1: 500", "fill-opacity"] {
        assert!(picture.contains(part), "{part}");
    }
    let results = results();
    let overall = scores::overall(&groups(&results));
    let profile = profiles::picture("Performance profiles", &overall).expect("scores");
    assert!(profile.contains("clip-0.2") && !profile.contains("no-clipping"), "of one task alone");
}
