//! Policy and critic as one network: against its parts, finite differences, and itself in every other way that it
//! can be evaluated.

mod common;

use common::{assert_close, bits, dot, jacobian_transposed, panics, random, wide};
use gradus_core_math::{Adam, AdamConfig, Distribution, Optimizer, Stream};
use gradus_policy::{
    ActorCritic, ActorCriticConfig, Agent, Descent, Frozen, Head, Input, InstructionSet, Kernel, Linearized,
    Mlp, MlpConfig, Network, PolicyHead, Side, Team, Threads,
};

const INPUTS: usize = 5;
const HIDDEN: [usize; 2] = [20, 17];

fn families() -> [Distribution; 4] {
    [
        Distribution::Categorical { n: 3 },
        Distribution::MultiCategorical { sizes: vec![2, 4] },
        Distribution::Bernoulli { n: 2 },
        Distribution::DiagGaussian { dim: 3 },
    ]
}

/// The outputs of the actor, and how many parameters of the distribution are free.
fn widths(distribution: &Distribution) -> (usize, usize) {
    match distribution {
        Distribution::DiagGaussian { dim } => (*dim, *dim),
        other => (other.n_params(), 0),
    }
}

fn mlp<T: Kernel>(outputs: usize, set: InstructionSet) -> Mlp<T> {
    Mlp::with_instruction_set(MlpConfig::new(INPUTS, outputs).with_hidden(&HIDDEN), set)
}

fn network<T: Kernel>(distribution: &Distribution, shared: bool, set: InstructionSet) -> ActorCritic<Mlp<T>> {
    let outputs = widths(distribution).0;
    if shared {
        ActorCritic::shared(mlp(outputs + 1, set), distribution.clone(), -0.3)
    } else {
        ActorCritic::separate(mlp(outputs, set), mlp(1, set), distribution.clone(), -0.3)
    }
}

/// Calls `visit` for every family, with separate networks and with a shared trunk.
fn for_each<T: Kernel>(set: InstructionSet, mut visit: impl FnMut(&str, ActorCritic<Mlp<T>>)) {
    for distribution in families() {
        for shared in [false, true] {
            let what = format!("{set:?} {distribution:?} shared: {shared}");
            visit(&what, network(&distribution, shared, set));
        }
    }
}

fn outputs<N: Network>(network: &mut N, theta: &[N::Scalar], x: &[N::Scalar]) -> Vec<N::Scalar> {
    let input = Input::all(x, network.input_width());
    let mut y = vec![N::Scalar::default(); input.rows.len() * network.output_width()];
    network.forward(Team::single(), theta, input, &mut y);
    y
}

/// Parameters of the distribution, then the value, from plain networks on their parts of θ.
fn from_parts(of: &ActorCritic<Mlp<f32>>, set: InstructionSet, theta: &[f32], x: &[f32]) -> Vec<f32> {
    let (width, free) = widths(of.distribution());
    let mut rows = Vec::new();
    if of.is_shared() {
        let (trunk, log_std) = theta.split_at(theta.len() - free);
        for row in outputs(&mut mlp(width + 1, set), trunk, x).chunks(width + 1) {
            rows.extend([&row[..width], log_std, &row[width..]].concat());
        }
    } else {
        let mut actor = mlp(width, set);
        let (of_actor, rest) = theta.split_at(actor.parameter_count());
        let (log_std, of_critic) = rest.split_at(free);
        let means = outputs(&mut actor, of_actor, x);
        let values = outputs(&mut mlp(1, set), of_critic, x);
        for (row, value) in means.chunks(width).zip(values) {
            rows.extend([row, log_std, &[value]].concat());
        }
    }
    rows
}

#[test]
fn outputs_are_those_of_the_parts_side_by_side() {
    for set in InstructionSet::available() {
        for_each::<f32>(set, |what, mut network| {
            let theta: Vec<f32> = random(network.parameter_count(), 0.4, 1);
            for rows in [0, 1, 129] {
                let x: Vec<f32> = random(rows * INPUTS, 1.0, 2);
                let expected = from_parts(&network, set, &theta, &x);
                assert_eq!(bits(&outputs(&mut network, &theta, &x)), bits(&expected), "{what}: {rows} rows");
                let point = network.linearize(Team::single(), &theta, Input::all(&x, INPUTS));
                assert_eq!(bits(point.outputs()), bits(&expected), "{what}: linearised, {rows} rows");
            }
        });
    }
}

