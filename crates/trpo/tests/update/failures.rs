//! How updates fail: with an error that names the culprit, and nothing changed.

use super::*;

#[test]
fn a_nan_in_the_batch_is_named_and_nothing_has_changed() {
    type Field = fn(&mut Rollout<f32>) -> &mut Vec<f32>;
    let fields: [(&str, Field); 6] = [
        ("observations", |r| &mut r.observations),
        ("actions", |r| &mut r.actions),
        ("log_probs", |r| &mut r.log_probs),
        ("values", |r| &mut r.values),
        ("advantages", |r| &mut r.advantages),
        ("value_targets", |r| &mut r.value_targets),
    ];
    for config in both() {
        let mut run = bandit(config, gaussian(), 10);
        run.train(2, ROWS);
        let rollout = run.collect(ROWS);
        let before = run.bits();
        for (name, field) in fields {
            for bad in [f32::NAN, f32::INFINITY] {
                let mut spoilt = rollout.clone();
                let array = field(&mut spoilt);
                let place = array.len() - 1;
                array[place] = bad;
                let (quantity, value, update) = non_finite(run.update(&spoilt, 0.0));
                assert_eq!(quantity, format!("element {place} of the batch's {name}"));
                assert_eq!(value.is_nan(), bad.is_nan(), "{value}");
                assert_eq!(update, 3);
                assert!(run.bits() == before, "{name}: agent and Adam are as they were");
            }
        }
        run.update(&rollout, 0.0).expect("finite numbers");
        assert!(run.bits() != before);
    }
}

#[test]
fn numbers_that_overflow_are_named_and_nothing_has_changed() {
    type Change = fn(&mut Rollout<f32>);
    let large_rate =
        CriticConfig::new().with_learning_rate(1e39.into()).with_epochs(1).with_minibatch_size(ROWS);
    let raw = || config().with_normalize_advantage(false);
    let cases: [(TrpoConfig, Change, &str); 5] = [
        // Only NaN parameters tell that a step was out of range.
        (config().with_critic(large_rate), |_| (), "the parameters critic.0.weight"),
        // The squared error is out of range.
        (config(), |r| r.value_targets[7] = 1e20, "the value loss"),
        // A ratio of e^200.
        (raw(), |r| r.log_probs[7] = -200.0, "the surrogate"),
        (config().with_max_kl(1e79), |_| (), "the norm of the full step"),
        (config().with_max_kl(1e6).with_line_search(None), draw_near, "kl_old_new after the step"),
    ];
    for (config, change, name) in cases {
        let mut run = bandit(config, gaussian(), 12);
        let mut rollout = run.collect(ROWS);
        change(&mut rollout);
        let before = run.bits();
        let error = run.update(&rollout, 0.0).expect_err(name);
        let text = error.to_string();
        assert!(text.contains(name) && text.contains("update 1"), "{name}: {text}");
        assert!(run.bits() == before, "{name}: agent and Adam are as they were");
    }
}

/// The surrogate is a mean over rows that count alike; weights are not dropped in silence.
#[test]
fn weights_are_refused() {
    let mut run = bandit(config(), categorical(), 13);
    let mut rollout = run.collect(8);
    rollout.weights = vec![1.0; 8];
    let before = run.bits();
    let error = run.update(&rollout, 0.0).expect_err("weights");
    assert_eq!(error, UpdateError::Weighted { algorithm: "TRPO" });
    assert!(error.to_string().contains("leave `weights` empty"), "{error}");
    assert!(run.bits() == before);
}

#[test]
fn an_empty_batch_is_an_error() {
    let mut run = bandit(config(), categorical(), 13);
    let before = run.bits();
    let empty = Rollout::new(0, 4, STATES, &categorical(), false);
    assert_eq!(run.update(&empty, 0.0), Err(UpdateError::EmptyBatch));
    assert!(run.bits() == before);
}

#[test]
#[should_panic(expected = "advantages of a batch of 8 rows are 7 long, not 8")]
fn a_batch_of_ragged_arrays_is_refused() {
    let mut run = bandit(config(), categorical(), 14);
    let mut rollout = run.collect(8);
    rollout.advantages.pop();
    let _ = run.update(&rollout, 0.0);
}

#[test]
fn a_trunk_shared_with_the_critic_is_refused() {
    let shared = ActorCriticConfig::new(STATES, categorical()).with_shared_trunk(true).build::<f32>();
    let mut agent = Agent::new(shared, &mut Stream::new(0, "initialise", 0));
    for config in both() {
        let error = Trpo::new(config, &agent).expect_err("a shared trunk");
        assert_eq!(error, UpdateError::SharedTrunk);
        assert!(error.to_string().contains("use two networks"), "{error}");
    }
    // Nor does it get in by the back door.
    let mut run = bandit(config(), categorical(), 15);
    let rollout = run.collect(ROWS);
    let before = bits(&agent.theta);
    let context = Context { team: Team::single(), progress: 0.0, rng: &mut run.shuffling };
    assert_eq!(run.trpo.update(&mut agent, &rollout.batch(), context), Err(UpdateError::SharedTrunk));
    assert_eq!(bits(&agent.theta), before);
}

