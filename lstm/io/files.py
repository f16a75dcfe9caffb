"""Reading text that may be anything, and writing files that are either complete or not there."""

import codecs
import errno
import os
import re
import secrets
import select
import stat
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from lstm.io import InputError

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

    fcntl = None

UNFINISHED = r"\..{1,40}\.lstm-unfinished-[0-9a-f]{16}"  # the name of a file that write_bytes is at
DAY = 24 * 60 * 60  # seconds
MOST = 2 * 10**9  # bytes of a file that is read
PATIENCE = 60  # seconds that a pipe may be silent
MOST_LINKS = 40  # one to the next, as Linux has it
BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
DECLARED = re.compile(rb"(?:^|\r)(?:\xef\xbb\xbf)?(?:%%|I:)[ \t]*abc-charset[ \t]+([!-~]+)", re.MULTILINE)


@contextmanager
def said_plainly(doing, path):
    """Turn the system's errors within (no such file, no permission, disk full) into one line with the place."""
    try:
        yield
    except InputError:
        raise
    except ValueError as error:  # a NUL, or half a character
        raise InputError(f"cannot {doing} {str(path)!r}: {error}; check the name") from error
    except MemoryError as error:
        raise InputError(f"cannot {doing} {path}: there is not enough memory for it; free some") from error
    except OSError as error:
        remedies = {
            FileNotFoundError: "check the name",
            PermissionError: "choose a place you may use, or change its permissions",
            IsADirectoryError: "name a file",
        }
        otherwise = "make room or choose another place" if doing == "write" else "check the file and its name"
        remedy = remedies.get(type(error), otherwise)
        raise InputError(f"cannot {doing} {path}: {error.strerror or error}; {remedy}") from error


def is_there(path):
    """Whether there is anything of that name. Raises InputError where the system cannot tell."""
    with said_plainly("read", path):
        try:
            os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True


def names_in(directory):
    """The names in a directory; none where there is no such directory. Raises InputError where it cannot be read."""
    with said_plainly("read", directory):
        try:
            return os.listdir(directory)
        except (FileNotFoundError, NotADirectoryError):
            return []


def read_text(path):
    """The text of a UTF-8 file, line ends as "\\n" and without byte order marks.

    Raises InputError where it cannot be read, is empty, or is not UTF-8 (naming the offset of the byte).
    """
    return tidied(decoded(read_bytes(path), path, "UTF-8", "save it as UTF-8"), path)


def read_any_text(path, encoding=None):
    """The same of a file in the encoding that it says itself, by a byte order mark or a line %%abc-charset.

    encoding: of a file that says none; None is UTF-8. Raises InputError too where it says one that cannot be.
    """
    data = read_bytes(path)
    declared = declared_encoding(data, path)
    remedy = "mend what it says" if declared else "--encoding names another one, such as latin-1 or cp1252"
    return tidied(decoded(data, path, declared or encoding or "UTF-8", remedy), path)


def read_bytes(path, kind="a file of text"):
    """The bytes of a file, or of a pipe that delivers. Raises InputError for another thing and for more than MOST.

    kind: what it should be, in words.
    """
    without_waiting = getattr(os, "O_NONBLOCK", 0)  # for somebody to write to a pipe: there may be nobody
    with said_plainly("read", path):
        with open(path, "rb", buffering=0, opener=lambda name, flags: os.open(name, flags | without_waiting)) as file:
            status = os.fstat(file.fileno())
            if stat.S_ISFIFO(status.st_mode):
                return piped(file, path)
            if not stat.S_ISREG(status.st_mode):
                raise InputError(f"{path} is a device, not {kind}; name a file or a pipe")
            if status.st_size > MOST:
                raise too_large(path)
            return file.read()


def piped(file, path):
    """All that comes through a pipe."""
    data = bytearray()
    while select.select([file], [], [], PATIENCE)[0]:
        piece = file.read(2**20)
        if piece == b"":
            return data
        data += piece or b""  # None where another reader was faster
        if len(data) > MOST:
            raise too_large(path)
    raise InputError(f"nothing came through {path} for {PATIENCE:g} seconds; start what writes to it, or name a file")


