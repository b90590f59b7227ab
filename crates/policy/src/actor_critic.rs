//! A policy and its critic, as one network.

use std::ops::AddAssign;

use gradus_core_math::{Distribution, Real, Stream};

use crate::architecture::outputs_of;
use crate::network::{Input, Linearized, Network, TensorInfo};
use crate::policy_head::{LinearizedHead, PolicyHead};
use crate::rows::{append, take_apart};
use crate::threads::Team;
use crate::update::{SharedStep, squared_norm};

/// A policy with its critic: a network whose rows are the parameters φ of the action distribution, then the
/// state's value.
///
/// | networks | θ |
/// |---|---|
/// | separate | actor, log_std (of a Gaussian), critic |
/// | shared trunk | trunk, log_std |
#[derive(Debug)]
pub struct ActorCritic<N: Network> {
    distribution: Distribution,
    body: Body<N>,
    joint: Joint<N::Scalar>,
}

/// The two ways to build it.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one value a training run")]
enum Body<N: Network> {
    Separate { actor: PolicyHead<N>, critic: N },
    Shared(PolicyHead<N>),
}

/// Rows of both networks side by side, kept between calls.
#[derive(Debug, Default)]
struct Joint<T> {
    outputs: Vec<T>,
    actor: Vec<T>,
    critic: Vec<T>,
}

impl<N: Network> ActorCritic<N> {
    /// A policy and a critic that share nothing. The actor puts out all parameters of the distribution but
    /// a Gaussian's log_std, the critic one value.
    ///
    /// # Panics
    /// When the widths do not fit, or one of them has a state: what the critic remembers would be known to nobody
    /// while the policy acts.
    pub fn separate(actor: N, critic: N, distribution: Distribution, log_std_init: f64) -> Self {
        let (outputs, free) = outputs_of(&distribution);
        assert_eq!(actor.output_width(), outputs, "the actor's outputs for {distribution:?}");
        assert_eq!(critic.output_width(), 1, "the critic's outputs");
        assert_eq!(actor.input_width(), critic.input_width(), "the observations of actor and critic");
        assert_eq!(actor.state_width() + critic.state_width(), 0, "networks that remember share their trunk");
        let actor = PolicyHead::new(actor, outputs, free, log_std_init);
        Self { distribution, body: Body::Separate { actor, critic }, joint: Joint::default() }
    }

    /// One network that puts out the parameters of the distribution, but a Gaussian's log_std, and the value.
    ///
    /// # Panics
    /// When the widths do not fit.
    ///
    /// ```
    /// use gradus_core_math::Distribution;
    /// use gradus_policy::{ActorCritic, Mlp, MlpConfig, Network};
    ///
    /// // Two means and the value; the two log_std are free parameters.
    /// let trunk = Mlp::<f32>::new(MlpConfig::new(5, 3));
    /// let network = ActorCritic::shared(trunk, Distribution::DiagGaussian { dim: 2 }, -0.5);
    /// assert_eq!(network.output_width(), 2 + 2 + 1);
    /// ```
    pub fn shared(trunk: N, distribution: Distribution, log_std_init: f64) -> Self {
        let (outputs, free) = outputs_of(&distribution);
        assert_eq!(trunk.output_width(), outputs + 1, "the outputs for {distribution:?} and a value");
        let trunk = PolicyHead::new(trunk, outputs, free, log_std_init);
        Self { distribution, body: Body::Shared(trunk), joint: Joint::default() }
    }

    /// The action distribution.
    pub fn distribution(&self) -> &Distribution {
        &self.distribution
    }

    /// Whether policy and critic share parameters.
    pub fn is_shared(&self) -> bool {
        matches!(self.body, Body::Shared(_))
    }

    /// Policy and critic apart, where they share nothing: each with its own part of θ, the policy's first
    /// [`policy_parameter_count`](Self::policy_parameter_count) parameters and the critic's rest.
    pub fn split_mut(&mut self) -> Option<(&mut PolicyHead<N>, &mut N)> {
        match &mut self.body {
            Body::Separate { actor, critic } => Some((actor, critic)),
            Body::Shared(_) => None,
        }
    }

