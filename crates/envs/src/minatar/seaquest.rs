//! Seaquest.

mod water;

use serde::{Deserialize, Serialize};

use super::board::{LAST, beside};
use super::{Action, Chance, Game, Planes};
use crate::Step;
use water::Placed;

/// Where the submarine starts, at the surface.
const START: u8 = 5;
/// The deepest row that can be reached; below it is the gauge of the air.
const DEEPEST: u8 = LAST - 1;
/// The air of a full tank, a unit a step under water.
const FULL_TANK: i16 = 200;
/// The squares that show a full tank, and the reward for it when six divers are brought up.
const GAUGE: i16 = 10;
/// The most divers on board.
const MOST_DIVERS: i32 = 6;
/// Steps from one shot to the next that can be fired.
const SHOT_INTERVAL: u8 = 5;
/// Steps between two shots of an enemy submarine, less the one in which it fires.
const ENEMY_SHOT_INTERVAL: u8 = 10;
/// Steps between two enemies that appear, at the start.
const ENEMY_INTERVAL: u8 = 20;
/// Steps between two divers that appear.
const DIVER_INTERVAL: u8 = 30;
/// Steps that an enemy waits between two moves, at the start, and the least that later levels come to.
const ENEMY_WAIT: u8 = 5;
const LEAST_ENEMY_WAIT: u8 = 2;
/// Steps that a diver waits between two moves.
const DIVER_WAIT: u8 = 5;
/// The probability that an enemy is a submarine.
const SUBMARINE: f64 = 1.0 / 3.0;
/// The most there is of anything in a usual game, so that no step has to allocate.
const ROOM: usize = 64;

/// Seaquest: a submarine shoots fish and other submarines, each of which gives 1, and brings up divers.
///
/// The submarine moves one square a step and looks where it went sideways last; its bullets fly the same way,
/// a square a step. Enemies and divers come from the left or the right in rows 1 to 8 and leave on the other
/// side; enemy submarines shoot ahead. No enemy comes in a row in which another comes the opposite way. A
/// bullet hits what it flies onto and what swims onto it. An enemy or a bullet that meets the submarine ends
/// the game; so does an empty tank.
///
/// A step under water costs one of 200 units of air. At the surface the tank is filled and one diver leaves,
/// but without any on board the game is over. Six divers, the most on board, give a reward there, one for
/// each 20 units of air that are left, and all leave. As in MinAtar's package one more is counted off then, as
/// at any other time, which leaves −1; only a count of exactly 0 ends the game at the surface.
///
/// With difficulty ramping, the interval in which enemies come becomes one step shorter each time the surface
/// is reached, from 20 to 1, and every other time that between their moves, from 5 to 2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seaquest {
    /// The submarine's column.
    pub x: u8,
    /// The submarine's row, 0 at the surface.
    pub y: u8,
    /// Whether the submarine looks to the right.
    pub right: bool,
    /// What is left of the air.
    pub oxygen: i16,
    /// Divers on board, or less than none after six were brought up.
    pub n_divers: i32,
    /// Whether the submarine has been at the surface since it was under water last.
    pub surfaced: bool,
    /// Steps until it can fire.
    pub shot_timer: u8,
    /// Its bullets.
    pub bullets: Vec<Bullet>,
    /// The enemies' bullets.
    pub enemy_bullets: Vec<Bullet>,
    /// Enemy fish.
    pub fish: Vec<Swimmer>,
    /// Enemy submarines.
    pub submarines: Vec<Submarine>,
    /// Divers in the water.
    pub divers: Vec<Swimmer>,
    /// Steps between two enemies that appear.
    pub enemy_interval: u8,
    /// Steps until the next enemy appears.
    pub enemy_timer: u8,
    /// Steps until the next diver appears.
    pub diver_timer: u8,
    /// Steps that an enemy waits between two moves.
    pub enemy_wait: u8,
    /// The number of levels that are done.
    pub level: u8,
    /// Whether the game is over.
    pub over: bool,
}

