//! What the environments promise whatever the game: the contract of [`Env`], saving, options, images.

use gradus_core_math::Stream;
use gradus_envs::minatar::{
    Action, Asterix, Breakout, Freeway, Game, Grid, MinAtar, Planes, Seaquest, SpaceInvaders,
};
use gradus_envs::{
    Env, EnvCheck, EnvError, FrameStack, Outcome, Space, State, Step, TimeLimit, check_env, find, make_vector,
};

/// Calls a generic function for each game.
macro_rules! each_game {
    ($function:ident) => {
        $function::<Breakout>();
        $function::<Asterix>();
        $function::<Freeway>();
        $function::<Seaquest>();
        $function::<SpaceInvaders>();
    };
}

fn name<G: Game>() -> String {
    format!("{}-v1", G::NAME)
}

#[test]
fn the_contract_holds() {
    fn contract<G: Game + 'static>() {
        let report = check_env(MinAtar::<G>::v1, 5).unwrap_or_else(|error| panic!("{}: {error}", G::NAME));
        assert!(report.findings().is_empty(), "{}: {report}", G::NAME);
        let other = || {
            let game = MinAtar::<G>::default().with_difficulty_ramping(false).with_full_action_set();
            FrameStack::new(TimeLimit::new(game.with_sticky_actions(0.5).expect("a probability"), 300), 3)
        };
        let report = EnvCheck::new(6).run(other).unwrap_or_else(|error| panic!("{}: {error}", G::NAME));
        assert!(report.findings().is_empty(), "{}: {report}", G::NAME);
    }
    each_game!(contract);
}

/// A game with random actions for `n` steps, each as (row, step).
fn walk<E: Env>(env: &mut E, rng: &mut Stream, n: usize) -> Vec<(Vec<f32>, Step)> {
    let (space, mut row) = (env.action_space(), vec![f32::NAN; env.observation_space().width()]);
    let mut actor = Stream::new(9, "actions", 0);
    let mut action = [0.0];
    let mut one = || {
        space.sample(&mut actor, &mut action);
        let step = env.step(&action, rng, &mut row).expect("a step");
        let seen = (row.clone(), step);
        if step.outcome.is_over() {
            env.reset(rng, &mut row).expect("a start");
        }
        seen
    };
    (0..n).map(|_| one()).collect()
}

/// From the middle of an episode, through bytes and into another instance.
#[test]
fn a_saved_game_goes_on_as_it_would_have() {
    fn goes_on<G: Game + 'static>() {
        let mut env = MinAtar::<G>::v1();
        let mut rng = Stream::new(3, G::NAME, 0);
        env.reset(&mut rng, &mut vec![0.0; env.observation_space().width()]).expect("a start");
        for _ in 0..40 {
            walk(&mut env, &mut rng, 37);
            let state = State::from_bytes(env.save().as_bytes().to_vec());
            let mut other = MinAtar::<G>::v1();
            other.restore(&state).expect("a state");
            assert_eq!(other.save(), env.save(), "{}", G::NAME);
            let mut rng_other = rng.clone();
            assert_eq!(walk(&mut other, &mut rng_other, 200), walk(&mut env, &mut rng, 200), "{}", G::NAME);
        }
    }
    each_game!(goes_on);
}

#[test]
fn states_that_are_none_are_refused() {
    let mut breakout = MinAtar::<Breakout>::default();
    let message = |result: Result<(), EnvError>| result.expect_err("another game's").to_string();
    let other = message(breakout.restore(&MinAtar::<Freeway>::default().save()));
    assert!(other.contains("one of \"MinAtar/Freeway\", not of \"MinAtar/Breakout\""), "{other}");
    let outside = Breakout { ball_x: 10, ..breakout.game().clone() };
    let outside = message(breakout.restore(&State::of(Breakout::NAME, &(Action::Noop, outside))));
    assert!(outside.contains("the saved state is none of MinAtar/Breakout"), "{outside}");

    fn refused<G: Game>(change: impl Fn(&mut G)) {
        let mut env = MinAtar::<G>::default();
        let mut game = env.game().clone();
        assert!(game.is_sound());
        change(&mut game);
        assert!(!game.is_sound());
        assert!(env.restore(&State::of(G::NAME, &(Action::Noop, game))).is_err(), "{}", G::NAME);
    }
    refused::<Breakout>(|game| game.paddle = 10);
    refused::<Asterix>(|game| game.player_y = 0);
    refused::<Asterix>(|game| game.move_interval = 0);
    refused::<Freeway>(|game| game.cars[3].wait = 6);
    refused::<Freeway>(|game| game.chicken = 10);
    refused::<Seaquest>(|game| game.y = 9);
    refused::<Seaquest>(|game| game.n_divers = 7);
    refused::<Seaquest>(|game| game.enemy_interval = 0);
    refused::<SpaceInvaders>(|game| game.cannon = 10);
    refused::<SpaceInvaders>(|game| game.aliens = Grid::default());
}

/// What a seed gives must not change between versions: reward and length of the first episodes, and how many
/// squares were seen in all of them.
#[test]
fn value_stability() {
    fn played<G: Game + 'static>() -> (f64, usize, usize) {
        let mut env = MinAtar::<G>::v1();
        let mut rng = Stream::new(42, "environment", 0);
        env.reset(&mut rng, &mut vec![0.0; env.observation_space().width()]).expect("a start");
        let steps = walk(&mut env, &mut rng, 3000);
        let reward = steps.iter().map(|(_, step)| step.reward).sum();
        let ends = steps.iter().filter(|(_, step)| step.outcome.is_over()).count();
        (reward, ends, steps.iter().map(|(row, _)| row.iter().filter(|&&on| on == 1.0).count()).sum())
    }
    let found = [
        played::<Breakout>(),
        played::<Asterix>(),
        played::<Freeway>(),
        played::<Seaquest>(),
        played::<SpaceInvaders>(),
    ];
    let expected =
        [(98.0, 335, 98_300), (21.0, 47, 18_786), (0.0, 1, 51_000), (7.0, 110, 39_103), (208.0, 45, 131_011)];
    assert_eq!(found, expected);
}

