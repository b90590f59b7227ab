//! The mathematics under policy optimisation, free of tensors, environments and files.
//!
//! - [`Distribution`]: categorical, multi-categorical, Bernoulli and diagonal Gaussian actions; sampling,
//!   log π, entropy, KL, total variation, cross-entropy, their closed-form gradients, Fisher information.
//! - [`Optimizer`]: [`Adam`], [`RmsProp`], [`GradientDescent`], [`GradientAscent`] on one flat parameter
//!   vector, [`AnyOptimizer`] for a choice between them in a file, and [`clip_global_norm`].
//! - [`Schedule`] and [`KlAdaptiveRate`]: learning rates over time.
//! - [`RunningMoments`]: mean and variance of rows, for normalisation.
//! - [`mean`], [`median`], [`standard_deviation`], [`explained_variance`], [`dot`], [`norm`], [`axpy`].
//! - [`ScoreMatrix`]: scores of runs on tasks, with [`interquartile_mean`], [`performance_profile`],
//!   [`probability_of_improvement`] and [`bootstrap_interval`].
//! - [`CgSolver`]: conjugate gradient on a linear operator; [`BacktrackingLineSearch`]: a step length under a
//!   constraint.
//! - [`Stream`]: seeded random numbers, one stream per purpose and index.
//!
//! Formulas are generic over [`Real`], that is `f32` or `f64`, and work on one row at a time; sums over
//! rows or parameters accumulate in `f64`.
//!
//! ```
//! use gradus_core_math::{Adam, AdamConfig, Distribution, Optimizer, Stream};
//!
//! // A bandit with two arms, of which the second pays: REINFORCE raises its probability.
//! let policy = Distribution::Categorical { n: 2 };
//! let mut logits = [0.0_f32; 2];
//! let mut adam = Adam::new(AdamConfig::new(), logits.len())?;
//! let mut random = Stream::new(1, "bandit", 0);
//! for _ in 0..200 {
//!     let mut action = [0.0];
//!     policy.sample(&logits, None, &mut random, &mut action);
//!     let reward = action[0];
//!     let mut gradient = [0.0; 2];
//!     // Optimisers minimise, so the objective's gradient enters with a minus.
//!     policy.add_gradient(&logits, None, &action, -reward, 0.0, &mut gradient);
//!     adam.step(&mut logits, &gradient, 0.05);
//! }
//! assert!(policy.log_prob(&logits, None, &[1.0]).exp() > 0.95);
//! # Ok::<(), gradus_core_math::OptimizerError>(())
//! ```

mod distribution;
mod elementary;
mod linalg;
mod moments;
mod optim;
mod real;
mod results;
mod schedule;
mod solver;
mod special;
mod stats;
mod stream;

pub use distribution::{
    BLOCK, Block, Coefficients, Distribution, DistributionError, TOTAL_VARIATION_ENUMERATION_LIMIT,
};
pub use linalg::{axpy, dot, norm};
pub use moments::RunningMoments;
pub use optim::{
    Adam, AdamConfig, AdamStep, AnyOptimizer, GradientAscent, GradientDescent, Optimizer, OptimizerConfig,
    OptimizerError, OptimizerState, RmsProp, RmsPropConfig, clip_factor, clip_global_norm,
};
pub use real::Real;
pub use results::{
    Bootstrap, Interval, ResultsError, ScoreMatrix, bootstrap_interval, interquartile_mean,
    performance_profile, probability_of_improvement,
};
pub use schedule::{KlAdaptiveRate, Schedule, ScheduleError};
pub use solver::{
    BacktrackingLineSearch, CgError, CgInfo, CgSolver, ConjugateGradient, Evaluation, LineSearchOutcome,
    RejectReason, SolverSettingError, Trial,
};
pub use stats::{explained_variance, mean, median, standard_deviation};
pub use stream::Stream;
