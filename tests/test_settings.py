"""What follows from the settings alone: the memory that training takes, beside what is measured."""

import random
import tracemalloc

import pytest

from lstm.corpus import Corpus
from lstm.model import CharRNN, Config, initial_parameters
from lstm.notation.transpose import Transposer
from lstm.settings import Settings, memory_needed, memory_of_epoch
from lstm.training import Trainer

HEADER = "X:{}\nT:The Tune\nR:reel\nM:4/4\nL:1/8\nK:{}\n"


def some_text(count):
    """Tunes as long as those that ship, in two keys."""
    rng = random.Random(1)
    music = ("".join(rng.choices("ABcdefg |", k=220)) for _ in range(count))
    return "".join(f"{HEADER.format(n, 'GA'[n % 2])}{line}\n\n" for n, line in enumerate(music))


@pytest.mark.parametrize("count", [800, pytest.param(20_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("settings", [
    Settings(), Settings(shuffle=True), Settings(transpose=1.0), Settings(shuffle=True, transpose=1.0),
], ids=["as it stands", "shuffled", "transposed", "both"])
def test_the_memory_of_an_epoch_is_about_what_is_measured(settings, count):
    text, config = some_text(count), Config(40, 2, 2, 1)
    model = CharRNN(config, initial_parameters(config, 1))
    tracemalloc.start()
    corpus = Corpus.of(text)
    tracemalloc.reset_peak()
    transposer = Transposer(corpus) if settings.transpose else None
    assert len(Trainer(model, settings, corpus.training, corpus.validation, None, corpus.edges, transposer).batches)
    measured = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert memory_of_epoch(settings, corpus) == pytest.approx(measured, rel=0.3)


def test_a_text_of_wide_characters_takes_more_when_it_is_read():
    config, settings = Config(30, 2, 2, 1), Settings(batch_size=1, seq_length=1)
    for width, character in (1, "é"), (2, "’"), (4, "𝄞"):
        assert memory_needed(config, settings, Corpus.of(character + "abc\n" * 50_000)) == 2 * width * 200_001
