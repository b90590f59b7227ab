use std::fs;

use roxmltree::{Document, Node, ParsingOptions};
use tempfile::TempDir;

use super::*;

/// Folders of runs that never ran.
struct Folders(TempDir);

const PPO: &str =
    "env = \"CartPole-v1\"\nalgo = \"ppo\"\nseed = 3\ntotal_steps = 4000\nkl_target = \"none\"\n";
const TRPO: &str = "env = \"CartPole-v1\"\nalgo = \"trpo\"\nseed = 3\ntotal_steps = 4000\nmax_kl = 0.01\n";
const METRICS: &str =
    "step,updates,mean_return,kl_old_new,clip_fraction\n1000,1,20.5,0.01,0.2\n2000,2,31,0.02,0.1\n";
const SEARCH: &str = "step,updates,mean_return,kl_old_new,rejected,rejected_no_improvement,rejected_kl,strange\n\
                      1000,2,20.5,0.01,0.5,0,0.5,1\n2000,4,31,0.009,1,0.5,0.5,2\n";

impl Folders {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("below the root")).expect("writable");
        fs::write(&path, text).expect("writable");
        path
    }

    fn run(&self, name: &str, config: &str, metrics: &str) -> PathBuf {
        self.file(&format!("{name}/config.toml"), config);
        self.file(&format!("{name}/metrics.csv"), metrics);
        self.path(name)
    }

    fn summary(&self, name: &str, steps: u64, finished: bool) {
        let text = format!(
            "{{\"total_steps\": {steps}, \"wall_seconds\": 75.2, \"steps_per_second\": 51234.5, \"finished\": {finished},
             \"mean_return\": 31.25, \"eval_mean_return\": 44.5, \"eval_episodes\": 100, \"unheard_of\": []}}"
        );
        self.file(&format!("{name}/summary.json"), &text);
    }
}

fn page_of(folders: &[PathBuf]) -> String {
    Report::read(folders).expect("runs").render()
}

/// A look at the page as a tree: every test that takes one holds it to be well-formed XML.
fn with_tree<T>(page: &str, look: impl FnOnce(&Document<'_>) -> T) -> T {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let tree = Document::parse_with_options(page, options).unwrap_or_else(|error| panic!("{error}\n{page}"));
    look(&tree)
}

/// All text below a node.
fn text(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|it| it.text()).collect::<String>().trim().to_owned()
}

/// The cells of a table, row by row; none if there is no such table.
fn cells(tree: &Document<'_>, name: &str) -> Vec<Vec<String>> {
    let table = tree.descendants().find(|node| node.attribute("data-table") == Some(name));
    let rows = table.into_iter().flat_map(|table| table.descendants().filter(|node| node.has_tag_name("tr")));
    let is_tag = |node: &Node<'_, '_>| node.is_element();
    // Elements of the page have XHTML's namespace, which `has_tag_name` of a bare name lets pass.
    rows.map(|row| row.children().filter(is_tag).map(text).collect()).collect()
}

/// The pictures with the series in each, by the attributes that name them.
fn pictures(tree: &Document<'_>) -> Vec<(String, Vec<String>)> {
    let figures = tree.descendants().filter(|node| node.attribute("data-picture").is_some());
    let series = |figure: Node<'_, '_>| {
        figure.descendants().filter_map(|node| node.attribute("data-series")).map(str::to_owned).collect()
    };
    figures.map(|it| (it.attribute("data-picture").unwrap_or_default().to_owned(), series(it))).collect()
}