#[test]
fn values_and_the_frozen_policy_agree_with_the_outputs_bit_for_bit() {
    for set in InstructionSet::available() {
        for_each::<f32>(set, |what, mut network| {
            let theta: Vec<f32> = random(network.parameter_count(), 0.4, 3);
            let (rows, n_params) = (131, network.distribution().n_params());
            let x: Vec<f32> = random(rows * INPUTS, 1.0, 4);
            let y = outputs(&mut network, &theta, &x);
            let value_column: Vec<f32> = y.chunks(n_params + 1).map(|row| row[n_params]).collect();
            let mut values = vec![9.0; rows];
            network.values(Team::single(), &theta, Input::all(&x, INPUTS), &mut values);
            assert_eq!(bits(&values), bits(&value_column), "{what}: values");

            // Frozen with other parameters first, so that `load` is tested too.
            let other: Vec<f32> = random(theta.len(), 0.4, 5);
            let mut frozen = network.freeze_policy(&other);
            frozen.load(&theta[..network.policy_parameter_count()]);
            let width = network.frozen_width();
            for block in [1, 3, rows] {
                let mut acted = vec![9.0; rows * width];
                for (x, to) in x.chunks(block * INPUTS).zip(acted.chunks_mut(block * width)) {
                    frozen.forward(x, to);
                }
                for (acted, row) in acted.chunks(width).zip(y.chunks(n_params + 1)) {
                    assert_eq!(bits(&acted[..n_params]), bits(&row[..n_params]), "{what}: blocks of {block}");
                }
            }
        });
    }
}

#[test]
fn derivatives_agree_with_finite_differences_in_every_parameter() {
    for_each::<f64>(InstructionSet::Plain, |what, mut network| {
        let theta: Vec<f64> = random(network.parameter_count(), 0.5, 6);
        let x: Vec<f64> = random(4 * INPUTS, 1.0, 7);
        let y = outputs(&mut network, &theta, &x);
        let u: Vec<f64> = random(y.len(), 1.0, 8);
        let v: Vec<f64> = random(theta.len(), 1.0, 9);
        let columns = jacobian_transposed(&theta, |theta| outputs(&mut network, theta, &x));
        let expected_gradient: Vec<f64> = columns.iter().map(|column| dot(column, &u)).collect();
        let mut expected_tangent = vec![0.0; y.len()];
        for (column, v) in columns.iter().zip(&v) {
            expected_tangent.iter_mut().zip(column).for_each(|(e, c)| *e += c * v);
        }
        let (mut gradient, mut tangent) = (vec![9.0; theta.len()], vec![9.0; y.len()]);
        let mut point = network.linearize(Team::single(), &theta, Input::all(&x, INPUTS));
        // In both orders, as a Fisher-vector product and a gradient need them from one linearisation.
        for _ in 0..2 {
            point.vjp(Team::single(), &u, &mut gradient);
            point.jvp(Team::single(), &v, &mut tangent);
        }
        assert_close(&gradient, &expected_gradient, 1e-8, &format!("{what}: vjp"));
        assert_close(&tangent, &expected_tangent, 1e-7, &format!("{what}: jvp"));
        // The wrong variant that leaves out the free parameters is far from it.
        if let Distribution::DiagGaussian { dim } = network.distribution() {
            let end = network.policy_parameter_count();
            assert!(expected_gradient[end - dim..end].iter().all(|g| g.abs() > 1e-3), "{what}");
        }
    });
}

fn check_transposes<T: Kernel>(set: InstructionSet, tolerance: f64) {
    for_each::<T>(set, |what, mut network| {
        let theta: Vec<T> = random(network.parameter_count(), 0.4, 10);
        let x: Vec<T> = random(300 * INPUTS, 1.0, 11);
        let u: Vec<T> = random(300 * network.output_width(), 1.0, 12);
        let v: Vec<T> = random(theta.len(), 1.0, 13);
        let (mut gradient, mut tangent) = (vec![T::zero(); theta.len()], vec![T::zero(); u.len()]);
        let mut point = network.linearize(Team::single(), &theta, Input::all(&x, INPUTS));
        point.jvp(Team::single(), &v, &mut tangent);
        point.vjp(Team::single(), &u, &mut gradient);
        let scale = (dot(&gradient, &gradient) * dot(&v, &v)).sqrt();
        let difference = dot(&u, &tangent) - dot(&gradient, &v);
        assert!(difference.abs() < tolerance * scale, "{what}: {difference} of {scale}");
    });
}

