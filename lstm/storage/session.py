"""Training as the command does it: a run begun or resumed from the user's choices, saved as it goes.

`choices` holds what the user named and nothing else: fields of Config and Settings, and preset, input, backend.
"""

import contextlib
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from lstm.batches import Batches
from lstm.corpus import Corpus
from lstm.engine.threads import Workers
from lstm.io import InputError
from lstm.io.files import read_text
from lstm.model import BACKENDS, CharRNN, Config, initial_parameters
from lstm.notation.transpose import Transposer
from lstm.settings import PRESETS, USUAL, Settings, memory_needed
from lstm.storage.checkpoint import Checkpoint
from lstm.storage.resume import refuse_misfits, refuse_misplaced
from lstm.storage.run import Run
from lstm.training import Trainer


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
            checkpoint = Checkpoint(trainer.learnt, self.corpus.vocabulary, record.epoch, losses, self.corpus.abc)
            self.run.save_weights(checkpoint)
        self.save_progress()
        self.run.save_log(trainer.history)


def begin(run, choices, default_input, threads, overwrite=False):
    """The Session of a new run. What is wrong with the choices shows before anything is written or deleted."""
    settings = settings_for(choices)
    path = Path(choices.get("input", default_input)).absolute()
    corpus = Corpus.of(read_text(path), settings.validation)
    settings = suited(settings, corpus, choices)
    config = config_for(choices, len(corpus.vocabulary))
    backend = choices.get("backend", "numba")
    trainer = new_trainer(config, settings, corpus, backend, threads)
    run.begin(overwrite)
    return Session(run, trainer, corpus, facts_of(trainer, corpus, backend, path))


def resume(run, choices, threads):
    """The Session of the run that is there, where it stopped. Only --epochs may differ from what it began with,
    and that only where the learning rate does not depend on it.
    """
    arrays, facts = run.load_resume()
    refuse_misfits(arrays, facts, run.resume_path)
    refuse_changes(choices, facts)
    settings = Settings(**facts["settings"] | chosen(choices, Settings))
    path = Path(choices.get("input", facts["input"])).absolute()
    corpus = Corpus.of(read_text(path), settings.validation)
    if corpus.digest != facts["text"]:
        raise InputError(f"{path} is not the text this run began with; name that with --input, or begin anew")
    refuse_another_preset(choices, facts, corpus)
    config = Config(**facts["config"])
    refuse_misplaced(facts, config, settings, corpus, run.resume_path)
    trainer = new_trainer(config, settings, corpus, facts["backend"], threads)
    trainer.restore(arrays, facts)
    run.save_log(trainer.history)
    done = len(trainer.history)
    if done >= settings.epochs:
        further = f"--epochs {done + 10} goes further"
        if settings.schedule == "cosine":
            further = "its cosine schedule ends there; --overwrite, or another --model-dir and --log-dir, begins anew"
        raise InputError(f"this run has trained its {done} epochs; {further}")
    return Session(run, trainer, corpus, facts_of(trainer, corpus, facts["backend"], path))


def chosen(choices, kind):
    """The choices that are fields of Config or of Settings."""
    return {field.name: choices[field.name] for field in fields(kind) if field.name in choices}


def settings_for(choices):
    """The Settings of the preset, with what the user named."""
    return Settings(**PRESETS[choices.get("preset", USUAL)][1] | chosen(choices, Settings))


def suited(settings, corpus, choices):
    """The settings without what a preset asks for and this text cannot have. What the user named stays.

    A text that is not ABC has no tunes to shuffle, one with all tunes in one key none to transpose, and a short one not
    steps enough to warm up.
    """
    without = {}
    if len(corpus.edges) < 3:
        without["shuffle"] = False
    if settings.transpose and not Transposer(corpus).can_move:
        without["transpose"] = 0.0
    if settings.warmup >= steps_of(settings, corpus):
        without["warmup"] = 0
    return replace(settings, **{name: value for name, value in without.items() if name not in choices})


def steps_of(settings, corpus):
    """How many steps a whole run has. Raises InputError where the text is too short for one."""
    return settings.epochs * len(Batches(corpus.training, settings.batch_size, settings.seq_length))


def config_for(choices, characters):
    """The Config of the preset, with what the user named, for a vocabulary of so many characters."""
    return Config(characters, **PRESETS[choices.get("preset", USUAL)][0] | chosen(choices, Config))


def new_trainer(config, settings, corpus, backend, threads):
    """A Trainer with new parameters. Too short a text and too large a model show before memory is taken."""
    steps = steps_of(settings, corpus)
    refuse_more_than_memory(config, settings)
    if settings.warmup >= steps:
        raise InputError(f"--warmup {settings.warmup} must be less than the {steps} steps of the whole run")
    if settings.shuffle and len(corpus.edges) < 3:
        raise InputError("--shuffle needs at least two ABC tunes to train on; leave it out for this text")
    transposer = Transposer(corpus) if settings.transpose else None
    if transposer and not transposer.can_move:
        raise InputError(
            f"--transpose {settings.transpose:g} needs ABC tunes in more than one key of a mode, and plain notes in "
            "them; leave it out for this text"
        )
    model = CharRNN(config, initial_parameters(config, settings.seed), BACKENDS[backend])
    return Trainer(model, settings, corpus.training, corpus.validation, Workers(threads), corpus.edges, transposer)


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


def refuse_changes(choices, facts):
    """Raise InputError for a choice that differs from what the run began with: it would not be the same run."""
    for name in changed(choices, facts):
        option = ("--no-" if choices[name] is False else "--") + name.replace("_", "-")
        value = "" if isinstance(choices[name], bool) else f" {choices[name]}"
        raise InputError(f"{option}{value} would change the run that is to be resumed; leave {option} out")


def refuse_another_preset(choices, facts, corpus):
    """Raise InputError for a preset that would not have made the run that is there."""
    if "preset" not in choices:
        return
    settings = settings_for(choices)
    with contextlib.suppress(InputError):  # where its batches do not fit the text, it is another one anyhow
        settings = suited(settings, corpus, choices)
    if changed(asdict(config_for(choices, len(corpus.vocabulary))) | asdict(settings), facts):
        raise InputError(f"--preset {choices['preset']} would change the run that is to be resumed; leave --preset out")


def changed(options, facts):
    """The names of the options that differ from what a run began with, but for epochs where these may grow."""
    config, settings = Config(**facts["config"]), Settings(**facts["settings"])  # with the defaults of later fields
    began_with = asdict(config) | asdict(settings) | {"backend": facts["backend"]}
    if settings.schedule != "cosine":  # which has the number of epochs in each of its rates
        del began_with["epochs"]
    return [name for name, value in options.items() if name in began_with and value != began_with[name]]
