"""Notebook 09, Find the bug: the tool that should expose each of the faults does, and a sound network passes all."""

import sys
from ast import literal_eval
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from lstm.corpus import Corpus
from lstm.io.places import ROOT

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "notebooks"))

from course import broken  # noqa: E402
from course.broken import CLEAN, DIRTY, IN_BACKWARD  # noqa: E402
from course.own_network import by_the_package  # noqa: E402
from course.pictures import symptoms  # noqa: E402

SEEDS = 0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))
each_seed = pytest.mark.parametrize("seed", SEEDS)


@pytest.fixture(scope="module")
def corpus():
    return Corpus.of((ROOT / "data" / "input.txt").read_text())


def off(fault, **how):
    return {name: numbers[0] for name, numbers in broken.slopes(broken.network(fault), **how).items()}


def letter_of(fault):
    return broken.LETTERS[broken.in_order().index(fault)]


def test_there_are_nine_suspects_with_a_fault_each_and_one_is_sound():
    assert len(broken.in_order()) == len(set(broken.in_order())) == len(broken.LETTERS) == 9
    assert set(broken.in_order()) < set(broken.FAULTS) and "sound" in broken.in_order()
    for letter in broken.LETTERS:
        assert not any(fault in repr(broken.suspect(letter)) for fault in broken.FAULTS)
    for letter in ("", "J", "AB"):
        with pytest.raises(ValueError):
            broken.suspect(letter)


@each_seed
def test_the_sound_network_passes_every_tool(seed, corpus):
    one = broken.suspect(letter_of("sound"))
    assert max(off("sound", seed=seed).values()) < CLEAN
    assert max(broken.parity(one.network, seed=seed).values()) < CLEAN
    assert abs(np.subtract(*broken.in_chunks(one.network, seed))) < CLEAN
    assert abs(broken.first_loss(one, corpus, seed) - np.log(len(corpus.vocabulary))) < broken.FIRST_NEAR
    assert one.reader is broken.Batches


@each_seed
@pytest.mark.parametrize("fault", IN_BACKWARD)
def test_the_gradient_check_exposes_what_is_wrong_in_backward(fault, seed):
    assert max(off(fault, seed=seed).values()) > DIRTY


@each_seed
@pytest.mark.parametrize("fault", sorted(set(broken.FAULTS) - set(IN_BACKWARD)))
def test_the_gradient_check_passes_what_is_wrong_elsewhere(fault, seed):
    assert max(off(fault, seed=seed).values()) < 1e-5


@each_seed
def test_which_gate_is_off_and_by_what_tells_the_faults_of_backward_apart(seed):
    one_step = {fault: off(fault, steps=1, seed=seed) for fault in IN_BACKWARD}
    assert max(one_step["dc lost"].values()) < CLEAN and max(one_step["dh lost"].values()) < CLEAN
    for gate in "ifg":
        assert one_step["tanh twice"][f"lstm_1/bias, gate {gate}"] > 1e-3  # measured: 3e-3 and more
    assert one_step["tanh twice"]["lstm_1/bias, gate o"] < CLEAN
    wrong = {name for name, one in one_step["forget gate's slope"].items() if one > DIRTY and "gate" in name}
    assert {name[-1] for name in wrong} == {"f"}
    assert max(off("dh lost", recurrent=False, seed=seed).values()) < CLEAN
    assert max(off("dc lost", recurrent=False, seed=seed).values()) > DIRTY
    embedding = off("embedding keeps one", seed=seed)
    assert {name for name, one in embedding.items() if one > CLEAN} == {"embedding/embedding"}
    times = [times for _, times in broken.slopes(broken.network("not divided"), seed=seed).values()]
    assert times == pytest.approx([12] * len(times))  # 4 steps of 3 rows


@each_seed
def test_chunks_expose_the_state_that_is_not_carried_and_nothing_else(seed):
    for fault in broken.FAULTS:
        gap = abs(np.subtract(*broken.in_chunks(broken.network(fault), seed)))
        assert gap > 1e-4 if fault == "state not carried" else gap < 1e-12, fault


