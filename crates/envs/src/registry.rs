//! Environments by name.

use std::cmp::Reverse;
use std::fmt;

use crate::classic::{Acrobot, CartPole, MountainCar, MountainCarContinuous, Pendulum};
use crate::finite::limits::{CLIFF_LIMIT, LIMIT_4X4, LIMIT_8X8, TAXI_LIMIT};
use crate::finite::{CliffWalking, FiniteEnv, FiniteMdp, FrozenLake, Taxi, optimal_return};
use crate::minatar::{Asterix, Breakout, Freeway, Game, MinAtar, Seaquest, SpaceInvaders, TIME_LIMIT};
use crate::{Env, EnvError, EnvErrorKind, KeepValues, TimeLimit, VecEnv, VectorEnv};

/// What is known of an environment by its name.
#[derive(Clone, Copy)]
pub struct EnvInfo {
    /// The name, with its version.
    pub name: &'static str,
    /// What the task is, in one line.
    pub description: &'static str,
    /// The number of steps after which an episode is cut off.
    pub time_limit: u64,
    /// The mean return at which Gymnasium calls the task solved, where it says so.
    pub reward_threshold: Option<f64>,
    make: fn() -> Box<dyn Env>,
    make_vector: MakeVector,
    finite: Option<fn() -> FiniteMdp>,
}

/// Makes `n` environments from their number, the seed and the first index.
type MakeVector = fn(usize, u64, usize) -> Result<Box<dyn VectorEnv>, EnvError>;

impl EnvInfo {
    /// One environment.
    pub fn make(&self) -> Box<dyn Env> {
        (self.make)()
    }

    /// `n` environments that step together, compiled for this task; see [`VecEnv::new`].
    ///
    /// # Errors
    /// When `n` is 0.
    pub fn make_vector(
        &self,
        n: usize,
        seed: u64,
        first_index: usize,
    ) -> Result<Box<dyn VectorEnv>, EnvError> {
        (self.make_vector)(n, seed, first_index)
    }

    /// The observation as an image, `[channels, height, width]`, if it is one; see [`Env::image_shape`].
    pub fn image_shape(&self) -> Option<[usize; 3]> {
        self.make().image_shape()
    }

    /// The table that the environment draws from, when it is a finite Markov decision process. Its
    /// episodes are cut off after [`time_limit`](Self::time_limit) steps, of which the table knows nothing.
    pub fn finite_mdp(&self) -> Option<FiniteMdp> {
        self.finite.map(|table| table())
    }

    /// The greatest expected return of an episode within the time limit, exactly, when the environment is
    /// a finite Markov decision process; see [`optimal_return`].
    pub fn optimal_return(&self) -> Option<f64> {
        self.finite_mdp().map(|mdp| optimal_return(&mdp, self.time_limit))
    }
}

impl fmt::Debug for EnvInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvInfo")
            .field("name", &self.name)
            .field("description", &self.description)
            .field("time_limit", &self.time_limit)
            .field("reward_threshold", &self.reward_threshold)
            .field("finite", &self.finite.is_some())
            .finish_non_exhaustive()
    }
}

fn vector<E: Env + 'static>(
    make: fn() -> E,
    n: usize,
    seed: u64,
    first_index: usize,
) -> Result<Box<dyn VectorEnv>, EnvError> {
    let envs = (0..n).map(|_| make()).collect();
    Ok(Box::new(VecEnv::new(envs, seed, first_index)?))
}

/// As [`vector`], with one table for all.
fn finite_vector(
    env: TimeLimit<FiniteEnv>,
    n: usize,
    seed: u64,
    first_index: usize,
) -> Result<Box<dyn VectorEnv>, EnvError> {
    Ok(Box::new(VecEnv::new(vec![env; n], seed, first_index)?))
}

fn lake_no_slip() -> TimeLimit<FiniteEnv> {
    TimeLimit::new(FrozenLake::four_by_four().with_slippery(false).env(), LIMIT_4X4)
}

fn lake_8x8_no_slip() -> TimeLimit<FiniteEnv> {
    TimeLimit::new(FrozenLake::eight_by_eight().with_slippery(false).env(), LIMIT_8X8)
}

/// Where the cart is and how the pole leans, but not how fast.
fn cart_pole_without_velocities() -> KeepValues<TimeLimit<CartPole>> {
    KeepValues::new(CartPole::v1(), &[0, 2])
}

