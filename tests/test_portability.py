"""The same code on other processors, and uncompiled: each in a process of its own, because Numba decides at import.

What is compared are the ten golden losses of test_model.py.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

TESTS = Path(__file__).resolve().parent
PROGRAM = """
import json, sys
sys.path[:0] = {paths!r}
import numpy as np
import test_model
from lstm.engine import tile
from lstm.model import BACKENDS
losses = {{str(d): test_model.golden_losses(BACKENDS["numba"], d) for d in (np.float32, np.float64)}}
print(json.dumps([list(losses.values()), tile.ROWS, tile.COLUMNS, test_model.GOLDEN]))
"""

PROCESSORS = {
    "AVX2, Haswell": {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma"},
    "generic x86-64": {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "+sse2"},
    "uncompiled": {"NUMBA_DISABLE_JIT": "1"},
}


@pytest.mark.slow
@pytest.mark.parametrize("settings", PROCESSORS.values(), ids=PROCESSORS)
def test_the_golden_losses_come_out_elsewhere_too(settings, tmp_path):
    program = PROGRAM.format(paths=[str(TESTS), str(TESTS.parent)])
    environment = os.environ | settings | {"NUMBA_CACHE_DIR": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    (single, double), _, _, golden = json.loads(run.stdout)
    np.testing.assert_allclose(double, golden, rtol=1e-9)
    np.testing.assert_allclose(single, golden, rtol=1e-4)
