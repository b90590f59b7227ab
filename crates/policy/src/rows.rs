//! Rows of a few numbers, copied without a call for each.

/// Copies `from` to `to`, of the same length. Where that is one of the usual lengths of a short row the copy is some
/// moves in place; a call for each row of a minibatch costs more than what is copied.
#[inline(always)]
pub(crate) fn copy_row<T: Copy>(from: &[T], to: &mut [T]) {
    macro_rules! lengths {
        ($($n:literal)*) => {
            match (from.len(), to.len()) {
                $(($n, $n) => to[..$n].copy_from_slice(&from[..$n]),)*
                _ => to.copy_from_slice(from),
            }
        };
    }
    lengths!(0 1 2 3 4 5 6 7 8)
}

/// `to` ← rows of `left`, each followed by its value.
pub(crate) fn append<T: Copy>(left: &[T], values: &[T], to: &mut [T]) {
    let width = if values.is_empty() { 0 } else { left.len() / values.len() };
    let rows = to.chunks_exact_mut(width + 1).zip(left.chunks_exact(width.max(1)));
    for ((to, row), &value) in rows.zip(values) {
        copy_row(row, &mut to[..width]);
        to[width] = value;
    }
}

/// Rows of `joint`, `width` + 1 long, taken apart into `left` and `values`.
pub(crate) fn take_apart<T: Copy + Default>(
    joint: &[T],
    width: usize,
    left: &mut Vec<T>,
    values: &mut Vec<T>,
) {
    let rows = joint.len() / (width + 1);
    left.resize(rows * width, T::default());
    values.resize(rows, T::default());
    let to = left.chunks_exact_mut(width.max(1)).zip(values.iter_mut());
    for (row, (left, value)) in joint.chunks_exact(width + 1).zip(to) {
        copy_row(&row[..width], left);
        *value = row[width];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_width_are_joined_and_taken_apart() {
        for width in 1..12 {
            for rows in [0, 1, 5] {
                let left: Vec<usize> = (0..rows * width).collect();
                let values: Vec<usize> = (1000..1000 + rows).collect();
                let mut joint = vec![7; rows * (width + 1)];
                append(&left, &values, &mut joint);
                let expected: Vec<usize> = (0..rows)
                    .flat_map(|i| left[i * width..][..width].iter().copied().chain([values[i]]))
                    .collect();
                assert_eq!(joint, expected);
                let (mut again, mut apart) = (vec![9; 100], vec![9; 100]);
                take_apart(&joint, width, &mut again, &mut apart);
                assert_eq!((again, apart), (left, values));
            }
        }
    }
}
