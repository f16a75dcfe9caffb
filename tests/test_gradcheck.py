"""Every gradient against finite differences; and the proof that this check can fail."""

import importlib
import inspect
import types

import numpy as np
import pytest

from lstm import cell, layers, model
from lstm.gradcheck import LIMIT, Problem, central, check, numeric_gradient, refuse_sizes, relative_error, slopes
from lstm.io import InputError
from lstm.model import BACKENDS, Config

gradcheck = importlib.import_module("lstm.gradcheck")  # because `lstm.gradcheck` is the function of that name
both = pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)


def failures(problem):
    """The names of the arrays whose gradient is found to be wrong."""
    return {result.name for result in check(problem) if not result.passed}


@both
@pytest.mark.parametrize("rates", [(0.3, 0, 0), (0, 0.3, 0), (0, 0, 0.3), (0.3, 0.2, 0.4)])
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_every_gradient_is_right(backend, seed, rates):
    """Two stacked layers, dropout on, carried state, a gradient from beyond the end; every entry of every array."""
    results = list(check(Problem(Config(7, 4, 5, 2, *rates), seed=seed, backend=backend)))
    assert [r.name for r in results] == [*Config(7, 4, 5, 2).shapes, "h0", "c0"]
    assert max(r.error for r in results) <= LIMIT == 1e-6


@both
@pytest.mark.parametrize("config, T, B", [
    (Config(2, 1, 1, 1, 0.0), 1, 1),
    (Config(3, 2, 1, 3, 0.2), 4, 1),
    (Config(5, 3, 9, 1, 0.5), 1, 6),
    (Config(4, 6, 3, 2, 0.0), 9, 2),
])
def test_gradients_are_right_at_odd_sizes(backend, config, T, B):
    assert failures(Problem(config, T, B, backend=backend)) == set()


@both
@pytest.mark.parametrize("rate", [pytest.param(0.6, marks=pytest.mark.slow), 0.9])
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_gradients_are_right_at_any_dropout_rate(backend, rate, seed):
    assert failures(Problem(Config(7, 4, 5, 2, rate, rate, rate), seed=seed, backend=backend)) == set()


@pytest.mark.parametrize("seed", range(3))
def test_no_entry_may_be_off_by_three_millionths_of_itself(seed):
    """At the usual sizes rounding hides nothing."""
    problem = Problem(Config(7, 4, 5, 2, 0.3, 0.3, 0.3), seed=seed)
    gradients = problem.gradients()
    for name, measured, floor in slopes(problem):
        there = gradients[name] != 0
        assert (relative_error(gradients[name] * (1 + 3e-6), measured, floor)[there] > LIMIT).all()


def test_finite_differences_find_the_slope_of_a_known_function():
    x = np.array([0.3, -1.2, 2.0])
    found = numeric_gradient(lambda: float(np.sin(x).sum()), x, 1e-3)
    np.testing.assert_allclose(found, np.cos(x), rtol=1e-11)
    np.testing.assert_array_equal(x, [0.3, -1.2, 2.0])  # each number was put back
    rough = numeric_gradient(lambda: float(np.sin(x).sum()), x, 1e-3, central)
    np.testing.assert_allclose(np.abs(rough - np.cos(x)), np.abs(np.cos(x)) * 1e-6 / 6, rtol=1e-2)  # h^2 f''' / 6


# What is changed in cell.py, and what that makes of it.
WRONG_CELLS = {
    "input gate's own slope": ("di * i * (1 - i)", "di * (1 - i)"),
    "forget gate's own slope": ("df * f * (1 - f)", "df * f"),
    "candidate's own slope": ("dg * (1 - g**2)", "dg * (1 - g)"),
    "output gate's own slope": ("do * o * (1 - o)", "do * o * (1 + o)"),
    "input gate's gradient": ("dc_t * g, dc_t * c[t]", "dc_t * i, dc_t * c[t]"),
    "forget gate meets the cell after, not before": ("dc_t * c[t],", "dc_t * c[t + 1],"),
    "candidate's gradient": ("dc_t * i, dh_t * tanh_c", "dc_t * f, dh_t * tanh_c"),
    "output gate without the cell's tanh": ("dh_t * tanh_c\n", "dh_t * c[t + 1]\n"),
    "a tanh too few on the way to the cell": (" * (1 - tanh_c**2)", ""),
    "a tanh too many: on the cell's own path": ("dc_next = dc_t * f", "dc_next = dc_t * f * (1 - tanh_c**2)"),
    "gates in another order": ("(di * i * (1 - i), df * f * (1 - f),", "(df * f * (1 - f), di * i * (1 - i),"),
    "no recurrent term through h": ("dh_next = dz[t] @ recurrent_kernel.T", "dh_next = 0 * dh_t"),
    "no recurrent term through c": ("dc_next = dc_t * f", "dc_next = 0 * dc_t"),
    "the future's dh is dropped": ("dh_t = dh[t] + dh_next", "dh_t = dh[t]"),
    "the forget gate is left out on the way back": ("dc_next = dc_t * f", "dc_next = dc_t"),
    "a character that comes twice counts once": (
        "return one_hot.T @ dz", "return np.array([dz[where == p][0] for p in range(P)])"
    ),
    "c steps back with the wrong gate": ("dc_next = dc_t * f", "dc_next = dc_t * i"),
}


