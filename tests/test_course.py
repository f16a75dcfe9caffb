"""The course: every exercise tells right from wrong, every notebook is whole, and the runner notices what is not."""

import importlib
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))  # the kernels' working directory

import check as machinery  # noqa: E402
from check import check  # noqa: E402

from notebooks import run as runner  # noqa: E402

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
NUMBERS = [path.stem[2:] for path in sorted((NOTEBOOKS / "check").glob("nb[0-9][0-9].py"))]
EXERCISES = machinery.exercises()
FEWEST = 4  # exercises in a notebook

each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
each_number = pytest.mark.parametrize("number", NUMBERS)
each_exercise = pytest.mark.parametrize("name", EXERCISES)

# Exercises whose checks train or measure for a second and more: their many answers are tried with the slow tests.
LONG = "compose_one", "n_gram", "leak", "long_memory", "fair_race", "does_it_help", "chunk_test", "gradient_test"
each_exercise_by_many_answers = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in EXERCISES]
)


def solutions(number):
    """The module with the solutions of a notebook's exercises."""
    return importlib.import_module(f"solutions.nb{number}")


def code(notebook):
    """The source of each of the code cells."""
    return ["".join(cell["source"]) for cell in runner.code_cells(notebook)]


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


# -- the exercises


@each_number
def test_an_exercise_has_hints_right_answers_in_three_styles_and_three_plausible_wrong_ones(number):
    module = solutions(number)
    names = {name for name, exercise in EXERCISES.items() if exercise.notebook == number}
    assert set(module.SOLUTIONS) == set(module.WRONG) == names
    for name in names:
        assert len(module.WRONG[name]) >= 3, name
        assert len(module.ALSO_RIGHT[name]) >= 2, name
        assert EXERCISES[name].hints, name


@each_exercise
def test_the_solution_is_right(name):
    solution = solutions(EXERCISES[name].notebook).SOLUTIONS[name]
    assert EXERCISES[name].judge(solution) == (machinery.RIGHT, "")


@each_exercise_by_many_answers
def test_right_answers_in_other_styles_are_right(name):
    for n, answer in enumerate(solutions(EXERCISES[name].notebook).ALSO_RIGHT[name]):
        assert EXERCISES[name].judge(answer) == (machinery.RIGHT, ""), n


@each_exercise_by_many_answers
def test_wrong_answers_are_refused_with_a_line_that_helps(name):
    for n, (answer, words) in enumerate(solutions(EXERCISES[name].notebook).WRONG[name]):
        state, message = EXERCISES[name].judge(answer)
        assert state == machinery.WRONG, (n, message)
        assert words and words in message, n
        assert "\n" not in message, n


def not_implemented(*arguments, **named):
    raise NotImplementedError


@each_exercise
def test_what_is_not_done_yet_is_called_so_and_stops_nothing(name, capsys):
    exercise = EXERCISES[name]
    answers = [...]
    if callable(solutions(exercise.notebook).SOLUTIONS[name]):
        answers += [lambda *arguments, **named: ..., not_implemented]
    for answer in answers:
        getattr(check, name)(answer)
        assert exercise.state == machinery.NOT_DONE
    assert capsys.readouterr().out.count("not done yet") == len(answers)


@each_exercise
def test_an_answer_that_breaks_is_wrong_and_stops_nothing(name):
    def answer(*arguments, **named):
        raise ZeroDivisionError("oops")

    state, message = EXERCISES[name].judge(answer)
    assert state == machinery.WRONG and message


# -- the notebooks


@each_notebook
def test_a_notebook_says_at_once_what_for_what_with_and_how_long(path):
    first = "".join(read(path)["cells"][0]["source"]).lower()
    for words in ("you can|able to", "need", "minute"):
        assert re.search(words, first), words


@each_notebook
def test_a_notebook_asks_its_own_exercises_all_through(path):
    cells, number = code(read(path)), path.name[:2]
    asked = {name: n for n, cell in enumerate(cells) for name in re.findall(r"check\.(\w+)\(", cell)}
    names = [name for name, exercise in EXERCISES.items() if exercise.notebook == number]
    assert len(names) >= FEWEST and set(names) <= set(asked)
    assert set(asked) - {"hint", "progress"} <= set(EXERCISES)
    places = sorted(asked[name] / len(cells) for name in names)
    assert places[0] < 0.5 < places[-1], "the exercises stand all in one half"


