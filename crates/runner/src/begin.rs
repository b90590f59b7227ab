//! The kind of training that settings ask for, and policies on the device that they ask for.

use gradus_policy::{Policy, PolicySpec};

use crate::collector::MakeEnvs;
use crate::search::SearchTrainer;
use crate::settings::{CPU, Settings};
use crate::trainer::{TrainError, Trainer};
use crate::training::Training;

/// A run on environments that `make` makes in groups, on the device of the settings.
///
/// # Errors
/// When the settings do not fit the task, it cannot be started, or the device cannot be used.
pub fn begin(name: &str, make: &MakeEnvs<'_>, settings: &Settings) -> Result<Box<dyn Training>, TrainError> {
    if settings.algorithm.is_search() {
        return Ok(Box::new(SearchTrainer::new(name, make, settings)?));
    }
    if settings.device == CPU {
        return Ok(Box::new(Trainer::new(name, make, settings)?));
    }
    burn::begin(name, make, settings)
}

/// The policy in the bytes of its file, on a device by its name.
///
/// # Errors
/// When the bytes are no policy, or one that the device does not evaluate, or there is no such device.
pub fn load_policy(bytes: &[u8], device: &str) -> Result<Policy, TrainError> {
    if device == CPU { Ok(Policy::from_bytes(bytes)?) } else { burn::load(bytes, device) }
}

/// The policy of a description and its parameters, on a device by its name.
pub(crate) fn described_policy(spec: PolicySpec, theta: &[f32], device: &str) -> Result<Policy, TrainError> {
    if device == CPU { Ok(Policy::new(spec, theta)?) } else { burn::describe(spec, theta, device) }
}

#[cfg(feature = "burn")]
mod burn {
    use gradus_policy_burn::{Device, build_actor_critic, build_policy, load_policy, open_device};

    use super::*;

    fn open(device: &str) -> Result<Device, TrainError> {
        open_device(device).map_err(|error| TrainError::Device(error.to_string()))
    }

    pub(super) fn begin(
        name: &str,
        make: &MakeEnvs<'_>,
        settings: &Settings,
    ) -> Result<Box<dyn Training>, TrainError> {
        let device = open(&settings.device)?;
        let build = |config: &_| build_actor_critic(config, &device);
        Ok(Box::new(Trainer::with_network(name, make, settings, build)?))
    }

    pub(super) fn load(bytes: &[u8], device: &str) -> Result<Policy, TrainError> {
        Ok(load_policy(bytes, &open(device)?)?)
    }

    pub(super) fn describe(spec: PolicySpec, theta: &[f32], device: &str) -> Result<Policy, TrainError> {
        Ok(build_policy(spec, theta, &open(device)?)?)
    }
}

#[cfg(not(feature = "burn"))]
mod burn {
    use super::*;

    fn missing<T>(device: &str) -> Result<T, TrainError> {
        let feature = device.split(':').next().unwrap_or(device);
        Err(TrainError::Device(format!(
            "the device {device} is not part of this build, which has cpu alone: build with `--features {feature}`"
        )))
    }

    pub(super) fn begin(
        _: &str,
        _: &MakeEnvs<'_>,
        settings: &Settings,
    ) -> Result<Box<dyn Training>, TrainError> {
        missing(&settings.device)
    }

    pub(super) fn load(_: &[u8], device: &str) -> Result<Policy, TrainError> {
        missing(device)
    }

    pub(super) fn describe(_: PolicySpec, _: &[f32], device: &str) -> Result<Policy, TrainError> {
        missing(device)
    }
}
