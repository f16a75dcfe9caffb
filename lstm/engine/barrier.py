"""Threads that wait for each other many thousand times a second: too often to ask the operating system.

Each thread counts the parts of its work in a number that the others can see, and looks at theirs until they have
come as far. The three operations that take are atomic instructions or a system call; each has a plain twin, for
where nothing is compiled.
"""

import os
import time

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload, register_jitable

from lstm.engine.jit import OPTIONS, compiled
from lstm.engine.tile import pointer_to

LINE = 8  # numbers of 64 bits in a line of the cache; each thread's number has a line of its own
ALL = 2**62  # more than anyone ever counts


@intrinsic
def store_for_others(typing, array, i, value):
    """array[i, 0] = value, after which other threads see all that was written before."""

    def generate(context, builder, signature, arguments):
        data, at, number = arguments
        pointer = pointer_to(context, builder, array, data, (at, at.type(0)), ir.IntType(64))
        builder.store_atomic(number, pointer, "release", 8)

    return types.void(array, types.int64, types.int64), generate


@intrinsic
def load_from_others(typing, array, i):
    """array[i, 0], with all that was written before it."""

    def generate(context, builder, signature, arguments):
        data, at = arguments
        pointer = pointer_to(context, builder, array, data, (at, at.type(0)), ir.IntType(64))
        return builder.load_atomic(pointer, "acquire", 8)

    return types.int64(array, types.int64), generate


let_others_run = types.ExternalFunction("SwitchToThread" if os.name == "nt" else "sched_yield", types.int32())


def arrive(arrived, thread, count):
    """Say that this thread is done with its part number `count`."""
    arrived[thread, 0] = count


def last_part(arrived, thread):
    """The number of the last part that a thread is done with."""
    return arrived[thread, 0]


def pause():
    """Let another thread have this core."""
    time.sleep(0)


@overload(arrive, jit_options=OPTIONS)
def compiled_arrive(arrived, thread, count):
    return lambda arrived, thread, count: store_for_others(arrived, thread, count)


@overload(last_part, jit_options=OPTIONS)
def compiled_last_part(arrived, thread):
    return lambda arrived, thread: load_from_others(arrived, thread)


@overload(pause, jit_options=OPTIONS)
def compiled_pause():
    return lambda: let_others_run()


@register_jitable(**OPTIONS)
def wait_for_all(arrived, count):
    """Wait until every thread is done with its part number `count`."""
    for thread in range(len(arrived)):
        looks = 0
        while last_part(arrived, thread) < count:
            looks += 1
            if looks > 2000:  # some microseconds: the other one may be waiting for this very core
                pause()


@compiled
def announce(counts, n, count):
    """Set count number n of (.., LINE), for others to see."""
    arrive(counts, n, count)


@compiled
def look_out(counts, n, count):
    """Wait until another thread has announced at least `count`, but for some hundred microseconds at most."""
    looks = 0
    while last_part(counts, n) < count and looks < 3000:
        looks += 1
        if looks > 2000:
            pause()
