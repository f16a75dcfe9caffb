"""Options of every command with values that nobody means, and texts and tunes that are none.

A command ends with a status that it knows; what is refused is refused in one line. The work behind the options is cut
short: what is tried is all that comes before it.
"""

import importlib
import itertools
import os
import tempfile
from pathlib import Path
from unittest import mock

import pytest
from faults.runs import assert_refused

import lstm.io.files
from commands import TEXT
from helpers import run_command
from lstm.corpus import Corpus, read
from lstm.io import InputError
from lstm.io.command_line import Parser
from lstm.notation import transpose
from lstm.notation.header import Headers
from lstm.notation.judge import count_bars
from lstm.notation.tunes import body, count_notes, header_fields, split_tunes
from lstm.rendering import music, outputs

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies
pytestmark = pytest.mark.slow

COMMANDS = {  # the module behind each, and what it calls itself
    "train": ("lstm.train", "train.py"),
    "sample": ("lstm.compose", "sample.py"),
    "evaluate": ("lstm.evaluate", "python -m lstm.evaluate"),
    "gradcheck": ("lstm.gradcheck", "python -m lstm.gradcheck"),
}
TAME = {  # so that little is done where all is right
    "train": "--input tunes.txt --model-dir model --log-dir logs --preset classic --embedding 2 --units 3 --layers 1"
             " --batch-size 2 --seq-length 9 --epochs 1 --overwrite",
    "sample": "--length 9 --random-seed 1",
    "evaluate": "--input tunes.txt --out evaluation --samples 1 --threads 1",
    "gradcheck": "--units 2 --layers 1 --embedding 1 --vocabulary 2",
}
VALUES = [
    "-1", "0", "1", "2", "3", "0.5", "1.0", "nan", "-nan", "inf", "-inf", "1e999", "-1e999", "1e-999", "1e5", "0x10",
    "1_0", "٣", "３", "²", "½", "", " ", "\t", "\n", "a\nb", "\r", "1\n", " 1", "\0", "a\0b", "\udcff", "\ud800", "é",
    "🎵", "\x1b[2J", "\u202e", "\ufeff", "a" * 300, "a" * 70_000, "9" * 400, "9" * 5000, "-" + "9" * 400, "2147483648",
    str(2**63), str(2**64), "--", "-", "-h", "=", "--=", "'", "%s", "%(prog)s", "{}", "None", "True", "best", "~",
    "model", "tunes.txt", "missing/x", "tunes.txt/x", ".", "latin-1", "utf-16", "idna", "punycode", "hex",
    "undefined", "C", "Gmaj7", "6/8", "0/0", "1/0", "jig", "X:1\nK:G\n", "|\\n", "loop", "fifo",
]
KEPT = {name: [] for name in COMMANDS}  # argument lists that once did not hold
KEPT["sample"] = [["--model-dir=a\nb"], ["--model-dir", "X:1\nK:G\n"], ["--model-dir", "a\rb"], ["--model-dir", ""]]
KEPT["sample"] += [["--length", "9", "--threads", "100000", "--album", "4o", "--midi"]]
KEPT["sample"] += [["--top-p=--"]]
KEPT["train"] = [["--transpose=--"], ["--input", "a\0b", "c"], ["--input", "\ud800"]]
KEPT["evaluate"] = [["--model-dir=a\rb"], ["--input", "0.002", ".\0U", "-3"]]


def given(strategy, cases, seed):
    """The cases of a strategy, as hypothesis draws them."""
    drawn = []

    def draw(case):
        drawn.append(case)

    options = dict(max_examples=cases, database=None, deadline=None, phases=[hypothesis.Phase.generate])
    options["suppress_health_check"] = list(hypothesis.HealthCheck)
    hypothesis.seed(seed)(hypothesis.settings(**options)(hypothesis.given(strategy)(draw)))()
    return drawn


# -- options


