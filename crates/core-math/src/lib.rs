//! The mathematics under policy optimisation, free of tensors, environments and files.

mod distribution;
mod real;
mod special;
mod stream;

pub use distribution::{Distribution, DistributionError, TOTAL_VARIATION_ENUMERATION_LIMIT};
pub use real::Real;
pub use stream::Stream;
