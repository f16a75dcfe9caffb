"""What all tests share."""

import signal

import numpy as np
import pytest

# A process that a shell starts in the background ignores Ctrl-C, and so do its children; tests that send it must not.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def floating_point_faults_are_errors():
    """Overflow, division by zero and invalid operations of NumPy raise; underflow to zero is as meant."""
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        yield
