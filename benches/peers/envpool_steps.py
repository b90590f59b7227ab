"""EnvPool's environments stepped with random actions, on one thread of its pool."""

import envpool
import numpy as np
from common import prepared_actions, stepping_arguments, steps_per_second, tell

PACKAGES = ["envpool", "gymnasium", "numpy"]


def main():
    args = stepping_arguments(__doc__)

    envs = envpool.make_gymnasium(args.env, num_envs=args.n_envs, num_threads=1, seed=0)
    envs.reset()
    space = envs.action_space
    space.seed(0)
    actions = prepared_actions(lambda: np.stack([space.sample() for _ in range(args.n_envs)]))
    steps, seconds = steps_per_second(envs.step, actions, args.n_envs, args.seconds)
    tell({"steps": steps, "seconds": seconds}, PACKAGES)


if __name__ == "__main__":
    main()
