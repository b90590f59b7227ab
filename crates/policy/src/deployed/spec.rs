//! What a trained policy is, beside its parameters.

use gradus_core_math::Distribution;
use serde::{Deserialize, Serialize};

use super::PolicyError;
use crate::{ActionMap, ActorCriticConfig, Body, Normalizer, TensorInfo};

/// Everything about a trained policy but its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// The network that it was trained with.
    pub network: ActorCriticConfig,
    /// What happens to an observation before the network sees it.
    pub normalizer: Option<Normalizer>,
    /// What happens to an action before the environment sees it.
    pub action_map: ActionMap,
    /// The task that it was trained for. For the reader; nothing depends on it.
    pub env: String,
}

impl PolicySpec {
    /// Checks that the parts fit together.
    ///
    /// # Errors
    /// [`PolicyError::Spec`] with the first contradiction.
    pub fn check(&self) -> Result<(), PolicyError> {
        let ActorCriticConfig { observation_width, distribution, log_std_init, .. } = &self.network;
        if !log_std_init.is_finite() {
            return Err(PolicyError::Spec(format!("log_std_init is {log_std_init}")));
        }
        if self.network.body != Body::Custom {
            self.tensors()?;
        }
        if let Some(normalizer) = &self.normalizer {
            normalizer.check().map_err(PolicyError::Spec)?;
            if normalizer.width() != *observation_width {
                let message = "the normaliser is for observations of width";
                let width = normalizer.width();
                return Err(PolicyError::Spec(format!(
                    "{message} {width}, the network for {observation_width}"
                )));
            }
        }
        self.action_map.check(distribution.action_width()).map_err(PolicyError::Spec)?;
        let is_continuous = matches!(distribution, Distribution::DiagGaussian { .. });
        if !is_continuous && self.action_map != ActionMap::Identity {
            return Err(PolicyError::Spec("discrete actions have no bounds to be mapped into".into()));
        }
        Ok(())
    }

    /// The tensors of the policy's parameters, in order and without gaps: the first ones of the
    /// [`ActorCritic`](crate::ActorCritic), computed without building it, however large it would be.
    ///
    /// # Errors
    /// [`PolicyError::Spec`] if a width is zero, or the parameters are too many to count.
    pub fn tensors(&self) -> Result<Vec<TensorInfo>, PolicyError> {
        let ActorCriticConfig { distribution, hidden, shared_trunk, .. } = &self.network;
        let too_large = || PolicyError::Spec("the network's parameters are too many to count".into());
        let outputs =
            outputs_of(distribution)?.checked_add(usize::from(*shared_trunk)).ok_or_else(too_large)?;
        let (mut shapes, first, features) = self.body()?;
        let widths: Vec<usize> =
            std::iter::once(features).chain(hidden.iter().copied()).chain([outputs]).collect();
        if widths.contains(&0) {
            let message = "a layer of width 0; from observation to output the widths are";
            return Err(PolicyError::Spec(format!("{message} {widths:?}")));
        }
        for (l, pair) in widths.windows(2).enumerate() {
            shapes.push((format!("{}.weight", first + l), pair.to_vec()));
            shapes.push((format!("{}.bias", first + l), pair[1..].to_vec()));
        }
        if let Distribution::DiagGaussian { dim } = distribution {
            shapes.push(("log_std".to_owned(), vec![*dim]));
        }
        let prefix = if *shared_trunk { "trunk" } else { "actor" };
        let mut offset = 0_usize;
        let mut tensors = Vec::with_capacity(shapes.len());
        for (name, shape) in shapes {
            let size = shape.iter().try_fold(1_usize, |size, &length| size.checked_mul(length));
            let end = size.and_then(|size| offset.checked_add(size)).ok_or_else(too_large)?;
            tensors.push(TensorInfo { name: format!("{prefix}.{name}"), shape, offset });
            offset = end;
        }
        Ok(tensors)
    }

    /// The tensors of what stands before the hidden layers, the number of its layers, and the length of what it puts
    /// out.
    fn body(&self) -> Result<(Vec<Named>, usize, usize), PolicyError> {
        let wrong = |message: String| Err(PolicyError::Spec(message));
        let width = self.network.observation_width;
        let product = |sizes: &[usize]| sizes.iter().try_fold(1_usize, |all, &size| all.checked_mul(size));
        match &self.network.body {
            Body::Dense => Ok((Vec::new(), 0, width)),
            Body::Custom => Err(unknown_network()),
            Body::Gru { width: 0 } => wrong("a recurrent unit of width 0".into()),
            Body::Gru { .. } if !self.network.shared_trunk => {
                wrong("a recurrent policy shares its trunk with the critic".into())
            }
            Body::Gru { width: state } => {
                let Some(gates) = state.checked_mul(3) else {
                    return wrong("the network's parameters are too many to count".into());
                };
                let of = |part: &str, inputs: usize| {
                    [
                        (format!("0.{part}.weight"), vec![inputs, gates]),
                        (format!("0.{part}.bias"), vec![gates]),
                    ]
                };
                Ok(([of("input", width), of("hidden", *state)].concat(), 1, *state))
            }
            Body::Conv(conv) => {
                let Some(shapes) = conv.shapes() else {
                    return wrong(format!("convolutions that do not fit: {conv:?}"));
                };
                if product(&conv.image) != Some(width) {
                    return wrong(format!("an image of {:?} in an observation of width {width}", conv.image));
                }
                let Some(features) = shapes.last().and_then(|shape| product(shape)) else {
                    return wrong("the network's parameters are too many to count".into());
                };
                let layers = shapes.iter().zip(&conv.layers).enumerate();
                let tensors = layers.flat_map(|(l, ([channels, ..], layer))| {
                    let kernel = vec![layer.channels, *channels, layer.kernel, layer.kernel];
                    [(format!("{l}.weight"), kernel), (format!("{l}.bias"), vec![layer.channels])]
                });
                Ok((tensors.collect(), conv.layers.len(), features))
            }
        }
    }
}

/// The name of a tensor, and its shape.
type Named = (String, Vec<usize>);

/// How many outputs of the network describe the distribution.
fn outputs_of(distribution: &Distribution) -> Result<usize, PolicyError> {
    let count = match distribution {
        Distribution::Categorical { n } | Distribution::Bernoulli { n } => Some(*n),
        Distribution::MultiCategorical { sizes } if sizes.contains(&0) => Some(0),
        Distribution::MultiCategorical { sizes } => {
            sizes.iter().try_fold(0_usize, |sum, &size| sum.checked_add(size))
        }
        // A row of the distribution's parameters has the log_std as well.
        Distribution::DiagGaussian { dim } => dim.checked_mul(2).map(|_| *dim),
    };
    match count {
        Some(count) if count > 0 => Ok(count),
        Some(_) => Err(PolicyError::Spec(format!("nothing to choose from: {distribution:?}"))),
        None => Err(PolicyError::Spec("the distribution's parameters are too many to count".into())),
    }
}

/// A network of the user's own is asked for by its description.
pub(super) fn unknown_network() -> PolicyError {
    let message = "a network of one's own is not described by its file: load it with Policy::from_bytes_with";
    PolicyError::Spec(message.into())
}
