"""What the first notebooks need: listening, the quiz, the split that leaks, figures of tunes and of counts."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from course import bars, listening, quiz
from course.leaky_split import window_spans, window_split
from course.next_character import next_character
from course.pictures import tunes
from matplotlib.colors import to_hex

from lstm.evaluation.heldout import Loss
from lstm.io import InputError
from lstm.model import CharRNN, Config, initial_parameters
from lstm.rendering import music
from lstm.rendering.music import Note
from lstm.vocabulary import Vocabulary

TUNE = "X:1\nT:Round\nR:jig\nM:4/4\nL:1/8\nK:G\nG2BG dGBG|c2ec gcec|\nd2dB GBdB|G8|]\nA8|]\n"


def drawn(figure):
    """The figure drawn whole, as a notebook does it; warnings are errors."""
    figure.savefig(io.BytesIO(), format="png")
    return figure


# -- listening


def test_a_score_is_a_picture_and_a_sound_is_a_player():
    pytest.importorskip("symusic"), pytest.importorskip("verovio")
    pytest.importorskip("resvg_py"), pytest.importorskip("soundfile")
    assert listening.installed()
    assert listening.score(TUNE, 300)._repr_png_().startswith(b"\x89PNG")
    assert listening.sound(TUNE, 1)._repr_html_().startswith('<audio controls src="data:audio/mpeg;base64,')


def test_a_clip_has_the_notes_that_begin_in_its_first_seconds():
    pytest.importorskip("symusic")
    soundfile = pytest.importorskip("soundfile")
    seconds = 2.0
    last = max(note.end for note in music.notes(TUNE) if note.start < seconds)
    sound = soundfile.info(io.BytesIO(listening.clip(TUNE, seconds)))
    assert sound.duration == pytest.approx(last + 0.25, abs=0.2)  # it rings on, and MP3 pads
    assert len(listening.notes(TUNE, seconds)) == sum(note.start < seconds for note in music.notes(TUNE))


def test_what_cannot_be_played_is_one_line_of_words():
    pytest.importorskip("symusic"), pytest.importorskip("verovio")
    pytest.importorskip("resvg_py"), pytest.importorskip("soundfile")
    for words in (listening.score("X:1\n"), listening.sound("X:1\n")):
        assert isinstance(words, listening.Words) and "\n" not in words and words.startswith("(no ")
        assert repr(words) == str(words)
    assert listening.notes("X:1\n") == []


def test_without_the_extra_there_are_words_that_name_the_remedy(monkeypatch):
    def missing():
        raise InputError("scores and sound need the package verovio: install it with  pip")

    monkeypatch.setattr(music, "check_installed", missing)
    assert not listening.installed()
    assert listening.score(TUNE) == "(no score: scores and sound need the package verovio: install it with  pip)"
    assert listening.sound(TUNE).startswith("(no sound: ")
    assert listening.notes(TUNE) == []


# -- the quiz


def test_an_excerpt_has_the_beginning_of_the_music_and_no_title():
    assert quiz.excerpt(TUNE) == "X:1\nM:4/4\nL:1/8\nK:G\nG2BG dGBG|c2ec gcec|\nd2dB GBdB|G8|]\n"


def test_each_composed_tune_is_joined_by_one_of_people_in_the_same_rhythm():
    def tune(rhythm, note):
        return f"X:1\nT:Of {note}\nR:{rhythm}\nM:4/4\nL:1/8\nK:C\n{note}8|\n"

    composed = [tune("reel", "A"), tune("reel", "B"), tune("jig", "C")]
    people = [tune("waltz", "a"), tune("reel", "b"), tune("jig", "c"), tune("reel", "d"), tune("air", "e")]
    asked = quiz.questions(composed, people, np.random.default_rng(0))
    assert sorted(q.tune[-4] for q in asked if q.composed) == ["A", "B", "C"]
    assert sorted(q.tune[-4] for q in asked if not q.composed) == ["b", "c", "d"]
    assert asked == quiz.questions(composed, people, np.random.default_rng(0))


# -- windows


def test_a_window_split_loses_nothing_and_holds_out_its_share():
    text = "".join(chr(97 + k % 26) for k in range(1003))
    training, held_out = window_split(text, 10, 0.2, np.random.default_rng(1))
    spans = window_spans(len(text), 10, 0.2, np.random.default_rng(1))
    assert held_out == "".join(text[start:end] for start, end in spans)
    assert len(training) + len(held_out) == len(text) and sorted(training + held_out) == sorted(text)
    assert len(spans) == 20 and all(start % 10 == 0 and 3 <= end - start <= 10 for start, end in spans)
    assert spans == sorted(spans)


# -- bars


def test_a_share_of_bars_is_never_surer_than_its_number_of_bars():
    flawed = TUNE.replace("c2ec gcec", "c2ec gce")
    share = bars.bars_right([TUNE, TUNE, flawed])
    n = sum(bars.count_bars(TUNE)) / 2
    assert share.value == pytest.approx(1 - 1 / (3 * n)) and share.low < share.value < share.high
    assert bars.bars_right([TUNE] * 3) == (1, pytest.approx(1 - 3 / (3 * n)), 1)  # the rule of three
    assert np.isnan(bars.bars_right(["X:1\nM:none\nL:1/8\nK:C\nC8|D3|\n"]).value)


def test_the_next_character_is_a_probability_for_each_that_is_known():
    vocabulary = Vocabulary.of("abc|\n")
    config = Config(len(vocabulary), 3, 4, 1)
    checkpoint = SimpleNamespace(model=CharRNN(config, initial_parameters(config, seed=1)), vocabulary=vocabulary)
    after = next_character(checkpoint, "ab|")
    assert "".join(character for character, _ in after) == vocabulary.characters
    assert sum(p for _, p in after) == pytest.approx(1)
    logits, _, _ = checkpoint.model.forward(vocabulary.encode("ab|")[:, None], checkpoint.model.initial_state())
    assert np.argmax([p for _, p in after]) == np.argmax(logits[-1, 0])


# -- figures


def test_piano_rolls_draw_every_note_at_its_pitch_and_time():
    notes = [Note(0.0, 0.5, 62, 80), Note(0.5, 0.75, 64, 80)]
    figure = drawn(tunes.piano_rolls({"One": notes, "None": []}))
    first, second = figure.axes
    bars = [(bar.get_x(), bar.get_width(), bar.get_y() + bar.get_height() / 2) for bar in first.patches]
    assert np.allclose(bars, [(0, 0.5, 62), (0.5, 0.25, 64)])
    assert first.get_title(loc="left") == "One" and not second.patches


def test_strips_draw_tunes_and_what_is_held_out_up_to_where_they_end():
    figure = drawn(tunes.strips(100, [0, 40, 90, 130], {"tunes": [(40, 90)], "windows": [(95, 105)]}))
    (axes,) = figure.axes
    boxes = [[path.get_extents().bounds[::2] for path in strip.get_paths()] for strip in axes.collections]
    assert boxes == [[(0, 40), (40, 50), (90, 10)], [(40, 50)], [(0, 40), (40, 50), (90, 10)], [(95, 5)]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["tunes", "windows"]


def test_letters_stand_on_the_colour_of_their_cost():
    text, nats = "ab c\nd\n", np.array([0.0, 1, 2, 3, 4, np.nan, 6])
    figure = drawn(tunes.letters_with_costs(text, {"one": nats, "other": nats / 2}, 5))
    first, second = figure.axes[:2]
    assert [letter.get_text() for letter in first.texts] == list("ab␣c↵d↵")
    assert [letter.get_position() for letter in first.texts] == [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (0, 1), (1, 1)]
    expected = np.array([[0, 1, 2, 3, 4], [np.nan, 6, np.nan, np.nan, np.nan]])
    assert np.allclose(np.ma.filled(first.images[0].get_array(), np.nan), expected, equal_nan=True)
    assert first.images[0].get_clim() == second.images[0].get_clim() == (0, 5)
    assert to_hex(first.texts[-1].get_color()) == "#ffffff"  # dark ground, light letter


def test_symbols_stand_in_order_of_how_often_they_are():
    figure = drawn(tunes.symbol_frequencies({"music": {"a": 5, " ": 9}, "header": {"a": 1, "T": 7}}))
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["␣", "T", "a"]
    music_dots, header_dots = axes.lines
    assert music_dots.get_xydata().tolist() == [[0, 9], [2, 5]]
    assert header_dots.get_xydata().tolist() == [[1, 7], [2, 1]]


def test_next_characters_are_bars_from_the_likeliest_on():
    after = {"|:d": [("a", 0.2), ("\n", 0.7), ("c", 0.1)], "K:": [("G", 1.0)]}
    figure = drawn(tunes.next_characters(after, most=2))
    assert [bar.get_height() for bar in figure.axes[0].patches] == [0.7, 0.2]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["↵", "a"]
    assert [axes.get_title() for axes in figure.axes] == ["|:d", "K:"]


def test_the_n_gram_curve_has_its_curves_and_lines():
    curves = {"held out": [3, 2, 2.5], "read": [3, 1, 0]}
    figure = drawn(tunes.n_gram_curve(range(3), curves, {"LSTM": 1.1}))
    (axes,) = figure.axes
    assert [line.get_ydata()[0] for line in axes.lines] == [3, 3, 1.1]
    assert axes.lines[0].get_xdata().tolist() == [0, 1, 2] and axes.texts[0].get_text() == "LSTM"


def test_header_and_music_are_a_pair_of_bars_for_each_model():
    figure = drawn(tunes.header_and_music([Loss("A", 2, 1, 3), Loss("B", 1, 0.5, 1.5)]))
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [1, 0.5, 3, 1.5]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["A", "B"]


def test_bars_against_temperature_have_ticks_where_they_were_measured():
    network = {0.4: (1, 0.99, 1), 1.6: (0.85, 0.78, 0.9)}
    figure = drawn(tunes.bars_against_temperature(network, (1, 0.98, 1)))
    (axes,) = figure.axes
    assert axes.get_xticks().tolist() == [0.4, 1.6] and axes.get_ylim() == (75, 101)
    assert axes.lines[0].get_xydata().tolist() == [[0.4, 100], [1.6, 85]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["people", "the network"]
