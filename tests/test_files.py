"""Reading files: plain line ends, no byte order mark, one line for what is no text. Writing them: whole, no litter."""

import codecs
import contextlib
import errno
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from commands import ROOT
from lstm.io import InputError, files
from lstm.io.files import (
    check_writable,
    is_there,
    lock,
    names_in,
    read_any_text,
    read_text,
    remove_leftovers,
    write_bytes,
)

posix = pytest.mark.skipif(os.name != "posix", reason="locks and signals of POSIX")


@pytest.mark.parametrize(
    "data, text",
    [
        ("X:1\n♪\n".encode(), "X:1\n♪\n"),
        ("\ufeffX:1\n".encode(), "X:1\n"),
        (b"a\r\nb\rc\nd\r\n\r\n", "a\nb\nc\nd\n\n"),
        (b"no line end", "no line end"),
    ],
    ids=["UTF-8", "byte order mark", "other line ends", "no line end"],
)
def test_text_is_read_with_plain_line_ends_and_no_byte_order_mark(tmp_path, data, text):
    path = tmp_path / "text"
    path.write_bytes(data)
    assert read_text(path) == text


@pytest.mark.parametrize(
    "data, complaint",
    [
        (b"", "is empty"),
        ("\ufeff".encode(), "is empty"),
        (b"abc\n\xffdef", "byte 0xff at offset 4"),
        ("♪".encode()[:2], "byte 0xe2 at offset 0"),
        ("abc".encode("utf-16"), "byte 0xff at offset 0"),
        ("\ufeffaé".encode() + "é".encode("latin-1"), "byte 0xe9 at offset 6"),
    ],
    ids=["empty", "only a byte order mark", "a stray byte", "cut", "UTF-16", "Latin-1 later on"],
)
def test_a_file_without_text_is_refused_in_one_line(tmp_path, data, complaint):
    path = tmp_path / "text"
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"^{re.escape(str(path))} .*{complaint}.*; ") as error:
        read_text(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["missing", ".", "file/below", "a" * 300, "missing/below"])
def test_a_place_that_is_no_file_is_refused_in_one_line(tmp_path, name):
    (tmp_path / "file").write_text("text")
    with pytest.raises(InputError, match=f"^cannot read {re.escape(str(tmp_path / name))}: .*; ") as error:
        read_text(tmp_path / name)
    assert "\n" not in str(error.value)


def test_what_is_there_is_told_and_what_cannot_be_looked_for_is_refused(tmp_path):
    (tmp_path / "file").write_text("text")
    assert is_there(tmp_path / "file") and is_there(tmp_path)
    assert names_in(tmp_path) == ["file"]
    for name in ("missing", "missing/below", "file/below"):
        assert not is_there(tmp_path / name)
        assert names_in(tmp_path / name) == []
    for look in (is_there, names_in):
        with pytest.raises(InputError, match="^cannot read .*: File name too long; check the file and its name$"):
            look(tmp_path / ("a" * 300))


# -- writing


@pytest.fixture
def on_fsync(monkeypatch):
    """A function that has another function called with the number of each file, and of each directory, flushed."""

    def arrange(files=lambda number: None, directories=lambda number: None):
        def fsync(number):
            (directories if stat.S_ISDIR(os.fstat(number).st_mode) else files)(number)

        monkeypatch.setattr(os, "fsync", fsync)

    return arrange


@posix
def test_the_directory_is_flushed_after_the_rename(tmp_path, on_fsync):
    path, flushed = tmp_path / "weights", []
    on_fsync(directories=lambda number: flushed.append((os.fstat(number).st_ino, path.read_bytes())))
    write_bytes(path, b"all of them")
    assert flushed == [(tmp_path.stat().st_ino, b"all of them")]


@posix
@pytest.mark.parametrize("step", ["fsync", "open"])
@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EACCES])
def test_a_directory_that_cannot_be_flushed_loses_nothing(monkeypatch, tmp_path, on_fsync, step, code):
    def cannot(*arguments):
        calls.append(step)
        raise OSError(code if step == "fsync" else errno.EACCES, "no")

    calls, can = [], os.open
    on_fsync(directories=cannot)
    if step == "open":
        monkeypatch.setattr(os, "open", lambda path, *rest: (cannot if os.path.isdir(path) else can)(path, *rest))
    write_bytes(tmp_path / "weights", b"all of them")
    assert calls and (tmp_path / "weights").read_bytes() == b"all of them"


