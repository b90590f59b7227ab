//! Samplers: fixed streams, distributions at stated significance, and Monte-Carlo estimates of measures.

mod common;

use common::{Case, assert_all_close, assert_close, cases};
use gradus_core_math::{Distribution, Stream};

fn draw(family: &Distribution, params: &[f64], mask: Option<&[bool]>, stream: &mut Stream) -> Vec<f64> {
    let mut action = vec![f64::NAN; family.action_width()];
    family.sample(params, mask, stream, &mut action);
    action
}

/// Runs are reproduced from their seeds, so a version may not draw other numbers without saying so.
#[test]
fn value_stability() {
    let drawn = |case: &Case| {
        let mut stream = Stream::new(5, "sampling", 0);
        let rows: Vec<_> = (0..4).map(|_| draw(&case.family, &case.p, case.mask(), &mut stream)).collect();
        rows.concat()
    };
    let all: Vec<Vec<f64>> = cases().iter().map(drawn).collect();
    // Discrete draws agree exactly; the last digit of a Gaussian's belongs to the platform's exp.
    for (found, expected) in all.iter().zip(EXPECTED) {
        assert_all_close(&format!("{all:?}"), found, expected, 1e-14, 1.0);
    }
}

/// χ² of the counts against the probabilities. Fixed seeds; the thresholds are at α = 1e-3.
#[test]
fn categorical_frequencies() {
    let family = Distribution::Categorical { n: 5 };
    let logits = [0.3, -1.2, 2.0, 0.0, 0.7];
    // Upper 0.1 % points of χ² with 4 and with 2 degrees of freedom.
    for (mask, threshold) in [(None, 18.467), (Some([true, false, true, true, false]), 13.816)] {
        let mask = mask.as_ref().map(<[bool; 5]>::as_slice);
        let mut stream = Stream::new(1, "chi-square", 0);
        let mut counts = [0.0; 5];
        for _ in 0..DRAWS {
            counts[draw(&family, &logits, mask, &mut stream)[0] as usize] += 1.0;
        }
        let probs: Vec<f64> = (0..5).map(|a| family.log_prob(&logits, mask, &[f64::from(a)]).exp()).collect();
        let statistic = chi_square(&counts, &probs);
        assert!(statistic < threshold, "{statistic}");
        // Wrong variants: a neighbour's probabilities, and logits as if they were half as large.
        let rotated: Vec<f64> = (0..5).map(|a| probs[(a + 1) % 5]).collect();
        assert!(chi_square(&counts, &rotated) > threshold);
        let halved = logits.map(|x| 0.5 * x);
        let flat: Vec<f64> = (0..5).map(|a| family.log_prob(&halved, mask, &[f64::from(a)]).exp()).collect();
        assert!(chi_square(&counts, &flat) > threshold);
    }
}

const DRAWS: usize = 40_000;

/// Σ (count − n p)² / (n p); infinite where something impossible was counted.
fn chi_square(counts: &[f64], probs: &[f64]) -> f64 {
    let term = |(&count, &prob): (&f64, &f64)| {
        let expected = prob * DRAWS as f64;
        if prob > 0.0 {
            (count - expected).powi(2) / expected
        } else if count > 0.0 {
            f64::INFINITY
        } else {
            0.0
        }
    };
    counts.iter().zip(probs).map(term).sum()
}

/// For every family the means over draws from p of −log p, log p − log q and −log q are entropy, D_KL(p‖q)
/// and cross-entropy: within 4 standard errors, a two-sided significance of 6e-5 each.
#[test]
fn measures_are_means_over_draws() {
    let mut told_apart = 0;
    for (i, case) in (0u64..).zip(cases()) {
        let (family, mask) = (&case.family, case.mask());
        let mut stream = Stream::new(2, "measures", i);
        let mut estimates = [Estimate::default(); 3];
        for _ in 0..DRAWS {
            let action = draw(family, &case.p, mask, &mut stream);
            let p = family.log_prob(&case.p, mask, &action);
            let q = family.log_prob(&case.q, mask, &action);
            let values = [-p, p - q, -q];
            estimates.iter_mut().zip(values).for_each(|(estimate, value)| estimate.add(value));
        }
        let expected = [
            family.entropy(&case.p, mask),
            family.kl(&case.p, &case.q, mask),
            family.cross_entropy(&case.p, &case.q, mask),
        ];
        for (estimate, expected) in estimates.iter().zip(expected) {
            let deviation = estimate.standardized(expected);
            assert!(deviation.abs() < 4.0, "{deviation} standard errors for {case:?}");
        }
        // A slip: the other direction of the KL, where it differs enough for so many draws to tell.
        let (kl, slip) = (expected[1], family.kl(&case.q, &case.p, mask));
        if (kl - slip).abs() > 0.1 {
            told_apart += 1;
            assert!(estimates[1].standardized(slip).abs() > 4.0, "{slip} for {case:?}");
        }
    }
    assert!(told_apart >= 4, "{told_apart}");
}

