"""Training as the command does it: a run begun or resumed from the user's choices, saved as it goes.

`choices` holds what the user named and nothing else: fields of Config and Settings, and preset, input, backend.
"""

import math
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from lstm.batches import Batches
from lstm.checkpoint import Checkpoint
from lstm.corpus import Corpus
from lstm.errors import InputError
from lstm.files import read_text
from lstm.model import BACKENDS, CharRNN, Config, initial_parameters
from lstm.run import Run
from lstm.shards import Workers
from lstm.training import PRESETS, Record, Settings, Trainer, memory_needed


@dataclass(frozen=True)
class Session:
    """A trainer, the text it learns, and the files of its run."""

    run: Run
    trainer: Trainer
    corpus: Corpus
    facts: dict  # what a resumed run must find unchanged, and where its text is

    def save_progress(self):
        """Write what resuming needs; possible after any step."""
        arrays, numbers = self.trainer.snapshot()
        self.run.save_resume(arrays, numbers | self.facts)

    def save_epoch(self, every=1):
        """Write the files of the epoch just finished; its weights if it is one of `every` so many, or the last."""
        trainer, record = self.trainer, self.trainer.history[-1]
        if record.epoch % every == 0 or record.epoch == trainer.settings.epochs:
            losses = {"loss": record.loss, "val_loss": record.val_loss}
            checkpoint = Checkpoint(trainer.model, self.corpus.vocabulary, record.epoch, losses, self.corpus.abc)
            self.run.save_weights(checkpoint)
        self.save_progress()
        self.run.save_log(trainer.history)


def begin(run, choices, default_input, threads, overwrite=False):
    """The Session of a new run. What is wrong with the choices shows before anything is written or deleted."""
    settings = settings_for(choices)
    path = Path(choices.get("input", default_input)).absolute()
    corpus = Corpus.of(read_text(path), settings.validation)
    config = config_for(choices, len(corpus.vocabulary))
    backend = choices.get("backend", "numba")
    trainer = new_trainer(config, settings, corpus, backend, threads)
    run.begin(overwrite)
    return Session(run, trainer, corpus, facts_of(trainer, corpus, backend, path))


def resume(run, choices, threads):
    """The Session of the run that is there, where it stopped. Only --epochs may differ from what it began with."""
    arrays, facts = run.load_resume()
    refuse_misfits(arrays, facts, run.resume_path)
    refuse_changes(choices, facts)
    settings = Settings(**facts["settings"] | chosen(choices, Settings))
    path = Path(choices.get("input", facts["input"])).absolute()
    corpus = Corpus.of(read_text(path), settings.validation)
    if corpus.digest != facts["text"]:
        raise InputError(f"{path} is not the text this run began with; name that with --input, or begin anew")
    config = Config(**facts["config"])
    refuse_misplaced(facts, config, settings, corpus, run.resume_path)
    trainer = new_trainer(config, settings, corpus, facts["backend"], threads)
    trainer.restore(arrays, facts)
    run.save_log(trainer.history)
    done = len(trainer.history)
    if done >= settings.epochs:
        raise InputError(f"this run has trained its {done} epochs; --epochs {done + 10} goes further")
    return Session(run, trainer, corpus, facts_of(trainer, corpus, facts["backend"], path))


def chosen(choices, kind):
    """The choices that are fields of Config or of Settings."""
    return {field.name: choices[field.name] for field in fields(kind) if field.name in choices}


def settings_for(choices):
    """The Settings of the preset, with what the user named."""
    return Settings(**PRESETS[choices.get("preset", "classic")][1] | chosen(choices, Settings))


def config_for(choices, characters):
    """The Config of the preset, with what the user named, for a vocabulary of so many characters."""
    return Config(characters, **PRESETS[choices.get("preset", "classic")][0] | chosen(choices, Config))


def new_trainer(config, settings, corpus, backend, threads):
    """A Trainer with new parameters. Too short a text and too large a model show before memory is taken."""
    Batches(corpus.training, settings.batch_size, settings.seq_length)
    refuse_more_than_memory(config, settings)
    model = CharRNN(config, initial_parameters(config, settings.seed), BACKENDS[backend])
    return Trainer(model, settings, corpus.training, corpus.validation, Workers(threads))


