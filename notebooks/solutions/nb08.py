"""Solutions of notebook 08, right answers in other styles, and wrong ones with words that the check must say."""

from itertools import groupby

import numpy as np

from solutions.nb04 import softmax, surprise


def pick_character(p, uniform):
    return int(np.searchsorted(np.cumsum(p), uniform, side="right"))


def pick_in_a_loop(p, uniform):
    for k, share in enumerate(p):
        uniform -= share
        if uniform < 0:
            return k
    return len(p) - 1


def with_temperature(logits, temperature):
    if temperature == 0:
        return np.eye(len(logits))[np.argmax(logits)]
    return softmax(logits / temperature)


def as_powers(logits, temperature):
    p = np.zeros_like(logits)
    if temperature == 0:
        p[logits.argmax()] = 1
        return p
    p = np.exp((logits - logits.max()) / temperature)
    p /= p.sum()
    return p


def with_temperature_in_a_list(logits, temperature):
    best = max(logits)
    scores = [(z - best) / temperature if temperature else (0 if z == best else -np.inf) for z in logits]
    return [np.exp(score) / sum(np.exp(scores)) for score in scores]


def entropy(p):
    p = p[p > 0]
    return -(p * np.log(p)).sum()


def entropy_in_a_loop(p):
    return sum(-share * np.log(share) for share in p if share)


def entropy_by_where(p):
    return -np.sum(p * np.log(np.where(p > 0, p, 1)))


def top_k(p, k):
    kept = np.zeros_like(p)
    best = np.argsort(-p)[:k]
    kept[best] = p[best]
    return kept / kept.sum()


def top_k_in_place(p, k):
    p[np.argsort(p)[: max(len(p) - k, 0)]] = 0
    p /= p.sum()
    return p


def top_k_by_threshold(p, k):
    least = sorted(p, reverse=True)[min(k, len(p)) - 1]
    return [(share if share >= least else 0) / sum(one for one in p if one >= least) for share in p]


def top_p(p, share):
    order = np.argsort(-p)
    before = np.cumsum(p[order]) - p[order]
    keep = order[(before < share - 1e-12) | (np.arange(len(p)) == 0)]
    kept = np.zeros_like(p)
    kept[keep] = p[keep]
    return kept / kept.sum()


def top_p_in_a_loop(p, share):
    kept, total = np.zeros_like(p), 0.0
    for k in np.argsort(-p):
        kept[k] = p[k]
        total += p[k]
        if total >= share - 1e-12:
            break
    return kept / total


def top_p_by_count(p, share):
    in_order = np.sort(p)[::-1]
    count = min(int(np.searchsorted(np.cumsum(in_order), share - 1e-12)) + 1, len(p))
    return top_k(p, count)


def calibration(p, happened, edges):
    place = np.minimum(np.searchsorted(edges, p, side="right") - 1, len(edges) - 2)
    inside = [place == n for n in range(len(edges) - 1)]
    return (
        np.array([p[one].mean() if one.any() else np.nan for one in inside]),
        np.array([happened[one].mean() if one.any() else np.nan for one in inside]),
    )


def calibration_bin_by_bin(p, happened, edges):
    means, shares = [], []
    for n, (low, high) in enumerate(zip(edges[:-1], edges[1:])):
        inside = (low <= p) & (p < high) if n < len(edges) - 2 else low <= p
        means.append(np.mean(p[inside]) if inside.any() else float("nan"))
        shares.append(np.mean(happened[inside]) if inside.any() else float("nan"))
    return [means, shares]


def calibration_by_histogram(p, happened, edges):
    counts = np.histogram(p, edges)[0].astype(float)
    counts[counts == 0] = np.nan
    return np.histogram(p, edges, weights=p)[0] / counts, np.histogram(p, edges, weights=1.0 * happened)[0] / counts


def best_temperature(logits, targets, temperatures):
    return min(temperatures, key=lambda one: surprise(logits / one, targets).mean())


def best_by_argmin(logits, targets, temperatures):
    losses = [surprise(logits / one, targets).mean() for one in temperatures]
    return temperatures[int(np.argmin(losses))]


def best_one_by_one(logits, targets, temperatures):
    best, lowest = None, np.inf
    for one in temperatures:
        nats = -sum(np.log(softmax(row / one)[y]) for row, y in zip(logits, targets))
        if nats < lowest:
            best, lowest = one, nats
    return best


def share_that_returns(bars):
    return 1 - len(set(bars)) / len(bars)


