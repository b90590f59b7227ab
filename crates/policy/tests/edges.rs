//! The fused network where kernels go wrong: around the width of a register, around the size of a segment, and with
//! numbers that are not finite, in every instruction set of this machine.

mod common;

use common::{assert_close, bits, random, reference, wide};
use gradus_policy::{Activation, Frozen, Input, InstructionSet, Linearized, Mlp, MlpConfig, Network, Team};
use proptest::prelude::*;

const ACTIVATIONS: [Activation; 3] = [Activation::Tanh, Activation::Relu, Activation::Identity];

fn forward(mlp: &mut Mlp<f32>, theta: &[f32], x: &[f32]) -> Vec<f32> {
    let input = Input::all(x, mlp.input_width());
    let mut y = vec![9.0; input.rows.len() * mlp.output_width()];
    mlp.forward(Team::single(), theta, input, &mut y);
    y
}

/// Outputs against the definition, derivatives against the plain f64 network (which finite differences hold).
fn check(config: &MlpConfig, rows: usize) {
    let mut exact = Mlp::<f64>::new(config.clone());
    let theta: Vec<f32> = random(exact.parameter_count(), 0.5, 1);
    let x: Vec<f32> = random(rows * config.inputs, 1.0, 2);
    let (theta64, x64) = (wide(&theta), wide(&x));
    let expected: Vec<f64> =
        x64.chunks(config.inputs).flat_map(|row| reference(config, &theta64, row)).collect();
    let u: Vec<f32> = random(expected.len(), 1.0, 3);
    let v: Vec<f32> = random(theta.len(), 1.0, 4);
    let (mut gradient64, mut tangent64) = (vec![9.0; theta.len()], vec![9.0; u.len()]);
    let mut point = exact.linearize(Team::single(), &theta64, Input::all(&x64, config.inputs));
    point.vjp(Team::single(), &wide(&u), &mut gradient64);
    point.jvp(Team::single(), &wide(&v), &mut tangent64);
    let largest = |x: &[f64]| x.iter().fold(1.0, |a: f64, b| a.max(b.abs()));

    for set in InstructionSet::available() {
        let what = format!("{set:?} {config:?} {rows} rows");
        let mut mlp = Mlp::<f32>::with_instruction_set(config.clone(), set);
        let y = forward(&mut mlp, &theta, &x);
        assert_close(&y, &expected, 1e-6 * largest(&expected), &what);
        if config.activation == Activation::Relu {
            // A sum within rounding of a kink has either derivative; outputs are all that can be compared.
            continue;
        }
        let (mut gradient, mut tangent) = (vec![9.0; theta.len()], vec![9.0; u.len()]);
        let mut point = mlp.linearize(Team::single(), &theta, Input::all(&x, config.inputs));
        point.vjp(Team::single(), &u, &mut gradient);
        point.jvp(Team::single(), &v, &mut tangent);
        assert_close(&gradient, &gradient64, 3e-6 * largest(&gradient64), &format!("{what}: vjp"));
        assert_close(&tangent, &tangent64, 3e-6 * largest(&tangent64), &format!("{what}: jvp"));
    }
}

#[test]
fn widths_around_a_register() {
    let widths = [1, 15, 16, 17, 31, 33];
    for (i, &inputs) in widths.iter().enumerate() {
        for &hidden in &widths {
            for &outputs in &widths {
                let activation = ACTIVATIONS[(i + hidden + outputs) % 3];
                let config =
                    MlpConfig::new(inputs, outputs).with_hidden(&[hidden]).with_activation(activation);
                check(&config, 5);
            }
        }
        check(&MlpConfig::new(inputs, 4).with_hidden(&[]), 5);
    }
}

#[test]
fn rows_around_a_segment() {
    for rows in [0, 1, 2, 127, 128, 129, 255, 256, 257] {
        for outputs in [3, 6] {
            check(&MlpConfig::new(7, outputs).with_hidden(&[19, 33]), rows);
        }
    }
}

