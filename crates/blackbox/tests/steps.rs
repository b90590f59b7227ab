//! Whole steps of CMA-ES against the author's implementation and against the tutorial's equations.
//!
//! `golden/steps.json` comes from `golden/cma.py`, with `cma` 4.5.0: draws, function values, and the state after each
//! generation. Ours is given the same draws, and has to come to the same candidates and the same state.

mod common;
mod oracle;

use common::{assert_close, count, distance, number, numbers};
use gradus_blackbox::{CmaEs, CmaEsConfig, CovarianceModel, StrategyParameters};
use gradus_policy::Search;
use nalgebra::{DMatrix, DVector};
use oracle::{State, Variant, WRONG, step};
use serde_json::Value;

const TOLERANCE: f64 = 1e-10;

struct Case {
    golden: Value,
    name: String,
    n: usize,
    config: CmaEsConfig,
}

fn cases() -> Vec<Case> {
    let golden: Value = serde_json::from_str(include_str!("golden/steps.json")).expect("JSON");
    let case = |golden: &Value| {
        let separable = golden["separable"].as_bool().expect("a flag");
        let mut config = if separable { CmaEsConfig::separable() } else { CmaEsConfig::new() }
            .with_population(count(&golden["population"]))
            .with_active(golden["active"].as_bool().expect("a flag"))
            .with_initial_deviation(number(&golden["sigma0"]));
        config.eigen_interval = golden["eigen_interval"].as_u64();
        let name = golden["name"].as_str().expect("a name").to_owned();
        Case { name, n: count(&golden["n"]), config, golden: golden.clone() }
    };
    golden["cases"].as_array().expect("cases").iter().map(case).collect()
}

impl Case {
    fn search(&self) -> CmaEs {
        let start = vec![number(&self.golden["start"]); self.n];
        CmaEs::new(self.config.clone(), &start).expect("a search")
    }

    fn generations(&self) -> &[Value] {
        self.golden["generations"].as_array().expect("generations")
    }

    fn diagonal(&self) -> bool {
        self.config.covariance == CovarianceModel::Diagonal
    }

    fn matrix(&self, numbers: &[f64]) -> DMatrix<f64> {
        if self.diagonal() {
            DMatrix::from_diagonal(&DVector::from_column_slice(numbers))
        } else {
            DMatrix::from_row_slice(self.n, self.n, numbers)
        }
    }

    /// The recorded state after a generation, from 0 for the start.
    fn state(&self, generation: usize) -> State {
        let n = self.n;
        if generation == 0 {
            return State {
                mean: DVector::from_element(n, number(&self.golden["start"])),
                step_size: self.config.initial_deviation,
                path_sigma: DVector::zeros(n),
                path_c: DVector::zeros(n),
                covariance: DMatrix::identity(n, n),
            };
        }
        let golden = &self.generations()[generation - 1];
        let vector = |name: &str| DVector::from_vec(numbers(&golden[name]));
        State {
            mean: vector("mean"),
            step_size: number(&golden["step_size"]),
            path_sigma: vector("path_sigma"),
            path_c: vector("path_c"),
            covariance: self.matrix(&numbers(&golden["covariance"])),
        }
    }

    /// How far one step of the tutorial, from the recorded state before, ends from the recorded state after it; the
    /// farthest of all generations.
    fn distance_of(&self, variant: Variant, parameters: &StrategyParameters) -> f64 {
        let one = |(before, golden): (usize, &Value)| {
            let candidates: Vec<_> =
                numbers(&golden["candidates"]).chunks_exact(self.n).map(DVector::from_column_slice).collect();
            let interval = self.config.eigen_interval.map_or(1, |k| usize::try_from(k).expect("small"));
            let drawn_with = self.state(before - before % interval).covariance;
            let at = (before + 1, &drawn_with, self.diagonal());
            let ours =
                step(&self.state(before), &candidates, &numbers(&golden["values"]), parameters, at, variant);
            let theirs = self.state(before + 1);
            [
                distance(ours.mean.as_slice(), theirs.mean.as_slice()),
                distance(&[ours.step_size], &[theirs.step_size]),
                distance(ours.path_sigma.as_slice(), theirs.path_sigma.as_slice()),
                distance(ours.path_c.as_slice(), theirs.path_c.as_slice()),
                distance(ours.covariance.as_slice(), theirs.covariance.as_slice()),
            ]
            .into_iter()
            .fold(0.0, f64::max)
        };
        self.generations().iter().enumerate().map(one).fold(0.0, f64::max)
    }
}

#[test]
fn candidates_and_states_are_those_of_the_reference() {
    for case in cases() {
        let mut search = case.search();
        for (before, golden) in case.generations().iter().enumerate() {
            let at = |what: &str| format!("{}, generation {}: {what}", case.name, before + 1);
            let candidates = search.ask_with(&numbers(&golden["normals"])).expect("draws");
            assert_close(candidates, &numbers(&golden["candidates"]), TOLERANCE, &at("candidates"));

            let returns: Vec<f64> = numbers(&golden["values"]).iter().map(|value| -value).collect();
            let metrics = search.tell(&returns).expect("finite returns");
            assert_close(search.mean(), &numbers(&golden["mean"]), TOLERANCE, &at("mean"));
            assert_close(&[search.step_size()], &[number(&golden["step_size"])], TOLERANCE, &at("σ"));
            assert_close(search.covariance(), &numbers(&golden["covariance"]), TOLERANCE, &at("C"));
            assert_close(search.path_c(), &numbers(&golden["path_c"]), TOLERANCE, &at("p_c"));
            assert_close(search.path_sigma(), &numbers(&golden["path_sigma"]), TOLERANCE, &at("p_σ"));
            let stalled = f64::from(golden["stalled"].as_bool().expect("a flag"));
            assert_close(&[metrics.get("stalled").expect("a metric")], &[stalled], 0.0, &at("1 − h_σ"));
        }
    }
}

#[test]
fn the_reference_follows_the_equations_of_the_tutorial() {
    for case in cases() {
        let far = case.distance_of(Variant::Right, case.search().parameters());
        assert!(far <= TOLERANCE, "{}: {far}", case.name);
    }
}

/// Every mistake moves some recorded state by more than a hundred times the tolerance.
#[test]
fn wrong_variants_are_rejected() {
    for variant in WRONG {
        let far = |case: &Case| case.distance_of(variant, case.search().parameters());
        let farthest = cases().iter().map(far).fold(0.0, f64::max);
        assert!(farthest >= 1e4 * TOLERANCE, "{variant:?} is only {farthest} from the reference");
    }
}

/// The stalled path, its compensation, weights below 0 and lazy decompositions only mean something where they occur.
#[test]
fn the_recorded_runs_have_what_is_to_be_seen() {
    let stalled = |case: &Case| case.generations().iter().any(|g| g["stalled"] == Value::Bool(true));
    let below_zero = |case: &Case| case.search().parameters().weights.iter().any(|w| *w < 0.0);
    for diagonal in [false, true] {
        let cases: Vec<Case> = cases().into_iter().filter(|case| case.diagonal() == diagonal).collect();
        assert!(cases.iter().any(stalled) && !cases.iter().all(stalled));
        assert!(cases.iter().any(below_zero) && !cases.iter().all(below_zero));
    }
    assert!(cases().iter().any(|case| case.config.eigen_interval == Some(3)));
}
