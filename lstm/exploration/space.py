"""The space of a search: which choices it makes, between which bounds, and the command that trains what it found.

A choice is a tuple of values, such as (1, 2), or a Range. What is not in the space has the value of the preset.
"""

import argparse
import shlex
from dataclasses import asdict
from typing import NamedTuple

from lstm.io import InputError, places
from lstm.io.command_line import number
from lstm.io.places import shown
from lstm.model import SIZES
from lstm.settings import BOUNDS, SCHEDULES
from lstm.storage.session import config_for, settings_for

DOTS = ".."  # between the ends of a range
NOT_CHOSEN = {"vocabulary", "epochs", "validation", "seed"}  # they are the same for all trials
NUMBERS = {name: bounds for name, bounds in (SIZES | BOUNDS).items() if name not in NOT_CHOSEN}
NAMES = (*NUMBERS, "schedule")  # that can be in a space, and are options of train.py
SPACE = {  # what is searched unless the user says otherwise
    "layers": "1 2 3",
    "units": "128..512",
    "embedding": "32..256",
    "dropout": "0.1..0.5",
    "input_dropout": "0..0.2",
    "recurrent_dropout": "0..0.4",
    "learning_rate": "0.001..0.006",
    "schedule": "constant cosine",
    "batch_size": "8 16 32",
    "seq_length": "64 128 256",
    "transpose": "0 0.5 1",
    "averaging": "0 0.99 0.999",
    "chrono": "0 0.2",
}
LOGARITHMIC = {"learning_rate", "weight_decay"}  # twice as much means the same anywhere in their ranges
STEP = 16  # of whole numbers in a range whose ends are multiples of it: the kernels work in blocks of 16
DIGITS = 3  # that a value drawn from a range has


class Range(NamedTuple):
    """All numbers from the least to the most."""

    least: float
    most: float

    def __str__(self):
        return f"{self.least:g}{DOTS}{self.most:g}"

    def step(self):
        """How far apart whole numbers are that are drawn from it."""
        return 1 if self.least % STEP or self.most % STEP else STEP


def words(choice):
    """A choice as the user would type it."""
    if isinstance(choice, Range):
        return str(choice)
    return " ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in choice)


def values_of(name):
    """An option type: a value of a choice, or a Range of them."""
    if name == "schedule":
        return schedule
    single = number(NUMBERS[name])

    def parse(text):
        if DOTS not in text:
            return single(text)
        ends = [single(end) for end in text.split(DOTS, 1)]
        if ends[0] >= ends[1]:
            raise argparse.ArgumentTypeError(f"{text!r} must go from a smaller to a larger number, as 64..512 does")
        if name in LOGARITHMIC and ends[0] <= 0:
            raise argparse.ArgumentTypeError(f"{text!r} must begin above 0, because it is drawn by its logarithm")
        return Range(*ends)

    return parse


def schedule(text):
    """An option type: a schedule of the learning rate."""
    if text not in SCHEDULES:
        raise argparse.ArgumentTypeError(f"{text!r} must be one of {', '.join(SCHEDULES)}")
    return text


def space_of(given):
    """{name: choice} of a search. given: {name: what the user typed, a list of values or of one Range}."""
    usual = {name: [values_of(name)(word) for word in text.split()] for name, text in SPACE.items()}
    space = {}
    for name, values in (usual | given).items():
        if any(isinstance(value, Range) for value in values) and len(values) > 1:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option} {' '.join(map(str, values))}: a range stands alone; give it, or single values")
        space[name] = values[0] if isinstance(values[0], Range) else tuple(dict.fromkeys(values))
    return space


def rounded(value, choice):
    """A value as it is tried: what comes from a range of real numbers has few digits."""
    if isinstance(choice, Range) and isinstance(value, float):
        value = min(choice.most, max(choice.least, float(f"{value:.{DIGITS}g}")))
    return value


def usual_options():
    """{name: value} of the usual preset, by which the weights that ship were trained."""
    usual = asdict(config_for({}, 1)) | asdict(settings_for({}))
    return {name: usual[name] for name in (*NAMES, "shuffle")}


def is_in(options, space):
    """Whether a space has these values."""
    def has(choice, value):
        if isinstance(choice, Range):
            whole = isinstance(value, int) and (value - choice.least) % choice.step()
            return choice.least <= value <= choice.most and not whole
        return value in choice

    return all(has(choice, options[name]) for name, choice in space.items())


def train_command(options, epochs, seed, source):
    """The command that trains this fully. source: as `session.source_of` has it, or {} for the usual text."""
    parts = [f"--{name.replace('_', '-')} {options[name]:g}" for name in NUMBERS if name in options]
    parts += [f"--schedule {options['schedule']}"] * ("schedule" in options)
    parts += [f"--epochs {epochs}", f"--seed {seed}"]
    if source:
        parts.append(f"--input {' '.join(shlex.quote(shown(path)) for path in source['input'])}")
        parts += [f"--encoding {shlex.quote(source['encoding'])}"] * bool(source["encoding"])
    return " ".join([places.command("train.py"), *parts])
