"""Child processes that misbehave in every way there is."""

import sys
import tempfile
import time
from pathlib import Path

import pytest

from lstm.io import child_process


def outcome(script, seconds=20.0):
    """What becomes of a Python script that was given the file `given` and should make the file `made`."""
    return child_process.make([sys.executable, "-c", script], ("given", b"tune"), "made", seconds)


COPY = "open('made', 'wb').write(open('given', 'rb').read()[::-1])"


def test_a_file_is_made_of_another():
    assert outcome(COPY) == (b"enut", "", "")


def test_what_it_says_on_either_output_is_kept_in_order_and_printed_nowhere(capfd):
    made, said, failure = outcome("import os; os.write(1, b'one '); os.write(2, b'two '); os.write(1, b'\\xff')")
    assert (made, said, failure) == (None, "one two \ufffd", "")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("death, failure", [
    ("import sys; sys.exit(3)", "ended with status 3"),
    pytest.param("import os; os.kill(os.getpid(), 11)", "ended with status -11",
                 marks=pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")),
])
def test_what_a_dying_child_made_does_not_count(death, failure):
    made, _, said_of_it = outcome(f"{COPY}; {death}")
    assert made is None and said_of_it == failure


def test_a_child_that_hangs_is_ended():
    start = time.perf_counter()
    made, _, failure = outcome(f"{COPY}; import time; time.sleep(60)", seconds=0.5)
    assert made is None and failure == "did not end within 0.5 seconds"
    assert time.perf_counter() - start < 20


def test_a_child_cannot_wait_for_input():
    assert outcome("import sys; print(repr(sys.stdin.read()))").said.strip() == "''"


def test_a_flood_of_words_is_cut():
    _, said, failure = outcome("print('Error ' * 1_000_000)")
    assert len(said) == child_process.MOST_SAID and not failure


def test_a_file_without_end_does_not_count(monkeypatch):
    monkeypatch.setattr(child_process, "MOST_MADE", 1000)
    assert outcome("open('made', 'w').write('x' * 1000)").made == b"x" * 1000
    assert outcome("open('made', 'w').write('x' * 1001)")[::2] == (None, "wrote more than 1,000 bytes")


def test_what_is_no_file_does_not_count():
    assert outcome("import os; os.mkdir('made')").made is None


def test_each_child_has_a_folder_of_its_own_that_goes_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    first, second = (outcome("import os; print(os.listdir(), os.getcwd())").said.split() for _ in range(2))
    assert first[0] == second[0] == "['given']" and first[1] != second[1]
    assert Path(first[1]).parent == tmp_path and not list(tmp_path.iterdir())
