"""What counting alone can do: python -m benchmarks.n_gram. The loss of n-gram models on the held-out tunes.

The probability of a character after the last k is interpolated with that after the last k-1, and so on down to a
uniform guess, by Witten & Bell's rule (1991): a context seen N times, with D different characters after it, gives
the shorter context the weight D / (N + D).
"""

import math
from collections import Counter, defaultdict

from lstm.command import ROOT
from lstm.corpus import Corpus
from lstm.files import read_text

ORDERS = range(9)  # how many characters before are looked at


def contexts(ids, order):
    """{so many characters before: Counter of the character after} over a text."""
    counts = defaultdict(Counter)
    for at in range(order, len(ids)):
        counts[ids[at - order : at]][ids[at]] += 1
    return counts


def losses(training, held_out, V):
    """{order: nats per character} of the held-out ids, for a vocabulary of at most 256."""
    training, held_out = bytes(training.tolist()), bytes(held_out.tolist())  # slices of bytes are fast keys
    p, result = [1 / V] * len(held_out), {}
    for order in ORDERS:
        counts = contexts(training, order)
        totals = {context: sum(after.values()) for context, after in counts.items()}
        for at in range(order, len(held_out)):
            context = held_out[at - order : at]
            if context in counts:
                after = counts[context]
                N, D = totals[context], len(after)
                p[at] = (after[held_out[at]] + D * p[at]) / (N + D)
        result[order] = -sum(map(math.log, p)) / len(p)
    return result


def main():
    """The command."""
    corpus = Corpus.of(read_text(ROOT / "data" / "input.txt"))
    for order, loss in losses(corpus.training, corpus.validation, len(corpus.vocabulary)).items():
        print(f"order {order}: {loss:.3f} nats per character")


if __name__ == "__main__":
    main()
