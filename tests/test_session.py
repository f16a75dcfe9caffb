"""Training runs: the same seed gives the same bits, wherever a run stopped and however many threads it has."""

import csv
import itertools
import json
import math
import re
import shutil
from dataclasses import asdict, replace

import h5py
import numpy as np
import pytest

from helpers import tree
from lstm import settings as settings_module
from lstm.io import InputError
from lstm.notation.transpose import Transposer
from lstm.notation.tunes import split
from lstm.storage import imported
from lstm.storage import session as session_module
from lstm.storage.checkpoint import epochs
from lstm.storage.resume import load_resume, save_resume
from lstm.storage.run import Run
from lstm.storage.session import begin, resume
from lstm.training import best, evaluate

COLUMNS = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds", "chars_per_second"]
MEASURED = {"seconds", "chars_per_second"}  # what two runs need not share
TEXT = "".join(f"X:{n}\nT:Ed's Fancy {n}\nK:{'GAF'[n % 3]}\n{'|:abc dBAG:|'[n % 5 :]}\n\n" for n in range(1, 21))
pytestmark = pytest.mark.usefixtures("no_pictures")
CHOICES = {
    **{"preset": "classic", "embedding": 4, "units": 6, "layers": 2, "dropout": 0.3},
    **{"epochs": 3, "batch_size": 5, "seq_length": 9, "validation": 0.2, "seed": 3, "backend": "numba"},
}
EVERYTHING = {  # that is off unless asked for
    **{"input_dropout": 0.2, "recurrent_dropout": 0.4, "schedule": "cosine", "warmup": 5, "averaging": 0.95},
    **{"weight_decay": 0.1, "chrono": 0.5, "shuffle": True, "transpose": 0.7},
}


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "tunes.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture
def choices(text):
    return CHOICES | {"input": str(text)}


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path / "model", tmp_path / "logs")


def train(session, epochs=None, every=1):
    """Train so many epochs (all that are left), saving as the command does."""
    trainer = session.trainer
    for _ in range(epochs or trainer.settings.epochs - len(trainer.history)):
        for _ in trainer.steps():
            pass
        trainer.finish_epoch()
        session.save_epoch(every)
    return session


def trained(directory, choices, threads=1):
    """A whole run in a directory of its own."""
    return train(begin(Run(directory / "model", directory / "logs"), choices, None, threads))


def without_times(record):
    return {name: value for name, value in record.items() if name not in MEASURED}


def state(session):
    """Everything that decides how training goes on, as bytes and numbers; NaN as text because NaN != NaN."""
    arrays, numbers = session.trainer.snapshot()
    history = [repr(without_times(record)) for record in numbers["history"]]
    kept = {name: numbers[name] for name in ("t", "position", "nats", "correct")}
    return {name: array.tobytes() for name, array in arrays.items()}, kept, history


def table(run):
    """The rows of the log."""
    with open(run.log_path, newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    assert reader.fieldnames == COLUMNS
    return rows


def assert_same_end(session, other):
    """Two runs ended the same, in memory and in their files."""
    assert state(session) == state(other)
    assert epochs(session.run.model_dir) == epochs(other.run.model_dir)
    for epoch in epochs(session.run.model_dir):
        one, two = (imported.load(s.run.model_dir / f"weights.{epoch}.h5") for s in (session, other))
        assert one.model.parameters.flat.tobytes() == two.model.parameters.flat.tobytes()
        assert (one.vocabulary, one.losses) == (two.vocabulary, two.losses)
    rows, others = table(session.run), table(other.run)
    assert [without_times(row) for row in rows] == [without_times(row) for row in others]


# -- one seed, one result


def test_more_epochs_read_tunes_in_the_order_and_keys_that_they_would_have_had(tmp_path, run, choices):
    choices |= {"shuffle": True, "transpose": 0.7}
    train(begin(run, choices | {"epochs": 2}, None, 1))
    assert_same_end(train(resume(run, {"epochs": 3}, 1)), trained(tmp_path / "whole", choices))


def test_a_run_reads_its_tunes_once_and_prepares_no_text_after_the_last_epoch(run, choices, monkeypatch):
    text, parsed, epochs = Transposer.text, [], []
    transposer = Transposer.__init__
    monkeypatch.setattr(Transposer, "__init__", lambda self, corpus: parsed.append(1) or transposer(self, corpus))
    monkeypatch.setattr(Transposer, "text", lambda self, *key: epochs.append(key[-1]) or text(self, *key))
    del choices["preset"]  # the usual one, so that the session asks whether the tunes can be transposed
    train(begin(run, choices, None, 1))
    assert parsed == [1] and epochs == [1, 2, 3]


def test_a_preset_does_not_transpose_so_many_tunes_that_it_would_take_long_unless_the_user_does(
    run, choices, monkeypatch, capsys
):
    monkeypatch.setattr(session_module, "MOST_TUNES", 15), monkeypatch.setattr(session_module, "MANY_TUNES", 14)
    del choices["preset"]  # the usual one transposes
    few = begin(run, choices | {"validation": 0.25}, None, 1)
    assert few.trainer.settings.transpose == 1 and len(few.trainer.transposer.pieces) == 15
    assert capsys.readouterr().err == "looking which keys 15 tunes can have: about 0 s, and as long in each epoch\n"
    many = begin(run, choices, None, 1)
    assert many.trainer.settings.transpose == 0 and not many.trainer.transposer and capsys.readouterr().err == ""
    left_out = "--transpose 1, which is for at most 15 tunes; --transpose 1 does it all the same"
    assert f"left out of the preset: {left_out}" in many.remarks
    asked = begin(run, choices | {"transpose": 1.0}, None, 1)
    assert asked.trainer.settings.transpose == 1 and "looking which keys" in capsys.readouterr().err


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path, choices):
    one, again = (trained(tmp_path / name, choices) for name in ("one", "again"))
    assert_same_end(one, again)
    other = trained(tmp_path / "other", choices | {"seed": 4})
    assert state(other)[0] != state(one)[0]


