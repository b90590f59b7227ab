//! What is asked for wrongly: named, with what would be right, and nothing changed.

use std::fs;

use crate::tools::{Place, QUICK};

#[test]
fn unknown_names() {
    let place = Place::new();
    let known = "(there are: CartPole-v1, ";
    place.refuse(
        "train --env CartPol-v1",
        &["\"CartPol-v1\" (from --env)", "did you mean CartPole-v1?", known],
    );
    place.refuse(
        "train --env Doom",
        &["env = \"Doom\" (from --env): unknown environment (there are: CartPole-v1"],
    );
    place.refuse("train --set env=Doom", &["env = \"Doom\" (from --set): unknown environment"]);
    place.refuse("train", &["env: missing, give one by --env", "gradus envs"]);
    place.refuse("train --env CartPole-v1 --algo pppo", &["algo = \"pppo\"", "did you mean ppo?"]);
    place.refuse("train --env CartPole-v1 --algo sarsa", &["unknown algorithm (there are: ppo"]);
    place.refuse(
        "train --env CartPole-v1 --device cuda:0",
        &["device = \"cuda:0\" (from --device)", "must be one of cpu, flex, ndarray, wgpu"],
    );
    place.refuse("presets ppo CartPole", &["no preset for ppo on CartPole", "`gradus presets` lists them"]);
    place.refuse("trian --env CartPole-v1", &["trian", "train"]);
    place.refuse("train --enf CartPole-v1", &["--enf", "--env"]);
}

#[test]
fn unknown_keys_and_values_out_of_range() {
    let place = Place::new();
    let refuse = |args: &str, parts: &[&str]| place.refuse(&format!("train {QUICK} {args}"), parts);
    refuse("--set gama=0.9", &["gama = 0.9 (from --set): unknown key; did you mean gamma?"]);
    refuse("--set gamma=1.5", &["gamma = 1.5 (from --set): out of range, it must be a number in [0, 1]"]);
    refuse("--set gamma=high", &["gamma = \"high\" (from --set): wrong type, it must be a number in [0, 1]"]);
    refuse("--set hidden=64", &["hidden = 64 (from --set): wrong type", "[64, 64]"]);
    refuse("--set epochs", &["epochs (from --set)", "write key=value"]);
    refuse("--total-steps 0", &["total_steps = 0 (from --total-steps): out of range", "at least 1"]);
    refuse("--total-steps 10k", &["total_steps = \"10k\" (from --total-steps): wrong type", "an integer"]);
    refuse("--threads 0", &["threads = 0 (from --threads): out of range", "from 1 to 1024"]);
    refuse("--seed 1.5", &["seed = 1.5 (from --seed): wrong type", "an integer of at least 0"]);
    refuse("--seed 99999999999999999999", &["99999999999999999999", "--seed", "an integer of at least 0"]);
    refuse("--set minibatch_size=257", &["minibatch_size = 257 (from --set): more than", "= 256 steps"]);
    refuse("--set minibatches=4 --set minibatch_size=8", &["cannot be given together with minibatch"]);
    refuse("--set n_envs=60000 --set n_steps=1000000", &["n_envs · n_steps = 60000000000", "134217728"]);
}

#[test]
fn everything_wrong_is_told_at_once() {
    let place = Place::new();
    fs::write(place.path("my.toml"), "gama = 0.9\nepochs = \"ten\"\n[ppo]\nx = 1\n").expect("writable");
    let said = place.refuse(
        "train --env Doom --algo sarsa --config my.toml --set gamma=2 --seed -1 --device tpu",
        &[
            "8 problems with the configuration:",
            "- gama = 0.9 (from my.toml): unknown key; did you mean gamma?",
            "- epochs = \"ten\" (from my.toml): wrong type, it must be an integer from 1 to 1000000",
            "- ppo (from my.toml): a table, but keys are flat",
            "- gamma = 2 (from --set)",
            "- seed = -1 (from --seed)",
            "- device = \"tpu\" (from --device)",
            "- env = \"Doom\" (from --env): unknown environment",
            "- algo = \"sarsa\" (from --algo): unknown algorithm",
        ],
    );
    assert_eq!(said.err.lines().count(), 9, "{}", said.err);
}

#[test]
fn configuration_files_that_cannot_be_used() {
    let place = Place::new();
    let refuse = |args: &str, parts: &[&str]| place.refuse(&format!("train {QUICK} {args}"), parts);
    refuse("--config none.toml", &["none.toml: the file cannot be read: No such file"]);
    fs::write(place.path("broken.toml"), "gamma = 0.9\nepochs = = 3\n").expect("writable");
    refuse("--config broken.toml", &["broken.toml: ", "line 2"]);
    fs::write(place.path("binary.toml"), [0xff, 0xfe, 0x00]).expect("writable");
    refuse("--config binary.toml", &["binary.toml: the file cannot be read", "UTF-8"]);
    fs::create_dir(place.path("folder.toml")).expect("writable");
    refuse("--config folder.toml", &["folder.toml: the file cannot be read"]);
}

#[test]
fn folders_that_cannot_be_used() {
    let place = Place::new();
    let train = format!("train {QUICK} --total-steps 256 --out");
    fs::create_dir(place.path("mine")).expect("writable");
    fs::write(place.path("mine/notes.txt"), "precious").expect("writable");
    place.refuse(&format!("{train} mine"), &["the folder mine is not empty", "--out"]);
    place.refuse(&format!("{train} mine/notes.txt"), &["mine/notes.txt is a file", "--out"]);
    let said = place
        .refuse(&format!("{train} mine/notes.txt/run"), &["cannot write to mine/notes.txt/run", "--out"]);
    assert_eq!(said.err.matches("os error").count(), 1, "{}", said.err);
    // An empty one will do.
    fs::create_dir(place.path("empty")).expect("writable");
    place.succeed(&format!("{train} empty"));
    place.refuse(&format!("{train} empty"), &["the folder empty is not empty", "gradus resume empty"]);
}

#[test]
fn things_that_are_no_run() {
    let place = Place::new();
    fs::create_dir(place.path("mine")).expect("writable");
    fs::write(place.path("mine/notes.txt"), "precious").expect("writable");
    for command in ["resume", "eval"] {
        place.refuse(&format!("{command} mine"), &["there is no run in mine: it has no config.toml"]);
        place.refuse(&format!("{command} nowhere"), &["there is no run in nowhere: it does not exist"]);
        place.refuse(command, &["<RUN_DIR>"]);
    }
    place.refuse("resume mine/notes.txt", &["there is no run in mine/notes.txt"]);
    place.refuse("eval mine/notes.txt", &["mine/notes.txt: the checkpoint is"]);
    place.refuse("eval mine --episodes 0", &["0", "--episodes"]);
}
