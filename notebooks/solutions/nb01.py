"""Solutions of notebook 01, right answers in other styles, and wrong ones that its checks must refuse."""

import math
from collections import Counter

import numpy as np

from check.nb01 import HELD_OUT, ORDER, WINDOW
from course.leaky_split import window_split
from lstm.evaluation.heldout import NGram, table
from lstm.io.places import INPUT
from lstm.notation.tunes import split
from lstm.vocabulary import Vocabulary


def encode(text, characters):
    return [characters.index(character) for character in text]


def decode(ids, characters):
    return "".join(characters[i] for i in ids)


def encode_by_search(text, characters):
    return np.searchsorted(list(characters), list(text))


def encode_by_dict(text, characters):
    ids = {character: n for n, character in enumerate(characters)}
    return tuple(map(ids.get, text))


def decode_in_a_loop(ids, characters):
    text = ""
    for i in ids:
        text += characters[int(i)]
    return text


def bits_per_character(p):
    return -np.log2(p).mean()


def witten_bell(counts, character, shorter):
    N, D = sum(counts.values()), len(counts)
    return (counts.get(character, 0) + D * shorter) / (N + D) if counts else shorter


def witten_bell_as_a_mixture(counts, character, shorter):
    """The context's own share with weight N / (N + D), the shorter one's with the rest."""
    N, D = sum(counts.values()), len(counts)
    if N == 0:
        return shorter
    trust = N / (N + D)
    return trust * Counter(counts)[character] / N + (1 - trust) * shorter


def witten_bell_in_a_loop(counts, character, shorter):
    top = bottom = 0
    for other, times in counts.items():
        bottom += times + 1
        top += shorter + (times if other == character else 0)
    return top / bottom if bottom else shorter


def n_gram(training, characters):
    tables = [table(training, k) for k in range(ORDER + 1)]

    def probabilities(before):
        p = {character: 1 / len(characters) for character in characters}
        for k in range(min(ORDER, len(before)) + 1):
            counts = tables[k].get(before[len(before) - k:], {})
            p = {character: witten_bell(counts, character, p[character]) for character in characters}
        return list(p.values())
    return probabilities


def n_gram_of_arrays(training, characters, kind=np.float64, highest=ORDER):
    """All characters at once, in an array; kind: its type."""
    places = {character: n for n, character in enumerate(characters)}
    tables = [table(training, k) for k in range(highest + 1)]

    def probabilities(before):
        p = np.full(len(characters), 1 / len(characters), kind)
        for k, after in enumerate(tables):
            if k <= len(before) and (counts := after.get(before[len(before) - k:])):
                seen = np.zeros(len(characters), kind)
                seen[[places[c] for c in counts]] = list(counts.values())
                p = (seen + len(counts) * p) / kind(sum(counts.values()) + len(counts))
        return p
    return probabilities


def n_gram_by_recursion(training, characters):
    tables = [table(training, k) for k in range(ORDER + 1)]

    def p_of(character, before, k):
        if k < 0:
            return 1 / len(characters)
        counts = tables[k].get(before[len(before) - k:], {}) if k <= len(before) else {}
        return witten_bell(counts, character, p_of(character, before, k - 1))
    return lambda before: [p_of(character, before, ORDER) for character in characters]


def share_of_cost(nats, header):
    return nats[header].sum() / nats.sum()


def leak(text, order, rng):
    characters = Vocabulary.of(text).characters
    splits = split(text, HELD_OUT), window_split(text, WINDOW, HELD_OUT, rng)
    return [NGram(training, order, characters).losses(held_out)[order].mean() for training, held_out in splits]


def leak_by_hand(text, order, rng):
    """Each loss on its own, and the windows first."""
    counted = table(text, 0)[""]
    training, held_out = window_split(text, 128, 0.1, rng)
    by_window = NGram(training, order, sorted(counted)).losses(held_out)[-1]
    training, held_out = split(text, 0.1)
    by_tune = NGram(training, order, sorted(counted)).losses(held_out)[-1]
    return np.array([sum(by_tune) / len(by_tune), sum(by_window) / len(by_window)])


def leak_with_the_projects_vocabulary(text, order, rng):
    """The vocabulary of all tunes there are: the text has every letter of it."""
    characters = Vocabulary.of(INPUT.read_text()).characters
    return tuple(float(NGram(training, order, characters).losses(held_out)[order].mean())
                 for training, held_out in (split(text, HELD_OUT), window_split(text, WINDOW, HELD_OUT, rng)))


def leak_with(window=WINDOW, share=HELD_OUT, whole=True, seed=None):
    """`leak` with other windows, another share of them, or another vocabulary."""
    def leak(text, order, rng):
        rng, losses = rng if seed is None else np.random.default_rng(seed), []
        for training, held_out in (split(text, HELD_OUT), window_split(text, window, share, rng)):
            characters = Vocabulary.of(text if whole else training).characters
            losses.append(NGram(training, order, characters).losses(held_out)[order].mean())
        return losses
    return leak


def add_one(training, characters):
    after = table(training, ORDER)

    def probabilities(before):
        counts = after.get(before[-ORDER:], {})
        p = np.array([counts.get(character, 0) + 1 for character in characters])
        return p / p.sum()
    return probabilities


def only_seen(training, characters):
    after = table(training, 1)

    def probabilities(before):
        counts = after.get(before[-1:], {}) or {character: 1 for character in characters}
        p = np.array([counts.get(character, 0) for character in characters])
        return p / p.sum()
    return probabilities


