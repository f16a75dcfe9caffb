"""Solutions of notebook 09, right answers in other styles, and wrong ones with words that the check must say."""

import numpy as np

from course import broken
from lstm import cell
from lstm.gradcheck import numeric_gradient


def first_loss_test(network, p, ids, targets, h, c):
    loss = network(p, ids, targets, h, c)[0]
    return abs(loss - np.log(len(p["dense/bias"]))) < 0.4


def first_loss_by_perplexity(network, p, ids, targets, h, c):
    alike = np.exp(network(p, ids, targets, np.zeros_like(h), np.zeros_like(c))[0])
    return bool(0.67 < alike / p["dense/kernel"].shape[1] < 1.5)


def first_loss_in_share(network, p, *given):
    V, _ = p["embedding/embedding"].shape
    return np.isclose(network(p, *given)[0], np.log(V), rtol=0.1)


def chunk_test(network, p, ids, targets, h, c):
    loss, _, last_h, last_c = network(p, ids, targets, h, c)
    total, k = 0, len(ids) // 2
    for part in (slice(k), slice(k, None)):
        nats, _, h, c = network(p, ids[part], targets[part], h, c)
        total += nats * ids[part].size
    return abs(total / ids.size - loss) < 1e-9 and np.allclose(h, last_h) and np.allclose(c, last_c)


def chunk_by_the_loss(network, p, ids, targets, h, c):
    whole, total = network(p, ids, targets, h, c)[0], 0
    for t in range(len(ids)):
        loss, _, h, c = network(p, ids[t : t + 1], targets[t : t + 1], h, c)
        total += loss
    return bool(np.isclose(total / len(ids), whole))


def chunk_uneven(network, p, ids, targets, h, c):
    first, _, h_middle, c_middle = network(p, ids[:3], targets[:3], h, c)
    second, *_ = network(p, ids[3:], targets[3:], h_middle, c_middle)
    mean = (3 * first + (len(ids) - 3) * second) / len(ids)
    return np.abs(mean - network(p, ids, targets, h, c)[0]) < 1e-6


def chunk_by_the_state(network, p, ids, targets, h, c):
    _, _, h_end, c_end = network(p, ids, targets, h, c)
    _, _, h, c = network(p, ids[:4], targets[:4], h, c)
    _, _, h, c = network(p, ids[4:], targets[4:], h, c)
    return np.allclose([h, c], [h_end, c_end])


def chunk_with_the_first_state(network, p, ids, targets, h, c):
    halves = [network(p, ids[part], targets[part], h, c)[0] for part in (slice(4), slice(4, 8))]
    return np.isclose(np.mean(halves), network(p, ids, targets, h, c)[0])


def gradient_test(network, p, ids, targets, h, c):
    _, gradient, _, _ = network(p, ids, targets, h, c)
    for name in p:
        slopes = numeric_gradient(lambda: float(network(p, ids, targets, h, c)[0]), p[name], 1e-4)
        if not np.allclose(gradient[name], slopes, atol=1e-7):
            return False
    return True


def gradient_by_hand(network, p, ids, targets, h, c, step=1e-5):
    gradient = network(p, ids, targets, h, c)[1]
    worst = 0
    for name, array in p.items():
        for at in np.ndindex(array.shape):
            before = array[at]
            array[at] = before + step
            above = network(p, ids, targets, h, c)[0]
            array[at] = before - step
            below = network(p, ids, targets, h, c)[0]
            array[at] = before
            worst = max(worst, abs((above - below) / (2 * step) - gradient[name][at]))
    return bool(worst < 1e-6)


def gradient_by_norm(network, p, *given):
    mine = network(p, *given)[1]
    off = [np.linalg.norm(mine[name] - numeric_gradient(lambda: network(p, *given)[0], p[name], 1e-4)) for name in p]
    return all(one < 1e-5 for one in off)


def one_array_only(network, p, ids, targets, h, c):
    name = "lstm_1/kernel"
    slopes = numeric_gradient(lambda: network(p, ids, targets, h, c)[0], p[name], 1e-4)
    return np.allclose(network(p, ids, targets, h, c)[1][name], slopes, atol=1e-7)


def reader_test(batches):
    for ids, targets in batches:
        if not np.array_equal(targets[:-1], ids[1:]):
            return False
    return all(np.array_equal(one[1][-1], other[0][0]) for one, other in zip(batches, batches[1:]))


def reader_at_once(batches):
    read = np.concatenate([ids for ids, _ in batches])
    wanted = np.concatenate([targets for _, targets in batches])
    return (read[1:] == wanted[:-1]).all()


def reader_by_texts(batches):
    rows = range(batches[0][0].shape[1])
    read = [[int(k) for ids, _ in batches for k in ids[:, row]] for row in rows]
    wanted = [[int(k) for _, targets in batches for k in targets[:, row]] for row in rows]
    return all(one[1:] == other[:-1] for one, other in zip(read, wanted))