/// The score has mean zero, E_π[∂log π] = 0: every component within 4 standard errors.
#[test]
fn the_score_has_mean_zero() {
    for (i, case) in (0u64..).zip(cases()) {
        let mut stream = Stream::new(3, "score", i);
        let mut estimates = vec![Estimate::default(); case.p.len()];
        for _ in 0..DRAWS {
            let action = draw(&case.family, &case.p, case.mask(), &mut stream);
            let mut score = vec![0.0; case.p.len()];
            case.family.add_gradient(&case.p, case.mask(), &action, 1.0, 0.0, &mut score);
            estimates.iter_mut().zip(score).for_each(|(estimate, value)| estimate.add(value));
        }
        for estimate in estimates {
            let deviation = estimate.standardized(0.0);
            assert!(deviation.abs() < 4.0 || estimate.squares == 0.0, "{deviation} for {case:?}");
        }
    }
}

/// A running sum and sum of squares.
#[derive(Clone, Copy, Default)]
struct Estimate {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Estimate {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    /// The distance of the mean from `expected` in standard errors.
    fn standardized(&self, expected: f64) -> f64 {
        let mean = self.sum / self.count;
        let variance = self.squares / self.count - mean * mean;
        (mean - expected) / (variance / self.count).sqrt()
    }
}

/// The normal distribution function against the empirical one at a few points, with the threshold 1.95/√n
/// of Kolmogorov and Smirnov at α = 1e-3.
#[test]
fn gaussian_quantiles() {
    let family = Distribution::DiagGaussian { dim: 1 };
    let (mean, log_std) = (0.7, -0.4f64);
    let mut stream = Stream::new(4, "quantiles", 0);
    let standardized: Vec<f64> = (0..DRAWS)
        .map(|_| (draw(&family, &[mean, log_std], None, &mut stream)[0] - mean) / log_std.exp())
        .collect();
    // Φ at some points, from Python's statistics.NormalDist.
    for (x, probability) in QUANTILES {
        let share = standardized.iter().filter(|&&z| z < x).count() as f64 / DRAWS as f64;
        assert!((share - probability).abs() < 1.95 / (DRAWS as f64).sqrt(), "{share} below {x}");
    }
}

const QUANTILES: [(f64, f64); 5] = [
    (-2.0, 0.022_750_131_948_179_2),
    (-1.0, 0.158_655_253_931_457_07),
    (0.0, 0.5),
    (0.5, 0.691_462_461_274_013_1),
    (1.5, 0.933_192_798_731_141_9),
];

/// A generator that gives the largest uniform number, where the cumulative sum may end below the threshold.
#[test]
fn the_last_uniform_number_never_draws_a_masked_action() {
    let mut top = Constant(u64::MAX);
    let mut bottom = Constant(0);
    for n in [2, 3, 7, 18, 40] {
        let family = Distribution::Categorical { n };
        for seed in 0..50 {
            let mut noise = Stream::new(seed, "logits", 0);
            let gaussian = Distribution::DiagGaussian { dim: n };
            let mut logits = vec![0.0f32; n];
            gaussian.sample(&vec![0.0f32; 2 * n], None, &mut noise, &mut logits);
            let mask: Vec<bool> = (0..n).map(|i| i > 0 && i < n - 1 || n == 2 && i == 0).collect();
            let allowed: Vec<usize> = (0..n).filter(|&i| mask[i]).collect();
            let mut action = [f32::NAN];
            family.sample(&logits, Some(&mask), &mut top, &mut action);
            assert_close("last", f64::from(action[0]), allowed[allowed.len() - 1] as f64, 0.0, 0.0);
            family.sample(&logits, Some(&mask), &mut bottom, &mut action);
            assert_close("first", f64::from(action[0]), allowed[0] as f64, 0.0, 0.0);
        }
    }
}

/// A generator of one word.
struct Constant(u64);

impl rand::TryRng for Constant {
    type Error = std::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok((self.0 >> 32) as u32)
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.0)
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.fill(self.0 as u8);
        Ok(())
    }
}

const EXPECTED: [&[f64]; 9] = [
    &[0.0, 0.0, 0.0, 0.0],
    &[2.0, 1.0, 1.0, 0.0],
    &[2.0, 0.0, 0.0, 0.0],
    &[8.0, 2.0, 2.0, 2.0],
    &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    &[0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 2.0],
    &[1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0],
    &[-0.41097528291141094, -0.6148455397091018, -0.7612079214956547, -1.0544272659777914],
    &[
        -0.36397040410568887,
        -2.6731974277935477,
        -0.856110616410807,
        -0.8907843307711472,
        -1.617585003351964,
        -1.9112619835789735,
        0.015254912107616647,
        -0.3860073466088765,
        0.25537801696177076,
        0.7273159371111859,
        -1.7039962657011074,
        1.9370737986899875,
    ],
];
