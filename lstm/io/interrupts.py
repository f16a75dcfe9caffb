"""Ctrl-C in a command: an answer within two seconds whatever is under way, status 130, and never a traceback.

`watch` is the first that a command calls, before its imports, which take a while. A library must not do such things:
`import lstm` does not. What a Ctrl-C means depends on what is under way:

- imports: there is nothing to lose, and the process ends at once;
- work: KeyboardInterrupt, as ever. But Python runs a handler only between two of its own instructions, and while LLVM
  compiles there are none for seconds. So a thread watches too, which the system wakes at once (`signal.set_wakeup_fd`):
  it ends the process if that has not ended by itself within PATIENCE;
- what must not be cut short, within a StopRequest: it asks to stop, and the thread says so if that takes long.

A second Ctrl-C ends the process at once. Files survive that, because they are written whole or not at all.
"""

import os
import signal
import socket
import sys
import threading
from functools import partial

from lstm.io.standard_streams import open_all

PATIENCE = 1.0  # seconds
STATUS = 130  # 128 + SIGINT, as shells have it
HELD = []  # the StopRequests that listen
CUT_SHORT = threading.Event()  # work has been: what it left half done may complain when it is deleted


def watch():
    """Begin a command: its standard streams are there, and Ctrl-C has an answer from now on."""
    open_all()
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return  # it is ignored, as behind nohup or a shell's &
    signal.signal(signal.SIGINT, end)
    sys.unraisablehook = partial(unless_cut_short, sys.unraisablehook)
    threading.excepthook = partial(unless_cut_short, threading.excepthook)
    ear, mouth = socket.socketpair()  # Windows wants sockets
    mouth.setblocking(False)
    signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=listen, args=(ear, mouth), daemon=True).start()


def end(*_):
    """End the process, now."""
    os._exit(STATUS)


def unless_cut_short(before, it):
    """What is done about an error where Python cannot raise: in a thread, or when an object is deleted."""
    if isinstance(it.exc_value, KeyboardInterrupt):
        end()  # Python would print it and go on
    if not CUT_SHORT.is_set():
        before(it)


def interrupt(*_):
    """Raise KeyboardInterrupt, once."""
    signal.signal(signal.SIGINT, end)
    CUT_SHORT.set()
    raise KeyboardInterrupt


def begin_work():
    """From now on Ctrl-C raises KeyboardInterrupt, if `watch` is under way."""
    if signal.getsignal(signal.SIGINT) is end:
        signal.signal(signal.SIGINT, interrupt)


def end_work(status):
    """From now on the exit status is settled, and Ctrl-C changes nothing, if `watch` is under way."""
    if signal.getsignal(signal.SIGINT) in (end, interrupt):
        if status == STATUS:
            end()  # because Python's own end has another status where a KeyboardInterrupt came through `exec`
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Python puts the system's handler in the place of ours


def listen(ear, mouth):
    """What the thread does. mouth: what the system writes to; it must not be closed."""
    asked = False
    while True:
        try:
            number = ear.recv(1)[0]
        except TimeoutError:
            if not HELD:
                end()
            print("stopping at the next good moment; Ctrl-C again ends at once", file=sys.stderr, flush=True)
            ear.settimeout(None)
        else:
            if number == signal.SIGINT and asked:
                end()
            if number == signal.SIGINT:
                asked = True
                ear.settimeout(PATIENCE)


class StopRequest:
    """Within this context, once it listens, Ctrl-C (or a polite kill, or a terminal that closes) asks to stop at the
    next good moment: `if stop.requested`.

    Acting at once could leave the parameters half updated. A second Ctrl-C does act at once. What was ignored before
    (by nohup, by a shell's &) stays so. In a thread, which cannot listen to signals, nothing asks.
    """

    def __enter__(self):
        self.requested, self._before = False, {}
        return self

    def listen(self):
        """Begin, unless it listens already."""
        if self._before or threading.current_thread() is not threading.main_thread():
            return
        HELD.append(self)
        for number in filter(None, (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP"))):
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._ask)

    def _ask(self, number, frame):
        self.requested = True
        if signal.SIGINT in self._before:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def __exit__(self, *exception):
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self in HELD:
            HELD.remove(self)
