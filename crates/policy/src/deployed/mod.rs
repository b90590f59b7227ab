//! A trained policy without its training.

mod error;
mod spec;

use gradus_checkpoint::{Checkpoint, CheckpointError, Tensor};
use gradus_core_math::{Distribution, DistributionError};
use serde::{Deserialize, Serialize};

use crate::network::{Frozen, Network, TensorInfo};
use crate::{ActorCritic, Body, Mlp};

pub use error::PolicyError;
pub use spec::PolicySpec;

/// What the metadata of a policy's file calls it.
const KIND: &str = "policy";

/// The metadata of a policy's file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    kind: String,
    spec: PolicySpec,
}

/// A trained policy, ready to act: an observation goes through the normaliser, the network, the distribution
/// and the action map.
///
/// Its file holds one tensor for each of the network's, named as [`Network::tensors`](crate::Network::tensors)
/// names them, and the [`PolicySpec`]. Nothing here opens a file: `std::fs::read` gives the bytes.
///
/// After the first call with a number of rows, acting on as many or fewer allocates nothing; for single
/// observations not even the first does.
///
/// ```
/// use gradus_core_math::{Distribution, Stream};
/// use gradus_policy::{ActionMap, ActorCriticConfig, Agent, Policy, PolicySpec};
///
/// let network = ActorCriticConfig::new(4, Distribution::Categorical { n: 2 });
/// let agent = Agent::new(network.build::<f32>(), &mut Stream::new(0, "initialise", 0));
/// let theta = &agent.theta[..agent.network.policy_parameter_count()];
/// let spec = PolicySpec { network, normalizer: None, action_map: ActionMap::Identity, env: "CartPole-v1".into() };
///
/// let bytes = Policy::new(spec, theta)?.to_bytes()?;
/// let mut policy = Policy::from_bytes(&bytes)?;
/// let mut action = [0.0];
/// policy.act(&[0.0, 0.1, 0.0, -0.1], None, &mut action)?;
/// assert!(action == [0.0] || action == [1.0]);
/// # Ok::<(), gradus_policy::PolicyError>(())
/// ```
#[derive(Debug)]
pub struct Policy {
    spec: PolicySpec,
    tensors: Vec<TensorInfo>,
    theta: Vec<f32>,
    network: Box<dyn Frozen<Scalar = f32>>,
    /// The length of a row of the network's outputs, which begins with the distribution's parameters.
    output_width: usize,
    /// Normalised observations, outputs and actions of a batch, kept between calls.
    observed: Vec<f32>,
    outputs: Vec<f32>,
    drawn: Vec<f32>,
    /// What is remembered for each row, `[rows, state_width]`; before the first call of a length it is empty.
    states: Vec<f32>,
}

impl Policy {
    /// The policy with these parameters, evaluated on the processor: the first
    /// [`policy_parameter_count`](crate::ActorCritic::policy_parameter_count) of an actor-critic's.
    ///
    /// # Errors
    /// When the parts of the description do not fit together, the network is not one of dense layers, or the
    /// parameters are of another number or not finite. Nothing is built before the number is known to be right.
    pub fn new(spec: PolicySpec, theta: &[f32]) -> Result<Self, PolicyError> {
        spec.check()?;
        check_count(&spec.tensors()?, theta)?;
        let network = fused(&spec)?;
        Self::with_network(spec, theta, &network)
    }

    /// The policy with these parameters, evaluated by the policy of `network`.
    ///
    /// # Errors
    /// When the parts of the description do not fit together, or the parameters are of another number or not finite.
    pub fn with_network<N: Network<Scalar = f32>>(
        spec: PolicySpec,
        theta: &[f32],
        network: &ActorCritic<N>,
    ) -> Result<Self, PolicyError>
    where
        N::Frozen: 'static,
    {
        spec.check()?;
        let tensors = network.policy_tensors();
        check_count(&tensors, theta)?;
        check_finite(&tensors, theta)?;
        let (observation_width, action_width) =
            (spec.network.observation_width, spec.network.distribution.action_width());
        check_length("an observation of the network", observation_width, network.input_width())?;
        let mut policy = Self {
            output_width: network.frozen_width(),
            network: Box::new(network.freeze_policy(theta)),
            theta: theta.to_vec(),
            tensors,
            spec,
            observed: Vec::new(),
            outputs: Vec::new(),
            drawn: Vec::new(),
            states: Vec::new(),
        };
        // Makes room for one row before the calls that count, and refuses a log_std out of range.
        policy.act(&vec![0.0; observation_width], None, &mut vec![0.0; action_width])?;
        policy.reset();
        Ok(policy)
    }

