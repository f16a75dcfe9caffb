"""What notebook 04 trains and draws: the learner's network learns as the package's does, and the pictures are there."""

import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from lstm.model import CharRNN, initial_parameters
from lstm.settings import Settings
from lstm.training import Trainer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "notebooks"))

from course import own_network  # noqa: E402
from course.pictures import letters  # noqa: E402
from solutions.nb04 import own_network as by_the_learner  # noqa: E402

V, STEPS = 7, 12
EPOCH = 5  # batches of the text: so the text begins anew twice


@pytest.fixture(scope="module")
def ids():
    return np.random.default_rng(0).integers(V, size=EPOCH * own_network.B * own_network.T + 1)


@pytest.fixture(scope="module")
def parameters():
    """Fresh Parameters of a small network."""
    return lambda: initial_parameters(own_network.config_of(V, 5, 8), seed=1)


def test_training_by_hand_is_the_packages_training(ids, parameters):
    """An oracle that shares no loop with it: the losses of Trainer with the same settings."""
    settings = Settings(
        epochs=3, batch_size=own_network.B, seq_length=own_network.T, learning_rate=own_network.LEARNING_RATE,
        clip=own_network.CLIP,
    )
    trainer, wanted = Trainer(CharRNN(own_network.config_of(V, 5, 8), parameters()), settings, ids), []
    while len(wanted) < STEPS:
        wanted.append(trainer.step())
        if trainer.position == len(trainer.batches):
            trainer.finish_epoch()
    for network in (by_the_learner, own_network.by_the_package):
        assert own_network.train(network, parameters(), ids, STEPS) == pytest.approx(wanted, abs=1e-5)


def test_a_network_whose_gradient_points_the_wrong_way_learns_nothing(ids, parameters):
    def uphill(*given):
        loss, gradient, h, c = by_the_learner(*given)
        return loss, {name: -array for name, array in gradient.items()}, h, c

    right = own_network.train(by_the_learner, parameters(), ids, STEPS)
    wrong = own_network.train(uphill, parameters(), ids, STEPS)
    assert right[-1] < right[0] < wrong[-1]


def test_every_picture_is_a_figure():
    rng, characters = np.random.default_rng(1), "abcdefghij"
    logits = rng.normal(size=10)
    p = np.exp(logits) / np.exp(logits).sum()
    figures = (
        letters.matrix_rule(),
        letters.logits_and_probabilities({"ab|": (characters, logits, p), "\n": (characters, logits, p)}),
        letters.push(characters, p - np.eye(10)[3], 3),
        letters.similar(characters, np.corrcoef(rng.normal(size=(10, 5)))),
        letters.dropped(rng.normal(size=(20, 4)), rng.normal(size=(20, 4))),
        letters.first_training({"yours": rng.random(30)}, {"ln V": 2.0}),
    )
    assert all(isinstance(figure, Figure) and figure.axes for figure in figures)


def test_the_push_of_all_characters_together_is_nothing():
    p = np.full(10, 0.1)
    figure = letters.push("abcdefghij", p - np.eye(10)[3], 3)
    assert [text.get_text() for text in figure.axes[0].texts] == ["all 10 together: 0.0000"]
