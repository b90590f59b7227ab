//! Space Invaders.

use serde::{Deserialize, Serialize};

use super::board::{LAST, beside};
use super::{Action, Chance, Game, Grid, Planes};
use crate::Step;

/// Where the cannon starts.
const START: u8 = 5;
/// Steps from one shot of the cannon to the next that it can fire.
const SHOT_INTERVAL: u8 = 5;
/// Steps between two shots of the aliens.
const ALIEN_SHOT_INTERVAL: u8 = 10;
/// Steps between two moves of the aliens in the first wave, and the least that later waves come to.
const MOVE_INTERVAL: u8 = 12;
const LEAST_MOVE_INTERVAL: u8 = 6;

/// Space Invaders: a cannon in the last row shoots at aliens that come down, each of which gives 1.
///
/// The aliens move aside together, as often as their interval says, and when there are fewer of them than
/// that, as often as their number. At a side wall they come down one row and turn. Every tenth step the
/// lowest alien of the column next to the cannon shoots, the left one of two that are equally near. Bullets
/// fly one square a step; one that is on an alien's square when all have moved takes it along. When no alien
/// is left, the next wave stands where the first did, and goes on in the direction and with the timer of the
/// last. The game is over when a bullet or an alien meets the cannon, or when aliens turn in the last row.
///
/// With difficulty ramping, each wave moves one step more often than the one before, down to every sixth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceInvaders {
    /// The cannon's column.
    pub cannon: u8,
    /// The cannon's bullets.
    pub bullets: Grid,
    /// The aliens' bullets.
    pub alien_bullets: Grid,
    /// The aliens.
    pub aliens: Grid,
    /// Whether the aliens move to the right.
    pub right: bool,
    /// Steps between two moves of many aliens.
    pub move_interval: u8,
    /// Steps until the aliens move.
    pub move_timer: u8,
    /// Steps until an alien shoots.
    pub alien_shot_timer: u8,
    /// Steps until the cannon can fire.
    pub shot_timer: u8,
    /// Whether the game is over.
    pub over: bool,
}

const CANNON: usize = 0;
const ALIEN: usize = 1;
const ALIEN_LEFT: usize = 2;
const ALIEN_RIGHT: usize = 3;
const BULLET: usize = 4;
const ALIEN_BULLET: usize = 5;

impl SpaceInvaders {
    fn wave() -> Grid {
        Grid::block((0, 4), (2, 8))
    }

    fn act(&mut self, action: Action) {
        let x = self.cannon;
        match action {
            Action::Left => self.cannon = beside(x, false).unwrap_or(x),
            Action::Right => self.cannon = beside(x, true).unwrap_or(x),
            Action::Fire if self.shot_timer == 0 => {
                self.bullets.insert(x, LAST);
                self.shot_timer = SHOT_INTERVAL;
            }
            _ => {}
        }
    }

    fn move_bullets(&mut self) {
        self.bullets.rise();
        self.alien_bullets.fall();
        self.over |= self.alien_bullets.contains(self.cannon, LAST);
    }

    /// Moves the aliens when it is time, and looks whether one is on the cannon before and after.
    fn move_aliens(&mut self) {
        self.over |= self.aliens.contains(self.cannon, LAST);
        if self.move_timer > 0 {
            return;
        }
        self.move_timer = self.aliens.len().min(self.move_interval);
        let wall = if self.right { LAST } else { 0 };
        if self.aliens.columns() >> wall & 1 == 1 {
            self.right = !self.right;
            self.over |= self.aliens.has_landed();
            self.aliens.roll_down();
        } else {
            self.aliens.roll(self.right);
        }
        self.over |= self.aliens.contains(self.cannon, LAST);
    }

    fn shoot_back(&mut self) {
        if self.alien_shot_timer > 0 {
            return;
        }
        self.alien_shot_timer = ALIEN_SHOT_INTERVAL;
        let columns = self.aliens.columns();
        let nearest = (0..=LAST).filter(|x| columns >> x & 1 == 1).min_by_key(|x| x.abs_diff(self.cannon));
        if let Some((x, y)) = nearest.and_then(|x| Some((x, self.aliens.lowest(x)?))) {
            self.alien_bullets.insert(x, y);
        }
    }

    fn next_wave(&mut self, ramping: bool) {
        if ramping && self.move_interval > LEAST_MOVE_INTERVAL {
            self.move_interval -= 1;
        }
        self.aliens = Self::wave();
    }
}

impl Game for SpaceInvaders {
    const NAME: &'static str = "MinAtar/SpaceInvaders";
    const CHANNELS: &'static [&'static str] =
        &["cannon", "alien", "alien_left", "alien_right", "friendly_bullet", "enemy_bullet"];
    const MINIMAL_ACTIONS: &'static [Action] = &[Action::Noop, Action::Left, Action::Right, Action::Fire];

    fn start<C: Chance>(_chance: &mut C) -> Self {
        Self {
            cannon: START,
            bullets: Grid::default(),
            alien_bullets: Grid::default(),
            aliens: Self::wave(),
            right: false,
            move_interval: MOVE_INTERVAL,
            move_timer: MOVE_INTERVAL,
            alien_shot_timer: ALIEN_SHOT_INTERVAL,
            shot_timer: 0,
            over: false,
        }
    }

    #[inline]
    fn step<C: Chance>(&mut self, action: Action, ramping: bool, _chance: &mut C) -> Step {
        if self.over {
            return Step::terminated(0.0);
        }
        self.act(action);
        self.move_bullets();
        self.move_aliens();
        self.shoot_back();
        let reward = f64::from(self.aliens.cancel(&mut self.bullets));
        self.shot_timer = self.shot_timer.saturating_sub(1);
        self.move_timer -= 1;
        self.alien_shot_timer -= 1;
        if self.aliens.is_empty() {
            self.next_wave(ramping);
        }
        if self.over { Step::terminated(reward) } else { Step::running(reward) }
    }

    #[inline]
    fn draw(&self, planes: &mut Planes<'_>) {
        planes.mark(CANNON, self.cannon, LAST);
        planes.mark_all(ALIEN, &self.aliens);
        planes.mark_all(if self.right { ALIEN_RIGHT } else { ALIEN_LEFT }, &self.aliens);
        planes.mark_all(BULLET, &self.bullets);
        planes.mark_all(ALIEN_BULLET, &self.alien_bullets);
    }

    fn is_sound(&self) -> bool {
        let grids = [&self.bullets, &self.alien_bullets, &self.aliens];
        self.cannon <= LAST
            && grids.iter().all(|grid| grid.is_sound())
            && !self.aliens.is_empty()
            && self.move_interval > 0
    }
}
