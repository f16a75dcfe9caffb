"""How good is a model? python -m lstm.evaluate: its loss on the held-out tunes, and the tunes that it composes, judged.

Three questions, each beside the same figures of models that only count or compress and, for tunes, of those that
people made and the model has not read:

1. How well does it predict? Nats and bits per character of the held-out text, header and music apart.
2. Is what it composes well formed? The verdicts of `judge.py` on unfiltered tunes.
3. Is that new? What `novelty.py` finds again in the training text.

The first can be asked of any text, the others of ABC tunes. The answers are a table on standard output, and with it in
--out a JSON file and two figures.
"""

if __name__ == "__main__":
    from lstm.io.interrupts import watch

    watch()

import json
import math
import shlex
import sys
from datetime import date
from pathlib import Path

from tqdm import tqdm

from lstm.corpus import digest_of, read
from lstm.engine.threads import default_threads
from lstm.evaluation.heldout import ORDERS, NGram, best_order, bounded, losses, n_gram_name
from lstm.evaluation.novelty import spans_of
from lstm.evaluation.quality import (
    EXTENT,
    LARGEST,
    NOVELTY,
    VALIDITY,
    Composed,
    judge_all,
    summarize,
    tunes_of_n_gram,
    tunes_of_network,
)
from lstm.io import InputError, places
from lstm.io.command_line import Parser, bar_interval, between, exit_with, number, path_name, say, whole
from lstm.io.files import make_directory, write_bytes
from lstm.io.places import shown
from lstm.notation.abc2midi import find_abc2midi
from lstm.notation.transpose import in_other_keys
from lstm.notation.tunes import is_abc, split, split_tunes
from lstm.rendering.plots import against_temperature, save
from lstm.sampling import DRAWN
from lstm.sampling_kernels import THREADS
from lstm.settings import Settings
from lstm.storage import imported
from lstm.storage.checkpoint import digest
from lstm.training import to_bits

PEOPLE = "people, held out"
UNITS = dict.fromkeys([*VALIDITY, *NOVELTY, *EXTENT], ("%", 100))  # (unit, factor) of each figure
UNITS |= {"longest copied span": ("characters", 1), LARGEST: ("characters", 1), "notes per tune": ("mean", 1)}


def parse(argv):
    """The options."""
    parser = Parser(prog="python -m lstm.evaluate", description="Evaluate a model: held-out loss, validity, novelty.")
    imported.add_options(parser)
    add = parser.add_argument
    missing = not places.IS_CHECKOUT
    add(
        "--input", nargs="+", action="extend", type=path_name, metavar="PATH", required=missing,
        help=f"the text it learnt, files or folders, as for training ({places.USUAL_INPUT})",
    )
    add("--encoding", metavar="NAME", help="of texts that do not say theirs, such as latin-1 or cp1252 (utf-8)")
    share = between(0.001, 0.9)
    held_out = Settings.validation
    add("--validation", type=share, default=held_out, metavar="FRACTION", help="of the text held out (%(default)s)")
    add("--samples", type=whole(1), default=500, metavar="N", help="compose N tunes at each temperature (%(default)s)")
    degree = number(DRAWN["temperature"])
    add("--temperatures", type=degree, nargs="+", default=[0.5, 0.8, 1.0], metavar="T", help="(0.5 0.8 1.0)")
    add("--random-seed", type=whole(0), default=1, metavar="N", help="same number, same tunes (%(default)s)")
    out = places.LOGS / "evaluation"
    add("--out", type=path_name, metavar="DIR", default=out, help="where the files go (logs/evaluation)")
    add("--threads", type=number(THREADS), metavar="N", default=default_threads(), help="the result is the same (all)")
    return parser.parse_args(argv)


def progress(items, doing, total=None):
    """The same items, with a bar on standard error."""
    return tqdm(items, doing, total, leave=False, mininterval=bar_interval())


def texts(inputs, encoding, vocabulary, fraction):
    """(training text, held-out text), split as train.py does. Raises InputError where nothing is held out."""
    text, remarks = read(inputs, encoding, say)
    named = ", ".join(map(shown, inputs))
    try:
        vocabulary.encode(text)
    except InputError as error:
        raise InputError(f"{named}: {error}; --input must be the text that the weights learnt") from None
    training, held_out = split(text, fraction)
    if not training or len(held_out) < 2:
        raise InputError(f"{named} is too short to hold out a part of it; give --input a longer text")
    for remark in remarks:
        say(remark)
    return training, held_out


