"""Training without one of its ideas, so that the worth of each can be shown again.

The product has no switches. Here a function of the package is replaced by a plainer one, in a process of its own
and before anything is compiled; a Numba cache of its own goes with it, because compiled code in the usual cache
has the idea in it. `remove` fails where what it would replace is no longer there.
"""

import contextlib
import math
import sys

import numpy as np


def replace(module, name, new):
    """Put `new` in place of module.name, in every module of the package that imported it."""
    old = getattr(module, name)
    for loaded in [m for n, m in sys.modules.items() if n.split(".")[0] == "lstm"]:
        for attribute in [a for a, value in vars(loaded).items() if value is old]:
            setattr(loaded, attribute, new)


def look_up_every_place():
    """The embedding's T*B rows go through the first layer's products, not one row for each character."""
    from lstm import kernels, layers

    def forward(self, ids):
        return self.embedding[ids], None, ids

    def gradients(self, parts):
        def task():
            V = len(self.embedding)
            self.embedding[:] = sum(kernels.sum_by_place(layers.rows(dx), ids.ravel(), V) for ids, dx in parts)

        return [task]

    assert layers.Embedding.forward and layers.Embedding.gradients
    layers.Embedding.forward, layers.Embedding.gradients = forward, gradients


def one_thread():
    """The shards one after another."""
    from lstm.engine import threads

    class Workers(threads.Workers):
        def __init__(self, threads=1):
            super().__init__(1)

    replace(threads, "Workers", Workers)


def tanh_of_the_c_library():
    """math.tanh for each element."""
    from lstm import kernels

    replace(kernels, "tanh_float32", lambda x: math.tanh(x))


def plain_recurrent_product():
    """The recurrent product in plain loops; the large products keep the tile."""
    from benchmarks import plain_loops
    from lstm import kernels
    from lstm.engine import tile

    replace(kernels, "add_product", plain_loops.add_product_by_tile)
    assert kernels.tile is tile
    kernels.tile = plain_loops  # only in the loops over time


def large_products_by_blas():
    """np.matmul for the products that need no loop over time."""
    from lstm import cell, kernels

    replace(kernels, "add_product", cell.add_product)


def checks_for_zero():
    """Numba's default error model: every division is checked."""
    from numba.core import callconv

    callconv.create_error_model = lambda name, context: callconv.PythonErrorModel(context.call_conv)


def stored_masks():
    """Dropout by random numbers; the mask is kept for backward."""
    from lstm import kernels

    masks = {}

    def dropout(x, rate, key, first_row=0, out=None):
        mask = masks.pop((key, first_row), None)
        if mask is None:  # forward
            drawn = np.random.default_rng([key, first_row]).random(x.shape, np.float32) >= rate
            mask = masks[key, first_row] = drawn * x.dtype.type(1 / (1 - rate))
        return np.multiply(x, mask, out=out)

    replace(kernels, "dropout", dropout)


def new_memory_at_each_step():
    """Arrays made anew and given back at each step."""
    from lstm.engine import buffers

    assert buffers.Buffers.empty
    buffers.Buffers.empty = staticmethod(np.empty)


def adam_at_once():
    """Adam and the gradient's sum over the whole vector, on one thread."""
    from lstm import adam

    replace(adam, "slices", lambda size: [slice(0, size)])


def blas_threads():
    """BLAS starts threads of its own beside ours."""
    from lstm.engine import threads

    replace(threads, "one_blas_thread", contextlib.nullcontext)


# idea -> (what stands in its place, the function that puts it there)
ABLATIONS = {
    "each different character embedded once": ("T*B rows looked up", look_up_every_place),
    "threads over shards": ("one thread", one_thread),
    "tanh and sigmoid by polynomials": ("math.tanh for each element", tanh_of_the_c_library),
    "register tile, recurrent product": ("plain Numba loops, four by four", plain_recurrent_product),
    "register tile, large products": ("np.matmul", large_products_by_blas),
    'error_model="numpy"': ('"python"', checks_for_zero),
    "dropout by a hash of the position": ("a random mask, stored", stored_masks),
    "the same memory at every step": ("arrays made anew", new_memory_at_each_step),
    "Adam in slices on threads": ("the whole vector at once", adam_at_once),
    "BLAS held to one thread": ("BLAS threads left on", blas_threads),
}


def remove(idea):
    """Take an idea out of this process. Call it before anything is compiled."""
    import lstm.training  # noqa: F401  so that all there is to replace is loaded

    ABLATIONS[idea][1]()
