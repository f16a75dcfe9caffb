"""The house: imports point one way, and the README's map shows what is there."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

from lstm.corpus import Corpus
from lstm.engine.threads import Workers
from lstm.model import Config
from lstm.settings import PRESETS, USUAL
from lstm.storage.checkpoint import load_weights
from lstm.training import evaluate

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "lstm"
FILES = {
    path.relative_to(PACKAGE).with_suffix("").as_posix(): path
    for path in PACKAGE.rglob("*.py")
    if path.name != "__init__.py"
}


def reading_order():
    """The modules as the README numbers them: lines like `| 3 | [`engine/jit.py`](lstm/engine/jit.py) | ...`."""
    row = re.compile(r"^\| *(\d+) *\| *\[`([\w/]+)\.py`\]\(lstm/([\w/]+)\.py\)", re.MULTILINE)
    rows = row.findall((ROOT / "README.md").read_text())
    assert [int(number) for number, _, _ in rows] == list(range(1, len(rows) + 1))
    assert all(name == link for _, name, link in rows)
    return [name for _, name, _ in rows]


def imports_of(path):
    """(modules of the package that a file imports, whether each import stands at the top level)."""
    tree = ast.parse(path.read_text())
    at_top = set(map(id, tree.body))
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "lstm":
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            module = name.removeprefix("lstm.").replace(".", "/")
            if module in FILES:
                yield module, id(node) in at_top


def test_the_readme_lists_every_module_once():
    order = reading_order()
    assert sorted(order) == sorted(FILES)


def test_a_module_imports_only_modules_before_it_in_the_reading_order():
    order = reading_order()
    for position, module in enumerate(order):
        for imported, at_top in imports_of(FILES[module]):
            assert imported in order[:position], f"{module}.py imports {imported}.py, which comes later"
            assert at_top, f"{module}.py imports {imported}.py inside a function"


def test_no_deep_learning_framework_is_imported_by_the_package():
    framework = re.compile(r"^\s*(?:import|from) (torch|keras|tensorflow|jax|sklearn)\b", re.MULTILINE)
    for path in [*FILES.values(), ROOT / "train.py", ROOT / "sample.py"]:
        assert not framework.findall(path.read_text()), path.name


def test_weights_ship_that_the_usual_command_made_and_that_are_what_they_say():
    (path,) = (ROOT / "model" / "pretrained").glob("weights.*.h5")
    checkpoint = load_weights(path)
    corpus = Corpus.of((ROOT / "data" / "input.txt").read_text())
    assert checkpoint.vocabulary == corpus.vocabulary and checkpoint.abc
    assert path.stat().st_size < 12e6
    sizes, settings = PRESETS[USUAL]
    assert checkpoint.model.config == Config(len(corpus.vocabulary), **sizes)
    assert checkpoint.epoch == settings["epochs"]
    assert checkpoint.losses["val_loss"] < 0.98
    loss, _ = evaluate(checkpoint.model, corpus.validation[:4000], 64, Workers())
    assert loss < 1.1  # on a part of the held-out tunes


@pytest.mark.parametrize("file", ["README.md", "model/pretrained/README.md", "data/README.md", "CONTRIBUTING.md"])
def test_commands_and_files_that_documents_name_are_there(file):
    text = (ROOT / file).read_text()
    for module in re.findall(r"python -m ((?:lstm|benchmarks)[\w.]*)", text):
        assert importlib.util.find_spec(module), module
    for script in re.findall(r"python ([\w/]+\.py)", text):
        assert (ROOT / script).is_file(), script
    for link in re.findall(r"""\]\(([^)#:]+)\)|\]\(([^)#:]+)#|(?:src|href)="([^":]+)\"""", text):
        assert ((ROOT / file).parent / "".join(link)).exists(), link
