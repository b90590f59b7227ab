//! `gradus report` from training to the page, as a browser shows it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Runs the command in a folder; it has to succeed. Returns what it printed.
fn gradus(place: &Path, args: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_gradus"))
        .args(args.split_whitespace())
        .current_dir(place)
        .stdin(Stdio::null())
        .output()
        .expect("the command starts");
    assert!(output.status.success(), "gradus {args}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Two short runs, of PPO and of TRPO.
fn two_runs() -> TempDir {
    let place = tempfile::tempdir().expect("a temporary folder");
    for algo in ["ppo", "trpo"] {
        let args =
            format!("train --env CartPole-v1 --algo {algo} --total-steps 8192 --quiet --out {algo}-run");
        gradus(place.path(), &args);
    }
    place
}

/// What the page of the two runs has to show: pictures, and the runs whose curves are in them.
const EXPECTED: &[(&str, &[&str])] = &[
    ("mean_return", &["ppo-run", "trpo-run"]),
    ("kl_old_new", &["ppo-run", "trpo-run"]),
    ("entropy", &["ppo-run", "trpo-run"]),
    ("explained_variance", &["ppo-run", "trpo-run"]),
    ("value_loss", &["ppo-run", "trpo-run"]),
    ("gradient_norm", &["ppo-run", "trpo-run"]),
    ("clip_fraction", &["ppo-run"]),
    ("step_scale", &["trpo-run"]),
    ("line_search_trials", &["trpo-run"]),
    ("rejected", &["trpo-run"]),
    ("steps_per_second", &["ppo-run", "trpo-run"]),
];

/// Asserts that every expected picture is in a page, in order, each with one drawn curve for each of its runs.
fn assert_pictures(html: &str) {
    let mut rest = html;
    for (picture, runs) in EXPECTED {
        let begin =
            rest.find(&format!("data-picture=\"{picture}\"")).unwrap_or_else(|| panic!("no {picture}"));
        let end = begin + rest[begin..].find("</figure>").expect("the figure's end");
        let figure = &rest[begin..end];
        let curves: Vec<&str> = figure.split("<g data-series=\"").skip(1).collect();
        let names: Vec<&str> = curves.iter().filter_map(|curve| curve.split('"').next()).collect();
        assert_eq!(&names, runs, "{picture}");
        for curve in curves {
            let path = curve.split(" d=\"M").nth(1).and_then(|path| path.split('"').next()).expect("a path");
            assert!(path.matches('L').count() >= 2, "{picture} has a curve of few points: {path}");
        }
        rest = &rest[end..];
    }
}

#[test]
fn the_page_lies_where_the_command_says() {
    let place = two_runs();
    assert_eq!(gradus(place.path(), "report ppo-run"), "ppo-run/report.html\n");
    assert_eq!(gradus(place.path(), "report ppo-run trpo-run"), "report.html\n");
    assert_eq!(gradus(place.path(), "report . --out both.html"), "both.html\n");
    let read = |name: &str| std::fs::read_to_string(place.path().join(name)).expect("a page");
    assert_pictures(&read("report.html"));
    // A folder that holds the runs says the same as their names.
    assert_pictures(&read("both.html"));
    assert!(read("ppo-run/report.html").contains("data-picture=\"clip_fraction\""));
}

#[test]
#[ignore = "needs chromium; .ci/run installs it and runs this"]
fn the_page_opens_in_a_browser() {
    let place = two_runs();
    gradus(place.path(), "report ppo-run trpo-run");
    let dom = dom_of(&place.path().join("report.html"));
    assert!(dom.contains("<title>gradus report</title>"), "{dom}");
    let legend = dom.split("<ul class=\"legend\"").nth(1).and_then(|rest| rest.split("</ul>").next());
    let names: Vec<&str> = legend
        .expect("a legend")
        .split("</svg>")
        .skip(1)
        .filter_map(|rest| rest.split('<').next())
        .map(str::trim)
        .collect();
    assert_eq!(names, ["ppo-run", "trpo-run"]);
    assert_pictures(&dom);
    for text in ["max_kl = 0.01", "solved at 475", "data-table=\"line search\"", ">finished<"] {
        assert!(dom.contains(text), "{text}");
    }
}

/// The page as the browser has it after reading it.
fn dom_of(page: &Path) -> String {
    let profile = tempfile::tempdir().expect("a temporary folder");
    let output = Command::new(browser())
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg("--dump-dom")
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null())
        .output()
        .expect("the browser starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !output.stdout.is_empty(), "the browser failed:\n{errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Chromium: that of the environment variable `CHROMIUM`, or the first in the search path.
fn browser() -> PathBuf {
    if let Some(browser) = std::env::var_os("CHROMIUM") {
        return browser.into();
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&folders).flat_map(|folder| names.map(|name| folder.join(name)));
    found.into_iter().find(|path| path.is_file()).expect(
        "no chromium in the search path: install it (Debian: apt-get install chromium) or set CHROMIUM to its path",
    )
}
