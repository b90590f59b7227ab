//! Runs that were damaged or altered: named, with the way out, and nothing changed.

use std::fs;

use crate::tools::{Place, QUICK, flip_bit, said};

/// A run of 4096 steps with checkpoints at 2048, 3072 and 4096, in a folder whose name needs quotes in a shell.
fn with_run() -> Place {
    let place = Place::new();
    place.succeed(&format!("train {QUICK} --total-steps 4096 --out run"));
    let names: Vec<String> = place
        .checkpoints("run")
        .iter()
        .map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, [2048, 3072, 4096].map(|step| format!("step_{step:012}.safetensors")));
    place
}

const NEWEST: &str = "run/checkpoints/step_000000004096.safetensors";
const EARLIER: &str = "run/checkpoints/step_000000003072.safetensors";

#[test]
fn a_damaged_checkpoint_is_named_with_the_one_that_still_loads() {
    type Damage = fn(&std::path::Path);
    let truncate: Damage = |path| {
        let bytes = fs::read(path).expect("a file");
        fs::write(path, &bytes[..bytes.len() / 2]).expect("writable");
    };
    let empty: Damage = |path| fs::write(path, b"").expect("writable");
    for (damage, word) in [(flip_bit as Damage, "damaged"), (truncate, "cut short"), (empty, "cut short")] {
        let place = with_run();
        damage(&place.path(NEWEST));
        let still = format!("{EARLIER} is earlier and still loads");
        let hint = format!("gradus resume run --checkpoint {EARLIER}");
        place.refuse("resume run --total-steps 8192", &[NEWEST, word, &still, &hint]);
        place.refuse("eval run", &[NEWEST, word, &still, &format!("gradus eval {EARLIER}")]);
        place.refuse(&format!("eval {NEWEST}"), &[NEWEST, word]);
        place.refuse(&format!("resume run --checkpoint {NEWEST}"), &[NEWEST, word]);
        place.succeed(&format!("eval {EARLIER} --episodes 2"));
    }
}

#[test]
fn the_advice_about_a_damaged_checkpoint_works() {
    let place = with_run();
    let whole = place.parameters("run");
    flip_bit(&place.path(NEWEST));
    let damaged = fs::read(place.path(NEWEST)).expect("a file");
    let said = place.refuse("resume run", &["to go on from that one: "]);
    let advice = said
        .err
        .lines()
        .find_map(|line| line.strip_prefix("to go on from that one: gradus "))
        .expect("advice");
    place.succeed(&format!("{advice} --quiet"));
    assert!(place.parameters("run") == whole, "the parameters differ");
    // The damaged one is kept, for whoever wants to rescue it.
    assert_eq!(fs::read(place.path(&format!("{NEWEST}.set-aside"))).expect("set aside"), damaged);
    place.succeed("eval run --episodes 2");
}

#[test]
fn a_run_goes_on_from_any_of_its_checkpoints() {
    let place = with_run();
    let whole = place.parameters("run");
    let first = place.checkpoints("run").remove(0);
    let elsewhere = place.path("backup.safetensors");
    fs::copy(&first, &elsewhere).expect("writable");
    let rows = || fs::read_to_string(place.path("run/metrics.csv")).expect("a table").lines().count();
    let before = rows();
    place.succeed("resume run --checkpoint backup.safetensors --quiet");
    assert!(place.parameters("run") == whole, "the parameters differ");
    assert_eq!(rows(), before, "the rows from after the checkpoint are replaced");
    place.refuse(
        "resume run --checkpoint nowhere.safetensors",
        &["there is no checkpoint nowhere.safetensors"],
    );
    place.refuse("resume run --checkpoint run/policy.safetensors", &["policy.safetensors", "\"policy\""]);
}

#[test]
fn a_run_without_an_intact_checkpoint() {
    let place = with_run();
    for path in place.checkpoints("run") {
        flip_bit(&path);
    }
    place.refuse("resume run", &[NEWEST, "no earlier checkpoint of this run loads either"]);
    for path in place.checkpoints("run") {
        fs::remove_file(path).expect("removable");
    }
    let said = place.refuse("resume run", &["there is no checkpoint in run/checkpoints", "to begin anew: "]);
    let advice =
        said.err.lines().find_map(|line| line.strip_prefix("to begin anew: gradus ")).expect("advice");
    place.succeed(&format!("{} --quiet", advice.replace("NEW_FOLDER", "again")));
}

#[test]
fn an_altered_configuration_does_not_fit_the_checkpoint() {
    let place = with_run();
    let config = fs::read_to_string(place.path("run/config.toml")).expect("a file");
    let alter = |from: &str, to: &str| {
        assert!(config.contains(from), "{config}");
        fs::write(place.path("run/config.toml"), config.replace(from, to)).expect("writable");
    };
    let resume = "resume run --total-steps 8192";
    for (from, to, what) in [
        ("hidden = [64, 64]", "hidden = [32, 32]", "it has the hidden layers [64, 64], this run [32, 32]"),
        ("activation = \"tanh\"", "activation = \"relu\"", "it has the activation Tanh, this run Relu"),
        (
            "env = \"CartPole-v1\"",
            "env = \"Pendulum-v1\"",
            "it has the environment CartPole-v1, this run Pendulum-v1",
        ),
        ("n_envs = 8", "n_envs = 16", "it has 8 environments, the run has 16"),
        (
            "normalize_reward = false",
            "normalize_reward = true",
            "statistics are of other observations or rewards",
        ),
    ] {
        alter(from, to);
        place.refuse(resume, &[NEWEST, what, "if run/config.toml was edited, put back what it said"]);
    }
    alter("gamma = 0.98", "gamma = 9.8\nbeta = 1");
    let of_file = "gamma = 9.8 (from run/config.toml): out of range";
    place.refuse(resume, &[of_file, "beta = 1 (from run/config.toml): unknown key"]);
    // What is no part of the state may change: that is how to save a run whose steps were too large.
    alter("learning_rate = 0.001", "learning_rate = 0.0001");
    place.succeed(&format!("{resume} --quiet"));
}

#[test]
fn a_finished_run_is_not_resumed_for_nothing() {
    let place = with_run();
    let hint = "gradus resume run --total-steps 8192";
    place.refuse("resume run", &["has done 4096 steps, and 4096 are asked for", hint]);
    place.refuse("resume run --total-steps 1000", &["has done 4096 steps, and 1000 are asked for", hint]);
    place.refuse("resume run --total-steps many", &["total_steps = \"many\" (from --total-steps)"]);
}

/// A name with a blank and a quote: what is advised has to be fit for a shell.
#[cfg(unix)]
#[test]
fn advice_is_quoted_for_the_shell() {
    let place = Place::new();
    let mut train = place.command(&format!("train {QUICK} --total-steps 1024"));
    assert!(train.args(["--out", "my dog's run"]).status().expect("it starts").success());
    let refused = said(place.command("resume").arg("my dog's run").output().expect("it starts"));
    assert!(refused.err.contains(r"gradus resume 'my dog'\''s run' --total-steps 2048"), "{}", refused.err);
}
