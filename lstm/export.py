"""Write a model for another program: python -m lstm.export WEIGHTS FILE. EXCHANGE.md shows how each reads it."""

if __name__ == "__main__":
    from lstm.io.interrupts import watch

    watch()

import os
import re
from pathlib import Path

from lstm.io import InputError, places
from lstm.io.command_line import Parser, exit_with, path_name, say
from lstm.io.files import check_writable
from lstm.io.places import shown
from lstm.storage.checkpoint import BEST, find_weights
from lstm.storage.exported import export
from lstm.storage.imported import load

ENDINGS = ".safetensors and .pt for PyTorch, .keras and .weights.h5 for Keras 3, .onnx, .npz, or .h5 for our own"


def parse(argv):
    """The options."""
    parser = Parser(prog="python -m lstm.export", description="Write a model in a format that other programs read.")
    add = parser.add_argument
    which = "a file, or the number of an epoch, or best for the lowest held-out loss"
    add("weights", type=path_name, metavar="WEIGHTS", help=which)
    add("file", type=path_name, metavar="FILE", help=f"what to write; its ending says the format: {ENDINGS}")
    add("--vocabulary", type=path_name, metavar="FILE", help="a char_to_idx.json, for WEIGHTS that do not say theirs")
    where = "where the weights.N.h5 of an epoch are (model)"
    add("--model-dir", type=path_name, metavar="DIR", default=places.MODELS, help=where)
    return parser.parse_args(argv)


def main(argv=None):
    """The command. Returns the exit status."""
    options = parse(argv)
    if options.weights == BEST or re.fullmatch(r"[1-9]\d{0,17}", options.weights):
        epoch = BEST if options.weights == BEST else int(options.weights)
        path = find_weights(options.model_dir, epoch)
    else:
        path = Path(options.weights)
    check_writable(options.file)
    checkpoint = load(path, options.vocabulary)
    for remark in checkpoint.remarks:
        say(remark)
    if os.path.exists(options.file) and os.path.samefile(path, options.file):
        raise InputError(f"{options.file} is the weights file itself; give FILE another name")
    written = " and ".join(shown(name) for name in export(checkpoint, options.file))
    say(f"{checkpoint} is in {written}")
    return 0


if __name__ == "__main__":
    exit_with(main, "python -m lstm.export")
