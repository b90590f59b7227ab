//! Vectorised stepping: resets, records, failures, and independence of how environments are shared out.

#![allow(clippy::float_cmp, reason = "exact numbers are what these tests are about")]

use gradus_core_math::Stream;
use gradus_envs::classic::{CartPole, Pendulum};
use gradus_envs::probe::{DelayedReward, Fault, Faulty, MaskedChoice};
use gradus_envs::{
    ClipAction, ENVIRONMENTS, Env, EnvError, EnvErrorKind, Outcome, Quantity, RescaleAction, Space, State,
    Step, TimeLimit, VecEnv, VectorEnv, make_vector,
};

/// Random actions for every environment, from streams of their own, so that sharding does not move them.
struct Actor {
    space: Space,
    streams: Vec<Stream>,
}

impl Actor {
    fn new(envs: &dyn VectorEnv, first_index: usize) -> Self {
        let stream = |i| Stream::new(3, "action", (first_index + i) as u64);
        Self { space: envs.action_space().clone(), streams: (0..envs.n_envs()).map(stream).collect() }
    }

    fn act(&mut self) -> Vec<f32> {
        let mut actions = vec![0.0; self.streams.len() * self.space.width()];
        for (row, stream) in actions.chunks_exact_mut(self.space.width()).zip(&mut self.streams) {
            self.space.sample(stream, row);
        }
        actions
    }
}

/// All bits that the last step gave, one row an environment.
fn bits(envs: &dyn VectorEnv) -> Vec<Vec<u64>> {
    let width = envs.observation_space().width();
    let row = |(i, row): (usize, &[f32])| {
        let mut bits: Vec<u64> = row.iter().map(|x| u64::from(x.to_bits())).collect();
        bits.push(envs.rewards()[i].to_bits());
        bits.push(envs.outcomes()[i] as u64);
        if envs.outcomes()[i].is_over() {
            let last = &envs.final_observations()[i * width..(i + 1) * width];
            bits.extend(last.iter().map(|x| u64::from(x.to_bits())));
        }
        bits
    };
    envs.observations().chunks_exact(width).enumerate().map(row).collect()
}

fn cart_poles(n: usize, first_index: usize) -> VecEnv<TimeLimit<CartPole>> {
    VecEnv::new((0..n).map(|_| CartPole::v1()).collect(), 11, first_index).expect("environments")
}

fn kind(result: Result<(), EnvError>) -> String {
    result.expect_err("an error").to_string()
}

/// Rejects, tried by hand: streams numbered from 0 in every shard.
#[test]
fn sharing_environments_out_changes_nothing() {
    for info in ENVIRONMENTS {
        let mut whole = info.make_vector(4, 5, 0).expect("environments");
        let mut halves = [0, 2].map(|first| info.make_vector(2, 5, first).expect("environments"));
        let mut actor = Actor::new(&*whole, 0);
        let mut actors = [0, 2].map(|first| Actor::new(&*halves[0], first));
        whole.reset_all().expect("a start");
        for half in &mut halves {
            half.reset_all().expect("a start");
        }
        let mut finished = 0;
        // A game of Freeway takes 2501 steps.
        for _ in 0..if info.time_limit > 1000 { 2600 } else { 1200 } {
            whole.step(&actor.act()).expect("a step");
            for (half, actor) in halves.iter_mut().zip(&mut actors) {
                half.step(&actor.act()).expect("a step");
            }
            assert_eq!(bits(&*whole), [bits(&*halves[0]), bits(&*halves[1])].concat(), "{}", info.name);
            let episodes: Vec<_> = whole.drain_episodes().collect();
            let shared: Vec<_> = halves.iter_mut().flat_map(|half| half.drain_episodes()).collect();
            assert_eq!(episodes, shared);
            finished += episodes.len();
        }
        assert!(finished >= 4, "{}: {finished} episodes are too few for this test", info.name);
    }
}

