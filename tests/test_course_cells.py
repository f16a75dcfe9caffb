"""The course's relatives of the LSTM: right where they are to be, wrong where they are to be; and their pictures."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from course import cell_step, rnn, squashed_cell
from course.bar_cells import LEAST, best_by_chance, correlations, since_bar_line
from course.cell_checks import ARRAYS, against, example, finite_differences, gradients, run
from course.pictures.cells import (
    EDGES,
    by_step,
    cell_diagram,
    distributions,
    filmstrip,
    step_graph,
    two_checks,
    unrolled,
)

from lstm import cell
from lstm.gradcheck import LIMIT, numeric_gradient, relative_error
from lstm.model import BACKENDS

CHECK = Path(__file__).resolve().parent.parent / "notebooks" / "check"
both = pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)


@pytest.fixture(scope="module")
def stored():
    with np.load(CHECK / "torch_lstm.npz") as file:
        return dict(file)


# -- the plain recurrent network


def test_the_plain_network_is_one_tanh_a_step():
    rng = np.random.default_rng(0)
    z, h0, U = rng.normal(size=(3, 2, 4)), rng.normal(size=(2, 4)), rng.normal(size=(4, 4))
    h = rnn.forward(z, h0, U)
    assert h.shape == (4, 2, 4)
    np.testing.assert_array_equal(h[0], h0)
    for t in range(3):
        for b in range(2):
            for j in range(4):
                assert h[t + 1, b, j] == pytest.approx(np.tanh(z[t, b, j] + sum(h[t, b] * U[:, j])), abs=1e-14)


def test_the_plain_networks_gradients_are_those_of_finite_differences():
    rng = np.random.default_rng(1)
    z, h0, U = rng.normal(size=(5, 2, 3)), rng.normal(size=(2, 3)), rng.normal(size=(3, 3))
    dh, dh_next = rng.normal(size=(5, 2, 3)), rng.normal(size=(2, 3))

    def loss():
        h = rnn.forward(z, h0, U)
        return np.vdot(dh, h[1:]) + np.vdot(dh_next, h[-1])

    found = rnn.backward(dh, dh_next, rnn.forward(z, h0, U), U)
    for gradient, array in zip(found, (z, h0)):
        assert relative_error(gradient, numeric_gradient(loss, array, 1e-3)).max() <= LIMIT


# -- one step


def test_a_step_has_the_numbers_of_the_cell():
    z, c0, dh, dc_next = np.random.default_rng(0).normal(size=(4, 2, 12))
    c0, dh, dc_next = c0[:, :3], dh[:, :3], dc_next[:, :3]
    U, nothing = np.zeros((3, 12)), np.zeros((2, 3))
    gates, h, c = cell.forward(z[None], nothing, c0, U)
    values = cell_step.forward(z, c0)
    np.testing.assert_array_equal(np.concatenate([values[name] for name in cell_step.GATES], axis=1), gates[0])
    np.testing.assert_array_equal([values["h"], values["c"]], [h[1], c[1]])

    dz, _, dc0 = cell.backward(dh[None], nothing, dc_next, gates, c, U)
    back = cell_step.backward(values, dh, dc_next)
    assert set(back) == set(values)
    dz_of_gates = np.concatenate([back[f"z{name}"] for name in cell_step.GATES], axis=1)
    np.testing.assert_allclose(dz_of_gates, dz[0], atol=1e-15)
    np.testing.assert_allclose(back["c_before"], dc0, atol=1e-15)


def test_a_steps_gradients_in_between_are_those_of_autograd(stored):
    """Of PyTorch's autograd: the last step, where nothing but dh and what comes from beyond reaches h and c."""
    values = cell_step.forward(stored["z"][-1], stored["c"][-2])
    back = cell_step.backward(values, stored["dh"][-1] + stored["dh_next"], stored["dc_next"])
    for name in "ifgoch":
        np.testing.assert_allclose(values[name], stored[name][-1], atol=1e-14)
        np.testing.assert_allclose(back[name], stored[f"grad_{name}"][-1], atol=1e-14)


