"""A text to a trained model and a model card, by one command: python -m lstm.card FILE ...

The card is one HTML page with nothing loaded from elsewhere. It says what was learnt and from what, how well, beside
models that only count or compress, whether a larger network would be better, whether the tunes are well formed and
new, what all this took, and what may not be concluded from it. Three samples stand there as they came.

The figures are those of training and evaluation. Of a text that is not ABC there are neither scores nor judges.
"""

if __name__ == "__main__":
    from lstm.io.interrupts import watch

    watch()

import os
import platform
import shlex
import sys
import time
from collections import Counter
from dataclasses import replace
from datetime import date
from hashlib import sha256
from types import SimpleNamespace

import llvmlite.binding as llvm
import numba
import numpy as np

from lstm import version
from lstm.api import compose
from lstm.corpus import counted, files_of
from lstm.engine.threads import default_threads
from lstm.evaluate import UNITS, progress, summaries
from lstm.evaluation.heldout import best_order, bounded, losses
from lstm.evaluation.quality import EXTENT, LARGEST, NOVELTY, STUDENT, VALIDITY, mean
from lstm.io import COUNT, InputError, places
from lstm.io.command_line import Parser, exit_with, number, path_name, say, whole
from lstm.io.files import check_writable, read_bytes, write_bytes
from lstm.io.interrupts import STATUS, StopRequest
from lstm.io.places import shown
from lstm.model import SIZES
from lstm.notation.abc2midi import find_abc2midi
from lstm.notation.tunes import body, header_fields, split_tunes
from lstm.rendering import music
from lstm.rendering.album import STYLE, TABLES, article, article_of, figure, markup, page, paragraph, readable, table
from lstm.rendering.plots import size_sweep, training_curves
from lstm.sampling import DRAWN
from lstm.sampling_kernels import THREADS
from lstm.settings import BOUNDS, PRESETS
from lstm.storage.checkpoint import digest, find_weights
from lstm.storage.imported import load
from lstm.storage.run import Run
from lstm.storage.session import begin, config_for, corpus_of, new_trainer, settings_for, source_of, suited
from lstm.train import train_epochs
from lstm.training import best, to_bits

NAME = "python -m lstm.card"
NUMBERS = {name: bounds for name, bounds in (SIZES | BOUNDS).items() if name != "vocabulary"}  # options as of train.py
SAMPLES = 3  # that are shown: the first, not the best
RIGHTS = {"C": "composer", "S": "source", "O": "origin", "Z": "who wrote it down", "R": "rhythm"}  # fields of a header


def sizes(text):
    """An option type: whole numbers with commas between, in ascending order, or the word none."""
    return [] if text == "none" else sorted({number(SIZES["units"])(size) for size in text.split(",")})


def parse(argv):
    """The options. Those of the model and its training are None unless given, as in train.py."""
    parser = Parser(prog=NAME, description=(__doc__ or "").partition("\n\n")[0])  # python -OO drops it
    add = parser.add_argument
    add("inputs", nargs="+", type=path_name, metavar="FILE", help="texts to learn, files or folders, as for training")
    add("--encoding", metavar="NAME", help="of texts that do not say theirs, such as latin-1 or cp1252 (utf-8)")
    add("--source", metavar="TEXT", help="whose texts these are and by what right they are used, for the card")
    add("--out", type=path_name, metavar="FILE", default="card.html", help="the card (%(default)s)")
    add("--model-dir", type=path_name, metavar="DIR", default=places.MODELS, help="where the model goes (model)")
    add("--overwrite", action="store_true", help="delete the run in --model-dir")
    add("--sizes", type=sizes, metavar="H,H", default=[32, 64, 128], help="units to compare, or none (32,64,128)")
    most = len(STUDENT) + 1
    add("--runs", type=whole(2, most), metavar="N", default=3, help="of each size, of other seeds (%(default)s)")
    add("--sweep-epochs", type=number(COUNT), metavar="N", default=4, help="of each of these runs (%(default)s)")
    add("--samples", type=whole(SAMPLES), metavar="N", default=100, help="tunes to judge (%(default)s)")
    add("--temperature", type=number(DRAWN["temperature"]), metavar="T", default=0.8, help="(%(default)s)")
    add("--random-seed", type=whole(0), metavar="N", default=1, help="of what is composed (%(default)s)")
    add("--threads", type=number(THREADS), metavar="N", default=default_threads(), help="the result is the same (all)")
    add = parser.add_argument_group("the model and its training, as for training").add_argument
    add("--preset", choices=PRESETS, default="tiny", help="what to start from (%(default)s)")
    for name, bounds in NUMBERS.items():
        add(f"--{name.replace('_', '-')}", type=number(bounds), metavar="N", help="(as the preset has it)")
    return parser.parse_args(argv)


