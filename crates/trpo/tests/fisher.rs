//! Fisher-vector products against dense matrices built from the definition F = mean over states of
//! E_a[∇log π(a|s) ∇log π(a|s)ᵀ]; the surrogate and its gradient; the step length.
//!
//! The oracle shares no code with the library: its own forward pass, its own log π, the expectation by enumeration of
//! all actions (for a Gaussian by Gauss–Hermite quadrature, exact for the score's squares), ∇ by finite differences.

use gradus_core_math::{CgSolver, ConjugateGradient, Distribution, Stream};
use gradus_policy::{Batch, Input, Linearized, Mlp, MlpConfig, Network, PolicyHead, Team};
use gradus_trpo::{Fisher, KlConstraint, Surrogate, fisher_vector_product, step_length, surrogate_gradient};
use rand::RngExt;

#[path = "common/vectors.rs"]
mod vectors;

use vectors::{distance, dot, gradient_of};

const INPUTS: usize = 2;
const HIDDEN: usize = 4;
const ROWS: usize = 6;

/// A batch of every kind of row that a family knows, with a policy at some θ.
struct World {
    distribution: Distribution,
    theta: Vec<f64>,
    observations: Vec<f64>,
    masks: Vec<bool>,
    actions: Vec<f64>,
    log_probs: Vec<f64>,
    advantages: Vec<f64>,
}

/// The network's outputs and the free log_std of a distribution.
fn widths(distribution: &Distribution) -> (usize, usize) {
    match distribution {
        Distribution::DiagGaussian { dim } => (*dim, *dim),
        other => (other.n_params(), 0),
    }
}

/// The components of a distribution that choose one of several.
fn choices(distribution: &Distribution) -> Vec<usize> {
    match distribution {
        Distribution::Categorical { n } => vec![*n],
        Distribution::MultiCategorical { sizes } => sizes.clone(),
        Distribution::Bernoulli { .. } | Distribution::DiagGaussian { .. } => Vec::new(),
    }
}

impl World {
    fn new(distribution: Distribution, masked: bool, seed: u64) -> Self {
        let mut rng = Stream::new(seed, "world", 0);
        let (outputs, free) = widths(&distribution);
        let count = (INPUTS + 1) * HIDDEN + (HIDDEN + 1) * outputs + free;
        let mut uniform = |n: usize, scale: f64| -> Vec<f64> {
            (0..n).map(|_| scale * (2.0 * rng.random::<f64>() - 1.0)).collect()
        };
        let mut world = Self {
            theta: uniform(count, 1.0),
            observations: uniform(ROWS * INPUTS, 2.0),
            advantages: uniform(ROWS, 3.0),
            // π_old is another policy, so that ratios are not 1.
            log_probs: uniform(ROWS, 0.3),
            masks: Vec::new(),
            actions: Vec::new(),
            distribution,
        };
        if masked {
            // Choice (i mod size) of each component is not allowed in row i, and allowed in others.
            for i in 0..ROWS {
                for size in choices(&world.distribution) {
                    world.masks.extend((0..size).map(|k| k != i % size));
                }
            }
        }
        for i in 0..ROWS {
            let params = world.params(&world.theta, i);
            let actions = world.actions(&params, i);
            let (action, _) = &actions[(5 * i + 1) % actions.len()];
            world.log_probs[i] += world.log_prob(&params, i, action);
            world.actions.extend(action);
        }
        world
    }

    /// Every family, the categorical ones with masks and without.
    fn all() -> Vec<Self> {
        let multi = || Distribution::MultiCategorical { sizes: vec![2, 3] };
        vec![
            Self::new(Distribution::Categorical { n: 3 }, false, 1),
            Self::new(Distribution::Categorical { n: 3 }, true, 2),
            Self::new(multi(), false, 3),
            Self::new(multi(), true, 4),
            Self::new(Distribution::Bernoulli { n: 3 }, false, 5),
            Self::new(Distribution::DiagGaussian { dim: 2 }, false, 6),
        ]
    }

    fn name(&self) -> String {
        format!("{:?}, {} masks", self.distribution, self.masks.len())
    }

