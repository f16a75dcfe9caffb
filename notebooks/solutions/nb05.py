"""Solutions of notebook 05, right answers in other styles, and wrong ones with words that the check must say."""

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


def step_by_numbers(dh, h, U):
    back = np.zeros_like(dh)
    for k, row in enumerate(U):
        back[:, k] = np.sum(dh * (1 - np.square(h)) * row, axis=1)
    return back


def searched_bias(lag):
    low, high = -50.0, 50.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (low, middle) if cell.sigmoid(middle) ** lag > 0.5 else (middle, high)
    return low


def in_chunks_with_split(z, h0, c0, U, length):
    h, c, outputs = h0, c0, np.empty((len(z), *h0.shape))
    for start in range(0, len(z), length):
        _, hs, cs = cell.forward(z=z[start : start + length], h0=h, c0=c, recurrent_kernel=U)
        outputs[start : start + length] = hs[1:]
        h, c = hs[-1], cs[-1]
    return [outputs, h, c]


def in_chunks_by_recursion(z, h0, c0, U, length):
    _, h, c = cell.forward(z[:length], h0, c0, U)
    if len(z) <= length:
        return h[1:], h[-1], c[-1]
    rest, last_h, last_c = in_chunks_by_recursion(z[length:], h[-1], c[-1], U, length)
    return np.vstack([h[1:], rest]), last_h, last_c


def not_cut(z, h0, c0, U, length):
    _, h, c = cell.forward(z, h0, c0, U)
    return h[1:], h[-1], c[-1]


def step_by_step(z, h0, c0, U, length):
    return in_chunks(z, h0, c0, U, 1)


def states_before(z, h0, c0, U, length):
    outputs = []
    for start in range(0, len(z), length):
        _, h, c = cell.forward(z[start : start + length], h0, c0, U)
        outputs.append(h[:-1])
        h0, c0 = h[-1], c[-1]
    return np.concatenate(outputs), h0, c0


def batches_in_one_array(ids, B, T):
    count = (ids.size - 1) // B // T
    row = (ids.size - 1) // B
    return np.array([[[ids[b * row + k * T + t] for b in range(B)] for t in range(T)] for k in range(count)])


