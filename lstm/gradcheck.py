"""Gradient checking: backpropagation against finite differences, for every single number.

    python -m lstm.gradcheck            a table: parameter, shape, worst relative error, verdict
    python -m lstm.gradcheck --plot     error against the step h: the U curve

If f is the loss as a function of one number x, all others fixed, its slope can be measured:

    D(h) = (f(x + h) - f(x - h)) / 2h                    wrong by O(h^2)                   (1)
    slope = (4 D(h) - D(2h)) / 3                         wrong by O(h^4), Richardson 1911  (2)

A large h errs by curvature, a small h by rounding, since f(x + h) and f(x - h) share most of their digits:
the error against h is a U. (2) lies lower than (1), which is why every entry can be held to 1e-6. h is a share
of the largest number of the array that x stands in: how far a step leads depends on the scale of x (Dennis &
Schnabel 1983, section 5.6).

Rounding moves f by up to r, and so (2) by up to (4 r/h + r/2h) / 3 = 1.5 r/h (the condition error of Gill,
Murray & Wright 1981, section 8.6). What is less than that cannot be told from right, so the error is

    |backward - slope| / max(|backward|, |slope|, floor),   floor = 1.5 r/h / 1e-6                       (3)

The rounding of a sum is bounded by the sizes of its terms, not by the sum (Higham 1993): r = 4 u sum |term|,
u = 2^-53. At sizes from 1 to 1000 (300 layers) the rounding that was found is up to a third of that.

The check is in float64, with dropout on (its mask depends on the key alone, so it is the same in every
evaluation), from a state that is not zero. It runs through the very `forward` and `backward` that train.
"""

if __name__ == "__main__":
    from lstm.io.interrupts import watch

    watch()

import math
from dataclasses import dataclass, fields

import numpy as np

from lstm import cell
from lstm.io import InputError
from lstm.io.command_line import Parser, between, exit_with, number, path_name, whole
from lstm.io.files import check_writable
from lstm.loss import cross_entropy, cross_entropy_backward
from lstm.model import BACKENDS, SIZES, CharRNN, Config, DropoutKeys, State, initial_parameters
from lstm.rendering.plots import save, u_curve

LIMIT = 1e-6  # worst relative error that is accepted
STEP = 1e-3  # h, as a share of an array's largest number; the bottom of the U for (2)
PLOTTED = np.logspace(-7, -1, 25)  # steps that the U is drawn from
HIGHEST_RATE = 0.9  # of dropout: with more of it too little is left to check
MOST_SECONDS = 3600  # that a check may take


