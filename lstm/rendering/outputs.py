"""Where tunes go: standard output, a file of text, a score and a sound for each tune, an album of all.

The files of a tune are named by its title and by a digest of its text: the same tune has the same files, and those of
another are never overwritten, whatever a title is.
"""

import hashlib
import os
import re
import sys
import unicodedata
from pathlib import Path

from tqdm import tqdm

from lstm.io import InputError
from lstm.io.command_line import say
from lstm.io.files import check_writable, make_directory, write_bytes
from lstm.io.places import shown
from lstm.rendering import music
from lstm.rendering.album import album

RENDERERS = {  # kind -> (how the name of its file ends, what makes its bytes of a tune)
    "svg": (".svg", lambda tune: music.svg(tune).encode()),
    "png": (".png", lambda tune: music.png(tune)),
    "midi": (".mid", lambda tune: music.midi(tune)),
    "wav": (".wav", lambda tune: music.wav(tune)),
}
LONGEST_NAME = 40  # characters of a title


def file_name(tune):
    """What the files of a tune are called, without an ending: `the-merry-maid-0f3a6c21`, only a-z, 0-9 and -.

    >>> file_name("X:1\\nT:../Roan's <b>Réel</b>\\nK:G\\nabc|\\n")
    'roans-b-reel-b-a1f0494c'
    """
    plain = unicodedata.normalize("NFKD", music.title(tune).lower()).encode("ascii", "ignore").decode()
    words = re.sub("[^a-z0-9]+", "-", plain.replace("'", ""))[:LONGEST_NAME].strip("-")
    digest = hashlib.sha256(tune.strip().encode(errors="replace")).hexdigest()[:8]
    return f"{words}-{digest}" if words else digest


class Outputs:
    """The places that the user chose. Each is checked (InputError) before there is anything to write."""

    def __init__(self, out=None, kinds=(), directory=None, album_file=None, about=""):
        """out, album_file: files. kinds: of RENDERERS; their files go to `directory` (the present one).

        about: what the album says of its tunes.
        """
        self.out, self.kinds, self.album_file, self.about = out, kinds, album_file, about
        self.directory = Path(directory or ".")
        self.kept, self.tunes = [], []  # pieces of text; the tunes that are whole
        self.between = False  # whether what comes next is another tune
        if "" in (out, directory, album_file):
            raise InputError("one of --out, --out-dir and --album has an empty name; give it one, or leave it out")
        if directory is not None and not kinds:
            raise InputError(f"--out-dir {directory} is for files of --svg, --png, --midi or --wav; add one of these")
        if kinds or album_file:
            music.check_installed()
        if out and album_file and os.path.realpath(out) == os.path.realpath(album_file):
            raise InputError(f"--out and --album both name {out}; give each a file of its own")
        for path in filter(None, (out, album_file)):
            check_writable(path)
        if kinds:
            make_directory(self.directory)

    def emit(self, text):
        """Print as it comes, and keep; an empty line stands between tunes."""
        if not text:
            return
        if self.between:
            text, self.between = ("\n" if self.kept[-1].endswith("\n") else "\n\n") + text, False
        self.kept.append(text)
        if not sys.stdout.isatty():
            sys.stdout.write(text)
            if "\n" in text:
                sys.stdout.flush()
            return
        with tqdm.external_write_mode(nolock=True):  # as in `tell`
            sys.stdout.write(text)
            sys.stdout.flush()

    def finish(self, tune):
        """The tune is whole: write its files."""
        self.tunes.append(tune)
        self.between = True
        reasons = {}
        for kind in self.kinds:
            ending, render = RENDERERS[kind]
            path = self.directory / (file_name(tune) + ending)
            try:
                write_bytes(path, render(tune))
                tell(f"written to {shown(path)}")
            except music.Unplayable as reason:
                reasons.setdefault(str(reason), []).append(kind)
        for reason, kinds in reasons.items():
            tell(f"tune {len(self.tunes)} ({file_name(tune)}) has no {', '.join(kinds)}: {reason}")

    def close(self):
        """Write the text, even if it was interrupted, and the album of the finished tunes."""
        text = "".join(self.kept)
        if sys.stdout.isatty() and text and not text.endswith("\n"):
            print()
        if self.out:
            write_bytes(self.out, text.encode(errors="backslashreplace"))  # as on standard output
            tell(f"written to {shown(self.out)}")
        if self.album_file and self.tunes:
            write_bytes(self.album_file, album(self.tunes, about=self.about).encode(errors="replace"))
            tell(f"written to {shown(self.album_file)}")


def tell(*words):
    """`say`, above the progress bar if there is one."""
    with tqdm.external_write_mode(nolock=True):
        say(*words)
