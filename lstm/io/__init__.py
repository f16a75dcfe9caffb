"""Where the program meets the outside: files, places, options, child processes, errors. Nothing here knows a model."""

import numbers
import sys
from typing import NamedTuple


class InputError(ValueError):
    """Bad input from outside, the user's to mend. The message names the value, the place and the remedy.

    The commands print it as a single line and end with status 2.
    """


class Remedied(InputError):
    """A complaint that says itself what to do."""


def require(condition, complaint, remedy=None, kind=InputError):
    """Raise InputError unless the condition holds: with a remedy, or else with the one that open_file was given."""
    if not condition:
        raise Remedied(f"{complaint}; {remedy}") if remedy else kind(complaint)


class Bounds(NamedTuple):
    """What a number may be."""

    kind: type  # int for a whole number, float for any
    least: float
    most: float = sys.maxsize
    open_end: bool = False  # whether it must be less than `most`
    or_zero: bool = False  # whether it may be 0 too

    def complaint(self, value):
        """What a value must be and is not, in words; "" for one that fits. True and False are no numbers."""
        family = numbers.Integral if self.kind is int else numbers.Real
        is_number = isinstance(value, family) and not isinstance(value, bool)
        if is_number and hasattr(value, "item"):
            value = value.item()  # because NumPy's own may be too short to be compared with the ends
        if is_number and self.least <= value <= self.most and not (self.open_end and value == self.most):
            return ""
        if is_number and self.or_zero and value == 0:
            return ""
        if self.kind is int:
            limit = f"most {self.most}" if is_number and value > self.most else f"least {self.least}"
            return f"must be a whole number of at {limit}"
        number = "0, or a number" if self.or_zero else "a number"
        end = f"less than {self.most:g}" if self.open_end else f"at most {self.most:g}"
        return f"must be {number} of at least {self.least:g} and {end}"

    def check(self, name, value):
        """The value as Python's own number. Raises InputError for one that does not fit."""
        if complaint := self.complaint(value):
            raise InputError(f"{name} {shown(value)} {complaint}")
        return self.kind(value)


WHOLE, COUNT = Bounds(int, 0), Bounds(int, 1)
SHARE = Bounds(float, 0, 1, open_end=True)  # also of what dropout zeroes


def check_fields(record, bounds):
    """Check the fields of a frozen dataclass against {name: Bounds}, and make them Python's own numbers."""
    for name, bound in bounds.items():
        object.__setattr__(record, name, bound.check(name, getattr(record, name)))


def shown(value):
    """A value as a complaint shows it, in one line: its repr, or its type where that is too long."""
    try:
        words = repr(value)
    except ValueError:  # more digits than Python writes
        words = ""
    return words if 0 < len(words) < 80 and words.isprintable() else f"of type {type(value).__name__}"