@pytest.mark.parametrize("change", WRONG_CELLS.values(), ids=WRONG_CELLS)
def test_a_wrong_cell_is_caught(change):
    assert failures(Problem(Config(5, 3, 4, 2, 0.3), T=4, B=2, backend=changed(cell, *change)))


RECURRENT = {"lstm_1/recurrent_kernel", "lstm_2/recurrent_kernel"}
KERNELS = {"lstm_1/kernel", "lstm_2/kernel", "dense/kernel"}
BIASES = {"lstm_1/bias", "lstm_2/bias", "dense/bias"}
BELOW_DROPOUT = set(Config(5, layers=2).shapes) - {"dense/kernel", "dense/bias"} | {"h0", "c0"}
WRONG_LAYERS = {
    "biases averaged, not summed": (".sum(axis=0)", ".mean(axis=0)", BIASES),
    "recurrent kernels meet the state after, not before": ("rows(h[:-1])", "rows(h[1:])", RECURRENT),
    "kernels' gradients without the first row": ("(x.T, dy[:, n]", "(x[1:].T, dy[1:, n]", KERNELS),
    "the embedding's gradient with the wrong sign": (
        "gradient.embedding[present] = dx", "gradient.embedding[present] = -dx", {"embedding/embedding"},
    ),
    "dropout forgotten on the way back": (
        "dropout.drop(dx, dx, t, machine.backend)", "Dropout(0.0, dropout.key).drop(dx, dx, t, machine.backend)",
        BELOW_DROPOUT,
    ),
}


@pytest.mark.parametrize("old, new, wrong", WRONG_LAYERS.values(), ids=WRONG_LAYERS)
def test_a_wrong_layer_is_caught_and_named(monkeypatch, old, new, wrong):
    wrong_layers = changed(layers, old, new)
    for name in ("Embedding", "LSTM", "Dense"):
        monkeypatch.setattr(model, name, getattr(wrong_layers, name))
    assert failures(Problem(Config(5, 3, 4, 2, 0.3), T=4, B=2, backend=cell)) == wrong


@pytest.mark.parametrize("rates, wrong", [((0.3, 0), {"embedding/embedding"}), ((0, 0.3), RECURRENT)])
def test_weights_dropout_forgotten_on_the_way_back_is_caught_and_named(rates, wrong):
    problem = Problem(Config(5, 3, 4, 2, 0.3, *rates), T=4, B=2, backend=cell)
    drop, parameters = problem.model.drop_weights, problem.model.parameters
    problem.model.drop_weights = lambda arrays, *rest: drop(arrays, *rest) if arrays is parameters else {}
    assert failures(problem) == wrong


# -- every wrong backward pass, and the right one, at other sizes

LETTERS = {"V": 5, "E": 3, "H": 4, "L": 2, "T": 4, "B": 2}
ONES = [{letter: 1} for letter in LETTERS]
LARGER = [{"V": 60}, {"E": 60}, {"H": 12}, {"L": 6}, {"T": 40}, {"B": 20}]
FEWEST = {"V": 2, "E": 1, "H": 1, "L": 1, "T": 2, "B": 1}
FAR_ENDS = [
    {"V": 1000}, {"E": 1000}, {"H": 100, "L": 1, "T": 2}, {"L": 100, "E": 2, "H": 2, "T": 2}, {"T": 1000},
    {"B": 1000, "H": 2, "T": 2},
]


def of_sizes(sizes):
    """The arguments of a Problem with all dropouts."""
    V, E, H, L, T, B = (LETTERS | sizes).values()
    return Config(V, E, H, L, 0.3, 0.3, 0.3), T, B


def wrong_problems(monkeypatch, sizes):
    """(what is wrong, a Problem that has it), of each wrong backward pass."""
    for name, change in WRONG_CELLS.items():
        yield name, Problem(*of_sizes(sizes), backend=changed(cell, *change))
    for name, (old, new, _) in WRONG_LAYERS.items():
        with monkeypatch.context() as patched:
            wrong_layers = changed(layers, old, new)
            for layer in ("Embedding", "LSTM", "Dense"):
                patched.setattr(model, layer, getattr(wrong_layers, layer))
            yield name, Problem(*of_sizes(sizes), backend=cell)
    for array in ("embedding", "recurrent_kernel"):
        problem = Problem(*of_sizes(sizes), backend=cell)
        problem.model.drop_weights = forgetful(problem.model, array)
        yield f"dropout of {array} forgotten on the way back", problem


def forgetful(network, array):
    """Its `drop_weights`, which forgets the arrays of that name where they are gradients."""
    drop, parameters = network.drop_weights, network.parameters

    def drop_weights(arrays, *rest):
        dropped = drop(arrays, *rest)
        return dropped if arrays is parameters else {n: a for n, a in dropped.items() if not n.endswith(array)}

    return drop_weights


