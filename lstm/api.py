"""The functions of `import lstm`: load, compose, train, trace, loss, gradcheck, midi and svg.

They check what they are given and call the modules that do the work. Bad input raises InputError, with the value and
the remedy. API.md has short scripts that use nothing else.
"""

import difflib
import os
import re
import secrets
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import numpy as np

from lstm.batches import Batches
from lstm.corpus import Corpus
from lstm.engine.threads import default_threads
from lstm.gradcheck import HIGHEST_RATE, TITLES, Problem, check
from lstm.io import COUNT, WHOLE, InputError, places, shown
from lstm.io.files import is_there
from lstm.loss import cross_entropy
from lstm.model import BACKENDS, CharRNN, Config, backend_of
from lstm.rendering import music
from lstm.sampling import Draw, encode_prime
from lstm.sampling_kernels import THREADS
from lstm.settings import PRESETS, USUAL, Settings
from lstm.storage import imported
from lstm.storage.checkpoint import BEST, Checkpoint, find_weights, pretrained
from lstm.storage.session import config_for, new_trainer, settings_for, suited, transposer_for
from lstm.streams import LONGEST_TUNE, generate_many, generators, in_order, opening

PLAIN_LENGTH = 500  # characters of a text that has no tunes
AT_ONCE = 1024  # characters of a text whose gates are in memory at a time, where the loss is wanted


def load(
    weights: int | str | os.PathLike | None = None,
    backend="numba",
    vocabulary: str | os.PathLike | None = None,
    recurrent_activation: str | None = None,
) -> Checkpoint:
    """A trained model: `.model` the network, `.vocabulary` its characters, `.weights` its arrays by name.

    weights: nothing for the model that ships, a number for that epoch of your own run in model/, "best" for its epoch
    with the lowest held-out loss (training loss where nothing was held out), or a file's path: ours, of Keras, or of
    PyTorch; see EXCHANGE.md.
    backend: "numba", "numpy", or a module with the functions of cell.py.
    vocabulary: a char_to_idx.json, for a file of others that does not stand beside one.
    recurrent_activation: "hard_sigmoid", for one that has it and does not say so.
    `.remarks` says what the file does not vouch for: one of others has no checksum.
    Raises InputError for weights that are not there, are damaged, or are of another network.
    """
    if weights is None:
        path = find_weights(pretrained())
    elif not WHOLE.complaint(weights) or (isinstance(weights, str) and weights == BEST):
        path = find_weights(places.MODELS, weights)
    elif isinstance(weights, (str, os.PathLike)):
        path = Path(weights)
        if not is_there(path):
            remedy = f"check its name, or give an epoch, {BEST!r} or nothing"
            raise InputError(f"there is no weights file {str(weights)!r}; {remedy}")
    else:
        kinds = f"an epoch, {BEST!r}, a file's path, or None for the model that ships"
        raise InputError(f"weights {weights!r} must be {kinds}")
    if vocabulary is not None and not (isinstance(vocabulary, (str, os.PathLike)) and str(vocabulary)):
        raise InputError(f"vocabulary {shown(vocabulary)} must be the path of a char_to_idx.json")
    with named_as_arguments():
        return imported.load(path, vocabulary, backend_of(backend), recurrent_activation)


def compose(
    model: Checkpoint,
    tunes: int = 1,
    temperature: float = 0.8,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: str | None = None,
    random_seed: int | None = None,
    rhythm: str | None = None,
    meter: str | None = None,
    key: str | None = None,
    length: int | None = None,
    threads: int | None = None,
    stop: str | None = None,
) -> list[str]:
    """So many texts, a list: tunes in ABC notation, or plain texts if the model did not learn ABC.

    temperature, top_k, top_p: how a character is drawn, see `sampling.Draw`. seed: a text to go on from.
    random_seed: the same number gives the same texts as `sample.py --random-seed`; None takes a new one each time.
    rhythm, meter, key: lines of the header, such as "jig", "6/8" and "Edor".
    length: at most so many characters of each text; by default 4,000 of a tune, 500 of other text.
    stop: each text ends right after this one too, which stays in it. Only what is composed counts, not the seed.
    Raises InputError for a value that makes no sense, or a seed with a character that the model does not know.
    """
    require_model(model)
    tunes, draw = COUNT.check("tunes", tunes), Draw(temperature, top_k, top_p)
    random_seed = secrets.randbelow(10**6) if random_seed is None else WHOLE.check("random_seed", random_seed)
    if length is not None:
        COUNT.check("length", length)
    if stop is not None:
        check_stop(model.vocabulary, stop)
    lines = header_lines(model, seed, rhythm=rhythm, meter=meter, key=key)
    prime, echo = opening(model) if seed is None else (require_text("seed", seed), seed)
    encode_prime(model.vocabulary, prime)
    chunks = generate_many(
        model.model,
        model.vocabulary,
        prime,
        generators(random_seed, tunes),
        length or (LONGEST_TUNE if model.abc else PLAIN_LENGTH),
        tunes=model.abc,
        stop=stop,
        draw=draw,
        lines=lines,
        headers=model.headers,
        threads=threads,
    )
    texts = [echo] * tunes
    for chunk in in_order(chunks):
        texts[chunk.stream] += chunk.text
    return texts


