"""The matrix product as a register tile: a block of the result that stays in vector registers until it is done.

To add a @ w to z, take a tile of z, ROWS x COLUMNS numbers, that just fills the registers of the processor. For
each k, add the outer product of ROWS numbers of a and COLUMNS numbers of w to it; only then store it. So an
element of z is loaded and stored once, not K times, and each number of w that is loaded is used ROWS times:

    tile = z[r : r+ROWS, c : c+COLUMNS]
    for k in range(K):
        tile += outer(a[r : r+ROWS, k], w[k, c : c+COLUMNS])        ROWS fused multiply-adds of whole vectors

`w` is packed first: cut into panels of COLUMNS columns, each panel contiguous, in the order the loop reads it.

Registers are the first of three stores, each larger and slower than the one before; a fast product uses each number
many times before it leaves one:

    registers              a tile of z: K times each
    cache of level 1       a panel of w, K x COLUMNS numbers: once for each tile of rows
    cache of level 2       all panels of w that a thread has: once for each time step

A product with a larger K would need blocking: to cut K too, so that a panel does not leave the first cache (with 32
columns of float32 and K = 256 it is 32 KB), and to pack a as well, so that its columns are read as they lie in memory.
A BLAS does all that. So the large products over all time steps are np.matmul's, and only the recurrent product is here.
Its K is the layer's units (4 times that on the way back), kernels.shares sees to the second cache, and a BLAS would
pack w anew at each time step, where here w is packed once for all of them: on 16 to 64 rows this is 1.2 to 2.3 times
as fast (`python -m benchmarks --only products`).
Why not plain Numba loops? LLVM does not keep an array in registers: they reach about half (`benchmarks --ablations`).

The three operations on a tile are written as LLVM instructions, because a vector that wide has no name in Python; what
they mean is in their docstrings. Left out: everything that is not z += a @ w.
"""

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba.core import cgutils, config, types
from numba.extending import intrinsic, models, overload, register_jitable, register_model

from lstm.engine.jit import FASTMATH, OPTIONS


def tile_shape(features):
    """(ROWS, COLUMNS) of float32 that fit the registers, from the processor's features.

    AVX-512 has 32 registers of 16 numbers: half of them hold the tile. AVX2 has 16 of 8, SSE 16 of 4.
    Any shape is correct on any processor; another one is only slower.
    """
    if features.get("avx512f"):
        return 8, 32
    return (4, 16) if features.get("avx2") else (4, 8)


# NUMBA_CPU_NAME makes Numba write code for another processor than this one: assume the least of that.
ROWS, COLUMNS = tile_shape({} if config.CPU_NAME else llvm.get_host_cpu_features())


class TileType(types.Type):
    """The type of a tile within compiled code: so many rows, COLUMNS wide."""

    def __init__(self, rows, dtype):
        self.rows, self.dtype = rows, dtype
        super().__init__(f"tile({rows} x {COLUMNS} {dtype})")


def vector_of(dtype):
    """LLVM's type of a row of a tile."""
    return ir.VectorType(ir.FloatType() if dtype == types.float32 else ir.DoubleType(), COLUMNS)


@register_model(TileType)
class TileModel(models.PrimitiveModel):
    """A tile is an array of row vectors; LLVM keeps it in registers."""

    def __init__(self, manager, tile):
        super().__init__(manager, tile, ir.ArrayType(vector_of(tile.dtype), tile.rows))


def pointer_to(context, builder, array_type, array, indices, kind):
    """The address of array[indices], for any strides, as a pointer to `kind`."""
    view = context.make_array(array_type)(context, builder, array)
    address = builder.ptrtoint(view.data, ir.IntType(64))
    for index, stride in zip(indices, cgutils.unpack_tuple(builder, view.strides)):
        address = builder.add(address, builder.mul(index, stride))
    return builder.inttoptr(address, kind.as_pointer())


