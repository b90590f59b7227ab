//! The data of an update.

use gradus_core_math::{Distribution, Real};

use crate::branches::Branches;
use crate::memory::{Memory, Remembered};
use crate::network::{Input, Rows};

/// What keeps equal advantages finite when they are standardised (as in stable-baselines3).
const ADVANTAGE_EPSILON: f64 = 1e-8;

/// What a policy did over T steps in N environments, time-major: index t·N + n, t = 0..T−1.
///
/// Filled by a collector; an update reads it through [`batch`](Rollout::batch).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rollout<T> {
    /// T.
    pub n_steps: usize,
    /// N.
    pub n_envs: usize,
    /// The length of an observation.
    pub observation_width: usize,
    /// Observations s_t as the networks see them, `[T, N, observation_width]`.
    pub observations: Vec<T>,
    /// Actions a_t as they were drawn, `[T, N, action_width]`.
    pub actions: Vec<T>,
    /// Allowed choices in s_t, `[T, N, mask_width]`; empty without masks.
    pub masks: Vec<bool>,
    /// log π_old(a_t|s_t), `[T, N]`.
    pub log_probs: Vec<T>,
    /// Parameters of π_old(·|s_t), `[T, N, n_params]`.
    pub distribution_params: Vec<T>,
    /// Rewards r_t as the learner sees them, `[T, N]`.
    pub rewards: Vec<T>,
    /// Whether the task ended with step t, `[T, N]`.
    pub terminated: Vec<bool>,
    /// Whether the episode was cut off after step t, `[T, N]`.
    pub truncated: Vec<bool>,
    /// V(s_t), `[T, N]`.
    pub values: Vec<T>,
    /// V of the state that step t led to, before any reset; 0 where the task ended. `[T, N]`.
    pub next_values: Vec<T>,
    /// Advantage estimates, `[T, N]`.
    pub advantages: Vec<T>,
    /// What the critic is fitted to, `[T, N]`.
    pub value_targets: Vec<T>,
    /// Weights w of the steps in a policy gradient, `[T, N]`: see [`Batch::weights`]. Empty for 1.
    pub weights: Vec<T>,
    /// Returns R(τ) of the episodes that the rollout holds from their first step to their end, in any order; may be
    /// empty.
    pub episode_returns: Vec<T>,
    /// What the policy remembered, if it is one that does.
    pub remembered: Option<Remembered<T>>,
    /// Other actions that were tried out in some of its states, if any were.
    pub branches: Option<Branches<T>>,
}

impl<T: Real> Rollout<T> {
    /// Room for T steps of N environments with actions from `distribution`.
    pub fn new(
        n_steps: usize,
        n_envs: usize,
        observation_width: usize,
        distribution: &Distribution,
        masked: bool,
    ) -> Self {
        let rows = n_steps * n_envs;
        let zeros = |width: usize| vec![T::zero(); rows * width];
        Self {
            n_steps,
            n_envs,
            observation_width,
            observations: zeros(observation_width),
            actions: zeros(distribution.action_width()),
            masks: vec![true; if masked { rows * distribution.mask_width() } else { 0 }],
            log_probs: zeros(1),
            distribution_params: zeros(distribution.n_params()),
            rewards: zeros(1),
            terminated: vec![false; rows],
            truncated: vec![false; rows],
            values: zeros(1),
            next_values: zeros(1),
            advantages: zeros(1),
            value_targets: zeros(1),
            weights: Vec::new(),
            episode_returns: Vec::new(),
            remembered: None,
            branches: None,
        }
    }

    /// What the policy remembered, as its networks are given it.
    pub fn memory(&self) -> Option<Memory<'_, T>> {
        self.remembered.as_ref().map(|remembered| remembered.memory(self.n_envs))
    }

    /// The rows of all steps and environments, as an update reads them.
    pub fn batch(&self) -> Batch<'_, T> {
        Batch {
            observation_width: self.observation_width,
            observations: &self.observations,
            actions: &self.actions,
            masks: &self.masks,
            log_probs: &self.log_probs,
            distribution_params: &self.distribution_params,
            values: &self.values,
            advantages: &self.advantages,
            value_targets: &self.value_targets,
            weights: &self.weights,
            episode_returns: &self.episode_returns,
            memory: self.memory(),
            branches: self.branches.as_ref(),
        }
    }
}

/// B rows of experience for one update.
///
/// Only policy gradients (REINFORCE, A2C) have a place for `weights`; other algorithms refuse a batch that has some.
#[derive(Clone, Copy, Debug, Default)]
pub struct Batch<'a, T> {
    /// The length of an observation.
    pub observation_width: usize,
    /// `[B, observation_width]`
    pub observations: &'a [T],
    /// `[B, action_width]`
    pub actions: &'a [T],
    /// `[B, mask_width]`, or empty
    pub masks: &'a [bool],
    /// log π_old(a|s), `[B]`
    pub log_probs: &'a [T],
    /// Parameters of π_old(·|s), `[B, n_params]`
    pub distribution_params: &'a [T],
    /// V_old(s), `[B]`
    pub values: &'a [T],
    /// `[B]`
    pub advantages: &'a [T],
    /// `[B]`
    pub value_targets: &'a [T],
    /// Weights w of the rows in a policy gradient Σ w A ∇log π, `[B]`, or empty for 1: γ^t makes the gradient that of
    /// the discounted return, and 0 leaves a row out, such as one of an episode that did not end.
    pub weights: &'a [T],
    /// Returns R(τ) of the episodes that the rows are made of, `[episodes]`, or empty where they are not known.
    pub episode_returns: &'a [T],
    /// What a network that remembers is given beside, if there is one.
    pub memory: Option<Memory<'a, T>>,
    /// Other actions that were tried out in some of these states, if any were: TRPO's vine.
    pub branches: Option<&'a Branches<T>>,
}

