//! The critic's values of what was collected.

use gradus_envs::Outcome;
use gradus_policy::{ActorCritic, Input, Memory, Network, Team};

use super::{CollectError, Collector};

/// Observations whose values are asked for beside those of a rollout: those after the last step, and final ones of
/// truncated episodes.
#[derive(Default)]
pub(super) struct Extra {
    observations: Vec<f32>,
    /// What is remembered before each, if anything.
    states: Vec<f32>,
    values: Vec<f32>,
    /// No episode begins with one of them: where one does, the state is that of a beginning already.
    starts: Vec<bool>,
}

impl Extra {
    fn clear(&mut self) {
        self.observations.clear();
        self.states.clear();
    }

    fn evaluate<N: Network<Scalar = f32>>(
        &mut self,
        team: Team<'_>,
        network: &mut ActorCritic<N>,
        theta: &[f32],
        width: usize,
    ) {
        let rows = self.observations.len() / width;
        self.values.resize(rows, 0.0);
        self.starts.resize(rows, false);
        let memory = Memory { n_envs: rows, length: 1, states: &self.states, starts: &self.starts };
        let memory = (network.state_width() > 0).then_some(memory);
        let input = Input::all(&self.observations, width).with_memory(memory);
        network.values(team, theta, input, &mut self.values);
    }
}

impl<N: Network<Scalar = f32>> Collector<N> {
    /// V(s_t) and V of what followed, with the true final observation where an episode was cut off.
    pub(super) fn evaluate(
        &mut self,
        mut team: Team<'_>,
        network: &mut ActorCritic<N>,
        theta: &[f32],
    ) -> Result<(), CollectError> {
        let Self { rollout, shards, actors, extra, .. } = self;
        let width = rollout.observation_width;
        extra.clear();
        shards.iter().for_each(|shard| extra.observations.extend_from_slice(&shard.record.last));
        actors.iter().for_each(|actor| extra.states.extend_from_slice(actor.states()));
        for shard in shards.iter() {
            extra.observations.extend_from_slice(&shard.record.truncated);
            extra.states.extend_from_slice(&shard.record.truncated_states);
        }
        let memory = rollout.remembered.as_ref().map(|remembered| remembered.memory(rollout.n_envs));
        let input = Input::all(&rollout.observations, width).with_memory(memory);
        network.values(team.reborrow(), theta, input, &mut rollout.values);
        extra.evaluate(team, network, theta, width);
        let values = &mut extra.values;
        if let Some(scale) = self.value_scale {
            scale.to_values(&mut rollout.values);
            scale.to_values(values);
        }

        let n_envs = rollout.n_envs;
        let kept = rollout.values.len() - n_envs;
        rollout.next_values[..kept].copy_from_slice(&rollout.values[n_envs..]);
        rollout.next_values[kept..].copy_from_slice(&values[..n_envs]);
        for (next, &terminated) in rollout.next_values.iter_mut().zip(&rollout.terminated) {
            *next = if terminated { 0.0 } else { *next };
        }
        let mut finals = values[n_envs..].iter();
        for shard in shards.iter() {
            let n = shard.env.n_envs();
            for (i, _) in shard.record.outcomes.iter().enumerate().filter(|(_, o)| **o == Outcome::Truncated)
            {
                let place = i / n * n_envs + shard.first + i % n;
                rollout.next_values[place] = finals.next().copied().unwrap_or(f32::NAN);
            }
        }
        match rollout.values.iter().chain(&rollout.next_values).position(|v| !v.is_finite()) {
            None => Ok(()),
            Some(i) => {
                let place = i % rollout.values.len();
                let value = if i == place { rollout.values[i] } else { rollout.next_values[place] };
                Err(CollectError::Value { env: place % n_envs, step: place / n_envs, value })
            }
        }
    }
}
