"""The search for the default model: python -m benchmarks.search [NAME ...]

Each candidate is trained by this project's own Trainer. The tunes that train.py holds out take no part: the last
5 % of the training tunes are kept apart for choosing, so that the held-out loss stays a fair figure. Every epoch of
each candidate is a line of search.csv, beside this module's figures; a candidate named again is done again.
"""

import csv
import sys
import time
from itertools import cycle
from pathlib import Path

from tqdm import tqdm

from lstm.corpus import Corpus
from lstm.engine.threads import default_threads
from lstm.io import InputError
from lstm.io.command_line import Parser, exit_with, whole
from lstm.io.places import INPUT
from lstm.model import Config
from lstm.notation.tunes import split
from lstm.rendering.plots import BLUE, GREEN, GREY, ORANGE, new_axes, save
from lstm.settings import Settings
from lstm.storage.session import chosen, new_trainer

APART = 0.05  # of the training tunes, for choosing
RESULTS = Path(__file__).parent / "figures" / "search.csv"
COLUMNS = ("candidate", "epoch", "loss", "val_loss", "val_accuracy", "seconds")

BASE = dict(embedding=128, units=448, layers=2, dropout=0.5, recurrent_dropout=0.3, input_dropout=0.1)
BASE |= dict(epochs=16, batch_size=16, seq_length=128, learning_rate=2e-3, schedule="cosine", warmup=200)
BASE |= dict(averaging=0.999, shuffle=True, seed=1)

LESS = dict(transpose=1.0, dropout=0.3, recurrent_dropout=0.2, input_dropout=0.0)
LITTLE = dict(transpose=1.0, dropout=0.2, recurrent_dropout=0.1, input_dropout=0.0)

# name -> what is different from BASE
CANDIDATES = {
    "base": {},
    "transpose 1": {"transpose": 1.0},
    "transpose 1, less dropout": LESS,
    "transpose 1, less dropout, 3 x 352": LESS | dict(units=352, layers=3),
    "transpose 1, little dropout": LITTLE,
}


def train(name, text, threads):
    """An iterator of the Records of a candidate."""
    options = BASE | CANDIDATES[name]
    settings = Settings(**chosen(options, Settings))
    corpus = Corpus.of(text, APART)
    config = Config(len(corpus.vocabulary), **chosen(options, Config))
    return new_trainer(config, settings, corpus, "numba", threads).records()


def read_results():
    """The rows of search.csv, as dicts."""
    if not RESULTS.exists():
        return []
    with open(RESULTS, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_results(rows):
    """All rows, as dicts, to search.csv."""
    with open(RESULTS, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def draw(rows):
    """Loss on the tunes kept apart, by epoch: a line for each candidate."""
    figure, axes = new_axes("The search for the default model", "epoch", "nats per character, tunes kept apart")
    styles = cycle(zip((BLUE, ORANGE, GREEN, GREY, "black"), ("o-", "s--", "^-.", "d:", "x-")))
    for name, (color, style) in zip(dict.fromkeys(row["candidate"] for row in rows), styles):
        curve = [(int(row["epoch"]), float(row["val_loss"])) for row in rows if row["candidate"] == name]
        lowest = min(loss for _, loss in curve)
        axes.plot(*zip(*curve), style, color=color, ms=4, label=f"{name}: {lowest:.3f}")
    axes.set_ylim(top=1.45)
    axes.legend(frameon=False)
    return figure


def table(rows):
    """A line of Markdown for each candidate: what is different, how far it came, its lowest loss."""
    lines = ["| candidate | different from base | epochs | lowest loss, tunes kept apart |", "|---|---|---:|---:|"]
    for name in dict.fromkeys(row["candidate"] for row in rows):
        curve = [float(row["val_loss"]) for row in rows if row["candidate"] == name]
        different = ", ".join(f"{key} {value:g}" for key, value in CANDIDATES.get(name, {}).items())
        lines.append(f"| {name} | {different} | {len(curve)} | {min(curve):.4f} |")
    return "\n".join(lines)


def main(argv=None):
    """The command."""
    parser = Parser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="candidates to train: " + ", ".join(CANDIDATES))
    parser.add_argument("--table", action="store_true", help="train nothing; print the table, draw the figure")
    parser.add_argument("--threads", type=whole(1), default=default_threads(), metavar="N")
    options = parser.parse_args(argv)
    for name in set(options.names) - set(CANDIDATES):
        raise InputError(f"{name!r} is no candidate; there are {', '.join(CANDIDATES)}")
    training, _ = split(INPUT.read_text(encoding="utf-8"), Settings.validation)
    for name in [] if options.table else options.names or CANDIDATES:
        started, epochs = time.perf_counter(), []
        total = (BASE | CANDIDATES[name])["epochs"]
        for record in tqdm(train(name, training, options.threads), name, total, file=sys.stderr):
            figures = dict(loss=record.loss, val_loss=record.val_loss, val_accuracy=record.val_accuracy)
            row = {"candidate": name, "epoch": record.epoch} | {key: f"{value:.4f}" for key, value in figures.items()}
            epochs.append(row | {"seconds": f"{time.perf_counter() - started:.0f}"})
            print(*epochs[-1].values(), sep="\t", flush=True)
            write_results([row for row in read_results() if row["candidate"] != name] + epochs)
    print(table(read_results()))
    save(draw(read_results()), RESULTS.with_suffix(".svg"))
    return 0


if __name__ == "__main__":
    exit_with(main, "python -m benchmarks.search")
