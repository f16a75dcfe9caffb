"""What all tests share."""

import signal

import numpy as np
import pytest

from lstm.notation.abc2midi import ask_abc2midi
from lstm.rendering import music, outputs
from lstm.storage import run

# A process that a shell starts in the background ignores Ctrl-C, and so do its children; tests that send it must not.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def floating_point_faults_are_errors():
    """Overflow, division by zero and invalid operations of NumPy raise; underflow to zero is as meant."""
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        yield


@pytest.fixture(autouse=True)
def nothing_is_remembered_of_other_tests():
    """A tune's answers of abc2midi and of the engraver are kept within a process."""
    ask_abc2midi.cache_clear()
    music.engraved.cache_clear()


@pytest.fixture
def no_pictures(monkeypatch):
    """Drawing the curves takes longer than training small models. Processes of their own do draw them."""
    monkeypatch.setattr(run, "save", lambda figure, path: path.touch())
    monkeypatch.setattr(run, "training_curves", lambda history: None)


@pytest.fixture
def renderers(monkeypatch):
    """Stand-ins for the libraries of the extra: what they make says what it is of."""
    monkeypatch.setattr(music, "check_installed", lambda: None)
    monkeypatch.setattr(music, "svg", lambda tune: "svg of " + tune)
    for kind in ("png", "midi", "wav"):
        monkeypatch.setattr(music, kind, lambda tune, kind=kind: f"{kind} of {tune}".encode())
    monkeypatch.setattr(outputs, "album", lambda tunes, about: "\n".join([about, *tunes]))


@pytest.fixture
def whole():
    """A function: what `generate_many` yields -> {stream: (its text, why it ended)}."""

    def joined(pieces):
        texts = {}
        for stream, text, end in pieces:
            before, ended = texts.get(stream, ("", ""))
            assert not ended
            texts[stream] = before + text, end
        return texts

    return joined