def parser_of(name):
    """The parser of a command, which is made where the command parses."""
    module = importlib.import_module(COMMANDS[name][0])
    with mock.patch.object(Parser, "parse_args", lambda self, *_: self):
        return module.parse([], *[""] * (name in ("train", "sample")))


def arguments_of(name):
    """A strategy: argument lists of a command, tame ones but for some options."""
    actions = [action for action in parser_of(name)._actions if action.dest not in ("help", "version")]
    texts = st.text(max_size=12).filter(lambda text: not text.startswith(("/", "~")) and ".." not in text)
    numbers = st.integers().map(str) | st.floats().map(repr) | st.integers(-3, 10).map(str)
    value = st.sampled_from(VALUES) | texts | numbers

    def option(action):
        known = st.sampled_from(list(action.choices)) | value if action.choices else value
        if action.nargs == 0:
            return st.just((action.option_strings[-1], []))
        most = 3 if action.nargs == "+" else 1
        return st.tuples(st.just((action.option_strings or [""])[0]), st.lists(known, min_size=1, max_size=most))

    drawn = st.sampled_from(actions).flatmap(option)
    some = st.lists(drawn, min_size=1, max_size=3, unique_by=lambda option: option[0])
    return st.tuples(some, st.booleans()).map(lambda drawn: written(name, *drawn))


def written(name, options, joined):
    """Options as words, those that are drawn in the place of tame ones; joined: as --option=value."""
    words, tame = [], TAME[name].split()
    for option, values in options:
        if option in tame:
            at = tame.index(option)
            end = next((n for n in range(at + 1, len(tame)) if tame[n].startswith("--")), len(tame))
            del tame[at:end]
        single = joined and option and len(values) == 1
        words += [f"{option}={values[0]}"] if single else [option, *values] if option else values
    return [*tame, *words]


@pytest.mark.parametrize("name", COMMANDS)
def test_options_that_nobody_means(table, size, seed, worker, name):
    cases = [*KEPT[name], *given(arguments_of(name), size(250, 1500), seed)]
    with table.row(f"options of {name} that nobody means", memory=1000) as row:
        for arguments in cases:
            with row.case(repr(arguments)[:400]):
                answer = worker(run_cut_short, name, arguments)
                status, _, err = answer.value
                assert status in (0, 1, 2, 130), f"status {status}: {err[-300:]}"
                if status == 2:
                    assert_refused(COMMANDS[name][1], status, err)
                row.took(answer.seconds, answer.megabytes)


CUT = {  # what is done instead of the work, by the names in the command's module
    "train": {"train_epoch": lambda trainer, stop: False},
    "sample": {"deliver": lambda composing, *_: len(list(itertools.islice(composing, 3)))},
    "evaluate": {"losses": lambda *_: [], "summaries": lambda *_: [], "loss_table": lambda *_: "", "best_order": list,
                 "tunes_table": lambda *_: "", "draw": lambda *_: None, "save": lambda *_: None},
    "gradcheck": {"check": lambda *_: [], "plot": lambda *_: None},
}


def run_cut_short(name, arguments):
    """A command in a directory of its own, which does all but its work: (status, standard output, standard error)."""
    module = importlib.import_module(COMMANDS[name][0])
    lstm.io.files.PATIENCE, before = 0.1, os.getcwd()
    with tempfile.TemporaryDirectory() as directory, mock.patch.multiple(module, **CUT[name]):
        os.chdir(directory)
        try:
            Path("tunes.txt").write_text(TEXT)
            Path("loop").symlink_to("loop")
            os.mkfifo("fifo")
            return run_command(module.main, COMMANDS[name][1], *arguments)
        finally:
            os.chdir(before)


# -- texts

