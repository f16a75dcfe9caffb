"""The way to Adam: gradient descent, momentum, RMSProp. Each adds one idea to the one before.

`step` is that of `lstm.adam.Adam`, so each can stand in its place, in a Trainer too. Plain NumPy: they are here to be
read and compared. `workers` is there for Adam's sake, which uses it.
"""

import numpy as np


class SGD:
    """Stochastic gradient descent: p = p - rate * g."""

    def __init__(self, size, dtype=np.float32):
        self.t = 0  # steps taken

    def step(self, parameters, gradient, learning_rate, scale=1.0, workers=None):
        """Move the flat `parameters` by one step against `scale * gradient`, in place."""
        self.t += 1
        parameters -= of(parameters, learning_rate * scale) * gradient


class Momentum:
    """A heavy ball (Polyak 1964): m = b1 m + g,   p = p - rate * m. As in PyTorch, g is not scaled by 1 - b1."""

    def __init__(self, size, dtype=np.float32, beta1=0.9):
        self.m, self.t, self.beta1 = np.zeros(size, dtype), 0, beta1

    def step(self, parameters, gradient, learning_rate, scale=1.0, workers=None):
        """See SGD."""
        self.t += 1
        self.m[:] = of(self.m, self.beta1) * self.m + of(self.m, scale) * gradient
        parameters -= of(parameters, learning_rate) * self.m


class RMSProp:
    """A rate for each number (Tieleman & Hinton 2012).

    v = b2 v + (1 - b2) g^2,   p = p - rate * g / (sqrt(v) + epsilon)
    """

    def __init__(self, size, dtype=np.float32, beta2=0.9, epsilon=1e-7):
        self.v, self.t, self.beta2, self.epsilon = np.zeros(size, dtype), 0, beta2, epsilon

    def step(self, parameters, gradient, learning_rate, scale=1.0, workers=None):
        """See SGD."""
        self.t += 1
        g = of(parameters, scale) * gradient
        self.v += of(self.v, 1 - self.beta2) * (g * g - self.v)
        parameters -= of(parameters, learning_rate) * g / (np.sqrt(self.v) + of(self.v, self.epsilon))


def of(vector, number):
    """The number in the vector's precision: as float64 it would make the arithmetic on float32 vectors so too."""
    return vector.dtype.type(number)
