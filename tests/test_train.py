"""train.py as users meet it: good runs, in every language."""

import re
import shlex

import numpy as np
import pytest

import lstm.storage.run
import lstm.training
from commands import OTHER_TEXTS, TEXT, call, last_line, parameters, sample, train
from lstm.io import places as usual_places
from lstm.storage import imported
from lstm.storage.checkpoint import epochs
from lstm.storage.resume import load_resume
from lstm.storage.run import Run
from lstm.storage.session import begin

pytestmark = pytest.mark.usefixtures("no_pictures")


def test_training_tells_what_it_does_and_leaves_a_run(training, tmp_path):
    status, out, err = call(train, *training)
    assert status == 0
    shapes = imported.load(tmp_path / "my model" / "weights.2.h5").model.config.shapes
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


def test_training_says_how_many_tunes_it_sees(training, text):
    _, out, _ = call(train, *training, "--epochs", 1)
    assert "\n40 tunes: 36 to learn, 4 held out\ntext: " in out
    text.write_text(OTHER_TEXTS["Greek"] + "\n\nX:1\nK:G\nabc|\n")
    _, out, _ = call(train, *training, "--epochs", 1, "--overwrite")
    assert "\nplain text, not tunes: it has fewer than two lines that begin with X:\ntext: " in out


def test_all_inputs_together_are_the_text(training, tmp_path, text):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.csv").write_text("abc,mode,meter\nABc|,Gmajor,4/4\n,Gmajor,4/4\n")
    (tmp_path / "more" / "a.abc").write_bytes("X:50\nT:Séan\nK:G\nGAB|".encode("cp1252"))
    several = ["--input", text, tmp_path / "more", "--encoding", "cp1252"]
    status, out, _ = call(train, *training, *several, "--epochs", 1)
    assert status == 0
    said = "read as TheSession's CSV: 1 tune; 1 left out, without music or a key\n42 tunes: 38 to learn, 4 held out\n"
    assert said in out
    places = ["--model-dir", tmp_path / "my model", "--log-dir", tmp_path / "my logs"]
    assert call(train, "--resume", *places, "--epochs", 2)[0] == 0


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
    run = Run(tmp_path / "other", tmp_path / "other logs")
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
    more += ["--chrono", 0.25]
    status, out, _ = call(train, *training, *more, "--input-dropout", 0.1, "--recurrent-dropout", 0.3)
    assert status == 0
    assert re.search(r"^dropout: .*0.1 of the embedding, 0.3 of the recurrent kernels; ", out, re.MULTILINE)
    _, numbers = load_resume(tmp_path / "my model" / "resume.h5")
    asked = {"schedule": "cosine", "warmup": 2, "averaging": 0.9, "weight_decay": 0.1, "shuffle": True, "chrono": 0.25}
    asked |= {"input_dropout": 0.1, "recurrent_dropout": 0.3}
    assert asked.items() <= (numbers["settings"] | numbers["config"]).items()


def test_a_finished_schedule_begins_again_and_says_so(training, places):
    assert "new cycle" not in call(train, *training, "--schedule", "cosine", "--averaging", 0.9)[1]
    status, out, _ = call(train, "--resume", *places, "--epochs", 3)
    assert status == 0
    says = "a new cycle begins from the averaged weights of epoch 2: the rate rises again, and falls until epoch 3"
    assert out.splitlines().count(says) == 1
    assert [line[:8] for line in out.splitlines() if re.match(r"epoch \d", line)] == ["epoch 3:"]


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


def test_what_of_a_preset_does_not_suit_the_text_is_said_in_a_line_each(training, text):
    text.write_text(OTHER_TEXTS["Greek"])
    status, out, _ = call(train, *training, "--preset", "tiny", "--epochs", 1)
    assert status == 0
    left_out = [line for line in out.splitlines() if line.startswith("left out of the preset: ")]
    options = [line.split(": ")[1].split(", which ")[0] for line in left_out]
    assert options == ["--warmup 100", "--shuffle", "--transpose 0.5"]


def test_help_is_no_error():
    for module in (train, sample):
        status, out, err = call(module, "--help")
        assert (status, err) == (0, "")
        assert "--model-dir" in out
