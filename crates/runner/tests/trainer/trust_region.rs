//! Whole runs of TRPO on disk: what every update promised stands in the log.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use gradus_runner::Session;
use gradus_runner::config::{KEYS, Layers};
use gradus_runner::log::Table;

/// Trains, and returns the columns of these names, a row an update.
fn logged(folder: &Path, env: &str, sets: &[&str], columns: &[&str]) -> Vec<Vec<f64>> {
    // At most 400 updates, so that the log has each in a row of its own.
    let values = ["algo=trpo", "n_envs=4", "n_steps=64", "hidden=[16]", "minibatch_size=64", "epochs=2"];
    let env_name = format!("env={env}");
    let all =
        values.iter().copied().chain([env_name.as_str(), "total_steps=15360"]).chain(sets.iter().copied());
    let config = Layers::new(KEYS).set(all).resolve().expect("a configuration");
    let make = |n: usize, seed: u64, first: usize| gradus_envs::make_vector(env, n, seed, first);
    let mut session = Session::start(config, &make, folder).expect("a run");
    session.run(&make, &AtomicBool::new(false), &mut |_| {}).expect("training");
    let table = Table::read(&folder.join("metrics.csv")).expect("a table");
    assert_eq!(table.points("step", "updates").len(), 60);
    columns.iter().map(|name| table.points("step", name).into_iter().map(|(_, y)| y).collect()).collect()
}

#[test]
fn every_update_of_a_run_improves_within_the_region_or_is_rejected_with_a_reason() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let names = [
        "kl_old_new",
        "surrogate_improvement",
        "rejected",
        "rejected_kl",
        "rejected_no_improvement",
        "zero_gradient",
    ];
    let mut rejections = 0;
    // A region that the quadratic model fits, and one so large that a single trial of the search has to fail at times.
    for (name, max_kl, trials) in [("usual", 0.01, 10), ("forced", 2.0, 1)] {
        for env in ["CartPole-v1", "Pendulum-v1"] {
            let sets = [format!("max_kl={max_kl}"), format!("max_backtracks={trials}")];
            let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
            let columns = logged(&root.path().join(format!("{name}-{env}")), env, &sets, &names);
            for (row, &kl) in columns[0].iter().enumerate() {
                let [gain, rejected, by_kl, by_gain, flat] = [1, 2, 3, 4, 5].map(|c: usize| columns[c][row]);
                let at = format!("{name} {env}, update {row}: KL {kl}, gain {gain}");
                if rejected > 0.0 {
                    rejections += 1;
                    assert!(kl.abs() + gain.abs() < f64::MIN_POSITIVE, "{at}");
                    assert!(by_kl + by_gain >= 1.0, "a reason is missing: {at}");
                } else if flat > 0.0 {
                    // Such steps lead to policies that are certain, to the last bit: there is no way to go from there.
                    assert!(name == "forced" && kl.abs() + gain.abs() < f64::MIN_POSITIVE, "{at}");
                    assert!(by_kl + by_gain < 1.0, "{at}");
                } else {
                    assert!(kl <= max_kl && kl > 0.0 && gain > 0.0, "{at}");
                    assert!(by_kl + by_gain < 1.0, "{at}");
                }
            }
            if name == "usual" {
                let accepted = columns[2].iter().filter(|rejected| **rejected < 1.0).count();
                assert!(accepted >= 50, "{accepted} of 60 steps were accepted on {env}");
            }
        }
    }
    assert!(rejections > 0, "no rejection was forced");
}
