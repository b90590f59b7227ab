//! The devices that are tested, data, and distances.

use burn::tensor::Device;
use gradus_core_math::{Distribution, Stream};
use gradus_policy::{Input, Linearized, Network, Team};
use gradus_policy_burn::{DeviceError, open_device};
use rand::RngExt;

/// Every device of this build.
pub(crate) fn devices() -> Vec<(String, Device)> {
    let mut names: Vec<String> = Vec::new();
    if cfg!(feature = "flex") {
        names.push("flex".into());
    }
    if cfg!(feature = "ndarray") {
        names.push("ndarray".into());
    }
    if cfg!(feature = "wgpu") {
        names.push(std::env::var("GRADUS_TEST_WGPU").unwrap_or_else(|_| "wgpu".into()));
    }
    let open = |name: String| {
        let device = open_device(&name).unwrap_or_else(|error| panic!("{error}"));
        (name, device)
    };
    names.into_iter().map(open).collect()
}

/// `n` numbers in [−1, 1), always the same for a purpose.
pub(crate) fn uniform(purpose: &str, n: usize) -> Vec<f32> {
    let mut stream = Stream::new(0, purpose, 0);
    (0..n).map(|_| 2.0 * stream.random::<f32>() - 1.0).collect()
}

/// ‖a − b‖ / ‖b‖
pub(crate) fn distance(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len(), "lengths to compare");
    let square = |x: f64| x * x;
    let apart: f64 = a.iter().zip(b).map(|(a, b)| square(f64::from(*a) - f64::from(*b))).sum();
    let size: f64 = b.iter().map(|b| square(f64::from(*b))).sum();
    assert!(apart.is_finite() && size > 0.0, "nothing to compare with: {apart}, {size}");
    (apart / size).sqrt()
}

pub(crate) fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

pub(crate) fn families() -> [Distribution; 2] {
    [Distribution::Categorical { n: 5 }, Distribution::DiagGaussian { dim: 3 }]
}

/// Outputs, Jᵀu and Jv of a network at one point, and Jᵀu once more.
pub(crate) struct Point {
    pub(crate) outputs: Vec<f32>,
    pub(crate) gradient: Vec<f32>,
    pub(crate) again: Vec<f32>,
    pub(crate) along: Vec<f32>,
    pub(crate) cotangent: Vec<f32>,
    pub(crate) tangent: Vec<f32>,
}

impl Point {
    pub(crate) fn of<N: Network<Scalar = f32>>(
        network: &mut N,
        theta: &[f32],
        input: Input<'_, f32>,
    ) -> Self {
        let tangent = uniform("tangent", theta.len());
        let cotangent = uniform("cotangent", input.rows.len() * network.output_width());
        let mut point = network.linearize(Team::single(), theta, input);
        let mut gradient = vec![0.0; theta.len()];
        let (mut again, mut along) = (gradient.clone(), vec![0.0; cotangent.len()]);
        point.vjp(Team::single(), &cotangent, &mut gradient);
        point.jvp(Team::single(), &tangent, &mut along);
        point.vjp(Team::single(), &cotangent, &mut again);
        Self { outputs: point.outputs().to_vec(), gradient, again, along, cotangent, tangent }
    }

    /// |uᵀ(Jv) − (Jᵀu)ᵀv| in units of what it is: 0 for exact derivatives.
    pub(crate) fn asymmetry(&self) -> f64 {
        let (left, right) = (dot(&self.cotangent, &self.along), dot(&self.gradient, &self.tangent));
        (left - right).abs() / left.abs().max(right.abs())
    }
}

#[test]
fn names_of_devices_that_are_not_there_are_answered_with_what_is() {
    let unknown = open_device("gpu").expect_err("no such name");
    assert!(matches!(unknown, DeviceError::Unknown { .. }));
    assert!(unknown.to_string().contains("flex, ndarray, wgpu"), "{unknown}");
    for name in ["flex:1", "wgpu:discrete:x", "wgpu:cpu:1", ""] {
        assert!(open_device(name).is_err(), "{name} was opened");
    }
    if !cfg!(feature = "wgpu") {
        let absent = open_device("wgpu").expect_err("not in this build").to_string();
        for part in ["build with the feature `wgpu`", "this build has: "] {
            assert!(absent.contains(part), "{absent}");
        }
    }
}

#[cfg(feature = "wgpu")]
#[test]
fn an_adapter_that_is_not_there_is_told_with_those_that_are() {
    let message = open_device("wgpu:discrete:97").expect_err("no such adapter").to_string();
    for part in ["wgpu:discrete:97 cannot be used", "Found are: ", "mesa-vulkan-drivers"] {
        assert!(message.contains(part), "{message}");
    }
}

/// Looked for by CI, which has a driver in software: without the feature `wgpu` the suite would pass as well.
#[cfg(feature = "wgpu")]
#[test]
fn the_device_of_wgpu_is_the_one_that_was_named() {
    let (name, device) = devices().pop().expect("a device");
    assert!(name.starts_with("wgpu"), "{name}");
    assert!(open_device(&name) == Ok(device.clone()), "another device the second time");
    let described = format!("{device:?}").to_lowercase();
    let kind = name.split(':').nth(1).unwrap_or_default();
    assert!(described.contains("wgpu") && described.contains(kind), "{name} is {described}");
}