    /// The policy in the bytes of a file that [`to_bytes`](Self::to_bytes) gave, evaluated on the processor.
    ///
    /// # Errors
    /// When the bytes are damaged, hold something else, or their tensors are not those of the network that they
    /// describe, or it is not one of dense layers.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PolicyError> {
        Self::from_bytes_with(bytes, fused)
    }

    /// The policy in the bytes of a file, evaluated by the policy of the network that `build` makes from its
    /// description.
    ///
    /// # Errors
    /// When the bytes are damaged, hold something else, or their tensors are not those of the network; and those of
    /// `build`.
    pub fn from_bytes_with<N: Network<Scalar = f32>>(
        bytes: &[u8],
        build: impl FnOnce(&PolicySpec) -> Result<ActorCritic<N>, PolicyError>,
    ) -> Result<Self, PolicyError>
    where
        N::Frozen: 'static,
    {
        let checkpoint = Checkpoint::from_bytes(bytes)?;
        let kind = checkpoint.metadata.get("kind").and_then(serde_json::Value::as_str).unwrap_or_default();
        if kind != KIND {
            return Err(PolicyError::NotAPolicy { found: kind.to_owned() });
        }
        let Metadata { spec, .. } = checkpoint.metadata_as()?;
        spec.check()?;
        if spec.network.body != Body::Custom {
            // An absurd width is refused before a network of that width is built.
            read_tensors(&checkpoint, &spec.tensors()?)?;
        }
        let network = build(&spec)?;
        let tensors = network.policy_tensors();
        let theta = read_tensors(&checkpoint, &tensors)?;
        let is_unexpected = |name: &str| tensors.iter().all(|tensor| tensor.name != name);
        if let Some((name, tensor)) = checkpoint.tensors.iter().find(|(name, _)| is_unexpected(name)) {
            let (name, found) = (name.clone(), tensor.shape().to_vec());
            return Err(PolicyError::UnexpectedTensor { name, found });
        }
        Self::with_network(spec, &theta, &network)
    }

    /// The bytes of the policy's file, the same for the same policy.
    ///
    /// # Errors
    /// When the format cannot hold it (names of tensors of more than 100 MB in all).
    pub fn to_bytes(&self) -> Result<Vec<u8>, PolicyError> {
        let mut checkpoint = Checkpoint::default();
        for tensor in &self.tensors {
            let values = self.theta[tensor.offset..tensor.offset + tensor.size()].to_vec();
            checkpoint.tensors.insert(tensor.name.clone(), Tensor::from(values).reshaped(&tensor.shape)?);
        }
        let metadata = Metadata { kind: KIND.to_owned(), spec: self.spec.clone() };
        checkpoint.metadata =
            serde_json::to_value(metadata).map_err(|source| CheckpointError::BadMetadata { source })?;
        Ok(checkpoint.to_bytes()?)
    }

    /// Everything about it but the parameters.
    pub fn spec(&self) -> &PolicySpec {
        &self.spec
    }

    /// The distribution of actions.
    pub fn distribution(&self) -> &Distribution {
        &self.spec.network.distribution
    }

    /// The length of an observation.
    pub fn observation_width(&self) -> usize {
        self.spec.network.observation_width
    }

    /// The length of an action.
    pub fn action_width(&self) -> usize {
        self.distribution().action_width()
    }

    /// How many numbers the policy remembers from one step to the next; 0 for one that knows only the present.
    pub fn state_width(&self) -> usize {
        self.network.state_width()
    }

    /// Forgets all that was remembered: every row begins a new episode.
    pub fn reset(&mut self) {
        self.states.fill(0.0);
    }

    /// Forgets what was remembered for one row of a batch, whose episode begins anew.
    ///
    /// # Panics
    /// When the last batch had no such row.
    pub fn reset_row(&mut self, row: usize) {
        let width = self.state_width();
        if width > 0 {
            self.states[row * width..][..width].fill(0.0);
        }
    }

    /// Writes the most probable action to `action`, as the environment takes it.
    ///
    /// A policy that remembers takes this for the next step of one episode; [`reset`](Self::reset) begins another.
    ///
    /// # Shapes
    /// `observation`: `[observation_width]`; `mask`, true for allowed: `[mask_width]` of the distribution, `None`
    /// to allow all; `action`: `[action_width]`.
    ///
    /// # Errors
    /// When a length is wrong, the observation is not finite or the mask allows nothing. `action` is then
    /// unchanged.
    pub fn act(
        &mut self,
        observation: &[f32],
        mask: Option<&[bool]>,
        action: &mut [f32],
    ) -> Result<(), PolicyError> {
        check_length("the observation", self.observation_width(), observation.len())?;
        self.respond(1, observation, mask, action, most_probable)
    }

    /// Draws an action and writes it to `action`, as the environment takes it.
    ///
    /// # Shapes
    /// As for [`act`](Self::act).
    ///
    /// # Errors
    /// As for [`act`](Self::act); `rng` may have moved on.
    pub fn sample(
        &mut self,
        observation: &[f32],
        mask: Option<&[bool]>,
        rng: &mut impl rand::Rng,
        action: &mut [f32],
    ) -> Result<(), PolicyError> {
        check_length("the observation", self.observation_width(), observation.len())?;
        self.respond(1, observation, mask, action, |_, distribution, params, mask, action| {
            distribution.sample(params, mask, rng, action);
        })
    }

    /// Writes the most probable actions for many observations: what [`act`](Self::act) gives for each, bit for
    /// bit, and faster.
    ///
    /// # Shapes
    /// `observations`: `[rows, observation_width]`; `masks`: `[rows, mask_width]`; `actions`:
    /// `[rows, action_width]`.
    ///
    /// # Errors
    /// As for [`act`](Self::act), with the first row at fault; `actions` is then unchanged.
    pub fn act_batch(
        &mut self,
        observations: &[f32],
        masks: Option<&[bool]>,
        actions: &mut [f32],
    ) -> Result<(), PolicyError> {
        let rows = self.whole_rows(observations)?;
        self.respond(rows, observations, masks, actions, most_probable)
    }

    /// Draws actions for many observations, each from the stream of its row: what [`sample`](Self::sample) gives for
    /// each, bit for bit, and faster.
    ///
    /// # Shapes
    /// As for [`act_batch`](Self::act_batch); `rngs`: `[rows]`.
    ///
    /// # Errors
    /// As for [`act_batch`](Self::act_batch); `rngs` may have moved on.
    pub fn sample_batch<R: rand::Rng>(
        &mut self,
        observations: &[f32],
        masks: Option<&[bool]>,
        rngs: &mut [R],
        actions: &mut [f32],
    ) -> Result<(), PolicyError> {
        let rows = self.whole_rows(observations)?;
        check_length("the streams", rows, rngs.len())?;
        self.respond(rows, observations, masks, actions, |row, distribution, params, mask, action| {
            distribution.sample(params, mask, &mut rngs[row], action);
        })
    }

    fn whole_rows(&self, observations: &[f32]) -> Result<usize, PolicyError> {
        let width = self.observation_width();
        if observations.len().is_multiple_of(width) {
            Ok(observations.len() / width)
        } else {
            Err(PolicyError::PartialRow { width, found: observations.len() })
        }
    }

    /// Answers `rows` observations with the actions that `choose` finds in their distributions.
    fn respond(
        &mut self,
        rows: usize,
        observations: &[f32],
        masks: Option<&[bool]>,
        actions: &mut [f32],
        mut choose: impl FnMut(usize, &Distribution, &[f32], Option<&[bool]>, &mut [f32]),
    ) -> Result<(), PolicyError> {
        let Self { spec, network, output_width, observed, outputs, drawn, states, .. } = self;
        let distribution = &spec.network.distribution;
        let (action_width, mask_width) = (distribution.action_width(), distribution.mask_width());
        check_length("the action", rows * action_width, actions.len())?;
        check_length("the mask", rows * mask_width, masks.map_or(rows * mask_width, <[bool]>::len))?;
        check_observations(observations, spec.network.observation_width)?;
        let input = match &spec.normalizer {
            None => observations,
            Some(normalizer) => {
                observed.resize(observations.len(), 0.0);
                normalizer.apply(observations, observed);
                observed.as_slice()
            }
        };
        outputs.resize(rows * *output_width, 0.0);
        states.resize(rows * network.state_width(), 0.0);
        network.step(input, states, outputs);
        drawn.resize(rows * action_width, 0.0);
        let answers = outputs.chunks_exact(*output_width).zip(drawn.chunks_exact_mut(action_width));
        for (row, (output, action)) in answers.enumerate() {
            let params = &output[..distribution.n_params()];
            let mask = masks.map(|masks| &masks[row * mask_width..][..mask_width]);
            distribution.validate(params, mask).map_err(|error| refusal(row, error))?;
            choose(row, distribution, params, mask, action);
        }
        spec.action_map.apply(drawn, actions);
        Ok(())
    }
}