@posix
def test_a_disk_that_fails_under_the_directory_is_told(tmp_path, on_fsync):
    def broken(number):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    on_fsync(directories=broken)
    with pytest.raises(InputError, match="^cannot write .*weights: Input/output error; "):
        write_bytes(tmp_path / "weights", b"all of them")


@posix
def test_a_file_may_have_as_long_a_name_as_the_system_allows(tmp_path):
    for name in ("n" * 255, "♪" * 85):
        write_bytes(tmp_path / name, b"tunes")
        assert (tmp_path / name).read_bytes() == b"tunes"
    assert len(os.listdir(tmp_path)) == 2


def test_one_file_may_be_written_twice_at_a_time(tmp_path, on_fsync):
    path, seconds = tmp_path / "weights", [b"second"]
    on_fsync(files=lambda number: seconds and write_bytes(path, seconds.pop()))
    write_bytes(path, b"first")
    assert path.read_bytes() == b"first" and os.listdir(tmp_path) == ["weights"]


# -- what is there already


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path):
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "file").write_text("before")
    (tmp_path / "link").symlink_to("other")
    (tmp_path / "other").symlink_to(tmp_path / "place" / "file")
    check_writable(tmp_path / "link")
    write_bytes(tmp_path / "link", b"after")
    assert os.readlink(tmp_path / "link") == "other" and (tmp_path / "other").is_symlink()
    assert (tmp_path / "place" / "file").read_bytes() == b"after"
    assert os.listdir(tmp_path / "place") == ["file"] and len(os.listdir(tmp_path)) == 3


def test_a_link_that_leads_nowhere_makes_what_it_leads_to(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "place" / "file")
    for write in (check_writable, lambda path: write_bytes(path, b"new")):
        with pytest.raises(InputError, match="cannot write .*link: No such file or directory; check the name"):
            write(tmp_path / "link")
    (tmp_path / "place").mkdir()
    check_writable(tmp_path / "link")
    assert os.listdir(tmp_path / "place") == []
    write_bytes(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "place" / "file").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["loop", "directory", "n" * 300, "file/below"])
