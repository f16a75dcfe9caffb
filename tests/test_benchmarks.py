"""The benchmark measures what it says: same work, fair turns, right arithmetic. Nothing here is timed."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from benchmarks import cold_start, frameworks, interference, products, report, rounds, samplers, targets
from benchmarks.ablations import ABLATIONS
from benchmarks.cases import REFERENCE, Case
from benchmarks.results import Results, Row

ROOT = Path(__file__).resolve().parent.parent
TINY = Case(V=11, E=6, H=8, L=2, B=9, T=5, dropout=0.0)


def run(code, environment=()):
    """The last line of JSON that a Python process prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | dict(environment), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def losses(without=None, dropout=0.0, steps=3):
    """Code that prints the losses of some steps on a tiny case."""
    remove = f"from benchmarks.ablations import remove; remove({without!r})\n" if without else ""
    return (
        f"{remove}from benchmarks.frameworks import ours; from benchmarks.cases import Case; import json\n"
        f"step = ours(Case(*{tuple(TINY._replace(dropout=dropout))}), 2)\n"
        f"print(json.dumps([step() for _ in range({steps})]))"
    )


def test_a_step_of_the_reference_is_8_46_gflop_and_11_4_without_our_embedding():
    assert REFERENCE.flop() == pytest.approx(8.46e9, rel=1e-3)
    assert REFERENCE.flop(REFERENCE.T * REFERENCE.B) == pytest.approx(11.41e9, rel=1e-3)


def test_the_count_of_parameters_is_the_models():
    from lstm.model import Config, initial_parameters

    config = Config(TINY.V, TINY.E, TINY.H, TINY.L)
    assert TINY.parameters == initial_parameters(config).flat.size


@pytest.mark.parametrize("name", ["ours", "ours, NumPy"])
def test_our_participants_learn_the_same_batch(name):
    step = frameworks.TRAINING[name](TINY, 2)
    first, *others = [step() for _ in range(20)]
    assert first == pytest.approx(np.log(TINY.V), rel=0.2)
    assert others[-1] < first


class Fake:
    """A participant that says who was asked, and is disturbed the first time."""

    def __init__(self, name, log):
        self.name, self.log = name, log

    def turn(self, seconds):
        self.log.append(self.name)
        return float(len(self.log)), 0.5 if len(self.log) == 1 else 0.0


def test_turns_go_back_and_forth_and_a_disturbed_one_is_repeated(monkeypatch):
    monkeypatch.setattr(interference, "PAUSE", 0)
    log = []
    taken = rounds.take_rounds({name: Fake(name, log) for name in "ab"}, 2, 0.1)
    assert log == ["a", "a", "b", "b", "a"]
    assert taken == {"a": [(2.0, 0.0), (5.0, 0.0)], "b": [(3.0, 0.0), (4.0, 0.0)]}


def test_what_is_cold_starts_with_a_new_cache_and_what_is_warm_with_the_one_before():
    caches = []

    def start(cache):
        assert os.path.isdir(cache)
        caches.append(cache)
        return float(len(caches)), 0.0

    starts = {"ours, cold": start, "ours, warm": start, "not installed": lambda cache: None}
    taken = cold_start.in_turn(starts, 2)
    assert taken == {"ours, cold": [(1.0, 0.0), (3.0, 0.0)], "ours, warm": [(2.0, 0.0), (4.0, 0.0)]}
    first, again, second, last = caches
    assert first == again != second == last and not os.path.isdir(first)


def test_the_least_disturbed_attempt_counts_where_none_is_quiet(monkeypatch):
    monkeypatch.setattr(interference, "PAUSE", 0)
    attempts = iter([(1, 0.9), (2, 0.3), (3, 0.6)])
    assert interference.least_disturbed(lambda: next(attempts), tries=3) == (2, 0.3)


def results(foreign):
    """PyTorch twice as slow as ours, in every round."""
    rows = [Row("training", "reference", name, 2, values, foreign) for name, values in TIMES.items()]
    return Results(["a machine"], rows)


TIMES = {"ours": [1.0, 2.0, 3.0], "PyTorch": [2.0, 4.0, 6.0]}


def test_ratios_are_taken_round_by_round():
    assert results([]).ratios("training", "reference", "PyTorch", "ours", 2) == [2, 2, 2]


def test_what_was_disturbed_reaches_no_target():
    (_, values, verdict), = targets.checked(results([0.0, 0.0, 0.0]))
    assert (values, verdict) == ([2, 2, 2], "aim reached")
    (_, _, verdict), = targets.checked(results([0.0, 0.9, 0.0]))
    assert "disturbed" in verdict


