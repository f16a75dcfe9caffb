"""The exercises of notebook 01, Letters, tunes, and how hard it is."""

import functools

import numpy as np

from check import Wrong, close, exercise, watched
from course.leaky_split import window_split
from lstm.evaluation.heldout import NGram
from lstm.io.places import INPUT
from lstm.notation.tunes import split, split_tunes
from lstm.vocabulary import Vocabulary

LINE = "|:dfaf g2fe|dBAF E2z2:|\n"
ORDER = 4  # of the n-gram model that is to be reached
WINDOW, HELD_OUT = 128, 0.1  # the windows of the leak, and the share that is held out
SAME = 1e-6  # nats, between two losses that are the same but for rounding


@functools.cache
def first_tunes(start, stop):
    """The text of some tunes of data/input.txt."""
    return "".join(split_tunes(INPUT.read_text())[start:stop])


@exercise(hints=[
    "An id is a place in the sorted characters: `characters.index(\"d\")`.",
    "decode goes the other way: `characters[i]` for each id, joined by \"\".join(...).",
])
def round_trip(answer):
    if not isinstance(answer, (tuple, list)) or len(answer) != 2 or not all(map(callable, answer)):
        raise Wrong("it takes both functions: check.round_trip((encode, decode))")
    encode, decode = map(watched, answer)
    vocabulary = Vocabulary.of(first_tunes(0, 20))
    for text in (vocabulary.characters, LINE):
        close(f"the ids of {text[:8]!r}...", encode(text, vocabulary.characters), vocabulary.encode(text))
        ids = list(vocabulary.encode(text))
        if not isinstance(back := decode(ids, vocabulary.characters), str):
            raise Wrong(f"decode returns a {type(back).__name__}; a text is expected, all of it in one str")
        if back != text:
            at = next((k for k, pair in enumerate(zip(back, text)) if pair[0] != pair[1]), min(len(back), len(text)))
            raise Wrong(f"decode does not give the text back: it differs at character {at}")


@exercise(hints=[
    "What a character costs is -log2 of the probability it was given; nothing else of the distribution counts.",
    "The mean of these costs. The log of the mean is something else.",
])
def bits_per_character(answer):
    close("four characters at 1/2 each", answer(np.full(4, 0.5)), 1, 1e-6)
    p = np.array([0.5, 0.25, 0.125, 1.0, 0.01])
    right = -np.log2(p).mean()
    close(f"the p = {p.tolist()}", answer(p), right, 1e-6)  # float32 will do


@exercise(hints=[
    "N is how often the context was seen, D how many different characters came after it.",
    "The context's own counts make N of N + D parts, the shorter context the other D.",
    "A context that was never seen has nothing to add: then p is the shorter one's.",
])
def witten_bell(answer):
    counts = {"a": 3, "b": 1}
    close("a character that came 3 of 4 times", answer(counts, "a", 0.2), 3.4 / 6)
    close("a character that never came here", answer(counts, "z", 0.2), 0.4 / 6)
    close("a context with one character after it", answer({"a": 5}, "a", 0.5), 5.5 / 6)
    close("a context that was never seen", answer({}, "a", 0.2), 0.2)


@exercise(hints=[
    "Begin with a uniform guess, then let orders 0, 1, ... 4 correct it one after another, each by your witten_bell.",
    "`table(training, k)` has the counts of order k; make the five tables once, before the inner function.",
    "The context of order k is `before[len(before) - k:]`; before has fewer than k characters at the text's start.",
])
def n_gram(answer):
    training, held_out = first_tunes(0, 300), first_tunes(300, 304)
    characters = Vocabulary.of(training + held_out).characters
    probabilities, p = answer(training, characters), []
    for at, character in enumerate(held_out):
        after = np.asarray(probabilities(held_out[:at]), dtype=float)
        if after.shape != (len(characters),):
            raise Wrong(f"the shape is {after.shape}; one probability for each of the {len(characters)} is expected")
        if not abs(after.sum() - 1) < 1e-5 or not (after >= 0).all():
            before = held_out[:at][-ORDER:]
            raise Wrong(f"after {before!r} the probabilities sum to {after.sum():.4f}, or some are negative")
        p.append(after[characters.index(character)])
        if p[-1] == 0:
            raise Wrong(f"character {at} of the held-out text had probability 0: its cost is infinite")
    stated = NGram(training, ORDER, characters).losses(held_out)[ORDER].mean()
    above = -np.log(p).mean() - stated
    if above > 0.001:
        raise Wrong(f"{above:.3f} nats per character above the loss that is to be reached")


@exercise(hints=[
    "`nats[header]` are the costs of the header's characters.",
    "A share of the whole cost: sums, not means, because there are fewer characters of headers than of music.",
])
def share_of_cost(answer):
    nats, header = np.array([3.0, 1.0, 0.5, 0.5, 1.0]), np.array([True, False, False, True, False])
    close("five characters", answer(nats.copy(), header.copy()), 3.5 / 6)
    close("no header at all", answer(nats, np.zeros(5, bool)), 0)


@exercise(hints=[
    "Twice the same: split, count the training part with `NGram(training, order, characters)`, then the loss.",
    "`.losses(held_out)[order].mean()`. Only the split may differ between the two numbers.",
    "Both times the vocabulary is that of the whole text: `Vocabulary.of(text).characters`.",
    "The windows are drawn once, with the rng that is given: another draw has another loss.",
])
def leak(answer):
    text, order = first_tunes(500, 1000), 6  # the last tenth of them has a letter that the others lack
    pair = answer(text, order, np.random.default_rng(0))
    if np.shape(pair) != (2,):
        raise Wrong(f"it should return two losses, of whole tunes and of windows; the shape is {np.shape(pair)}")
    rights = loss_by_tune(text, order), loss_by_window(text, order)
    slips = {
        "held out by tune": {"the vocabulary of the training part alone": lambda: loss_by_tune(text, order, False)},
        "held out by window": {
            "windows of 64 characters": lambda: loss_by_window(text, order, window=64),
            "three tenths held out": lambda: loss_by_window(text, order, share=0.3),
        },
    }
    for (what, likely), found, right in zip(slips.items(), map(float, pair), rights):
        if not abs(found - right) < SAME:
            slip = next((f"; that is the loss with {slip}" for slip, loss in likely.items()
                         if abs(found - loss()) < SAME), "")
            raise Wrong(f"{what}: off by {found - right:+.2g} nats{slip}")


def loss_by_tune(text, order, whole=True):
    """The loss on held-out tunes; with the vocabulary of the whole text, or of the training part."""
    training, held_out = split(text, HELD_OUT)
    return NGram(training, order, Vocabulary.of(text if whole else training).characters).losses(held_out)[order].mean()


def loss_by_window(text, order, window=WINDOW, share=HELD_OUT):
    """The loss on held-out windows."""
    training, held_out = window_split(text, window, share, np.random.default_rng(0))
    return NGram(training, order, Vocabulary.of(text).characters).losses(held_out)[order].mean()
