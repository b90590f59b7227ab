"""Writes results.json: statistics of scores, computed with numpy and, for the intervals of few runs, by enumeration.

Run: python results.py > results.json   (numpy 2)
"""

import itertools
import json

import numpy as np

rng = np.random.default_rng(7)


def iqm(scores):
    x = np.sort(np.asarray(scores).ravel())
    cut = len(x) // 4
    return x[cut : len(x) - cut].mean()


def profile(scores, thresholds):
    return [float(np.mean(np.mean(scores > tau, axis=0))) for tau in thresholds]


def improvement(x, y):
    of_tasks = []
    for m in range(x.shape[1]):
        pairs = x[:, m][:, None] - y[:, m][None, :]
        of_tasks.append(np.mean((pairs > 0) + 0.5 * (pairs == 0)))
    return float(np.mean(of_tasks))


def resampled_tasks(scores):
    """Every resample of every task, all equally likely."""
    runs, tasks = scores.shape
    picks = list(itertools.product(range(runs), repeat=runs))
    for choice in itertools.product(picks, repeat=tasks):
        yield np.stack([scores[list(pick), m] for m, pick in enumerate(choice)], axis=1)


def exact_interval(values):
    """The quantiles of the exact distribution, and the masses at and below each."""
    values = np.sort(values)
    low, high = np.quantile(values, [0.025, 0.975], method="inverted_cdf")
    return [float(low), float(high)]


def sampled_interval(scores, statistic, resamples):
    runs, tasks = scores.shape
    values = []
    for _ in range(resamples):
        picks = rng.integers(0, runs, size=(runs, tasks))
        values.append(statistic(np.take_along_axis(scores, picks, axis=0)))
    return [float(v) for v in np.percentile(values, [2.5, 97.5])]


# Rounded, so that some scores are equal.
large_x = np.round(rng.normal([0.3, 0.8, 0.5, 1.1], 0.25, size=(10, 4)), 2)
large_y = np.round(rng.normal([0.2, 0.9, 0.5, 1.0], 0.25, size=(7, 4)), 2)
small = np.array([[0.11, 0.52], [0.35, 0.93], [0.83, 0.71], [0.47, 0.29]])
thresholds = [-1.0, 0.2, 0.5, float(large_x[0, 0]), 0.9, 1.2, 3.0]
few_x, few_y = small[:3], small[1:] - 0.1

print(
    json.dumps(
        {
            "about": "made by results.py; matrices are [runs][tasks]",
            "large_x": large_x.tolist(),
            "large_y": large_y.tolist(),
            "small": small.tolist(),
            "iqm": [iqm(large_x), iqm(large_y), iqm(small), iqm([3.0, 1.0, 2.0]), iqm(np.arange(9.0) ** 2)],
            "thresholds": thresholds,
            "profile": profile(large_x, thresholds),
            "improvement": [improvement(large_x, large_y), improvement(large_y, large_x), improvement(small, small)],
            "exact_interval_of_small_iqm": exact_interval([iqm(s) for s in resampled_tasks(small)]),
            "exact_interval_of_small_mean": exact_interval([s.mean() for s in resampled_tasks(small)]),
            "few_x": few_x.tolist(),
            "few_y": few_y.tolist(),
            "exact_interval_of_improvement": exact_interval(
                [improvement(x, y) for x in resampled_tasks(few_x) for y in resampled_tasks(few_y)]
            ),
            "resamples": 50000,
            "interval_of_large_iqm": sampled_interval(large_x, iqm, 50000),
            "interval_without_strata": [
                float(v)
                for v in np.percentile(
                    [iqm(rng.choice(large_x.ravel(), size=large_x.size)) for _ in range(50000)], [2.5, 97.5]
                )
            ],
        },
        indent=0,
    )
)
