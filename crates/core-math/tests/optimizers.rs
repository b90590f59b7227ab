//! Optimisers against steps computed by hand.

mod common;

use common::{assert_all_close, assert_close, close};
use gradus_core_math::{
    Adam, AdamConfig, GradientAscent, GradientDescent, Optimizer, OptimizerError, OptimizerState, RmsProp,
    RmsPropConfig, clip_global_norm,
};

/// Gradients of three steps for two parameters.
const GRADIENTS: [[f64; 2]; 3] = [[1.0, -2.0], [0.5, 3.0], [-2.0, 0.1]];

fn run(optimizer: &mut impl Optimizer<f64>, learning_rate: f64) -> Vec<f64> {
    let mut params = vec![1.0, -1.0];
    GRADIENTS.iter().for_each(|gradient| optimizer.step(&mut params, gradient, learning_rate));
    params
}

/// Adam written from the paper's algorithm 1: m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ), θ −= α m̂/(√v̂ + ε).
fn adam_by_hand(beta1: f64, beta2: f64, epsilon: f64, corrected: bool, epsilon_inside: bool) -> Vec<f64> {
    let component = |i: usize| {
        let (mut theta, mut m, mut v) = ([1.0, -1.0][i], 0.0, 0.0);
        for (t, gradient) in (1..).zip(GRADIENTS) {
            m = beta1 * m + (1.0 - beta1) * gradient[i];
            v = beta2 * v + (1.0 - beta2) * gradient[i] * gradient[i];
            let correction = |beta: f64| if corrected { 1.0 - beta.powi(t) } else { 1.0 };
            let (m_hat, v_hat): (f64, f64) = (m / correction(beta1), v / correction(beta2));
            let root = if epsilon_inside { (v_hat + epsilon).sqrt() } else { v_hat.sqrt() + epsilon };
            theta -= 0.1 * m_hat / root;
        }
        theta
    };
    vec![component(0), component(1)]
}

#[test]
fn adam_is_the_papers_algorithm() {
    let config = AdamConfig::new().with_betas(0.8, 0.95).with_epsilon(1e-2);
    let found = run(&mut Adam::new(config, 2).expect("valid"), 0.1);
    assert_all_close("adam", &found, &adam_by_hand(0.8, 0.95, 1e-2, true, false), 1e-14, 1.0);
    for slip in [
        adam_by_hand(0.8, 0.95, 1e-2, false, false),
        adam_by_hand(0.8, 0.95, 1e-2, true, true),
        adam_by_hand(0.95, 0.8, 1e-2, true, false),
    ] {
        assert!(!close(found[0], slip[0], 1e-12, 1.0), "{found:?} {slip:?}");
    }
    let found = run(&mut Adam::new(AdamConfig::default(), 2).expect("valid"), 0.1);
    assert_all_close("defaults", &found, &adam_by_hand(0.9, 0.999, 1e-8, true, false), 1e-13, 1.0);
}

/// Three values by hand: after one step v = 0.01 g², so the step is η g / (0.1 |g| + ε) ≈ 10 η sign g.
#[test]
fn rms_prop_is_pytorchs() {
    let mut optimizer = RmsProp::new(RmsPropConfig::new().with_epsilon(0.1), 2).expect("valid");
    let mut params = vec![1.0, -1.0];
    optimizer.step(&mut params, &[1.0, -2.0], 0.1);
    assert_all_close("first", &params, &[1.0 - 0.1 / 0.2, -1.0 + 0.2 / 0.3], 1e-14, 1.0);
    optimizer.step(&mut params, &[0.5, 3.0], 0.1);
    let root = |first: f64, second: f64| (0.99 * 0.01 * first + 0.01 * second).sqrt() + 0.1;
    let expected = [0.5 - 0.05 / root(1.0, 0.25), -1.0 + 0.2 / 0.3 - 0.3 / root(4.0, 9.0)];
    assert_all_close("second", &params, &expected, 1e-14, 1.0);
    // A slip: ε inside of the root.
    assert!(!close(1.0 - 0.1 / (0.01f64 + 0.1).sqrt(), 0.5, 1e-12, 1.0));
}

#[test]
fn plain_steps_have_their_sign() {
    // The gradients sum to (−0.5, 1.1).
    assert_all_close("descent", &run(&mut GradientDescent::new(), 0.1), &[1.05, -1.11], 1e-14, 1.0);
    assert_all_close("ascent", &run(&mut GradientAscent::new(), 0.1), &[0.95, -0.89], 1e-14, 1.0);
}