@pytest.mark.parametrize("backend", ["numba", "numpy"])
@pytest.mark.parametrize("batch_size", [5, 16, 20])
def test_any_number_of_threads_gives_the_same_bits(tmp_path, choices, batch_size, backend):
    choices |= {"batch_size": batch_size, "backend": backend, "epochs": 2}
    one, *others = (trained(tmp_path / str(threads), choices, threads) for threads in (1, 2, 3))
    assert one.trainer.model.config.dropout > 0
    for other in others:
        assert_same_end(one, other)


def test_validation_does_not_change_what_is_learnt_from_the_same_text(tmp_path, choices):
    training, held_out = split(TEXT, 0.2)
    (tmp_path / "training.txt").write_text(training)
    whole = trained(tmp_path / "whole", choices)
    alone = trained(tmp_path / "alone", choices | {"input": str(tmp_path / "training.txt"), "validation": 0.0})
    assert set(training) == set(TEXT)  # so that both know the same characters
    assert state(whole)[0] == state(alone)[0]
    assert all(math.isnan(record.val_loss) for record in alone.trainer.history)
    assert {row["val_loss"] for row in table(alone.run)} == {""}
    assert best(alone.trainer.history) == min(alone.trainer.history, key=lambda record: record.loss)


def test_each_epoch_reads_the_text_from_its_start_with_nothing_remembered(run, choices):
    still = {"learning_rate": 1e-9, "dropout": 0.0, "epochs": 3}  # so that all epochs have the same model
    session = begin(run, choices | still, None, 1)
    losses = [record.loss for record in session.trainer.records()]
    model, ids, (B, length) = session.trainer.model, session.corpus.training, (5, STEPS * 9)
    rows = ids[: B * length].reshape(B, length)
    targets = ids[1 : B * length + 1].reshape(B, length)
    logits, _, _ = model.forward(rows.T, model.initial_state(B))
    p = np.exp(logits.astype(np.float64))
    p /= p.sum(axis=-1, keepdims=True)
    nats = [-math.log(p[t, b, targets[b, t]]) for b in range(B) for t in range(length)]
    assert losses == pytest.approx([sum(nats) / len(nats)] * 3, rel=1e-6)


def test_dropout_zeroes_other_places_in_each_epoch(run, choices):
    session = begin(run, choices | {"learning_rate": 1e-9, "epochs": 3}, None, 1)
    losses = [record.loss for record in session.trainer.records()]
    assert min(abs(np.diff(losses))) > 1e-6


# -- resumed is never stopped


@pytest.mark.parametrize("stops", [[1], [2], [1, 2]])
def test_a_run_resumed_at_the_end_of_an_epoch_is_as_if_never_stopped(tmp_path, run, choices, stops):
    train(begin(run, choices, None, 1), stops[0])
    for stop, before in zip(stops[1:], stops):
        train(resume(run, {}, 2), stop - before)
    assert_same_end(train(resume(run, {}, 1)), trained(tmp_path / "whole", choices))


STEPS = len(split(TEXT, 0.2)[0]) // 5 // 9  # of an epoch


@pytest.mark.parametrize("step", [0, 1, 2, STEPS - 1, STEPS, STEPS + 1, 2 * STEPS, 2 * STEPS + 3, 3 * STEPS])
def test_a_run_stopped_after_any_step_is_as_if_never_stopped(tmp_path, run, choices, step):
    session = begin(run, choices, None, 1)
    assert len(session.trainer.batches) == STEPS
    whole_epochs = max(0, step - 1) // STEPS  # so that the last step of an epoch is a stop before its end
    train(session, whole_epochs) if whole_epochs else None
    for _ in range(step - whole_epochs * STEPS):
        session.trainer.step()
    session.save_progress()
    resumed = resume(run, {}, 3)
    assert state(resumed) == state(session)
    assert_same_end(train(resumed), trained(tmp_path / "whole", choices))


@pytest.mark.parametrize("more", [{}, EVERYTHING], ids=["as ever", "everything on"])
def test_a_run_stopped_again_and_again_is_as_if_never_stopped(tmp_path, run, choices, more):
    choices |= more
    session = begin(run, choices, None, 2)
    while True:
        steps = 0
        for _ in session.trainer.steps():
            steps += 1
            if steps == 4:
                break
        else:
            session.trainer.finish_epoch()
            session.save_epoch()
            if len(session.trainer.history) == 3:
                break
        session.save_progress()
        session = resume(run, {}, 1)
    assert_same_end(session, trained(tmp_path / "whole", choices))


