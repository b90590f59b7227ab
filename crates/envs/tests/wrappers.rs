//! Time limits, clipping and rescaling of actions, stacked observations, and environments in boxes.

#![allow(clippy::float_cmp, reason = "exact numbers are what these tests are about")]

use gradus_core_math::Stream;
use gradus_envs::classic::{CartPole, MountainCarContinuous, Pendulum};
use gradus_envs::probe::{DelayedReward, MaskedChoice};
use gradus_envs::{
    ClipAction, Env, EnvError, FrameStack, KeepValues, Outcome, RescaleAction, Space, State, Step, TimeLimit,
};

/// Ends in `outcome` at step `end`; the action comes back as the observation.
#[derive(Clone)]
struct Echo {
    taken: u64,
    end: u64,
    outcome: Outcome,
    space: Space,
}

impl Echo {
    fn new(end: u64, outcome: Outcome, space: Space) -> Self {
        Self { taken: 0, end, outcome, space }
    }
}

impl Env for Echo {
    fn observation_space(&self) -> Space {
        self.space.clone()
    }
    fn action_space(&self) -> Space {
        self.space.clone()
    }
    fn reset(&mut self, _rng: &mut Stream, observation: &mut [f32]) -> Result<(), EnvError> {
        self.taken = 0;
        observation.fill(0.0);
        Ok(())
    }
    fn step(&mut self, action: &[f32], _rng: &mut Stream, row: &mut [f32]) -> Result<Step, EnvError> {
        self.space.check(action)?;
        self.taken += 1;
        row.copy_from_slice(action);
        let outcome = if self.taken == self.end { self.outcome } else { Outcome::Running };
        Ok(Step { reward: 0.0, outcome })
    }
    fn save(&self) -> State {
        State::of("Echo", &self.taken)
    }
    fn restore(&mut self, state: &State) -> Result<(), EnvError> {
        self.taken = state.get("Echo")?;
        Ok(())
    }
}

fn rng() -> Stream {
    Stream::new(0, "test", 0)
}

fn outcomes(mut env: impl Env, steps: usize) -> Vec<Outcome> {
    let (mut rng, mut row) = (rng(), [0.0]);
    env.reset(&mut rng, &mut row).expect("a start");
    (0..steps).map(|_| env.step(&[0.0], &mut rng, &mut row).expect("a step").outcome).collect()
}

/// Rejects, tried by hand: a limit that overrides whatever the task said, and one a step late.
#[test]
fn time_limit_truncates_unless_the_task_ended() {
    use Outcome::{Running, Terminated, Truncated};
    let echo = |end, outcome| Echo::new(end, outcome, Space::cube(1, -1.0, 1.0));
    let limited = |env| outcomes(TimeLimit::new(env, 3), 3);
    assert_eq!(limited(echo(9, Terminated)), [Running, Running, Truncated]);
    assert_eq!(limited(echo(3, Terminated)), [Running, Running, Terminated], "terminated wins");
    assert_eq!(limited(echo(3, Truncated)), [Running, Running, Truncated]);
    assert_eq!(limited(echo(2, Terminated))[1], Terminated);
    assert_eq!(limited(echo(2, Truncated))[1], Truncated, "a task may cut itself off earlier");
}

#[test]
fn time_limit_starts_anew_with_every_episode() {
    let mut env = TimeLimit::new(Echo::new(0, Outcome::Running, Space::cube(1, -1.0, 1.0)), 2);
    for _ in 0..3 {
        let (mut rng, mut row) = (rng(), [0.0]);
        env.reset(&mut rng, &mut row).expect("a start");
        assert!(!env.step(&[0.0], &mut rng, &mut row).expect("a step").outcome.is_over());
        assert!(env.step(&[0.0], &mut rng, &mut row).expect("a step").outcome.is_over());
    }
}

fn unequal_box() -> Echo {
    let space = Space::Box { low: vec![-2.0, 0.0, 1.0], high: vec![2.0, 10.0, f32::INFINITY] };
    Echo::new(0, Outcome::Running, space)
}

#[test]
fn clip_action_moves_actions_into_the_bounds() {
    let mut env = ClipAction::new(unequal_box()).expect("a box");
    let (mut rng, mut row) = (rng(), [0.0; 3]);
    for (action, expected) in [
        ([-3.0, 11.0, 0.0], [-2.0, 10.0, 1.0]),
        ([1.5, 3.0, 1e30], [1.5, 3.0, 1e30]),
        ([f32::INFINITY, f32::NEG_INFINITY, 2.0], [2.0, 0.0, 2.0]),
    ] {
        assert!(env.action_space().contains(&action));
        env.step(&action, &mut rng, &mut row).expect("a step");
        assert_eq!(row, expected);
    }
    let error = env.step(&[f32::NAN, 0.0, 0.0], &mut rng, &mut row).expect_err("NaN is no action");
    assert!(error.to_string().contains("NaN"), "{error}");
    let error = ClipAction::new(CartPole::v1()).expect_err("no box");
    assert_eq!(error.to_string(), "only actions of a box can be clipped, not of Discrete(2)");
}

