//! One suite for every device: the fused `Mlp` is the measure where it can evaluate a network, finite differences and
//! step-by-step evaluation where it cannot.
//!
//! With the feature `wgpu` it needs a GPU or a software driver, and fails without one: the device is `wgpu`, or what
//! `GRADUS_TEST_WGPU` names, such as `wgpu:cpu`.

mod collecting;
mod convolution;
mod dense;
mod devices;
mod foreign;
mod memory;
mod training;
