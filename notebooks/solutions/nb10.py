"""Solutions of notebook 10, right answers in other styles, and wrong ones with words that the check must say."""

import math

import numpy as np

from lstm import cell
from lstm.evaluation import memory


def cosine_of_states(states):
    directions = states / np.linalg.norm(states, axis=1, keepdims=True)
    return directions @ directions.T


def cosine_in_loops(states):
    return [[a @ b / math.sqrt((a @ a) * (b @ b)) for b in states] for a in states]


def cosine_by_outer(states):
    products = states @ states.T
    lengths = np.sqrt(np.diag(products))
    return products / np.outer(lengths, lengths)


def nats_told(table):
    p = table / table.sum()
    apart = np.outer(p.sum(axis=1), p.sum(axis=0))
    some = p > 0
    return (p[some] * np.log(p[some] / apart[some])).sum()


def nats_in_loops(table):
    whole, nats = table.sum(), 0.0
    for row, of_row in enumerate(table):
        for column, count in enumerate(of_row):
            if count:
                nats += count / whole * math.log(count * whole / (of_row.sum() * table[:, column].sum()))
    return nats


def nats_by_entropies(table):
    def entropy(p):
        p = p[p > 0]
        return -(p * np.log(p)).sum()

    p = table / table.sum()
    return entropy(p.sum(axis=0)) + entropy(p.sum(axis=1)) - entropy(p.ravel())


def best_units(labels, cells, k):
    return np.argsort(-memory.mutual_information(labels, cells))[:k]


def best_as_list(labels, cells, k):
    nats = memory.mutual_information(labels, cells)
    return sorted(range(len(nats)), key=lambda unit: nats[unit], reverse=True)[:k]


def best_one_by_one(labels, cells, k):
    nats, found = memory.mutual_information(labels, cells), []
    for _ in range(k):
        found.append(int(nats.argmax()))
        nats[found[-1]] = -1
    return found


def chance_of(score, controls):
    return (1 + sum(control >= score for control in controls)) / (1 + len(controls))


def chance_by_numpy(score, controls):
    return np.mean(np.append(controls, score) >= score)


def chance_by_sorting(score, controls):
    in_order = np.sort(controls)
    return (1 + len(in_order) - np.searchsorted(in_order, score)) / (1 + len(in_order))


def linear_probe(labels, cells, new_cells):
    x = np.column_stack([cells, np.ones(len(cells))])
    weights, *_ = np.linalg.lstsq(x, np.eye(labels.max() + 1)[labels], rcond=None)
    return (np.column_stack([new_cells, np.ones(len(new_cells))]) @ weights).argmax(axis=1)


def probe_of_the_package(labels, cells, new_cells):
    return memory.probed(memory.probe(labels, cells), new_cells)


def probe_centred(labels, cells, new_cells):
    mean, wanted = cells.mean(axis=0), np.eye(4)[labels]
    x = cells - mean
    weights = np.linalg.solve(x.T @ x + 0.1 * np.eye(x.shape[1]), x.T @ (wanted - wanted.mean(axis=0)))
    return ((new_cells - mean) @ weights + wanted.mean(axis=0)).argmax(axis=1)


def softmax_probe(labels, cells, new_cells):
    mean, wanted = cells.mean(axis=0), np.eye(4)[labels]
    x, weights = cells - mean, np.zeros((cells.shape[1], 4))
    for _ in range(200):
        z = x @ weights
        p = np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True))
        weights -= 0.1 * x.T @ (p - wanted) / len(x)
    return ((new_cells - mean) @ weights).argmax(axis=1)


def probe_without_a_bias(labels, cells, new_cells):
    weights, *_ = np.linalg.lstsq(cells, np.eye(4)[labels], rcond=None)
    return (new_cells @ weights).argmax(axis=1)


def silenced_step(x, h, c, W, U, b, units):
    i, f, g, o = np.split(x @ W + h @ U + b, 4, axis=1)
    c = cell.sigmoid(f) * c + cell.sigmoid(i) * np.tanh(g)
    h = cell.sigmoid(o) * np.tanh(c)
    h[:, units] = 0
    return h, c


def silenced_by_mask(x, h, c, W, U, b, units):
    _, h, c = cell.forward((x @ W + b)[None], h, c, U)
    heard = np.ones(h.shape[-1])
    heard[units] = 0
    return h[1] * heard, c[1]


def silenced_by_gate(x, h, c, W, U, b, units):
    z = x @ W + h @ U + b
    H = h.shape[1]
    gates = cell.sigmoid(z)
    c = gates[:, H : 2 * H] * c + gates[:, :H] * np.tanh(z[:, 2 * H : 3 * H])
    gates[:, [3 * H + unit for unit in units]] = 0
    return [gates[:, 3 * H :] * np.tanh(c), c]


def silenced_before(x, h, c, W, U, b, units):
    h[:, units] = 0
    return silenced_step(x, h, c, W, U, b, [])


def silenced_cells_too(x, h, c, W, U, b, units):
    h, c = silenced_step(x, h, c, W, U, b, units)
    c[:, units] = 0
    return h, c


def silent_rows(U, above, units):
    U, above = U.copy(), above.copy()
    U[units], above[units] = 0, 0
    return U, above


def silent_by_mask(U, above, units):
    heard = np.isin(np.arange(len(U)), units, invert=True)[:, None]
    return [U * heard, above * heard]


def silent_by_diagonal(U, above, units):
    heard = np.eye(len(U))
    heard[units, units] = 0
    return heard @ U, heard @ above


def silent_in_place(U, above, units):
    U[units] = above[units] = 0
    return U, above


def silent_columns(U, above, units):
    U, above = U.copy(), above.copy()
    U[:, units] = above[:, units] = 0
    return U, above


