"""The evaluation: the losses are those of training, the tunes are judged one by one, the command says it all."""

import json
import math
import re
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from helpers import changed, run_command
from lstm import evaluate
from lstm.engine.threads import Workers
from lstm.evaluation import heldout, quality
from lstm.evaluation.heldout import ORDERS, NGram
from lstm.evaluation.novelty import spans_of
from lstm.evaluation.quality import (
    VALIDITY,
    Composed,
    Estimate,
    judge_all,
    novelty,
    summarize,
    tunes_of_n_gram,
    tunes_of_network,
    validity,
)
from lstm.io.places import ROOT
from lstm.model import CharRNN, Config, initial_parameters
from lstm.notation.judge import Verdict
from lstm.notation.tunes import END, PROMPT, count_notes, split
from lstm.rendering.plots import against_temperature, save
from lstm.sampling import Draw, generate
from lstm.settings import Settings
from lstm.storage.checkpoint import Checkpoint, save_weights
from lstm.training import Trainer, character_losses
from lstm.training import evaluate as validate
from lstm.vocabulary import Vocabulary

CORPUS = (ROOT / "data" / "input.txt").read_text()
TEXT = CORPUS[: CORPUS.index("X:41\n")]  # 40 tunes


def checkpoint_of(text=TEXT, abc=True, H=12):
    vocabulary = Vocabulary.of(text)
    config = Config(len(vocabulary), 6, H, 2)
    return Checkpoint(CharRNN(config, initial_parameters(config, 5)), vocabulary, 3, {}, abc)


# -- the held-out text


