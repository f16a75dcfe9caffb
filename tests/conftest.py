"""What all tests share."""

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def floating_point_faults_are_errors():
    """Overflow, division by zero and invalid operations of NumPy raise; underflow to zero is as meant."""
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        yield
