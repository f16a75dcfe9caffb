"""What helps on a small corpus: schedule of the learning rate, averaging, weight decay, shuffling, more dropout."""

import math

import numpy as np
import pytest

from lstm.adam import SLICE, Adam, decay, update_average
from lstm.corpus import Corpus, shuffled
from lstm.engine.threads import Workers
from lstm.io import InputError
from lstm.model import BACKENDS, CharRNN, Config, Parameters, dropout_keys, initial_parameters
from lstm.notation.tunes import split, split_tunes
from lstm.settings import Settings, learning_rate_at
from lstm.storage.session import new_trainer
from lstm.training import MOST_NATS, Trainer, evaluate

both = pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
CONFIG = Config(vocabulary=7, embedding=5, units=6, layers=2, dropout=0.3, input_dropout=0.2, recurrent_dropout=0.4)
IDS = np.random.default_rng(5).integers(0, 7, 200)
TEXT = "% of many\n" + "".join(f"X:{n}\nT:Tune {n}\nK:G\n{'|:abc dBAG:|'[n % 5 :]}\n\n" for n in range(1, 21))


def new_one(config=CONFIG, backend="numba", **settings):
    """A Trainer in float64 on random ids: 7 batches an epoch."""
    model = CharRNN(config, initial_parameters(config, 3, np.float64), BACKENDS[backend])
    return Trainer(model, Settings(batch_size=4, seq_length=7, **settings), IDS[:198], IDS[150:])


# -- the learning rate


def test_a_constant_rate_is_the_very_number():
    assert {learning_rate_at(step, 50, Settings(learning_rate=0.003)) for step in range(60)} == {0.003}


def test_the_cosine_falls_from_the_rate_to_a_hundredth_of_it():
    settings = Settings(learning_rate=0.2, schedule="cosine")
    rates = [learning_rate_at(step, 101, settings) for step in range(101)]
    assert rates[0] == 0.2
    assert rates[50] == pytest.approx(0.2 * 1.01 / 2)
    assert rates[100] == pytest.approx(0.002)
    expected = [0.002 + (0.2 - 0.002) * 0.5 * (1 + math.cos(math.pi * step / 100)) for step in range(101)]
    assert rates == pytest.approx(expected, rel=1e-14)