def test_what_cannot_be_written_is_refused_before_and_then_in_one_line(tmp_path, name):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").write_text("")
    before = sorted(os.listdir(tmp_path))
    for write in (check_writable, lambda path: write_bytes(path, b"new")):
        with pytest.raises(InputError, match=rf"^cannot write {re.escape(str(tmp_path / name))}: [^\n]*; [^\n]*$"):
            write(tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == before


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_a_file_keeps_its_mode_and_a_new_one_has_that_of_the_umask(tmp_path, mode):
    (tmp_path / "old").write_text("before")
    (tmp_path / "old").chmod(mode)
    (tmp_path / "link").symlink_to("old")
    (tmp_path / "plain").write_text("")
    write_bytes(tmp_path / "link", b"after"), write_bytes(tmp_path / "new", b"new")
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == mode
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode


@posix
@pytest.mark.parametrize("mine, mode, kept", [
    ("all", 0o640, (11, 12, 0o640)), ("group", 0o664, (-1, 12, 0o664)), ("none", 0o640, (None, None, 0o600)),
    ("none", 0o664, (None, None, 0o644)), ("none", 0o4755, (None, None, 0o755)),
])
def test_owner_and_group_are_kept_as_far_as_the_system_lets_a_user(monkeypatch, mine, mode, kept):
    """A user may give a file to a group of theirs. Where the group is another's, it gets no rights but anybody's."""
    given = {"owner": None, "group": None}

    def fchown(number, owner, group):
        if mine == "none" or (mine == "group" and owner != -1):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        given.update(owner=owner, group=group)

    monkeypatch.setattr(os, "fchown", fchown)
    monkeypatch.setattr(os, "fchmod", lambda number, mode: given.update(mode=mode))
    files.keep_rights(3, SimpleNamespace(st_mode=stat.S_IFREG | mode, st_uid=11, st_gid=12))
    assert tuple(given.values()) == kept


@posix
def test_while_it_is_written_nobody_reads_what_they_could_not_read_before(tmp_path, on_fsync):
    modes = []
    (tmp_path / "secret").write_text("before")
    (tmp_path / "secret").chmod(0o600)
    on_fsync(files=lambda number: modes.append(stat.S_IMODE(os.fstat(number).st_mode)))
    write_bytes(tmp_path / "secret", b"after")
    assert modes == [0o600]


@posix
@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anything")
def test_a_file_that_may_not_be_changed_is_refused_before_there_is_anything_to_write(tmp_path):
    (tmp_path / "file").write_text("before")
    (tmp_path / "file").chmod(0o400)
    with pytest.raises(InputError, match="cannot write .*file: it may not be changed; .* change its permissions"):
        check_writable(tmp_path / "file")


def test_its_other_names_keep_the_old_content(tmp_path):
    (tmp_path / "file").write_text("before")
    os.link(tmp_path / "file", tmp_path / "other")
    write_bytes(tmp_path / "file", b"after")
    assert (tmp_path / "other").read_text() == "before"


OPEN = """
import os, sys
from lstm.io.files import check_writable, write_bytes
number = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.dup2(number, 9)
print("first")
for name in sys.argv[1].split():
    check_writable(name)
    write_bytes(name, b"then\\n")
print("last", flush=True)
"""


@posix
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1", "link"])
@pytest.mark.parametrize("into", ["a file", "a pipe"])
def test_what_is_open_is_written_to_from_where_it_is_at_and_not_replaced(tmp_path, name, into):
    if name.startswith("/proc") and not os.path.exists("/proc/self/fd"):
        pytest.skip("no /proc here")
    (tmp_path / "link").symlink_to("/dev/stdout")
    name = str(tmp_path / "link") if name == "link" else name
    command = [sys.executable, "-c", OPEN, f"{name} /dev/fd/9 {name}", tmp_path / "nine"]
    with open(tmp_path / "out", "w+b") as out:
        done = subprocess.run(command, cwd=ROOT, stdout=out if into == "a file" else subprocess.PIPE, timeout=60)
        written = (tmp_path / "out").read_bytes() if into == "a file" else done.stdout
        assert done.returncode == 0 and written == b"first\nthen\nthen\nlast\n"
        assert (tmp_path / "nine").read_bytes() == b"then\n"
        assert os.fstat(out.fileno()).st_ino == (tmp_path / "out").stat().st_ino
    assert (tmp_path / "link").is_symlink() and sorted(os.listdir(tmp_path)) == ["link", "nine", "out"]


@posix
@pytest.mark.parametrize("device", ["/dev/null", "/dev/tty", "/dev/full"])
def test_a_device_is_written_to_and_never_replaced(tmp_path, device):
    before = os.lstat(device)
    (tmp_path / "link").symlink_to(device)
    for path in (device, tmp_path / "link"):
        check_writable(path)
        with contextlib.suppress(InputError):  # /dev/full, and /dev/tty where there is none
            write_bytes(path, b"")
            write_bytes(path, b"" if device == "/dev/tty" else b"tunes")
            assert device != "/dev/full"
    assert os.path.samestat(os.lstat(device), before) and (tmp_path / "link").is_symlink()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a pipe with a name")
def test_a_pipe_with_a_name_is_written_to_when_somebody_reads_and_not_waited_for_in_vain(tmp_path, monkeypatch):
    path, read = tmp_path / "pipe", []
    os.mkfifo(path)

    def reader():
        time.sleep(0.1)
        read.append(path.read_bytes())

    thread = threading.Thread(target=reader)
    thread.start()
    check_writable(path)
    write_bytes(path, b"tunes" * 100_000)
    thread.join()
    assert read == [b"tunes" * 100_000] and stat.S_ISFIFO(path.lstat().st_mode)
    monkeypatch.setattr(files, "PATIENCE", 0.1)
    with pytest.raises(InputError, match="nobody has read .*pipe for 0.1 seconds; start what reads it, or name a file"):
        write_bytes(path, b"tunes")


# -- leftovers

WRITER = """
import os, sys, time
from lstm.io.files import write_bytes
os.fsync = lambda number: (print("writing", flush=True), time.sleep(60))
write_bytes(sys.argv[1], b"half of it")
"""


@pytest.fixture
def writer(tmp_path):
    """A process that is within the writing of a file."""
    command = [sys.executable, "-c", WRITER, tmp_path / "weights.1.h5"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"writing\n"
    yield process
    process.kill()
    process.communicate()


@posix
def test_what_a_process_is_writing_is_kept_as_long_as_it_lives(tmp_path, writer):
    (left,) = tmp_path.iterdir()
    assert re.fullmatch(r"\.weights\.1\.h5\.lstm-unfinished-[0-9a-f]{16}", left.name)
    for halt in (signal.SIGCONT, signal.SIGSTOP):
        os.utime(left, (0, 0))  # however long it takes
        writer.send_signal(halt)
        remove_leftovers(tmp_path)
        assert left.read_bytes() == b"half of it"
    writer.kill()
    writer.wait()
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


LEFT = ".weights.1.h5.lstm-unfinished-0123456789abcdef"


@posix
@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS])
def test_where_files_cannot_be_locked_a_leftover_goes_after_a_day(tmp_path, monkeypatch, code):
    fcntl = pytest.importorskip("fcntl")

    def flock(*arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)
    write_bytes(tmp_path / LEFT, b"")
    remove_leftovers(tmp_path)
    assert os.listdir(tmp_path) == [LEFT]
    os.utime(tmp_path / LEFT, (0, 0))
    remove_leftovers(tmp_path)
    assert os.listdir(tmp_path) == []