    fn mask(&self, i: usize, k: usize) -> bool {
        self.masks.is_empty() || self.masks[i * self.distribution.mask_width() + k]
    }

    /// The distribution's parameters in state `i`: a network with one hidden layer of tanh, then log_std.
    fn params(&self, theta: &[f64], i: usize) -> Vec<f64> {
        let (outputs, _) = widths(&self.distribution);
        let affine = |theta: &[f64], x: &[f64], outputs: usize| -> Vec<f64> {
            let (weight, bias) = theta.split_at(x.len() * outputs);
            (0..outputs)
                .map(|j| {
                    bias[j] + x.iter().enumerate().map(|(i, x)| x * weight[i * outputs + j]).sum::<f64>()
                })
                .collect()
        };
        let (first, rest) = theta.split_at((INPUTS + 1) * HIDDEN);
        let hidden = affine(first, &self.observations[i * INPUTS..][..INPUTS], HIDDEN);
        let hidden: Vec<f64> = hidden.into_iter().map(f64::tanh).collect();
        let (second, log_std) = rest.split_at((HIDDEN + 1) * outputs);
        let mut params = affine(second, &hidden, outputs);
        params.extend(log_std);
        params
    }

    /// log π(a|s_i).
    fn log_prob(&self, params: &[f64], i: usize, action: &[f64]) -> f64 {
        match &self.distribution {
            Distribution::Bernoulli { .. } => {
                let of = |(x, a): (&f64, &f64)| -(1.0 + (-x * (2.0 * a - 1.0)).exp()).ln();
                params.iter().zip(action).map(of).sum()
            }
            Distribution::DiagGaussian { dim } => (0..*dim)
                .map(|d| {
                    let z = (action[d] - params[d]) / params[dim + d].exp();
                    -0.5 * z * z - params[dim + d] - 0.5 * std::f64::consts::TAU.ln()
                })
                .sum(),
            categorical => {
                let (mut start, mut sum) = (0, 0.0);
                for (size, action) in choices(categorical).into_iter().zip(action) {
                    let allowed = (start..start + size).filter(|&k| self.mask(i, k));
                    let total: f64 = allowed.map(|k| params[k].exp()).sum();
                    sum += params[start + *action as usize] - total.ln();
                    start += size;
                }
                sum
            }
        }
    }

    /// Actions and weights with E_a[f(a)] = Σ weight f(a): all allowed actions with their probabilities, or the three
    /// nodes of Gauss–Hermite quadrature in each dimension, exact for polynomials up to degree 5.
    fn actions(&self, params: &[f64], i: usize) -> Vec<(Vec<f64>, f64)> {
        let mut actions = vec![(Vec::new(), 1.0)];
        let mut extend = |options: &[(f64, f64)]| {
            let longer = actions.iter().flat_map(|(action, weight): &(Vec<f64>, f64)| {
                options.iter().map(move |(a, w)| ([&action[..], &[*a]].concat(), weight * w))
            });
            actions = longer.collect();
        };
        match &self.distribution {
            Distribution::Bernoulli { n } => (0..*n).for_each(|_| extend(&[(0.0, 1.0), (1.0, 1.0)])),
            Distribution::DiagGaussian { dim } => (0..*dim).for_each(|d| {
                let node = |z: f64, weight| (params[d] + z * params[dim + d].exp(), weight);
                let far = 3_f64.sqrt();
                extend(&[node(-far, 1.0 / 6.0), node(0.0, 2.0 / 3.0), node(far, 1.0 / 6.0)]);
            }),
            categorical => {
                let mut start = 0;
                for size in choices(categorical) {
                    let allowed = (0..size).filter(|k| self.mask(i, start + k));
                    extend(&allowed.map(|k| (k as f64, 1.0)).collect::<Vec<_>>());
                    start += size;
                }
            }
        }
        if !matches!(self.distribution, Distribution::DiagGaussian { .. }) {
            for (action, weight) in &mut actions {
                *weight = self.log_prob(params, i, action).exp();
            }
        }
        let total: f64 = actions.iter().map(|(_, weight)| weight).sum();
        assert!((total - 1.0).abs() < 1e-14, "the weights of all actions: {total}");
        actions
    }

