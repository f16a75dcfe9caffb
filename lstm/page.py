"""The network in one web page: python -m lstm.page. It composes there, is heard, and shows its memory.

The page holds everything: the weights, 8 bits each, and a program that is the JavaScript twin of cell.py, in
rendering/composer/. It needs no server, and loads nothing: a double click opens it.
"""

if __name__ == "__main__":
    from lstm.io.interrupts import watch

    watch()

import base64
import json
from pathlib import Path

import numpy as np

from lstm.io import InputError
from lstm.io.command_line import Parser, exit_with, path_name, say
from lstm.io.files import check_writable, write_bytes
from lstm.io.places import shown
from lstm.rendering.album import document
from lstm.storage import imported
from lstm.storage.keras_files import HardSigmoid

FOLDER = Path(__file__).parent / "rendering" / "composer"
# in the order of what needs what
PARTS = "lstm.js", "fast.js", "sampling.js", "abc.js", "sound.js", "views.js"  # in the order of what needs what
SCRIPTS = *PARTS, "page.js", "settings.js", "composing.js", "showing.js", "hands.js", "controls.js"  # these need a page
STEPS = 127  # a weight is a whole number from -127 to 127, times the scale of its column


def packed(parameters):
    """(shapes, bytes): the arrays of a model, 8 bits a number; {name: [rows, columns]} in their order.

    Of a matrix (N, K) come K scales, float32, and N K whole numbers, int8: numbers times scales is the matrix, to half
    a scale. A vector (K,) is kept as it is: rows is 0, and the scales are its numbers.
    """
    shapes, parts = {}, []
    for name, array in parameters.items():
        if array.ndim == 1:
            shapes[name] = [0, len(array)]
            parts.append(array.astype("<f4").tobytes())
            continue
        shapes[name] = [*array.shape]
        scales = (np.abs(array).max(axis=0) / STEPS).astype("<f4")
        parts += [scales.tobytes(), np.round(array / np.where(scales > 0, scales, 1)).astype("i1").tobytes()]
    return shapes, b"".join(parts)


def page(checkpoint):
    """The page for a Checkpoint, a text. Raises InputError for a model that it cannot hold."""
    if isinstance(checkpoint.model.backend, HardSigmoid):
        raise InputError("its gates have hard_sigmoid, and those of the page sigmoid; choose another model")
    config, headers = checkpoint.model.config, checkpoint.headers
    shapes, data = packed(checkpoint.model.parameters)
    kind = "tunes in ABC notation" if checkpoint.abc else "a text"
    facts = {
        "V": config.vocabulary, "E": config.embedding, "H": config.units, "L": config.layers,
        "characters": "".join(checkpoint.vocabulary.characters),
        "abc": checkpoint.abc,
        "order": headers.order,
        "gap": headers.gap,
        "rhythms": headers.heard["R"], "meters": headers.heard["M"], "keys": headers.heard["K"],
        "shapes": [*shapes.items()],
        "about": f"An LSTM of {config.layers} × {config.units} units and {checkpoint.model.parameters.flat.size:,} "
                 f"weights, which learnt {kind}, character by character. It runs here, in your browser.",
    }
    facts = json.dumps(facts).replace("<", "\\u003c")  # so that no text can end the element that it stands in
    style = (FOLDER / "page.css").read_text(encoding="utf-8")
    script = '"use strict";\n' + "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)
    body = (FOLDER / "page.html").read_text(encoding="utf-8")
    data = f"""<script type="application/json" id="model">{facts}</script>
<script type="application/octet-stream" id="weights">{base64.b64encode(data).decode()}</script>
"""
    return document("A network that composes", style, body + data, script, compiles=True)


def parse(argv):
    """The options."""
    parser = Parser(prog="python -m lstm.page", description="Write a web page in which the network composes.")
    imported.add_options(parser)
    what = "the page to write (%(default)s)"
    parser.add_argument("--out", type=path_name, metavar="FILE", default="composer.html", help=what)
    return parser.parse_args(argv)


def main(argv=None):
    """The command. Returns the exit status."""
    options = parse(argv)
    check_writable(options.out)
    path, checkpoint = imported.named_model(options)
    for remark in checkpoint.remarks:
        say(remark)
    data = page(checkpoint).encode()
    write_bytes(options.out, data)
    say(f"{shown(options.out)} is {len(data) / 1e6:.1f} MB: open it in a browser")
    return 0


if __name__ == "__main__":
    exit_with(main, "python -m lstm.page")
