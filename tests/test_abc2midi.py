"""What of a tune reaches abc2midi: no directive that names a file."""

import time

import pytest

from lstm.io import child_process
from lstm.notation import abc2midi

HEADER = "X:1\nT:A tune\nM:4/4\nL:1/8\nK:C\n"


@pytest.fixture
def given(monkeypatch):
    """A list of the texts that abc2midi would be given."""
    texts = []

    def made(command, given, wanted, seconds):
        texts.append(given[1].decode())
        return child_process.Outcome(None, "", "")

    monkeypatch.setattr(child_process, "make", made)
    return texts


@pytest.mark.parametrize("before", ["", "CDEF|", "CDEF|\r", "CDEF|\v", "CDEF|\u2028", "CDEF|!", "CDEF|\\\n", " ", "\t"])
@pytest.mark.parametrize("directive", [
    "%%abc-include secret", "% %abc-include secret", "%%ABC-Include secret", "I:abc-include secret",
    "%%MIDI ptstress secret", "%%MIDI\tPTSTRESS secret", "%MIDI ptstress secret", "I:MIDI ptstress secret",
    "I :MIDI = ptstress secret", "[I:MIDI ptstress secret]", "[I:MIDI ptstress secret", "+:ptstress secret",
])
def test_no_directive_that_names_a_file_reaches_abc2midi(given, before, directive):
    abc2midi.ask_abc2midi(f"{HEADER}{before}{directive}\nGABc|\n", "abc2midi")
    assert "secret" not in given[0]
    assert given[0].startswith(HEADER) and given[0].endswith("\nGABc|")


def test_what_names_no_file_reaches_abc2midi_as_it_is(given):
    tune = HEADER + "%%MIDI program 74\nCDEF|[I:MIDI program 1]GABc|\r\nI:linebreak $\nw:in-clude stress\nCDEF|"
    abc2midi.ask_abc2midi(tune, "abc2midi")
    assert given == [tune]


def test_a_long_line_takes_no_longer(given):
    start = time.perf_counter()
    abc2midi.ask_abc2midi(HEADER + "abc-" * 250_000, "abc2midi")
    assert time.perf_counter() - start < 5 and len(given[0]) > 1_000_000
