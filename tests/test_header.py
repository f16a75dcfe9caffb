"""Header lines that the user wants: which are taken, where they come to stand, and that the rest is composed."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from lstm import cell, kernels
from lstm.io import InputError
from lstm.model import CharRNN, Config, initial_parameters
from lstm.notation.header import Headers, settle
from lstm.notation.tunes import PROMPT, split_tunes
from lstm.sampling import Draw, generate
from lstm.streams import AT_ONCE, generate_many, generators
from lstm.vocabulary import Vocabulary

CORPUS = Path(__file__).resolve().parent.parent / "data" / "input.txt"


# -- values


def headers_of(*headers):
    """The Headers of tunes with these headers, a line each separated by blanks."""
    return Headers.of([header.replace(" / ", "\n") + "\nabc|\n\n" for header in headers])


def test_the_default_is_what_the_corpus_has():
    assert Headers.of(split_tunes(CORPUS.read_text())) == Headers()


def test_order_values_and_spelling_are_those_of_the_text():
    found = headers_of(
        "X: 1 / T: A / % a remark / S: one / M: 6/8 / K: Gmajor", "X: 2 / T: B / M: 4/4 % march / L: 1/8 / K: Gmajor",
        "X: 3 / %%scale 1 / T: C / T: D / S: two / M: 4/4 / L: 1/4 / K: Edorian", "X: 4 / M: 4/4 / R: Jig / K: D",
    )
    assert found.order.startswith("XT") and found.order.endswith("K") and found.gap == " "
    assert found.order.find("T") < found.order.find("S") < found.order.find("M") < found.order.find("L")
    assert found.heard == {"R": ["Jig"], "M": ["4/4", "6/8"], "K": ["Gmajor", "Edorian", "D"]}
    assert found.lines(key="A", rhythm="jig", meter="6/8") == ("M: 6/8\n", "R: Jig\n", "K: Amajor\n")
    assert found.lines(key="G") == ("K: Gmajor\n",) and found.lines(key="Ddor") == ("K: Ddorian\n",)
    assert found.lines(key="D") == ("K: D\n",) and found.lines(key="Am") == ("K: Am\n",)


def test_a_text_without_a_field_has_it_before_the_key():
    found = headers_of("X:1 / T:A / M:C / K:G", "X:2 / T:B / M:C| / K:D")
    assert found.lines(rhythm="jig", key="G", meter="4/4") == ("M:C\n", "R:jig\n", "K:G\n")
    assert found.meter("2/2") == "C|" and found.meter("3/4") == "3/4"
    assert settle("M:C\n", ("R:jig\n",), found) == ("M:C\n", ("R:jig\n",))
    assert settle("K:G\n", ("R:jig\n",), found) == ("R:jig\n", ())
    assert "no tune that this network learnt has a line R:" in found.unheard("R:jig\n")


@pytest.mark.parametrize("text, line", [
    *((value, value) for value in Headers().heard["K"]),
    ("E dorian", "Edor"), ("EDorian", "Edor"), ("E Dor", "Edor"), ("A mixolydian", "Amix"), ("Bb major", "Bb"),
    ("E minor", "Em"), ("Emin", "Em"), ("E m", "Em"), ("Eaeo", "Em"), ("Gmaj", "G"), ("C ionian", "C"), ("F#m", "F#m"),
    ("Bloc", "Bloc"), ("Gmajor", "G"), ("Edorian", "Edor"), ("D mixolydian", "Dmix"),
])
def test_a_key_is_written_as_in_the_corpus(text, line):
    assert Headers().lines(key=text) == (f"K:{line}\n",)


@pytest.mark.parametrize("text", ["", " ", "H", "edor", "bb", "EM", "Em7", "E do", "Ed", "Edoric", "E  dor", "E-dor",
                                  "E♭", "G\n", "G\nX:2", "none", "HP", "G clef=bass", "Edordor", "É", "G" * 10**5])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(InputError, match="--key .* must be a key as ABC writes it, such as"):
        Headers().lines(key=text)


def test_a_meter_is_beats_and_their_unit():
    for value in Headers().heard["M"]:
        assert Headers().lines(meter=value) == (f"M:{value}\n",)
    for text in ("", "C", "C|", "none", "6", "6/", "/8", "0/8", "6/0", "6/7", "6/8 ", "6/8\n", "-6/8", "100/8", "٦/٨"):
        with pytest.raises(InputError, match="--meter .* must be beats and their unit"):
            Headers().lines(meter=text)


def test_a_rhythm_is_some_words():
    assert Headers().lines(rhythm=" slip jig ") == Headers().lines(rhythm="Slip Jig") == ("R:slip jig\n",)
    for text in ("", "  ", "jig\n", "jig\nK:D", "j\tig", "\x1b[2J", "\u2028"):
        if text.strip() != "jig":
            with pytest.raises(InputError, match="--rhythm .* must be a word or two"):
                Headers().lines(rhythm=text)


def test_what_no_tune_has_is_told_with_what_there_is():
    usual = Headers()
    assert not any(usual.unheard(f"{name}:{value}\n") for name, values in usual.heard.items() for value in values)
    said = usual.unheard("R:waltz\n")
    assert "R:waltz" in said and "reel, jig, air" in said and "\n" not in said
    assert "M:5/4" in usual.unheard("M:5/4\n")
    assert "K:Bloc" in usual.unheard("K:Bloc\n")


# -- the place in the header


def dialogue(writes, lines):
    """The header that comes of it where the network writes `writes`, line by line, and then no more."""
    made = ""
    for line in writes:
        line, lines = settle(line, lines) if lines else (line, ())
        made += line
    return made


@pytest.mark.parametrize("wanted, expected", [
    ("R:jig\n", "X:1\nT:A\nR:jig\nM:4/4\nL:1/8\nK:G\n"),
    ("M:6/8\n", "X:1\nT:A\nR:reel\nM:6/8\nL:1/8\nK:G\n"),
    ("K:Edor\n", "X:1\nT:A\nR:reel\nM:4/4\nL:1/8\nK:Edor\n"),
    ("R:jig\nM:6/8\n", "X:1\nT:A\nR:jig\nM:6/8\nL:1/8\nK:G\n"),
    ("R:jig\nK:Edor\n", "X:1\nT:A\nR:jig\nM:4/4\nL:1/8\nK:Edor\n"),
    ("R:jig\nM:6/8\nK:Edor\n", "X:1\nT:A\nR:jig\nM:6/8\nL:1/8\nK:Edor\n"),
])
def test_a_wanted_line_takes_the_place_of_the_networks_own(wanted, expected):
    writes = ["X:1\n", "T:A\n", "R:reel\n", "M:4/4\n", "L:1/8\n", "K:G\n"]
    assert dialogue(writes, tuple(wanted.splitlines(keepends=True))) == expected


@pytest.mark.parametrize("line", ["% Made at random\n", "%%titlefont Helvetica\n", "T:A\n", "N:A remark\n"])
def test_comments_and_lines_that_belong_before_the_wanted_one_stay(line):
    assert settle(line, ("R:jig\n", "K:D\n")) == (line, ("R:jig\n", "K:D\n"))


@pytest.mark.parametrize("instead", ["K:G\n", "M:4/4\n", "abc|\n", "\n", "|:abc|\n", "R reel\n"])
def test_a_line_that_belongs_after_the_wanted_one_or_nowhere_gives_way(instead):
    assert settle(instead, ("R:jig\n", "K:D\n")) == ("R:jig\n", ("K:D\n",))


# -- in the streams

LETTERS = Vocabulary("\n:XTRMLKab12")


def model_of(backend, dtype):
    """A model with opinions, and with a liking for header lines."""
    config = Config(len(LETTERS), 6, 24, 2)
    p = initial_parameters(config, 4, np.float64)
    p["dense/kernel"] *= 8
    p["dense/bias"][LETTERS.encode("\n:XT")] += 2
    return CharRNN(config, p.astype(dtype), backend)


@pytest.fixture(params=["compiled", "readable"])
def model(request):
    return model_of(*{"compiled": (kernels, np.float32), "readable": (cell, np.float64)}[request.param])


def by_the_book(model, rng, lines, length):
    """A tune to order, one character at a time by the forward pass: its text after the prompt, and why it ended."""
    text, start = PROMPT, len(PROMPT)

    def character():
        return next(generate(model, LETTERS, text, Once(rng)))

    while lines and len(text) - start < length:
        before, line = text, ""
        while not line.endswith("\n") and len(before) + len(line) - start < length:
            line += character()
            text = before + line
        begun = before[before.rfind("\n") + 1 :]
        if line.endswith("\n"):
            line, lines = settle(begun + line, lines)
            text = before + line.removeprefix(begun)
    while len(text) - start < length:
        text += character()
        if text.endswith("\n\n"):
            return text[start:-1], "tune"
    return text[start:][:length], "length"


class Once:
    """A generator that is asked for one number at a time, however many are asked for."""

    def __init__(self, rng):
        self.rng = rng

    def random(self, shape):
        numbers = np.zeros(shape)
        numbers.flat[0] = self.rng.random()
        return numbers


LINES = [("R:ab\n",), ("K:a\n",), ("R:a\n", "M:12\n", "K:b1\n")]


@pytest.mark.parametrize("lines", LINES, ids=str)
def test_many_streams_are_what_the_textbook_makes_of_each(whole, model, lines):
    count, length = AT_ONCE + 2, 60
    texts = whole(generate_many(model, LETTERS, PROMPT, generators(3, count), length, lines=lines, threads=2))
    for stream, rng in [*enumerate(generators(3, count))][::4]:  # one of those that began later is among them
        assert texts[stream] == by_the_book(model, rng, lines, length)
    assert {end for _, end in texts.values()} == {"tune", "length"}
    assert len({text for text, _ in texts.values()}) > count // 2


@pytest.mark.parametrize("lines", LINES, ids=str)
def test_a_tune_to_order_is_the_same_alone_beside_others_and_with_any_number_of_threads(whole, lines):
    model = model_of(kernels, np.float32)
    made = [
        whole(generate_many(model, LETTERS, PROMPT, generators(7, count), 120, threads=threads, lines=lines))
        for count, threads in itertools.product((1, 5, 20), (1, 2))
    ]
    assert all(texts[0] == made[0][0] for texts in made)
    assert all(made[-1][stream] == text for texts in made for stream, text in texts.items())


@pytest.mark.parametrize("length", [1, 2, 3, 5, 8, 13, 40])
def test_a_header_counts_for_the_length(whole, model, length):
    lines = ("R:aaaaaaaaaa\n", "K:b\n")
    texts = whole(generate_many(model, LETTERS, PROMPT, generators(1, 20), length, tunes=False, lines=lines))
    assert [(len(text), end) for text, end in texts.values()] == [(length, "length")] * 20


@pytest.mark.parametrize("temperature", [0.8, 1, 100])
def test_each_line_that_is_wanted_is_there(whole, temperature):
    model, lines = model_of(kernels, np.float32), ("R:ab\n", "M:12\n", "K:b1\n")
    draw = Draw(temperature)
    texts = whole(generate_many(model, LETTERS, PROMPT, generators(5, 20), 2000, draw=draw, lines=lines))
    for text, _ in texts.values():
        assert re.match(r"[^\n]*\n([^\n]+\n)*?R:ab\n([^\n]+\n)*?M:12\n([^\n]+\n)*?K:b1\n", text)


def test_a_header_that_nobody_asked_for_is_left_as_composed(whole, model):
    texts = [whole(generate_many(model, LETTERS, PROMPT, generators(5, 3), 60, **more)) for more in ({}, {"lines": ()})]
    assert texts[0] == texts[1]
