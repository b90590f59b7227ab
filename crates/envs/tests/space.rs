//! Spaces: membership, sampling, files.

#![allow(clippy::float_cmp, reason = "exact numbers are what these tests are about")]

use gradus_core_math::Stream;
use gradus_envs::{EnvErrorKind, Space, choice};
use proptest::prelude::*;

const INF: f32 = f32::INFINITY;

fn spaces() -> Vec<Space> {
    vec![
        Space::Discrete { n: 3 },
        Space::MultiDiscrete { sizes: vec![2, 5, 1] },
        Space::MultiBinary { n: 4 },
        Space::cube(2, -1.0, 1.0),
        Space::Box { low: vec![-1.5, 0.0, -INF, -INF], high: vec![0.25, INF, 3.0, INF] },
    ]
}

#[test]
fn widths() {
    let widths: Vec<_> = spaces().iter().map(|space| (space.width(), space.mask_width())).collect();
    assert_eq!(widths, [(1, 3), (3, 8), (4, 0), (2, 0), (4, 0)]);
}

#[test]
fn membership() {
    let [discrete, digits, switches, cube, unequal] = spaces().try_into().expect("five spaces");
    let cases: [(&Space, &[f32], bool); 22] = [
        (&discrete, &[0.0], true),
        (&discrete, &[2.0], true),
        (&discrete, &[3.0], false),
        (&discrete, &[-1.0], false),
        (&discrete, &[-0.5], false),
        (&discrete, &[0.5], false),
        (&discrete, &[f32::NAN], false),
        (&discrete, &[INF], false),
        (&discrete, &[0.0, 0.0], false),
        (&discrete, &[], false),
        (&digits, &[1.0, 4.0, 0.0], true),
        (&digits, &[1.0, 4.0, 1.0], false),
        (&digits, &[1.0, 4.0], false),
        (&switches, &[0.0, 1.0, 1.0, 0.0], true),
        (&switches, &[0.0, 2.0, 1.0, 0.0], false),
        (&cube, &[-1.0, 1.0], true),
        (&cube, &[-1.0, 1.000_1], false),
        (&cube, &[f32::NAN, 0.0], false),
        (&unequal, &[-1.5, 1e30, -1e30, 7.0], true),
        (&unequal, &[-1.5, INF, 0.0, -INF], true),
        (&unequal, &[-1.5, -0.1, 0.0, 0.0], false),
        (&unequal, &[-1.5, 0.0, 0.0, f32::NAN], false),
    ];
    for (space, row, expected) in cases {
        assert_eq!(space.contains(row), expected, "{row:?} in {space}");
        assert_eq!(space.check(row).is_ok(), expected);
    }
}

#[test]
fn errors_name_the_value_and_what_is_allowed() {
    let error = Space::Discrete { n: 2 }.check(&[2.0]).expect_err("outside");
    assert_eq!(error.to_string(), "action 2 is not allowed: the action space is Discrete(2)");
    let error = Space::cube(2, -1.0, 1.0).check(&[0.0, 1.5]).expect_err("outside");
    let expected = "action [0.0, 1.5] is not allowed: the action space is Box(2, from -1 to 1)";
    assert_eq!(error.to_string(), expected);
    assert!(matches!(error.kind(), EnvErrorKind::InvalidAction { .. }));
    assert!(choice(&[1.0], 2).is_ok_and(|index| index == 1));
    assert!(choice(&[2.0], 2).is_err());
}

#[test]
fn spaces_in_words() {
    let words: Vec<_> = spaces().iter().map(Space::to_string).collect();
    let expected = [
        "Discrete(3)",
        "MultiDiscrete([2, 5, 1])",
        "MultiBinary(4)",
        "Box(2, from -1 to 1)",
        "Box(4, from [-1.5, 0.0, -inf, -inf] to [0.25, inf, 3.0, inf])",
    ];
    assert_eq!(words, expected);
}