/// Stops after one step, carries the state through JSON into a new optimiser and goes on: the same bits.
fn resumes(new: impl Fn() -> Box<dyn Optimizer<f32>>) {
    let gradients: [[f32; 2]; 3] = GRADIENTS.map(|gradient| gradient.map(|g| g as f32 / 3.0));
    let (mut whole, mut first, mut second) = (new(), new(), new());
    let mut expected = [1.0f32, -1.0];
    gradients.iter().for_each(|gradient| whole.step(&mut expected, gradient, 0.3));

    let mut params = [1.0f32, -1.0];
    first.step(&mut params, &gradients[0], 0.3);
    let text = serde_json::to_string(&first.state()).expect("a state serialises");
    let state: OptimizerState<f32> = serde_json::from_str(&text).expect("and loads");
    second.load(state).expect("it belongs to the same parameters");
    gradients[1..].iter().for_each(|gradient| second.step(&mut params, gradient, 0.3));
    assert_eq!(params.map(f32::to_bits), expected.map(f32::to_bits));
    assert_eq!(second.state(), whole.state());
    assert_eq!(whole.state().steps, 3);

    let refused = OptimizerState { steps: 7, moments: vec![vec![0.0; 3]; 5] };
    assert!(matches!(second.load(refused), Err(OptimizerError::StateMismatch { .. })));
    assert_eq!(second.state(), whole.state(), "a refused state changes nothing");
}

#[test]
fn states_resume_exactly() {
    resumes(|| Box::new(Adam::new(AdamConfig::new(), 2).expect("valid")));
    resumes(|| Box::new(RmsProp::new(RmsPropConfig::new(), 2).expect("valid")));
    resumes(|| Box::new(GradientDescent::new()));
    resumes(|| Box::new(GradientAscent::new()));
}

#[test]
fn pieces_of_a_step_give_the_bits_of_the_whole() {
    let len = 1003;
    let gradient: Vec<f32> = (0..len).map(|i| (i as f32 * 0.37).sin()).collect();
    let mut whole = Adam::new(AdamConfig::new(), len).expect("valid");
    let mut pieces = whole.clone();
    let (mut expected, mut params) = (vec![0.5f32; len], vec![0.5f32; len]);
    for _ in 0..3 {
        whole.step(&mut expected, &gradient, 1e-3);
        let (step, m, v) = pieces.begin_step(1e-3);
        for (start, end) in [(517, 1003), (0, 3), (3, 517)] {
            let range = start..end;
            step.apply(
                &mut params[range.clone()],
                &gradient[range.clone()],
                &mut m[range.clone()],
                &mut v[range],
            );
        }
    }
    assert_eq!(params, expected);
    assert_eq!(pieces.state(), whole.state());
}

#[test]
fn settings_are_checked() {
    let adam = |config: AdamConfig| Adam::<f32>::new(config, 1).expect_err("must be refused").to_string();
    assert_eq!(adam(AdamConfig::new().with_betas(1.0, 0.9)), "beta1 is 1, it must be at least 0 and below 1");
    assert_eq!(
        adam(AdamConfig::new().with_betas(0.9, f64::NAN)),
        "beta2 is NaN, it must be at least 0 and below 1"
    );
    assert_eq!(adam(AdamConfig::new().with_epsilon(0.0)), "epsilon is 0, it must be positive and finite");
    assert!(RmsProp::<f32>::new(RmsPropConfig::new().with_alpha(-0.1), 1).is_err());
    let read: AdamConfig = serde_json::from_str(r#"{"epsilon": 1e-5}"#).expect("missing keys have defaults");
    assert_eq!(read, AdamConfig::new().with_epsilon(1e-5));
    assert!(serde_json::from_str::<AdamConfig>(r#"{"eps": 1e-5}"#).is_err());
}

#[test]
fn clipping_follows_its_rule() {
    let original = [3.0, -4.0, 12.0];
    for max_norm in [0.5, 12.9, 13.0, 13.1, 1e9] {
        let mut gradient = original;
        assert_close("norm", clip_global_norm(&mut gradient, max_norm), 13.0, 1e-15, 1.0);
        let factor = f64::min(1.0, max_norm / (13.0 + 1e-6));
        assert_all_close("clipped", &gradient, &original.map(|g| g * factor), 1e-15, 1.0);
    }
    let mut gradient = [0.0; 3];
    assert_close("zero", clip_global_norm(&mut gradient, 0.5), 0.0, 0.0, 0.0);
    assert_all_close("zero", &gradient, &[0.0; 3], 0.0, 0.0);
    // Squares beyond the range of f32.
    let mut gradient = [3e30f32, 4e30];
    assert_close("large", f64::from(clip_global_norm(&mut gradient, 1.0)), 5e30, 1e-7, 1.0);
    assert_close("large", f64::from(gradient[0]), 0.6, 1e-6, 1.0);
    let mut gradient = [1.0, f64::NAN];
    assert!(clip_global_norm(&mut gradient, 1e-3).is_nan());
    assert_close("as it was", gradient[0], 1.0, 0.0, 0.0);
}
