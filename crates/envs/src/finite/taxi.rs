//! Driving a taxi.

use super::frozen_lake::walk;
use super::limits::TAXI_LIMIT;
use super::{FiniteEnv, FiniteMdp, Transition};
use crate::TimeLimit;

/// Rows and columns.
const SHAPE: (usize, usize) = (5, 5);
/// The squares where passengers wait and go, as row · 5 + column: red, green, yellow, blue.
const STANDS: [usize; 4] = [0, 4, 20, 23];
/// The squares with a wall to their right.
const WALLS: [usize; 6] = [1, 6, 15, 17, 20, 22];
/// Where the passenger is, beside the stands 0 to 3.
const IN_TAXI: usize = 4;

const N_PLACES: usize = 5;
const N_STATES: usize = SHAPE.0 * SHAPE.1 * N_PLACES * STANDS.len();
const N_ACTIONS: usize = 6;
const PICK_UP: usize = 4;
/// How each of the first four actions moves, as (rows, columns): south, north, east, west.
const MOVES: [(isize, isize); 4] = [(1, 0), (-1, 0), (0, 1), (0, -1)];

/// A taxi in a town of 5×5 squares with some walls, which has to fetch a passenger at one of four stands
/// and to set them down at another.
///
/// The state is ((row · 5 + column) · 5 + passenger) · 4 + destination, where the passenger waits at stand 0
/// to 3 or is in the taxi (4): 500 states. Actions go south (0), north (1), east (2), west (3), pick up (4)
/// and drop off (5). Every step costs 1, a wrong pick-up or drop-off 10; setting the passenger down at the
/// destination gives 20 and ends the episode. A drop-off at another stand is allowed, and costs 1. An
/// episode starts with the taxi anywhere and the passenger at a stand that is not the destination, all 300
/// such states being equally likely.
///
/// Dietterich 2000; tables as in Gymnasium 1.4.0's Taxi without its options (rain, a fickle passenger).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Taxi;

#[derive(Clone, Copy)]
struct Town {
    square: usize,
    passenger: usize,
    destination: usize,
}

impl Taxi {
    /// Taxi-v4: at most 200 steps. The optimal mean return is 7.93.
    pub fn v4() -> TimeLimit<FiniteEnv> {
        TimeLimit::new(Self.env(), TAXI_LIMIT)
    }

    /// Taxi-v4 with [`action_mask`](Self::action_mask): what changes nothing is forbidden. The optimum is
    /// the same.
    pub fn v4_masked() -> TimeLimit<FiniteEnv> {
        let env = Self.env().with_action_mask(Self.action_mask()).expect("a mask of the taxi");
        TimeLimit::new(env, TAXI_LIMIT)
    }

    /// The environment, without a time limit and without a mask.
    pub fn env(&self) -> FiniteEnv {
        FiniteEnv::new(self.mdp())
    }

    /// The table.
    pub fn mdp(&self) -> FiniteMdp {
        let is_start = |s| {
            let town = Town::decode(s);
            town.passenger != IN_TAXI && town.passenger != town.destination
        };
        let n_starts = (0..N_STATES).filter(|&s| is_start(s)).count() as f64;
        let initial = (0..N_STATES).map(|s| if is_start(s) { 1.0 / n_starts } else { 0.0 });
        FiniteMdp::new(N_STATES, N_ACTIONS, initial.collect(), |s, a| vec![Town::decode(s).act(a)])
            .expect("a town is an MDP")
    }

    /// Which actions change the state, `[500, 6]`: the mask that Gymnasium gives beside each observation.
    ///
    /// Gymnasium takes the other actions nevertheless; [`FiniteEnv::with_action_mask`] makes them errors.
    pub fn action_mask(&self) -> Vec<bool> {
        let changes = |s: usize, a: usize| Town::decode(s).act(a).next_state != s;
        (0..N_STATES).flat_map(|s| (0..N_ACTIONS).map(move |a| changes(s, a))).collect()
    }
}

impl Town {
    fn decode(state: usize) -> Self {
        Self {
            square: state / (N_PLACES * STANDS.len()),
            passenger: state / STANDS.len() % N_PLACES,
            destination: state % STANDS.len(),
        }
    }

    fn encode(self) -> usize {
        (self.square * N_PLACES + self.passenger) * STANDS.len() + self.destination
    }

    fn act(self, action: usize) -> Transition {
        let (town, reward, terminated) = match action {
            PICK_UP => self.pick_up(),
            _ if action > PICK_UP => self.drop_off(),
            _ => (self.drive(action), -1.0, false),
        };
        Transition::certain(town.encode(), reward, terminated)
    }

    fn drive(self, action: usize) -> Self {
        let square = walk(SHAPE, self.square, MOVES[action]);
        // Between two squares of a row there may be a wall, to the right of the western one.
        let walled = square.abs_diff(self.square) == 1 && WALLS.contains(&square.min(self.square));
        if walled { self } else { Self { square, ..self } }
    }

    fn pick_up(self) -> (Self, f64, bool) {
        if STANDS.get(self.passenger) == Some(&self.square) {
            (Self { passenger: IN_TAXI, ..self }, -1.0, false)
        } else {
            (self, -10.0, false)
        }
    }

    fn drop_off(self) -> (Self, f64, bool) {
        let stand = STANDS.iter().position(|&square| square == self.square);
        match stand {
            Some(stand) if self.passenger == IN_TAXI => {
                let arrived = stand == self.destination;
                (Self { passenger: stand, ..self }, if arrived { 20.0 } else { -1.0 }, arrived)
            }
            _ => (self, -10.0, false),
        }
    }
}
