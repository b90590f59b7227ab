//! Squares: sets of them, and planes of an observation.

use serde::{Deserialize, Serialize};

/// The rows, and the columns, of a board.
pub const SIZE: u8 = 10;
/// The last row or column.
pub(super) const LAST: u8 = SIZE - 1;
/// All squares of a row.
const WHOLE_ROW: u16 = (1 << SIZE) - 1;

/// The column one step to the right or to the left of `x`, unless that leaves the board.
#[inline]
pub(super) fn beside(x: u8, right: bool) -> Option<u8> {
    if right { (x < LAST).then(|| x + 1) } else { x.checked_sub(1) }
}

/// A set of squares, a number a row whose bit x is column x.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Grid([u16; SIZE as usize]);

impl Grid {
    /// The squares of the rows from `top` and the columns from `left`, each range without its end.
    #[inline]
    pub(super) fn block((top, bottom): (u8, u8), (left, right): (u8, u8)) -> Self {
        let row = (1 << right) - (1 << left);
        let mut grid = Self::default();
        grid.0[usize::from(top)..usize::from(bottom)].fill(row);
        grid
    }

    /// Whether the square in column `x` and row `y` is in the set.
    ///
    /// # Panics
    /// When there is no such row.
    #[inline]
    pub fn contains(&self, x: u8, y: u8) -> bool {
        self.0[usize::from(y)] >> x & 1 == 1
    }

    /// Adds the square in column `x` and row `y`.
    ///
    /// # Panics
    /// When there is no such square.
    #[inline]
    pub fn insert(&mut self, x: u8, y: u8) {
        assert!(x < SIZE, "column {x}");
        self.0[usize::from(y)] |= 1 << x;
    }

    /// Takes the square in column `x` and row `y` out.
    ///
    /// # Panics
    /// When there is no such row.
    #[inline]
    pub fn remove(&mut self, x: u8, y: u8) {
        self.0[usize::from(y)] &= !(1 << x);
    }

    /// Whether no square is in the set.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|row| *row == 0)
    }

    /// The number of squares.
    #[inline]
    pub fn len(&self) -> u8 {
        self.0.iter().map(|row| row.count_ones() as u8).sum()
    }

    /// The squares as (x, y), row by row.
    pub fn iter(&self) -> impl Iterator<Item = (u8, u8)> {
        (0..SIZE).flat_map(|y| (0..SIZE).map(move |x| (x, y))).filter(|&(x, y)| self.contains(x, y))
    }

    /// The columns that hold a square of the set, as bits.
    #[inline]
    pub(super) fn columns(&self) -> u16 {
        self.0.iter().fold(0, |all, row| all | row)
    }

    /// The lowest square of a column.
    #[inline]
    pub(super) fn lowest(&self, x: u8) -> Option<u8> {
        (0..SIZE).rev().find(|&y| self.contains(x, y))
    }

    /// Whether the last row holds a square of the set.
    #[inline]
    pub(super) fn has_landed(&self) -> bool {
        self.0[usize::from(LAST)] != 0
    }

    /// One row up; what was in the first is gone.
    #[inline]
    pub(super) fn rise(&mut self) {
        self.0.copy_within(1.., 0);
        self.0[usize::from(LAST)] = 0;
    }

    /// One row down; what was in the last is gone.
    #[inline]
    pub(super) fn fall(&mut self) {
        self.roll_down();
        self.0[0] = 0;
    }

    /// One row down; what was in the last appears in the first.
    #[inline]
    pub(super) fn roll_down(&mut self) {
        self.0.rotate_right(1);
    }

    /// One column aside; what leaves on one side appears on the other.
    #[inline]
    pub(super) fn roll(&mut self, right: bool) {
        for row in &mut self.0 {
            let moved = if right { *row << 1 | *row >> LAST } else { *row >> 1 | *row << LAST };
            *row = moved & WHOLE_ROW;
        }
    }

    /// Takes the squares that both sets hold out of both, and gives their number.
    #[inline]
    pub(super) fn cancel(&mut self, other: &mut Self) -> u32 {
        let mut both = 0;
        for (row, row_other) in self.0.iter_mut().zip(&mut other.0) {
            let common = *row & *row_other;
            both += common.count_ones();
            *row &= !common;
            *row_other &= !common;
        }
        both
    }

    /// Whether every square is one of the board.
    pub(super) fn is_sound(&self) -> bool {
        self.0.iter().all(|row| row & !WHOLE_ROW == 0)
    }
}

/// The planes of an observation, `[channels, 10, 10]`.
#[derive(Debug)]
pub struct Planes<'a>(&'a mut [f32]);

impl<'a> Planes<'a> {
    const SQUARES: usize = SIZE as usize * SIZE as usize;

    /// Empties `row`, whose length is a hundred a channel, and takes it for the planes.
    #[inline]
    pub fn empty(row: &'a mut [f32]) -> Self {
        row.fill(0.0);
        Self(row)
    }

    /// Marks the square in column `x` and row `y` of a channel.
    ///
    /// # Panics
    /// When there is no such square.
    #[inline]
    pub fn mark(&mut self, channel: usize, x: u8, y: u8) {
        debug_assert!(x < SIZE && y < SIZE, "square ({x}, {y})");
        self.0[channel * Self::SQUARES + usize::from(y) * usize::from(SIZE) + usize::from(x)] = 1.0;
    }

    /// Marks all squares of a set.
    ///
    /// # Panics
    /// When there is no such channel.
    #[inline]
    pub fn mark_all(&mut self, channel: usize, grid: &Grid) {
        for (y, &row) in (0..SIZE).zip(&grid.0) {
            let mut left = row;
            while left != 0 {
                self.mark(channel, left.trailing_zeros() as u8, y);
                left &= left - 1;
            }
        }
    }
}
