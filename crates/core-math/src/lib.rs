//! The mathematics under policy optimisation, free of tensors, environments and files.

mod real;
mod stream;

pub use real::Real;
pub use stream::Stream;
