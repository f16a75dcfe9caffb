"""Notes as sound: plucked strings, one for each pitch.

A plucked string is a sum of harmonics that die away, the higher ones sooner. A string is computed once and played
whenever its note occurs, which is why a minute of music takes less than a tenth of a second.

Left out: the instrument's body and the room.
"""

import numpy as np

RATE = 22_050  # samples a second: room for harmonics up to 11 kHz, more than a plucked string has

HARMONICS = 12
PLUCKED_AT = 0.19  # of the string's length: near a fifth, so that the fifth harmonic is weak and the sound round
DECAY = 2.0  # of the fundamental of A (440 Hz), in 1 / seconds ...
DAMPING = 1.2  # ... and more of it from each harmonic to the next: the sound mellows while it dies
RINGS = 4.0  # seconds, after which a string is silent
ATTACK = 0.004  # seconds from silence to the full sound
RELEASE = 0.25  # seconds a string rings on after its note, as it does under a player's hand
PEAK = 0.8  # of what 16 bits can hold

RISE = (0.5 - 0.5 * np.cos(np.linspace(0, np.pi, round(ATTACK * RATE)))).astype(np.float32)
FALL = (0.5 + 0.5 * np.cos(np.linspace(0, np.pi, round(RELEASE * RATE)))).astype(np.float32)


def synthesise(notes):
    """The sound of notes `(start, end, pitch, velocity)`: float32 (samples,), RATE a second, the loudest at PEAK.

    start, end: seconds; pitch: MIDI's number, 69 is 440 Hz; velocity: 1 to 127. It ends RELEASE after the last note.
    """
    lengths = {}  # of the longest note of each pitch
    for start, end, pitch, _ in notes:
        lengths[pitch] = max(lengths.get(pitch, 0), end - start)
    strings = {pitch: string_of(pitch, min(length + RELEASE, RINGS)) for pitch, length in lengths.items()}
    sound = np.zeros(round(max(end for _, end, _, _ in notes) * RATE) + len(FALL) + 1, np.float32)
    for start, end, pitch, velocity in notes:
        first, held = round(start * RATE), round((end - start) * RATE)
        struck = strings[pitch][: held + len(FALL)] * np.float32((velocity / 127) ** 1.5)
        fading = struck[held:]
        fading *= FALL[: len(fading)]
        sound[first : first + len(struck)] += struck
    return sound * np.float32(PEAK / max(np.abs(sound).max(), 1e-9))


def string_of(pitch, seconds):
    """One string, struck and left alone for so long: float32 (samples,). Its first harmonics have amplitudes near 1.

    Harmonic k is `a_k sin(k w t) exp(-(decay + (k - 1) damping) t)`. Their sum is the imaginary part of a polynomial
    in `exp((i w - damping) t)`, which Horner's rule evaluates without another sine.
    """
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    k = np.arange(1, min(HARMONICS, int(RATE / 2 / frequency)) + 1)  # because higher ones would alias
    amplitudes = np.sin(np.pi * PLUCKED_AT * k) / k**1.5  # between a harpsichord's 1/k and a harp's 1/k^2
    t = np.arange(round(seconds * RATE)) / RATE
    high_is_short = np.sqrt(frequency / 440)
    wave = np.exp((2j * np.pi * frequency - DAMPING * high_is_short) * t)
    first = np.exp((2j * np.pi * frequency - DECAY * high_is_short) * t)
    total = np.zeros_like(wave)
    for amplitude in amplitudes[::-1]:
        total = total * wave + amplitude
    string = (total * first).imag.astype(np.float32)
    string[: len(RISE)] *= RISE
    return string
