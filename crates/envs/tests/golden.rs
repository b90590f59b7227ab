//! Trajectories of Gymnasium 1.4.0, recorded in `tests/golden/*.json` (each file's field `about` says
//! what it holds), against the native tasks: every step starts from the recorded state, since Acrobot is
//! chaotic and whole episodes would only test the last bit of a sine.
//!
//! Wrong variants tried by hand, each of which fails here: semi-implicit Euler steps in CartPole,
//! gravity 1e-5 too strong in MountainCar, a position off by 2e-7 in MountainCarContinuous, Sutton's 1996
//! ("nips") equation in Acrobot, the cost of the state after the step in Pendulum, time limits ±1.

use gradus_core_math::Stream;
use gradus_envs::classic::{Acrobot, CartPole, MountainCar, MountainCarContinuous, Pendulum};
use gradus_envs::{Env, Outcome, TimeLimit};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    env: String,
    episodes: Vec<Episode>,
}

#[derive(Deserialize)]
struct Episode {
    start_state: Vec<f64>,
    start_obs: Vec<f32>,
    steps: Vec<Recorded>,
}

#[derive(Deserialize)]
struct Recorded {
    action: Action,
    state: Vec<f64>,
    obs: Vec<f32>,
    reward: f64,
    terminated: bool,
    truncated: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Action {
    Index(u8),
    Row(Vec<f32>),
}

impl Action {
    fn row(&self) -> Vec<f32> {
        match self {
            Action::Index(index) => vec![f32::from(*index)],
            Action::Row(row) => row.clone(),
        }
    }
}

/// What the test needs beside [`Env`]: the state in and out.
trait Task: Env + Sized {
    fn set(state: &[f64]) -> Self;
    fn get(&self) -> Vec<f64>;
    fn look(&self, observation: &mut [f32]);
}

macro_rules! task {
    ($($name:ident),*) => {$(
        impl Task for $name {
            fn set(state: &[f64]) -> Self {
                Self::from_state(state.try_into().expect("a state of the right width"))
            }
            fn get(&self) -> Vec<f64> {
                self.state().to_vec()
            }
            fn look(&self, observation: &mut [f32]) {
                self.observe(observation);
            }
        }
    )*};
}
task!(CartPole, MountainCar, Acrobot, Pendulum);

impl Task for MountainCarContinuous {
    fn set(state: &[f64]) -> Self {
        Self::from_state([state[0] as f32, state[1] as f32])
    }
    fn get(&self) -> Vec<f64> {
        self.state().map(f64::from).to_vec()
    }
    fn look(&self, observation: &mut [f32]) {
        self.observe(observation);
    }
}

/// Relative to the size of the number from 1 on, absolute below.
fn close(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance * expected.abs().max(1.0)
}

/// Within the tolerance of the state, and one unit in the last place of f32 for its rounding.
fn close_f32(found: f32, expected: f32, tolerance: f64) -> bool {
    let ulp = f64::from(expected.next_up()) - f64::from(expected);
    let difference = (f64::from(found) - f64::from(expected)).abs();
    difference <= ulp.abs() + tolerance * f64::from(expected.abs()).max(1.0)
}

fn check<E: Task>(text: &str, v: TimeLimit<E>, tolerance: f64) {
    let golden: Golden = serde_json::from_str(text).expect("the golden file reads");
    let mut rng = Stream::new(0, "unused", 0);
    let mut observation = vec![0.0; v.observation_space().width()];
    assert!(!golden.episodes.is_empty());
    for (e, episode) in golden.episodes.iter().enumerate() {
        let mut env = TimeLimit::new(E::set(&episode.start_state), v.limit());
        env.env().look(&mut observation);
        for (x, y) in observation.iter().zip(&episode.start_obs) {
            assert!(close_f32(*x, *y, 0.0), "{}, start of episode {e}: {x} for {y}", golden.env);
        }
        for (t, recorded) in episode.steps.iter().enumerate() {
            let place = format!("{}, episode {e}, step {t}", golden.env);
            let step = env.step(&recorded.action.row(), &mut rng, &mut observation).expect(&place);
            for (x, y) in env.env().get().iter().zip(&recorded.state) {
                assert!(close(*x, *y, tolerance), "{place}: state {x} for {y}");
            }
            for (x, y) in observation.iter().zip(&recorded.obs) {
                assert!(close_f32(*x, *y, tolerance), "{place}: observation {x} for {y}");
            }
            assert!(close(step.reward, recorded.reward, tolerance), "{place}: reward {}", step.reward);
            let outcome = match (recorded.terminated, recorded.truncated) {
                (true, _) => Outcome::Terminated,
                (false, true) => Outcome::Truncated,
                (false, false) => Outcome::Running,
            };
            assert_eq!(step.outcome, outcome, "{place}");
            *env.env_mut() = E::set(&recorded.state);
        }
    }
}

#[test]
fn cart_pole() {
    check(include_str!("golden/CartPole-v1.json"), CartPole::v1(), 1e-9);
}

#[test]
fn mountain_car() {
    check(include_str!("golden/MountainCar-v0.json"), MountainCar::v0(), 1e-9);
}

#[test]
fn mountain_car_continuous() {
    check(include_str!("golden/MountainCarContinuous-v0.json"), MountainCarContinuous::v0(), 1e-7);
}

#[test]
fn acrobot() {
    check(include_str!("golden/Acrobot-v1.json"), Acrobot::v1(), 1e-9);
}

#[test]
fn pendulum() {
    check(include_str!("golden/Pendulum-v1.json"), Pendulum::v1(), 1e-7);
}
