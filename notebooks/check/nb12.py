"""The exercises of notebook 12, Your own corpus: a hash, tunes on both sides, units, sizes, and what may be claimed."""

import hashlib
import tempfile
from pathlib import Path

import numpy as np

from check import Wrong, close, exercise, several
from course import own_corpus
from lstm.evaluation.heldout import Loss
from lstm.evaluation.quality import mean
from lstm.model import Config
from lstm.training import to_bits

EXACT = 1e-9


def parameters(V, E, H, L):
    """How many the package has."""
    return sum(int(np.prod(shape)) for shape in Config(V, E, H, L).shapes.values())


@exercise(hints=[
    "A hash is of bytes, not of letters. `Path(path).read_bytes()` has the bytes of a file as they are.",
    "hashlib.sha256(...).hexdigest() writes the hash as 64 digits.",
])
def file_hash(answer):
    contents = {"tunes": b"X:1\nT:Reel\nK:D\nabc|\n", "lines that end as on Windows": b"X:1\r\nK:G\r\n", "nothing": b"",
                "letters that are not UTF-8": "T:Café\n".encode("latin-1")}
    for what, content in contents.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "file.abc")
            path.write_bytes(content)
            found = answer(str(path))
        right = hashlib.sha256(content).hexdigest()
        if not isinstance(found, str) or len(found) != len(right):
            raise Wrong(f"it should return {len(right)} digits as a text")
        if found.lower() != right:
            raise Wrong(f"the hash of a file with {what} differs")


BOTH = [  # (training, held out)
    (["X:1\nT:One\nK:D\n|:abc dBA|\n\n"], ["X:9\nT:One\nK:D\n|:abc dBA|\n\n", "X:8\nT:Two\nK:D\n|:fed cBA|\n\n"]),
    (["X:1\nT:One\nR:jig\nK:D\n|:abc dBA|\n\n"], ["X:2\nT:Another Name\nK:D\n|: a b c d B A |\n\n"]),
    (["X:1\nT:One\nK:D\n|:abc dBA|\nfed|\n\n"], ["X:2\nT:One\nK:D\n|:abc dBA|fed|"]),
    (["X:1\nT:One\nK:D\n|:abc dBA|\n\n"], ["X:2\nT:One\nK:G\n|:abc dBA|\n\n"]),  # the same letters, other notes
    (["X:1\nT:One\nK:D\n|:abc dBA|\n\n"], ["X:2\nT:One\nK:D\n|:ABC Dba|\n\n"]),  # another octave
    (["X:1\nT:One\nK:D\n|:abc dBA|fed|\n\n"], ["X:2\nT:One\nK:D\n|:abc dBA|\n\n"]),  # a part of it
]


@exercise(hints=[
    "Give each tune a normal form, so that two spellings of one tune have the same one. Then compare those; a set of "
    "the training tunes' forms makes it fast.",
    "`body(tune)` is the music without the header, and \"\".join(text.split()) leaves out blanks and line ends.",
    "The same letters in another key are other notes: `header_fields(tune)['K']` belongs to the normal form.",
])
def found_in_both(answer):
    for training, held_out in BOTH:
        found = sorted(int(n) for n in answer(list(training), list(held_out)))
        right = own_corpus.in_both(training, held_out)
        for n in sorted(set(found) ^ set(right)):
            word = "is found, and differs from all of" if n in found else "is not found, and stands in"
            shown = held_out[n] if n < len(held_out) else "?"
            raise Wrong(f"the tune {shown!r} {word} training: {training[0]!r}")


@exercise(hints=[
    "A nat is e-fold, a bit is two-fold: 1 nat = 1 / ln 2 bits.",
    "A character costs so many bits, the text so many characters as often; 8 bits are a byte.",
])
def size_in_bytes(answer):
    for nats, characters in ((1.0, 1000), (0.98, 54321), (np.log(2), 8), (2.5, 1)):
        names = "bits per character", "bytes of the whole text"
        rights = to_bits(nats), to_bits(nats) * characters / 8
        for (name, value), right in zip(several(answer(nats, characters), names), rights):
            close(f"the {name} for {nats:.3g} nats and {characters:,} characters", value, right, EXACT)


ROWS = [
    [Loss("LSTM", 1.10), Loss("n-gram, order 3", 1.30), Loss("n-gram, order 4", 1.25), Loss("xz", 1.28)],
    [Loss("n-gram, order 5", 1.00), Loss("LSTM", 1.20), Loss("n-gram, order 6", 1.05)],
    [Loss("LSTM", 1.50), Loss("n-gram, order 2", 1.60), Loss("bzip2", 1.40)],
]


