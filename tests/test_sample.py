"""sample.py as users meet it: the text, its length, its end, and where it goes."""

import os
import re
import shutil
import signal
import stat
from dataclasses import replace

import pytest

from commands import TEXT, TUNE, assert_one_line, call, compose, sample, start
from lstm.io import places as usual_places
from lstm.notation.tunes import split_tunes
from lstm.storage import imported
from lstm.storage.checkpoint import save_weights
from lstm.vocabulary import Vocabulary

pytestmark = pytest.mark.usefixtures("no_pictures")


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
    checkpoint = imported.load(learnt / f"weights.{epoch or 16}.h5")
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


@pytest.mark.parametrize("stop", ["\n", "|", "K:G\n", "dBAG"])
def test_a_piece_can_end_right_after_a_text(learnt, stop):
    arguments = ["--model-dir", learnt, "--seed", "X:7\n|", "--random-seed", 2, "--length", 300, "--temperature", 0.3]
    _, whole, _ = call(sample, *arguments)
    status, out, err = call(sample, *arguments, "--stop", stop)
    drawn = whole.removeprefix("X:7\n|")
    assert (status, out, err.count("\n")) == (0, "X:7\n|" + drawn[: drawn.index(stop) + len(stop)], 1)


def test_a_piece_without_the_text_to_stop_at_has_its_length_and_that_is_told(learnt):
    status, out, err = call(sample, "--model-dir", learnt, "--length", 90, "--stop", "::::")
    assert (status, len(out)) == (0, len("X:") + 90)
    assert err.splitlines()[1:] == ["--stop '::::' did not come in 90 characters; --length allows more"]


def test_each_tune_ends_at_the_text_or_at_its_own_end(learnt):
    arguments = ["--model-dir", learnt, "--tunes", 3, "--random-seed", 5, "--temperature", 0.3]
    tunes = split_tunes(call(sample, *arguments)[1])
    _, out, err = call(sample, *arguments, "--stop", ":|")
    assert [tune.rstrip("\n") for tune in split_tunes(out)] == [tune.partition(":|")[0] + ":|" for tune in tunes]
    assert err.count("\n") == 1
    assert call(sample, *arguments, "--stop", "\n\nX:")[1] == call(sample, *arguments)[1]


@pytest.mark.parametrize("option", ["--seed", "--stop"])
def test_a_typed_backslash_and_n_gets_a_hint_where_the_model_knows_a_backslash(learnt, tmp_path, option):
    known = imported.load(learnt / "weights.8.h5")
    characters = known.vocabulary.characters.replace("B", "\\").replace("A", "n")
    save_weights(tmp_path / "weights.1.h5", replace(known, vocabulary=Vocabulary(characters), abc=False))
    typed = r"d\nX:d\nX:"  # longer than what is drawn, which must not stop there by chance
    status, out, err = call(sample, "--model-dir", tmp_path, "--length", 9, option, typed)
    assert (status, len(out)) == (0, 9 + len(typed) * (option == "--seed"))
    assert re.match(r"(the seed|--stop) has a backslash and an n, and no new line; .*\nweights .*\n", err)


def test_the_best_epoch_is_the_one_with_the_lowest_loss(learnt, tmp_path):
    for epoch, loss in {2: 1.5, 3: 1.25, 10: 1.25}.items():
        known = imported.load(learnt / "weights.8.h5")
        save_weights(tmp_path / f"weights.{epoch}.h5", replace(known, losses={"loss": epoch / 4, "val_loss": loss}))
    assert re.match(r"weights .*weights\.3\.h5,", call(sample, "best", "--model-dir", tmp_path, "--length", 1)[2])


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
    assert "pretrained/weights.8.h5" in call(sample, "best", "--length", 1)[2]
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
