"""The margins of the course's verdicts: all that train are measured, with the bounds that they ask, and the table."""

import functools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))

import check  # noqa: E402
from check import nb05, nb06  # noqa: E402
from course import broken, descent, own_network  # noqa: E402
from course.of_notebooks import asserted, of_notebook  # noqa: E402
from course.verdicts import Verdict, verdicts  # noqa: E402
from lstm.adam import Adam  # noqa: E402
from notebooks import margins  # noqa: E402

# These train, and compare with another way of the same training: right up to rounding, whatever is learnt.
COMPARED = {"fit_batch", "gap"}
# These rest on networks that were trained before: the weights that ship, the curves of the notebook.
BY_TRAINED = {"predict_start", "which_show"}


class Trains(BaseException):
    """Raised by the first step of training; no check catches it."""


def solution(name):
    module = f"solutions.nb{check.exercises()[name].notebook}"
    __import__(module)
    return sys.modules[module].SOLUTIONS[name]


def trains(name):
    """Whether the check of the solution trains a network."""
    try:
        check.exercises()[name].check(solution(name))
    except Trains:
        return True
    return False


# -- what is measured


@pytest.mark.slow
def test_every_exercise_that_trains_has_a_verdict(monkeypatch):
    def step(*arguments, **named):
        raise Trains

    for optimizer in descent.OPTIMIZERS.values():
        monkeypatch.setattr(optimizer, "step", step)
    monkeypatch.setattr(nb06, "loss_reached", nb06.loss_reached.__wrapped__)  # nothing that an earlier test has kept
    found = {name for name in check.exercises() if name not in BY_TRAINED and trains(name)}
    measured = {one.about for one in verdicts()} & set(check.exercises())
    assert found - COMPARED == measured - BY_TRAINED and COMPARED <= found and BY_TRAINED <= measured


def test_no_optimizer_of_the_course_is_forgotten_by_the_test_above():
    assert Adam in descent.OPTIMIZERS.values() and own_network.Adam is Adam


def test_the_bounds_are_those_of_the_checks(monkeypatch):
    by_name = {}
    for one in verdicts():
        assert np.isfinite(one.low) or np.isfinite(one.high)
        by_name.setdefault((one.notebook, one.about), []).append(one)
    assert {one.low for one in by_name["05", "long_memory"]} == {nb05.ENOUGH, -np.inf}
    assert {one.high for one in by_name["05", "long_memory"]} == {nb05.ENOUGH, np.inf}
    race = by_name["06", "fair_race"]
    assert {one.high for one in race} - {np.inf} == set(nb06.WITHIN_REACH.values())
    assert {(one.low, one.high) for one in by_name["09", "which_show"]} >= set(broken.GAPS.values())
    assert by_name["07", "one batch is learnt by heart"][0].high == asserted("07", "as it should be") == 0.01


def test_a_bound_that_moves_moves_the_verdict(monkeypatch):
    monkeypatch.setattr(nb05, "ENOUGH", 0.77)
    assert 0.77 in {one.low for one in verdicts(["05"])} and 0.9 not in {one.low for one in verdicts(["05"])}


def test_a_margin_is_the_way_to_the_nearer_bound():
    def margin(value, **bounds):
        return Verdict("00", "x", "y", float, **bounds).margin(value)

    assert margin(3.0, low=1.0) == 2 and margin(3.0, high=1.0) == -2
    assert margin(0.25, low=0.0, high=1.0) == 0.25 and margin(np.inf, high=2.2) == -np.inf
    assert margin(np.nan, low=0.0) == -np.inf, "a number that is none holds nothing"


def test_what_stands_in_a_notebook_is_run_from_there():
    space = of_notebook("06", "grown")
    assert space["grown"]["SGD"].shape == (150,) and callable(space["without"])
    assert "best" not in space, "what was not asked for is not run"
    with pytest.raises(AssertionError, match="notebook 06 assigns no {'nothing'}"):
        of_notebook("06", "nothing")
    with pytest.raises(AssertionError, match="0 times"):
        asserted("07", "no such words")


# -- the command


def fast(notebooks=()):
    """Two verdicts that take no time; the second does not hold with the second seed."""
    yield Verdict("98", "seeds are small", "the seed", float, high=4.0)
    yield Verdict("99", "and odd", "1 if odd", lambda seed: seed % 2, low=0.5)


def rows_of(kind, notebooks, seeds):
    values = [(one, [float(one.value(seed)) for seed in range(1, seeds + 1)]) for one in fast()]
    return [json.loads(margins.as_line(*row)) for row in values[: 1 if "98" in notebooks else 2]]


def test_the_table_shows_the_worst_the_margin_and_what_does_not_hold(monkeypatch, capsys):
    monkeypatch.setattr(margins, "lines_of", rows_of)
    assert margins.main(["98", "--seeds", "3", "--kinds", "native,generic"]) == 0
    first, _, row = capsys.readouterr().out.splitlines()
    assert first == "3 seeds; kinds of code: native, generic"
    assert row.split() == "98 seeds are small the seed below 4 3 (2) 3 (2) 1 holds".split()
    assert margins.main(["--seeds", "3"]) == 1
    assert capsys.readouterr().out.splitlines()[-1].split()[-6:] == "0 (1) -0.5 DOES NOT HOLD".split()


@pytest.mark.parametrize("arguments, words", [
    (["--kinds", "native,avx"], "there is no kind 'avx'; there are native, haswell, generic"),
    (["--seeds", "1"], "'1' is not a number of seeds from 2 on"),
    (["--seeds", "few"], "'few' is not a number of seeds"),
])
def test_what_it_cannot_do_is_said_in_one_line(capsys, arguments, words):
    with pytest.raises(SystemExit) as stopped:
        margins.main(arguments)
    assert stopped.value.code == 2 and words in capsys.readouterr().err


def test_the_cheapest_two_hold():
    cheap = {"a plain RNN learns lag 16", "a sound gradient passes"}
    found = {one.about: [one.margin(one.value(seed)) for seed in (1, 2)] for one in verdicts() if one.about in cheap}
    assert set(found) == cheap and all(min(margin) > 0 for margin in found.values())


@functools.cache
def of_the_command(*arguments):
    command = [sys.executable, str(NOTEBOOKS / "margins.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=3600)


@pytest.mark.slow
def test_a_notebook_without_such_verdicts_is_refused():
    done = of_the_command("03", "--seeds", "2")
    assert done.returncode == 2 and "no verdict of 03 rests on training" in done.stderr


@pytest.mark.slow
def test_all_hold_with_two_seeds():
    done = of_the_command("--seeds", "2")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("  holds") == len(list(verdicts()))
