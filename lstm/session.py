"""Training as the command does it: a run begun or resumed from the user's choices, saved as it goes.

`choices` holds what the user named and nothing else: fields of Config and Settings, and preset, input, backend.
"""

from dataclasses import asdict, dataclass, fields
from pathlib import Path

from lstm.checkpoint import Checkpoint
from lstm.corpus import Corpus
from lstm.errors import InputError
from lstm.files import read_text
from lstm.model import BACKENDS, CharRNN, Config, initial_parameters
from lstm.run import Run
from lstm.shards import Workers
from lstm.training import PRESETS, Settings, Trainer


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
    for_config, for_settings = PRESETS[choices.get("preset", "classic")]
    settings = Settings(**for_settings | chosen(choices, Settings))
    path = Path(choices.get("input", default_input)).resolve()
    corpus = Corpus.of(read_text(path), settings.validation)
    config = Config(len(corpus.vocabulary), **for_config | chosen(choices, Config))
    backend = choices.get("backend", "numba")
    trainer = new_trainer(config, settings, corpus, backend, threads)
    run.begin(overwrite)
    return Session(run, trainer, corpus, facts_of(trainer, corpus, backend, path))


def resume(run, choices, threads):
    """The Session of the run that is there, where it stopped. Only --epochs may differ from what it began with."""
    arrays, facts = run.load_resume()
    refuse_changes(choices, facts)
    settings = Settings(**facts["settings"] | chosen(choices, Settings))
    path = Path(choices.get("input", facts["input"])).resolve()
    corpus = Corpus.of(read_text(path), settings.validation)
    if corpus.digest != facts["text"]:
        raise InputError(f"{path} is not the text this run began with; name that with --input, or begin anew")
    trainer = new_trainer(Config(**facts["config"]), settings, corpus, facts["backend"], threads)
    trainer.restore(arrays, facts)
    if len(trainer.history) >= settings.epochs:
        raise InputError(f"this run has its {settings.epochs} epochs; --epochs {settings.epochs + 10} goes further")
    run.save_log(trainer.history)
    return Session(run, trainer, corpus, facts_of(trainer, corpus, facts["backend"], path))


def chosen(choices, kind):
    """The choices that are fields of Config or of Settings."""
    return {field.name: choices[field.name] for field in fields(kind) if field.name in choices}


def new_trainer(config, settings, corpus, backend, threads):
    """A Trainer with new parameters."""
    model = CharRNN(config, initial_parameters(config, settings.seed), BACKENDS[backend])
    return Trainer(model, settings, corpus.training, corpus.validation, Workers(threads))


def facts_of(trainer, corpus, backend, path):
    """The facts of a session, as JSON can hold them."""
    config, settings = asdict(trainer.model.config), asdict(trainer.settings)
    return {"config": config, "settings": settings, "text": corpus.digest, "backend": backend, "input": str(path)}


def refuse_changes(choices, facts):
    """Raise InputError for a choice that differs from what the run began with: it would not be the same run."""
    began_with = facts["config"] | facts["settings"] | {"backend": facts["backend"]}
    for name, value in choices.items():
        if name not in ("epochs", "input") and value != began_with.get(name):
            option = "--" + name.replace("_", "-")
            raise InputError(f"{option} {value} would change the run that is to be resumed; leave {option} out")
