"""TRPO of sb3-contrib with its default settings, on the CPU: one environment, 2048 steps, 15 iterations of conjugate
gradient, a critic of 10 epochs in minibatches of 128.

Told are the steps and seconds of whole training, after warming up, and the median seconds of `train()`, one update.
"""

import argparse
import statistics
import time

from common import tell, use_best_threads
from sb3_contrib import TRPO

PACKAGES = ["sb3-contrib", "stable-baselines3", "torch", "gymnasium", "numpy"]


class TimedTRPO(TRPO):
    """TRPO that notes how long its updates take."""

    def __init__(self, *args, **kwargs):
        self.update_seconds = []
        super().__init__(*args, **kwargs)

    def train(self):
        start = time.perf_counter()
        super().train()
        self.update_seconds.append(time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--env", required=True)
    parser.add_argument("--updates", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    trpo = TimedTRPO("MlpPolicy", args.env, seed=args.seed, device="cpu")
    trpo.learn(trpo.n_steps)
    threads = use_best_threads(lambda: trpo.learn(trpo.n_steps, reset_num_timesteps=False))
    trpo.update_seconds.clear()
    before, start = trpo.num_timesteps, time.perf_counter()
    trpo.learn(args.updates * trpo.n_steps, reset_num_timesteps=False)
    seconds = time.perf_counter() - start
    result = {"steps": trpo.num_timesteps - before, "seconds": seconds, "threads": threads}
    tell(result | {"update_seconds": statistics.median(trpo.update_seconds)}, PACKAGES)


if __name__ == "__main__":
    main()
