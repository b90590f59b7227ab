//! Our environments as those of the crate `burn-rl`.

use burn::tensor::{Device, Tensor, TensorData};
use burn_rl::{Environment, StepResult, ToAction, ToObservation};
use gradus_core_math::Stream;
use gradus_envs::{Env, EnvError, EnvErrorKind, Outcome, Quantity};

/// An environment under [`burn_rl::Environment`], with the random stream that it draws from.
///
/// `done` is that the task has ended and `truncated` that the episode was cut off; only one of them is ever set. Between
/// the last step of an episode and `reset`, [`state`](Environment::state) is the true final observation. Episodes are
/// cut off after `MAX_STEPS` steps, by default only where the environment does so itself.
///
/// `step` and `reset` have no place for an error in `burn_rl`; [`try_step`](Self::try_step) and
/// [`try_reset`](Self::try_reset) return it, and the trait's methods panic with it.
///
/// ```
/// use burn_rl::Environment;
/// use gradus_envs::classic::CartPole;
/// use gradus_policy_burn::rl::{Action, RlEnvironment};
///
/// let mut env = RlEnvironment::<_, 500>::new(CartPole::v1(), 7)?;
/// let mut length = 0;
/// loop {
///     let step = env.step(Action::from(1));
///     length += 1;
///     if step.done || step.truncated {
///         break;
///     }
/// }
/// assert!(length < 20, "a cart that is always pushed to the right loses its pole soon");
/// # Ok::<(), gradus_envs::EnvError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RlEnvironment<E, const MAX_STEPS: usize = { usize::MAX }> {
    env: E,
    stream: Stream,
    observation: Vec<f32>,
    steps: usize,
}

/// An observation, `[width]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation(pub Vec<f32>);

/// An action, `[width]`, as [`Env::step`] takes it: a choice is its index.
#[derive(Clone, Debug, PartialEq)]
pub struct Action(pub Vec<f32>);

impl From<usize> for Action {
    /// One of several choices. Environments have at most 2²⁴ of them, which `f32` holds exactly.
    fn from(choice: usize) -> Self {
        Self(vec![choice as f32])
    }
}

impl ToObservation<Tensor<2>> for Observation {
    /// A batch of one row, `[1, width]`.
    fn to_observation(&self, device: &Device) -> Tensor<2> {
        row(&self.0, device)
    }
}

impl ToAction<Tensor<2>> for Action {
    /// A batch of one row, `[1, width]`.
    fn to_action(&self, device: &Device) -> Tensor<2> {
        row(&self.0, device)
    }
}

fn row(values: &[f32], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.to_vec(), [1, values.len()]), device)
}

impl<E: Env, const MAX_STEPS: usize> RlEnvironment<E, MAX_STEPS> {
    /// `env` at the start of an episode. It draws from the stream `(seed, "environment", 0)`, as the first one of a
    /// [`VecEnv`](gradus_envs::VecEnv) does.
    ///
    /// # Errors
    /// When the spaces make no sense, or the task cannot start.
    pub fn new(env: E, seed: u64) -> Result<Self, EnvError> {
        env.observation_space().validate()?;
        env.action_space().validate()?;
        let width = env.observation_space().width();
        let stream = Stream::new(seed, "environment", 0);
        let mut environment = Self { env, stream, observation: vec![0.0; width], steps: 0 };
        environment.try_reset()?;
        Ok(environment)
    }

    /// The environment inside.
    pub fn env(&self) -> &E {
        &self.env
    }

    /// Begins an episode.
    ///
    /// # Errors
    /// When the task cannot start, or shows a number that is not finite.
    pub fn try_reset(&mut self) -> Result<(), EnvError> {
        self.steps = 0;
        self.env.reset(&mut self.stream, &mut self.observation)?;
        self.check(None)
    }

    /// One step.
    ///
    /// # Errors
    /// When the action is not in the action space, the task fails, or a number that it gives is not finite.
    pub fn try_step(&mut self, action: &Action) -> Result<StepResult<Observation>, EnvError> {
        self.env.action_space().check(&action.0)?;
        let step = self.env.step(&action.0, &mut self.stream, &mut self.observation)?;
        self.steps += 1;
        self.check(Some(step.reward))?;
        let done = step.outcome == Outcome::Terminated;
        Ok(StepResult {
            next_state: Observation(self.observation.clone()),
            reward: step.reward,
            done,
            truncated: !done && (step.outcome == Outcome::Truncated || self.steps >= MAX_STEPS),
        })
    }

    /// Refuses what is not finite, as `VecEnv` does.
    fn check(&self, reward: Option<f64>) -> Result<(), EnvError> {
        let observed = self.observation.iter().map(|x| f64::from(*x)).enumerate();
        let all = observed.map(|(i, x)| (Quantity::Observation(i), x));
        let mut all = all.chain(reward.map(|reward| (Quantity::Reward, reward)));
        match all.find(|(_, value)| !value.is_finite()) {
            None => Ok(()),
            Some((quantity, value)) => {
                Err(EnvErrorKind::NotFinite { env: 0, step: self.steps as u64, quantity, value }.into())
            }
        }
    }
}

impl<E: Env, const MAX_STEPS: usize> Environment for RlEnvironment<E, MAX_STEPS> {
    type State = Observation;
    type Action = Action;

    const MAX_STEPS: usize = MAX_STEPS;

    fn state(&self) -> Observation {
        Observation(self.observation.clone())
    }

    /// # Panics
    /// With the message of [`try_step`](RlEnvironment::try_step), where that has an error.
    fn step(&mut self, action: Action) -> StepResult<Observation> {
        self.try_step(&action).unwrap_or_else(|error| panic!("{error}"))
    }

    /// # Panics
    /// With the message of [`try_reset`](RlEnvironment::try_reset), where that has an error.
    fn reset(&mut self) {
        self.try_reset().unwrap_or_else(|error| panic!("{error}"));
    }
}
