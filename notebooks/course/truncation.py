"""What is lost where a sequence is cut: the gradient that does not come back, and the state that does not go on."""

import numpy as np

from lstm.batches import Batches
from lstm.loss import cross_entropy
from lstm.model import State

STARTS = ("carried", "zero", "foreign")  # what a window of a text may begin with


def truncated_gradient(model, ids, targets, state, T):
    """The gradient of the mean loss over ids (N, B), read in chunks of T with the state carried: a flat vector.

    Each chunk gives the gradient of its own mean loss, and none passes from one to the one before. With T of N or
    more nothing is truncated.
    """
    total = np.zeros_like(model.parameters.flat)
    for start in range(0, len(ids), T):
        chunk = slice(start, start + T)
        result = model.loss_and_gradient(ids[chunk], targets[chunk], state)
        total += result.gradient.flat * (len(ids[chunk]) / len(ids))
        state = result.state
    return total


def cosine(a, b):
    """The cosine of the angle between two vectors: 1 where they point the same way."""
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def nats_by_position(model, ids, T, B=16):
    """What the characters of a window of T cost, by their place in it: {how the window starts: nats (T,)}.

    ids (N,) are read as B rows, window after window. "carried" is the state after the window before it, as it should
    be; "zero" remembers nothing; "foreign" is another row's state, which is what comes of carrying the state on
    between windows that do not follow each other. Means over all windows but the first of each row.
    """
    nats, state = {start: [] for start in STARTS}, model.initial_state(B)
    batches = Batches(ids, B, T)
    for n in range(len(batches)):
        inputs, targets = batches[n]
        foreign = State(np.roll(state.h, 1, axis=1), np.roll(state.c, 1, axis=1))
        for start, before in zip(STARTS, (state, model.initial_state(B), foreign)):
            logits, after, _ = model.forward(inputs, before)
            nats[start].append(cross_entropy(logits, targets)[0].mean(axis=1))
            if start == "carried":
                state = after
    return {start: np.mean(values[1:], axis=0) for start, values in nats.items()}