def main(argv=None):
    """The command. Returns the exit status."""
    argv, start = sys.argv[1:] if argv is None else argv, time.perf_counter()
    options = parse(argv)
    named = {name: getattr(options, name) for name in ("preset", "encoding", *NUMBERS)}
    named = {name: value for name, value in named.items() if value is not None} | {"input": options.inputs}
    files = check(options, named)
    say(f"training; the model goes to {shown(options.model_dir)}")
    try:
        session, seconds = learn(options, named)
        if session:
            text = card(options, argv, files, session, named, seconds, start)
            write_bytes(options.out, text.encode(errors="replace"))
    except KeyboardInterrupt:
        session = None
    if not session:
        say(f"{NAME}: stopped, there is no card; what was learnt so far is in {shown(options.model_dir)}")
        return STATUS
    say(f"the card is in {shown(options.out)}")
    return 0


def check(options, named):
    """The files that are learnt. What is wrong with them, or with --out, shows before anything is trained."""
    files, settings = files_of(options.inputs), settings_for(named)
    for path in files:
        if os.path.realpath(path) == os.path.realpath(options.out):
            raise InputError(f"--out {options.out} is a text to learn; give the card a name of its own")
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is no plain file, and a card needs to read it more than once; save it first")
    corpus, _ = corpus_of(source_of(named, named), settings.validation)
    if not corpus.training.size or corpus.validation.size < 2:
        size = corpus.training.size + corpus.validation.size
        there = counted(sum(corpus.tunes)) if corpus.abc else f"{size:,} characters"
        raise InputError(f"{', '.join(map(shown, options.inputs))}: {there} cannot be split into a part to learn and "
                         "one to measure; give a longer text or another --validation")
    if corpus.abc:
        music.check_installed()
        find_abc2midi()
    check_writable(options.out)
    return files


def learn(options, named):
    """(the Session of the finished run, None where it was asked to stop; the seconds)."""
    run, start = Run(options.model_dir, options.model_dir), time.perf_counter()
    with run.alone():
        session = begin(run, named, None, options.threads, options.overwrite)
        for remark in session.remarks:
            say(remark)
        with StopRequest() as stop:
            finished = train_epochs(session, stop, every=1)
            if not finished:
                session.save_progress()
    return session if finished else None, time.perf_counter() - start


def sweep(session, named, options):
    """{H: the lowest held-out loss of each of its runs}. Each run has its own seed, all have as many epochs."""
    trainer, corpus, found = session.trainer, session.corpus, {}
    backend, transposer = trainer.model.backend, trainer.transposer
    runs = [(units, trainer.settings.seed + n) for units in options.sizes for n in range(options.runs)]
    for units, seed in progress(runs, "sizes"):
        config = config_for(named | {"units": units}, len(corpus.vocabulary))
        settings = replace(settings_for(named), epochs=options.sweep_epochs, seed=seed)
        settings, _ = suited(settings, corpus, {}, transposer)
        run = new_trainer(config, settings, corpus, backend, options.threads, transposer)
        found.setdefault(units, []).append(best(list(run.records())).val_loss)
    return found


# -- the page


def card(options, argv, files, session, named, seconds, start):
    """The page, as text. files: those learnt; seconds: what training took; start: when the command began."""
    trainer, corpus = session.trainer, session.corpus
    epoch = best(trainer.history).epoch
    checkpoint = load(find_weights(options.model_dir, epoch))
    training, held_out = (corpus.vocabulary.decode(ids) for ids in (corpus.training, corpus.validation))
    costs = list(progress(losses(checkpoint, training, held_out, options.threads), "held-out text"))
    times = {"training": seconds}
    began = time.perf_counter()
    by_size = sweep(session, named, options)
    times["the comparison of sizes"] = time.perf_counter() - began
    articles = [
        about_text(files, corpus, training, held_out),
        about_rights(options.source, training + held_out, corpus.abc),
        about_model(checkpoint, trainer, costs[0]),
        about_loss(costs, trainer.history, training, held_out),
        about_sizes(by_size, options) if by_size else "",
    ]
    began = time.perf_counter()
    if corpus.abc:
        judged = SimpleNamespace(**vars(options) | {"temperatures": [options.temperature]})
        rows = list(summaries(checkpoint, best_order(costs), training, held_out, judged, find_abc2midi()))
        articles.append(about_tunes(rows))
    articles.append(samples(checkpoint, options))
    times["composing and judging"] = time.perf_counter() - began
    times["in all"] = time.perf_counter() - start
    articles += [about_run(options, argv, trainer.settings.seed, epoch, times)]
    articles += [limits(corpus.abc, options, bool(by_size))]
    name = ", ".join(path.name for path in files[:3]) + f" and {len(files) - 3} more" * (len(files) > 3)
    facts = f"{checkpoint.model.parameters.flat.size:,} parameters, {to_bits(costs[0].nats):.3f} bits per character"
    about = f"A character-level LSTM. {facts} of held-out text."
    return page("".join(articles), f"Model card: {name}", about, STYLE + TABLES)


