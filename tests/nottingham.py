"""Tunes in the style of the Nottingham collection, which most tutorials on ABC learn from: chord names, comments in
the header, parts, endings in brackets. They are made here, at random; none is of that collection.
"""

import random

SCALE = "D E F G A B c d e f g a".split()
KEYS = {"G": "G C D7 Em", "D": "D G A7 Bm", "A": "A D E7", "C": "C F G7 Am", "F": "F Bb C7", "Em": "Em D B7 G"}
KEYS |= {"Am": "Am G E7", "Dm": "Dm C A7", "Ador": "Am G D", "Edor": "Em D A", "Dmix": "D C G", "Bb": "Bb Eb F7"}
METERS = {"4/4": (4, 2), "2/4": (2, 2), "3/4": (3, 2), "6/8": (2, 3)}  # (beats, eighths in each)
BEATS = {
    2: ("{}2", "{}{}", "{}3/2{}/2", "{}{}/2{}/2", "({}{})", "(3{}{}{}", "[{}{}]2", "z2"),
    3: ("{}3", "{}{}{}", "{}2{}", "{}3/2{}/2{}", "({}{}{})", "{}z{}"),
}


def tunes(count, seed=1, comments=True):
    """The text of so many tunes. Without `comments` the lines that begin with % are left out, and nothing else."""
    rng = random.Random(seed)
    text = "".join(tune(number, rng) for number in range(1, count + 1))
    return text if comments else "".join(line for line in text.splitlines(True) if not line.startswith("%"))


def tune(number, rng):
    """One tune."""
    (meter, (beats, eighths)), (key, chords) = rng.choice(list(METERS.items())), rng.choice(list(KEYS.items()))

    def note():
        return rng.choices(["", "^", "="], (30, 1, 1))[0] + rng.choice(SCALE)

    def beat():
        form = rng.choices(BEATS[eighths], (8, 10, *[1] * (len(BEATS[eighths]) - 2)))[0]
        return form.format(*(note() for _ in range(3)))

    def bar():
        chord = rng.choice(chords.split())
        return f'"{chord}"' + " ".join(beat() for _ in range(beats))

    def line(end):
        return "|".join(bar() for _ in range(4)) + end

    pickup = rng.random() < 0.5
    start = "|:" + (f"{note()}|" if pickup else "")
    last = f"{note()}{beats * eighths - pickup}"
    endings = f'|[1"{chords.split()[0]}"{last}:|[2"{chords.split()[0]}"{last}|]'
    second = f"|:{line('|')}\n{line(':|')}\n" if rng.random() < 0.5 else f"{line('|')}\n{line('|]')}\n"
    header = f"X: {number}\nT:Tune {number}{rng.choice(['', ' % a remark'])}\n% Made at random\nS:Nobody, arr. Nobody\n"
    header += rng.choice(["", "%%titlefont Helvetica\n"]) + f"M:{meter}\n"
    header += f"L:1/8\nK:{key}\n"
    return f"{header}P:A\n{start}{line('|')}\n{line('')}{endings}\nP:B\n{second}\n"