/// The networks of a description on the processor's own kernels, if these can evaluate them.
fn fused(spec: &PolicySpec) -> Result<ActorCritic<Mlp<f32>>, PolicyError> {
    match &spec.network.body {
        Body::Dense => Ok(spec.network.build()),
        Body::Custom => Err(spec::unknown_network()),
        body => Err(PolicyError::Unsupported { body: format!("{body:?}") }),
    }
}

/// The parameters in these tensors of a checkpoint, one after the other.
fn read_tensors(checkpoint: &Checkpoint, tensors: &[TensorInfo]) -> Result<Vec<f32>, PolicyError> {
    let mut theta = Vec::new();
    for tensor in tensors {
        theta.extend_from_slice(checkpoint.f32(&tensor.name, &tensor.shape)?);
    }
    Ok(theta)
}

fn check_count(tensors: &[TensorInfo], theta: &[f32]) -> Result<(), PolicyError> {
    let expected = tensors.last().map_or(0, |last| last.offset + last.size());
    if theta.len() == expected {
        Ok(())
    } else {
        Err(PolicyError::ParameterCount { expected, found: theta.len() })
    }
}

fn most_probable(
    _: usize,
    distribution: &Distribution,
    params: &[f32],
    mask: Option<&[bool]>,
    to: &mut [f32],
) {
    distribution.mode(params, mask, to);
}

