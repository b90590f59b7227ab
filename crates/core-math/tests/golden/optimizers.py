"""Writes optimizers.json: parameters after each of some steps of torch's optimisers, in float64.

Run: python optimizers.py > optimizers.json   (torch 2.13, numpy 2)
"""

import json
import math

import torch

STEPS = 8
START = [1.0, -1.0, 0.25]


def gradients():
    """Of every size and sign, one of them 0 at times."""
    rows = [[math.sin(1.3 * t + k) * 10.0 ** (k - 1) for k in range(3)] for t in range(STEPS)]
    rows[2][1] = 0.0
    return rows


def run(make, scheduler=None):
    theta = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = make([theta])
    schedule = scheduler(optimizer) if scheduler else None
    path, rates = [], []
    for gradient in gradients():
        theta.grad = torch.tensor(gradient, dtype=torch.float64)
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if schedule:
            schedule.step()
        path.append(theta.tolist())
    return {"theta": path, "learning_rates": rates}


def linear(optimizer):
    return torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1.0, end_factor=0.25, total_iters=STEPS - 1)


optim = torch.optim
print(
    json.dumps(
        {
            "about": "made by optimizers.py: theta after each step with the gradient of that step",
            "torch": torch.__version__,
            "start": START,
            "gradients": gradients(),
            "ascent": run(lambda p: optim.SGD(p, lr=0.1, maximize=True)),
            "descent": run(lambda p: optim.SGD(p, lr=0.1)),
            "adam": run(lambda p: optim.Adam(p, lr=0.01)),
            "adam_other": run(lambda p: optim.Adam(p, lr=0.1, betas=(0.7, 0.9), eps=1e-2)),
            "rms_prop": run(lambda p: optim.RMSprop(p, lr=0.01)),
            "rms_prop_other": run(lambda p: optim.RMSprop(p, lr=7e-4, alpha=0.9, eps=1e-5)),
            "adam_linear": run(lambda p: optim.Adam(p, lr=0.02), linear),
        },
        indent=0,
    )
)
