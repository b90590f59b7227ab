//! The trait of algorithms that improve a policy by trying parameters out, with no derivative.

use gradus_core_math::Stream;
use thiserror::Error;

use crate::{Metrics, UpdateError, UpdateState};

/// The best parameters that a search has been told of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate<'a> {
    /// The parameters, `[dimension]`.
    pub parameters: &'a [f64],
    /// The return that they were told to have.
    pub value: f64,
}

/// An algorithm that asks for parameter vectors to be tried, and is told their returns (CEM, CMA-ES).
///
/// One generation is [`ask`](Search::ask), an evaluation of every candidate by the caller, [`tell`](Search::tell):
///
/// - `ask` gives λ = [`population`](Search::population) rows of n = [`dimension`](Search::dimension) parameters. They
///   are `f64`; the policy takes the vector of its own scalar that is nearest ([`Real::of`](gradus_core_math::Real::of)).
/// - The caller evaluates them in any order and on any number of threads. A return is to be maximised, and may be an
///   estimate, such as the mean of some episodes. All candidates of a generation are to see the same conditions: the
///   same statistics for the normalisation of observations, best the same number of episodes.
/// - `tell` takes the λ returns in the order of the rows. Only their order counts, so that scale and shift of rewards
///   do not matter; of equal returns the earlier row comes first, which is a random choice, as rows are drawn alike.
///
/// A search is deterministic: the same state, stream and returns give the same bytes. How much memory it takes is said
/// by each; the candidates alone are λ·n numbers.
///
/// Returns of single episodes are noisy, and the best of many noisy returns is mostly luck. What a search believes in
/// is its [`mean`](Search::mean); [`best`](Search::best) suits tasks without chance.
pub trait Search: Send {
    /// n, the number of parameters.
    fn dimension(&self) -> usize;

    /// λ, the number of candidates of a generation.
    fn population(&self) -> usize;

    /// Draws candidates, `[population, dimension]` by rows.
    ///
    /// Candidates that were asked for and whose returns were never told are forgotten.
    fn ask(&mut self, rng: &mut Stream) -> &[f64];

    /// Takes the candidates' returns, `[population]`, and moves on to the next generation.
    ///
    /// # Errors
    /// When there are no candidates, the number of returns is not theirs, a return is not finite, or the search has
    /// left the range of numbers. It is then as it was before, and can be told again.
    fn tell(&mut self, returns: &[f64]) -> Result<Metrics, UpdateError>;

    /// The middle of the distribution that candidates are drawn from, `[dimension]`.
    fn mean(&self) -> &[f64];

    /// The candidate with the highest return so far; none before the first generation.
    fn best(&self) -> Option<Candidate<'_>>;

    /// All that the next generation depends on beside the random stream, for a checkpoint. Candidates whose returns
    /// are still to be told are part of it.
    fn state(&self) -> UpdateState<f64>;

    /// Continues from a state that [`state`](Search::state) gave, exactly.
    ///
    /// # Errors
    /// When the state is another algorithm's or has another dimension or population; the search is then unchanged.
    fn load(&mut self, state: UpdateState<f64>) -> Result<(), UpdateError>;
}

/// Why a search could not go on. It is then as it was before.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum SearchError {
    /// Returns came without candidates.
    #[error("returns were told, but no candidates are waiting for any: ask first")]
    NotAsked,
    /// There are more or fewer returns than candidates.
    #[error("{found} returns were told for {population} candidates")]
    ReturnCount {
        /// How many were told.
        found: usize,
        /// How many it should be.
        population: usize,
    },
    /// A return is NaN or infinite.
    #[error(
        "the return of candidate {candidate} is {value} in generation {generation}, it must be finite; \
         the search is as it was before it"
    )]
    Return {
        /// The candidate's row, from 0.
        candidate: usize,
        /// Its return.
        value: f64,
        /// The number of the generation, from 1.
        generation: u64,
    },
    /// The distribution of candidates has left the range of numbers.
    #[error(
        "{quantity} of the search is {value} in generation {generation}; the search is as it was before it. \
         Returns that rise however large the parameters become drive a search away: \
         a penalty on large parameters may help"
    )]
    Diverged {
        /// What is not finite.
        quantity: &'static str,
        /// The value found.
        value: f64,
        /// The number of the generation, from 1.
        generation: u64,
    },
    /// The eigenvalues of the covariance were not found.
    #[error(
        "the eigendecomposition of the covariance did not converge in generation {generation}; \
         the search is as it was before it"
    )]
    Eigen {
        /// The number of the generation, from 1.
        generation: u64,
    },
}
