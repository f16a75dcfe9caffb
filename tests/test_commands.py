"""The commands as users meet them: good runs, Ctrl-C, and bad input that ends in one line and status 2."""

import errno
import importlib.util
import io
import itertools
import os
import re
import resource
import shlex
import shutil
import signal
import stat
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import h5py
import numpy as np
import pytest

import lstm.storage.run
import lstm.training
from helpers import run_command, tree
from lstm.io import places as usual_places
from lstm.io.command_line import exit_with
from lstm.notation.tunes import split_tunes
from lstm.storage.checkpoint import epochs, load_weights
from lstm.storage.resume import load_resume
from lstm.storage.session import begin
from lstm.training import Trainer

pytestmark = pytest.mark.usefixtures("no_pictures")

ROOT = Path(__file__).resolve().parent.parent


def imported(name):
    """A command of the checkout as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


train, sample = imported("train"), imported("sample")
compose = importlib.import_module("lstm.compose")  # because `lstm.compose` is the function of that name

TUNE = "T:Reel\nK:G\n|:abc dBAG:|\n\n"
TEXT = "".join(f"X:{n}\n{TUNE}" for n in range(1, 41))
OTHER_TEXTS = {
    "Greek": "μῆνιν ἄειδε θεὰ Πηληϊάδεω Ἀχιλῆος\nοὐλομένην, ἣ μυρί᾽ Ἀχαιοῖς ἄλγε᾽ ἔθηκε\n" * 6,
    "Japanese": "古池や蛙飛びこむ水の音。" * 30,
}
SIZES = ["--embedding", "4", "--units", "6", "--layers", "2", "--batch-size", "4", "--seq-length", "20"]
TINY = ["--preset", "classic", *SIZES, "--epochs", "2", "--seed", "3"]


def call(module, *arguments):
    """Run train.py or sample.py in this process: (status, standard output, standard error)."""
    return run_command(module.main, f"{module.__name__}.py", *arguments)


# What processes of their own get: standard output held back, as users have it.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def start(name, *arguments, stdout=subprocess.PIPE, **options):
    """Start a command as a process of its own."""
    argv = [sys.executable, ROOT / name, *map(str, arguments)]
    return subprocess.Popen(argv, stdout=stdout, stderr=subprocess.PIPE, env=ENVIRONMENT, **options)


def ended(process, given=None):
    """Wait for its end: (status, standard output, standard error), what was not read yet."""
    out, err = process.communicate(given, timeout=60)
    return process.returncode, (out or b"").decode(), err.decode()


def last_line(err):
    """What stands on standard error after the progress bar has wiped itself away."""
    return err.split("\r")[-1]


def assert_one_line(name, err, pattern):
    assert re.fullmatch(rf"{re.escape(name)}\.py: [^\r\n]+\n", err), err
    assert re.search(pattern, err), err


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


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """A directory of weights that know the tunes by heart."""
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


def parameters(directory, epoch):
    return load_weights(Path(directory) / f"weights.{epoch}.h5").model.parameters.flat.tobytes()


# -- train.py, the good path


def test_training_tells_what_it_does_and_leaves_a_run(training, tmp_path):
    status, out, err = call(train, *training)
    assert status == 0
    shapes = load_weights(tmp_path / "my model" / "weights.2.h5").model.config.shapes
    for name, shape in shapes.items():
        row = next(line for line in out.splitlines() if line.startswith(name + " "))
        assert row.split()[1:] == [*" x ".join(map(str, shape)).split(), f"{int(np.prod(shape)):,}"]
    assert re.search(rf"in all +{sum(int(np.prod(s)) for s in shapes.values()):,}\n", out)
    assert re.search(r"memory: about \d+ MB", out)
    assert re.search(rf"text: ([\d,]+) characters to learn, ([\d,]+) held out, {len(set(TEXT))} different", out)
    lines = [line for line in out.splitlines() if re.match(r"epoch \d", line)]
    number = r"\d+\.\d+"
    for epoch, line in enumerate(lines, 1):
        losses = rf"loss {number} \({number} bits\), {number}% right; validation {number} \({number} bits\), {number}%"
        assert re.fullmatch(rf"epoch {epoch}: {losses}; \d+ s, [\d,]+ char/s", line)
    assert len(lines) == 2
    assert re.search(r"to hear what it learnt: python \S*sample.py [12] --model-dir ", out.splitlines()[-1])
    assert last_line(err) == ""
    there = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    logs, models = ["training_log.csv", "training_log.png"], ["resume.h5", "weights.1.h5", "weights.2.h5"]
    assert there == [*(f"my logs/{name}" for name in logs), *(f"my model/{name}" for name in models), "my tunes.txt"]
    assert (tmp_path / "my logs" / "training_log.csv").read_text().count("\n") == 3


def test_what_training_says_to_run_next_runs(training, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    _, out, _ = call(train, *training)
    _, _, *arguments = shlex.split(out.splitlines()[-1].partition(": ")[2])
    status, out, err = call(sample, *arguments, "--length", 9)
    assert (status, len(out), err.count("\n")) == (0, len("X:") + 9, 1)


@pytest.mark.parametrize("backend", ["numba", "numpy"])
def test_the_command_learns_what_the_package_learns(training, tmp_path, text, backend):
    assert call(train, *training, "--backend", backend, "--threads", 3)[0] == 0
    choices = {"embedding": 4, "units": 6, "layers": 2, "batch_size": 4, "seq_length": 20, "epochs": 2, "seed": 3}
    run = train.Run(tmp_path / "other", tmp_path / "other logs")
    session = begin(run, choices | {"preset": "classic", "backend": backend, "input": str(text)}, None, 1)
    assert len(list(session.trainer.records())) == 2
    assert parameters(tmp_path / "my model", 2) == session.trainer.model.parameters.flat.tobytes()


def test_the_usual_places_need_no_option(monkeypatch, tmp_path):
    for name, place in {"MODELS": "model", "LOGS": "logs", "INPUT": "input.txt"}.items():
        monkeypatch.setattr(usual_places, name, tmp_path / place)
    usual_places.INPUT.write_text(TEXT)
    status, out, _ = call(train, "--preset", "tiny", "--seq-length", 20, "--epochs", 1)
    assert status == 0
    assert re.search(r"python \S*sample.py 1$", out)
    assert epochs(tmp_path / "model") == [1]
    assert load_resume(tmp_path / "model" / "resume.h5")[1]["config"]["units"] == 256
    status, out, err = call(sample, "--length", 5)
    assert (status, len(out)) == (0, 7)
    assert "weights.1.h5" in err


def test_frequency_chooses_which_epochs_are_kept(training, tmp_path):
    assert call(train, *training, "--epochs", 3, "--freq", 2)[0] == 0
    assert epochs(tmp_path / "my model") == [2, 3]


def test_the_best_epoch_that_is_named_is_one_that_was_saved(training, monkeypatch):
    losses = iter([1.0, 3.0, 2.0, 4.0] * 2)
    monkeypatch.setattr(lstm.training, "evaluate", lambda *arguments: (next(losses), 0.5))
    _, out, _ = call(train, *training, "--epochs", 4)
    assert out.splitlines()[-1].startswith("the best epoch is 1; ")
    _, out, _ = call(train, *training, "--epochs", 4, "--freq", 2, "--overwrite")
    assert re.match(r"the best epoch that was saved is 2; .*sample.py 2 --model-dir ", out.splitlines()[-1])


def test_all_that_helps_on_a_small_corpus_has_its_option(training, tmp_path):
    more = ["--schedule", "cosine", "--warmup", 2, "--averaging", 0.9, "--weight-decay", 0.1, "--shuffle"]
    status, out, _ = call(train, *training, *more, "--input-dropout", 0.1, "--recurrent-dropout", 0.3)
    assert status == 0
    assert re.search(r"^dropout: .*0.1 of the embedding, 0.3 of the recurrent kernels; ", out, re.MULTILINE)
    _, numbers = load_resume(tmp_path / "my model" / "resume.h5")
    asked = {"schedule": "cosine", "warmup": 2, "averaging": 0.9, "weight_decay": 0.1, "shuffle": True}
    asked |= {"input_dropout": 0.1, "recurrent_dropout": 0.3}
    assert asked.items() <= (numbers["settings"] | numbers["config"]).items()


def test_tunes_in_other_keys_can_be_learnt(training, tmp_path, text):
    keys = TEXT + TEXT.replace("K:G", "K:A").replace(" dBAG", " ec'BA")
    text.write_text(keys)
    assert call(train, *training, "--transpose", 1)[0] == 0
    assert load_resume(tmp_path / "my model" / "resume.h5")[1]["settings"]["transpose"] == 1.0


@pytest.mark.parametrize("language", OTHER_TEXTS)
def test_text_that_is_not_abc_is_learnt_and_written_too(training, tmp_path, text, language):
    text.write_text(OTHER_TEXTS[language])
    assert call(train, *training)[0] == 0
    model = tmp_path / "my model"
    status, out, _ = call(sample, "--model-dir", model)
    assert (status, len(out)) == (0, 500)
    assert set(out) <= set(OTHER_TEXTS[language])
    seed = OTHER_TEXTS[language][:7]
    status, out, _ = call(sample, "--model-dir", model, "--seed", seed, "--length", 30)
    assert (status, len(out), out[:7]) == (0, 37, seed)


def test_help_is_no_error():
    for module in (train, sample):
        status, out, err = call(module, "--help")
        assert (status, err) == (0, "")
        assert "--model-dir" in out


# -- stopped and resumed


@pytest.fixture
def stop_after(monkeypatch):
    """A function that has a signal come after so many more steps of training."""
    real = Trainer.step

    def arrange(steps, number=signal.SIGINT):
        left = itertools.count(steps, -1)

        def step(trainer):
            loss = real(trainer)
            if next(left) == 1:
                signal.raise_signal(number)
            return loss

        monkeypatch.setattr(Trainer, "step", step)

    return arrange


def next_command(err):
    """The arguments of the command that a stopped run names."""
    return shlex.split(last_line(err).partition("to go on: ")[2])


@pytest.mark.parametrize("steps, epoch", [(1, 1), (5, 1), (13, 1), (14, 2), (20, 2)])
def test_a_stopped_run_goes_on_as_it_says_to_the_same_end(
    training, tmp_path, monkeypatch, stop_after, text, steps, epoch
):
    monkeypatch.chdir(tmp_path)
    stop_after(steps)
    status, out, err = call(train, *training)
    assert status == 130
    assert re.fullmatch(rf"stopped in epoch {epoch}, nothing is lost; to go on: python .*--resume.*\n", last_line(err))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert epochs("my model") == list(range(1, epoch))
    _, command, *arguments = next_command(err)
    assert Path(command).name == "train.py"
    assert call(train, *arguments, "--threads", 2)[0] == 0
    assert Path("my logs/training_log.csv").read_text().count("\n") == 3
    elsewhere = ["--model-dir", "whole", "--log-dir", "whole logs"]
    assert call(train, "--input", text, *elsewhere, *TINY)[0] == 0
    for epoch in (1, 2):
        assert parameters("my model", epoch) == parameters("whole", epoch)


def test_a_polite_kill_stops_a_run_as_ctrl_c_does(training, stop_after):
    stop_after(3, signal.SIGTERM)
    status, _, err = call(train, *training)
    assert status == 130
    assert "nothing is lost" in last_line(err)


def test_ctrl_c_stops_a_real_run_which_goes_on_from_another_directory(training, places, tmp_path, text):
    (tmp_path / "here").mkdir()
    run = start("train.py", *training, "--backend", "numpy", cwd=tmp_path / "here")
    for line in run.stdout:
        if line.startswith(b"epoch 1:"):
            break
    run.send_signal(signal.SIGINT)
    status, _, err = ended(run)
    assert status == 130, err
    assert re.fullmatch("stopped in epoch 2, nothing is lost; to go on: .*--resume.*\n", last_line(err))
    (tmp_path / "there").mkdir()
    status, out, err = ended(start("train.py", "--resume", *places, cwd=tmp_path / "there"))
    assert (status, last_line(err)) == (0, "")
    assert [line[:8] for line in out.splitlines() if re.match(r"epoch \d", line)] == ["epoch 2:"]
    elsewhere = ["--model-dir", tmp_path / "whole", "--log-dir", tmp_path / "whole logs"]
    assert call(train, "--input", text, *elsewhere, *TINY, "--backend", "numpy")[0] == 0
    assert parameters(tmp_path / "my model", 2) == parameters(tmp_path / "whole", 2)
    assert list((tmp_path / "here").iterdir()) == list((tmp_path / "there").iterdir()) == []


def test_a_finished_run_is_not_resumed_but_with_more_epochs(training, places, refused, tmp_path):
    assert call(train, *training, "--epochs", 1)[0] == 0
    refused(train, "--resume", *places, says="1 epochs; --epochs 11")
    assert call(train, "--resume", *places, "--epochs", 2)[0] == 0
    elsewhere = ["--model-dir", tmp_path / "whole", "--log-dir", tmp_path / "whole logs"]
    assert call(train, *training[:2], *elsewhere, *TINY)[0] == 0
    assert parameters(tmp_path / "my model", 2) == parameters(tmp_path / "whole", 2)


def test_a_directory_with_a_run_is_refused_unless_it_is_to_be_overwritten(training, places, refused, tmp_path):
    assert call(train, *training)[0] == 0
    old = parameters(tmp_path / "my model", 1)
    refused(train, *training, says="weights.1.h5 .*--resume .*--overwrite")
    refused(train, *training, "--resume", "--units", "7", says="--units 7 .*leave --units out")
    assert call(train, *training, "--seed", 4, "--epochs", 1, "--overwrite")[0] == 0
    assert epochs(tmp_path / "my model") == [1]
    assert parameters(tmp_path / "my model", 1) != old


# -- sample.py, the good path


def test_the_text_goes_to_standard_output_and_all_else_to_standard_error(learnt):
    status, out, err = call(sample, "--model-dir", learnt, "--seed", "X:7\nT:Re", "--length", 40)
    assert status == 0
    assert out.startswith("X:7\nT:Re")
    assert len(out) == len("X:7\nT:Re") + 40
    assert re.fullmatch(r"weights .*weights\.16\.h5, --random-seed \d+\n", err)


def test_the_same_random_seed_gives_the_same_text(learnt):
    arguments = ["--model-dir", learnt, "--length", 200, "--temperature", 2]
    _, out, err = call(sample, *arguments)
    number = re.search(r"--random-seed (\d+)", err)[1]
    assert call(sample, *arguments, "--random-seed", number)[1] == out
    assert call(sample, *arguments, "--random-seed", int(number) + 1)[1] != out


@pytest.mark.parametrize("epoch", [None, 8, 16])
def test_temperature_0_takes_the_likeliest_character_each_time(learnt, epoch):
    checkpoint = load_weights(learnt / f"weights.{epoch or 16}.h5")
    model, vocabulary, text = checkpoint.model, checkpoint.vocabulary, "X:12\nT"
    while len(text) < 66:
        ids = vocabulary.encode(text)
        logits, _, _ = model.forward(ids[:, None], model.initial_state(1))
        text += vocabulary.characters[logits[-1, 0].argmax()]
    asked = [] if epoch is None else [epoch]
    arguments = ["--model-dir", learnt, "--seed", "X:12\nT", "--length", 60]
    for zero in ("0", "0.00", "-0", "0e5"):
        assert call(sample, *asked, *arguments, "--temperature", zero)[1] == text
    assert call(sample, *asked, *arguments, "--top-k", 1)[1] == text
    assert call(sample, *asked, *arguments, "--top-p", 0)[1] == text


@pytest.mark.parametrize("length", [1, 2, 63, 500])
def test_length_is_the_number_of_characters_after_the_seed(learnt, length):
    for seed in ("X", "X:1\nT:", TEXT):
        _, out, _ = call(sample, "--model-dir", learnt, "--seed", seed, "--length", length, "--temperature", 5)
        assert out[: len(seed)] == seed
        assert len(out) == len(seed) + length


@pytest.mark.parametrize("count", [None, 1, 2, 5])
def test_so_many_whole_tunes_are_composed(learnt, count):
    asked = [] if count is None else ["--tunes", count]
    status, out, err = call(sample, "--model-dir", learnt, *asked, "--temperature", 0.3, "--random-seed", 5)
    assert (status, err.count("\n")) == (0, 1)
    tunes = split_tunes(out)
    assert len(tunes) == (count or 1)
    assert all(re.fullmatch(r"X:\d+\n" + re.escape(TUNE.rstrip("\n")) + r"\n{1,2}", tune) for tune in tunes)
    assert not out.endswith("\n\n")


def test_a_tune_that_does_not_end_is_cut_and_told(learnt):
    _, out, err = call(sample, "--model-dir", learnt, "--tunes", 2, "--length", 9, "--temperature", 0.3)
    assert [len(tune.rstrip("\n")) for tune in split_tunes(out)] in ([11, 11], [11, 10], [10, 11], [10, 10])
    assert re.search(r"[^\n]\n\nX:", out)  # ABC has an empty line between tunes
    assert err.splitlines()[1:] == [f"tune {n} was cut after 9 characters; --length allows more" for n in (1, 2)]


def test_out_gets_what_standard_output_gets(learnt, tmp_path):
    arguments = ["--model-dir", learnt, "--tunes", 2, "--random-seed", 1, "--temperature", 1.5, "--length", 300]
    _, expected, _ = call(sample, *arguments)
    status, out, err = call(sample, *arguments, "--out", tmp_path / "new tunes.abc")
    assert (status, out) == (0, expected)
    assert (tmp_path / "new tunes.abc").read_bytes().decode() == expected
    assert "new tunes.abc" in err.splitlines()[-1]
    assert os.listdir(tmp_path) == ["new tunes.abc"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_out_writes_to_a_pipe_and_does_not_replace_it(learnt, tmp_path):
    pipe = tmp_path / "pipe"  # stands for /dev/null, which a user with all rights could lose
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    _, out, _ = call(sample, "--model-dir", learnt, "--length", 20, "--out", pipe)
    assert os.read(reader, 100).decode() == out
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_seed_file_is_the_same_as_the_seed(learnt, tmp_path):
    (tmp_path / "seed.abc").write_bytes(b"\xef\xbb\xbfX:3\r\nT:Reel\r\n")
    arguments = ["--model-dir", learnt, "--length", 50, "--random-seed", 4]
    _, out, _ = call(sample, *arguments, "--seed-file", tmp_path / "seed.abc")
    assert out == call(sample, *arguments, "--seed", "X:3\nT:Reel\n")[1]


def test_the_pretrained_weights_serve_until_there_are_others(learnt, tmp_path, monkeypatch):
    monkeypatch.setattr(usual_places, "MODELS", tmp_path)
    (tmp_path / "pretrained").mkdir()
    shutil.copy(learnt / "weights.8.h5", tmp_path / "pretrained")
    assert "pretrained/weights.8.h5" in call(sample, "--length", 1)[2]
    assert "pretrained/weights.8.h5" in call(sample, 8, "--length", 1)[2]
    assert_one_line("sample", call(sample, 9)[2], "no weights of epoch 9 in .*pretrained; it has epochs 8")
    shutil.copy(learnt / "weights.16.h5", tmp_path)
    assert f"{tmp_path / 'weights.16.h5'}," in call(sample, "--length", 1)[2]


def test_ctrl_c_keeps_what_is_composed(learnt, tmp_path, monkeypatch):
    real = compose.generate_many

    def generate_many(*arguments, **choices):
        for count, chunk in enumerate(real(*arguments, **choices)):
            if count == 30:
                signal.raise_signal(signal.SIGINT)
            yield chunk

    monkeypatch.setattr(compose, "generate_many", generate_many)
    status, out, _ = call(sample, "--model-dir", learnt, "--length", 10**9, "--out", tmp_path / "tunes.abc")
    assert (status, len(out)) == (130, len("X:") + 30 * 64)
    assert (tmp_path / "tunes.abc").read_text() == out


@pytest.mark.parametrize("seed", ["X:1\n", "X"], ids=["at the end of a line", "anywhere"])
def test_a_reader_that_has_seen_enough_ends_the_command_quietly(learnt, tmp_path, seed):
    run = start("sample.py", "--model-dir", learnt, "--seed", seed, "--length", 10**9, cwd=tmp_path)
    assert run.stdout.readline().startswith(b"X")  # it comes while the rest is still to be composed
    run.stdout.close()
    assert run.wait(timeout=60) == 0
    assert re.fullmatch(rb"weights .*, --random-seed \d+\n", run.stderr.read())
    run.stderr.close()


def test_a_reader_that_reads_nothing_is_no_error_either(learnt, tmp_path):
    run = start("sample.py", "--model-dir", learnt, "--seed", "X", "--length", 1, cwd=tmp_path)
    run.stdout.close()
    assert run.wait(timeout=60) == 0
    assert re.fullmatch(rb"weights .*, --random-seed \d+\n", run.stderr.read())
    run.stderr.close()


# -- bad input: one line, status 2, nothing changed

HUGE = "9" * 30
WHOLE = ["0", "-1", "1.5", "many", "nan", "inf", "", "1e3", HUGE]
FROM_ZERO = [value for value in WHOLE if value != "0"]
NONSENSE = {
    train: {
        **dict.fromkeys(["--embedding", "--units", "--layers", "--epochs", "--batch-size", "--seq-length"], WHOLE),
        **dict.fromkeys(["--freq", "--threads"], WHOLE),
        "--dropout": ["1", "-0.1", "nan", "inf", "-inf", "half", ""],
        **dict.fromkeys(["--input-dropout", "--recurrent-dropout", "--averaging"], ["1", "-0.1", "nan", "half", ""]),
        "--transpose": ["1.1", "-0.1", "nan", "all", ""],
        "--schedule": ["linear", ""],
        "--warmup": FROM_ZERO,
        "--weight-decay": ["-1", "nan", "inf", "some", ""],
        "--learning-rate": ["0", "-1", "nan", "inf", "fast", "1e9", ""],
        "--clip": ["-1", "nan", "inf", "tight", ""],
        "--validation": ["1", "-0.1", "nan", "inf", "some", ""],
        "--seed": FROM_ZERO,
        "--backend": ["cuda", ""],
        "--preset": ["huge", ""],
    },
    sample: {
        "--length": WHOLE,
        "--tunes": WHOLE,
        "--temperature": ["-1", "nan", "inf", "-inf", "hot", "1e9", "0.001", ""],
        "--top-k": FROM_ZERO,
        "--top-p": ["-0.1", "1.1", "nan", "inf", "most", ""],
        "--random-seed": FROM_ZERO,
    },
}
CASES = [(module, *case) for module, options in NONSENSE.items() for case in options.items()]
CASES = [(module, option, value) for module, option, values in CASES for value in values]


@pytest.mark.parametrize("module, option, value", CASES, ids=[f"{option}={value}" for _, option, value in CASES])
def test_a_nonsensical_option_is_named_with_what_is_allowed(refused, training, learnt, module, option, value):
    arguments = training if module is train else ["--model-dir", learnt]
    expected = f"{re.escape(repr(value))} .*(at least|at most|choose from)"
    if value == "-inf":  # which argparse takes for an option
        expected = "expected one argument"
    refused(module, *arguments, option, value, says=f"argument {option}: .*{expected}")


def test_a_temperature_that_cannot_be_is_told_that_0_can(refused, learnt):
    says = "'0.001' must be 0, or a number of at least 0.01 and at most 100"
    refused(sample, "--model-dir", learnt, "--temperature", "0.001", says=says)


@pytest.mark.parametrize("epoch", ["0", "-1", "last", "nan", "1.0", HUGE])
def test_a_nonsensical_epoch_is_named(refused, learnt, epoch):
    refused(sample, epoch, "--model-dir", learnt, says=f"argument epoch: '{epoch}' must be a whole number")


def test_tunes_in_one_key_cannot_be_transposed(refused, training):
    refused(train, *training, "--transpose", 0.5, says="^train.py: --transpose 0.5 needs .*; leave it out")


@pytest.mark.parametrize("arguments", [["--colour"], ["--epoch", "2"], ["extra"], ["--units"], ["-x"]])
def test_an_unknown_option_is_named(refused, training, learnt, arguments):
    refused(train, *training, *arguments, says=f"{arguments[0]}.*--help|--help")
    refused(sample, "1", "--model-dir", learnt, *arguments, says=f"{arguments[0]}.*--help")


NO_TEXTS = {
    "missing": (None, "cannot read .*: No such file or directory; check the name"),
    "empty": (b"", "is empty"),
    "not UTF-8": (b"X:1\nT:Caf\xe9\nK:G\n", "byte 0xe9 at offset 9"),
    "too short": (b"X:1\nK:G\nabc|\n", "12 characters .*the largest that fit: --seq-length 2"),
    "one character": (b"X", "1 characters .*give a longer text"),
}


@pytest.mark.parametrize("data, complaint", NO_TEXTS.values(), ids=NO_TEXTS)
def test_a_text_that_cannot_be_learnt_is_refused(refused, training, text, data, complaint):
    text.unlink() if data is None else text.write_bytes(data)
    refused(train, *training, says=complaint)


def test_a_directory_is_no_text(refused, training, learnt, tmp_path):
    refused(train, *training, "--input", tmp_path, says="cannot read .*directory")
    refused(sample, "--model-dir", learnt, "--seed-file", tmp_path, says="cannot read .*directory")


@pytest.mark.parametrize("sizes", [["--batch-size", "1000000"], ["--seq-length", "1000000"]])
def test_sizes_beyond_the_text_name_the_largest_that_fit_and_these_do(refused, training, tmp_path, sizes):
    refused(train, *training, *sizes, says="the largest that fit: --(batch-size|seq-length) [1-9]")
    _, _, err = call(train, *training, *sizes)
    remedy = re.search(sizes[0] + r" (\d+)", err)[0].split()
    assert call(train, *training, *remedy, "--epochs", 1)[0] == 0


def test_a_model_beyond_the_memory_is_refused(refused, training):
    refused(train, *training, "--units", 10**6, "--layers", 1000, says="GB of memory.*--units")


@pytest.mark.parametrize("option", ["--model-dir", "--log-dir"])
def test_a_directory_that_cannot_be_made_is_refused(refused, training, text, tmp_path, option):
    for name in ("my model", "my logs"):
        (tmp_path / name).mkdir()
    below = text / "below"
    refused(train, *training, option, below, says=f"cannot write {re.escape(str(below))}: Not a directory")


def test_a_name_that_is_too_long_is_told_as_such(refused, training, places, tmp_path):
    long = tmp_path / ("a" * 300)
    says = "cannot read .*aaa.*: File name too long; check "
    refused(sample, "--model-dir", long, says=says)
    refused(train, *training, "--model-dir", long, says=says)
    refused(train, *training, "--log-dir", long, says=says)
    refused(train, "--resume", *places, "--model-dir", long, says=says)


def test_an_error_of_a_file_that_nobody_foresaw_names_the_file(capfd):
    def main():
        raise OSError(errno.EIO, os.strerror(errno.EIO), "tunes.abc")

    with pytest.raises(SystemExit) as end, redirect_stdout(io.TextIOWrapper(io.BytesIO())):
        exit_with(main, "sample.py")
    assert end.value.code == 2
    assert_one_line("sample", capfd.readouterr().err, "cannot use tunes.abc: Input/output error; ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_without_permission_is_refused(refused, training, learnt, tmp_path):
    for name in ("my model", "my logs"):
        (tmp_path / name).mkdir()
    (tmp_path / "my model").chmod(0o500)
    says = "cannot write .*Permission denied; choose a place you may use"
    refused(train, *training, says=says)
    refused(sample, "--model-dir", learnt, "--out", tmp_path / "my model" / "tunes.abc", says=says)


def test_there_is_nothing_to_resume(refused, places):
    refused(train, "--resume", *places, says="there is no .*resume.h5 to resume from; leave --resume out")


def test_a_damaged_resume_file_is_refused(refused, training, places, tmp_path):
    assert call(train, *training, "--epochs", 1)[0] == 0
    path = tmp_path / "my model" / "resume.h5"
    path.write_bytes(path.read_bytes()[:-1])
    refused(train, "--resume", *places, "--epochs", 2, says="cannot use .*resume.h5: its content has changed")


@pytest.mark.parametrize(
    "seed, at",
    [("X:1\nT:R♪", r"'♪' \(line 2, column 4\)"), ("?", r"'\?' \(line 1, column 1\)"), ("", "empty")],
)
def test_a_seed_that_the_model_cannot_read_is_refused(refused, learnt, tmp_path, seed, at):
    refused(sample, "--model-dir", learnt, "--seed", seed, says=at)
    (tmp_path / "seed.txt").write_text(seed)
    refused(sample, "--model-dir", learnt, "--seed-file", tmp_path / "seed.txt", says=at)


def test_a_seed_file_that_is_missing_or_not_text_is_refused(refused, learnt, tmp_path):
    refused(sample, "--model-dir", learnt, "--seed-file", tmp_path / "none", says="cannot read .*none: No such file")
    (tmp_path / "seed").write_bytes(b"X:1\xff")
    refused(sample, "--model-dir", learnt, "--seed-file", tmp_path / "seed", says="byte 0xff at offset 3")
    refused(sample, "--model-dir", learnt, "--seed", "X", "--seed-file", tmp_path / "seed", says="not allowed with")


def test_weights_that_are_not_there_are_refused_with_those_that_are(refused, learnt, tmp_path):
    refused(sample, "--model-dir", tmp_path, says="no weights in .*train.py makes some")
    refused(sample, "--model-dir", tmp_path / "missing", says="no weights in .*missing")
    refused(sample, "3", "--model-dir", tmp_path, says="no weights in .*train.py makes some")
    refused(sample, "9", "--model-dir", learnt, says="no weights of epoch 9 .*epochs 8, 16")


def test_weights_that_are_damaged_are_refused(refused, weights):
    path = weights / "weights.16.h5"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    refused(sample, "--model-dir", weights, says="cannot use .*weights.16.h5: its content has changed")
    path.write_bytes(b"X:1\n")
    refused(sample, "--model-dir", weights, says="cannot use .*weights.16.h5: it is not an HDF5 file")


def test_weights_without_a_vocabulary_that_fits_are_refused(refused, weights):
    with h5py.File(weights / "weights.8.h5", "r") as ours, h5py.File(weights / "weights.20.h5", "w") as keras:
        keras.attrs["layer_names"] = ours.attrs["layer_names"]
        for layer in ours:
            ours.copy(layer, keras)
    refused(sample, "--model-dir", weights, says="char_to_idx.json does not number")
    (weights / "char_to_idx.json").write_text('{"X": 0}')
    refused(sample, "--model-dir", weights, says="weights/char_to_idx.json does not number")


def test_tunes_are_refused_to_a_model_that_learnt_none(refused, training, text, tmp_path):
    text.write_text(OTHER_TEXTS["Greek"])
    assert call(train, *training, "--epochs", 1)[0] == 0
    refused(sample, "--model-dir", tmp_path / "my model", "--tunes", 2, says="--tunes needs .*--length")


@pytest.mark.parametrize("place", ["missing/tunes.abc", "file/tunes.abc", "."])
def test_an_output_that_cannot_be_written_is_refused_before_anything_is_composed(refused, learnt, tmp_path, place):
    (tmp_path / "file").touch()
    refused(sample, "--model-dir", learnt, "--out", tmp_path / place, says="cannot write ")


# -- a full disk


def no_space(*arguments):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_that_fills_up_while_training_keeps_the_epochs_before(training, places, monkeypatch, tmp_path):
    assert call(train, *training, "--epochs", 1)[0] == 0
    before = tree(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        status, out, err = call(train, "--resume", *places, "--epochs", 2)
    assert status == 2
    assert_one_line("train", last_line(err), "cannot write .*: No space left on device; make room")
    assert tree(tmp_path) == before
    assert call(train, "--resume", *places, "--epochs", 2)[0] == 0


def test_a_disk_that_is_really_full_leaves_no_half_a_file(training, tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    status, out, err = ended(start("train.py", *training, "--backend", "numpy", cwd=tmp_path, preexec_fn=limit))
    assert status == 2
    assert "epoch 1: " in out
    assert_one_line("train", last_line(err), "cannot write .*weights.1.h5: .*; make room")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["my tunes.txt"]


def test_a_full_disk_keeps_the_old_output(learnt, monkeypatch, tmp_path):
    (tmp_path / "tunes.abc").write_text("old")
    monkeypatch.setattr(os, "fsync", no_space)
    status, out, err = call(sample, "--model-dir", learnt, "--length", 30, "--out", tmp_path / "tunes.abc")
    assert (status, len(out)) == (2, 32)
    assert_one_line("sample", err.partition("\n")[2], "cannot write .*tunes.abc: No space left on device")
    assert tree(tmp_path) == {tmp_path / "tunes.abc": b"old"}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("length", [1, 100], ids=["less than a line", "some lines"])
def test_a_full_disk_behind_standard_output_is_told(learnt, tmp_path, length):
    with open("/dev/full", "w") as full:
        run = start("sample.py", "--model-dir", learnt, "--length", length, stdout=full, cwd=tmp_path)
        status, _, err = ended(run)
    assert status == 2
    assert_one_line("sample", err.partition("\n")[2], "cannot write standard output: No space left on device")


@pytest.mark.skipif(os.name != "posix", reason="needs a shell of POSIX")
@pytest.mark.parametrize("name", ["train", "sample"])
def test_a_closed_standard_output_is_told(tmp_path, name):
    command = 'exec "$0" "$1" --model-dir missing >&-'
    argv = ["sh", "-c", command, sys.executable, ROOT / f"{name}.py"]
    done = subprocess.run(argv, stderr=subprocess.PIPE, env=ENVIRONMENT, cwd=tmp_path, timeout=60)
    assert done.returncode == 2
    assert_one_line(name, done.stderr.decode(), "standard output is closed; ")
    assert os.listdir(tmp_path) == []


# -- as processes, from elsewhere


def test_from_another_directory_a_mistake_is_one_line_and_status_2(tmp_path):
    arguments = ["--input", "missing.txt", "--model-dir", "model", "--log-dir", "logs"]
    status, out, err = ended(start("train.py", *arguments, cwd=tmp_path))
    assert (status, out) == (2, "")
    assert_one_line("train", err, "cannot read .*missing.txt: No such file or directory")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="needs /dev/fd")
def test_text_may_come_through_a_pipe(tmp_path):
    arguments = ["--input", "/dev/stdin", "--model-dir", "m", "--log-dir", "l", *TINY]
    status, _, err = ended(start("train.py", *arguments, stdin=subprocess.PIPE, cwd=tmp_path), TEXT.encode())
    assert status == 0, err
    assert epochs(tmp_path / "m") == [1, 2]
    assert (tmp_path / "l" / "training_log.png").read_bytes().startswith(b"\x89PNG")
