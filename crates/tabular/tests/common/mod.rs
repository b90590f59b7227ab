//! Random processes and policies, from seeds.
#![allow(dead_code, reason = "each test file uses its part")]

use gradus_core_math::Stream;
use gradus_tabular::{DiscountedMdp, Garnet, PolicyTable};
use proptest::prelude::*;
use rand::RngExt;

/// What a random case is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) garnet: Garnet,
    pub(crate) gamma: f64,
}

/// Processes of up to `n_states` states and 4 actions, with discounts up to `gamma`; half of them have episodes that
/// end.
pub(crate) fn cases(n_states: usize, gamma: f64) -> impl Strategy<Value = Case> {
    let sizes = (1..=n_states, 1..=4_usize, 0.0..1.0, prop_oneof![Just(0.0), 0.0..0.5]);
    (any::<u64>(), sizes, 0.0..=gamma).prop_map(|(seed, (n_states, n_actions, share, termination), gamma)| {
        let branching = 1 + (share * n_states as f64) as usize;
        Case { seed, garnet: Garnet { n_states, n_actions, branching, termination }, gamma }
    })
}

impl Case {
    pub(crate) fn stream(&self, purpose: &str) -> Stream {
        Stream::new(self.seed, purpose, 0)
    }

    pub(crate) fn mdp(&self) -> DiscountedMdp {
        let table = self.garnet.draw(&mut self.stream("garnet")).expect("a process");
        DiscountedMdp::new(table, self.gamma).expect("a discount below 1")
    }

    /// A policy with every probability positive: normalised exponentials of numbers within ±`scale`.
    pub(crate) fn policy(&self, purpose: &str, scale: f64) -> PolicyTable {
        softmax(self.garnet.n_actions, &self.numbers(purpose, scale))
    }

    /// S · A numbers, uniform within ±`scale`.
    pub(crate) fn numbers(&self, purpose: &str, scale: f64) -> Vec<f64> {
        let mut rng = self.stream(purpose);
        let n = self.garnet.n_states * self.garnet.n_actions;
        (0..n).map(|_| scale * (2.0 * rng.random::<f64>() - 1.0)).collect()
    }

    /// A policy that is certain in every state.
    pub(crate) fn certain_policy(&self, purpose: &str) -> PolicyTable {
        let mut rng = self.stream(purpose);
        let n = self.garnet.n_actions;
        let actions: Vec<usize> = (0..self.garnet.n_states).map(|_| rng.random_range(0..n)).collect();
        PolicyTable::deterministic(n, &actions).expect("actions that exist")
    }
}

/// The policy of these logits.
pub(crate) fn softmax(n_actions: usize, logits: &[f64]) -> PolicyTable {
    let rows = logits.chunks_exact(n_actions).flat_map(|row| {
        let sum: f64 = row.iter().map(|x| x.exp()).sum();
        row.iter().map(move |x| x.exp() / sum)
    });
    PolicyTable::new(n_actions, rows.collect()).expect("a policy")
}

/// The process of a task by its name.
pub(crate) fn task(name: &str, gamma: f64) -> DiscountedMdp {
    let table = gradus_envs::find(name).expect("a task").finite_mdp().expect("a finite one");
    DiscountedMdp::new(table, gamma).expect("a discount below 1")
}

/// max |x − y|.
pub(crate) fn distance(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len());
    x.iter().zip(y).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}

/// The tolerance of comparisons with a number of this size, where rounding is all that differs.
pub(crate) fn rounding(x: f64) -> f64 {
    1e-12 * x.abs().max(1.0)
}
