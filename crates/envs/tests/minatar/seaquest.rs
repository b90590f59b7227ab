//! Seaquest.

use gradus_core_math::Stream;
use gradus_envs::minatar::{Action, Bullet, Chance, Game, MinAtar, Seaquest, Submarine, Swimmer};

use crate::counts::Counts;
use crate::record::{Attributes, Known, Replay, Turn, check, refuse};

fn bullet(numbers: Vec<u8>) -> Bullet {
    Bullet { x: numbers[0], y: numbers[1], right: numbers[2] == 1 }
}

fn swimmer(numbers: &[u8]) -> Swimmer {
    Swimmer { x: numbers[0], y: numbers[1], right: numbers[2] == 1, timer: numbers[3] }
}

impl Known for Seaquest {
    const TEXT: &'static str = include_str!("../golden/minatar/seaquest.json");

    fn read(attributes: &Attributes<'_>) -> Self {
        let things = |name| attributes.things(name).into_iter().flatten();
        let submarine = |it: Vec<u8>| Submarine { hull: swimmer(&it), shot_timer: it[4] };
        Self {
            x: attributes.byte("sub_x"),
            y: attributes.byte("sub_y"),
            right: attributes.flag("sub_or"),
            oxygen: attributes.int("oxygen") as i16,
            n_divers: attributes.int("diver_count") as i32,
            surfaced: attributes.flag("surface"),
            shot_timer: attributes.byte("shot_timer"),
            bullets: things("f_bullets").map(bullet).collect(),
            enemy_bullets: things("e_bullets").map(bullet).collect(),
            fish: things("e_fish").map(|it| swimmer(&it)).collect(),
            submarines: things("e_subs").map(submarine).collect(),
            divers: things("divers").map(|it| swimmer(&it)).collect(),
            enemy_interval: attributes.byte("e_spawn_speed"),
            enemy_timer: attributes.byte("e_spawn_timer"),
            diver_timer: attributes.byte("d_spawn_timer"),
            enemy_wait: attributes.byte("move_speed"),
            level: attributes.byte("ramp_index"),
            over: attributes.flag("terminal"),
        }
    }
}

fn enemies(game: &Seaquest) -> usize {
    game.fish.len() + game.submarines.len()
}

/// What ended the game, as far as the state tells.
fn note_end(counts: &mut Counts, before: &Seaquest, after: &Seaquest) {
    let here = (after.x, after.y);
    let fish = after.fish.iter().any(|it| (it.x, it.y) == here);
    let submarine = after.submarines.iter().any(|it| (it.hull.x, it.hull.y) == here);
    let bullet = after.enemy_bullets.iter().any(|it| (it.x, it.y) == here);
    let no_air = before.oxygen <= 0;
    let no_diver = after.y == 0 && before.y == 1 && before.n_divers == 0;
    counts.note("end by a fish", fish);
    counts.note("end by a submarine", submarine);
    counts.note("end by a bullet", bullet);
    counts.note("end without air", no_air);
    counts.note("end at the surface without a diver", no_diver);
}

#[test]
fn parity() {
    let mut counts = Counts::default();
    check(|Turn { before, after, action, over, reward, ramping, .. }: &Turn<Seaquest>| {
        if *over {
            note_end(&mut counts, before, after);
        }
        let surfaces = before.y == 1 && after.y == 0 && after.surfaced;
        let spawns = before.enemy_timer == 0;
        let beside = |it: &Swimmer| (it.y, it.x.abs_diff(after.x)) == (after.y, 0);
        counts.note("hit", (1.0..3.0).contains(reward) && !surfaces);
        counts.note(
            "submarine hit",
            !spawns && after.submarines.len() < before.submarines.len() && *reward > 0.0,
        );
        counts.note("enemy leaves", !spawns && enemies(after) < enemies(before) && *reward == 0.0);
        counts.note("enemy bullet", after.enemy_bullets.len() > before.enemy_bullets.len());
        counts.note("an enemy comes", spawns && enemies(after) > enemies(before));
        counts.note("a submarine comes", spawns && after.submarines.len() > before.submarines.len());
        counts.note("no enemy comes", spawns && enemies(after) == enemies(before) && *reward == 0.0);
        counts.note("a diver comes on board", after.n_divers > before.n_divers);
        counts.note("no room for a diver", before.n_divers == 6 && after.divers.iter().any(beside));
        counts.note("surfaces with a diver", surfaces && (1..6).contains(&before.n_divers));
        counts.note("surfaces with six", surfaces && before.n_divers == 6);
        counts.note("great reward", surfaces && *reward > 3.0);
        counts.note("surfaces with less than none", surfaces && before.n_divers < 0);
        counts.note("air is filled up", after.oxygen == 200 && before.oxygen < 100);
        counts.note("fires to the right", *action == Action::Fire && before.shot_timer == 0 && before.right);
        counts.note("fires to the left", *action == Action::Fire && before.shot_timer == 0 && !before.right);
        counts.note("level", after.level > before.level);
        counts.note("faster enemies", after.enemy_wait < before.enemy_wait);
        counts.note("an enemy a step", after.enemy_interval == 1 && spawns);
        counts.note("surfaces at the last level", surfaces && before.level == 19 && *ramping);
        counts.note("surfaces without ramping", surfaces && !ramping);
    });
    counts.at_least(&[
        ("end by a fish", 1),
        ("end by a submarine", 1),
        ("end by a bullet", 1),
        ("end without air", 1),
        ("end at the surface without a diver", 3),
        ("hit", 100),
        ("submarine hit", 20),
        ("enemy leaves", 50),
        ("enemy bullet", 50),
        ("an enemy comes", 200),
        ("a submarine comes", 50),
        ("no enemy comes", 20),
        ("a diver comes on board", 50),
        ("no room for a diver", 3),
        ("surfaces with a diver", 5),
        ("surfaces with six", 3),
        ("great reward", 1),
        ("surfaces with less than none", 1),
        ("air is filled up", 10),
        ("fires to the right", 50),
        ("fires to the left", 50),
        ("level", 10),
        ("faster enemies", 4),
        ("an enemy a step", 50),
        ("surfaces at the last level", 1),
        ("surfaces without ramping", 1),
    ]);
}

/// The memory that a game starts with is enough, and the next game's too.
#[test]
fn no_step_allocates() {
    let mut rng = Stream::new(1, "seaquest", 0);
    let mut game = Seaquest::start(&mut rng);
    let room = |game: &Seaquest| {
        let bullets = [game.bullets.capacity(), game.enemy_bullets.capacity()];
        (bullets, game.fish.capacity(), game.submarines.capacity(), game.divers.capacity())
    };
    let at_start = room(&game);
    let mut most = 0;
    for _ in 0..200_000 {
        // As many enemies as ever come.
        (game.enemy_interval, game.level) = (1, 19);
        let action = Action::ALL[usize::from(rng.below(6))];
        if game.step(action, true, &mut rng).outcome.is_over() {
            game.restart(&mut rng);
        }
        most = most.max(enemies(&game));
        assert_eq!(room(&game), at_start);
    }
    assert!(most > 15, "at most {most} enemies");
}

/// All six divers leave, and none is left, as the paper says; in its package there is one less than none.
#[test]
fn six_divers_that_leave_none_are_refused() {
    refuse(|env: &mut MinAtar<Seaquest>, action, chance: &mut Replay| {
        let before = env.game().clone();
        let step = env.play(action, chance);
        let mut game = env.game().clone();
        if before.n_divers == 6 && game.n_divers == -1 {
            game.n_divers = 0;
        }
        *env = env.clone().with_state(game, env.last_action());
        step
    });
}
