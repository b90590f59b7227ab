"""What the peers' scripts share: how a result is told, and how many threads PyTorch gets."""

import argparse
import json
import time
from importlib.metadata import version

import numpy as np

# Steps whose random actions are drawn before the clock starts, as in our own measurement of stepping.
PREPARED_STEPS = 256


def tell(result, packages):
    """Prints a result as one JSON line, with the versions of the packages that it rests on."""
    result["versions"] = {package: version(package) for package in packages}
    print(json.dumps(result), flush=True)


def add_ppo_arguments(parser):
    """What every script that trains by PPO is told."""
    parser.add_argument("--env", required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--n-envs", type=int, required=True)
    parser.add_argument("--n-steps", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--minibatch-size", type=int, required=True)
    parser.add_argument("--hidden", type=int, nargs="+", default=[64, 64])
    parser.add_argument("--seed", type=int, default=0)


def stepping_arguments(description):
    """What every script that steps environments is told."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--env", required=True)
    parser.add_argument("--n-envs", type=int, default=64)
    parser.add_argument("--seconds", type=float, required=True)
    return parser.parse_args()


def use_best_threads(work):
    """Gives PyTorch the number of threads, one or two, on which `work` is faster, and returns it.

    Small networks gain nothing from more threads; which of the two is faster depends on the machine and its load.
    """
    import torch

    seconds = {}
    for threads in (1, 2):
        torch.set_num_threads(threads)
        start = time.perf_counter()
        work()
        seconds[threads] = time.perf_counter() - start
    best = min(seconds, key=seconds.get)
    torch.set_num_threads(best)
    return best


def prepared_actions(sample):
    """Random actions of all environments, one array a step."""
    return [np.asarray(sample()) for _ in range(PREPARED_STEPS)]


def steps_per_second(step, actions, n_envs, seconds):
    """Steps with prepared actions, over and over, for so many seconds; gives the steps done and the time."""
    for action in actions:
        step(action)
    done, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        for action in actions:
            step(action)
        done += n_envs * len(actions)
    return done, elapsed