/// Rejects, tried by hand: actions scaled by `high` alone, which is right for symmetric bounds only.
#[test]
fn rescale_action_stretches_to_the_bounds() {
    let space = Space::Box { low: vec![-2.0, 0.0, 0.1], high: vec![2.0, 10.0, 0.7] };
    let mut env = RescaleAction::new(Echo::new(0, Outcome::Running, space)).expect("a finite box");
    assert_eq!(env.action_space(), Space::cube(3, -1.0, 1.0));
    let (mut rng, mut row) = (rng(), [0.0; 3]);
    for (action, expected) in [
        ([-1.0, -1.0, -1.0], [-2.0, 0.0, 0.1]),
        ([1.0, 1.0, 1.0], [2.0, 10.0, 0.7]),
        ([0.0, 0.5, 0.0], [0.0, 7.5, 0.4]),
    ] {
        env.step(&action, &mut rng, &mut row).expect("a step");
        assert_eq!(row, expected);
    }
    for bad in [1.0001, -1.0001, f32::NAN] {
        let error = env.step(&[0.0, bad, 0.0], &mut rng, &mut row).expect_err("outside");
        assert!(error.to_string().contains("Box(3, from -1 to 1)"), "{error}");
    }
    assert!(RescaleAction::new(unequal_box()).is_err(), "an infinite bound");
    assert!(RescaleAction::new(CartPole::v1()).is_err(), "no box");
}

/// Rejects, tried by hand: the newest first, zeros at the reset, frames of the episode before.
#[test]
fn frame_stack_shows_the_last_observations() {
    let mut env = FrameStack::new(Echo::new(0, Outcome::Running, Space::cube(2, -9.0, 9.0)), 3);
    assert_eq!((env.observation_space(), env.depth()), (Space::cube(6, -9.0, 9.0), 3));
    let (mut rng, mut row) = (rng(), [f32::NAN; 6]);
    for _ in 0..2 {
        env.reset(&mut rng, &mut row).expect("a start");
        assert_eq!(row, [0.0; 6], "the first observation everywhere");
        let expected = [
            [0.0, 0.0, 0.0, 0.0, 1.0, -1.0],
            [0.0, 0.0, 1.0, -1.0, 2.0, -2.0],
            [1.0, -1.0, 2.0, -2.0, 3.0, -3.0],
            [2.0, -2.0, 3.0, -3.0, 4.0, -4.0],
        ];
        for (expected, x) in expected.iter().zip([1.0, 2.0, 3.0, 4.0]) {
            row.fill(f32::NAN);
            env.step(&[x, -x], &mut rng, &mut row).expect("a step");
            assert_eq!(row, *expected);
        }
    }
    let mut random = FrameStack::new(Pendulum::default(), 2);
    let mut row = [f32::NAN; 6];
    random.reset(&mut rng, &mut row).expect("a start");
    assert_eq!(row[..3], row[3..], "the first observation fills the stack");
    assert!(row[0] != 0.0);
}

#[test]
fn frame_stack_repeats_the_space() {
    let stacked = |space| FrameStack::new(Echo::new(0, Outcome::Running, space), 2).observation_space();
    assert_eq!(stacked(Space::Discrete { n: 3 }), Space::MultiDiscrete { sizes: vec![3, 3] });
    let digits = Space::MultiDiscrete { sizes: vec![2, 5] };
    assert_eq!(stacked(digits), Space::MultiDiscrete { sizes: vec![2, 5, 2, 5] });
    assert_eq!(stacked(Space::MultiBinary { n: 3 }), Space::MultiBinary { n: 6 });
    let unequal = Space::Box { low: vec![-1.0, 0.0], high: vec![1.0, f32::INFINITY] };
    let twice = Space::Box { low: vec![-1.0, 0.0, -1.0, 0.0], high: [1.0, f32::INFINITY].repeat(2) };
    assert_eq!(stacked(unequal), twice);
}

#[test]
#[should_panic(expected = "a stack has at least one observation")]
fn an_empty_stack_is_the_callers_mistake() {
    let _ = FrameStack::new(CartPole::v1(), 0);
}

