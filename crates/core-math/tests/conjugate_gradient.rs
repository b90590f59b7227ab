//! Conjugate gradient against dense solves: golden systems, random ones, and every way to fail.
#![allow(clippy::float_cmp, reason = "vectors that must not change are compared exactly")]

mod common;

use common::{assert_all_close, assert_close, cast, close, golden_cases, numbers, rows, wide};
use gradus_core_math::{CgError, CgInfo, CgSolver, ConjugateGradient, Real, dot, norm};
use proptest::prelude::{Just, Strategy, prop, prop_assert, proptest};

type Matrix = Vec<Vec<f64>>;

fn times(matrix: &Matrix, v: &[f64]) -> Vec<f64> {
    matrix.iter().map(|row| dot(row, v)).collect()
}

/// The product with a matrix as an operator, which fills all of a dirty output.
fn operator<T: Real>(matrix: &Matrix) -> impl FnMut(&[T], &mut [T]) {
    let matrix: Vec<Vec<T>> = matrix.iter().map(|row| cast(row)).collect();
    move |v, out| out.iter_mut().zip(&matrix).for_each(|(out, row)| *out = T::of(dot(row, v)))
}

/// Iterates until the residual is 1e-14 of the right side, however long that takes.
fn patient() -> ConjugateGradient {
    ConjugateGradient::new()
        .with_max_iterations(10_000)
        .with_absolute_tolerance(0.0)
        .with_relative_tolerance(1e-14)
}

fn solver<T: Real>(settings: ConjugateGradient, len: usize) -> CgSolver<T> {
    CgSolver::new(settings, len).expect("the settings are in range")
}

fn solve(settings: ConjugateGradient, matrix: &Matrix, rhs: &[f64]) -> Result<(Vec<f64>, CgInfo), CgError> {
    let mut x = vec![f64::NAN; rhs.len()];
    let info = solver(settings, rhs.len()).solve(operator(matrix), rhs, &mut x)?;
    Ok((x, info))
}

/// The independent solution: Gauss elimination with partial pivoting.
fn dense_solve(matrix: &Matrix, rhs: &[f64]) -> Vec<f64> {
    let n = rhs.len();
    let mut work: Matrix = matrix.iter().zip(rhs).map(|(row, b)| [row.as_slice(), &[*b]].concat()).collect();
    for column in 0..n {
        let size = |row: &usize| work[*row][column].abs();
        let pivot = (column..n).max_by(|a, b| size(a).total_cmp(&size(b))).expect("rows are left");
        work.swap(column, pivot);
        for row in column + 1..n {
            let factor = work[row][column] / work[column][column];
            let above = work[column].clone();
            work[row].iter_mut().zip(&above).skip(column).for_each(|(x, above)| *x -= factor * above);
        }
    }
    let mut x = vec![0.0; n];
    for row in (0..n).rev() {
        x[row] = (work[row][n] - dot(&work[row][row + 1..n], &x[row + 1..])) / work[row][row];
    }
    x
}

fn golden() -> Vec<(Matrix, Vec<f64>, Vec<f64>)> {
    let cases = golden_cases("conjugate_gradient");
    cases.iter().map(|c| (rows(&c["matrix"]), numbers(&c["rhs"]), numbers(&c["solution"]))).collect()
}

/// To 1e-10 of each entry, or of 1e-3 of the largest one where the entry is smaller. The matrices have the
/// condition numbers 3, 10 and 1000.
#[test]
fn golden_systems_in_f64() {
    for (matrix, rhs, expected) in golden() {
        let (x, info) = solve(patient(), &matrix, &rhs).expect("is positive definite");
        let largest = expected.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        assert_all_close("x", &x, &expected, 1e-10, 1e-3 * largest);
        assert!(info.converged && info.relative_residual <= 1e-14, "{info:?}");
        assert_close("xᵀAx", info.curvature, dot(&x, &times(&matrix, &x)), 1e-12, 0.0);
        assert_all_close("the oracle", &dense_solve(&matrix, &rhs), &expected, 1e-10, 1e-3 * largest);
    }
}

