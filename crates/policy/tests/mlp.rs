//! The fused network against loops written from the definition, in every instruction set of this machine.

mod common;

use common::{assert_close, dot, random, reference, wide};
use gradus_core_math::Stream;
use gradus_policy::{
    Activation, Frozen, Head, Input, InstructionSet, Kernel, Linearized, Mlp, MlpConfig, Network, Team,
    Threads,
};

/// Shapes with and without padding, thin and wide outputs, deep, affine.
fn shapes() -> Vec<MlpConfig> {
    let mut shapes = Vec::new();
    for activation in [Activation::Tanh, Activation::Relu, Activation::Identity] {
        for (inputs, hidden, outputs) in [
            (4, vec![64, 64], 2),
            (3, vec![5], 1),
            (17, vec![33, 20, 7], 6),
            (1, vec![], 3),
            (9, vec![], 19),
            (376, vec![48], 17),
            (6, vec![100, 130], 5),
            // More than a block of inner steps on the way there, and on the way back.
            (2, vec![300, 5], 3),
            (2, vec![5, 300], 3),
        ] {
            shapes.push(MlpConfig::new(inputs, outputs).with_hidden(&hidden).with_activation(activation));
        }
    }
    shapes
}

fn check_outputs<T: Kernel>(set: InstructionSet, tolerance: f64) {
    for config in shapes() {
        let mut mlp = Mlp::<T>::with_instruction_set(config.clone(), set);
        let theta: Vec<T> = random(mlp.parameter_count(), 0.3, 1);
        for rows in [1, 3, 8, 130, 257] {
            let x: Vec<T> = random(rows * config.inputs, 1.0, 2);
            let expected: Vec<f64> = wide(&x)
                .chunks(config.inputs)
                .flat_map(|row| reference(&config, &wide(&theta), row))
                .collect();
            let what = format!("{set:?} {config:?} {rows} rows");
            let mut y = vec![T::zero(); expected.len()];
            mlp.forward(Team::single(), &theta, Input::all(&x, config.inputs), &mut y);
            assert_close(&y, &expected, tolerance, &what);
            let point = mlp.linearize(Team::single(), &theta, Input::all(&x, config.inputs));
            assert_eq!(point.outputs(), y, "{what}: linearize agrees with forward bit for bit");
            let mut frozen = vec![T::zero(); expected.len()];
            mlp.freeze(&theta).forward(&x, &mut frozen);
            assert_eq!(frozen, y, "{what}: a frozen copy agrees bit for bit");
        }
    }
}

#[test]
fn outputs_are_those_of_the_definition() {
    for set in InstructionSet::available() {
        check_outputs::<f32>(set, 3e-6);
    }
    check_outputs::<f64>(InstructionSet::Plain, 1e-13);
}

/// Central differences of Σ y·u in every parameter, and of y along a tangent.
#[test]
fn derivatives_agree_with_finite_differences() {
    for config in shapes() {
        // Relu has kinks, across which differences mean nothing: few enough rows to miss them.
        let rows = 5;
        if config.inputs > 100 {
            continue;
        }
        let mut mlp = Mlp::<f64>::new(config.clone());
        let theta: Vec<f64> = random(mlp.parameter_count(), 0.4, 3);
        let x: Vec<f64> = random(rows * config.inputs, 1.0, 4);
        let input = Input::all(&x, config.inputs);
        let outputs = mlp.output_width() * rows;
        let u: Vec<f64> = random(outputs, 1.0, 5);
        let v: Vec<f64> = random(theta.len(), 1.0, 6);
        let (mut gradient, mut jv) = (vec![0.0; theta.len()], vec![0.0; outputs]);
        let mut point = mlp.linearize(Team::single(), &theta, input);
        point.vjp(Team::single(), &u, &mut gradient);
        point.jvp(Team::single(), &v, &mut jv);

        let step = 1e-6;
        let mut at = |theta: &[f64]| {
            let mut y = vec![0.0; outputs];
            mlp.forward(Team::single(), theta, input, &mut y);
            y
        };
        let mut moved = theta.clone();
        for i in 0..theta.len() {
            moved[i] = theta[i] + step;
            let above = at(&moved);
            moved[i] = theta[i] - step;
            let below = at(&moved);
            moved[i] = theta[i];
            let slope: f64 =
                above.iter().zip(&below).zip(&u).map(|((a, b), u)| u * (a - b) / (2.0 * step)).sum();
            assert!((slope - gradient[i]).abs() < 1e-7 * (1.0 + slope.abs()), "{config:?} parameter {i}");
        }
        let along = |sign: f64| theta.iter().zip(&v).map(|(t, v)| t + sign * step * v).collect::<Vec<_>>();
        let (above, below) = (at(&along(1.0)), at(&along(-1.0)));
        let slope: Vec<f64> = above.iter().zip(&below).map(|(a, b)| (a - b) / (2.0 * step)).collect();
        assert_close(&jv, &slope, 1e-7, &format!("{config:?} jvp"));
    }
}

