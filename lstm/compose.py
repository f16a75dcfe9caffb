"""Compose with saved weights. The text goes to standard output as it is made, all else to standard error.

This is the command behind `python sample.py`; `python -m lstm.compose` is the same, where there is no checkout.
"""

if __name__ == "__main__":
    from lstm.io.interrupts import watch

    watch()

import secrets
import sys
from pathlib import Path

from tqdm import tqdm

from lstm.io import InputError
from lstm.io.command_line import Parser, exit_with, number, path_name, say, whole
from lstm.io.files import read_text
from lstm.io.interrupts import STATUS, StopRequest
from lstm.io.places import shown
from lstm.notation.abc2midi import find_abc2midi
from lstm.notation.header import WANTED
from lstm.notation.judge import judge_tune
from lstm.notation.tunes import split_tunes
from lstm.rendering.outputs import RENDERERS, Outputs, tell
from lstm.sampling import DRAWN, Draw, encode_prime
from lstm.sampling_kernels import THREADS
from lstm.storage import imported
from lstm.streams import LONGEST_TUNE, Chunk, generate_many, generators, in_order, opening

PLAIN_LENGTH = 500  # characters of a text that has no tunes
TRIES = 50  # with --valid, for each tune that is wanted
FEWER = ", and {} wanted; a lower --temperature makes fewer mistakes, a larger --length cuts fewer tunes"
NAME = "python -m lstm.compose"


def parse(argv, name):
    """The options."""
    parser = Parser(prog=name, description=(__doc__ or "").partition("\n\n")[0])  # python -OO drops it
    imported.add_options(parser)
    add = parser.add_argument_group("how much").add_argument
    add("--tunes", type=whole(1), metavar="N", help="compose N whole tunes (1)")
    add("--length", type=whole(1), metavar="N", help="compose N characters; with --tunes or --stop, at most that")
    add("--stop", metavar="TEXT", help="end right after this text too, which stays in the piece; see --length")
    add("--valid", action="store_true", help=f"only tunes that the judges find flawless, of {TRIES} tries for each")
    begin = parser.add_argument_group("how it begins")
    add = begin.add_argument
    add("--rhythm", metavar="NAME", help="such as jig, reel or 'slip jig'")
    add("--meter", metavar="M", help="such as 6/8; best beside the --rhythm that has it, which is composed before")
    add("--key", metavar="KEY", help="such as G, Am, Edor or Dmix")
    add = begin.add_mutually_exclusive_group().add_argument
    add("--seed", metavar="TEXT", help="text to go on from; the network reads all of it first")
    add("--seed-file", type=path_name, metavar="FILE", help="the same, from a file")
    add = parser.add_argument_group("what is drawn").add_argument
    of = {name: number(bounds) for name, bounds in DRAWN.items()}  # option types
    add("--temperature", type=of["temperature"], default=0.8, help="low is cautious, 0 is argmax (%(default)s)")
    add("--top-k", type=of["top_k"], default=0, metavar="K", help="draw from the K likeliest; 0 is all")
    add("--top-p", type=of["top_p"], default=1.0, metavar="P", help="draw from the likeliest that add up to P")
    add("--random-seed", type=whole(0), metavar="N", help="same number, same text (a new one each time)")
    add("--threads", type=number(THREADS), metavar="N", help="use N threads (all); the text is the same")
    add = parser.add_argument_group("what is written").add_argument
    add("--out", type=path_name, metavar="FILE", help="write the text to a file too")
    for kind, (ending, _) in RENDERERS.items():
        add(f"--{kind}", action="store_true", help=f"write each tune to a {ending} file, named by its title")
    add("--out-dir", type=path_name, metavar="DIR", help="where these go (the present directory)")
    page = "write a page (HTML) with score, sound and notation of all tunes"
    add("--album", type=path_name, metavar="FILE", help=page)
    return parser.parse_args(argv)


def settle(options, checkpoint, path):
    """Fill in how much to compose: by default one tune, or so many characters where there are no tunes."""
    names = "tunes", "valid", "rhythm", "meter", "key", *RENDERERS, "album"
    asked = [f"--{name}" for name in names if getattr(options, name)]
    if asked and not checkpoint.abc:
        raise InputError(f"{asked[0]} needs a model that learnt ABC tunes, and {shown(path)} did not; use --length")
    if asked or (checkpoint.abc and not options.length):
        options.tunes = options.tunes or 1
    options.length = options.length or (LONGEST_TUNE if options.tunes else PLAIN_LENGTH)


def starting_text(options, checkpoint):
    """(prime, echo): what the network reads first, and the part of it that belongs to the piece."""
    if options.seed_file is not None:
        options.seed = read_text(options.seed_file)
    if options.seed == "":
        raise InputError("--seed is empty; give at least one character, or leave it out")
    prime, echo = opening(checkpoint) if options.seed is None else (options.seed, options.seed)
    check_characters(checkpoint.vocabulary, prime, "the seed", "--seed-file takes a file with real lines")
    return prime, echo