/// In `f32` the matrix itself is rounded, which alone moves x by up to condition · 6e-8 · ‖x‖; allowed is ten
/// times that.
#[test]
fn golden_systems_in_f32() {
    for ((matrix, rhs, expected), condition) in golden().into_iter().zip([3.0, 10.0, 1000.0]) {
        let settings = patient().with_relative_tolerance(1e-7);
        let mut x = vec![f32::NAN; rhs.len()];
        let info = solver(settings, rhs.len()).solve(operator(&matrix), &cast(&rhs), &mut x);
        assert!(info.expect("is positive definite").converged);
        let off: Vec<f64> = wide(&x).iter().zip(&expected).map(|(x, y)| x - y).collect();
        assert!(norm(&off) <= condition * 6e-7 * norm(&expected), "{:e}", norm(&off) / norm(&expected));
    }
}

/// BᵀB + damping · I, and a right side of norm 1 at least.
fn systems() -> impl Strategy<Value = (Matrix, Vec<f64>)> {
    let entries = |n| prop::collection::vec(-1.0..1.0, n);
    (1_usize..=12).prop_flat_map(move |n| {
        let b = prop::collection::vec(entries(n), n);
        (b, 0.5..2.0, entries(n), Just(n)).prop_map(|(b, damping, mut rhs, n)| {
            rhs[0] += 2.0;
            let entry = |i: usize, j: usize| b.iter().map(|row| row[i] * row[j]).sum::<f64>();
            let diagonal = |i, j| if i == j { damping } else { 0.0 };
            let row = |i| (0..n).map(|j| entry(i, j) + diagonal(i, j)).collect();
            ((0..n).map(row).collect(), rhs)
        })
    })
}

proptest! {
    #[test]
    fn agrees_with_a_dense_solve((matrix, rhs) in systems()) {
        let (x, info) = solve(patient(), &matrix, &rhs).expect("is positive definite");
        let expected = dense_solve(&matrix, &rhs);
        let floor = norm(&expected);
        prop_assert!(info.converged && close(info.tolerance, 1e-14 * norm(&rhs), 1e-14, 0.0));
        prop_assert!(x.iter().zip(&expected).all(|(x, y)| close(*x, *y, 1e-11, floor)), "{x:?} {expected:?}");
        prop_assert!(close(info.curvature, dot(&x, &times(&matrix, &x)), 1e-11, 0.0));
    }

    /// Finite termination, up to the conjugacy that rounding costs (7e-6 was seen once in 200 000 systems), and
    /// what the info says of a run that was cut short.
    #[test]
    fn n_iterations_are_enough_and_fewer_are_told((matrix, rhs) in systems()) {
        let n = rhs.len();
        let (x, info) = solve(patient().with_max_iterations(n), &matrix, &rhs).expect("positive definite");
        let residual = |x: &[f64]| -> Vec<f64> {
            times(&matrix, x).iter().zip(&rhs).map(|(ax, b)| b - ax).collect()
        };
        prop_assert!(norm(&residual(&x)) <= 1e-4 * norm(&rhs), "{info:?}");
        for cap in 1..n {
            let (x, info) = solve(patient().with_max_iterations(cap), &matrix, &rhs).expect("the same");
            let found = norm(&residual(&x));
            prop_assert!(close(info.residual_norm, found, 1e-11, norm(&rhs)), "{info:?} {found}");
            prop_assert!(close(info.relative_residual, found / norm(&rhs), 1e-11, 1.0), "{info:?} {found}");
            prop_assert!(close(info.curvature, dot(&x, &times(&matrix, &x)), 1e-11, 0.0));
            prop_assert!(info.converged == (info.residual_norm <= info.tolerance));
            prop_assert!(info.converged || info.iterations == cap);
        }
    }

    /// Directions are conjugate, and β is the quotient with d_{k−1} in its denominator, not d_k.
    #[test]
    fn directions_are_conjugate_and_beta_is_the_textbooks((matrix, rhs) in systems()) {
        let n = rhs.len();
        let (mut directions, mut product) = (Vec::new(), operator(&matrix));
        let record = |v: &[f64], out: &mut [f64]| {
            directions.push(v.to_vec());
            product(v, out);
        };
        let settings = patient().with_max_iterations(n).with_relative_tolerance(1e-4);
        solver(settings, n).solve(record, &rhs, &mut vec![0.0; n]).expect("is positive definite");
        let curved = |p: &[f64], q: &[f64]| dot(p, &times(&matrix, q));
        for (k, p) in directions.iter().enumerate() {
            for q in &directions[..k] {
                let scale = (curved(p, p) * curved(q, q)).sqrt();
                prop_assert!(curved(p, q).abs() <= 1e-4 * scale, "{} of {scale}", curved(p, q));
            }
        }
        for k in 1..directions.len() {
            let (before, now) = (&directions[k - 1], &directions[k]);
            let (x, _) = solve(settings.with_max_iterations(k), &matrix, &rhs).expect("the same");
            let g: Vec<f64> = times(&matrix, &x).iter().zip(&rhs).map(|(ax, b)| ax - b).collect();
            let step: Vec<f64> = now.iter().zip(&g).map(|(d, g)| d + g).collect();
            let beta = dot(&step, before) / dot(before, before);
            let textbook = curved(before, &g) / curved(before, before);
            // g is known to 1e-16 of the right side, d_{k−1} is at least 1e-4 of it.
            prop_assert!(close(beta, textbook, 1e-8, 0.1), "β_{k} is {beta}, not {textbook}");
            // The slip is close only where β is small or dᵀAd happens not to change.
            let slip = curved(before, &g) / curved(now, now);
            let alike = beta < 1e-3 || close(curved(now, now), curved(before, before), 0.01, 0.0);
            prop_assert!(alike || !close(beta, slip, 1e-6, 0.1), "β_{k} is {beta}, the slip {slip}");
        }
    }

    #[test]
    fn a_warm_start_reaches_the_same_solution((matrix, rhs) in systems(), offset in -3.0..3.0) {
        let expected = dense_solve(&matrix, &rhs);
        let mut x: Vec<f64> = expected.iter().map(|x| x + offset).collect();
        let mut solver = solver(patient(), rhs.len());
        solver.solve_from(operator(&matrix), &rhs, &mut x).expect("is positive definite");
        prop_assert!(x.iter().zip(&expected).all(|(x, y)| close(*x, *y, 1e-11, norm(&expected) + 3.0)));
        let again = solver.solve_from(operator(&matrix), &rhs, &mut x).expect("is positive definite");
        prop_assert!(again.iterations <= rhs.len() + 1, "{again:?}");
        // Cut short after a start that is not orthogonal to the residual, the curvature still holds.
        let mut x = vec![offset; rhs.len()];
        let one = CgSolver::new(patient().with_max_iterations(1), rhs.len());
        let info = one.expect("in range").solve_from(operator(&matrix), &rhs, &mut x).expect("as above");
        prop_assert!(close(info.curvature, dot(&x, &times(&matrix, &x)), 1e-11, 1.0), "{info:?}");
    }
}