/// Losses of steps that do not move are those of the batch, if and only if every row comes once an epoch; the
/// targets are powers of two, so that no other rows add up to the same.
#[test]
fn every_row_comes_once_an_epoch_to_the_critic() {
    for size in [3, 4, 16, 100] {
        let still = Schedule::Linear { start: 1.0, end: 0.0 };
        let critic = CriticConfig::new().with_epochs(3).with_minibatch_size(size).with_learning_rate(still);
        let mut run = bandit(config().with_critic(critic), categorical(), 16);
        let mut rollout = run.collect(16);
        for (i, target) in rollout.value_targets.iter_mut().enumerate() {
            *target = 2_f32.powi(i as i32 / 2);
        }
        let before = bits(run.critic_theta());
        let metrics = run.update(&rollout, 1.0).expect("finite numbers");
        assert_eq!(bits(run.critic_theta()), before, "the learning rate is 0 in the end");
        let squares =
            rollout.values.iter().zip(&rollout.value_targets).map(|(v, t)| f64::from(v - t).powi(2));
        let expected = squares.sum::<f64>() / 16.0;
        let value_loss = metric(&metrics, "value_loss");
        assert!((value_loss - expected).abs() < 1e-6 * expected, "{size}: {value_loss}, {expected}");
        let steps = run.trpo.state().scalars["critic.adam.steps"];
        assert!((steps - 3.0 * (16_f64 / size as f64).ceil()).abs() < 1e-12, "{steps}");
    }
}

#[test]
fn conjugate_gradient_ends_at_its_cap_or_its_tolerance() {
    let outcome = |config: TrpoConfig| {
        let mut run = Run::<f64>::new(Task::Chain, config, gaussian(), 17);
        let rollout = run.collect(ROWS);
        let metrics = run.update(&rollout, 0.0).expect("finite numbers");
        ["cg_iterations", "cg_relative_residual"].map(|name| metric(&metrics, name))
    };
    for cap in [1, 2, 5] {
        let [iterations, residual] = outcome(config().with_cg_iterations(cap));
        assert!((iterations - cap as f64).abs() < 1e-12 && residual > 1e-6, "{iterations} {residual}");
    }
    let loose = ConjugateGradient::new().with_max_iterations(100).with_relative_tolerance(1e-3);
    let [iterations, residual] = outcome(TrpoConfig { conjugate_gradient: loose, ..config() });
    assert!(iterations < 50.0 && residual <= 1e-3, "{iterations} {residual}");
}

