//! Policy optimisation on finite Markov decision processes, exactly: every quantity that algorithms estimate from samples
//! is here the solution of a linear system.
//!
//! - [`DiscountedMdp`]: a process with a discount γ < 1, from `gradus_envs::finite` or from [`Tables`];
//!   [`DiscountedMdp::evaluate`] gives V, Q, A, the discounted visitation ρ and η of a [`PolicyTable`].
//! - [`Solver`]: [`ValueIteration`], [`PolicyIteration`], [`ConservativePolicyIteration`] and [`MonotoneImprovement`]
//!   (Algorithm 1 of the TRPO paper). Every [`Iteration`] has the true improvement beside the certified one.
//! - [`bounds`]: surrogates, divergences, and what the theory makes of them.
//! - [`SoftmaxPolicy`]: exact policy gradient, Fisher information and natural gradient.
//! - [`sample_episodes`] and [`Garnet`]: episodes as arrays, and random processes, to hold estimators to all of it.
//!
//! # Conventions
//! S states and A actions; tables `[S, A]` lie in memory state by state. ρ(s) = Σ_t γ^t P(s_t = s) is not normalised. η is
//! the mean of Σ_t γ^t r_t. Every KL says its direction: `kl_old_new` is KL(π_old‖π_new).
//!
//! # Example
//! Algorithm 1 never loses, and gains little: the penalty that makes it safe makes its steps small.
//! ```
//! use gradus_envs::finite::FrozenLake;
//! use gradus_tabular::{DiscountedMdp, Method, Solver, SolverConfig};
//!
//! let mdp = DiscountedMdp::new(FrozenLake::four_by_four().mdp(), 0.9)?;
//! let config = SolverConfig::new().with_max_iterations(100);
//! let mut eta = mdp.evaluate(&mdp.uniform_policy())?.eta;
//! for iteration in Solver::new(&mdp, Method::Monotone, config)? {
//!     let iteration = iteration?;
//!     assert!(iteration.eta > eta && iteration.improvement >= iteration.certified);
//!     eta = iteration.eta;
//! }
//! assert!(eta < 0.5 * mdp.optimum()?.evaluation.eta);
//! # Ok::<(), gradus_tabular::TabularError>(())
//! ```

pub mod bounds;
mod error;
mod evaluation;
mod garnet;
mod linear;
mod mdp;
mod policy;
mod sampling;
mod softmax;
mod solver;
mod tables;

pub use error::TabularError;
pub use evaluation::Evaluation;
pub use garnet::Garnet;
pub use mdp::DiscountedMdp;
pub use policy::PolicyTable;
pub use sampling::{SampledEpisodes, sample_episodes};
pub use softmax::SoftmaxPolicy;
pub use solver::{
    BestResponse, ConservativeInfo, ConservativePolicyIteration, Detail, Iteration, Method,
    MonotoneImprovement, MonotoneInfo, Optimum, PenalizedMaximum, PolicyIteration, PolicyIterationInfo,
    Solver, SolverConfig, Stop, ValueIteration, ValueIterationInfo, best_response, penalized_maximum,
};
pub use tables::Tables;
