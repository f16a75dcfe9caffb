"""Changed bytes, truncations and insertions in nine files that a stranger may send.

A file is refused in one line, or read as what it was. Other values may be read only where nothing could tell: in a file
of Keras or PyTorch that is no archive and in char_to_idx.json, which have no checksum (that is announced, see
test_hostile.py), and in a file that was sealed anew, because who forges the seal can write any values.
"""

import pytest
from faults import files

from lstm.io import InputError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_pictures")]
FILES = {  # what is changed: (file, whether it is sealed anew, whether other values may be read)
    "weights": ("ours.h5", False, False),
    "weights, sealed anew": ("ours.h5", True, True),
    "weights of Keras": ("keras.h5", False, True),
    "a whole model of Keras": ("whole.h5", False, True),
    "weights of Keras 3": ("model.weights.h5", False, True),
    "a .keras, whose archive has checksums": ("model.keras", False, False),
    "a .safetensors": ("model.safetensors", False, True),
    "resume.h5, sealed anew": ("resume.h5", True, True),
    "char_to_idx.json": ("char_to_idx.json", False, True),
}
SAY_THEIR_CHARACTERS = "ours.h5", "model.safetensors"
KEPT = {name: [] for name in FILES}  # seeds of cases that once did not hold
KEPT["weights, sealed anew"] = ["1 55", "1 111"]
KEPT["a whole model of Keras"] = ["1 672"]
KEPT["a .safetensors"] = ["739946 3839"]
KEPT["resume.h5, sealed anew"] = ["1 7", "1 613"]


@pytest.mark.parametrize("name", FILES)
def test_changed_bytes(table, size, seed, worker, originals, name):
    file, anew, others = FILES[name]
    if file.endswith(".safetensors"):
        pytest.importorskip("safetensors", reason="needs the extra exchange")
    said = worker(read, originals, file).value
    seeds = dict.fromkeys([*KEPT[name], *(f"{seed} {n}" for n in range(size(1000, 40_000 // len(FILES) + 1)))])
    read_as_others = 0
    with table.row(f"{name}: bytes changed") as row:
        for case in seeds:
            with row.case(case):
                answer = worker(read_changed, originals, file, anew, case)
                row.took(answer.seconds, answer.megabytes)
                read_as_others += answer.value not in (None, said)
                assert others or answer.value in (None, said), "it was read with other values"
        why = "whoever seals anew may" if anew else "no checksum, as announced"
        row.fault += f" ({read_as_others:,} read with other values: {why})" * bool(read_as_others)


def read(directory, file, path=None):
    """What a file says; another one may stand in its place."""
    path = path or directory / file
    if file == "resume.h5":
        return files.what_resume_says(path)
    if file == "char_to_idx.json":
        return files.what_weights_say(directory / "keras.h5", path)
    return files.what_weights_say(path, None if file in SAY_THEIR_CHARACTERS else directory / "char_to_idx.json")


def read_changed(directory, file, anew, seed):
    """What a file says after a change, None if it is refused. Within a Worker."""
    data = files.changed((directory / file).read_bytes(), seed)
    path = directory / f"changed {file}"
    path.write_bytes(files.sealed_anew(data) if anew else data)
    try:
        return read(directory, file, path)
    except InputError as error:
        assert str(error).isprintable() and len(str(error)) < 1000, repr(str(error))
        return None