@pytest.mark.parametrize("survivors", [["weights"], ["weights", "resume"]], ids=["old resume file", "old log"])
@pytest.mark.parametrize("crash", [2, 3])
def test_a_crash_between_two_files_of_an_epoch_loses_nothing(tmp_path, run, choices, crash, survivors):
    session = train(begin(run, choices, None, 1), crash - 1)
    before = {path: path.read_bytes() for path in (run.resume_path, run.log_path)}
    train(session, 1)
    if "resume" in survivors:
        del before[run.resume_path]
    for path, data in before.items():  # as it was before the crash
        path.write_bytes(data)
    if len(load_resume(run.resume_path)[1]["history"]) == 3:
        with pytest.raises(InputError, match="3 epochs"):
            resume(run, {}, 1)
        assert len(table(run)) == 3
        return
    assert_same_end(train(resume(run, {}, 1)), trained(tmp_path / "whole", choices))


def test_more_epochs_can_be_added_to_a_finished_run(tmp_path, run, choices):
    train(begin(run, choices | {"epochs": 2}, None, 1))
    assert_same_end(train(resume(run, {"epochs": 3}, 1)), trained(tmp_path / "whole", choices))


def test_a_cosine_schedule_under_way_keeps_its_epochs(tmp_path, run, choices):
    train(begin(run, choices | {"schedule": "cosine"}, None, 1), 1)
    before = tree(tmp_path)
    for other in (1, 2, 4):
        says = f"^--epochs {other} .*; once the run has its 3 epochs, .* a new cycle; until then leave --epochs out$"
        with pytest.raises(InputError, match=says):
            resume(run, {"epochs": other}, 1)
    assert tree(tmp_path) == before
    train(resume(run, {"epochs": 3}, 1))


@pytest.mark.parametrize("asked", [{}, {"epochs": 13}, {"epochs": 1}])
@pytest.mark.parametrize("warmup, remedy", [(0, 23), (11 * STEPS + 1, 25)])
def test_a_finished_cosine_schedule_names_epochs_that_begin_a_new_one(run, choices, asked, warmup, remedy):
    train(begin(run, choices | {"schedule": "cosine", "epochs": 13, "warmup": warmup}, None, 1))
    with pytest.raises(InputError, match=f"its 13 epochs; --epochs {remedy} goes further, in a new cycle") as error:
        resume(run, asked, 1)
    assert len(str(error.value).splitlines()) == 1
    assert resume(run, {"epochs": remedy}, 1).trainer.cycle_start == 13


@pytest.fixture
def finished(run, choices):
    """A run with all that there is, its schedule at its end."""
    train(begin(run, choices | EVERYTHING, None, 1))
    return run


def test_a_new_cycle_goes_on_from_the_averaged_weights_with_epochs_log_and_files(finished):
    session = resume(finished, {"epochs": 5}, 1)
    saved = imported.load(finished.model_dir / "weights.3.h5").model.parameters.flat
    assert session.trainer.model.parameters.flat.tobytes() == saved.tobytes()
    assert session.trainer.learning_rate == 0.001 / 6  # the first step of a warm-up of five
    train(session)
    assert session.trainer.learning_rate == pytest.approx(1e-5)
    assert epochs(finished.model_dir) == [1, 2, 3, 4, 5]
    assert [row["epoch"] for row in table(finished)] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("stop", [1, 4, STEPS - 1, STEPS])
def test_two_new_cycles_stopped_again_and_again_are_as_if_never_stopped(tmp_path, finished, stop):
    other = Run(tmp_path / "copy", tmp_path / "copied logs")
    shutil.copytree(finished.model_dir, other.model_dir)
    train(resume(finished, {"epochs": 5}, 1))
    whole = train(resume(finished, {"epochs": 6}, 2))
    for last in (5, 6):
        session = resume(other, {"epochs": last}, 1)
        while len(session.trainer.history) < last:
            for _ in itertools.islice(session.trainer.steps(), stop):
                pass
            if session.trainer.position == STEPS:
                session.trainer.finish_epoch()
                session.save_epoch()
            else:
                session.save_progress()
            if len(session.trainer.history) < last:
                session = resume(other, {}, 1)
    assert_same_end(session, whole)
    assert load_resume(other.resume_path)[1]["cycle_start"] == 5


def test_a_new_cycle_under_way_keeps_its_epochs_too(finished):
    train(resume(finished, {"epochs": 5}, 1), 1)
    with pytest.raises(InputError, match="^--epochs 7 .* once the run has its 5 epochs"):
        resume(finished, {"epochs": 7}, 1)
    assert len(train(resume(finished, {"epochs": 5}, 1)).trainer.history) == 5


def test_a_finished_run_from_before_there_were_cycles_begins_one(finished):
    arrays, numbers = load_resume(finished.resume_path)
    assert numbers.pop("cycle_start") == 0
    save_resume(finished.resume_path, arrays, numbers)
    assert resume(finished, {"epochs": 4}, 1).trainer.cycle_start == 3


