"""Tunes in other keys: every note that abc2midi plays is moved alike, and an epoch stays as long as it was."""

import random
import re
from collections import Counter
from pathlib import Path

import nottingham
import numpy as np
import pytest

from lstm.corpus import Corpus, shuffled
from lstm.evaluation.novelty import longest_copied, spans_of
from lstm.io import InputError
from lstm.model import Config
from lstm.notation.judge import judge_tune
from lstm.notation.transpose import (
    MODES,
    NAMES,
    Transposer,
    in_other_keys,
    intervals,
    parse,
    signature,
    targets,
    transposed,
)
from lstm.notation.tunes import body, header_fields, split_tunes
from lstm.settings import LOWEST, Settings
from lstm.storage.session import new_trainer

TEXT = (Path(__file__).parent.parent / "data" / "input.txt").read_text(encoding="ascii")
TUNES = split_tunes(TEXT)
SHORT = "".join(TUNES[:40])
TONICS = {mode: {tune.tonic for tune in map(parse, TUNES) if tune.mode == mode} for mode in MODES}
EVERY_CHARACTER = set(TEXT)


def in_key(music, key):
    return f"X:1\nT:Test\nM:4/4\nL:1/8\nK:{key}\n{music}\n"


def moved(text, tonic, characters=EVERY_CHARACTER):
    """The text with another tonic, or None."""
    tune = parse(text)
    found = targets(tune, [tonic], characters) if tune else {}
    return transposed(tune, tonic, found[tonic]) if found else None


def played(text):
    """What abc2midi plays: (start, duration, velocity, pitch) of each note."""
    symusic = pytest.importorskip("symusic")
    notes = [note for track in symusic.Score.from_abc(text).tracks for note in track.notes]
    return sorted((note.time, note.duration, note.velocity, note.pitch) for note in notes)


def assert_moved_alike(text, other):
    """All notes are as far from their own as the tonics are. Returns how far that is."""
    keys = [header_fields(tune)["K"] for tune in (text, other)]
    ways = [semitones for _, semitones in intervals(*(parse(in_key("", key)).tonic for key in keys))]
    one, two = played(text), played(other)
    way = two[0][-1] - one[0][-1]
    assert way in ways
    assert two == [(*rest, pitch + way) for *rest, pitch in one]
    return way


def assert_moved_alike_with_its_chords(text, other):
    """The same where chord names are played, which abc2midi does within an octave of its own."""
    one, two = (re.sub('"[^"]*"', "", tune) for tune in (text, other))
    way = assert_moved_alike(one, two)
    expected = sorted((*when, (pitch + way) % 12) for *when, _, pitch in played(text))
    assert sorted((*when, pitch % 12) for *when, _, pitch in played(other)) == expected


# -- notes


@pytest.mark.parametrize("mode, old, music, new, expected", [
    ("", "G", "|:G2 ^cd =f2 A|", "C", "|:c2 ^fg _b2 d|"),
    ("", "G", "G^c =cF =F^F ^^f_B", "D", "D^G =GC =C^C ^^c=F"),
    ("", "G", "=f^f _e=e ^f^^f", "A", "=g^g =f^f ^g^^g"),
    ("", "D", "=c^c _B^A __Bc", "Bb", "_A=A _G^F __GA"),
    ("", "Bb", "B_B =B_A =e_e", "A", "A=A ^A=G ^d=d"),
    ("m", "A", "A2 ^G=G ^FE", "E", "E2 ^D=D ^CB,"),
    ("m", "A", "A2 ^G=G ^FE c'", "G", "G2 ^F=F =ED b"),
    ("m", "D", "^c=B _B^c d'", "E", "^d^c =c^d e'"),
    ("mix", "D", "d=f ^c=c ^g", "A", "A=c ^G=G ^d"),
    ("dor", "A", "G^G =F^F c^c", "E", "D^D =C^C G^G"),
    ("lyd", "G", "c=c ^c=f", "D", "G=G ^G=c"),
    ("phr", "B", "c^c =d^d", "D", "e=e =f^f"),
])
def test_an_accidental_keeps_what_it_adds_to_the_key(mode, old, music, new, expected):
    text = in_key(music, old + mode)
    assert moved(text, new) == in_key(expected, new + mode)
    assert_moved_alike(text, moved(text, new))


