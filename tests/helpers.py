"""What several test files do: run a command in this process, look at a whole directory."""

import io
from contextlib import redirect_stderr, redirect_stdout

import pytest

from lstm.io.command_line import exit_with


def run_command(main, name, *arguments, terminal=False):
    """Run a command's main in this process: (status, standard output, standard error)."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    err.isatty = lambda: terminal
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
        exit_with(lambda: main([str(argument) for argument in arguments]), name)
    for stream in (out, err):
        stream.flush()
    return end.value.code, *(stream.buffer.getvalue().decode() for stream in (out, err))


def tree(directory):
    """Path -> content of everything in a directory."""
    return {path: path.is_file() and path.read_bytes() for path in sorted(directory.rglob("*"))}
