//! Freeway.

use serde::{Deserialize, Serialize};

use super::board::{LAST, beside};
use super::{Action, Chance, Game, Planes, SIZE};
use crate::Step;

/// The lanes: rows 1 to 8.
const LANES: usize = 8;
/// The column in which the chicken walks.
const CHICKEN_COLUMN: u8 = 4;
/// Steps from one move of the chicken to the next that it can make.
const MOVE_INTERVAL: u8 = 3;
/// Steps of a game.
const DURATION: u16 = 2501;
/// A car waits 1 to this many steps between two moves.
const SLOWEST: u8 = 5;
/// The probability that a car drives to the left.
const TO_THE_LEFT: f64 = 0.5;

/// Freeway: a chicken crosses eight lanes of cars, from the bottom to the top, which gives 1.
///
/// It can move one square up or down every third step. A car that meets it, on either's move, sends it back
/// to the bottom, as does the top. Each lane has one car, which waits 1 to 5 steps between its moves, as
/// often as the number of its trail's channel says, and appears on one side when it leaves on the other.
/// Waiting times and directions are drawn anew whenever the chicken has made it. The game is over after 2501
/// steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeway {
    /// The chicken's row.
    pub chicken: u8,
    /// Steps until the chicken can move.
    pub move_timer: u8,
    /// The cars of lanes 1 to 8.
    pub cars: [Car; LANES],
    /// Steps that are left.
    pub steps_left: u16,
}

/// A car of [`Freeway`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Car {
    /// Its column.
    pub x: u8,
    /// Steps until it moves.
    pub timer: u8,
    /// Steps that it waits between two moves, 1 to 5.
    pub wait: u8,
    /// Whether it drives to the right.
    pub right: bool,
}

const CHICKEN: usize = 0;
const CAR: usize = 1;
/// The trail of cars that wait for one step; those that wait longer come after it.
const FIRST_SPEED: usize = 2;

impl Car {
    /// One step of its lane; tells whether it moved.
    #[inline]
    fn drive(&mut self) -> bool {
        if self.timer > 0 {
            self.timer -= 1;
            return false;
        }
        self.timer = self.wait;
        self.x = around(self.x, self.right);
        true
    }
}

/// The next column, with the two sides joined.
#[inline]
fn around(x: u8, right: bool) -> u8 {
    beside(x, right).unwrap_or(if right { 0 } else { LAST })
}

impl Freeway {
    /// Gives every car a waiting time and a direction; where it is it stays.
    fn draw_cars<C: Chance>(&mut self, chance: &mut C) {
        for car in &mut self.cars {
            car.wait = 1 + chance.below(SLOWEST);
            car.timer = car.wait;
        }
        for car in &mut self.cars {
            car.right = !chance.happens(TO_THE_LEFT);
        }
    }

    fn move_chicken(&mut self, action: Action) {
        if self.move_timer > 0 {
            return;
        }
        match action {
            Action::Up => self.chicken = self.chicken.saturating_sub(1),
            Action::Down => self.chicken = (self.chicken + 1).min(LAST),
            _ => return,
        }
        self.move_timer = MOVE_INTERVAL;
    }

    /// Moves the cars, which send the chicken back if they meet it before or after.
    fn drive(&mut self) {
        for (lane, car) in (1..SIZE).zip(&mut self.cars) {
            let mut meets = car.x == CHICKEN_COLUMN;
            meets |= car.drive() && car.x == CHICKEN_COLUMN;
            if meets && lane == self.chicken {
                self.chicken = LAST;
            }
        }
    }
}

impl Game for Freeway {
    const NAME: &'static str = "MinAtar/Freeway";
    const CHANNELS: &'static [&'static str] =
        &["chicken", "car", "speed1", "speed2", "speed3", "speed4", "speed5"];
    const MINIMAL_ACTIONS: &'static [Action] = &[Action::Noop, Action::Up, Action::Down];

    /// All cars start in the first column.
    fn start<C: Chance>(chance: &mut C) -> Self {
        let cars = [Car::default(); LANES];
        let mut game = Self { chicken: LAST, move_timer: MOVE_INTERVAL, cars, steps_left: DURATION };
        game.draw_cars(chance);
        game
    }

    #[inline]
    fn step<C: Chance>(&mut self, action: Action, _ramping: bool, chance: &mut C) -> Step {
        if self.steps_left == 0 {
            return Step::terminated(0.0);
        }
        self.move_chicken(action);
        let arrives = self.chicken == 0;
        if arrives {
            self.draw_cars(chance);
            self.chicken = LAST;
        }
        self.drive();
        self.move_timer = self.move_timer.saturating_sub(1);
        self.steps_left -= 1;
        let reward = f64::from(u8::from(arrives));
        if self.steps_left == 0 { Step::terminated(reward) } else { Step::running(reward) }
    }

    #[inline]
    fn draw(&self, planes: &mut Planes<'_>) {
        planes.mark(CHICKEN, CHICKEN_COLUMN, self.chicken);
        for (lane, car) in (1..SIZE).zip(&self.cars) {
            planes.mark(CAR, car.x, lane);
            let channel = FIRST_SPEED - 1 + usize::from(car.wait);
            planes.mark(channel, around(car.x, !car.right), lane);
        }
    }

    fn is_sound(&self) -> bool {
        self.chicken <= LAST && self.cars.iter().all(|car| car.x <= LAST && (1..=SLOWEST).contains(&car.wait))
    }
}