@posix
def test_the_users_files_are_no_leftovers(tmp_path):
    alike = [".weights.1.h5.bak", ".weights.1.h5.4711", LEFT[1:], LEFT[:-1], LEFT[:-1] + "g", LEFT + ".bak"]
    for name in alike:
        (tmp_path / name).write_text("mine")
    (tmp_path / LEFT).mkdir()
    (tmp_path / (LEFT[:-1] + "0")).symlink_to(tmp_path / alike[0])
    before = sorted(os.listdir(tmp_path))
    remove_leftovers(tmp_path)
    assert sorted(os.listdir(tmp_path)) == before
    (tmp_path / LEFT).rmdir()
    (tmp_path / LEFT).write_text("left")
    remove_leftovers(tmp_path)
    before.remove(LEFT)
    assert sorted(os.listdir(tmp_path)) == before


def test_windows_locks_a_byte_beyond_the_content_and_says_otherwise_that_it_is_locked(tmp_path, monkeypatch):
    def locking(number, mode, count):
        if locked:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        locked.append(os.lseek(number, 0, os.SEEK_CUR))

    locked = []
    monkeypatch.setattr(files, "fcntl", None)
    monkeypatch.setattr(files, "msvcrt", SimpleNamespace(LK_NBLCK=2, locking=locking), raising=False)
    with open(tmp_path / "file", "w+b") as file:
        assert lock(file.fileno())
        assert locked == [2**30] and os.lseek(file.fileno(), 0, os.SEEK_CUR) == 0
        with pytest.raises(BlockingIOError):
            lock(file.fileno())
# -- text in any encoding


LATIN = "X:1\nT:Séan\n"


