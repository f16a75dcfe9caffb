"""What all tests share."""

import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from commands import TEXT, TINY, assert_one_line, call, train
from helpers import tree
from lstm.notation.abc2midi import ask_abc2midi
from lstm.rendering import music, outputs
from lstm.storage import run

# A process that a shell starts in the background ignores Ctrl-C, one that nohup starts does not mind that its terminal
# closes, and so do their children; tests that send these signals must not.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


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
    music.refusals.cache_clear()


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


@pytest.fixture(scope="module")
def browser():
    """A Chromium. Skips where playwright or the browser is not there."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with playwright.sync_playwright() as tools:
        try:
            freely = ["--autoplay-policy=no-user-gesture-required"]
            chromium = tools.chromium.launch(executable_path=program, args=freely)
        except playwright.Error as error:
            pytest.skip(f"no browser: {error}")
        yield chromium
        chromium.close()


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


# -- the commands


@pytest.fixture
def refused(tmp_path):
    """A function that runs a command and checks that it refuses: one line, status 2, nothing changed."""

    def run(module, *arguments, says):
        before = tree(tmp_path)
        status, out, err = call(module, *arguments)
        assert (status, out) == (2, "")
        assert_one_line(module.__name__, err, says)
        assert tree(tmp_path) == before

    return run


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "my tunes.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture
def places(tmp_path):
    """The options that keep a run away from the checkout, and for train.py its text."""
    return ["--model-dir", tmp_path / "my model", "--log-dir", tmp_path / "my logs"]


@pytest.fixture
def training(text, places):
    """The arguments of a tiny run."""
    return ["--input", text, *places, *TINY]


@pytest.fixture(scope="session")
def learnt(tmp_path_factory):
    """A directory of weights that know the tunes by heart. No test writes there: `weights` is a copy for that."""
    directory = tmp_path_factory.mktemp("learnt")
    (directory / "tunes.txt").write_text(TEXT)
    arguments = ["--input", directory / "tunes.txt", "--model-dir", directory / "model", "--log-dir", directory]
    sizes = ["--preset", "classic"]
    sizes += ["--embedding", "8", "--units", "32", "--layers", "1", "--dropout", "0", "--batch-size", "4"]
    speed = ["--seq-length", "25", "--learning-rate", "0.02", "--epochs", "16", "--freq", "8", "--seed", "1"]
    assert call(train, *arguments, *sizes, *speed)[0] == 0
    return directory / "model"


@pytest.fixture
def weights(learnt, tmp_path):
    """A copy of those weights that a test may spoil."""
    return Path(shutil.copytree(learnt, tmp_path / "weights"))