/// Where the pendulum is, but not how fast.
fn pendulum_without_velocity() -> KeepValues<TimeLimit<Pendulum>> {
    KeepValues::new(Pendulum::v1(), &[0, 1])
}

/// What is known of a game of MinAtar.
const fn game<G: Game + 'static>(name: &'static str, description: &'static str) -> EnvInfo {
    EnvInfo {
        name,
        description,
        time_limit: TIME_LIMIT,
        reward_threshold: None,
        make: || Box::new(MinAtar::<G>::v1()),
        make_vector: |n, seed, first| vector(MinAtar::<G>::v1, n, seed, first),
        finite: None,
    }
}

/// All environments that have a name.
pub const ENVIRONMENTS: &[EnvInfo] = &[
    EnvInfo {
        name: "CartPole-v1",
        description: "keep a pole upright on a cart by pushing left or right",
        time_limit: 500,
        reward_threshold: Some(475.0),
        make: || Box::new(CartPole::v1()),
        make_vector: |n, seed, first| vector(CartPole::v1, n, seed, first),
        finite: None,
    },
    EnvInfo {
        name: "MountainCar-v0",
        description: "swing a weak car up a hill, with three choices",
        time_limit: 200,
        reward_threshold: Some(-110.0),
        make: || Box::new(MountainCar::v0()),
        make_vector: |n, seed, first| vector(MountainCar::v0, n, seed, first),
        finite: None,
    },
    EnvInfo {
        name: "MountainCarContinuous-v0",
        description: "swing a weak car up a hill with little fuel, with a throttle",
        time_limit: 999,
        reward_threshold: Some(90.0),
        make: || Box::new(MountainCarContinuous::v0()),
        make_vector: |n, seed, first| vector(MountainCarContinuous::v0, n, seed, first),
        finite: None,
    },
    EnvInfo {
        name: "Acrobot-v1",
        description: "swing up a double pendulum by its middle joint",
        time_limit: 500,
        reward_threshold: Some(-100.0),
        make: || Box::new(Acrobot::v1()),
        make_vector: |n, seed, first| vector(Acrobot::v1, n, seed, first),
        finite: None,
    },
    EnvInfo {
        name: "Pendulum-v1",
        description: "swing a pendulum up and hold it with a weak motor",
        time_limit: 200,
        reward_threshold: None,
        make: || Box::new(Pendulum::v1()),
        make_vector: |n, seed, first| vector(Pendulum::v1, n, seed, first),
        finite: None,
    },
    EnvInfo {
        name: "CartPoleNoVel-v1",
        description: "CartPole-v1 without its velocities, for policies that remember",
        time_limit: 500,
        reward_threshold: Some(475.0),
        make: || Box::new(cart_pole_without_velocities()),
        make_vector: |n, seed, first| vector(cart_pole_without_velocities, n, seed, first),
        finite: None,
    },
    EnvInfo {
        name: "PendulumNoVel-v1",
        description: "Pendulum-v1 without its velocity, for policies that remember",
        time_limit: 200,
        reward_threshold: None,
        make: || Box::new(pendulum_without_velocity()),
        make_vector: |n, seed, first| vector(pendulum_without_velocity, n, seed, first),
        finite: None,
    },
    EnvInfo {
        name: "FrozenLake-v1",
        description: "cross slippery ice of 4x4 tiles without falling into a hole",
        time_limit: LIMIT_4X4,
        reward_threshold: Some(0.70),
        make: || Box::new(FrozenLake::v1()),
        make_vector: |n, seed, first| finite_vector(FrozenLake::v1(), n, seed, first),
        finite: Some(|| FrozenLake::four_by_four().mdp()),
    },
    EnvInfo {
        name: "FrozenLake8x8-v1",
        description: "cross slippery ice of 8x8 tiles without falling into a hole",
        time_limit: LIMIT_8X8,
        reward_threshold: Some(0.85),
        make: || Box::new(FrozenLake::v1_8x8()),
        make_vector: |n, seed, first| finite_vector(FrozenLake::v1_8x8(), n, seed, first),
        finite: Some(|| FrozenLake::eight_by_eight().mdp()),
    },
    EnvInfo {
        name: "FrozenLakeNoSlip-v1",
        description: "cross the ice of 4x4 tiles where it is not slippery",
        time_limit: LIMIT_4X4,
        reward_threshold: None,
        make: || Box::new(lake_no_slip()),
        make_vector: |n, seed, first| finite_vector(lake_no_slip(), n, seed, first),
        finite: Some(|| FrozenLake::four_by_four().with_slippery(false).mdp()),
    },
    EnvInfo {
        name: "FrozenLake8x8NoSlip-v1",
        description: "cross the ice of 8x8 tiles where it is not slippery",
        time_limit: LIMIT_8X8,
        reward_threshold: None,
        make: || Box::new(lake_8x8_no_slip()),
        make_vector: |n, seed, first| finite_vector(lake_8x8_no_slip(), n, seed, first),
        finite: Some(|| FrozenLake::eight_by_eight().with_slippery(false).mdp()),
    },
    EnvInfo {
        name: "CliffWalking-v1",
        description: "walk along a cliff without falling off",
        time_limit: CLIFF_LIMIT,
        reward_threshold: None,
        make: || Box::new(CliffWalking::v1()),
        make_vector: |n, seed, first| finite_vector(CliffWalking::v1(), n, seed, first),
        finite: Some(|| CliffWalking::default().mdp()),
    },
    EnvInfo {
        name: "Taxi-v4",
        description: "fetch a passenger and set them down where they want to go",
        time_limit: TAXI_LIMIT,
        // Gymnasium says 8, but no policy has a greater mean return than 7.93.
        reward_threshold: None,
        make: || Box::new(Taxi::v4()),
        make_vector: |n, seed, first| finite_vector(Taxi::v4(), n, seed, first),
        finite: Some(|| Taxi.mdp()),
    },
    game::<Breakout>("MinAtar/Breakout-v1", "break bricks with a ball, seen as 4 planes of 10x10"),
    game::<Asterix>("MinAtar/Asterix-v1", "take gold and avoid enemies, seen as 4 planes of 10x10"),
    game::<Freeway>("MinAtar/Freeway-v1", "cross lanes of cars, seen as 7 planes of 10x10"),
    game::<Seaquest>("MinAtar/Seaquest-v1", "shoot, and bring up divers, seen as 10 planes of 10x10"),
    game::<SpaceInvaders>("MinAtar/SpaceInvaders-v1", "shoot aliens, seen as 6 planes of 10x10"),
];

