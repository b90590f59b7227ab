//! The surrogate's gradient, Fisher-vector products, the natural direction, the full step and the line search against
//! values computed with torch in f64.

use gradus_core_math::{
    BacktrackingLineSearch, CgSolver, ConjugateGradient, Distribution, LineSearchOutcome, Real,
};
use gradus_policy::{Batch, Input, Kernel, Linearized, Mlp, MlpConfig, Network, PolicyHead, Team};
use gradus_trpo::{Surrogate, fisher_vector_product, line_search, step_length, surrogate_gradient};
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().expect("a number")],
    }
}

/// |a − b| ≤ tolerance · max(|b|, floor · largest |b| of the vector).
fn assert_close<T: Real>(ours: &[T], golden: &[f64], (tolerance, floor): (f64, f64), what: &str) {
    assert_eq!(ours.len(), golden.len(), "{what}");
    let floor = floor * golden.iter().fold(0.0, |largest: f64, b| largest.max(b.abs()));
    for (i, (a, b)) in ours.iter().zip(golden).enumerate() {
        let allowed = tolerance * b.abs().max(floor);
        assert!((a.wide() - b).abs() <= allowed, "{what}[{i}]: {a}, golden {b}");
    }
}

/// One golden case with the policy that it is about.
struct Case<'a, T: Kernel> {
    golden: &'a Value,
    distribution: Distribution,
    policy: PolicyHead<Mlp<T>>,
    observation_width: usize,
    observations: Vec<T>,
    actions: Vec<T>,
    advantages: Vec<T>,
    log_probs: Vec<T>,
}

impl<'a, T: Kernel> Case<'a, T> {
    fn all(golden: &'a Value) -> impl Iterator<Item = Self> {
        golden["cases"].as_array().expect("cases").iter().map(Self::new)
    }

    fn new(golden: &'a Value) -> Self {
        let sizes: Vec<usize> = numbers(&golden["layer_sizes"]).iter().map(|&x| x as usize).collect();
        let (inputs, outputs) = (sizes[0], sizes[sizes.len() - 1]);
        let (distribution, free) = match golden["kind"].as_str().expect("a kind") {
            "categorical" => (Distribution::Categorical { n: outputs }, 0),
            _ => (Distribution::DiagGaussian { dim: outputs }, outputs),
        };
        let mlp = Mlp::new(MlpConfig::new(inputs, outputs).with_hidden(&sizes[1..sizes.len() - 1]));
        let mut case = Self {
            golden,
            distribution,
            policy: PolicyHead::new(mlp, outputs, free, 0.0),
            observation_width: inputs,
            observations: Vec::new(),
            actions: Vec::new(),
            advantages: Vec::new(),
            log_probs: Vec::new(),
        };
        case.observations = case.vector("obs");
        case.actions = case.vector("action");
        case.advantages = case.vector("advantage");
        case.log_probs = case.vector("log_prob0");
        case
    }

    fn name(&self, what: &str) -> String {
        format!("{} with max_kl {}: {what}", self.golden["kind"], self.number("max_kl"))
    }

    fn number(&self, name: &str) -> f64 {
        self.golden[name].as_f64().expect("a number")
    }

    fn numbers(&self, name: &str) -> Vec<f64> {
        numbers(&self.golden[name])
    }

    fn vector(&self, name: &str) -> Vec<T> {
        self.numbers(name).into_iter().map(T::of).collect()
    }

    /// Calls `visit` with the policy, the observations and the surrogate.
    fn with<R>(
        &mut self,
        visit: impl FnOnce(&mut PolicyHead<Mlp<T>>, Input<'_, T>, &Surrogate<'_, T>) -> R,
    ) -> R {
        let zeros = vec![T::zero(); self.log_probs.len()];
        let batch = Batch {
            observation_width: self.observation_width,
            observations: &self.observations,
            actions: &self.actions,
            masks: &[],
            log_probs: &self.log_probs,
            distribution_params: &[],
            values: &zeros,
            advantages: &self.advantages,
            value_targets: &zeros,
            ..Batch::default()
        };
        let surrogate = Surrogate::new(&self.distribution, &batch, false);
        visit(&mut self.policy, Input::all(&self.observations, self.observation_width), &surrogate)
    }