    /// How many of the first parameters determine the policy: all of them where the trunk is shared.
    pub fn policy_parameter_count(&self) -> usize {
        match &self.body {
            Body::Separate { actor, .. } => actor.parameter_count(),
            Body::Shared(trunk) => trunk.parameter_count(),
        }
    }

    /// The tensors of the first [`policy_parameter_count`](Self::policy_parameter_count) parameters.
    pub fn policy_tensors(&self) -> Vec<TensorInfo> {
        let count = self.policy_parameter_count();
        self.tensors().into_iter().filter(|tensor| tensor.offset < count).collect()
    }

    /// The policy for acting. Its rows begin with the distribution's parameters (a value follows where the
    /// trunk is shared). `theta` are all parameters; the copy's own [`load`](crate::Frozen::load) takes the first
    /// [`policy_parameter_count`](Self::policy_parameter_count) of them.
    ///
    /// # Panics
    /// When `theta` is too short.
    pub fn freeze_policy(&self, theta: &[N::Scalar]) -> <PolicyHead<N> as Network>::Frozen {
        let theta = &theta[..self.policy_parameter_count()];
        match &self.body {
            Body::Separate { actor, .. } => actor.freeze(theta),
            Body::Shared(trunk) => trunk.freeze(theta),
        }
    }

    /// The length of a row of [`freeze_policy`](Self::freeze_policy).
    pub fn frozen_width(&self) -> usize {
        match &self.body {
            Body::Separate { actor, .. } => actor.output_width(),
            Body::Shared(trunk) => trunk.output_width(),
        }
    }

    /// The parameters of the policy's distributions in the states of `input`, into `params` `[rows, n_params]`.
    /// `theta` may be all parameters or the first
    /// [`policy_parameter_count`](Self::policy_parameter_count).
    ///
    /// # Panics
    /// When lengths do not fit.
    pub fn policy_params(
        &mut self,
        team: Team<'_>,
        theta: &[N::Scalar],
        input: Input<'_, N::Scalar>,
        params: &mut [N::Scalar],
    ) {
        let theta = &theta[..self.policy_parameter_count()];
        let n_params = self.distribution.n_params();
        match &mut self.body {
            Body::Separate { actor, .. } => actor.forward(team, theta, input, params),
            Body::Shared(trunk) => {
                let width = trunk.output_width();
                self.joint.outputs.resize(input.rows.len() * width, N::Scalar::default());
                trunk.forward(team, theta, input, &mut self.joint.outputs);
                assert_eq!(params.len(), input.rows.len() * n_params, "the length of the parameters");
                let rows = self.joint.outputs.chunks_exact(width);
                for (params, row) in params.chunks_exact_mut(n_params).zip(rows) {
                    params.copy_from_slice(&row[..n_params]);
                }
            }
        }
    }

    /// The values of the states in `input`, into `values` `[rows]`.
    ///
    /// # Panics
    /// When lengths do not fit.
    pub fn values(
        &mut self,
        team: Team<'_>,
        theta: &[N::Scalar],
        input: Input<'_, N::Scalar>,
        values: &mut [N::Scalar],
    ) {
        match &mut self.body {
            Body::Separate { actor, critic } => {
                critic.forward(team, &theta[actor.parameter_count()..], input, values);
            }
            Body::Shared(trunk) => {
                let width = trunk.output_width();
                self.joint.outputs.resize(values.len() * width, N::Scalar::default());
                trunk.forward(team, theta, input, &mut self.joint.outputs);
                for (value, row) in values.iter_mut().zip(self.joint.outputs.chunks_exact(width)) {
                    *value = row[width - 1];
                }
            }
        }
    }
}

