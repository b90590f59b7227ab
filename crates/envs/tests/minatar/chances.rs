//! What the games do at random has the distribution that MinAtar has: chi-square tests at significance 1e-6,
//! whose seeds are fixed, so that a test repeats itself.

use gradus_core_math::Stream;
use gradus_envs::Env;
use gradus_envs::minatar::{Action, Asterix, Breakout, Entity, Freeway, Game, MinAtar, Seaquest};

/// Quantiles of the chi-square distribution at 1 − 1e-6, by degrees of freedom (scipy.stats.chi2.isf).
const CRITICAL: [(usize, f64); 5] = [(1, 23.93), (7, 40.52), (9, 44.81), (15, 56.49), (31, 83.64)];

/// The chi-square statistic of these counts, where each has its probability.
fn chi_square(counts: &[usize], probability: impl Fn(usize) -> f64) -> f64 {
    let n = counts.iter().sum::<usize>() as f64;
    let term = |(i, &count): (usize, &usize)| {
        let expected = n * probability(i);
        (count as f64 - expected).powi(2) / expected
    };
    counts.iter().enumerate().map(term).sum()
}

/// Whether the counts are likely for these probabilities.
fn fits(counts: &[usize], probability: impl Fn(usize) -> f64) -> bool {
    let total: f64 = (0..counts.len()).map(&probability).sum();
    assert!((total - 1.0).abs() < 1e-12, "the probabilities sum to {total}");
    let freedom = counts.len() - 1;
    let critical = CRITICAL.iter().find(|known| known.0 == freedom).expect("a known quantile").1;
    chi_square(counts, probability) < critical
}

/// The second half of the cells, which count things that are special, with a third of the probability.
fn one_third_special(cells: usize) -> impl Fn(usize) -> f64 {
    let half = cells / 2;
    move |i| if i < half { 2.0 / 3.0 / half as f64 } else { 1.0 / 3.0 / half as f64 }
}

fn equal(cells: usize) -> impl Fn(usize) -> f64 {
    move |_| 1.0 / cells as f64
}

#[test]
fn breakout_begins_on_either_side() {
    let mut rng = Stream::new(1, "breakout", 0);
    let mut counts = [0; 2];
    for _ in 0..40_000 {
        counts[usize::from(Breakout::start(&mut rng).right)] += 1;
    }
    assert!(fits(&counts, equal(2)), "{counts:?}");
    assert!(!fits(&counts, |i| [0.47, 0.53][i]), "a lopsided coin passes");
}

/// Rows, sides and kinds of what appears on an empty board of Asterix, and rows where some are taken.
#[test]
fn asterix_things_appear_anywhere() {
    let mut rng = Stream::new(2, "asterix", 0);
    let mut empty = Asterix::start(&mut rng);
    empty.spawn_timer = 0;
    let mut crowded = empty.clone();
    for row in [0, 2, 3, 4, 6, 7] {
        crowded.entities[row] = Some(Entity { x: 2, right: true, gold: true });
    }
    let (mut counts, mut free) = ([0; 32], [0; 2]);
    for _ in 0..40_000 {
        let mut game = empty.clone();
        game.step(Action::Noop, true, &mut rng);
        let row = game.entities.iter().position(Option::is_some).expect("a new thing");
        let Some(Entity { x, right, gold }) = game.entities[row] else { unreachable!("it is there") };
        assert_eq!(x, if right { 0 } else { 9 });
        counts[usize::from(gold) * 16 + usize::from(right) * 8 + row] += 1;
        let mut game = crowded.clone();
        game.step(Action::Noop, true, &mut rng);
        free[usize::from(game.entities[5].is_some())] += 1;
        assert_eq!(game.entities.iter().flatten().count(), 7);
    }
    assert!(fits(&counts, one_third_special(32)), "{counts:?}");
    assert!(!fits(&counts, equal(32)), "as much gold as enemies passes");
    assert!(fits(&free, equal(2)), "{free:?}");
}

/// Waiting times and directions of each car of Freeway, at the start and after an arrival.
#[test]
fn freeway_cars_are_of_all_kinds() {
    let mut rng = Stream::new(3, "freeway", 0);
    let (mut start, mut later) = ([[0; 10]; 8], [[0; 10]; 8]);
    let count = |counts: &mut [[usize; 10]; 8], game: &Freeway| {
        for (counts, car) in counts.iter_mut().zip(&game.cars) {
            counts[usize::from(car.right) * 5 + usize::from(car.wait) - 1] += 1;
        }
    };
    for _ in 0..10_000 {
        let mut game = Freeway::start(&mut rng);
        count(&mut start, &game);
        (game.chicken, game.move_timer) = (1, 0);
        assert_eq!(game.step(Action::Up, true, &mut rng).reward, 1.0);
        count(&mut later, &game);
    }
    for counts in start.iter().chain(&later) {
        assert!(fits(counts, equal(10)), "{counts:?}");
        assert!(!fits(counts, |i| if i % 5 == 0 { 0.12 } else { 0.095 }), "more fast cars pass");
    }
}

/// Rows, sides and kinds of the enemies of Seaquest, rows and sides of the divers.
#[test]
fn seaquest_swimmers_come_from_anywhere() {
    let mut rng = Stream::new(4, "seaquest", 0);
    let mut start = Seaquest::start(&mut rng);
    (start.enemy_timer, start.diver_timer) = (0, 0);
    let (mut enemies, mut divers) = ([0; 32], [0; 16]);
    let cell = |y: u8, right: bool| usize::from(right) * 8 + usize::from(y) - 1;
    for _ in 0..40_000 {
        let mut game = start.clone();
        game.step(Action::Noop, true, &mut rng);
        game.fish.iter().for_each(|it| enemies[cell(it.y, it.right)] += 1);
        game.submarines.iter().for_each(|it| enemies[16 + cell(it.hull.y, it.hull.right)] += 1);
        game.divers.iter().for_each(|it| divers[cell(it.y, it.right)] += 1);
    }
    assert!(fits(&enemies, one_third_special(32)), "{enemies:?}");
    assert!(!fits(&enemies, equal(32)), "as many submarines as fish pass");
    assert!(fits(&divers, equal(16)), "{divers:?}");
}

/// A step repeats the last action as often as it should: the number is within five standard deviations, which
/// has a probability of 1 − 6e-7.
#[test]
fn actions_stick_as_often_as_they_should() {
    const N: usize = 100_000;
    for probability in [0.0, 0.1, 0.25, 1.0] {
        let game = MinAtar::<Freeway>::default().with_full_action_set();
        let mut env = game.with_sticky_actions(probability).expect("a probability");
        let mut rng = Stream::new(5, "sticky", 0);
        let mut row = vec![0.0; 700];
        let mut stuck = 0;
        for _ in 0..N {
            if env.game().steps_left == 0 {
                env.reset(&mut rng, &mut row).expect("a start");
            }
            // Always another one than the last, so that it shows which of the two is taken.
            let asked = if env.last_action() == Action::Up { 4_u8 } else { 2 };
            let last = env.last_action();
            env.step(&[f32::from(asked)], &mut rng, &mut row).expect("a step");
            assert!([last, Action::ALL[usize::from(asked)]].contains(&env.last_action()));
            stuck += usize::from(env.last_action() == last);
        }
        let deviation = (stuck as f64 - N as f64 * probability).abs();
        let allowed = 5.0 * (N as f64 * probability * (1.0 - probability)).sqrt();
        assert!(deviation <= allowed, "{stuck} of {N} for {probability}");
        assert!(allowed < 0.01 * N as f64, "a probability off by 0.01 passes");
    }
}