    /// F, row-major, from its definition.
    fn dense_fisher(&self) -> Vec<f64> {
        let n = self.theta.len();
        let mut fisher = vec![0.0; n * n];
        for i in 0..ROWS {
            for (action, weight) in self.actions(&self.params(&self.theta, i), i) {
                let score =
                    gradient_of(&self.theta, |theta| self.log_prob(&self.params(theta, i), i, &action));
                for (row, a) in fisher.chunks_exact_mut(n).zip(&score) {
                    for (entry, b) in row.iter_mut().zip(&score) {
                        *entry += weight * a * b / ROWS as f64;
                    }
                }
            }
        }
        fisher
    }

    /// The mean over states of KL(p‖q) = E_p[log p − log q] for the policies at two θ: by enumeration, or for the
    /// Gaussian, whose log q is a polynomial of degree 2, by quadrature.
    fn kl(&self, p: &[f64], q: &[f64]) -> f64 {
        self.kls(p, q).iter().sum::<f64>() / ROWS as f64
    }

    /// The same of each state.
    fn kls(&self, p: &[f64], q: &[f64]) -> Vec<f64> {
        let of_row = |i: usize| -> f64 {
            let (p, q) = (self.params(p, i), self.params(q, i));
            let difference =
                |(a, weight): (Vec<f64>, f64)| weight * (self.log_prob(&p, i, &a) - self.log_prob(&q, i, &a));
            self.actions(&p, i).into_iter().map(difference).sum()
        };
        (0..ROWS).map(of_row).collect()
    }

    /// mean[r A] at θ, with advantages to mean 0 and deviation 1 if asked for.
    fn surrogate(&self, theta: &[f64], normalize: bool) -> f64 {
        let n = ROWS as f64;
        let mean = self.advantages.iter().sum::<f64>() / n;
        let variance = self.advantages.iter().map(|a| (a - mean) * (a - mean)).sum::<f64>() / (n - 1.0);
        let width = self.distribution.action_width();
        let of_row = |i: usize| {
            let advantage = self.advantages[i];
            let advantage = if normalize { (advantage - mean) / (variance.sqrt() + 1e-8) } else { advantage };
            let action = &self.actions[i * width..][..width];
            (self.log_prob(&self.params(theta, i), i, action) - self.log_probs[i]).exp() * advantage
        };
        (0..ROWS).map(of_row).sum::<f64>() / n
    }

    fn policy(&self) -> PolicyHead<Mlp<f64>> {
        let (outputs, free) = widths(&self.distribution);
        PolicyHead::new(Mlp::new(MlpConfig::new(INPUTS, outputs).with_hidden(&[HIDDEN])), outputs, free, 0.0)
    }

