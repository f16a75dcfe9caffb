"""How to train: the settings, the presets that name some of them, and what follows from them alone."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from lstm.io import COUNT, SHARE, WHOLE, Bounds, InputError, check_fields, shown
from lstm.model import ROWS
from lstm.notation.transpose import KEPT

SCHEDULES = ("constant", "cosine")  # of the learning rate
LOWEST = 0.01  # share of the learning rate that the cosine ends at
BOUNDS = {  # of the Settings that are numbers
    "epochs": COUNT,
    "batch_size": ROWS,
    "seq_length": COUNT,
    "learning_rate": Bounds(float, 1e-9, 1e6),  # wide, because the course also gives it to plain gradient descent
    "warmup": WHOLE,
    "clip": Bounds(float, 0, 1e9),
    "weight_decay": Bounds(float, 0, 10),
    "averaging": SHARE,
    "chrono": SHARE,
    "validation": Bounds(float, 0, 0.9),
    "transpose": Bounds(float, 0, 1),
    "seed": WHOLE,
}


@dataclass(frozen=True)
class Settings:
    """How to train, apart from the sizes of the model."""

    epochs: int = 12
    batch_size: int = 16  # B
    seq_length: int = 64  # T
    learning_rate: float = 1e-3
    schedule: str = "constant"  # one of SCHEDULES
    warmup: int = 0  # steps in which the learning rate rises to its full value
    clip: float = 5.0  # largest norm of the gradient; 0 is no limit
    weight_decay: float = 0.0  # share of the matrices that goes in each step, times the learning rate
    averaging: float = 0.0  # how much of the average of the parameters a step keeps; 0 is no average
    chrono: float = 0.0  # share of each layer's cells that begin with long memories, see model.lengthen_memory
    validation: float = 0.1  # share of the tunes that is held out
    shuffle: bool = False  # whether the tunes stand in another order in each epoch
    transpose: float = 0.0  # share of the tunes whose key and number are drawn anew in each epoch
    seed: int = 1

    def __post_init__(self):
        check_fields(self, BOUNDS)
        if not (isinstance(self.schedule, str) and self.schedule in SCHEDULES):
            raise InputError(f"schedule {shown(self.schedule)} must be one of {', '.join(SCHEDULES)}")
        if not isinstance(self.shuffle, bool):
            raise InputError(f"shuffle {shown(self.shuffle)} must be one of True, False")


class Preset(NamedTuple):
    """A named starting point."""

    config: dict  # what it changes in Config
    settings: dict  # ... and in Settings


# The usual one follows the best of a search (model/pretrained/README.md says how), and `python -m lstm.explore`
# searches for better ones; the classic one is the reference for comparisons.
USUAL = "best"
PRESETS = {
    "best": Preset(
        {"embedding": 128, "units": 448, "layers": 2, "dropout": 0.4, "input_dropout": 0.05, "recurrent_dropout": 0.2},
        {"epochs": 60, "batch_size": 8, "seq_length": 256, "learning_rate": 3e-3, "schedule": "cosine", "warmup": 200}
        | {"averaging": 0.999, "chrono": 0.2, "shuffle": True, "transpose": 1.0},
    ),
    "classic": Preset({}, {}),
    "tiny": Preset(  # two minutes on two cores
        {"embedding": 64, "units": 256, "layers": 1, "dropout": 0.2, "recurrent_dropout": 0.1},
        {"epochs": 14, "learning_rate": 3e-3, "schedule": "cosine", "warmup": 100}
        | {"averaging": 0.99, "shuffle": True, "transpose": 0.5},
    ),
}


def learning_rate_at(step, steps, settings):
    """The learning rate of a step (from 0) of a cycle of so many: a run, or what a resumed one has after its end.

    It rises in a line for `warmup` steps. Then it is constant, or falls along half a cosine (Loshchilov & Hutter
    2017, equation 5) to LOWEST of itself at the last step.
    """
    highest, warmup = settings.learning_rate, settings.warmup
    if step < warmup:
        return highest * (step + 1) / (warmup + 1)
    if settings.schedule == "constant":
        return highest
    way = min(1.0, (step - warmup) / max(1, steps - 1 - warmup))
    return highest * (LOWEST + (1 - LOWEST) * (1 + math.cos(math.pi * way)) / 2)


def memory_needed(config, settings, corpus):
    """About how many bytes training takes at most above the program itself: when it reads the text, or later."""
    width = 2 ** sum(corpus.vocabulary.characters[-1] > last for last in "\xff\uffff")  # bytes of a character in Python
    characters = corpus.training.size + corpus.validation.size
    return max(2 * width * characters, memory_of_model(config, settings) + memory_of_epoch(settings, corpus))


def memory_of_epoch(settings, corpus):
    """The bytes of the ids, and of those of an epoch in another order and in other keys, as measured."""
    ids, tunes = corpus.training.nbytes, corpus.tunes[0]
    parsed = 16 * corpus.training.size * min(1, KEPT / max(1, tunes))
    in_order, in_keys = ids + 150 * tunes, 2 * ids + 500 * tunes + parsed
    return ids + corpus.validation.nbytes + max(in_order * settings.shuffle, in_keys * bool(settings.transpose))


def memory_of_model(config, settings):
    """The bytes of parameters and activations."""
    V, H, L = config.vocabulary, config.units, config.layers
    parameters = sum(math.prod(shape) for shape in config.shapes.values())
    character = 7 * H * L + 3 * H + 4 * V  # kept for backward: gates, h, c, y of each layer; then dx, logits, p
    vectors, float32 = 4 + bool(settings.averaging), 4  # the parameters, their gradient, m and v, the average
    dropped = 4 * H * H * L * bool(config.recurrent_dropout) + V * config.embedding * bool(config.input_dropout)
    return float32 * (vectors * parameters + 2 * dropped + settings.batch_size * settings.seq_length * character)
