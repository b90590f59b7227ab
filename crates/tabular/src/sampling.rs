//! Whole episodes as arrays, for estimates that are held to exact results.

use std::ops::Range;

use gradus_core_math::Stream;
use gradus_envs::finite::FiniteMdp;
use rand::RngExt;

use crate::PolicyTable;

/// Episodes of one policy, one after the other: what an environment that is reset at every end would have given. All
/// arrays are `[steps]`, which `gradus_advantage` reads as `[steps, 1]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampledEpisodes {
    /// s_t.
    pub states: Vec<usize>,
    /// a_t.
    pub actions: Vec<usize>,
    /// r_t, the reward for a_t.
    pub rewards: Vec<f64>,
    /// The state that the step led to, before any reset.
    pub next_states: Vec<usize>,
    /// Whether the process ended the episode with this step.
    pub terminated: Vec<bool>,
    /// Whether the episode was cut off after this step.
    pub truncated: Vec<bool>,
}

impl SampledEpisodes {
    /// The steps of each episode.
    pub fn episodes(&self) -> impl Iterator<Item = Range<usize>> {
        let mut begin = 0;
        let ends = (0..self.rewards.len()).filter(|&t| self.terminated[t] || self.truncated[t]);
        ends.map(move |t| std::mem::replace(&mut begin, t + 1)..t + 1)
    }

    /// A critic's V(s_t) and V(s_{t+1}), from its value of each state.
    ///
    /// # Panics
    /// When there is no value of a state that occurs.
    pub fn values_of(&self, critic: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let of = |states: &[usize]| states.iter().map(|&s| critic[s]).collect();
        (of(&self.states), of(&self.next_states))
    }
}

/// Plays `n_episodes` episodes, each of which is cut off after `max_steps` steps if it has not ended.
///
/// One uniform number for each action, then what [`FiniteMdp::sample`] draws.
///
/// # Panics
/// When the policy is of another process, or `max_steps` is 0.
///
/// ```
/// use gradus_core_math::Stream;
/// use gradus_envs::finite::FrozenLake;
/// use gradus_tabular::{PolicyTable, sample_episodes};
///
/// let lake = FrozenLake::four_by_four().mdp();
/// let policy = PolicyTable::uniform(16, 4);
/// let sampled = sample_episodes(&lake, &policy, 100, 50, &mut Stream::new(1, "episodes", 0));
/// assert_eq!(sampled.episodes().count(), 100);
/// ```
pub fn sample_episodes(
    mdp: &FiniteMdp,
    policy: &PolicyTable,
    n_episodes: usize,
    max_steps: usize,
    rng: &mut Stream,
) -> SampledEpisodes {
    assert_eq!(policy.shape(), (mdp.n_states(), mdp.n_actions()), "a policy of this process");
    assert!(max_steps > 0, "an episode has a step");
    let mut sampled = SampledEpisodes::default();
    for _ in 0..n_episodes {
        let mut state = mdp.sample_initial(rng);
        for step in 1..=max_steps {
            let action = draw(policy.row(state), rng);
            let drawn = *mdp.sample(state, action, rng);
            sampled.states.push(state);
            sampled.actions.push(action);
            sampled.rewards.push(drawn.reward);
            sampled.next_states.push(drawn.next_state);
            sampled.terminated.push(drawn.terminated);
            sampled.truncated.push(step == max_steps && !drawn.terminated);
            if drawn.terminated {
                break;
            }
            state = drawn.next_state;
        }
    }
    sampled
}

/// Draws an action, none of probability zero.
fn draw(probabilities: &[f64], rng: &mut Stream) -> usize {
    let mut rest: f64 = rng.random();
    let mut drawn = 0;
    for (action, &p) in probabilities.iter().enumerate().filter(|(_, p)| **p > 0.0) {
        drawn = action;
        rest -= p;
        if rest < 0.0 {
            break;
        }
    }
    drawn
}