def about_text(files, corpus, training, held_out):
    """What was learnt: files and hashes, sizes, the split, and what stands on both sides of it."""
    contents = {path: read_bytes(path, "a text") for path in files}
    hashes = [(shown(path), f"{len(content):,}", sha256(content).hexdigest()) for path, content in contents.items()]
    sizes = [f"{ids.size:,} characters" for ids in (corpus.training, corpus.validation)]
    learn, held = (size + f" in {counted(tunes)}" * corpus.abc for size, tunes in zip(sizes, corpus.tunes))
    rows = [("kind", "ABC tunes" if corpus.abc else "plain text: fewer than two lines begin with X:"),
            ("learnt", learn), ("held out, at the end", held),
            ("different characters", f"{len(corpus.vocabulary)}"), ("SHA-256 of all as one text", corpus.digest)]
    if corpus.abc:
        known = {body(tune) for tune in split_tunes(training)}
        twice = sum(body(tune) in known for tune in split_tunes(held_out))
        rows.append(("held out, and learnt too: the same music letter for letter", f"{twice:,} of {corpus.tunes[1]:,}"))
    return article("The text", table(("file", "bytes", "SHA-256"), hashes), table((), rows))


def about_rights(source, text, abc):
    """Whose texts these are, as far as the user or the headers say."""
    parts = [paragraph(source if source else "The user of the command did not say whose texts these are (--source).")]
    if abc:
        headers, rows = [header_fields(tune) for tune in split_tunes(text)], []
        for field, meaning in RIGHTS.items():
            values = Counter(header[field] for header in headers if header.get(field))
            usual = ", ".join(f"{value} ({count:,})" for value, count in values.most_common(3))
            share = f"{sum(values.values()):,} of {len(headers):,}"
            rows.append((f"{field}: {meaning}", share, usual or "not said in the file"))
        parts.append(table(("field of the header", "tunes that have it", "most often"), rows))
    return article("Whose texts these are", *parts)


def about_model(checkpoint, trainer, cost):
    """The model and its training."""
    config, settings = checkpoint.model.config, trainer.settings
    sizes = f"V = {config.vocabulary}, E = {config.embedding}, H = {config.units}, L = {config.layers}"
    rates = f"{config.dropout:g} after each layer, {config.input_dropout:g} of the embedding"
    rates += f", {config.recurrent_dropout:g} of the recurrent kernels"
    rows = [("sizes", sizes), ("parameters", f"{checkpoint.model.parameters.flat.size:,}"), ("dropout", rates),
            ("batches", f"B = {settings.batch_size} rows of T = {settings.seq_length}"),
            ("learning rate", f"{settings.learning_rate:g}, {settings.schedule}"),
            ("epochs", f"{len(trainer.history)}; this is epoch {checkpoint.epoch}, with the lowest held-out loss"),
            ("seed", f"{settings.seed}"),
            ("held-out loss", f"{cost.nats:.4f} nats, {to_bits(cost.nats):.4f} bits per character"),
            ("SHA-256 of the weights", digest(checkpoint.model.parameters))]
    return article("The model", table((), rows))


def about_loss(costs, history, training, held_out):
    """How well it predicts, beside the others, and the curves."""
    def written(value):
        return "" if np.isnan(value) else f"{value:.3f}"

    rival = min(costs[1:], key=lambda cost: cost.nats)
    gain = to_bits(rival.nats - costs[0].nats)
    than = f"{'fewer' if gain > 0 else 'more'} than the best of the others, {rival.model}"
    rows = [(cost.model, written(to_bits(cost.nats)), *map(written, cost[1:4])) for cost in costs]
    columns = "model", "bits per character", "nats per character", "nats, headers", "nats, music"
    parts = [paragraph(f"The network needs {abs(gain):.3f} bits per character {than}."), table(columns, rows)]
    if tuple(map(len, bounded(training, held_out))) != (len(training), len(held_out)):
        parts.append(paragraph("The text is long: the others know its end, and are measured on a part of the rest."))
    curves = figure(training_curves(history), "Training and held-out loss by epoch")
    return article("How well it predicts text that it has not read", *parts, curves)


