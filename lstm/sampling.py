"""Composing: draw one character after another, each from the distribution the model gives for it."""

import numpy as np

from lstm.errors import InputError
from lstm.loss import log_softmax
from lstm.tunes import END, PROMPT


def distribution(logits, temperature=1.0, top_k=0, top_p=1.0):
    """The probabilities to draw from: softmax(logits / temperature), cut to the likely characters. float64 (V,).

    temperature: below 1 the likely gets likelier; 0 leaves only the likeliest (argmax).
    top_k: keep the k likeliest (0: all).
    top_p: keep the likeliest that together have at least this probability (Holtzman et al. 2020).
    """
    logits = np.asarray(logits, np.float64)
    order = np.argsort(-logits, kind="stable")  # likeliest first; of equals, the first
    kept = np.zeros(logits.size)
    if temperature == 0:
        kept[order[0]] = 1
        return kept
    p = np.exp(log_softmax(logits / temperature))[order]
    likely = np.cumsum(p) - p < top_p  # true while the ones before have less than top_p
    likely[top_k or p.size :] = False
    likely[0] = True  # with top_p 0 too there is one to draw
    kept[order] = np.where(likely, p, 0)
    return kept / kept.sum()


def draw(p, rng):
    """An index with probability p[index], by inversion of the cumulative distribution."""
    cumulative = np.cumsum(p)
    return int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))


def generate(model, vocabulary, prime, rng, temperature=1.0, top_k=0, top_p=1.0):
    """An endless iterator of characters that continue `prime`, all of which the model reads first.

    Raises InputError for a prime that is empty or has a character the model does not know.
    """
    if not prime:
        raise InputError("the seed text is empty; give at least one character")
    ids = vocabulary.encode(prime)
    return _continue(model, vocabulary, ids, rng, temperature, top_k, top_p)


def _continue(model, vocabulary, ids, rng, temperature, top_k, top_p):
    logits, state, _ = model.forward(ids[:, None], model.initial_state())  # (len(prime), 1, V)
    while True:
        drawn = draw(distribution(logits[-1, 0], temperature, top_k, top_p), rng)
        yield vocabulary.characters[drawn]
        logits, state, _ = model.forward(np.array([[drawn]]), state)  # (1, 1, V)


def opening(checkpoint):
    """(prime, echo) for a new piece: what the model reads first, and the part of it that belongs to the piece.

    For tunes that is what stands before and at the start of each; for other text the start of a line.
    """
    characters = checkpoint.vocabulary.characters
    if checkpoint.abc:
        return PROMPT, PROMPT.lstrip("\n")
    return ("\n" if "\n" in characters else characters[0]), ""


def until_tune_ends(characters, prime=""):
    """The characters up to the empty line that ends a tune, the end of the line before it included."""
    before = prime[-1:]
    for character in characters:
        if before + character == END:
            return
        yield character
        before = character
