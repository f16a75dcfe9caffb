"""The exercises of notebook 05, Through time."""

import functools
from unittest import mock

import numpy as np

from check import Wrong, close, exercise
from course import rnn
from course.copy_task import Reader, learn
from course.truncation import STARTS, nats_by_position, truncated_gradient
from lstm import cell
from lstm.corpus import Corpus
from lstm.io.places import INPUT
from lstm.model import CharRNN, Config, State, initial_parameters
from lstm.storage.checkpoint import find_weights, pretrained
from lstm.storage.imported import load

# The lag that long_memory must bridge, the share that must be named right, and the first parameters it is tried with.
# Which of these does not matter at either side of the edge: see copy_task.learn.
FAR, ENOUGH, SEEDS = 64, 0.9, (1, 2, 3)


@exercise(hints=[
    "Two equations of course/rnn.py: from dh_t to dz_t through the tanh, and from dz_t to dh_{t-1} through U.",
    "The slope of tanh at z_t is 1 - tanh(z_t)^2, and tanh(z_t) is h_t: element by element.",
    "h_{t-1} was multiplied by U from the right; a gradient goes back through the transpose, U.T.",
])
def one_step_back(answer):
    rng = np.random.default_rng(4)
    for B, H in ((1, 2), (3, 5)):
        (dh, z, h0), U = rng.normal(size=(3, B, H)), rng.normal(size=(H, H))
        h = rnn.forward(z[None], h0, U)
        _, right = rnn.backward(np.zeros((1, B, H)), dh, h, U)
        close(f"dh of the step before, B = {B}, H = {H}", answer(dh, h[1], U), right)


@exercise(hints=[
    "Of the cell, sigmoid(b) is kept in one step. How much is kept after two, after lag steps?",
    "sigmoid(b)^lag = 1/2. Solve for sigmoid(b) first.",
    "The inverse of y = sigmoid(b) is b = log(y / (1 - y)).",
])
def half_life_bias(answer):
    for lag in (1, 2, 10, 100):
        kept = cell.sigmoid(float(answer(lag))) ** lag
        if not abs(kept - 0.5) < 1e-6:
            raise Wrong(f"lag {lag}: with your bias {kept:.3g} of the cell is kept; it should be 0.5")


@exercise(hints=[
    "With forget bias 1 the cell keeps sigmoid(1) of itself at each step. How much is that after 64 steps?",
    "Your half_life_bias says which bias lets half of it through. A little more is safer.",
])
def long_memory(answer):
    if not -20 <= float(answer) <= 20:
        raise Wrong(f"{answer} is beyond what a sigmoid can tell apart; give a number between -20 and 20")
    for seed in SEEDS:
        share = share_named(float(answer), seed)
        if share < ENOUGH:
            raise Wrong(f"with forget bias {answer:g} the LSTM of seed {seed} names {share:.0%} of the symbols of "
                        f"{FAR} steps ago; wanted are {ENOUGH:.0%}")


def share_named(bias, seed):
    """The share of symbols that an LSTM with this forget bias names right after 300 steps at most."""
    return learn(Reader(32, bias, seed), FAR)