def test_what_should_be_small_is_reached_from_above():
    growth = next(target for target in targets.TARGETS if target.unit == " %" and target.floor == 15)
    assert [growth.verdict(value) for value in (8.9, 15, 15.1)] == ["reached", "reached", "MISSED"]
    start = next(target for target in targets.TARGETS if target.name.startswith("first batch"))
    assert [start.verdict(value) for value in (3, 5, 7)] == ["aim reached", "reached", "MISSED"]


def test_a_disturbed_number_does_not_go_into_the_readme():
    assert "disturbed" in "\n".join(report.readme([results([0.0, 0.9, 0.0])]))


def test_results_come_back_from_their_file(tmp_path):
    kept = results([0.0, 0.04, 0.0])
    kept.save(tmp_path / "results.json")
    assert Results.load(tmp_path / "results.json") == kept
    assert "(**2.00x**)" in "\n".join(report.readme([kept]))


def test_two_machines_stand_side_by_side_and_what_one_has_not_measured_is_empty():
    other = Results(["another machine"], [Row("training", "2 x 128", "ours", 2, [0.001])])
    header, _, first, second, *notes = report.readme([results([]), other])
    assert header.count("PyTorch") == 2
    assert first.endswith("|  |  |  |") and second.startswith("| a training step, 2 x 128 | 2 |  |  |  | 1.0 ms |")
    assert [note for note in notes if note] == ["a machine.", "another machine."]


def test_every_product_of_a_step_is_that_of_its_arrays():
    for name, product in products.PRODUCTS.items():
        small = product._replace(M=min(product.M, 13), K=min(product.K, 9), N=min(product.N, 37))
        a, b, out = small.arrays()
        assert (a @ b).shape == out.shape, name
        assert (not a.flags.c_contiguous) == small.a_transposed and (not b.flags.c_contiguous) == small.b_transposed


def test_the_weakest_product_is_the_one_with_the_least_share_of_the_better_peer():
    times = {"x W": {"ours": 1.0, "NumPy": 0.9, "PyTorch": 2.0}, "h U": {"ours": 1.0, "NumPy": 4.0, "PyTorch": 0.5}}
    rows = [Row("products", case, name, 1, [value]) for case, of in times.items() for name, value in of.items()]
    assert targets.weakest_product(Results(["a machine"], rows)) == [0.5]


def test_a_straight_line_deviates_by_nothing():
    sizes = [8, 16, 32, 64, 128]
    np.testing.assert_allclose(targets.line(sizes, [3 + 2 * n for n in sizes]), [3 + 2 * n for n in sizes])


@pytest.mark.slow
def test_without_any_idea_the_losses_are_the_same(tmp_path):
    expected = run(losses())
    for number, idea in enumerate(ABLATIONS):
        found = run(losses(idea), {"NUMBA_CACHE_DIR": str(tmp_path / str(number))})
        np.testing.assert_allclose(found, expected, atol=1e-4, err_msg=idea)


@pytest.mark.slow
def test_a_stored_mask_is_the_same_forward_and_backward(tmp_path):
    code = (
        "from benchmarks.ablations import remove; remove('dropout by a hash of the position')\n"
        "from lstm import kernels; import numpy as np; x = np.ones((5, 6, 40), np.float32)\n"
        "y, dx = kernels.dropout(x, 0.25, 7), kernels.dropout(x, 0.25, 7)\n"
        "print([float((y == 0).mean()), float(abs(y - dx).max()), float(y.max())])"
    )
    zeroed, difference, largest = run(code, {"NUMBA_CACHE_DIR": str(tmp_path)})
    assert zeroed == pytest.approx(0.25, abs=0.05) and difference == 0 and largest == pytest.approx(4 / 3)


@pytest.mark.slow
def test_the_state_of_keras_is_carried_in_compiled_code():
    if not (find_spec("keras") and find_spec("jax")):
        pytest.skip("needs the extra peers, and JAX, on which Keras is compiled")
    code = (
        "from benchmarks import frameworks; from benchmarks.cases import Case; import numpy as np\n"
        f"keras, _ = frameworks.import_keras(); case = Case(*{tuple(TINY)})\n"
        "model = frameworks.keras_network(case, case.T)\n"
        "lstms = [layer for layer in model.layers if isinstance(layer, keras.layers.LSTM)]\n"
        "model.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=True)\n"
        "ids, targets = (a.T for a in case.batch()); model.train_on_batch(ids, targets)\n"
        "print([float(abs(np.asarray(s)).max()) for layer in lstms for s in layer.states])"
    )
    assert min(run(code)) > 0


@pytest.mark.slow
def test_the_peers_learn_the_same_batch_and_compose():
    pytest.importorskip("torch", reason="needs the extra peers")
    step = frameworks.pytorch(TINY, 1)
    first, *others = [step() for _ in range(20)]
    assert others[-1] < first
    samplers.pytorch(TINY._replace(B=2), 1)()
