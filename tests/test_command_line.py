"""Options: what is given twice, or names no file, is refused by every command; help that is lost is no success."""

import errno
import importlib
import io
import re
from argparse import ArgumentTypeError

import pytest

from helpers import run_command
from lstm.io.command_line import Parser, path_name


@pytest.fixture
def parser():
    parser = Parser(prog="it")
    parser.add_argument("--input", nargs="+", action="extend")
    parser.add_argument("--units", type=int)
    group = parser.add_argument_group("more")
    group.add_argument("--seed")
    group.add_argument("--many", nargs="+")
    group.add_argument("--quiet", "--silent", action="store_true")
    parser.add_argument("rest", nargs="*")
    return parser


@pytest.mark.parametrize("twice, named", [
    ("--units 3 --units 5", "--units"), ("--units 3 --units 3", "--units"), ("--units=3 --units 5", "--units"),
    ("--seed a --units 3 --seed=b", "--seed"), ("--quiet --units 3 --silent", "--silent"),
    ("--many 1 2 --many 3", "--many"),
])
def test_an_option_that_is_given_twice_is_refused_in_one_line(parser, capsys, twice, named):
    with pytest.raises(SystemExit) as end:
        parser.parse_args(twice.split())
    assert end.value.code == 2
    assert capsys.readouterr().err == f"it: {named} is given twice; leave one of the two out; see --help\n"


def test_what_only_looks_like_an_option_given_twice_is_none(parser):
    options = parser.parse_args(["--seed=--units", "--units", "3", "--many", "1", "1", "--", "--units", "--units"])
    assert (options.seed, options.units, options.many, options.rest) == ("--units", 3, ["1", "1"], ["--units"] * 2)


def test_inputs_may_be_many(parser):
    assert parser.parse_args("--input a b --units 3 --input c".split()).input == ["a", "b", "c"]


@pytest.mark.parametrize("command, option", [
    ("train", "--model-dir"), ("compose", "--top-p"), ("evaluate", "--samples"), ("gradcheck", "--backend"),
    ("page", "--out"), ("card", "--samples"),
])
def test_every_command_refuses_it(command, option):
    main = importlib.import_module(f"lstm.{command}").main
    status, out, err = run_command(main, command, option, "1", option, "1")
    assert (status, out) == (2, "") and f": {option} is given twice; " in err and err.count("\n") == 1


PATHS = {
    "train": ["--input", "--model-dir", "--log-dir", "--init-from", "--init-vocabulary"],
    "compose": ["--model-dir", "--weights", "--vocabulary", "--seed-file", "--out", "--out-dir", "--album"],
    "evaluate": ["--input", "--model-dir", "--weights", "--vocabulary", "--out"],
    "export": ["--model-dir", "--vocabulary"],
    "page": ["--model-dir", "--weights", "--vocabulary", "--out"],
    "card": ["--model-dir", "--out"],
    "gradcheck": ["--plot"],
}


@pytest.mark.parametrize("name", ["", " ", "\t\n"])
@pytest.mark.parametrize("command, option", [(command, option) for command in PATHS for option in PATHS[command]])
def test_an_empty_name_is_not_taken_for_the_present_directory(tmp_path, monkeypatch, command, option, name):
    monkeypatch.chdir(tmp_path)
    main = importlib.import_module(f"lstm.{command}").main
    status, out, err = run_command(main, command, option, name)
    assert (status, out) == (2, "") and list(tmp_path.iterdir()) == []
    wrong = f": argument {option}: {name!r} is an empty name; name a file or a directory; see --help\n"
    assert err.endswith(wrong) and err.count("\n") == 1


@pytest.mark.parametrize("command", PATHS)
def test_every_option_that_takes_a_name_is_among_these(command):
    _, help, _ = run_command(importlib.import_module(f"lstm.{command}").main, command, "--help")
    assert set(re.findall(r"(--[a-z-]+) \[?(?:PATH|DIR|FILE)\b", help.partition("options:")[2])) == set(PATHS[command])


def test_an_option_with_a_line_break_is_refused_in_one_line(capsys):
    with pytest.raises(SystemExit):
        Parser(prog="train.py").parse_args(["a\nb\x1b"])
    assert capsys.readouterr().err == "train.py: unrecognized arguments: a\\nb\\x1b; see --help\n"


@pytest.mark.parametrize("words, complaint", [
    (["--units=--"], "--units cannot be '--'"),
    (["--input=--"], "--input cannot be '--'"),
])
def test_two_hyphens_are_no_value(parser, words, complaint, capsys):
    with pytest.raises(SystemExit):
        parser.parse_args(words)
    assert capsys.readouterr().err == f"it: {complaint}; see --help\n"


@pytest.mark.parametrize("name", ["", " ", "\0", "a\0b", "\ud800"])
def test_what_can_be_no_name_of_a_file_is_refused(name):
    with pytest.raises(ArgumentTypeError, match="name a file or a directory$"):
        path_name(name)


def test_help_that_cannot_be_written_is_an_error(parser, monkeypatch):
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(Full(), write_through=True))
    with pytest.raises(OSError, match="No space left on device"):
        parser.parse_args(["--help"])


class Full(io.RawIOBase):
    """A device without room."""

    def writable(self):
        return True

    def write(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")
