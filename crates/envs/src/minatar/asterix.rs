//! Asterix.

use serde::{Deserialize, Serialize};

use super::board::{LAST, beside};
use super::{Action, Chance, Game, Planes, SIZE};
use crate::Step;

/// The rows in which things fly, from row 1 on.
const ROWS: usize = 8;
/// Where the player starts, as column and row.
const START: u8 = 5;
/// Steps between two things that appear, at the start.
const SPAWN_INTERVAL: u8 = 10;
/// Steps between two moves of the things, at the start.
const MOVE_INTERVAL: u8 = 5;
/// Steps that the countdown to the next level begins with.
const RAMP_INTERVAL: i8 = 100;
/// The probability that a thing is gold.
const GOLD: f64 = 1.0 / 3.0;

/// Asterix: things fly across eight rows, at most one a row. Gold gives 1, an enemy ends the game.
///
/// The player moves one square a step, within the rows of the things. Every few steps a thing appears at the
/// left or the right end of a free row, gold with probability 1/3, and every few steps all move one square.
/// What leaves the board is gone. A thing meets the player also where the player comes to its square.
///
/// With difficulty ramping, a level lasts 102 steps; with each the interval of appearance becomes one step
/// shorter, from 10 to 1, and with every other one the interval of moves, from 5 to 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asterix {
    /// The player's column.
    pub player_x: u8,
    /// The player's row, 1 to 8.
    pub player_y: u8,
    /// What flies in rows 1 to 8.
    pub entities: [Option<Entity>; ROWS],
    /// Steps between two things that appear.
    pub spawn_interval: u8,
    /// Steps until the next thing appears.
    pub spawn_timer: u8,
    /// Steps between two moves of the things.
    pub move_interval: u8,
    /// Steps until the things move.
    pub move_timer: u8,
    /// The countdown to the next level, which comes in the step after −1.
    pub ramp_timer: i8,
    /// The number of levels that are done.
    pub level: u8,
    /// Whether the game is over.
    pub over: bool,
}

/// Something that flies in a row of [`Asterix`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// Its column.
    pub x: u8,
    /// Whether it flies to the right.
    pub right: bool,
    /// Whether it is gold, and not an enemy.
    pub gold: bool,
}

const PLAYER: usize = 0;
const ENEMY: usize = 1;
const TRAIL: usize = 2;
const TREASURE: usize = 3;

impl Asterix {
    fn spawn<C: Chance>(&mut self, chance: &mut C) {
        let right = chance.happens(0.5);
        let gold = chance.happens(GOLD);
        let free = self.entities.iter().filter(|entity| entity.is_none()).count() as u8;
        if free == 0 {
            return;
        }
        let chosen = usize::from(chance.below(free));
        let x = if right { 0 } else { LAST };
        if let Some(row) = self.entities.iter_mut().filter(|entity| entity.is_none()).nth(chosen) {
            *row = Some(Entity { x, right, gold });
        }
    }

    fn move_player(&mut self, action: Action) {
        let (x, y) = (self.player_x, self.player_y);
        match action {
            Action::Left => self.player_x = beside(x, false).unwrap_or(x),
            Action::Right => self.player_x = beside(x, true).unwrap_or(x),
            Action::Up => self.player_y = (y - 1).max(1),
            Action::Down => self.player_y = (y + 1).min(LAST - 1),
            Action::Noop | Action::Fire => {}
        }
    }

    /// What happens if the player is on the square of the thing in its row; gives the reward.
    fn meet(&mut self) -> f64 {
        let row = &mut self.entities[usize::from(self.player_y - 1)];
        match *row {
            Some(Entity { x, gold, .. }) if x == self.player_x => {
                if gold {
                    *row = None;
                } else {
                    self.over = true;
                }
                f64::from(u8::from(gold))
            }
            _ => 0.0,
        }
    }

    fn move_entities(&mut self) {
        for row in &mut self.entities {
            *row = row.and_then(|entity| Some(Entity { x: beside(entity.x, entity.right)?, ..entity }));
        }
    }

    fn ramp(&mut self) {
        if self.spawn_interval <= 1 && self.move_interval <= 1 {
            return;
        }
        if self.ramp_timer >= 0 {
            self.ramp_timer -= 1;
            return;
        }
        if self.level % 2 == 1 {
            self.move_interval = (self.move_interval - 1).max(1);
        }
        self.spawn_interval = (self.spawn_interval - 1).max(1);
        self.level += 1;
        self.ramp_timer = RAMP_INTERVAL;
    }
}

impl Game for Asterix {
    const NAME: &'static str = "MinAtar/Asterix";
    const CHANNELS: &'static [&'static str] = &["player", "enemy", "trail", "gold"];
    const MINIMAL_ACTIONS: &'static [Action] =
        &[Action::Noop, Action::Left, Action::Up, Action::Right, Action::Down];

    fn start<C: Chance>(_chance: &mut C) -> Self {
        Self {
            player_x: START,
            player_y: START,
            entities: [None; ROWS],
            spawn_interval: SPAWN_INTERVAL,
            spawn_timer: SPAWN_INTERVAL,
            move_interval: MOVE_INTERVAL,
            move_timer: MOVE_INTERVAL,
            ramp_timer: RAMP_INTERVAL,
            level: 0,
            over: false,
        }
    }

    #[inline]
    fn step<C: Chance>(&mut self, action: Action, ramping: bool, chance: &mut C) -> Step {
        if self.over {
            return Step::terminated(0.0);
        }
        if self.spawn_timer == 0 {
            self.spawn(chance);
            self.spawn_timer = self.spawn_interval;
        }
        self.move_player(action);
        let mut reward = self.meet();
        if self.move_timer == 0 {
            self.move_entities();
            self.move_timer = self.move_interval;
            reward += self.meet();
        }
        self.spawn_timer -= 1;
        self.move_timer -= 1;
        if ramping {
            self.ramp();
        }
        if self.over { Step::terminated(reward) } else { Step::running(reward) }
    }

    #[inline]
    fn draw(&self, planes: &mut Planes<'_>) {
        planes.mark(PLAYER, self.player_x, self.player_y);
        for (y, entity) in (1..SIZE).zip(&self.entities) {
            let Some(entity) = entity else { continue };
            planes.mark(if entity.gold { TREASURE } else { ENEMY }, entity.x, y);
            if let Some(behind) = beside(entity.x, !entity.right) {
                planes.mark(TRAIL, behind, y);
            }
        }
    }

    fn is_sound(&self) -> bool {
        self.player_x <= LAST
            && (1..LAST).contains(&self.player_y)
            && self.entities.iter().flatten().all(|entity| entity.x <= LAST)
            && self.spawn_interval > 0
            && self.move_interval > 0
            && self.ramp_timer >= -1
            && self.level < SPAWN_INTERVAL
    }
}
