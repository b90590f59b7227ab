//! One factorisation for the values and the visitation.

use nalgebra::{DMatrix, DVector, Dyn, PermutationSequence};

/// The factors of a square matrix M with P M = L U, which solve M x = b and Mᵀ x = b.
///
/// The factors are nalgebra's, with partial pivoting. M is I − γ P_π, whose diagonal dominates its rows, so that it is
/// regular, and elimination is stable.
pub(crate) struct Factors {
    rows: PermutationSequence<Dyn>,
    lower: DMatrix<f64>,
    upper: DMatrix<f64>,
}

impl Factors {
    /// Factorises; O(n³) in the size n.
    pub(crate) fn of(matrix: DMatrix<f64>) -> Self {
        let (rows, lower, upper) = matrix.lu().unpack();
        Self { rows, lower, upper }
    }

    /// x with M x = b. A matrix without an inverse gives NaN.
    pub(crate) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = DVector::from_column_slice(b);
        self.rows.permute_rows(&mut x);
        let solved =
            self.lower.solve_lower_triangular_mut(&mut x) && self.upper.solve_upper_triangular_mut(&mut x);
        numbers(x, solved)
    }

    /// x with Mᵀ x = b, that is Uᵀ Lᵀ P x = b. A matrix without an inverse gives NaN.
    pub(crate) fn solve_transposed(&self, b: &[f64]) -> Vec<f64> {
        let mut x = DVector::from_column_slice(b);
        let solved = self.upper.tr_solve_upper_triangular_mut(&mut x)
            && self.lower.tr_solve_lower_triangular_mut(&mut x);
        self.rows.inv_permute_rows(&mut x);
        numbers(x, solved)
    }
}

fn numbers(x: DVector<f64>, solved: bool) -> Vec<f64> {
    if solved { x.data.into() } else { vec![f64::NAN; x.len()] }
}