def test_a_new_cycle_shorter_than_its_warmup_is_refused_with_the_least_that_is_not(run, choices):
    train(begin(run, choices | {"schedule": "cosine", "warmup": 2 * STEPS + 1}, None, 1))
    with pytest.raises(InputError, match=f"^--epochs 5 ends the new cycle .* of {2 * STEPS + 1} steps; --epochs 6 is"):
        resume(run, {"epochs": 5}, 1)
    assert len(train(resume(run, {"epochs": 6}, 1)).trainer.history) == 6


def test_a_constant_rate_goes_on_without_a_new_cycle(run, choices):
    train(begin(run, choices | {"averaging": 0.9, "warmup": 2}, None, 1))
    session = resume(run, {"epochs": 4}, 1)
    assert (session.trainer.cycle_start, session.trainer.learning_rate) == (0, 0.001)
    saved = imported.load(run.model_dir / "weights.3.h5").model.parameters.flat
    assert session.trainer.model.parameters.flat.tobytes() != saved.tobytes()


def test_a_run_that_knows_nothing_of_later_options_is_resumed(tmp_path, run, choices):
    train(begin(run, choices, None, 1), 1)
    arrays, numbers = load_resume(run.resume_path)
    for name in EVERYTHING:
        numbers["config"].pop(name, None), numbers["settings"].pop(name, None)
    save_resume(run.resume_path, arrays, numbers)
    assert_same_end(train(resume(run, {}, 1)), trained(tmp_path / "whole", choices))


@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_the_weights_files_hold_the_average_if_there_is_one(run, choices, averaging):
    trainer = train(begin(run, choices | {"averaging": averaging}, None, 1)).trainer
    saved = imported.load(run.model_dir / "weights.3.h5").model.parameters.flat
    assert saved.tobytes() == trainer.ema_model.parameters.flat.tobytes()
    assert (saved.tobytes() == trainer.model.parameters.flat.tobytes()) == (averaging == 0)
    assert ("average" in load_resume(run.resume_path)[0]) == (averaging > 0)


def test_a_resume_file_without_the_average_it_needs_is_refused(run, choices):
    train(begin(run, choices | {"averaging": 0.9}, None, 1), 1)
    arrays, numbers = load_resume(run.resume_path)
    for wrong in (arrays["average"][1:], None):
        del arrays["average"]
        arrays |= {} if wrong is None else {"average": wrong}
        save_resume(run.resume_path, arrays, numbers)
        with pytest.raises(InputError, match="^cannot use"):
            resume(run, {}, 1)


@pytest.mark.parametrize("steps, fits", [(3 * STEPS - 1, True), (3 * STEPS, False)])
def test_a_warmup_longer_than_the_run_is_refused(run, choices, steps, fits):
    if fits:
        begin(run, choices | {"warmup": steps}, None, 1)
    else:
        with pytest.raises(InputError, match=f"^--warmup {steps} must be less than the {3 * STEPS} steps"):
            begin(run, choices | {"warmup": steps}, None, 1)


def test_a_run_goes_on_where_its_text_has_moved_if_told_so(tmp_path, run, choices, text):
    train(begin(run, choices, None, 1), 1)
    moved = text.rename(tmp_path / "moved.txt")
    with pytest.raises(InputError, match=f"cannot read {text}"):
        resume(run, {}, 1)
    session = train(resume(run, {"input": str(moved)}, 1))
    assert_same_end(session, trained(tmp_path / "whole", choices | {"input": str(moved)}))


def test_a_run_finds_its_texts_again_and_their_encoding(tmp_path, run, choices):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "latin.abc").write_bytes("X:30\nT:Séan\nK:G\nGAB|\n".encode("latin-1"))
    choices |= {"input": [choices["input"], str(tmp_path / "more")], "encoding": "latin-1"}
    train(begin(run, choices, None, 1), 1)
    session = train(resume(run, {}, 1))
    assert "é" in session.corpus.vocabulary.characters and sum(session.corpus.tunes) == 21
    assert session.saved["input"] == [*choices["input"]]
    assert_same_end(session, trained(tmp_path / "whole", choices))
    train(begin(run, choices, None, 1, overwrite=True), 1)
    (tmp_path / "more" / "new.abc").write_text("X:31\nK:G\nabc|\n")
    with pytest.raises(InputError, match="tunes.txt, .*more is not the text.*--input"):
        resume(run, {}, 1)


def test_a_run_of_an_earlier_version_that_had_one_input_is_resumed(tmp_path, run, choices):
    train(begin(run, choices, None, 1), 1)
    arrays, numbers = load_resume(run.resume_path)
    (numbers["input"],) = numbers["input"]
    del numbers["encoding"]
    save_resume(run.resume_path, arrays, numbers)
    assert_same_end(train(resume(run, {}, 1)), trained(tmp_path / "whole", choices))


# -- the files of a run


def test_the_log_has_one_line_an_epoch_with_the_numbers_of_the_records(run, choices):
    session = train(begin(run, choices, None, 1))
    header = run.log_path.read_text().splitlines()[0]
    assert header == "epoch,loss,accuracy,val_loss,val_accuracy,seconds,chars_per_second"
    rows = table(run)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    for row, record in zip(rows, session.trainer.history, strict=True):
        assert {name: float(row[name]) for name in COLUMNS} == pytest.approx(asdict(record), abs=1e-6)