/// The team for both networks, where they may run side by side.
fn team_for<N: Network>(team: Team<'_>) -> Team<'_> {
    if N::CONCURRENT { team } else { Team::single() }
}

impl<N: Network> ActorCritic<N> {
    /// Takes the step of each side, if there is one, along the gradient that it holds; then the gradient in θ of a loss
    /// that is a sum over rows, and over policy and critic. Returns the sums of what both parts returned, and the norm of
    /// the gradient, accumulated in `f64`.
    ///
    /// As [`Network::gradient`], but that `policy(first, params, cotangent)` sees the parameters of the distributions,
    /// `[rows, n_params]`, and `value(first, values, cotangent)` the values, `[rows]`. Where policy and critic share
    /// nothing, each is a matter of its own threads. Where they share a trunk, it is the first side, and the second one is
    /// empty.
    ///
    /// # Panics
    /// When lengths do not fit.
    pub fn gradient_after<P: Send + Default + AddAssign, V: Send + Default + AddAssign>(
        &mut self,
        team: Team<'_>,
        [first, second]: [Side<'_, N::Scalar>; 2],
        input: Input<'_, N::Scalar>,
        policy: &(impl Fn(usize, &[N::Scalar], &mut [N::Scalar]) -> P + Sync),
        value: &(impl Fn(usize, &[N::Scalar], &mut [N::Scalar]) -> V + Sync),
    ) -> (P, V, f64) {
        match &mut self.body {
            Body::Separate { actor, critic } => {
                let ((policy, of_policy), (value, of_value)) = team_for::<N>(team).join(
                    |team| first.gradient_after(actor, team, input, policy),
                    |team| second.gradient_after(critic, team, input, value),
                );
                (policy, value, (of_policy + of_value).sqrt())
            }
            Body::Shared(trunk) => {
                let n_params = trunk.output_width() - 1;
                let both = |first, outputs: &[N::Scalar], cotangent: &mut [N::Scalar]| {
                    let (mut params, mut values) = (Vec::new(), Vec::new());
                    take_apart(outputs, n_params, &mut params, &mut values);
                    let mut to_params = vec![N::Scalar::default(); params.len()];
                    let mut to_values = vec![N::Scalar::default(); values.len()];
                    let sums =
                        Both(policy(first, &params, &mut to_params), value(first, &values, &mut to_values));
                    append(&to_params, &to_values, cotangent);
                    sums
                };
                let (Both(policy, value), square) = first.gradient_after(trunk, team, input, &both);
                (policy, value, square.sqrt())
            }
        }
    }
}

/// The parameters of one network, of which the gradient is asked for.
pub struct Side<'a, T> {
    /// A step that is to be taken first.
    pub step: Option<SharedStep<'a, T>>,
    /// Changed by the step alone.
    pub theta: &'a mut [T],
    /// At first what the step is along.
    pub gradient: &'a mut [T],
}

impl<'a, T: Real> Side<'a, T> {
    /// Both sides of vectors in which the policy's `policy_parameter_count` parameters stand first, without a step.
    ///
    /// # Panics
    /// When there are fewer parameters.
    pub fn both(theta: &'a mut [T], gradient: &'a mut [T], policy_parameter_count: usize) -> [Self; 2] {
        let (of_policy, of_critic) = theta.split_at_mut(policy_parameter_count);
        let (to_policy, to_critic) = gradient.split_at_mut(policy_parameter_count);
        [(of_policy, to_policy), (of_critic, to_critic)].map(|(theta, gradient)| Self {
            step: None,
            theta,
            gradient,
        })
    }

    /// Takes the step, if there is one.
    pub(crate) fn take_step(&mut self, team: Team<'_>) {
        if let Some(step) = self.step.take() {
            step.take(team, self.theta, self.gradient);
        }
    }

    /// Takes the step, then the gradient of `loss`. Returns the loss and the squared norm.
    fn gradient_after<N: Network<Scalar = T>, S: Send + Default + AddAssign>(
        mut self,
        network: &mut N,
        mut team: Team<'_>,
        input: Input<'_, T>,
        loss: &(impl Fn(usize, &[T], &mut [T]) -> S + Sync),
    ) -> (S, f64) {
        self.take_step(team.reborrow());
        let Self { theta, gradient, .. } = self;
        let sum = network.gradient(team.reborrow(), theta, input, loss, gradient);
        (sum, squared_norm(team, gradient))
    }
}

/// Two sums.
#[derive(Default)]
struct Both<P, V>(P, V);

impl<P: AddAssign, V: AddAssign> AddAssign for Both<P, V> {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
        self.1 += other.1;
    }
}