fn refusal(row: usize, error: DistributionError) -> PolicyError {
    match error {
        DistributionError::NoAllowedAction { component, size } => {
            PolicyError::NoAllowedAction { row, component, size }
        }
        source => PolicyError::Output { row, source },
    }
}

fn check_length(what: &'static str, expected: usize, found: usize) -> Result<(), PolicyError> {
    if found == expected { Ok(()) } else { Err(PolicyError::Length { what, expected, found }) }
}

fn check_observations(observations: &[f32], width: usize) -> Result<(), PolicyError> {
    // Without an early end the compiler checks many at once.
    if observations.iter().fold(true, |finite, x| finite & x.is_finite()) {
        return Ok(());
    }
    let place = observations.iter().position(|x| !x.is_finite()).unwrap_or_default();
    let (row, component) = (place / width, place % width);
    Err(PolicyError::NonFiniteObservation { row, component, value: observations[place] })
}

fn check_finite(tensors: &[TensorInfo], theta: &[f32]) -> Result<(), PolicyError> {
    for TensorInfo { name, shape, offset } in tensors {
        let values = &theta[*offset..offset + shape.iter().product::<usize>()];
        if let Some(index) = values.iter().position(|x| !x.is_finite()) {
            return Err(PolicyError::NonFiniteParameter {
                tensor: name.clone(),
                index,
                value: values[index],
            });
        }
    }
    Ok(())
}
