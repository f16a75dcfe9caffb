"""sample.py as its users meet it: tunes to order, tunes that pass, files of tunes, and where the weights come from.

See test_sample.py for the text it writes, test_header.py for headers, test_outputs.py for names of files.
"""

import importlib
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
from collections import deque
from dataclasses import replace
from pathlib import Path

import pytest

import lstm.storage.checkpoint
from commands import TINY
from helpers import run_command
from lstm.corpus import Corpus
from lstm.engine.threads import Workers
from lstm.io import InputError, places
from lstm.model import CharRNN, Config, initial_parameters
from lstm.notation import judge
from lstm.notation.judge import Verdict
from lstm.notation.tunes import header_fields, split_tunes
from lstm.rendering import music, outputs
from lstm.settings import Settings
from lstm.storage import imported
from lstm.storage.checkpoint import Checkpoint, save_weights, weights_path
from lstm.training import Trainer

compose = importlib.import_module("lstm.compose")  # because `lstm.compose` is the function of that name
ROOT = Path(__file__).resolve().parent.parent
KINDS = ["--svg", "--png", "--midi", "--wav"]
REEL = "T:A Reel\nR:reel\nM:4/4\nL:1/8\nK:G\n|:abcd dBAG|abcd dBAG|abcd dBAG|abcd dBAG:|\n\n"
JIG = "T:A Jig\nR:jig\nM:6/8\nL:1/8\nK:G\n|:abc BAG|abc BAG|abc BAG|abc BAG:|\n\n"
COIN = random.Random(1)
TEXT = "".join(f"X:{n}\n{COIN.choice([REEL, JIG]).replace('K:G', COIN.choice(['K:G', 'K:D']))}" for n in range(1, 61))
RIGHT, WRONG = Verdict(True, (), (), 2, 2), Verdict(True, (), ("a warning",), 2, 2)


def call(*arguments, name="sample.py", terminal=False):
    """Run the command in this process: (status, standard output, standard error)."""
    return run_command(lambda argv: compose.main(argv, name), name, *arguments, terminal=terminal)


def tunes_of(text):
    return [tune.strip() for tune in split_tunes(text)]


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """A directory of weights that know the two tunes by heart."""
    directory = tmp_path_factory.mktemp("learnt")
    corpus = Corpus.of(TEXT, 0.1)
    config = Config(len(corpus.vocabulary), embedding=8, units=48, layers=1, dropout=0.0)
    settings = Settings(batch_size=4, seq_length=40, learning_rate=0.02, epochs=14)
    model = CharRNN(config, initial_parameters(config, 1))
    deque(Trainer(model, settings, corpus.training, corpus.validation, Workers(1)).records(), maxlen=0)
    save_weights(weights_path(directory, 14), Checkpoint(model, corpus.vocabulary, 14))
    return directory


@pytest.fixture
def usual(learnt):
    """The options of most calls."""
    return ["--model-dir", learnt, "--random-seed", 5]


@pytest.fixture
def stubs(monkeypatch, renderers):
    """Stand-ins for the extra's libraries, and for the judges: to them a reel is right and a jig is wrong."""
    monkeypatch.setattr(compose, "find_abc2midi", lambda: "abc2midi")
    monkeypatch.setattr(compose, "judge_tune", lambda tune, abc2midi: RIGHT if "A Reel" in tune else WRONG)


# -- tunes to order


def test_header_lines_that_are_wanted_are_there_and_the_rest_is_composed(usual):
    status, out, err = call(*usual, "--tunes", 5, "--rhythm", "jig", "--key", "D", "--temperature", 0.5)
    assert status == 0
    tunes = tunes_of(out)
    assert len(tunes) == 5
    for tune in tunes:
        fields = header_fields(tune)
        assert "".join(fields) == "XTRMLK"
        assert (fields["R"], fields["M"], fields["K"]) == ("jig", "6/8", "D")  # the network knows how a jig goes on
        assert "|abc BAG|" in tune
    assert err.count("\n") == 1