/// How a variant computes β from d_{k−1}, g_k = −r_k and r_{k−1}ᵀr_{k−1}.
type Beta = fn(&Matrix, &[f64], &[f64], f64) -> f64;

/// n steps of conjugate gradient as a lecture would write it.
fn written_out(matrix: &Matrix, rhs: &[f64], beta: Beta) -> Vec<f64> {
    let (mut x, mut r, mut p) = (vec![0.0; rhs.len()], rhs.to_vec(), rhs.to_vec());
    for _ in 0..rhs.len() {
        let (product, squared) = (times(matrix, &p), dot(&r, &r));
        let alpha = squared / dot(&p, &product);
        x.iter_mut().zip(&p).for_each(|(x, p)| *x += alpha * p);
        r.iter_mut().zip(&product).for_each(|(r, ap)| *r -= alpha * ap);
        let beta = beta(matrix, &p, &r, squared);
        p.iter_mut().zip(&r).for_each(|(p, r)| *p = r + beta * *p);
    }
    x
}

/// Both forms of β solve the golden systems; the slips in the denominator and in the sign do not.
#[test]
fn wrong_betas_are_told_apart() {
    let quotient: Beta = |_, _, r, squared| dot(r, r) / squared;
    let textbook: Beta = |a, p, r, _| -dot(p, &times(a, r)) / dot(p, &times(a, p));
    let wrong_sign: Beta = |_, _, r, squared| -dot(r, r) / squared;
    let wrong_denominator: Beta = |a, p, r, _| {
        let above = -dot(p, &times(a, r));
        let right = above / dot(p, &times(a, p));
        let next: Vec<f64> = p.iter().zip(r).map(|(p, r)| r + right * p).collect();
        above / dot(&next, &times(a, &next))
    };
    let (matrix, rhs, expected) = golden().swap_remove(1);
    let passes = |beta| {
        let found = written_out(&matrix, &rhs, beta);
        found.iter().zip(&expected).all(|(x, y)| close(*x, *y, 1e-10, 1e-3))
    };
    assert!(passes(quotient) && passes(textbook));
    assert!(!passes(wrong_sign) && !passes(wrong_denominator));
    let (x, _) = solve(patient().with_max_iterations(rhs.len()), &matrix, &rhs).expect("positive definite");
    assert_all_close("x", &x, &written_out(&matrix, &rhs, textbook), 1e-10, 1e-3);
}