def test_signatures_are_those_of_the_textbook():
    for key, mode, signs in [
        ("C", "", ""), ("G", "", "^f"), ("E", "", "^f^c^g^d"), ("F#", "", "^f^c^g^d^a^e"), ("Eb", "", "_b_e_a"),
        ("F#", "m", "^f^c^g"), ("C", "m", "_b_e_a"), ("E", "dor", "^f^c"), ("A", "mix", "^f^c"), ("F", "mix", "_b_e"),
        ("D", "lyd", "^f^c^g"), ("D", "phr", "_b_e"), ("Cb", "", "_b_e_a_d_g_c_f"), ("C#", "", "^f^c^g^d^a^e^b"),
    ]:
        found = {letter.lower(): sign for letter, sign in signature(key, mode).items() if sign}
        assert found == {letter: {"^": 1, "_": -1}[sign] for sign, letter in zip(signs[::2], signs[1::2])}, key + mode


@pytest.mark.parametrize("tonic, other, ways", [
    ("G", "G", [(0, 0)]), ("G", "D", [(-3, -5)]), ("D", "G", [(3, 5)]), ("B", "C", [(1, 1)]), ("Bb", "A", [(-1, -1)]),
    ("F#", "F", [(0, -1)]), ("Cb", "B", [(-1, 0)]), ("Bb", "E", [(3, 6), (-4, -6)]), ("C", "F#", [(3, 6), (-4, -6)]),
])
def test_a_tune_goes_the_short_way(tonic, other, ways):
    assert intervals(tonic, other) == ways


def test_of_two_ways_that_are_equally_short_one_that_stays_in_range_is_taken():
    assert moved(in_key("EGB", "E"), "Bb") == in_key("Bdf", "Bb")
    assert moved(in_key("EBb", "E"), "Bb") == in_key("B,Ff", "Bb")
    assert moved(in_key("B,b", "E"), "Bb") is None


@pytest.mark.parametrize("music, old, new, fits", [
    ("Cc'", "F", "C", True), ("B,c'", "F", "C", False),  # a fourth down: G, is the lowest
    ("Bb", "D", "G", True), ("Bc'", "D", "G", False),  # a fourth up: e' is the highest
    ("^^e", "C", "F", True), ("^^e", "C", "D", False), ("__F", "C", "G", True), ("__F", "C", "F", False),
])
def test_what_leaves_the_range_or_needs_a_triple_sharp_is_not_to_be_had(music, old, new, fits):
    assert (moved(in_key(music, old), new) is not None) == fits


@pytest.mark.parametrize("music", [
    '"Am Em"GABc', '"G/"A', '"C D"A', '"G', "!G", "G[K:D]A", "G\nK:D\nA", "^ G", "G^", "^^^G", "^_G", "G#", "é", "c,",
    "C'", "G',",
])
def test_a_tune_that_is_not_wholly_understood_stays(music):
    assert moved(in_key("GABc", "G"), "A")
    assert moved(in_key(music, "G"), "A") is None


@pytest.mark.parametrize("key", ["", "none", "HP", "Gm clef=bass", "H", "g", "Gmixa", "G exp ^f"])
def test_a_key_that_is_not_known_is_left_alone(key):
    assert parse(in_key("GABc", key)) is None


