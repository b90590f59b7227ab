//! `gradus solve`: what it prints, its one line of JSON, its file, and what it refuses.

use std::fs;

use serde_json::Value;

use crate::tools::Place;

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("{key} of {value}"))
}

#[test]
fn every_method_certifies_and_improves() {
    let place = Place::new();
    for method in ["value-iteration", "policy-iteration", "cpi", "monotone"] {
        let args =
            format!("solve --env FrozenLake-v1 --method {method} --gamma 0.9 --max-iterations 60 --json");
        let said = place.succeed(&args);
        assert!(said.err.contains("FrozenLake-v1: 16 states, 5 of them not reached"), "{}", said.err);
        let report = said.json();
        assert_eq!((&report["task"], &report["method"]), (&"FrozenLake-v1".into(), &method.into()));
        assert!((number(&report, "eta_optimal") - 0.068_890_904_9).abs() < 1e-9, "{report}");
        assert!(number(&report, "least_margin") >= -1e-12, "{report}");
        assert!(number(&report, "eta") > number(&report, "eta_initial"), "{report}");
        let shown = report["shown"].as_array().expect("rows");
        for row in shown {
            assert!(number(row, "improvement") >= number(row, "certified") - 1e-12, "{row}");
        }
        assert_eq!(shown.last().expect("a row")["iteration"], report["iterations"]);
        let (gap, bound) = (number(&report, "gap"), number(&report, "gap_bound"));
        assert!(gap <= bound + 1e-12, "{report}");
        let stopped = if method == "policy-iteration" { "tolerance" } else { "max-iterations" };
        assert_eq!(report["stopped"], stopped, "{report}");
    }
}

#[test]
fn a_table_for_people() {
    let place = Place::new();
    let said = place.succeed("solve --env CliffWalking-v1 --method monotone --max-iterations 25");
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(lines[0].contains("improvement      certified"), "{}", said.out);
    let numbers: Vec<&str> = lines[1..lines.len() - 1].iter().map(|line| &line[..10]).collect();
    let expected: Vec<String> = (1..=10).chain([20, 25]).map(|i| format!("{i:>10}")).collect();
    assert_eq!(numbers, expected, "{}", said.out);
    assert!(lines[lines.len() - 1].starts_with("25 iterations, stopped by max-iterations"), "{}", said.out);
    assert!(said.err.contains("greatest KL(old‖new)"), "{}", said.err);
    let every =
        place.succeed("solve --env CliffWalking-v1 --method cpi --max-iterations 25 --every 10 --json");
    let rows = every.json()["shown"].as_array().expect("rows").len();
    assert_eq!(rows, 3, "10, 20, and the last");
    let quiet = place.succeed("solve --env CliffWalking-v1 --method policy-iteration --quiet");
    assert!(quiet.out.is_empty() && quiet.err.is_empty(), "{}{}", quiet.out, quiet.err);
}

/// A process of one's own: stay for 1, or leave for 5.
const TABLES: &str = r#"{"n_states": 2, "n_actions": 2, "transitions": [1, 0, 0, 1, 0, 0, 0, 0],
    "rewards": [1, 5, 0, 0], "initial": [1, 0], "terminal": [false, true]}"#;

#[test]
fn a_process_of_ones_own() {
    let place = Place::new();
    fs::write(place.path("mine.json"), TABLES).expect("writable");
    let solve = "solve --mdp mine.json --method policy-iteration --quiet";
    place.succeed(&format!("{solve} --gamma 0.9 --out patient.json"));
    place.succeed(&format!("{solve} --gamma 0.5 --out hasty.json"));
    let read = |name: &str| -> Value {
        let text = fs::read_to_string(place.path(name)).expect("a file");
        serde_json::from_str(&text).expect("JSON")
    };
    let (patient, hasty) = (read("patient.json"), read("hasty.json"));
    assert!((patient["values"][0].as_f64().expect("a value") - 10.0).abs() < 1e-9, "{patient}");
    assert!((hasty["values"][0].as_f64().expect("a value") - 5.0).abs() < 1e-9, "{hasty}");
    assert_eq!(patient["policy"][0], serde_json::json!([1.0, 0.0]));
    assert_eq!(hasty["policy"][0], serde_json::json!([0.0, 1.0]));
}

#[test]
fn what_is_refused() {
    let place = Place::new();
    let refuse = |args: &str, parts: &[&str]| place.refuse(&format!("solve {args}"), parts);
    refuse("--env FrozenLake-v1", &["--method"]);
    refuse("--method cpi", &["--env"]);
    refuse("--env FrozenLake --method cpi", &["FrozenLake", "FrozenLake-v1"]);
    refuse(
        "--env CartPole-v1 --method cpi",
        &["CartPole-v1 is no finite", "these are: FrozenLake-v1", "Taxi-v4"],
    );
    refuse("--env FrozenLake-v1 --method ppo", &["ppo", "value-iteration, policy-iteration, cpi, monotone"]);
    let lake =
        |more: &str, parts: &[&str]| refuse(&format!("--env FrozenLake-v1 --method cpi {more}"), parts);
    lake("--gamma 1", &["gamma is 1; it must lie in [0, 1)"]);
    lake("--gamma -0.5", &["gamma is -0.5"]);
    lake("--gamma NaN", &["gamma is NaN"]);
    lake("--tolerance -1", &["--tolerance", "-1", "at least 0"]);
    lake("--every 0", &["--every", "0"]);
    lake("--max-iterations many", &["--max-iterations", "many"]);
    lake("--mdp mine.json", &["--mdp", "--env"]);
    lake("--out nowhere/x.json --max-iterations 1", &["cannot write nowhere/x.json"]);

    let file = |text: &str, parts: &[&str]| {
        fs::write(place.path("mine.json"), text).expect("writable");
        refuse("--mdp mine.json --method cpi", parts);
    };
    refuse("--mdp none.json --method cpi", &["cannot read none.json", "No such file"]);
    file("{", &["mine.json", "line 1"]);
    file(&TABLES.replace("n_actions", "actions"), &["mine.json", "unknown field `actions`"]);
    file(
        &TABLES.replace("[1, 0, 0, 1, 0", "[1, 0, 0.5, 0.1, 0"),
        &["mine.json: state 0, action 1", "sum to 0.6"],
    );
    file(&TABLES.replace("[1, 5, 0, 0]", "[1, 5]"), &["mine.json: `rewards` holds 2 numbers", "must hold 4"]);
}
