//! The description of an actor-critic's networks, and the parameters that follow from it.

use gradus_core_math::Distribution;
use serde::{Deserialize, Serialize};

use crate::actor_critic::ActorCritic;
use crate::kernel::{Activation, Kernel};
use crate::mlp::{Head, Mlp, MlpConfig};

/// The gain of the last policy layer, a hundredth of the others' (Andrychowicz et al. 2021, section 3.2).
pub const POLICY_GAIN: f64 = 0.01;
/// The gain of the last value layer.
pub const VALUE_GAIN: f64 = 1.0;

/// What sees an observation before the hidden layers do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Body {
    /// Nothing: the hidden layers see the observation.
    #[default]
    Dense,
    /// Convolutions over an image.
    Conv(ConvConfig),
    /// A gated recurrent unit, which remembers what came before.
    Gru {
        /// The length of its state.
        width: usize,
    },
    /// A network of the user's own, of which nothing is known here but its observations and its distribution.
    Custom,
}

/// Convolutions over images without padding, each followed by the activation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvConfig {
    /// Channels, height and width of the image that an observation is, in this order.
    pub image: [usize; 3],
    /// The convolutions.
    pub layers: Vec<ConvLayer>,
}

/// One convolution with a square kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvLayer {
    /// Channels of its output.
    pub channels: usize,
    /// Height and width of its kernel.
    pub kernel: usize,
    /// Rows and columns from one place of the kernel to the next.
    pub stride: usize,
}

impl ConvConfig {
    /// The convolutions of Mnih et al. 2015 (8×8, 4×4 and 3×3 with 32, 64 and 64 channels) where the image is large
    /// enough for them; one of 3×3 with 16 channels for smaller ones (Young & Tian 2019).
    pub fn for_image(image: [usize; 3]) -> Self {
        let atari = [(32, 8, 4), (64, 4, 2), (64, 3, 1)];
        let small = [(16, 3, 1)];
        let of = |layers: &[(usize, usize, usize)]| {
            let layer = |&(channels, kernel, stride)| ConvLayer { channels, kernel, stride };
            Self { image, layers: layers.iter().map(layer).collect() }
        };
        let large = of(&atari);
        if large.shapes().is_some() { large } else { of(&small) }
    }

    /// The shape of the image and of each layer's output; none where a kernel or a channel is missing, or a kernel is
    /// larger than what it moves over.
    pub fn shapes(&self) -> Option<Vec<[usize; 3]>> {
        let mut shapes = vec![self.image];
        let [mut channels, mut height, mut width] = self.image;
        for layer in &self.layers {
            if layer.kernel == 0 || layer.stride == 0 || layer.channels == 0 {
                return None;
            }
            let places = |size: usize| Some(size.checked_sub(layer.kernel)? / layer.stride + 1);
            (channels, height, width) = (layer.channels, places(height)?, places(width)?);
            shapes.push([channels, height, width]);
        }
        (channels > 0 && height > 0 && width > 0).then_some(shapes)
    }
}

/// The shape of an [`ActorCritic`].
///
/// Defaults are those of Andrychowicz et al. 2021 and the usual PPO practice: two tanh layers of 64, separate
/// networks, a last policy layer 100 times smaller than the others so that the first actions are near uniform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActorCriticConfig {
    /// The length of an observation.
    pub observation_width: usize,
    /// The action distribution.
    pub distribution: Distribution,
    /// What sees an observation before the hidden layers do.
    #[serde(default)]
    pub body: Body,
    /// The widths of the hidden layers, of each network.
    pub hidden: Vec<usize>,
    /// The nonlinearity of the hidden layers.
    pub activation: Activation,
    /// Whether policy and critic share all hidden layers.
    pub shared_trunk: bool,
    /// The log_std that a Gaussian begins with, in every state.
    pub log_std_init: f64,
}

impl ActorCriticConfig {
    /// The defaults for these observations and actions.
    pub fn new(observation_width: usize, distribution: Distribution) -> Self {
        Self {
            observation_width,
            distribution,
            body: Body::Dense,
            hidden: vec![64, 64],
            activation: Activation::Tanh,
            shared_trunk: false,
            log_std_init: 0.0,
        }
    }

    /// Something else before the hidden layers.
    pub fn with_body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// Other hidden layers.
    pub fn with_hidden(mut self, hidden: &[usize]) -> Self {
        self.hidden = hidden.to_vec();
        self
    }

    /// Another nonlinearity.
    pub fn with_activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// One trunk for policy and critic, or two networks.
    pub fn with_shared_trunk(mut self, shared_trunk: bool) -> Self {
        self.shared_trunk = shared_trunk;
        self
    }

    /// Another initial log_std.
    pub fn with_log_std_init(mut self, log_std_init: f64) -> Self {
        self.log_std_init = log_std_init;
        self
    }

    /// The outputs of each network, in groups that are initialised apart: those of policy and critic, or of the trunk
    /// that they share.
    pub fn heads(&self) -> Vec<Vec<Head>> {
        let policy = Head { width: outputs_of(&self.distribution).0, gain: POLICY_GAIN };
        let value = Head { width: 1, gain: VALUE_GAIN };
        if self.shared_trunk { vec![vec![policy, value]] } else { vec![vec![policy], vec![value]] }
    }

    /// The actor-critic whose networks `network` makes, each from its [`heads`](Self::heads).
    ///
    /// # Panics
    /// When the networks do not fit the description.
    pub fn assemble<N: crate::Network>(&self, network: impl FnMut(&[Head]) -> N) -> ActorCritic<N> {
        let mut networks: Vec<N> = self.heads().iter().map(Vec::as_slice).map(network).collect();
        let (distribution, log_std) = (self.distribution.clone(), self.log_std_init);
        let last = networks.pop().expect("there is always a head");
        match networks.pop() {
            None => ActorCritic::shared(last, distribution, log_std),
            Some(actor) => ActorCritic::separate(actor, last, distribution, log_std),
        }
    }

    /// The networks of this shape, as [`Mlp`]s.
    ///
    /// # Panics
    /// When a width is zero, or the body is not [`Body::Dense`].
    pub fn build<T: Kernel>(&self) -> ActorCritic<Mlp<T>> {
        assert!(self.body == Body::Dense, "an Mlp has hidden layers alone, and no {:?}", self.body);
        self.assemble(|heads| {
            let config = MlpConfig::new(self.observation_width, 1).with_hidden(&self.hidden);
            Mlp::new(config.with_activation(self.activation).with_heads(heads))
        })
    }
}

/// How many of a distribution's parameters a network puts out, and how many are free.
pub(crate) fn outputs_of(distribution: &Distribution) -> (usize, usize) {
    match distribution {
        Distribution::DiagGaussian { dim } => (*dim, *dim),
        other => (other.n_params(), 0),
    }
}