/// Rejects, tried by hand: a restore that leaves the stream, the running return, or the elapsed steps of
/// the time limit.
#[test]
fn restored_environments_continue_bit_for_bit() {
    for info in ENVIRONMENTS {
        let mut first = info.make_vector(3, 8, 0).expect("environments");
        let mut actor = Actor::new(&*first, 0);
        first.reset_all().expect("a start");
        for _ in 0..150 {
            first.step(&actor.act()).expect("a step");
        }
        first.drain_episodes();
        let text = serde_json::to_string(&first.save()).expect("states serialise");
        let states: Vec<State> = serde_json::from_str(&text).expect("and load");
        // Other seeds, another way of sharing out, and steps of their own: nothing of it may survive.
        let mut others = [(2, 0), (1, 2)].map(|(n, index)| info.make_vector(n, 99, index).expect("some"));
        for (other, range) in others.iter_mut().zip([0..2, 2..3]) {
            other.reset_all().expect("a start");
            let actions = Actor::new(&**other, 0).act();
            other.step(&actions).expect("a step");
            other.restore(&states[range]).expect("a restored state");
        }
        assert_eq!(first.observations(), [others[0].observations(), others[1].observations()].concat());
        for _ in 0..1100 {
            let actions = actor.act();
            let (left, right) = actions.split_at(2 * first.action_space().width());
            first.step(&actions).expect("a step");
            others[0].step(left).expect("a step");
            others[1].step(right).expect("a step");
            assert_eq!(bits(&*first), [bits(&*others[0]), bits(&*others[1])].concat(), "{}", info.name);
            let episodes: Vec<_> = first.drain_episodes().collect();
            let shared: Vec<_> = others.iter_mut().flat_map(|other| other.drain_episodes()).collect();
            assert_eq!(episodes, shared, "{}", info.name);
        }
    }
}

#[test]
fn an_episode_that_ends_is_reset_in_the_same_step() {
    let mut envs = VecEnv::new(vec![DelayedReward::default(); 2], 0, 7).expect("environments");
    envs.reset_all().expect("a start");
    assert_eq!(envs.observations(), [0.0, 0.0]);
    for _ in 0..3 {
        envs.step(&[0.0, 1.0]).expect("a step");
        assert_eq!(envs.observations(), [1.0, 1.0]);
        assert_eq!(envs.outcomes(), [Outcome::Running; 2]);
        assert_eq!(envs.rewards(), [0.0, 0.0]);
        assert_eq!(envs.drain_episodes().count(), 0);
        envs.step(&[0.0, 1.0]).expect("a step");
        assert_eq!(envs.observations(), [0.0, 0.0], "the first observation of the next episode");
        assert_eq!(envs.final_observations(), [2.0, 2.0], "the true last one");
        assert_eq!(envs.outcomes(), [Outcome::Terminated; 2]);
        assert_eq!(envs.rewards(), [1.0, 1.0]);
        let episodes: Vec<_> = envs.drain_episodes().map(|e| (e.env, e.return_, e.length)).collect();
        assert_eq!(episodes, [(7, 1.0, 2), (8, 1.0, 2)]);
    }
}

#[test]
fn a_truncated_episode_keeps_its_final_observation() {
    let mut envs = VecEnv::new(vec![Pendulum::v1()], 1, 0).expect("environments");
    envs.reset_all().expect("a start");
    // The same task by hand.
    let mut alone = Pendulum::v1();
    let mut stream = Stream::new(1, "environment", 0);
    let (mut observation, mut return_) = ([0.0; 3], 0.0);
    alone.reset(&mut stream, &mut observation).expect("a start");
    for t in 1..=200 {
        assert_eq!(envs.observations(), observation);
        envs.step(&[1.5]).expect("a step");
        let step = alone.step(&[1.5], &mut stream, &mut observation).expect("a step");
        return_ += step.reward;
        assert_eq!(envs.outcomes()[0], step.outcome);
        assert_eq!(step.outcome, if t == 200 { Outcome::Truncated } else { Outcome::Running });
    }
    assert_eq!(envs.final_observations(), observation);
    let episode = envs.drain_episodes().next().expect("a finished episode");
    assert_eq!((episode.return_.to_bits(), episode.length), (f64::to_bits(return_), 200));
    alone.reset(&mut stream, &mut observation).expect("a start");
    assert_eq!(envs.observations(), observation);
}