def check_stop(vocabulary, stop):
    """Raise InputError for a text to stop at that can never come."""
    require_text("stop", stop)
    try:
        vocabulary.encode(stop)
    except InputError as error:
        raise InputError(f"stop {stop!r}: {error}") from None


def header_lines(model, seed, **wanted):
    """The lines of the header for the values that are wanted, as `generate_many` takes them."""
    wanted = {name: value for name, value in wanted.items() if value is not None}
    for name, value in wanted.items():
        if seed is not None or not model.abc:
            reason = "a seed says already how a tune begins" if model.abc else "the model did not learn ABC tunes"
            raise InputError(f"{name} {value!r} cannot be had, because {reason}; leave it out")
        with named_as_arguments():
            (line,) = model.headers.lines(**{name: require_text(name, value)})
        model.vocabulary.encode(line)
    return model.headers.lines(**wanted)


class Training:
    """A training run under way: an iterator over the Records of its epochs. `.model` is what it has learnt so far.

    An epoch is trained when its Record is asked for.
    """

    def __init__(self, trainer, corpus):
        self.trainer, self.corpus, self._records = trainer, corpus, trainer.records()

    def __iter__(self):
        return self

    def __next__(self):
        with named_as_arguments():
            return next(self._records)

    @property
    def model(self) -> Checkpoint:
        """The model as it is now, for `compose` and the other functions: a copy, which further epochs do not change."""
        history = self.trainer.history
        losses = {"loss": history[-1].loss, "val_loss": history[-1].val_loss} if history else None
        knows = self.corpus.vocabulary, len(history), losses, self.corpus.abc, self.corpus.headers
        return Checkpoint(self.trainer.ema_model.copy(), *knows)


def train(text: str, **settings) -> Training:
    """Train on a text: an iterator of one Record an epoch, with losses in nats per character.

    settings: fields of `Config` and `Settings`, such as units=64, layers=1, epochs=2; and preset, backend, threads.
    init_from, one of them, is a model to go on from: a Checkpoint, whose sizes are taken. Characters that it knows keep
    what they learnt; others begin anew.
    Nothing is written. The model is had from the iterator, when it has ended or before:

    >>> training = train("the cat sat on the mat\\n" * 50, preset="tiny", units=8, epochs=1)
    >>> [record.epoch for record in training]
    [1]
    >>> training.model
    Checkpoint of epoch 1: CharRNN(V=11, E=64, H=8, L=1: 3,139 parameters)

    Raises InputError for a setting that is not known or makes no sense, and for a text that is too short.
    """
    require_text("text", text)
    known = [field.name for kind in (Config, Settings) for field in fields(kind) if field.name != "vocabulary"]
    for name in settings.keys() - {*known, "preset", "backend", "threads", "init_from"}:
        near = difflib.get_close_matches(name, known, 1)
        remedy = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        raise InputError(f"{name} is not a setting; {remedy}")
    if settings.get("preset", USUAL) not in [*PRESETS]:
        raise InputError(f"preset {shown(settings['preset'])} must be one of {', '.join(PRESETS)}")
    before = require_model(settings["init_from"]) if settings.get("init_from") is not None else None
    options = {name: value for name, value in settings.items() if name not in ("backend", "threads", "init_from")}
    backend = backend_of(settings.get("backend", "numba"))
    threads = THREADS.check("threads", settings.get("threads", default_threads()))
    chosen = settings_for(options)
    with named_as_arguments():
        corpus = Corpus.of(text, chosen.validation)
        transposer = transposer_for(chosen, corpus, options)
        chosen, _ = suited(chosen, corpus, options, transposer)
        config = config_for(options, len(corpus.vocabulary), before)
        return Training(new_trainer(config, chosen, corpus, backend, threads, transposer, before), corpus)


