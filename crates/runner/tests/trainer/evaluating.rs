//! Evaluation: fresh episodes, one an environment, the same for the same seed.

use gradus_core_math::{Schedule, Stream};
use gradus_envs::classic::CartPole;
use gradus_envs::probe::{ActionReward, OneStep};
use gradus_envs::{Env, EnvError, Space, State, Step, VecEnv, VectorEnv};
use gradus_runner::{Evaluation, Trainer, evaluate, policy_of};

use crate::tasks::quick;

/// A number is drawn from [0, 1]; above 1/2 the episode takes 40 steps, below one. The return is the number.
#[derive(Default)]
struct Lottery {
    drawn: f32,
    left: u32,
}

impl Env for Lottery {
    fn observation_space(&self) -> Space {
        Space::cube(1, 0.0, 1.0)
    }
    fn action_space(&self) -> Space {
        Space::Discrete { n: 2 }
    }
    fn reset(&mut self, rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        self.observation_space().sample(rng, observation);
        self.drawn = observation[0];
        self.left = if self.drawn > 0.5 { 40 } else { 1 };
        Ok(())
    }
    fn step(&mut self, _: &[f32], _: &mut Stream, observation: &mut [f32]) -> Result<Step, EnvError> {
        observation[0] = self.drawn;
        self.left -= 1;
        Ok(if self.left == 0 { Step::terminated(f64::from(self.drawn)) } else { Step::running(0.0) })
    }
    fn save(&self) -> State {
        State::of("Lottery", &(self.drawn, self.left))
    }
    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        (self.drawn, self.left) = state.get("Lottery")?;
        Ok(())
    }
}

fn played<E: Env + 'static>(
    trainer: &Trainer,
    make_env: fn() -> E,
    episodes: usize,
    seed: u64,
    sampled: bool,
) -> Evaluation {
    let make = |n: usize, seed: u64, first: usize| {
        let envs = (0..n).map(|_| make_env()).collect();
        Ok(Box::new(VecEnv::new(envs, seed, first)?) as Box<dyn VectorEnv>)
    };
    let mut policy = trainer.policy().expect("finite");
    evaluate(&mut policy, &make, episodes, seed, sampled).expect("an evaluation")
}

fn fresh<E: Env + 'static>(make: fn() -> E) -> Trainer {
    Trainer::for_env("task", make, &quick(Schedule::Constant(1e-3))).expect("a run")
}

/// Whoever takes the first episodes that end, of environments that go on, gets nearly no long ones: a mean of 0.26
/// instead of 0.5. Three standard errors of 2000 draws from [0, 1] are 0.02.
#[test]
fn long_episodes_count_as_much_as_short_ones() {
    let trainer = fresh(Lottery::default);
    let evaluation = played(&trainer, Lottery::default, 2000, 3, false);
    assert_eq!((evaluation.returns.len(), evaluation.lengths.len()), (2000, 2000));
    assert!((evaluation.mean_return() - 0.5).abs() < 0.02, "{}", evaluation.mean_return());
    assert!((evaluation.std_return() - (1.0_f64 / 12.0).sqrt()).abs() < 0.02, "{}", evaluation.std_return());
    let long = evaluation.returns.iter().zip(&evaluation.lengths);
    assert!(long.clone().all(|(return_, length)| *length == if *return_ > 0.5 { 40 } else { 1 }));
    let mean = long.map(|(_, length)| *length as f64).sum::<f64>() / 2000.0;
    assert!((evaluation.mean_length() - mean).abs() < 1e-9 && (mean - 20.5).abs() < 1.4, "{mean}");
}

#[test]
fn more_episodes_begin_with_the_same_ones() {
    let trainer = fresh(CartPole::v1);
    for sampled in [false, true] {
        let many = played(&trainer, CartPole::v1, 300, 3, sampled);
        let few = played(&trainer, CartPole::v1, 140, 3, sampled);
        assert_eq!(many.returns[..140], few.returns);
        assert_eq!(many, played(&trainer, CartPole::v1, 300, 3, sampled));
        assert_ne!(many, played(&trainer, CartPole::v1, 300, 4, sampled));
    }
}

#[test]
fn its_episodes_are_not_those_of_training() {
    let mut trainer = fresh(Lottery::default);
    let seen: Vec<u64> = (0..8)
        .flat_map(|_| trainer.iterate().expect("an update").episodes)
        .map(|episode| episode.return_.to_bits())
        .collect();
    let evaluation = played(&trainer, Lottery::default, 500, trainer.settings().seed, false);
    let common = evaluation.returns.iter().filter(|return_| seen.contains(&return_.to_bits())).count();
    // Of 2²⁴ numbers some few may be drawn twice.
    assert!(seen.len() > 100 && common <= 2, "{common} of {}", seen.len());
}

#[test]
fn the_most_probable_action_or_a_drawn_one() {
    let trainer = fresh(|| OneStep::new(ActionReward));
    let best = played(&trainer, || OneStep::new(ActionReward), 400, 0, false);
    assert!(best.std_return() < 1e-12, "{}", best.std_return());
    // An untrained policy takes either action with a probability near 1/2: three standard errors are 0.15.
    let drawn = played(&trainer, || OneStep::new(ActionReward), 400, 0, true);
    assert!(drawn.mean_return().abs() < 0.2, "{}", drawn.mean_return());
}

#[test]
fn a_checkpoint_has_the_policy_of_the_run() {
    let settings = quick(Schedule::Constant(1e-3));
    for shared_trunk in [false, true] {
        let settings =
            gradus_runner::Settings { shared_trunk, ..settings.clone() }.with_normalization(true, true);
        let mut trainer = Trainer::for_env("CartPole-v1", CartPole::v1, &settings).expect("a run");
        trainer.iterate().expect("an update");
        let of_run = trainer.policy().expect("finite").to_bytes().expect("bytes");
        let checkpoint = trainer.checkpoint().expect("a checkpoint");
        let of_checkpoint = policy_of(&checkpoint, "cpu").expect("a policy").to_bytes().expect("bytes");
        assert!(of_run == of_checkpoint);
    }
}

#[test]
fn a_policy_of_another_task_is_refused() {
    let trainer = fresh(Lottery::default);
    let make = |n: usize, seed: u64, first: usize| gradus_envs::make_vector("CartPole-v1", n, seed, first);
    let mut policy = trainer.policy().expect("finite");
    let message = evaluate(&mut policy, &make, 1, 0, false).expect_err("another task").to_string();
    assert!(message.contains("observations of width 4") && message.contains("the policy 1"), "{message}");
}