def returns_one_by_one(bars):
    return sum(bar in bars[:n] for n, bar in enumerate(bars)) / len(bars)


def returns_with_a_set(bars):
    seen, back = set(), 0
    for bar in bars:
        back += bar in seen
        seen.add(bar)
    return back / len(bars)


def longest_run(bars):
    return max(len(list(run)) for _, run in groupby(bars))


def run_in_a_loop(bars):
    longest = run = 1
    for before, bar in zip(bars, bars[1:]):
        run = run + 1 if bar == before else 1
        longest = max(longest, run)
    return longest


def run_by_slices(bars):
    return next(n for n in range(len(bars), 0, -1)
                if any(len(set(bars[k : k + n])) == 1 for k in range(len(bars) - n + 1)))


def own_sampler(model, vocabulary, prime, uniforms, temperature):
    logits, state, _ = model.forward(vocabulary.encode(prime)[:, None], model.initial_state())
    ids = []
    for uniform in uniforms:
        ids.append(pick_character(with_temperature(logits[-1, 0], temperature), uniform))
        logits, state, _ = model.forward(np.array([[ids[-1]]]), state)
    return vocabulary.decode(np.array(ids))


def reads_all_again(model, vocabulary, prime, uniforms, temperature):
    text = prime
    for uniform in uniforms:
        logits, _, _ = model.forward(vocabulary.encode(text)[:, None], model.initial_state())
        text += vocabulary.characters[pick_in_a_loop(as_powers(logits[-1, 0], temperature), uniform)]
    return text[len(prime) :]


def prime_letter_by_letter(model, vocabulary, prime, uniforms, temperature):
    state, text = model.initial_state(), ""
    for k in vocabulary.encode(prime):
        logits, state, _ = model.forward(np.array([[k]]), state)
    for uniform in uniforms:
        k = pick_character(with_temperature(logits[0, 0], temperature), uniform)
        text += vocabulary.characters[k]
        logits, state, _ = model.forward(np.array([[k]]), state)
    return text


def forgets_its_state(model, vocabulary, prime, uniforms, temperature):
    k, text = vocabulary.encode(prime)[-1], ""
    for uniform in uniforms:
        logits, _, _ = model.forward(np.array([[k]]), model.initial_state())
        k = pick_character(with_temperature(logits[-1, 0], temperature), uniform)
        text += vocabulary.characters[k]
    return text


def reads_the_last_of_the_prime_twice(model, vocabulary, prime, uniforms, temperature):
    return own_sampler(model, vocabulary, prime + prime[-1], uniforms, temperature)


def highest_temperature(by_temperature, people):
    fit = [one for one, (_, _, high) in by_temperature.items() if high >= people]
    return max(fit) if fit else None


def highest_by_default(by_temperature, people):
    return max((one for one in by_temperature if by_temperature[one][2] >= people), default=None)


def highest_from_the_top(by_temperature, people):
    for one in sorted(by_temperature, reverse=True):
        if by_temperature[one][2] >= people:
            return one


SOLUTIONS = {
    "pick_character": pick_character,
    "with_temperature": with_temperature,
    "entropy": entropy,
    "top_k": top_k,
    "top_p": top_p,
    "calibration": calibration,
    "best_temperature": best_temperature,
    "own_sampler": own_sampler,
    "share_that_returns": share_that_returns,
    "longest_run": longest_run,
    "highest_temperature": highest_temperature,
}

ALSO_RIGHT = {
    "pick_character": [pick_in_a_loop, lambda p, uniform: np.argmax(np.cumsum(p) > uniform)],
    "with_temperature": [as_powers, with_temperature_in_a_list],
    "entropy": [entropy_in_a_loop, entropy_by_where, lambda p: -(p * np.log(p + 1e-12)).sum()],
    "top_k": [top_k_in_place, top_k_by_threshold],
    "top_p": [top_p_in_a_loop, top_p_by_count],
    "calibration": [calibration_bin_by_bin, calibration_by_histogram],
    "best_temperature": [best_by_argmin, best_one_by_one],
    "own_sampler": [reads_all_again, prime_letter_by_letter],
    "share_that_returns": [returns_one_by_one, returns_with_a_set],
    "longest_run": [run_in_a_loop, run_by_slices],
    "highest_temperature": [highest_by_default, highest_from_the_top],
}