    /// g at θ₀.
    fn gradient(&mut self) -> Vec<T> {
        let theta = self.vector("theta0");
        let mut gradient = vec![T::zero(); theta.len()];
        self.with(|policy, input, surrogate| {
            let mut point = policy.linearize(Team::single(), &theta, input);
            let mut cotangent = vec![T::zero(); point.outputs().len()];
            surrogate_gradient(Team::single(), &mut point, surrogate, &mut cotangent, &mut gradient);
        });
        gradient
    }

    /// Calls `visit` with v ↦ (F + damping · 1) v at θ₀.
    fn with_fisher<R>(&mut self, damping: f64, visit: impl FnOnce(&mut dyn FnMut(&[T], &mut [T])) -> R) -> R {
        let theta = self.vector("theta0");
        self.with(|policy, input, surrogate| {
            let mut point = policy.linearize(Team::single(), &theta, input);
            visit(&mut |v, out| {
                fisher_vector_product(Team::single(), &mut point, surrogate, damping, v, out);
            })
        })
    }

    /// Surrogate and mean kl_old_new at θ, π_old being the policy at θ₀.
    fn surrogate_and_kl(&mut self, theta: &[T]) -> [f64; 2] {
        let theta0 = self.vector("theta0");
        self.with(|policy, input, surrogate| {
            let mut params =
                [&theta0, theta].map(|_| vec![T::zero(); input.rows.len() * policy.output_width()]);
            for (theta, params) in [&theta0[..], theta].into_iter().zip(&mut params) {
                policy.forward(Team::single(), theta, input, params);
            }
            let (value, divergence) = surrogate.value_and_divergence(Team::single(), &params[0], &params[1]);
            [value, divergence.mean]
        })
    }

    /// The line search along `full_step`, and θ after it.
    fn line_search(&mut self, full_step: &[T]) -> (LineSearchOutcome, Vec<T>) {
        let mut theta = self.vector("theta0");
        let (ratio, max_kl) = (self.number("backtrack_ratio"), self.number("max_kl"));
        let search = BacktrackingLineSearch::new().with_backtrack_ratio(ratio).with_max_backtracks(10);
        let [initial, _] = self.surrogate_and_kl(&theta.clone());
        let (outcome, _) = self.with(|policy, input, surrogate| {
            let mut params_old = vec![T::zero(); input.rows.len() * policy.output_width()];
            policy.forward(Team::single(), &theta, input, &mut params_old);
            let mut params = params_old.clone();
            line_search(
                Team::single(),
                policy,
                &mut theta,
                full_step,
                surrogate,
                (initial, max_kl),
                &search,
                (&params_old, &mut params),
            )
        });
        (outcome, theta)
    }

    /// Every trial of the search, the accepted one, and where it leads.
    fn check_line_search(&mut self, full_step: &[T], tolerance: (f64, f64)) {
        let (outcome, theta) = self.line_search(full_step);
        let seen: Vec<f64> = outcome.trials().iter().flat_map(|t| [t.objective, t.constraint]).collect();
        assert_close(
            &seen,
            &self.numbers("line_search_surrogate_and_kl"),
            tolerance,
            &self.name("line search"),
        );
        match outcome {
            LineSearchOutcome::Accepted { k, .. } => {
                assert_eq!(Some(k as u64), self.golden["accepted_index"].as_u64())
            }
            other => panic!("{other:?}"),
        }
        assert_close(&theta, &self.numbers("theta_trpo"), tolerance, &self.name("theta_trpo"));
    }
}

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/policy_updates.json")).expect("golden values are JSON")
}

/// Each element to 1e-10 of itself, or of a thousandth of the largest where it is smaller than that.
const IN_F64: (f64, f64) = (1e-10, 1e-3);

/// Each element to 1e-5 of the largest: in f32 sums of terms of either sign have no better digits.
const IN_F32: (f64, f64) = (1e-5, 1.0);

fn check_gradient<T: Kernel>(case: &mut Case<'_, T>, tolerance: (f64, f64)) {
    let gradient = case.gradient();
    assert_close(&gradient, &case.numbers("surrogate_grad"), tolerance, &case.name("surrogate_grad"));
}