/// The environment called `name`.
///
/// # Errors
/// When there is none; the error lists the known names and suggests the nearest.
pub fn find(name: &str) -> Result<&'static EnvInfo, EnvError> {
    ENVIRONMENTS.iter().find(|info| info.name == name).ok_or_else(|| {
        let known = ENVIRONMENTS.iter().map(|info| info.name).collect();
        EnvErrorKind::UnknownName { name: name.to_owned(), nearest: nearest(name), known }.into()
    })
}

/// One environment by its name, such as `"CartPole-v1"`.
///
/// # Errors
/// As [`find`].
pub fn make(name: &str) -> Result<Box<dyn Env>, EnvError> {
    Ok(find(name)?.make())
}

/// `n` environments by name that step together; see [`VecEnv::new`].
///
/// # Errors
/// As [`find`], and when `n` is 0.
pub fn make_vector(
    name: &str,
    n: usize,
    seed: u64,
    first_index: usize,
) -> Result<Box<dyn VectorEnv>, EnvError> {
    find(name)?.make_vector(n, seed, first_index)
}

/// The known name with the fewest edits to `name`, apart from case and from what is before a slash, if they are
/// at most half its length; among equals the one that begins like it for longest.
fn nearest(name: &str) -> Option<&'static str> {
    let wanted = name.to_lowercase();
    let edits = |info: &EnvInfo| {
        let known = info.name.to_lowercase();
        let alike = wanted.bytes().zip(known.bytes()).take_while(|(x, y)| x == y).count();
        let after_slash = known.rsplit('/').next().unwrap_or(&known);
        let distance = edit_distance(&wanted, &known).min(edit_distance(&wanted, after_slash));
        ((distance, Reverse(alike)), info.name)
    };
    let ((distance, _), best) = ENVIRONMENTS.iter().map(edits).min_by_key(|&(key, _)| key)?;
    (2 * distance <= best.len()).then_some(best)
}

/// The least number of insertions, deletions and replacements that make `a` into `b` (Levenshtein 1966),
/// row by row of the table of prefixes.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distances() {
        let cases = [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2)];
        for (a, b, distance) in cases {
            assert_eq!((edit_distance(a, b), edit_distance(b, a)), (distance, distance), "{a} {b}");
        }
    }
}