impl<N: Network> Network for ActorCritic<N> {
    const CONCURRENT: bool = N::CONCURRENT;
    type Scalar = N::Scalar;
    type Frozen = <PolicyHead<N> as Network>::Frozen;
    type Linearized<'a>
        = LinearizedActorCritic<'a, N>
    where
        Self: 'a;

    fn input_width(&self) -> usize {
        match &self.body {
            Body::Separate { actor, .. } => actor.input_width(),
            Body::Shared(trunk) => trunk.input_width(),
        }
    }

    fn output_width(&self) -> usize {
        self.distribution.n_params() + 1
    }

    fn state_width(&self) -> usize {
        match &self.body {
            Body::Separate { .. } => 0,
            Body::Shared(trunk) => trunk.state_width(),
        }
    }

    fn parameter_count(&self) -> usize {
        match &self.body {
            Body::Separate { actor, critic } => actor.parameter_count() + critic.parameter_count(),
            Body::Shared(trunk) => trunk.parameter_count(),
        }
    }

    fn tensors(&self) -> Vec<TensorInfo> {
        let named = |prefix: &str, offset: usize, tensors: Vec<TensorInfo>| {
            let prefix = prefix.to_owned();
            tensors.into_iter().map(move |t| TensorInfo {
                name: format!("{prefix}.{}", t.name),
                offset: offset + t.offset,
                ..t
            })
        };
        match &self.body {
            Body::Separate { actor, critic } => named("actor", 0, actor.tensors())
                .chain(named("critic", actor.parameter_count(), critic.tensors()))
                .collect(),
            Body::Shared(trunk) => named("trunk", 0, trunk.tensors()).collect(),
        }
    }

    fn initialize(&self, rng: &mut Stream, theta: &mut [N::Scalar]) {
        match &self.body {
            Body::Separate { actor, critic } => {
                let (of_actor, of_critic) = theta.split_at_mut(actor.parameter_count());
                actor.initialize(rng, of_actor);
                critic.initialize(rng, of_critic);
            }
            Body::Shared(trunk) => trunk.initialize(rng, theta),
        }
    }

    /// The policy alone: see [`ActorCritic::freeze_policy`].
    fn freeze(&self, theta: &[N::Scalar]) -> Self::Frozen {
        self.freeze_policy(theta)
    }

    fn forward(
        &mut self,
        team: Team<'_>,
        theta: &[N::Scalar],
        input: Input<'_, N::Scalar>,
        output: &mut [N::Scalar],
    ) {
        match &mut self.body {
            Body::Shared(trunk) => trunk.forward(team, theta, input, output),
            Body::Separate { actor, critic } => {
                let (of_actor, of_critic) = theta.split_at(actor.parameter_count());
                let (rows, width) = (input.rows.len(), actor.output_width());
                assert_eq!(output.len(), rows * (width + 1), "the length of the output");
                self.joint.actor.resize(rows * width, N::Scalar::default());
                self.joint.critic.resize(rows, N::Scalar::default());
                let (left, right) = (&mut self.joint.actor, &mut self.joint.critic);
                team_for::<N>(team).join(
                    |team| actor.forward(team, of_actor, input, left),
                    |team| critic.forward(team, of_critic, input, right),
                );
                append(left, right, output);
            }
        }
    }

