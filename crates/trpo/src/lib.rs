//! Trust region policy optimisation and the natural policy gradient.
//!
//! [`Trpo`] is the update. Its steps are functions of their own: [`Surrogate`] has the objective, the constraint and
//! their derivatives in the outputs of the policy; [`surrogate_gradient`], [`fisher_vector_product`],
//! [`step_length`] and [`line_search`] are what the paper describes.

mod branched;
mod config;
mod policy_step;
mod step;
mod surrogate;
mod trpo;

pub use config::{Fisher, KlConstraint, TrpoConfig};
pub use gradus_policy::CriticConfig;
pub use step::{fisher_vector_product, line_search, step_length, surrogate_gradient};
pub use surrogate::{Divergence, Surrogate};
pub use trpo::Trpo;