    fn input(&self) -> Input<'_, f64> {
        Input::all(&self.observations, INPUTS)
    }

    fn with_surrogate<R>(&self, normalize: bool, visit: impl FnOnce(&Surrogate<'_, f64>) -> R) -> R {
        let zeros = [0.0; ROWS];
        let batch = Batch {
            observation_width: INPUTS,
            observations: &self.observations,
            actions: &self.actions,
            masks: &self.masks,
            log_probs: &self.log_probs,
            distribution_params: &[],
            values: &zeros,
            advantages: &self.advantages,
            value_targets: &zeros,
            ..Batch::default()
        };
        visit(&Surrogate::new(&self.distribution, &batch, normalize))
    }

    /// F with the outer products of the scores of the actions that were drawn, row-major, from its definition.
    fn dense_empirical_fisher(&self) -> Vec<f64> {
        let (n, width) = (self.theta.len(), self.distribution.action_width());
        let mut fisher = vec![0.0; n * n];
        for i in 0..ROWS {
            let action = &self.actions[i * width..][..width];
            let score = gradient_of(&self.theta, |theta| self.log_prob(&self.params(theta, i), i, action));
            for (row, a) in fisher.chunks_exact_mut(n).zip(&score) {
                row.iter_mut().zip(&score).for_each(|(entry, b)| *entry += a * b / ROWS as f64);
            }
        }
        fisher
    }

    /// The library's F + damping · 1, column by column, in column-major order.
    fn library_fisher(&self, damping: f64) -> Vec<f64> {
        self.library_fisher_of(Fisher::Analytic, damping, None)
    }

    fn library_fisher_of(&self, kind: Fisher, damping: f64, rows: Option<&[u32]>) -> Vec<f64> {
        let n = self.theta.len();
        let mut fisher = vec![0.0; n * n];
        let mut policy = self.policy();
        self.with_surrogate(false, |surrogate| {
            let surrogate = surrogate.with_fisher(kind);
            let surrogate = &rows.map_or(surrogate, |rows| surrogate.with_rows(rows));
            let mut point = policy.linearize(Team::single(), &self.theta, surrogate.input());
            for (j, column) in fisher.chunks_exact_mut(n).enumerate() {
                let mut unit = vec![0.0; n];
                unit[j] = 1.0;
                let curvature =
                    fisher_vector_product(Team::single(), &mut point, surrogate, damping, &unit, column);
                assert!((curvature + damping - column[j]).abs() < 1e-12, "the diagonal at {j}");
            }
        });
        fisher
    }

    /// F with another metric than the library's: `metric(i, params, tangent)` of row i.
    fn fisher_with(&self, metric: impl Fn(usize, &[f64], &[f64]) -> Vec<f64>) -> Vec<f64> {
        let n = self.theta.len();
        let width = self.distribution.n_params();
        let mut fisher = vec![0.0; n * n];
        let mut policy = self.policy();
        let mut point = policy.linearize(Team::single(), &self.theta, self.input());
        let mut tangent = vec![0.0; point.outputs().len()];
        for (j, column) in fisher.chunks_exact_mut(n).enumerate() {
            let mut unit = vec![0.0; n];
            unit[j] = 1.0;
            point.jvp(Team::single(), &unit, &mut tangent);
            let rows = point.outputs().chunks_exact(width).zip(tangent.chunks_exact(width));
            let cotangent: Vec<f64> =
                rows.enumerate().flat_map(|(i, (params, v))| metric(i, params, v)).collect();
            point.vjp(Team::single(), &cotangent, column);
        }
        fisher
    }

    /// The row mask as the library takes it.
    fn row_mask(&self, i: usize) -> Option<&[bool]> {
        let width = self.distribution.mask_width();
        (!self.masks.is_empty()).then(|| &self.masks[i * width..][..width])
    }

    /// M v of one row, by the library, divided by the number of rows.
    fn metric(&self, i: usize, params: &[f64], v: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; v.len()];
        self.distribution.fisher_vector(params, self.row_mask(i), v, &mut out);
        out.into_iter().map(|x| x / ROWS as f64).collect()
    }
}

/// The oracle's finite differences are good to 1e-10.
const TOLERANCE: f64 = 1e-9;
/// A wrong variant is at least this far off.
const WRONG: f64 = 1e-2;

#[test]
fn the_product_is_the_dense_matrix_of_the_definition() {
    for world in World::all() {
        let dense = world.dense_fisher();
        let ours = world.library_fisher(0.0);
        assert!(distance(&ours, &dense) < TOLERANCE, "{}: {}", world.name(), distance(&ours, &dense));

        let n = world.theta.len();
        let transposed: Vec<f64> = (0..n * n).map(|k| ours[k % n * n + k / n]).collect();
        assert!(distance(&transposed, &ours) < 1e-14, "{}: symmetric", world.name());
        let mut rng = Stream::new(0, "directions", 0);
        for _ in 0..100 {
            let v: Vec<f64> = (0..n).map(|_| rng.random::<f64>() - 0.5).collect();
            let product: Vec<f64> = ours.chunks_exact(n).map(|row| dot(row, &v)).collect();
            assert!(dot(&v, &product) > -1e-14, "{}: positive semidefinite", world.name());
        }

        // Damping is a multiple of the identity, nothing else.
        let mut damped = ours.clone();
        damped.iter_mut().step_by(n + 1).for_each(|diagonal| *diagonal += 0.3);
        assert!(distance(&world.library_fisher(0.3), &damped) < 1e-15, "{}: damping", world.name());
        assert!(distance(&ours, &damped) > WRONG);
    }
}

