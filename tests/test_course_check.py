"""The judge of the course's exercises says right or wrong, where and by how much; no answer stops it."""

import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "notebooks"))  # because it is where notebooks run

import check as machinery  # noqa: E402
from check import NOT_DONE, RIGHT, WRONG, Check, Exercise, Wrong, close, nb00, watched  # noqa: E402

from lstm.notation.judge import count_bars, judge_tune  # noqa: E402


def double(answer):
    """An exercise: double the number."""
    close("double of 3", answer(3), 6)


def exercise_of(judge, hints=("Add.", "x + x.")):
    return Exercise("double", "99", judge, list(hints))


def test_a_right_answer_is_right():
    assert exercise_of(double).judge(lambda x: 2 * x) == (RIGHT, "")


def test_a_wrong_answer_is_told_where_and_by_how_much_and_not_the_answer():
    state, message = exercise_of(double).judge(lambda x: x + 1)
    assert state == WRONG and message == "double of 3: off by 2"


@pytest.mark.parametrize(
    "answer",
    [
        ...,
        lambda x: ...,
        lambda x: 2 * ...,
        lambda x: np.tanh(...),
        lambda x: (1, ...),
        lambda x: [...],
        lambda x: {"x": ...},
        (lambda x: x, ...),
    ],
)
def test_dots_left_in_an_answer_mean_not_done_yet(answer):
    def judge(answer):
        answer(3)

    assert exercise_of(judge).judge(answer)[0] == NOT_DONE


def test_an_answer_that_says_so_is_not_done_yet():
    def not_yet(x):
        raise NotImplementedError

    assert exercise_of(double).judge(not_yet)[0] == NOT_DONE


def test_an_answer_that_raises_is_wrong_and_its_line_is_named():
    def broken(x):
        return [x][1]

    state, message = exercise_of(double).judge(broken)
    line = broken.__code__.co_firstlineno + 1
    assert (state, message) == (WRONG, f"it raises IndexError: list index out of range (line {line} of its cell)")


def test_an_answer_of_the_wrong_kind_is_wrong():
    assert exercise_of(double).judge(lambda x: "six") == (
        WRONG, "double of 3: numbers are expected here, and this is a str"
    )
    assert exercise_of(double).judge(7)[0] == WRONG


def test_functions_in_a_pair_are_watched_too():
    first, second = watched((lambda x: x, lambda x: ...))
    assert first(1) == 1
    with pytest.raises(machinery.NotDone):
        second(1)


def test_results_that_are_named_tuples_stay_so():
    pair = namedtuple("Pair", "c h")(1, 2)
    assert watched(lambda: pair)() is pair


def test_close_names_the_worst_entry():
    right = np.arange(6.0).reshape(2, 3)
    answer = right.copy()
    answer[0, 1], answer[1, 2] = 1.5, 9
    with pytest.raises(Wrong, match=r"dW: 2 of 6 entries differ, the worst is entry \(1, 2\), off by 4$"):
        close("dW", answer, right)


def test_close_tells_shapes_and_takes_nan_for_wrong():
    with pytest.raises(Wrong, match=r"h: the shape is \(3,\), it should be \(2,\)"):
        close("h", np.zeros(3), np.zeros(2))
    with pytest.raises(Wrong, match="1 of 2 entries differ, the worst is entry 1, where yours is nan"):
        close("h", [0, np.nan], np.zeros(2))
    with pytest.raises(Wrong, match="the loss: yours is inf$"):
        close("the loss", np.inf, 1.0)
    close("h", [1 + 1e-12, 2], np.array([1.0, 2]))


def test_hints_come_one_at_a_time_and_then_the_place_of_a_solution(capsys, monkeypatch):
    asked = exercise_of(double)
    monkeypatch.setattr(machinery, "exercises", lambda: {"double": asked})
    check = Check()
    for _ in range(3):
        check.hint("double")
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == "double, hint 1 of 2: Add."
    assert second == "double, hint 2 of 2: x + x."
    assert third.endswith("a solution is in notebooks/solutions/nb99.py")


def test_progress_counts_the_exercises_of_the_notebook_at_hand(capsys, monkeypatch):
    one, other, elsewhere = exercise_of(double), exercise_of(double), Exercise("far", "98", double, [])
    other.name = "other"
    monkeypatch.setattr(machinery, "exercises", lambda: {"double": one, "other": other, "far": elsewhere})
    check = Check()
    check.progress()
    check.double(lambda x: x * 2)
    check.progress()
    check.double(lambda x: x)
    check.progress()
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "no exercise tried yet",
        "double: right.",
        "notebook 99: 1 of 2 exercises done", "    double: right", "    other: not done yet",
        "double: wrong: double of 3: off by 3",
        "notebook 99: 0 of 2 exercises done", "    double: wrong", "    other: not done yet",
    ]


def test_a_name_that_is_not_an_exercise_is_met_with_the_nearest(monkeypatch):
    monkeypatch.setattr(machinery, "exercises", lambda: {"double": exercise_of(double)})
    with pytest.raises(AttributeError, match="there is no exercise 'duble'; did you mean 'double'"):
        Check().duble
    assert "double" in dir(Check())


def test_a_name_is_taken_once(monkeypatch):
    monkeypatch.setattr(machinery, "_exercises", {})
    register = machinery.exercise(hints=[])
    register(double)
    with pytest.raises(ValueError, match="this name is taken"):
        register(double)


def test_what_is_stored_of_the_fragments_is_what_the_judges_say():
    pytest.importorskip("symusic")
    assert [judge_tune(tune).flawless for tune in nb00.FRAGMENTS] == nb00.FLAWLESS


def test_in_the_quiz_no_bar_gives_anybody_away():
    bars = np.array([count_bars(question.tune) for question in nb00.quiz()])
    assert len(bars) == 8 and (bars[:, 0] >= 6).all() and (bars[:, 0] == bars[:, 1]).all()


def test_the_quiz_counts_the_first_guesses_and_nobody_climbs(monkeypatch, capsys):
    monkeypatch.setattr(nb00, "first_guesses", [])
    truth = ["model" if question.composed else "human" for question in nb00.quiz()]
    human = machinery.exercises()["human_or_model"]
    assert human.judge(["Model"] * 8) == (RIGHT, "")
    assert human.judge(truth) == (RIGHT, "")
    first, then = capsys.readouterr().out.splitlines()
    assert first.startswith("4 of 8 right; p = 0.637,") and "it is not shown that you can tell" in first
    assert then == first + " (your first guesses; later ones do not count)"
    monkeypatch.setattr(nb00, "first_guesses", [])
    human.judge(truth)
    assert "8 of 8 right; p = 0.004" in capsys.readouterr().out
