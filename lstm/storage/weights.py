"""Which weights are meant: those of an epoch that was asked for, the newest of the user's run, or those that ship."""

from pathlib import Path

from lstm.checkpoint import epochs, load_weights, weights_path
from lstm.commands.command import ROOT, shown
from lstm.errors import InputError
from lstm.storage.files import is_there

MODELS, VOCABULARY = ROOT / "model", ROOT / "data" / "char_to_idx.json"


def pretrained():
    """The directory of the weights that ship: a part of the installed package, or model/pretrained of the checkout."""
    installed = Path(__file__).parent.parent / "pretrained"
    return installed if epochs(installed) else MODELS / "pretrained"


def find_weights(model_dir, epoch=None):
    """The weights file that was asked for, or the newest of the user's, or the newest that ships."""
    there = epochs(model_dir)
    if not there and Path(model_dir).resolve() == MODELS and epochs(pretrained()):
        model_dir = pretrained()
        there = epochs(model_dir)
    if not there:
        raise InputError(f"there are no weights in {shown(model_dir)}; python train.py makes some")
    if epoch is not None and epoch not in there:
        has = ", ".join(map(str, there))
        raise InputError(f"there are no weights of epoch {epoch} in {shown(model_dir)}; it has epochs {has}")
    return weights_path(model_dir, epoch or there[-1])


def load(path):
    """The Checkpoint in a weights file. One of Keras's takes its vocabulary from beside it, else from data/."""
    beside = path.with_name(VOCABULARY.name)
    return load_weights(path, beside if is_there(beside) else VOCABULARY)
