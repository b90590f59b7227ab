//! The theory of policy optimisation, theorem by theorem, on processes where every quantity is exact. Each test has a
//! wrong variant that it rejects.

#[path = "../common/mod.rs"]
mod common;

mod baselines;
mod bounds;
mod geometry;
mod gradients;
mod importance;
mod improvement;
mod one_gradient;
