"""What do the cells of a trained network hold, and what does it do without them?

Two kinds of answer, and they are not the same. That a cell *tells* something (`mutual_information`, `probe`) is seen
by looking; that the network *uses* it only by taking it away (`silenced`) and measuring what that costs (`damage`).

Whoever looks for the best of hundreds of cells finds one. So each figure stands beside that of labels which were moved
against the text: they are as frequent and as regular as the true ones, and have nothing to do with it (`shifted`).
Left out: pictures, and all that compares one network with another.
"""

import re
from typing import NamedTuple

import numpy as np

from lstm.evaluation.quality import ratio
from lstm.loss import cross_entropy
from lstm.notation.tunes import NOTE, PROMPT, header_fields, header_length

AT_ONCE = 16  # tunes that are read side by side
FARTHEST = 15  # characters after the last bar line; more count as so many
BINS = 8  # that the values of a cell are sorted into
LEAST = 200  # characters that labels are moved by at least: most of a tune
RIDGE = 1e-2  # of a probe: as a share of the variance of a cell
START = PROMPT.removesuffix("X:")  # what the network reads before a tune
REPEATS = re.compile(r"\|:|::|:\|")


# -- reading


def reading(tune):
    """The text that the network reads: the tune, between two empty lines as in the corpus."""
    return START + tune.strip("\n") + "\n\n"


def side_by_side(vocabulary, texts):
    """An iterator over (numbers of texts (B,), ids (T, B), there (T, B)): texts of about one length together.

    there: whether a place belongs to its text; what is behind the end of a text is filled with its last character.
    """
    lengths = np.array([len(text) for text in texts])
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), AT_ONCE):
        numbers = order[start : start + AT_ONCE]
        there = np.arange(lengths[numbers].max())[:, None] < lengths[numbers]  # (T, B)
        filled = [texts[n].ljust(len(there), texts[n][-1]) for n in numbers]
        yield numbers, np.stack([vocabulary.encode(text) for text in filled], axis=1), there


def states(model, vocabulary, texts, layer, name="c"):
    """The cells of a layer ("c"; "h" its output) after each character of all texts, one after the other: (N, H)."""
    found = [None] * len(texts)
    for numbers, ids, there in side_by_side(vocabulary, texts):
        array = model.trace(ids)[layer][name]  # (T, B, H)
        for b, n in enumerate(numbers):
            found[n] = array[there[:, b], b]
    return np.concatenate(found)


def costs(model, vocabulary, texts):
    """What each character of all texts cost, -log p in nats: (N,). The first of a text is not predicted, and is 0."""
    found = [None] * len(texts)
    for numbers, ids, there in side_by_side(vocabulary, texts):
        logits, _, _ = model.forward(ids[:-1], model.initial_state(len(numbers)))
        nats = cross_entropy(logits, ids[1:])[0]  # (T-1, B)
        for b, n in enumerate(numbers):
            found[n] = np.append(0.0, nats[there[1:, b], b])
    return np.concatenate(found)


# -- what there is to know at each character


def labels(tune):
    """{name: whole numbers, one for each character of `reading(tune)`}: what a network that reads it could know.

    header: 1 up to K:, else 0. bar position: characters since the last bar line, at most FARTHEST. repeat: 1 between
    |: and :|, else 0. Both are told behind the character, where it has been read; in the header they are 0.
    """
    text, start = reading(tune), len(START) + header_length(tune)
    places = np.arange(len(text))
    header = (places < start).astype(int)
    bars = np.array([start - 1, *(at for at in range(start, len(text)) if text[at] == "|")])
    since = places - bars[np.searchsorted(bars, np.maximum(places, bars[0]), side="right") - 1]
    repeat = np.zeros(len(text), int)
    for match in REPEATS.finditer(text, start):
        repeat[match.end() - 1 :] = match[0] != ":|"  # `::` closes a part and opens the next
    return {"header": header, "bar position": np.where(header, 0, since.clip(max=FARTHEST)), "repeat": repeat}


def meters(tunes):
    """The same for the meter of each of some tunes, which is one number all through: (N,), meters in sorted order."""
    written = [header_fields(tune).get("M", "") for tune in tunes]
    known = sorted(set(written))
    return np.concatenate([np.full(len(reading(tune)), known.index(meter)) for tune, meter in zip(tunes, written)])


def asked(tune):
    """What each character of `reading(tune)` asks of the network: "header", "bar line", "repeat", "note" or "other".

    repeat: the : of a :| or of a |:, which says whether a part is repeated. A | behind it asks nothing and is "other".
    """
    text, start = reading(tune), len(START) + header_length(tune)
    kinds = np.full(len(text), "other", dtype="<U8")
    kinds[:start] = "header"
    for at in range(start, len(text)):
        if text[at] == "|" and text[at - 1] != ":":
            kinds[at] = "bar line"
        elif text[at] == ":" and "|" in text[at - 1 : at + 2]:
            kinds[at] = "repeat"
        elif NOTE.match(text[at]):
            kinds[at] = "note"
    return kinds


