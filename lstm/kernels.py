"""The fast twin of cell.py: the same functions, names and signatures, compiled by Numba.

No idea lives here that cell.py does not explain; what differs is only how the arithmetic is laid out for
the machine. Every function lets go of Python's interpreter lock, so threads can run side by side.
"""

import math
import os
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

from lstm.cell import KEY
from lstm.engine import tile
from lstm.engine.barrier import arrive, wait_for_all
from lstm.engine.jit import OPTIONS, compiled
from lstm.engine.machine import Machine
from lstm.io import COUNT, SHARE, WHOLE
from lstm.io.arrays import check_arrays, check_piece, check_range


def tanh(x):
    """tanh of one number."""
    return math.tanh(x)


@register_jitable(**OPTIONS)
def tanh_float32(x):
    """tanh as a quotient of polynomials (Eigen's coefficients), within 5 units in the last place.

    A call of the C library's tanh for each element cannot be vectorised, this can.
    """
    f4 = np.float32
    x = min(max(x, f4(-7.90531110763549805)), f4(7.90531110763549805))
    s = x * x
    p = f4(-2.76076847742355e-16)
    p = p * s + f4(2.00018790482477e-13)
    p = p * s + f4(-8.60467152213735e-11)
    p = p * s + f4(5.12229709037114e-08)
    p = p * s + f4(1.48572235717979e-05)
    p = p * s + f4(6.37261928875436e-04)
    p = p * s + f4(4.89352455891786e-03)
    q = f4(1.19825839466702e-06)
    q = q * s + f4(1.18534705686654e-04)
    q = q * s + f4(2.26843463243900e-03)
    q = q * s + f4(4.89352518554385e-03)
    return x * p / q


@overload(tanh, jit_options=OPTIONS)
def tanh_by_type(x):
    """Compiled code takes the polynomials for float32 and full precision for float64."""
    return tanh_float32 if x == types.float32 else (lambda x: math.tanh(x))


@compiled
def sigmoid(x):
    half = type(x)(0.5)  # a plain 0.5 is a float64 to Numba, and would make float32 code slow
    return half * tanh(half * x) + half


@compiled
def split(z, first, last):
    """Views of the units first .. last of the gates i f g o in one row (4H,): so the loops vectorise."""
    H = z.size // 4
    return z[first:last], z[H + first : H + last], z[2 * H + first : 2 * H + last], z[3 * H + first : 3 * H + last]


# -- the loops over time: each thread has a share of h, some rows of the batch and some units


class Share(NamedTuple):
    """What one thread computes, of h and all that belongs to it: rows first_row .. last_row, units first .. last.

    The `members` threads of one group have the same rows, and wait for each other at each time step, because a unit
    needs the h of all others. A thread is number `member` of the group that begins with thread number `leader`.
    """

    first_row: int
    last_row: int
    first: int
    last: int
    leader: int
    member: int
    members: int


LEAST = 64  # units that are worth a thread
# What it costs beside the arithmetic, estimated from measurements on an AMD EPYC and an Intel Xeon:
WAITING = 0.1  # to wait for the other members of a group, as a share of the arithmetic
READING = 1.6  # to read weights at each step that do not stay in the cache, in rows of arithmetic with these weights


