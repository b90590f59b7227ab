//! Breakout.

use serde::{Deserialize, Serialize};

use super::board::{LAST, beside};
use super::{Action, Chance, Game, Grid, Planes};
use crate::Step;

/// The row in which the ball starts.
const START_ROW: u8 = 3;
/// Where the paddle starts.
const START_PADDLE: u8 = 4;

/// Breakout: a paddle in the last row sends a ball back that breaks bricks, each of which gives 1.
///
/// The ball moves one square diagonally a step, and walls and ceiling reflect it. So does a brick, which is
/// gone then; but a ball that touched one in the step before flies through the next and leaves it. The paddle
/// reflects a ball that comes to the last row from above it, and sends one that comes down onto it back where
/// it came from; a ball that it does neither to ends the game. When the ball comes there and no bricks are
/// left, all three rows are laid again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breakout {
    /// The ball's column.
    pub ball_x: u8,
    /// The ball's row.
    pub ball_y: u8,
    /// Whether the ball flies to the right.
    pub right: bool,
    /// Whether the ball flies down.
    pub down: bool,
    /// The column in which the ball was a step ago.
    pub last_x: u8,
    /// The row in which the ball was a step ago.
    pub last_y: u8,
    /// The paddle's column.
    pub paddle: u8,
    /// The bricks that are left.
    pub bricks: Grid,
    /// Whether the ball touched a brick in the last step.
    pub touched: bool,
    /// Whether the game is over.
    pub over: bool,
}

const PADDLE: usize = 0;
const BALL: usize = 1;
const TRAIL: usize = 2;
const BRICK: usize = 3;

impl Breakout {
    fn wall() -> Grid {
        Grid::block((1, 4), (0, 10))
    }

    fn move_paddle(&mut self, action: Action) {
        let right = match action {
            Action::Left => false,
            Action::Right => true,
            _ => return,
        };
        self.paddle = beside(self.paddle, right).unwrap_or(self.paddle);
    }

    /// Moves the ball, and gives the reward.
    fn move_ball(&mut self) -> f64 {
        let (last_x, last_y) = (self.ball_x, self.ball_y);
        (self.last_x, self.last_y) = (last_x, last_y);
        match beside(last_x, self.right) {
            Some(x) => self.ball_x = x,
            None => self.right = !self.right,
        }
        let mut reward = 0.0;
        let mut touches = false;
        match beside(last_y, self.down) {
            None => self.down = !self.down,
            Some(y) if self.bricks.contains(self.ball_x, y) => {
                touches = true;
                if self.touched {
                    self.ball_y = y;
                } else {
                    reward = 1.0;
                    self.bricks.remove(self.ball_x, y);
                    self.down = !self.down;
                }
            }
            Some(LAST) => self.arrive(last_x),
            Some(y) => self.ball_y = y,
        }
        self.touched = touches;
        reward
    }

    /// The ball comes to the last row, from column `last_x`.
    fn arrive(&mut self, last_x: u8) {
        if self.bricks.is_empty() {
            self.bricks = Self::wall();
        }
        if last_x == self.paddle {
            self.down = false;
        } else if self.ball_x == self.paddle {
            self.down = false;
            self.right = !self.right;
        } else {
            self.ball_y = LAST;
            self.over = true;
        }
    }
}

impl Game for Breakout {
    const NAME: &'static str = "MinAtar/Breakout";
    const CHANNELS: &'static [&'static str] = &["paddle", "ball", "trail", "brick"];
    const MINIMAL_ACTIONS: &'static [Action] = &[Action::Noop, Action::Left, Action::Right];

    /// The ball starts in the left or the right corner, and flies towards the middle.
    fn start<C: Chance>(chance: &mut C) -> Self {
        let from_right = chance.below(2) == 1;
        let x = if from_right { LAST } else { 0 };
        Self {
            ball_x: x,
            ball_y: START_ROW,
            right: !from_right,
            down: true,
            last_x: x,
            last_y: START_ROW,
            paddle: START_PADDLE,
            bricks: Self::wall(),
            touched: false,
            over: false,
        }
    }

    #[inline]
    fn step<C: Chance>(&mut self, action: Action, _ramping: bool, _chance: &mut C) -> Step {
        if self.over {
            return Step::terminated(0.0);
        }
        self.move_paddle(action);
        let reward = self.move_ball();
        if self.over { Step::terminated(reward) } else { Step::running(reward) }
    }

    #[inline]
    fn draw(&self, planes: &mut Planes<'_>) {
        planes.mark(PADDLE, self.paddle, LAST);
        planes.mark(BALL, self.ball_x, self.ball_y);
        planes.mark(TRAIL, self.last_x, self.last_y);
        planes.mark_all(BRICK, &self.bricks);
    }

    fn is_sound(&self) -> bool {
        let places = [self.ball_x, self.ball_y, self.last_x, self.last_y, self.paddle];
        places.iter().all(|&place| place <= LAST) && self.bricks.is_sound()
    }
}
