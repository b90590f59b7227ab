//! Running mean and variance of vectors, for the normalisation of observations and rewards.

use serde::{Deserialize, Serialize};

use crate::Real;

/// Mean and variance of every component of the rows seen so far.
///
/// [`push`](Self::push) is Welford's recurrence
///   n ← n + 1,  d = x − mean,  mean ← mean + d/n,  S ← S + d (x − mean),
/// which stays accurate far from zero, where Σx² − (Σx)²/n loses all its digits.
/// [`merge`](Self::merge) is the rule of Chan, Golub & LeVeque 1979 for two disjoint sets of rows
///   δ = mean_b − mean_a,  mean = mean_a + δ n_b/n,  S = S_a + S_b + δ² n_a n_b/n.
///
/// Both round, so a result belongs to one order of pushes and merges; the same order gives the same bits.
///
/// ```
/// use gradus_core_math::RunningMoments;
/// let mut moments = RunningMoments::new(1);
/// for x in [1.0, 2.0, 6.0] {
///     moments.push(&[x]);
/// }
/// assert_eq!(moments.mean(), [3.0]);
/// assert!((moments.variance()[0] - 14.0 / 3.0).abs() < 1e-15);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedMoments")]
pub struct RunningMoments {
    count: u64,
    mean: Vec<f64>,
    /// S = Σ (x − mean)².
    squares: Vec<f64>,
}

impl RunningMoments {
    /// The moments of no rows, each of `width` components.
    pub fn new(width: usize) -> Self {
        Self { count: 0, mean: vec![0.0; width], squares: vec![0.0; width] }
    }

    /// The moments of `count` rows with these means and sums of squared deviations, as [`count`](Self::count),
    /// [`mean`](Self::mean) and [`squares`](Self::squares) tell them.
    ///
    /// # Panics
    /// If the widths differ.
    pub fn from_parts(count: u64, mean: Vec<f64>, squares: Vec<f64>) -> Self {
        assert_eq!(mean.len(), squares.len(), "rows of these moments have one width");
        Self { count, mean, squares }
    }

    /// Adds one row.
    ///
    /// # Shapes
    /// `row`: `[width]`.
    ///
    /// # Panics
    /// If the row has another width.
    pub fn push<T: Real>(&mut self, row: &[T]) {
        self.assert_width(row.len());
        self.count += 1;
        let share = 1.0 / self.count as f64;
        for ((mean, squares), &x) in self.mean.iter_mut().zip(&mut self.squares).zip(row) {
            let x = x.wide();
            let before = x - *mean;
            *mean += before * share;
            *squares += before * (x - *mean);
        }
    }

    /// Adds all rows that `other` has seen.
    ///
    /// # Panics
    /// If the widths differ.
    pub fn merge(&mut self, other: &Self) {
        self.assert_width(other.mean.len());
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            self.clone_from(other);
            return;
        }
        let (own, added) = (self.count as f64, other.count as f64);
        let share = added / (own + added);
        let others = other.mean.iter().zip(&other.squares);
        for ((mean, squares), (&other_mean, &other_squares)) in
            self.mean.iter_mut().zip(&mut self.squares).zip(others)
        {
            let difference = other_mean - *mean;
            *mean += difference * share;
            *squares += other_squares + difference * difference * own * share;
        }
        self.count += other.count;
    }

    /// The number of rows seen.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean of every component `[width]`; 0 before the first row.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// S = Σ (x − mean)² of every component `[width]`.
    pub fn squares(&self) -> &[f64] {
        &self.squares
    }

    /// The population variance S/n of every component `[width]`; 1 before the first row, so that
    /// normalisation starts as the identity.
    pub fn variance(&self) -> Vec<f64> {
        self.squares.iter().map(|&squares| self.variance_of(squares)).collect()
    }

    /// out = clamp((x − mean) / √(variance + `epsilon`), −`clip`, `clip`), a NaN staying NaN.
    ///
    /// # Shapes
    /// `row`, `out`: `[width]`.
    ///
    /// # Panics
    /// If a width differs, or `clip` is negative or NaN.
    pub fn normalize(&self, row: &[f32], epsilon: f64, clip: f64, out: &mut [f32]) {
        self.assert_width(row.len());
        self.assert_width(out.len());
        let moments = self.mean.iter().zip(&self.squares);
        for ((slot, &x), (&mean, &squares)) in out.iter_mut().zip(row).zip(moments) {
            let scale = (self.variance_of(squares) + epsilon).sqrt();
            *slot = ((f64::from(x) - mean) / scale).clamp(-clip, clip) as f32;
        }
    }

    #[inline]
    fn variance_of(&self, squares: f64) -> f64 {
        if self.count == 0 { 1.0 } else { squares / self.count as f64 }
    }

    fn assert_width(&self, width: usize) {
        assert_eq!(width, self.mean.len(), "rows of these moments have one width");
    }
}

/// What a checkpoint may say, before the check.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UncheckedMoments {
    count: u64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl TryFrom<UncheckedMoments> for RunningMoments {
    type Error = String;
    fn try_from(read: UncheckedMoments) -> Result<Self, String> {
        let UncheckedMoments { count, mean, squares } = read;
        if mean.len() != squares.len() {
            return Err(format!("moments with {} means and {} squares", mean.len(), squares.len()));
        }
        Ok(Self { count, mean, squares })
    }
}
