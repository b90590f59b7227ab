"""PPO of rejax, compiled by XLA for the CPU as one function with its environments, which are gymnax's.

The time is that of a second call of the compiled function, without its evaluations; compiling is told apart. What is not
as ours, and costs next to nothing: gymnax resets an environment by computing both, the step and a fresh start, and keeps
one; episodes that are cut off count as terminated; values are clipped; gradients are cut element by element.
"""

import argparse
import time

import jax
from common import add_ppo_arguments, tell
from rejax import PPO

PACKAGES = ["rejax", "gymnax", "jax", "jaxlib", "flax", "optax"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_ppo_arguments(parser)
    args = parser.parse_args()

    rollout = args.n_envs * args.n_steps
    # rejax trains for whole stretches between two evaluations: one stretch is all of it, and the evaluation is empty.
    steps = args.steps // rollout * rollout
    ppo = PPO.create(
        env=args.env,
        num_envs=args.n_envs,
        num_steps=args.n_steps,
        num_epochs=args.epochs,
        num_minibatches=rollout // args.minibatch_size,
        total_timesteps=steps,
        eval_freq=steps,
        skip_initial_evaluation=True,
        learning_rate=3e-4,
        gamma=0.99,
        gae_lambda=0.95,
        clip_eps=0.2,
        ent_coef=0.0,
        vf_coef=0.5,
        max_grad_norm=0.5,
        agent_kwargs={"activation": "tanh", "hidden_layer_sizes": tuple(args.hidden)},
    )
    ppo = ppo.replace(eval_callback=lambda algo, state, rng: ())

    first, second = jax.random.split(jax.random.PRNGKey(args.seed))
    start = time.perf_counter()
    train = jax.jit(ppo.train).lower(first).compile()
    compiling = time.perf_counter() - start
    jax.block_until_ready(train(first))
    start = time.perf_counter()
    state, _ = jax.block_until_ready(train(second))
    seconds = time.perf_counter() - start
    tell({"steps": int(state.global_step), "seconds": seconds, "compile_seconds": compiling}, PACKAGES)


if __name__ == "__main__":
    main()