# -- what the cells tell


def similarity(states):
    """The cosine between the states at any two times. states: (T, H). Returns (T, T); a state of 0 is like none."""
    lengths = np.linalg.norm(states, axis=1, keepdims=True)
    directions = states / np.where(lengths, lengths, 1)
    return directions @ directions.T


def binned(cells, bins=BINS):
    """The bin, from 0, that each value of cells (N, H) is in: (N, H). The bins of a cell hold about as many each."""
    edges = np.quantile(cells, np.arange(1, bins) / bins, axis=0)  # (bins-1, H)
    return (cells >= edges[:, None]).sum(axis=0)


def information(labels, places, bins=BINS):
    """I = sum over labels and bins of p(label, bin) log(p(label, bin) / (p(label) p(bin))), in nats: (H,).

    labels: (N,) whole numbers from 0; places: (N, H), of `binned`. From a table of counts; from few places it comes
    out too large.
    """
    size, found = int(labels.max()) + 1, np.empty(places.shape[1])
    of_label = np.bincount(labels, minlength=size) / len(labels)
    for unit, place in enumerate(places.T):
        p = np.bincount(labels * bins + place, minlength=size * bins).reshape(size, bins) / len(labels)
        apart = np.outer(of_label, p.sum(axis=0))
        some = p > 0
        found[unit] = (p[some] * np.log(p[some] / apart[some])).sum()
    return found


def mutual_information(labels, cells, bins=BINS):
    """How many nats each cell tells about the label: (H,). labels: (N,) whole numbers from 0; cells: (N, H)."""
    return information(labels, binned(cells, bins), bins)


def shifted(labels, rng):
    """The labels (N,) of many tunes moved by a random number of places, LEAST or more; what falls off comes in again.
    """
    return np.roll(labels, rng.integers(LEAST, len(labels) - LEAST + 1))


def best_by_chance(labels, cells, rng, draws):
    """The most that any cell tells about labels that were moved against it, for each of some draws: (draws,)."""
    places = binned(cells)
    return np.array([information(shifted(labels, rng), places).max() for _ in range(draws)])


def probe(labels, cells):
    """A linear probe (Alain & Bengio 2016) by ridge regression: weights (H + 1, K) of a score for each of K labels."""
    x = with_ones(cells)
    wanted = np.eye(int(labels.max()) + 1)[labels]
    penalty = RIDGE * len(x) * cells.var(axis=0, dtype=float).mean() * np.eye(x.shape[1])
    penalty[-1, -1] = 0  # the bias is free
    return np.linalg.solve(x.T @ x + penalty, x.T @ wanted)


def probed(weights, cells):
    """The label with the highest score for each row of cells (N, H): (N,)."""
    return (with_ones(cells) @ weights).argmax(axis=1)


def with_ones(cells):
    """Cells (N, H) with a column of ones, for the bias: (N, H + 1), float64."""
    return np.concatenate([cells, np.ones((len(cells), 1))], axis=1, dtype=float)


# -- what the network does without them


def silenced(model, layer, units, value=0.0):
    """A copy of the model in which the output h of some units of a layer is `value`, at each step.

    layer: from 0. value: a number, or one for each unit. Who reads h_t multiplies it by rows of a kernel: the layer
    itself one step later by its recurrent kernel, and the layer above, or the dense layer, by its kernel. So rows of 0
    are outputs of 0, and value @ rows in the bias are outputs of `value`, before the first character too. The units go
    on computing, and nobody hears them. As h = o tanh(c), a cell c of 0 is the same to all others as an h of 0.
    """
    copy = model.copy()
    above = "dense" if layer == model.config.layers - 1 else f"lstm_{layer + 2}"
    own = f"lstm_{layer + 1}"
    for kernel, bias in ((f"{own}/recurrent_kernel", f"{own}/bias"), (f"{above}/kernel", f"{above}/bias")):
        rows = copy.parameters[kernel][units]
        copy.parameters[bias][:] += np.broadcast_to(value, len(rows)).astype(rows.dtype) @ rows
        copy.parameters[kernel][units] = 0
    return copy


class Damage(NamedTuple):
    """What each character cost more, what it asked, and of which tune it is: (N,) each."""

    nats: np.ndarray
    kinds: np.ndarray
    tunes: np.ndarray

    def at(self, kind):
        """The mean over the characters of a kind, an Estimate: its interval is over tunes."""
        there, count = self.kinds == kind, int(self.tunes.max()) + 1
        of_tunes = [np.bincount(self.tunes[there], weights, count) for weights in (self.nats[there], None)]
        return ratio(*of_tunes)


def damage(nats, before, tunes):
    """The Damage of costs `nats` (N,) against those of the whole network, `before`; both of the readings of tunes."""
    kinds = [asked(tune) for tune in tunes]
    numbers = np.repeat(np.arange(len(tunes)), [len(one) for one in kinds])
    return Damage(nats - before, np.concatenate(kinds), numbers)
