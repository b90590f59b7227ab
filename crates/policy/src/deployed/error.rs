//! Why a policy cannot be loaded or does not act.

use gradus_checkpoint::CheckpointError;
use gradus_core_math::DistributionError;
use thiserror::Error;

/// Why a policy cannot be loaded or does not act. It can be asked again afterwards.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The description of the policy contradicts itself.
    #[error("the policy's description is wrong: {0}")]
    Spec(String),
    /// There are more or fewer parameters than the network has.
    #[error("the policy's network has {expected} parameters, and {found} are given")]
    ParameterCount {
        /// The network's.
        expected: usize,
        /// Those given.
        found: usize,
    },
    /// A parameter is NaN or infinite.
    #[error("element {index} of the policy's tensor `{tensor}` is {value}")]
    NonFiniteParameter {
        /// The tensor.
        tensor: String,
        /// The element's place in it, row by row.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// The file is a checkpoint of something else.
    #[error("this is no policy but a checkpoint of the kind {found:?}")]
    NotAPolicy {
        /// What it calls itself; empty where it says nothing.
        found: String,
    },
    /// The network is one that the processor's own kernels do not evaluate.
    #[error(
        "the policy's network begins with {body}, which the processor's own kernels do not evaluate: use another device \
         (`--device flex`; from code `gradus_policy_burn::load_policy`)"
    )]
    Unsupported {
        /// What it begins with.
        body: String,
    },
    /// The file holds a tensor that the described network does not have.
    #[error("the policy's network has no tensor `{name}`, and the file has one of shape {found:?}")]
    UnexpectedTensor {
        /// Its name in the file.
        name: String,
        /// Its shape there.
        found: Vec<usize>,
    },
    /// The bytes are no checkpoint, or a tensor in them is missing or of another shape.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A slice has the wrong length.
    #[error("{what} has {found} values and should have {expected}")]
    Length {
        /// Which slice.
        what: &'static str,
        /// The length it should have.
        expected: usize,
        /// The length it has.
        found: usize,
    },
    /// A batch of observations does not consist of whole ones.
    #[error("{found} values are no whole number of observations of {width}")]
    PartialRow {
        /// The length of an observation.
        width: usize,
        /// The length of the batch.
        found: usize,
    },
    /// An observation is NaN or infinite somewhere.
    #[error("component {component} of observation {row} is {value}")]
    NonFiniteObservation {
        /// The place of the observation in the batch; 0 where there is one.
        row: usize,
        /// The place in the observation.
        component: usize,
        /// What stands there.
        value: f32,
    },
    /// The mask leaves no action.
    #[error(
        "the mask of observation {row} allows none of the {size} choices of action component {component}"
    )]
    NoAllowedAction {
        /// The place of the observation in the batch; 0 where there is one.
        row: usize,
        /// The component of the action.
        component: usize,
        /// The number of its choices.
        size: usize,
    },
    /// What the network puts out is no distribution: its parameters are too large for this observation.
    #[error("the policy's answer to observation {row} is no distribution: {source}")]
    Output {
        /// The place of the observation in the batch; 0 where there is one.
        row: usize,
        /// What is wrong.
        source: DistributionError,
    },
}
