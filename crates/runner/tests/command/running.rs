//! What training, resuming and evaluating give.

use std::fs;

use crate::tools::{Place, QUICK};

#[test]
fn training_leaves_everything_and_says_where() {
    let place = Place::new();
    let said =
        place.succeed("train --env CartPole-v1 --total-steps 5000 --seed 3 --threads 2 --json --out a");
    let summary = said.json();
    assert_eq!((&summary["env"], &summary["algo"]), (&"CartPole-v1".into(), &"ppo".into()));
    // The first whole number of updates, of 256 steps each.
    assert_eq!((&summary["seed"], &summary["total_steps"]), (&3.into(), &5120.into()));
    for key in ["wall_seconds", "steps_per_second", "mean_return", "eval_mean_return"] {
        assert!(summary[key].as_f64().is_some_and(|x| x > 0.0), "{key}: {summary}");
    }
    assert_eq!(summary["run_dir"], "a");
    let checkpoint = place.path(summary["checkpoint"].as_str().expect("a path"));
    assert_eq!(checkpoint, place.path("a/checkpoints/step_000000005120.safetensors"));
    assert!(checkpoint.is_file());

    let read = |name: &str| fs::read_to_string(place.path("a").join(name)).expect(name);
    for line in ["env = \"CartPole-v1\"", "seed = 3", "n_envs = 8", "total_steps = 5000", "threads = 2"] {
        assert!(read("config.toml").lines().any(|it| it == line), "{line}: {}", read("config.toml"));
    }
    let metrics = read("metrics.csv");
    for column in ["step", "mean_return", "steps_per_second", "kl_old_new", "entropy"] {
        let header = metrics.lines().next().expect("a header");
        assert!(header.split(',').any(|it| it == column), "{column}: {header}");
    }
    assert!(metrics.lines().last().is_some_and(|row| row.starts_with("5120,20,")), "{metrics}");
    assert!(read("learning_curve.svg").contains("<polyline") || read("learning_curve.svg").contains("<path"));
    let events = fs::read_dir(place.path("a/tensorboard")).expect("a folder").count();
    assert_eq!(events, 1);
    let of_file: serde_json::Value = serde_json::from_str(&read("summary.json")).expect("JSON");
    assert_eq!(of_file, summary);
    for name in ["a/policy.safetensors", "a/learning_curve.svg", "a/metrics.csv", "gradus eval a"] {
        assert!(said.err.contains(name), "{name}: {}", said.err);
    }
}

#[test]
fn a_run_without_a_folder_gets_its_own() {
    let place = Place::new();
    let first = place.succeed(&format!("train {QUICK} --total-steps 256 --json")).json();
    let second = place.succeed(&format!("train {QUICK} --total-steps 256 --json")).json();
    let folder = first["run_dir"].as_str().expect("a path");
    assert!(folder.starts_with("runs/CartPole-v1-ppo-s0-2"), "{folder}");
    assert!(place.path(folder).is_dir() && first["run_dir"] != second["run_dir"]);
}

#[test]
fn numbers_are_read_as_people_write_them() {
    let place = Place::new();
    let said = place.succeed(&format!("train {QUICK} --total-steps 1e3 --seed 1_000 --out a --json")).json();
    assert_eq!((&said["total_steps"], &said["seed"]), (&1024.into(), &1000.into()));
}

/// Without schedules, which follow the number of steps asked for.
const STEADY: &str = "--set learning_rate_schedule=constant --set clip_schedule=constant";

#[test]
fn a_run_in_two_parts_is_the_run_in_one() {
    let place = Place::new();
    place.succeed(&format!("train {QUICK} {STEADY} --total-steps 8192 --threads 1 --out whole"));
    place.succeed(&format!("train {QUICK} {STEADY} --total-steps 4096 --threads 2 --out parts"));
    assert!(place.parameters("whole") != place.parameters("parts"));
    let config = fs::read_to_string(place.path("parts/config.toml")).expect("a file");
    let said = place.succeed("resume parts --total-steps 8192 --threads 1 --json --quiet");
    assert_eq!(said.json()["total_steps"], 8192);
    assert!(place.parameters("whole") == place.parameters("parts"), "the parameters differ");

    let steps = |run: &str| -> Vec<String> {
        let table = fs::read_to_string(place.path(run).join("metrics.csv")).expect("a table");
        let first = |row: &str| row.split(',').take(2).collect::<Vec<_>>().join(",");
        table.lines().map(first).collect()
    };
    assert_eq!(steps("whole"), steps("parts"));
    // Only what was asked to change has changed, down to the comments.
    let after = fs::read_to_string(place.path("parts/config.toml")).expect("a file");
    let changed: Vec<&str> =
        config.lines().zip(after.lines()).filter(|(a, b)| a != b).map(|(_, line)| line).collect();
    assert_eq!(changed, ["total_steps = 8192", "threads = 1"]);
}

#[test]
fn a_configuration_gives_its_run_again() {
    let place = Place::new();
    place.succeed(&format!("train {QUICK} --total-steps 2048 --seed 9 --set hidden=[16] --out a"));
    place.succeed("train --config a/config.toml --quiet --out b");
    assert!(place.parameters("a") == place.parameters("b"), "the parameters differ");
}

#[test]
fn evaluation_plays_the_policy_of_a_run_or_a_file() {
    let place = Place::new();
    let trained = place.succeed(&format!(
        "train {QUICK} --total-steps 2048 --out a --json --set normalize_observation=true --set eval_episodes=30"
    ));
    let of = |args: &str| place.succeed(&format!("eval {args} --episodes 30 --json")).json();
    let run = of("a");
    assert_eq!((&run["env"], &run["episodes"]), (&"CartPole-v1".into(), &30.into()));
    for key in ["mean_return", "std_return", "min_return", "max_return", "mean_length"] {
        assert!(run[key].is_f64(), "{key}: {run}");
    }
    assert_eq!(run["mean_return"], trained.json()["eval_mean_return"]);
    assert_eq!((&run["run_dir"], &run["checkpoint"]), (&"a".into(), &trained.json()["checkpoint"]));
    for file in ["a/policy.safetensors", "a/checkpoints/step_000000002048.safetensors"] {
        let played = of(file);
        assert_eq!(
            (&played["mean_return"], &played["std_return"]),
            (&run["mean_return"], &run["std_return"])
        );
        assert_eq!(played["checkpoint"], file);
    }
    assert_ne!(of("a --seed 1")["mean_return"], run["mean_return"]);
    assert_ne!(of("a --sampled")["mean_return"], run["mean_return"]);
    assert_eq!(of("a --sampled")["mean_return"], of("a/policy.safetensors --sampled")["mean_return"]);
    let text = place.succeed("eval a --episodes 5").out;
    assert!(text.contains("CartPole-v1: mean return ") && text.contains("over 5 episodes"), "{text}");
}
