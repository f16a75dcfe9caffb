"""The standard streams of a command: they are there, no work ends for a remark, and nothing steers a terminal."""

import contextlib
import io
import os
import sys
import unicodedata


def escaped(text, kept=""):
    """A text that steers no terminal: control characters, and those that turn or hide text, as `repr` shows them.

    kept: those that are left as they are. So are the joiners of Persian, of Indian scripts and of emoji.
    """
    if text.isprintable():
        return text
    kept += "\u200c\u200d"

    def shown(character):
        harmless = character.isprintable() or character in kept or unicodedata.category(character) == "Zs"
        return character if harmless else character.encode("unicode_escape").decode()

    return "".join(map(shown, text))


class Wrapped:
    """A stream with another way to write."""

    def __init__(self, stream):
        self._stream = stream

    def __getattr__(self, name):
        return getattr(self._stream, name)


class Terminal(Wrapped):
    """Standard output where it is a terminal: what a file or a tune says is shown there, and does nothing else."""

    def write(self, text):
        """Write it escaped, all but its lines and tabs."""
        self._stream.write(escaped(text, "\n\t"))
        return len(text)


class Remarks(Wrapped):
    """Standard error, where what cannot be shown is lost: no work ends for a remark."""

    def write(self, text):
        """Write, or do nothing."""
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self):
        """Flush, or do nothing."""
        with contextlib.suppress(OSError):
            self._stream.flush()


def open_all():
    """Put /dev/null in the place of streams that were closed, and Remarks in that of standard error."""
    for number in range(3):  # else the next file that is opened has the number of one that was closed
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stderr = Remarks(sys.stderr or open(os.devnull, "w", encoding="utf-8"))


def give_up_output():
    """Drop what standard output cannot take, so that nothing is left to fail at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(io.UnsupportedOperation):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
