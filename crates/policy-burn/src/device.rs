//! Devices by name.

use burn::tensor::Device;
use thiserror::Error;

/// The names of the devices that [`open_device`] knows, whether this build has them or not. A GPU is `wgpu`, or one of
/// several `wgpu:discrete:0`, `wgpu:integrated:0`, `wgpu:virtual:0`; `wgpu:cpu` is a software driver.
pub const DEVICES: &[&str] = &["flex", "ndarray", "wgpu"];

/// Why there is no such device.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// No device is called so.
    #[error("there is no device {name:?}; there are: {}, and wgpu:discrete:N, wgpu:integrated:N, wgpu:virtual:N and wgpu:cpu", DEVICES.join(", "))]
    Unknown {
        /// The name.
        name: String,
    },
    /// The device's backend is not compiled in.
    #[error(
        "the device {name} is not part of this build: build with the feature `{feature}`; this build has: {}",
        in_build()
    )]
    NotInBuild {
        /// The name.
        name: String,
        /// The feature that brings it.
        feature: &'static str,
    },
    /// The machine has no such device, or no driver for it.
    #[error(
        "the device {name} cannot be used: {reason}. Found are: {found}. A GPU needs a driver for Vulkan, Metal or DirectX 12; on Debian `mesa-vulkan-drivers` has those of most GPUs and one in software, wgpu:cpu"
    )]
    Missing {
        /// The name.
        name: String,
        /// What Burn said.
        reason: String,
        /// The devices that there are.
        found: String,
    },
}

/// The device of a name, the same one each time.
///
/// # Errors
/// When no device is called so, its backend is not compiled in, or the machine has none; the message says what to do.
///
/// ```
/// let device = gradus_policy_burn::open_device("flex")?;
/// let error = gradus_policy_burn::open_device("fles").unwrap_err();
/// assert!(error.to_string().starts_with("there is no device \"fles\"; there are: flex, ndarray, wgpu"));
/// # Ok::<(), gradus_policy_burn::DeviceError>(())
/// ```
pub fn open_device(name: &str) -> Result<Device, DeviceError> {
    match name.split_once(':').unwrap_or((name, "")) {
        ("flex", "") => flex(name),
        ("ndarray", "") => ndarray(name),
        ("wgpu", which) => wgpu(name, which),
        _ => Err(DeviceError::Unknown { name: name.to_owned() }),
    }
}

/// The devices of [`DEVICES`] that this build has.
pub fn devices_in_build() -> Vec<&'static str> {
    let is_in_build = [cfg!(feature = "flex"), cfg!(feature = "ndarray"), cfg!(feature = "wgpu")];
    DEVICES.iter().zip(is_in_build).filter(|(_, is)| *is).map(|(name, _)| *name).collect()
}

/// The same in words.
fn in_build() -> String {
    let names = devices_in_build();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(feature = "flex")]
fn flex(_: &str) -> Result<Device, DeviceError> {
    Ok(Device::flex())
}

#[cfg(not(feature = "flex"))]
fn flex(name: &str) -> Result<Device, DeviceError> {
    Err(DeviceError::NotInBuild { name: name.to_owned(), feature: "flex" })
}

#[cfg(feature = "ndarray")]
#[allow(deprecated, reason = "burn 0.22 is the last with this backend, and the frame asks for it")]
fn ndarray(_: &str) -> Result<Device, DeviceError> {
    Ok(Device::ndarray())
}

#[cfg(not(feature = "ndarray"))]
fn ndarray(name: &str) -> Result<Device, DeviceError> {
    Err(DeviceError::NotInBuild { name: name.to_owned(), feature: "ndarray" })
}

#[cfg(not(feature = "wgpu"))]
fn wgpu(name: &str, _: &str) -> Result<Device, DeviceError> {
    Err(DeviceError::NotInBuild { name: name.to_owned(), feature: "wgpu" })
}

#[cfg(feature = "wgpu")]
fn wgpu(name: &str, which: &str) -> Result<Device, DeviceError> {
    use burn::tensor::{DeviceKind, DeviceType};
    use std::sync::{Mutex, PoisonError};

    /// What was opened: Burn starts an adapter once in a process, and refuses to do it again.
    static OPENED: Mutex<Vec<(DeviceKind, Device)>> = Mutex::new(Vec::new());

    let number = |text: &str| text.parse().map_err(|_| DeviceError::Unknown { name: name.to_owned() });
    let kind = match which.split_once(':').unwrap_or((which, "0")) {
        ("", _) => DeviceKind::DefaultDevice,
        ("cpu", "0") => DeviceKind::Cpu,
        ("discrete", n) => DeviceKind::DiscreteGpu(number(n)?),
        ("integrated", n) => DeviceKind::IntegratedGpu(number(n)?),
        ("virtual", n) => DeviceKind::VirtualGpu(number(n)?),
        _ => return Err(DeviceError::Unknown { name: name.to_owned() }),
    };
    // Held while one is started, for another thread may ask for the same one. A list is never half changed.
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, device)) = opened.iter().find(|(known, _)| *known == kind) {
        return Ok(device.clone());
    }
    let started = Device::wgpu_options().device_kind(kind.clone()).init();
    let device = started.map_err(|error| DeviceError::Missing {
        name: name.to_owned(),
        reason: error.to_string(),
        found: Device::enumerate(DeviceType::Wgpu)
            .iter()
            .map(|device| format!("{device:?}"))
            .collect::<Vec<_>>()
            .join(", "),
    })?;
    opened.push((kind, device.clone()));
    Ok(device)
}