#[test]
fn the_cap_is_a_normal_end_unless_the_tolerance_is_asked_for() {
    let (matrix, rhs, _) = golden().swap_remove(2);
    let settings = ConjugateGradient::new().with_relative_tolerance(1e-6);
    let (x, info) = solve(settings, &matrix, &rhs).expect("running into the cap is normal");
    assert!(!info.converged && info.iterations == 10, "{info:?}");
    let CgInfo { iterations, residual_norm, tolerance, .. } = info;
    assert_close("tolerance", tolerance, 1e-6 * norm(&rhs), 1e-15, 0.0);

    let mut kept = vec![7.0; rhs.len()];
    let strict = solver(settings, rhs.len()).solve_to_tolerance(operator(&matrix), &rhs, &mut kept);
    let expected = CgError::NonConvergence { iterations, residual_norm, tolerance };
    assert_eq!(strict, Err(expected));
    assert_eq!(info.require_converged(), Err(expected));
    assert_eq!(kept, vec![7.0; rhs.len()], "an error leaves x alone");

    let mut solver = solver(settings.with_max_iterations(200), rhs.len());
    let strict = solver.solve_to_tolerance(operator(&matrix), &rhs, &mut kept).expect("200 are enough");
    assert!(strict.converged && strict.iterations < 200 && strict.require_converged().is_ok());
    assert_ne!(kept, x);
}

/// One product per iteration, one more for a warm start, none where the start is good enough.
#[test]
fn products_are_counted() {
    let (matrix, rhs, expected) = golden().swap_remove(1);
    let mut calls = 0;
    let mut product = operator(&matrix);
    let mut counted = |v: &[f64], out: &mut [f64]| {
        calls += 1;
        product(v, out);
    };
    let mut solver = solver(ConjugateGradient::new().with_max_iterations(4), rhs.len());
    let mut x = vec![0.0; rhs.len()];
    assert_eq!(solver.solve(&mut counted, &rhs, &mut x).expect("solves").iterations, 4);
    assert_eq!(solver.solve_from(&mut counted, &rhs, &mut x).expect("solves").iterations, 4);
    x.copy_from_slice(&expected);
    let info = solver.solve_from(&mut counted, &rhs, &mut x).expect("solves");
    assert_eq!((info.iterations, info.converged), (0, true));
    assert_eq!(x, expected);
    assert_eq!(calls, 4 + 5 + 1);
}

#[test]
fn a_used_solver_gives_the_bits_of_a_new_one() {
    let (matrix, rhs, _) = golden().swap_remove(1);
    let (fresh, fresh_info) = solve(patient(), &matrix, &rhs).expect("solves");
    let mut solver = solver(patient(), rhs.len());
    let mut x = vec![0.0; rhs.len()];
    let poison = |_: &[f64], out: &mut [f64]| out.fill(f64::NAN);
    solver.solve(poison, &rhs, &mut x).expect_err("the operator is broken");
    let info = solver.solve(operator(&matrix), &rhs, &mut x).expect("solves");
    assert_eq!((x, info), (fresh, fresh_info));
    assert_eq!(solver.unknowns(), rhs.len());
    assert_eq!(*solver.settings(), patient());
}

