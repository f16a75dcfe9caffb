"""What notebooks 05 and 06 measure with: gradients over a lag, the copy task, truncation, optimizers, pictures."""

import json
import runpy

import numpy as np
import pytest
from course import copy_task, gradient_flow, rnn
from course.descent import OPTIMIZERS, Valley, gradient_norms, losses, path, range_test, small_trainer, update_ratios
from course.optimizers import SGD, Momentum, RMSProp
from course.pictures import descent, through_time
from course.pictures.tunes import visible
from course.truncation import cosine, nats_by_position, truncated_gradient

from lstm import cell
from lstm.adam import Adam
from lstm.corpus import Corpus
from lstm.engine.threads import Workers
from lstm.gradcheck import numeric_gradient, relative_error
from lstm.io.places import ROOT
from lstm.loss import cross_entropy
from lstm.model import CharRNN, Config, State, initial_parameters

TEXT = "\n\n".join(f"X:{n}\nT:Tune {n}\nK:G\n|:GABc dedB|{'gfed cBAG|' * (n % 3)}:|" for n in range(1, 60)) + "\n\n"


def small_model(H=4, L=1, dtype=np.float64):
    config = Config(5, 3, H, L, dropout=0.0)
    return CharRNN(config, initial_parameters(config, 1, dtype), cell)


# -- gradients over a lag


def test_the_gradient_by_lag_of_an_rnn_is_the_slope_with_respect_to_the_state_so_long_before():
    rng, T = np.random.default_rng(1), 5
    z, h0, U, dh = rng.normal(size=(T, 2, 3)), rng.normal(size=(2, 3)), rng.normal(size=(3, 3)), rng.normal(size=(2, 3))
    h = rnn.forward(z, h0, U)
    back = gradient_flow.back_through_rnn(dh, h, U)
    for lag in range(1, T + 1):
        state = h[T - lag].copy()
        slope = numeric_gradient(lambda: np.vdot(dh, rnn.forward(z[T - lag :], state, U)[-1]), state, 1e-3)
        assert relative_error(back[lag], slope).max() < 1e-6


def test_the_gradients_by_lag_of_an_lstm_are_the_slopes_with_respect_to_the_state_so_long_before():
    rng, T = np.random.default_rng(2), 4
    z, (h0, c0, dh) = rng.normal(size=(T, 2, 12)), rng.normal(size=(3, 2, 3))
    U = rng.normal(size=(3, 12))
    gates, h, c = cell.forward(z.copy(), h0, c0, U)
    back_h, back_c = gradient_flow.back_through_lstm(dh, gates, c, U)
    assert (back_c[0] == 0).all() and (back_h[0] == dh).all()
    for lag in range(1, T + 1):
        before = h[T - lag].copy(), c[T - lag].copy()
        for back, state in zip((back_h, back_c), before):
            slope = numeric_gradient(
                lambda: np.vdot(dh, cell.forward(z[T - lag :].copy(), *before, U)[1][-1]), state, 1e-3
            )
            assert relative_error(back[lag], slope).max() < 1e-6


def test_a_gradient_in_the_last_layer_of_a_model_comes_back_as_backward_says():
    model, ids = small_model(L=2), np.random.default_rng(3).integers(0, 5, (6, 2))
    dh = np.random.default_rng(4).normal(size=(2, 4))
    back_h, back_c = gradient_flow.in_model(model, ids, dh)
    _, _, (_, _, caches, _, _) = model.forward(ids, model.initial_state(2))
    *_, gates, _, c = caches[-1]
    above, zero = np.zeros((6, 2, 4)), np.zeros((2, 4))
    above[-1] = dh
    _, dh0, dc0 = cell.backward(above, zero, zero, gates, c, model.parameters["lstm_2/recurrent_kernel"])
    np.testing.assert_allclose(back_h[-1], dh0, atol=1e-12)
    np.testing.assert_allclose(back_c[-1], dc0, atol=1e-12)


def test_lengths_are_those_of_both_gradients_together_and_means_over_rows():
    dh, dc = np.zeros((1, 2, 3)), np.zeros((1, 2, 3))
    dh[0, 0, 0], dc[0, 0, 1], dh[0, 1, 2] = 3, 4, 1
    assert gradient_flow.length_by_lag(dh, dc) == pytest.approx([(5 + 1) / 2])


