//! Freeway.

use gradus_envs::minatar::{Action, Car, Freeway, MinAtar};

use crate::counts::Counts;
use crate::record::{Attributes, Known, Replay, Turn, check, refuse};

impl Known for Freeway {
    const TEXT: &'static str = include_str!("../golden/minatar/freeway.json");

    fn read(attributes: &Attributes<'_>) -> Self {
        let [x, lane, timer] = ["cars.0", "cars.1", "cars.2"].map(|name| attributes.digits(name));
        assert_eq!(lane, [1, 2, 3, 4, 5, 6, 7, 8]);
        let speed = attributes.ints("cars.3");
        let wait = |i: usize| speed[i].unsigned_abs() as u8;
        let car = |i: usize| Car { x: x[i], timer: timer[i], wait: wait(i), right: speed[i] > 0 };
        Self {
            chicken: attributes.byte("pos"),
            move_timer: attributes.byte("move_timer"),
            cars: std::array::from_fn(car),
            // Theirs goes to −1.
            steps_left: (attributes.int("terminate_timer") + 1) as u16,
        }
    }
}

#[test]
fn parity() {
    let mut counts = Counts::default();
    check(|Turn { before, after, action, over, reward, .. }: &Turn<Freeway>| {
        let can_move = before.move_timer == 0;
        let chicken = match action {
            Action::Up if can_move => before.chicken - 1,
            Action::Down if can_move => (before.chicken + 1).min(9),
            _ => before.chicken,
        };
        let is_hit = (1..9).contains(&chicken) && after.chicken == 9;
        let runs_in = is_hit && before.cars[usize::from(chicken) - 1].x == 4;
        let leaves = |old: &Car, new: &Car| old.x.abs_diff(new.x) == 9;
        let leaves_to = |right: bool| {
            before.cars.iter().zip(&after.cars).any(|(old, new)| old.right == right && leaves(old, new))
        };
        counts.note("arrival", *reward == 1.0);
        counts.note("runs into a car", runs_in);
        counts.note("is run over", is_hit && !runs_in);
        counts.note("car leaves to the right", leaves_to(true));
        counts.note("car leaves to the left", leaves_to(false));
        counts.note("step back", chicken > before.chicken);
        counts.note("step back at the bottom", can_move && *action == Action::Down && before.chicken == 9);
        counts.note("end", *over);
        (1..=5).for_each(|wait| {
            let name = ["waits 1", "waits 2", "waits 3", "waits 4", "waits 5"][wait - 1];
            counts.note(name, before.cars.iter().any(|car| usize::from(car.wait) == wait && car.timer == 0));
        });
    });
    counts.at_least(&[
        ("arrival", 50),
        ("runs into a car", 10),
        ("is run over", 10),
        ("car leaves to the right", 200),
        ("car leaves to the left", 200),
        ("step back", 3),
        ("step back at the bottom", 20),
        ("end", 1),
        ("waits 1", 200),
        ("waits 2", 200),
        ("waits 3", 200),
        ("waits 4", 200),
        ("waits 5", 200),
    ]);
}

/// The paper says that the fastest cars move every step and the slowest every fifth; its package lets them
/// wait a step longer.
#[test]
fn cars_as_fast_as_the_paper_says_are_refused() {
    refuse(|env: &mut MinAtar<Freeway>, action, chance: &mut Replay| {
        let before = env.game().clone();
        let step = env.play(action, chance);
        let mut game = env.game().clone();
        for (car, old) in game.cars.iter_mut().zip(&before.cars) {
            car.timer -= u8::from(old.timer == 0 && car.timer == car.wait);
        }
        *env = env.clone().with_state(game, env.last_action());
        step
    });
}
