"""Reading text that may be anything, and writing files that are either complete or not there."""

import errno
import os
import re
import secrets
import stat
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


@contextmanager
def said_plainly(doing, path):
    """Turn the system's errors within (no such file, no permission, disk full) into one line with the place."""
    try:
        yield
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


def read_bytes(path):
    """The bytes of a file. Raises InputError where it cannot be read."""
    with said_plainly("read", path):
        return Path(path).read_bytes()


def read_text(path):
    """The text of a UTF-8 file, line ends as "\\n" and without a byte order mark.

    Raises InputError where it cannot be read, is empty, or is not UTF-8 (naming the offset of the byte).
    """
    data = read_bytes(path)
    try:
        text = data.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 text: byte 0x{data[error.start]:02x} at offset {error.start}; save it as UTF-8"
        ) from None
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
        if Path(path).is_dir():
            raise IsADirectoryError(0, "it is a directory")
        if Path(path).is_file() or not Path(path).exists():  # see write_bytes
            tempfile.TemporaryFile(dir=Path(path).parent).close()


def write_bytes(path, data):
    """Write a file so that a crash at any moment leaves the old content or the new, whole.

    Written aside, flushed to the disk, renamed. Raises InputError where that fails; the old file stays. What a
    process leaves that is killed meanwhile, `remove_leftovers` knows by its name, and because no lock is on it.
    What is no plain file (/dev/null, a pipe) is written to, and not replaced.
    """
    path = Path(path)
    aside = path.with_name(f".{path.name[:40]}.lstm-unfinished-{secrets.token_hex(8)}")
    with said_plainly("write", path):
        if path.exists() and not path.is_file():
            with open(path, "wb") as file:
                file.write(data)
            return
        try:
            with open(aside, "xb") as file:
                with suppress(BlockingIOError):  # of somebody who looks just now whether it is a leftover
                    lock(file.fileno())
                file.write(data)
                file.flush()
                flush_to_disk(file.fileno())
            os.replace(aside, path)
            flush_names(path.parent)
        finally:
            aside.unlink(missing_ok=True)


def remove_leftovers(directory):
    """Remove what `write_bytes` was at when its process was killed: at once, or after a day where nothing locks."""
    for path in (Path(directory, name) for name in names_in(directory) if re.fullmatch(UNFINISHED, name)):
        with suppress(OSError):  # it is locked, another user's, or gone
            if stat.S_ISREG(path.lstat().st_mode):
                with open(path, "r+b") as file:
                    left = lock(file.fileno()) or time.time() - path.stat().st_mtime > DAY
                if left:
                    path.unlink()