@exercise(hints=[
    "The network itself is not its own rival: leave out the row whose `model` is LSTM, wherever it stands.",
    "The gain is the rival's bits less the network's: above zero if the network is better. Divide nats by ln 2.",
])
def rival(answer):
    for rows in ROWS:
        name, gain = (value for _, value in several(answer(list(rows)), ("name of the rival", "gain in bits")))
        network = next(row for row in rows if row.model == "LSTM")
        best = min((row for row in rows if row is not network), key=lambda row: row.nats)
        if name != best.model:
            models = ", ".join(row.model for row in rows)
            raise Wrong(f"of {models} it names {name!r}, and another one is harder to beat")
        close(f"the gain over {name} in bits", gain, to_bits(best.nats - network.nats), EXACT)


@exercise(hints=[
    "Go through the arrays: embedding (V, E); in each layer kernel, recurrent kernel and bias for four gates; "
    "dense kernel (H, V) and bias (V,).",
    "The first layer reads E numbers, each further layer reads H.",
])
def count_parameters(answer):
    for sizes in ((82, 64, 256, 1), (5, 3, 4, 1), (82, 128, 448, 2), (7, 2, 9, 3)):
        found, right = answer(*sizes), parameters(*sizes)
        close("the number for V = {}, E = {}, H = {}, L = {}".format(*sizes), found, right, EXACT)


@exercise(hints=[
    "The number of parameters grows with H. Try one H after the other, as long as the next one is within the budget.",
    "Or solve it: for one layer it is 4 H^2 + (4 E + 4 + V) H + (E + 1) V.",
])
def largest_network(answer):
    for V, E, budget in ((82, 64, 50_000), (82, 64, 300_000), (5, 3, parameters(5, 3, 7, 1)), (60, 32, 9_999)):
        found = answer(V, E, budget)
        if np.ndim(found) or found != int(found) or found < 1:
            raise Wrong(f"it should return a whole number of units, and gives {found}")
        for units, fits in ((int(found), True), (int(found) + 1, False)):
            if (parameters(V, E, units, 1) <= budget) != fits:
                word = "are too many" if fits else "would fit too"
                raise Wrong(f"for V = {V}, E = {E} and a budget of {budget:,}, {units} units {word}: they have "
                            f"{parameters(V, E, units, 1):,} parameters")


RUNS = [  # losses of the smaller and of the larger network, seed by seed; the nearest border is 0.01 nats away
    ([1.30, 1.32, 1.31], [1.20, 1.21, 1.22]),
    ([1.20, 1.21, 1.22], [1.30, 1.32, 1.31]),
    ([1.30, 1.32, 1.31], [1.20, 1.36, 1.27]),  # better on average
    ([1.30, 1.40, 1.50, 1.60], [1.25, 1.36, 1.44, 1.55]),  # each seed gains, although the seeds differ by more
    ([1.30, 1.31, 1.29, 1.30, 1.32], [1.29, 1.33, 1.27, 1.31, 1.30]),
    ([1.30, 1.30, 1.30], [1.25, 1.28, 1.22]),  # 2 standard errors would do, 4.3 do not
]


@exercise(hints=[
    "The runs come in pairs: the same seed, another size. Look at the differences, `large - small`, one for each seed.",
    "Their mean, give or take t standard errors: np.std(d, ddof=1) / np.sqrt(n), and t from the table for n - 1.",
    "If zero lies within the interval, the runs cannot tell. A lower loss is better.",
])
def claim(answer):
    words = "better", "worse", "cannot tell"
    for small, large in RUNS:
        found, gain = answer(list(small), list(large)), mean(np.subtract(large, small))
        right = "better" if gain.high < 0 else "worse" if gain.low > 0 else "cannot tell"
        if found not in words:
            raise Wrong(f"it should return one of {', '.join(map(repr, words))}, and gives {found!r}")
        if found != right:
            raise Wrong(f"for {small} against {large} it says {found!r}; the mean difference is {gain.value:+.3f}"
                        f", from {gain.low:+.3f} to {gain.high:+.3f}")


TRUE = set("bdf")
SENTENCES = set("abcdefg")


@exercise(hints=[
    "Ask of each: was just this measured? On other tunes, other people's ears, other seeds nothing was.",
    "A sentence that says how it was measured, with its interval, may stand. A word larger than that may not.",
])
def may_claim(answer):
    if not isinstance(answer, (str, set, frozenset, list, tuple)) or not set(answer) <= SENTENCES:
        raise Wrong("it should be letters from a to g, such as 'ag'")
    chosen = set(answer)
    too_much, left_out = len(chosen - TRUE), len(TRUE - chosen)
    if too_much or left_out:
        raise Wrong(f"{too_much} of these claim more than was measured, and {left_out} that may stand are missing")
