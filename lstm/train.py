"""Train the LSTM on a text, ABC tunes by default. Weights go to model/ after each epoch.

This is the command behind `python train.py`; `python -m lstm.train` is the same, where there is no checkout.
"""

if __name__ == "__main__":
    from lstm.io.interrupts import watch

    watch()

import math
import shlex
import sys
from argparse import BooleanOptionalAction
from contextlib import ExitStack
from dataclasses import asdict, fields
from types import SimpleNamespace

from tqdm import tqdm

from lstm.corpus import counted
from lstm.io import InputError, places
from lstm.io.command_line import Parser, bar_interval, exit_with, number, path_name, say, whole
from lstm.io.interrupts import STATUS, StopRequest
from lstm.io.places import shown
from lstm.model import BACKENDS, SIZES, Config
from lstm.ranks import Alone, ranks_of_mpi
from lstm.sampling_kernels import THREADS
from lstm.settings import BOUNDS, PRESETS, SCHEDULES, USUAL, Settings, memory_needed
from lstm.storage.checkpoint import epochs
from lstm.storage.run import Run
from lstm.storage.session import Complete, begin, config_for, resume, settings_for
from lstm.training import best, to_bits

NAME = "python -m lstm.train"


def parse(argv, name):
    """The options. Those that make up the run are None unless given, so that presets and --resume can tell."""
    usual = SimpleNamespace(**asdict(config_for({}, 1)), **asdict(settings_for({})))
    of = {name: number(bounds) for name, bounds in (SIZES | BOUNDS).items()}  # option types
    parser = Parser(prog=name, description=(__doc__ or "").partition("\n\n")[0])  # python -OO drops it
    add = parser.add_argument_group("the text and the places").add_argument
    add(
        "--input", nargs="+", action="extend", type=path_name, metavar="PATH",
        help=f"texts to learn, files or folders; more than once, and all are one text ({places.USUAL_INPUT})",
    )
    add("--encoding", metavar="NAME", help="of texts that do not say theirs, such as latin-1 or cp1252 (utf-8)")
    add("--model-dir", type=path_name, metavar="DIR", default=places.MODELS, help="where weights.N.h5 go (model)")
    add("--log-dir", type=path_name, metavar="DIR", default=places.LOGS, help="where training_log.csv goes (logs)")
    trained = "a trained model to begin from, of Keras or PyTorch too; its sizes are taken"
    add("--init-from", type=path_name, metavar="FILE", help=trained)
    its = "its characters, if it does not say them: a char_to_idx.json"
    add("--init-vocabulary", type=path_name, metavar="FILE", help=its)
    there = parser.add_mutually_exclusive_group()
    where = "go on with the run there, exactly where it stopped; with a finished one for more --epochs"
    there.add_argument("--resume", action="store_true", help=where)
    there.add_argument("--overwrite", action="store_true", help="delete the run in --model-dir and --log-dir")
    add = parser.add_argument_group("the model").add_argument
    add("--preset", choices=PRESETS, help=f"a set of these options to start from ({USUAL})")
    add("--embedding", type=of["embedding"], metavar="E", help=f"numbers that describe a character ({usual.embedding})")
    add("--units", type=of["units"], metavar="H", help=f"cells in each LSTM layer ({usual.units})")
    add("--layers", type=of["layers"], metavar="L", help=f"LSTM layers ({usual.layers})")
    add("--dropout", type=of["dropout"], metavar="RATE", help=f"share of each layer's output zeroed ({usual.dropout})")
    add(
        "--input-dropout", type=of["input_dropout"], metavar="RATE",
        help=f"share of the embedding zeroed ({usual.input_dropout})",
    )
    add(
        "--recurrent-dropout", type=of["recurrent_dropout"], metavar="RATE",
        help=f"share of the recurrent kernels zeroed ({usual.recurrent_dropout})",
    )
    add = parser.add_argument_group("the training").add_argument
    add(
        "--chrono", type=of["chrono"], metavar="SHARE",
        help=f"share of the cells that begin with a memory of up to --seq-length ({usual.chrono})",
    )
    add("--epochs", type=of["epochs"], metavar="N", help=f"passes over the text, in all ({usual.epochs})")
    add("--batch-size", type=of["batch_size"], metavar="B", help=f"rows of text read side by side ({usual.batch_size})")
    add("--seq-length", type=of["seq_length"], metavar="T", help=f"characters gradients go back ({usual.seq_length})")
    add("--shuffle", action=BooleanOptionalAction, help=f"tunes in another order each epoch ({usual.shuffle})")
    add(
        "--transpose", type=of["transpose"], metavar="SHARE",
        help=f"share of the tunes whose key and number X: are drawn anew each epoch ({usual.transpose})",
    )
    add(
        "--validation", type=of["validation"], metavar="FRACTION",
        help=f"share of the tunes held out ({usual.validation})",
    )
    add("--seed", type=of["seed"], metavar="N", help=f"of the first weights, dropout, order and keys ({usual.seed})")
    add = parser.add_argument_group("the optimizer").add_argument
    add("--learning-rate", type=of["learning_rate"], metavar="RATE", help=f"of Adam ({usual.learning_rate})")
    add("--schedule", choices=SCHEDULES, help=f"the learning rate stays, or falls to 1 %% ({usual.schedule})")
    add("--warmup", type=of["warmup"], metavar="STEPS", help=f"steps in which the learning rate rises ({usual.warmup})")
    add("--clip", type=of["clip"], metavar="NORM", help=f"largest gradient norm; 0 for none ({usual.clip})")
    add(
        "--weight-decay", type=of["weight_decay"], metavar="RATE",
        help=f"share of the matrices taken off, times the rate; 0 for none ({usual.weight_decay})",
    )
    add(
        "--averaging", type=of["averaging"], metavar="DECAY",
        help=f"of an exponential moving average (EMA) of the weights; 0 for none ({usual.averaging})",
    )
    add = parser.add_argument_group("how it runs").add_argument
    add("--freq", type=whole(1), metavar="N", default=1, help="save weights every N epochs (1)")
    add("--threads", type=number(THREADS), metavar="N", help="of this process; the result is the same (all)")
    add("--backend", choices=BACKENDS, help="numba is fast, numpy is the textbook (numba)")
    add("--mpi", action="store_true", help="share the rows out over the processes that mpiexec starts; see MPI.md")
    return parser.parse_args(argv)


