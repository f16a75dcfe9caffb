"""What notebook 08 measures and draws with: bars that return, loops, promises kept, a tree of continuations."""

import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from lstm.evaluation.novelty import spans_of
from lstm.model import CharRNN, Config, initial_parameters
from lstm.sampling import Draw, distribution, pick
from lstm.vocabulary import Vocabulary

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "notebooks"))

from course import choosing  # noqa: E402
from course.pictures import choosing as pictures  # noqa: E402

TUNE = "X:1\nT:A Tune\nM:2/4\nL:1/8\nK:G\n|:GA B2|GA B2|GA B2|1 c4:|2 d4|]\n"


def test_bars_are_what_stands_between_bar_lines():
    assert choosing.bars_of(TUNE) == ["GAB2", "GAB2", "GAB2", "c4", "d4"]


def test_bars_that_return_and_loops_are_counted():
    bars = choosing.bars_of(TUNE)
    assert choosing.returning(bars) == pytest.approx(2 / 5)
    assert choosing.longest_run(bars) == 3
    assert (choosing.returning([]), choosing.longest_run([])) == (0, 0)


def test_the_figures_of_tunes_have_intervals_around_them():
    figures = choosing.figures_of([TUNE, TUNE.replace("GA B2", "AB c2", 1)], spans_of(TUNE))
    assert figures["bars right"].value == 1
    assert figures["tunes that loop"].value == 0.5
    for value, low, high in figures.values():
        assert low <= value <= high


def test_promises_are_counted_as_a_loop_over_all_would():
    rng = np.random.default_rng(0)
    p, happened, edges = rng.random(300), rng.random(300) < 0.5, np.array([0, 0.25, 0.5, 0.75, 1.0])
    said, did = choosing.reliability(p, happened, edges)
    for n in range(4):
        inside = [k for k in range(300) if edges[n] <= p[k] < edges[n + 1]]
        assert said[n] == pytest.approx(sum(p[k] for k in inside) / len(inside))
        assert did[n] == pytest.approx(sum(happened[k] for k in inside) / len(inside))
    assert np.isnan(choosing.reliability(p[:0], happened[:0], edges)).all()


@pytest.fixture(scope="module")
def network():
    vocabulary = Vocabulary("\n |ABCD")
    config = Config(len(vocabulary), 4, 8, 1)
    model = CharRNN(config, initial_parameters(config))
    model.parameters["dense/bias"][vocabulary.encode("|")] = 1  # so that bars end
    return model, vocabulary


def test_next_logits_are_those_of_reading_the_text(network):
    model, vocabulary = network
    ids = np.random.default_rng(1).integers(len(vocabulary), size=1001)
    logits, targets = choosing.next_logits(model, ids, rows=2, steps=500)
    wanted, _, _ = model.forward(ids[:500, None], model.initial_state())  # the first row
    skipped = choosing.SKIPPED
    assert logits[::2] == pytest.approx(wanted[skipped:, 0], abs=1e-6)
    assert targets[::2].tolist() == ids[skipped + 1 : 501].tolist()


def test_a_tree_has_different_bars_at_each_place_and_its_leaves_are_ways_through_it(network):
    branches = choosing.tree(*network, "A|", depth=2, ways=3)
    assert 1 <= len(branches) <= 3
    for siblings in (branches, *(branch.followed_by for branch in branches)):
        assert len({branch.bar for branch in siblings}) == len(siblings)
    ways = list(choosing.leaves(branches))
    assert len(ways) == sum(len(branch.followed_by) for branch in branches)
    assert all(way.count("|") == 2 for way in ways)


def test_every_picture_is_a_figure():
    z = np.random.default_rng(2).normal(size=12)
    p, characters = distribution(z), "abcdefghijkl"
    estimate = np.linspace(0, 1, 5)
    figures = (
        pictures.inverse(characters, p, 0.5),
        pictures.by_temperature(characters, {t: distribution(z, Draw(t)) for t in (0, 1.0)}),
        pictures.along("|AB|", np.ones(4), [0, 3]),
        pictures.cut(characters, {"here": (p, {"top-k": distribution(z, Draw(top_k=2))})}),
        pictures.reliability({"t": (estimate, estimate)}),
        pictures.grown("A|", [choosing.Branch("AB", [choosing.Branch("c", []), choosing.Branch("d", [])])]),
    )
    assert all(isinstance(figure, Figure) and figure.axes for figure in figures)


@pytest.mark.parametrize("uniform", [0.02, 0.2, 0.5, 0.85, 0.9])
def test_the_piece_under_the_arrow_is_the_character_that_the_package_picks(uniform):
    p, characters = np.array([0.05, 0.3, 0.01, 0.5, 0.14]), "ABCDE"
    (axes,) = pictures.inverse(characters, p, uniform).axes
    (under,) = [bar for bar in axes.patches[1:] if bar.get_x() <= uniform < bar.get_x() + bar.get_width()]
    (letter,) = [text for text in axes.texts if text.get_text() == characters[pick(p, uniform)]]
    assert letter.get_position()[0] == pytest.approx(under.get_x() + under.get_width() / 2)