#[test]
fn the_empirical_matrix_is_of_the_scores_of_the_actions_drawn() {
    for world in World::all() {
        let dense = world.dense_empirical_fisher();
        let ours = world.library_fisher_of(Fisher::Empirical, 0.0, None);
        assert!(distance(&ours, &dense) < TOLERANCE, "{}: {}", world.name(), distance(&ours, &dense));
        // The wrong variant: the expectation over actions, which is the analytic one.
        assert!(distance(&world.library_fisher(0.0), &dense) > WRONG, "{}", world.name());
    }
}

/// Mean and maximum of the divergences of states, and their models of second order: ½ uᵀM u along a direction.
/// The matrices of the even and of the odd rows, each a mean, add up to that of all; each is another than that.
#[test]
fn a_matrix_of_some_states_is_the_mean_of_theirs() {
    for world in World::all() {
        for kind in [Fisher::Analytic, Fisher::Empirical] {
            let whole = world.library_fisher_of(kind, 0.0, None);
            let parts: [Vec<u32>; 2] =
                [0, 1].map(|odd| (0..ROWS as u32).filter(|row| row % 2 == odd).collect());
            let matrices = parts.each_ref().map(|rows| world.library_fisher_of(kind, 0.0, Some(rows)));
            let mut differs = false;
            for (i, whole) in whole.iter().enumerate() {
                let sum: f64 =
                    parts.iter().zip(&matrices).map(|(rows, part)| part[i] * rows.len() as f64).sum();
                let mean = sum / ROWS as f64;
                assert!((mean - whole).abs() < 1e-12 * (1.0 + whole.abs()), "{i}: {mean}, {whole}");
                differs |= (matrices[0][i] - whole).abs() > 1e-3;
            }
            assert!(differs);
        }
    }
}

#[test]
fn the_greatest_divergence_of_a_state_and_its_model() {
    let mut rng = Stream::new(0, "directions", 0);
    for world in World::all() {
        let direction: Vec<f64> = world.theta.iter().map(|_| rng.random::<f64>() - 0.5).collect();
        let moved = |by: f64| -> Vec<f64> {
            world.theta.iter().zip(&direction).map(|(theta, d)| theta + by * d).collect()
        };
        let params = |theta: &[f64]| -> Vec<f64> { (0..ROWS).flat_map(|i| world.params(theta, i)).collect() };
        let old = params(&world.theta);
        let (mut policy, mut tangent) = (world.policy(), vec![0.0; old.len()]);
        let mut point = policy.linearize(Team::single(), &world.theta, world.input());
        point.jvp(Team::single(), &direction, &mut tangent);
        let name = world.name();
        world.with_surrogate(false, |surrogate| {
            let far = moved(0.7);
            let (_, divergence) = surrogate.value_and_divergence(Team::single(), &old, &params(&far));
            let expected = world.kls(&world.theta, &far);
            let greatest = expected.iter().copied().fold(0.0, f64::max);
            assert!((divergence.max - greatest).abs() < 1e-12, "{name}: {divergence:?} {greatest}");
            let mean = expected.iter().sum::<f64>() / ROWS as f64;
            assert!((divergence.mean - mean).abs() < 1e-12, "{name}");
            assert!(greatest > 1.01 * mean, "{name}: the mean in the maximum's place would be noticed");

            let by = 1e-4;
            let near = world.kls(&world.theta, &moved(by));
            let (mean, max) = (near.iter().sum::<f64>() / ROWS as f64, near.into_iter().fold(0.0, f64::max));
            for (constraint, expected) in [(KlConstraint::Mean, mean), (KlConstraint::Max, max)] {
                let model = 0.5 * by * by * surrogate.with_constraint(constraint).curvature(&old, &tangent);
                assert!((model / expected - 1.0).abs() < 1e-2, "{name}: {model} {expected}");
            }
        });
    }
}

