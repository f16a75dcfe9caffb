"""The notes that the page plays are those of abc2midi: of phrases, of the corpus, of what the network composes."""

import random
from pathlib import Path

import numpy as np
import pytest

import lstm
from helpers import javascript, needs_node
from lstm.io import places
from lstm.notation.abc2midi import ask_abc2midi, find_abc2midi
from lstm.notation.tunes import split_tunes
from lstm.rendering.music import beats, midi


def notes_of(tune):
    """The notes of a tune by abc2midi, as `beats` gives them."""
    return beats(midi(tune))


def differing(tunes):
    """The first of the tunes whose notes are other ones than abc2midi plays, and how; None if there is none."""
    found = javascript("given.map((tune) => performed(tune).notes.map((n) => [n.pitch, n.start, n.end]))", tunes)
    for tune, ours in zip(tunes, found):
        ours, theirs = sorted(ours), sorted(map(list, notes_of(tune)))
        if len(ours) != len(theirs):
            return f"{tune}\n{len(ours)} notes, and {len(theirs)} by abc2midi"
        pairs = [pair for pair in zip(ours, theirs) if not np.allclose(*pair, rtol=0, atol=0.03)]
        if pairs:
            return f"{tune}\n{pairs[0][0]}, and {pairs[0][1]} by abc2midi"
    return None


HEAD = "X:1\nT:A tune\nR:{}\nM:{}\nL:{}\nK:{}\n"
PHRASES = [
    ("reel", "4/4", "1/8", "G", "|:AB|1 CD:|2 EF||GA|"),
    ("reel", "4/4", "1/8", "G", "AB:|CD:|"),
    ("reel", "4/4", "1/8", "G", "|:A|1,2B:|3c||"),
    ("reel", "4/4", "1/8", "G", "|:A::B:|"),
    ("jig", "6/8", "1/8", "D", "|:fdB|\n[1 e3 e3:|\n[2 d3 d3|]"),
    ("reel", "4/4", "1/8", "G", "=ffFf'|f"),
    ("reel", "4/4", "1/8", "G", "^f-|f f|f"),
    ("reel", "4/4", "1/8", "G", "z2 A3/2B/2 A//B// A3/ B/4|"),
    ("reel", "4/4", "1/8", "G", "A > B {c}d>{e}f A>>B A<B|"),
    ("reel", "4/4", "1/8", "G", "{d}cB {de}f2 {def}A/B/ {d/}c|"),
    ("reel", "4/4", "1/8", "G", "(3ABc d2 (3A2B2c2|(5ABcde (2AB(4ABcd|(3{e}dcd {e}(3dcd|"),
    ("jig", "6/8", "1/8", "D", "(2AB (4ABcd (5ABcde"),
    ("air", "6/8", "1/8", "Am", "(3AB|cd (3c/d/|{AB}e2 (4AB|[M:4/4]cd (3A>B|c (3z[ce]||\nA (3AB-|Bc|(3AB:|cd|"),
    ("reel", "4/4", "1/8", "G", "~A ~A/ ~A2 ~A3 ~B4|~A>B A>~B ~A<B|"),
    ("reel", "4/4", "1/8", "G", "TA/ TA2 TA3|TF TE|(3TABTc TA>B A>TB {d}TA2|"),
    ("reel", "4/4", "1/8", "G", "RA2 RA3|HA2 .A2 uA2 vA2|"),
    ("reel", "4/4", "1/8", "G", "A-A B2-|B2 (A2-A2)|A2-|B2 A2|A-|A-|A|"),
    ("reel", "4/4", "1/8", "G", "A[K:D]f|[M:3/4]A3[L:1/4]A|Z A|"),
    ("hornpipe", "4/4", "1/8", "G", "A2 B A A2 B2|A>B A<B (3ABc AB|z A B z|A B2 A {c}AB AB|"),
    ("hornpipe", "4/4", "1/8", "G", "A>~B ~A>B ~AB A~B|TA>B TAB ATB|(3ABc (3Bcd ABcd|"),
    ("hornpipe", "2/4", "1/16", "G", "ABcd A>BA<B|A2B2 AB c2|"),
    ("Hornpipe", "C", "1/8", "G", "ABcd A>B c2|"),
    ("strathspey", "4/4", "1/8", "Bb", "B>cd<e __A^^G =A_B|"),
    *[("reel", "4/4", "1/8", key, "CDEF GABc|defg abc'd'|")
      for key in ("C", "F#m", "Bb", "Edor", "E dorian", "Amix", "Glyd", "Dphr", "Gm", "C#m", "Eb", "Cminor", "Dmaj")],
]