/// uᵀ(Jv) = (Jᵀu)ᵀv, over several segments and in every instruction set.
fn check_transposes<T: Kernel>(set: InstructionSet, tolerance: f64) {
    for config in shapes() {
        let rows = 300;
        let mut mlp = Mlp::<T>::with_instruction_set(config.clone(), set);
        let theta: Vec<T> = random(mlp.parameter_count(), 0.3, 7);
        let x: Vec<T> = random(rows * config.inputs, 1.0, 8);
        let u: Vec<T> = random(mlp.output_width() * rows, 1.0, 9);
        let v: Vec<T> = random(theta.len(), 1.0, 10);
        let (mut gradient, mut jv) = (vec![T::zero(); theta.len()], vec![T::zero(); u.len()]);
        let mut point = mlp.linearize(Team::single(), &theta, Input::all(&x, config.inputs));
        point.jvp(Team::single(), &v, &mut jv);
        point.vjp(Team::single(), &u, &mut gradient);
        let scale = dot(&gradient, &gradient).sqrt() * dot(&v, &v).sqrt();
        let (left, right) = (dot(&u, &jv), dot(&gradient, &v));
        assert!((left - right).abs() < tolerance * scale, "{set:?} {config:?}: {left} and {right}");
    }
}

#[test]
fn vjp_is_the_transpose_of_jvp() {
    for set in InstructionSet::available() {
        check_transposes::<f32>(set, 1e-5);
    }
    check_transposes::<f64>(InstructionSet::Plain, 1e-13);
}

