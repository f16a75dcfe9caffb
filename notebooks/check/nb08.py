"""The exercises of notebook 08, Sampling: draw, temperature, top-k, top-p, entropy, calibration, loops, a sampler."""

import numpy as np

from check import Wrong, close, exercise, several, shaped
from course import choosing
from lstm.loss import cross_entropy
from lstm.model import CharRNN, Config, initial_parameters
from lstm.sampling import Draw, distribution, generate, pick
from lstm.vocabulary import Vocabulary

EXACT = 1e-12
P = np.array([0.1, 0.45, 0.05, 0.3, 0.1])  # unsorted, with two alike
UNIFORMS = (0.0, 0.05, 0.0999, 0.1001, 0.5, 0.5501, 0.599, 0.6001, 0.8999, 0.9001, 0.999999)
CUT = np.array([0.0, 0.5, 0.0, 0.5])  # as top-k leaves them: on an edge what has 0 must not be chosen


@exercise(hints=[
    "Lay the probabilities side by side on a line from 0 to 1: each character has a piece as long as its "
    "probability. In whose piece does `uniform` lie?",
    "np.cumsum(p) has the places where the pieces end. The character is the first whose end lies beyond `uniform`.",
])
def pick_character(answer):
    for p, uniform in [(P, uniform) for uniform in UNIFORMS] + [(CUT, 0.0), (CUT, 0.5)]:
        found, right = answer(p.copy(), uniform), pick(p, uniform)
        if not np.ndim(found) == 0 or found != right:
            raise Wrong(f"for p = {p.tolist()} and uniform = {uniform} it gives {found}, it should be {right}")


LOGITS = np.array([[1.0, 3.0, -2.0, 2.9], [1000.0, 999.0, 0.0, -1000.0]])


@exercise(hints=[
    "Divide the logits by the temperature, then softmax (notebook 04).",
    "The largest logit is taken off first, else exp of it overflows: at a low temperature logits are large.",
    "At temperature 0 there is no division: all probability is the largest logit's.",
])
def with_temperature(answer):
    for temperature in (1.0, 0.5, 2.0, 0.02, 0.0):
        for logits in LOGITS:
            with np.errstate(all="ignore"):
                found = shaped(answer(logits.copy(), temperature), logits.shape)
            right = distribution(logits, Draw(temperature))
            close(f"p at temperature {temperature:g} for logits {logits.tolist()}", found, right, EXACT)


@exercise(hints=[
    "The mean of the surprise: each -log p, weighted by how often it will happen, which is p.",
    "0 * log(0) is not a number for NumPy; what never happens adds nothing. Leave those out.",
])
def entropy(answer):
    for p in (P, np.array([0.0, 1.0, 0.0]), np.array([0.5, 0.0, 0.5]), np.full(82, 1 / 82)):
        with np.errstate(all="ignore"):
            found = answer(p.copy())
        likely = p[p > 0]
        # 1e-9: -(p * np.log(p + 1e-12)).sum() is 8e-11 off for V = 82, and right; wrong ones are off by 0.1 and more
        close(f"the entropy of {np.round(p[:5], 3).tolist()}{' ...' if len(p) > 5 else ''}", found,
              -(likely * np.log(likely)).sum(), 1e-9)


@exercise(hints=[
    "Which are the k likeliest? np.argsort(-p)[:k] says where they are.",
    "All others become 0, and what is left is divided by its sum.",
])
def top_k(answer):
    p = np.array([0.1, 0.45, 0.06, 0.3, 0.09])
    for k in (1, 2, 4, 5, 9):
        found = shaped(answer(p.copy(), k), p.shape)
        close(f"p with k = {k}", found, distribution(np.log(p), Draw(top_k=k)), EXACT)


@exercise(hints=[
    "Go through the characters, likeliest first, and add their probabilities up. Stop as soon as the sum is at least "
    "`share`: the one that reaches it is kept.",
    "order = np.argsort(-p); a character is kept if those BEFORE it have less than `share` together.",
    "Even with share = 0 one must be left. At the end divide by the sum.",
])
def top_p(answer):
    p = np.array([0.1, 0.45, 0.06, 0.3, 0.09])
    for share in (0.0, 0.3, 0.5, 0.8, 0.9, 1.0):
        found = shaped(answer(p.copy(), share), p.shape)
        close(f"p with share = {share}", found, distribution(np.log(p), Draw(top_p=share)), 1e-9)


@exercise(hints=[
    "For each bin: which of the p lie in it? `(edges[n] <= p) & (p < edges[n + 1])`. The last bin has 1 in it too.",
    "Then the mean of those p, and the mean of `happened` at the same places: True counts as 1.",
    "A bin with nothing in it has no mean: np.nan.",
])
def calibration(answer):
    rng = np.random.default_rng(0)
    p = np.concatenate((rng.random(500) ** 2, [0.2, 0.4, 1.0]))
    happened, edges = rng.random(len(p)) < p**1.5, np.array([0, 0.2, 0.4, 0.6, 0.6001, 1.0])
    found = answer(p.copy(), happened.copy(), edges.copy())
    rights = choosing.reliability(p, happened, edges)
    for (name, value), right in zip(several(found, ("mean p", "share that happened")), rights):
        value = shaped(value, right.shape)
        if not np.isnan(value[3]):
            raise Wrong(f"the {name} of a bin with nothing in it is {value[3]}, and should be NaN")
        close(f"the {name} of the bins", np.delete(value, 3), np.delete(right, 3), EXACT)


