"""Stored results of an independent implementation: lstm_with_torch.py says how they were made."""

from pathlib import Path

import numpy as np


def torch_lstm():
    """{name: array} of one LSTM layer run forward and backward by PyTorch in float64; T = 4, B = 2, E = H = 3.

    What goes in: x kernel recurrent_kernel bias h0 c0, and the gradients dh dh_next dc_next that come in. What comes
    out: z i f g o c h (T, B, ...), and the gradient `grad_` + name of each of these and of the first six.
    """
    with np.load(Path(__file__).with_name("torch_lstm.npz")) as file:
        return dict(file)
