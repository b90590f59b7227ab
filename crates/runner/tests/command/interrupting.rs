//! Ctrl-C, and two processes in one folder.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::tools::{Place, Said};

/// Begins a run with the preset, schedules included, and waits until it is under way.
fn under_way(place: &Place, args: &str) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut command = place.command(args);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
    let mut err = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("% ") {
        line.clear();
        assert!(err.read_line(&mut line).expect("readable") > 0, "the run ended before its first update");
    }
    (child, err)
}

/// Presses Ctrl-C and waits for the end.
fn interrupt((child, mut err): (Child, BufReader<std::process::ChildStderr>)) -> Said {
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.expect("kill starts").success());
    let mut text = String::new();
    std::io::Read::read_to_string(&mut err, &mut text).expect("readable");
    Said { err: text, ..crate::tools::said(child.wait_with_output().expect("it ends")) }
}

#[test]
fn an_interrupted_run_is_saved_and_goes_on_as_if_nothing_had_been() {
    let place = Place::new();
    let train = "train --env CartPole-v1 --total-steps 80000 --set checkpoint_every=1000000";
    let said = interrupt(under_way(&place, &format!("{train} --json --out parts")));
    assert_eq!(said.code, Some(130), "{}", said.err);
    assert!(said.err.contains("stopped; go on with: gradus resume parts"), "{}", said.err);
    let summary = said.json();
    assert_eq!(summary["finished"], false);
    let steps = summary["total_steps"].as_u64().expect("a number");
    assert!((256..80_000).contains(&steps), "{steps}");
    assert!(place.path(summary["checkpoint"].as_str().expect("a path")).is_file());
    let rows = || std::fs::read_to_string(place.path("parts/metrics.csv")).expect("a table");
    assert!(rows().lines().last().is_some_and(|row| row.starts_with(&format!("{steps},"))), "{}", rows());
    let curve = std::fs::read_to_string(place.path("parts/learning_curve.svg")).expect("a picture");
    assert!(curve.starts_with("<svg"));
    place.succeed("eval parts --episodes 2");

    let resumed = place.succeed("resume parts --json --threads 1").json();
    assert_eq!((&resumed["finished"], &resumed["total_steps"]), (&true.into(), &80_128.into()));
    place.succeed(&format!("{train} --quiet --out whole"));
    assert!(place.parameters("whole") == place.parameters("parts"), "the parameters differ");
    let last = |run: &str| {
        let table = std::fs::read_to_string(place.path(run).join("metrics.csv")).expect("a table");
        table.lines().last().map(|row| row.split(',').take(5).map(str::to_owned).collect::<Vec<_>>())
    };
    assert_eq!(last("whole"), last("parts"));
}

#[test]
fn one_process_a_folder() {
    let place = Place::new();
    let running = under_way(&place, "train --env CartPole-v1 --total-steps 100000000 --out run");
    let id = running.0.id().to_string();
    for (args, parts) in [
        ("resume run", vec!["another process (", id.as_str(), "is training in run", "wait"]),
        ("train --env CartPole-v1 --out run", vec!["the folder run is not empty"]),
    ] {
        let said = place.run(args);
        assert_eq!(said.code, Some(1), "{}", said.err);
        assert!(parts.iter().all(|part| said.err.contains(part)), "{}", said.err);
    }
    assert_eq!(interrupt(running).code, Some(130));
    // The lock ends with the process.
    place.refuse("resume run --total-steps 1", &["are asked for"]);
}
