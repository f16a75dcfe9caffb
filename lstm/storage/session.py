"""Training as the command does it: a run begun or resumed from the user's options, saved as it goes.

`options` is what the user named and nothing else: fields of Config and Settings, and preset, backend, encoding, and
input, a list of paths. `saved` is what a resume file holds beside the snapshot.
"""

import contextlib
import hashlib
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from lstm.batches import Batches
from lstm.corpus import Corpus, read
from lstm.engine.threads import Workers, least_limit
from lstm.io import InputError
from lstm.io.command_line import say
from lstm.io.files import is_there
from lstm.model import CharRNN, Config, initial_parameters, lengthen_memory
from lstm.notation.transpose import Transposer
from lstm.ranks import Alone
from lstm.settings import PRESETS, USUAL, Settings, memory_needed
from lstm.storage import imported
from lstm.storage.checkpoint import Checkpoint
from lstm.storage.keras_files import HARD_SIGMOID, HardSigmoid
from lstm.storage.resume import refuse_misfits, refuse_misplaced
from lstm.storage.run import Run
from lstm.training import Record, Trainer

MOST_TUNES = 100_000  # that a preset transposes
MANY_TUNES = 20_000  # that the user is told of before their keys are looked for
FINDING = 10_000  # tunes a second whose keys are found
MOST_LISTED = 40  # characters that begin anew


class Complete(InputError):
    """A run that is resumed has trained all its epochs: no mistake of the user's."""


@dataclass(frozen=True)
class Session:
    """A trainer, the text it learns, and the files of its run."""

    run: Run
    trainer: Trainer
    corpus: Corpus
    saved: dict  # what a resumed run must find unchanged, and where its text is
    remarks: list  # for the user, on how the text was read, and what of a preset does not suit it

    def save_progress(self):
        """Write what resuming needs; possible after any step. Of several ranks the first writes all files."""
        arrays, numbers = self.trainer.snapshot()
        if self.trainer.ranks.rank == 0:
            self.run.save_resume(arrays, numbers | self.saved)

    def save_epoch(self, every=1):
        """Write the files of the epoch just finished; its weights if it is one of `every` so many, or the last."""
        trainer, record = self.trainer, self.trainer.history[-1]
        first = trainer.ranks.rank == 0
        if first and (record.epoch % every == 0 or record.epoch == trainer.settings.epochs):
            losses = {"loss": record.loss, "val_loss": record.val_loss}
            knows = self.corpus.vocabulary, record.epoch, losses, self.corpus.abc, self.corpus.headers
            self.run.save_weights(Checkpoint(trainer.ema_model, *knows))
        self.save_progress()
        if first:
            self.run.save_log(trainer.history)


def begin(run, options, default_input, threads, overwrite=False, ranks=Alone()):
    """The Session of a new run. What is wrong with the options shows before anything is written or deleted."""
    settings = settings_for(options)
    source = source_of(options, {"input": [default_input]})
    corpus, remarks = corpus_of(source, settings.validation)
    transposer = transposer_for(settings, corpus, options)
    settings, left_out = suited(settings, corpus, options, transposer)
    before = model_to_begin_from(run, options, overwrite)
    if before:
        left_out = [*before.remarks, *left_out, kept(before, corpus.vocabulary, options["init_from"])]
    config = config_for(options, len(corpus.vocabulary), before)
    backend = options.get("backend", "numba")
    trainer = new_trainer(config, settings, corpus, backend, threads, transposer, before, ranks)
    session = Session(run, trainer, corpus, saved_of(trainer, corpus, backend, source), remarks + left_out)
    ranks.agree(facts_of(session))
    ranks.of_first(lambda: run.begin(overwrite))
    return session


def model_to_begin_from(run, options, overwrite):
    """The Checkpoint that --init-from names, None where it is not given."""
    path = options.get("init_from")
    if path is None:
        return None
    if overwrite and is_there(path) and any(os.path.samefile(path, file) for file in run.files()):
        raise InputError(f"--init-from {path} is of the run that --overwrite deletes; choose another --model-dir")
    try:
        return imported.load(path, options.get("init_vocabulary"))
    except InputError as error:
        raise InputError(str(error).replace("by --vocabulary", "by --init-vocabulary")) from error


