"""Small files of other programs: each gives the logits that its home gave, or is refused by what it is.

tests/foreign/make.py wrote them with the programs themselves; tests/foreign/verdicts.json says what is wanted of each.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from lstm.io import InputError
from lstm.model import BACKENDS
from lstm.storage import imported

FOREIGN = Path(__file__).parent / "foreign"
VERDICTS = json.loads((FOREIGN / "verdicts.json").read_text())
READ = [file for file, verdict in VERDICTS.items() if verdict["read"]]
REFUSED = [file for file, verdict in VERDICTS.items() if not verdict["read"]]
LIBRARY = {".pt": "torch", ".safetensors": "safetensors"}  # what a format needs
TOLERANCE = {np.float32: 2e-6, np.float64: 1e-12}


def load(file, **options):
    if (FOREIGN / file).suffix in LIBRARY:
        pytest.importorskip(LIBRARY[(FOREIGN / file).suffix], reason="needs the extra peers")
    return imported.load(FOREIGN / file, FOREIGN / "char_to_idx.json", **options)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("file", READ)
def test_a_file_gives_the_logits_of_its_home(file, backend):
    ours = load(file, backend=BACKENDS[backend], **VERDICTS[file].get("options", {}))
    with np.load(FOREIGN / "expected.npz") as results:
        ids, expected = results["ids"], results[re.split("[-.]", file)[0]]
    logits, _, _ = ours.model.forward(ids, ours.model.initial_state(ids.shape[1]))
    assert (logits.dtype, logits.shape) == (expected.dtype, expected.shape)
    assert np.abs(logits - expected).max() <= TOLERANCE[expected.dtype.type]
    assert ours.vocabulary.characters == "abcdefghijk"


@pytest.mark.parametrize("file", REFUSED)
def test_a_file_that_cannot_be_read_is_refused_in_one_line_by_what_it_is(file):
    says = VERDICTS[file]["says"]
    with pytest.raises(InputError, match=file) as error:
        load(file)
    told = str(error.value).replace(file, "")
    assert re.search(says, told) and "\n" not in told
    assert "damaged" in says or "damaged" not in told


def test_every_file_has_a_verdict():
    beside = {"make.py", "verdicts.json", "expected.npz", "char_to_idx.json"}
    assert {path.name for path in FOREIGN.iterdir() if path.is_file()} - beside == VERDICTS.keys()
