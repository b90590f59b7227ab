//! Training in memory, held to its promises: the same for any number of threads, the same after a restart, correct
//! at the ends of episodes, able to learn, and unharmed by NaN.

mod collecting;
mod determinism;
mod evaluating;
mod failing;
mod learning;
mod on_disk;
mod policy_gradients;
mod search;
mod tasks;
mod trust_region;
mod vine;