@pytest.mark.parametrize("data, encoding, text", [
    ("\ufeffX:1\n\ufeffX:2\n".encode(), None, "X:1\nX:2\n"),
    ("X:1\nabc|\ufeffX:2\n".encode(), None, "X:1\nabc|\nX:2\n"),
    ("\ufeff\ufeffX:1\r\n".encode(), None, "X:1\n"),
    (LATIN.encode("utf-16"), None, LATIN),
    ("\ufeff".encode("utf-16-be") + (2 * "X:1\r\n\ufeff").encode("utf-16-be"), None, "X:1\nX:1\n"),
    (LATIN.encode("latin-1"), "latin-1", LATIN),
    ("T:Séan’s\n".encode("cp1252"), "cp1252", "T:Séan’s\n"),
    (LATIN.encode("utf-16-le"), "utf-16-le", LATIN),
    (b"%%abc-charset iso-8859-1\n" + LATIN.encode("latin-1"), None, "%%abc-charset iso-8859-1\n" + LATIN),
    (b"I:abc-charset iso-8859-2\r\nT:\xb1\r\n", "latin-1", "I:abc-charset iso-8859-2\nT:ą\n"),
    (b"%%abc-charset utf-8\n" + LATIN.encode(), "latin-1", "%%abc-charset utf-8\n" + LATIN),
    ("\ufeff%%abc-charset UTF8\nI:abc-charset utf-8\n♪".encode(), None, "%%abc-charset UTF8\nI:abc-charset utf-8\n♪"),
])
def test_a_text_is_read_in_the_encoding_that_it_says_or_the_user(tmp_path, data, encoding, text):
    (tmp_path / "text").write_bytes(data)
    assert read_any_text(tmp_path / "text", encoding) == text


@pytest.mark.parametrize("data, encoding, complaint", [
    (b"a\xe9", None, "is not UTF-8 text: byte 0xe9 at offset 1; --encoding names another one, such as latin-1"),
    ("é".encode(), "ascii", "is not ascii text: byte 0xc3 at offset 0; --encoding"),
    (b"%%abc-charset us-ascii\n\xe9", None, "is not ascii text: byte 0xe9 at offset 23; mend what it says"),
    (b"%%abc-charset hex\n", None, "abc-charset 'hex' is no encoding of text; there are utf-8, latin-1"),
    (b"%%abc-charset klingon\n", None, "abc-charset 'klingon' is no encoding of text"),
    (b"%%abc-charset utf-8\n%%abc-charset latin-1\n", None, "more than one encoding, iso8859-1 and utf-8; mend"),
    ("\ufeff%%abc-charset latin-1\n".encode(), None, "more than one encoding, iso8859-1 and utf-8; mend"),
    ("%%abc-charset latin-1\né".encode(), None, "says that it is iso8859-1, and its bytes are not; mend its line"),
    (b"%%abc-charset utf-16\n", None, "says that it is utf-16, and its bytes are not; mend its line"),
    (codecs.BOM_UTF16_LE + b"X", None, "is not utf-16 text: byte 0x58 at offset 2; mend what it says"),
    (codecs.BOM_UTF16_LE, None, "is empty"),
    (b"xn--\xff.", "idna", "is not idna text: "),
])
def test_an_encoding_that_cannot_be_is_refused_in_one_line(tmp_path, data, encoding, complaint):
    (tmp_path / "text").write_bytes(data)
    with pytest.raises(InputError, match=f"^{re.escape(str(tmp_path / 'text'))}.*{complaint}") as error:
        read_any_text(tmp_path / "text", encoding)
    assert "\n" not in str(error.value)


# -- what has no end


def test_more_than_the_most_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "sparse"
    with open(path, "wb") as file:
        file.truncate(30 * 10**9)
    for read in (read_text, read_any_text):
        with pytest.raises(InputError, match="sparse has more than 2,000,000,000 bytes, the most that is read; "):
            read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a pipe with a name")
def test_a_pipe_is_read_to_its_end_and_not_waited_for_in_vain(tmp_path, monkeypatch):
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def write(data, pause):
        with open(path, "wb") as file:
            time.sleep(pause)
            with contextlib.suppress(BrokenPipeError):
                file.write(data)

    def written(data, pause=0):
        writer = threading.Thread(target=write, args=(data, pause))
        writer.start()
        try:
            return read_any_text(path)
        finally:
            writer.join()

    assert written(b"abc\n" * 100_000, pause=0.05) == "abc\n" * 100_000
    with pytest.raises(InputError, match="pipe is empty"):
        written(b"")
    monkeypatch.setattr(files, "MOST", 10)
    with pytest.raises(InputError, match="pipe has more than 10 bytes"):
        written(b"abcdefghijk")
    monkeypatch.setattr(files, "PATIENCE", 0.05)
    with pytest.raises(InputError, match="nothing came through .*pipe for 0.05 seconds; start what writes to it"):
        read_text(path)