def summaries(checkpoint, order, training, held_out, options, abc2midi):
    """An iterator over Summaries: of people's tunes, then at each temperature of the network's and an n-gram's."""
    characters, (training, held_out) = checkpoint.vocabulary.characters, bounded(training, held_out)
    n_gram = NGram(training, order, characters)
    # A tune copied into another key is copied too, and a model that learnt from transposed tunes may well do that.
    spans = spans_of("".join([training, *in_other_keys(split_tunes(training), characters)]))

    def verdicts(composed, whose):
        tunes = [tune.text for tune in composed]
        return list(progress(judge_all(tunes, abc2midi, options.threads), f"{whose}: judging", len(tunes)))

    people = [Composed(tune, True) for tune in split_tunes(held_out)]
    yield summarize(PEOPLE, None, people, verdicts(people, PEOPLE), spans)
    for temperature in sorted(set(options.temperatures)):
        choices = checkpoint, options.samples, temperature, options.random_seed
        network, counted = tunes_of_network(*choices, options.threads), tunes_of_n_gram(n_gram, *choices)
        for source, composed in (("LSTM", network), (n_gram_name(order), counted)):
            whose = f"{source} at {temperature:g}"
            composed = list(progress(composed, f"{whose}: composing", options.samples))
            yield summarize(source, temperature, composed, verdicts(composed, whose), spans)


# -- what is shown and kept


def table(title, columns, rows):
    """A Markdown table under its title; of cells None is empty."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join([f"\n**{title}**\n", *("| " + " | ".join(cell or "" for cell in line) + " |" for line in lines)])


def written(value, form, unit=""):
    """A number as a cell; None if it is NaN."""
    return None if math.isnan(value) else format(value, form) + unit


def loss_table(rows, characters):
    """The table of Losses over so many characters."""
    columns = ["model", "nats per character", "nats, headers", "nats, music", "bits per character", "first guess right"]
    cells = (
        [row.model, *(written(nats, ".3f") for nats in (row.nats, row.header, row.music, to_bits(row.nats))),
         written(100 * row.accuracy, ".1f", " %")] for row in rows
    )
    return table(f"The held-out text, {characters:,} characters", columns, cells)


def tunes_table(title, rows, names):
    """The table of some figures of Summaries, each with its 95 % interval."""

    def cell(name, estimate):
        value, low, high = (written(UNITS[name][1] * number, ".1f") for number in estimate)
        return f"{value} ({low}-{high})" if low else value

    columns = ["tunes by", "temperature", "tunes", *(f"{name}, {UNITS[name][0]}" for name in names)]
    cells = (
        [row.source, None if row.temperature is None else f"{row.temperature:g}", f"{row.tunes:,}",
         *(cell(name, row.figures[name]) for name in names)] for row in rows
    )
    return table(title, columns, cells)


def draw(rows, names):
    """The plot of some figures against temperature. rows: all Summaries, people's first."""
    people, *composed = rows
    curves = {}
    for row in composed:
        curves.setdefault(row.source, {})[row.temperature] = row.figures
    return against_temperature({name: UNITS[name] for name in names}, curves, (people.source, people.figures))


def plain(value):
    """The same for JSON: named tuples by their names, and None for NaN, for which it has no word."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 6)
    return value


def main(argv=None):
    """The command. Returns the exit status."""
    options = parse(argv)
    (path, checkpoint), out = imported.named_model(options), Path(options.out)
    for remark in checkpoint.remarks:
        say(remark)
    inputs = options.input or [places.INPUT]
    training, held_out = texts(inputs, options.encoding, checkpoint.vocabulary, options.validation)
    abc = checkpoint.abc and is_abc(training)
    abc2midi = find_abc2midi() if abc else None  # complains if there is none, before any work is done
    make_directory(out)
    command = shlex.join(["python", "-m", "lstm.evaluate", *(sys.argv[1:] if argv is None else argv)])
    report = []

    def show(text):
        print(text, flush=True)
        report.append(text)

    show(f"`{command}`, {date.today()}, weights `{shown(path)}`")
    costs = list(progress(losses(checkpoint, training, held_out, options.threads), "held-out text", len(ORDERS) + 4))
    show(loss_table(costs, len(held_out)))
    known, measured = map(len, bounded(training, held_out))
    if (known, measured) != (len(training), len(held_out)):
        others = f"\nAll but the LSTM know the last {known:,} of the {len(training):,} characters of the training text"
        show(f"{others}, and are measured on the first {measured:,} that are held out; so are people's tunes.")
    rows = []
    if abc:
        order = best_order(costs)
        rows = list(summaries(checkpoint, order, training, held_out, options, abc2midi))
        show(tunes_table("Tunes as they come, none left out, with 95 % intervals", rows, [*VALIDITY, *EXTENT]))
        title = "Their music without headers, beside that of the training tunes in every key they can have"
        show(tunes_table(title, rows, [*NOVELTY, LARGEST]))
        save(draw(rows, VALIDITY), out / "validity.svg")
        save(draw(rows, NOVELTY), out / "novelty.svg")
    else:
        say("tunes are not judged: the weights or the text are not of ABC tunes")
    facts = {"command": command, "date": str(date.today()), "random_seed": options.random_seed, "weights": shown(path)}
    facts |= {"held_out": costs, "tunes": rows}
    facts["weights_digest"] = digest(checkpoint.model.parameters)
    facts["text_digest"] = digest_of(training + held_out)
    write_bytes(out / "evaluation.json", json.dumps(plain(facts), indent=1).encode())
    write_bytes(out / "evaluation.md", ("\n".join(report) + "\n").encode())
    say(f"the tables, figures and numbers are in {shown(out)}")
    return 0


if __name__ == "__main__":
    exit_with(main, "python -m lstm.evaluate")
