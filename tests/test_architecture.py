"""The architecture: imports between folders and modules go one way, and lstm/README.md lists what is there.

    python tests/test_architecture.py > lstm/README.md        writes that list anew
"""

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

STORY = "vocabulary batches cell layers loss parameters model adam training sampling".split()
TWINS = "kernels sampling_kernels".split()
SUPPORT = "corpus settings streams".split()
COMMANDS = "gradcheck compose evaluate".split()

# From the ground up: a floor imports only floors before it, and folders of one floor do not know each other.
FLOORS = [["io", "engine"], ["notation"], ["story"], ["rendering"], ["storage", "evaluation"], ["commands"]]
HEIGHT = {folder: height for height, floor in enumerate(FLOORS) for folder in floor}

DOCUMENTS = [f"{folder}README" for folder in ("", "lstm/", "benchmarks/", "model/pretrained/", "data/", "notebooks/")]
DOCUMENTS.append("CONTRIBUTING")

LIST = """# The modules of lstm

Imports go one way: a folder imports only what stands on a lower floor. `tests/test_architecture.py` has the order
and enforces it. From the ground up: {floors}.

Notation, here and in all code: `T` time steps, `B` batch rows, `V` characters in the vocabulary, `E` numbers that
describe a character, `H` hidden units, `L` layers. Arrays are time-first, `(T, B, ...)`. `dx` is the gradient of the
loss with respect to `x`. The four gates stand in the order `i f g o`. `P` is how many different characters a batch
has; `M K N` are the sizes of a matrix product that stands for itself. The equations are in [`cell.py`](cell.py).

## The story: ten files, in this order

{story}

## Their compiled twins

{twins}

## What supports them

{support}

## The commands, and the functions for Python

{commands}

{folders}
"""


def first_paragraph(path):
    """The first paragraph of a module's docstring, in one line."""
    return " ".join(ast.get_docstring(ast.parse(path.read_text())).split("\n\n")[0].split())


def first_sentence(path):
    """The first sentence of a module's docstring."""
    return re.split(r"(?<=[.?!]) (?=[A-Z`])", first_paragraph(path))[0]


def listed(names, mark="-"):
    """The lines of a list of modules; with the mark "1." they are numbered."""
    marks = [f"{n}." for n in range(1, len(names) + 1)] if mark == "1." else [mark] * len(names)
    return "\n".join(f"{m} [`{n.split('/')[-1]}.py`]({n}.py): {first_sentence(FILES[n])}" for m, n in zip(marks, names))


def list_of_modules():
    """The text of lstm/README.md."""
    folders = [folder for floor in FLOORS for folder in floor if (PACKAGE / folder).is_dir()]
    parts = []
    for folder in folders:
        names = sorted(name for name in FILES if name.startswith(f"{folder}/"))
        parts.append(f"## {folder}/\n\n{first_paragraph(PACKAGE / folder / '__init__.py')}\n\n{listed(names)}")
    return LIST.format(
        floors=", then ".join(" and ".join(floor) for floor in FLOORS),
        story=listed(STORY, "1."),
        twins=listed(TWINS),
        support=listed(SUPPORT),
        commands=listed(COMMANDS),
        folders="\n\n".join(parts),
    )


def folder_of(module):
    """The name in FLOORS of a module: its folder, or at the root `story` or `commands`."""
    if "/" in module:
        return module.split("/")[0]
    return "commands" if module in COMMANDS else "story"


def imports_of(path):
    """(module of the package that a file imports, whether that import stands at the top level), for each."""
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


def upward(module, imported):
    """Whether an import goes up, or to another folder of the same floor."""
    here, there = folder_of(module), folder_of(imported)
    return here != there and HEIGHT[there] >= HEIGHT[here]


def test_every_module_has_a_place_at_the_root_or_in_a_folder():
    at_root = {name for name in FILES if "/" not in name}
    assert at_root == {*STORY, *TWINS, *SUPPORT, *COMMANDS}
    assert {folder_of(module) for module in FILES} == HEIGHT.keys()
    assert len(FILES) <= 50 and len(at_root) <= 20


def test_no_import_goes_up_or_across():
    for module, path in FILES.items():
        for imported, at_top in imports_of(path):
            assert not upward(module, imported), f"{module}.py imports {imported}.py, which is above or beside it"
            assert at_top, f"{module}.py imports {imported}.py inside a function"


def test_an_import_that_goes_up_or_across_is_told():
    assert upward("engine/tile", "model") and upward("notation/tunes", "corpus") and upward("model", "compose")
    assert upward("io/files", "engine/jit") and upward("storage/run", "evaluation/report")
    assert not upward("model", "engine/tile") and not upward("compose", "storage/run") and not upward("model", "cell")


def test_modules_do_not_import_each_other_in_a_circle():
    graph = {module: {imported for imported, _ in imports_of(path)} for module, path in FILES.items()}
    while graph:
        leaves = {module for module, imported in graph.items() if not imported & graph.keys()}
        assert leaves, f"a circle of imports among {sorted(graph)}"
        graph = {module: imported for module, imported in graph.items() if module not in leaves}


def test_the_list_of_modules_is_up_to_date():
    command = "python tests/test_architecture.py > lstm/README.md"
    assert (PACKAGE / "README.md").read_text() == list_of_modules(), command


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


@pytest.mark.parametrize("file", DOCUMENTS)
def test_commands_and_files_that_documents_name_are_there(file):
    path = ROOT / f"{file}.md"
    text = path.read_text()
    for module in re.findall(r"python -m ((?:lstm|benchmarks)[\w.]*)", text):
        assert importlib.util.find_spec(module), module
    for script in re.findall(r"python ([\w/]+\.py)", text):
        assert (ROOT / script).is_file(), script
    for link in re.findall(r"""\]\(([^)#:]+)\)|\]\(([^)#:]+)#|(?:src|href)="([^":]+)\"""", text):
        assert (path.parent / "".join(link)).exists(), link


if __name__ == "__main__":
    print(list_of_modules(), end="")
