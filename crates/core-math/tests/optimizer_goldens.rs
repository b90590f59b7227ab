//! Optimisers and learning rates against torch's, step by step (`golden/optimizers.py`).

mod common;

use common::{assert_all_close, assert_close, cast, close, numbers, rows, wide};
use gradus_core_math::{
    AdamConfig, AnyOptimizer, GradientAscent, Optimizer, OptimizerConfig, Real, RmsPropConfig, Schedule,
};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/optimizers.json")).expect("golden values are JSON")
}

/// θ after each step, with the learning rate of that step.
fn path<T: Real>(optimizer: &mut impl Optimizer<T>, golden: &Value, rates: &[f64]) -> Vec<Vec<f64>> {
    let mut theta: Vec<T> = cast(&numbers(&golden["start"]));
    let step = |(gradient, &rate): (&Vec<f64>, &f64)| {
        optimizer.step(&mut theta, &cast::<T>(gradient), rate);
        wide(&theta)
    };
    rows(&golden["gradients"]).iter().zip(rates).map(step).collect()
}

fn build<T: Real>(config: OptimizerConfig) -> AnyOptimizer<T> {
    config.build(3).expect("valid settings")
}

fn cases() -> Vec<(&'static str, OptimizerConfig, Schedule)> {
    let other = AdamConfig::new().with_betas(0.7, 0.9).with_epsilon(1e-2);
    let other_rms = RmsPropConfig::new().with_alpha(0.9).with_epsilon(1e-5);
    vec![
        ("descent", OptimizerConfig::Plain, 0.1.into()),
        ("adam", OptimizerConfig::Adam(AdamConfig::new()), 0.01.into()),
        ("adam_other", OptimizerConfig::Adam(other), 0.1.into()),
        ("rms_prop", OptimizerConfig::RmsProp(RmsPropConfig::new()), 0.01.into()),
        ("rms_prop_other", OptimizerConfig::RmsProp(other_rms), 7e-4.into()),
        (
            "adam_linear",
            OptimizerConfig::Adam(AdamConfig::new()),
            Schedule::Linear { start: 0.02, end: 0.005 },
        ),
    ]
}

fn check<T: Real>(relative: f64) {
    let golden = golden();
    let steps = rows(&golden["gradients"]).len();
    for (name, config, schedule) in cases() {
        let rates: Vec<f64> = (0..steps).map(|i| schedule.at(i as f64 / (steps - 1) as f64)).collect();
        assert_all_close(name, &rates, &numbers(&golden[name]["learning_rates"]), 1e-14, 1e-3);
        let found = path(&mut build::<T>(config), &golden, &rates).concat();
        assert_all_close(name, &found, &rows(&golden[name]["theta"]).concat(), relative, 1.0);
    }
    let rates = numbers(&golden["ascent"]["learning_rates"]);
    let found = path::<T>(&mut GradientAscent::new(), &golden, &rates).concat();
    assert_all_close("ascent", &found, &rows(&golden["ascent"]["theta"]).concat(), relative, 1.0);
}

#[test]
fn in_f64() {
    check::<f64>(1e-13);
}

#[test]
fn in_f32() {
    check::<f32>(2e-6);
}

/// The values tell Adam without its correction, an ε in the other place and another decay apart.
#[test]
fn slips_are_rejected() {
    let golden = golden();
    let expected = rows(&golden["rms_prop_other"]["theta"]).concat();
    for (alpha, epsilon) in [(0.99, 1e-5), (0.9, 1e-3)] {
        let slip = RmsPropConfig::new().with_alpha(alpha).with_epsilon(epsilon);
        let found = path(&mut build::<f64>(OptimizerConfig::RmsProp(slip)), &golden, &[7e-4; 8]).concat();
        assert!(found.iter().zip(&expected).any(|(&a, &b)| !close(a, b, 1e-5, 1.0)));
    }
    let expected = rows(&golden["adam_other"]["theta"]).concat();
    for slip in [AdamConfig::new().with_betas(0.9, 0.7), AdamConfig::new().with_betas(0.7, 0.9)] {
        let found = path(&mut build::<f64>(OptimizerConfig::Adam(slip)), &golden, &[0.1; 8]).concat();
        assert!(found.iter().zip(&expected).any(|(&a, &b)| !close(a, b, 1e-3, 1.0)));
    }
}

/// A choice is the optimiser chosen, and its state goes to no other one.
#[test]
fn a_choice_keeps_names_and_state() {
    for (config, name, moments) in [
        (OptimizerConfig::Plain, "plain", &[][..]),
        (OptimizerConfig::Adam(AdamConfig::new()), "adam", &["m", "v"]),
        (OptimizerConfig::RmsProp(RmsPropConfig::new()), "rms_prop", &["v"]),
    ] {
        let mut first = build::<f64>(config);
        assert_eq!((first.name(), first.moment_names()), (name, moments));
        let mut theta = vec![1.0, 2.0, 3.0];
        first.step(&mut theta, &[1.0, -1.0, 0.5], 0.1);
        assert_eq!(first.state().moments.len(), moments.len());
        let mut second = build::<f64>(config);
        second.load(first.state()).expect("its own state");
        let mut other = theta.clone();
        first.step(&mut theta, &[0.3, 0.2, 0.1], 0.1);
        second.step(&mut other, &[0.3, 0.2, 0.1], 0.1);
        assert_all_close(name, &other, &theta, 0.0, 1.0);
        for (another, ..) in [(OptimizerConfig::Plain, 0), (OptimizerConfig::Adam(AdamConfig::new()), 2)] {
            let mut another = build::<f64>(another);
            assert_eq!(another.load(first.state()).is_ok(), another.name() == name);
        }
        let text = serde_json::to_string(&config).expect("it serialises");
        assert_eq!(serde_json::from_str::<OptimizerConfig>(&text).expect("and loads"), config);
    }
    let bad = OptimizerConfig::RmsProp(RmsPropConfig::new().with_alpha(1.0)).build::<f32>(1);
    assert_eq!(bad.expect_err("refused").to_string(), "alpha is 1, it must be at least 0 and below 1");
    assert_close("default of a file", rms_of("{\"rms_prop\":{\"epsilon\":1e-5}}").epsilon, 1e-5, 0.0, 1.0);
}

fn rms_of(text: &str) -> RmsPropConfig {
    match serde_json::from_str(text).expect("a configuration") {
        OptimizerConfig::RmsProp(config) => config,
        other => panic!("{other:?}"),
    }
}
