//! Crossing a frozen lake.

use super::limits::{LIMIT_4X4, LIMIT_8X8};
use super::{FiniteEnv, FiniteMdp, Transition};
use crate::{EnvError, TimeLimit};

const MAP_4X4: [&str; 4] = ["SFFF", "FHFH", "FFFH", "HFFG"];
const MAP_8X8: [&str; 8] =
    ["SFFFFFFF", "FFFFFFFF", "FFFHFFFF", "FFFFFHFF", "FFFHFFFF", "FHHFFFHF", "FHFFHFHF", "FFFHFFFG"];

const N_ACTIONS: usize = 4;
/// How each action moves, as (rows, columns): left, down, right, up.
const MOVES: [(isize, isize); N_ACTIONS] = [(0, -1), (1, 0), (0, 1), (-1, 0)];

/// A walk over a frozen lake, from the start to the goal and around the holes; the ice is slippery.
///
/// The state is row · columns + column. Actions go left (0), down (1), right (2), up (3); the edge of the
/// map stops a step. On slippery ice the step goes in the direction meant with probability 1/3, and to
/// either side of it with 1/3 each. Reaching the goal gives 1 and ends the episode, a hole gives 0 and ends
/// it, all else gives 0. On a hole or the goal, every action stays and ends the episode again.
///
/// Tables as in Gymnasium 1.4.0's FrozenLake, outcomes in its order: those of the directions before, at and
/// after the one meant (a − 1, a, a + 1), duplicates kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrozenLake {
    tiles: Vec<Tile>,
    n_columns: usize,
    slippery: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tile {
    Start,
    Frozen,
    Hole,
    Goal,
}

impl FrozenLake {
    /// FrozenLake-v1: the slippery 4×4 lake, at most 100 steps. The optimal success rate is 0.744.
    pub fn v1() -> TimeLimit<FiniteEnv> {
        TimeLimit::new(Self::four_by_four().env(), LIMIT_4X4)
    }

    /// FrozenLake8x8-v1: the slippery 8×8 lake, at most 200 steps. The optimal success rate is 0.913.
    pub fn v1_8x8() -> TimeLimit<FiniteEnv> {
        TimeLimit::new(Self::eight_by_eight().env(), LIMIT_8X8)
    }

    /// The 4×4 lake, slippery.
    pub fn four_by_four() -> Self {
        Self::from_map(&MAP_4X4).expect("a map of this file")
    }

    /// The 8×8 lake, slippery.
    pub fn eight_by_eight() -> Self {
        Self::from_map(&MAP_8X8).expect("a map of this file")
    }

    /// A lake of one's own, slippery: its rows, in letters `S` (start), `F` (frozen), `H` (hole) and `G`
    /// (goal). An episode begins on one of the starts, each as likely as the others.
    ///
    /// # Errors
    /// When the map is empty, its rows differ in length, a letter is another, or there is no start.
    pub fn from_map(rows: &[&str]) -> Result<Self, EnvError> {
        let n_columns = rows.first().map_or(0, |row| row.len());
        let mut tiles = Vec::new();
        for (i, row) in rows.iter().enumerate() {
            for letter in row.chars() {
                tiles.push(match letter {
                    'S' => Tile::Start,
                    'F' => Tile::Frozen,
                    'H' => Tile::Hole,
                    'G' => Tile::Goal,
                    other => {
                        return Err(EnvError::setup(format!(
                            "row {i} of the lake has the letter {other:?}; known are S, F, H and G"
                        )));
                    }
                });
            }
            if row.len() != n_columns {
                let message = format!("row {i} of the lake has {} tiles, row 0 has {n_columns}", row.len());
                return Err(EnvError::setup(message));
            }
        }
        if !tiles.contains(&Tile::Start) {
            return Err(EnvError::setup("the lake has no start, a tile S"));
        }
        Ok(Self { tiles, n_columns, slippery: true })
    }

    /// Whether the ice is slippery; if it is not, every step goes where it was meant to.
    pub fn with_slippery(mut self, slippery: bool) -> Self {
        self.slippery = slippery;
        self
    }

    /// The environment, without a time limit.
    pub fn env(&self) -> FiniteEnv {
        FiniteEnv::new(self.mdp())
    }

    /// The table.
    pub fn mdp(&self) -> FiniteMdp {
        let is_start = |tile: &Tile| *tile == Tile::Start;
        let n_starts = self.tiles.iter().filter(|tile| is_start(tile)).count() as f64;
        let initial = self.tiles.iter().map(|tile| if is_start(tile) { 1.0 / n_starts } else { 0.0 });
        FiniteMdp::new(self.tiles.len(), N_ACTIONS, initial.collect(), |s, a| self.row(s, a))
            .expect("a lake is an MDP")
    }

    fn row(&self, state: usize, action: usize) -> Vec<Transition> {
        if matches!(self.tiles[state], Tile::Hole | Tile::Goal) {
            return vec![Transition::certain(state, 0.0, true)];
        }
        if !self.slippery {
            return vec![self.outcome(state, action, 1.0)];
        }
        // Rounded as Gymnasium 1.4.0 does: the success rate first, and half of what is left for each side.
        let straight = 1.0 / 3.0;
        let aside = (1.0 - straight) / 2.0;
        let [before, after] = [(action + 3) % N_ACTIONS, (action + 1) % N_ACTIONS];
        vec![
            self.outcome(state, before, aside),
            self.outcome(state, action, straight),
            self.outcome(state, after, aside),
        ]
    }

    fn outcome(&self, state: usize, direction: usize, probability: f64) -> Transition {
        let n_rows = self.tiles.len() / self.n_columns;
        let next_state = walk((n_rows, self.n_columns), state, MOVES[direction]);
        let tile = self.tiles[next_state];
        let reward = if tile == Tile::Goal { 1.0 } else { 0.0 };
        let terminated = matches!(tile, Tile::Hole | Tile::Goal);
        Transition { probability, next_state, reward, terminated }
    }
}

/// The state one move from `state` on a grid of `shape` (rows, columns), which its edges confine.
pub(super) fn walk(shape: (usize, usize), state: usize, (down, right): (isize, isize)) -> usize {
    let row = (state / shape.1).saturating_add_signed(down).min(shape.0 - 1);
    let column = (state % shape.1).saturating_add_signed(right).min(shape.1 - 1);
    row * shape.1 + column
}
