//! Walking along a cliff.

use super::frozen_lake::walk;
use super::limits::CLIFF_LIMIT;
use super::{FiniteEnv, FiniteMdp, Transition};
use crate::TimeLimit;

/// Rows and columns.
const SHAPE: (usize, usize) = (4, 12);
const START: usize = 36;
const GOAL: usize = 47;

const N_ACTIONS: usize = 4;
/// How each action moves, as (rows, columns): up, right, down, left.
const MOVES: [(isize, isize); N_ACTIONS] = [(-1, 0), (0, 1), (1, 0), (0, -1)];

/// A walk on a grid of 4×12 from the lower left corner to the lower right one, between which there is a
/// cliff.
///
/// The state is row · 12 + column. Actions go up (0), right (1), down (2), left (3). Every step costs 1; one
/// into the cliff costs 100 and leads back to the start, without an end. Reaching the goal ends the
/// episode. The best return is −13. With [`with_slippery`](Self::with_slippery) a step goes where it was
/// meant to with probability 1/3, and to either side with 1/3 each, outcomes in the order of the directions
/// a − 1, a, a + 1, duplicates kept.
///
/// Sutton & Barto 2018, example 6.6; tables as in Gymnasium 1.4.0's CliffWalking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct CliffWalking {
    slippery: bool,
}

impl CliffWalking {
    /// CliffWalking-v1, not slippery, at most 200 steps.
    ///
    /// Gymnasium sets no limit, and a policy that has not learned yet walks and falls for thousands of
    /// steps. Ours is Taxi's and the large lake's: 15 times the shortest way.
    pub fn v1() -> TimeLimit<FiniteEnv> {
        TimeLimit::new(Self::default().env(), CLIFF_LIMIT)
    }

    /// Whether steps slip to the side.
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
        let mut initial = vec![0.0; SHAPE.0 * SHAPE.1];
        initial[START] = 1.0;
        FiniteMdp::new(SHAPE.0 * SHAPE.1, N_ACTIONS, initial, |s, a| self.row(s, a))
            .expect("a cliff is an MDP")
    }

    fn row(&self, state: usize, action: usize) -> Vec<Transition> {
        if !self.slippery {
            return vec![outcome(state, action, 1.0)];
        }
        let directions = [(action + 3) % N_ACTIONS, action, (action + 1) % N_ACTIONS];
        directions.map(|direction| outcome(state, direction, 1.0 / 3.0)).to_vec()
    }
}

fn outcome(state: usize, direction: usize, probability: f64) -> Transition {
    let next_state = walk(SHAPE, state, MOVES[direction]);
    if (START + 1..GOAL).contains(&next_state) {
        return Transition { probability, next_state: START, reward: -100.0, terminated: false };
    }
    Transition { probability, next_state, reward: -1.0, terminated: next_state == GOAL }
}
