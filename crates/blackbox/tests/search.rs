//! What every search owes its caller: errors that name the culprit and change nothing, exact resumption, determinism.

mod common;

use common::{minimise, random, returns, rosenbrock, sphere};
use gradus_blackbox::{CmaEs, CmaEsConfig, CovarianceModel, CrossEntropy, CrossEntropyConfig};
use gradus_policy::{Search, SearchError, UpdateError};

const START: [f64; 4] = [1.0, -1.0, 2.0, 0.5];

fn cem() -> CrossEntropy {
    CrossEntropy::new(CrossEntropyConfig::new().with_population(20), &START).expect("a search")
}

/// One of each kind; the last has a decomposition every third generation.
fn searches() -> Vec<Box<dyn Search>> {
    let cma = |config| CmaEs::new(config, &START).expect("a search");
    vec![
        Box::new(cem()),
        Box::new(cma(CmaEsConfig::new())),
        Box::new(cma(CmaEsConfig::separable())),
        Box::new(cma(CmaEsConfig::new().with_eigen_interval(3))),
    ]
}

fn generation(search: &mut dyn Search, random: &mut gradus_core_math::Stream) {
    let n = search.dimension();
    let returns = returns(search.ask(random), n, rosenbrock);
    search.tell(&returns).expect("finite returns");
}