def resume(run, options, threads, ranks=Alone()):
    """The Session of the run that is there, where it stopped. Only --epochs may differ from what it began with,
    and with a cosine schedule, whose rates depend on it, only once that has ended: then a new cycle begins.
    """
    arrays, saved = ranks.of_first(run.load_resume)
    refuse_misfits(arrays, saved, run.resume_path)
    refuse_changes(options, saved)
    settings = Settings(**saved["settings"] | chosen(options, Settings))
    source = source_of(options, saved)
    corpus, remarks = corpus_of(source, settings.validation)
    if corpus.digest != saved["text"]:
        named = ", ".join(source["input"])
        raise InputError(f"{named} is not the text this run began with; name that with --input, or begin anew")
    refuse_another_preset(options, saved, corpus)
    config = Config(**saved["config"])
    refuse_misplaced(saved, config, settings, corpus, run.resume_path)
    ranks.of_first(lambda: run.save_log([Record(**record) for record in saved["history"]]))
    new_cycle = settings.schedule == "cosine" and is_finished(saved)
    refuse_too_few_epochs(settings, corpus, len(saved["history"]), new_cycle)
    trainer = new_trainer(config, settings, corpus, saved["backend"], threads, ranks=ranks)
    trainer.restore(arrays, saved)
    ranks.of_first(run.remove_leftovers)
    if new_cycle:
        trainer.begin_cycle()
    session = Session(run, trainer, corpus, saved_of(trainer, corpus, saved["backend"], source), remarks)
    ranks.agree(facts_of(session))
    return session


def facts_of(session):
    """{name: value} of what must be the same on all ranks of a training."""
    saved, parameters = session.saved, session.trainer.model.parameters.flat
    options = saved["config"] | saved["settings"] | {"backend": saved["backend"]}
    named = {f"--{name.replace('_', '-')}": value for name, value in options.items()}
    begins = {"weights to begin from": hashlib.sha256(parameters).hexdigest()[:12]}
    return {"the text": saved["text"][:12]} | named | begins


def source_of(options, otherwise):
    """Where the text of a run is, {"input": paths, "encoding": of those that say none}, as JSON can hold it."""
    inputs = options.get("input", otherwise["input"])
    inputs = inputs if isinstance(inputs, list) else [inputs]  # earlier versions had one
    encoding = options.get("encoding", otherwise.get("encoding"))
    return {"input": [str(Path(path).absolute()) for path in inputs], "encoding": encoding}


def corpus_of(source, validation):
    """(the Corpus of a source, the remarks of `corpus.read`). The text itself is large, and not kept."""
    text, remarks = read(source["input"], source["encoding"], say)
    return Corpus.of(text, validation), remarks


def is_finished(saved):
    """Whether a saved run has trained all its epochs."""
    return len(saved["history"]) >= Settings(**saved["settings"]).epochs


def refuse_too_few_epochs(settings, corpus, done, new_cycle):
    """Raise Complete where no epoch is left to train, InputError where too few are, as for a new cycle's warm-up."""
    least = done + 1
    if new_cycle:
        least += settings.warmup // steps_of(replace(settings, epochs=1), corpus)
    if settings.epochs <= done:
        further = f"--epochs {max(done + 10, least)} goes further" + ", in a new cycle of its schedule" * new_cycle
        kind = Complete if settings.epochs == done else InputError
        raise kind(f"this run has trained its {done} epochs; {further}")
    if settings.epochs < least:
        raise InputError(
            f"--epochs {settings.epochs} ends the new cycle before its warm-up of {settings.warmup} steps; "
            f"--epochs {least} is the least"
        )


def chosen(options, kind):
    """The options that are fields of Config or of Settings."""
    return {field.name: options[field.name] for field in fields(kind) if field.name in options}