def test_a_step_is_read_from_a_trace():
    z, c0 = np.random.default_rng(0).normal(size=(5, 1, 8)), np.zeros((1, 2))
    gates, h, c = cell.forward(z, c0, c0, np.zeros((2, 8)))
    trace = dict(zip(cell_step.GATES, np.split(gates, 4, axis=-1))) | {"c": c[1:], "h": h[1:]}
    for t in (0, 3):
        wanted = cell_step.forward(z[t, 0], c[t, 0])
        for name, value in cell_step.of_trace(trace, t, 1).items():
            assert value == pytest.approx(wanted[name][1], abs=1e-15)


# -- two checks


@both
def test_the_lstm_passes_both_checks(backend, stored):
    assert max(finite_differences(backend.forward, backend.backward, example()).values()) <= LIMIT
    differences = against(stored, backend.forward, backend.backward)
    assert set(differences) == {"h", "c", *ARRAYS}
    assert max(differences.values()) <= 1e-10


def test_the_squashed_cell_passes_the_first_and_fails_the_second(stored):
    assert max(finite_differences(squashed_cell.forward, squashed_cell.backward, example()).values()) <= LIMIT
    differences = against(stored, squashed_cell.forward, squashed_cell.backward)
    assert min(differences.values()) > 1e-3


def test_a_wrong_backward_fails_both(stored):
    def backward(dh, dh_next, dc_next, gates, c, recurrent_kernel):
        return cell.backward(dh, dh_next, 0 * dc_next, gates, c, recurrent_kernel)

    assert max(finite_differences(cell.forward, backward, example()).values()) > 1e-2
    assert max(against(stored, cell.forward, backward).values()) > 1e-2


def test_checks_leave_what_they_are_given_as_it_was(stored):
    layer = example()
    finite_differences(cell.forward, cell.backward, layer)
    gradients(cell.forward, cell.backward, layer)
    for name, array in example().items():
        np.testing.assert_array_equal(layer[name], array)
        np.testing.assert_array_equal(stored[name], array)


def test_the_squashed_cell_shrinks_what_it_holds():
    layer = example(T=30) | {"c0": np.ones((2, 3))}
    open_gate = np.repeat([-50.0, 50.0, 0.0, 0.0], 3)  # writes nothing, keeps all
    layer |= {"kernel": 0 * layer["kernel"], "recurrent_kernel": 0 * layer["recurrent_kernel"], "bias": open_gate}
    np.testing.assert_allclose(run(cell.forward, layer)[2][-1], 1, atol=1e-12)
    assert run(squashed_cell.forward, layer)[2][-1].max() < 0.35


def test_the_stored_values_are_what_torch_computes(stored):
    pytest.importorskip("torch", reason="needs the extra peers")
    spec = importlib.util.spec_from_file_location("lstm_with_torch", CHECK / "lstm_with_torch.py")
    with_torch = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(with_torch)
    again = with_torch.stored()
    assert set(again) == set(stored)
    for name, array in again.items():
        np.testing.assert_allclose(stored[name], array, atol=1e-13)


# -- pictures


def written(figure):
    """All that is written in a figure."""
    return " ".join(text.get_text() for axes in figure.axes for text in axes.texts)


@pytest.fixture
def one_step():
    z, c_before = np.random.default_rng(3).normal(size=4), np.array([0.7])
    values = cell_step.forward(z, c_before)
    gradients = cell_step.backward(values, np.array([1.0]), np.array([0.25]))
    return [{name: float(value[0]) for name, value in numbers.items()} for numbers in (values, gradients)]


def test_the_unrolled_network_has_a_box_and_a_guess_for_each_character():
    h = np.random.default_rng(0).uniform(-1, 1, (4, 5))
    figure = unrolled("A \n", h, "xyz")
    boxes = figure.axes[0].collections
    assert len(boxes) == 3
    np.testing.assert_array_equal(boxes[1].get_array().ravel(), h[2][::-1])
    for character in "A␣↵xyz":
        assert character in written(figure)
    assert "x" not in written(unrolled("AB", h[:3]))