def too_large(path):
    """The error for more than MOST bytes."""
    return InputError(f"{path} has more than {MOST:,} bytes, the most that is read; give a smaller one")


def check_encoding(name, place):
    """Raise InputError unless Python knows an encoding of text of this name."""
    try:
        b"a".decode(name)
    except UnicodeDecodeError:  # one character may take more bytes
        pass
    except (LookupError, ValueError):
        raise InputError(f"{place} {name!r} is no encoding of text; there are utf-8, latin-1, cp1252, ..") from None


def declared_encoding(data, path):
    """The encoding that the bytes of a file say they have; None if they do not. Raises InputError for a wrong one."""
    mark = next((encoding for mark, encoding in BYTE_ORDER_MARKS.items() if data.startswith(mark)), None)
    names = {match[1].decode() for match in DECLARED.finditer(data)} if b"abc-charset" in data else set()
    for name in names:
        check_encoding(name, f"{path}: abc-charset")
    said = {codecs.lookup(name).name for name in [*names, *([mark] if mark else [])]}
    if len(said) > 1:
        raise InputError(f"{path} says more than one encoding, {' and '.join(sorted(said))}; mend what it says")
    encoding = next(iter(said), None)
    # A line of ASCII cannot say that it is UTF-16, and bytes beyond ASCII are UTF-8 by no accident.
    wrong = names and ("charset".encode(encoding) != b"charset" or encoding != "utf-8" and is_utf8(data))
    if wrong:
        raise InputError(f"{path} says that it is {encoding}, and its bytes are not; mend its line abc-charset")
    return encoding


def is_utf8(data):
    """Whether bytes are UTF-8 and more than ASCII."""
    try:
        return not data.isascii() and bool(data.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def decoded(data, path, encoding, remedy):
    """Bytes as text. Raises InputError, with the remedy, where they are not of that encoding."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        place = f"byte 0x{data[error.start]:02x} at offset {error.start}"
    except UnicodeError as error:  # of encodings that look at the whole
        place = str(error)
    raise InputError(f"{path} is not {encoding} text: {place}; {remedy}")


def tidied(text, path):
    """A text with plain line ends, and without the byte order marks of the files that it was put together from."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\ufeff" in text:
        text = re.sub("^\ufeff+", "", text, flags=re.MULTILINE).replace("\ufeffX:", "\nX:")
    if not text:
        raise InputError(f"{path} is empty; give a file with text in it")
    return text


def flush_to_disk(number):
    """As os.fsync; but some file systems (of networks, of containers) cannot, and no epoch must be lost for that."""
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise


def flush_names(directory):
    """Flush the names in a directory to the disk: before, a power cut may undo a rename."""
    with suppress(PermissionError):  # Windows opens no directory
        number = os.open(directory, os.O_RDONLY)
        try:
            flush_to_disk(number)
        finally:
            os.close(number)


def lock(number):
    """Lock an open file until it is closed: False where the file system cannot, BlockingIOError where it is locked.

    The lock is the system's. It ends with the process, however that ends, and keeps other threads out too.
    """
    try:
        if fcntl:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:  # a byte beyond all content, because nobody else could read it
            os.lseek(number, 2**30, os.SEEK_SET)
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
            os.lseek(number, 0, os.SEEK_SET)
    except (BlockingIOError, PermissionError) as error:  # the second on Windows and its shares
        raise BlockingIOError(*error.args) from None
    except OSError:
        return False
    return True


def make_directory(path):
    """Make a directory, with its parents, and make sure that files can be made in it."""
    with said_plainly("write", path):
        Path(path).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()


def check_writable(path):
    """Raise InputError now where writing this file would fail later: after an hour's work is too late."""
    with said_plainly("write", path):
        target, status = destination(path)
        if status and stat.S_ISREG(status.st_mode) and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, "it may not be changed")
        if is_replaced(path, status):
            tempfile.TemporaryFile(dir=target.parent).close()


