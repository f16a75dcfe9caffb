"""Parity with independent implementations. These tests need the extra `peers`; without it they are skipped."""

import json
import os

import numpy as np
import pytest

from lstm.loss import cross_entropy, cross_entropy_backward
from lstm.model import BACKENDS, CharRNN, Config, State, initial_parameters
from lstm.settings import Settings
from lstm.storage import imported
from lstm.storage.checkpoint import Checkpoint, save_weights
from lstm.training import Trainer
from lstm.vocabulary import Vocabulary

# Frameworks warn of things that are theirs to mend.
pytestmark = pytest.mark.filterwarnings("default")
both = pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
CONFIG = Config(vocabulary=11, embedding=6, units=9, layers=3, dropout=0.0)


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="needs the extra peers")


@pytest.fixture
def keras():
    pytest.importorskip("torch", reason="needs the extra peers")
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras", reason="needs the extra peers")


class TorchTwin:
    """The same network in PyTorch, in float64, its parameters by our names and in our layout."""

    def __init__(self, torch, config, parameters):
        self.torch, self.config = torch, config
        self.embedding = torch.nn.Embedding(config.vocabulary, config.embedding, dtype=torch.float64)
        self.lstm = torch.nn.LSTM(config.embedding, config.units, config.layers, dtype=torch.float64)
        self.dense = torch.nn.Linear(config.units, config.vocabulary, dtype=torch.float64)
        for name, weight in self.weights().items():
            with torch.no_grad():
                weight.copy_(torch.tensor(self.layout(name, parameters[name])))
        for layer in range(config.layers):  # PyTorch has two biases that are added; ours is the sum
            torch.nn.init.zeros_(getattr(self.lstm, f"bias_hh_l{layer}"))

    def weights(self):
        weights = {"embedding/embedding": self.embedding.weight}
        for layer in range(self.config.layers):
            for ours, theirs in (("kernel", "weight_ih"), ("recurrent_kernel", "weight_hh"), ("bias", "bias_ih")):
                weights[f"lstm_{layer + 1}/{ours}"] = getattr(self.lstm, f"{theirs}_l{layer}")
        return weights | {"dense/kernel": self.dense.weight, "dense/bias": self.dense.bias}

    @staticmethod
    def layout(name, array):
        """PyTorch's layout from ours, and back: kernels are transposed, all else is the same."""
        return array.T if name.endswith("kernel") else array

    def named(self, name, tensor):
        """A weight or gradient of PyTorch's in our layout."""
        return self.layout(name, tensor.detach().numpy())


@pytest.fixture
def problem():
    rng = np.random.default_rng(5)
    parameters = initial_parameters(CONFIG, 5, np.float64)
    parameters.flat += rng.normal(0, 0.2, parameters.flat.size)
    ids, targets = rng.integers(0, CONFIG.vocabulary, (2, 8, 4))
    state, dstate = (State(*rng.normal(size=(2, CONFIG.layers, 4, CONFIG.units))) for _ in range(2))
    return parameters, ids, targets, state, dstate


@both
def test_forward_and_every_gradient_agree_with_pytorch(torch, problem, backend):
    parameters, ids, targets, state, dstate = problem
    model = CharRNN(CONFIG, parameters, backend)
    logits, after, cache = model.forward(ids, state)
    nats, log_p = cross_entropy(logits, targets)
    gradient = parameters.like()
    dbefore = model.backward(cross_entropy_backward(log_p, targets, ids.size), dstate, cache, gradient)

    twin = TorchTwin(torch, CONFIG, parameters)
    h0, c0 = (torch.tensor(s, requires_grad=True) for s in state)
    output, (h, c) = twin.lstm(twin.embedding(torch.tensor(ids)), (h0, c0))
    their_logits = twin.dense(output)
    flat = their_logits.reshape(-1, CONFIG.vocabulary), torch.tensor(targets).reshape(-1)
    loss = torch.nn.functional.cross_entropy(*flat)
    (loss + (h * torch.tensor(dstate.h)).sum() + (c * torch.tensor(dstate.c)).sum()).backward()

    def agree(ours, theirs):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)

    agree(logits, their_logits.detach())
    agree(nats.mean(), loss.detach())
    agree(after.h, h.detach())
    agree(after.c, c.detach())
    agree(dbefore.h, h0.grad)
    agree(dbefore.c, c0.grad)
    for name, weight in twin.weights().items():
        agree(gradient[name], twin.named(name, weight.grad))


