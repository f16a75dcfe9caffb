"""The start of a child process: it limits itself, gives up its rights, and becomes the program it was made for.

    python -I -S confined.py PARENT SECONDS BYTES READABLE PROGRAM ARGUMENT...

PARENT: the process that must live; SECONDS: at work, on the processor; BYTES: the longest file; READABLE: paths,
separated as in PATH. A program of its own, because code between fork and exec is unsafe beside threads. It imports
little, so that it starts in some 10 ms. What this system cannot do is passed over. No module imports it.
"""

import ctypes
import os
import resource
import sys

MEMORY = 2 * 2**30  # bytes of address space; a long score takes 60 MB of it, its picture 300
FILES = 64  # open at a time

# From <linux/prctl.h> and <linux/landlock.h>, https://docs.kernel.org/userspace-api/landlock.html
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, SIGKILL = 1, 38, 9
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same number on every processor but Alpha
GET_VERSION, PATH_BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE, IOCTL_DEV = (1 << bit for bit in (0, 1, 2, 3, 14, 15))
KNOWN_TO = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many rights to files each version knows, and later ones at least
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV  # the others are a folder's
TCP = 0b11  # to bind and to connect, from version 4 on
SCOPES = 0b11  # abstract sockets and signals of others, from version 6 on
READ = EXECUTE | READ_FILE | READ_DIR
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix/store", "/etc/ld.so.cache", "/etc/fonts",
          "/etc/localtime", "/dev/urandom", "/proc/self", "/proc/cpuinfo", "/sys/devices/system/cpu")


class Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64)]


class Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def main(parent, seconds, most_bytes, readable, *command):
    """Become the program `command`."""
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if libc:
        libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if os.getppid() != int(parent):  # it ended before this process could ask to be told
        sys.exit("the program that wanted this has ended")
    limit("RLIMIT_CPU", int(seconds), spare=1)  # first comes a signal that says so, SIGXCPU
    limit("RLIMIT_AS", MEMORY)
    limit("RLIMIT_FSIZE", int(most_bytes))
    limit("RLIMIT_NOFILE", FILES)
    limit("RLIMIT_CORE", 0)
    if libc:
        give_up_rights(libc, readable.split(os.pathsep))
    os.execv(command[0], command)


def limit(name, value, spare=0):
    """Set a limit, and so much above it the last one, if the system has it and no lower one is set."""
    try:
        number = getattr(resource, name)
        allowed = resource.getrlimit(number)[1]
        last = value + spare if allowed == resource.RLIM_INFINITY else min(value + spare, allowed)
        resource.setrlimit(number, (min(value, last), last))
    except (AttributeError, OSError, ValueError):
        pass


def give_up_rights(libc, readable):
    """Keep the right to read programs and libraries, and all rights within this folder; no TCP. For good, by Landlock;
    nothing happens where the kernel has it not (before Linux 5.13, or switched off).
    """

    def call(number, *arguments):
        return libc.syscall(ctypes.c_long(number), *arguments)

    version = call(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(GET_VERSION))
    if version < 1:
        return
    known = (1 << KNOWN_TO.get(version, 16)) - 1
    rules = Ruleset(known, TCP if version >= 4 else 0, SCOPES if version >= 6 else 0)
    # An older kernel takes a longer structure than its own if what it does not know is zero.
    ruleset = call(CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(ctypes.sizeof(rules)), ctypes.c_uint32(0))
    if ruleset < 0:
        return
    device = READ_FILE | WRITE_FILE
    for path, rights in [(".", known), ("/dev/null", device), *((path, READ) for path in (*SYSTEM, *readable))]:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        rights &= known if os.path.isdir(path) else known & OF_FILES
        rule = Beneath(rights, place)
        call(ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0))
        os.close(place)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    call(RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    os.close(ruleset)


if __name__ == "__main__":
    main(*sys.argv[1:])
