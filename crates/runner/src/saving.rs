//! A training run as a checkpoint, and back.

use std::collections::BTreeMap;

use gradus_checkpoint::{Checkpoint, Tensor};
use gradus_core_math::Stream;
use gradus_policy::{Network, PolicySpec, TensorInfo, UpdateState};
use serde::{Deserialize, Serialize};

use crate::begin::described_policy;
use crate::collector::CollectorState;
use crate::settings::Settings;
use crate::trainer::{TrainError, Trainer};
use crate::training::Progress;

/// What a checkpoint's metadata calls itself.
const KIND: &str = "training run";
const PARAMETERS: &str = "parameters.";
pub(crate) const ALGORITHM: &str = "algorithm.";
pub(crate) const STATE: &str = "state";

/// The readable part.
#[derive(Serialize, Deserialize)]
pub(crate) struct Metadata {
    kind: String,
    algo: String,
    steps: u64,
    updates: u64,
    policy: PolicySpec,
    pub(crate) algorithm: BTreeMap<String, f64>,
}

impl Metadata {
    /// Of a run that stands at `progress`; `scalars` are its algorithm's.
    pub(crate) fn new(
        settings: &Settings,
        progress: &Progress,
        policy: PolicySpec,
        scalars: BTreeMap<String, f64>,
    ) -> Self {
        Self {
            kind: KIND.into(),
            algo: settings.algorithm.name().into(),
            steps: progress.steps(),
            updates: progress.updates(),
            policy,
            algorithm: scalars,
        }
    }

    /// As JSON.
    pub(crate) fn to_json(&self) -> Result<serde_json::Value, TrainError> {
        serde_json::to_value(self).map_err(|error| TrainError::Mismatch(error.to_string()))
    }

    /// The metadata of a checkpoint, which is of the same task, networks and algorithm as a run with these settings
    /// whose policy is `policy`.
    pub(crate) fn of_same_run(
        checkpoint: &Checkpoint,
        settings: &Settings,
        policy: &PolicySpec,
    ) -> Result<Self, TrainError> {
        let metadata = read_metadata(checkpoint)?;
        let mismatch = |what: &str, found: &str, here: &str| {
            TrainError::Mismatch(format!("it has the {what} {found}, this run {here}"))
        };
        if metadata.algo != settings.algorithm.name() {
            return Err(mismatch("algorithm", &metadata.algo, settings.algorithm.name()));
        }
        for ((what, found), (_, here)) in traits(&metadata.policy).iter().zip(traits(policy)) {
            if *found != here {
                return Err(mismatch(what, found, &here));
            }
        }
        Ok(metadata)
    }
}

/// Puts parameters into a checkpoint, under the names of their tensors.
pub(crate) fn put_parameters(
    checkpoint: &mut Checkpoint,
    tensors: &[TensorInfo],
    theta: &[f32],
) -> Result<(), TrainError> {
    for tensor in tensors {
        let values = theta[tensor.offset..tensor.offset + tensor.size()].to_vec();
        let name = format!("{PARAMETERS}{}", tensor.name);
        checkpoint.tensors.insert(name, Tensor::from(values).reshaped(&tensor.shape)?);
    }
    Ok(())
}

/// The exact part, as bytes.
#[derive(Serialize, Deserialize)]
struct State {
    collector: CollectorState,
    updates_stream: Stream,
    progress: Progress,
}

