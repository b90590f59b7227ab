//! Vectors of parameters' length, by all threads of a team.

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

/// A step of Adam along `factor` times a gradient, to be taken by several threads: the moments of the parameters that it
/// is about.
pub struct SharedStep<'a, T> {
    pub(super) step: AdamStep<T>,
    pub(super) factor: T,
    pub(super) m: &'a mut [T],
    pub(super) v: &'a mut [T],
}

impl<'a, T: Real> SharedStep<'a, T> {
    /// The next step of `adam`, which counts it as taken.
    pub fn new(adam: &'a mut Adam<T>, factor: f64, learning_rate: f64) -> Self {
        let (step, m, v) = adam.begin_step(learning_rate);
        Self { step, factor: T::of(factor), m, v }
    }

    /// Takes the step, piece by piece.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn take(self, mut team: Team<'_>, params: &mut [T], gradient: &mut [T]) {
        let Self { step, factor, m, v } = self;
        assert!(
            params.len() == m.len() && gradient.len() == m.len(),
            "as many parameters as Adam was made for"
        );
        let moments = m.chunks_mut(PIECE).zip(v.chunks_mut(PIECE));
        let pieces = params.chunks_mut(PIECE).zip(gradient.chunks_mut(PIECE)).zip(moments);
        let mut pieces: Vec<Piece<'_, T>> =
            pieces.map(|((params, gradient), (m, v))| Piece { params, gradient, m, v }).collect();
        team.for_each(&mut pieces, |_, piece| vectorized(Step { step, factor, piece }));
    }
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
                    SharedStep::new(&mut shared, 0.5, 0.01).take(threads.team(), &mut params, &mut gradient);
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
