"""The synthesiser: the pitch that was asked for, when it was asked for, without clipping and without a click."""

import time

import numpy as np
import pytest

from lstm.rendering import synth

RATE = synth.RATE


def loudest_frequency(sound):
    """Where the spectrum of a sound has its peak, in Hz, between the bins by a parabola through three of them."""
    spectrum = np.log(np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) + 1e-12)
    peak = int(spectrum[1:-1].argmax()) + 1
    left, middle, right = spectrum[peak - 1 : peak + 2]
    return (peak + (left - right) / (left - 2 * middle + right) / 2) * RATE / len(sound)


def frequency(pitch):
    return 440 * 2 ** ((pitch - 69) / 12)


def tune(minutes):
    """A melody with four notes a second."""
    rng = np.random.default_rng(1)
    steps = np.arange(240 * minutes) / 4
    return [(start, start + 0.25, pitch, 95) for start, pitch in zip(steps, rng.integers(60, 86, len(steps)))]


# ------------------------------------------------------------------------------- pitch


@pytest.mark.parametrize("pitch", range(43, 103))
def test_a_note_has_its_pitch_within_two_cents(pitch):
    sound = synth.synthesise([(0, 1, pitch, 80)])
    assert abs(1200 * np.log2(loudest_frequency(sound) / frequency(pitch))) < 2


def test_a_scale_has_its_pitches_in_turn():
    scale = [60, 62, 64, 65, 67, 69, 71, 72]
    sound = synth.synthesise([(0.3 * n, 0.3 * (n + 1), pitch, 80) for n, pitch in enumerate(scale)])
    for n, pitch in enumerate(scale):
        later = slice(round((0.3 * n + 0.05) * RATE), round(0.3 * (n + 1) * RATE))
        assert abs(1200 * np.log2(loudest_frequency(sound[later]) / frequency(pitch))) < 30


def test_nothing_sounds_below_a_note_or_between_its_harmonics():
    sound = synth.synthesise([(0, 2, 69, 80)])
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    beside = np.abs(hertz / 440 - np.round(hertz / 440)) * 440 > 20
    assert spectrum[beside | (hertz < 420)].sum() < 1e-3 * spectrum.sum()


def test_a_note_too_high_for_the_rate_is_silent_and_not_another_one():
    sound = synth.synthesise([(0, 0.5, 69, 80), (1, 1.5, 127, 80)])
    assert np.abs(sound[: RATE // 2]).max() > 0.5 and not sound[RATE:].any()


# ------------------------------------------------------------------------------- loudness


@pytest.mark.parametrize("notes", [
    [(0, 0.25, 60, 1)], [(0, 0.25, 60, 127)], [(0, 0.01, 40, 64)], [(0, 0, 69, 64)], [(0, 60, 69, 64)],
    [(0, 1, pitch, 127) for pitch in range(40, 100)],
])
def test_the_loudest_sample_is_at_the_peak_level(notes):
    assert np.abs(synth.synthesise(notes)).max() == pytest.approx(synth.PEAK)


def test_a_note_struck_harder_is_louder():
    sound = synth.synthesise([(0, 0.25, 69, 60), (1, 1.25, 69, 120)])
    assert 2 * np.abs(sound[:RATE]).max() < np.abs(sound[RATE:]).max()


def test_a_string_dies_away_and_mellows():
    sound = synth.synthesise([(0, 3, 69, 80)]).astype(float)
    seconds = [sound[n * RATE : (n + 1) * RATE] for n in range(3)]
    loudness = [np.sqrt(np.mean(second**2)) for second in seconds]
    assert loudness[0] > 2 * loudness[1] > 4 * loudness[2] > 0
    brightness = [np.sqrt(np.mean(np.diff(second) ** 2)) / level for second, level in zip(seconds, loudness)]
    assert brightness[0] > brightness[1] > brightness[2]


# ------------------------------------------------------------------------------- clicks


def jump(sound, start, end):
    """The largest step from sample to sample between two moments; the sound is silent before and after itself."""
    silence = np.zeros(RATE)
    steps = np.abs(np.diff(np.concatenate([silence, sound, silence])))
    return steps[round((start + 1) * RATE) - 2 : round((end + 1) * RATE)].max()


def click_at_start(sound, start):
    """The largest step in a note's first half millisecond, in units of the largest of its own swing after that."""
    return jump(sound, start, start + 0.0005) / jump(sound, start + 0.0005, start + 0.05)


def click_at_end(sound, end):
    """The largest step from a note's end on, in units of the largest of its own swing before."""
    return jump(sound, end, end + 0.5) / jump(sound, end - 0.05, end - 0.001)


ENDS = 1 + np.arange(20) / 20 / frequency(48)  # all through one swing of the string


def test_a_note_starts_and_ends_without_a_click():
    for end in ENDS:
        sound = synth.synthesise([(0.5, end, 48, 100)])
        assert click_at_start(sound, 0.5) < 0.1 and click_at_end(sound, end) <= 1
        assert abs(sound[-3:]).max() < 1e-4


def test_without_rise_and_fall_it_would_click(monkeypatch):
    monkeypatch.setattr(synth, "RISE", np.ones(1, np.float32))
    monkeypatch.setattr(synth, "FALL", np.ones(1, np.float32))
    sounds = [(end, synth.synthesise([(0.5, end, 48, 100)])) for end in ENDS]
    assert max(click_at_start(sound, 0.5) for _, sound in sounds) > 0.5
    assert max(click_at_end(sound, end) for end, sound in sounds) > 2


def test_notes_in_a_row_do_not_click():
    notes = [(0.25 * n, 0.25 * (n + 1), pitch, 95) for n, pitch in enumerate([48, 55, 48, 48, 60, 48])]
    sound = synth.synthesise(notes)
    assert jump(sound, 0, 2) < 2 * max(jump(synth.synthesise([note]), 0, 2) for note in notes)


# ------------------------------------------------------------------------------- time


def test_the_sound_ends_when_the_last_string_is_still():
    sound = synth.synthesise([(0, 0.5, 60, 80), (0.25, 2, 64, 80), (1, 1.5, 67, 80)])
    assert len(sound) / RATE == pytest.approx(2 + synth.RELEASE, abs=0.001)


def test_a_note_starts_when_it_should():
    sound = synth.synthesise([(0.75, 1, 72, 80)])
    assert not sound[: round(0.75 * RATE)].any()
    assert np.abs(sound[round(0.75 * RATE) : round(0.76 * RATE)]).max() > 0.2


def test_work_grows_with_the_music_and_no_faster():
    def work(minutes):
        start = time.process_time()
        synth.synthesise(tune(minutes))
        return time.process_time() - start

    work(1)
    short, long = min(work(1) for _ in range(5)), min(work(8) for _ in range(3))
    assert long < 24 * short  # 8 is linear, 64 would be quadratic
    assert short < 0.5  # seconds; a quiet machine takes some 0.02
