//! A run on disk that fails: what it had is there, and is said.

use std::sync::atomic::AtomicBool;

use gradus_checkpoint::Checkpoint;
use gradus_envs::probe::{Fault, Faulty};
use gradus_envs::{VecEnv, VectorEnv};
use gradus_runner::config::{Config, KEYS, Layers};
use gradus_runner::log::Table;
use gradus_runner::{Session, SessionError, newest_checkpoint};

fn config() -> Config {
    let values = [
        "env=Faulty",
        "total_steps=10000",
        "n_envs=2",
        "n_steps=32",
        "minibatch_size=32",
        "epochs=1",
        "hidden=[8]",
        "checkpoint_every=128",
    ];
    Layers::new(KEYS).set(values).resolve().expect("a configuration")
}

fn failed_after(updates: u64, folder: &std::path::Path) -> SessionError {
    let fault = move |n: usize, seed: u64, first: usize| {
        let envs = (0..n).map(|_| Faulty::new(Fault::Reward(f64::NAN), updates * 32 + 1)).collect();
        Ok(Box::new(VecEnv::new(envs, seed, first)?) as Box<dyn VectorEnv>)
    };
    let mut session = Session::start(config(), &fault, folder).expect("a run");
    session.run(&fault, &AtomicBool::new(false), &mut |_| {}).expect_err("a fault")
}

#[test]
fn a_run_that_breaks_leaves_what_it_had() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folder = root.path().join("run");
    let message = failed_after(5, &folder).to_string();
    let checkpoint = newest_checkpoint(&folder).expect("one is left");
    assert_eq!(checkpoint.step, 256);
    for part in [
        "environment 0, step 161 of its episode: the reward is NaN",
        "the last checkpoint is ",
        &checkpoint.path.display().to_string(),
        "gradus resume ",
    ] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    let table = Table::read(&folder.join("metrics.csv")).expect("a table");
    assert_eq!(table.points("step", "updates").last(), Some(&(320.0, 5.0)));
    assert!(folder.join("learning_curve.svg").is_file());
}

#[test]
fn a_run_that_breaks_before_its_first_checkpoint_says_so() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folder = root.path().join("run");
    let message = failed_after(1, &folder).to_string();
    assert!(
        message.contains("the reward is NaN") && message.contains("no checkpoint was written yet"),
        "{message}"
    );
    let message = newest_checkpoint(&folder).expect_err("none").to_string();
    assert!(message.contains("to begin anew: gradus train --config "), "{message}");
}

#[test]
fn a_stop_before_the_first_update_is_saved_too() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let make = |n: usize, seed: u64, first: usize| gradus_envs::make_vector("CartPole-v1", n, seed, first);
    let mut session = Session::start(config(), &make, root.path()).expect("a run");
    let summary = session.run(&make, &AtomicBool::new(true), &mut |_| {}).expect("saved");
    assert!(!summary.finished && summary.total_steps == 0 && summary.mean_return.is_none());
    Checkpoint::load(&summary.checkpoint).expect("a checkpoint");
    assert!(session.folder().learning_curve().is_file());
}