@needs_node
@pytest.mark.parametrize("rhythm, meter, unit, key, body", PHRASES)
def test_repeats_ties_tuplets_and_ornaments_sound_as_abc2midi_plays_them(rhythm, meter, unit, key, body):
    pytest.importorskip("symusic")
    assert not differing([HEAD.format(rhythm, meter, unit, key) + body + "\n"])


def clean(tunes):
    """Those of some tunes that abc2midi plays without an error."""
    return [tune for tune in tunes if not ask_abc2midi(tune, find_abc2midi())[1]]


BARS = "| | | || |: |: :| :| :: |1 |1 :|2 :|2 |] |2 :|: :||: :|| ||: |[1 [2 |1,3 :|2,4 |1-3 :|4 :|] [| :|3".split()


@needs_node
def test_repeats_and_endings_in_any_order_are_played_out_as_abc2midi_does():
    pytest.importorskip("symusic")
    rng = random.Random(1)
    bodies = {"".join(letter + rng.choice(BARS) for letter in "CDEFGABcd"[: rng.randint(2, 9)]) for _ in range(250)}
    chosen = clean([HEAD.format("air", "4/4", "1/4", "C") + body + "|\n" for body in sorted(bodies)])
    assert len(chosen) >= 20 and not differing(chosen)


@needs_node
@pytest.mark.slow
def test_300_tunes_of_the_corpus_sound_as_abc2midi_plays_them():
    pytest.importorskip("symusic")
    tunes = split_tunes(Path(places.USUAL_INPUT).read_text(encoding="utf-8"))
    chosen = clean(random.Random(1).sample(tunes, 310))
    assert len(chosen) >= 300 and not differing(chosen)


@needs_node
@pytest.mark.slow
def test_300_composed_tunes_sound_as_abc2midi_plays_them():
    pytest.importorskip("symusic")
    chosen = clean(lstm.compose(lstm.load(), 310, 0.8, random_seed=11))
    assert len(chosen) >= 300 and not differing(chosen)


@needs_node
def test_no_text_makes_it_hang_or_fail():
    letters = "ABCabc|:[]12,-(){}~T.Hz<>/^_=' \n\"!%KM"
    rng = random.Random(2)
    texts = ["X:1\nK:G\n" + "".join(rng.choices(letters, k=200)) for _ in range(300)]
    extreme = "|1-999999999 A", "A999999999", "A/99999999", "(9:9:9A", "Z99999", "A1/0"
    texts += ["X:1\nK:G\n" + body for body in extreme]
    ends = "given.map((tune) => performed(tune).notes.every((n) => n.end >= n.start && n.end < 1e7))"
    assert all(javascript(ends, texts))


@needs_node
def test_its_midi_file_has_the_same_notes():
    symusic = pytest.importorskip("symusic")
    tune = HEAD.format("reel", "4/4", "1/8", "G") + "|:ABcd efga|[Ac]4 {d}c4:|\n"
    both = "(() => { const { notes } = performed(given); return [notes, [...midi(notes, 90)]]; })()"
    notes, data = javascript(both, tune)
    score = symusic.Score.from_midi(bytes(data))
    found = sorted((n.start / score.ticks_per_quarter, n.pitch, n.end / score.ticks_per_quarter)
                   for track in score.tracks for n in track.notes)
    np.testing.assert_allclose(found, sorted((n["start"], n["pitch"], n["end"]) for n in notes), atol=1 / 400)
    assert round(score.tempos[0].qpm) == 90