/// JSON has no infinity; a bound must come back from it all the same, and from bytes.
#[test]
fn spaces_come_back_from_files() {
    for space in spaces() {
        let text = serde_json::to_string(&space).expect("a space serialises");
        assert_eq!(serde_json::from_str::<Space>(&text).expect("and loads"), space, "{text}");
        let bytes = postcard::to_allocvec(&space).expect("a space serialises");
        assert_eq!(postcard::from_bytes::<Space>(&bytes).expect("and loads"), space);
    }
    let text = serde_json::to_string(&Space::cube(1, 0.1, INF)).expect("a space serialises");
    assert_eq!(text, r#"{"box":{"low":[0.1],"high":["inf"]}}"#);
}

#[test]
fn spaces_that_make_no_sense() {
    assert!(spaces().iter().all(|space| space.validate().is_ok()));
    for bad in [
        Space::Discrete { n: 0 },
        Space::Discrete { n: (1 << 24) + 1 },
        Space::MultiDiscrete { sizes: vec![] },
        Space::MultiDiscrete { sizes: vec![2, 0] },
        Space::MultiBinary { n: 0 },
        Space::cube(0, 0.0, 1.0),
        Space::cube(1, 1.0, 0.0),
        Space::cube(1, f32::NAN, 1.0),
        Space::Box { low: vec![0.0], high: vec![1.0, 1.0] },
    ] {
        assert!(bad.validate().is_err(), "{bad:?}");
    }
}

#[test]
fn clipping() {
    let mut row = [-2.0, -3.0, 5.0, 1e9];
    spaces()[4].clip(&mut row);
    assert_eq!(row, [-1.5, 0.0, 3.0, 1e9]);
    let mut row = [f32::NAN, 4.0];
    spaces()[3].clip(&mut row);
    assert!(row[0].is_nan() && row[1] <= 1.0);
}

/// χ² of 30,000 draws from six choices: below 35.9 at significance 1e-6 (5 degrees of freedom).
///
/// Rejects, tried by hand: `random_range(0..n - 1)`.
#[test]
fn choices_are_drawn_uniformly() {
    let mut rng = Stream::new(4, "space", 0);
    let mut counts = [0_u32; 6];
    let mut row = [0.0];
    for _ in 0..30_000 {
        Space::Discrete { n: 6 }.sample(&mut rng, &mut row);
        counts[row[0] as usize] += 1;
    }
    let chi_squared: f64 = counts.iter().map(|&c| (f64::from(c) - 5000.0).powi(2) / 5000.0).sum();
    assert!(chi_squared < 35.9, "{counts:?}: {chi_squared}");
}

/// Means of 40,000 draws, within five standard errors (significance 6e-7) of the distribution's.
#[test]
fn coordinates_are_drawn_as_described() {
    const N: f64 = 40_000.0;
    let space = Space::Box { low: vec![2.0, 1.0, -INF, -INF], high: vec![6.0, INF, 3.0, INF] };
    let mut rng = Stream::new(5, "space", 0);
    let (mut row, mut sums, mut squares) = ([0.0; 4], [0.0; 4], [0.0; 4]);
    for _ in 0..N as usize {
        space.sample(&mut rng, &mut row);
        for (i, x) in row.iter().map(|&x| f64::from(x)).enumerate() {
            sums[i] += x;
            squares[i] += x * x;
        }
    }
    // Mean, variance and fourth central moment of a uniform, two shifted exponentials and a normal.
    let expected = [(4.0, 4.0 / 3.0, 3.2), (2.0, 1.0, 9.0), (2.0, 1.0, 9.0), (0.0, 1.0, 3.0)];
    for (i, (mean, variance, fourth)) in expected.into_iter().enumerate() {
        let found = sums[i] / N;
        assert!((found - mean).abs() < 5.0 * f64::sqrt(variance / N), "mean {i}: {found}");
        let found = squares[i] / N - found * found;
        let error = f64::sqrt((fourth - variance * variance) / N);
        assert!((found - variance).abs() < 5.0 * error, "variance {i}: {found}");
    }
}

/// Value stability: what a seed gives must not change between versions.
#[test]
fn value_stability() {
    let mut rng = Stream::new(6, "space", 0);
    let found: Vec<Vec<f32>> = spaces()
        .iter()
        .map(|space| {
            let mut row = vec![0.0; space.width()];
            space.sample(&mut rng, &mut row);
            row
        })
        .collect();
    let expected = [
        vec![0.0],
        vec![0.0, 2.0, 0.0],
        vec![0.0, 1.0, 0.0, 0.0],
        vec![0.065_149_195, -0.310_405_34],
        vec![-0.361_782_58, 1.159_156_2, 0.438_126_8, -2.215_544_5],
    ];
    assert_eq!(found, expected);
}

proptest! {
    #[test]
    fn samples_are_elements(seed in 0_u64..1000, low in -1e6_f32..1e6, extent in 0_f32..1e6, n in 1_usize..9) {
        let mut rng = Stream::new(seed, "space", 0);
        let more = [Space::cube(n, low, low + extent), Space::Discrete { n }, Space::cube(n, f32::MIN, f32::MAX)];
        for space in spaces().into_iter().chain(more) {
            let mut row = vec![0.0; space.width()];
            space.sample(&mut rng, &mut row);
            prop_assert!(space.contains(&row), "{row:?} in {space}");
        }
    }
}