def test_only_notes_and_the_key_are_touched():
    text = "X:12\nT:A Bad Cabbage, E'g\n% in G\nM:C|\nL:1/8\nK:G\n|:(3GAB {c}d-d/ z2 [GB]2|1 ~A>B:|2 A<B|]\nA:|\n\n"
    assert moved(text, "A") == text.replace("K:G\n|:(3GAB {c}d-d/ z2 [GB]2|1 ~A>B:|2 A<B|]\nA:|",
                                            "K:A\n|:(3ABc {d}e-e/ z2 [Ac]2|1 ~B>c:|2 B<c|]\nB:|")


@pytest.mark.parametrize("music, old, new, expected", [
    ('"G"GB "D7/F#"Ad', "G", "C", '"C"ce "G7/B"dg'), ('"Bb"B "F#dim7"f', "Bb", "C", '"C"c "G#dim7"g'),
    ('"Am"A "E7"^G "C#m7b5"e', "Am", "Em", '"Em"E "B7"^D "G#m7b5"B'),
    ('"Gmaj7"G "Asus4"A', "G", "A", '"Amaj7"A "Bsus4"B'),
    ('"^slow"G "_Am"A "Fine"B "(2nd time)"c', "G", "A", '"^slow"A "_Am"B "Fine"c "(2nd time)"d'),
    ("G % G and A\n%%MIDI gchord fzcz\nP:A\nw:la A\nA[M:3/4]B", "G", "A",
     "A % G and A\n%%MIDI gchord fzcz\nP:A\nw:la A\nB[M:3/4]c"),
    ("!trill!G +fermata+A .B (TG uA) x2 \\\nA", "G", "A", "!trill!A +fermata+B .c (TA uB) x2 \\\nB"),
    ("GAB", "Gmajor % bright", "Amajor % bright", "ABc"), ("EGA", "E dorian", "A dorian", "Acd"),
    ("EGA", " Emin", " Amin", "Acd"), ("BCD", "Bloc", "Eloc", "eFG"),
])
def test_chord_names_go_with_the_notes_and_what_is_no_music_stays(music, old, new, expected):
    text, tonic = in_key(music, old), new.strip()[:1]
    assert moved(text, tonic, EVERY_CHARACTER | set(text) | set("#mM7/")) == in_key(expected, new)
    assert_moved_alike_with_its_chords(text, in_key(expected, new))


@pytest.mark.slow
def test_nearly_every_tune_of_another_style_moves_and_abc2midi_plays_the_same_notes_and_chords():
    texts = split_tunes(nottingham.tunes(300))
    known = set("".join(texts)) | set("#")
    tonics = {mode: {tune.tonic for tune in map(parse, texts) if tune and tune.mode == mode} for mode in MODES}
    count = 0
    for text in texts:
        tune = parse(text)
        found = targets(tune, sorted(tonics[tune.mode] - {tune.tonic}), known)
        for tonic, table in found.items():
            assert_moved_alike_with_its_chords(text, transposed(tune, tonic, table))
        count += bool(found)
    assert count > 230


def test_a_tune_stays_within_the_characters_that_are_known():
    assert moved(in_key("=f", "G"), "C", "ABCDEFGabcdefg=^_")
    assert moved(in_key("=f", "G"), "C", "ABCDEFGabcdefg=^") is None


def test_the_range_is_that_of_the_tunes_that_ship():
    names = Counter(pitch.lstrip("^_=") for tune in TUNES for pitch in parse(tune).parts[1::2])
    assert names.keys() - set(NAMES) == {"f'", "a'"} and names["f'"] + names["a'"] == 3
    assert names.keys() >= set(NAMES)
    assert sum(names.values()) == 246_952


# -- abc2midi as the oracle


def assert_right_in_another_key(text):
    """In a key drawn from all that a tune can have: its notes, its way back, and what the judges say."""
    pytest.importorskip("symusic")
    tune = parse(text)
    keys = sorted(targets(tune, sorted(TONICS[tune.mode] - {tune.tonic}), EVERY_CHARACTER))
    if not keys:
        return 0
    other = moved(text, random.Random(text).choice(keys))
    way = assert_moved_alike(text, other)
    assert set(other) <= EVERY_CHARACTER
    back = moved(other, tune.tonic)
    if abs(way) != 6 and back:  # which may have gone down and come down again
        assert played(back) == played(text)
    assert judge_tune(other.strip()).flawless
    return 1


