//! Vectors of parameters' length, by all threads of a team.
//!
//! Each thread works on the pieces that it also writes in [`vjp`](crate::Linearized::vjp) where two networks are side by
//! side: its part of the gradient stays in its cache.

use gradus_core_math::{Adam, AdamStep, Real, dot};

use crate::Team;
use crate::kernel::{Loop, vectorized};

/// Parameters in a piece. Sums over pieces are in their order, so this number is part of what determines their bits, and
/// the number of threads is not.
const PIECE: usize = 1024;

/// ‖x‖², accumulated in `f64` piece by piece.
pub(crate) fn squared_norm<T: Real>(mut team: Team<'_>, x: &[T]) -> f64 {
    let mut sums: Vec<(&[T], f64)> = x.chunks(PIECE).map(|piece| (piece, 0.0)).collect();
    team.for_each(&mut sums, |_, (piece, sum)| *sum = vectorized(Square(piece)));
    sums.iter().map(|(_, sum)| sum).sum()
}

/// One step of Adam along `factor` · `gradient`. The parameters before `split` are those of one network, the rest those of
/// another, and each half of the threads stays with one.
///
/// # Panics
/// When the lengths differ, or there are fewer than `split`.
pub fn shared_adam_step<T: Real>(
    mut team: Team<'_>,
    adam: &mut Adam<T>,
    (params, split): (&mut [T], usize),
    gradient: &mut [T],
    factor: f64,
    learning_rate: f64,
) {
    let (step, m, v) = adam.begin_step(learning_rate);
    assert!(params.len() == m.len() && gradient.len() == m.len(), "as many parameters as Adam was made for");
    let moments = pieces_of(m, split).zip(pieces_of(v, split));
    let pieces = pieces_of(params, split).zip(pieces_of(gradient, split)).zip(moments);
    let mut pieces: Vec<Piece<'_, T>> =
        pieces.map(|((params, gradient), (m, v))| Piece { params, gradient, m, v }).collect();
    let factor = T::of(factor);
    team.for_each(&mut pieces, |_, piece| vectorized(Step { step, factor, piece }));
}

/// Pieces that do not reach across the split.
fn pieces_of<T>(x: &mut [T], split: usize) -> impl Iterator<Item = &mut [T]> {
    let (first, second) = x.split_at_mut(split);
    first.chunks_mut(PIECE).chain(second.chunks_mut(PIECE))
}

struct Piece<'a, T> {
    params: &'a mut [T],
    gradient: &'a mut [T],
    m: &'a mut [T],
    v: &'a mut [T],
}

/// The sum of squares.
struct Square<'a, T>(&'a [T]);

impl<T: Real> Loop for Square<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        dot(self.0, self.0)
    }
}

/// A step on one piece.
struct Step<'p, 'a, T> {
    step: AdamStep<T>,
    factor: T,
    piece: &'p mut Piece<'a, T>,
}

impl<T: Real> Loop for Step<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Piece { params, gradient, m, v } = self.piece;
        if self.factor != T::one() {
            gradient.iter_mut().for_each(|g| *g *= self.factor);
        }
        self.step.apply(params, gradient, m, v);
    }
}

#[cfg(test)]
mod tests {
    use gradus_core_math::{AdamConfig, Optimizer, Stream, norm};
    use rand::RngExt;

    use super::*;
    use crate::Threads;

    /// Lengths below, at and beyond whole pieces; against the same in one piece by one thread.
    #[test]
    fn pieces_and_threads_change_nothing_but_the_order_of_a_sum() {
        for len in [1, PIECE, 3 * PIECE + 17] {
            let mut rng = Stream::new(1, "gradient", len as u64);
            let gradient: Vec<f32> = (0..len).map(|_| rng.random::<f32>() - 0.5).collect();
            let start: Vec<f32> = (0..len).map(|_| rng.random()).collect();
            let adam = || Adam::new(AdamConfig::new(), len).expect("the defaults");
            let (mut whole, mut plain) = (start.clone(), adam());
            for _ in 0..3 {
                let scaled: Vec<f32> = gradient.iter().map(|g| g * 0.5).collect();
                plain.step(&mut whole, &scaled, 0.01);
            }
            let mut norms = Vec::new();
            for threads in 1..=4 {
                let mut threads = Threads::new(threads);
                let (mut params, mut shared) = (start.clone(), adam());
                for _ in 0..3 {
                    let mut gradient = gradient.clone();
                    let params = (&mut params[..], len / 3);
                    shared_adam_step(threads.team(), &mut shared, params, &mut gradient, 0.5, 0.01);
                }
                assert_eq!(params, whole);
                assert!(shared == plain);
                norms.push(squared_norm(threads.team(), &gradient).sqrt());
            }
            assert!(norms.iter().all(|it| it.to_bits() == norms[0].to_bits()));
            assert!((norms[0] - norm(&gradient)).abs() < 1e-12 * norms[0]);
        }
    }
}