impl<N: Network<Scalar = f32> + 'static> Trainer<N> {
    /// Everything that the rest of the run depends on: a trainer that [`restore`](Trainer::restore)s it goes on
    /// bit for bit like this one.
    ///
    /// # Errors
    /// When something has no representation in the file's format.
    pub fn checkpoint(&self) -> Result<Checkpoint, TrainError> {
        let mut checkpoint = Checkpoint::default();
        put_parameters(&mut checkpoint, &self.agent.network.tensors(), &self.agent.theta)?;
        let UpdateState { tensors, scalars } = self.algorithm.state();
        for (name, values) in tensors {
            checkpoint.tensors.insert(format!("{ALGORITHM}{name}"), Tensor::from(values));
        }
        let state = State {
            collector: self.collector.state(),
            updates_stream: self.updates_stream.clone(),
            progress: self.progress.clone(),
        };
        let bytes = postcard::to_allocvec(&state).map_err(|error| TrainError::Mismatch(error.to_string()))?;
        checkpoint.tensors.insert(STATE.into(), Tensor::from(bytes));
        checkpoint.metadata =
            Metadata::new(&self.settings, &self.progress, self.policy_spec(), scalars).to_json()?;
        Ok(checkpoint)
    }

    /// Goes on from a checkpoint of the same task, networks and algorithm.
    ///
    /// # Errors
    /// When the checkpoint is of another run; this one may then be partly restored, and is not to be used.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        let metadata = Metadata::of_same_run(checkpoint, &self.settings, &self.policy_spec())?;
        let theta = read_parameters(checkpoint, &self.agent.network.tensors())?;
        let mut algorithm = UpdateState { scalars: metadata.algorithm, ..UpdateState::default() };
        for (name, tensor) in &checkpoint.tensors {
            if let Some(name) = name.strip_prefix(ALGORITHM) {
                let values = checkpoint.f32(&format!("{ALGORITHM}{name}"), tensor.shape())?.to_vec();
                algorithm.tensors.insert(name.to_owned(), values);
            }
        }
        let state: State = postcard::from_bytes(checkpoint.bytes(STATE)?)
            .map_err(|error| TrainError::Mismatch(format!("its state cannot be read: {error}")))?;
        self.algorithm.load(algorithm)?;
        self.collector.load(state.collector)?;
        self.agent.theta = theta;
        self.updates_stream = state.updates_stream;
        self.progress = state.progress;
        Ok(())
    }
}

/// What two runs must have in common for one to go on from the other's checkpoint, in words.
fn traits(policy: &PolicySpec) -> [(&'static str, String); 8] {
    let network = &policy.network;
    [
        ("environment", policy.env.clone()),
        ("number of observed values", network.observation_width.to_string()),
        ("action distribution", format!("{:?}", network.distribution)),
        ("network", format!("{:?}", network.body)),
        ("hidden layers", format!("{:?}", network.hidden)),
        ("activation", format!("{:?}", network.activation)),
        ("shared_trunk", network.shared_trunk.to_string()),
        ("normalize_observation", policy.normalizer.is_some().to_string()),
    ]
}

/// The policy in a checkpoint of a training run, ready to act on a device by its name.
///
/// # Errors
/// When the checkpoint is of something else, or lacks a tensor, or there is no such device.
pub fn policy_of(checkpoint: &Checkpoint, device: &str) -> Result<gradus_policy::Policy, TrainError> {
    let spec = read_metadata(checkpoint)?.policy;
    let theta = read_parameters(checkpoint, &spec.tensors()?)?;
    described_policy(spec, &theta, device)
}

fn read_metadata(checkpoint: &Checkpoint) -> Result<Metadata, TrainError> {
    // Before the rest, which something else need not have.
    match checkpoint.metadata.get("kind").and_then(serde_json::Value::as_str) {
        Some(KIND) => Ok(checkpoint.metadata_as()?),
        kind => Err(TrainError::Mismatch(format!("it is a {:?}, not a {KIND:?}", kind.unwrap_or_default()))),
    }
}

fn read_parameters(checkpoint: &Checkpoint, tensors: &[TensorInfo]) -> Result<Vec<f32>, TrainError> {
    let mut theta = Vec::new();
    for tensor in tensors {
        theta.extend_from_slice(checkpoint.f32(&format!("{PARAMETERS}{}", tensor.name), &tensor.shape)?);
    }
    Ok(theta)
}
