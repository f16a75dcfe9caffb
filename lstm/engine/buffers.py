"""The same memory at every step.

A training step makes the same arrays as the step before. Without care their memory goes back to the system and
is asked for again: thousands of pages a step, each of which the system has to find and clear; and memory fragments.
Buffers keep it: the n-th array asked for is the n-th of the step before. Each shard has Buffers of its own, so no two
threads meet in them.
"""

import numpy as np


class Buffers:
    """A backend (cell.py or kernels.py) that works in memory of its own.

    What it has given out is given out again after `reuse`: nothing of a step may be kept but copies.
    """

    def __init__(self, backend):
        self.backend, self._arrays, self._taken = backend, [], 0
        self.add_product, self.backward = backend.add_product, backend.backward
        self.sum_by_place, self.dropout = backend.sum_by_place, backend.dropout

    def reuse(self):
        """Begin a step: all arrays are free again. Returns the Buffers themselves."""
        self._taken = 0
        return self

    def empty(self, shape, dtype):
        """As np.empty: what is in the array is undefined."""
        self._taken += 1
        if self._taken > len(self._arrays):
            self._arrays.append(np.empty(shape, dtype))
        array = self._arrays[self._taken - 1]
        if array.shape != shape or array.dtype != dtype:  # another batch size, or other characters in the batch
            array = self._arrays[self._taken - 1] = np.empty(shape, dtype)
        return array

    def forward(self, z, h0, c0, recurrent_kernel):
        """The backend's, its h and c in these buffers."""
        return self.backend.forward(z, h0, c0, recurrent_kernel, self.empty)