@each_notebook
def test_a_notebook_was_run_from_a_fresh_kernel_and_shows_what_came_out(path):
    notebook = read(path)
    cells = runner.code_cells(notebook)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert list(runner.complaints(notebook)) == []
    assert any("image/png" in kind for cell in cells for kind in runner.shown(cell)), "no picture"


@each_notebook
def test_a_notebook_is_small_and_its_metadata_are_the_same_everywhere(path):
    notebook = read(path)
    assert path.stat().st_size < runner.MOST
    assert notebook["metadata"] == runner.METADATA
    assert all(re.fullmatch(r"[a-zA-Z0-9-_]+", cell["id"]) for cell in notebook["cells"])
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])


@each_notebook
def test_a_notebook_has_no_addresses_of_memory_in_it(path):
    for cell in runner.code_cells(read(path)):
        assert not re.search(r"\bat 0x[0-9a-f]{6,}", json.dumps(cell["outputs"]))


@each_notebook
def test_pictures_have_alternative_texts(path):
    assert list(runner.undescribed(read(path))) == []


@each_notebook
def test_no_wall_of_text_is_longer_than_a_screen(path):
    for cell in read(path)["cells"]:
        if cell["cell_type"] == "markdown":
            assert len("".join(cell["source"]).split()) <= 300, "".join(cell["source"])[:60]


@each_notebook
def test_the_map_of_the_course_has_the_notebook_and_its_picture(path):
    text = (NOTEBOOKS / "README.md").read_text(encoding="utf-8")
    assert f"({path.name})" in text
    assert f"({runner.PICTURES}/{path.stem}.png)" in text
    assert (NOTEBOOKS / runner.PICTURES / f"{path.stem}.png").exists()


# -- the pages