def about_sizes(by_size, options):
    """Whether larger is better, and how sure that is."""
    estimates = {units: mean(found) for units, found in by_size.items()}
    runs = {units: ", ".join(f"{nats:.3f}" for nats in found) for units, found in by_size.items()}
    rows = [(f"{units}", "{:.3f} ({:.3f} to {:.3f})".format(*estimates[units]), runs[units]) for units in by_size]
    parts, ordered = [table(("units H", "nats per character, 95 % interval", "each run"), rows)], list(by_size)
    for small, large in zip(ordered, ordered[1:]):
        parts.append(paragraph(f"{large} against {small} units: {verdict(by_size[small], by_size[large])}"))
    note = f"Each size is trained {options.runs} times for {options.sweep_epochs} epochs, from seeds of its own"
    drawing = figure(size_sweep(by_size, estimates), "Held-out loss of each run against the number of units")
    return article("Is larger better?", paragraph(f"{note}; the intervals are over these seeds."), *parts, drawing)


def verdict(before, after):
    """What the losses of two sizes, by seed, let one say of the second."""
    gain = mean(np.subtract(after, before))
    said = "better" if gain.high < 0 else "worse" if gain.low > 0 else "these runs cannot tell"
    return f"{said} ({gain.value:+.3f} nats, {gain.low:+.3f} to {gain.high:+.3f})."


def about_tunes(rows):
    """The judges' figures of Summaries."""
    def written(name, estimate):
        unit, factor = UNITS[name]
        value, low, high = (factor * part for part in estimate)
        interval = "" if np.isnan(low) else f" ({low:.1f} to {high:.1f})"
        return "nothing to measure" if np.isnan(value) else f"{value:.1f}{interval}" + " %" * (unit == "%")

    columns = "", *(f"{row.source}, {counted(row.tunes)}" for row in rows)
    names = *VALIDITY, *EXTENT, *NOVELTY, LARGEST
    cells = [(name, *(written(name, row.figures[name]) for row in rows)) for name in names]
    about = paragraph("None is left out; 95 % intervals over tunes. abc2midi finds the errors. Spans (in characters) "
                      "and n-grams are those of the music that stand in a training tune too, in any key.")
    return article("Are its tunes well formed, and new?", about, table(columns, cells))


def samples(checkpoint, options):
    """The first texts that the model composes, as they come."""
    texts = compose(checkpoint, SAMPLES, options.temperature, random_seed=options.random_seed, threads=options.threads)
    drawn = f"at temperature {options.temperature:g} from random seed {options.random_seed}"
    parts = article("Samples", paragraph(f"The first {SAMPLES} {drawn}, unedited: not the best of many."))
    if checkpoint.abc:
        return parts + "".join(article_of(n, tune) for n, tune in enumerate(texts, 1))
    return parts + "".join(article(f"Sample {n}", f"<pre>{markup(text)}</pre>") for n, text in enumerate(texts, 1))


def about_run(options, argv, seed, epoch, times):
    """What it took, and how to have it again."""
    directory = shlex.quote(shown(options.model_dir))
    how = f"--model-dir {directory} --temperature {options.temperature:g} --random-seed {options.random_seed}"
    rows = [*((name, f"{seconds:,.0f} s") for name, seconds in times.items()), ("date", f"{date.today()}"),
            ("this package", version()), ("Python", platform.python_version()), ("NumPy", np.__version__),
            ("Numba", numba.__version__), ("processor", f"{platform.machine()}, {llvm.get_host_cpu_name()}"),
            ("threads", f"{options.threads}"), ("system", platform.system()),
            ("seeds", f"{seed} of training, {options.random_seed} of what is composed"),
            ("the card again", shlex.join(["python", "-m", "lstm.card", *argv])),
            ("the first sample again", f"python -m lstm.compose {epoch} {how}")]
    return article("What it took, and how to have it again", table((), rows))


def limits(abc, options, swept):
    """What may not be concluded."""
    lines = [
        "The held-out text is the end of the same collection. Nothing here says how well another text is predicted.",
        "The epoch was chosen by the held-out loss, which is a little too good therefore.",
        "The loss is of one run. Another seed gives another one.",
        "What stands in both parts in another spelling is not found, and makes the held-out loss too good.",
        "The command does not know whose texts these are. That a file does not say it gives nobody a right.",
        "The model can give back what it learnt word for word.",
        "The same command gives the same numbers on the same kind of machine; on others the last digits differ.",
    ]
    if swept:
        lines.append(f"The sizes are compared after {options.sweep_epochs} epochs. A larger network may need more. "
                     "Their intervals are over seeds, not over texts.")
    if abc:
        lines += ["The judges know notation, not music. A flawless tune may be dull.",
                  "New means: not found letter for letter. The same notes with other spaces count as new."]
    else:
        lines.append("There are neither scores nor judges, because the text is not ABC. Nobody has judged whether the "
                     "samples make sense.")
    listed = "".join(f"<li>{readable(line)}</li>" for line in lines)
    return article("What may not be concluded", f"<ul>{listed}</ul>")


if __name__ == "__main__":
    exit_with(main, NAME)
