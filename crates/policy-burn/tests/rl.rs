//! Environments under `burn_rl::Environment`, beside the same ones stepped directly.

use burn::tensor::{Device, Tensor};
use burn_rl::{Environment, EnvironmentInit, ToAction, ToObservation};
use gradus_core_math::Stream;
use gradus_envs::classic::{CartPole, Pendulum};
use gradus_envs::probe::{Fault, Faulty};
use gradus_envs::{Env, Outcome, Step, TimeLimit};
use gradus_policy_burn::rl::{Action, Observation, RlEnvironment};

const SEED: u64 = 11;

/// The same random actions to both, over several episodes; how many ended in each way.
fn beside<E: Env + Clone, const MAX_STEPS: usize>(env: &E, limit: usize, steps: usize) -> [usize; 2] {
    let mut adapted = RlEnvironment::<E, MAX_STEPS>::new(env.clone(), SEED).expect("an environment");
    let (mut env, mut stream) = (env.clone(), Stream::new(SEED, "environment", 0));
    let mut actions = Stream::new(0, "actions", 0);
    let mut observation = vec![0.0; env.observation_space().width()];
    let mut action = vec![0.0; env.action_space().width()];
    env.reset(&mut stream, &mut observation).expect("a first observation");
    let (mut length, mut ends) = (0, [0; 2]);
    for _ in 0..steps {
        assert_eq!(adapted.state(), Observation(observation.clone()));
        env.action_space().sample(&mut actions, &mut action);
        let Step { reward, outcome } = env.step(&action, &mut stream, &mut observation).expect("a step");
        length += 1;
        let found = adapted.step(Action(action.clone()));
        assert_eq!(found.next_state, Observation(observation.clone()));
        assert_eq!(found.reward.to_bits(), reward.to_bits());
        let terminated = outcome == Outcome::Terminated;
        let truncated = outcome == Outcome::Truncated || (!terminated && length == limit);
        assert_eq!((found.done, found.truncated), (terminated, truncated));
        // The true final observation, before the reset.
        assert_eq!(adapted.state(), found.next_state);
        if terminated || truncated {
            ends[usize::from(truncated)] += 1;
            length = 0;
            env.reset(&mut stream, &mut observation).expect("a first observation");
            adapted.reset();
            assert_ne!(adapted.state(), found.next_state, "no new episode");
        }
    }
    ends
}

#[test]
fn steps_are_those_of_the_environment() {
    let [terminated, truncated] = beside::<_, { usize::MAX }>(&CartPole::v1(), usize::MAX, 2000);
    assert!(terminated > 50 && truncated == 0, "{terminated} and {truncated}");
    let ends = beside::<_, { usize::MAX }>(&TimeLimit::new(Pendulum::v1(), 30), usize::MAX, 300);
    assert_eq!(ends, [0, 10]);
}

#[test]
fn episodes_are_cut_off_after_the_most_steps_of_the_type() {
    assert_eq!(<RlEnvironment<CartPole, 15> as Environment>::MAX_STEPS, 15);
    let [terminated, truncated] = beside::<_, 15>(&CartPole::v1(), 15, 2000);
    assert!(terminated > 10 && truncated > 10, "{terminated} and {truncated}");
}

#[test]
fn a_function_makes_as_many_as_burn_asks_for() {
    let init = || RlEnvironment::<_, 500>::new(CartPole::v1(), SEED).expect("an environment");
    assert_eq!(init.init().state(), init.init().state());
}

#[test]
fn rows_go_to_a_device() {
    let device = Device::flex();
    let observation: Tensor<2> = Observation(vec![1.0, -2.0, 3.0]).to_observation(&device);
    assert_eq!(observation.dims(), [1, 3]);
    let action: Tensor<2> = Action::from(5).to_action(&device);
    assert_eq!(action.into_data().try_into_vec::<f32>().expect("f32"), [5.0]);
}

#[test]
fn what_cannot_be_done_is_an_error_and_where_there_is_no_place_for_one_a_panic() {
    let mut env = RlEnvironment::<_, 500>::new(CartPole::v1(), SEED).expect("an environment");
    for action in [Action::from(2), Action(vec![0.5]), Action(vec![0.0, 1.0]), Action(vec![f32::NAN])] {
        let before = env.state();
        let message = env.try_step(&action).map(|step| step.reward).expect_err("no such action").to_string();
        assert!(message.contains("is not allowed"), "{message}");
        assert_eq!(env.state(), before);
    }
    let panicked =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| env.step(Action::from(2)).reward));
    let message = panicked.expect_err("a panic").downcast::<String>().expect("a message");
    assert!(message.contains("action 2 is not allowed"), "{message}");
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let mut env =
        RlEnvironment::<_, 500>::new(Faulty::new(Fault::Reward(f64::NAN), 3), SEED).expect("an environment");
    let failed = (0..3).find_map(|_| env.try_step(&Action::from(0)).err()).expect("a fault");
    assert!(failed.to_string().contains("the reward is NaN"), "{failed}");
}