def named_by_user(options):
    """What the user named of what makes up the run."""
    names = ["preset", "input", "encoding", "backend", "init_from", "init_vocabulary"]
    names += [field.name for kind in (Config, Settings) for field in fields(kind)]
    return {name: getattr(options, name) for name in names if getattr(options, name, None) is not None}


def describe(session, every):
    """Print the model, its sizes, and what it will take."""
    trainer, corpus = session.trainer, session.corpus
    config, settings, parameters = trainer.model.config, trainer.settings, trainer.model.parameters
    print(f"{'parameter':<26}{'shape':>14}{'numbers':>12}")
    for name, array in parameters.items():
        print(f"{name:<26}{' x '.join(map(str, array.shape)):>14}{array.size:>12,}")
    print(f"{'in all':<40}{parameters.flat.size:>12,}")
    rates = {"after each LSTM layer": config.dropout, "of the embedding": config.input_dropout}
    rates["of the recurrent kernels"] = config.recurrent_dropout
    dropout = ", ".join(f"{rate:g} {place}" for place, rate in rates.items() if rate) or "none"
    ranks = f" on each of {trainer.ranks.size} ranks" * (trainer.ranks.size > 1)
    print(f"dropout: {dropout}; {trainer.workers.threads} threads{ranks}")
    if settings.chrono:
        print(f"cells: {settings.chrono:.0%} begin with memories of up to {settings.seq_length} characters (chrono)")
    rate = f"{settings.learning_rate:g}, {settings.schedule}" + f", warm-up {settings.warmup}" * bool(settings.warmup)
    averaging = f"; weights averaged, {settings.averaging:g}" * bool(settings.averaging)
    print(f"learning rate: {rate}{averaging}")
    if 0 < trainer.cycle_start == len(trainer.history) and not trainer.position:
        weights = f"the {'averaged ' * bool(settings.averaging)}weights of epoch {trainer.cycle_start}"
        print(f"a new cycle begins from {weights}: the rate rises again, and falls until epoch {settings.epochs}")
    tunes = ["shuffled"] * settings.shuffle
    tunes += [f"{settings.transpose:.0%} with key and number drawn anew"] * bool(settings.transpose)
    print(f"tunes: {' and '.join(tunes) + ' each epoch' if tunes else 'as they stand in the text'}")
    print(f"memory: about {memory_needed(config, settings, corpus) / 1e6:.0f} MB above the program's own")
    files = -(-settings.epochs // every)
    size = 4 * parameters.flat.size / 1e6
    total = f"{files * size:,.0f} MB in all; --freq {10 * every} writes a tenth of them"
    print(f"weights files: {files} of {size:.1f} MB, {total}")
    print(*session.remarks, kind_of(corpus), sep="\n")
    learn, held_out, different = corpus.training.size, corpus.validation.size, len(corpus.vocabulary)
    print(f"text: {learn:,} characters to learn, {held_out:,} held out, {different} different")
    rows, length = settings.batch_size, settings.seq_length
    print(f"an epoch: {len(trainer.batches)} batches of {rows} rows x {length} characters", flush=True)


def kind_of(corpus):
    """What the text is taken for, in words."""
    if not corpus.abc:
        return "plain text, not tunes: it has fewer than two lines that begin with X:"
    learn, held_out = corpus.tunes
    return f"{counted(learn + held_out)}: {learn:,} to learn, {held_out:,} held out"


def train_epoch(trainer, stop):
    """The rest of an epoch, with a progress bar. False if it was asked to stop before the end."""
    settings = trainer.settings
    options = dict(total=trainer.batches.characters, initial=trainer.characters, unit="char", unit_scale=True)
    options |= dict(mininterval=bar_interval(), leave=False)
    with tqdm(desc=f"epoch {trainer.epoch}/{settings.epochs}", **options) as bar:
        for loss in trainer.steps():
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            bar.update(settings.batch_size * settings.seq_length)
            stop.listen()  # from now on there is something to lose; before, a Ctrl-C need not wait for the compiler
            if trainer.ranks.stop_requested:
                return False
    return True


def report(record):
    """Print one line for an epoch."""
    line = f"epoch {record.epoch}: loss {record.loss:.4f} ({to_bits(record.loss):.3f} bits)"
    line += f", {record.accuracy:.1%} right"
    if not math.isnan(record.val_loss):
        line += f"; validation {record.val_loss:.4f} ({to_bits(record.val_loss):.3f} bits), {record.val_accuracy:.1%}"
    print(f"{line}; {record.seconds:.0f} s, {record.chars_per_second:,.0f} char/s", flush=True)


def option(name, path, usual):
    """` --name path`, to go on with another place than the usual one; nothing for the usual."""
    return f" {name} {shlex.quote(shown(path))}" if path != usual else ""


def main(argv=None, name="train.py"):
    """The command. Returns the exit status."""
    ranks = ranks_of_mpi() if "--mpi" in (sys.argv if argv is None else argv) else Alone()
    with ranks.together(), ExitStack() as held:
        options = parse(argv, name)
        run = Run(options.model_dir, options.log_dir)
        ranks.of_first(lambda: held.enter_context(run.alone()))
        return train(run, options, name, ranks)


def train(run, options, name, ranks):
    """Train, until it is done or asked to stop. Returns the exit status."""
    named = named_by_user(options)
    if not (places.IS_CHECKOUT or options.input or options.resume):
        raise InputError("--input PATH is missing: the tunes that ship stand in the project's source alone")
    if options.init_vocabulary and not options.init_from:
        raise InputError("--init-vocabulary says the characters of --init-from, which is missing; give both")
    if options.init_from and options.resume:
        raise InputError("--init-from begins a run, and --resume goes on with one; leave one of them out")
    threads = options.threads or ranks.threads()
    try:
        if options.resume:
            session = resume(run, named, threads, ranks)
        else:
            session = begin(run, named, places.INPUT, threads, options.overwrite, ranks)
    except Complete as remark:
        say(f"{name}: {remark}")
        return 0
    trainer, status, why = session.trainer, STATUS, ""
    directories = option("--model-dir", run.model_dir, places.MODELS)
    with StopRequest() as stop:
        ranks.stop = stop
        try:
            describe(session, options.freq)
            finished = train_epochs(session, stop, options.freq)
        except KeyboardInterrupt:
            if not stop.requested:
                say("stopped before the first step was done; the same command begins there again")
            raise
        except OSError as error:
            if error.filename is not None or ranks.size > 1:  # the others are in the middle of a step
                raise
            # whoever read standard output has gone, or its disk is full
            finished, status, why = False, 2, f"{name}: cannot write standard output: {error.strerror}; "
        if not finished:
            session.save_progress()
            directories += option("--log-dir", run.log_dir, places.LOGS)
            again = f"{places.command('train.py')} --resume{directories}"
            again = f"mpiexec -n {ranks.size} {again} --mpi" if ranks.size > 1 else again
            say(f"{why}stopped in epoch {trainer.epoch}, nothing is lost; to go on: {again}")
            return status
    print(f"the curves are in {shown(run.curves_path)}")
    saved = epochs(run.model_dir)
    lowest = best([record for record in trainer.history if record.epoch in saved])
    kept = " that was saved" if len(saved) < len(trainer.history) else ""
    hear = f"{places.command('sample.py')} {lowest.epoch}{directories}"
    print(f"the best epoch{kept} is {lowest.epoch}; to hear what it learnt: {hear}")
    return 0


def train_epochs(session, stop, every):
    """The epochs that are left. An epoch is saved before anything is said of it. False if it was asked to stop."""
    trainer = session.trainer
    while len(trainer.history) < trainer.settings.epochs:
        if trainer.ranks.stop_requested or not train_epoch(trainer, stop):
            return False
        record = trainer.finish_epoch()
        session.save_epoch(every)
        report(record)
    return True


if __name__ == "__main__":
    exit_with(lambda: main(name=NAME), NAME)