#[test]
fn a_right_side_of_zeros_needs_no_product() {
    let never = |_: &[f64], _: &mut [f64]| unreachable!("no product is needed");
    let mut x = [f64::NAN, 3.0];
    let info =
        solver(ConjugateGradient::new(), 2).solve(never, &[0.0, -0.0], &mut x).expect("is solved by 0");
    assert_eq!(x, [0.0, 0.0]);
    let expected = CgInfo {
        iterations: 0,
        residual_norm: 0.0,
        relative_residual: 0.0,
        tolerance: 1e-10,
        curvature: 0.0,
        converged: true,
    };
    assert_eq!(info, expected);
    let mut x = [5.0, 3.0];
    let matrix = vec![vec![2.0, 0.0], vec![0.0, 1.0]];
    let info = solver(ConjugateGradient::new(), 2).solve_from(operator(&matrix), &[0.0, 0.0], &mut x);
    assert_eq!((x, info), ([0.0, 0.0], Ok(expected)));
    let none = solver::<f32>(ConjugateGradient::new(), 0).solve(|_, _| unreachable!(), &[], &mut []);
    assert!(none.expect("nothing to solve").converged);
}

/// A small right side still gets its iterations: 1e-6 would count as solved by 0 if the tolerance bounded ‖r‖².
#[test]
fn the_absolute_tolerance_bounds_the_norm_not_its_square() {
    let matrix = vec![vec![2.0, 0.0], vec![0.0, 4.0]];
    let (x, info) = solve(ConjugateGradient::new(), &matrix, &[1e-6, 1e-6]).expect("solves");
    assert_all_close("x", &x, &[5e-7, 2.5e-7], 1e-12, 0.0);
    assert!(info.converged && info.iterations == 2);
    let (x, info) = solve(ConjugateGradient::new(), &matrix, &[0.0, 1e-10]).expect("is within the tolerance");
    assert_eq!((x, info.iterations, info.converged), (vec![0.0, 0.0], 0, true));
}

/// pᵀAp by hand: of b = (1, 1), then of the second direction.
#[test]
fn curvature_that_is_not_positive_is_an_error() {
    let diagonal = |a: f64, b: f64| vec![vec![a, 0.0], vec![0.0, b]];
    let run = |matrix: &Matrix, rhs: &[f64]| {
        let mut x = [7.0, 8.0];
        let error = solver(patient(), 2).solve(operator(matrix), rhs, &mut x).expect_err("is indefinite");
        assert_eq!(x, [7.0, 8.0], "an error leaves x alone");
        let mut single = [7.0_f32, 8.0];
        let in_f32 = solver(patient(), 2).solve(operator(matrix), &cast(rhs), &mut single);
        assert_eq!((single, in_f32), ([7.0, 8.0], Err(error)));
        error
    };
    let at = |iteration, curvature| CgError::NegativeCurvature { iteration, curvature };
    assert_eq!(run(&diagonal(1.0, -3.0), &[1.0, 1.0]), at(0, -2.0));
    assert_eq!(run(&diagonal(1.0, -1.0), &[1.0, 1.0]), at(0, 0.0), "zero curvature is refused as well");
    // α = 2, r = (−1, 1), β = 1, p = (0, 2): an inconsistent singular system.
    assert_eq!(run(&diagonal(1.0, 0.0), &[1.0, 1.0]), at(1, 0.0));
    // α = 2, r = (−2, 2), β = 4, p = (2, 6): 1.5 · 4 − 0.5 · 36.
    let text = run(&diagonal(1.5, -0.5), &[1.0, 1.0]).to_string();
    assert_eq!(text, "pᵀAp is -1.2e1 after 1 iterations: the operator is not positive definite");
}

/// A rank-two operator and a right side in its range: the solution of least norm.
#[test]
fn a_singular_consistent_system_is_solved() {
    let matrix = vec![vec![2.0, -1.0, -1.0], vec![-1.0, 2.0, -1.0], vec![-1.0, -1.0, 2.0]];
    let settings = patient().with_relative_tolerance(1e-12);
    let (x, info) = solve(settings, &matrix, &[3.0, 0.0, -3.0]).expect("is consistent");
    assert_all_close("x", &x, &[1.0, 0.0, -1.0], 1e-12, 1.0);
    assert!(info.converged && info.iterations <= 2, "{info:?}");
}

