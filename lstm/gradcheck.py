"""Gradient checking: backpropagation against finite differences, for every single number.

    python -m lstm.gradcheck            a table: parameter, shape, worst relative error, verdict
    python -m lstm.gradcheck --plot     error against the step h: the U curve

If f is the loss as a function of one number x, all others fixed, its slope can be measured:

    D(h) = (f(x + h) - f(x - h)) / 2h                    wrong by O(h^2)                   (1)
    slope = (4 D(h) - D(2h)) / 3                         wrong by O(h^4), Richardson 1911  (2)

A large h errs by curvature, a small h by rounding, since f(x + h) and f(x - h) share most of their digits:
the error against h is a U. (2) lies lower than (1), which is why every entry can be held to 1e-6, small ones
too. The check is in float64, with dropout on (its mask depends on the key alone, so it is the same in every
evaluation), from a state that is not zero. It runs through the very `forward` and `backward` that train.
"""

from dataclasses import dataclass, fields

import numpy as np

from lstm.io.command_line import Parser, between, exit_with, whole
from lstm.loss import cross_entropy, cross_entropy_backward
from lstm.model import BACKENDS, CharRNN, Config, State, dropout_keys, initial_parameters
from lstm.rendering.plots import save, u_curve

LIMIT = 1e-6  # worst relative error that is accepted
STEP = 1e-3  # h; the bottom of the U for (2)


class Problem:
    """A small model in float64 and a batch for it: something whose loss and gradients can be had.

    The loss is that of training, plus a random weighting of the last state's h and c. So a gradient comes
    back from beyond the end too, as it does when a sequence is cut into chunks.
    """

    def __init__(self, config, T=5, B=3, seed=0, backend=BACKENDS["numba"]):
        rng = np.random.default_rng(seed)
        shape = (config.layers, B, config.units)
        parameters = initial_parameters(config, seed, np.float64)
        parameters.flat += rng.normal(0, 0.2, parameters.flat.size)  # so that no bias is left at 0 or 1
        self.model = CharRNN(config, parameters, backend)
        self.ids, self.targets = rng.integers(0, config.vocabulary, (2, T, B))
        self.state, self.dstate = (State(*rng.normal(0, 0.5, (2, *shape))) for _ in range(2))
        self.keys = dropout_keys(seed, 0, config.layers)

    @property
    def arrays(self):
        """Name -> array of everything that is checked: the parameters, and the state before the first step."""
        return dict(self.model.parameters.items()) | {"h0": self.state.h, "c0": self.state.c}

    def loss(self):
        """The loss for the arrays as they are now."""
        logits, after, _ = self.model.forward(self.ids, self.state, self.keys)
        nats, _ = cross_entropy(logits, self.targets)
        return nats.mean() + sum(np.vdot(weight, s) for weight, s in zip(self.dstate, after))

    def gradients(self):
        """Name -> gradient of each array, by backpropagation."""
        logits, _, cache = self.model.forward(self.ids, self.state, self.keys)
        _, log_p = cross_entropy(logits, self.targets)
        dlogits = cross_entropy_backward(log_p, self.targets, self.ids.size)
        gradient = self.model.parameters.like()
        dstate = self.model.backward(dlogits, self.dstate, cache, gradient)
        return dict(gradient.items()) | {"h0": dstate.h, "c0": dstate.c}


def central(f, array, at, h):
    """Equation (1): the slope of f() as array[at] moves by h to either side."""
    x = array[at]
    array[at] = x + h
    above = f()
    array[at] = x - h
    below = f()
    array[at] = x
    return (above - below) / (2 * h)


def richardson(f, array, at, h):
    """Equation (2): the slope of f() as array[at] moves, two steps combined so that the h^2 terms cancel."""
    return (4 * central(f, array, at, h) - central(f, array, at, 2 * h)) / 3


def numeric_gradient(f, array, h, slope=richardson):
    """The slope of f() for every entry of `array`, which is moved in place and put back."""
    gradient = np.empty_like(array)
    for at in np.ndindex(array.shape):
        gradient[at] = slope(f, array, at, h)
    return gradient


def relative_error(a, b):
    """|a - b| / max(|a|, |b|) entry by entry; 0 where both are 0."""
    larger = np.maximum(np.abs(a), np.abs(b))
    return np.abs(a - b) / np.where(larger > 0, larger, 1)


