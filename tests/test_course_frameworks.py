"""What notebook 13 asks of PyTorch and Keras: stored and computed are the same, and so is what a reader sees of them.

What needs the libraries needs the extra `peers`; without it that is skipped.
"""

import contextlib
import importlib.util
import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))

from course import peers  # noqa: E402
from course.pictures import frameworks as pictures  # noqa: E402

spec = importlib.util.spec_from_file_location("frameworks_with_peers", NOTEBOOKS / "check" / "frameworks_with_peers.py")
with_peers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(with_peers)

# How far a new calculation may be from the stored one. Dropout is drawn: the means of 2000 draws were 0.0034 apart over
# eight seeds. A Keras model in float32 read the tune: it was within 1e-5 of ours.
WITHIN, OF_RANDOM, IN_FLOAT32 = 1e-9, {"two_modes": 0.02}, {"keras_reads_it": 1e-3}


def asked():
    """The names of the functions that cells ask, in their order."""
    return [name for source in with_peers.sources() for name in re.findall(r"peers\.ask\((\w+)", source)]


@pytest.fixture
def without_libraries(monkeypatch):
    monkeypatch.setattr(peers, "installed", lambda: False)


# -- asked and answered


def test_every_cell_that_asks_has_a_stored_answer_and_nothing_else_is_stored():
    assert {*asked(), "versions", "for_exercises"} == set(peers.stored())
    assert len(asked()) == len(set(asked())) >= 15
    assert peers.STORED.stat().st_size < 100_000


@pytest.mark.parametrize("value", [
    {"loss": 0.5, "grad": np.eye(3) / 3, "shape": (3, 4), "of": [(1, 2), (3,)], "yes": True, "text": "a", "none": ()},
    {"nested": {"ids": np.arange(3), "one": np.float64(2.5)}},
])
def test_what_is_stored_comes_back_as_if_it_had_been_computed(value):
    once = peers.revived(peers.plain(value))
    again = peers.revived(json.loads(json.dumps(peers.plain(value))))
    assert repr(once) == repr(again)
    assert list(once) == list(value)


def test_numbers_come_back_as_arrays_and_whole_numbers_as_shapes():
    found = peers.revived(peers.plain({"a": np.ones((2, 1)), "b": np.zeros((2, 2), int), "c": [(2, 3), (4,)]}))
    assert isinstance(found["a"], np.ndarray) and found["a"].shape == (2, 1)
    assert found["b"] == ((0, 0), (0, 0))
    assert found["c"] == ((2, 3), (4,))


def test_without_the_libraries_a_cell_gets_what_is_stored_and_is_told_so(without_libraries, capsys):
    def two_batches(x):
        raise AssertionError("it is not called")

    assert "second time" in peers.ask(two_batches, None)["detach: False"]
    said = capsys.readouterr().out
    assert said.startswith("[stored: from PyTorch 2") and peers.REMEDY in said and said.count("\n") == 1


def test_a_function_that_nobody_stored_is_named_with_the_remedy(without_libraries):
    def my_own():
        return {}

    with pytest.raises(LookupError, match="my_own.*pip install"):
        peers.ask(my_own)


def test_differences_are_shares_of_the_largest():
    assert peers.furthest([1.0, 2.5], [1.0, 2.0]) == 0.25
    assert peers.furthest([0.0], [0.0]) == 0


# -- stored and computed are the same


def apart(name, stored, computed, tolerance):
    """Raise AssertionError unless both are the same, numbers within the tolerance."""
    assert type(stored) is type(computed), name
    if isinstance(stored, dict):
        assert list(stored) == list(computed), name
        for key in stored:
            apart(f"{name}, {key}", stored[key], computed[key], tolerance)
    elif isinstance(stored, tuple):
        assert len(stored) == len(computed), name
        for n, pair in enumerate(zip(stored, computed)):
            apart(f"{name}, {n}", *pair, tolerance)
    elif isinstance(stored, (float, np.ndarray)):
        np.testing.assert_allclose(computed, stored, rtol=0, atol=tolerance, err_msg=name)
    else:
        assert stored == computed, name


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.skipif(not peers.installed(), reason="needs the extra peers")
def test_the_libraries_answer_what_is_stored():
    stored, again = peers.stored(), with_peers.made()
    assert set(stored) == set(again)
    for name in set(stored) - {"versions"}:
        tolerance = (OF_RANDOM | IN_FLOAT32).get(name, WITHIN)
        apart(name, peers.revived(stored[name]), peers.revived(again[name]), tolerance)


def test_with_the_stored_answers_a_reader_sees_what_the_notebook_shows(without_libraries):
    """But for the line that says that they are stored."""
    notebook, names = json.loads(with_peers.NOTEBOOK.read_text(encoding="utf-8")), {"__name__": "notebook"}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and cell["id"] != "on-colab"]
    for source, cell in zip(with_peers.sources(), cells, strict=True):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(source, cell["id"], "exec"), names)
        if cell["id"] == "peers-progress":
            continue  # it depends on which other exercises were tried
        shown = "".join(line for output in cell["outputs"] for line in output.get("text", ()))
        seen, wanted = ([line for line in text.splitlines() if not line.startswith("[")]
                        for text in (printed.getvalue(), shown))
        assert seen == wanted, cell["id"]
        assert shown.count("[computed here") == printed.getvalue().count("[stored"), cell["id"]


# -- pictures


def test_the_marked_number_is_the_same_one_in_every_layout():
    kernel = np.random.default_rng(0).normal(size=(3, 8))  # E = 3, H = 2
    axes = pictures.layouts(kernel, marked=(2, 1)).axes
    places = [patch.get_xy() for one in axes for patch in one.patches if patch.get_zorder() == 3]
    assert places == [(3, 2), (3, 2), (2, 3), (2, 5)]  # the forget gate is second, in ONNX third


def test_the_filled_places_are_hatched_and_the_others_have_their_character():
    mask = np.array([[True, True], [True, False], [True, False]])
    axes = pictures.padding(["ABCD", "xy"], np.ones((3, 2)), mask).axes[0]
    assert [text.get_text() for text in axes.texts] == ["B", "C", "D", "y"]
    assert [patch.get_xy() for patch in axes.patches if patch.get_hatch()] == [(1, 1), (2, 1)]


def test_differences_and_slopes_are_drawn():
    axes = pictures.agreement({"PyTorch": {"a": 0.0, "b": 1e-16}, "Keras": {"a": 1e-15, "b": 1e-3}}).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [pictures.EXACT, 1e-16])
    axes = pictures.by_lag({"LSTM": np.array([1, 0.1]), "attention": np.array([0.5, 0.5])}).axes[0]
    assert axes.get_yscale() == "log" and [line.get_label() for line in axes.lines] == ["LSTM", "attention"]