fn faulty(fault: Fault, at_step: u64) -> VecEnv<Faulty> {
    let harmless = || Faulty::new(Fault::Failure, u64::MAX);
    let masked = || Faulty::new(fault, u64::MAX);
    let other = || if fault == Fault::NoActionAllowed { masked() } else { harmless() };
    VecEnv::new(vec![other(), other(), Faulty::new(fault, at_step), other()], 0, 10).expect("environments")
}

/// Rejects, tried by hand: a check of NaN alone, which lets infinity pass.
#[test]
fn numbers_that_are_not_finite_are_errors_that_say_where() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for (fault, named) in [
            (Fault::Observation(1, value), Quantity::Observation(1)),
            (Fault::Reward(f64::from(value)), Quantity::Reward),
        ] {
            let mut envs = faulty(fault, 3);
            envs.reset_all().expect("a start");
            for _ in 0..2 {
                envs.step(&[0.0; 4]).expect("a step");
            }
            let error = envs.step(&[0.0; 4]).expect_err("a number that is not finite");
            let EnvErrorKind::NotFinite { env: 12, step: 3, quantity, value: found } = error.kind() else {
                panic!("{error}");
            };
            assert_eq!(*quantity, named);
            assert_eq!(found.to_string(), f64::from(value).to_string());
            let expected = format!("environment 12, step 3 of its episode: {named} is {value}");
            assert_eq!(error.to_string(), expected);
            let next = envs.step(&[0.0; 4]).expect_err("no step after an error");
            assert!(matches!(next.kind(), EnvErrorKind::NotReset), "{next}");
            envs.reset_all().expect("a reset makes it whole");
            envs.step(&[0.0; 4]).expect("a step");
        }
    }
}

#[test]
fn first_and_final_observations_are_checked_too() {
    let nan = Fault::Observation(2, f32::NAN);
    let expected = |step| format!("environment 12, step {step} of its episode: observation[2] is NaN");
    assert_eq!(kind(faulty(nan, 0).reset_all()), expected(0));
    let limited = |at| TimeLimit::new(Faulty::new(nan, at), 2);
    let never = u64::MAX;
    let mut envs = VecEnv::new(vec![limited(never), limited(never), limited(2)], 0, 10).expect("some");
    envs.reset_all().expect("a start");
    envs.step(&[0.0; 3]).expect("a step");
    assert_eq!(kind(envs.step(&[0.0; 3])), expected(2), "the final observation");
}

#[test]
fn failures_of_a_task_say_where() {
    let mut envs = faulty(Fault::Failure, 2);
    envs.reset_all().expect("a start");
    envs.step(&[0.0; 4]).expect("a step");
    let message = kind(envs.step(&[0.0; 4]));
    assert_eq!(message, "environment 12, step 2 of its episode: the task broke on purpose");
    let message = kind(faulty(Fault::Failure, 0).reset_all());
    assert_eq!(message, "environment 12, step 0 of its episode: the task broke on purpose");
    let mut envs = faulty(Fault::NoActionAllowed, 1);
    envs.reset_all().expect("a start");
    let message = kind(envs.step(&[0.0; 4]));
    assert_eq!(message, "environment 12, step 1 of its episode: the action mask allows no action");
}

#[test]
fn invalid_actions_are_errors_that_say_what_is_allowed() {
    for info in ENVIRONMENTS {
        for action in [-1.0, 0.5, 3.0, f32::NAN, f32::INFINITY] {
            let mut envs = info.make_vector(2, 0, 4).expect("environments");
            envs.reset_all().expect("a start");
            if envs.action_space().contains(&[action]) {
                continue;
            }
            let space = envs.action_space().to_string();
            let expected = format!(
                "environment 5, step 1 of its episode: action {action} is not allowed: the action space is {space}"
            );
            let valid = if space.starts_with("Box") { 0.0 } else { 1.0 };
            assert_eq!(kind(envs.step(&[valid, action])), expected);
        }
    }
}