#[test]
fn vjp_is_the_transpose_of_jvp() {
    for set in InstructionSet::available() {
        check_transposes::<f32>(set, 1e-5);
    }
    check_transposes::<f64>(InstructionSet::Plain, 1e-13);
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    for set in InstructionSet::available() {
        for_each::<f32>(set, |what, mut network| {
            let rows = 700;
            let theta: Vec<f32> = random(network.parameter_count(), 0.4, 14);
            let x: Vec<f32> = random(rows * INPUTS, 1.0, 15);
            let u: Vec<f32> = random(rows * network.output_width(), 1.0, 16);
            let input = Input::all(&x, INPUTS);
            let results: Vec<[Vec<u32>; 4]> = [1, 2, 3, 4]
                .map(|count| {
                    let mut threads = Threads::new(count);
                    let mut values = vec![0.0; rows];
                    network.values(threads.team(), &theta, input, &mut values);
                    let mut point = network.linearize(threads.team(), &theta, input);
                    let (mut gradient, mut tangent) = (vec![0.0; theta.len()], vec![0.0; u.len()]);
                    point.vjp(threads.team(), &u, &mut gradient);
                    point.jvp(threads.team(), &theta, &mut tangent);
                    [bits(&values), bits(point.outputs()), bits(&gradient), bits(&tangent)]
                })
                .into();
            assert!(results.windows(2).all(|w| w[0] == w[1]), "{what}");
        });
    }
}

/// With losses of policy and value apart, against the joint cotangent.
#[test]
fn a_gradient_of_both_parts_is_that_of_the_joint_outputs() {
    for set in InstructionSet::available() {
        for_each::<f32>(set, |what, mut network| {
            let (rows, width) = (200, network.output_width());
            let mut theta: Vec<f32> = random(network.parameter_count(), 0.4, 14);
            let x: Vec<f32> = random(rows * INPUTS, 1.0, 15);
            let u: Vec<f32> = random(rows * width, 1.0, 16);
            let input = Input::all(&x, INPUTS);
            let mut expected = vec![0.0; theta.len()];
            network.linearize(Team::single(), &theta, input).vjp(Team::single(), &u, &mut expected);
            let policy = |first: usize, params: &[f32], to: &mut [f32]| {
                assert_eq!(params.len(), to.len());
                for (row, to) in u.chunks(width).skip(first).zip(to.chunks_mut(width - 1)) {
                    to.copy_from_slice(&row[..width - 1]);
                }
                params.len()
            };
            let value = |first: usize, values: &[f32], to: &mut [f32]| {
                for (row, to) in u.chunks(width).skip(first).zip(to) {
                    *to = row[width - 1];
                }
                values.len()
            };
            let results = [1, 2, 3, 4].map(|count| {
                let mut threads = Threads::new(count);
                let mut gradient = vec![9.0; theta.len()];
                let split = network.policy_parameter_count();
                let sides = Side::both(&mut theta, &mut gradient, split);
                let (params, values, norm) =
                    network.gradient_after(threads.team(), sides, input, &policy, &value);
                assert_eq!((params, values), (rows * (width - 1), rows), "{what}");
                assert!((norm - dot(&gradient, &gradient).sqrt()).abs() < 1e-6 * norm, "{what}");
                assert_close(&gradient, &wide(&expected), 1e-6 * norm, what);
                (bits(&gradient), norm.to_bits())
            });
            assert!(results.windows(2).all(|w| w[0] == w[1]), "{what}");
        });
    }
}

/// Against gradients of the whole vector, and steps of Adam on it; to the bit, for any number of threads. A last gradient
/// without a step changes nothing.
#[test]
fn a_descent_is_gradients_and_steps_in_turn() {
    for_each::<f32>(InstructionSet::best(), |what, mut network| {
        let (rows, split) = (150, network.policy_parameter_count());
        let start: Vec<f32> = random(network.parameter_count(), 0.4, 17);
        let x: Vec<f32> = random(rows * INPUTS, 1.0, 18);
        let input = Input::all(&x, INPUTS);
        let square = |_: usize, outputs: &[f32], to: &mut [f32]| {
            to.copy_from_slice(outputs);
            outputs.iter().map(|x| x * x).sum::<f32>()
        };
        let adam = || Adam::new(AdamConfig::new(), start.len()).expect("the defaults");
        let (mut theta, mut gradient, mut plain) = (start.clone(), vec![0.0; start.len()], adam());
        for factor in [1.0, 0.5, 2.0] {
            let sides = Side::both(&mut theta, &mut gradient, split);
            network.gradient_after(Team::single(), sides, input, &square, &square);
            gradient.iter_mut().for_each(|g| *g *= factor);
            plain.step(&mut theta, &gradient, 0.01);
        }
        for count in 1..=4 {
            let (mut threads, mut descended, mut adam) = (Threads::new(count), start.clone(), adam());
            // From one step to the next, and from one descent to the next.
            for factors in [&[1.0, 0.5][..], &[2.0]] {
                let mut descent = Descent::begin(&network, &descended, &adam, 0.01);
                for &factor in factors {
                    descent.gradient(threads.team(), &mut network, input, &square, &square);
                    descent.step(factor);
                }
                if factors.len() > 1 {
                    descent.gradient(threads.team(), &mut network, input, &square, &square);
                }
                descent.end(threads.team(), &mut descended, &mut adam);
            }
            assert_eq!(bits(&descended), bits(&theta), "{what}, {count} threads");
            assert!(adam == plain, "{what}, {count} threads");
        }
    });
}

