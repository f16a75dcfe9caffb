"""Another corpus through all commands: tunes in the style of the Nottingham collection, as `nottingham.py` makes them.

What rests on the small network that learns them here was seen with the seeds 1 to 3.
"""

import importlib
import json
import re

import nottingham
import pytest

from commands import call, sample, train
from helpers import run_command
from lstm.notation.tunes import header_fields, split_tunes
from lstm.storage import imported

evaluate = importlib.import_module("lstm.evaluate")
SIZES = "--preset classic --embedding 24 --units 128 --layers 1 --dropout 0 --batch-size 8 --seq-length 60".split()
SPEED = "--epochs 36 --freq 36 --learning-rate 0.005 --schedule cosine --transpose 0.5 --shuffle --seed 1".split()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of two files of tunes, one with Windows line ends, and a network that learnt them: in `model`."""
    folder = tmp_path_factory.mktemp("nottingham")
    (folder / "tunes").mkdir()
    (folder / "tunes" / "jigs.abc").write_bytes(nottingham.tunes(150).replace("\n", "\r\n").encode())
    (folder / "tunes" / "reels.abc").write_text("\ufeff" + nottingham.tunes(150, seed=2), encoding="utf-8")
    places = ["--model-dir", folder / "model", "--log-dir", folder / "logs"]
    status, out, err = call(train, "--input", folder / "tunes", *places, *SIZES, *SPEED)
    assert status == 0, err
    assert "\n300 tunes: 270 to learn, 30 held out\n" in out
    assert "tunes: shuffled and 50% with key and number drawn anew each epoch\n" in out
    return folder


@pytest.mark.slow
def test_the_network_knows_the_headers_of_its_corpus(folder):
    headers = imported.load(folder / "model" / "weights.36.h5").headers
    assert re.fullmatch("XTS?M?L?K?", headers.order.replace("P", "")) and headers.gap == ""
    assert set(headers.heard["M"]) == set(nottingham.METERS) and set(headers.heard["K"]) <= set(nottingham.KEYS)


@pytest.mark.slow
@pytest.mark.parametrize("key, spelt", [("G", "G"), ("E minor", "Em"), ("Adorian", "Ador")])
def test_a_wish_for_a_key_changes_the_key_alone(folder, key, spelt):
    usual = ["--model-dir", folder / "model", "--tunes", 8, "--temperature", 0.5, "--length", 800]
    for seed in (1, 2, 3):
        status, out, _ = call(sample, *usual, "--random-seed", seed, "--key", key)
        headers = [header_fields(tune) for tune in split_tunes(out)]
        assert status == 0 and len(headers) == 8
        assert all(header["K"] == spelt and {"X", "M", "L"} <= header.keys() for header in headers), out


@pytest.mark.slow
def test_scores_sound_and_an_album_come_of_its_tunes(folder, tmp_path):
    pytest.importorskip("verovio")
    usual = ["--model-dir", folder / "model", "--tunes", 4, "--temperature", 0.3, "--random-seed", 1, "--length", 900]
    wishes = ["--meter", "6/8", "--key", "D"]
    files = ["--svg", "--midi", "--out-dir", tmp_path, "--album", tmp_path / "album.html"]
    status, out, err = call(sample, *usual, *wishes, *files)
    assert status == 0, err
    assert len(list(tmp_path.glob("*.mid"))) == 4 and len(list(tmp_path.glob("*.svg"))) >= 2
    album = (tmp_path / "album.html").read_text(encoding="utf-8")
    assert album.count("<audio") == 4 and "6/8" in album and "K:D" in album


@pytest.mark.slow
def test_comments_change_no_figure_of_peoples_tunes(folder, tmp_path):
    pytest.importorskip("symusic")
    figures = []
    for comments in (True, False):
        path, out = tmp_path / f"{comments}.abc", tmp_path / str(comments)
        path.write_text(nottingham.tunes(150, comments=comments))
        arguments = ["--model-dir", folder / "model", "--samples", 2, "--temperatures", 0.5, "--out", out]
        main = evaluate.main
        status, _, err = run_command(main, "python -m lstm.evaluate", *arguments, "--input", path)
        assert status == 0, err
        people = json.loads((out / "evaluation.json").read_text())["tunes"][0]
        assert people["source"].startswith("people")
        figures.append(people["figures"])
    assert figures[0] == figures[1]
    assert figures[0]["longest copied span"]["value"] < 25  # they share no phrases
