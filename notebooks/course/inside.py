"""The experiments of notebook 10: where units stand among others, groups taken by chance, a unit as a switch."""

from typing import NamedTuple

import numpy as np

from lstm.evaluation import memory
from lstm.evaluation.quality import ratio
from lstm.notation.judge import count_bars

KNOWN = "header", "bar position", "repeat", "meter"  # what is asked of the units
ASKED = "bar line", "repeat", "header", "note"  # where damage is measured


def known(tunes):
    """{name: labels (N,)} of all characters of the readings of tunes, and whether each is music: (N,)."""
    of_tunes = [memory.labels(tune) for tune in tunes]
    found = {name: np.concatenate([labels[name] for labels in of_tunes]) for name in KNOWN[:3]}
    return found | {"meter": memory.meters(tunes)}, found["header"] == 0


def entropy(labels):
    """The most that could be told about labels (N,): their entropy, in nats."""
    p = np.bincount(labels) / len(labels)
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())


def right(learnt, cells, asked, others):
    """The share of the labels of other tunes that a probe says: (the probe's, that of one that learnt shifted labels).

    learnt, cells: labels (N,) and cells (N, H) of the tunes to learn from; asked, others: those of the other tunes.
    """
    control = memory.shifted(learnt, np.random.default_rng(0))
    return tuple(
        float((memory.probed(memory.probe(labels, cells), others) == asked).mean()) for labels in (learnt, control)
    )


def by_chance(units, size, draws, seed=0):
    """`draws` groups of `size` different units of `units`, each taken by chance."""
    rng = np.random.default_rng([seed, size])
    return [rng.choice(units, size, replace=False) for _ in range(draws)]


class Curve(NamedTuple):
    """What groups cost, by their size."""

    ranked: dict  # {size: {kind: Estimate}}
    chance: dict  # {size: {kind: [the mean of each random group]}}


def dose_curve(damage_of, order, sizes, draws=8):
    """The Curve of the first units of an order, beside random groups. damage_of(units) is a memory.Damage."""
    ranked, chance = {}, {}
    for size in sizes:
        ranked[size] = {kind: at for kind, at in figures(damage_of(order[:size]))}
        groups = [dict(figures(damage_of(units))) for units in by_chance(len(order), size, draws)]
        chance[size] = {kind: [group[kind].value for group in groups] for kind in ASKED}
    return Curve(ranked, chance)


def figures(damage):
    """An iterator of (kind, Estimate): what a Damage is for each of ASKED."""
    for kind in ASKED:
        yield kind, damage.at(kind)


def ends(tune):
    """{"closes": places, "never opened": places}: ends of parts, each the place before the sign that ends it.

    closes: a :| comes. never opened: a double bar or the end of the tune comes, and no |: was before it.
    """
    text, labels = memory.reading(tune), memory.labels(tune)
    last = len(text.rstrip())
    places = {"closes": [], "never opened": []}
    for at in np.flatnonzero(labels["header"] == 0):
        if text[at] in "|:" or text[at + 1 : at + 2] not in ("|", ":"):
            continue
        after = text[at + 1 : at + 3]
        if after == ":|":
            places["closes"].append(int(at))
        elif after in ("||", "|]") or at + 2 >= last:
            if not labels["repeat"][at]:
                places["never opened"].append(int(at))
    return places


def of_colon(model, vocabulary, tunes):
    """{kind of end: an Estimate of the mean probability that the network gives to a colon there}."""
    texts, where = [memory.reading(tune) for tune in tunes], [ends(tune) for tune in tunes]
    colon = int(vocabulary.encode(":")[0])
    p = {kind: [()] * len(tunes) for kind in where[0]}
    for numbers, ids, _ in memory.side_by_side(vocabulary, texts):
        logits, _, _ = model.forward(ids, model.initial_state(len(numbers)))
        given = np.exp(logits[..., colon] - np.logaddexp.reduce(logits, axis=-1))  # (T, B)
        for b, n in enumerate(numbers):
            for kind, places in where[n].items():
                p[kind][n] = given[places, b]
    return {kind: ratio([sum(one) for one in of], [len(one) for one in of]) for kind, of in p.items()}


def at_ends(values, tunes):
    """The mean of a unit's values (N,) at the ends that close, and at those of parts that were never opened."""
    starts = np.cumsum([0, *(len(memory.reading(tune)) for tune in tunes)])
    places = {kind: [] for kind in ends(tunes[0])}
    for start, tune in zip(starts, tunes):
        for kind, of_tune in ends(tune).items():
            places[kind] += [start + at for at in of_tune]
    return {kind: float(values[of_kind].mean()) for kind, of_kind in places.items()}


def judged(tunes):
    """What is seen of the bars of composed tunes: (share of the right length, bar lines in 100 characters), Estimates.

    A text without a bar line is one bar, which is too long.
    """
    bars, fit = zip(*map(count_bars, tunes))
    music = [tune[tune.index("\nK:") + 3 :] for tune in tunes]
    return ratio(fit, bars), ratio([100 * text.count("|") for text in music], list(map(len, music)))


def parts(text):
    """[(place, name)] of what is written in a reading: the header and each line of music, by their first places."""
    at = text.index("\n", text.index("\nK:") + 1) + 1
    found = [(0, "header")]
    for line in text[at:].rstrip("\n").split("\n"):
        found.append((at, line))
        at += len(line) + 1
    return found