def test_abc2midi_plays_the_same_notes_in_another_key():
    assert sum(map(assert_right_in_another_key, TUNES[:2000:100])) == 20


@pytest.mark.slow
def test_abc2midi_plays_the_same_notes_of_all_tunes_in_another_key():
    assert sum(map(assert_right_in_another_key, TUNES)) > 2200


# -- training


@pytest.fixture(scope="module")
def corpus():
    return Corpus.of(SHORT, 0.1)


@pytest.fixture(scope="module")
def transposer(corpus):
    return Transposer(corpus)


def test_no_share_of_the_tunes_is_the_text_itself(corpus, transposer):
    ids, edges = transposer.text(0.0, 1, 1)
    np.testing.assert_array_equal(ids, corpus.training)
    np.testing.assert_array_equal(edges, corpus.edges)


def test_keys_are_a_function_of_seed_and_epoch(transposer):
    texts = {(seed, epoch): transposer.text(1.0, seed, epoch) for seed in (1, 2) for epoch in (1, 2, 3)}
    assert len({ids.tobytes() for ids, _ in texts.values()}) == 6
    for (seed, epoch), (ids, edges) in texts.items():
        again = transposer.text(1.0, seed, epoch)
        assert (again[0].tobytes(), again[1].tobytes()) == (ids.tobytes(), edges.tobytes())


def test_each_tune_is_itself_in_a_key_that_it_can_have(corpus, transposer):
    ids, edges = transposer.text(0.5, 3, 1)
    decode, changed = corpus.vocabulary.decode, 0
    before, after = split_tunes(decode(corpus.training)), split_tunes(decode(ids))
    assert [len("".join(after[:i])) for i in range(len(after) + 1)] == edges.tolist()
    for old, new in zip(before, after, strict=True):
        tonic, number = parse(new).tonic, new.split("\n")[0]
        old = old.replace(old.split("\n")[0], number)
        assert new == old or new == moved(old, tonic, corpus.vocabulary.characters)
        changed += tonic != parse(old).tonic
    assert 0.1 * len(before) < changed < 0.6 * len(before)


def first_lines(transposer, *key):
    """The lines X: of an epoch."""
    return [tune.split("\n")[0] for tune in split_tunes(transposer.vocabulary.decode(transposer.text(*key)[0]))]


def test_numbers_are_drawn_from_all_that_are_as_long_so_that_none_names_a_tune():
    corpus = Corpus.of(TEXT, 0.1)
    numbers = np.array([[int(line.removeprefix("X:")) for line in first_lines(Transposer(corpus), 1.0, 1, epoch)]
                        for epoch in range(1, 6)])
    assert numbers.min() >= 1 and numbers.max() <= 9999
    shares = np.histogram(numbers, bins=4, range=(1, 9999))[0] / numbers.size
    np.testing.assert_allclose(shares, 0.25, atol=0.02)  # also those that only held-out tunes have
    assert (numbers[0] == numbers[1]).mean() < 0.01


@pytest.mark.parametrize("line, lines", [
    ("X: 12  % of a book", r"X: \d{1,2}  % of a book"), ("X:", "X:"), ("X:1234567890123", "X:1234567890123"),
])
def test_only_the_number_of_a_tune_is_another(line, lines):
    every = "".join(f"X:{n}\nK:{key}\nABc dBA|\n\n" for n in range(10, 99) for key in "GD")
    transposer = Transposer(Corpus.of(f"{line}\nK:G\nABc X:5|\n\n" + every, 0.1))
    assert re.fullmatch(lines, first_lines(transposer, 1.0, 3, 1)[0])