def test_the_rate_rises_in_a_line_before_it_falls():
    settings = Settings(learning_rate=1.0, schedule="cosine", warmup=4)
    rates = [learning_rate_at(step, 15, settings) for step in range(15)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    without = Settings(learning_rate=1.0, schedule="cosine")
    assert rates[4:] == [learning_rate_at(step, 11, without) for step in range(11)]
    constant = Settings(learning_rate=1.0, warmup=4)
    assert [learning_rate_at(step, 15, constant) for step in range(4, 15)] == [1.0] * 11


def test_training_ends_at_the_lowest_rate(monkeypatch):
    trainer, rates, step = new_one(epochs=3, schedule="cosine", learning_rate=0.01), [], Adam.step

    def noting(self, parameters, gradient, rate, *rest):
        rates.append(rate)
        step(self, parameters, gradient, rate, *rest)

    monkeypatch.setattr(Adam, "step", noting)
    assert len(list(trainer.records())) == 3
    assert rates == [learning_rate_at(step, 21, trainer.settings) for step in range(21)]
    assert rates[-1] == pytest.approx(1e-4)


@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_a_new_cycle_begins_from_the_averaged_weights_and_has_the_whole_schedule(monkeypatch, averaging):
    how = {"schedule": "cosine", "learning_rate": 0.01, "warmup": 3, "averaging": averaging}
    first, second, rates, step = new_one(epochs=2, **how), new_one(epochs=5, **how), [], Adam.step

    def noting(self, parameters, gradient, rate, *rest):
        rates.append(rate)
        step(self, parameters, gradient, rate, *rest)

    assert len(list(first.records())) == 2
    second.restore(*first.snapshot())
    second.begin_cycle()
    np.testing.assert_array_equal(second.model.parameters.flat, first.ema_model.parameters.flat)
    assert (first.model.parameters.flat != first.ema_model.parameters.flat).any() == (averaging > 0)
    monkeypatch.setattr(Adam, "step", noting)
    assert [record.epoch for record in second.records()] == [3, 4, 5]
    assert rates == [learning_rate_at(step, 21, second.settings) for step in range(21)]  # 7 in each of 3 epochs
    assert (rates[0], rates[3], rates[-1]) == pytest.approx((0.0025, 0.01, 1e-4))


# -- averaged weights


@pytest.mark.parametrize("most", [0.5, 0.999])
def test_the_average_is_that_of_a_naive_loop_and_learning_does_not_see_it(most):
    trainer, plain = new_one(averaging=most), new_one()
    average = [float(number) for number in trainer.model.parameters.flat]
    for t in range(1, 16):
        if trainer.position == len(trainer.batches):
            assert trainer.finish_epoch().val_loss == evaluate(trainer.ema_model, IDS[150:], 7, trainer.workers)[0]
            plain.finish_epoch()
        trainer.step(), plain.step()
        d = min(most, (1 + t) / (10 + t))
        average = [d * before + (1 - d) * now for before, now in zip(average, trainer.model.parameters.flat)]
        np.testing.assert_allclose(trainer.ema_model.parameters.flat, average, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(trainer.model.parameters.flat, plain.model.parameters.flat)
    assert plain.ema_model is plain.model  # no memory is taken where nothing is averaged


def test_the_average_of_a_long_vector_does_not_depend_on_the_threads():
    rng = np.random.default_rng(0)
    start, parameters = rng.normal(size=(2, 3 * SLICE + 5)).astype(np.float32)
    averages = [start.copy() for _ in range(4)]
    for threads, average in zip((1, 2, 3, 7), averages):
        update_average(average, parameters, 0.9, 1000, Workers(threads))
        assert average.tobytes() == averages[0].tobytes()
    np.testing.assert_allclose(averages[0], 0.9 * start + 0.1 * parameters, atol=1e-6)


# -- weight decay


def test_decay_shrinks_long_and_short_arrays_by_its_rate():
    arrays = [np.random.default_rng(0).normal(size=shape) for shape in ((300, 500), (2, 3))]
    expected = [array - 0.01 * array for array in arrays]
    decay(arrays, 0.01, Workers(2))
    for array, wanted in zip(arrays, expected):
        np.testing.assert_array_equal(array, wanted)


def test_weight_decay_is_that_of_adamw_on_matrices_alone():
    decayed, plain = new_one(weight_decay=0.1, learning_rate=0.02), new_one(learning_rate=0.02)
    before = plain.model.parameters.astype(np.float64)
    decayed.step(), plain.step()
    for name, array in plain.model.parameters.items():
        share = 0 if name.endswith("bias") else 0.02 * 0.1
        np.testing.assert_allclose(decayed.model.parameters[name], array - share * before[name], rtol=1e-13, atol=1e-16)


# -- shuffling


def pieces(corpus, ids):
    return split_tunes(corpus.vocabulary.decode(ids))


@pytest.mark.parametrize("validation", [0.0, 0.25])
def test_shuffling_puts_the_tunes_in_an_order_of_each_epochs_own(validation):
    corpus = Corpus.of(TEXT, validation)
    orders = {epoch: shuffled(corpus.training, corpus.edges, 3, epoch) for epoch in (1, 2, 3)}
    tunes = pieces(corpus, corpus.training)
    for ids in orders.values():
        assert corpus.vocabulary.decode(ids).startswith("% of many\nX:")  # what stands before the first tune stays
        found = pieces(corpus, ids)
        assert found != tunes
        assert sorted("".join(found)[10:].split("X:")) == sorted("".join(tunes)[10:].split("X:"))
    assert len({ids.tobytes() for ids in orders.values()}) == 3
    assert shuffled(corpus.training, corpus.edges, 3, 2).tobytes() == orders[2].tobytes()
    assert shuffled(corpus.training, corpus.edges, 4, 2).tobytes() != orders[2].tobytes()


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_last_tune_without_an_empty_line_stays_last(end):
    text = split(TEXT, 0.0)[0].rstrip("\n") + end
    corpus = Corpus.of(text, 0.0)
    last = pieces(corpus, corpus.training)[-1]
    for epoch in range(1, 9):
        assert corpus.vocabulary.decode(shuffled(corpus.training, corpus.edges, 1, epoch)).endswith("\n\n" + last)


def test_each_epoch_trains_on_its_own_order():
    corpus = Corpus.of(TEXT, 0.2)
    config = Config(len(corpus.vocabulary), 4, 5, 1)
    settings = Settings(epochs=3, batch_size=2, seq_length=8, shuffle=True, seed=6)
    trainer = new_trainer(config, settings, corpus, "numba", 1)
    for epoch in (1, 2, 3):
        ids = shuffled(corpus.training, corpus.edges, 6, epoch)
        rows = np.concatenate([inputs for inputs, _ in trainer.batches])
        np.testing.assert_array_equal(rows.T.ravel()[: len(rows)], ids[: len(rows)])
        for _ in trainer.steps():
            pass
        trainer.finish_epoch()


@pytest.mark.parametrize("text", ["no tunes at all, " * 20, "X:1\nK:G\n" + "abc|\n" * 60 + "\nX:2\nK:G\nabc|\n"])
def test_a_text_without_two_tunes_cannot_be_shuffled(text):
    corpus, settings = Corpus.of(text, 0.5), Settings(batch_size=2, seq_length=8, shuffle=True)
    with pytest.raises(InputError, match="--shuffle .*leave it out"):
        new_trainer(Config(len(corpus.vocabulary), 4, 5, 1), settings, corpus, "numba", 1)


# -- dropout of the input and of the recurrent kernels


def test_the_keys_of_the_outputs_are_those_they_always_were():
    for layers in (1, 3, 9):
        keys = dropout_keys(11, 22, layers)
        np.testing.assert_array_equal(keys.output, np.random.SeedSequence([11, 22]).generate_state(layers))
        words = [*keys.output, *keys.recurrent, keys.input]
        assert len(set(words)) == len(words) == 2 * layers + 1


@both
def test_dropped_weights_are_those_of_the_model_or_nothing(backend):
    config = Config(vocabulary=30, embedding=40, units=32, layers=2, input_dropout=0.25, recurrent_dropout=0.5)
    model = CharRNN(config, initial_parameters(config), backend)
    before = model.parameters.flat.copy()
    dropped = model.dropped(dropout_keys(1, 2, 2), Workers(2))
    assert model.dropped(None, Workers()) is model.network  # as when a tune is composed
    weights = [(dropped.embedding.embedding, model.network.embedding.embedding, 0.25)]
    weights += [(a.recurrent_kernel, b.recurrent_kernel, 0.5) for a, b in zip(dropped.lstm, model.network.lstm)]
    for found, weight, rate in weights:
        gone = found == 0
        assert gone.mean() == pytest.approx(rate, abs=0.05)
        np.testing.assert_allclose(found[~gone], weight[~gone] / (1 - rate), rtol=1e-6)
    masks = [found == 0 for found, _, rate in weights[1:]]
    assert (masks[0] != masks[1]).any()
    for found, weight in zip(dropped.lstm, model.network.lstm):
        assert (found.kernel == weight.kernel).all()
    np.testing.assert_array_equal(model.parameters.flat, before)


@both
def test_the_network_with_dropout_in_its_weights_is_the_network_of_such_weights(backend):
    config = Config(vocabulary=7, embedding=5, units=6, layers=2, dropout=0.0, input_dropout=0.2, recurrent_dropout=0.4)
    model, keys = CharRNN(config, initial_parameters(config, 3, np.float64), backend), dropout_keys(1, 2, 2)
    dropped = Parameters(config.shapes, np.float64)
    for name, array in (dict(model.parameters.items()) | model.drop_weights(model.parameters, keys, Workers())).items():
        dropped[name] = array
    assert (dropped.flat != model.parameters.flat).any()
    ids, state = IDS[:24].reshape(8, 3), model.initial_state(3)
    logits, _, _ = model.forward(ids, state, keys)
    np.testing.assert_array_equal(logits, CharRNN(config, dropped, backend).forward(ids, state)[0])


@both
def test_validation_is_without_any_dropout(backend):
    bare = Config(vocabulary=7, embedding=5, units=6, layers=2, dropout=0.0)
    parameters = initial_parameters(CONFIG, 3)
    losses = [evaluate(CharRNN(config, parameters, backend), IDS, 7, Workers()) for config in (CONFIG, bare)]
    assert losses[0] == losses[1]


# -- what does not learn


def epoch_of(trainer, loss):
    """Close an epoch as if it had been trained with that loss."""
    trainer.position, trainer.seconds = len(trainer.batches), 1.0
    trainer.nats = loss * trainer.characters
    return trainer.finish_epoch()


def unvalidated(ids=IDS[:198], vocabulary=7, units=6, **settings):
    """A Trainer in float32 of one layer, with nothing held out."""
    config = Config(vocabulary, embedding=8, units=units, layers=1, dropout=0.0)
    return Trainer(CharRNN(config, initial_parameters(config, 1)), Settings(**settings), ids)


def test_an_epoch_with_a_loss_above_twice_that_of_guessing_is_told():
    trainer = unvalidated(batch_size=4, seq_length=7)
    epoch_of(trainer, 1.99 * math.log(7))
    message = r"diverged at step 0 \(epoch 2\): .* 3\.911 is above twice that of guessing, 1\.946.* --learning-rate"
    with pytest.raises(InputError, match=message) as error:
        epoch_of(trainer, 2.01 * math.log(7))
    assert len(str(error.value).splitlines()) == 1
    assert len(trainer.history) == 1


@pytest.mark.parametrize("seed", [0, 1])
def test_a_network_that_a_high_learning_rate_keeps_from_learning_is_told(seed):
    ids = np.random.default_rng(seed).integers(0, 7, 198)  # where nothing is to be learnt, the loss is 30 and more
    trainer = unvalidated(ids, units=64, batch_size=4, seq_length=7, learning_rate=10.0, epochs=400)
    with pytest.raises(InputError, match="above twice that of guessing"):
        list(trainer.records())


def test_a_vocabulary_of_one_character_is_no_divergence():
    trainer = unvalidated(np.zeros(100, int), 1, batch_size=4, seq_length=7, epochs=3)
    assert [record.loss for record in trainer.records()] == [0, 0, 0]


def test_a_loss_that_float32_cannot_tell_from_its_neighbours_is_told_at_once():
    trainer = unvalidated(batch_size=4, seq_length=7)
    trainer.model.parameters["dense/bias"][:] = np.arange(7) * MOST_NATS
    before = trainer.model.parameters.flat.copy()
    with pytest.raises(InputError, match=r"diverged at step 1 \(epoch 1\): loss .*--learning-rate"):
        trainer.step()
    np.testing.assert_array_equal(trainer.model.parameters.flat, before)