GRID = np.round(np.arange(0.5, 2.01, 0.05), 2)


@exercise(hints=[
    "Try them all: for each temperature divide the logits by it, and take the mean of -log p(target).",
    "The best is the one with the lowest mean. `min(temperatures, key=...)` or np.argmin.",
])
def best_temperature(answer):
    rng = np.random.default_rng(1)
    logits = 2 * rng.normal(size=(400, 6))
    for true in (0.7, 1.0, 1.5):  # the targets are drawn at this temperature
        p = np.array([distribution(row, Draw(true)) for row in logits])
        targets = (p.cumsum(axis=1) < rng.random((400, 1))).sum(axis=1).clip(max=5)
        losses = [cross_entropy(logits / one, targets)[0].mean() for one in GRID]
        found, right = answer(logits.copy(), targets.copy(), GRID.tolist()), GRID[np.argmin(losses)]
        if np.ndim(found) or not np.isclose(found, right):
            raise Wrong(f"of {len(GRID)} temperatures it chooses {found}; with {right:g} the loss is lower, "
                        f"{min(losses):.3f} nats")


@exercise(hints=[
    "First the network reads the prime: `model.forward(ids[:, None], model.initial_state())`. The logits of the LAST "
    "step say what may follow.",
    "For each random number: p at that temperature, pick, and then the network reads the character that was picked, "
    "with the state it had. Only that one: all that was before is in the state.",
    "`model.forward(np.array([[k]]), state)` reads one character; vocabulary.decode makes a text of ids.",
])
def own_sampler(answer):
    vocabulary = Vocabulary("\n |ABCDabcd")
    model = CharRNN(Config(len(vocabulary), 4, 8, 2), initial_parameters(Config(len(vocabulary), 4, 8, 2), 3, float))
    model.parameters["dense/kernel"][:] *= 4  # so that it is surer than a new network
    for prime, temperature in (("AB|", 1.0), ("d", 0.5)):
        uniforms = np.random.default_rng(len(prime)).random(40)

        class Numbers:  # a generator that gives these
            @staticmethod
            def random(shape, given=iter(uniforms)):
                return np.array([next(given, 0.0) for _ in range(np.prod(shape))]).reshape(shape)

        characters = generate(model, vocabulary, prime, Numbers, Draw(temperature))
        right = "".join(next(characters) for _ in uniforms)
        found = answer(model, vocabulary, prime, uniforms.copy(), temperature)
        if not isinstance(found, str) or len(found) != len(right):
            raise Wrong(f"it should return a text of {len(right)} characters, one for each random number")
        if found != right:
            at = next(n for n, (a, b) in enumerate(zip(found, right)) if a != b)
            raise Wrong(f"after the prime {prime!r} at temperature {temperature}, character {at} is {found[at]!r}; "
                        f"with this random number it should be {right[at]!r}")


TUNES = (["AB", "cd", "cd", "cd", "AB"], ["A"], ["A", "A", "B", "A", "A", "A", "A"], ["A", "B"] * 4)


@exercise(hints=[
    "A bar returns if it stood anywhere before it in the same tune. A set of those that you have seen helps.",
    "How many bars are there, and how many different ones? The others have been there before.",
])
def share_that_returns(answer):
    for bars in TUNES:
        close(f"the share of {bars}", answer(list(bars)), choosing.returning(bars), EXACT)


@exercise(hints=[
    "Count up while a bar equals the one before it, and begin again at 1 where it does not. Keep the largest count.",
    "itertools.groupby puts equal neighbours together.",
])
def longest_run(answer):
    for bars in TUNES:
        found, right = answer(list(bars)), choosing.longest_run(bars)
        if found != right:
            raise Wrong(f"the longest run in {bars} is {right}, it says {found}")


@exercise(hints=[
    "Not worse than people, as far as one can tell: the interval of the tunes still reaches up to people's value.",
    "by_temperature[t] is (value, low, high). Of all t with high >= people, the largest.",
    "If there is none, None.",
])
def highest_temperature(answer):
    tables = (
        ({0.5: (0.99, 0.97, 1.0), 0.8: (0.98, 0.965, 0.992), 1.1: (0.93, 0.90, 0.95)}, 0.99, 0.8),
        ({1.1: (0.99, 0.98, 0.995), 0.5: (0.90, 0.85, 0.96), 0.8: (0.97, 0.96, 0.98)}, 0.99, 1.1),
        ({0.5: (0.9, 0.8, 0.95), 0.8: (0.7, 0.6, 0.8)}, 0.99, None),
    )
    for by_temperature, people, right in tables:
        found = answer(dict(by_temperature), people)
        if found != right:
            raise Wrong(f"for {by_temperature} and people's {people} it says {found}, it should be {right}")
