//! Derivative-free search over a policy's parameters: the cross-entropy method and CMA-ES.
//!
//! Both draw a population of parameter vectors from a Gaussian, are told their returns, and move the Gaussian towards
//! the better ones. They look at the order of the returns alone, so that a return may be anything that can be
//! compared: it needs no gradient, no reward per step, no critic. The price is the number of episodes.
//!
//! - [`CrossEntropy`] fits mean and deviations to the best tenth, with noise against collapsing too early.
//! - [`CmaEs`] adapts a step size and a covariance from the weighted ranks and the path that the mean has taken. The
//!   covariance is full, or diagonal for policies with many parameters ([`CovarianceModel`]).
//!
//! Both are a [`Search`](gradus_policy::Search), and minimise a function f when they are told −f:
//!
//! ```
//! use gradus_blackbox::{CmaEs, CmaEsConfig};
//! use gradus_core_math::Stream;
//! use gradus_policy::Search;
//!
//! let mut search = CmaEs::new(CmaEsConfig::new().with_initial_deviation(1.0), &[3.0, -2.0, 1.0])?;
//! let mut random = Stream::new(0, "search", 0);
//! for _ in 0..100 {
//!     let candidates = search.ask(&mut random);
//!     let returns: Vec<f64> = candidates.chunks_exact(3).map(|x| -x.iter().map(|x| x * x).sum::<f64>()).collect();
//!     search.tell(&returns)?;
//! }
//! assert!(search.mean().iter().all(|x| x.abs() < 1e-6));
//! # Ok::<(), gradus_policy::UpdateError>(())
//! ```

mod champion;
mod cma;
mod cross_entropy;
mod ranking;
mod state;

pub use cma::{CmaEs, CmaEsConfig, CovarianceModel, StrategyParameters};
pub use cross_entropy::{CrossEntropy, CrossEntropyConfig};