def tile_operations(rows):
    """(load_tile, store_tile, add_outer) for tiles of that many rows."""

    @intrinsic
    def load_tile(typing, z, r, c):
        """z[r : r+rows, c : c+COLUMNS] as a tile."""

        def generate(context, builder, signature, arguments):
            array, row, column = arguments
            tile = ir.Constant(ir.ArrayType(vector_of(z.dtype), rows), ir.Undefined)
            for i in range(rows):
                at = builder.add(row, row.type(i))
                pointer = pointer_to(context, builder, z, array, (at, column), vector_of(z.dtype))
                tile = builder.insert_value(tile, builder.load(pointer, align=z.dtype.bitwidth // 8), i)
            return tile

        return TileType(rows, z.dtype)(z, types.intp, types.intp), generate

    @intrinsic
    def store_tile(typing, tile, z, r, c):
        """z[r : r+rows, c : c+COLUMNS] = tile."""

        def generate(context, builder, signature, arguments):
            values, array, row, column = arguments
            for i in range(rows):
                at = builder.add(row, row.type(i))
                pointer = pointer_to(context, builder, z, array, (at, column), vector_of(z.dtype))
                builder.store(builder.extract_value(values, i), pointer, align=z.dtype.bitwidth // 8)

        return types.void(tile, z, types.intp, types.intp), generate

    @intrinsic
    def add_outer(typing, tile, a, r, panels, p, k):
        """tile + outer(a[r : r+rows, k], panels[p, k])."""

        def generate(context, builder, signature, arguments):
            values, a_array, row, panels_array, panel, at_k = arguments
            vector = vector_of(a.dtype)
            pointer = pointer_to(context, builder, panels, panels_array, (panel, at_k, panel.type(0)), vector)
            weights = builder.load(pointer, align=a.dtype.bitwidth // 8)
            nothing = ir.Constant(vector, ir.Undefined)
            first = ir.Constant(ir.VectorType(ir.IntType(32), COLUMNS), None)  # all zero: the first element, repeated
            for i in range(rows):
                at = builder.add(row, row.type(i))
                x = builder.load(pointer_to(context, builder, a, a_array, (at, at_k), vector.element))
                x = builder.shuffle_vector(builder.insert_element(nothing, x, ir.IntType(32)(0)), nothing, first)
                x = builder.fmul(x, weights, flags=FASTMATH)
                total = builder.fadd(builder.extract_value(values, i), x, flags=FASTMATH)
                values = builder.insert_value(values, total, i)
            return values

        return tile(tile, a, types.intp, panels, types.intp, types.intp), generate

    return load_tile, store_tile, add_outer


# -- what the kernels use: two functions, each with a plain twin that runs where nothing is compiled


def pack(w, first, last):
    """The columns first .. last of w (K, N) as panels (N / COLUMNS, K, COLUMNS), rounded up, filled up with zeros."""
    K, N = len(w), last - first
    panels = -(-N // COLUMNS)
    padded = np.zeros((K, panels * COLUMNS), w.dtype)
    padded[:, :N] = w[:, first:last]
    return np.ascontiguousarray(padded.reshape(K, panels, COLUMNS).transpose(1, 0, 2))


def add_product(a, panels, z):
    """z (M, N) += a (M, K) @ w (K, N), w packed into panels. Any sizes; a may have any strides."""
    K, N = a.shape[1], z.shape[1]
    z += a @ panels.transpose(1, 0, 2).reshape(K, -1)[:, :N]


@overload(pack, jit_options=OPTIONS)
def compiled_pack(w, first, last):
    def implementation(w, first, last):
        K = len(w)
        panels = np.empty((-(-(last - first) // COLUMNS), K, COLUMNS), w.dtype)
        if w.strides[1] <= w.strides[0]:
            for k in range(K):  # a row at a time, as it lies in memory
                for p in range(len(panels)):
                    start = first + p * COLUMNS
                    row = w[k, start : min(start + COLUMNS, last)]
                    panel = panels[p, k]
                    for j in range(row.size):
                        panel[j] = row[j]
                    panel[row.size :] = 0
        else:  # a transposed view: its columns are contiguous
            for p in range(len(panels)):
                start = first + p * COLUMNS
                for j in range(COLUMNS):
                    if start + j < last:
                        column = w[:, start + j]
                        for k in range(K):
                            panels[p, k, j] = column[k]
                    else:
                        panels[p, :, j] = 0
        return panels

    return implementation


def add_tile_of(rows):
    """A function for one tile of z += a @ w: that of so many rows at (row, column) of z, with the rows of a from r."""
    load_tile, store_tile, add_outer = tile_operations(rows)

    @register_jitable(**OPTIONS)
    def add_tile(a, r, panels, p, z, row, column):
        tile = load_tile(z, row, column)
        for k in range(a.shape[1]):
            tile = add_outer(tile, a, r, panels, p, k)
        store_tile(tile, z, row, column)

    return add_tile


HALF = ROWS // 2
add_whole_tile, add_half_tile, add_row_tile = add_tile_of(ROWS), add_tile_of(HALF), add_tile_of(1)


@register_jitable(**OPTIONS)
def copy(source, target):
    """target[: len(source), : source.shape[1]] = source; but Numba takes a second to compile that assignment."""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


@register_jitable(**OPTIONS)
def filled_up(x):
    """x with zeros after it: COLUMNS wide."""
    filled = np.zeros((len(x), COLUMNS), x.dtype)
    copy(x, filled)
    return filled


@overload(add_product, jit_options=OPTIONS)
def compiled_add_product(a, panels, z):
    def implementation(a, panels, z):
        M, N = z.shape
        half, rest = M - M % ROWS, M - M % HALF
        # Tiles that reach over the edge work on a copy with zeros after it. The slices of everything do nothing but
        # give both one type, that of any strides: so there is one loop to compile and not two.
        a, z = a[:, :], z[:, :]
        for p in range(len(panels)):
            column = p * COLUMNS
            inside = N - column >= COLUMNS
            out, at = (z, column) if inside else (filled_up(z[:, column:])[:, :], 0)
            for r in range(0, half, ROWS):
                add_whole_tile(a, r, panels, p, out, r, at)
            for r in range(half, rest, HALF):
                add_half_tile(a, r, panels, p, out, r, at)
            for r in range(rest, M):
                add_row_tile(a, r, panels, p, out, r, at)
            if not inside:
                copy(out[:, : N - column], z[:, column:])

    return implementation