#[test]
fn no_rows_have_no_outputs_and_a_gradient_of_zero() {
    for set in InstructionSet::available() {
        let mut mlp = Mlp::<f32>::with_instruction_set(MlpConfig::new(3, 2), set);
        let theta: Vec<f32> = random(mlp.parameter_count(), 0.5, 5);
        // After a batch with rows, whose gradient must not be left over.
        let mut gradient = vec![9.0; theta.len()];
        let mut point = mlp.linearize(Team::single(), &theta, Input::all(&[1.0; 3 * 200], 3));
        point.vjp(Team::single(), &[1.0; 2 * 200], &mut gradient);
        let mut point = mlp.linearize(Team::single(), &theta, Input::listed(&[1.0; 6], 3, &[]));
        assert!(point.outputs().is_empty());
        point.vjp(Team::single(), &[], &mut gradient);
        point.jvp(Team::single(), &theta, &mut []);
        assert!(gradient.iter().all(|g| g.abs() < f32::MIN_POSITIVE));
        mlp.freeze(&theta).forward(&[], &mut []);
    }
}

/// A row that is not finite, in first, middle or last place of a tile or segment, changes no other row's bits, and
/// leaves nothing behind for the next call.
#[test]
fn a_nan_reaches_all_outputs_of_its_row_and_no_other() {
    for set in InstructionSet::available() {
        for activation in ACTIVATIONS {
            for (hidden, outputs) in
                [(vec![], 2), (vec![], 6), (vec![17], 1), (vec![17], 5), (vec![16, 33], 3)]
            {
                let config = MlpConfig::new(5, outputs).with_hidden(&hidden).with_activation(activation);
                let mut mlp = Mlp::<f32>::with_instruction_set(config, set);
                let theta: Vec<f32> = random(mlp.parameter_count(), 0.5, 6);
                let rows = 140;
                let clean: Vec<f32> = random(rows * 5, 1.0, 7);
                let expected = forward(&mut mlp, &theta, &clean);
                for bad in [0, 3, 8, 127, 128, 139] {
                    let what = format!("{set:?} {activation:?} {hidden:?} {outputs}: row {bad}");
                    let mut x = clean.clone();
                    x[bad * 5 + 2] = f32::NAN;
                    let y = forward(&mut mlp, &theta, &x);
                    let mut frozen = vec![0.0; y.len()];
                    mlp.freeze(&theta).forward(&x, &mut frozen);
                    for (r, row) in y.chunks(outputs).enumerate() {
                        let here = r * outputs..(r + 1) * outputs;
                        if r == bad {
                            assert!(row.iter().chain(&frozen[here]).all(|y| y.is_nan()), "{what}: {row:?}");
                        } else {
                            assert_eq!(bits(row), bits(&expected[here.clone()]), "{what}, at {r}");
                            assert_eq!(bits(row), bits(&frozen[here]), "{what}, frozen, at {r}");
                        }
                    }
                }
                assert_eq!(bits(&forward(&mut mlp, &theta, &clean)), bits(&expected));
            }
        }
    }
}

/// A NaN among the observations cannot hide from the norm of the gradient, nor from a tangent.
#[test]
fn a_nan_surfaces_in_derivatives() {
    for set in InstructionSet::available() {
        for activation in ACTIVATIONS {
            let config = MlpConfig::new(3, 2).with_hidden(&[9, 8]).with_activation(activation);
            let mut mlp = Mlp::<f32>::with_instruction_set(config, set);
            let theta: Vec<f32> = random(mlp.parameter_count(), 0.5, 8);
            let mut point = mlp.linearize(Team::single(), &theta, Input::all(&[0.5, f32::NAN, 0.5], 3));
            let (mut gradient, mut tangent) = (vec![0.0; theta.len()], vec![0.0; 2]);
            point.vjp(Team::single(), &[1.0, -1.0], &mut gradient);
            point.jvp(Team::single(), &theta, &mut tangent);
            assert!(gradient.iter().any(|g| g.is_nan()), "{set:?} {activation:?}");
            assert!(tangent.iter().all(|t| t.is_nan()), "{set:?} {activation:?}: {tangent:?}");
        }
    }
}

