"""The exercises' judge: says right or wrong, where and by how much, never the answer.

In a notebook:

    from check import check
    check.encode(my_encode)         # right, wrong and why, or not done yet; prints, never stops the notebook
    check.hint("encode")            # the next hint, one at a time
    check.progress()                # what is done so far

The exercises of notebook 01 stand in `nb01.py` beside this file, and so on:

    @exercise(hints=["Look at the vocabulary's type.", "..."])
    def encode(answer):
        close("ids", answer("abc"), [0, 1, 2])  # or: raise Wrong("one line: where and by how much")

The solutions are apart, in `notebooks/solutions`.
"""
import difflib
import functools
import importlib
import pathlib
import traceback
import types
from dataclasses import dataclass, field

import numpy as np

RIGHT, WRONG, NOT_DONE = "right", "wrong", "not done yet"
_exercises = {}  # name -> Exercise, in the order of the notebooks


class Wrong(Exception):
    """The answer is wrong; the message says in one line where, and by how much."""


class NotDone(Exception):
    """There is still a `...` where the answer goes."""


@dataclass
class Exercise:
    """One exercise, and how far the learner is with it in this kernel."""

    name: str
    notebook: str  # two digits, "01"
    check: object  # a function of the answer that raises Wrong, or returns None
    hints: list
    hints_given: int = 0
    state: str = NOT_DONE
    tried: bool = field(default=False)

    def judge(self, answer):
        """(RIGHT, WRONG or NOT_DONE, message); whatever the answer does, this does not raise."""
        try:
            self.check(watched(answer))
        except (NotDone, NotImplementedError):
            return NOT_DONE, "put your answer where the ... is"
        except Wrong as wrong:
            return WRONG, str(wrong)
        except Exception as error:  # whatever a learner's code may raise
            if "ellipsis" in str(error).lower():  # Python's words for arithmetic with a ... left in it
                return NOT_DONE, "put your answer where the ... is"
            return WRONG, f"it raises {type(error).__name__}: {error}{place(error, answer)}"
        return RIGHT, ""

    def __call__(self, answer):
        self.tried = True
        self.state, message = self.judge(answer)
        print(f"{self.name}: {self.state}{': ' + message if message else '.'}")


class Check:
    """`check.<name>(answer)` for every exercise of the course."""

    def __getattr__(self, name):
        if name.startswith("_"):  # what Jupyter asks any object for
            raise AttributeError(name)
        if name not in exercises():
            near = difflib.get_close_matches(name, exercises(), 1)
            raise AttributeError(f"there is no exercise {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        return exercises()[name]

    def __dir__(self):
        return ["hint", "progress", *exercises()]

    def hint(self, name):
        """Print the next hint."""
        asked = getattr(self, name)
        asked.tried = True
        if asked.hints_given == len(asked.hints):
            print(f"{name}: no more hints; a solution is in notebooks/solutions/nb{asked.notebook}.py")
            return
        asked.hints_given += 1
        print(f"{name}, hint {asked.hints_given} of {len(asked.hints)}: {asked.hints[asked.hints_given - 1]}")

    def progress(self):
        """Print how many exercises are done, of each notebook that this kernel has been asked about."""
        notebooks = sorted({one.notebook for one in exercises().values() if one.tried})
        if not notebooks:
            print("no exercise tried yet")
        for notebook in notebooks:
            its_own = [one for one in exercises().values() if one.notebook == notebook]
            done = sum(one.state == RIGHT for one in its_own)
            print(f"notebook {notebook}: {done} of {len(its_own)} exercises done")
            for one in its_own:
                print(f"    {one.name}: {one.state}")


def exercise(hints):
    """Make a function of the answer an exercise of the notebook whose module it stands in, under its own name."""
    def register(function):
        name, module = function.__name__, function.__module__
        if name in _exercises or hasattr(Check, name):
            raise ValueError(f"{module}.{name}: this name is taken; an exercise's name is its own in the whole course")
        _exercises[name] = Exercise(name, module[-2:], function, list(hints))
        return function
    return register


@functools.cache
def exercises():
    """All exercises of the course, {name: Exercise}, in the order of the notebooks."""
    for path in sorted(pathlib.Path(__file__).parent.glob("nb[0-9][0-9].py")):
        importlib.import_module(f"{__name__}.{path.stem}")
    return _exercises


def watched(answer):
    """The answer; functions so wrapped that a `...` among their results is noticed. Raises NotDone for a `...`."""
    if unanswered(answer):
        raise NotDone
    if type(answer) is tuple:
        return tuple(map(watched, answer))
    if not isinstance(answer, types.FunctionType):
        return answer

    @functools.wraps(answer)
    def function(*arguments, **named):
        return watched(answer(*arguments, **named))
    return function


def unanswered(value):
    """Whether a `...` stands in for a value, or for a part of it."""
    if isinstance(value, (tuple, list)):
        return any(unanswered(part) for part in value)
    if isinstance(value, dict):
        return unanswered(list(value.values()))
    return value is ...


def place(error, answer):
    """Where in the learner's own cell an error came from, as words; nothing if it is not known."""
    if not isinstance(answer, types.FunctionType):
        return ""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)
             if frame.filename == answer.__code__.co_filename]
    return f" (line {lines[-1]} of its cell)" if lines else ""


def close(what, answer, right, tolerance=1e-9):
    """Raise Wrong unless the numbers agree: |answer - right| <= tolerance * (1 + |right|), everywhere.

    what: how to call the numbers, "dW" or "the loss". The message names the worst entry and how far off it is,
    or that it is inf or NaN.
    """
    right = np.asarray(right)
    try:
        answer = np.asarray(answer, dtype=np.result_type(right, np.float64))
    except (TypeError, ValueError):
        raise Wrong(f"{what}: numbers are expected here, and this is a {type(answer).__name__}") from None
    if answer.shape != right.shape:
        raise Wrong(f"{what}: the shape is {answer.shape}, it should be {right.shape}")
    off = np.abs(answer - right)
    bad = ~(off <= tolerance * (1 + np.abs(right)))  # so that NaN is bad too
    if not bad.any():
        return
    if right.ndim == 0:
        raise Wrong(f"{what}: off by {off:.2g}" if np.isfinite(answer) else f"{what}: yours is {answer}")
    worst = tuple(int(k) for k in np.unravel_index(np.argmax(np.where(np.isnan(off), np.inf, off)), off.shape))
    index = worst[0] if len(worst) == 1 else worst
    how = f"off by {off[worst]:.2g}" if np.isfinite(answer[worst]) else f"where yours is {answer[worst]}"
    raise Wrong(f"{what}: {bad.sum()} of {bad.size} entries differ, the worst is entry {index}, {how}")


def several(found, names):
    """What an answer returned, if it is as many values as there are names: an iterator of (name, value).

    One array that holds them all will do.
    """
    if not isinstance(found, (tuple, list, np.ndarray)) or len(found) != len(names):
        raise Wrong(f"it should return {len(names)} values: {', '.join(names)}")
    return zip(names, found)


def shaped(found, shape):
    """An answer as an array, if it has that shape."""
    found = np.asarray(found)
    if found.shape != shape:
        raise Wrong(f"the shape is {found.shape}, it should be {shape}")
    return found


check = Check()
