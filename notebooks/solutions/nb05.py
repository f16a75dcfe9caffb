"""Solutions of notebook 05, and wrong answers with words that the check must say about them."""

import numpy as np

from lstm import cell


def one_step_back(dh, h, U):
    return (dh * (1 - h**2)) @ U.T


def half_life_bias(lag):
    kept = 0.5 ** (1 / lag)
    return np.log(kept / (1 - kept))


def in_chunks(z, h0, c0, U, length):
    outputs = []
    for start in range(0, len(z), length):
        _, h, c = cell.forward(z[start : start + length], h0, c0, U)
        outputs.append(h[1:])
        h0, c0 = h[-1], c[-1]
    return np.concatenate(outputs), h0, c0


def from_zero(z, h0, c0, U, length):
    chunks = [cell.forward(z[s : s + length], h0, c0, U) for s in range(0, len(z), length)]
    return np.concatenate([h[1:] for _, h, _ in chunks]), chunks[-1][1][-1], chunks[-1][2][-1]


def cell_forgotten(z, h0, c0, U, length):
    outputs = []
    for start in range(0, len(z), length):
        _, h, c = cell.forward(z[start : start + length], h0, c0, U)
        outputs.append(h[1:])
        h0 = h[-1]
    return np.concatenate(outputs), h0, c[-1]


def stateful_batches(ids, B, T):
    row = (len(ids) - 1) // B
    rows = ids[: row * B].reshape(B, row).T
    return [rows[start : start + T] for start in range(0, row - T + 1, T)]


def windows_side_by_side(ids, B, T):
    count = (len(ids) - 1) // (B * T)
    return [batch.T for batch in ids[: count * B * T].reshape(count, B, T)]


def rows_first(ids, B, T):
    return [batch.T for batch in stateful_batches(ids, B, T)]


def chunk_gradient(model, ids, targets, state, T):
    total = 0
    for start in range(0, len(ids), T):
        chunk = slice(start, start + T)
        result = model.loss_and_gradient(ids[chunk], targets[chunk], state)
        total = total + result.gradient.flat * len(ids[chunk]) / len(ids)
        state = result.state
    return total


def unweighted(model, ids, targets, state, T):
    total = 0
    for start in range(0, len(ids), T):
        result = model.loss_and_gradient(ids[start : start + T], targets[start : start + T], state)
        total = total + result.gradient.flat
        state = result.state
    return total


def state_not_carried(model, ids, targets, state, T):
    total = 0
    for start in range(0, len(ids), T):
        chunk = slice(start, start + T)
        result = model.loss_and_gradient(ids[chunk], targets[chunk], state)
        total = total + result.gradient.flat * len(ids[chunk]) / len(ids)
    return total


def clipped(gradient, clip):
    return gradient * min(1, clip / np.linalg.norm(gradient))


SOLUTIONS = {
    "one_step_back": one_step_back,
    "half_life_bias": half_life_bias,
    "predict_start": ["carried", "zero", "foreign"],
    "in_chunks": in_chunks,
    "stateful_batches": stateful_batches,
    "chunk_gradient": chunk_gradient,
    "clipped": clipped,
    "choose_clip": lambda norms: np.quantile(norms, 0.95),
    "long_memory": 5,
}

WRONG = {
    "one_step_back": [
        (lambda dh, h, U: (dh * (1 - h**2)) @ U, "entries differ"),
        (lambda dh, h, U: dh @ U.T * (1 - h**2), "entries differ"),
    ],
    "half_life_bias": [
        (lambda lag: 1.0, "0.731 of the cell"),
        (lambda lag: 0.5 ** (1 / lag), "of the cell is kept"),
    ],
    "predict_start": [
        (["carried", "foreign", "zero"], "foreign is cheaper than zero"),
        (["zero", "carried", "foreign"], "zero is cheaper than carried"),
    ],
    "in_chunks": [(from_zero, "T = 6 in chunks of 3"), (cell_forgotten, "T = 6 in chunks of 3")],
    "stateful_batches": [(windows_side_by_side, "its state would be foreign"), (rows_first, "time first")],
    "chunk_gradient": [(unweighted, "chunks of 5"), (state_not_carried, "chunks of 5")],
    "clipped": [
        (lambda gradient, clip: np.clip(gradient, -clip, clip), "comes out turned"),
        (lambda gradient, clip: gradient * clip / np.linalg.norm(gradient), "a gradient of length 0.5"),
    ],
    "choose_clip": [
        (lambda norms: 5.0, "20 times shorter"),
        (lambda norms: norms.mean(), "wanted are the rare ones"),
        (lambda norms: norms.max(), "shortens 0%"),
    ],
    "long_memory": [(0.0, "of 64 steps ago"), (1.0, "of 64 steps ago")],
}