def mend(dh, gates, c, U):
    dz, dh_next, dc_next = np.zeros_like(gates), np.zeros_like(c[0]), np.zeros_like(c[0])
    for t in reversed(range(len(dh))):
        i, f, g, o = np.split(gates[t], 4, axis=1)
        dh_t = dh[t] + dh_next
        dc = dc_next + dh_t * o * (1 - np.tanh(c[t + 1]) ** 2)
        do = dh_t * np.tanh(c[t + 1])
        di, df, dg = dc * g, dc * c[t], dc * i
        dz[t] = np.concatenate((di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)), axis=1)
        dh_next, dc_next = dz[t] @ U.T, dc * f
    return dz


def mend_by_the_package(dh, gates, c, U):
    return cell.backward(dh, np.zeros_like(c[0]), np.zeros_like(c[0]), gates, c, U)[0]


def mend_as_a_list(dh, gates, c, U):
    return [list(step) for step in mend(dh, gates, c, U)]


def with_fault(fault):
    return lambda dh, gates, c, U: broken.backward(dh, gates, c, U, fault)


NAMES = dict(zip(broken.LETTERS, broken.in_order()))

SOLUTIONS = {
    "which_show": "AH",
    "first_loss_test": first_loss_test,
    "chunk_test": chunk_test,
    "gradient_test": gradient_test,
    "reader_test": reader_test,
    "mend": mend,
    "name_the_fault": NAMES,
}

ALSO_RIGHT = {
    "which_show": [["A", "H"], {"a", "h", "i"}, "H, A, E", ("A", "E", "H", "I")],
    "first_loss_test": [first_loss_by_perplexity, first_loss_in_share],
    "chunk_test": [chunk_by_the_loss, chunk_uneven, chunk_by_the_state],
    "gradient_test": [gradient_by_hand, gradient_by_norm],
    "reader_test": [reader_at_once, reader_by_texts],
    "mend": [mend_by_the_package, mend_as_a_list],
    "name_the_fault": [
        {letter.lower(): fault for letter, fault in NAMES.items()},
        dict(reversed(NAMES.items())),
    ],
}

WRONG = {
    "which_show": [
        ("ABH", "1 of your letters can be told"),
        ("A", "1 more cannot be told"),
        ("AHX", "there is no suspect 'X'"),
        ([], "2 more cannot be told"),
        (2, "not a int"),
    ],
    "first_loss_test": [
        (lambda *given: True, "it says True of one whose loss begins too low"),
        (lambda network, p, *given: abs(network(p, *given)[0] - np.log(40)) < 0.4, "it says False of a sound network"),
        (lambda network, p, *given: network(p, *given)[0] < 4.9, "begins too low"),
        (lambda network, p, *given: network(p, *given)[0] > 3.4, "begins 44 % too high"),
        (lambda network, p, *given: network(p, *given)[0], "True or False"),
        (lambda network, p, *given: abs(network(p, *given)[0] - np.log(len(p["dense/bias"]))) < 1e-6, "it says False"),
    ],
    "chunk_test": [
        (lambda *given: True, "does not use the state given"),
        (lambda *given: False, "it says False of a sound network"),
        (chunk_with_the_first_state, "it says False of a sound network"),
        (lambda *given: chunk_test(*given) and gradient_test(*given), "whose fault is in the gradient"),
        (lambda *given: None, "True or False"),
    ],
    "gradient_test": [
        (lambda *given: True, "broken gradient 1 of 6"),
        (lambda *given: False, "it says False of a sound network"),
        (one_array_only, "broken gradient"),
        (lambda *given: first_loss_test(*given) and gradient_test(*given), "one whose loss is odd"),
    ],
    "reader_test": [
        (lambda batches: True, "whose targets are what is read"),
        (lambda batches: all((ids[1:] == targets[:-1]).all() for ids, targets in batches), "whose rows change places"),
        (lambda batches: all((one[1][-1] == two[0][0]).all() for one, two in zip(batches, batches[1:])),
         "only the last target"),
        (lambda batches: reader_test([(ids[:, 2:], targets[:, 2:]) for ids, targets in batches]),
         "only two of the rows"),
    ],
    "mend": [
        (with_fault("dc lost"), "the steps before the last"),
        (with_fault("dh lost"), "the steps before the last"),
        (with_fault("tanh twice"), "dz of the last step"),
        (with_fault("forget gate's slope"), "dz of the last step"),
        (lambda *given: mend(*given)[-1], "the shape is"),
    ],
    "name_the_fault": [
        (dict.fromkeys(broken.LETTERS, "sound"), "1 of 9 are right; wrong: A, C, D"),
        (NAMES | {"A": "dh lost"}, "8 of 9 are right; wrong: A"),
        ({letter: NAMES[letter] for letter in "AB"}, "2 of 9 are right; not named yet: C, D"),
        (NAMES | {"A": "a typing error"}, "is not among the names"),
        (NAMES | {"Q": "sound"}, "there is no suspect 'Q'"),
        (list(NAMES.values()), "give a dict"),
    ],
}