def test_a_new_lstm_passes_on_more_of_a_gradient_with_forget_bias_1_and_an_orthogonal_rnn_less_with_less_gain():
    assert gradient_flow.new_lstm(0, T=30)[0] == pytest.approx(1)
    assert gradient_flow.new_lstm(1, T=30)[30] > 10 * gradient_flow.new_lstm(0, T=30)[30]
    assert gradient_flow.new_rnn(T=30, gain=0.5)[30] < 0.5**30 < gradient_flow.new_rnn(T=30)[30] < 1


@pytest.mark.parametrize("forget_bias", [None, 0.5])
def test_the_gradient_by_lag_in_a_reader_is_that_of_its_layer_over_what_it_reads(forget_bias):
    reader, ids = copy_task.Reader(3, forget_bias, seed=1), copy_task.examples(np.random.default_rng(2), 5, B=2)[0]
    lengths = gradient_flow.in_reader(reader, ids, seed=3)
    p = {name: array.astype(np.float64) for name, array in reader.parameters.items()}
    z, zero, U = (p["kernel"] + p["bias"])[ids], np.zeros((2, 3)), p["recurrent_kernel"]
    dh = gradient_flow.unit_rows(np.random.default_rng(3), 2, 3)
    if forget_bias is None:
        expected = gradient_flow.length_by_lag(gradient_flow.back_through_rnn(dh, rnn.forward(z, zero, U), U))
    else:
        gates, _, c = cell.forward(z, zero, zero, U)
        expected = gradient_flow.length_by_lag(*gradient_flow.back_through_lstm(dh, gates, c, U))
    np.testing.assert_allclose(lengths, expected, rtol=1e-4)
    assert lengths[0] == pytest.approx(1) and len(lengths) == 7


def test_small_inputs_let_more_of_a_gradient_back():
    small, large = (gradient_flow.new_rnn(T=30, size=size)[30] for size in (0.2, 1.0))
    assert small > 100 * large  # of eight networks each the medians are 0.02 and 1e-6


# -- the copy task


@pytest.mark.parametrize("forget_bias", [None, 0.5])
def test_a_readers_gradients_are_its_slopes(forget_bias):
    reader = copy_task.Reader(3, forget_bias, seed=1, dtype=np.float64)
    examples = copy_task.examples(np.random.default_rng(2), lag=3, B=4)
    reader.parameters.flat += np.random.default_rng(3).normal(0, 0.3, reader.parameters.flat.size)
    _, gradient = reader.loss_and_gradient(*examples)

    def loss():
        return cross_entropy(reader.forward(examples[0])[0], examples[1])[0].mean()

    for name, array in reader.parameters.items():
        slope = numeric_gradient(loss, array, 1e-3)
        np.testing.assert_allclose(gradient[name], slope, atol=1e-9, err_msg=name)


def test_an_example_shows_its_symbol_first_and_noise_after():
    ids, symbols = copy_task.examples(np.random.default_rng(1), lag=7, B=50)
    assert ids.shape == (8, 50) and (ids[0] == symbols).all()
    assert set(symbols) == set(range(copy_task.SYMBOLS))
    assert ids[1:].min() == copy_task.SYMBOLS and ids[1:].max() == copy_task.SYMBOLS + copy_task.NOISE - 1


@pytest.mark.parametrize("forget_bias", [None, 1.0])
def test_a_reader_learns_to_look_back_a_little(forget_bias):
    reader = copy_task.Reader(16, forget_bias, seed=1)
    untrained = reader.accuracy(*copy_task.examples(np.random.default_rng(5), 3, 200))
    # at most 0.36 and always 1.0 with the seeds 1 .. 8, on AVX-512, AVX2 and generic code alike
    assert untrained < 0.6 and copy_task.learn(reader, lag=3, steps=150) > 0.95


def test_learning_ends_when_it_has_learnt():
    readers = [copy_task.Reader(16, 5, seed=1) for _ in range(2)]
    for reader, steps in zip(readers, (400, 4000)):
        assert copy_task.learn(reader, lag=3, steps=steps) > 0.95
    np.testing.assert_array_equal(*(reader.parameters.flat for reader in readers))


# -- truncation


