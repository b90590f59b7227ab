//! Where the games take their chances from.

use gradus_core_math::Stream;
use rand::RngExt;

/// A source of chance. The rules of a game ask it, and do nothing else at random, so that a recorded game
/// can be played again with the chances that it had.
pub trait Chance {
    /// Whether something happens that happens with this probability.
    fn happens(&mut self, probability: f64) -> bool;

    /// One of 0, 1, …, n−1, all equally likely.
    ///
    /// # Panics
    /// When `n` is 0.
    fn below(&mut self, n: u8) -> u8;
}

impl Chance for Stream {
    #[inline]
    fn happens(&mut self, probability: f64) -> bool {
        self.random::<f64>() < probability
    }

    #[inline]
    fn below(&mut self, n: u8) -> u8 {
        self.random_range(0..n)
    }
}