#[test]
fn one_run_is_shown_whole() {
    let folders = Folders::new();
    let run = folders.run("a", PPO, METRICS);
    folders.summary("a", 4000, true);
    let page = page_of(std::slice::from_ref(&run));
    assert!(
        page.starts_with("<!DOCTYPE html>")
            && !page.contains("<script")
            && !page.contains("http://localhost")
    );
    with_tree(&page, |tree| {
        let title = tree.descendants().find(|node| node.tag_name().name() == "title");
        assert_eq!(title.map(text).as_deref(), Some("gradus report"));
        let expected = [
            "a",
            "ppo",
            "CartPole-v1",
            "3",
            "finished",
            "4,000",
            "31.25",
            "44.50 (100 episodes)",
            "1 min 15 s",
            "51,235",
        ];
        assert_eq!(cells(tree, "runs")[1], expected);
        let names: Vec<String> = pictures(tree).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["mean_return", "kl_old_new", "clip_fraction"]);
        assert!(pictures(tree).iter().all(|(_, series)| series == &["a"]));
        let settings = cells(tree, "settings");
        assert_eq!(settings[0], ["setting", "value"]);
        assert!(settings.contains(&vec!["kl_target".to_owned(), "none".to_owned()]), "{settings:?}");
        assert!(cells(tree, "line search").is_empty());
    });
    assert!(page.contains("solved at 475") && !page.contains("kl_target ="));
    assert_eq!(page, page_of(&[run]));
}

