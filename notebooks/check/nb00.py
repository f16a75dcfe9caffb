"""The exercises of notebook 00, Listen first."""

import functools
from itertools import islice
from math import comb

import numpy as np

from check import Wrong, close, exercise
from course.quiz import questions
from lstm.evaluation.quality import tunes_of_network
from lstm.io.places import INPUT
from lstm.notation.judge import count_bars
from lstm.notation.tunes import header_fields, split, split_tunes
from lstm.storage.checkpoint import find_weights, pretrained
from lstm.storage.imported import load

DANCES = ("reel", "jig", "hornpipe")

FRAGMENTS = [  # beginnings of tunes
    "X:1\nM:4/4\nL:1/8\nK:G\nG2BG dGBG|c2ec gcec|d2dB GBdB|A4 G4|]\n",
    "X:2\nM:6/8\nL:1/8\nK:D\nd2f afd|e2g bge|dfa g2fe|d3 d3|]\n",
    "X:3\nM:4/4\nL:1/8\nK:D\n(3ABc d2 (3def g2|f2 (3efe d2 A2|(3Bcd B2 A2 F2|D4 D4|]\n",
    "X:4\nM:2/4\nL:1/16\nK:A\nEAAG ABcd|efec d2cd|edcB ABcA|B2 G2 E2|A8|]\n",
    "X:5\nM:4/4\nL:1/8\nK:G\nd>B G>B d>g f>d|e>c A>c e>a g>e|d>g b>g a>f d>f|g2 g2 g4|]\n",
    "X:6\nM:4/4\nL:1/8\nK:G\nG2Bd g2dB|c2 [ceg e2c|d2BG d2BG|G4 G4|]\n",
]
FLAWLESS = [True, False, True, False, True, False]  # what both judges say of them; a test asks them again
MIXED = [  # for share_of_bars_right: all measured bars fit, none does, none is measured
    "X:1\nM:4/4\nL:1/8\nK:C\nC8|D8|E8|F8|\n",
    "X:2\nM:4/4\nL:1/8\nK:C\nC8|D7|E8|\n",
    "X:3\nM:none\nL:1/8\nK:C\nC8|D3|\n",
]


@functools.cache
def shipped():
    """The weights that ship: a Checkpoint."""
    return load(find_weights(pretrained()))


@functools.cache
def quiz():
    """The Questions of the quiz: the first four dances that the model composes, and four that people made."""
    composed = (tune.text for tune in tunes_of_network(shipped(), 40, 0.8, 4))
    dances = (tune for tune in composed if header_fields(tune).get("R") in DANCES)
    _, held_out = split(INPUT.read_text(), 0.1)
    return questions(list(islice(dances, 4)), split_tunes(held_out), np.random.default_rng(3))


@exercise(hints=[
    "`tunes_of_network(checkpoint, 1, temperature, random_seed=...)` is an iterator; `next(...)` takes the first tune.",
    "What it gives has two parts, `text` and `finished`; return the text.",
])
def compose_one(answer):
    for temperature, seed in ((0.5, 7), (1.0, 7), (0.5, 8)):
        call, tune = f"compose_one({temperature}, {seed})", answer(temperature, seed)
        if not isinstance(tune, str):
            raise Wrong(f"{call} is a {type(tune).__name__}; a text is expected")
        right = next(tunes_of_network(shipped(), 1, temperature=temperature, random_seed=seed)).text
        if tune != right:
            at = next((k for k, (a, b) in enumerate(zip(tune, right)) if a != b), min(len(tune), len(right)))
            raise Wrong(f"{call} is not the tune of that temperature and seed: it differs from character {at} on")


class Fake:
    """A composer whose first two seeds give the same tune; whether later ones do is up to it."""

    def __init__(self, later, hot_only=False):
        self.later, self.hot_only, self.seeds = later, hot_only, []

    def __call__(self, temperature, random_seed):
        if random_seed not in self.seeds:
            self.seeds.append(random_seed)
        place = self.seeds.index(random_seed)
        same = place < 2 or not self.later or (self.hot_only and temperature == 0)
        return "X:1" if same else f"X:{place}"


