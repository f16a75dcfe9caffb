"""Explore architectures and ways to train: python -m lstm.explore

It searches with Optuna, stops what is behind at equal epochs, trains the best from other seeds too, and reports.
Choices are made by tunes that are kept apart from the training tunes; the held-out tunes of train.py take no part.
"""

if __name__ == "__main__":
    from lstm.io.interrupts import watch

    watch()

import signal
import sys
import time
from multiprocessing.connection import wait
from pathlib import Path

from tqdm import tqdm

from lstm.corpus import Corpus, read
from lstm.engine.threads import default_threads
from lstm.exploration.report import best_of, write_csv, write_page
from lstm.exploration.space import NAMES, SPACE, Range, space_of, train_command, usual_options, values_of, words
from lstm.exploration.storage import check_installed, open_storage, said_plainly_of
from lstm.exploration.study import BEST, FAILED, RUNNING, SEEDS, STOPPED, Budget, best_runs, expected_epochs, plan_of
from lstm.exploration.worker import Job, start, work
from lstm.io import COUNT, InputError, places
from lstm.io.command_line import Parser, bar_interval, between, exit_with, number, path_name, say, whole
from lstm.io.files import is_there, make_directory
from lstm.io.interrupts import STATUS, StopRequest
from lstm.io.places import shown
from lstm.io.standard_streams import escaped
from lstm.notation.tunes import split
from lstm.sampling_kernels import THREADS
from lstm.settings import BOUNDS, PRESETS, USUAL, Settings
from lstm.storage.session import lacking, settings_for, source_of, transposer_for

NAME = "python -m lstm.explore"
APART = 0.05  # of the training tunes, for choosing
TRIALS = 40
EPOCHS = 8
LOOK = 1.0  # seconds between two looks at what the workers have done


def parse(argv):
    """The options."""
    parser = Parser(prog=NAME, description=(__doc__ or "").partition("\n\n")[0])  # python -OO drops it
    group = parser.add_argument_group("how much")
    budget, add = group.add_mutually_exclusive_group(), group.add_argument
    budget.add_argument("--trials", type=whole(1), metavar="N", help=f"networks to try ({TRIALS})")
    budget.add_argument("--epochs-in-all", type=whole(1), metavar="N", help="until about so many epochs are trained")
    budget.add_argument("--hours", type=between(0.001, 10**4), metavar="H", help="for about so long from now")
    add("--epochs", type=number(COUNT), default=EPOCHS, metavar="N", help="of one that is not stopped (%(default)s)")
    add("--seed", type=number(BOUNDS["seed"]), default=1, metavar="N", help="of all that is drawn (%(default)s)")
    add = parser.add_argument_group("the text and the places").add_argument
    add(
        "--input", nargs="+", action="extend", type=path_name, metavar="PATH", required=not places.IS_CHECKOUT,
        help=f"texts to learn, files or folders, as for training ({places.USUAL_INPUT})",
    )
    add("--encoding", metavar="NAME", help="of texts that do not say theirs, such as latin-1 or cp1252 (utf-8)")
    held_out = settings_for({}).validation
    add("--validation", type=number(BOUNDS["validation"]), default=held_out, metavar="FRACTION",
        help="of the tunes held out, as for training: they take no part (%(default)s)")
    add("--log-dir", type=path_name, metavar="DIR", default=places.LOGS, help="where explore.html and .csv go (logs)")
    where = "where the study is: a file on a disk that all workers share, or the URL of a database, "
    where += "as postgresql://user@host/name (explore.journal in --log-dir)"
    add("--storage", type=path_name, metavar="PLACE", help=where)
    add("--study", default="lstm", metavar="NAME", help="its name there (%(default)s)")
    add("--report", action="store_true", help="train nothing; write the report of what is there")
    add = parser.add_argument_group("how it runs").add_argument
    add("--workers", type=whole(1, 1024), default=1, metavar="N", help="processes that share the cores (%(default)s)")
    add("--threads", type=number(THREADS), metavar="N", help="of each worker; the result is the same (cores / workers)")
    about = "what to choose from, values or a range; one value is held fixed"
    add = parser.add_argument_group(f"the space: {about}").add_argument
    for name in NAMES:
        usual = SPACE.get(name, f"{usual_options()[name]}")
        add(f"--{name.replace('_', '-')}", nargs="+", type=values_of(name), metavar="V", help=f"({usual})")
    return parser.parse_args(argv)