impl<'a, T: Real> Batch<'a, T> {
    /// Panics unless every array has the length that [`len`](Self::len) rows of `distribution` need.
    ///
    /// # Panics
    /// When one has not, with its name. `masks`, `distribution_params` and `weights` may be empty.
    pub fn assert_lengths(&self, distribution: &Distribution) {
        let check = |name, found: usize, width: usize, optional: bool| {
            let expected = self.len() * width;
            assert!(
                found == expected || (optional && found == 0),
                "{name} of a batch of {} rows are {found} long, not {expected}",
                self.len()
            );
        };
        check("observations", self.observations.len(), self.observation_width, false);
        check("actions", self.actions.len(), distribution.action_width(), false);
        check("masks", self.masks.len(), distribution.mask_width(), true);
        check("distribution_params", self.distribution_params.len(), distribution.n_params(), true);
        check("values", self.values.len(), 1, false);
        check("advantages", self.advantages.len(), 1, false);
        check("value_targets", self.value_targets.len(), 1, false);
        check("weights", self.weights.len(), 1, true);
        if let Some(memory) = &self.memory {
            check("the memory's starts", memory.starts.len(), 1, false);
        }
        if let Some(branches) = self.branches {
            branches.assert_fits(self.len(), distribution.action_width());
        }
    }

    /// The number of rows, B.
    pub fn len(&self) -> usize {
        self.log_probs.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.log_probs.is_empty()
    }

    /// Row `i` of an array with rows of `width`.
    #[inline]
    pub fn row<U>(array: &'a [U], width: usize, i: usize) -> &'a [U] {
        &array[i * width..(i + 1) * width]
    }

    /// What brings the advantages of `rows` to mean 0 and deviation 1: (mean, 1/(deviation + 1e-8)), with Bessel's
    /// correction; (0, 1) for fewer than two rows. Equal advantages become exactly 0: the rounding of their mean,
    /// divided by a deviation of nothing but that rounding, would tell actions apart that are equally good.
    ///
    /// # Panics
    /// When a row is not in the batch.
    pub fn standardization(&self, rows: Rows<'_>) -> (f64, f64) {
        if rows.len() < 2 {
            return (0.0, 1.0);
        }
        let first = self.advantages[rows.index(0)];
        // Ends at the second row in almost every batch.
        if (1..rows.len()).all(|i| self.advantages[rows.index(i)] == first) {
            return (first.wide(), 1.0);
        }
        let advantages = || (0..rows.len()).map(|i| self.advantages[rows.index(i)].wide());
        let mean = sum_in_lanes(advantages()) / rows.len() as f64;
        let squares = sum_in_lanes(advantages().map(|a| (a - mean) * (a - mean)));
        (mean, 1.0 / ((squares / (rows.len() - 1) as f64).sqrt() + ADVANTAGE_EPSILON))
    }

    /// The mask of row `i`, if there are masks.
    #[inline]
    pub fn mask(&self, width: usize, i: usize) -> Option<&'a [bool]> {
        (!self.masks.is_empty()).then(|| Self::row(self.masks, width, i))
    }

    /// The observations of these rows, with what a network that remembers needs beside.
    pub fn input(&self, rows: Rows<'a>) -> Input<'a, T> {
        Input { observations: self.observations, width: self.observation_width, rows, memory: self.memory }
    }

    /// The observations of all rows.
    pub fn all(&self) -> Input<'a, T> {
        self.input(Rows::First(self.len()))
    }

    /// The number of rows that must stay together: those of a sequence, where there is a memory.
    pub fn piece_length(&self) -> usize {
        self.memory.map_or(1, |memory| memory.length)
    }

    /// Writes the rows of these pieces, one after the other, to `rows`: a piece is a row, or a sequence where there is
    /// a memory.
    pub fn rows_of_pieces(&self, pieces: &[u32], rows: &mut Vec<u32>) {
        rows.clear();
        match &self.memory {
            None => rows.extend_from_slice(pieces),
            Some(memory) => pieces.iter().for_each(|&piece| memory.rows_of(piece as usize, rows)),
        }
    }

    /// The weight of row `i`.
    #[inline]
    pub fn weight(&self, i: usize) -> T {
        if self.weights.is_empty() { T::one() } else { self.weights[i] }
    }

    /// The first number that is NaN or infinite: the array's name, the place in it, and the number.
    ///
    /// `distribution_params` are left out: logits of choices that are never allowed may be infinite.
    pub fn find_non_finite(&self) -> Option<(&'static str, usize, f64)> {
        [
            ("observations", self.observations),
            ("actions", self.actions),
            ("log_probs", self.log_probs),
            ("values", self.values),
            ("advantages", self.advantages),
            ("value_targets", self.value_targets),
            ("weights", self.weights),
            ("episode_returns", self.episode_returns),
            ("branches' q_values", self.branches.map_or(&[][..], |branches| &branches.q_values)),
        ]
        .into_iter()
        .find_map(|(name, array)| {
            // Without a way out of the loop it runs on vectors.
            if array.iter().fold(true, |finite, x| finite & x.is_finite()) {
                return None;
            }
            let place = array.iter().position(|x| !x.is_finite())?;
            Some((name, place, array[place].wide()))
        })
    }
}

/// Σ of the values in four interleaved partial sums: the same bits everywhere, and no chain of additions that each
/// waits for the one before.
fn sum_in_lanes(values: impl Iterator<Item = f64>) -> f64 {
    let mut sums = [0.0; 4];
    for (i, value) in values.enumerate() {
        sums[i % 4] += value;
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3])
}