def test_training_goes_the_way_of_pytorch_step_by_step(torch):
    """Stateful batches, clipping and Adam as well: twenty losses, and the weights after them."""
    ids = np.random.default_rng(2).integers(0, CONFIG.vocabulary, 10 * 5 * 4 + 1)
    settings = Settings(batch_size=10, seq_length=5, learning_rate=0.02, clip=0.05)
    model = CharRNN(CONFIG, initial_parameters(CONFIG, 1, np.float64))
    twin = TorchTwin(torch, CONFIG, model.parameters)
    weights = list(twin.weights().values())
    adam = torch.optim.Adam(weights, lr=settings.learning_rate, eps=1e-7)
    trainer = Trainer(model, settings, ids)
    for _ in range(5):
        state = None
        for inputs, targets in trainer.batches:
            output, state = twin.lstm(twin.embedding(torch.tensor(inputs)), state)
            logits = twin.dense(output).reshape(-1, CONFIG.vocabulary)
            loss = torch.nn.functional.cross_entropy(logits, torch.tensor(targets).reshape(-1))
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, settings.clip)
            adam.step()
            state = tuple(s.detach() for s in state)
            assert trainer.step() == pytest.approx(loss.item(), rel=1e-6)  # PyTorch divides by norm + 1e-6 to clip
        trainer.finish_epoch()
    for name, weight in twin.weights().items():
        np.testing.assert_allclose(model.parameters[name], twin.named(name, weight), atol=1e-4)


# -- Keras reads our files, we read its


def keras_model(keras, config):
    layers = [keras.layers.Input((None,)), keras.layers.Embedding(config.vocabulary, config.embedding)]
    for _ in range(config.layers):
        layers += [keras.layers.LSTM(config.units, return_sequences=True), keras.layers.Dropout(0.2)]
    return keras.Sequential([*layers, keras.layers.TimeDistributed(keras.layers.Dense(config.vocabulary))])


def keras_logits(keras, model, ids):
    return keras.ops.convert_to_numpy(model(ids.T)).transpose(1, 0, 2)


def test_keras_loads_our_weights_and_gives_our_logits(keras, tmp_path):
    model = CharRNN(CONFIG, initial_parameters(CONFIG, 3))
    model.parameters.flat += np.random.default_rng(0).normal(0, 0.2, model.parameters.flat.size)
    path = tmp_path / "weights.1.h5"
    save_weights(path, Checkpoint(model, Vocabulary("abcdefghijk"), 1, {"loss": 1.0, "val_loss": 1.0}))
    theirs = keras_model(keras, CONFIG)
    theirs.load_weights(str(path))
    ids = np.random.default_rng(1).integers(0, CONFIG.vocabulary, (20, 3))
    logits, _, _ = model.forward(ids, model.initial_state(3))
    np.testing.assert_allclose(logits, keras_logits(keras, theirs, ids), atol=1e-5)


def test_we_load_weights_of_keras_and_give_its_logits(keras, tmp_path):
    theirs = keras_model(keras, CONFIG)
    theirs.save(str(tmp_path / "model.h5"))
    index = {character: i for i, character in enumerate("abcdefghijk")}
    (tmp_path / "char_to_idx.json").write_text(json.dumps(index))
    ours = imported.load(tmp_path / "model.h5", tmp_path / "char_to_idx.json")
    assert ours.model.config == CONFIG and ours.vocabulary.characters == "abcdefghijk"
    ids = np.random.default_rng(1).integers(0, CONFIG.vocabulary, (20, 3))
    logits, _, _ = ours.model.forward(ids, ours.model.initial_state(3))
    np.testing.assert_allclose(logits, keras_logits(keras, theirs, ids), atol=1e-5)
