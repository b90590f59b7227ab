//! Tasks of one step: an observation is drawn, and a rule rewards the action.

use gradus_core_math::Stream;
use rand::RngExt;

use crate::{Env, EnvError, Space, State, Step};

/// What a task of one step shows and rewards.
pub trait Rule: Send {
    /// What observations look like.
    fn observation_space(&self) -> Space;

    /// What actions look like.
    fn action_space(&self) -> Space;

    /// Draws the observation.
    fn draw(&self, rng: &mut Stream, observation: &mut [f32]);

    /// The reward of an action that is in the action space.
    fn reward(&self, observation: &[f32], action: &[f32]) -> f64;
}

/// The task of one step that a [`Rule`] describes. Its final observation is its first one.
#[derive(Clone, Debug)]
pub struct OneStep<R> {
    rule: R,
    action_space: Space,
    observation: Vec<f32>,
}

impl<R: Rule> OneStep<R> {
    /// The task of `rule`.
    pub fn new(rule: R) -> Self {
        let width = rule.observation_space().width();
        Self { action_space: rule.action_space(), observation: vec![0.0; width], rule }
    }
}

impl<R: Rule> Env for OneStep<R> {
    fn observation_space(&self) -> Space {
        self.rule.observation_space()
    }

    fn action_space(&self) -> Space {
        self.action_space.clone()
    }

    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        self.rule.draw(rng, &mut self.observation);
        observation.copy_from_slice(&self.observation);
        Ok(())
    }

    fn step(&mut self, action: &[f32], _rng: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        self.action_space.check(action)?;
        observation.copy_from_slice(&self.observation);
        Ok(Step::terminated(self.rule.reward(&self.observation, action)))
    }

    fn save(&self) -> State {
        State::of("OneStep", &self.observation)
    }

    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        let observation: Vec<f32> = state.get("OneStep")?;
        if observation.len() != self.observation.len() {
            return Err(EnvError::bad_state("its observation has another width"));
        }
        self.observation = observation;
        Ok(())
    }
}

/// Always 1: the value is 1, whatever the policy.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConstantReward;

impl Rule for ConstantReward {
    fn observation_space(&self) -> Space {
        Space::cube(1, -1.0, 1.0)
    }

    fn action_space(&self) -> Space {
        Space::Discrete { n: 2 }
    }

    fn draw(&self, _rng: &mut Stream, observation: &mut [f32]) {
        observation.fill(0.0);
    }

    fn reward(&self, _observation: &[f32], _action: &[f32]) -> f64 {
        1.0
    }
}

/// The observation, −1 or 1, is the reward: the value is the observation.
#[derive(Clone, Copy, Debug, Default)]
pub struct ObservationReward;

impl Rule for ObservationReward {
    fn observation_space(&self) -> Space {
        Space::cube(1, -1.0, 1.0)
    }

    fn action_space(&self) -> Space {
        Space::Discrete { n: 2 }
    }

    fn draw(&self, rng: &mut Stream, observation: &mut [f32]) {
        observation[0] = sign(rng);
    }

    fn reward(&self, observation: &[f32], _action: &[f32]) -> f64 {
        f64::from(observation[0])
    }
}

/// Action 1 gives 1, action 0 gives −1: the best policy always takes 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct ActionReward;

impl Rule for ActionReward {
    fn observation_space(&self) -> Space {
        Space::cube(1, -1.0, 1.0)
    }

    fn action_space(&self) -> Space {
        Space::Discrete { n: 2 }
    }

    fn draw(&self, _rng: &mut Stream, observation: &mut [f32]) {
        observation.fill(0.0);
    }

    fn reward(&self, _observation: &[f32], action: &[f32]) -> f64 {
        2.0 * f64::from(action[0]) - 1.0
    }
}

/// The observation is −1 or 1; action 1 is right at 1 and action 0 at −1. Right gives 1, wrong −1: the
/// best policy earns 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct MatchSign;

impl Rule for MatchSign {
    fn observation_space(&self) -> Space {
        Space::cube(1, -1.0, 1.0)
    }

    fn action_space(&self) -> Space {
        Space::Discrete { n: 2 }
    }

    fn draw(&self, rng: &mut Stream, observation: &mut [f32]) {
        observation[0] = sign(rng);
    }

    fn reward(&self, observation: &[f32], action: &[f32]) -> f64 {
        f64::from(observation[0]) * (2.0 * f64::from(action[0]) - 1.0)
    }
}

/// The observation o is uniform in [−1, 1], the action a in [−2, 2]; the reward is −(a − o)²: the best
/// policy repeats the observation and earns 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct MatchTarget;

impl Rule for MatchTarget {
    fn observation_space(&self) -> Space {
        Space::cube(1, -1.0, 1.0)
    }

    fn action_space(&self) -> Space {
        Space::cube(1, -2.0, 2.0)
    }

    fn draw(&self, rng: &mut Stream, observation: &mut [f32]) {
        observation[0] = (2.0 * rng.random::<f64>() - 1.0) as f32;
    }

    fn reward(&self, observation: &[f32], action: &[f32]) -> f64 {
        let error = f64::from(action[0]) - f64::from(observation[0]);
        -error * error
    }
}

/// The observation is two digits, the first 0 or 1, the second 0, 1 or 2; the action repeats them. The
/// reward is the fraction that is right: the best policy earns 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct MatchDigits;

impl Rule for MatchDigits {
    fn observation_space(&self) -> Space {
        self.action_space()
    }

    fn action_space(&self) -> Space {
        Space::MultiDiscrete { sizes: vec![2, 3] }
    }

    fn draw(&self, rng: &mut Stream, observation: &mut [f32]) {
        self.action_space().sample(rng, observation);
    }

    fn reward(&self, observation: &[f32], action: &[f32]) -> f64 {
        fraction_equal(observation, action)
    }
}

/// The observation is three switches, 0 or 1; the action repeats them. The reward is the fraction that
/// is right: the best policy earns 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct MatchSwitches;

impl Rule for MatchSwitches {
    fn observation_space(&self) -> Space {
        self.action_space()
    }

    fn action_space(&self) -> Space {
        Space::MultiBinary { n: 3 }
    }

    fn draw(&self, rng: &mut Stream, observation: &mut [f32]) {
        self.action_space().sample(rng, observation);
    }

    fn reward(&self, observation: &[f32], action: &[f32]) -> f64 {
        fraction_equal(observation, action)
    }
}

fn sign(rng: &mut Stream) -> f32 {
    if rng.random::<bool>() { 1.0 } else { -1.0 }
}

/// The fraction of equal entries of two rows of whole numbers.
fn fraction_equal(a: &[f32], b: &[f32]) -> f64 {
    let equal = a.iter().zip(b).filter(|(x, y)| (*x - *y).abs() < 0.5).count();
    equal as f64 / a.len() as f64
}