def read_before(text, order, rng):
    model = NGram(text, order, Vocabulary.of(text).characters)
    parts = split(text, HELD_OUT)[1], window_split(text, WINDOW, HELD_OUT, rng)[1]
    return [model.losses(part)[order].mean() for part in parts]


SOLUTIONS = {
    "round_trip": (encode, decode),
    "bits_per_character": bits_per_character,
    "witten_bell": witten_bell,
    "n_gram": n_gram,
    "share_of_cost": share_of_cost,
    "leak": leak,
}

ALSO_RIGHT = {
    "round_trip": [
        [encode, decode],
        (encode_by_search, lambda ids, characters: "".join(np.array(list(characters))[ids])),
        (encode_by_dict, decode_in_a_loop),
        (lambda text, characters: np.array([characters.find(c) for c in text], np.int32), decode),
    ],
    "bits_per_character": [
        lambda p: sum(-math.log2(one) for one in p) / len(p),
        lambda p: np.mean(-np.log(p)) / np.log(2),
        lambda p: -np.log2(np.prod(p)) / p.size,
        lambda p: -np.log2(p.astype(np.float32)).mean(),
    ],
    "witten_bell": [witten_bell_as_a_mixture, witten_bell_in_a_loop],
    "n_gram": [
        n_gram_of_arrays,
        lambda training, characters: n_gram_of_arrays(training, characters, np.float32),
        n_gram_by_recursion,
        lambda training, characters: NGram(training, ORDER, characters).probabilities,
    ],
    "share_of_cost": [
        lambda nats, header: nats @ header / nats.sum(),
        lambda nats, header: np.average(header, weights=nats),
        lambda nats, header: sum(cost for cost, inside in zip(nats, header) if inside) / sum(nats),
        lambda nats, header: 1 - np.where(header, 0, nats).sum() / nats.sum(),
    ],
    "leak": [leak_by_hand, leak_with_the_projects_vocabulary],
}

WRONG = {
    "round_trip": [
        ((lambda text, characters: list(map(ord, text)), decode), "entries differ"),
        ((lambda text, characters: [list(dict.fromkeys(text)).index(c) for c in text], decode), "the ids of '|:dfaf"),
        ((encode, lambda ids, characters: "".join(map(chr, ids))), "decode does not give the text back"),
        (encode, "it takes both functions"),
        ((encode, lambda ids, characters: [characters[i] for i in ids]), "decode returns a list; a text is expected"),
        ((lambda text, characters: [1 + i for i in encode(text, characters)], decode), "entries differ"),
        ((encode, lambda ids, characters: decode(ids, characters).strip()), "differs at character 0"),
        ((lambda text, characters: text, decode), "numbers are expected"),
    ],
    "bits_per_character": [
        (lambda p: -np.log(p).mean(), "four characters at 1/2 each: off by 0.31"),
        (lambda p: -np.log2(np.mean(p)), "the p = "),
        (lambda p: -(p * np.log2(p)).sum(), "four characters at 1/2 each: off by 1"),
        (lambda p: -np.log2(p).sum(), "four characters at 1/2 each: off by 3"),
        (lambda p: np.log2(p).mean(), "four characters at 1/2 each: off by 2"),
        (lambda p: -np.log2(p), "the shape is (4,)"),
    ],
    "witten_bell": [
        (lambda counts, c, shorter: counts.get(c, 0) / max(1, sum(counts.values())), "3 of 4 times: off by"),
        (lambda counts, c, shorter: (counts.get(c, 0) + shorter) / (sum(counts.values()) + 1), "3 of 4 times: off by"),
        (lambda counts, c, shorter: (counts.get(c, 0) + len(counts) * shorter) / (sum(counts.values()) + len(counts)),
         "ZeroDivisionError"),
        (lambda counts, c, shorter: counts[c] / sum(counts.values()) if c in counts else shorter, "came 3 of 4 times"),
        (lambda counts, c, shorter: witten_bell(counts, c, shorter) if c in counts else shorter, "never came here"),
    ],
    "n_gram": [
        (add_one, "nats per character above"),
        (only_seen, "probability 0"),
        (lambda training, characters: lambda before: [witten_bell(table(training[:999], 0)[""], c, 1)
                                                      for c in characters], "sum to"),
        (lambda training, characters: n_gram_of_arrays(training, characters, highest=2), "nats per character above"),
        (lambda training, characters: lambda before: dict.fromkeys(characters, 1 / len(characters)), "TypeError"),
        (lambda training, characters: lambda before: n_gram(training[:5000], characters)(before)[:-1], "the shape is"),
    ],
    "share_of_cost": [
        (lambda nats, header: nats[header].mean() / (nats[header].mean() + nats[~header].mean()), "five characters"),
        (lambda nats, header: header.mean(), "five characters: off by"),
        (lambda nats, header: nats[~header].sum() / nats.sum(), "five characters: off by"),
        (lambda nats, header: nats[header].sum(), "five characters: off by"),
        (lambda nats, header: nats[header].mean() / nats.mean(), "five characters: off by"),
    ],
    "leak": [
        (lambda *given: leak(*given)[::-1], "held out by tune: off by"),
        (read_before, "held out by tune: off by"),
        (lambda text, order, rng: leak(text, order, rng)[:1] * 2, "held out by window: off by"),
        (leak_with(window=64), "that is the loss with windows of 64 characters"),
        (leak_with(share=0.3), "that is the loss with three tenths held out"),
        (leak_with(whole=False), "that is the loss with the vocabulary of the training part alone"),
        (leak_with(seed=1), "held out by window: off by +0.0043 nats"),
        (lambda text, order, rng: leak(text, 4, rng), "held out by tune: off by"),
    ],
}