def test_a_tune_to_order_is_the_same_alone_and_beside_others(usual):
    wanted = ["--rhythm", "reel", "--meter", "6/8", "--temperature", 1.2]
    one, three, again = (call(*usual, *wanted, "--tunes", n, "--threads", t)[1] for n, t in ((1, 1), (3, 2), (3, 1)))
    assert tunes_of(three)[0] == tunes_of(one)[0]
    assert again == three
    assert len({*tunes_of(three)}) == 3


def test_a_wish_means_whole_tunes(usual):
    status, out, err = call(*usual, "--key", "G", "--length", 30)
    assert (status, len(out)) == (0, len("X:") + 30)
    assert "tune 1 was cut after 30 characters" in err


def test_what_the_corpus_does_not_have_is_told_and_done(usual):
    status, out, err = call(*usual, "--rhythm", "bridle", "--meter", "4/8", "--temperature", 0.3)
    assert (status, header_fields(out)["R"], header_fields(out)["M"]) == (0, "bridle", "4/8")
    assert re.search(r"\nno tune that this network learnt has R:bridle, so .*; they have reel, jig, ", err)
    assert re.search(r"\nno tune that this network learnt has M:4/8, so .*; they have 4/4, ", err)


# -- tunes that pass


def test_valid_tunes_are_those_of_all_that_pass(usual, stubs):
    _, everything, _ = call(*usual, "--tunes", 40)
    reels = [number for number, tune in enumerate(tunes_of(everything), 1) if "A Reel" in tune]
    assert 5 < len(reels) < 40
    status, out, err = call(*usual, "--tunes", 5, "--valid")
    assert status == 0
    assert tunes_of(out) == [tunes_of(everything)[number - 1] for number in reels[:5]]
    assert "\n\nX:" in out and not out.endswith("\n\n")
    assert err.splitlines()[-1] == f"5 of the {reels[4]} tunes composed passed"


def test_only_what_passes_is_written(usual, stubs, tmp_path):
    places = ["--midi", "--out-dir", tmp_path / "midi", "--out", tmp_path / "out", "--album", tmp_path / "album"]
    status, out, _ = call(*usual, "--tunes", 3, "--valid", *places)
    assert (status, len(tunes_of(out))) == (0, 3)
    assert (tmp_path / "out").read_text() == out
    assert tunes_of((tmp_path / "album").read_text().partition("\n")[2]) == tunes_of(out)
    files = (tmp_path / "midi").iterdir()
    assert {path.read_text().removeprefix("midi of ").strip() for path in files} == {*tunes_of(out)}


def test_it_gives_up_where_hardly_any_tune_passes(usual, stubs, monkeypatch):
    monkeypatch.setattr(compose, "TRIES", 4)
    monkeypatch.setattr(compose, "judge_tune", lambda tune, abc2midi: WRONG)
    status, out, err = call(*usual, "--tunes", 3, "--valid")
    assert (status, out) == (1, "")
    says = "0 of the 12 tunes composed passed, and 3 wanted; a lower --temperature .*"
    assert re.fullmatch(says, err.splitlines()[-1])


def test_a_tune_that_was_cut_does_not_pass(usual, stubs, monkeypatch):
    monkeypatch.setattr(compose, "TRIES", 4)
    monkeypatch.setattr(compose, "judge_tune", lambda tune, abc2midi: RIGHT)
    status, out, err = call(*usual, "--valid", "--length", 20)
    assert (status, out, err.count("\n")) == (1, "", 2)