#[test]
fn every_setting_out_of_range_is_named() {
    let agent = bandit(config(), categorical(), 18).agent;
    let c = TrpoConfig::new;
    let search = |ratio, trials| {
        Some(BacktrackingLineSearch::new().with_backtrack_ratio(ratio).with_max_backtracks(trials))
    };
    let tolerances = |absolute, relative| {
        let cg = ConjugateGradient::new();
        let cg = cg.with_absolute_tolerance(absolute).with_relative_tolerance(relative);
        TrpoConfig { conjugate_gradient: cg, ..c() }
    };
    let critic = |critic: CriticConfig| c().with_critic(critic);
    let linear = |start, end| Schedule::Linear { start, end };
    let k = CriticConfig::new;
    let mut cases = vec![
        ("cg_damping", c().with_cg_damping(-1e-9)),
        ("fisher_fraction", c().with_fisher_fraction(0.0)),
        ("fisher_fraction", c().with_fisher_fraction(1.5)),
        ("fisher_fraction", c().with_fisher_fraction(f64::NAN)),
        ("max_iterations", c().with_cg_iterations(0)),
        ("relative_tolerance", tolerances(0.0, 1.0)),
        ("max_backtracks", c().with_line_search(search(0.5, 0))),
        ("backtrack_ratio", c().with_line_search(search(1.0, 10))),
        ("critic epochs", critic(k().with_epochs(0))),
        ("critic minibatch_size", critic(k().with_minibatch_size(0))),
        ("critic learning_rate", critic(k().with_learning_rate(linear(0.0, 1e-3)))),
    ];
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        cases.extend([
            ("cg_damping", c().with_cg_damping(bad)),
            ("absolute_tolerance", tolerances(bad, 0.0)),
            ("relative_tolerance", tolerances(0.0, bad)),
            ("critic learning_rate", critic(k().with_learning_rate(linear(1e-3, bad)))),
        ]);
    }
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        cases.extend([
            ("max_kl", c().with_max_kl(bad)),
            ("backtrack_ratio", c().with_line_search(search(bad, 10))),
            ("critic learning_rate", critic(k().with_learning_rate(bad.into()))),
            ("critic adam_epsilon", critic(k().with_adam_epsilon(bad))),
        ]);
    }
    for (expected, config) in cases {
        match Trpo::new(config, &agent) {
            Err(UpdateError::Setting { name, .. }) => assert_eq!(name, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    let allowed = tolerances(0.0, 0.0).with_cg_damping(0.0);
    let allowed = allowed.with_critic(k().with_learning_rate(linear(1e-3, 0.0)));
    assert!(Trpo::new(allowed, &agent).is_ok());
    assert_eq!(TrpoConfig::natural_policy_gradient(), c().with_line_search(None));
    assert!(Trpo::new(TrpoConfig::natural_policy_gradient(), &agent).is_ok());
}

/// A network whose `jvp` is that of another one, multiplied by `factor`: JᵀMJ is then indefinite, or NaN.
struct Crooked {
    inner: Mlp<f64>,
    factor: f64,
}

struct LinearizedCrooked<'a>(LinearizedMlp<'a, f64>, f64);

impl Network for Crooked {
    const CONCURRENT: bool = true;
    type Scalar = f64;
    type Frozen = FrozenMlp<f64>;
    type Linearized<'a> = LinearizedCrooked<'a>;

    fn input_width(&self) -> usize {
        self.inner.input_width()
    }
    fn output_width(&self) -> usize {
        self.inner.output_width()
    }
    fn parameter_count(&self) -> usize {
        self.inner.parameter_count()
    }
    fn tensors(&self) -> Vec<TensorInfo> {
        self.inner.tensors()
    }
    fn initialize(&self, rng: &mut Stream, theta: &mut [f64]) {
        self.inner.initialize(rng, theta);
    }
    fn freeze(&self, theta: &[f64]) -> FrozenMlp<f64> {
        self.inner.freeze(theta)
    }
    fn forward(&mut self, team: Team<'_>, theta: &[f64], input: Input<'_, f64>, output: &mut [f64]) {
        self.inner.forward(team, theta, input, output);
    }
    fn linearize<'a>(
        &'a mut self,
        team: Team<'_>,
        theta: &'a [f64],
        input: Input<'a, f64>,
    ) -> LinearizedCrooked<'a> {
        LinearizedCrooked(self.inner.linearize(team, theta, input), self.factor)
    }
}

impl Linearized for LinearizedCrooked<'_> {
    type Scalar = f64;

    fn outputs(&self) -> &[f64] {
        self.0.outputs()
    }
    fn vjp(&mut self, team: Team<'_>, cotangent: &[f64], gradient: &mut [f64]) {
        self.0.vjp(team, cotangent, gradient);
    }
    fn jvp(&mut self, team: Team<'_>, tangent: &[f64], output: &mut [f64]) {
        self.0.jvp(team, tangent, output);
        output.iter_mut().for_each(|x| *x *= self.1);
    }
}

/// JᵀMJ of a true derivative is never indefinite; a network whose derivative is wrong must not move θ.
#[test]
fn an_operator_that_is_not_positive_definite_is_an_error() {
    let rollout = Run::<f64>::new(Task::Bandit, config(), categorical(), 19).collect(ROWS);
    for (factor, text) in [(-1e3, "not positive definite"), (f64::NAN, "pᵀAp is not finite")] {
        for config in both() {
            let network = |outputs| Crooked { inner: Mlp::new(MlpConfig::new(STATES, outputs)), factor };
            let network = ActorCritic::separate(network(3), network(1), categorical(), 0.0);
            let mut agent = Agent::new(network, &mut Stream::new(19, "initialise", 0));
            let mut trpo = Trpo::new(config, &agent).expect("valid settings");
            let before = (bits(&agent.theta), trpo.state());
            let mut rng = Stream::new(19, "update", 0);
            let context = Context { team: Team::single(), progress: 0.0, rng: &mut rng };
            let error = trpo.update(&mut agent, &rollout.batch(), context).expect_err("a wrong derivative");
            match &error {
                UpdateError::Solver { error: CgError::NegativeCurvature { curvature, .. }, update: 1 } => {
                    assert!(factor < 0.0 && *curvature < 0.0, "{curvature}");
                }
                UpdateError::Solver { error: CgError::NotFinite { .. }, update: 1 } => {
                    assert!(factor.is_nan())
                }
                other => panic!("{other:?}"),
            }
            assert!(error.to_string().contains(text), "{error}");
            assert!((bits(&agent.theta), trpo.state()) == before, "agent and Adam are as they were");
        }
    }
}