def batches_one_by_one(ids, B, T):
    rows = np.split(ids[: (len(ids) - 1) // B * B], B)
    for start in range(0, len(rows[0]) - T + 1, T):
        yield np.column_stack([row[start : start + T] for row in rows])


def no_target_left(ids, B, T):
    rows = ids[: len(ids) // B * B].reshape(B, -1).T
    return [rows[start : start + T] for start in range(0, len(rows) - T + 1, T)]


def letter_by_letter(ids, B, T):
    rows = ids[: (len(ids) - 1) // B * B].reshape(-1, B)
    return [rows[start : start + T] for start in range(0, len(rows) - T + 1, T)]


def gradient_by_average(model, ids, targets, state, T):
    gradients, steps = [], []
    for start in range(0, len(ids), T):
        result = model.loss_and_gradient(ids[start : start + T], targets[start : start + T], state)
        gradients.append(result.gradient.flat.copy())
        steps.append(len(ids[start : start + T]))
        state = result.state
    return np.average(gradients, axis=0, weights=steps)


def gradient_by_characters(model, ids, targets, state, T):
    total, cuts = np.zeros(model.parameters.flat.size), range(T, len(ids), T)
    for inputs, wanted in zip(np.split(ids, cuts), np.split(targets, cuts)):
        result = model.loss_and_gradient(inputs, wanted, state)
        total += result.gradient.flat * inputs.size
        state = result.state
    return total / ids.size


def mean_of_chunks(model, ids, targets, state, T):
    return unweighted(model, ids, targets, state, T) / -(-len(ids) // T)


def whole_gradient(model, ids, targets, state, T):
    return model.loss_and_gradient(ids, targets, state).gradient.flat.copy()


def overwritten(model, ids, targets, state, T):
    gradients = []
    for start in range(0, len(ids), T):
        result = model.loss_and_gradient(ids[start : start + T], targets[start : start + T], state)
        gradients.append(result.gradient.flat)
        state = result.state
    return np.mean(gradients, axis=0)


def clipped_as_in_pytorch(gradient, clip):
    norm = np.sqrt(np.sum(gradient**2))
    return gradient * min(clip / (norm + 1e-6), 1.0)


def clipped_in_place(gradient, clip):
    norm = np.linalg.norm(gradient)
    if norm > clip:
        gradient /= norm / clip
    return gradient


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

ALSO_RIGHT = {
    "one_step_back": [
        step_by_numbers,
        lambda dh, h, U: np.einsum("bj,bj,kj->bk", dh, 1 - h * h, U),
        lambda dh, h, U: np.dot(U, (dh - dh * h**2).T).T,
    ],
    "half_life_bias": [
        searched_bias,
        lambda lag: -np.log(2 ** (1 / lag) - 1),
        lambda lag: -np.log(np.expm1(np.log(2) / lag)),
    ],
    "predict_start": [("carried", "zero", "foreign"), np.array(["carried", "zero", "foreign"])],
    "in_chunks": [in_chunks_with_split, in_chunks_by_recursion],
    "stateful_batches": [batches_in_one_array, batches_one_by_one],
    "chunk_gradient": [gradient_by_average, gradient_by_characters],
    "clipped": [clipped_as_in_pytorch, clipped_in_place, lambda gradient, clip: list(clipped(gradient, clip))],
    "choose_clip": [
        lambda norms: 2 * np.median(norms),
        lambda norms: 3 * float(np.median(norms)),
        lambda norms: sorted(norms)[int(0.97 * len(norms))],
        lambda norms: norms.mean() + 3 * norms.std(),
    ],
    "long_memory": [2.5, 4.6, np.float32(8)],
}

WRONG = {
    "one_step_back": [
        (lambda dh, h, U: (dh * (1 - h**2)) @ U, "entries differ"),
        (lambda dh, h, U: dh @ U.T * (1 - h**2), "entries differ"),
        (lambda dh, h, U: dh @ U.T, "entries differ"),
        (lambda dh, h, U: (dh * (1 - np.tanh(h) ** 2)) @ U.T, "entries differ"),
    ],
    "half_life_bias": [
        (lambda lag: 1.0, "0.731 of the cell"),
        (lambda lag: 0.5 ** (1 / lag), "of the cell is kept"),
        (lambda lag: np.log(lag / np.log(2)), "lag 1: with your bias"),
        (lambda lag: -half_life_bias(lag), "of the cell is kept"),
    ],
    "predict_start": [
        (["carried", "foreign", "zero"], "foreign is cheaper than zero"),
        (["zero", "carried", "foreign"], "zero is cheaper than carried"),
        (["foreign", "zero", "carried"], "foreign is cheaper than zero"),
        (["carried", "zero"], "once"),
    ],
    "in_chunks": [
        (from_zero, "T = 6 in chunks of 3"),
        (cell_forgotten, "T = 6 in chunks of 3"),
        (states_before, "h, T = 6 in chunks of 3"),
        (not_cut, "with 6 steps at once"),
        (step_by_step, "is called 6 times"),
    ],
    "stateful_batches": [
        (windows_side_by_side, "its state would be foreign"),
        (rows_first, "time first"),
        (letter_by_letter, "one character after another"),
        (no_target_left, "nothing is left for its target"),
    ],
    "chunk_gradient": [
        (unweighted, "chunks of 5"),
        (state_not_carried, "chunks of 5"),
        (mean_of_chunks, "chunks of 3"),
        (whole_gradient, "chunks of 5"),
        (overwritten, "chunks of 5"),
    ],
    "clipped": [
        (lambda gradient, clip: np.clip(gradient, -clip, clip), "comes out turned"),
        (lambda gradient, clip: gradient * clip / np.linalg.norm(gradient), "a gradient of length 0.5"),
        (lambda gradient, clip: gradient * min(1, clip / np.abs(gradient).sum()), "a gradient of length"),
        (lambda gradient, clip: gradient * min(1, np.sqrt(clip / np.linalg.norm(gradient))), "a gradient of length 40"),
    ],
    "choose_clip": [
        (lambda norms: 5.0, "20 times shorter"),
        (lambda norms: norms.mean(), "wanted are the rare ones"),
        (lambda norms: norms.max(), "shortens 0%"),
        (lambda norms: np.median(norms), "shortens 50%"),
        (lambda norms: norms.min() / 2, "shortens 100%"),
    ],
    "long_memory": [
        (0.0, "of 64 steps ago"),
        (1.0, "of 64 steps ago"),
        (-5, "of 64 steps ago"),
        (1000, "beyond what a sigmoid can tell apart"),
    ],
}