def trace(model: Checkpoint, text: str) -> list[dict[str, np.ndarray]]:
    """What happens inside while the model reads a text: for each layer its gates and cells.

    Each dict has i, f, g, o (the gates), c (the cells) and h (the outputs): arrays (T, H), T characters of text.
    """
    ids = encode_prime(require_model(model).vocabulary, require_text("text", text))
    return [{name: array[:, 0] for name, array in layer.items()} for layer in model.model.trace(ids[:, None])]


def loss(model: Checkpoint, text: str) -> float:
    """The mean of -log p(character | all before it) over a text, the first character excepted: nats per character.

    The model reads the text as one sequence, from the zero state, without dropout. The validation loss of a training
    reads many rows side by side: faster, but each row begins with nothing remembered, which counts in a short text.
    Raises InputError for a text of fewer than two characters, or with one that the model does not know.
    """
    ids = encode_prime(require_model(model).vocabulary, require_text("text", text))
    if len(ids) < 2:
        raise InputError(f"text {text!r} must have two characters or more: the first is not predicted")
    state, nats = model.model.initial_state(), 0.0
    for inputs, targets in Batches(ids, 1, AT_ONCE, remainder=True):
        logits, state, _ = model.model.forward(inputs, state)
        nats += cross_entropy(logits, targets)[0].sum(dtype=np.float64)
    return float(nats / (len(ids) - 1))


class Table(list):
    """The Checks of a gradient check; as a text a table with a line for each array."""

    @property
    def passed(self) -> bool:
        """Whether every gradient is right."""
        return all(result.passed for result in self)

    def __str__(self):
        return "\n".join([TITLES, *map(str, self)])

    __repr__ = __str__


def gradcheck(model=None, backend=None) -> Table:
    """Compare backpropagation with finite differences: a Table of one Check for each array of parameters.

    model: a Checkpoint or CharRNN. A small network with its number of layers, its dropout and its backend is checked,
    in float64, because a check of every parameter of a large one takes hours.
    backend: another one, such as a copy of cell.py with a change of yours.
    """
    network = model.model if isinstance(model, Checkpoint) else model
    if network is not None and not isinstance(network, CharRNN):
        raise InputError(f"{model!r} is no model; lstm.load() gives one")
    config = network.config if network else Config(7, dropout=0.3, input_dropout=0.3, recurrent_dropout=0.3, layers=2)
    rates = (config.dropout, config.input_dropout, config.recurrent_dropout)
    small = Config(7, 4, 5, min(config.layers, 3), *(min(rate, HIGHEST_RATE) for rate in rates))
    if backend is None:
        backend = network.backend if network else BACKENDS["numba"]
    return Table(check(Problem(small, backend=backend_of(backend))))


def midi(tune: str) -> bytes:
    """A tune as the bytes of a MIDI file. Needs the extra `music`. Raises InputError if it cannot be played."""
    return rendered(music.midi, tune)


def svg(tune: str) -> str:
    """A tune's score as the text of an SVG picture. Needs the extra `music`. Raises InputError if there is none."""
    return rendered(music.svg, tune)


def rendered(render, tune):
    """What a function of music.py makes of a tune."""
    music.check_installed()
    try:
        return render(require_text("tune", tune))
    except music.Unplayable as reason:
        raise InputError(f"the tune {music.title(tune)!r} cannot be rendered: {reason}; mend its notation") from reason


# -- what is given must make sense


@contextmanager
def named_as_arguments():
    """Complaints of what the commands share name options. Within this they name arguments: not --key, but key."""
    try:
        yield
    except InputError as error:
        complaint = re.sub("--([a-z]+(?:-[a-z]+)*)", lambda option: option[1].replace("-", "_"), str(error))
        raise InputError(complaint) from None


def require_text(name, value):
    """The value, a text that is not empty. Raises InputError for anything else."""
    if not isinstance(value, str) or not value:
        raise InputError(f"{name} {shown(value)} must be a text of at least one character")
    return value


def require_model(value):
    """The value, a Checkpoint. Raises InputError for anything else."""
    if not isinstance(value, Checkpoint):
        raise InputError(f"{value!r} is no model with a vocabulary; lstm.load() gives one, and .model of lstm.train()")
    return value