#[test]
fn a_game_that_is_over_stays_so() {
    fn stays<G: Game>() {
        let mut env = MinAtar::<G>::default();
        let mut rng = Stream::new(8, G::NAME, 0);
        let mut row = vec![0.0; env.observation_space().width()];
        env.reset(&mut rng, &mut row).expect("a start");
        let mut actor = Stream::new(8, "actions", 0);
        let mut action = [0.0];
        let last = loop {
            env.action_space().sample(&mut actor, &mut action);
            let step = env.step(&action, &mut rng, &mut row).expect("a step");
            if step.outcome.is_over() {
                break row.clone();
            }
        };
        for action in [0.0, 1.0, 2.0] {
            let step = env.step(&[action], &mut rng, &mut row).expect("a step");
            assert_eq!((step, &row), (Step::terminated(0.0), &last), "{}", G::NAME);
        }
    }
    each_game!(stays);
}

#[test]
fn options_are_what_they_say() {
    fn options<G: Game>() {
        let plain = MinAtar::<G>::default();
        assert_eq!(plain.action_space(), Space::Discrete { n: G::MINIMAL_ACTIONS.len() });
        assert_eq!(plain.actions(), G::MINIMAL_ACTIONS);
        let full = plain.clone().with_full_action_set();
        assert_eq!(full.action_space(), Space::Discrete { n: 6 });
        assert_eq!(full.actions(), Action::ALL);
        for probability in [-0.1, 1.1, f64::NAN] {
            let error = plain.clone().with_sticky_actions(probability).err().expect("no probability");
            let expected = format!("the probability of a sticky action is {probability}, not within 0 and 1");
            assert_eq!(error.to_string(), expected);
        }
        let mut env = full.with_sticky_actions(0.0).expect("a probability");
        let mut rng = Stream::new(1, G::NAME, 0);
        let mut row = vec![0.0; env.observation_space().width()];
        env.reset(&mut rng, &mut row).expect("a start");
        assert_eq!(env.last_action(), Action::Noop);
        for (index, action) in Action::ALL.into_iter().enumerate() {
            env.step(&[index as f32], &mut rng, &mut row).expect("a step");
            assert_eq!(env.last_action(), action);
        }
        assert!(env.step(&[6.0], &mut rng, &mut row).is_err());
        env.reset(&mut rng, &mut row).expect("a start");
        assert_eq!(env.last_action(), Action::Noop, "no episode remembers the one before");
    }
    each_game!(options);
}

/// Names, limits and images of the registry, through every layer; stacked frames are more channels.
#[test]
fn images_have_the_shape_that_is_told() {
    fn images<G: Game + 'static>() {
        let channels = G::CHANNELS.len();
        let info = find(&name::<G>()).expect("a game of the registry");
        assert_eq!((info.time_limit, info.image_shape()), (5000, Some([channels, 10, 10])));
        let vector = make_vector(&name::<G>(), 2, 0, 0).expect("environments");
        assert_eq!(vector.image_shape(), Some([channels, 10, 10]));
        assert_eq!(*vector.observation_space(), Space::MultiBinary { n: 100 * channels });

        let mut stacked = FrameStack::new(info.make(), 4);
        assert_eq!(stacked.image_shape(), Some([4 * channels, 10, 10]));
        assert_eq!(stacked.observation_space(), Space::MultiBinary { n: 400 * channels });
        let mut plain = MinAtar::<G>::v1();
        let (mut rng, mut rng_plain) = (Stream::new(2, G::NAME, 0), Stream::new(2, G::NAME, 0));
        let (mut row, mut frame) = (vec![0.0; 400 * channels], vec![0.0; 100 * channels]);
        stacked.reset(&mut rng, &mut row).expect("a start");
        plain.reset(&mut rng_plain, &mut frame).expect("a start");
        let mut frames = vec![frame.clone(); 4];
        for _ in 0..60 {
            assert_eq!(row, frames.concat(), "the oldest comes first");
            let step = stacked.step(&[1.0], &mut rng, &mut row).expect("a step");
            let step_plain = plain.step(&[1.0], &mut rng_plain, &mut frame).expect("a step");
            assert_eq!(step, step_plain);
            frames.remove(0);
            frames.push(frame.clone());
            if step.outcome != Outcome::Running {
                break;
            }
        }
    }
    each_game!(images);
    assert_eq!(find("CartPole-v1").expect("a task").image_shape(), None);
}

/// Element (c·10 + y)·10 + x is the square (x, y) of channel c.
#[test]
fn planes_are_channel_first() {
    let mut row = [1.0; 300];
    let mut planes = Planes::empty(&mut row);
    planes.mark(2, 7, 4);
    let mut grid = Grid::default();
    grid.insert(9, 0);
    grid.insert(0, 9);
    planes.mark_all(1, &grid);
    let on: Vec<usize> = (0..300).filter(|&i| row[i] == 1.0).collect();
    assert_eq!(on, [100 + 9, 100 + 90, 200 + 47]);
    assert_eq!(grid.iter().collect::<Vec<_>>(), [(9, 0), (0, 9)]);
    assert_eq!((grid.len(), grid.contains(9, 0), grid.contains(9, 1)), (2, true, false));
}