/// tanh ±∞ is ±1, and so the network's output is finite, whatever the width is padded with; relu lets +∞ through
/// and stops −∞.
#[test]
fn infinite_inputs_have_their_limits() {
    for set in InstructionSet::available() {
        for (hidden, outputs) in [(1, 1), (5, 1), (5, 2), (5, 6), (16, 1), (20, 4), (20, 5)] {
            let config = MlpConfig::new(1, outputs).with_hidden(&[hidden]);
            let mut mlp = Mlp::<f32>::with_instruction_set(config.clone(), set);
            let theta: Vec<f32> = random(mlp.parameter_count(), 0.5, 9);
            for sign in [1.0, -1.0] {
                let x = [f32::INFINITY * sign];
                let expected = reference(&config, &wide(&theta), &wide(&x));
                let what = format!("{set:?} {hidden} {outputs} {sign}");
                assert_close(&forward(&mut mlp, &theta, &x), &expected, 3e-6, &what);

                let mut relu =
                    Mlp::with_instruction_set(config.clone().with_activation(Activation::Relu), set);
                let mut theta = theta.clone();
                theta[..hidden].fill(1.0);
                let y = forward(&mut relu, &theta, &x);
                if sign > 0.0 {
                    assert!(y.iter().all(|y| !y.is_finite()), "{what}: {y:?}");
                } else {
                    assert_eq!(bits(&y), bits(&theta[theta.len() - outputs..]), "{what}: the biases alone");
                }
            }
        }
    }
}

#[test]
fn large_weights_saturate_and_leave_finite_derivatives() {
    for set in InstructionSet::available() {
        for scale in [1e2_f32, 1e4, 1e20, 3e37] {
            let config = MlpConfig::new(2, 2).with_hidden(&[18]);
            let mut mlp = Mlp::<f32>::with_instruction_set(config, set);
            let mut theta: Vec<f32> = random(mlp.parameter_count(), 1.0, 10);
            // Every sum of the first layer is ±scale or more.
            theta[..36].iter_mut().for_each(|w| *w = scale * w.signum());
            let (first, last) = theta.split_at_mut(54);
            first[36..].fill(0.0);
            let expected: Vec<f64> = (0..2)
                .map(|j| {
                    let sum: f64 =
                        (0..18).map(|i| f64::from(first[i].signum()) * f64::from(last[i * 2 + j])).sum();
                    sum + f64::from(last[36 + j])
                })
                .collect();
            let what = format!("{set:?} weights of {scale}");
            let x = [2.0, 1.0];
            assert_close(&forward(&mut mlp, &theta, &x), &expected, 3e-6, &what);
            let (mut gradient, mut tangent) = (vec![9.0; theta.len()], [9.0; 2]);
            let mut point = mlp.linearize(Team::single(), &theta, Input::all(&x, 2));
            point.vjp(Team::single(), &[1.0, 1.0], &mut gradient);
            point.jvp(Team::single(), &vec![1.0; theta.len()], &mut tangent);
            assert!(gradient.iter().chain(&tangent).all(|g| g.is_finite()), "{what}");
            assert!(gradient[..54].iter().all(|g| g.abs() < 1e-5), "{what}: the hidden layer is flat");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn any_shape(
        inputs in 1_usize..50,
        hidden in prop::collection::vec(1_usize..50, 0..4),
        outputs in 1_usize..20,
        rows in 0_usize..140,
        activation in prop::sample::select(ACTIVATIONS.to_vec()),
    ) {
        check(&MlpConfig::new(inputs, outputs).with_hidden(&hidden).with_activation(activation), rows);
    }
}