/// F is also the Hessian of the mean of KL(π_old‖π_θ) at θ_old.
#[test]
fn the_product_is_the_hessian_of_the_kl() {
    for world in World::all() {
        let n = world.theta.len();
        let of_kl = |theta: &[f64]| gradient_of(theta, |theta| world.kl(&world.theta, theta));
        let gradient = of_kl(&world.theta);
        assert!(gradient.iter().all(|g| g.abs() < 1e-11), "{}: the KL is least at θ_old", world.name());
        // A difference of differences: central, of order 2.
        let h = 1e-4;
        let hessian: Vec<f64> = (0..n)
            .flat_map(|j| {
                let [above, below] = [h, -h].map(|by| {
                    let mut theta = world.theta.clone();
                    theta[j] += by;
                    of_kl(&theta)
                });
                above.into_iter().zip(below).map(move |(a, b)| (a - b) / (2.0 * h)).collect::<Vec<_>>()
            })
            .collect();
        let ours = world.library_fisher(0.0);
        assert!(distance(&ours, &hessian) < 1e-6, "{}: {}", world.name(), distance(&ours, &hessian));
    }
}

#[test]
fn wrong_metrics_are_rejected() {
    for world in World::all() {
        let dense = world.dense_fisher();
        // The right metric passes through this test's own loop.
        let right = world.fisher_with(|i, params, v| world.metric(i, params, v));
        assert!(distance(&right, &dense) < TOLERANCE, "{}", world.name());

        let sum = world.fisher_with(|i, params, v| {
            world.metric(i, params, v).into_iter().map(|x| x * ROWS as f64).collect()
        });
        assert!(distance(&sum, &dense) > WRONG, "{}: a sum over the batch, no mean", world.name());

        let none = world.fisher_with(|_, _, v| v.iter().map(|x| x / ROWS as f64).collect());
        assert!(distance(&none, &dense) > WRONG, "{}: JᵀJ without a metric", world.name());

        let reversed = world.fisher_with(|i, params, v| {
            let backwards = |x: &[f64]| x.iter().rev().copied().collect::<Vec<f64>>();
            backwards(&world.metric(i, params, &backwards(v)))
        });
        assert!(distance(&reversed, &dense) > WRONG, "{}: parameters in another order", world.name());

        if !world.masks.is_empty() {
            let unmasked = world.fisher_with(|_, params, v| {
                let mut out = vec![0.0; v.len()];
                world.distribution.fisher_vector(params, None, v, &mut out);
                out.into_iter().map(|x| x / ROWS as f64).collect()
            });
            assert!(distance(&unmasked, &dense) > WRONG, "{}: masks forgotten", world.name());
        }
        if let Distribution::MultiCategorical { sizes } = &world.distribution {
            let one = Distribution::Categorical { n: sizes.iter().sum() };
            let joint = world.fisher_with(|i, params, v| {
                let mut out = vec![0.0; v.len()];
                one.fisher_vector(params, world.row_mask(i), v, &mut out);
                out.into_iter().map(|x| x / ROWS as f64).collect()
            });
            assert!(distance(&joint, &dense) > WRONG, "{}: one softmax over all components", world.name());
        }
        if let Distribution::DiagGaussian { dim } = world.distribution {
            let interleaved = world.fisher_with(|_, params, v| {
                // As if parameters were μ₀, ln σ₀, μ₁, ln σ₁.
                let of =
                    |k: usize| if k.is_multiple_of(2) { (-2.0 * params[dim + k / 2]).exp() } else { 2.0 };
                v.iter().enumerate().map(|(k, v)| of(k) * v / ROWS as f64).collect()
            });
            assert!(distance(&interleaved, &dense) > WRONG, "means and log_std interleaved");
        }
    }
}

/// θ_old is `world.theta`, θ another.
fn moved(world: &World) -> Vec<f64> {
    world.theta.iter().enumerate().map(|(j, x)| x + 0.3 * ((j % 5) as f64 - 2.0)).collect()
}

