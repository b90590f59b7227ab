//! The games of MinAtar against games that its package 1.0.15 played, recorded by `golden/minatar.py`, and
//! what the environments around them promise.

#![allow(clippy::float_cmp, reason = "rewards and planes are whole numbers")]

mod asterix;
mod breakout;
mod chances;
mod counts;
mod env;
mod freeway;
mod record;
mod seaquest;
mod space_invaders;