@cache
def shares(B, H, itemsize, threads, cache_size):
    """A Share for each thread: the batch cut into groups of rows, and each group's units into members.

    Members of a group wait for each other at each step; but each has fewer recurrent weights, which may then stay in
    the cache of its core, and more threads have work. So it depends. An element of h is the same sum, in the same
    order, in any share: so this may follow from the machine.
    """

    def edges(groups, members):
        return cut(B, tile.ROWS, groups), cut(H, tile.COLUMNS, members)

    def cost(grid):
        rows, units = (max(b - a for a, b in pairwise(e)) for e in edges(*grid))
        reading = READING / rows if 4 * H * units * itemsize > cache_size else 0
        return rows * units * (1 + WAITING * (grid[1] > 1) + reading)

    most = -(-B // tile.ROWS), max(1, H // LEAST)
    grids = [(g, m) for g in range(1, min(threads, most[0]) + 1) for m in range(1, min(threads // g, most[1]) + 1)]
    groups, members = min(grids, key=cost)
    rows, units = edges(groups, members)
    return [
        Share(*rows[g : g + 2], *units[m : m + 2], g * members, m, members)
        for g in range(groups)
        for m in range(members)
    ]


def cut(size, tile_size, parts):
    """The edges of the parts that 0 .. size is cut into, between tiles."""
    tiles = -(-size // tile_size)
    return [min(tiles * n // parts * tile_size, size) for n in range(parts + 1)]


@cache
def second_level_cache():
    """Bytes of a core's own cache; where the system does not say, what most processors have at least."""
    name = "SC_LEVEL2_CACHE_SIZE"
    known = os.sysconf(name) if name in getattr(os, "sysconf_names", {}) else 0
    return known if known > 0 else 2**20


def side_by_side(loop, B, H, dtype, workers):
    """Run loop(share, arrived) for each thread's Share. arrived: of its group; see engine/barrier.py."""
    parts = shares(B, H, dtype.itemsize, workers.threads, second_level_cache())

    def run(n, arrived):
        share = parts[n]
        loop(share, arrived[share.leader : share.leader + share.members])

    workers.together(run, len(parts))


def forward(z, h0, c0, recurrent_kernel, machine=None):
    """Run one layer over a sequence; see cell.forward, equations (1) to (7)."""
    arrays = {"z (T, B, 4H)": z, "h0 (B, H)": h0, "c0 (B, H)": c0, "recurrent_kernel (H, 4H)": recurrent_kernel}
    check_arrays(arrays, plain=("z", "recurrent_kernel"))
    T, B, H = len(z), *h0.shape
    machine = machine or Machine(None)
    h, c = machine.empty((T + 1, B, H), z.dtype), machine.empty((T + 1, B, H), z.dtype)
    h[0], c[0] = h0, c0

    def loop(share, arrived):
        run_forward(z, h, c, recurrent_kernel, share, arrived)

    side_by_side(loop, B, H, z.dtype, machine.workers)
    return z, h, c


@compiled
def run_forward(z, h, c, recurrent_kernel, share, arrived):
    """One share of the loop over time: fills h and c from the state before it, and writes the gates over z."""
    T, H, first, last = len(z), h.shape[2], share.first, share.last
    rows, units = slice(share.first_row, share.last_row), slice(first, last)
    panels = [tile.pack(recurrent_kernel, gate * H + first, gate * H + last) for gate in range(4)]
    gates = z  # written over what was just read: less memory is touched
    # subtle: arrays made in here, because LLVM knows that they overlap no others; else it does not vectorise the loop
    h_t, c_t = np.empty((share.last_row - share.first_row, last - first), z.dtype), c[0, rows, units].copy()
    for t in range(T):
        wait_for_all(arrived, t)  # until h[t] is whole
        for gate in range(4):
            tile.add_product(h[t][rows], panels[gate], gates[t][rows, gate * H + first : gate * H + last])
        for b in range(len(h_t)):
            (i, f, g, o), c_row, h_row = split(gates[t, share.first_row + b], first, last), c_t[b], h_t[b]
            for j in range(h_row.size):
                # note: one store each at the end, and no array read twice: this loop must vectorise
                ij, fj, gj, oj = sigmoid(i[j]), sigmoid(f[j]), tanh(g[j]), sigmoid(o[j])
                cj = fj * c_row[j] + ij * gj
                hj = oj * tanh(cj)
                i[j], f[j], g[j], o[j], c_row[j], h_row[j] = ij, fj, gj, oj, cj, hj
        tile.copy(h_t, h[t + 1][rows, units])
        arrive(arrived, share.member, t + 1)
        tile.copy(c_t, c[t + 1][rows, units])


def backward(dh, dh_next, dc_next, gates, c, recurrent_kernel, machine=None):
    """Backpropagation through time; see cell.backward, equations (8) to (12)."""
    arrays = {"dh (T, B, H)": dh, "dh_next (B, H)": dh_next, "dc_next (B, H)": dc_next, "gates (T, B, 4H)": gates}
    arrays |= {"c (T+1, B, H)": c, "recurrent_kernel (H, 4H)": recurrent_kernel}
    check_arrays(arrays, plain=("dh", "gates", "c", "recurrent_kernel"))
    machine = machine or Machine(None)
    dh_next, dc_next = dh_next.copy(), dc_next.copy()

    def loop(share, arrived):
        run_backward(dh, dh_next, dc_next, gates, c, recurrent_kernel, share, arrived)

    side_by_side(loop, *dh_next.shape, dh.dtype, machine.workers)
    return gates, dh_next, dc_next


@compiled
def run_backward(dh, dh_next, dc_next, gates, c, recurrent_kernel, share, arrived):
    """One share of the loop back: writes dz over the gates, and takes dh_next and dc_next to the first state."""
    T, first, last = len(dh), share.first, share.last
    rows, units = slice(share.first_row, share.last_row), slice(first, last)
    panels = tile.pack(recurrent_kernel.T, first, last)
    dz = gates  # each gate is read before its gradient takes its place
    for t in range(T - 1, -1, -1):
        for b in range(share.first_row, share.last_row):
            i, f, g, o = split(gates[t, b], first, last)
            c_before, c_after, dh_above = c[t, b, units], c[t + 1, b, units], dh[t, b, units]
            dh_after, dc_after = dh_next[b, units], dc_next[b, units]
            for j in range(dh_after.size):
                ij, fj, gj, oj, tanh_c = i[j], f[j], g[j], o[j], tanh(c_after[j])
                dh_t = dh_above[j] + dh_after[j]
                # subtle: o - o tanh^2 rather than o (1 - tanh^2); an integer 1 would make float32 code float64
                dc_t = dh_t * (oj - oj * tanh_c * tanh_c) + dc_after[j]
                di = dc_t * gj * (ij - ij * ij)
                df = dc_t * c_before[j] * (fj - fj * fj)
                dg = dc_t * (ij - ij * gj * gj)
                do = dh_t * tanh_c * (oj - oj * oj)
                i[j], f[j], g[j], o[j], dc_after[j] = di, df, dg, do, dc_t * fj
            dh_after[:] = 0
        arrive(arrived, share.member, T - t)
        wait_for_all(arrived, T - t)  # until dz[t] is whole
        tile.add_product(dz[t][rows], panels, dh_next[rows, units])


def sum_by_place(dz, where, P):
    """Rows summed by where they came from; see cell.sum_by_place."""
    check_arrays({"dz (M, N)": dz, "where (M,) of whole numbers": where})
    check_range("where", where, COUNT.check("P", P))
    return add_by_place(dz, np.ascontiguousarray(where, np.intp), int(P))


@compiled
def add_by_place(dz, where, P):
    """The loop over the rows."""
    total = np.zeros((P, dz.shape[1]), dz.dtype)
    for m in range(len(dz)):
        into, row = total[where[m]], dz[m]
        for j in range(row.size):
            into[j] += row[j]
    return total


def dropout(x, rate, key, piece=slice(None), out=None, first=0):
    """Inverted dropout by a hash of the position; see cell.dropout."""
    check_arrays({"x (T, B, H)": x} | ({} if out is None else {"out (T, B, H)": out}), plain=("out",))
    rate, key, start = SHARE.check("rate", rate), KEY.check("key", key), check_piece(piece, len(x))
    first = WHOLE.check("first", first)
    out = np.empty(x.shape, x.dtype) if out is None else out
    if out is not x:
        out[piece] = x[piece]
    with np.errstate(over="ignore"):  # where nothing is compiled NumPy would warn of the hash, which is to overflow
        drop(out[piece], rate, np.uint32(key), start, len(x), first)
    return out


@compiled
def drop(x, rate, key, start, T, first):
    """The loop over the steps of x, which follow step `start` of T, and over its rows, from row `first` of a batch on;
    in place: of two arrays that may be one LLVM would not vectorise it."""
    u4 = np.uint32
    steps, B, H = x.shape
    least = u4(rate * 2**32)
    scale, zero = x.dtype.type(1 / (1 - rate)), x.dtype.type(0)
    for t in range(steps):
        for b in range(B):
            at = u4(((first + b) * T + start + t) * H)
            row = x[t, b]
            for j in range(H):
                bits = u4(u4(at + u4(j)) ^ u4(key))
                bits = u4((bits ^ (bits >> u4(16))) * u4(0x7FEB352D))
                bits = u4((bits ^ (bits >> u4(15))) * u4(0x846CA68B))
                bits = u4(bits ^ (bits >> u4(16)))
                row[j] = row[j] * scale if bits >= least else zero
