//! Asterix.

use gradus_envs::minatar::{Action, Asterix, Entity, MinAtar};

use crate::counts::Counts;
use crate::record::{Attributes, Known, Replay, Turn, check, refuse};

impl Known for Asterix {
    const TEXT: &'static str = include_str!("../golden/minatar/asterix.json");

    fn read(attributes: &Attributes<'_>) -> Self {
        let mut entities = [None; 8];
        for (i, numbers) in attributes.things("entities").into_iter().enumerate() {
            entities[i] = numbers.map(|numbers| {
                assert_eq!(usize::from(numbers[1]), i + 1, "the row");
                Entity { x: numbers[0], right: numbers[2] == 1, gold: numbers[3] == 1 }
            });
        }
        Self {
            player_x: attributes.byte("player_x"),
            player_y: attributes.byte("player_y"),
            entities,
            spawn_interval: attributes.byte("spawn_speed"),
            spawn_timer: attributes.byte("spawn_timer"),
            move_interval: attributes.byte("move_speed"),
            move_timer: attributes.byte("move_timer"),
            ramp_timer: attributes.int("ramp_timer") as i8,
            level: attributes.byte("ramp_index"),
            over: attributes.flag("terminal"),
        }
    }
}

fn filled(game: &Asterix) -> usize {
    game.entities.iter().flatten().count()
}

#[test]
fn parity() {
    let mut counts = Counts::default();
    check(|Turn { before, after, action, over, reward, ramping, .. }: &Turn<Asterix>| {
        let walks = (before.player_x, before.player_y) != (after.player_x, after.player_y);
        let moves = before.move_timer == 0;
        let came =
            before.entities.iter().zip(&after.entities).any(|(old, new)| old.is_none() && new.is_some());
        let ahead = |entity: &Entity| entity.x == if entity.right { 9 } else { 0 };
        let row = usize::from(after.player_y) - 1;
        let was_there = before.entities[row].is_some_and(|entity| entity.x == after.player_x);
        counts.note("gold that is walked onto", *reward == 1.0 && walks && was_there);
        counts.note("gold that comes", *reward == 1.0 && moves && !was_there);
        counts.note("enemy that is walked onto", *over && walks && was_there);
        counts.note("enemy that comes", *over && moves && !was_there);
        counts.note(
            "something appears on the right",
            came && after.entities.iter().flatten().any(|it| it.x == 9),
        );
        counts.note("no row is free", before.spawn_timer == 0 && filled(before) == 8);
        counts.note("something leaves", moves && before.entities.iter().flatten().any(ahead));
        counts
            .note("at the edge", [(Action::Up, 1), (Action::Down, 8)].contains(&(*action, before.player_y)));
        counts.note("level", after.level > before.level);
        counts.note("faster moves", after.move_interval < before.move_interval);
        counts.note("the last level", *ramping && (after.spawn_interval, after.move_interval) == (1, 1));
        counts.note("step without ramping", !ramping && before.level == 0 && after.ramp_timer == 100);
    });
    counts.at_least(&[
        ("gold that is walked onto", 50),
        ("gold that comes", 20),
        ("enemy that is walked onto", 2),
        ("enemy that comes", 1),
        ("something appears on the right", 100),
        ("no row is free", 10),
        ("something leaves", 200),
        ("at the edge", 50),
        ("level", 10),
        ("faster moves", 5),
        ("the last level", 300),
        ("step without ramping", 200),
    ]);
}

/// The things move faster with every level, not with every other one.
#[test]
fn faster_moves_with_every_level_are_refused() {
    refuse(|env: &mut MinAtar<Asterix>, action, chance: &mut Replay| {
        let before = env.game().clone();
        let step = env.play(action, chance);
        let mut game = env.game().clone();
        if game.level > before.level && game.move_interval == before.move_interval {
            game.move_interval = (game.move_interval - 1).max(1);
        }
        *env = env.clone().with_state(game, env.last_action());
        step
    });
}
