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
import shlex
import sys
from datetime import date
from hashlib import sha256
from pathlib import Path

from tqdm import tqdm

from lstm.engine.threads import default_threads
from lstm.evaluation.heldout import ORDERS, NGram, best_order, losses, n_gram_name
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
from lstm.evaluation.report import PEOPLE, draw, loss_table, plain, tunes_table
from lstm.io import InputError, places
from lstm.io.command_line import Parser, bar_interval, between, exit_with, say, whole
from lstm.io.files import make_directory, read_text, write_bytes
from lstm.io.places import shown
from lstm.notation.abc2midi import find_abc2midi
from lstm.notation.transpose import in_other_keys
from lstm.notation.tunes import is_abc, split, split_tunes
from lstm.rendering.plots import save
from lstm.settings import Settings
from lstm.storage.checkpoint import BEST, digest, find_weights, load


def parse(argv):
    """The options."""
    parser = Parser(prog="python -m lstm.evaluate", description="Evaluate a model: held-out loss, validity, novelty.")
    add = parser.add_argument
    which = "whose weights to use: a number, or best for the lowest held-out loss (the newest; else those that ship)"
    add("epoch", type=whole(1, word=BEST), nargs="?", help=which)
    missing = not places.IS_CHECKOUT
    add("--input", metavar="FILE", default=places.INPUT, required=missing, help="the text it learnt (data/input.txt)")
    share = between(0.001, 0.9)
    held_out = Settings.validation
    add("--validation", type=share, default=held_out, metavar="FRACTION", help="of the text held out (%(default)s)")
    add("--samples", type=whole(1), default=500, metavar="N", help="compose N tunes at each temperature (%(default)s)")
    degree = between(0.01, 100, or_zero=True)
    add("--temperatures", type=degree, nargs="+", default=[0.5, 0.8, 1.0], metavar="T", help="(0.5 0.8 1.0)")
    add("--random-seed", type=whole(0), default=1, metavar="N", help="same number, same tunes (%(default)s)")
    add("--model-dir", metavar="DIR", default=places.MODELS, help="where weights.N.h5 are (model)")
    add("--out", metavar="DIR", default=places.LOGS / "evaluation", help="where the files go (logs/evaluation)")
    add("--threads", type=whole(1), metavar="N", default=default_threads(), help="the result is the same for any (all)")
    return parser.parse_args(argv)


def progress(items, doing, total=None):
    """The same items, with a bar on standard error."""
    return tqdm(items, doing, total, leave=False, mininterval=bar_interval())


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


def summaries(checkpoint, order, training, held_out, options, abc2midi):
    """An iterator over Summaries: of people's tunes, then at each temperature of the network's and an n-gram's."""
    characters = checkpoint.vocabulary.characters
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
    facts["text_digest"] = sha256((training + held_out).encode()).hexdigest()
    write_bytes(out / "evaluation.json", json.dumps(plain(facts), indent=1).encode())
    write_bytes(out / "evaluation.md", ("\n".join(report) + "\n").encode())
    say(f"the tables, figures and numbers are in {shown(out)}")
    return 0


if __name__ == "__main__":
    exit_with(main, "python -m lstm.evaluate")
