"""What the commands share: options that complain in one line, and errors that end with status 2."""

import argparse
import contextlib
import errno
import importlib
import math
import os
import sys
from importlib.util import find_spec
from itertools import takewhile

from lstm.io import Bounds, InputError
from lstm.io.interrupts import STATUS, begin_work, end_work
from lstm.io.standard_streams import Terminal, escaped, give_up_output

NEEDED = ("numpy", "numba", "h5py", "matplotlib", "threadpoolctl", "tqdm")


def require_packages(name):
    """End the command of that name, in one line, where a package is missing: nothing else can be imported then."""
    missing = [package for package in NEEDED if find_spec(package) is None]
    if missing:
        are = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed for this Python"
        print(f'{name}: {are}; README.md has the commands for that, below "Start"', file=sys.stderr)
        sys.exit(2)


class Version(argparse.Action):
    """What --version does. It is looked up only then, because that takes a moment."""

    def __call__(self, parser, *_):
        print(f"{parser.prog}, version {importlib.import_module('lstm').version()}")
        parser.exit()


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that says what is wrong in one line, without the usage before it.

    An option that is given twice is wrong, unless it is REPEATABLE: argparse would take the last one without a word.
    """

    REPEATABLE = ("--input",)

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)
        self.add_argument("--version", action=Version, nargs=0, help="say which version this is, and end")

    def parse_known_args(self, args=None, namespace=None):
        words, given = sys.argv[1:] if args is None else args, set()
        for name, _, value in (word.partition("=") for word in takewhile(lambda word: word != "--", words)):
            option = self._option_string_actions.get(name)  # --shuffle and --no-shuffle are one
            if option and value == "--":  # argparse would take it for nothing at all
                self.error(f"{name} cannot be '--'")
            if option and option in given and name not in self.REPEATABLE:
                self.error(f"{name} is given twice; leave one of the two out")
            given.add(option)
        return super().parse_known_args(args, namespace)

    def _print_message(self, message, file=None):
        """Print it. argparse would pass over an error, and a --help that was lost would be a success."""
        if message:
            (file or sys.stderr).write(message)

    def error(self, message):
        self.exit(2, f"{escaped(f'{self.prog}: {message}')}; see --help\n")


def number(bounds, word=None):
    """An option type: a number within Bounds, or a certain word."""

    def parse(text):
        if text == word:
            return word
        instead = ""
        try:
            value = bounds.kind(text)
        except ValueError:
            value, instead = math.nan, f", or {word}" * bool(word)
        if complaint := bounds.complaint(value):
            raise argparse.ArgumentTypeError(f"{text!r} {complaint}{instead}")
        return value

    return parse


def whole(least, most=sys.maxsize, word=None):
    """An option type: a whole number from `least` to `most`, or a certain word."""
    return number(Bounds(int, least, most), word)


def between(least, most):
    """An option type: a number from `least` to `most`."""
    return number(Bounds(float, least, most))


def path_name(text):
    """An option type: the name of a file or directory. An empty one would be taken for the present directory."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is an empty name; name a file or a directory")
    try:
        encodable = "\0" not in text and os.fsencode(text)
    except UnicodeEncodeError:  # half a character, or one that the system has no bytes for
        encodable = False
    if not encodable:
        raise argparse.ArgumentTypeError(f"{text!r} has a character that no name has; name a file or a directory")
    return text


def say(*words):
    """Print one line on standard error: standard output is for what the command makes."""
    print(escaped(" ".join(map(str, words))), file=sys.stderr, flush=True)


def bar_interval():
    """Seconds between two looks of a progress bar: a file wants fewer than a screen."""
    return 0.1 if sys.stderr.isatty() else 10


def exit_with(main, name, may_stop=False):
    """Exit with main()'s status; an InputError becomes one line and status 2.

    may_stop: whether all is well when whoever reads standard output has seen enough; else something is lost.
    """
    if sys.stdout is None:  # Python's way to say that it was closed
        say(f"{name}: standard output is closed; give it a place, such as /dev/null")
        sys.exit(2)
    if hasattr(sys.stdout, "reconfigure"):  # not in a notebook, nor where a program reads along
        sys.stdout.reconfigure(errors="backslashreplace")  # for terminals that cannot show every character
    before = sys.stdout
    if before.isatty():
        sys.stdout = Terminal(before)
    begin_work()
    try:
        try:
            status = main()
        except SystemExit as end:  # of the parser
            status = end.code
        if not status:  # else the command has said what went wrong
            sys.stdout.flush()
    except InputError as error:
        say(f"{name}: {error}")
        status = 2
    except KeyboardInterrupt:
        status = STATUS
    except MemoryError:
        sizes = "--batch-size, --seq-length, --units or --tunes, whichever there are"
        say(f"{name}: there is not enough memory for this; choose a smaller text or smaller sizes ({sizes})")
        status = 2
    except OSError as error:
        enough = may_stop and isinstance(error, BrokenPipeError)
        status = 0 if enough else status_of(error, name)
    with contextlib.suppress(KeyboardInterrupt):  # at the very end
        give_up_output()
        end_work(status)
    sys.stdout = before
    sys.exit(status)


def status_of(error, name):
    """Say what an OSError is about, and return the exit status: without a file's name it is standard output."""
    if error.filename is not None:
        say(f"{name}: cannot use {error.filename}: {error.strerror}; check its name and its permissions")
        return 2
    if error.errno == errno.ENOENT:  # tempfile's, which names no file; no output fails so
        say(f"{name}: there is no place for temporary files: {error.strerror}; set TMPDIR to a directory")
        return 2
    say(f"{name}: cannot write standard output: {error.strerror}; make room or choose another place")
    return 2
