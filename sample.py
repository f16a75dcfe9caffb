"""Compose with saved weights: python sample.py. The text goes to standard output as it is made."""

import secrets
import sys
from pathlib import Path

from lstm.checkpoint import epochs, load_weights, weights_path
from lstm.command import ROOT, Parser, between, exit_with, say, shown, whole
from lstm.errors import InputError
from lstm.files import check_writable, is_there, read_text, write_bytes
from lstm.sampling import encode_prime, generate_many, generators, in_order, opening

MODELS, VOCABULARY = ROOT / "model", ROOT / "data" / "char_to_idx.json"
LONGEST_TUNE = 4000  # characters; the longest of the corpus has 813
PLAIN_LENGTH = 500  # characters of a text that has no tunes


def parse(argv):
    """The options."""
    parser = Parser(prog="sample.py", description=__doc__)
    add = parser.add_argument
    add("epoch", type=whole(1), nargs="?", help="whose weights to use (the newest; the pretrained if there is none)")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--seed", metavar="TEXT", help="text to go on from; the network reads all of it first")
    start.add_argument("--seed-file", metavar="FILE", help="the same, from a file")
    add("--tunes", type=whole(1), metavar="N", help="compose N whole tunes (1)")
    add("--length", type=whole(1), metavar="N", help="compose N characters; with --tunes, at most that for each")
    degree = between(0.01, 100, or_zero=True)  # what divides logits without overflow
    add("--temperature", type=degree, default=0.8, help="low is cautious, 0 is argmax (%(default)s)")
    add("--top-k", type=whole(0), default=0, metavar="K", help="draw from the K likeliest; 0 is all")
    add("--top-p", type=between(0, 1), default=1.0, metavar="P", help="draw from the likeliest that add up to P")
    add("--random-seed", type=whole(0), metavar="N", help="same number, same text (a new one each time)")
    add("--model-dir", metavar="DIR", default=MODELS, help="where weights.N.h5 are (model)")
    add("--threads", type=whole(1), metavar="N", help="use N threads (the cores; the text does not depend on it)")
    add("--out", metavar="FILE", help="write the text to a file too")
    return parser.parse_args(argv)


def find_weights(model_dir, epoch):
    """The weights file that was asked for, or the newest of the user's, or the newest that ships."""
    there = epochs(model_dir)
    if not there and Path(model_dir) == MODELS and epochs(MODELS / "pretrained"):
        model_dir = MODELS / "pretrained"
        there = epochs(model_dir)
    if not there:
        raise InputError(f"there are no weights in {shown(model_dir)}; python train.py makes some")
    if epoch is not None and epoch not in there:
        has = ", ".join(map(str, there))
        raise InputError(f"there are no weights of epoch {epoch} in {shown(model_dir)}; it has epochs {has}")
    return weights_path(model_dir, epoch or there[-1])


def starting_text(options, checkpoint):
    """(prime, echo): what the network reads first, and the part of it that belongs to the piece."""
    if options.seed_file is not None:
        options.seed = read_text(options.seed_file)
    if options.seed == "":
        raise InputError("--seed is empty; give at least one character, or leave it out")
    if options.seed is not None:
        return options.seed, options.seed
    return opening(checkpoint)


def settle_lengths(options, checkpoint, path):
    """Fill in how much to compose: by default one tune, or so many characters where there are no tunes."""
    if options.tunes and not checkpoint.abc:
        raise InputError(f"--tunes needs a model that learnt ABC tunes, and {shown(path)} did not; use --length")
    if checkpoint.abc and not options.length:
        options.tunes = options.tunes or 1
    options.length = options.length or (LONGEST_TUNE if options.tunes else PLAIN_LENGTH)


def compose(options, checkpoint, prime, echo):
    """An iterator over the text of all pieces, in bits of some characters."""
    model, vocabulary, count = checkpoint.model, checkpoint.vocabulary, options.tunes or 1
    choices = options.temperature, options.top_k, options.top_p, options.threads
    rngs = generators(options.random_seed, count)
    last = echo
    yield echo  # before the network has read it, which may take its time
    pieces = generate_many(model, vocabulary, prime, rngs, options.length, bool(options.tunes), *choices)
    for stream, text, end in in_order(pieces):
        yield text
        last = text or last
        if options.tunes and end == "length":
            say(f"tune {stream + 1} was cut after {options.length} characters; --length allows more")
        if end and stream + 1 < count:
            yield ("\n" if last.endswith("\n") else "\n\n") + echo  # an empty line stands between tunes
            last = echo


def emit(text, kept):
    """Print as it comes, and keep."""
    kept.append(text)
    sys.stdout.write(text)
    if "\n" in text or sys.stdout.isatty():
        sys.stdout.flush()


def main(argv=None):
    """The command. Returns the exit status."""
    options = parse(argv)
    path = find_weights(options.model_dir, options.epoch)
    beside = path.with_name(VOCABULARY.name)
    checkpoint = load_weights(path, beside if is_there(beside) else VOCABULARY)
    settle_lengths(options, checkpoint, path)
    prime, echo = starting_text(options, checkpoint)
    encode_prime(checkpoint.vocabulary, prime)  # complains about a seed it cannot read before anything is printed
    if options.out:
        check_writable(options.out)
    if options.random_seed is None:
        options.random_seed = secrets.randbelow(10**6)
    say(f"weights {shown(path)}, --random-seed {options.random_seed}")
    kept, status = [], 0
    try:
        for text in compose(options, checkpoint, prime, echo):
            emit(text, kept)
    except KeyboardInterrupt:
        status = 130
    text = "".join(kept)
    if sys.stdout.isatty() and not text.endswith("\n"):
        print()
    if options.out:
        write_bytes(options.out, text.encode())
        say(f"written to {shown(options.out)}")
    return status


if __name__ == "__main__":
    exit_with(main, "sample.py")
