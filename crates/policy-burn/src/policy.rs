//! Actor-critics and deployed policies on a device.

use burn::tensor::Device;
use gradus_policy::{ActorCritic, ActorCriticConfig, Policy, PolicyError, PolicySpec};

use crate::network::BurnNetwork;
use crate::stack::Stack;

/// The networks of a description on `device`.
///
/// # Panics
/// When the description is not one of layers that fit together: see [`PolicySpec::check`].
///
/// ```
/// use gradus_core_math::Distribution;
/// use gradus_policy::{ActorCriticConfig, Body, ConvConfig};
/// use gradus_policy_burn::{build_actor_critic, open_device};
///
/// let conv = ConvConfig::for_image([4, 10, 10]);
/// let config = ActorCriticConfig::new(400, Distribution::Categorical { n: 6 })
///     .with_body(Body::Conv(conv))
///     .with_hidden(&[128])
///     .with_shared_trunk(true);
/// let network = build_actor_critic(&config, &open_device("flex")?);
/// # Ok::<(), gradus_policy_burn::DeviceError>(())
/// ```
pub fn build_actor_critic(config: &ActorCriticConfig, device: &Device) -> ActorCritic<BurnNetwork<Stack>> {
    config.assemble(|heads| Stack::network(config, heads, device))
}

/// The policy of a description with these parameters, evaluated on `device`.
///
/// # Errors
/// When the parts of the description do not fit together, or the parameters are of another number or not finite.
pub fn build_policy(spec: PolicySpec, theta: &[f32], device: &Device) -> Result<Policy, PolicyError> {
    let network = described(&spec, device)?;
    Policy::with_network(spec, theta, &network)
}

/// The policy in the bytes of a file that [`Policy::to_bytes`] gave, evaluated on `device`.
///
/// # Errors
/// When the bytes are damaged, hold something else, or describe a network of the user's own: read that with
/// [`Policy::from_bytes_with`].
pub fn load_policy(bytes: &[u8], device: &Device) -> Result<Policy, PolicyError> {
    Policy::from_bytes_with(bytes, |spec| described(spec, device))
}

/// The networks of a description, after a look at it.
fn described(spec: &PolicySpec, device: &Device) -> Result<ActorCritic<BurnNetwork<Stack>>, PolicyError> {
    spec.check()?;
    // Of a network of the user's own they are not known, which is an error.
    spec.tensors()?;
    Ok(build_actor_critic(&spec.network, device))
}