#[test]
fn a_step_before_the_first_reset_is_an_error() {
    let mut envs = cart_poles(2, 0);
    assert!(matches!(envs.step(&[0.0; 2]).expect_err("no start").kind(), EnvErrorKind::NotReset));
    // And stays one through saving and restoring.
    let states = envs.save();
    envs.reset_all().expect("a start");
    envs.restore(&states).expect("a state");
    assert!(matches!(envs.step(&[0.0; 2]).expect_err("no start").kind(), EnvErrorKind::NotReset));
}

#[test]
fn states_that_do_not_fit_are_refused() {
    let mut envs = cart_poles(2, 0);
    envs.reset_all().expect("a start");
    let message = kind(envs.restore(&envs.save()[..1]));
    assert_eq!(message, "cannot restore the environment: 1 saved states for 2 environments");
    let mut others = make_vector("Acrobot-v1", 2, 0, 0).expect("environments");
    others.reset_all().expect("a start");
    let message = kind(envs.restore(&others.save()));
    assert!(message.contains("its observation has 6 values, not 4"), "{message}");
    assert!(matches!(envs.step(&[0.0; 2]).expect_err("half restored").kind(), EnvErrorKind::NotReset));
    for cut in 0..others.save()[0].as_bytes().len() {
        let torn = State::from_bytes(others.save()[0].as_bytes()[..cut].to_vec());
        assert!(others.restore(&[torn, others.save()[1].clone()]).is_err(), "cut to {cut} bytes");
    }
}

#[test]
fn masks_follow_the_observations() {
    let mut envs = VecEnv::new(vec![MaskedChoice::default(); 3], 2, 0).expect("environments");
    envs.reset_all().expect("a start");
    for _ in 0..40 {
        let pairs = envs.observations().iter().zip(envs.masks());
        assert!(pairs.clone().all(|(&shown, &allowed)| (shown > 0.5) != allowed));
        assert_eq!(pairs.count(), 9);
        let best = |row: &[bool]| (row.iter().position(|allowed| !allowed).expect("one") + 1) % 3;
        let actions: Vec<f32> = envs.masks().chunks_exact(3).map(|row| best(row) as f32).collect();
        envs.step(&actions).expect("an allowed step");
        assert_eq!(envs.rewards(), [1.0; 3]);
    }
    assert!(envs.drain_episodes().all(|episode| (episode.return_ - 4.0).abs() < 1e-12));
    let forbidden: Vec<f32> =
        envs.masks().chunks_exact(3).map(|row| row.iter().position(|a| !a).expect("one") as f32).collect();
    assert!(kind(envs.step(&forbidden)).contains("are allowed now"));
    assert!(cart_poles(2, 0).masks().is_empty());
}

#[test]
fn environments_must_agree() {
    let different: Vec<Box<dyn Env>> = vec![Box::new(CartPole::v1()), Box::new(Pendulum::v1())];
    let error = VecEnv::new(different, 0, 3).err().expect("two tasks");
    assert_eq!(error.to_string(), "environments 4 and 3 differ in their spaces, masks or images");
    let none = VecEnv::<CartPole>::new(vec![], 0, 0).expect_err("none");
    assert_eq!(none.to_string(), "at least one environment is needed");
}

/// A pendulum whose three numbers are an image of this shape.
#[derive(Clone, Default)]
struct Picture(Pendulum, [usize; 3]);

impl Env for Picture {
    fn observation_space(&self) -> Space {
        self.0.observation_space()
    }
    fn action_space(&self) -> Space {
        self.0.action_space()
    }
    fn image_shape(&self) -> Option<[usize; 3]> {
        Some(self.1)
    }
    fn reset(&mut self, rng: &mut Stream, row: &mut [f32]) -> Result<(), EnvError> {
        self.0.reset(rng, row)
    }
    fn step(&mut self, action: &[f32], rng: &mut Stream, row: &mut [f32]) -> Result<Step, EnvError> {
        self.0.step(action, rng, row)
    }
    fn save(&self) -> State {
        self.0.save()
    }
    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        self.0.restore(state)
    }
}