/// A bullet of [`Seaquest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bullet {
    /// Its column.
    pub x: u8,
    /// Its row.
    pub y: u8,
    /// Whether it flies to the right.
    pub right: bool,
}

/// A fish or a diver of [`Seaquest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swimmer {
    /// Its column.
    pub x: u8,
    /// Its row.
    pub y: u8,
    /// Whether it swims to the right.
    pub right: bool,
    /// Steps until it moves.
    pub timer: u8,
}

/// An enemy submarine of [`Seaquest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submarine {
    /// Where it is and how it moves.
    pub hull: Swimmer,
    /// Steps until it shoots.
    pub shot_timer: u8,
}

const SUB_FRONT: usize = 0;
const SUB_BACK: usize = 1;
const BULLET: usize = 2;
const TRAIL: usize = 3;
const ENEMY_BULLET: usize = 4;
const ENEMY_FISH: usize = 5;
const ENEMY_SUB: usize = 6;
const OXYGEN_GAUGE: usize = 7;
const DIVER_GAUGE: usize = 8;
const DIVER: usize = 9;

/// A game at its start, for which no memory is taken yet.
impl Default for Seaquest {
    fn default() -> Self {
        Self {
            x: START,
            y: 0,
            right: false,
            oxygen: FULL_TANK,
            n_divers: 0,
            surfaced: true,
            shot_timer: 0,
            bullets: Vec::new(),
            enemy_bullets: Vec::new(),
            fish: Vec::new(),
            submarines: Vec::new(),
            divers: Vec::new(),
            enemy_interval: ENEMY_INTERVAL,
            enemy_timer: ENEMY_INTERVAL,
            diver_timer: DIVER_INTERVAL,
            enemy_wait: ENEMY_WAIT,
            level: 0,
            over: false,
        }
    }
}

/// An empty list in the memory of a list.
fn emptied<T>(mut list: Vec<T>) -> Vec<T> {
    list.clear();
    list
}

impl Seaquest {
    fn act(&mut self, action: Action) {
        match action {
            Action::Noop => {}
            Action::Left | Action::Right => {
                self.right = action == Action::Right;
                self.x = beside(self.x, self.right).unwrap_or(self.x);
            }
            Action::Up => self.y = self.y.saturating_sub(1),
            Action::Down => self.y = (self.y + 1).min(DEEPEST),
            Action::Fire if self.shot_timer == 0 => {
                self.bullets.push(Bullet { x: self.x, y: self.y, right: self.right });
                self.shot_timer = SHOT_INTERVAL;
            }
            Action::Fire => {}
        }
    }

    /// Uses air, or comes up; gives the reward for six divers.
    fn breathe(&mut self, ramping: bool) -> u32 {
        self.over |= self.oxygen <= 0;
        if self.y > 0 {
            self.oxygen -= 1;
            self.surfaced = false;
            return 0;
        }
        if self.surfaced {
            return 0;
        }
        if self.n_divers == 0 {
            self.over = true;
            return 0;
        }
        self.surfaced = true;
        let mut reward = 0;
        if self.n_divers == MOST_DIVERS {
            reward = self.gauge();
            self.n_divers = 0;
        }
        self.n_divers = self.n_divers.saturating_sub(1);
        self.oxygen = FULL_TANK;
        if ramping {
            self.ramp();
        }
        reward.into()
    }

    /// The squares of the gauge that the air fills.
    #[inline]
    fn gauge(&self) -> u8 {
        (self.oxygen.max(0) * GAUGE / FULL_TANK) as u8
    }

    fn ramp(&mut self) {
        if self.enemy_interval <= 1 && self.enemy_wait <= LEAST_ENEMY_WAIT {
            return;
        }
        if self.level % 2 == 1 {
            self.enemy_wait = (self.enemy_wait - 1).max(LEAST_ENEMY_WAIT);
        }
        self.enemy_interval = (self.enemy_interval - 1).max(1);
        self.level += 1;
    }

