//! What networks that remember are given beside observations.

use gradus_core_math::Real;

/// How the rows of a batch follow one another, for a network that remembers.
///
/// Row t·N + n is step t of environment n. Steps are cut into sequences of L: the c-th of environment n is its steps
/// c·L to c·L + L − 1, and has the number c·N + n. The rows that are meant are whole sequences, in any order.
#[derive(Clone, Copy, Debug)]
pub struct Memory<'a, T> {
    /// The number of environments, N.
    pub n_envs: usize,
    /// The steps of a sequence, L.
    pub length: usize,
    /// The state before the first step of each sequence, `[sequences, state_width]`.
    pub states: &'a [T],
    /// Whether an episode begins with a row, so that nothing before it is remembered, `[batch]`.
    pub starts: &'a [bool],
}

impl<T> Memory<'_, T> {
    /// Appends the rows of sequence `number`, in the order of their steps.
    pub fn rows_of(&self, number: usize, rows: &mut Vec<u32>) {
        let (c, n) = (number / self.n_envs, number % self.n_envs);
        rows.extend((c * self.length..(c + 1) * self.length).map(|t| (t * self.n_envs + n) as u32));
    }
}

/// The memory of a rollout of T steps in N environments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remembered<T> {
    /// The steps of a sequence, L, of which T is a multiple.
    pub length: usize,
    /// The state before the first step of each sequence, `[T/L, N, state_width]`: that of the policy which acted, and
    /// zeros where an episode begins.
    pub states: Vec<T>,
    /// Whether an episode begins with a step, `[T, N]`.
    pub starts: Vec<bool>,
}

impl<T: Real> Remembered<T> {
    /// Room for T steps of N environments.
    ///
    /// # Panics
    /// When T is no multiple of `length`.
    pub fn new(n_steps: usize, n_envs: usize, length: usize, state_width: usize) -> Self {
        assert!(length > 0 && n_steps.is_multiple_of(length), "{n_steps} steps are no sequences of {length}");
        let states = vec![T::zero(); n_steps / length * n_envs * state_width];
        Self { length, states, starts: vec![false; n_steps * n_envs] }
    }

    /// As an update reads it.
    pub fn memory(&self, n_envs: usize) -> Memory<'_, T> {
        Memory { n_envs, length: self.length, states: &self.states, starts: &self.starts }
    }
}