fn check_fisher_vector<T: Kernel>(case: &mut Case<'_, T>, tolerance: (f64, f64)) {
    let vector = case.vector("vector");
    let (mut bare, mut damped) = (vector.clone(), vector.clone());
    let damping = case.number("damping");
    case.with_fisher(0.0, |product| product(&vector, &mut bare));
    case.with_fisher(damping, |product| product(&vector, &mut damped));
    let golden = case.numbers("fisher_vector");
    assert_close(&bare, &golden, tolerance, &case.name("fisher_vector"));
    let golden: Vec<f64> =
        golden.iter().zip(case.numbers("vector")).map(|(product, v)| product + damping * v).collect();
    assert_close(&damped, &golden, tolerance, &case.name("damped fisher_vector"));
}

fn check_values_at_theta1<T: Kernel>(case: &mut Case<'_, T>, tolerance: f64) {
    let theta1 = case.vector("theta1");
    let golden = ["surrogate_theta1", "kl_old_new_mean_theta1"].map(|name| case.number(name));
    for (ours, golden) in case.surrogate_and_kl(&theta1).into_iter().zip(golden) {
        assert_close(&[ours], &[golden], (tolerance, 1.0), &case.name("surrogate and KL at theta1"));
    }
}

#[test]
fn in_f64() {
    let golden = golden();
    for mut case in Case::<f64>::all(&golden) {
        check_gradient(&mut case, IN_F64);
        check_fisher_vector(&mut case, IN_F64);
        check_values_at_theta1(&mut case, 1e-10);
    }
}

#[test]
fn in_f32() {
    let golden = golden();
    for mut case in Case::<f32>::all(&golden) {
        check_gradient(&mut case, IN_F32);
        check_fisher_vector(&mut case, IN_F32);
        check_values_at_theta1(&mut case, 1e-5);
        let full_step = case.vector("full_step");
        case.check_line_search(&full_step, IN_F32);
    }
}

/// Column by column.
#[test]
fn the_operator_is_the_dense_matrix() {
    let golden = golden();
    for mut case in Case::<f64>::all(&golden) {
        let n = case.numbers("theta0").len();
        let lower = case.numbers("fisher");
        assert_eq!(lower.len(), n * (n + 1) / 2);
        let entry = |i: usize, j: usize| {
            let (row, column) = (i.max(j), i.min(j));
            lower[row * (row + 1) / 2 + column]
        };
        let dense: Vec<f64> = (0..n * n).map(|k| entry(k / n, k % n)).collect();
        let mut ours = vec![0.0; n * n];
        case.with_fisher(0.0, |product| {
            for (j, column) in ours.chunks_exact_mut(n).enumerate() {
                let mut unit = vec![0.0; n];
                unit[j] = 1.0;
                product(&unit, column);
            }
        });
        assert_close(&ours, &dense, IN_F64, &case.name("fisher"));
    }
}

/// Conjugate gradient, run to convergence, finds what a dense solve finds; from there on the whole step of the paper
/// with our own numbers.
///
/// Each element to 1e-10 of itself, or of a tenth of the largest where it is smaller than that: the golden matrix is
/// symmetric to 3e-14 only, and the inverse multiplies that by 1/damping, up to 1000.
#[test]
fn natural_direction_full_step_and_line_search() {
    let tolerance = (1e-10, 0.1);
    let golden = golden();
    for mut case in Case::<f64>::all(&golden) {
        let gradient = case.gradient();
        let mut step = vec![0.0; gradient.len()];
        let settings = ConjugateGradient::new()
            .with_max_iterations(20 * gradient.len())
            .with_absolute_tolerance(0.0)
            .with_relative_tolerance(1e-14);
        let mut solver = CgSolver::new(settings, gradient.len()).expect("valid settings");
        let damping = case.number("damping");
        let info = case
            .with_fisher(damping, |product| solver.solve_to_tolerance(product, &gradient, &mut step))
            .expect("a positive definite matrix");
        assert_close(&step, &case.numbers("natural_direction"), tolerance, &case.name("natural_direction"));
        let length = step_length(case.number("max_kl"), &info);
        step.iter_mut().for_each(|x| *x *= length);
        assert_close(&step, &case.numbers("full_step"), tolerance, &case.name("full_step"));
        case.check_line_search(&step, tolerance);
    }
}
