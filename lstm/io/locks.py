"""Who is at work in a directory: a lock file that one process holds, and that says who."""

import os
import platform
import re
from contextlib import contextmanager, suppress
from datetime import datetime

from lstm.io import InputError
from lstm.io.files import lock, read_text, said_plainly


@contextmanager
def held(path, remedy):
    """Hold a lock file within this context, and remove it in the end. InputError says who else holds it.

    The file of a process that was killed is no obstacle: it is not locked. Nor is a file system that cannot lock.
    """
    with said_plainly("write", path.parent):
        try:
            number = open_locked(path)
        except BlockingIOError:
            raise InputError(f"{path.parent} is in use by {holder(path)}; {remedy}") from None
    try:
        with suppress(OSError):  # on a full disk; it is only for people to read
            since = datetime.now().astimezone().isoformat(" ", "seconds")
            text = f"process {os.getpid()} on {this_machine()} since {since}\n"
            os.ftruncate(number, os.write(number, text.encode()))
            os.chmod(path, 0o666)  # if we are killed, another user may come next
        yield
    finally:
        let_go(number, path)


def open_locked(path, tries=10):
    """A lock file, opened and locked: its number. Raises BlockingIOError where another has locked it."""
    of_the_system = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    number = os.open(path, os.O_RDWR | os.O_CREAT | of_the_system, 0o666)
    try:
        lock(number)
    except BlockingIOError:
        os.close(number)
        raise
    if is_at(number, path) or not tries:
        return number
    os.close(number)  # its holder removed it after we had opened it: a lock on it would keep nobody out
    return open_locked(path, tries - 1)


def is_at(number, path):
    """Whether an open file is still the one of that name. On Windows it is, because what is open cannot be removed."""
    try:
        return os.name == "nt" or os.path.samestat(os.fstat(number), os.stat(path))
    except FileNotFoundError:
        return False


def let_go(number, path):
    """Remove a lock file, and unlock it: in this order, because afterwards it may be another's."""
    with suppress(OSError):
        if os.name != "nt" and is_at(number, path):
            path.unlink()
    os.close(number)
    if os.name == "nt":  # where only what nobody has open can be removed
        with suppress(OSError):
            path.unlink()


def this_machine():
    """The name of this machine, as a word."""
    return re.sub(r"[^\w.-]", "-", platform.node()) or "unknown"


def holder(path):
    """Who holds a lock file, by what stands in it, which may be anything."""
    try:
        said = re.fullmatch(r"process (\d{1,20}) on ([\w.-]+) since ([\d :+-]+)\n", read_text(path))
    except InputError:  # it was let go just now
        said = None
    if not said:
        return "another process"
    process, machine, since = said.groups()
    if machine != this_machine():
        process += f" on {machine}"
    elif int(process) == os.getpid():
        process += " (this one)"
    return f"process {process} since {since}"
