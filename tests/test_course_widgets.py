"""The figures with sliders: their numbers are the package's, a slider draws anew, and a picture is stored."""

import base64
import json
import sys
from pathlib import Path

import numpy as np
import pytest

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))

from course import cell_step, gradient_flow, widgets  # noqa: E402
from course.widgets import LAGS, Moved, Reading, Slider  # noqa: E402
from lstm import cell  # noqa: E402
from lstm.gradcheck import numeric_gradient  # noqa: E402
from lstm.model import CharRNN, Config, initial_parameters  # noqa: E402
from lstm.sampling import Draw, distribution, generate  # noqa: E402
from lstm.vocabulary import Vocabulary  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from notebooks import run as runner  # noqa: E402

VIEW = "application/vnd.jupyter.widget-view+json"
GATES = 0.2, 0.9, -0.6, 0.7, 1.0  # i f g o, and the cell before


def texts_of(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts] + [text.get_text() for text in figure.texts]


def small_network():
    vocabulary = Vocabulary("\n |ABCDabcd")
    config = Config(len(vocabulary), 4, 8, 2)
    return CharRNN(config, initial_parameters(config, 3, float)), vocabulary


# -- what is drawn


@pytest.mark.parametrize("gates", [GATES, (0.99, 0.01, 0.99, 0.01, -3.0)])
def test_the_values_of_one_step_are_those_of_the_equations(gates):
    values, _ = widgets.one_step(*gates)
    i, f, g, o, c_before = gates
    assert [values[name] for name in "ifgo"] == pytest.approx([i, f, g, o])
    c = f * c_before + i * g
    assert values["c"] == pytest.approx(c) and values["h"] == pytest.approx(o * np.tanh(c))
    assert set(values) <= set(cell_step.forward(np.zeros(4), np.zeros(1)))


def test_the_gradients_of_one_step_are_its_slopes():
    values, gradients = widgets.one_step(*GATES)
    i, f, g, o, c_before = GATES
    z = np.array([[[np.log(i / (1 - i)), np.log(f / (1 - f)), np.arctanh(g), np.log(o / (1 - o))]]])
    before, nothing, U = np.full((1, 1), c_before), np.zeros((1, 1)), np.zeros((1, 4))

    def h():
        return float(cell.forward(z.copy(), nothing, before, U)[1][1, 0, 0])

    assert h() == pytest.approx(values["h"])
    slopes = [*numeric_gradient(h, before, 1e-5).ravel(), *numeric_gradient(h, z, 1e-5).ravel()]
    assert list(gradients.values()) == pytest.approx(slopes, abs=1e-8)


def test_the_picture_of_a_cell_has_its_numbers():
    figure = widgets.pictures.cell_and_gradients(*widgets.one_step(*GATES))
    shown = texts_of(figure)
    assert "$h_t$\n+0.46" in shown and "$c_t$\n+0.78" in shown and "+0.362" in shown


@pytest.mark.parametrize("bias", [0.0, 1.0, 3.0])
def test_what_a_forget_bias_keeps_is_the_formula_and_beside_it_what_is_measured(bias):
    share, half_life = widgets.kept(bias)
    assert share.shape == widgets.measured(bias).shape == (LAGS + 1,)
    assert share[7] == pytest.approx(cell.sigmoid(bias) ** 7) and cell.sigmoid(bias) ** half_life == pytest.approx(0.5)
    one = gradient_flow.new_lstm(bias, LAGS, B=4, H=32, seed=1)
    assert widgets.measured(bias)[:20] == pytest.approx(one[:20], rel=0.5)
    figure = widgets.pictures.memory(bias, share, widgets.measured(bias), half_life)
    by_formula, measured = figure.axes[0].lines[:2]
    assert list(by_formula.get_ydata()) == list(share) and list(measured.get_ydata()) == list(widgets.measured(bias))


def test_new_networks_begin_lower_than_the_formula_and_fall_more_slowly():
    """As the notebook says of its figure."""
    for bias in np.arange(0.0, 6.5, 0.5):
        formula, networks = widgets.kept(bias)[0], widgets.measured(float(bias))
        assert networks[1] < 0.6 * formula[1], bias
        assert networks[40] / networks[10] > 1.1 * formula[40] / formula[10], bias


def test_a_continuation_is_what_the_package_generates():
    model, vocabulary = small_network()
    reading, how = Reading.of(model, vocabulary, "AB|cd AB"), Draw(0.9, top_p=0.95)
    uniforms = np.random.default_rng(0).random(30)

    class Numbers:
        @staticmethod
        def random(shape, given=iter(uniforms)):
            return np.array([next(given, 0.0) for _ in range(np.prod(shape))]).reshape(shape)

    characters = generate(model, vocabulary, "AB|cd", Numbers, how)
    assert reading.continuation(4, how, 30) == "".join(next(characters) for _ in range(30))