def test_the_gradient_of_one_chunk_is_the_models_and_that_of_more_is_the_weighted_sum():
    model, (ids, targets) = small_model(), np.random.default_rng(5).integers(0, 5, (2, 7, 2))
    state = State(*np.random.default_rng(6).normal(size=(2, 1, 2, 4)))
    whole = model.loss_and_gradient(ids, targets, state)
    np.testing.assert_allclose(truncated_gradient(model, ids, targets, state, 7), whole.gradient.flat, atol=1e-15)
    first = model.loss_and_gradient(ids[:4], targets[:4], state)
    expected, between = first.gradient.flat * 4 / 7, first.state
    expected = expected + model.loss_and_gradient(ids[4:], targets[4:], between).gradient.flat * 3 / 7
    np.testing.assert_allclose(truncated_gradient(model, ids, targets, state, 4), expected, atol=1e-15)
    assert cosine(expected, 3 * expected) == pytest.approx(1)


def test_windows_that_carry_the_state_cost_what_the_whole_text_costs():
    model, ids = small_model(), np.random.default_rng(7).integers(0, 5, 49)
    nats = nats_by_position(model, ids, T=4, B=2)
    rows = ids[:48].reshape(2, 24).T, ids[1:].reshape(2, 24).T
    logits, _, _ = model.forward(rows[0], model.initial_state(2))
    whole = cross_entropy(logits, rows[1])[0]  # (24, 2)
    np.testing.assert_allclose(nats["carried"], whole[4:].reshape(5, 4, 2).mean(axis=(0, 2)), atol=1e-12)


def test_windows_that_start_anew_or_with_another_rows_state_cost_what_that_state_makes_them_cost():
    model, ids = small_model(), np.random.default_rng(8).integers(0, 5, 17)
    nats = nats_by_position(model, ids, T=4, B=2)  # two windows in each of two rows; the first ones do not count
    inputs, targets = ids[:16].reshape(2, 8).T, ids[1:].reshape(2, 8).T
    _, after, _ = model.forward(inputs[:4], model.initial_state(2))
    swapped = State(after.h[:, ::-1], after.c[:, ::-1])
    for start, state in {"carried": after, "zero": model.initial_state(2), "foreign": swapped}.items():
        logits, _, _ = model.forward(inputs[4:], state)
        expected = cross_entropy(logits, targets[4:])[0].mean(axis=1)
        np.testing.assert_allclose(nats[start], expected, atol=1e-12, err_msg=start)


# -- optimizers


@pytest.mark.parametrize("kind", [SGD, Momentum, RMSProp, Adam])
def test_optimizers_go_the_way_of_pytorch(kind):
    torch = pytest.importorskip("torch")
    makers = {
        SGD: lambda p: torch.optim.SGD(p, lr=0.1),
        Momentum: lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        RMSProp: lambda p: torch.optim.RMSprop(p, lr=0.1, alpha=0.9, eps=1e-7),
        Adam: lambda p: torch.optim.Adam(p, lr=0.1, eps=1e-7),
    }
    rng = np.random.default_rng(8)
    p = rng.normal(size=5)
    theirs = torch.tensor(p.copy(), requires_grad=True)
    optimizer, ours = makers[kind]([theirs]), kind(5, np.float64)
    for _ in range(12):
        g = rng.normal(size=5)
        theirs.grad = torch.tensor(2 * g)
        optimizer.step()
        ours.step(p, g, 0.1, 2.0, Workers())
        np.testing.assert_allclose(p, theirs.detach().numpy(), rtol=1e-12)


def test_the_stored_steps_of_pytorch_are_those_that_it_takes():
    pytest.importorskip("torch")
    folder = ROOT / "notebooks" / "check"
    made = runpy.run_path(str(folder / "optimizers_with_torch.py"))["stored"]()
    stored = json.loads((folder / "nb06.json").read_text())
    assert list(stored) == list(made)
    for name, values in stored.items():
        np.testing.assert_allclose(values, made[name], rtol=1e-12, err_msg=name)


