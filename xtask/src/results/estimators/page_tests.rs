//! The page and the table, from few and short rollouts, and what can be asked for.

use super::page;
use super::pictures;
use super::{Chapter, chapters, estimator, names};
use crate::results::page::Origin;
use crate::results::tests::{asked, machine};
use crate::results::{Experiment, Options};

fn options() -> Options {
    asked(Experiment::Estimators, 2)
}

fn few(threads: usize) -> Vec<Chapter> {
    chapters(&["FrozenLake-v1", "Garnet-ending"], 2, 4, threads).expect("chapters")
}

fn text(chapters: &[Chapter], before: &str) -> String {
    let machine = machine();
    let origin = Origin { command: options().as_typed(), side_by_side: 2, machine: &machine };
    let drawn: Vec<String> = chapters.iter().flat_map(pictures::of).map(|(file, _)| file).collect();
    page::page(chapters, &origin, &drawn, before).expect("a page")
}

#[test]
fn threads_change_nothing() {
    let (one, three) = (few(1), few(3));
    assert_eq!(page::csv(&one), page::csv(&three));
    assert_eq!(text(&one, ""), text(&three, ""));
    let drawn = |chapters: &[Chapter]| chapters.iter().flat_map(pictures::of).collect::<Vec<_>>();
    assert_eq!(drawn(&one), drawn(&three));
}

#[test]
fn the_table_has_every_seed() {
    let csv = page::csv(&few(2));
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + 2 * 3 * estimator::ALL.len() * 2);
    assert!(lines[0].starts_with("process,critic,estimator,seed,bias_squared,exact_bias_squared,"));
    let width = lines[0].split(',').count();
    assert!(lines.iter().all(|line| line.split(',').count() == width), "{csv}");
    assert!(
        lines[1].starts_with("FrozenLake-v1,exact,n=1,1,")
            && lines[2].starts_with("FrozenLake-v1,exact,n=1,2,")
    );
    // An exact bias of 0 is written as such, and not as rounding.
    assert_eq!(lines[1].split(',').nth(5), Some("0.0000e0"));
    // TD by either function, and Monte Carlo by either.
    let of = |name: &str| -> Vec<String> {
        let rows = lines.iter().filter(|line| line.split(',').nth(2) == Some(name));
        rows.map(|line| line.replacen(name, "", 1)).collect()
    };
    assert!(of("n=1") == of("λ=0") && of("n=1") != of("n=2"));
    assert!(of("MonteCarlo") == of("λ=1") && of("λ=1") != of("λ=0.98"));
}

#[test]
fn the_page_has_every_critic_and_keeps_findings() {
    let chapters = few(2);
    let page = text(&chapters, "");
    for part in [
        "# Estimators of the advantage\n",
        "| command | `cargo xtask results estimators --seeds 2` |\n",
        "### FrozenLake-v1, exact critic\n",
        "### Garnet-ending, fitted critic\n",
        "| n = 32 | ",
        "| Monte Carlo | 0 | ",
        "| λ = 0.95 | ",
        "| Garnet-ending | wrong | ",
        "(estimators/FrozenLake-v1-wrong-lambda.svg)",
        "(estimators/Garnet-ending-gradient.svg)",
        "[estimators.csv](estimators.csv)",
    ] {
        assert!(page.contains(part), "{part:?} is not in\n{page}");
    }
    assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
    let mark = "written anew -->\n";
    let with_findings = page.replace(mark, &format!("{mark}\nλ matters.\n\n"));
    assert_ne!(page, with_findings);
    assert_eq!(text(&chapters, &with_findings), with_findings);
}

#[test]
fn pictures_have_four_curves() {
    let chapters = few(2);
    let drawn = pictures::of(&chapters[1]);
    let files: Vec<&str> = drawn.iter().map(|(file, _)| file.as_str()).collect();
    assert_eq!(files[0], "estimators/Garnet-ending-wrong-n.svg");
    assert_eq!((files.len(), files[4]), (5, "estimators/Garnet-ending-gradient.svg"));
    for part in
        ["RMSE", "|bias|", "|bias| between actions", "standard deviation", "Garnet-ending, wrong critic"]
    {
        assert!(drawn[1].1.contains(part), "{part}");
    }
    assert!(drawn[4].1.contains("fitted critic") && drawn[4].1.contains("exact critic"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    assert_eq!(names(&options()).expect("all").len(), 5);
    let of = |env: &[&str]| {
        let env = env.iter().map(|&it| it.to_owned()).collect();
        names(&Options { env, ..options() }).map_err(|error| error.to_string())
    };
    assert_eq!(of(&["Taxi-v4", "FrozenLake-v1"]), Ok(vec!["FrozenLake-v1", "Taxi-v4"]));
    let unknown = of(&["FrozenLake-v1", "CartPole-v1"]).expect_err("no finite process");
    assert!(unknown.contains("\"CartPole-v1\"") && unknown.contains("Garnet-endless"), "{unknown}");
    let refused = |options: Options| names(&options).expect_err("no sense").to_string();
    assert!(refused(Options { algo: vec!["ppo".into()], ..options() }).contains("--algo"));
    assert!(refused(Options { fresh: true, ..options() }).contains("--fresh"));
}