#[test]
fn what_is_not_finite_is_named_and_never_reaches_x() {
    let run = |rhs: [f64; 2], poison: f64, from: usize| {
        let mut calls = 0;
        let broken = |v: &[f64], out: &mut [f64]| {
            out.copy_from_slice(&[v[0], 2.0 * v[1]]);
            if calls == from {
                out[0] = poison;
            }
            calls += 1;
        };
        let mut x = [7.0, 8.0];
        let error = solver(patient(), 2).solve(broken, &rhs, &mut x).expect_err("something is not finite");
        assert_eq!(x, [7.0, 8.0], "an error leaves x alone");
        let CgError::NotFinite { iteration, quantity } = error else { unreachable!("{error}") };
        (iteration, quantity)
    };
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(run([1.0, 1.0], bad, 0), (0, "pᵀAp"));
        assert_eq!(run([0.0, 1.0], bad, 0), (0, "pᵀAp"), "where the direction is 0, too");
        assert_eq!(run([1.0, 1.0], bad, 1), (1, "pᵀAp"));
        assert_eq!(run([bad, 1.0], 1.0, 9), (0, "the norm of the right side"));
    }
    // A curvature so small that the step overflows.
    let tiny = |v: &[f64], out: &mut [f64]| out.copy_from_slice(&[1e-320 * v[0], 1e-320 * v[1]]);
    let error = solver(patient(), 2).solve(tiny, &[1.0, 1.0], &mut [0.0; 2]).expect_err("overflows");
    assert!(matches!(error, CgError::NotFinite { .. }), "{error}");
    let tiny = |v: &[f32], out: &mut [f32]| out.copy_from_slice(&[1e-39 * v[0]]);
    let error = solver(patient(), 1).solve(tiny, &[1.0_f32], &mut [0.0]).expect_err("overflows");
    assert!(matches!(error, CgError::NotFinite { .. }), "{error}");

    // x = 1e310 with a residual of 0.
    let tiny = |v: &[f64], out: &mut [f64]| out[0] = 1e-300 * v[0];
    let mut x = [7.0];
    let error = solver(patient(), 1).solve(tiny, &[1e10], &mut x).expect_err("overflows");
    assert_eq!((x, error), ([7.0], CgError::NotFinite { iteration: 1, quantity: "the solution" }));

    let mut x = [f64::NAN, 8.0];
    let matrix = vec![vec![2.0, 0.0], vec![0.0, 1.0]];
    let error = solver(patient(), 2).solve_from(operator(&matrix), &[1.0, 1.0], &mut x);
    assert_eq!(error, Err(CgError::NotFinite { iteration: 0, quantity: "the first residual" }));
    assert!(x[0].is_nan());
    let text = error.expect_err("as above").to_string();
    assert_eq!(text, "the first residual is not finite after 0 iterations");
}

#[test]
fn settings_are_checked_and_travel() {
    let ok = ConjugateGradient::new();
    assert_eq!(ok.check(), Ok(()));
    let bad = [
        ok.with_max_iterations(0),
        ok.with_absolute_tolerance(-1e-9),
        ok.with_absolute_tolerance(f64::INFINITY),
        ok.with_absolute_tolerance(f64::NAN),
        ok.with_relative_tolerance(-0.1),
        ok.with_relative_tolerance(1.0),
        ok.with_relative_tolerance(f64::NAN),
    ];
    for settings in bad {
        CgSolver::<f64>::new(settings, 3).expect_err("is out of range");
    }
    let text = ok.with_relative_tolerance(1.5).check().expect_err("is out of range").to_string();
    assert_eq!(text, "relative_tolerance is 1.5, it must be at least 0 and below 1");

    let read: ConjugateGradient =
        serde_json::from_str(r#"{"max_iterations": 20}"#).expect("the rest is default");
    assert_eq!(read, ok.with_max_iterations(20));
    let text = serde_json::to_string(&read).expect("is plain data");
    assert_eq!(text, r#"{"max_iterations":20,"absolute_tolerance":1e-10,"relative_tolerance":0.0}"#);
    serde_json::from_str::<ConjugateGradient>(r#"{"iterations": 20}"#).expect_err("an unknown name");
}

#[test]
#[should_panic(expected = "the right side has the solver's length")]
fn a_right_side_of_another_length_panics() {
    let _ = solver(ConjugateGradient::new(), 2).solve(|_, _| (), &[1.0_f64], &mut [0.0; 2]);
}

#[test]
#[should_panic(expected = "the solution has the solver's length")]
fn a_solution_of_another_length_panics() {
    let _ = solver(ConjugateGradient::new(), 2).solve_from(|_, _| (), &[1.0_f64; 2], &mut [0.0; 3]);
}
