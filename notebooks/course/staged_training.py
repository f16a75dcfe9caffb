"""A training run taken in stages: so many steps, then a look at it, then on. Looking changes nothing of the run."""

from itertools import islice

import numpy as np

from lstm.evaluation.quality import ratio
from lstm.notation.judge import count_bars
from lstm.notation.tunes import END
from lstm.sampling import Draw
from lstm.streams import generate_many, generators

LONGEST = 400  # characters of a tune that one looks at; the median of the corpus has half as many


def advance(trainer, step):
    """Train on until so many steps have been taken in all, over the ends of epochs too: the losses of those steps.

    As `Trainer.records` would, it validates at the end of each epoch.
    """
    losses = []
    while trainer.adam.t < step:
        losses.append(trainer.step())
        if trainer.position == len(trainer.batches):
            trainer.finish_epoch()
    return losses


def continuations(model, vocabulary, prime, count, temperature=1.0, random_seed=0):
    """`count` tunes that begin with `prime`, a list of texts; what has no end is cut after LONGEST more characters."""
    tunes, rngs = [prime.lstrip("\n")] * count, generators(random_seed, count)
    for stream, text, _ in generate_many(model, vocabulary, prime, rngs, LONGEST, draw=Draw(temperature)):
        tunes[stream] += text
    return tunes


def continued_by_counting(n_gram, prime, count, temperature=1.0, random_seed=0):
    """The same by an n-gram model."""
    texts = (
        prime + "".join(islice(n_gram.generate(prime, rng, temperature), LONGEST))
        for rng in generators(random_seed, count)
    )
    return [text.lstrip("\n").split(END)[0] + "\n" for text in texts]


def bars_right(tunes):
    """The share of the bars that have the length their meter asks for: an Estimate, with a tune as the unit."""
    counted = np.array([count_bars(tune) for tune in tunes])  # (tunes, 2): measured, right
    return ratio(counted[:, 1], counted[:, 0])