#[test]
fn the_constraint_is_the_kl_from_old_to_new() {
    for world in World::all() {
        let theta = moved(&world);
        let mut policy = world.policy();
        let mut params = |theta: &[f64]| {
            let mut params = vec![0.0; ROWS * world.distribution.n_params()];
            policy.forward(Team::single(), theta, world.input(), &mut params);
            params
        };
        let (old, new) = (params(&world.theta), params(&theta));
        let (value, divergence) = world
            .with_surrogate(false, |surrogate| surrogate.value_and_divergence(Team::single(), &old, &new));
        let kl = divergence.mean;
        let expected = world.kl(&world.theta, &theta);
        assert!((kl - expected).abs() < 1e-12 * expected, "{}: {kl}, {expected}", world.name());
        let other_way = world.kl(&theta, &world.theta);
        assert!((kl - other_way).abs() > WRONG * expected, "{}: KL(new‖old) is {other_way}", world.name());
        let expected = world.surrogate(&theta, false);
        assert!((value - expected).abs() < 1e-12, "{}: {value}, {expected}", world.name());
    }
}

#[test]
fn the_gradient_of_the_surrogate() {
    for world in World::all() {
        for normalize in [false, true] {
            for theta in [world.theta.clone(), moved(&world)] {
                let mut policy = world.policy();
                let mut gradient = vec![0.0; theta.len()];
                let value = world.with_surrogate(normalize, |surrogate| {
                    let mut point = policy.linearize(Team::single(), &theta, world.input());
                    let mut cotangent = vec![0.0; point.outputs().len()];
                    surrogate_gradient(Team::single(), &mut point, surrogate, &mut cotangent, &mut gradient)
                });
                assert!((value - world.surrogate(&theta, normalize)).abs() < 1e-12, "{}", world.name());
                let expected = gradient_of(&theta, |theta| world.surrogate(theta, normalize));
                assert!(distance(&gradient, &expected) < TOLERANCE, "{}", world.name());
                let other = gradient_of(&theta, |theta| world.surrogate(theta, !normalize));
                assert!(distance(&gradient, &other) > WRONG, "{}: advantages", world.name());
            }
        }
    }
}

/// The step √(2δ / xᵀF x) x lies on the bound: ½ sᵀ F s = δ, with the damped F, wherever conjugate gradient stops.
#[test]
fn the_step_lies_on_the_bound_of_the_quadratic_model() {
    let (max_kl, damping) = (0.02, 0.1);
    for world in World::all() {
        let n = world.theta.len();
        let mut damped = world.dense_fisher();
        let bare = damped.clone();
        damped.iter_mut().step_by(n + 1).for_each(|diagonal| *diagonal += damping);
        let quadratic = |matrix: &[f64], x: &[f64]| {
            0.5 * matrix.chunks_exact(n).zip(x).map(|(row, x_i)| x_i * dot(row, x)).sum::<f64>()
        };
        let gradient = gradient_of(&world.theta, |theta| world.surrogate(theta, false));
        for iterations in [1, 3, 200] {
            let settings = ConjugateGradient::new().with_max_iterations(iterations);
            let mut solver = CgSolver::new(settings, n).expect("valid settings");
            let mut x = vec![0.0; n];
            let product = |v: &[f64], out: &mut [f64]| {
                out.iter_mut().zip(damped.chunks_exact(n)).for_each(|(out, row)| *out = dot(row, v));
            };
            let info = solver.solve(product, &gradient, &mut x).expect("positive definite");
            let length = step_length(max_kl, &info);
            let step = |length: f64| x.iter().map(|x| length * x).collect::<Vec<f64>>();
            let reached = quadratic(&damped, &step(length));
            assert!((reached / max_kl - 1.0).abs() < 1e-9, "{}: {reached}", world.name());

            // Without the damping in xᵀFx, or without the 2, the step does not end there.
            let undamped = (max_kl / quadratic(&bare, &x)).sqrt();
            assert!((quadratic(&damped, &step(undamped)) / max_kl - 1.0).abs() > WRONG, "{}", world.name());
            let without_two = (max_kl / (2.0 * quadratic(&damped, &x))).sqrt();
            assert!(
                (quadratic(&damped, &step(without_two)) / max_kl - 1.0).abs() > WRONG,
                "{}",
                world.name()
            );
        }
    }
}
