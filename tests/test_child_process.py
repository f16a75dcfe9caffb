"""Child processes that misbehave in every way there is."""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import threading
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


@pytest.mark.skipif(os.name != "posix", reason="links need rights there")
def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path):
    (tmp_path / "secret").write_text("secret")
    assert outcome(f"import os; os.symlink({str(tmp_path / 'secret')!r}, 'made')").made is None


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


POSIX = pytest.mark.skipif(os.name != "posix", reason="needs limits, signals and sessions")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs a system that tells a child of its parent's end")


def landlock():
    """The version of the kernel's Landlock, which takes a process's rights; below 1 if there is none."""
    if sys.platform != "linux":
        return 0
    return ctypes.CDLL(None).syscall(ctypes.c_long(444), None, ctypes.c_size_t(0), ctypes.c_uint32(1))


LANDLOCK = pytest.mark.skipif(landlock() < 1, reason="needs a kernel with Landlock")


def has_ended(process):
    """Whether the process with this number ends within ten seconds. What waits for nobody to ask counts as ended."""
    for _ in range(200):
        state = subprocess.run(["ps", "-o", "stat=", "-p", process], capture_output=True, text=True).stdout.strip()
        if state in ("", "Z", "Zs", "Z+"):
            return True
        time.sleep(0.05)
    return False


def test_a_child_knows_nothing_of_the_environment_but_where_programs_are(monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "xyzzy")
    said = outcome("import os; print(dict(os.environ), os.path.expanduser('~') == os.getcwd())").said
    assert "xyzzy" not in said and "PATH" in said
    if os.name == "posix":
        assert said.endswith("True\n")


@POSIX
@pytest.mark.parametrize("limit, value", [("CPU", 9), ("FSIZE", 20_000_000), ("NOFILE", 64), ("CORE", 0)])
def test_a_child_has_limits(limit, value):
    said = outcome(f"import resource; print(*resource.getrlimit(resource.RLIMIT_{limit}))").said
    assert all(int(number) <= value for number in said.split())


@POSIX
def test_a_child_that_is_at_work_all_the_time_is_ended_before_its_time_is_up():
    assert outcome("while True: pass", 2.4).failure == "was at work for 1 seconds and did not end"


@LINUX
def test_a_child_that_wants_all_memory_does_not_get_it():
    made, said, failure = outcome("bytearray(8 * 2**30)")
    assert failure == "ended with status 1" and "MemoryError" in said


@LANDLOCK
@pytest.mark.parametrize("deed", [
    "open({file!r}).read()", "open({file!r}, 'a')", "os.remove({file!r})", "os.listdir({folder!r})",
    "os.symlink({file!r}, 'link'); open('link').read()", "open(f'/proc/{{os.getppid()}}/environ').read()",
    "os.system('cat {file}') and exit(1)", "os.kill(os.getppid(), 0)", "open('/etc/passwd').read()",
    "__import__('socket').create_connection(('127.0.0.1', 9))",
])
def test_a_child_has_no_right_to_what_is_not_its_own(tmp_path, deed):
    file = tmp_path / "private"
    file.write_text("xyzzy")
    if landlock() < (6 if "kill" in deed else 4 if "socket" in deed else 1):
        pytest.skip("needs a newer Landlock")
    made, said, failure = outcome("import os; " + deed.format(file=str(file), folder=str(tmp_path)))
    assert failure == "ended with status 1" and "xyzzy" not in said
    assert "denied" in said or "not permitted" in said
    assert file.read_text() == "xyzzy"


@LANDLOCK
def test_in_its_own_folder_a_child_may_do_all():
    script = "import os; os.mkdir('a'); open('a/b', 'w').write('c'); os.rename('a', 'd'); os.truncate('d/b', 0); "
    assert outcome(script + "os.remove('d/b'); os.rmdir('d'); print(os.listdir())").said == "['given']\n"


@LINUX
@pytest.mark.parametrize("last", ["SIGKILL", "SIGTERM", "SIGHUP"])
def test_a_child_ends_with_its_parent_however_that_ends(tmp_path, last):
    program = f"""
import sys
sys.path.insert(0, {str(Path(child_process.__file__).parent)!r})
import child_process
sleeping = "import os, time; open('up', 'w').write(str(os.getpid())); time.sleep(60)"
child_process.make([sys.executable, "-c", sleeping], ("given", b""), "made", 60)
"""
    with subprocess.Popen([sys.executable, "-c", program], env=os.environ | {"TMPDIR": str(tmp_path)}) as parent:
        while not (up := list(tmp_path.glob("tune-*/up"))) or not up[0].read_text():
            time.sleep(0.02)
        os.kill(parent.pid, getattr(signal, last))
    assert has_ended(up[0].read_text())


@LINUX
def test_a_child_whose_parent_ended_before_it_began_does_nothing(tmp_path):
    order = [sys.executable, "-I", "-S", child_process.CONFINED, "1", "5", "1000", "", "/bin/echo", "begun"]
    ended = subprocess.run(order, capture_output=True, text=True, cwd=tmp_path)
    assert ended.returncode == 1 and ended.stdout == ""


@POSIX
def test_what_a_child_started_ends_at_the_time_limit_too():
    said = outcome("import subprocess; print(subprocess.Popen(['/bin/sleep', '60']).pid, flush=True); "
                   "import time; time.sleep(60)", seconds=1.5).said
    assert has_ended(said.strip())


def test_who_is_interrupted_can_end_the_children_of_all_threads():
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(outcome("import time; time.sleep(60)", 60)))
    thread.start()
    while not child_process.RUNNING:
        time.sleep(0.01)
    child_process.end_all()
    thread.join(20)
    assert outcomes[0].failure and not child_process.RUNNING


@POSIX
def test_a_system_without_these_limits_gets_the_file_all_the_same(monkeypatch, tmp_path):
    script = child_process.CONFINED.read_text().replace("import resource", "resource = None")
    (tmp_path / "confined.py").write_text(script.replace("= 444, 445, 446", "= 9444, 9445, 9446"))
    monkeypatch.setattr(child_process, "CONFINED", tmp_path / "confined.py")
    assert outcome(COPY) == (b"enut", "", "")
