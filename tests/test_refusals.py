"""Bad input, full disks, closed pipes: one line, status 2, nothing changed."""

import errno
import io
import json
import os
import re
import resource
import subprocess
import sys
from contextlib import redirect_stdout

import h5py
import pytest

from commands import (
    ENVIRONMENT,
    OTHER_TEXTS,
    ROOT,
    TEXT,
    TINY,
    assert_one_line,
    call,
    ended,
    last_line,
    sample,
    start,
    train,
)
from helpers import tree
from lstm.io.command_line import exit_with
from lstm.storage import imported
from lstm.storage.checkpoint import epochs

pytestmark = pytest.mark.usefixtures("no_pictures")

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


@pytest.mark.parametrize("word", ["newest", "bset", "Best", "best "])
def test_a_word_for_an_epoch_that_is_none_gets_the_one_that_is(refused, learnt, word):
    says = f"argument epoch: '{word}' must be a whole number of at least 1, or best; see --help"
    refused(sample, word, "--model-dir", learnt, says=says)


def test_tunes_in_one_key_cannot_be_transposed(refused, training):
    refused(train, *training, "--transpose", 0.5, says="^train.py: --transpose 0.5 needs .*; leave it out")


@pytest.mark.parametrize("arguments", [["--colour"], ["--epoch", "2"], ["extra"], ["--units"], ["-x"]])
def test_an_unknown_option_is_named(refused, training, learnt, arguments):
    refused(train, *training, *arguments, says=f"{arguments[0]}.*--help|--help")
    refused(sample, "1", "--model-dir", learnt, *arguments, says=f"{arguments[0]}.*--help")


NO_TEXTS = {
    "missing": (None, "cannot read .*: No such file or directory; check the name"),
    "empty": (b"", "is empty"),
    "not UTF-8": (b"X:1\nT:Caf\xe9\nK:G\n", "byte 0xe9 at offset 9; --encoding .*latin-1"),
    "too short": (b"X:1\nK:G\nabc|\n", "12 characters .*the largest that fit: --seq-length 2"),
    "one character": (b"X", "1 characters .*give a longer text"),
}


@pytest.mark.parametrize("data, complaint", NO_TEXTS.values(), ids=NO_TEXTS)
def test_a_text_that_cannot_be_learnt_is_refused(refused, training, text, data, complaint):
    text.unlink() if data is None else text.write_bytes(data)
    refused(train, *training, says=complaint)


def test_a_directory_without_a_text_is_refused(refused, training, learnt, tmp_path):
    (tmp_path / "none").mkdir()
    refused(train, *training, "--input", tmp_path / "none", says="none is a directory without a file .*; name one")
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


def test_a_new_line_typed_as_a_backslash_and_an_n_is_refused_with_the_remedy(refused, learnt):
    says = "the seed has a backslash and an n, and no new line; --seed-file .*"
    refused(sample, "--model-dir", learnt, "--seed", r"X:1\nT:", says=says)


def test_the_weights_that_ship_know_no_backslash(refused):
    shipped = ["--model-dir", ROOT / "model" / "pretrained"]
    refused(sample, *shipped, "--seed", r"X:1\nT:", says="^sample.py: the seed has a backslash and an n, .*--seed-file")


@pytest.mark.parametrize("stop, says", [
    ("", "--stop is empty; give at least one character, or leave it out"),
    ("|é", r"--stop: character 'é' \(line 1, column 2\) is not one the model has learnt; it knows"),
    (r"|\n", r"--stop has a backslash and an n, and no new line; in bash and zsh \$'\\n' is one, in PowerShell"),
])
def test_a_text_to_stop_at_that_can_never_come_is_refused(refused, learnt, stop, says):
    refused(sample, "--model-dir", learnt, f"--stop={stop}", says=f"^sample.py: {says}")


def test_the_best_epoch_of_damaged_weights_is_refused_with_their_name(refused, weights):
    path = weights / "weights.8.h5"
    path.write_bytes(path.read_bytes()[:-1])
    refused(sample, "best", "--model-dir", weights, says="cannot use .*weights.8.h5: its content has changed")


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
    refused(sample, "--model-dir", weights, says="cannot use .*weights.16.h5: it is neither HDF5 nor .keras")


