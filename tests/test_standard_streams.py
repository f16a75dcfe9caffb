"""What is said: a line, whatever is in it; nothing that steers a terminal; and lost where nobody can see it."""

import io

import pytest

from lstm.io.command_line import say
from lstm.io.standard_streams import Remarks, Terminal


@pytest.mark.parametrize(
    "text, shown",
    [
        ("Réel №1 – 古池 🎻", "Réel №1 – 古池 🎻"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("\0\x07\x7f\x9b\r", r"\x00\x07\x7f\x9b\r"),
        ("\u202eabc\u2066\u200f\u2028", r"\u202eabc\u2066\u200f\u2028"),
        ("\udcff", r"\udcff"),
        ("10\xa0000, می\u200cروم", "10\xa0000, می\u200cروم"),
        ("two\nlines\t.", r"two\nlines\t."),
    ],
)
def test_what_is_said_steers_no_terminal(text, shown, capsys):
    say("sample.py:", text)
    assert capsys.readouterr().err == f"sample.py: {shown}\n"


def test_a_terminal_is_shown_lines_and_tabs_as_they_are_and_nothing_that_steers_it():
    terminal = io.StringIO()
    print("T:\x1b]0;title\x07\tReel\nK:G", file=Terminal(terminal))
    assert terminal.getvalue() == "T:\\x1b]0;title\\x07\tReel\nK:G\n"


def test_a_remark_that_cannot_be_shown_is_lost_and_no_error():
    broken = Broken()
    print("remark", file=Remarks(broken), flush=True)
    assert broken.asked == ["write", "write", "flush"]


class Broken:
    """A stream that takes nothing."""

    def __init__(self):
        self.asked = []

    def write(self, text):
        self.asked.append("write")
        raise OSError

    def flush(self):
        self.asked.append("flush")
        raise OSError