def facts_of(trainer, corpus, backend, path):
    """The facts of a session, as JSON can hold them."""
    config, settings = asdict(trainer.model.config), asdict(trainer.settings)
    return {"config": config, "settings": settings, "text": corpus.digest, "backend": backend, "input": str(path)}


def refuse_more_than_memory(config, settings):
    """Raise InputError where training takes more memory than there is: the system would end it without a word."""
    if not hasattr(os, "sysconf"):
        return
    needed, there = memory_needed(config, settings), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise InputError(
            f"training this needs {needed / 1e9:,.0f} GB of memory, and the machine has {there / 1e9:.0f}; "
            "try a smaller --units, --embedding, --layers or --batch-size"
        )


def refuse_misfits(arrays, facts, path):
    """Raise InputError unless a resume file has all that is needed, and its arrays the shapes that its config says."""
    try:
        config, settings = Config(**facts["config"]), Settings(**facts["settings"])
        fits = are_sensible(settings) and are_facts(facts) and are_arrays_of(config, settings, arrays)
    except (KeyError, TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        raise misfit(path)


def refuse_misplaced(facts, config, settings, corpus, path):
    """Raise InputError unless a resume file stands at a place within its text, and knows the text's characters."""
    batches, position = Batches(corpus.training, settings.batch_size, settings.seq_length), facts["position"]
    steps = len(facts["history"]) * len(batches) + position
    if position > len(batches) or facts["t"] != steps or config.vocabulary != len(corpus.vocabulary):
        raise misfit(path)


def misfit(path):
    """The error for a resume file that is whole and makes no sense."""
    return InputError(f"cannot use {path}: what is in it does not fit together; --overwrite begins the run anew")


def have_their_types(record):
    """Whether the fields of a dataclass hold what they are declared to; whole numbers are floats too."""
    return all(isinstance(getattr(record, field.name), (field.type, int)) for field in fields(record))


def are_sensible(settings):
    """Whether settings are such that training can begin; what else is wrong with them shows as divergence."""
    sizes = settings.batch_size, settings.seq_length
    return have_their_types(settings) and min(sizes) >= 1 and settings.seed >= 0 and 0 <= settings.validation < 1


def are_facts(facts):
    """Whether the facts and the numbers of a snapshot are of the right kind. Raises KeyError where one is missing."""
    counts = [facts[name] for name in ("t", "position", "correct")]
    sums = [facts[name] for name in ("nats", "seconds")]
    history = [Record(**record) for record in facts["history"]]
    return (
        all(type(count) is int and count >= 0 for count in counts)
        and all(type(number) is float and 0 <= number < math.inf for number in sums)
        and all(have_their_types(record) and record.epoch == i for i, record in enumerate(history, 1))
        and all(isinstance(facts[name], str) for name in ("text", "input", "backend"))
        and facts["backend"] in BACKENDS
    )


def are_arrays_of(config, settings, arrays):
    """Whether arrays are those of a snapshot with these sizes. Raises KeyError where one is missing."""
    state = (config.layers, settings.batch_size, config.units)
    if not arrays["h"].shape == arrays["c"].shape == state:  # first, because it bounds the number of layers
        return False
    size = sum(map(math.prod, config.shapes.values()))
    fits = all(arrays[name].shape == (size,) for name in ("parameters", "m", "v"))
    return fits and all(array.dtype == np.float32 and np.isfinite(array).all() for array in arrays.values())


def refuse_changes(choices, facts):
    """Raise InputError for a choice that differs from what the run began with: it would not be the same run."""
    config, settings = Config(**facts["config"]), Settings(**facts["settings"])
    began_with = asdict(config) | asdict(settings) | {"backend": facts["backend"]}
    del began_with["epochs"]  # which may grow

    def changed(options):
        return [name for name, value in options.items() if name in began_with and value != began_with[name]]

    names = changed(choices)
    if "preset" in choices and not names:
        whole = asdict(config_for(choices, config.vocabulary)) | asdict(settings_for(choices))
        names = ["preset"] if changed(whole) else []
    for name in names:
        option = "--" + name.replace("_", "-")
        raise InputError(f"{option} {choices[name]} would change the run that is to be resumed; leave {option} out")
