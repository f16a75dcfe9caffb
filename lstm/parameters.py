"""All parameters of a model in one flat vector, with a named view for each array.

The optimizer, the gradient norm and the digest see one vector; the layers see their arrays. A gradient is
the same thing with the same names: `parameters.like()`.
"""

import math

import numpy as np

from lstm.io import COUNT, InputError, shown
from lstm.io.arrays import FLOATS


class Parameters:
    """`Parameters({"dense/bias": (3,)})["dense/bias"]` is a view into `.flat`, so writing to one writes to both."""

    def __init__(self, shapes, dtype=np.float32):
        if dtype not in FLOATS:
            raise InputError(f"dtype {shown(dtype)} must be float32 or float64")
        self.shapes = {name: tuple(COUNT.check(f"{name}'s size", n) for n in shape) for name, shape in shapes.items()}
        self.flat = np.zeros(sum(map(math.prod, self.shapes.values())), dtype)
        self._views, start = {}, 0
        for name, shape in self.shapes.items():
            end = start + math.prod(shape)
            self._views[name] = self.flat[start:end].reshape(shape)
            start = end

    def __getitem__(self, name):
        return self._views[name]

    def __setitem__(self, name, value):
        self._views[name][...] = value

    def __iter__(self):
        return iter(self._views)

    def items(self):
        """(name, view) of every array, in the order of the flat vector."""
        return self._views.items()

    def like(self, dtype=None):
        """New parameters of the same names and shapes, zero; the dtype is the same unless given."""
        return Parameters(self.shapes, dtype or self.flat.dtype)

    def astype(self, dtype):
        """A copy in another precision."""
        other = self.like(dtype)
        other.flat[:] = self.flat
        return other
