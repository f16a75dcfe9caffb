"""Who is at work in a directory: one at a time, told by name to all others; the dead keep nobody out."""

import errno
import os
import re
import subprocess
import sys
import threading

import pytest

from commands import ROOT
from lstm.io import InputError, locks
from lstm.io.locks import held

fcntl = pytest.importorskip("fcntl")  # locks of POSIX
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d"
HOLDER = """
import sys
from pathlib import Path
from lstm.io.locks import held
with held(Path(sys.argv[1]), "wait"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".lock"


@pytest.fixture
def other(path):
    """Another process that holds the lock file until its standard input ends."""
    options = {"cwd": ROOT, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", HOLDER, path], **options)
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def refusal(path):
    """The one line that refuses to hold a lock file; it stays as it is."""
    before = path.read_bytes()
    with pytest.raises(InputError) as error:
        with held(path, "stop it"):
            pytest.fail("both hold it")
    assert path.read_bytes() == before
    return str(error.value)


def test_another_process_is_named_and_once_it_has_ended_the_place_is_free(path, other):
    line = rf"{re.escape(str(path.parent))} is in use by process {other.pid} since {TIME}; stop it"
    assert re.fullmatch(line, refusal(path))
    other.communicate(b"")
    assert other.returncode == 0 and not path.exists()
    with held(path, "stop it"):
        assert path.exists()


def test_a_process_that_was_killed_keeps_nobody_out(path, other):
    other.kill()
    other.wait()
    assert path.exists()
    with held(path, "stop it"):
        assert path.read_text().startswith(f"process {os.getpid()} on ")
    assert not path.exists()


@pytest.mark.parametrize("text", ["process 1 on lab-2 since 2020-01-02 03:04:05+00:00\n" * 9, "", "\xff"])
def test_a_file_without_a_lock_keeps_nobody_out_whatever_it_says(path, text):
    path.write_text(text, "latin-1")
    with held(path, "stop it"):
        said = rf"process {os.getpid()} on [\w.-]+ since {TIME}\n"
        assert re.fullmatch(said, path.read_text())
    assert not path.exists()


def test_within_a_process_threads_keep_each_other_out(path):
    refusals = []
    with held(path, "stop it"):
        thread = threading.Thread(target=lambda: refusals.append(refusal(path)))
        thread.start()
        thread.join(timeout=60)
    line = rf"{re.escape(str(path.parent))} is in use by process {os.getpid()} \(this one\) since {TIME}; stop it"
    assert re.fullmatch(line, *refusals)


@pytest.mark.parametrize(
    "text, who",
    [
        (
            "process 7 on lab-2.example.org since 2026-01-02 03:04:05+01:00\n",
            "process 7 on lab-2.example.org since 2026-01-02 03:04:05+01:00",
        ),
        ("", "another process"),
        ("process 7 on \x1b[2J since 2026-01-02 03:04:05+01:00\n", "another process"),
        ("process 7 on a since 2\nb\n", "another process"),
    ],
    ids=["another machine", "nothing yet", "escapes", "two lines"],
)
def test_who_holds_it_is_said_in_one_line_whatever_stands_there(path, text, who):
    path.write_text(text)
    with open(path, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert refusal(path) == f"{path.parent} is in use by {who}; stop it"


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS])
def test_a_file_system_that_cannot_lock_keeps_nobody_out(path, monkeypatch, code):
    def flock(*arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)
    with held(path, "stop it"), held(path, "stop it"):
        pass
    assert not path.exists()


def test_a_full_disk_keeps_nobody_out_and_the_lock_holds(path, monkeypatch):
    def no_space(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", no_space)
    with held(path, "stop it"):
        assert refusal(path) == f"{path.parent} is in use by another process; stop it"


def test_whoever_opened_it_before_it_was_removed_locks_the_next_one(path, monkeypatch):
    real, ends = locks.lock, [path.unlink, path.unlink]

    def lock(number):
        ends and ends.pop()()  # its holder ends between our opening and our locking
        return real(number)

    monkeypatch.setattr(locks, "lock", lock)
    with held(path, "stop it"):
        assert ends == [] and "(this one)" in refusal(path)
    assert not path.exists()


def test_a_lock_file_that_is_anothers_by_now_is_not_removed(path):
    with held(path, "stop it"):
        path.unlink()  # by a user who tidies up
        path.write_text("another's")
    assert path.read_text() == "another's"


def test_an_error_lets_go_and_stays_what_it_was(path):
    with pytest.raises(OSError, match="^something else$"):
        with held(path, "stop it"):
            raise OSError("something else")
    assert not path.exists()


def test_a_link_is_not_followed(path, tmp_path):
    (tmp_path / "mine").write_text("mine")
    path.symlink_to(tmp_path / "mine")
    with pytest.raises(InputError, match=f"^cannot write {re.escape(str(tmp_path))}: "):
        with held(path, "stop it"):
            pass
    assert (tmp_path / "mine").read_text() == "mine"
