//! Adam's descent on the parameters of a policy and its critic.

use std::ops::AddAssign;

use gradus_core_math::{Adam, AdamConfig, AdamStep, Optimizer, OptimizerState, Real};

use super::shared_step::SharedStep;
use crate::aligned::Aligned;
use crate::{ActorCritic, Input, Network, Side, Team};

/// Gradients and steps in turn, on copies of the parameters and of Adam's moments, which stay as they are until the
/// [end](Self::end).
///
/// Where policy and critic are networks of their own, each has its vectors apart from those of the other, and its threads
/// take a step together with the next gradient: they meet once for both, for the norm of the whole gradient, and what
/// one works on is never near what the other does.
///
/// ```
/// use gradus_core_math::{Adam, AdamConfig, Distribution, Stream};
/// use gradus_policy::{ActorCriticConfig, Agent, Descent, Input, Team};
///
/// let network = ActorCriticConfig::new(1, Distribution::Categorical { n: 2 }).build::<f32>();
/// let Agent { mut network, mut theta } = Agent::new(network, &mut Stream::new(0, "initialise", 0));
/// let mut adam = Adam::new(AdamConfig::new(), theta.len())?;
///
/// // The policy is left alone, and the value comes nearer to 1.
/// let mut descent = Descent::begin(&network, &theta, &adam, 1e-3);
/// let square = |_: usize, values: &[f32], cotangent: &mut [f32]| {
///     cotangent[0] = 2.0 * (values[0] - 1.0);
///     (values[0] - 1.0).powi(2)
/// };
/// let nothing = |_: usize, _: &[f32], cotangent: &mut [f32]| {
///     cotangent.fill(0.0);
///     0.0_f32
/// };
/// let mut losses = Vec::new();
/// for _ in 0..10 {
///     let input = Input::all(&[0.5], 1);
///     let (_, loss, _norm) =
///         descent.gradient(Team::single(), &mut network, input, &nothing, &square);
///     descent.step(1.0);
///     losses.push(loss);
/// }
/// descent.end(Team::single(), &mut theta, &mut adam);
/// assert!(losses.is_sorted_by(|a, b| a > b));
/// # Ok::<(), gradus_core_math::OptimizerError>(())
/// ```
pub struct Descent<T> {
    config: AdamConfig,
    learning_rate: f64,
    /// Of Adam, the one that is still to be taken included.
    steps: u64,
    /// The factor of the gradient in a step that is still to be taken.
    pending: Option<T>,
    /// Those of the policy, and those of its critic alone.
    parts: [Part<T>; 2],
}

/// Some of the parameters.
struct Part<T> {
    theta: Aligned<T>,
    gradient: Aligned<T>,
    m: Aligned<T>,
    v: Aligned<T>,
}

impl<T: Real> Descent<T> {
    /// A descent from `theta` on.
    ///
    /// # Panics
    /// When the lengths of `theta` or of Adam's moments are not those of the network.
    pub fn begin<N: Network<Scalar = T>>(
        network: &ActorCritic<N>,
        theta: &[T],
        adam: &Adam<T>,
        learning_rate: f64,
    ) -> Self {
        let (m, v) = adam.moments();
        let part = |range: std::ops::Range<usize>| Part {
            theta: Aligned::from(&theta[range.clone()]),
            gradient: Aligned::zeros(range.len()),
            m: Aligned::from(&m[range.clone()]),
            v: Aligned::from(&v[range]),
        };
        let split = network.policy_parameter_count();
        let parts = [part(0..split), part(split..network.parameter_count())];
        Self { config: *adam.config(), learning_rate, steps: adam.steps(), pending: None, parts }
    }

    /// The gradient of a loss where the descent has come to: see [`ActorCritic::gradient_after`], of which this returns
    /// the sums and the norm.
    ///
    /// # Panics
    /// When lengths do not fit.
    pub fn gradient<N: Network<Scalar = T>, P: Send + Default + AddAssign, V: Send + Default + AddAssign>(
        &mut self,
        team: Team<'_>,
        network: &mut ActorCritic<N>,
        input: Input<'_, T>,
        policy: &(impl Fn(usize, &[T], &mut [T]) -> P + Sync),
        value: &(impl Fn(usize, &[T], &mut [T]) -> V + Sync),
    ) -> (P, V, f64) {
        let step = self.take_pending();
        let sides = self.parts.each_mut().map(|part| part.side(step));
        network.gradient_after(team, sides, input, policy, value)
    }

    /// A step along `factor` times the last gradient.
    ///
    /// # Panics
    /// When one was taken along it already.
    pub fn step(&mut self, factor: f64) {
        assert!(self.pending.is_none(), "one step along each gradient");
        self.steps += 1;
        self.pending = Some(T::of(factor));
    }

    /// Writes back what has become of the parameters and of Adam.
    ///
    /// # Panics
    /// When `theta` or `adam` have other lengths than at the beginning.
    pub fn end(mut self, mut team: Team<'_>, theta: &mut [T], adam: &mut Adam<T>) {
        let step = self.take_pending();
        for part in &mut self.parts {
            part.side(step).take_step(team.reborrow());
        }
        let [policy, critic] = &self.parts;
        let joined = |of: fn(&Part<T>) -> &[T]| [of(policy), of(critic)].concat();
        let moments = vec![joined(|part| &part.m), joined(|part| &part.v)];
        let state = OptimizerState { steps: self.steps, moments };
        adam.load(state).expect("the Adam of the beginning");
        theta.copy_from_slice(&joined(|part| &part.theta));
    }

    fn take_pending(&mut self) -> Option<(AdamStep<T>, T)> {
        let Self { config, steps, learning_rate, .. } = *self;
        self.pending.take().map(|factor| (AdamStep::new(&config, steps, learning_rate), factor))
    }
}

impl<T> Part<T> {
    fn side(&mut self, step: Option<(AdamStep<T>, T)>) -> Side<'_, T> {
        let Self { theta, gradient, m, v } = self;
        let step = step.map(|(step, factor)| SharedStep { step, factor, m, v });
        Side { step, theta, gradient }
    }
}