#[test]
fn rows_of_a_minibatch_are_named_not_copied() {
    let mut mlp = Mlp::<f32>::new(MlpConfig::new(3, 2));
    let theta: Vec<f32> = random(mlp.parameter_count(), 0.3, 12);
    let x: Vec<f32> = random(10 * 3, 1.0, 13);
    let mut all = vec![0.0; 20];
    mlp.forward(Team::single(), &theta, Input::all(&x, 3), &mut all);
    let mut some = vec![0.0; 6];
    mlp.forward(Team::single(), &theta, Input::listed(&x, 3, &[7, 0, 7]), &mut some);
    assert_eq!(some, [all[14], all[15], all[0], all[1], all[14], all[15]]);
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads_or_on_how_rows_are_split() {
    for set in InstructionSet::available() {
        let config = MlpConfig::new(5, 3).with_hidden(&[40, 64]);
        let rows = 700;
        let mut mlp = Mlp::<f32>::with_instruction_set(config, set);
        let theta: Vec<f32> = random(mlp.parameter_count(), 0.3, 14);
        let x: Vec<f32> = random(rows * 5, 1.0, 15);
        let u: Vec<f32> = random(rows * 3, 1.0, 16);
        let mut results = Vec::new();
        for count in [1, 2, 3, 4] {
            let mut threads = Threads::new(count);
            let mut point = mlp.linearize(threads.team(), &theta, Input::all(&x, 5));
            let (mut gradient, mut jv) = (vec![0.0; theta.len()], vec![0.0; u.len()]);
            point.vjp(threads.team(), &u, &mut gradient);
            point.jvp(threads.team(), &theta, &mut jv);
            results.push((point.outputs().to_vec(), gradient, jv));
        }
        assert!(results.windows(2).all(|w| w[0] == w[1]));
        let mut frozen = mlp.freeze(&theta);
        for block in [1, 2, 7, 129, rows] {
            let mut y = vec![0.0; rows * 3];
            for (x, y) in x.chunks(block * 5).zip(y.chunks_mut(block * 3)) {
                frozen.forward(x, y);
            }
            assert_eq!(y, results[0].0, "blocks of {block}");
        }
    }
}

/// A loss whose cotangents depend on the row, so that a wrong `first` would show, there and back in one.
#[test]
fn a_gradient_in_one_is_that_of_its_steps_bit_for_bit_on_any_number_of_threads() {
    for set in InstructionSet::available() {
        for (hidden, outputs) in [(vec![40, 64], 3), (vec![33], 6), (vec![200, 180], 1)] {
            let config = MlpConfig::new(5, outputs).with_hidden(&hidden);
            let mut mlp = Mlp::<f32>::with_instruction_set(config, set);
            let theta: Vec<f32> = random(mlp.parameter_count(), 0.3, 14);
            let cotangent_at = |row: usize, y: f32| y * (1.0 + row as f32 / 100.0);
            for rows in [1, 64, 200, 333] {
                let x: Vec<f32> = random(rows * 5, 1.0, 15);
                let mut point = mlp.linearize(Team::single(), &theta, Input::all(&x, 5));
                let y = point.outputs().iter().enumerate();
                let cotangent: Vec<f32> = y.map(|(i, &y)| cotangent_at(i / outputs, y)).collect();
                let mut expected = vec![0.0; theta.len()];
                point.vjp(Team::single(), &cotangent, &mut expected);
                for count in 1..=4 {
                    let mut threads = Threads::new(count);
                    let mut gradient = vec![9.0; theta.len()];
                    let loss = |first: usize, y: &[f32], to: &mut [f32]| {
                        for (i, (to, &y)) in to.iter_mut().zip(y).enumerate() {
                            *to = cotangent_at(first + i / outputs, y);
                        }
                        y.len() / outputs
                    };
                    let input = Input::all(&x, 5);
                    let seen = mlp.gradient(threads.team(), &theta, input, &loss, &mut gradient);
                    let what = format!("{set:?} {hidden:?} {rows} rows, {count} threads");
                    assert_eq!(seen, rows, "{what}: every row once");
                    assert!(gradient == expected, "{what}");
                }
            }
        }
    }
}

/// A metric that depends on row, outputs and tangent.
#[test]
fn a_product_with_a_metric_is_that_of_its_steps_bit_for_bit_on_any_number_of_threads() {
    for set in InstructionSet::available() {
        for outputs in [2, 6] {
            let (rows, config) = (200, MlpConfig::new(5, outputs).with_hidden(&[40, 64]));
            let mut mlp = Mlp::<f32>::with_instruction_set(config, set);
            let theta: Vec<f32> = random(mlp.parameter_count(), 0.3, 17);
            let v: Vec<f32> = random(theta.len(), 0.3, 18);
            let x: Vec<f32> = random(rows * 5, 1.0, 19);
            let metric = |first: usize, y: &[f32], jv: &[f32], to: &mut [f32]| {
                for (i, (to, (y, jv))) in to.iter_mut().zip(y.iter().zip(jv)).enumerate() {
                    *to = jv * (1.0 + y * y) * (1.0 + (first + i / outputs) as f32 / 100.0);
                }
                jv.len() / outputs
            };
            let mut point = mlp.linearize(Team::single(), &theta, Input::all(&x, 5));
            let (mut jv, mut expected) = (vec![0.0; rows * outputs], vec![0.0; theta.len()]);
            point.jvp(Team::single(), &v, &mut jv);
            let mut mjv = vec![0.0; jv.len()];
            metric(0, point.outputs(), &jv, &mut mjv);
            point.vjp(Team::single(), &mjv, &mut expected);
            for count in 1..=4 {
                let mut threads = Threads::new(count);
                let mut product = vec![9.0; theta.len()];
                // Twice: nothing of the first is left.
                for _ in 0..2 {
                    assert_eq!(point.metric_product(threads.team(), &v, &metric, &mut product), rows);
                }
                assert!(product == expected, "{set:?} {outputs} outputs, {count} threads");
            }
        }
    }
}

#[test]
fn hidden_weights_are_orthogonal_and_heads_have_their_gains() {
    let heads = [Head { width: 2, gain: 0.01 }, Head { width: 1, gain: 1.0 }];
    let mlp = Mlp::<f64>::new(MlpConfig::new(4, 1).with_hidden(&[16, 8]).with_heads(&heads));
    let mut theta = vec![9.0; mlp.parameter_count()];
    mlp.initialize(&mut Stream::new(0, "initialise", 0), &mut theta);
    let tensors = mlp.tensors();
    let tensor = |name: &str| {
        let info = tensors.iter().find(|t| t.name == name).expect("a tensor of that name");
        (&theta[info.offset..info.offset + info.size()], info.shape.clone())
    };
    let column_product = |name: &str, a: usize, b: usize| {
        let (w, shape) = tensor(name);
        (0..shape[0]).map(|i| w[i * shape[1] + a] * w[i * shape[1] + b]).sum::<f64>()
    };
    for a in 0..8 {
        for b in 0..8 {
            let expected = if a == b { 2.0 } else { 0.0 };
            assert!((column_product("1.weight", a, b) - expected).abs() < 1e-12);
        }
    }
    for (a, b, expected) in [(0, 0, 1e-4), (0, 1, 0.0), (1, 1, 1e-4), (2, 2, 1.0)] {
        assert!((column_product("2.weight", a, b) - expected).abs() < 1e-12);
    }
    assert!(tensor("0.bias").0.iter().chain(tensor("2.bias").0).all(|&b| b.abs() < 1e-300));
    let covered: usize = tensors.iter().map(|t| t.size()).sum();
    assert_eq!(covered, theta.len());
}