@exercise(hints=[
    "The state after one chunk is the state before the next: the last row of the h and c that forward returned.",
    "h[0] of each chunk is the last h of the chunk before: take h[1:], or it stands there twice.",
    "The last chunk may be shorter; a slice that goes beyond the end does that by itself.",
])
def in_chunks(answer):
    rng = np.random.default_rng(5)
    for T, length in ((6, 3), (7, 3), (5, 1), (4, 9)):
        where = f"T = {T} in chunks of {length}"
        z, h0, c0 = rng.normal(size=(T, 2, 12)), rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
        U = rng.normal(size=(3, 12))
        _, h, c = cell.forward(z.copy(), h0, c0, U)
        with mock.patch.object(cell, "forward", wraps=cell.forward) as forward:
            found = answer(z.copy(), h0.copy(), c0.copy(), U, length)
        if not isinstance(found, (tuple, list)) or len(found) != 3:
            raise Wrong("it should return three arrays: h of all steps, and the last h and c")
        for what, value, right in zip(("h", "the last h", "the last c"), found, (h[1:], h[-1], c[-1])):
            close(f"{what}, {where}", value, right)
        steps = [len(call.args[0] if call.args else call.kwargs["z"]) for call in forward.call_args_list]
        if steps and max(steps) > length:  # none: who calls it by another name is believed
            raise Wrong(f"{where}: the numbers are right, but cell.forward is called with {max(steps)} steps at once")
        if steps and len(steps) != -(-T // length):
            raise Wrong(f"{where}: the numbers are right, but cell.forward is called {len(steps)} times")


@exercise(hints=[
    "model.loss_and_gradient(ids, targets, state) gives a BatchResult: its state goes into the next chunk.",
    "result.gradient is overwritten by the next call: add up result.gradient.flat as you go.",
    "A chunk's gradient is that of the mean over its own characters. 3 steps out of 10 have a weight of 3/10.",
])
def chunk_gradient(answer):
    rng = np.random.default_rng(6)
    config = Config(5, 3, 4, 1, dropout=0.0)
    model = CharRNN(config, initial_parameters(config, 1, np.float64), cell)
    ids, targets = rng.integers(0, 5, (2, 10, 2))
    state = State(*rng.normal(size=(2, 1, 2, 4)))
    for T in (10, 5, 3):
        right = truncated_gradient(model, ids, targets, state, T)
        found = answer(model, ids, targets, state, T)
        close(f"the gradient of 10 steps in chunks of {T}", found, right)


@exercise(hints=[
    "Which of the three knows the tune's key and metre? Which knows nothing? Which knows something wrong?",
    "Is it better to have forgotten, or to be sure of another tune?",
])
def predict_start(answer):
    if sorted(answer) != sorted(STARTS):
        raise Wrong(f"name each of {', '.join(STARTS)} once, the cheapest first")
    cost = measured_starts()
    for better, worse in zip(answer, answer[1:]):
        if cost[better] > cost[worse]:
            raise Wrong(f"you say {better} is cheaper than {worse}; over the first 16 characters of a window it is "
                        f"more costly, by {cost[better] - cost[worse]:.2f} nats a character")


@functools.cache
def measured_starts():
    """What the first 16 characters of a window cost the weights that ship, by how the window starts."""
    corpus, checkpoint = Corpus.of(INPUT.read_text()), load(find_weights(pretrained()))
    nats = nats_by_position(checkpoint.model, corpus.validation[:20_000], 64)
    return {start: float(values[:16].mean()) for start, values in nats.items()}


@exercise(hints=[
    "Row b is to read a piece of the text from its beginning to its end. So first cut the text into B equal pieces.",
    "ids[: B * row].reshape(B, row) has the pieces as rows; time first means its transpose.",
    "Then the batches are slices of T rows of that: as many as there are whole ones.",
])
def stateful_batches(answer):
    for length, B, T in ((25, 2, 4), (24, 2, 4), (103, 3, 5)):
        where, count = f"{length} ids, B = {B}, T = {T}", (length - 1) // B // T
        found = [np.asarray(batch) for batch in answer(np.arange(length), B, T)]  # an id is its place in the text
        if len(found) and max(batch.max(initial=0) for batch in found) > length - 2:
            raise Wrong(f"{where}: the last character is read, and nothing is left for its target")
        if len(found) != count:
            raise Wrong(f"{where}: {len(found)} batches, there should be {count}")
        for k, batch in enumerate(found):
            if batch.shape != (T, B):
                raise Wrong(f"{where}: batch {k} has the shape {batch.shape}, it should be {(T, B)}, time first")
            if (np.diff(batch, axis=0) != 1).any():
                raise Wrong(f"{where}: a row of batch {k} does not read one character after another")
        for k, (before, batch) in enumerate(zip(found, found[1:]), 1):
            for b in np.flatnonzero(batch[0] != before[-1] + 1):
                raise Wrong(f"{where}: row {b} of batch {k} begins at place {batch[0, b]} of the text, but the one "
                            f"before ended at {before[-1, b]}: its state would be foreign")
        if np.unique(found).size < B * T * count:
            raise Wrong(f"{where}: some places of the text are read twice")


@exercise(hints=[
    "What is the length of the gradient, and by what number would you have to multiply it to have the length `clip`?",
    "Only a gradient that is longer than `clip` is to be shortened. None is to be made longer.",
    "All entries are multiplied by the same number, so that the direction stays.",
])
def clipped(answer):
    rng = np.random.default_rng(7)
    for size, length in ((3, 0.5), (3, 40.0), (1000, 5.1)):
        gradient = rng.normal(size=size)
        gradient *= length / np.linalg.norm(gradient)
        found = np.asarray(answer(gradient.copy(), 5.0))
        if found.shape == gradient.shape and length > 5 and np.linalg.norm(found) > 0:
            turned = found @ gradient / np.linalg.norm(found) / length
            if turned < 1 - 1e-9:
                raise Wrong(f"a gradient of length {length:g} comes out turned: the cosine is {turned:.4f}, not 1")
        # PyTorch divides by the norm + 1e-6, so that a gradient of 0 needs no care: that is right too
        close(f"a gradient of length {length:g}, clip 5", found, gradient * min(1, 5 / length), 1e-6)


@exercise(hints=[
    "A clip is a brake for rare steps. How long is a usual gradient, and how much longer one that is not?",
    "numpy.median(norms) is not moved by a few long ones; numpy.mean and numpy.std are.",
    "Another way: numpy.quantile(norms, share) is the number that this share of the norms is below.",
])
def choose_clip(answer):
    rng = np.random.default_rng(8)
    runs = (1.0, 30, "one run"), (0.05, 30, "a run whose gradients are 20 times shorter"), (1.0, 1, "a calm run")
    for scale, rare, name in runs:
        norms = scale * np.exp(rng.normal(0, 0.3, 400))
        norms[rng.choice(400, 8, replace=False)] *= rare
        clip, least = float(answer(norms.copy())), 0.02 if rare > 1 else 0.0  # in a calm run there are no rare steps
        share = float((norms > clip).mean())
        if not (least <= share <= 0.15 and clip > 0):
            raise Wrong(f"in {name} your clip of {clip:.3g} shortens {share:.0%} of the steps; "
                        f"wanted are the rare ones, between {least:.0%} and 15%")