def test_the_log_is_complete_after_a_resume_even_if_it_was_lost(run, choices):
    session = train(begin(run, choices, None, 1), 2)
    run.log_path.unlink()
    resumed = resume(run, {}, 1)
    assert [row["epoch"] for row in table(run)] == ["1", "2"]
    train(resumed)
    assert [row["epoch"] for row in table(run)] == ["1", "2", "3"]
    assert float(table(run)[0]["seconds"]) == pytest.approx(session.trainer.history[0].seconds, abs=1e-6)


@pytest.mark.parametrize("every, kept", [(1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (3, [3, 5]), (99, [5])])
def test_weights_are_saved_every_so_many_epochs_and_at_the_end(run, choices, every, kept):
    session = train(begin(run, choices | {"epochs": 5}, None, 1), every=every)
    assert epochs(run.model_dir) == kept
    assert [row["epoch"] for row in table(run)] == ["1", "2", "3", "4", "5"]
    last = imported.load(run.model_dir / "weights.5.h5")
    assert last.model.parameters.flat.tobytes() == session.trainer.model.parameters.flat.tobytes()
    record = session.trainer.history[-1]
    assert last.losses == {"loss": record.loss, "val_loss": record.val_loss}
    assert last.epoch == 5


def test_a_run_leaves_its_own_files_and_no_litter(run, choices):
    train(begin(run, choices, None, 1))
    assert sorted(path.name for path in run.model_dir.iterdir()) == [
        *("resume.h5", "weights.1.h5", "weights.2.h5", "weights.3.h5")
    ]
    assert sorted(path.name for path in run.log_dir.iterdir()) == ["training_log.csv", "training_log.png"]


def test_overwriting_deletes_the_files_of_the_run_and_nothing_else(run, choices):
    train(begin(run, choices, None, 1))
    kept = ["weights.best.h5", "weights.1.h5.bak", "weights.0.h5", "resume.h5.old", "notes", "pretrained/weights.1.h5"]
    for name in kept:
        (run.model_dir / name).parent.mkdir(exist_ok=True)
        (run.model_dir / name).write_text("mine")
    (run.log_dir / "README.md").write_text("mine")
    begin(run, choices, None, 1, overwrite=True)
    there = [str(path.relative_to(run.model_dir)) for path in run.model_dir.rglob("*") if path.is_file()]
    assert sorted(there) == sorted(kept)
    assert [path.name for path in run.log_dir.iterdir()] == ["README.md"]


@pytest.mark.parametrize("left", ["weights.1.h5", "resume.h5", "training_log.csv", "training_log.png"])
def test_a_new_run_is_refused_where_a_file_of_one_is_left(tmp_path, run, choices, left):
    train(begin(run, choices, None, 1))
    for path in run.files():
        path.unlink() if path.name != left else None
    before = tree(tmp_path)
    with pytest.raises(InputError, match=f"{re.escape(left)} .*--resume .*--overwrite"):
        begin(run, choices, None, 1)
    assert tree(tmp_path) == before


def test_there_is_nothing_to_resume_where_nothing_began(tmp_path, run):
    before = tree(tmp_path)
    with pytest.raises(InputError, match=f"{re.escape(str(run.resume_path))} .*leave --resume out"):
        resume(run, {}, 1)
    assert tree(tmp_path) == before


def test_a_crash_before_the_first_resume_file_is_not_sent_in_a_circle(run, choices):
    train(begin(run, choices, None, 1), 1)
    run.resume_path.unlink()
    with pytest.raises(InputError, match="--overwrite"):
        resume(run, {}, 1)


OTHERS = {
    **{"embedding": 5, "units": 7, "layers": 1, "dropout": 0.2, "batch_size": 4, "seq_length": 8, "seed": 4},
    **{"learning_rate": 0.5, "clip": 1.0, "validation": 0.1, "backend": "numpy", "preset": "tiny"},
    **{name: value for name, value in EVERYTHING.items() if name != "shuffle"},
}


@pytest.mark.parametrize("name, value", OTHERS.items(), ids=OTHERS)
def test_a_changed_option_is_refused_by_its_name(tmp_path, run, choices, name, value):
    train(begin(run, choices, None, 1), 1)
    before = tree(tmp_path)
    option = "--" + name.replace("_", "-")
    with pytest.raises(InputError, match=f"^{option} {value} .*leave {option} out"):
        resume(run, {name: value}, 1)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("began", [False, True])
def test_a_changed_switch_is_refused_by_its_name(run, choices, began):
    train(begin(run, choices | {"shuffle": began}, None, 1), 1)
    option = "--no-shuffle" if began else "--shuffle"
    with pytest.raises(InputError, match=f"^{option} would .*leave {option} out"):
        resume(run, {"shuffle": not began}, 1)


def test_a_preset_is_compared_in_full_with_what_the_run_began_with(tmp_path, run, text):
    tiny = {"preset": "tiny", "input": str(text), "units": 8, "batch_size": 5, "seq_length": 9, "schedule": "constant"}
    session = train(begin(run, tiny, None, 1), 1)
    assert state(resume(run, tiny | {"epochs": 9}, 1)) == state(session)
    for other in ({"preset": "classic"}, {"preset": "tiny"}, {"preset": "classic", "units": 8}):
        with pytest.raises(InputError, match=f"^--preset {other['preset']} .*leave --preset out"):
            resume(run, other, 1)


def test_the_same_options_again_are_no_change(run, choices):
    session = train(begin(run, choices, None, 1), 1)
    assert state(resume(run, choices, 1)) == state(session)


def test_another_text_is_refused(tmp_path, run, choices, text):
    train(begin(run, choices, None, 1), 1)
    text.write_text(TEXT + "X:21\nK:G\nabc|\n")
    before = tree(tmp_path)
    with pytest.raises(InputError, match=f"{re.escape(str(text))} is not the text.*--input"):
        resume(run, {}, 1)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("asked", [{}, {"epochs": 3}, {"epochs": 1}])
def test_a_finished_run_is_refused_with_a_number_of_epochs_that_does_go_on(run, choices, asked):
    train(begin(run, choices, None, 1))
    with pytest.raises(InputError, match="has .*3 epochs; --epochs ([0-9]+)") as error:
        resume(run, asked, 1)
    remedy = int(re.search(r"--epochs (\d+)", str(error.value))[1])
    assert len(train(resume(run, {"epochs": remedy}, 1), 1).trainer.history) == 4


def altered(name, change):
    """An alteration of one array or fact of a resume file; None takes it away."""

    def alter(arrays, numbers):
        kind = arrays if name in arrays else numbers
        if change is None:
            del kind[name]
        else:
            kind[name] = change(kind[name])

    return alter


ALTERATIONS = {
    **{f"no {name}": altered(name, None) for name in ("parameters", "m", "h", "config", "settings")},
    **{f"{name} cut": altered(name, lambda array: array[:1]) for name in ("parameters", "m", "v", "h", "c")},
    "one number": altered("parameters", lambda array: np.float32(1)),
    "other floats": altered("h", lambda array: array.astype(np.float64)),
    "NaN": altered("m", lambda array: array * np.float32(np.nan)),
    "a billion layers": altered("config", lambda config: config | {"layers": 10**9}),
    "another model": altered("config", lambda config: config | {"embedding": 5}),
    "another batch": altered("settings", lambda settings: settings | {"batch_size": 6}),
    "settings unknown": altered("settings", lambda settings: settings | {"speed": 11}),
    "settings of another kind": altered("settings", lambda settings: [1, 2, 3]),
}


NONSENSE = {
    **dict.fromkeys(["t", "position", "cycle_start", "correct"], [None, -1, 1.5, "1", True, 10**9]),
    **dict.fromkeys(["nats", "seconds"], [None, -1.0, math.nan, math.inf, "1", 10**400]),
    "backend": [None, "cuda", 7, ["numba"]],
    "history": [None, 7, "text", [], [7], [{}], [{"epoch": 1}], [dict.fromkeys(COLUMNS, "1")], [{"speed": 11}]],
    "text": [None, 7],
    "input": [None, 7, [], [7], "", "a\0b", ["\ud800"], ["/dev/zero"]],
    "encoding": [7, "a\0b", "\ud800"],
}
del NONSENSE["correct"][-1]  # as many as that would only be a wrong accuracy
ALTERATIONS |= {f"no {name}": altered(name, None) for name in NONSENSE if name not in ("cycle_start", "encoding")}
ALTERATIONS |= {
    f"{name}={str(value)[:20]!a}": altered(name, lambda old, value=value: value)
    for name, values in NONSENSE.items()
    for value in values
}
ALTERATIONS |= {
    f"{name}={value}": altered("settings", lambda settings, name=name, value=value: settings | {name: value})
    for name, value in {
        **{"seq_length": 0, "epochs": "3", "validation": math.nan, "seed": -1, "clip": None, "schedule": "linear"},
        **{"warmup": -1, "averaging": 1.0, "weight_decay": -0.1, "chrono": 1.0, "shuffle": 1, "transpose": 1.1},
        **{"learning_rate": -0.001, "clip": math.nan, "weight_decay": math.inf, "batch_size": True, "seed": 10**400},
        "epochs": 0,
    }.items()
}
ALTERATIONS |= {
    f"{name}={str(value)[:20]} in the history": altered("history", lambda old, new={name: value}: [old[0] | new])
    for name, values in {
        **{"epoch": [-5, 1.0, True, math.inf], "loss": [10**400, math.nan, math.inf, -1.0, [[]]]},
        **{"val_loss": [math.inf, 10**400, None, True], "seconds": [-1.0, math.nan]},
    }.items()
    for value in values
}
ALTERATIONS["too deep"] = altered("history", lambda old: json.loads("[" * 900 + "]" * 900))


@pytest.mark.parametrize("alter", ALTERATIONS.values(), ids=ALTERATIONS)
def test_a_resume_file_that_does_not_fit_itself_is_refused(run, choices, alter):
    train(begin(run, choices, None, 1), 1)
    arrays, numbers = load_resume(run.resume_path)
    alter(arrays, numbers)
    save_resume(run.resume_path, arrays, numbers)
    says = f"^cannot use {re.escape(str(run.resume_path))}: |^/dev/zero is a device"
    with pytest.raises(InputError, match=says) as error:
        resume(run, {}, 1)
    assert len(str(error.value).splitlines()) == 1


def test_weights_are_not_taken_for_a_resume_file(run, choices):
    train(begin(run, choices, None, 1), 1)
    shutil.copy(run.model_dir / "weights.1.h5", run.resume_path)
    with pytest.raises(InputError, match="^cannot use"):
        resume(run, {}, 1)
    with h5py.File(run.resume_path, "w") as file:
        file.attrs["format_version"] = 1
    with pytest.raises(InputError, match="^cannot use"):
        resume(run, {}, 1)


# -- what cannot be trained


@pytest.mark.parametrize("poke", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["dense/bias", "lstm_1/kernel"])
def test_a_loss_that_is_not_finite_stops_before_it_reaches_a_file(tmp_path, run, choices, poke, name):
    session = train(begin(run, choices, None, 1), 1)
    before, step = tree(tmp_path), STEPS + 4
    for _ in range(3):
        session.trainer.step()
    session.trainer.model.parameters[name].flat[2] = poke
    poked = session.trainer.model.parameters.flat.copy()
    message = rf"step {step} \(epoch 2\): loss .*, gradient norm .*--learning-rate"
    with pytest.raises(InputError, match=message) as error:
        session.trainer.step()
    assert "learning rate 0.001" in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    np.testing.assert_array_equal(session.trainer.model.parameters.flat, poked)
    assert tree(tmp_path) == before
    assert len(resume(run, {}, 1).trainer.history) == 1


@pytest.fixture
def no_bounds(monkeypatch):
    """Settings that no user can have: with these it is sure that numbers overflow."""
    monkeypatch.setattr(settings_module, "BOUNDS", {})


# Products of such parameters overflow at the second step whatever the rounding; but at 1e9 gates are saturated instead,
# and whether a number overflows is luck: it does on AVX-512 and AVX2, and not on generic code, where the loss is 1e9.
@pytest.mark.parametrize("backend", ["numba", "numpy"])
@pytest.mark.parametrize("learning_rate", [1e9, 1e25, 1e30, 1e39])
def test_too_large_a_learning_rate_is_told_and_leaves_no_weights(run, choices, learning_rate, backend, no_bounds):
    session = begin(run, choices | {"learning_rate": learning_rate, "clip": 0.0, "backend": backend}, None, 1)
    with pytest.raises(InputError, match=r"diverged at step [0-9]+ .*learning rate 1e\+.*--learning-rate"):
        train(session)
    assert epochs(run.model_dir) == []


OVERFLOWS = {"learning rate": {"learning_rate": 1e39}, "weight decay": {"weight_decay": 1e45}}


@pytest.mark.parametrize("averaging", [0.0, 0.9])
@pytest.mark.parametrize("overflow", OVERFLOWS.values(), ids=OVERFLOWS)
def test_weights_that_overflow_in_the_last_step_are_told_and_not_written(
    tmp_path, run, choices, overflow, averaging, no_bounds
):
    session = train(begin(run, choices | {"validation": 0.0, "averaging": averaging}, None, 1), 1)
    before, trainer = tree(tmp_path), session.trainer
    for _ in range(len(trainer.batches) - 1):
        trainer.step()
    trainer.settings = replace(trainer.settings, **overflow)
    assert math.isfinite(trainer.step())
    assert not np.isfinite(trainer.model.parameters.flat).all()
    for write in (session.save_progress, lambda: train(session, 1)):  # Ctrl-C now, or the end of the epoch
        with pytest.raises(InputError, match=r"diverged at step \d+ \(epoch 2\): weights .*--learning-rate") as error:
            write()
        assert len(str(error.value).splitlines()) == 1
    assert tree(tmp_path) == before
    assert len(resume(run, {}, 1).trainer.history) == 1


def test_an_average_that_is_not_finite_is_not_written(tmp_path, run, choices):
    session = train(begin(run, choices | {"averaging": 0.9}, None, 1), 1)
    before = tree(tmp_path)
    session.trainer.step()
    session.trainer.ema_model.parameters["embedding/embedding"].flat[0] = np.inf
    with pytest.raises(InputError, match="weights that are not finite"):
        session.save_progress()
    assert tree(tmp_path) == before


def test_a_run_stopped_with_a_large_loss_that_is_finite_goes_on(run, choices):
    session = begin(run, choices | {"learning_rate": 10.0}, None, 1)
    for _ in range(3):
        session.trainer.step()
    session.save_progress()
    assert state(resume(run, {}, 1)) == state(session)


@pytest.mark.parametrize(
    "sizes, remedy",
    [
        ({"batch_size": 10**9}, "the largest that fit"),
        ({"seq_length": 10**9}, "the largest that fit"),
        ({"batch_size": 10**9, "units": 10**6}, "the largest that fit"),
        ({"units": 10**6}, "GB of memory.*--units"),
        ({"embedding": 10**6, "units": 10**6, "layers": 1000}, "GB of memory.*--layers"),
    ],
)
def test_sizes_that_cannot_be_are_refused_before_memory_is_taken(tmp_path, run, choices, sizes, remedy):
    before = tree(tmp_path)
    with pytest.raises(InputError, match=remedy):
        begin(run, choices | sizes, None, 1)
    assert tree(tmp_path) == before


def test_a_new_run_that_cannot_be_leaves_the_old_one(tmp_path, run, choices, text):
    train(begin(run, choices, None, 1), 1)
    before = tree(tmp_path)
    for wrong in ({"input": str(text) + "?"}, {"batch_size": 10**6}, {"layers": 0}, {"dropout": 1.0}):
        with pytest.raises(InputError):
            begin(run, choices | wrong, None, 1, overwrite=True)
    assert tree(tmp_path) == before


def test_directories_that_cannot_be_made_leave_the_old_run(tmp_path, run, choices, text):
    train(begin(run, choices, None, 1), 1)
    before = tree(tmp_path)
    for elsewhere in (Run(run.model_dir, text / "logs"), Run(text / "model", run.log_dir)):
        with pytest.raises(InputError, match=f"^cannot write {re.escape(str(text))}"):
            begin(elsewhere, choices, None, 1, overwrite=True)
    assert tree(tmp_path) == before


# -- the validation loss


def naive_validation(session, rows):
    """Loss and accuracy over the held-out text: row by row, character by character, from the zero state."""
    model, ids = session.trainer.model, session.corpus.validation
    row, nats, hits = (len(ids) - 1) // rows, 0.0, 0
    for start in range(0, row * rows, row):
        model_state = model.initial_state(1)
        for at in range(start, start + row):
            logits, model_state, _ = model.forward(ids[None, at : at + 1], model_state)
            scores = logits[0, 0].astype(np.float64)
            p = np.exp(scores - scores.max())
            nats -= math.log(p[ids[at + 1]] / p.sum())
            hits += int(scores.argmax()) == ids[at + 1]
    return nats / (row * rows), hits / (row * rows)


@pytest.mark.parametrize("held_out", [0.05, 0.2, 0.5])
def test_the_validation_loss_is_that_of_a_plain_loop_over_the_held_out_tunes(run, choices, held_out):
    session = begin(run, choices | {"epochs": 1, "validation": held_out}, None, 2)
    for _ in session.trainer.steps():
        pass
    record = session.trainer.finish_epoch()
    loss, accuracy = naive_validation(session, rows=16)
    assert record.val_loss == pytest.approx(loss, rel=1e-5)
    assert record.val_accuracy == pytest.approx(accuracy)
    for seq_length in (1, 7, 1000):  # how many characters are read at a time makes no difference
        found = evaluate(session.trainer.model, session.corpus.validation, seq_length, session.trainer.workers)
        assert found == pytest.approx((loss, accuracy), rel=1e-5)


def test_two_held_out_characters_are_enough_to_validate_on(run, choices, text):
    text.write_text("abcdefghij" * 10)
    session = begin(run, choices | {"epochs": 1, "validation": 0.02}, None, 1)
    for _ in session.trainer.steps():
        pass
    record = session.trainer.finish_epoch()
    assert (record.val_loss, record.val_accuracy) == pytest.approx(naive_validation(session, rows=1), rel=1e-5)


# -- presets: the usual one asks for what only tunes have


SMALL = {"embedding": 4, "units": 6, "batch_size": 2, "seq_length": 9, "epochs": 1}


def usual_settings(run, path, **more):
    return begin(run, SMALL | {"input": str(path)} | more, None, 1).trainer.settings


def test_the_usual_preset_shuffles_and_transposes_tunes(run, text):
    settings = usual_settings(run, text, epochs=30)
    assert settings.shuffle and settings.transpose == 1 and settings.warmup == 200
    assert settings.schedule == "cosine" and settings.averaging == 0.999 and settings.chrono == 0.2


def test_the_usual_preset_leaves_out_what_a_text_cannot_have(run, tmp_path):
    prose = tmp_path / "prose.txt"
    prose.write_text("No tunes are in here, and it is short.\n" * 9)
    settings = usual_settings(run, prose)
    assert (settings.shuffle, settings.transpose, settings.warmup) == (False, 0, 0)
    assert settings.averaging == 0.999  # what any text can have stays


def test_a_preset_that_left_something_out_is_the_same_preset_when_resumed(run, tmp_path):
    prose = tmp_path / "prose.txt"
    prose.write_text("No tunes are in here, and it is short.\n" * 9)
    choices = SMALL | {"input": str(prose), "preset": "tiny", "epochs": 2}
    session = train(begin(run, choices, None, 1), 1)
    assert not session.trainer.settings.shuffle
    assert state(resume(run, choices, 1)) == state(session)


def test_tunes_in_one_key_are_shuffled_but_not_transposed(run, tmp_path):
    tunes = tmp_path / "tunes.txt"
    tunes.write_text("".join(f"X:{n}\nK:D\nABc dBA|\n\n" for n in range(20)))
    settings = usual_settings(run, tunes)
    assert settings.shuffle and not settings.transpose


@pytest.mark.parametrize("named", [{"shuffle": True}, {"transpose": 0.5}, {"warmup": 10**6}])
def test_what_the_user_named_is_refused_and_not_left_out(run, tmp_path, named):
    prose = tmp_path / "prose.txt"
    prose.write_text("No tunes are in here, and it is short.\n" * 9)
    with pytest.raises(InputError, match=f"^--{[*named][0]}"):
        usual_settings(run, prose, **named)