def settings_for(options):
    """The Settings of the preset, with what the user named."""
    return Settings(**PRESETS[options.get("preset", USUAL)].settings | chosen(options, Settings))


def lacking(settings, corpus, transposer):
    """What the settings ask for and this text cannot have: {name of the setting: (its option, why not)}, for the user.

    Raises InputError where the text is too short for a single step.
    """
    steps, lacks = steps_of(settings, corpus), {}
    if settings.warmup >= steps:
        lacks["warmup"] = f"--warmup {settings.warmup}", f"must be less than the {steps} steps of the whole run"
    if settings.shuffle and len(corpus.edges) < 3:
        lacks["shuffle"] = "--shuffle", "needs at least two ABC tunes to train on"
    if settings.transpose and not transposer:
        few = f"is for at most {MOST_TUNES:,} tunes; --transpose {settings.transpose:g} does it all the same"
        lacks["transpose"] = f"--transpose {settings.transpose:g}", few
    elif settings.transpose and not transposer.can_move:
        needs = "needs ABC tunes in more than one key of a mode, without changes of key or text that may be chords"
        lacks["transpose"] = f"--transpose {settings.transpose:g}", needs
    return lacks


def suited(settings, corpus, options, transposer):
    """(the settings without what a preset asks for and this text cannot have, remarks on that). What the user named
    stays.
    """
    lacks = {name: why for name, why in lacking(settings, corpus, transposer).items() if name not in options}
    remarks = [f"left out of the preset: {option}, which {why}" for option, why in lacks.values()]
    return replace(settings, **{name: getattr(Settings, name) for name in lacks}), remarks


def transposer_for(settings, corpus, named=("transpose",)):
    """The Transposer of a run, None where nothing is transposed. It reads all tunes, so a run has one.

    named: what the user asked for. Of more than MOST_TUNES a preset transposes none: there is enough to learn from, and
    all of them would be read before the first batch, and again in each epoch.
    """
    tunes = corpus.tunes[0]
    if not settings.transpose or tunes > MOST_TUNES and "transpose" not in named:
        return None
    if tunes > MANY_TUNES:
        say(f"looking which keys {tunes:,} tunes can have: about {tunes / FINDING:.0f} s, and as long in each epoch")
    return Transposer(corpus)


def steps_of(settings, corpus):
    """How many steps a whole run has. Raises InputError where the text is too short for one."""
    return settings.epochs * Batches.count(len(corpus.training), settings.batch_size, settings.seq_length)


def config_for(options, characters, before=None):
    """The Config of the preset, with what the user named, for a vocabulary of so many characters.

    before: a Checkpoint to go on from, whose sizes it has.
    """
    sizes = {name: getattr(before.model.config, name) for name in ("embedding", "units", "layers")} if before else {}
    for name, size in sizes.items():
        if options.get(name, size) != size:
            raise InputError(f"--{name} {options[name]}: the model of --init-from has {size}; leave --{name} out")
    return Config(characters, **PRESETS[options.get("preset", USUAL)].config | chosen(options, Config) | sizes)


def new_trainer(config, settings, corpus, backend, threads, transposer=None, before=None, ranks=None):
    """A Trainer with new parameters. Too short a text and too large a model show before memory is taken.

    transposer: that of `transposer_for`, where the caller has it already.
    before: a Checkpoint whose parameters it begins with, see `take_over`.
    """
    if before and isinstance(before.model.backend, HardSigmoid):
        raise InputError(f"a model with {HARD_SIGMOID} cannot be trained; leave --init-from out")
    transposer = transposer or transposer_for(settings, corpus)
    for option, why in lacking(settings, corpus, transposer).values():
        raise InputError(f"{option} {why}; leave it out for this text")
    refuse_more_than_memory(config, settings, corpus)
    parameters = initial_parameters(config, settings.seed)
    lengthen_memory(parameters, config, settings.chrono, settings.seq_length, settings.seed)
    if before:
        take_over(parameters, corpus.vocabulary, before)
    model = CharRNN(config, parameters, backend)
    texts = corpus.training, corpus.validation
    return Trainer(model, settings, *texts, Workers(threads), corpus.edges, transposer, ranks)


