"""Loss by epoch, us and PyTorch on the same text with the same settings: python -m benchmarks.learning_curve.

Both read the same batches (3 x 256, embedding 512, dropout 0.2, batch 16, sequence 64, clip 5, Adam 1e-3) and
are validated on the same held-out tunes. Each starts from its own library's usual parameters.
"""

import csv
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.cases import Case
from benchmarks.frameworks import torch_trainer
from lstm.batches import Batches
from lstm.corpus import Corpus
from lstm.engine.threads import Workers, default_threads
from lstm.evaluation.heldout import ORDERS, NGram
from lstm.io.command_line import Parser, exit_with, whole
from lstm.io.files import read_text
from lstm.io.places import INPUT
from lstm.model import CharRNN, Config, initial_parameters
from lstm.rendering.plots import BLUE, GREY, ORANGE, new_axes, save
from lstm.settings import Settings
from lstm.training import VALIDATION_ROWS, Trainer

FIGURES = Path(__file__).parent / "figures"


def our_losses(corpus, settings):
    """Validation loss after each epoch of this project's own training."""
    config = Config(len(corpus.vocabulary))
    model = CharRNN(config, initial_parameters(config, settings.seed))
    trainer = Trainer(model, settings, corpus.training, corpus.validation, Workers(default_threads()))
    return [record.val_loss for record in tqdm(trainer.records(), "ours", settings.epochs)]


def torch_losses(corpus, settings):
    """Validation loss after each epoch of PyTorch's."""
    import torch

    torch.manual_seed(settings.seed)
    config = Config(len(corpus.vocabulary))
    sizes = config.vocabulary, config.embedding, config.units, config.layers
    case = Case(*sizes, settings.batch_size, settings.seq_length)
    network, forward, step = torch_trainer(case, settings.learning_rate, settings.clip)
    losses = []
    for _ in tqdm(range(settings.epochs), "PyTorch"):
        network.train()
        state = None
        for batch in Batches(corpus.training, settings.batch_size, settings.seq_length):
            _, state = step(*(torch.tensor(a, dtype=torch.long) for a in batch), state)
        network.eval()
        losses.append(torch_validation(forward, corpus.validation, settings.seq_length))
    return losses


def torch_validation(forward, ids, seq_length):
    """Nats per character over the held-out ids."""
    import torch

    batches, state, nats = Batches(ids, VALIDATION_ROWS, seq_length, remainder=True), None, 0.0
    with torch.no_grad():
        for inputs, targets in batches:
            logits, state = forward(torch.tensor(inputs, dtype=torch.long), state)
            flat = logits.reshape(-1, logits.shape[-1]), torch.tensor(targets.ravel(), dtype=torch.long)
            nats += torch.nn.functional.cross_entropy(*flat, reduction="sum").item()
    return nats / batches.characters


def draw(curves, n_grams):
    """The curves by epoch, with the best n-gram as a line. curves: {label: losses}; n_grams: {order: loss}."""
    figure, axes = new_axes("Held-out tunes, by epoch", "epoch", "nats per character")
    for (label, losses), color, style in zip(curves.items(), (BLUE, ORANGE), ("o-", "s--")):
        axes.plot(np.arange(1, len(losses) + 1), losses, style, color=color, label=label)
    order, loss = min(n_grams.items(), key=lambda item: item[1])
    axes.axhline(loss, color=GREY, ls=":", label=f"best n-gram, order {order} ({loss:.3f})")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    return figure


def main(argv=None):
    """The command."""
    parser = Parser(prog="python -m benchmarks.learning_curve", description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=whole(1), default=5, help="(%(default)s)")
    settings = Settings(epochs=parser.parse_args(argv).epochs)
    corpus = Corpus.of(read_text(INPUT), settings.validation)
    curves = {"this project": our_losses(corpus, settings), "PyTorch": torch_losses(corpus, settings)}
    FIGURES.mkdir(exist_ok=True)
    with open(FIGURES / "learning_curve.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["epoch", *curves])
        for epoch, row in enumerate(zip(*curves.values()), 1):
            writer.writerow([epoch, *(f"{loss:.4f}" for loss in row)])
            print(epoch, *(f"{loss:.4f}" for loss in row))
    training, held_out = map(corpus.vocabulary.decode, (corpus.training, corpus.validation))
    n_gram = NGram(training, max(ORDERS), corpus.vocabulary.characters)
    save(draw(curves, dict(enumerate(n_gram.losses(held_out).mean(axis=1)))), FIGURES / "learning_curve.svg")
    return 0


if __name__ == "__main__":
    exit_with(main, "python -m benchmarks.learning_curve")
