"""The machine that the layers compute on: a backend, threads, and memory.

A training step makes the same arrays as the step before. Without care their memory goes back to the system and
is asked for again: thousands of pages a step, each of which the system has to find and clear; and memory fragments.
`Memory` keeps it: the n-th array asked for is the n-th of the step before.
"""

from dataclasses import dataclass, field
from types import ModuleType
from typing import Callable

import numpy as np

from lstm.engine.threads import Workers


class Memory:
    """Arrays that are given out again at each step: nothing of a step may be kept but copies."""

    def __init__(self):
        self._arrays, self._taken = [], 0

    def reuse(self):
        """Begin a step: all arrays are free again. Returns the Memory itself."""
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


@dataclass(frozen=True)
class Machine:
    """What a layer is computed with. Only one thread asks for memory, so that it comes in the same order each time."""

    backend: ModuleType  # cell.py or kernels.py: the loops over time, and what else has a compiled twin
    workers: Workers = field(default_factory=Workers)
    empty: Callable = np.empty  # (shape, dtype) -> an array