class Problem:
    """A small model in float64 and a batch for it: something whose loss and gradients can be had.

    The loss is that of training, plus a random weighting of the last state's h and c. So a gradient comes
    back from beyond the end too, as it does when a sequence is cut into chunks.
    """

    def __init__(self, config, T=5, B=3, seed=0, backend=BACKENDS["numba"]):
        rng = np.random.default_rng(seed)
        shape = (config.layers, B, config.units)
        self.model = CharRNN(config, tame_parameters(config, seed, rng), backend)
        different = min(config.vocabulary, -(-T * B // 2))  # so few that one of them comes twice
        self.ids = rng.permutation(config.vocabulary)[:different][rng.integers(0, different, (T, B))]
        self.targets = rng.integers(0, config.vocabulary, (T, B))
        self.state, self.dstate = (State(*rng.normal(0, 0.5, (2, *shape))) for _ in range(2))
        self.keys = keys_that_keep(config, self.ids, rng)

    @property
    def arrays(self):
        """Name -> array of everything that is checked: the parameters, and the state before the first step."""
        return dict(self.model.parameters.items()) | {"h0": self.state.h, "c0": self.state.c}

    def loss(self):
        """The loss for the arrays as they are now."""
        nats, after = self._forward()
        return nats.mean() + sum(np.vdot(weight, s) for weight, s in zip(self.dstate, after))

    def rounding(self):
        """r of (3): how far rounding may move the loss."""
        nats, after = self._forward()
        sizes = nats.mean() + sum(np.abs(weight * s).sum() for weight, s in zip(self.dstate, after))
        return 2 * np.finfo(np.float64).eps * sizes  # eps is 2 u

    def _forward(self):
        """The nats of each character, and the last state."""
        logits, after, _ = self.model.forward(self.ids, self.state, self.keys)
        return cross_entropy(logits, self.targets)[0], after

    def gradients(self):
        """Name -> gradient of each array, by backpropagation."""
        logits, _, cache = self.model.forward(self.ids, self.state, self.keys)
        _, log_p = cross_entropy(logits, self.targets)
        dlogits = cross_entropy_backward(log_p, self.targets, self.ids.size)
        gradient = self.model.parameters.like()
        dstate = self.model.backward(dlogits, self.dstate, cache, gradient)
        return dict(gradient.items()) | {"h0": dstate.h, "c0": dstate.c}


def tame_parameters(config, seed, rng):
    """Parameters that saturate no gate at any size and any dropout rate: there is no slope in what is saturated.

    Those to start from keep the sizes of what goes through them whatever the fan-in. Dropout divides what it leaves
    by 1 - rate, and so the weights that it meets are multiplied by that.
    """
    parameters = initial_parameters(config, seed, np.float64)
    for name, array in parameters.items():
        if array.ndim == 1:
            array += rng.normal(0, 0.2, array.shape)  # so that no bias is left at 0 or 1
        elif name == "embedding/embedding":
            array *= 1 - config.input_dropout
        elif name.endswith("recurrent_kernel"):
            array *= 1 - config.recurrent_dropout
        elif name != "lstm_1/kernel":
            array *= 1 - config.dropout
    return parameters


def keys_that_keep(config, ids, rng):
    """DropoutKeys that leave something wherever there is dropout: where all is zeroed no gradient could be seen."""
    (T, B), V, E, H = ids.shape, config.vocabulary, config.embedding, config.units

    def draw(rate, shape, rows=slice(None)):
        while True:
            key = rng.integers(2**32, dtype=np.uint32)
            if cell.dropout(np.ones(shape), rate, key)[:, rows].any():
                return key

    output = np.array([draw(config.dropout, (T, B, H)) for _ in range(config.layers)])
    recurrent = np.array([draw(config.recurrent_dropout, (1, H, 4 * H)) for _ in range(config.layers)])
    return DropoutKeys(output, recurrent, draw(config.input_dropout, (1, V, E), ids.ravel()))


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


def relative_error(a, b, floor=0.0):
    """|a - b| / max(|a|, |b|, floor) entry by entry; 0 where all are 0."""
    larger = np.maximum(np.maximum(np.abs(a), np.abs(b)), floor)
    return np.abs(a - b) / np.where(larger > 0, larger, 1)


@dataclass(frozen=True)
class Check:
    """The verdict on one array."""

    name: str
    shape: tuple
    error: float  # the worst of its entries, by (3)

    @property
    def passed(self):
        """Whether the worst entry is within the limit. NaN is not."""
        return self.error <= LIMIT

    def __str__(self):
        shape = " x ".join(map(str, self.shape))
        verdict = "ok" if self.passed else f"WRONG (limit {LIMIT:g})"
        return f"{self.name:<26}{shape:>14}{self.error:>24.2e}  {verdict}"


TITLES = f"{'parameter':<26}{'shape':>14}{'worst relative error':>24}  verdict"  # of the columns


def slopes(problem, h=STEP, slope=richardson):
    """Measure the slope of every entry: an iterator of (name, slopes, floor of (3)) of each array."""
    rounding = problem.rounding()
    for name, array in problem.arrays.items():
        step = h * np.abs(array).max()
        yield name, numeric_gradient(problem.loss, array, step, slope), 1.5 * rounding / step / LIMIT


def check(problem, h=STEP):
    """Compare every entry of every gradient with finite differences: an iterator of Checks."""
    gradients = problem.gradients()
    for name, measured, floor in slopes(problem, h):
        yield Check(name, measured.shape, float(relative_error(gradients[name], measured, floor).max()))


def refuse_sizes(config, T, B, evaluations):
    """Raise InputError for sizes at which a check says too little, or takes hours.

    evaluations: of the loss, for each number that is checked.
    """
    V, H, L = config.vocabulary, config.units, config.layers
    if T * B == 1 or V == L == 1:
        raise InputError(
            "with a single character, or a single layer and nothing to choose from, some wrong gradients are the same "
            "numbers as the right ones; try --batch-size 2 and --vocabulary 2"
        )
    parameters = sum(map(math.prod, config.shapes.values()))
    evaluations *= parameters + 2 * L * B * H
    # Roughly what the slower backend took on two cores: calls, dropout of the weights, then what each character costs.
    seconds = 3e-4 + 5e-5 * T * L + 1e-8 * (parameters + T * B * (10 * L * H + 2 * V + parameters // 100))
    if evaluations * seconds > MOST_SECONDS:
        raise InputError(
            f"a check of these sizes takes {evaluations:,} evaluations of the loss, about "
            f"{evaluations * seconds / 3600:,.1f} hours; try a smaller --vocabulary, --embedding, --units, --layers, "
            "--seq-length or --batch-size"
        )


def parse(argv):
    """The options of the command."""
    parser = Parser(prog="python -m lstm.gradcheck", description="Check every gradient against finite differences.")
    add, of = parser.add_argument, {name: number(bounds) for name, bounds in SIZES.items()}  # of: option types
    add("--vocabulary", type=of["vocabulary"], default=7, metavar="V", help="characters (%(default)s)")
    add("--embedding", type=of["embedding"], default=4, metavar="E", help="numbers for a character (%(default)s)")
    add("--units", type=of["units"], default=5, metavar="H", help="cells in each LSTM layer (%(default)s)")
    add("--layers", type=of["layers"], default=2, metavar="L", help="LSTM layers (%(default)s)")
    share = between(0, HIGHEST_RATE)
    add("--dropout", type=share, default=0.3, metavar="RATE", help="of each layer's output (%(default)s)")
    add("--input-dropout", type=share, default=0.3, metavar="RATE", help="of the embedding (%(default)s)")
    add("--recurrent-dropout", type=share, default=0.3, metavar="RATE", help="of recurrent kernels (%(default)s)")
    add("--seq-length", type=whole(1), default=5, metavar="T", help="time steps (%(default)s)")
    add("--batch-size", type=whole(1), default=3, metavar="B", help="batch rows (%(default)s)")
    add("--seed", type=whole(0), default=0, metavar="N", help="of all random numbers (%(default)s)")
    add("--backend", choices=[*BACKENDS, "both"], default="both", help="what computes the gradients (%(default)s)")
    add("--step", type=between(1e-6, 1e-3), default=STEP, metavar="h", help="of the differences (%(default)s)")
    drawn = "draw error against h (into %(const)s)"
    add("--plot", type=path_name, metavar="FILE", nargs="?", const="gradcheck.png", help=drawn)
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
    formulas, gradients = {"central difference (1)": central, "Richardson (2)": richardson}, problem.gradients()
    curves = {
        label: [
            max(relative_error(gradients[name], measured).max() for name, measured, _ in slopes(problem, h, slope))
            for h in PLOTTED
        ]
        for label, slope in formulas.items()
    }
    save(u_curve(PLOTTED, curves, LIMIT), path)
    print(f"error against the step is drawn in {path}")


def main(argv=None):
    """The command: status 0 if every gradient is right, 1 if one is wrong."""
    options = parse(argv)
    config = Config(**{field.name: getattr(options, field.name) for field in fields(Config)})
    names = BACKENDS if options.backend == "both" else [options.backend]
    sizes = options.seq_length, options.batch_size
    refuse_sizes(config, *sizes, evaluations=4 * len(names) + (2 + 4) * PLOTTED.size * bool(options.plot))
    if options.plot:
        check_writable(options.plot)
    problems = {name: Problem(config, *sizes, options.seed, BACKENDS[name]) for name in names}
    passed = True
    for name, problem in problems.items():
        print(f"backend {name}, float64, h = {options.step:g}")
        passed &= print_table(problem, options.step)
    if options.plot:
        plot(next(iter(problems.values())), options.plot)
    return 0 if passed else 1


if __name__ == "__main__":
    exit_with(main, "python -m lstm.gradcheck")
