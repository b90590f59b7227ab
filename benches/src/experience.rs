//! Experience to update on, as a policy gave it.

use gradus_core_math::{Distribution, Stream};
use gradus_policy::{ActorCritic, ActorCriticConfig, Agent, Input, Mlp, Network, Rollout, Team};

use crate::uniform;

/// Two networks of 2×64, and a rollout of so many environments and steps with the actions, probabilities and values
/// that they give on observations of this width.
pub fn experience(
    family: &Distribution,
    observation_width: usize,
    shape: (usize, usize),
) -> (Agent<Mlp<f32>>, Rollout<f32>) {
    experience_of(ActorCriticConfig::new(observation_width, family.clone()).build(), shape)
}

/// The same of any network.
pub fn experience_of<N: Network<Scalar = f32>>(
    network: ActorCritic<N>,
    (n_envs, n_steps): (usize, usize),
) -> (Agent<N>, Rollout<f32>) {
    let (rows, observation_width) = (n_envs * n_steps, network.input_width());
    let family = network.distribution().clone();
    let mut agent = Agent::new(network, &mut Stream::new(0, "initialize", 0));
    let mut rollout = Rollout::new(n_steps, n_envs, observation_width, &family, false);
    rollout.observations = uniform("observations", rows * observation_width);
    rollout.advantages = uniform("advantages", rows);
    rollout.value_targets = uniform("value_targets", rows);
    let mut outputs = vec![0.0; rows * (family.n_params() + 1)];
    let input = Input::all(&rollout.observations, observation_width);
    agent.network.forward(Team::single(), &agent.theta, input, &mut outputs);
    let mut stream = Stream::new(0, "sample", 0);
    let actions = rollout.actions.chunks_exact_mut(family.action_width());
    for (i, (output, action)) in outputs.chunks_exact(family.n_params() + 1).zip(actions).enumerate() {
        let (params, value) = output.split_at(family.n_params());
        family.sample(params, None, &mut stream, action);
        rollout.log_probs[i] = family.log_prob(params, None, action);
        rollout.distribution_params[i * params.len()..][..params.len()].copy_from_slice(params);
        rollout.values[i] = value[0];
    }
    (agent, rollout)
}
