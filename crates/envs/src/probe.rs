//! Tiny tasks whose right answer is known, to find out which part of a learner is broken.
//!
//! In this order each needs one thing more than the last: [`ConstantReward`] (the value of one state),
//! [`ObservationReward`] (a value that depends on the observation), [`DelayedReward`] (discounting and
//! bootstrapping), [`ActionReward`] (the policy's gradient), [`MatchSign`] (a policy that depends on the
//! observation). [`MatchTarget`], [`MatchDigits`] and [`MatchSwitches`] are the last of them for the
//! other action spaces, [`MaskedChoice`] has forbidden actions, and [`Faulty`] breaks on purpose.

mod delayed;
mod faulty;
mod masked;
mod one_step;

pub use delayed::DelayedReward;
pub use faulty::{Fault, Faulty};
pub use masked::MaskedChoice;
pub use one_step::{
    ActionReward, ConstantReward, MatchDigits, MatchSign, MatchSwitches, MatchTarget, ObservationReward,
    OneStep, Rule,
};
