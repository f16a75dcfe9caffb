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

    def backward(dx, ids, gradient):
        gradient.embedding[:] = kernels.sum_by_place(layers.rows(dx), ids.ravel(), len(gradient.embedding))

    assert layers.Embedding.forward and layers.Embedding.backward
    layers.Embedding.forward, layers.Embedding.backward = forward, staticmethod(backward)


def one_thread():
    """The tasks one after another."""
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
    """The recurrent product in plain loops."""
    from benchmarks import plain_loops
    from lstm import kernels
    from lstm.engine import tile

    assert kernels.tile is tile
    kernels.tile = plain_loops


def asleep_at_once():
    """A thread that has nothing to do sleeps until it is woken."""
    from lstm.engine import barrier

    replace(barrier, "look_out", lambda counts, n, count: None)


def checks_for_zero():
    """Numba's default error model: every division is checked."""
    from numba.core import callconv

    callconv.create_error_model = lambda name, context: callconv.PythonErrorModel(context.call_conv)


def stored_masks():
    """Dropout by random numbers; the mask is kept for backward."""
    from lstm import kernels

    masks = {}

    def dropout(x, rate, key, piece=slice(None), out=None):
        out, x = np.empty_like(x) if out is None else out, x[piece]
        mask = masks.pop((key, piece.start), None)
        if mask is None:  # forward
            drawn = np.random.default_rng([key, piece.start or 0]).random(x.shape, np.float32) >= rate
            mask = masks[key, piece.start] = drawn * x.dtype.type(1 / (1 - rate))
        np.multiply(x, mask, out=out[piece])
        return out

    replace(kernels, "dropout", dropout)


def new_memory_at_each_step():
    """Arrays made anew and given back at each step."""
    from lstm.engine import machine

    assert machine.Memory.empty
    machine.Memory.empty = staticmethod(np.empty)


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
    "threads": ("one thread", one_thread),
    "tanh and sigmoid by polynomials": ("math.tanh for each element", tanh_of_the_c_library),
    "register tile, recurrent product": ("plain Numba loops, four by four", plain_recurrent_product),
    "threads that look out before they sleep": ("asleep at once", asleep_at_once),
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
