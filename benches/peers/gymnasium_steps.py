"""Gymnasium's environments stepped with random actions, on one thread: one by one in `SyncVectorEnv`, and where a task has
a vectorised version of its own, that too; the faster one is told.
"""

import gymnasium
from common import prepared_actions, stepping_arguments, steps_per_second, tell

PACKAGES = ["gymnasium", "numpy"]


def main():
    args = stepping_arguments(__doc__)

    modes = ["sync"]
    if gymnasium.spec(args.env).vector_entry_point:
        modes.append("vector_entry_point")
    results = []
    for mode in modes:
        envs = gymnasium.make_vec(args.env, num_envs=args.n_envs, vectorization_mode=mode)
        envs.reset(seed=0)
        envs.action_space.seed(0)
        actions = prepared_actions(envs.action_space.sample)
        steps, seconds = steps_per_second(envs.step, actions, args.n_envs, args.seconds)
        results.append({"steps": steps, "seconds": seconds, "mode": mode})
        envs.close()
    tell(max(results, key=lambda result: result["steps"] / result["seconds"]), PACKAGES)


if __name__ == "__main__":
    main()