PIECES = [
    "X:1\n", "T:Reel\n", "M:4/4\n", "M:\n", "L:1/8\n", "K:G\n", "K:Bbmix\n", "K:", "\n", "\n\n", "|", "|:", ":|",
    "[1", "(3", "^", "__", "=", "A", "b", "c'", "D,", "2", "/", "3/2", ">", "~", "{", "}", '"', '"Am"', '"^x"',
    "!trill!", "+", "[", "]", "[K:D]", "%", "%%MIDI", "w:la", "\\", "z4", "Z", "-", ":", "P:A\n", "V:2\n", "\r", "\t",
    "\0", "\x1b", "é", "\u2028", "\ud800", "٣", "{g}", "[CEG]", "&amp;", "&#0;", "\\u0000", "$", "abc|", "X:",
    "%%abc-charset utf-16\n", "tune_id,abc,mode,meter\n", '[{"abc":', "\ufeff",
]


NOTES = ["A", "B", "c", "d'", "E,", "^f", "_b", "=C", "__d", "^^g", "2", "/", "|", "|:", ":|", "(3", ">", " ", "z"]
NOTES += ["\n"]
NOTES += ['"Am"', '"D7/F#"', '"^Fine"', '"Coda"', "!trill!", "{g}", "[CEG]", "~", "% a comment\n", "w: la\n", "-", "."]


@pytest.mark.parametrize("kind", ["corpora", "tunes"])
def test_texts_that_are_none(table, size, seed, worker, kind):
    pieces = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)
    notes = st.lists(st.sampled_from(NOTES), max_size=60).map("".join)
    key = st.sampled_from(["G", "Bb", "F#m", "Edor", "Dmix", "A Minor", "C#", "Gb", "Alyd", "Bphr", "Eloc"])
    strategy = st.text(max_size=200) | pieces | st.builds("X:1\nT:Reel\nM:4/4\nK:{}\n{}\n".format, key, notes)
    with table.row(f"{kind} of random texts") as row:
        for text in given(strategy, size(500, 2000), seed):
            with row.case(repr(text)[:300]):
                answer = worker(read_as_a_corpus if kind == "corpora" else read_as_a_tune, text)
                row.took(answer.seconds, answer.megabytes)


def read_as_a_corpus(text):
    """What train.py does with a text, short of training."""
    data = text.encode("utf-8", "surrogatepass")
    Path("corpus.txt").write_bytes(data)
    try:
        read_text, _ = read(["corpus.txt"])
        corpus = Corpus.of(read_text)
        transposed = transpose.Transposer(corpus).text(0.5, 1, 1)[0]
    except InputError as error:
        assert "\n" not in str(error), error
        return
    ids = corpus.vocabulary.encode(corpus.vocabulary.decode(corpus.training))
    assert ids.tolist() == corpus.training.tolist()
    assert set(transposed.tolist()) <= set(range(len(corpus.vocabulary)))


def read_as_a_tune(text):
    """All that is said of a tune by what is no child process, and what its transposition promises."""
    bars, right = count_bars(text)
    assert 0 <= right <= bars
    assert "".join(split_tunes(text)) == text
    assert all("\n" not in value for value in header_fields(text).values())
    assert isinstance(body(text), str) and count_notes(text) >= 0
    Headers.of(split_tunes(text)).lines(key="G", rhythm="jig", meter="6/8")
    assert music.title(text) and outputs.file_name(text).isascii()
    tune = transpose.parse(text)
    if tune is None:
        return
    everything = "".join(map(chr, range(128)))
    for tonic, table in transpose.targets(tune, ["C", "D", "Eb", "F#", "G", "A", "Bb"], everything).items():
        moved = transpose.transposed(tune, tonic, table)
        again = transpose.parse(moved)
        assert again and len(again.parts) == len(tune.parts), "it is no tune any more"
        assert again.parts[::2] == tune.parts[::2], "what stays has moved"
        assert count_notes(moved) == count_notes(text), "it has other notes"
        if len(transpose.intervals(tune.tonic, tonic)) == 1:  # else it may come back an octave away
            back = transpose.targets(again, [tune.tonic], everything)
            assert transpose.transposed(again, tune.tonic, back[tune.tonic]) == text, "it does not come back"
