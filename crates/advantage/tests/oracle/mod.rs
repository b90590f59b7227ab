//! The definitions, written down once more: one environment, recursion and explicit powers, in f64, O(T²) or
//! worse. Shares no code and no shape of computation with the crate.
#![allow(dead_code, reason = "every test file uses a part of it")]

use gradus_advantage::Episodes;

/// How a step ended; `Both` is a step marked terminated and truncated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Running,
    Terminated,
    Truncated,
    Both,
}

pub(crate) const ENDS: [End; 4] = [End::Running, End::Terminated, End::Truncated, End::Both];

/// What happened in one environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) rewards: Vec<f64>,
    pub(crate) values: Vec<f64>,
    pub(crate) next_values: Vec<f64>,
    pub(crate) ends: Vec<End>,
}

impl History {
    /// Numbers from a fixed recurrence in [−1, 1], and `next_values` that agree with `values` within episodes.
    pub(crate) fn made_up(seed: u64, ends: &[End]) -> Self {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5851_F42D_4C95_7F2D;
        let mut number = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        };
        let mut history = Self { ends: ends.to_vec(), ..Self::default() };
        for _ in ends {
            history.rewards.push(number());
            history.values.push(number());
        }
        for (t, &end) in ends.iter().enumerate() {
            let following = history.values.get(t + 1).copied();
            let own = number();
            history.next_values.push(if end == End::Running { following.unwrap_or(own) } else { own });
        }
        history
    }

    pub(crate) fn len(&self) -> usize {
        self.rewards.len()
    }

    pub(crate) fn terminated(&self, t: usize) -> bool {
        matches!(self.ends[t], End::Terminated | End::Both)
    }

    /// The last step of the episode of step t, as far as the data go.
    pub(crate) fn last(&self, t: usize) -> usize {
        (t..self.len()).find(|&k| self.ends[k] != End::Running).unwrap_or(self.len() - 1)
    }

    /// The first step of the episode of step t, as far as the data go.
    pub(crate) fn first(&self, t: usize) -> usize {
        (0..t).rev().find(|&k| self.ends[k] != End::Running).map_or(0, |k| k + 1)
    }

    /// V(s_{t+1}), 0 if the task ended.
    pub(crate) fn outlook(&self, t: usize) -> f64 {
        if self.terminated(t) { 0.0 } else { self.next_values[t] }
    }

    pub(crate) fn reward_to_go(&self, t: usize, gamma: f64) -> f64 {
        (t..=self.last(t)).map(|k| gamma.powi((k - t) as i32) * self.rewards[k]).sum()
    }

    pub(crate) fn whole_return(&self, t: usize, gamma: f64) -> f64 {
        self.reward_to_go(self.first(t), gamma)
    }

    pub(crate) fn bootstrapped_return(&self, t: usize, gamma: f64) -> f64 {
        let last = self.last(t);
        self.reward_to_go(t, gamma) + gamma.powi((last - t + 1) as i32) * self.outlook(last)
    }

    pub(crate) fn discount_weight(&self, t: usize, gamma: f64) -> f64 {
        gamma.powi((t - self.first(t)) as i32)
    }

    pub(crate) fn residual(&self, t: usize, gamma: f64) -> f64 {
        self.rewards[t] + gamma * self.outlook(t) - self.values[t]
    }

    pub(crate) fn n_step(&self, t: usize, gamma: f64, n: usize) -> f64 {
        let last = self.last(t).min(t + n - 1);
        let rewards: f64 = (t..=last).map(|k| gamma.powi((k - t) as i32) * self.rewards[k]).sum();
        rewards + gamma.powi((last - t + 1) as i32) * self.outlook(last) - self.values[t]
    }

    /// Σ_b (γλ)^b δ_{t+b}.
    pub(crate) fn gae(&self, t: usize, gamma: f64, lambda: f64) -> f64 {
        (t..=self.last(t)).map(|k| (gamma * lambda).powi((k - t) as i32) * self.residual(k, gamma)).sum()
    }

    /// (1−λ) Σ_n λ^{n−1} Aⁿ, the left-over weight on the last.
    pub(crate) fn gae_mixture(&self, t: usize, gamma: f64, lambda: f64) -> f64 {
        let longest = self.last(t) - t + 1;
        (1..=longest)
            .map(|n| {
                let share = if n == longest { 1.0 } else { 1.0 - lambda };
                share * lambda.powi(n as i32 - 1) * self.n_step(t, gamma, n)
            })
            .sum()
    }
}