def anchors(text):
    """The anchors of a Markdown text's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), flags=re.M)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("page", sorted(NOTEBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith("https://")]
    assert links
    for link in links:
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


def test_the_page_of_words_lists_every_word():
    text = (NOTEBOOKS / "WORDS.md").read_text(encoding="utf-8")
    words = [anchors(line)[0] for line in text.splitlines() if line.startswith("### ")]
    listed = re.findall(r"\]\(#([\w-]+)\)", text.partition("\n## ")[0])
    assert len(set(words)) == len(words) and set(words) | {"ten-questions"} == set(listed)
    assert re.findall(r"^\*\*(\d+)\. ", text, flags=re.M) == [str(n) for n in range(1, 11)]


# -- the runner


def write_notebook(path, *cells, metadata=None):
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbclient")
    made = [nbformat.v4.new_code_cell(cell, id=f"cell-{n}") for n, cell in enumerate(cells)]
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata=metadata or {}), path)
    return path


DRAWS = "%matplotlib inline\nfrom matplotlib.figure import Figure\nFigure().add_subplot().figure"


@pytest.mark.slow
def test_the_runner_stores_outputs_and_then_finds_them(tmp_path, capsys):
    path = write_notebook(tmp_path / "00_x.ipynb", "print('hello')", DRAWS, metadata={"other": 1})
    assert runner.main(["--write"], tmp_path) == 0
    notebook, first = read(path), path.read_bytes()
    assert notebook["metadata"] == runner.METADATA
    assert "image/png" in runner.shown(notebook["cells"][1])
    assert (tmp_path / "pictures" / "00_x.png").read_bytes().startswith(b"\x89PNG")
    assert runner.main([], tmp_path) == 0 and path.read_bytes() == first
    assert runner.main(["00", "--write"], tmp_path) == 0 and path.read_bytes() == first
    assert capsys.readouterr().out.count("fine") == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "cell, words",
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import warnings\nwarnings.warn('old')", "UserWarning: old"),
        ("import numpy as np\nnp.log(np.zeros(1))", "RuntimeWarning: divide by zero"),
        ("import sys\nprint('hm', file=sys.stderr)", "writes to standard error: hm"),
        ("x = 1", "no cell shows anything"),
    ],
)
def test_the_runner_fails_and_stores_nothing(tmp_path, capsys, cell, words):
    path = write_notebook(tmp_path / "00_x.ipynb", cell)
    before = path.read_bytes()
    assert runner.main(["--write"], tmp_path) == 1
    assert words in capsys.readouterr().out
    assert path.read_bytes() == before


@pytest.mark.slow
def test_the_runner_notices_an_output_that_is_gone(tmp_path, capsys):
    path = write_notebook(tmp_path / "00_x.ipynb", "print('hello')", DRAWS)
    assert runner.main(["--write"], tmp_path) == 0
    notebook = read(path)
    notebook["cells"][1]["source"] = ["print('no figure')"]
    path.write_text(json.dumps(notebook))
    assert runner.main([], tmp_path) == 1
    assert "cell 2 no longer shows image/png" in capsys.readouterr().out


def picture_cell(**metadata):
    shown = {"output_type": "display_data", "data": {"image/png": "", "text/plain": "<Figure>"}, "metadata": {}}
    return {"cell_type": "code", "metadata": metadata, "outputs": [shown, dict(shown, metadata={})]}


def test_a_cells_alternative_text_goes_to_its_pictures():
    spoken, silent = picture_cell(alt="two gates over a bar"), picture_cell()
    notebook = {"cells": [spoken, silent]}
    assert [line.split(":")[1] for line in runner.undescribed(notebook)] == [
        " run it with --write",
        ' give the cell the metadata {"alt"',
    ]
    for cell in notebook["cells"]:
        runner.describe(cell)
    assert [output["metadata"] for output in spoken["outputs"]] == [{"image/png": {"alt": "two gates over a bar"}}] * 2
    assert [output["metadata"] for output in silent["outputs"]] == [{}] * 2
    assert len(list(runner.undescribed(notebook))) == 1
    spoken["metadata"]["alt"] = "three gates"
    assert len(list(runner.undescribed(notebook))) == 2, "the text was changed, the output not"


@pytest.mark.slow
def test_the_runner_stores_alternative_texts(tmp_path):
    path = write_notebook(tmp_path / "00_x.ipynb", DRAWS)
    notebook = read(path)
    notebook["cells"][0]["metadata"]["alt"] = "an empty figure"
    path.write_text(json.dumps(notebook))
    assert runner.main(["--write"], tmp_path) == 0
    assert list(runner.undescribed(read(path))) == []
    assert read(path)["cells"][0]["outputs"][0]["metadata"]["image/png"]["alt"] == "an empty figure"


def test_a_notebook_is_too_long_by_the_clock_or_by_the_processor():
    assert list(runner.too_long(120, 120)) == []
    assert list(runner.too_long(121, 0)) == ["121 s by the clock are more than 120 s"]
    assert list(runner.too_long(70, 130)) == ["130 s of processor time are more than 120 s"]


@pytest.mark.slow
def test_the_runner_measures_what_the_kernel_does_and_fails_what_takes_long(tmp_path, capsys, monkeypatch):
    path = write_notebook(tmp_path / "00_x.ipynb", "print(sum(range(1000)))")
    monkeypatch.setattr(runner, "LONGEST", 0)
    assert runner.main(["--write"], tmp_path) == 1
    out = capsys.readouterr().out
    assert "by the clock are more than 0 s" in out
    assert "of processor time are more than 0 s" in out or sys.platform == "win32"
    assert read(path)["cells"][0]["outputs"], "a busy machine does not lose the outputs"


@pytest.mark.parametrize("live", [False, True])
def test_the_runner_says_what_it_is_doing(capsys, monkeypatch, live):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: live)
    progress = runner.Progress("05_x.ipynb")
    progress(1, 27)
    progress(10, 27)
    progress.close()
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line.strip() for line in re.split(r"[\r\n]", err)]
    seen = ["", "05_x.ipynb: starting ...", "05_x.ipynb: cell 1 of 27 ...", "05_x.ipynb: cell 10 of 27 ...", "", ""]
    assert lines == (seen if live else ["05_x.ipynb: running ...", ""])


def test_the_runner_knows_which_notebooks_there_are(tmp_path):
    (tmp_path / "03_x.ipynb").touch()
    with pytest.raises(SystemExit, match="no notebook begins with '04'; there are 03_x"):
        runner.find(["04"], tmp_path)
    assert [path.name for path in runner.find([], tmp_path)] == ["03_x.ipynb"]
