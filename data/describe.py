"""The statistics of data/README.md: what is in input.txt, counted.

    python data/describe.py [FILE]
"""

import re
import sys
from collections import Counter, defaultdict
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # because the checkout need not be installed to run this

from lstm.notation.tunes import header_fields, split, split_tunes
from lstm.settings import Settings

VALIDATION = Settings.validation  # the share of tunes, from the end, that training does not see
SPAN = 8  # notes; near-duplicates share many runs of so many notes
NEAR = 0.5


def note_letters(tune):
    """The melody as letters: 'X:1\\nK:G\\n|:dc|{d}B2 ^G/' -> 'dcBG'."""
    music = re.search(r"^K:.*\n((?:.*\n?)*)", tune, re.MULTILINE)[1]
    return "".join(re.findall("[A-Ga-g]", re.sub(r"\{[^}]*\}", "", music)))


def near_duplicates(tunes):
    """Pairs (i, j), i < j, of tunes whose sets of 8-note runs overlap by half or more (Jaccard index)."""
    runs = [{notes[i:i + SPAN] for i in range(len(notes) - SPAN + 1)} for notes in map(note_letters, tunes)]
    holders = defaultdict(list)
    for i, of_tune in enumerate(runs):
        for run in of_tune:
            holders[run].append(i)
    shared = Counter((i, j) for holding in holders.values() for at, j in enumerate(holding) for i in holding[:at])
    return [(i, j) for (i, j), both in shared.items() if both >= NEAR * (len(runs[i]) + len(runs[j]) - both)]


def table(name, counts):
    print(f"{name:11}" + ", ".join(f"{value} {n}" for value, n in counts.most_common()))


def describe(text):
    """Print the statistics of `text`."""
    tunes = split_tunes(text)
    parts = split(text, VALIDATION)
    training = len(split_tunes(parts[0]))
    print(f"tunes      {len(tunes)}: {training} for training, the last {len(tunes) - training} for validation")
    print(f"characters {len(text)}: {len(parts[0])} and {len(parts[1])}")
    print(f"vocabulary {len(set(text))}: {''.join(sorted(set(text)))!r}")
    lengths = sorted(len(tune.strip()) for tune in tunes)
    tenth = len(lengths) // 10
    print(f"length     {lengths[0]} to {lengths[-1]} characters, median {median(lengths):g}, "
          f"nine of ten between {lengths[tenth // 2]} and {lengths[-1 - tenth // 2]}")
    for name, letter in (("rhythm", "R"), ("meter", "M"), ("unit", "L"), ("key", "K")):
        table(name, Counter(header_fields(tune)[letter] for tune in tunes))
    pairs = near_duplicates(tunes)
    across = {j for i, j in pairs if i < training <= j}
    print(f"near-duplicates: {len({i for pair in pairs for i in pair})} tunes in {len(pairs)} pairs; "
          f"{len(across)} validation tunes have one in training")


def main(argv=None):
    argv = sys.argv[1:] if argv is None else argv
    path = Path(argv[0]) if argv else HERE / "input.txt"
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        print(f"describe.py: cannot read {path} as ASCII text: {error}", file=sys.stderr)
        return 2
    describe(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