def main(argv=None):
    """The command. Returns the exit status."""
    options = parse(argv)
    check_installed()
    options.storage = str(options.storage or Path(options.log_dir, "explore.journal"))
    given = {name: getattr(options, name) for name in NAMES if getattr(options, name) is not None}
    if options.report:
        given = take_over(options)
    space = space_of(given)
    source = source_of(vars(options), vars(options)) if options.input else {}
    corpus = corpus_apart(options, source)
    space, usual = suited(space, given, corpus, options.epochs)
    make_directory(options.log_dir)
    job = job_of(options, corpus, space, usual)
    exploration = job.exploration()
    finished = True
    if not options.report:
        with StopRequest() as stop, said_plainly_of(options.storage):
            finished = search(job, exploration, options, stop)
    return conclude(job, exploration, options, source, finished)


def take_over(options):
    """What the search that is to be reported on was given. Its epochs and seed become those of the options."""
    if not ("://" in options.storage or is_there(options.storage)):
        raise InputError(f"there is no {shown(options.storage)} to report on; leave --report out to begin a search")
    with said_plainly_of(options.storage):
        plan = plan_of(open_storage(options.storage), options.study)
    options.epochs, options.seed = plan["epochs"], plan["seed"]
    return {name: [values_of(name)(word) for word in text.split()] for name, text in plan["space"].items()}


def corpus_apart(options, source):
    """The Corpus of the training tunes, of which a part is kept apart for choosing."""
    inputs = source["input"] if source else [places.INPUT]
    text, remarks = read(inputs, options.encoding, say)
    training, _ = split(text, options.validation)
    corpus = Corpus.of(training, APART)
    if corpus.validation.size < 2:
        raise InputError(f"{', '.join(map(shown, inputs))} is too short to keep a part of it apart; give a longer text")
    for remark in remarks:
        say(remark)
    return corpus


def suited(space, given, corpus, epochs):
    """(the space, the usual options) without what this text cannot have. Raises InputError where the user asked for it.
    """
    def lacks(options):
        settings = settings_for(options | {"epochs": epochs})
        return lacking(settings, corpus, transposer_for(settings, corpus))

    usual = usual_options()
    usual |= {name: getattr(Settings, name) for name in lacks(usual)}
    most = {name: choice.most if isinstance(choice, Range) else max(choice) for name, choice in space.items()}
    for name, (option, why) in lacks(usual | most).items():
        if name in given:
            raise InputError(f"{option} {why}; leave it out for this text")
        say(f"left out: {option}, which {why}")
        usual[name] = getattr(Settings, name)
        if name in space:
            space = space | {name: (usual[name],)}
    return space, usual