def destination(path):
    """(the path that links end at, its status or None where nothing is there yet)."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        status = None
    if status and stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a directory")
    return Path(os.path.realpath(path) if os.path.islink(path) else path), status


def is_replaced(path, status):
    """Whether a file of this status is written aside and renamed; else it is open, or no plain file: written to."""
    return status is None or stat.S_ISREG(status.st_mode) and number_of(path) is None


def number_of(path):
    """The number of the open file of this process that a path stands for: /dev/stdout, /dev/fd/3; else None."""
    numbers = re.compile(rf"/dev/fd|/proc/{os.getpid()}(/task/\d+)?/fd")
    path, links = Path(path), 0
    while not (path.name.isdecimal() and numbers.fullmatch(os.path.realpath(path.parent))):
        if not path.is_symlink() or links == MOST_LINKS:
            return None
        path, links = path.parent / os.readlink(path), links + 1
    return int(path.name)


def write_bytes(path, data):
    """Write a file so that a crash at any moment leaves the old content or the new, whole.

    Written aside, flushed to the disk, renamed. Raises InputError where that fails; the old file stays. What a
    process leaves that is killed meanwhile, `remove_leftovers` knows by its name, and because no lock is on it.
    A link stays, and what it leads to is written. A file keeps its mode, and its owner and group where the system
    allows that; its other names (hard links) keep the old content.
    What is open or no plain file (/dev/stdout, a pipe) is written to, and not replaced.
    """
    with said_plainly("write", path):
        target, status = destination(path)
        if not is_replaced(path, status):
            write_through(path, status, data)
            return
        aside = target.with_name(f".{target.name[:40]}.lstm-unfinished-{secrets.token_hex(8)}")
        mode = 0o600 if status else 0o666  # nobody reads what they could not read before
        try:
            with open(aside, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
                with suppress(BlockingIOError):  # of somebody who looks just now whether it is a leftover
                    lock(file.fileno())
                file.write(data)
                if status and os.name == "posix":
                    keep_rights(file.fileno(), status)
                file.flush()
                flush_to_disk(file.fileno())
            os.replace(aside, target)
            flush_names(target.parent)
        finally:
            aside.unlink(missing_ok=True)


def keep_rights(number, before):
    """Give an open file the owner, the group and the mode that another had. Only the superuser gives files away."""
    mode = before.st_mode & 0o777
    for owner in (before.st_uid, -1):
        with suppress(OSError):
            os.fchown(number, owner, before.st_gid)
            break
    else:  # another group has no more rights than anybody
        mode = mode & ~stat.S_IRWXG | (mode & stat.S_IRWXO) << 3
    with suppress(OSError):  # file systems without modes
        os.fchmod(number, mode)


def write_through(path, status, data):
    """Write to a device, to a pipe, or to an open file from where it is at."""
    number = number_of(path)
    if number is not None:
        with suppress(AttributeError):  # where there is no standard output
            sys.stdout.flush()  # what was printed before comes before
        place = os.dup(number)
    else:
        place = pipe_with_reader(path) if stat.S_ISFIFO(status.st_mode) else path
    with open(place, "wb") as file:
        file.write(data)


def pipe_with_reader(path):
    """The number of a pipe, open to write to. Raises InputError where nobody reads."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            number = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            time.sleep(0.05)
        else:
            os.set_blocking(number, True)
            return number
    raise InputError(f"nobody has read {path} for {PATIENCE:g} seconds; start what reads it, or name a file")


def remove_leftovers(directory):
    """Remove what `write_bytes` was at when its process was killed: at once, or after a day where nothing locks."""
    for path in (Path(directory, name) for name in names_in(directory) if re.fullmatch(UNFINISHED, name)):
        with suppress(OSError):  # it is locked, another user's, or gone
            if stat.S_ISREG(path.lstat().st_mode):
                with open(path, "r+b") as file:
                    left = lock(file.fileno()) or time.time() - path.stat().st_mtime > DAY
                if left:
                    path.unlink()
