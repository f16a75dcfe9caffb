"""How good is a model? python -m lstm.evaluate: its loss on the held-out tunes, and the tunes that it composes, judged.

Three questions, each beside the same figures of models that only count or compress and, for tunes, of those that
people made and the model has not read:

1. How well does it predict? Nats and bits per character of the held-out text, header and music apart.
2. Is what it composes well formed? The verdicts of `judge.py` on unfiltered tunes.
3. Is that new? What `novelty.py` finds again in the training text.

The first can be asked of any text, the others of ABC tunes. The answers are a table on standard output, and with it in
--out a JSON file and two figures.
"""

import json
import math
import shlex
import sys
from datetime import date
from hashlib import sha256
from pathlib import Path

from tqdm import tqdm

from lstm.checkpoint import digest
from lstm.commands.command import ROOT, Parser, between, exit_with, say, shown, whole
from lstm.errors import InputError
from lstm.judging.baselines import ORDERS, NGram
from lstm.judging.heldout import best_order, losses, n_gram_name
from lstm.judging.judge import find_abc2midi
from lstm.judging.novelty import spans_of
from lstm.judging.quality import (
    EXTENT,
    LARGEST,
    NOVELTY,
    VALIDITY,
    Composed,
    compose,
    compose_by_counting,
    judge,
    judged,
)
from lstm.plots import against_temperature, save
from lstm.shards import default_threads
from lstm.storage.files import make_directory, read_text, write_bytes
from lstm.storage.weights import MODELS, find_weights, load
from lstm.training import Settings, bits
from lstm.transpose import in_other_keys
from lstm.tunes import is_abc, split, split_tunes

PEOPLE = "people, held out"
UNITS = dict.fromkeys([*VALIDITY, *NOVELTY, *EXTENT], ("%", 100))  # of each figure, and how many of them are 1
UNITS |= {"longest copied span": ("characters", 1), LARGEST: ("characters", 1), "notes per tune": ("mean", 1)}


def parse(argv):
    """The options."""
    parser = Parser(prog="python -m lstm.evaluate", description="Evaluate a model: held-out loss, validity, novelty.")
    add = parser.add_argument
    add("epoch", type=whole(1), nargs="?", help="whose weights to use (the newest; the pretrained if there is none)")
    add("--input", metavar="FILE", default=ROOT / "data" / "input.txt", help="the text it learnt (data/input.txt)")
    share = between(0.001, 0.9)
    held_out = Settings.validation
    add("--validation", type=share, default=held_out, metavar="FRACTION", help="of the text held out (%(default)s)")
    add("--samples", type=whole(1), default=500, metavar="N", help="compose N tunes at each temperature (%(default)s)")
    degree = between(0.01, 100, or_zero=True)
    add("--temperatures", type=degree, nargs="+", default=[0.5, 0.8, 1.0], metavar="T", help="(0.5 0.8 1.0)")
    add("--random-seed", type=whole(0), default=1, metavar="N", help="same number, same tunes (%(default)s)")
    add("--model-dir", metavar="DIR", default=MODELS, help="where weights.N.h5 are (model)")
    logs = ROOT / "logs" if (ROOT / "logs").is_dir() else Path()  # which only a checkout has
    add("--out", metavar="DIR", default=logs / "evaluation", help="where the files go (logs/evaluation)")
    add("--threads", type=whole(1), metavar="N", default=default_threads(), help="the result is the same for any (all)")
    return parser.parse_args(argv)


def progress(items, doing, total=None):
    """The same items, with a bar on standard error."""
    seconds = 0.1 if sys.stderr.isatty() else 10  # between two looks: a file wants fewer than a screen
    return tqdm(items, doing, total, leave=False, mininterval=seconds)


def texts(path, vocabulary, fraction):
    """(training text, held-out text) of a file, split as train.py does. Raises InputError where nothing is held out."""
    text = read_text(path)
    try:
        vocabulary.encode(text)
    except InputError as error:
        raise InputError(f"{shown(path)}: {error}; --input must be the text that the weights learnt") from None
    training, held_out = split(text, fraction)
    if not training or len(held_out) < 2:
        raise InputError(f"{shown(path)} is too short to hold out a part of it; give --input a longer text")
    return training, held_out


def all_judged(checkpoint, order, training, held_out, options, abc2midi):
    """An iterator over the Judged: people's tunes, then at each temperature those of the network and of an n-gram."""
    characters = checkpoint.vocabulary.characters
    n_gram = NGram(training, order, characters)
    # A tune copied into another key is copied too, and a model that learnt from transposed tunes may well do that.
    spans = spans_of("".join([training, *in_other_keys(split_tunes(training), characters)]))

    def verdicts(composed, whose):
        tunes = [tune.text for tune in composed]
        return list(progress(judge(tunes, abc2midi, options.threads), f"{whose}: judging", len(tunes)))

    people = [Composed(tune, True) for tune in split_tunes(held_out)]
    yield judged(PEOPLE, None, people, verdicts(people, PEOPLE), spans)
    for temperature in sorted(set(options.temperatures)):
        choices = checkpoint, options.samples, temperature, options.random_seed
        network, counted = compose(*choices, options.threads), compose_by_counting(n_gram, *choices)
        for source, composed in (("LSTM", network), (n_gram_name(order), counted)):
            whose = f"{source} at {temperature:g}"
            composed = list(progress(composed, f"{whose}: composing", options.samples))
            yield judged(source, temperature, composed, verdicts(composed, whose), spans)


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
        [row.model, *(written(nats, ".3f") for nats in (row.nats, row.header, row.music, bits(row.nats))),
         written(100 * row.accuracy, ".1f", " %")] for row in rows
    )
    return table(f"The held-out text, {characters:,} characters", columns, cells)


def tunes_table(title, rows, names):
    """The table of some figures of Judged, each with its 95 % interval."""

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
    """The plot of some figures against temperature. rows: all Judged, people's first."""
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
    path, out = find_weights(options.model_dir, options.epoch), Path(options.out)
    checkpoint = load(path)
    training, held_out = texts(options.input, checkpoint.vocabulary, options.validation)
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
    rows = []
    if abc:
        order = best_order(costs)
        rows = list(all_judged(checkpoint, order, training, held_out, options, abc2midi))
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
    facts["text_digest"] = sha256((training + held_out).encode()).hexdigest()
    write_bytes(out / "evaluation.json", json.dumps(plain(facts), indent=1).encode())
    write_bytes(out / "evaluation.md", ("\n".join(report) + "\n").encode())
    say(f"the tables, figures and numbers are in {shown(out)}")
    return 0


if __name__ == "__main__":
    exit_with(main, "python -m lstm.evaluate")