#[test]
fn tensors_cover_the_parameters_without_gaps_and_non_finite_ones_are_found() {
    for_each::<f32>(InstructionSet::best(), |what, network| {
        let mut end = 0;
        let mut names = Vec::new();
        let mut theta = vec![0.0_f32; network.parameter_count()];
        assert_eq!(network.find_non_finite(&theta), None);
        for tensor in network.tensors() {
            assert_eq!(tensor.offset, end, "{what}: {}", tensor.name);
            end += tensor.size();
            assert!(tensor.size() > 0);
            for (place, bad) in [(0, f32::NAN), (tensor.size() - 1, f32::NEG_INFINITY)] {
                theta[tensor.offset + place] = bad;
                assert_eq!(network.find_non_finite(&theta), Some((tensor.name.clone(), place)), "{what}");
                theta[tensor.offset + place] = 0.0;
            }
            names.push(tensor.name);
        }
        assert_eq!(end, theta.len(), "{what}");
        let free = widths(network.distribution()).1 > 0;
        let log_std = if network.is_shared() { "trunk.log_std" } else { "actor.log_std" };
        assert_eq!(names.iter().any(|name| name == log_std), free, "{what}");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), network.tensors().len(), "{what}: names are different");
    });
}

/// The largest deviation of a probability from uniform, over random observations.
fn deviation(network: ActorCritic<Mlp<f32>>) -> f64 {
    let n = network.distribution().n_params();
    let mut agent = Agent::new(network, &mut Stream::new(3, "initialise", 0));
    let x: Vec<f32> = random(64 * INPUTS, 2.0, 17);
    let y = outputs(&mut agent.network, &agent.theta, &x);
    let probability = |row: &[f32], a: usize| {
        f64::from(agent.network.distribution().log_prob(&row[..n], None, &[a as f32])).exp()
    };
    y.chunks(n + 1)
        .flat_map(|row| (0..n).map(move |a| (row, a)))
        .fold(0.0, |worst: f64, (row, a)| worst.max((n as f64 * probability(row, a) - 1.0).abs()))
}

#[test]
fn the_first_policy_is_near_uniform() {
    let family = Distribution::Categorical { n: 4 };
    for shared in [false, true] {
        let config = ActorCriticConfig::new(INPUTS, family.clone()).with_shared_trunk(shared);
        let worst = deviation(config.build());
        assert!(worst > 1e-4 && worst < 0.05, "{worst}");
    }
    // A policy layer with the gain of the others is not.
    let heads = [Head { width: 4, gain: 1.0 }, Head { width: 1, gain: 1.0 }];
    let trunk = Mlp::new(MlpConfig::new(INPUTS, 1).with_heads(&heads));
    assert!(deviation(ActorCritic::shared(trunk, family, 0.0)) > 0.5);
}

#[test]
fn log_std_begins_as_configured_in_every_state() {
    for shared in [false, true] {
        let config = ActorCriticConfig::new(INPUTS, Distribution::DiagGaussian { dim: 2 })
            .with_shared_trunk(shared)
            .with_log_std_init(-0.7);
        let mut agent = Agent::new(config.build::<f32>(), &mut Stream::new(0, "initialise", 0));
        assert_eq!(agent.network.is_shared(), shared);
        let y = outputs(&mut agent.network, &agent.theta, &random(9 * INPUTS, 1.0, 18));
        for row in y.chunks(5) {
            assert!(row[0].abs() < 0.1 && row[1].abs() < 0.1, "means {row:?}");
            assert_eq!(row[2..4], [-0.7_f32; 2]);
        }
        // The value's layer has gain 1: a critic that starts at 0.01 of it would learn its scale slowly.
        assert!(y.chunks(5).any(|row| row[4].abs() > 0.05));
    }
}

