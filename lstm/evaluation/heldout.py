"""How well is a text predicted that no model has read? By the network, by n-gram models, by compressors.

All are measured on the same characters. Headers and music are told apart, because half of a header is the same in every
tune: a loss over both says little of the music.
"""

import math
from typing import NamedTuple

import numpy as np

from lstm.engine.threads import Workers
from lstm.evaluation.baselines import ORDERS, NGram, compressed
from lstm.notation.tunes import header_length, is_abc, split_tunes
from lstm.settings import Settings
from lstm.training import character_losses


class Loss(NamedTuple):
    """What a text costs under a model, in nats per character; NaN where that cannot be told."""

    model: str
    nats: float
    header: float = math.nan
    music: float = math.nan
    accuracy: float = math.nan  # share of the characters that were the likeliest by the model


def losses(checkpoint, training, held_out, threads=1):
    """An iterator over the Losses of the held-out text: of the network, of n-gram models, of compressors.

    training, held_out: texts. The loss of the network is what `training.evaluate` gives for the ids of `held_out`.
    """
    characters = checkpoint.vocabulary.characters
    ids, workers = checkpoint.vocabulary.encode(held_out), Workers(threads)
    nats, correct = character_losses(checkpoint.model, ids, Settings.seq_length, workers)
    read = slice(1, 1 + len(nats))  # the characters that the network predicts
    header = in_header(held_out, checkpoint.abc and is_abc(training))[read]
    yield loss_of("LSTM", nats, header, float(correct.mean()))
    by_order = NGram(training, max(ORDERS), characters).losses(held_out)
    for order in ORDERS:
        yield loss_of(n_gram_name(order), by_order[order, read], header)
    for name, loss in compressed(training, held_out).items():
        yield Loss(f"{name}, given the training text", loss)


def in_header(text, abc=True):
    """For each character whether it belongs to the header of a tune: booleans (len(text),). None does but in ABC."""
    if not abc:
        return np.zeros(len(text), bool)
    return np.concatenate([np.arange(len(tune)) < header_length(tune) for tune in split_tunes(text)])


def loss_of(model, nats, header, accuracy=math.nan):
    """The Loss of characters that cost `nats` (n,); header: whether each belongs to a header, (n,)."""
    whole = float(nats.mean(dtype=np.float64))
    if not header.any():
        return Loss(model, whole, accuracy=accuracy)
    parts = (float(part.mean(dtype=np.float64)) for part in (nats[header], nats[~header]))
    return Loss(model, whole, *parts, accuracy)


def n_gram_name(order):
    """What an n-gram model is called in a Loss."""
    return f"n-gram, order {order}"


def best_order(costs):
    """The order of the n-gram model with the lowest loss. costs: Losses."""
    nats = {cost.model: cost.nats for cost in costs}
    return min(ORDERS, key=lambda order: nats[n_gram_name(order)])
