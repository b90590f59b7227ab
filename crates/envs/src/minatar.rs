//! Five games on 10×10 squares with the rules of MinAtar 1.0.15: Breakout, Asterix, Freeway, Seaquest and
//! Space Invaders, seen as planes of zeros and ones.
//!
//! Each type is the state of a game and its rules, which take their chances from a [`Chance`];
//! [`MinAtar`] makes an environment of it, with sticky actions, rising difficulty and a choice of action
//! sets. [`MinAtar::v1`] is the version that the registry names.
//!
//! The observation is the planes one after the other, `[channels, 10, 10]` with rows from the top and
//! columns from the left: element (c·10 + y)·10 + x says whether there is something of channel c on the
//! square (x, y). Convolutions take it as it is; [`Env::image_shape`](crate::Env::image_shape) tells the
//! shape. MinAtar itself puts the channels last.
//!
//! Young & Tian 2019, "MinAtar: An Atari-Inspired Testbed for Thorough and Reproducible Reinforcement
//! Learning Experiments". What the paper leaves open is taken from the behaviour of its package, which
//! recorded games hold us to; the guide `docs/guide/minatar.md` has the rules in words.
//!
//! ```
//! use gradus_core_math::Stream;
//! use gradus_envs::minatar::{Breakout, MinAtar};
//! use gradus_envs::{Env, FrameStack};
//!
//! let game = MinAtar::<Breakout>::default().with_sticky_actions(0.25)?.with_full_action_set();
//! let mut env = FrameStack::new(game, 2);
//! assert_eq!(env.image_shape(), Some([8, 10, 10]));
//! let mut observation = vec![0.0; env.observation_space().width()];
//! let mut rng = Stream::new(7, "environment", 0);
//! env.reset(&mut rng, &mut observation)?;
//! env.step(&[1.0], &mut rng, &mut observation)?;
//! # Ok::<(), gradus_envs::EnvError>(())
//! ```

mod action;
mod asterix;
mod board;
mod breakout;
mod chance;
mod env;
mod freeway;
mod game;
mod seaquest;
mod space_invaders;

pub use action::Action;
pub use asterix::{Asterix, Entity};
pub use board::{Grid, Planes, SIZE};
pub use breakout::Breakout;
pub use chance::Chance;
pub use env::MinAtar;
pub(crate) use env::TIME_LIMIT;
pub use freeway::{Car, Freeway};
pub use game::Game;
pub use seaquest::{Bullet, Seaquest, Submarine, Swimmer};
pub use space_invaders::SpaceInvaders;