/// Whatever a page loads, it loads by one of these.
#[test]
fn the_page_is_whole_in_itself() {
    let folders = Folders::new();
    let page = page_of(&[folders.run("a", PPO, METRICS)]);
    for outside in ["src=", "href=", "url(", "@import", "<script", "<link", "<iframe", "<object"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn runs_stand_side_by_side_and_lack_what_they_did_not_log() {
    let folders = Folders::new();
    let runs = [folders.run("a", PPO, METRICS), folders.run("b", TRPO, SEARCH)];
    let page = page_of(&runs);
    with_tree(&page, |tree| {
        let of = |name: &str| {
            let found = pictures(tree).into_iter().find(|(picture, _)| picture == name);
            found.map(|(_, series)| series).unwrap_or_default()
        };
        assert_eq!(of("mean_return"), ["a", "b"]);
        assert_eq!(of("kl_old_new"), ["a", "b"]);
        assert_eq!(of("clip_fraction"), ["a"]);
        assert_eq!(of("rejected"), ["b"]);
        assert_eq!(of("strange"), ["b"]);
        for absent in ["entropy", "value_loss", "step", "updates"] {
            assert!(of(absent).is_empty(), "{absent}");
        }
        // Half of two updates and all of two.
        assert_eq!(cells(tree, "line search")[1], ["b", "4", "3", "1", "2", "\u{2013}"]);
    });
    assert!(page.contains("max_kl = 0.01<") && !page.contains("kl_target ="));
    // Of the second run: its colour stays its own where the first has no curve.
    let rejected = page.split("data-picture=\"rejected\"").nth(1).expect("a picture");
    let curve = rejected.split("data-series=\"b\"").nth(1).expect("a curve");
    let path = curve.split("<path").nth(1).and_then(|rest| rest.split("/>").next()).expect("a path");
    assert!(path.contains("stroke=\"#d55e00\""), "{path}");
}

#[test]
fn settings_that_differ_stand_out_and_the_others_are_folded() {
    let folders = Folders::new();
    let other = format!("{}zeta = [1, 2]\n", PPO.replace("seed = 3", "seed = 4"));
    let runs = [folders.run("a", PPO, METRICS), folders.run("b", &other, METRICS)];
    with_tree(&page_of(&runs), |tree| {
        let differing = cells(tree, "differing settings");
        assert_eq!(differing, [["setting", "a", "b"], ["seed", "3", "4"], ["zeta", "\u{2013}", "[1, 2]"]]);
        let common = cells(tree, "common settings");
        let keys: Vec<&str> = common.iter().map(|row| row[0].as_str()).collect();
        assert_eq!(keys, ["setting", "env", "algo", "total_steps", "kl_target"]);
        let marked = tree.descendants().filter(|node| node.attribute("class") == Some("differs"));
        assert_eq!(marked.count(), 2);
        let folded = tree.descendants().find(|node| node.attribute("data-table") == Some("common settings"));
        let folded = folded.expect("a table");
        assert!(folded.ancestors().any(|node| node.tag_name().name() == "details"));
    });
    let twin = folders.run("c", PPO, METRICS);
    let page = page_of(&[folders.path("a"), twin]);
    assert!(page.contains("The configurations are the same."), "{page}");
}

#[test]
fn names_are_escaped_wherever_they_stand() {
    let folders = Folders::new();
    let name = "<b>&\"'";
    let config = "env = \"<script>alert(1)</script>\"\nalgo = \"a&b\"\n\"<i>\" = \"</td>\"\n";
    let metrics = "step,mean_return,<u>&\n1,2,3\n2,3,4\n";
    let page = page_of(&[folders.run(name, config, metrics), folders.run("b", PPO, METRICS)]);
    for raw in ["<b>", "<script", "<i>", "<u>", "</td></td>"] {
        assert!(!page.contains(raw), "{raw}");
    }
    with_tree(&page, |tree| {
        assert_eq!(cells(tree, "runs")[1][..3], [name, "a&b", "<script>alert(1)</script>"]);
        assert!(pictures(tree).contains(&("<u>&".to_owned(), vec![name.to_owned()])));
    });
}

#[test]
fn every_environment_has_its_own_learning_curves() {
    let folders = Folders::new();
    let pendulum = PPO.replace("CartPole-v1", "Pendulum-v1");
    let evaluated = "step,mean_return,eval_mean_return\n1,NaN,NaN\n2,-900,-800\n3,-800,\n4,-700,-500\n";
    let runs = [folders.run("a", PPO, METRICS), folders.run("b", &pendulum, evaluated)];
    with_tree(&page_of(&runs), |tree| {
        let expected = [("mean_return", "a"), ("mean_return", "b"), ("eval_mean_return", "b")];
        let found = pictures(tree);
        for ((name, series), expected) in found.iter().zip(expected) {
            assert_eq!((name.as_str(), series.as_slice()), (expected.0, &[expected.1.to_owned()][..]));
        }
        let row = &cells(tree, "runs")[2];
        assert!(row.contains(&"\u{2212}500.0".to_owned()), "the best evaluation: {row:?}");
    });
}

#[test]
fn how_far_a_run_is_is_said() {
    let folders = Folders::new();
    let names = ["finished", "stopped", "broken off", "in progress", "outgrown"];
    let runs: Vec<PathBuf> = names.iter().map(|name| folders.run(name, PPO, METRICS)).collect();
    folders.summary("finished", 4000, true);
    folders.summary("stopped", 2000, false);
    folders.summary("in progress", 2000, false);
    // The metrics went on after this summary.
    folders.summary("outgrown", 1000, true);
    let lock = folders.file("in progress/.lock", "1");
    let held = File::open(lock).expect("there");
    held.lock().expect("free");
    with_tree(&page_of(&runs), |tree| {
        let rows = cells(tree, "runs");
        let states: Vec<&str> = rows[1..].iter().map(|row| row[4].as_str()).collect();
        assert_eq!(states, ["finished", "stopped", "broken off", "in progress", "broken off"]);
        assert_eq!(rows[3][5], "2,000 of 4,000");
        assert_eq!(rows[4][6..9], ["31.00", "\u{2013}", "\u{2013}"]);
    });
}

#[test]
fn a_folder_of_runs_stands_for_them_and_none_counts_twice() {
    let folders = Folders::new();
    for seed in [10, 2, 1] {
        folders.run(&format!("all/seed-{seed}"), PPO, METRICS);
    }
    folders.file("all/notes.txt", "");
    folders.run("other/seed-2", PPO, METRICS);
    let given = [folders.path("all"), folders.path("other/seed-2"), folders.path("all/../all/seed-1")];
    let report = Report::read(&given).expect("runs");
    let names: Vec<&str> = report.names().collect();
    assert_eq!(names, ["seed-1", "all/seed-2", "seed-10", "other/seed-2"]);
}

#[test]
fn long_runs_are_smoothed_and_say_so() {
    let folders = Folders::new();
    let rows: String = (1..=400).map(|i| format!("{i},{i},1,{}\n", 0.01 * f64::from(i % 7))).collect();
    let metrics = format!("step,updates,mean_return,kl_old_new\n{rows}");
    let long = page_of(&[folders.run("long", PPO, &metrics)]);
    assert!(long.contains("the last 5 %") && long.contains("stroke-opacity"));
    assert!(!page_of(&[folders.run("short", PPO, METRICS)]).contains("the last 5 %"));
}

/// A critic may be worse than none to any degree: one such row must not press all others flat.
#[test]
fn explained_variance_is_cut_at_minus_one() {
    let folders = Folders::new();
    let metrics = "step,explained_variance\n1,-1000\n2,NaN\n3,0.5\n4,0.9\n";
    let page = page_of(&[folders.run("a", PPO, metrics)]);
    let picture = page.split("data-picture=\"explained_variance\"").nth(1).expect("a picture");
    assert!(picture.contains(">\u{2212}1.0<") && !picture.contains("1000"), "{picture}");
}

#[test]
fn limits_of_kl_are_drawn_once_and_named_where_they_differ() {
    let folders = Folders::new();
    let strict = TRPO.replace("0.01", "0.005");
    let early = PPO.replace("\"none\"", "0.02");
    let run = |name: &str, config: &str| folders.run(name, config, METRICS);
    let page = page_of(&[run("a", TRPO), run("b", &strict), run("c", TRPO), run("d", &early)]);
    for label in [">max_kl = 0.01 (a, c)<", ">max_kl = 0.005 (b)<", ">kl_target = 0.02<"] {
        assert_eq!(page.matches(label).count(), 1, "{label}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let folders = Folders::new();
    let refused = |folder: &PathBuf, parts: &[&str]| {
        let message = Report::read(std::slice::from_ref(folder)).expect_err("refused").to_string();
        for part in parts {
            assert!(message.contains(part), "{message:?} has no {part:?}");
        }
    };
    refused(&folders.path("none"), &["none", "it does not exist"]);
    fs::create_dir(folders.path("empty")).expect("writable");
    refused(&folders.path("empty"), &["empty", "config.toml"]);
    let run = folders.run("a", PPO, METRICS);
    refused(&run.join("metrics.csv"), &["a/metrics.csv", "it is a file", "gradus report "]);
    refused(&folders.file("b/config.toml", PPO).with_file_name(""), &["b", "no metrics yet", "not there"]);
    refused(&folders.run("c", PPO, ""), &["c", "no metrics yet", "no row"]);
    refused(
        &folders.run("d", PPO, "step,kl\n1,x\n"),
        &["the run in", "d", "metrics.csv, line 2", "not a number"],
    );
    refused(&folders.run("e", "env = ", METRICS), &["e/config.toml", "damaged"]);
    folders.run("f", PPO, METRICS);
    folders.file("f/summary.json", "{");
    refused(&folders.path("f"), &["f/summary.json", "damaged"]);
    let none: [&Path; 0] = [];
    assert!(matches!(Report::read(&none), Err(ReportError::NoFolders)));
}

#[test]
fn only_a_report_is_overwritten() {
    let folders = Folders::new();
    let report = Report::read(&[folders.run("a", PPO, METRICS)]).expect("a run");
    let page = folders.path("page.html");
    report.write(&page).expect("a new file");
    report.write(&page).expect("a report");
    assert_eq!(fs::read_to_string(&page).expect("readable"), report.render());
    let precious = folders.file("precious.html", "<!DOCTYPE html><p>my thesis</p>");
    for path in [&precious, &folders.path("a")] {
        let message = report.write(path).expect_err("refused").to_string();
        assert!(message.contains("is no report of gradus") && message.contains("--out"), "{message}");
    }
    assert!(fs::read_to_string(&precious).expect("readable").contains("my thesis"));
    let message = report.write(&folders.path("none/page.html")).expect_err("no folder").to_string();
    assert!(message.contains("none/page.html"), "{message}");
}
