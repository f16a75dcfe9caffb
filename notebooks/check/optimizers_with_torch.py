"""How nb06.json beside this file was made: ten steps of PyTorch's optimizers with the same gradients, in float64.

    python notebooks/check/optimizers_with_torch.py        makes it again; needs the extra `peers`
"""

import json
from pathlib import Path

import numpy as np
import torch

PATH = Path(__file__).with_name("nb06.json")
STEPS, RATE = 10, 0.1
TYPICAL = np.array([1.0, 0.1, 10.0, 0.01, 1.0, 3.0])  # sizes of the gradients of six numbers
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=RATE),
    "momentum": lambda p: torch.optim.SGD(p, lr=RATE, momentum=0.9),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=RATE, alpha=0.9, eps=1e-7),
    "adam": lambda p: torch.optim.Adam(p, lr=RATE, betas=(0.9, 0.999), eps=1e-7),
}


def places(make, start, gradients):
    """Where an optimizer is after each step, a list of (N,)."""
    p = torch.tensor(start, requires_grad=True)
    optimizer, after = make([p]), []
    for gradient in gradients:
        p.grad = torch.tensor(gradient)
        optimizer.step()
        after.append(p.tolist())
    return after


def stored():
    """{name: nested lists} of what goes into the file."""
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=TYPICAL.size), TYPICAL * rng.normal(0.5, 1, (STEPS, TYPICAL.size))
    values = {name: places(make, start, gradients) for name, make in OPTIMIZERS.items()}
    return {"start": start.tolist(), "gradients": gradients.tolist()} | values


if __name__ == "__main__":
    PATH.write_text(json.dumps(stored(), indent=1) + "\n")