/// The same task to the bit, with less to see of it.
#[test]
fn hidden_values_are_hidden_and_change_nothing_else() {
    let (mut whole, mut part) = (CartPole::v1(), KeepValues::new(CartPole::v1(), &[2, 0]));
    let (mut rng, mut rng_again) = (rng(), rng());
    let (mut row, mut shown) = ([f32::NAN; 4], [f32::NAN; 2]);
    whole.reset(&mut rng, &mut row).expect("a start");
    part.reset(&mut rng_again, &mut shown).expect("a start");
    for t in 0..9 {
        assert_eq!(shown, [row[2], row[0]], "in the order asked for");
        let action = [f32::from(t % 2 == 0)];
        let step = whole.step(&action, &mut rng, &mut row).expect("a step");
        assert_eq!(part.step(&action, &mut rng_again, &mut shown).expect("a step"), step);
    }
    let space = Space::Box { low: vec![-0.418_879_03, -4.8], high: vec![0.418_879_03, 4.8] };
    assert_eq!((part.observation_space(), part.action_space()), (space, whole.action_space()));
}

#[test]
#[should_panic(expected = "[0, 4] names a value that is not among 4")]
fn a_value_that_is_not_there_is_the_callers_mistake() {
    let _ = KeepValues::new(CartPole::v1(), &[0, 4]);
}

#[test]
fn masks_pass_through_wrappers() {
    let mut env: Box<dyn Env> = Box::new(TimeLimit::new(Box::new(MaskedChoice::default()), 3));
    let mut row = [0.0; 3];
    env.reset(&mut rng(), &mut row).expect("a start");
    let mut mask = [true; 3];
    env.action_mask(&mut mask);
    assert!(env.has_action_mask());
    assert_eq!(mask, row.map(|shown| shown < 0.5));
}

/// Saves in the middle, continues, restores into `other`, and continues again: all bits agree.
fn continues_exactly(mut env: impl Env, mut other: impl Env) {
    let space = env.action_space();
    let mut action = vec![0.0; space.width()];
    let mut row = vec![0.0; env.observation_space().width()];
    let (mut rng, mut actor) = (rng(), Stream::new(1, "action", 0));
    env.reset(&mut rng, &mut row).expect("a start");
    for _ in 0..7 {
        space.sample(&mut actor, &mut action);
        env.step(&action, &mut rng, &mut row).expect("a step");
    }
    let (state, mut rng_again, mut actor_again) = (env.save(), rng.clone(), actor.clone());
    other.restore(&state).expect("a state");
    assert_eq!(other.save(), state);
    let mut row_again = row.clone();
    for _ in 0..5 {
        space.sample(&mut actor, &mut action);
        let step = env.step(&action, &mut rng, &mut row).expect("a step");
        space.sample(&mut actor_again, &mut action);
        let again = other.step(&action, &mut rng_again, &mut row_again).expect("a step");
        assert_eq!((step, &row), (again, &row_again));
    }
    assert!(other.restore(&State::of("Nothing", &0)).is_err());
}

#[test]
fn wrapped_environments_restore_exactly() {
    let limited = |env| TimeLimit::new(env, 9);
    continues_exactly(limited(Pendulum::default()), limited(Pendulum::default()));
    let clipped = || ClipAction::new(Pendulum::v1()).expect("a box");
    continues_exactly(clipped(), clipped());
    let rescaled = || RescaleAction::new(MountainCarContinuous::v0()).expect("a box");
    continues_exactly(rescaled(), rescaled());
    let stacked = |k| move || FrameStack::new(Pendulum::v1(), k);
    continues_exactly(stacked(1)(), stacked(1)());
    continues_exactly(stacked(4)(), stacked(4)());
    let error = stacked(3)().restore(&stacked(4)().save()).expect_err("another depth");
    assert!(error.to_string().contains("its stack has 12 values, not 9"), "{error}");
    let hiding = || KeepValues::new(CartPole::v1(), &[0, 2]);
    continues_exactly(hiding(), hiding());
    let nested = || {
        let inner: Box<dyn Env> = Box::new(RescaleAction::new(Pendulum::default()).expect("a box"));
        TimeLimit::new(ClipAction::new(inner).expect("a box"), 9)
    };
    continues_exactly(nested(), nested());
}

#[test]
fn a_state_of_another_task_is_refused() {
    let state = DelayedReward::default().save();
    let error = CartPole::default().restore(&state).expect_err("another task's state");
    let expected =
        "cannot restore the environment: the saved state is one of \"DelayedReward\", not of \"CartPole\"";
    assert_eq!(error.to_string(), expected);
    let broken = State::of("CartPole", &[0.0, f64::NAN, 0.0, 0.0]);
    assert!(CartPole::default().restore(&broken).is_err(), "NaN in the state");
    let long = State::of("CartPole", &[0.0; 5]);
    assert!(CartPole::default().restore(&long).is_err(), "too long");
}