@dataclass(frozen=True)
class Check:
    """The verdict on one array."""

    name: str
    shape: tuple
    error: float  # the worst relative error of its entries

    @property
    def passed(self):
        """Whether the worst entry is within the limit. NaN is not."""
        return self.error <= LIMIT

    def __str__(self):
        shape = " x ".join(map(str, self.shape))
        verdict = "ok" if self.passed else f"WRONG (limit {LIMIT:g})"
        return f"{self.name:<26}{shape:>14}{self.error:>24.2e}  {verdict}"


TITLES = f"{'parameter':<26}{'shape':>14}{'worst relative error':>24}  verdict"  # of the columns


def check(problem, h=STEP, slope=richardson):
    """Compare every entry of every gradient with finite differences: an iterator of Checks."""
    for name, gradient in problem.gradients().items():
        numeric = numeric_gradient(problem.loss, problem.arrays[name], h, slope)
        yield Check(name, gradient.shape, float(relative_error(gradient, numeric).max()))


def parse(argv):
    """The options of the command."""
    parser = Parser(prog="python -m lstm.gradcheck", description="Check every gradient against finite differences.")
    add = parser.add_argument
    add("--vocabulary", type=whole(1), default=7, metavar="V", help="characters (%(default)s)")
    add("--embedding", type=whole(1), default=4, metavar="E", help="numbers that describe a character (%(default)s)")
    add("--units", type=whole(1), default=5, metavar="H", help="cells in each LSTM layer (%(default)s)")
    add("--layers", type=whole(1), default=2, metavar="L", help="LSTM layers (%(default)s)")
    share = between(0, 1, open_end=True)
    add("--dropout", type=share, default=0.3, metavar="RATE", help="of each layer's output (%(default)s)")
    add("--input-dropout", type=share, default=0.3, metavar="RATE", help="of the embedding (%(default)s)")
    add("--recurrent-dropout", type=share, default=0.3, metavar="RATE", help="of recurrent kernels (%(default)s)")
    add("--seq-length", type=whole(1), default=5, metavar="T", help="time steps (%(default)s)")
    add("--batch-size", type=whole(1), default=3, metavar="B", help="batch rows (%(default)s)")
    add("--seed", type=whole(0), default=0, metavar="N", help="of all random numbers (%(default)s)")
    add("--backend", choices=[*BACKENDS, "both"], default="both", help="what computes the gradients (%(default)s)")
    add("--step", type=between(1e-12, 1), default=STEP, metavar="h", help="of the finite differences (%(default)s)")
    add("--plot", metavar="FILE", nargs="?", const="gradcheck.png", help="draw error against h (into %(const)s)")
    return parser.parse_args(argv)


def print_table(problem, h):
    """Print a line for each array as it is checked. Returns whether all passed."""
    print(TITLES)
    passed = True
    for result in check(problem, h):
        print(result, flush=True)
        passed &= result.passed
    return passed


def plot(problem, path):
    """Draw the worst error of all arrays against h, by both formulas."""
    steps = np.logspace(-7, -1, 25)
    formulas = {"central difference (1)": central, "Richardson (2)": richardson}
    curves = {
        label: [max(result.error for result in check(problem, h, slope)) for h in steps]
        for label, slope in formulas.items()
    }
    save(u_curve(steps, curves, LIMIT), path)
    print(f"error against the step is drawn in {path}")


def main(argv=None):
    """The command: status 0 if every gradient is right, 1 if one is wrong."""
    options = parse(argv)
    config = Config(**{field.name: getattr(options, field.name) for field in fields(Config)})
    names = BACKENDS if options.backend == "both" else [options.backend]
    sizes = options.seq_length, options.batch_size, options.seed
    problems = {name: Problem(config, *sizes, BACKENDS[name]) for name in names}
    passed = True
    for name, problem in problems.items():
        print(f"backend {name}, float64, h = {options.step:g}")
        passed &= print_table(problem, options.step)
    if options.plot:
        plot(next(iter(problems.values())), options.plot)
    return 0 if passed else 1


if __name__ == "__main__":
    exit_with(main, "python -m lstm.gradcheck")
