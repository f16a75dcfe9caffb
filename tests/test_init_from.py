"""Training that begins from a model: what both vocabularies know is kept, all else is as in any other training."""

import json
import re

import numpy as np
import pytest

import lstm
from commands import call, sample, train
from lstm.io import InputError
from lstm.model import CharRNN, Config, initial_parameters
from lstm.storage import imported
from lstm.storage.checkpoint import Checkpoint, save_weights
from lstm.storage.exported import export
from lstm.storage.run import Run
from lstm.storage.session import begin
from lstm.vocabulary import Vocabulary

pytestmark = pytest.mark.usefixtures("no_pictures")
TEXT = "the cat sat on the mat\n" * 30
CHOICES = {"preset": "classic", "epochs": 1, "batch_size": 2, "seq_length": 5, "validation": 0.2, "seed": 3}


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


def trained(characters="ZYcat hs\n", dtype=np.float32):
    """A model whose parameters are all different from each other."""
    config = Config(len(characters), 4, 6, 2, dropout=0.0)
    parameters = initial_parameters(config, 9, np.float64)
    parameters.flat += np.random.default_rng(3).normal(0, 0.3, parameters.flat.size)
    return Checkpoint(CharRNN(config, parameters.astype(dtype)), Vocabulary(characters))


def begun(tmp_path, text, path, **more):
    run = Run(tmp_path / "model", tmp_path / "logs")
    return begin(run, CHOICES | {"input": str(text), "init_from": str(path)} | more, None, 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_characters_that_both_know_keep_their_rows_and_others_begin_anew(tmp_path, text, dtype):
    before = trained(dtype=dtype)
    save_weights(tmp_path / "before.h5", before)
    session = begun(tmp_path, text, tmp_path / "before.h5")
    model, new = session.trainer.model, session.corpus.vocabulary
    assert model.parameters.flat.dtype == np.float32
    fresh = initial_parameters(model.config, CHOICES["seed"])
    assert {*new.characters} & {*before.vocabulary.characters} == {*"cat hs\n"}
    for id, character in enumerate(new.characters):
        old = before.vocabulary.index.get(character)
        for name, axis in {"embedding/embedding": 0, "dense/kernel": 1, "dense/bias": 0}.items():
            there, place = (fresh[name], id) if old is None else (before.weights[name], old)
            found, expected = np.take(model.parameters[name], id, axis), np.take(there, place, axis)
            np.testing.assert_array_equal(found, expected.astype(np.float32))
    for name, array in before.weights.items():
        if name.startswith("lstm"):
            np.testing.assert_array_equal(model.parameters[name], array.astype(np.float32))
    said = "begins from .*before.h5, which knows 7 of the 11 characters of the text; the other 4 begin anew: 'emno'"
    assert any(re.fullmatch(said, remark) for remark in session.remarks), session.remarks


def test_it_goes_on_where_the_model_was(tmp_path, text):
    """The loss of the first batch is that of the model itself."""
    before = trained("".join(sorted({*TEXT})))
    save_weights(tmp_path / "before.h5", before)
    trainer = begun(tmp_path, text, tmp_path / "before.h5", dropout=0.0).trainer
    ids, targets = next(iter(trainer.batches))
    first = next(iter(trainer.steps()))
    expected = before.model.loss_and_gradient(ids, targets, before.model.initial_state(2)).nats / ids.size
    assert first == pytest.approx(expected, rel=1e-5)


def test_a_model_of_keras_is_trained_on_and_its_narrower_layers_stay_so(tmp_path, text):
    before = trained()
    for name in ("lstm_2/kernel", "lstm_2/recurrent_kernel", "lstm_2/bias"):
        before.weights[name].reshape(-1, 4, 6)[..., 4:] = 0
    before.weights["lstm_2/recurrent_kernel"][4:] = 0
    before.weights["dense/kernel"][4:] = 0
    export(before, tmp_path / "model.keras")
    session = begun(tmp_path, text, tmp_path / "model.keras", recurrent_dropout=0.3, weight_decay=0.1, averaging=0.5)
    for _ in session.trainer.steps():
        pass
    for model in (session.trainer.model, session.trainer.ema_model):
        added = model.parameters["lstm_2/recurrent_kernel"].reshape(6, 4, 6)
        assert np.abs(added[:4, :, :4]).min() > 0 and not added[4:].any() and not added[..., 4:].any()
        assert not model.parameters["dense/kernel"][4:].any()
    assert any("6, 4 cells" in remark for remark in session.remarks)


def test_sizes_are_those_of_the_model(tmp_path, text):
    save_weights(tmp_path / "before.h5", trained())
    assert begun(tmp_path, text, tmp_path / "before.h5", units=6).trainer.model.config.units == 6
    with pytest.raises(InputError, match="--units 7: the model of --init-from has 6; leave --units out"):
        begun(tmp_path / "other", text, tmp_path / "before.h5", units=7)


def test_a_model_with_hard_sigmoid_is_not_trained(tmp_path, text):
    from test_keras_files import weights_of  # the same small file

    weights_of("2.2.4", tmp_path / "old.h5")
    (tmp_path / "char_to_idx.json").write_text(json.dumps({c: n for n, c in enumerate("abcdefg")}))
    model = imported.load(tmp_path / "old.h5", recurrent_activation="hard_sigmoid")
    with pytest.raises(InputError, match="hard_sigmoid cannot be trained; leave init_from out"):
        lstm.train(TEXT, preset="classic", batch_size=2, seq_length=5, init_from=model)


def test_the_command_trains_resumes_and_composes(tmp_path, text):
    export(trained(), tmp_path / "model.weights.h5")
    (tmp_path / "model.weights.h5.char_to_idx.json").rename(tmp_path / "characters.json")
    places = "--model-dir", tmp_path / "m", "--log-dir", tmp_path / "l"
    sizes = "--preset", "classic", "--batch-size", "2", "--seq-length", "5", "--epochs", "1"
    named = "--init-from", tmp_path / "model.weights.h5", "--init-vocabulary", tmp_path / "characters.json"
    status, out, _ = call(train, "--input", text, *places, *sizes, *named)
    assert status == 0 and "knows 7 of the 11 characters" in out
    assert call(train, "--input", text, *places, "--resume", "--epochs", "2")[0] == 0
    assert call(sample, *places[:2], "--length", "9")[0] == 0


def test_the_model_is_not_deleted_by_the_run_that_begins_from_it(tmp_path, text):
    where = "--input", text, "--model-dir", tmp_path / "m", "--log-dir", tmp_path / "l", "--seq-length", "5"
    small = "--preset", "classic", "--epochs", "1", "--batch-size", "2"
    sizes = "--units", "3", "--embedding", "2", "--layers", "1"
    assert call(train, *where, *small, *sizes)[0] == 0
    model = tmp_path / "m" / "weights.1.h5"
    before = model.read_bytes()
    status, _, err = call(train, *where, *small, "--init-from", model, "--overwrite")
    assert status == 2 and "is of the run that --overwrite deletes; choose another --model-dir" in err
    assert model.read_bytes() == before


@pytest.mark.parametrize("options, says", [
    (["--init-vocabulary", "x.json"], "--init-from, which is missing"),
    (["--init-from", "x.h5", "--resume"], "--init-from begins a run, and --resume goes on with one"),
    (["--init-from", "no/such.h5"], "cannot read no/such.h5: No such file or directory; check the name"),
])
def test_options_that_do_not_fit_are_refused_before_anything_is_written(tmp_path, text, options, says):
    where = "--input", text, "--model-dir", tmp_path / "m", "--log-dir", tmp_path / "l", "--seq-length", "5"
    status, _, err = call(train, *where, *options)
    assert status == 2 and says in err and err.count("\n") == 1
    assert not (tmp_path / "m").exists()


def test_python_goes_on_from_a_model_too():
    first = lstm.train(TEXT, preset="classic", embedding=4, units=6, layers=1, epochs=2, batch_size=2, seq_length=5)
    *_, last = first
    second = lstm.train(TEXT, preset="classic", epochs=1, batch_size=2, seq_length=5, init_from=first.model)
    (record,) = second
    assert record.loss < last.loss
    assert second.model.model.config.units == 6
    with pytest.raises(InputError, match="'x' is no model"):
        lstm.train(TEXT, init_from="x")