def check_stop(stop, vocabulary):
    """Raise InputError for a --stop that can never come."""
    if stop == "":
        raise InputError("--stop is empty; give at least one character, or leave it out")
    if stop is not None:
        check_characters(vocabulary, stop, "--stop", "in bash and zsh $'\\n' is one, in PowerShell \"`n\"")


def check_characters(vocabulary, text, name, remedy):
    """Raise InputError for a text that the model cannot read, before anything is printed.

    remedy: for a new line that was typed as a backslash and an n.
    """
    typed = f"{name} has a backslash and an n, and no new line; {remedy}"
    typed = typed if "\\n" in text and "\n" not in text else ""
    try:
        encode_prime(vocabulary, text)
    except InputError as error:
        raise InputError(typed or f"{name}: {error}") from None
    if typed:  # a text may have backslashes
        say(typed)


def wanted_lines(options, checkpoint):
    """The lines that each header is to have, as `generate_many` wants them."""
    wanted = {name: getattr(options, name) for name in WANTED if getattr(options, name) is not None}
    for name, value in wanted.items():
        if options.seed is not None:
            raise InputError(f"--{name} {value} and a seed both say how a tune begins; write the line into the seed")
        (line,) = checkpoint.headers.lines(**{name: value})
        try:
            checkpoint.vocabulary.encode(line)
        except InputError as error:
            raise InputError(f"--{name} {value!r}: {error}") from None
    return checkpoint.headers.lines(**wanted)


def chunks(options, checkpoint, prime, echo, lines):
    """An iterator over the Chunks of one piece after another, with --valid of as many pieces as there are tries."""
    count = (options.tunes or 1) * (TRIES if options.valid else 1)
    made = generate_many(
        checkpoint.model,
        checkpoint.vocabulary,
        prime,
        generators(options.random_seed, count),
        options.length,
        tunes=bool(options.tunes),
        stop=options.stop,
        draw=Draw(options.temperature, options.top_k, options.top_p),
        lines=lines,
        headers=checkpoint.headers,
        threads=options.threads,
    )
    continued = in_order(made)
    for stream in range(count):
        yield Chunk(stream, echo, end="")  # at once, because the network may need long to read the prime
        for chunk in continued:
            yield chunk
            if chunk.end:
                break


def deliver(composing, outputs, options, abc2midi):
    """Give Chunks to the outputs, with --valid only whole tunes that pass. Returns how many pieces were composed."""
    watched = sys.stderr.isatty() and (options.valid or not sys.stdout.isatty())  # else the text shows how far it is
    composed, piece = 0, ""
    with tqdm(total=options.tunes, unit="tune", leave=False, disable=not (watched and options.tunes)) as bar:
        for _, text, end in composing:
            piece += text
            if not options.valid:
                outputs.emit(text)
            if not end:
                continue
            composed, whole, piece = composed + 1, piece, ""
            tune = split_tunes(whole)[-1]  # because a seed may have some before
            if options.valid:
                bar.set_postfix(composed=composed)
                if end == "length" or not judge_tune(tune, abc2midi).flawless:
                    continue
                outputs.emit(whole)
            if end == "length" and options.tunes:
                tell(f"tune {composed} was cut after {options.length} characters; --length allows more")
            elif end == "length" and options.stop:
                tell(f"--stop {options.stop!r} did not come in {options.length} characters; --length allows more")
            outputs.finish(tune)
            bar.update()
            if len(outputs.tunes) == options.tunes:
                break
    return composed


def main(argv=None, name="sample.py"):
    """The command. Returns the exit status: 1 if fewer tunes than wanted pass the judges."""
    options = parse(argv, name)
    path, checkpoint = imported.named_model(options)
    settle(options, checkpoint, path)
    check_stop(options.stop, checkpoint.vocabulary)
    prime, echo = starting_text(options, checkpoint)
    lines = wanted_lines(options, checkpoint)
    abc2midi = find_abc2midi() if options.valid else None
    if options.random_seed is None:
        options.random_seed = secrets.randbelow(10**6)
    source = f"weights {shown(path)}, --random-seed {options.random_seed}"
    kinds = [kind for kind in RENDERERS if getattr(options, kind)]
    outputs = Outputs(options.out, kinds, options.out_dir, options.album, source)
    own = options.weights or path.parent.resolve() == Path(options.model_dir).resolve()
    say(source if own else f"no run of your own, so those that ship: {source}")
    for remark in [*checkpoint.remarks, *filter(None, map(checkpoint.headers.unheard, lines))]:
        say(remark)
    interrupted = False
    try:
        composed = deliver(chunks(options, checkpoint, prime, echo, lines), outputs, options, abc2midi)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        with StopRequest() as stop:
            if interrupted:  # what is composed is written all the same, but for another Ctrl-C
                stop.listen()
            outputs.close()
    if interrupted:
        return STATUS
    if not options.valid:
        return 0
    passed, enough = len(outputs.tunes), len(outputs.tunes) == options.tunes
    say(f"{passed} of the {composed} tunes composed passed" + ("" if enough else FEWER.format(options.tunes)))
    return 0 if enough else 1


if __name__ == "__main__":
    exit_with(lambda: main(name=NAME), NAME, may_stop=True)