WRONG = {
    "pick_character": [
        (lambda p, uniform: int(np.argmax(p)), "uniform = 0.0 "),
        (lambda p, uniform: int(np.searchsorted(np.sort(p).cumsum(), uniform, side="right")), "it should be"),
        (lambda p, uniform: int(np.random.default_rng(0).choice(len(p), p=p)), "it should be"),
        (lambda p, uniform: int(uniform * len(p)), "it should be"),
        (lambda p, uniform: int(np.searchsorted(p.cumsum(), uniform)), "[0.0, 0.5, 0.0, 0.5] and uniform = 0.0"),
    ],
    "with_temperature": [
        (lambda z, t: softmax(z * t), "temperature 0.5"),
        (lambda z, t: softmax(z) / t if t else with_temperature(z, t), "temperature 0.5"),
        (lambda z, t: np.exp(z / t) / np.exp(z / t).sum() if t else with_temperature(z, t), "for logits [1000.0"),
        (lambda z, t: softmax(z / max(t, 0.1)), "temperature 0.02"),
    ],
    "entropy": [
        (lambda p: -(p * np.log(p)).sum(), "the entropy of [0.0, 1.0"),
        (lambda p: -(p[p > 0] * np.log2(p[p > 0])).sum(), "the entropy of [0.1"),
        (lambda p: -np.log(p[p > 0]).mean(), "the entropy of [0.1"),
    ],
    "top_k": [
        (lambda p, k: np.where(np.isin(np.arange(len(p)), np.argsort(-p)[:k]), p, 0), "k = 1"),
        (lambda p, k: top_k(p, len(p) - k), "k = 1"),
        (lambda p, k: np.sort(top_k(p, k))[::-1], "k = 1"),
        (lambda p, k: top_k(p, k)[:k], "the shape is"),
    ],
    "top_p": [
        (lambda p, share: np.where(p >= share, p, 0) / max(p[p >= share].sum(), 1e-9), "share = 0"),
        (lambda p, share: top_k(p, max(1, int((np.cumsum(np.sort(p)[::-1]) <= share).sum()))), "share = 0.5"),
        (lambda p, share: top_p(p, share) * min(share, 1), "share = 0"),
        (lambda p, share: p, "share = 0"),
    ],
    "calibration": [
        (lambda p, happened, edges: calibration(p, happened, edges)[::-1], "the mean p of the bins"),
        (lambda p, happened, edges: tuple(map(np.nan_to_num, calibration(p, happened, edges))), "should be NaN"),
        (lambda p, happened, edges: calibration(np.minimum(p, 0.99), happened, edges), "the mean p of the bins"),
        (lambda p, happened, edges: calibration(p, happened, edges)[1], "2 values"),
    ],
    "best_temperature": [
        (lambda z, y, ts: max(ts, key=lambda t: surprise(z / t, y).mean()), "the loss is lower"),
        (lambda z, y, ts: min(ts, key=lambda t: surprise(z * t, y).mean()), "the loss is lower"),
        (lambda z, y, ts: min(ts, key=lambda t: abs(softmax(z / t).max(axis=1).mean() - 0.5)), "the loss is lower"),
        (lambda z, y, ts: 1.0, "the loss is lower"),
    ],
    "share_that_returns": [
        (lambda bars: len(set(bars)) / len(bars), "the share of"),
        (lambda bars: sum(a == b for a, b in zip(bars, bars[1:])) / len(bars), "the share of"),
        (lambda bars: len(bars) - len(set(bars)), "the share of"),
    ],
    "longest_run": [
        (lambda bars: max(map(bars.count, bars)), "the longest run"),
        (lambda bars: sum(a == b for a, b in zip(bars, bars[1:])), "the longest run"),
        (lambda bars: len(list(next(iter(groupby(bars)))[1])), "the longest run"),
    ],
    "own_sampler": [
        (forgets_its_state, "with this random number it should be"),
        (reads_the_last_of_the_prime_twice, "with this random number it should be"),
        (lambda m, v, prime, uniforms, t: own_sampler(m, v, prime, uniforms, 1.0), "at temperature 0.5"),
        (lambda m, v, prime, *rest: prime + own_sampler(m, v, prime, *rest), "a text of 40 characters"),
    ],
    "highest_temperature": [
        (lambda table, people: max(table), "it should be"),
        (lambda table, people: max((t for t in table if table[t][0] >= people), default=None), "it should be"),
        (lambda table, people: min((t for t in table if table[t][2] >= people), default=None), "it should be"),
        (lambda table, people: max((t for t in table if table[t][1] >= people), default=None), "it should be"),
    ],
}