def test_optimizers_are_their_formulas_and_keep_float32():
    g1, g2, rate = np.array([1.0, -2.0]), np.array([3.0, 0.5]), 0.1
    ways = {
        SGD: -rate * (g1 + g2),
        Momentum: -rate * g1 - rate * (0.9 * g1 + g2),
        RMSProp: -rate * g1 / np.sqrt(0.1 * g1**2) - rate * g2 / np.sqrt(0.09 * g1**2 + 0.1 * g2**2),
    }
    for kind, expected in ways.items():
        for dtype, tolerance in ((np.float64, 1e-6), (np.float32, 1e-5)):
            p, optimizer = np.zeros(2, dtype), kind(2, dtype)
            for g in (g1, g2):
                optimizer.step(p, (g / 4).astype(dtype), rate, 4.0)
            np.testing.assert_allclose(p, expected, rtol=tolerance)
            assert p.dtype == dtype and optimizer.t == 2
            assert all(value.dtype == dtype for value in vars(optimizer).values() if isinstance(value, np.ndarray))


# -- descent


def test_a_valley_is_as_steep_as_it_says_in_any_direction():
    for degrees in (0, 30, 90):
        valley = Valley.of(7.0, 2.0, degrees)
        assert np.linalg.eigvalsh(valley.curvature) == pytest.approx([2, 7])
        p = np.array([0.3, -1.2])
        slope = numeric_gradient(lambda: valley.height(p), p, 1e-3)
        np.testing.assert_allclose(valley.gradient(p), slope, atol=1e-9)
    assert Valley.of(7.0, 2.0).curvature == pytest.approx(np.diag([2, 7]))
    assert Valley.of(7.0, 2.0).height(np.ones((3, 4, 2))) == pytest.approx(np.full((3, 4), 4.5))


def test_a_path_is_the_places_an_optimizer_goes_through():
    places = path(Valley.of(3.0), SGD(2, np.float64), (1.0, 1.0), 0.1, 2)
    np.testing.assert_allclose(places, [[1, 1], [0.9, 0.7], [0.81, 0.49]])


def trainer_of(**options):
    return small_trainer(Corpus.of(TEXT * 8), H=8, **options)


def test_a_range_test_takes_a_step_at_each_rate_and_ends_where_the_loss_shoots_up():
    rates = [1e-3, 2e-3, 5e-3]
    measured, trainer = range_test(trainer_of(), rates), trainer_of()
    for rate, loss in zip(rates, measured):
        trainer = trainer if rate > rates[0] else trainer_of()
        trainer.settings = type(trainer.settings)(**vars(trainer.settings) | {"learning_rate": rate})
        assert trainer.step() == loss
    assert len(range_test(trainer_of(name="SGD", clip=0.0), np.full(20, 3e4))) < 20


def test_losses_norms_and_update_ratios_are_those_of_a_trainers_steps():
    trainer = trainer_of()
    assert losses(trainer_of(), 3) == [trainer.step() for _ in range(3)]
    norms, trainer = gradient_norms(trainer_of(clip=0.01), 2), trainer_of(clip=0.01)
    result = trainer.model.loss_and_gradient(*trainer.batches[0], trainer.state)
    assert norms[0] == pytest.approx(np.linalg.norm(result.gradient.flat)) and norms[0] > 0.01
    ratios = update_ratios(trainer_of(name="SGD", clip=0.0, learning_rate=0.5), 2)
    trainer = trainer_of()
    gradient = trainer.model.loss_and_gradient(*trainer.batches[0], trainer.state).gradient
    assert set(ratios) == {name for name, array in gradient.items() if array.ndim == 2}
    for name, shares in ratios.items():
        length = np.linalg.norm(trainer.model.parameters[name])
        assert shares[0] == pytest.approx(0.5 * np.linalg.norm(gradient[name]) / length, rel=1e-4)


# -- pictures


def lines_of(axes):
    return {line.get_label(): line.get_ydata() for line in axes.lines if not line.get_label().startswith("_")}