def test_what_may_follow_has_bars_of_the_networks_numbers():
    model, vocabulary = small_network()
    reading = Reading.of(model, vocabulary, "AB|cd AB")
    whole, _, _ = model.forward(vocabulary.encode("AB|cd AB")[:, None], model.initial_state())
    np.testing.assert_allclose(reading.logits, whole[:, 0], atol=1e-12)
    p, plain = (distribution(reading.logits[3], how) for how in (Draw(0.3), Draw()))
    figure = widgets.pictures.what_may_follow("AB|c", vocabulary.characters, p, plain, "dd", shown=5)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    order = np.argsort(-plain, kind="stable")[:5]
    assert heights == pytest.approx([*plain[order], *p[order]])
    assert "AB|c" in texts_of(figure) and "dd" in texts_of(figure)


# -- sliders


def line(a, b):
    figure = Figure(figsize=(2, 1))
    figure.add_subplot().plot([0, 1], [a, b])
    return figure


SLIDERS = Slider("a", 1.0, 0.0, 2.0, 0.5), Slider("b", 0.0, -1.0, 1.0, 0.5)


def test_a_slider_that_is_moved_draws_anew():
    pytest.importorskip("ipywidgets")
    drawn = []
    moved = Moved(lambda *values: drawn.append(values) or line(*values), *SLIDERS)
    assert drawn == [(1.0, 0.0)] and moved.image.value == moved.picture
    moved.sliders[1].value = 0.5
    moved.sliders[0].value = 2.0
    assert drawn == [(1.0, 0.0), (1.0, 0.5), (2.0, 0.5)]
    assert moved.image.value == moved.png(2.0, 0.5) != moved.picture
    moved.sliders[0].value = 9.0
    assert moved.sliders[0].value == 2.0, "it stays within its ends"


def test_a_front_end_is_given_sliders_and_a_picture():
    pytest.importorskip("ipywidgets")
    given = Moved(line, *SLIDERS)._repr_mimebundle_()
    assert set(given) == {VIEW, "image/png", "text/plain"}
    assert base64.b64decode(given["image/png"]).startswith(b"\x89PNG")
    assert given["text/plain"] == "<a picture with sliders: a; b>"


def test_without_ipywidgets_there_is_the_picture_and_a_line(monkeypatch, capsys):
    monkeypatch.setattr(widgets, "ipywidgets", None)
    moved = Moved(line, *SLIDERS)
    assert set(moved._repr_mimebundle_()) == {"image/png", "text/plain"}
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and 'pip install "ipywidgets>=8"' in out


@pytest.mark.parametrize("make", [
    widgets.one_cell,
    widgets.forget_bias,
    lambda: widgets.next_character(*small_network(), "AB|cd AB|cd|\n", first=3),
], ids=["one_cell", "forget_bias", "next_character"])
def test_those_of_the_notebooks_move_from_end_to_end(make):
    pytest.importorskip("ipywidgets")
    moved = make()
    for slider in moved.sliders:
        seen = set()
        for slider.value in (slider.min, slider.max):
            seen.add(bytes(moved.image.value))
        assert len(seen) == 2 and all(picture.startswith(b"\x89PNG") for picture in seen)


# -- what is stored


def test_the_runner_keeps_the_picture_and_no_slider():
    output = {"output_type": "execute_result", "data": {VIEW: {"model_id": "1"}, "image/png": "", "text/plain": "x"}}
    runner.hold_still({"cell_type": "code", "outputs": [output, {"output_type": "stream", "text": "x"}]})
    assert set(output["data"]) == {"image/png", "text/plain"}


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_no_notebook_has_sliders_in_its_file(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    kinds = {kind for one in runner.code_cells(notebook) for kind in runner.shown(one)}
    assert not any(kind.startswith(runner.SLIDERS) for kind in kinds)


@pytest.mark.slow
def test_a_notebook_with_sliders_is_stored_with_a_picture(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbclient")
    source = f"import sys; sys.path[:0] = [{str(NOTEBOOKS)!r}, {str(NOTEBOOKS.parent)!r}]\nfrom course import widgets\n"
    code = nbformat.v4.new_code_cell(source + "widgets.one_cell()", id="one")
    nbformat.write(nbformat.v4.new_notebook(cells=[code]), tmp_path / "00_x.ipynb")
    assert runner.main(["--write"], tmp_path) == 0 and runner.main([], tmp_path) == 0
    stored = json.loads((tmp_path / "00_x.ipynb").read_text())
    assert set(stored["cells"][0]["outputs"][0]["data"]) == {"image/png", "text/plain"}
    assert stored["metadata"] == runner.METADATA