def test_each_character_costs_what_a_plain_reading_of_the_rows_gives():
    checkpoint, (_, held_out) = checkpoint_of(), split(TEXT, 0.1)
    ids, model = checkpoint.vocabulary.encode(held_out), checkpoint.model
    nats, correct = character_losses(model, ids, 7, Workers())
    rows = 16
    length = (len(ids) - 1) // rows
    assert nats.shape == correct.shape == (rows * length,)
    for row in range(rows):
        part = ids[row * length : (row + 1) * length + 1]
        logits, _, _ = model.forward(part[:-1, None], model.initial_state())
        p = np.exp(logits[:, 0]) / np.exp(logits[:, 0]).sum(axis=-1, keepdims=True)
        expected = -np.log(p[np.arange(length), part[1:]])
        np.testing.assert_allclose(nats[row * length : (row + 1) * length], expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(correct[row * length : (row + 1) * length], p.argmax(axis=-1) == part[1:])


@pytest.mark.parametrize("threads", [1, 2])
def test_the_loss_is_the_validation_loss_of_training(threads):
    training, held_out = split(TEXT, Settings.validation)
    checkpoint = checkpoint_of()
    encode = checkpoint.vocabulary.encode
    trainer = Trainer(checkpoint.model, Settings(epochs=1), encode(training), encode(held_out))
    record = next(trainer.records())
    cost = next(heldout.losses(checkpoint, training, held_out, threads))
    assert (cost.nats, cost.accuracy) == (record.val_loss, record.val_accuracy)
    assert (cost.nats, cost.accuracy) == validate(checkpoint.model, encode(held_out), 64, Workers())


def test_a_header_ends_with_the_line_of_its_key():
    tunes = "X:1\nT:A\nK:G\nABc|\nM:3/4\nd|\n\n", "X:2\nK:D\nE:|\n"
    expected = "hhhhhhhhhhhh" + "m" * 15 + "hhhhhhhh" + "m" * 4
    assert "".join("mh"[int(yes)] for yes in heldout.in_header("".join(tunes))) == expected


def test_header_and_music_together_are_the_whole():
    training, held_out = split(TEXT, 0.1)
    share = heldout.in_header(held_out).mean()
    for cost in islice(heldout.losses(checkpoint_of(), training, held_out), 1 + len(ORDERS)):
        assert share * cost.header + (1 - share) * cost.music == pytest.approx(cost.nats, rel=0.01)


def test_the_rows_are_of_network_n_grams_and_compressors():
    training, held_out = split(TEXT, 0.1)
    costs = list(heldout.losses(checkpoint_of(), training, held_out))
    names = ["LSTM", *(f"n-gram, order {order}" for order in range(1, 9))]
    names += [f"{name}, given the training text" for name in ("gzip", "bzip2", "xz")]
    assert [cost.model for cost in costs] == names
    order = heldout.best_order(costs)
    assert costs[order].nats == min(cost.nats for cost in costs[1:9])
    assert costs[0].nats > costs[order].nats > 0  # a network that has learnt nothing


# -- the tunes


def test_a_tune_is_the_one_that_is_composed_alone():
    checkpoint = checkpoint_of()
    for k, tune in enumerate(tunes_of_network(checkpoint, 3, 0.8, random_seed=4)):
        rng = np.random.default_rng([4, k])
        characters = generate(checkpoint.model, checkpoint.vocabulary, PROMPT, rng, Draw(0.8))
        text = "X:" + "".join(islice(characters, 4000))
        assert tune == Composed(text.split(END)[0] + "\n" * (END in text), END in text)


def test_counting_composes_tunes_that_end(monkeypatch):
    checkpoint = checkpoint_of()
    n_gram = NGram(TEXT, 4, checkpoint.vocabulary.characters)
    tunes = list(tunes_of_n_gram(n_gram, checkpoint, 5, 1.0, random_seed=2))
    assert len(tunes) == 5 and all(tune.finished for tune in tunes)
    for tune in tunes:
        assert tune.text.startswith("X:") and tune.text.endswith("\n") and END not in tune.text
    monkeypatch.setattr(quality, "LONGEST_TUNE", 10)
    cut = list(tunes_of_n_gram(n_gram, checkpoint, 5, 1.0, random_seed=2))
    assert cut == [Composed(tune.text[:12], False) for tune in tunes]


@pytest.mark.parametrize("music, notes", [
    ("ABc def", 6), ("A2 B/ ^c' z2 x", 3), ("[GBd]2 {ab}c", 4), ('"Am"A "F"!trill!B', 2), ("A\nM:3/4\nB [K:D]C", 3),
    ("A % a comment\nB", 2), ("E:|", 1), ("", 0), ("(3ABc ~d", 4),
])
def test_notes_are_counted(music, notes):
    assert count_notes(f"X:1\nT:A Cabbage\nK:G\n{music}\n") == notes


def verdict(errors=0, warnings=0, bars=10, right=10, converted=True):
    return Verdict(converted, ("Error",) * errors, ("Warning",) * warnings, bars, right)


def test_verdicts_are_summed_up():
    verdicts = [verdict(), verdict(warnings=2, right=4), verdict(errors=1, bars=0, right=0), verdict(converted=False)]
    figures = validity(verdicts)
    assert [figures[name].value for name in VALIDITY] == [0.5, 0.25, 24 / 30]


def test_people_make_no_mistakes_and_copy_little():
    pytest.importorskip("symusic")
    tunes = [tune + "\n" for tune in CORPUS.split(END)[-20:]]
    composed, verdicts = [Composed(tune, True) for tune in tunes], list(judge_all(tunes, None, 2))
    people = summarize("people", None, composed, verdicts, spans_of(TEXT))
    assert people.tunes == 20
    assert [people.figures[name].value for name in (*VALIDITY, "finished")] == [1, 1, 1, 1]
    assert people.figures["notes per tune"].value > 50
    assert people.figures["longest copied span"].value < 15 and people.figures["24-grams seen"].value < 0.02


def test_what_was_learnt_by_heart_is_not_new():
    figures = novelty(TEXT.split(END)[3:6], spans_of(TEXT))
    assert figures["12-grams seen"] == figures["24-grams seen"] == (1, 1, 1)
    assert figures["the longest of all"].value > figures["longest copied span"].value > 150


def test_verdicts_come_in_the_order_of_the_tunes():
    pytest.importorskip("symusic")
    tune = "X:1\nM:2/4\nL:1/8\nK:G\nc|{}|c|\n".format
    verdicts = judge_all([tune("ABcd"), tune("ABc"), tune("AB"), tune("A|B"), tune("A2B2")], None, threads=3)
    assert [(found.bars, found.bars_right) for found in verdicts] == [(1, 1), (1, 0), (1, 0), (2, 0), (1, 1)]


# -- the figures


def test_each_figure_has_its_panel_with_curves_and_peoples_line():
    figures = {"a": Estimate(0.5, 0.4, 0.7), "b": Estimate(3, 2, 4)}
    units, curves = {"a": ("%", 100), "b": ("x", 1)}, {"LSTM": {0.5: figures, 1.0: figures}}
    figure = against_temperature(units, curves, ("we", figures))
    one, other = figure.axes
    curve = one.containers[0]
    np.testing.assert_allclose(curve[0].get_xydata(), [(0.5, 50), (1, 50)])
    np.testing.assert_allclose(curve[2][0].get_segments()[0], [(0.5, 40), (0.5, 70)])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["we", "LSTM"]
    assert (other.get_title(), other.get_ylabel(), other.get_xlabel()) == ("b", "x", "temperature")
    assert 3 in [line.get_ydata()[0] for line in other.lines]
    assert all(axes.get_ylim()[0] < 0 for axes in figure.axes)  # however high the lowest point is


def test_what_was_not_measured_is_not_drawn(tmp_path):
    nothing = {"a": Estimate(math.nan, math.nan, math.nan)}
    save(against_temperature({"a": ("%", 100)}, {"LSTM": {0.5: nothing}}, ("we", nothing)), tmp_path / "a.svg")
    assert "<svg" in (tmp_path / "a.svg").read_text()


# -- the command


def call(*arguments):
    """Run the command in this process: (status, standard output, standard error)."""
    return run_command(evaluate.main, "python -m lstm.evaluate", *changed(arguments))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with weights of epoch 3 and the text that they know, and no long tunes."""
    monkeypatch.setattr(quality, "LONGEST_TUNE", 150)
    save_weights(tmp_path / "weights.3.h5", checkpoint_of())
    (tmp_path / "text").write_text(TEXT)
    return tmp_path


def options(place, *more):
    return "--model-dir", place, "--input", place / "text", "--out", place / "out", *more


def test_the_whole_evaluation(place):
    pytest.importorskip("symusic")
    few = "--samples", 3, "--temperatures", 1, 0.5, "--random-seed", 5
    status, out, err = call(*options(place, *few, "--threads", 1))
    assert status == 0, err
    tables = [table.splitlines() for table in out.split("\n\n") if table.startswith("|")]
    assert [len(table) for table in tables] == [2 + 12, 2 + 5, 2 + 5]
    for table in tables:
        assert len({line.count("|") for line in table}) == 1  # as many cells in each line
    temperatures = [line.split("|")[2].strip() for line in tables[1][2:]]
    assert temperatures == ["", "0.5", "0.5", "1", "1"]
    assert "| people, held out |  | 4 | 100.0 (51.0-100.0) |" in out
    kept = json.loads((place / "out" / "evaluation.json").read_text())
    assert [row["tunes"] for row in kept["tunes"]] == [4, 3, 3, 3, 3]
    assert f"| LSTM | {kept['held_out'][0]['nats']:.3f} |" in out
    assert kept["held_out"][-1]["header"] is None  # of a compressor that is not known
    assert set(kept["tunes"][0]["figures"]["bars right"]) == {"value", "low", "high"}
    assert (place / "out" / "evaluation.md").read_text() == out
    for name in ("validity.svg", "novelty.svg"):
        assert "<svg" in (place / "out" / name).read_text()
    *_, last = err.strip().splitlines()
    assert "tables" in last

    again = call(*options(place, *few, "--threads", 2))
    assert again[1].splitlines()[1:] == out.splitlines()[1:]  # the first line has the command


def test_of_a_long_text_it_says_which_part_was_counted(tmp_path, monkeypatch):
    text = "It was the best of times, it was the worst of times.\n" * 200
    save_weights(tmp_path / "weights.3.h5", checkpoint_of(text, abc=False))
    (tmp_path / "text").write_text(text)
    _, whole, _ = call(*options(tmp_path))
    monkeypatch.setattr(heldout, "MOST_KNOWN", 500)
    monkeypatch.setattr(heldout, "MOST_MEASURED", 300)
    _, part, _ = call(*options(tmp_path))
    said = "\nAll but the LSTM know the last 500 of the 9,540 characters of the training text, "
    assert said in part and "All but the LSTM" not in whole
    for row, same in (("| LSTM ", True), ("| gzip", False)):
        one, other = (next(line for line in out.splitlines() if line.startswith(row)) for out in (whole, part))
        assert (one == other) == same


def test_the_text_may_be_many_files_in_another_encoding(tmp_path):
    text = TEXT.replace("T:A", "T:Á")
    before, number, after = text.partition("X:20\n")
    (tmp_path / "a.abc").write_bytes(before.rstrip("\n").encode("latin-1"))
    (tmp_path / "b.abc").write_bytes((number + after).encode("latin-1"))
    assert evaluate.texts([tmp_path], "latin-1", Vocabulary.of(text), 0.1) == split(text, 0.1)


def test_of_what_is_not_tunes_only_the_loss_is_measured(tmp_path):
    text = "It was the best of times, it was the worst of times.\n" * 20
    save_weights(tmp_path / "weights.3.h5", checkpoint_of(text, abc=False))
    (tmp_path / "text").write_text(text)
    status, out, err = call(*options(tmp_path, 3))
    assert status == 0 and "tunes are not judged" in err
    assert len(re.findall(r"^\| (LSTM|n-gram|gzip|bzip2|xz)", out, re.MULTILINE)) == 12 and "nan" not in out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["evaluation.json", "evaluation.md"]


def test_the_best_epoch_can_be_evaluated(tmp_path):
    text = "It was the best of times, it was the worst of times.\n" * 20
    for epoch, loss in {2: 1.0, 3: 2.0}.items():
        losses = {"loss": loss, "val_loss": loss}
        save_weights(tmp_path / f"weights.{epoch}.h5", replace(checkpoint_of(text, abc=False), losses=losses))
    (tmp_path / "text").write_text(text)
    status, out, _ = call(*options(tmp_path, "best"))
    assert status == 0 and "weights.2.h5" in out.splitlines()[0]


@pytest.mark.parametrize("more, complaint", [
    (("bset",), "argument epoch: 'bset' must be a whole number of at least 1, or best; see --help"),
    (("best",), "cannot use .*weights.3.h5: it keeps no losses, by which best is chosen; name an epoch instead"),
    ((4,), "there are no weights of epoch 4 in .*; it has epochs 3"),
    (("--model-dir", "nowhere"), "there are no weights in nowhere"),
    (("--input", "nowhere.txt"), "cannot read nowhere.txt"),
    (("--samples", 0), "'0' must be a whole number of at least 1"),
    (("--temperatures", 0.5, -1), "'-1' must be 0, or a number"),
    (("--input", "{place}/odd"), r"odd: character '\u2665' \(line 2, column 3\) is not .*; --input must be"),
    (("--input", "{place}/short"), "short is too short to hold out a part of it"),
    (("--out", "{place}/text"), "cannot write .*text"),
])
def test_bad_input_ends_in_one_line(place, more, complaint):
    pytest.importorskip("symusic")
    (place / "odd").write_text("X:1\nT:\u2665\n")
    (place / "short").write_text("X:1\n")
    status, out, err = call(*options(place), *(str(word).format(place=place) for word in more))
    assert status == 2 and out == "", err
    assert re.search(complaint, err) and err.count("\n") == 1


def test_without_abc2midi_the_remedy_is_named_at_once(place, monkeypatch):
    monkeypatch.setattr("lstm.notation.abc2midi.importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    status, out, err = call(*options(place))
    assert status == 2 and not out and "abc2midi was not found" in err and not (place / "out").exists()


def test_nan_is_no_json():
    assert evaluate.plain({"a": [Estimate(math.nan, 1.0, 2)], "b": None}) == {
        "a": [{"value": None, "low": 1.0, "high": 2}], "b": None,
    }
