//! Random processes.

use gradus_core_math::Stream;
use gradus_envs::finite::{FiniteMdp, FiniteMdpError, Transition};
use rand::RngExt;

/// What a random process is drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Garnet {
    /// The number of states, S.
    pub n_states: usize,
    /// The number of actions, A.
    pub n_actions: usize,
    /// How many states an action may lead to, from 1 to S.
    pub branching: usize,
    /// The probability that an outcome ends the episode.
    pub termination: f64,
}

impl Garnet {
    /// Draws a process: from every state, every action leads to `branching` different states with probabilities that
    /// uniform cuts of [0, 1] give; each outcome has a reward, uniform over [−1, 1], and ends the episode with
    /// probability `termination`. The first state is drawn from a distribution of the same kind over all states.
    ///
    /// Source: Archibald, McKinnon & Thomas 1995 ("Garnet", as it is called since). Departure: rewards belong to
    /// outcomes, r(s, a, s′), and episodes may end.
    ///
    /// # Errors
    /// When there is no state or no action, or `branching` is not from 1 to S.
    ///
    /// ```
    /// use gradus_core_math::Stream;
    /// use gradus_tabular::Garnet;
    ///
    /// let garnet = Garnet { n_states: 6, n_actions: 3, branching: 2, termination: 0.1 };
    /// let mdp = garnet.draw(&mut Stream::new(1, "garnet", 0))?;
    /// assert_eq!(mdp.transitions(5, 2).len(), 2);
    /// # Ok::<(), gradus_envs::finite::FiniteMdpError>(())
    /// ```
    pub fn draw(&self, rng: &mut Stream) -> Result<FiniteMdp, FiniteMdpError> {
        let initial = cuts(self.n_states, rng);
        FiniteMdp::new(self.n_states, self.n_actions, initial, |_, _| {
            let probabilities = cuts(self.branching, rng);
            let states = some_of(self.n_states, self.branching, rng);
            let outcome = |(probability, next_state)| Transition {
                probability,
                next_state,
                reward: 2.0 * rng.random::<f64>() - 1.0,
                terminated: rng.random::<f64>() < self.termination,
            };
            probabilities.into_iter().zip(states).map(outcome).collect()
        })
    }
}

/// The lengths of the `n` pieces into which n−1 uniform cuts divide [0, 1]: uniform over all distributions.
fn cuts(n: usize, rng: &mut Stream) -> Vec<f64> {
    let mut ends: Vec<f64> = (1..n).map(|_| rng.random()).collect();
    ends.sort_by(f64::total_cmp);
    ends.push(1.0);
    let mut begin = 0.0;
    ends.into_iter().take(n).map(|end| end - std::mem::replace(&mut begin, end)).collect()
}

/// `k` different numbers below `n`, or all of them; Fisher and Yates' shuffle, begun.
fn some_of(n: usize, k: usize, rng: &mut Stream) -> Vec<usize> {
    let mut all: Vec<usize> = (0..n).collect();
    for i in 0..k.min(n) {
        let j = rng.random_range(i..n);
        all.swap(i, j);
    }
    all.truncate(k);
    all
}
