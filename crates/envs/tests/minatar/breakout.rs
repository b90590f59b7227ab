//! Breakout.

use gradus_envs::Step;
use gradus_envs::minatar::{Action, Breakout, MinAtar};

use crate::counts::Counts;
use crate::record::{Attributes, Known, Replay, Turn, check, refuse};

impl Known for Breakout {
    const TEXT: &'static str = include_str!("../golden/minatar/breakout.json");

    fn read(attributes: &Attributes<'_>) -> Self {
        // Clockwise from up and left.
        let direction = attributes.int("ball_dir");
        Self {
            ball_x: attributes.byte("ball_x"),
            ball_y: attributes.byte("ball_y"),
            right: [1, 2].contains(&direction),
            down: [2, 3].contains(&direction),
            last_x: attributes.byte("last_x"),
            last_y: attributes.byte("last_y"),
            paddle: attributes.byte("pos"),
            bricks: attributes.grid("brick_map"),
            touched: attributes.flag("strike"),
            over: attributes.flag("terminal"),
        }
    }
}

#[test]
fn parity() {
    let mut counts = Counts::default();
    check(|Turn { before, after, action, over, reward, .. }: &Turn<Breakout>| {
        let at_wall = if before.right { before.ball_x == 9 } else { before.ball_x == 0 };
        let at_ceiling = !before.down && before.ball_y == 0;
        let back = before.ball_y == 8 && before.down && !after.down;
        counts.note("wall", at_wall);
        counts.note("ceiling", at_ceiling);
        counts.note("wall and ceiling at once", at_wall && at_ceiling);
        counts.note("wall and last row at once", at_wall && before.ball_y == 8 && before.down);
        counts.note("brick", *reward == 1.0);
        counts.note("brick from above", *reward == 1.0 && before.down);
        counts.note("second brick in a row is flown through", before.touched && after.touched);
        counts.note("back to the side", back && before.ball_x == after.paddle);
        counts.note("back the way it came", back && before.right != after.right && !at_wall);
        counts.note("miss", *over);
        counts.note("bricks laid again", after.bricks.len() > before.bricks.len());
        counts.note("bricks laid again, and a miss", after.bricks.len() > before.bricks.len() && *over);
        let pushed = [(Action::Left, 0), (Action::Right, 9)].contains(&(*action, before.paddle));
        counts.note("paddle at the wall", pushed);
    });
    counts.at_least(&[
        ("wall", 200),
        ("ceiling", 50),
        ("wall and ceiling at once", 3),
        ("wall and last row at once", 20),
        ("brick", 150),
        ("brick from above", 20),
        ("second brick in a row is flown through", 5),
        ("back to the side", 100),
        ("back the way it came", 50),
        ("miss", 30),
        ("bricks laid again", 4),
        ("bricks laid again, and a miss", 1),
        ("paddle at the wall", 2),
    ]);
}

/// Every brick that the ball comes to breaks, also in two steps that follow each other.
#[test]
fn bricks_that_always_break_are_refused() {
    refuse(|env: &mut MinAtar<Breakout>, action, chance: &mut Replay| -> Step {
        let game = Breakout { touched: false, ..env.game().clone() };
        *env = env.clone().with_state(game, env.last_action());
        env.play(action, chance)
    });
}
