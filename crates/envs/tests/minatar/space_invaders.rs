//! Space Invaders.

use gradus_envs::minatar::{Action, MinAtar, SpaceInvaders};

use crate::counts::Counts;
use crate::record::{Attributes, Known, Replay, Turn, check, refuse};

impl Known for SpaceInvaders {
    const TEXT: &'static str = include_str!("../golden/minatar/space_invaders.json");

    fn read(attributes: &Attributes<'_>) -> Self {
        Self {
            cannon: attributes.byte("pos"),
            bullets: attributes.grid("f_bullet_map"),
            alien_bullets: attributes.grid("e_bullet_map"),
            aliens: attributes.grid("alien_map"),
            right: attributes.int("alien_dir") > 0,
            move_interval: attributes.byte("enemy_move_interval"),
            move_timer: attributes.byte("alien_move_timer"),
            alien_shot_timer: attributes.byte("alien_shot_timer"),
            shot_timer: attributes.byte("shot_timer"),
            over: attributes.flag("terminal"),
        }
    }
}

fn in_column(game: &SpaceInvaders, x: u8) -> bool {
    game.aliens.iter().any(|square| square.0 == x)
}

#[test]
fn parity() {
    let mut counts = Counts::default();
    check(|Turn { before, after, action, over, reward, ramping, .. }: &Turn<SpaceInvaders>| {
        let turned = before.right != after.right;
        let wave = after.aliens.len() > before.aliens.len();
        let bullet = after.alien_bullets.contains(after.cannon, 9);
        let shoots = before.alien_shot_timer == 0;
        counts.note("hit", *reward == 1.0);
        counts.note("several hits in a step", *reward > 1.0);
        counts.note("aliens turn to the right", turned && after.right);
        counts.note("aliens turn to the left", turned && !after.right);
        counts.note("aliens move aside", before.move_timer == 0 && !turned);
        counts.note("one alien moves every step", before.aliens.len() == 1 && before.move_timer == 0);
        counts.note("alien shoots", shoots);
        counts.note("alien shoots from afar", shoots && !in_column(after, after.cannon));
        counts.note("shot has to wait", *action == Action::Fire && before.shot_timer > 0);
        counts.note("killed by a bullet", *over && bullet);
        counts.note("an alien meets the cannon", *over && !bullet && !turned);
        counts.note("aliens turn in the last row", *over && !bullet && turned);
        counts.note("next wave", wave);
        counts.note("next wave as slow as the last", wave && !ramping && after.move_interval == 12);
        counts.note("next wave of the greatest speed", wave && before.move_interval == 6);
        counts.note("moves of the greatest speed", before.move_timer == 0 && after.move_timer == 5);
    });
    counts.at_least(&[
        ("hit", 200),
        ("several hits in a step", 2),
        ("aliens turn to the right", 20),
        ("aliens turn to the left", 20),
        ("aliens move aside", 200),
        ("one alien moves every step", 20),
        ("alien shoots", 200),
        ("alien shoots from afar", 10),
        ("shot has to wait", 100),
        ("killed by a bullet", 3),
        ("an alien meets the cannon", 2),
        ("aliens turn in the last row", 1),
        ("next wave", 10),
        ("next wave as slow as the last", 1),
        ("next wave of the greatest speed", 4),
        ("moves of the greatest speed", 20),
    ]);
}

/// Few aliens are no faster than many.
#[test]
fn aliens_of_constant_speed_are_refused() {
    refuse(|env: &mut MinAtar<SpaceInvaders>, action, chance: &mut Replay| {
        let before = env.game().clone();
        let step = env.play(action, chance);
        let mut game = env.game().clone();
        if before.move_timer == 0 {
            game.move_timer = before.move_interval - 1;
        }
        *env = env.clone().with_state(game, env.last_action());
        step
    });
}
