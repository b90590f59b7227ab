"""EnvPool's environments stepped with random actions, on one thread of its pool."""

import argparse

import envpool
import numpy as np
from common import prepared_actions, steps_per_second, tell

PACKAGES = ["envpool", "gymnasium", "numpy"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--env", required=True)
    parser.add_argument("--n-envs", type=int, default=64)
    parser.add_argument("--seconds", type=float, required=True)
    args = parser.parse_args()

    envs = envpool.make_gymnasium(args.env, num_envs=args.n_envs, num_threads=1, seed=0)
    envs.reset()
    space = envs.action_space
    space.seed(0)
    actions = prepared_actions(lambda: np.stack([space.sample() for _ in range(args.n_envs)]))
    steps, seconds = steps_per_second(envs.step, actions, args.n_envs, args.seconds)
    tell({"steps": steps, "seconds": seconds}, PACKAGES)


if __name__ == "__main__":
    main()