def test_the_diagram_of_the_cell_has_the_steps_numbers(one_step):
    values, _ = one_step
    text = written(cell_diagram(values, -0.123, "G"))
    for name in ("c_before", "i", "f", "g", "o", "kept", "written", "c", "tanh_c", "h"):
        assert f"{values[name]:+.2f}" in text
    assert "-0.12" in text and "= G" in text


def test_the_filmstrip_has_a_frame_for_each_character(one_step):
    values, _ = one_step
    figure = filmstrip("AB|c", [values] * 4)
    figure.canvas.draw()
    assert [label.get_text() for label in figure.axes[-1].get_xticklabels()] == ["A", "B", "|", "c"]
    for axes, name in zip(figure.axes, "figcoh", strict=True):
        bars = [patch for patch in axes.patches if patch.get_width() == pytest.approx(0.8)]
        assert [bar.get_height() for bar in bars] == pytest.approx([values[name]] * 4)


def test_curves_and_distributions_are_drawn_with_their_labels():
    figure = by_step("title", "what", {"one": [1, 2, 3], "two": [3, 2, 1]})
    assert [line.get_label() for line in figure.axes[0].lines] == ["one", "two"]
    np.testing.assert_array_equal(figure.axes[0].lines[1].get_ydata(), [3, 2, 1])
    figure = distributions("title", "openness", {"one": np.full((2, 5), 0.5), "two": [0.1, 0.9]})
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["one", "two"]
    assert max(patch.get_xy()[:, 1].max() for patch in figure.axes[0].patches) == pytest.approx(1)


def test_the_graph_has_value_and_gradient_on_every_edge(one_step):
    values, gradients = one_step
    there, and_back = written(step_graph(values)), written(step_graph(values, gradients, 0.25))
    for name, *_ in EDGES:
        assert f"{values[name]:+.3f}" in there
        assert f"{gradients[name]:+.3f}" in and_back
    for share in (0.25, gradients["c"] - 0.25):  # of dc, on the two ways that the cell goes
        assert f"{share:+.3f}" in and_back


def test_two_checks_are_drawn_with_their_verdicts():
    figure = two_checks({"right": (1e-9, 0.0), "wrong": (1e-9, 0.3)}, (1e-6, 1e-10), ("first", "second"))
    verdicts = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert verdicts == [["passes", "passes"], ["passes", "FAILS"]]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["right", "wrong"]


# -- which cells follow the bars


def test_the_distance_from_the_last_bar_line():
    bars, body, since = since_bar_line("\nX:1|\nK:C\nAB|cd|e")
    assert [*bars] == [12, 15] and [*body] == [12, 13, 14, 15, 16] and [*since] == [0, 1, 2, 0, 1]


def test_correlations_are_those_of_numpy():
    rng = np.random.default_rng(0)
    cells, target = rng.normal(size=(30, 4)).astype(np.float32), rng.integers(0, 9, 30)
    expected = [np.corrcoef(column, target)[0, 1] for column in cells.T]
    np.testing.assert_allclose(correlations(cells, target), expected, atol=1e-6)


def test_the_best_by_chance_is_far_from_a_cell_that_follows_its_target():
    rng = np.random.default_rng(1)
    target = rng.normal(size=300)
    cells = np.column_stack([target, rng.normal(size=(300, 50))])
    chance = best_by_chance(cells, target)
    assert len(chance) == 300 - 2 * LEAST + 1
    assert chance.max() < 0.5 < correlations(cells, target)[0]


def test_an_answer_may_write_into_what_it_is_given(stored):
    def forward(z, h0, c0, recurrent_kernel):
        gates, h, c = cell.forward(z, h0, c0, recurrent_kernel)
        for array in (z, h0, c0, recurrent_kernel):
            array[:] = np.nan
        return [gates, list(h), list(c)]

    def backward(dh, dh_next, dc_next, gates, c, recurrent_kernel):
        found = cell.backward(dh, dh_next, dc_next, gates, c, recurrent_kernel)
        for array in (dh, dh_next, dc_next, gates, c, recurrent_kernel):
            array[:] = np.nan
        return list(found)

    assert max(finite_differences(forward, backward, example()).values()) <= LIMIT
    assert max(against(stored, forward, backward).values()) <= 1e-10
