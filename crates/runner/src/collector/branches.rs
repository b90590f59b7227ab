//! What the branches of a rollout came to, put together.

use gradus_policy::{ActorCritic, Branches, Input, Network, Team};

use super::{Collector, branching::Brancher};

impl<N: Network<Scalar = f32>> Collector<N> {
    /// Simulator steps of the last rollout, those of its branches included.
    pub fn steps(&self) -> u64 {
        (self.rollout.n_steps * self.rollout.n_envs) as u64 + self.branch_steps().unwrap_or(0)
    }

    /// Simulator steps of the last rollout's branches; none where rollouts have none.
    pub fn branch_steps(&self) -> Option<u64> {
        self.config.vine.map(|_| self.branchers().map(|brancher| brancher.steps).sum())
    }

    fn branchers(&self) -> impl Iterator<Item = &Brancher> {
        self.shards.iter().filter_map(|shard| shard.brancher.as_ref())
    }

    /// Draws the steps in which the next rollout branches.
    pub(super) fn draw_forks(&mut self) {
        if let (Some(vine), Some(stream)) = (self.config.vine, &mut self.forks_stream) {
            self.forks = vine.draw_steps(self.config.n_steps, stream);
        }
    }

    /// Adds the critic's values where roll-outs were cut off, and puts those of all shards together.
    pub(super) fn value_branches(&mut self, team: Team<'_>, network: &mut ActorCritic<N>, theta: &[f32]) {
        let Some(vine) = self.config.vine else { return };
        let values = self.values_of_ends(team, network, theta);
        let (all_actions, k) = vine.actions_of(&self.distribution);
        let (n_envs, width) = (self.rollout.n_envs, self.distribution.action_width());
        let count = self.forks.len() * n_envs * k;
        let mut branches = Branches {
            rows: self.forks.iter().flat_map(|t| (0..n_envs).map(move |i| (t * n_envs + i) as u32)).collect(),
            actions_per_state: k,
            all_actions,
            actions: vec![0.0; count * width],
            log_probs: vec![0.0; count],
            q_values: vec![0.0; count],
        };
        let mut values = values.iter();
        for shard in &self.shards {
            let Some(brancher) = &shard.brancher else { continue };
            let mut q_values = brancher.returns.clone();
            for (&(branch, discount), &value) in brancher.open.iter().zip(values.by_ref()) {
                q_values[branch] += discount * f64::from(value);
            }
            let place =
                super::Place { n_envs: n_envs * k, first: shard.first * k, n: shard.env.n_envs() * k };
            place.copy(&brancher.actions, &mut branches.actions, width);
            place.copy(&brancher.log_probs, &mut branches.log_probs, 1);
            place.map(&q_values, &mut branches.q_values, |q| q as f32);
        }
        self.rollout.branches = Some(branches);
    }

    /// The critic's values of the states in which roll-outs were cut off, shard by shard.
    fn values_of_ends(&mut self, team: Team<'_>, network: &mut ActorCritic<N>, theta: &[f32]) -> Vec<f32> {
        let ends: Vec<f32> = self.branchers().flat_map(|brancher| &brancher.ends).copied().collect();
        let width = self.rollout.observation_width;
        let mut values = vec![0.0; ends.len() / width];
        if !values.is_empty() {
            network.values(team, theta, Input::all(&ends, width), &mut values);
        }
        if let Some(scale) = self.value_scale {
            scale.to_values(&mut values);
        }
        values
    }
}
