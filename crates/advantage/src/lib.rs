//! Returns and advantages: pure functions on time-major slices, which know no environment, no network and no
//! random numbers.
//!
//! # Conventions
//! Every array is `[steps, envs]` in row-major order: step t of environment n is at `t * n_envs + n`, with
//! t = 0..T−1 and n = 0..N−1.
//!
//! | symbol | array | meaning |
//! |---|---|---|
//! | r_t | `rewards` | the reward for the action taken in s_t |
//! | V(s_t) | `values` | the critic's value of the state in which the action was taken |
//! | V(s_{t+1}) | `next_values` | the critic's value of the state *that the step led to*, before any reset |
//! | – | `terminated` | the task ended with this step: V(s_{t+1}) counts as 0, whatever the array holds, NaN included |
//! | – | `truncated` | the episode was cut off with this step: V(s_{t+1}) stands for what would have followed |
//!
//! A step that is marked both ways counts as terminated. The last step of the data is treated as truncated
//! unless it terminated, because V(s_{t+1}) is all that is known of what follows. Nothing ever crosses the
//! end of an episode: the sums are cut there by a selection, not by a product with zero, so that NaN or
//! infinity in one episode stays in it.
//!
//! Functions write into slices of the caller and allocate nothing. NaN or infinity in an episode's own numbers
//! comes out as such; whoever collects the data is the one who can say where it arose.
//!
//! # Example
//! Two environments, three steps; the first one ends after its second step, with the time limit.
//! ```
//! use gradus_advantage::{Episodes, gae, value_targets};
//!
//! let rewards = [1.0, 0.0, 2.0, 0.0, 3.0, 1.0];
//! let values = [0.5, 0.1, 0.4, 0.2, 0.3, 0.3];
//! let next_values = [0.4, 0.2, 0.9, 0.3, 0.6, 0.4];
//! let terminated = [false; 6];
//! let truncated = [false, false, true, false, false, false];
//!
//! let episodes = Episodes::new(2, &rewards, &terminated, &truncated)?;
//! let trajectories = episodes.with_values(&values, &next_values)?;
//! let (mut advantages, mut targets) = ([0.0; 6], [0.0; 6]);
//! gae(&trajectories, 0.99, 0.95, &mut advantages)?;
//! value_targets(&trajectories, &advantages, &mut targets)?;
//!
//! // The truncated step: r + γ V(final observation) − V(s), and nothing of the episode after it.
//! assert!((advantages[2] - (2.0_f64 + 0.99 * 0.9 - 0.4)).abs() < 1e-12);
//! assert!((targets[2] - (advantages[2] + 0.4)).abs() < 1e-12);
//! # Ok::<(), gradus_advantage::AdvantageError>(())
//! ```

mod advantages;
mod error;
mod returns;
mod rows;
mod trajectories;

pub use advantages::{gae, monte_carlo_advantages, n_step_advantages, td_residuals, value_targets};
pub use error::AdvantageError;
pub use returns::{
    discount_weights, discounted_returns, finished_episodes, reward_to_go, whole_episode_returns,
};
pub use trajectories::{Episodes, Trajectories};