/// Two free parameters between the columns of three outputs.
#[test]
fn a_policy_head_inserts_its_parameters_into_the_middle() {
    let mut head = PolicyHead::new(mlp::<f64>(3, InstructionSet::Plain), 1, 2, 0.25);
    assert_eq!((head.output_width(), head.parameter_count()), (5, head.inner().parameter_count() + 2));
    let mut theta = vec![0.0; head.parameter_count()];
    head.initialize(&mut Stream::new(0, "initialise", 0), &mut theta);
    let split = theta.len() - 2;
    assert_close(&theta[split..], &[0.25; 2], 1e-300, "initial");
    theta[split..].copy_from_slice(&[3.0, 4.0]);
    let x: Vec<f64> = random(6 * INPUTS, 1.0, 19);
    let inner = outputs(&mut mlp(3, InstructionSet::Plain), &theta[..split], &x);
    let expected: Vec<f64> = inner.chunks(3).flat_map(|y| [y[0], 3.0, 4.0, y[1], y[2]]).collect();
    assert_close(&outputs(&mut head, &theta, &x), &expected, 0.0, "outputs");
    let mut acted = vec![0.0; expected.len()];
    head.freeze(&theta).forward(&x, &mut acted);
    assert_close(&acted, &expected, 0.0, "frozen");

    let columns = jacobian_transposed(&theta, |theta| outputs(&mut head, theta, &x));
    let u: Vec<f64> = random(expected.len(), 1.0, 20);
    let v: Vec<f64> = random(theta.len(), 1.0, 21);
    let (mut gradient, mut tangent) = (vec![0.0; theta.len()], vec![0.0; u.len()]);
    let mut point = head.linearize(Team::single(), &theta, Input::all(&x, INPUTS));
    assert_close(point.outputs(), &expected, 0.0, "linearised");
    point.vjp(Team::single(), &u, &mut gradient);
    point.jvp(Team::single(), &v, &mut tangent);
    let along_u: Vec<f64> = columns.iter().map(|column| dot(column, &u)).collect();
    assert_close(&gradient, &along_u, 1e-8, "vjp");
    assert!((dot(&u, &tangent) - dot(&gradient, &v)).abs() < 1e-11);
    let sums: Vec<f64> = (1..3).map(|k| u.chunks(5).map(|row| row[k]).sum()).collect();
    assert_close(&gradient[split..], &sums, 1e-14, "the sum of a free parameter's column");
}

#[test]
fn lengths_that_do_not_fit_are_refused() {
    let gaussian = Distribution::DiagGaussian { dim: 2 };
    for shared in [false, true] {
        let mut network = network::<f32>(&gaussian, shared, InstructionSet::best());
        let theta: Vec<f32> = random(network.parameter_count(), 0.4, 22);
        let long = [&theta[..], &[0.0]].concat();
        let x: Vec<f32> = random(3 * INPUTS, 1.0, 23);
        let input = Input::all(&x, INPUTS);
        let team = Team::single;
        for count in [2, 4] {
            assert!(
                panics(|| network.values(team(), &theta, input, &mut vec![0.0; count])),
                "{count} values"
            );
            assert!(panics(|| network.forward(team(), &theta, input, &mut vec![0.0; count * 5])));
        }
        assert!(panics(|| network.forward(team(), &long, input, &mut [0.0; 15])));
        assert!(panics(|| network.linearize(team(), &long, input).outputs().len()));
        let mut point = network.linearize(team(), &theta, input);
        assert!(panics(|| point.vjp(team(), &[0.0; 15], &mut long.clone())));
        for length in [14, 16] {
            assert!(panics(|| point.vjp(team(), &vec![0.0; length], &mut theta.clone())));
            assert!(panics(|| point.jvp(team(), &theta, &mut vec![0.0; length])));
        }
        assert!(panics(|| point.jvp(team(), &long, &mut [0.0; 15])));
        assert!(panics(|| network.freeze_policy(&theta).load(&long)));
    }
    let set = InstructionSet::best();
    assert!(panics(|| ActorCritic::separate(mlp::<f32>(4, set), mlp(1, set), gaussian.clone(), 0.0)));
    assert!(panics(|| ActorCritic::separate(mlp::<f32>(2, set), mlp(2, set), gaussian.clone(), 0.0)));
    assert!(panics(|| ActorCritic::shared(mlp::<f32>(5, set), gaussian.clone(), 0.0)));
    assert!(panics(|| PolicyHead::new(mlp::<f32>(2, set), 3, 1, 0.0)));
}
