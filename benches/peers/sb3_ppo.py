"""stable-baselines3 on its own environments in one process (`DummyVecEnv`), on the CPU.

`train` is PPO in its steady state: rollouts and updates, after warming up. `solve` trains as RL Baselines3 Zoo does, until
the mean return of the last 100 training episodes is at the target. Nothing is evaluated, saved or logged to a file.
Episodes that are cut off are bootstrapped from their true final observation, as ours are.
"""

import argparse
import time

from common import add_ppo_arguments, tell, use_best_threads
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from torch import nn

PACKAGES = ["stable-baselines3", "torch", "gymnasium", "numpy"]


class StopAtReturn(BaseCallback):
    """Stops once the last 100 episodes have this mean return. Looks whenever an episode has ended."""

    def __init__(self, target):
        super().__init__()
        self.target = target
        self.is_solved = False

    def _on_step(self):
        episodes = self.model.ep_info_buffer
        if self.locals["dones"].any() and len(episodes) == episodes.maxlen:
            self.is_solved = sum(episode["r"] for episode in episodes) >= self.target * len(episodes)
        return not self.is_solved


def linear(start):
    """A schedule that falls to 0 at the end of training."""
    return lambda progress_remaining: progress_remaining * start


def model(args):
    env = make_vec_env(args.env, n_envs=args.n_envs, seed=args.seed)
    schedule = linear if args.linear else (lambda start: start)
    return PPO(
        "MlpPolicy",
        env,
        n_steps=args.n_steps,
        batch_size=args.minibatch_size,
        n_epochs=args.epochs,
        learning_rate=schedule(args.learning_rate),
        clip_range=schedule(0.2),
        gamma=args.gamma,
        gae_lambda=args.gae_lambda,
        ent_coef=0.0,
        policy_kwargs={"net_arch": {"pi": args.hidden, "vf": args.hidden}, "activation_fn": nn.Tanh},
        seed=args.seed,
        device="cpu",
    )


def train(args):
    ppo, rollout = model(args), args.n_envs * args.n_steps
    ppo.learn(rollout)
    threads = use_best_threads(lambda: ppo.learn(2 * rollout, reset_num_timesteps=False))
    before, start = ppo.num_timesteps, time.perf_counter()
    ppo.learn(args.steps, reset_num_timesteps=False)
    seconds = time.perf_counter() - start
    tell({"steps": ppo.num_timesteps - before, "seconds": seconds, "threads": threads}, PACKAGES)


def solve(args):
    # The choice of threads is ours, not the peer's work: its time is told, to be taken off the process's.
    start = time.perf_counter()
    trial = model(args)
    threads = use_best_threads(lambda: trial.learn(args.n_envs * args.n_steps))
    choice = time.perf_counter() - start
    start = time.perf_counter()
    ppo, stop = model(args), StopAtReturn(args.target)
    ppo.learn(args.steps, callback=stop)
    seconds = time.perf_counter() - start
    result = {"steps": ppo.num_timesteps, "seconds": seconds, "threads": threads}
    tell(result | {"choice_seconds": choice, "solved": bool(stop.is_solved)}, PACKAGES)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=["train", "solve"])
    add_ppo_arguments(parser)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--gamma", type=float, default=0.99)
    parser.add_argument("--gae-lambda", type=float, default=0.95)
    parser.add_argument("--linear", action="store_true", help="learning rate and clip range fall to 0")
    parser.add_argument("--target", type=float, help="for `solve`: the mean return of 100 episodes")
    args = parser.parse_args()
    {"train": train, "solve": solve}[args.task](args)


if __name__ == "__main__":
    main()