def damage_by_kind(before, after, kinds):
    return {kind: (after - before)[kinds == kind].mean() for kind in set(kinds.tolist())}


def damage_in_a_loop(before, after, kinds):
    more = {}
    for cost, whole, kind in zip(after, before, kinds):
        more.setdefault(kind, []).append(cost - whole)
    return {kind: sum(one) / len(one) for kind, one in more.items()}


def damage_by_two_means(before, after, kinds):
    return {kind: after[kinds == kind].mean() - before[kinds == kind].mean() for kind in np.unique(kinds)}


def smallest_clear(ranked, chance):
    return min((size for size, (_, low, _) in ranked.items() if low > max(chance[size])), default=None)


def smallest_in_a_loop(ranked, chance):
    for size in sorted(ranked):
        if all(ranked[size][1] > one for one in chance[size]):
            return size
    return None


def smallest_by_numpy(ranked, chance):
    sizes = [size for size in ranked if ranked[size][1] > np.max(chance[size])]
    return int(np.min(sizes)) if sizes else None


SOLUTIONS = {
    "cosine_of_states": cosine_of_states,
    "nats_told": nats_told,
    "best_units": best_units,
    "chance_of": chance_of,
    "linear_probe": linear_probe,
    "silenced_step": silenced_step,
    "silent_rows": silent_rows,
    "damage_by_kind": damage_by_kind,
    "predict_damage": (0.02, 3.0, 0.05),
    "smallest_clear": smallest_clear,
}

ALSO_RIGHT = {
    "cosine_of_states": [cosine_in_loops, cosine_by_outer],
    "nats_told": [nats_in_loops, nats_by_entropies],
    "best_units": [best_as_list, best_one_by_one],
    "chance_of": [chance_by_numpy, chance_by_sorting],
    "linear_probe": [probe_of_the_package, probe_centred, softmax_probe],
    "silenced_step": [silenced_by_mask, silenced_by_gate],
    "silent_rows": [silent_by_mask, silent_by_diagonal],
    "damage_by_kind": [damage_in_a_loop, damage_by_two_means],
    "predict_damage": [[1, 1, 1], np.array([0.5, 0.1, -0.1])],
    "smallest_clear": [smallest_in_a_loop, smallest_by_numpy],
}

WRONG = {
    "cosine_of_states": [
        (lambda states: states @ states.T, "with itself"),
        (lambda states: cosine_of_states(states - states.mean(axis=0)), "the cosines"),
        (lambda states: cosine_of_states(states.T), "the shape is"),
        (lambda states: np.corrcoef(states), "the cosines"),
    ],
    "nats_told": [
        (lambda table: nats_told(table) / math.log(2), "where one tells all"),
        (lambda table: np.sum(table / table.sum() * np.log(table)), "independent"),
        (lambda table: nats_told(table + 1), "independent"),
        (lambda table: np.nansum(table / table.sum() * np.log(table / table.sum())), "independent"),
    ],
    "best_units": [
        (lambda labels, cells, k: np.argsort(memory.mutual_information(labels, cells))[:k], "tells most"),
        (lambda labels, cells, k: np.argsort(-labels @ cells)[:k], "by falling"),
        (lambda labels, cells, k: best_units(labels, cells, k)[::-1], "not the best first"),
        (lambda labels, cells, k: best_units(labels, cells, k + 1), "the shape is"),
    ],
    "chance_of": [
        (lambda score, controls: sum(one >= score for one in controls) / len(controls), "0.6"),
        (lambda score, controls: (1 + sum(one > score for one in controls)) / (1 + len(controls)), "0.3"),
        (lambda score, controls: (1 + sum(one <= score for one in controls)) / (1 + len(controls)), "0.6"),
    ],
    "linear_probe": [
        (lambda labels, cells, new: np.full(len(new), np.bincount(labels).argmax()), "of the new labels"),
        (probe_without_a_bias, "of the new labels"),
        (lambda labels, cells, new: linear_probe(labels[::-1], cells, new), "of the new labels"),
        (lambda labels, cells, new: linear_probe(labels, cells, cells), "the shape is"),
    ],
    "silenced_step": [
        (lambda x, h, c, W, U, b, units: silenced_step(x, h, c, W, U, b, []), "silenced units"),
        (silenced_before, "silenced units"),
        (silenced_cells_too, "c after step 1"),
        (lambda *given: silenced_step(*given)[0], "2 values"),
    ],
    "silent_rows": [
        (silent_in_place, "were changed"),
        (silent_columns, "h @ U"),
        (lambda U, above, units: (silent_rows(U, above, units)[0], above), "h @ above"),
        (lambda U, above, units: (np.delete(U, units, axis=0), above), "the shape is"),
    ],
    "damage_by_kind": [
        (lambda before, after, kinds: damage_by_kind(after, before, kinds), "costs more"),
        (lambda before, after, kinds: damage_by_kind(0 * before, after, kinds), "costs more"),
        (lambda before, after, kinds: (after - before).mean(), "a dict is wanted"),
        (lambda before, after, kinds: {k: (after - before)[kinds == k].sum() for k in set(kinds)}, "costs more"),
    ],
    "predict_damage": [
        ((0.1, 0.2), "3 values"),
        (("much", "more", "most"), "three numbers"),
        ((0.1, float("nan"), 0.2), "finite"),
    ],
    "smallest_clear": [
        (lambda ranked, chance: min(size for size in ranked if ranked[size][1] > 0), "by chance"),
        (lambda ranked, chance: max(ranked), "smaller size"),
        (lambda ranked, chance: min(s for s in ranked if ranked[s][1] > np.mean(chance[s])), "by chance"),
        (lambda ranked, chance: next((s for s in ranked if ranked[s][1] > max(chance[s])), None), "smaller size"),
    ],
}