def test_the_judges_are_missed_before_anything_is_composed(usual, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    status, out, err = call(*usual, "--valid")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "python -m pip install" in err


def test_the_judges_own_verdict_counts(usual):
    pytest.importorskip("symusic")
    status, out, err = call(*usual, "--tunes", 2, "--valid", "--temperature", 0.5)
    assert (status, len(tunes_of(out))) == (0, 2)
    assert all(judge.judge_tune(tune).flawless for tune in tunes_of(out))


# -- files of tunes


def test_each_tune_has_its_files_and_all_have_a_page(usual, stubs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places = [*KINDS, "--out-dir", "all", "--album", "album.html", "--out", "tunes.abc"]
    status, out, err = call(*usual, "--tunes", 2, *places)
    assert status == 0
    names = [outputs.file_name(tune) for tune in split_tunes(out)]
    files = [f"{name}{ending}" for name in names for ending in (".svg", ".png", ".mid", ".wav")]
    assert sorted(os.listdir("all")) == sorted(files)
    assert sorted(os.listdir()) == ["album.html", "all", "tunes.abc"]
    said = [*(f"all/{file}" for file in files), "tunes.abc", "album.html"]
    assert err.splitlines()[1:] == [f"written to {place}" for place in said]
    assert re.match(r"weights .*weights.14.h5, --random-seed 5\nX:", Path("album.html").read_text())
    assert call(*usual, "--tunes", 2)[1] == out  # they change nothing in the text


def test_the_present_directory_is_where_they_go(usual, stubs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, out, _ = call(*usual, "--svg")
    assert os.listdir() == [outputs.file_name(out) + ".svg"]


def test_a_tune_that_cannot_be_played_is_kept_as_text(usual, stubs, monkeypatch, tmp_path):
    def reels_only(tune):
        if "A Jig" in tune:
            raise music.Unplayable("this is a jig")
        return b"sound"

    monkeypatch.setattr(music, "midi", reels_only)
    status, out, err = call(*usual, "--tunes", 16, "--midi", "--out-dir", tmp_path)
    jigs = [number for number, tune in enumerate(tunes_of(out), 1) if "A Jig" in tune]
    assert (status, len(tunes_of(out))) == (0, 16) and 0 < len(jigs) < 16  # a fair coin fails in one of 32,768
    assert re.findall(r"tune (\d+) \(a-jig-\w+\) has no midi: this is a jig\n", err) == list(map(str, jigs))
    assert len(os.listdir(tmp_path)) == len({tune for tune in tunes_of(out) if "A Jig" not in tune})


def test_of_a_seed_with_tunes_before_the_last_is_the_one(usual, stubs, tmp_path):
    status, out, _ = call(*usual, "--svg", "--out-dir", tmp_path, "--seed", f"X:7\n{JIG}X:8\nT:A R")
    assert (status, out.count("X:")) == (0, 2)
    assert os.listdir(tmp_path) == [outputs.file_name("X:8" + out.partition("X:8")[2]) + ".svg"]


def test_ctrl_c_keeps_the_tunes_that_are_whole(usual, stubs, tmp_path, monkeypatch):
    real = compose.generate_many

    def generate_many(*arguments, **choices):
        ended = 0
        for chunk in real(*arguments, **choices):
            yield chunk
            ended += bool(chunk.end)
            if ended == 4:
                raise KeyboardInterrupt

    monkeypatch.setattr(compose, "generate_many", generate_many)
    places = ["--svg", "--out-dir", tmp_path / "all", "--album", tmp_path / "album", "--out", tmp_path / "out"]
    status, out, _ = call(*usual, "--tunes", 1000, *places)
    assert status == 130
    assert (tmp_path / "out").read_text() == out
    album = split_tunes((tmp_path / "album").read_text().partition("\n")[2])
    assert 0 < len(album) <= 4 and out.startswith("".join(album))
    assert {*os.listdir(tmp_path / "all")} == {outputs.file_name(tune) + ".svg" for tune in album}


def test_a_full_disk_loses_no_text(usual, stubs, tmp_path, monkeypatch):
    def write_bytes(path, data):
        if Path(path).suffix == ".svg":
            raise InputError(f"cannot write {path}: No space left on device; make room")
        Path(path).write_bytes(data)

    monkeypatch.setattr(outputs, "write_bytes", write_bytes)
    status, out, err = call(*usual, "--tunes", 3, "--svg", "--out-dir", tmp_path, "--out", tmp_path / "out")
    assert (status, len(tunes_of(out))) == (2, 1)
    assert (tmp_path / "out").read_text() == out
    assert re.search(r"\nsample.py: cannot write .*svg: No space left on device; make room\n$", err)


def test_the_files_are_what_they_are_called(usual, tmp_path):
    for library in ("symusic", "verovio", "resvg_py", "soundfile"):
        pytest.importorskip(library)
    places = [*KINDS, "--out-dir", tmp_path, "--album", tmp_path / "album.html"]
    status, out, err = call(*usual, "--seed", "X:1\n" + REEL.strip(), "--temperature", 0, *places)
    assert status == 0, err
    begins = {".svg": b"<svg", ".png": b"\x89PNG", ".mid": b"MThd", ".wav": b"RIFF", ".html": b"<!DOCTYPE html>"}
    made = {path.suffix: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(made) == sorted(begins)
    assert all(begins[ending] in data[:300] for ending, data in made.items())


# -- progress


@pytest.mark.parametrize("options", [["--valid"], []], ids=str)
def test_a_terminal_sees_how_far_it_is_and_a_file_does_not(usual, stubs, options):
    for terminal in (True, False):
        status, out, err = call(*usual, "--tunes", 3, *options, terminal=terminal)
        assert (status, len(tunes_of(out))) == (0, 3)
        assert ("0/3" in err) == terminal
        assert "\r" not in out


# -- what is refused

MANY = "G" * 10**5
NONSENSE = {
    "--key": ["", "H", "edor", "Em7", "G\n", "F#m", "none", MANY],
    "--meter": ["", "C", "6", "0/8", "6/7", "6/8/8", "-6/8", "nan", MANY],
    "--rhythm": ["", " ", "reel\nK:D", "rëel", "reel;", "\x00", "x\udcff"],
}


@pytest.mark.parametrize("option, value", [(option, value) for option, values in NONSENSE.items() for value in values])
def test_a_nonsensical_wish_is_named(usual, option, value):
    status, out, err = call(*usual, f"{option}={value}")
    assert (status, out) == (2, "")
    assert re.fullmatch(rf"sample\.py: {option} [^\n]+\n", err)


@pytest.mark.parametrize("options, says", [
    (["--key", "G", "--seed", "X:1"], "--key G and a seed both say how a tune begins; write the line into the seed"),
    (["--rhythm", "jig", "--seed-file", "FILE"], "--rhythm jig and a seed both say"),
    (["--out-dir", "new"], "--out-dir new is for files of --svg"),
    (["--svg", "--out-dir", "FILE"], "cannot write .*: File exists"),
    (["--svg", "--out-dir", "FILE/new"], "cannot write .*: Not a directory"),
    (["--album", "new/album.html"], "cannot write new/album.html: No such file or directory"),
    (["--album", "."], "cannot write .: it is a directory"),
    (["--album", "same", "--out", "same"], "--out and --album both name same"),
    (["--album", ""], "empty name"),
    (["--valid=yes"], "argument --valid: ignored explicit argument 'yes'"),
    (["--midi=1"], "argument --midi: ignored explicit argument '1'"),
    (["--mid"], "unrecognized arguments: --mid"),
])
def test_what_cannot_be_is_refused_before_anything_is_composed(usual, stubs, tmp_path, monkeypatch, options, says):
    monkeypatch.chdir(tmp_path)
    Path("FILE").write_text("X:1\n")
    status, out, err = call(*usual, *options)
    assert (status, out, os.listdir()) == (2, "", ["FILE"])
    assert re.fullmatch(r"sample\.py: [^\n]+\n", err) and re.search(says, err)


@pytest.mark.parametrize("option", [*KINDS, "--album"])
def test_without_the_extra_the_pip_command_is_all_that_is_said(usual, tmp_path, monkeypatch, option):
    monkeypatch.setattr(music.importlib.util, "find_spec", lambda name: None)
    monkeypatch.chdir(tmp_path)
    status, out, err = call(*usual, option, *(["album.html"] if option == "--album" else ["--out-dir", "new"]))
    assert (status, out, os.listdir()) == (2, "", [])
    assert re.fullmatch(r"sample\.py: [^\n]*python -m pip install[^\n]*music[^\n]*\n", err)


@pytest.mark.parametrize("option", [*KINDS, "--album=FILE", "--valid", "--key=G", "--meter=6/8", "--rhythm=jig"])
def test_a_model_that_knows_no_tunes_is_not_asked_for_any(learnt, tmp_path, option):
    checkpoint = imported.load(weights_path(learnt, 14))
    save_weights(weights_path(tmp_path, 1), replace(checkpoint, abc=False))
    status, out, err = call("--model-dir", tmp_path, option)
    assert (status, out) == (2, "")
    name = option.partition("=")[0]
    assert re.fullmatch(rf"sample\.py: {name} needs a model that learnt ABC tunes, and [^\n]*; use --length\n", err)


def test_any_mixture_of_options_ends_well_or_in_one_line(usual, stubs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pieces = "--valid --tunes 2 --length 9 --key G Edor --meter 6/8 --rhythm jig --seed X:1 --seed-file out --out out"
    pieces += " --album a.html --out-dir all --temperature 0 -- - = --top-p 0.5 --random-seed 14 é --key= \udcff"
    pieces = [*pieces.split(" "), *KINDS, ""]
    rng, statuses = random.Random(3), set()
    for _ in range(150):
        arguments = [rng.choice(pieces) for _ in range(rng.randrange(1, 7))]
        status, out, err = call(*usual, "--length", 40, *arguments)
        assert status in (0, 1, 2), arguments
        statuses.add(status)
        if status == 2 and not out:
            assert re.fullmatch(r"sample\.py: [^\n]+\n", err), (arguments, err)
    assert {0, 2} <= statuses


# -- the weights that ship


def test_the_weights_that_ship_serve_from_the_package_where_it_is_installed(learnt, tmp_path, monkeypatch):
    monkeypatch.setattr(lstm.storage.checkpoint, "__file__", str(tmp_path / "lstm" / "storage" / "x.py"))
    monkeypatch.setattr(places, "MODELS", tmp_path / "model")
    assert "no weights in" in call("--length", 1)[2]
    (tmp_path / "lstm" / "pretrained").mkdir(parents=True)
    shutil.copy(weights_path(learnt, 14), tmp_path / "lstm" / "pretrained")
    status, out, err = call("--length", 1, "--random-seed", 3)
    assert (status, len(out)) == (0, 3)
    assert re.fullmatch(r"no run of your own, so those that ship: weights .*weights.14.h5, --random-seed 3\n", err)


@pytest.mark.slow
def test_an_installed_package_trains_composes_and_evaluates_without_the_checkout(tmp_path):
    """The wheel, in a directory of its own, run from another: nothing of the checkout takes part."""
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        (tmp_path / "source").mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "source")
    for name in ("lstm", "model/pretrained"):
        shutil.copytree(ROOT / name, tmp_path / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
    installed, source = tmp_path / "installed", tmp_path / "source"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", installed, source]
    subprocess.run(pip, check=True, timeout=300)
    shutil.rmtree(tmp_path / "source")
    (tmp_path / "elsewhere").mkdir()
    arguments = ["-m", "lstm.compose", "--random-seed", "1", "--length", "60"]
    environment = os.environ | {"PYTHONPATH": str(installed)}
    options = {"cwd": tmp_path / "elsewhere", "env": environment, "timeout": 300, "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, *arguments], check=True, **options)
    shipped = next((ROOT / "model" / "pretrained").glob("weights.*.h5")).name
    assert str(Path("installed", "lstm", "pretrained", shipped)) in done.stderr
    assert done.stdout == call("--model-dir", ROOT / "model" / "pretrained", *arguments[2:])[1]

    def run(*command):
        done = subprocess.run([sys.executable, *command], **options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "elsewhere" / "my.txt").write_text(TEXT)
    for name in ("lstm.train", "lstm.evaluate"):
        done = subprocess.run([sys.executable, "-m", name], **options)
        assert (done.returncode, done.stdout) == (2, "") and re.fullmatch(rf".*{name}: .*--input[^\n]*\n", done.stderr)
    said = run("-m", "lstm.train", "--input", "my.txt", *TINY).splitlines()[-1]
    command = shlex.split(said.partition(": ")[2])
    assert command[:3] == ["python", "-m", "lstm.compose"] and (tmp_path / "elsewhere" / "model").is_dir()
    assert run(*command[1:], "--length", "5")
    run("-m", "lstm.evaluate", "--input", "my.txt", "--samples", "2", "--temperatures", "1")
    assert (tmp_path / "elsewhere" / "logs" / "evaluation" / "evaluation.json").is_file()
    for name in ("train", "compose", "evaluate", "gradcheck"):
        assert run("-m", f"lstm.{name}", "--version").startswith(f"python -m lstm.{name}, version ")