def test_a_text_that_lacks_some_digits_has_no_other_numbers_than_it_can_write():
    tunes = [f"X:{n}\nK:{key}\nABc|\n\n" for n in (1, 2, 12, 21) for key in "GD"]
    transposer = Transposer(Corpus.of("".join(tunes), 0.1))
    lines = {line for epoch in range(40) for line in first_lines(transposer, 1.0, 1, epoch)}
    assert lines == {f"X:{n}" for n in (1, 2, 11, 12, 21, 22)}


def test_keys_stay_about_as_frequent_as_they_are():
    corpus = Corpus.of(TEXT, 0.1)
    transposer = Transposer(corpus)

    def shares(text):
        keys = Counter(header_fields(tune)["K"] for tune in split_tunes(text))
        return {key: count / keys.total() for key, count in keys.items()}

    before = shares(corpus.vocabulary.decode(corpus.training))
    after = shares(corpus.vocabulary.decode(transposer.text(1.0, 1, 1)[0]))
    for key in before:
        assert after.get(key, 0) == pytest.approx(before[key], abs=0.03), key


def trainer_of(corpus, **settings):
    settings = Settings(epochs=3, batch_size=2, seq_length=16, schedule="cosine", **settings)
    return new_trainer(Config(len(corpus.vocabulary), 4, 5, 1), settings, corpus, "numba", 1)


@pytest.mark.parametrize("shuffle", [False, True])
def test_an_epoch_in_other_keys_has_as_many_batches_as_any(corpus, transposer, shuffle):
    trainer, rates = trainer_of(corpus, transpose=0.8, shuffle=shuffle, seed=6), []
    batches = len(trainer_of(corpus).batches)
    for epoch in (1, 2, 3):
        ids, edges = transposer.text(0.8, 6, epoch)
        assert len(ids) != len(corpus.training)
        ids = shuffled(ids, edges, 6, epoch) if shuffle else ids
        ids = np.concatenate([ids, ids])[: len(corpus.training)]
        assert len(trainer.batches) == batches
        rows = np.concatenate([inputs for inputs, _ in trainer.batches])
        np.testing.assert_array_equal(rows.T.ravel()[: len(rows)], ids[: len(rows)])
        for _ in trainer.steps():
            rates.append(trainer.learning_rate)
        trainer.finish_epoch()
    assert trainer.adam.t == 3 * batches
    assert rates[-2] == pytest.approx(LOWEST * trainer.settings.learning_rate)  # the next step's, so of the last


@pytest.mark.parametrize("text", [
    "no tunes at all, " * 30,
    "".join(f"X:{n}\nK:G\nabc {'d' * n}|\n\n" for n in range(30)),  # one key
    "".join(f"X:{n}\nK:{'GAD'[n % 3]}\n\"G or A\"ABcd efga|\n\n" for n in range(30)),  # texts that may be chords
])
def test_a_text_of_which_no_tune_can_move_is_refused(text):
    with pytest.raises(InputError, match="^--transpose 0.5 needs .*leave it out for this text$"):
        trainer_of(Corpus.of(text, 0.1), transpose=0.5)


def test_in_other_keys_a_tune_stands_once_in_each_key_of_its_mode_but_its_own():
    tunes = [in_key("GAB c2|", "G"), in_key("d2 f2|", "D"), in_key("A2|", "Am"), "no tune at all"]
    assert [*in_other_keys(tunes, EVERY_CHARACTER)] == [in_key("DEF G2|", "D"), in_key("g2 b2|", "G")]


def test_a_tune_copied_into_another_key_is_found_to_be_copied():
    training = "".join(TUNES[:20])
    tune = next(tune for tune in map(parse, TUNES[:20]) if tune.mode == "" and tune.tonic != "D")
    copy = body(transposed(tune, "D", targets(tune, ["D"], EVERY_CHARACTER)["D"]))
    everywhere = spans_of("".join([training, *in_other_keys(TUNES[:20], EVERY_CHARACTER)]))
    assert copy not in spans_of(training)
    assert longest_copied(copy, everywhere) == len(copy)