fn search_error(result: Result<gradus_policy::Metrics, UpdateError>) -> SearchError {
    match result {
        Err(UpdateError::Search(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for (mut first, mut again) in searches().into_iter().zip(searches()) {
        let (mut a, mut b) = (random(4), random(4));
        for _ in 0..20 {
            generation(first.as_mut(), &mut a);
            generation(again.as_mut(), &mut b);
        }
        assert_eq!(first.state(), again.state());
    }
}

/// Also from a state in which candidates wait for their returns.
#[test]
fn a_loaded_search_goes_on_bit_for_bit() {
    for stop in 0..5 {
        for (mut search, mut resumed) in searches().into_iter().zip(searches()) {
            let mut stream = random(5);
            for _ in 0..stop {
                generation(search.as_mut(), &mut stream);
            }
            resumed.load(search.state()).expect("its own state");
            assert_eq!(resumed.state(), search.state());
            let mut stream_of_resumed = stream.clone();
            for _ in 0..7 {
                generation(search.as_mut(), &mut stream);
                generation(resumed.as_mut(), &mut stream_of_resumed);
            }
            assert_eq!(resumed.state(), search.state());
            assert_eq!(resumed.mean(), search.mean());
            assert_eq!(resumed.best(), search.best());

            let waiting = returns(search.ask(&mut stream), START.len(), sphere);
            resumed.load(search.state()).expect("its own state");
            search.tell(&waiting).expect("finite returns");
            resumed.tell(&waiting).expect("finite returns");
            assert_eq!(resumed.state(), search.state());
        }
    }
}

#[test]
fn a_return_that_is_not_finite_is_named_and_nothing_has_changed() {
    for mut search in searches() {
        let mut stream = random(6);
        generation(search.as_mut(), &mut stream);
        let right = returns(search.ask(&mut stream), START.len(), sphere);
        let before = search.state();
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut spoilt = right.clone();
            spoilt[3] = bad;
            let error = search_error(search.tell(&spoilt));
            match error {
                SearchError::Return { candidate: 3, value, generation: 2 } => {
                    assert_eq!(value.to_bits(), bad.to_bits());
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(search.state(), before);
        }
        let text = search_error(search.tell(&vec![f64::NAN; right.len()])).to_string();
        assert!(text.starts_with("the return of candidate 0 is NaN in generation 2"), "{text}");
        search.tell(&right).expect("the same candidates with finite returns");
        assert_ne!(search.state(), before);
    }
}

#[test]
fn returns_need_candidates_and_their_number() {
    for mut search in searches() {
        let population = search.population();
        assert_eq!(search_error(search.tell(&vec![0.0; population])), SearchError::NotAsked);
        search.ask(&mut random(7));
        for found in [0, population - 1, population + 1] {
            let error = search_error(search.tell(&vec![0.0; found]));
            assert_eq!(error, SearchError::ReturnCount { found, population });
        }
        search.tell(&vec![0.0; population]).expect("as many returns as candidates");
        assert_eq!(search_error(search.tell(&vec![0.0; population])), SearchError::NotAsked);
    }
}

#[test]
fn a_state_of_something_else_is_refused_and_nothing_has_changed() {
    type Change = fn(&mut gradus_policy::UpdateState<f64>);
    let changes: [(Change, &str); 7] = [
        (|s| s.tensors.retain(|name, _| name != "mean"), "mean"),
        (|s| s.scalars.retain(|name, _| name != "generation"), "generation"),
        (|s| s.tensors.get_mut("mean").expect("a mean").push(0.0), "mean"),
        (|s| s.tensors.get_mut("mean").expect("a mean")[2] = f64::NAN, "element 2"),
        (|s| s.scalars.extend([("temperature".into(), 1.0)]), "temperature"),
        (|s| s.scalars.extend([("generation".into(), -1.0)]), "generation"),
        (|s| s.tensors.retain(|name, _| name != "best"), "best"),
    ];
    for i in 0..searches().len() {
        let mut search = searches().remove(i);
        generation(search.as_mut(), &mut random(8));
        let before = search.state();
        for (change, named) in changes {
            let mut state = before.clone();
            change(&mut state);
            let error = search.load(state).expect_err(named).to_string();
            assert!(error.contains(named), "{named}: {error}");
            assert_eq!(search.state(), before);
        }
        // The state of every other kind, but for the interval of decompositions, which is a setting.
        for (j, mut other) in searches().into_iter().enumerate() {
            generation(other.as_mut(), &mut random(8));
            let same = i == j || (i == 1 && j == 3) || (i == 3 && j == 1);
            assert_eq!(search.load(other.state()).is_ok(), same, "{j} into {i}");
        }
    }
}

#[test]
fn a_covariance_that_is_none_is_refused() {
    let mut full = CmaEs::new(CmaEsConfig::new(), &START).expect("a search");
    let mut state = full.state();
    state.tensors.get_mut("covariance").expect("C")[1] = 0.5;
    let error = full.load(state).expect_err("not symmetric").to_string();
    assert!(error.contains("not symmetric"), "{error}");

    let mut diagonal = CmaEs::new(CmaEsConfig::separable(), &START).expect("a search");
    let mut state = diagonal.state();
    state.tensors.get_mut("covariance").expect("C")[1] = 0.0;
    diagonal.load(state).expect_err("a variance of 0");

    let mut cem = cem();
    let mut state = cem.state();
    state.tensors.get_mut("variance").expect("variances")[1] = -1.0;
    cem.load(state).expect_err("a variance below 0");
}

#[test]
fn settings_outside_their_range_are_named() {
    let cma = CmaEsConfig::new;
    let cases = [
        (cma().with_population(2), "population"),
        (cma().with_initial_deviation(0.0), "initial_deviation"),
        (cma().with_initial_deviation(f64::NAN), "initial_deviation"),
        (cma().with_eigen_interval(0), "eigen_interval"),
        (cma().with_max_condition(1.0), "max_condition"),
        (cma().with_max_condition(f64::INFINITY), "max_condition"),
    ];
    for (config, expected) in cases {
        match CmaEs::new(config, &START) {
            Err(UpdateError::Setting { name, .. }) => assert_eq!(name, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    let cem = CrossEntropyConfig::new;
    let cases = [
        (cem().with_population(1), "population"),
        (cem().with_elite_fraction(0.01), "elite_fraction"),
        (cem().with_elite_fraction(1.01), "elite_fraction"),
        (cem().with_elite_fraction(f64::NAN), "elite_fraction"),
        (cem().with_initial_deviation(-1.0), "initial_deviation"),
        (cem().with_smoothing(0.0), "smoothing"),
        (cem().with_smoothing(1.1), "smoothing"),
        (cem().with_extra_noise(-0.1, None), "extra_noise"),
        (cem().with_extra_noise(0.1, Some(0)), "noise_generations"),
    ];
    for (config, expected) in cases {
        match CrossEntropy::new(config, &START) {
            Err(UpdateError::Setting { name, .. }) => assert_eq!(name, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    for start in [&[][..], &[1.0, f64::INFINITY]] {
        CmaEs::new(cma(), start).expect_err("no start");
        CrossEntropy::new(cem(), start).expect_err("no start");
    }
    let mut search = CmaEs::new(cma(), &START).expect("a search");
    search.ask_with(&[0.0; 4]).expect_err("too few draws");
    search.ask_with(&vec![f64::NAN; 4 * search.population()]).expect_err("draws that are none");
}

#[test]
fn settings_survive_a_file() {
    let config = CmaEsConfig::separable().with_population(12).with_active(false);
    let text = serde_json::to_string(&config).expect("JSON");
    assert!(text.contains("\"covariance\":\"diagonal\""), "{text}");
    assert_eq!(serde_json::from_str::<CmaEsConfig>(&text).expect("the same"), config);
    serde_json::from_str::<CmaEsConfig>(&text.replace("active", "actve")).expect_err("an unknown key");

    let config = CrossEntropyConfig::new().with_extra_noise(0.5, None);
    let text = serde_json::to_string(&config).expect("JSON");
    assert_eq!(serde_json::from_str::<CrossEntropyConfig>(&text).expect("the same"), config);
}

/// A slope without end: the step size grows until it leaves the range of numbers, which is an error, and the search
/// then stands where it was.
#[test]
fn a_search_that_runs_away_says_so() {
    let cma = |config| CmaEs::new(config, &START).expect("a search");
    for mut search in [cma(CmaEsConfig::new()), cma(CmaEsConfig::separable())] {
        let mut stream = random(9);
        let failed = (0..20_000).find_map(|_| {
            let before = search.state();
            let returns: Vec<f64> = search.ask(&mut stream).chunks_exact(4).map(|x| x[0]).collect();
            let waiting = search.state();
            let error = search.tell(&returns).err()?;
            assert_eq!(search.state(), waiting);
            assert_eq!(before.scalars, waiting.scalars);
            Some(error.to_string())
        });
        let text = failed.expect("no number is large enough");
        assert!(text.contains("generation") && text.contains("as it was before it"), "{text}");
        assert!(search.mean().iter().all(|x| x.is_finite()) && search.step_size().is_finite());
    }
}

#[test]
fn the_condition_of_the_covariance_is_bounded() {
    for model in [CovarianceModel::Full, CovarianceModel::Diagonal] {
        let config = CmaEsConfig::new().with_covariance(model).with_max_condition(100.0);
        let mut search = CmaEs::new(config, &START).expect("a search");
        let (mut stream, mut largest) = (random(10), 0.0_f64);
        for _ in 0..300 {
            let returns = returns(search.ask(&mut stream), 4, common::ellipsoid);
            let metrics = search.tell(&returns).expect("finite returns");
            largest = largest.max(metrics.get("axis_ratio").expect("a metric"));
        }
        // √100, which the ellipsoid of condition 1e6 asks for and more.
        assert!((largest - 10.0).abs() < 1e-6, "{model:?}: {largest}");
    }
}

#[test]
fn equal_returns_are_taken_in_their_order_and_the_search_goes_on() {
    for mut search in searches() {
        let mut stream = random(11);
        for _ in 0..50 {
            search.ask(&mut stream);
            let metrics = search.tell(&vec![-200.0; search.population()]).expect("finite returns");
            assert_eq!(metrics.get("return_mean"), Some(-200.0));
        }
        assert!(search.mean().iter().all(|x| x.is_finite()));
        // The first of all equal candidates.
        assert_eq!(search.best().map(|best| best.value), Some(-200.0));
    }
}

#[test]
fn the_best_candidate_is_the_highest_return_of_all() {
    for mut search in searches() {
        assert_eq!(search.best(), None);
        let (mut stream, mut highest) = (random(12), f64::NEG_INFINITY);
        for _ in 0..10 {
            let returns = returns(search.ask(&mut stream), START.len(), rosenbrock);
            highest = returns.iter().copied().fold(highest, f64::max);
            let metrics = search.tell(&returns).expect("finite returns");
            let best = search.best().expect("a candidate");
            assert_eq!(best.value.to_bits(), highest.to_bits());
            assert_eq!((-rosenbrock(best.parameters)).to_bits(), highest.to_bits());
            assert!(metrics.get("return_max") <= Some(highest));
            assert!(metrics.get("return_min") <= metrics.get("return_mean"));
        }
    }
}

#[test]
fn candidates_asked_for_again_replace_the_first() {
    let mut search = cem();
    let mut stream = random(13);
    let first = search.ask(&mut stream).to_vec();
    let second = search.ask(&mut stream).to_vec();
    assert_ne!(first, second);
    assert_eq!(first.len(), second.len());
    minimise(&mut search, &mut stream, sphere);
}

/// 20,000 candidates of a first generation have the mean and the variance that they are drawn with, in each parameter,
/// within four standard errors (a chance of 1 in 1,000 for all sixteen), and are not correlated.
#[test]
fn candidates_are_drawn_around_the_start_with_the_initial_deviation() {
    let (population, deviation) = (20_000, 2.0);
    let cma = |config: CmaEsConfig| {
        let config = config.with_population(population).with_initial_deviation(deviation);
        CmaEs::new(config, &START).expect("a search")
    };
    let config = CrossEntropyConfig::new().with_population(population).with_initial_deviation(deviation);
    let cem = CrossEntropy::new(config, &START).expect("a search");
    let searches: [Box<dyn Search>; 3] =
        [Box::new(cem), Box::new(cma(CmaEsConfig::new())), Box::new(cma(CmaEsConfig::separable()))];
    for mut search in searches {
        let rows: Vec<Vec<f64>> = search.ask(&mut random(14)).chunks_exact(4).map(<[f64]>::to_vec).collect();
        let average = |f: &dyn Fn(&[f64]) -> f64| rows.iter().map(|x| f(x)).sum::<f64>() / population as f64;
        let root = (population as f64).sqrt();
        for (j, start) in START.iter().enumerate() {
            let mean = average(&|x| x[j]);
            assert!((mean - start).abs() < 4.0 * deviation / root, "{mean} for {start}");
            // The variance of (x − m)² is 2 σ⁴.
            let variance = average(&|x| (x[j] - start).powi(2));
            assert!((variance / 4.0 - 1.0).abs() < 4.0 * 2.0_f64.sqrt() / root, "{variance} for 4");
            let next = (j + 1) % 4;
            let covariance = average(&|x| (x[j] - start) * (x[next] - START[next]));
            assert!((covariance / 4.0).abs() < 4.0 / root, "{covariance} for 0");
        }
    }
}
