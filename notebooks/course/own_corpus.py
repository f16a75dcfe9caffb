"""A corpus of one's own: tunes of one kind taken out of a text, those that stand twice, a card taken apart."""

import os
import random
import subprocess
import sys
from html.parser import HTMLParser

from lstm.io.places import ROOT
from lstm.notation.tunes import body, header_fields, split_tunes


def of_rhythm(text, rhythm, most):
    """The first tunes of a text whose line R: says that rhythm: a list of texts, each with its empty line."""
    return [tune for tune in split_tunes(text) if header_fields(tune).get("R") == rhythm][:most]


def disguised(tune, number):
    """The same tune under another number and title, with other blanks between its notes."""
    fields = "".join(f"{name}:{value}\n" for name, value in header_fields(tune).items() if name not in "XT")
    lines = [line.replace(" ", "").replace("|", " | ").strip() for line in body(tune).split("\n")]
    return f"X:{number}\nT:A Tune By Another Name {number}\n{fields}" + "\n".join(lines) + "\n\n"


def normal(tune):
    """What makes a tune the same: its key, and its music without blanks and line ends."""
    return header_fields(tune).get("K"), "".join(body(tune).split())


def in_both(training, held_out):
    """Which of the held-out tunes were learnt too, in whatever spelling: their places, a list. Both are lists."""
    known = {normal(tune) for tune in training}
    return [n for n, tune in enumerate(held_out) if normal(tune) in known]


def mixed(tunes, seed):
    """The same tunes in another order."""
    tunes = list(tunes)
    random.Random(seed).shuffle(tunes)
    return tunes


def run(folder, *arguments):
    """What `python ARGUMENTS` prints, in a folder. Raises RuntimeError with what it complains of."""
    found = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))  # from whatever folder
    how = {"cwd": folder, "env": os.environ | {"PYTHONPATH": found}, "encoding": "utf-8"}
    done = subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, **how)
    if done.returncode:
        raise RuntimeError(done.stderr.splitlines()[-1])
    return done.stdout


class Card(HTMLParser):
    """A model card taken apart: `tables` {heading: rows}, `notes` {heading: texts}, and `samples`."""

    def __init__(self, html):
        super().__init__()
        self.tables, self.notes, self.samples, self.heading, self.within = {}, {}, [], "", ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.within = tag
        if tag in ("h1", "h2"):
            self.heading = ""
        elif tag == "tr":
            self.tables.setdefault(self.heading, []).append([])
        elif tag in ("th", "td"):
            self.tables[self.heading][-1].append("")
        elif tag == "pre":
            self.samples.append("")
        elif tag in ("p", "li"):
            self.notes.setdefault(self.heading, []).append("")

    def handle_endtag(self, tag):
        self.within = ""

    def handle_data(self, data):
        if self.within in ("h1", "h2"):
            self.heading += data
        elif self.within in ("th", "td"):
            self.tables[self.heading][-1][-1] += data
        elif self.within == "pre":
            self.samples[-1] += data
        elif self.within in ("p", "li"):
            self.notes[self.heading][-1] += data

    def show(self, heading):
        """Print one part of the card."""
        for text in self.notes.get(heading, []):
            print(text)
        for cells in self.tables.get(heading, []):
            print("  " + " | ".join(cells))

    def runs(self):
        """{H: the losses of its runs} of the comparison of sizes."""
        rows = self.tables["Is larger better?"][1:]
        return {int(units): [float(nats) for nats in runs.split(", ")] for units, _, runs in rows}