def job_of(options, corpus, space, usual):
    """The Job of a worker here."""
    hours = options.hours and time.time() + 3600 * options.hours
    trials = options.trials or (None if options.epochs_in_all or hours else TRIALS)
    plan = {"space": {name: words(choice) for name, choice in space.items()}}
    plan |= {"held fixed": {name: value for name, value in usual.items() if name not in space}}
    plan |= {"epochs": options.epochs, "seed": options.seed, "text": corpus.digest, "apart": APART}
    threads = options.threads or max(1, default_threads() // options.workers)
    budget = Budget(trials, options.epochs_in_all, hours, options.workers)
    return Job(options.storage, options.study, plan, space, usual, str(options.log_dir), corpus, threads, budget)


# -- the search


def search(job, exploration, options, stop):
    """Search until all is done: True; or until it is asked to stop: False. Shows what is done, with an ETA."""
    with bar_of(exploration, job.budget) as bar:
        watch = Watch(exploration, options, bar)
        stop.listen()
        if options.workers == 1:
            work(job, exploration, stop, watch.now_and_then)
        else:
            share_out(job, options.workers, stop, watch)
        watch.look()
    return not stop.requested


def bar_of(exploration, budget):
    """A progress bar that counts epochs."""
    count = BEST * SEEDS + SEEDS  # trainings of the best and of the usual preset
    total, most = budget.epochs, exploration.epochs
    if budget.trials:
        total = expected_epochs(budget.trials, most) + (count - BEST - 1) * most
    form = "{l_bar}{bar}| {n:.1f} of about {total:.0f} epochs [{elapsed}<{remaining}{postfix}]"
    if total is None:
        end = time.strftime("%H:%M", time.localtime(budget.deadline))
        form = "{desc}: {n:.1f} epochs [{elapsed}, until about " + end + "{postfix}]"
    return tqdm(desc="search", total=total, bar_format=form, mininterval=bar_interval(), leave=False, file=sys.stderr)


class Watch:
    """What is seen of a search: the bar, a line for each trial that has ended, and the CSV file."""

    def __init__(self, exploration, options, bar):
        self.exploration, self.options, self.bar = exploration, options, bar
        self.ended, self.looked = {key(run) for run in exploration.all_runs() if run.state != RUNNING}, 0.0
        self.look()

    def now_and_then(self, share=0.0):
        """Look, if it is long ago. share: of an epoch that is under way."""
        if time.monotonic() - self.looked > max(LOOK, bar_interval()):
            self.look(share)

    def look(self, share=0.0):
        """See what has ended since the last look."""
        runs, bar = self.exploration.all_runs(), self.bar
        new = [run for run in runs if run.state != RUNNING and key(run) not in self.ended]
        self.ended |= {key(run) for run in new}
        for run in new:
            bar.write(escaped(described(run, self.exploration.space)), file=sys.stderr)
        if new:
            write_csv(self.options.log_dir, self.exploration)
        if best := best_runs(runs, 1):
            bar.set_postfix_str(f"best {best[0].loss:.4f}", refresh=False)
        done = sum(len(run.curve) for run in runs) + share
        if not self.looked:
            bar.initial = done
        bar.n, bar.total = done, bar.total and max(bar.total, done)
        bar.refresh()
        self.looked = time.monotonic()


def key(run):
    """What tells one Run from another."""
    return run.number, run.seed, run.usual


def described(run, space):
    """A Run that has ended, in a line."""
    varied = [name for name, choice in space.items() if isinstance(choice, Range) or len(choice) > 1]
    choices = ", ".join(f"{name.replace('_', ' ')} {run.options[name]}" for name in varied)
    who = f"{run.name}, seed {run.seed} ({choices})"
    if run.state == FAILED:
        return f"{who} failed: {run.why}"
    behind = ", where it was behind" * (run.state == STOPPED)
    return f"{who}: {run.loss:.4f} after {len(run.curve)} epochs{behind}"


def share_out(job, workers, stop, watch):
    """Let several processes work, until all is done or they are asked to stop."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # children inherit that: we tell them when to stop
    try:
        processes, lines = start([job] * workers)
    finally:
        signal.signal(signal.SIGINT, before)
    alive = list(processes)
    while alive:
        if stop.requested:
            for line in lines:
                line.close()
            lines = []
        wait([process.sentinel for process in alive], LOOK)
        for process in [process for process in alive if not process.is_alive()]:
            alive.remove(process)
            if process.exitcode:
                say(f"a worker, process {process.pid}, ended with status {process.exitcode}; "
                    + ("the others take up its trial again" if alive else "none is left"))
        watch.now_and_then()
    if all(process.exitcode for process in processes):
        raise InputError("all workers have died; the same command goes on, and fewer --workers need less memory")


def conclude(job, exploration, options, source, finished):
    """Write the report, and print the command that trains the best fully."""
    runs = exploration.runs()
    if not any(run.curve for run in runs):
        failed = [run for run in runs if run.state == FAILED]
        why = f"; {failed[0].name} failed: {failed[0].why}" if failed else ", and the same command goes on"
        said = f"no trial has trained an epoch yet{why}"
        if finished:
            raise InputError(said)
        say(f"stopped; {said}")
        return STATUS
    write_csv(options.log_dir, exploration)
    best = best_of(exploration)
    command = train_command(best.options, PRESETS[USUAL].settings["epochs"], options.seed, source)
    names = [Path(path).name for path in source.get("input", [places.INPUT])]
    path = write_page(options.log_dir, exploration, job.corpus, command, names)
    if not finished:
        ended = sum(run.state != RUNNING for run in runs)
        kept = f"{ended} trial{'s are' if ended != 1 else ' is'} kept"
        say(f"stopped; {kept}, and the same command goes on; the report so far is {shown(path)}")
        return STATUS
    say(f"the report is {shown(path)}; to train the best of it fully:")
    print(command)
    return 0


if __name__ == "__main__":
    exit_with(main, NAME)
