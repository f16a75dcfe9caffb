"""The page to print says what the code's docstrings say, and the stored one is of today."""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))

import one_page  # noqa: E402
from lstm import adam, cell, layers  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}text"


def texts(path):
    """The lines of text in an SVG file, in order, without the blanks around and between."""
    return [" ".join("".join(text.itertext()).split()) for text in ElementTree.parse(path).iter(SVG)]


def test_the_stored_page_has_every_line_that_the_docstrings_have_now():
    wanted = [line for heading, text in one_page.sections() for line in (heading, *text.split("\n"))]
    assert texts(NOTEBOOKS / "one_page.svg")[1:] == [" ".join(line.split()) for line in wanted]


@pytest.mark.parametrize("module, count", [(cell, 13), (layers, 0), (adam, 0), (one_page.loss, 0)])
def test_equations_are_the_indented_lines_of_a_docstring(module, count):
    text = "\n".join(one_page.equations(module))
    assert text and all(f"({number})" in text for number in range(1, count + 1))
    lines = [line[4:] for line in module.__doc__.split("\n") if line.startswith("    ")]
    assert text.split("\n") == lines


def test_shapes_are_in_letters():
    assert one_page.shapes().split("\n")[1].split(maxsplit=1) == ["lstm_1/kernel", "(E, 4H)"]
    assert one_page.shapes().split("\n")[-1].split(maxsplit=1) == ["dense/bias", "(V,)"]


def test_the_page_is_written_as_text_and_the_same_each_time(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        one_page.write(tmp_path / folder)
    for kind in ("svg", "pdf"):
        first, second = ((tmp_path / folder / f"one_page.{kind}").read_bytes() for folder in "ab")
        assert first == second
    assert texts(tmp_path / "a" / "one_page.svg") == texts(NOTEBOOKS / "one_page.svg")
    assert (NOTEBOOKS / "one_page.pdf").read_bytes().startswith(b"%PDF")