def test_pictures_of_time_draw_what_they_are_given():
    curves = {"a": np.array([1, 0.5, 0.25]), "b": np.array([1, 0.1, 0.01])}
    lines = lines_of(through_time.gradient_by_lag(curves).axes[0])
    assert set(lines) == {"a", "b"} and (lines["b"] == curves["b"]).all()
    several = {"a": np.array([[1, 0.5], [1, 0.2], [1, 0.4]])}
    lines = lines_of(through_time.gradient_by_lag(several).axes[0])
    assert list(lines["a"]) == [1, 0.4]
    (bar,) = through_time.learnt_by_gradient(several, {"a": [0, 1]}).axes[0].containers
    assert list(bar.lines[0].get_xdata()) == [1, 0.4] and list(bar.lines[0].get_ydata()) == [0, 1]
    (bar,) = through_time.loss_by_rate([1, 3], {"a": np.array([[2.0, 2.5, 2.1], [3.0, 3.0, 3.0]])}).axes[0].containers
    assert list(bar.lines[0].get_ydata()) == [2.1, 3.0]
    assert [line.get_ydata()[0] for line in bar.lines[1]] == pytest.approx([2.0, 2.5])
    lines = lines_of(through_time.many_runs({"a": np.array([[3, 2], [1, 2]])}, "").axes[0])
    assert list(lines["a"]) == [2, 2]
    lines = lines_of(through_time.runs({"a": [3, 2, 1, 0]}, averaged=2).axes[0])
    assert list(lines["a"]) == [2.5, 1.5, 0.5]
    lines = lines_of(through_time.learnt_by_lag([2, 4], {"a": [1, 0.5], "b": [0, 0]}).axes[0])
    assert list(lines["a"]) == [1, 0.5] and list(lines["b"]) == [0, 0]
    lines = lines_of(through_time.truncation([1, 2], [0.5, 1.0], [0.7, 0.0]).axes[0])
    assert [list(values) for values in lines.values()] == [[0.5, 1.0], [0.7, 0.0]]
    assert set(lines_of(through_time.nats_by_position(curves).axes[0])) == {"a", "b"}
    lines = lines_of(through_time.runs({"long": [3, 2, 1], "short": [3]}).axes[0])
    assert list(lines["long"]) == [3, 2, 1] and list(lines["short"]) == [3]


def test_the_two_roads_show_every_character_and_both_gradients_of_every_step_between():
    figure = through_time.two_roads("|:G\n", np.array([1.0, 0.5, 0.1, 1e-9]), np.array([0.0, 2.0, 1.5, 0.7]))
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert {"|", ":", "G", visible("\n"), "dh", "dc", "0.5", "0.1", "1e-09", "2", "1.5", "0.7"} <= texts
    arrows = [text for text in figure.axes[0].texts if getattr(text, "arrow_patch", None)]
    assert len(arrows) == 6  # three of dc, two of dh (the third is too short to be drawn), the loss


def test_the_histogram_of_norms_says_how_many_are_above_the_clip():
    by_step, by_size = through_time.gradient_norms(np.array([1.0, 1.1, 1.2, 9.0]), clip=2.0).axes
    assert "25%" in by_step.get_legend().get_texts()[0].get_text()
    assert sum(patch.get_width() for patch in by_size.patches) == 4


def test_pictures_of_descent_draw_what_they_are_given():
    valley, way = Valley.of(5.0), np.array([[1.0, 1.0], [0.5, 0.2]])
    figure = descent.paths({"one": (valley, {"SGD": way}), "two": (valley, {"SGD": way, "Adam": -way})})
    assert [axes.get_title() for axes in figure.axes] == ["one", "two"]
    assert (lines_of(figure.axes[1])["Adam"] == [-1, -0.2]).all()
    two_ways = {"SGD": way, "Adam": -way}
    figure = descent.path_grid({"one": (valley, two_ways), "two": (valley, two_ways)})
    assert [axes.get_title() for axes in figure.axes] == 2 * ["SGD", "Adam"]
    assert (lines_of(figure.axes[1])["Adam"] == [-1, -0.2]).all() and figure.axes[2].get_ylabel() == "two"
    lines = lines_of(descent.moments(np.ones(3), np.array([0.1, 0.2, 0.3]), np.ones(3)).axes[0])
    assert (lines["m, started at zero"] == [0.1, 0.2, 0.3]).all()
    figure = descent.ratios({"SGD": {"kernel": [1e-3, 2e-3]}, "Adam": {"kernel": [3e-3, 4e-3]}})
    assert (lines_of(figure.axes[1])["kernel"] == [3e-3, 4e-3]).all()
    figure = descent.range_tests({"Adam": (np.array([0.1, 1, 10]), np.array([3.0, 9.0]))})
    assert (lines_of(figure.axes[0])["Adam"] == [3, 9]).all()
    assert list(OPTIMIZERS) == ["SGD", "momentum", "RMSProp", "Adam"]
