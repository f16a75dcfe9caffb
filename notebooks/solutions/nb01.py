"""Solutions of notebook 01, and wrong answers that its checks must refuse."""

import numpy as np

from check.nb01 import HELD_OUT, ORDER, WINDOW
from course.leaky_split import window_split
from lstm.evaluation.heldout import NGram, table
from lstm.notation.tunes import split
from lstm.vocabulary import Vocabulary


def encode(text, characters):
    return [characters.index(character) for character in text]


def decode(ids, characters):
    return "".join(characters[i] for i in ids)


def bits_per_character(p):
    return -np.log2(p).mean()


def witten_bell(counts, character, shorter):
    N, D = sum(counts.values()), len(counts)
    return (counts.get(character, 0) + D * shorter) / (N + D) if counts else shorter


def n_gram(training, characters):
    tables = [table(training, k) for k in range(ORDER + 1)]

    def probabilities(before):
        p = {character: 1 / len(characters) for character in characters}
        for k in range(min(ORDER, len(before)) + 1):
            counts = tables[k].get(before[len(before) - k:], {})
            p = {character: witten_bell(counts, character, p[character]) for character in characters}
        return list(p.values())
    return probabilities


def share_of_cost(nats, header):
    return nats[header].sum() / nats.sum()


def leak(text, order, rng):
    characters = Vocabulary.of(text).characters
    splits = split(text, HELD_OUT), window_split(text, WINDOW, HELD_OUT, rng)
    return [NGram(training, order, characters).losses(held_out)[order].mean() for training, held_out in splits]


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

WRONG = {
    "round_trip": [
        ((lambda text, characters: list(map(ord, text)), decode), "entries differ"),
        ((lambda text, characters: [list(dict.fromkeys(text)).index(c) for c in text], decode), "the ids of '|:dfaf"),
        ((encode, lambda ids, characters: "".join(map(chr, ids))), "decode does not give the text back"),
        (encode, "it takes both functions"),
    ],
    "bits_per_character": [
        (lambda p: -np.log(p).mean(), "four characters at 1/2 each: off by 0.31"),
        (lambda p: -np.log2(np.mean(p)), "the p = "),
        (lambda p: -(p * np.log2(p)).sum(), "four characters at 1/2 each: off by 1"),
    ],
    "witten_bell": [
        (lambda counts, c, shorter: counts.get(c, 0) / max(1, sum(counts.values())), "3 of 4 times: off by"),
        (lambda counts, c, shorter: (counts.get(c, 0) + shorter) / (sum(counts.values()) + 1), "3 of 4 times: off by"),
        (lambda counts, c, shorter: (counts.get(c, 0) + len(counts) * shorter) / (sum(counts.values()) + len(counts)),
         "ZeroDivisionError"),
    ],
    "n_gram": [
        (add_one, "nats per character above"),
        (only_seen, "probability 0"),
        (lambda training, characters: lambda before: [witten_bell(table(training[:999], 0)[""], c, 1)
                                                      for c in characters], "sum to"),
    ],
    "share_of_cost": [
        (lambda nats, header: nats[header].mean() / (nats[header].mean() + nats[~header].mean()), "five characters"),
        (lambda nats, header: header.mean(), "five characters: off by"),
        (lambda nats, header: nats[~header].sum() / nats.sum(), "five characters: off by"),
    ],
    "leak": [
        (lambda *given: leak(*given)[::-1], "held out by tune: off by"),
        (read_before, "held out by tune: off by"),
        (lambda text, order, rng: leak(text, order, rng)[:1] * 2, "held out by window: off by"),
    ],
}