def test_weights_without_a_vocabulary_that_fits_are_refused(refused, weights):
    with h5py.File(weights / "weights.8.h5", "r") as ours, h5py.File(weights / "weights.20.h5", "w") as keras:
        keras.attrs["layer_names"] = ours.attrs["layer_names"]
        for layer in ours:
            ours.copy(layer, keras)
    refused(sample, "--model-dir", weights, says="it has no vocabulary of its")
    says = "cannot use .*weights.20.h5: it keeps no losses, by which best is chosen; name an epoch instead"
    refused(sample, "best", "--model-dir", weights, says=says)
    (weights / "char_to_idx.json").write_text('{"X": 0}')
    refused(sample, "--model-dir", weights, says="weights/char_to_idx.json does not number")
    vocabulary = imported.load(weights / "weights.8.h5").vocabulary
    (weights / "char_to_idx.json").write_text(json.dumps(vocabulary.index))
    status, _, err = call(sample, "--model-dir", weights, "--length", 20)
    assert status == 0 and err.count("weights.20.h5 has no checksum, as files of Keras") == 1
    status, _, err = call(sample, "8", "--model-dir", weights, "--length", 20)
    assert status == 0 and "checksum" not in err


def test_tunes_are_refused_to_a_model_that_learnt_none(refused, training, text, tmp_path):
    text.write_text(OTHER_TEXTS["Greek"])
    assert call(train, *training, "--epochs", 1)[0] == 0
    refused(sample, "--model-dir", tmp_path / "my model", "--tunes", 2, says="--tunes needs .*--length")


@pytest.mark.parametrize("place", ["missing/tunes.abc", "file/tunes.abc", "."])
def test_an_output_that_cannot_be_written_is_refused_before_anything_is_composed(refused, learnt, tmp_path, place):
    (tmp_path / "file").touch()
    refused(sample, "--model-dir", learnt, "--out", tmp_path / place, says="cannot write ")


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
    assert "epoch 1: " not in out  # because it could not be saved
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


def test_from_another_directory_a_mistake_is_one_line_and_status_2(tmp_path):
    arguments = ["--input", "missing.txt", "--model-dir", "model", "--log-dir", "logs"]
    status, out, err = ended(start("train.py", *arguments, cwd=tmp_path))
    assert (status, out) == (2, "")
    assert_one_line("train", err, "cannot read .*missing.txt: No such file or directory")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full", "/dev/null"])
def test_a_device_is_no_text(refused, training, device):
    refused(train, *training, "--input", device, says=f"{device} is a device, not a file of text; name a file or")


@pytest.mark.parametrize("name", ["hex", "zip", "rot13", "latin-99", ""])
def test_an_encoding_that_is_none_of_text_is_refused(refused, training, name):
    refused(train, *training, "--encoding", name, says=f"--encoding '{name}' is no encoding of text; there are utf-8, ")


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="needs /dev/fd")
def test_text_may_come_through_a_pipe(tmp_path):
    arguments = ["--input", "/dev/stdin", "--model-dir", "m", "--log-dir", "l", *TINY]
    status, _, err = ended(start("train.py", *arguments, stdin=subprocess.PIPE, cwd=tmp_path), TEXT.encode())
    assert status == 0, err
    assert epochs(tmp_path / "m") == [1, 2]
    assert (tmp_path / "l" / "training_log.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no file names that are not Unicode")
def test_names_that_are_not_utf_8_are_names(tmp_path):
    strange = tmp_path / os.fsdecode(b"a\xff\n\x1b[2J")
    strange.mkdir()
    (strange / "text").write_text(TEXT)
    run = ["--model-dir", strange / "model", "--log-dir", strange]
    assert call(train, "--input", strange / "text", *run, *TINY, "--backend", "numpy")[0] == 0
    status, out, err = call(train, "--resume", *run, "--epochs", 3)  # which finds the text again
    assert (status, epochs(strange / "model")) == (0, [1, 2, 3])
    assert r"a\udcff\n\x1b[2J" in out and (out + err).replace("\n", "").replace("\r", "").isprintable()
    status, _, err = call(sample, "--model-dir", strange / "model", "--length", 9, "--out", strange / "made")
    assert (status, err.count("\n")) == (0, 2) and (strange / "made").is_file()