def take_over(parameters, vocabulary, before):
    """Put a trained model's parameters in the place of new ones, but for characters that it does not know.

    Those that both vocabularies have keep their rows of the embedding, and their columns of the dense layer.
    """
    both = shared(vocabulary, before.vocabulary)
    here, there = vocabulary.encode(both), before.vocabulary.encode(both)
    for name, trained in before.weights.items():
        if name.startswith("embedding"):
            parameters[name][here] = trained[there]
        elif name.startswith("dense"):
            parameters[name][..., here] = trained[..., there]
        else:
            parameters[name] = trained
    # a cell that no character reads was added to a narrower layer; new characters leave it alone too
    parameters["dense/kernel"][~before.weights["dense/kernel"].any(axis=1)] = 0


def shared(vocabulary, other):
    """The characters of a vocabulary that another one has too."""
    return "".join(character for character in vocabulary.characters if character in other.index)


def kept(before, vocabulary, path):
    """How much of a trained model's vocabulary serves for a text, in words."""
    both = shared(vocabulary, before.vocabulary)
    new = "".join(character for character in vocabulary.characters if character not in both)
    listed = repr(new) if len(new) <= MOST_LISTED else f"{new[:MOST_LISTED]!r} .."
    anew = f"; the other {len(new)} begin anew: {listed}" if new else ""
    return f"begins from {path}, which knows {len(both)} of the {len(vocabulary)} characters of the text{anew}"


def saved_of(trainer, corpus, backend, source):
    """What a resumed run must find unchanged, as JSON can hold it."""
    config, settings = asdict(trainer.model.config), asdict(trainer.settings)
    return {"config": config, "settings": settings, "text": corpus.digest, "backend": backend} | source


def refuse_more_than_memory(config, settings, corpus):
    """Raise InputError where training takes more memory than there is: the system would end it without a word."""
    if not hasattr(os, "sysconf"):
        return
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    needed, there = memory_needed(config, settings, corpus), min(machine, least_limit("memory.max") or machine)
    if needed > there:
        raise InputError(
            f"training this needs {needed / 1e9:,.0f} GB of memory, and there are {there / 1e9:.1f}; "
            "try a smaller --units, --embedding, --layers or --batch-size"
        )


def refuse_changes(options, saved):
    """Raise InputError for a choice that differs from what the run began with: it would not be the same run."""
    for name in changed(options, saved):
        if name == "epochs":
            raise InputError(
                f"--epochs {options[name]} would change a schedule that is under way; once the run has its "
                f"{Settings(**saved['settings']).epochs} epochs, it begins a new cycle; until then leave --epochs out"
            )
        option = ("--no-" if options[name] is False else "--") + name.replace("_", "-")
        value = "" if isinstance(options[name], bool) else f" {options[name]}"
        raise InputError(f"{option}{value} would change the run that is to be resumed; leave {option} out")


def refuse_another_preset(options, saved, corpus):
    """Raise InputError for a preset that would not have made the run that is there."""
    if "preset" not in options:
        return
    settings = settings_for(options)
    with contextlib.suppress(InputError):  # where its batches do not fit the text, it is another one anyhow
        settings, _ = suited(settings, corpus, options, transposer_for(settings, corpus, options))
    if changed(asdict(config_for(options, len(corpus.vocabulary))) | asdict(settings), saved):
        raise InputError(f"--preset {options['preset']} would change the run that is to be resumed; leave --preset out")


def changed(options, saved):
    """The names of the options that differ from what a run began with, but for epochs where these may grow."""
    config, settings = Config(**saved["config"]), Settings(**saved["settings"])  # with the defaults of later fields
    began_with = asdict(config) | asdict(settings) | {"backend": saved["backend"]}
    if settings.schedule != "cosine" or is_finished(saved):  # a cosine has the number in each of its rates
        del began_with["epochs"]
    return [name for name, value in options.items() if name in began_with and value != began_with[name]]