    fn linearize<'a>(
        &'a mut self,
        team: Team<'_>,
        theta: &'a [N::Scalar],
        input: Input<'a, N::Scalar>,
    ) -> LinearizedActorCritic<'a, N> {
        match &mut self.body {
            Body::Shared(trunk) => LinearizedActorCritic::Shared(trunk.linearize(team, theta, input)),
            Body::Separate { actor, critic } => {
                let split = actor.parameter_count();
                let (of_actor, of_critic) = theta.split_at(split);
                let width = actor.output_width();
                let (actor, critic) = team_for::<N>(team).join(
                    |team| actor.linearize(team, of_actor, input),
                    |team| critic.linearize(team, of_critic, input),
                );
                self.joint.outputs.resize(input.rows.len() * (width + 1), N::Scalar::default());
                append(actor.outputs(), critic.outputs(), &mut self.joint.outputs);
                LinearizedActorCritic::Separate { actor, critic, joint: &mut self.joint, width, split }
            }
        }
    }
}

/// An [`ActorCritic`] at one point.
pub enum LinearizedActorCritic<'a, N: Network + 'a> {
    #[doc(hidden)]
    #[allow(private_interfaces, reason = "made by `linearize` alone, used through `Linearized`")]
    Separate {
        actor: LinearizedHead<'a, N>,
        critic: N::Linearized<'a>,
        joint: &'a mut Joint<N::Scalar>,
        width: usize,
        split: usize,
    },
    #[doc(hidden)]
    Shared(LinearizedHead<'a, N>),
}

impl<N: Network> Linearized for LinearizedActorCritic<'_, N> {
    type Scalar = N::Scalar;

    fn outputs(&self) -> &[N::Scalar] {
        match self {
            Self::Separate { joint, .. } => &joint.outputs,
            Self::Shared(trunk) => trunk.outputs(),
        }
    }

    fn vjp(&mut self, team: Team<'_>, cotangent: &[N::Scalar], gradient: &mut [N::Scalar]) {
        match self {
            Self::Shared(trunk) => trunk.vjp(team, cotangent, gradient),
            Self::Separate { actor, critic, joint, width, split } => {
                assert_eq!(cotangent.len(), joint.outputs.len(), "the length of the cotangent");
                take_apart(cotangent, *width, &mut joint.actor, &mut joint.critic);
                let (of_actor, of_critic) = gradient.split_at_mut(*split);
                let (left, right) = (&joint.actor, &joint.critic);
                team_for::<N>(team)
                    .join(|team| actor.vjp(team, left, of_actor), |team| critic.vjp(team, right, of_critic));
            }
        }
    }

    fn jvp(&mut self, team: Team<'_>, tangent: &[N::Scalar], output: &mut [N::Scalar]) {
        match self {
            Self::Shared(trunk) => trunk.jvp(team, tangent, output),
            Self::Separate { actor, critic, joint, width, split } => {
                assert_eq!(output.len(), joint.outputs.len(), "the length of the output");
                let (of_actor, of_critic) = tangent.split_at(*split);
                let rows = output.len() / (*width + 1);
                joint.actor.resize(rows * *width, N::Scalar::default());
                joint.critic.resize(rows, N::Scalar::default());
                let (left, right) = (&mut joint.actor, &mut joint.critic);
                team_for::<N>(team)
                    .join(|team| actor.jvp(team, of_actor, left), |team| critic.jvp(team, of_critic, right));
                append(left, right, output);
            }
        }
    }
}

impl<N: Network> ActorCritic<N> {
    /// Whether all of `theta` is finite; otherwise the name of the first tensor with a culprit, and its place
    /// in the tensor.
    pub fn find_non_finite(&self, theta: &[N::Scalar]) -> Option<(String, usize)> {
        let place = theta.iter().position(|x| !x.wide().is_finite())?;
        let tensors = self.tensors();
        let tensor = tensors.iter().rev().find(|t| t.offset <= place)?;
        Some((tensor.name.clone(), place - tensor.offset))
    }
}