def as_text(sizes):
    """The sizes as the name of a test."""
    return " ".join(f"{letter}={size}" for letter, size in sizes.items())


def check_every_verdict(monkeypatch, sizes):
    """Whether the right backward passes are found right, and every wrong one wrong."""
    measured = list(slopes(Problem(*of_sizes(sizes))))
    monkeypatch.setattr(gradcheck, "slopes", lambda problem, h: measured)  # once for all, as the loss is the same
    for backend in BACKENDS.values():
        assert failures(Problem(*of_sizes(sizes), backend=backend)) == set()
    verdicts = {name: failures(problem) for name, problem in wrong_problems(monkeypatch, sizes)}
    assert len(verdicts) == 24
    assert [name for name, wrong in verdicts.items() if not wrong] == []


MIDDLE = [pytest.param(sizes, marks=pytest.mark.slow) for sizes in LARGER]


@pytest.mark.parametrize("sizes", [{}, *ONES, *MIDDLE, FEWEST], ids=as_text)
def test_every_verdict_is_right_at_small_and_middle_sizes(monkeypatch, sizes):
    check_every_verdict(monkeypatch, sizes)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", FAR_ENDS, ids=as_text)
def test_every_verdict_is_right_at_the_far_end_of_each_size(monkeypatch, sizes):
    check_every_verdict(monkeypatch, sizes)


def changed(module, old, new):
    """A copy of a module with one thing in its source changed."""
    source = inspect.getsource(module)
    assert source.count(old) == 1, f"{old!r} is not in {module.__name__} just once"
    copy = types.ModuleType(module.__name__)
    exec(compile(source.replace(old, new), f"changed {module.__name__}", "exec"), copy.__dict__)
    return copy


# -- the command


def test_the_command_prints_a_verdict_for_each_array(capsys):
    assert gradcheck.main(["--units", "3", "--layers", "1", "--backend", "numpy"]) == 0
    out = capsys.readouterr().out
    for name in [*Config(7, layers=1).shapes, "h0", "c0"]:
        assert any(line.startswith(name) and line.endswith("ok") for line in out.splitlines())


def test_the_command_says_what_is_wrong_and_fails(capsys, monkeypatch):
    monkeypatch.setitem(gradcheck.BACKENDS, "numpy", changed(cell, "dg * (1 - g**2)", "dg"))
    assert gradcheck.main(["--units", "3", "--backend", "numpy"]) == 1
    out = capsys.readouterr().out
    assert "WRONG (limit 1e-06)" in out
    assert [line for line in out.splitlines() if line.startswith("dense/bias")][0].endswith("ok")


@pytest.mark.parametrize("option", ["--units", "--layers", "--vocabulary", "--embedding", "--seq-length"])
def test_sizes_that_take_hours_are_refused_with_the_evaluations_they_need(option):
    size = {"--units": "1000", "--layers": "1000"}.get(option, "1000000")
    with pytest.raises(InputError, match=r"takes [\d,]+ evaluations of the loss, about [\d,.]+ hours; try") as error:
        gradcheck.main([option, size])
    assert len(str(error.value).splitlines()) == 1
    if option == "--units":
        parameters = sum(int(np.prod(shape)) for shape in Config(7, 4, 1000, 2).shapes.values())
        evaluations = 2 * 4 * (parameters + 2 * 2 * 3 * 1000)  # two backends; h and c of two layers and three rows
        assert f"takes {evaluations:,} evaluations" in str(error.value)


ACCEPTED = [{"V": 1000}, {"E": 1000}, {"T": 1000}, {"B": 1000}, {"H": 100}, {"L": 50}]


@pytest.mark.parametrize("sizes", ACCEPTED, ids=as_text)
def test_sizes_that_take_minutes_are_not_refused(sizes):
    refuse_sizes(*of_sizes(sizes), evaluations=8)


@pytest.mark.parametrize("sizes", ["--seq-length 1 --batch-size 1", "--vocabulary 1 --layers 1"])
def test_sizes_at_which_a_sum_is_its_mean_are_refused(sizes):
    with pytest.raises(InputError, match="some wrong gradients .*; try --batch-size 2 and --vocabulary 2$"):
        gradcheck.main(sizes.split())


def test_the_command_draws_the_u_curve(tmp_path, capsys):
    picture = tmp_path / "u.png"
    options = "--vocabulary 3 --embedding 2 --units 2 --layers 1 --seq-length 2 --batch-size 1 --backend numpy"
    assert gradcheck.main([*options.split(), "--plot", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_error_against_the_step_is_a_u():
    """A large h errs by curvature, a small one by rounding."""
    problem = Problem(Config(3, 2, 3, 1, 0.0), T=3, B=2, backend=cell)
    large, middle, small = (max(r.error for r in check(problem, h)) for h in (0.1, 1e-3, 1e-8))
    assert large > 100 * middle and small > 100 * middle
