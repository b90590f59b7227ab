//! Exact solvers: four ways from a policy to a better one, each with what it gained beside what was certain.

mod best_response;
mod conservative;
mod method;
mod monotone;
mod policy_iteration;
mod progress;
mod run;
mod value_iteration;

pub use best_response::{BestResponse, PenalizedMaximum, best_response, penalized_maximum};
pub use conservative::{ConservativeInfo, ConservativePolicyIteration};
pub use method::Method;
pub use monotone::{MonotoneImprovement, MonotoneInfo};
pub use policy_iteration::{Optimum, PolicyIteration, PolicyIterationInfo};
pub use progress::Iteration;
pub use run::{Detail, Solver, SolverConfig, Stop};
pub use value_iteration::{ValueIteration, ValueIterationInfo};