/// Histories of equal length side by side, time-major.
#[derive(Clone, Debug)]
pub(crate) struct Arrays {
    pub(crate) n_envs: usize,
    pub(crate) rewards: Vec<f64>,
    pub(crate) values: Vec<f64>,
    pub(crate) next_values: Vec<f64>,
    pub(crate) terminated: Vec<bool>,
    pub(crate) truncated: Vec<bool>,
}

impl Arrays {
    pub(crate) fn of(histories: &[History]) -> Self {
        let (n_envs, n_steps) = (histories.len(), histories[0].len());
        let places = (0..n_steps).flat_map(|t| (0..n_envs).map(move |n| (t, n)));
        let pick = |f: &dyn Fn(&History, usize) -> f64| {
            places.clone().map(|(t, n)| f(&histories[n], t)).collect::<Vec<_>>()
        };
        let flags = |wanted: End| {
            let is = |end: End| end == wanted || end == End::Both;
            places.clone().map(|(t, n)| is(histories[n].ends[t])).collect::<Vec<_>>()
        };
        Self {
            n_envs,
            rewards: pick(&|h, t| h.rewards[t]),
            values: pick(&|h, t| h.values[t]),
            next_values: pick(&|h, t| h.next_values[t]),
            terminated: flags(End::Terminated),
            truncated: flags(End::Truncated),
        }
    }

    pub(crate) fn episodes(&self) -> Episodes<'_, f64> {
        Episodes::new(self.n_envs, &self.rewards, &self.terminated, &self.truncated).expect("arrays that fit")
    }

    pub(crate) fn trajectories(&self) -> gradus_advantage::Trajectories<'_, f64> {
        self.episodes().with_values(&self.values, &self.next_values).expect("arrays that fit")
    }

    /// What a function of the crate writes into an array of NaN.
    pub(crate) fn output<F>(&self, function: F) -> Vec<f64>
    where
        F: FnOnce(
            &gradus_advantage::Trajectories<'_, f64>,
            &mut [f64],
        ) -> Result<(), gradus_advantage::AdvantageError>,
    {
        let mut out = vec![f64::NAN; self.rewards.len()];
        function(&self.trajectories(), &mut out).expect("a valid call");
        out
    }
}

/// |a − b| relative to the larger of the two and of a floor of 1, the size of the data.
pub(crate) fn difference(a: f64, b: f64) -> f64 {
    (a - b).abs() / a.abs().max(b.abs()).max(1.0)
}

/// Holds `[steps, envs]` to the oracle, one value at a time.
pub(crate) fn check(
    what: &str,
    found: &[f64],
    histories: &[History],
    oracle: impl Fn(&History, usize) -> f64,
) -> Result<(), String> {
    for (i, &x) in found.iter().enumerate() {
        let (t, n) = (i / histories.len(), i % histories.len());
        let expected = oracle(&histories[n], t);
        let close = difference(x, expected) < 1e-12;
        if !close {
            let ends = &histories[n].ends;
            return Err(format!("{what} at step {t} of {ends:?}: found {x}, expected {expected}"));
        }
    }
    Ok(())
}

/// Every way in which the steps of a short sequence can end, one environment for each.
pub(crate) fn every_history(n_steps: u32) -> Vec<History> {
    (0..4usize.pow(n_steps))
        .map(|code| {
            let ends: Vec<End> = (0..n_steps).map(|t| ENDS[code >> (2 * t) & 3]).collect();
            History::made_up(code as u64 + 1, &ends)
        })
        .collect()
}
