"""What several test files need: a command run in this process, a whole directory, small tunes, a small model."""

import io
import json
import shutil
import subprocess
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pytest
from numba.core import config

from lstm import kernels
from lstm.io.command_line import exit_with
from lstm.io.hdf5 import SEAL, SEAL_BYTES, seal
from lstm.model import CharRNN, Config, initial_parameters
from lstm.page import FOLDER, PARTS

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="of JavaScript, and there is no Node here")
needs_compiler = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="of compiled code, and nothing is compiled")


def run_command(main, name, *arguments, terminal=False):
    """Run a command's main in this process: (status, standard output, standard error)."""
    # what cannot be encoded is an error on the first and shown on the second, as Python has it
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", errors) for errors in ("strict", "backslashreplace"))
    err.isatty = lambda: terminal
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
        exit_with(lambda: main([str(argument) for argument in arguments]), name)
    for stream in (out, err):
        stream.flush()
    return end.value.code, *(stream.buffer.getvalue().decode() for stream in (out, err))


def changed(arguments):
    """The arguments of a command without the options that are given again later, which a command would refuse.

    So a test says first what is usual, then what it changes.
    """
    options = {}
    for argument in map(str, arguments):
        if argument.startswith("--") or not options:
            name = argument
            options.pop(name, None)
            options[name] = []
        options[name].append(argument)
    return [argument for option in options.values() for argument in option]


def tree(directory):
    """Path -> content of everything in a directory."""
    return {path: path.is_file() and path.read_bytes() for path in sorted(directory.rglob("*"))}


def tunes(count):
    """ABC text of so many small tunes, each of its own length."""
    return "".join(f"X:{n}\nT:Tune {n}\nK:G\n{'abcd'[: n % 4 + 1]}|\n\n" for n in range(1, count + 1))


def model_of(sizes, backend=kernels, dtype=np.float32, seed=4):
    """A model with opinions: its logits are spread over several nats."""
    p = initial_parameters(Config(*sizes), seed, np.float64)
    p["dense/kernel"] *= 4 * min(3, sizes[2])
    return CharRNN(Config(*sizes), p.astype(dtype), backend)


def changed_image(image, random):
    """The bytes of an HDF5 file with one to three changes, of those that lead a reader astray: bytes, addresses, sizes,
    pieces moved, an end that is missing. A file of ours has a seal again that fits, as an ill-meaning person would see
    to. random: a random.Random, so that a seed gives the same change again.
    """
    start = SEAL_BYTES if image.startswith(SEAL) else 0
    content = bytearray(image[start:])
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        size = len(content)
        at, other = random.randrange(size), random.randrange(size)
        number = random.choice([0, 1, 2**16 - 1, 2**31, 2**63, 2**64 - 1, size, other, other & ~7, at & ~7])
        kind = random.choice(["byte", "bit", "address", "address", "count", "piece", "zeros", "end"])
        if kind == "byte":
            content[at] = random.randrange(256)
        elif kind == "bit":
            content[at] ^= 1 << random.randrange(8)
        elif kind == "address":
            content[at & ~7 : (at & ~7) + 8] = number.to_bytes(8, "little")
        elif kind == "count":
            content[at & ~1 : (at & ~1) + 2] = (number & 0xFFFF).to_bytes(2, "little")
        elif kind == "piece":
            length = random.choice([8, 40, 512])
            content[at & ~7 : (at & ~7) + length] = content[other & ~7 : (other & ~7) + length]
        elif kind == "zeros":
            content[at : at + 16] = bytes(16)
        else:
            content = content[: max(1, at)]
    return (seal(content) if start else b"") + bytes(content)


def javascript(expression, given=None):
    """What an expression gives that has the page's program, as far as it needs no page, and `given`."""
    program = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in PARTS)
    source = f"{program}\nconst given = JSON.parse(require('fs').readFileSync(0, 'utf8'));\n" \
             f"process.stdout.write(JSON.stringify({expression}));"
    done = subprocess.run([NODE, "-e", source], input=json.dumps(given), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