@each_seed
def test_the_first_loss_exposes_a_softmax_over_the_wrong_axis(seed, corpus):
    ln_V = np.log(len(corpus.vocabulary))
    for letter in broken.LETTERS:
        gap = broken.first_loss(broken.suspect(letter), corpus, seed) - ln_V
        softmax = letter == letter_of("softmax over the rows")
        assert gap < broken.FIRST_TOO_LOW if softmax else abs(gap) < broken.FIRST_NEAR, letter


@each_seed
def test_another_implementation_exposes_the_cell_without_its_tanh(seed):
    found = broken.parity(broken.network("h without tanh"), steps=1, seed=seed)
    assert found["h"] > DIRTY and found["c"] < CLEAN


def test_looking_exposes_the_readers(corpus):
    for letter, fault in zip(broken.LETTERS, broken.in_order()):
        table = [literal_eval(text) for text, in broken.Lab(letter, corpus).look().values()]
        read, targets, read_next, _ = table
        assert (read[1:] == targets[:-1]) == (fault != "targets not shifted")
        assert (read_next[0] == corpus.vocabulary.decode(broken.Batches(corpus.training, 16, 32)[1][0][:1, 0])) == (
            fault != "rows shuffled")


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_by_heart_every_one_of_them_learns(seed, corpus):
    """Which is what the notebook says of this tool: it finds only what cannot learn at all."""
    for letter in broken.LETTERS:
        assert broken.by_heart(broken.suspect(letter), corpus, seed) < broken.BY_HEART, letter


@pytest.mark.slow
@each_seed
def test_the_curves_show_what_the_check_of_which_show_says(seed, corpus):
    """The least and the most that was measured over the seeds stands in check/nb09.py."""
    ids, V = corpus.training, len(corpus.vocabulary)
    curves = {letter: broken.curve(broken.suspect(letter), ids, V, seed) for letter in "ABCDFGH"}
    sound = broken.late(broken.curve(broken.SOUND, ids, V, seed))
    gap = {letter: broken.late(losses) - sound for letter, losses in curves.items()}
    for letter, (low, high) in broken.GAPS.items():
        assert low < gap[letter] < high, letter
    assert curves["D"].max() > broken.SPIKE * np.log(V) or gap["D"] < broken.TOO_GOOD  # it is chaotic
    assert max(curves[letter].max() for letter in broken.GAPS) < broken.CALM * np.log(V)


def test_the_lab_counts_what_it_is_asked(corpus):
    broken.Lab.spent.clear()
    lab = broken.Lab("B", corpus)
    lab.look(), lab.first_loss(), lab.in_chunks(), lab.gradient_check(), lab.against_the_package()
    assert lab.spent == broken.Lab.spent == {"B": 7}
    broken.Lab.spent.clear()


def test_without_a_fault_it_is_the_packages_network():
    loss, gradient, h, c = broken.network()(*broken.small())
    right, gradients, right_h, right_c = by_the_package(*broken.small())
    assert loss == pytest.approx(right, abs=1e-12)
    np.testing.assert_allclose(np.stack((h, c)), np.stack((right_h, right_c)), atol=1e-12)
    for name in gradients:
        np.testing.assert_allclose(gradient[name], gradients[name], atol=1e-12)


def test_the_picture_has_a_panel_for_each_and_says_what_is_cut_off():
    rng = np.random.default_rng(0)
    curves = {letter: rng.random(30) for letter in broken.LETTERS}
    curves["D"][7] = 40
    figure = symptoms.against_the_band(curves, rng.random((5, 30)), 4.4)
    assert isinstance(figure, Figure) and len(figure.axes) == 9
    assert [text.get_text() for text in figure.axes[3].texts] == ["up to 40"]


def test_a_smoothed_curve_begins_where_the_curve_does():
    assert symptoms.smooth(np.array([4.0, 2.0, 0.0]), 2) == pytest.approx([4, 3, 1])