    #[inline]
    fn draw_swimmer(planes: &mut Planes<'_>, channel: usize, swimmer: &Swimmer) {
        planes.mark(channel, swimmer.x, swimmer.y);
        if let Some(behind) = beside(swimmer.x, !swimmer.right) {
            planes.mark(TRAIL, behind, swimmer.y);
        }
    }
}

impl Game for Seaquest {
    const NAME: &'static str = "MinAtar/Seaquest";
    const CHANNELS: &'static [&'static str] = &[
        "sub_front",
        "sub_back",
        "friendly_bullet",
        "trail",
        "enemy_bullet",
        "enemy_fish",
        "enemy_sub",
        "oxygen_gauge",
        "diver_gauge",
        "diver",
    ];
    const MINIMAL_ACTIONS: &'static [Action] = &Action::ALL;

    fn start<C: Chance>(_chance: &mut C) -> Self {
        Self {
            bullets: Vec::with_capacity(ROOM),
            enemy_bullets: Vec::with_capacity(ROOM),
            fish: Vec::with_capacity(ROOM),
            submarines: Vec::with_capacity(ROOM),
            divers: Vec::with_capacity(ROOM),
            ..Self::default()
        }
    }

    fn restart<C: Chance>(&mut self, _chance: &mut C) {
        let old = std::mem::take(self);
        *self = Self {
            bullets: emptied(old.bullets),
            enemy_bullets: emptied(old.enemy_bullets),
            fish: emptied(old.fish),
            submarines: emptied(old.submarines),
            divers: emptied(old.divers),
            ..Self::default()
        };
    }

    #[inline]
    fn step<C: Chance>(&mut self, action: Action, ramping: bool, chance: &mut C) -> Step {
        if self.over {
            return Step::terminated(0.0);
        }
        self.spawn(chance);
        self.act(action);
        let mut reward = self.move_bullets();
        self.move_divers();
        reward += self.move_submarines();
        self.move_enemy_bullets();
        reward += self.move_fish();
        self.enemy_timer -= 1;
        self.diver_timer -= 1;
        self.shot_timer = self.shot_timer.saturating_sub(1);
        reward += self.breathe(ramping);
        let reward = f64::from(reward);
        if self.over { Step::terminated(reward) } else { Step::running(reward) }
    }

    #[inline]
    fn draw(&self, planes: &mut Planes<'_>) {
        planes.mark(SUB_FRONT, self.x, self.y);
        if let Some(back) = beside(self.x, !self.right) {
            planes.mark(SUB_BACK, back, self.y);
        }
        (0..self.gauge()).for_each(|x| planes.mark(OXYGEN_GAUGE, x, LAST));
        (0..self.n_divers.max(0) as u8).for_each(|i| planes.mark(DIVER_GAUGE, LAST - 1 - i, LAST));
        self.bullets.iter().for_each(|bullet| planes.mark(BULLET, bullet.x, bullet.y));
        self.enemy_bullets.iter().for_each(|bullet| planes.mark(ENEMY_BULLET, bullet.x, bullet.y));
        self.fish.iter().for_each(|fish| Self::draw_swimmer(planes, ENEMY_FISH, fish));
        for submarine in &self.submarines {
            Self::draw_swimmer(planes, ENEMY_SUB, &submarine.hull);
        }
        self.divers.iter().for_each(|diver| Self::draw_swimmer(planes, DIVER, diver));
    }

    fn is_sound(&self) -> bool {
        let on_board = |&(x, y): &(u8, u8)| x <= LAST && y <= DEEPEST;
        let bullets = self.bullets.iter().chain(&self.enemy_bullets).map(Placed::place);
        let swimmers = self.fish.iter().chain(&self.divers).map(Placed::place);
        let mut places = bullets.chain(swimmers).chain(self.submarines.iter().map(Placed::place));
        on_board(&self.place())
            && places.all(|place| on_board(&place))
            && (..=FULL_TANK).contains(&self.oxygen)
            && self.n_divers <= MOST_DIVERS
            && self.enemy_interval > 0
            && self.enemy_wait > 0
            && self.level < ENEMY_INTERVAL
    }
}
