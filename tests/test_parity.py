"""What we compute is what PyTorch and Keras compute: all rows of parity.py. Needs the extra `peers`."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
@pytest.mark.skipif(not all(map(find_spec, ("torch", "keras", "safetensors"))), reason="needs the extra peers")
def test_no_difference_is_above_its_tolerance():
    # in a process of its own, because a process has Keras on one backend
    command = [sys.executable, "tests/parity.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    above = "\n".join(line for line in done.stdout.splitlines() if "| agrees |" not in line)
    assert done.returncode == 0, above + done.stderr
    assert done.stdout.count("| agrees |") > 100
