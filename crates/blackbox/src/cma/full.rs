//! A full covariance.

use gradus_core_math::{axpy, dot};
use gradus_policy::{SearchError, UpdateError, UpdateState};
use nalgebra::{DMatrix, SymmetricEigen};

use super::covariance::{Change, check_finite, conditioning};
use crate::state::{take_scale, take_vector};

const MATRIX: &str = "covariance";
const ROOT: &str = "covariance_root";
const AXIS_RATIO: &str = "axis_ratio";
const DECOMPOSED: &str = "decomposed";

/// Sweeps of the implicit QR algorithm a parameter, after which a decomposition is given up; it takes about two.
const SWEEPS_PER_DIMENSION: usize = 30;

/// C with its symmetric root, which is taken anew only every so many generations, for it costs of order n³.
///
/// The root is B D Bᵀ from C = B D² Bᵀ, where the tutorial draws with B D: the distribution is the same, but B is
/// only unique up to signs, and up to any rotation where eigenvalues are equal, whereas the symmetric root is a
/// continuous function of C. So a search hardly depends on how the eigenvectors were computed, and a rotated problem
/// with rotated draws gives the rotated search.
#[derive(Clone, Debug)]
pub(crate) struct FullCovariance {
    /// C, row by row.
    matrix: Vec<f64>,
    /// C^½ of the last decomposition, row by row.
    root: Vec<f64>,
    /// The largest over the smallest eigenvalue of `root`.
    axis_ratio: f64,
    /// The generation of the last decomposition.
    decomposed: u64,
    dimension: usize,
    eigen_interval: u64,
    max_condition: f64,
}

impl FullCovariance {
    pub(crate) fn identity(dimension: usize, eigen_interval: u64, max_condition: f64) -> Self {
        let matrix = DMatrix::<f64>::identity(dimension, dimension).as_slice().to_vec();
        let root = matrix.clone();
        Self { matrix, root, axis_ratio: 1.0, decomposed: 0, dimension, eigen_interval, max_condition }
    }

    pub(crate) fn matrix(&self) -> &[f64] {
        &self.matrix
    }

    pub(crate) fn transform(&self, z: &[f64], y: &mut [f64]) {
        for (y, row) in y.iter_mut().zip(self.root.chunks_exact(self.dimension)) {
            *y = dot(row, z);
        }
    }

    /// Computes the lower triangle and copies it, so that C is symmetric to the last bit.
    pub(crate) fn change(&mut self, change: &Change<'_>) {
        let n = self.dimension;
        for (i, row) in self.matrix.chunks_exact_mut(n).enumerate() {
            let lower = &mut row[..=i];
            lower.iter_mut().for_each(|x| *x *= change.keep);
            for (weight, v) in &change.terms {
                axpy(weight * v[i], &v[..=i], lower);
            }
        }
        for i in 0..n {
            for j in 0..i {
                self.matrix[j * n + i] = self.matrix[i * n + j];
            }
        }
    }

    pub(crate) fn refresh(&mut self, generation: u64) -> Result<(), SearchError> {
        check_finite(&self.matrix, "the covariance", generation)?;
        if generation < self.decomposed + self.eigen_interval {
            return Ok(());
        }
        let n = self.dimension;
        // Row by row or column by column: C is symmetric.
        let eigen = SymmetricEigen::try_new(
            DMatrix::from_column_slice(n, n, &self.matrix),
            f64::EPSILON,
            SWEEPS_PER_DIMENSION * n,
        )
        .ok_or(SearchError::Eigen { generation })?;
        let (smallest, largest) = (eigen.eigenvalues.min(), eigen.eigenvalues.max());
        let more = conditioning(smallest, largest, self.max_condition);
        self.matrix.iter_mut().step_by(n + 1).for_each(|x| *x += more);
        let roots = eigen.eigenvalues.map(|value| (value + more).sqrt());

        let mut scaled = eigen.eigenvectors.clone();
        for (mut column, root) in scaled.column_iter_mut().zip(&roots) {
            column *= *root;
        }
        let root = scaled * eigen.eigenvectors.transpose();
        check_finite(root.as_slice(), "the root of the covariance", generation)?;
        self.root.copy_from_slice(root.as_slice());
        self.axis_ratio = roots.max() / roots.min();
        self.decomposed = generation;
        Ok(())
    }

    pub(crate) fn axis_ratio(&self) -> f64 {
        self.axis_ratio
    }

    pub(crate) fn save(&self, state: &mut UpdateState<f64>) {
        state.tensors.insert(MATRIX.into(), self.matrix.clone());
        state.tensors.insert(ROOT.into(), self.root.clone());
        state.scalars.insert(AXIS_RATIO.into(), self.axis_ratio);
        state.put_count(DECOMPOSED, self.decomposed);
    }

    pub(crate) fn taken_from(&self, state: &mut UpdateState<f64>) -> Result<Self, UpdateError> {
        let n = self.dimension;
        let matrix = take_vector(state, MATRIX, n * n)?;
        let symmetric =
            (0..n).all(|i| (0..i).all(|j| matrix[i * n + j].to_bits() == matrix[j * n + i].to_bits()));
        if !symmetric {
            return Err(UpdateError::State(format!("its \"{MATRIX}\" is not symmetric")));
        }
        Ok(Self {
            matrix,
            root: take_vector(state, ROOT, n * n)?,
            axis_ratio: take_scale(state, AXIS_RATIO)?,
            decomposed: state.take_count(DECOMPOSED)?,
            dimension: n,
            eigen_interval: self.eigen_interval,
            max_condition: self.max_condition,
        })
    }
}