@exercise(hints=[
    "Compose at this one temperature with several seeds, and ask whether all tunes are equal.",
    "A set keeps of equal texts only one: how many are in it?",
    "Two seeds may agree by chance. Try five or more.",
])
def seed_matters(answer):
    if answer(Fake(later=False), 0.8):
        raise Wrong("a composer that ignores its seed: it should be False")
    fake = Fake(later=True)
    if not answer(fake, 0.8):
        seeds = len(fake.seeds)
        raise Wrong(f"a composer whose first two seeds happen to agree: it should be True; you tried {seeds} seed(s)")
    if answer(Fake(later=True, hot_only=True), 0):
        raise Wrong("a composer whose seed matters, but not at temperature 0: asked at 0 it should be False")


@exercise(hints=[
    "A coin answers n questions in 2**n equally likely ways. In how many of them are exactly k right?",
    "`math.comb(n, k)` ways. At least `right` means right, right + 1, ... up to n: add them all.",
])
def chance(answer):
    for right, n in ((8, 8), (6, 8), (0, 8), (3, 5), (15, 20)):
        exact = sum(comb(n, k) for k in range(right, n + 1)) / 2**n
        close(f"chance({right}, {n})", answer(right, n), exact)


@exercise(hints=[
    "All bars of all eight are of the right length: counting does not tell. Play each twice: does the second bar "
    "answer the first, and does the end of the line come to rest?",
    "No better hint is known. Guess all eight; exercise 4 says what your number of right answers is worth.",
])
def human_or_model(answer):
    words, n = [str(word).strip().lower() for word in answer], len(quiz())
    if len(words) != n:
        raise Wrong(f"it takes {n} guesses, each of them 'human' or 'model'; these are {len(words)}")
    for number, word in enumerate(words, 1):
        if word not in ("human", "model"):
            raise Wrong(f"it takes 'human' or 'model' for each; No. {number} is {answer[number - 1]!r}")
    again = bool(first_guesses) and first_guesses != words
    first_guesses[:] = first_guesses or words
    print(verdict_on(first_guesses) + again * " (your first guesses; later ones do not count)")


first_guesses = []  # of human_or_model: who has been told how many are right could climb from there


def verdict_on(words):
    """How many guesses are right, and what that is worth, in words."""
    right, n = sum((word == "model") == question.composed for word, question in zip(words, quiz())), len(words)
    p = sum(comb(n, k) for k in range(right, n + 1)) / 2**n
    worth = "a coin hardly does that" if p <= 0.05 else "that can be luck: it is not shown that you can tell"
    return f"{right} of {n} right; p = {p:.3f}, the chance that a coin does as well or better: {worth}"


@exercise(hints=[
    "M: says how long a bar is, L: how long a plain letter. With M:4/4 and L:1/8 a bar has eight letters.",
    "d2 is twice as long as d. (3abc is three notes in the time of two. a>b takes as long as ab.",
    "What is opened must be closed: a [ begins a chord, notes that sound together, and a ] ends it.",
])
def which_parse(answer):
    if np.shape(answer) != (len(FRAGMENTS),) or not set(answer) <= {True, False}:
        raise Wrong(f"it takes {len(FRAGMENTS)} predictions, each True or False")
    right = sum(guess == flawless for guess, flawless in zip(answer, FLAWLESS))
    if right < len(FRAGMENTS):
        raise Wrong(f"{right} of {len(FRAGMENTS)} predictions are right")


@exercise(hints=[
    "`count_bars(tune)` gives two numbers; add up the first of all tunes, and the second.",
    "Divide once, at the end: every bar counts the same, whichever tune it is in.",
])
def share_of_bars_right(answer):
    bars, fit = np.sum([count_bars(tune) for tune in MIXED], axis=0)
    close("the share over three tunes", answer(MIXED), fit / bars)
    close("the share of the first tune alone", answer(MIXED[:1]), 1)
