"""What is measured: sizes of networks and batches, and how much arithmetic and traffic they are."""

from typing import NamedTuple

import numpy as np


class Case(NamedTuple):
    """The sizes of a network and of its batches. In sampling B is the streams, T the characters of each."""

    V: int
    E: int
    H: int
    L: int
    B: int
    T: int
    dropout: float = 0.2
    input_dropout: float = 0.0
    recurrent_dropout: float = 0.0

    def __str__(self):
        return f"{self.L} x {self.H}, embedding {self.E}, batch {self.B}, sequence {self.T}"

    def batch(self):
        """Random ids and targets, (T, B) each."""
        return np.random.default_rng(0).integers(0, self.V, (2, self.T, self.B)).astype(np.int32)

    @property
    def recurrent_weights(self):
        """The weights of what is done anew at each time step: all kernels but the first layer's."""
        return (2 * self.L - 1) * 4 * self.H**2

    def flop(self, looked_up=None):
        """A training step's arithmetic in matrix products; a multiply-add is two operations.

        Each product is done forward and twice backward (gradients of the input and of the weights). The first
        layer's has `looked_up` rows: V where the embedding is computed once for each character, as we do; T*B
        where it is computed for each place, as the peers do.
        """
        characters = self.T * self.B
        first_layer = (looked_up or self.V) * self.E * 4 * self.H
        return 3 * 2 * (characters * (self.recurrent_weights + self.H * self.V) + first_layer)

    @property
    def parameters(self):
        """How many numbers the network has."""
        biases = self.L * 4 * self.H + self.V
        return self.V * self.E + self.E * 4 * self.H + self.recurrent_weights + self.H * self.V + biases

    @property
    def traffic(self):
        """Bytes a training step moves if no cache keeps anything between two passes: an estimate.

        Parameters: read forward and backward, gradient written, then Adam's four reads and three writes. For each
        character and unit: what is kept (7 numbers, written and read), z (4, twice) and dz (4, three times).
        """
        activations = self.T * self.B * ((2 * 7 + 2 * 4 + 3 * 4) * self.H * self.L + 4 * self.V)
        return 4 * (10 * self.parameters + activations)

    @property
    def sampling(self):
        """(operations, bytes) of one more character in each of B streams: all weights are read once."""
        weights = self.recurrent_weights + self.H * self.V
        return 2 * self.B * weights, 4 * weights


REFERENCE = Case(86, 512, 256, 3, 16, 64)

TRAINING = {
    "reference": REFERENCE,
    "2 x 128": Case(86, 64, 128, 2, 50, 50),
    "1 x 128": Case(86, 64, 128, 1, 32, 64),
    "3 x 512": Case(86, 512, 512, 3, 64, 64),
    "default": Case(96, 128, 448, 2, 16, 128, 0.4, 0.05, 0.2),  # sizes and dropouts of train.py, which has 8 rows x 256
}

SAMPLING = {"one stream": REFERENCE._replace(B=1, T=256), "eight streams": REFERENCE._replace(B=8, T=256)}

# Step time as one size grows and the others stay as in the reference.
GROWTH = {
    "batch": {B: REFERENCE._replace(B=B) for B in (8, 16, 32, 64, 128)},
    "sequence": {T: REFERENCE._replace(T=T) for T in (32, 64, 128, 256, 512)},
    "hidden": {H: REFERENCE._replace(H=H) for H in (64, 128, 256, 512)},
    "layers": {L: REFERENCE._replace(L=L) for L in (1, 2, 3, 4, 6)},
}
