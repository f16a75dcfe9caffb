"""The experiments of notebook 10: groups by chance, ends of parts, a colon's probability; and their pictures."""

import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from lstm.evaluation import memory
from lstm.evaluation.quality import Estimate
from lstm.model import CharRNN, Config, initial_parameters
from lstm.vocabulary import Vocabulary

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "notebooks"))

from course import inside  # noqa: E402
from course.pictures import inside as pictures  # noqa: E402

OPENED = "X:1\nM:2/4\nL:1/8\nK:G\n|:GA B2|GA B2:|\nBA|BA||\nG4|]\n"
TWICE = "X:2\nM:2/4\nL:1/8\nK:G\n|:GA:|AB::B4:|\n"


@pytest.fixture(scope="module")
def network():
    vocabulary = Vocabulary("".join(sorted({*memory.reading(OPENED), *memory.reading(TWICE)})))
    config = Config(len(vocabulary), 4, 8, 2)
    return CharRNN(config, initial_parameters(config)), vocabulary


def test_groups_by_chance_have_different_units_and_are_the_same_each_time():
    groups = inside.by_chance(30, 20, 5)
    assert all(len(set(group.tolist())) == 20 for group in groups)
    assert len({tuple(group) for group in groups}) == 5
    assert np.array_equal(groups, inside.by_chance(30, 20, 5))


def test_entropy_is_what_could_be_told_at_most():
    assert inside.entropy(np.array([0, 1, 2, 3])) == pytest.approx(np.log(4))
    assert inside.entropy(np.array([0, 0, 2, 2])) == pytest.approx(np.log(2))


def test_ends_of_parts_are_the_places_before_their_signs():
    text, places = memory.reading(OPENED), inside.ends(OPENED)
    assert [text[at : at + 3] for at in places["closes"]] == ["2:|"]
    assert [text[at : at + 3] for at in places["never opened"]] == ["A||", "4|]"]
    assert len(inside.ends(TWICE)["closes"]) == 2 and not inside.ends(TWICE)["never opened"]


def test_the_probability_of_a_colon_is_that_of_each_tune_read_alone(network):
    model, vocabulary = network
    colon, given = vocabulary.encode(":")[0], []
    for tune in (OPENED, TWICE):
        logits, _, _ = model.forward(vocabulary.encode(memory.reading(tune))[:, None], model.initial_state())
        p = np.exp(logits[:, 0]) / np.exp(logits[:, 0]).sum(axis=1, keepdims=True)
        given += [p[at, colon] for at in inside.ends(tune)["closes"]]
    found = inside.of_colon(model, vocabulary, [OPENED, TWICE])["closes"]
    assert found.value == pytest.approx(np.mean(given), abs=1e-6)


def test_the_values_at_ends_are_found_in_all_tunes():
    values = np.arange(len(memory.reading(OPENED)) + len(memory.reading(TWICE)), dtype=float)
    wanted = inside.ends(OPENED)["closes"] + [len(memory.reading(OPENED)) + at for at in inside.ends(TWICE)["closes"]]
    assert inside.at_ends(values, [OPENED, TWICE])["closes"] == pytest.approx(np.mean(wanted))


def test_tunes_without_their_bar_lines_are_judged_so():
    tune = OPENED.replace("2|GA", "2|GA B2|GA")
    (right, lines), (fewer_right, fewer_lines) = map(inside.judged, ([tune], [tune, tune.replace("|", "")]))
    assert (right.value, fewer_right.value) == (1, 0.5) and 0 < fewer_lines.value < lines.value


def test_a_probe_is_right_where_there_is_something_and_its_control_is_not():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=2000)
    cells = np.eye(3)[labels] + 0.1 * rng.normal(size=(2000, 3))
    found, control = inside.right(labels[:1000], cells[:1000], labels[1000:], cells[1000:])
    assert found > 0.95 and control < 0.6


def test_a_dose_curve_has_a_damage_for_each_size_and_group(network):
    model, vocabulary = network
    tunes = [OPENED, TWICE]
    texts = [memory.reading(tune) for tune in tunes]
    whole = memory.costs(model, vocabulary, texts)

    def damage_of(units):
        return memory.damage(memory.costs(memory.silenced(model, 0, units), vocabulary, texts), whole, tunes)

    curve = inside.dose_curve(damage_of, np.arange(8), (1, 8), draws=2)
    assert set(curve.ranked) == set(curve.chance) == {1, 8}
    assert curve.chance[8]["note"] == pytest.approx([curve.ranked[8]["note"].value] * 2, abs=1e-5)  # all units
    titles = {"note": "at notes", "bar line": "at bar lines"}
    assert isinstance(pictures.dose(curve, titles), Figure)


def test_parts_are_the_header_and_the_lines():
    text = memory.reading(OPENED).rstrip()
    parts = inside.parts(text)
    assert parts[0] == (0, "header") and [name for _, name in parts[1:]] == ["|:GA B2|GA B2:|", "BA|BA||", "G4|]"]
    assert all(text[at:].startswith(name) for at, name in parts[1:])


def test_every_picture_is_a_figure():
    square, one = np.eye(6), Estimate(0.5, 0.4, 0.6)
    figures = (
        pictures.gramians({"h": square, "c": square}, [(0, "header"), (3, "|:GA")]),
        pictures.ranked({"a": {"layer 1": np.arange(4.0)}}, {"a": 0.5}, {"a": 4.0}),
        pictures.probes({"a": {"layer 1": (0.9, 0.1)}, "b": {"layer 1": (0.8, 0.2)}}, {"a": 0.5, "b": 0.4}),
        pictures.under_the_notes("|GA|", {"one": np.arange(4.0), "other": np.ones(4)}),
        pictures.groups({"40": {"note": one}, "any": {"note": one}}, ["note"]),
        pictures.switch([-1, 1], {"closes": [one, one]}, {"closes": 0.3}),
        pictures.directions(np.arange(3.0), "abc", square[:2, :3], shown=2),
    )
    assert all(isinstance(figure, Figure) and figure.axes for figure in figures)