#[test]
fn images_have_a_number_for_each_of_the_observation() {
    let picture = |shape| Picture(Pendulum::default(), shape);
    let wrapped = ClipAction::new(TimeLimit::new(picture([1, 3, 1]), 5)).expect("a box");
    let envs = VecEnv::new(vec![Box::new(wrapped) as Box<dyn Env>], 0, 0).expect("environments");
    assert_eq!(envs.image_shape(), Some([1, 3, 1]));
    let wrapped = RescaleAction::new(picture([3, 1, 1])).expect("a box");
    assert_eq!(VecEnv::new(vec![wrapped], 0, 0).expect("environments").image_shape(), Some([3, 1, 1]));
    assert_eq!(cart_poles(1, 0).image_shape(), None);
    let error = VecEnv::new(vec![picture([2, 1, 1])], 0, 0).err().expect("too few");
    assert!(error.to_string().starts_with("an image of [2, 1, 1] is no observation of Box(3,"), "{error}");
    let error = VecEnv::new(vec![picture([3, 1, 1]), picture([1, 1, 3])], 0, 0).err().expect("different");
    assert_eq!(error.to_string(), "environments 1 and 0 differ in their spaces, masks or images");
}

#[test]
#[should_panic(expected = "one action for each environment")]
fn a_missing_action_is_the_callers_mistake() {
    let mut envs = cart_poles(2, 0);
    envs.reset_all().expect("a start");
    let _ = envs.step(&[0.0]);
}

/// The state of a finite task, the first number of the observation of another.
fn look(envs: &dyn VectorEnv) -> f32 {
    let row = envs.observations();
    if row.len() < 16 { row[0] } else { row.iter().zip(0_u16..).map(|(x, i)| x * f32::from(i)).sum() }
}

/// Value stability: what a seed gives must not change between versions.
#[test]
fn value_stability() {
    let mut found = Vec::new();
    for info in ENVIRONMENTS {
        let mut envs = info.make_vector(1, 42, 0).expect("environments");
        let mut actor = Actor::new(&*envs, 0);
        envs.reset_all().expect("a start");
        let start = look(&*envs);
        (0..50).for_each(|_| envs.step(&actor.act()).expect("a step"));
        found.push((info.name, start, look(&*envs), envs.drain_episodes().count()));
    }
    let expected = [
        ("CartPole-v1", 0.025_017_105, 0.020_028_265, 3),
        ("MountainCar-v0", -0.449_965_78, -0.587_627_1, 0),
        ("MountainCarContinuous-v0", -0.449_965_78, -0.585_547_5, 0),
        ("Acrobot-v1", 0.998_748_54, 0.978_642_64, 0),
        ("Pendulum-v1", -0.001_074_769_2, -0.829_650_94, 0),
        ("CartPoleNoVel-v1", 0.025_017_105, 0.020_028_265, 3),
        ("PendulumNoVel-v1", -0.001_074_769_2, -0.829_650_94, 0),
        ("FrozenLake-v1", 0.0, 2.0, 7),
        ("FrozenLake8x8-v1", 0.0, 12.0, 1),
        ("FrozenLakeNoSlip-v1", 0.0, 0.0, 9),
        ("FrozenLake8x8NoSlip-v1", 0.0, 0.0, 2),
        ("CliffWalking-v1", 36.0, 1.0, 0),
        ("Taxi-v4", 372.0, 496.0, 0),
        ("MinAtar/Breakout-v1", 10_207.0, 9633.0, 4),
        ("MinAtar/Asterix-v1", 55.0, 1820.0, 0),
        ("MinAtar/Freeway-v1", 4546.0, 4558.0, 0),
        ("MinAtar/Seaquest-v1", 8056.0, 8260.0, 1),
        ("MinAtar/SpaceInvaders-v1", 8231.0, 8473.0, 1),
    ];
    assert_eq!(found, expected);
}
