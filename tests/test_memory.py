"""What the cells of a network hold, against naive oracles: loops, finite sets, the textbook's step."""

import math

import numpy as np
import pytest

from lstm import cell
from lstm.evaluation import memory
from lstm.loss import cross_entropy
from lstm.model import BACKENDS, CharRNN, Config, initial_parameters
from lstm.vocabulary import Vocabulary

TUNE = "X:1\nT:A Tune\nM:2/4\nL:1/8\nK:G\n|:GA B2|GA:|\nBA|]\n\n\n"
OTHER = "X:2\nM:6/8\nK:D\nABc d2e|f3 e3::dcB|\n"


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary("".join(sorted({*memory.reading(TUNE), *memory.reading(OTHER)})))


@pytest.fixture(params=[1, 2], ids=["one layer", "two layers"])
def model(request, vocabulary):
    config = Config(len(vocabulary), 4, 6, request.param)
    model = CharRNN(config, initial_parameters(config, 3, float), BACKENDS["numpy"])
    model.parameters.flat[:] += 0.3 * np.random.default_rng(0).normal(size=model.parameters.flat.size)
    return model


# -- reading


def test_texts_side_by_side_cost_what_each_costs_alone(model, vocabulary):
    texts = [memory.reading(TUNE), memory.reading(OTHER), memory.reading(TUNE)[:9]]
    alone = []
    for text in texts:
        ids = vocabulary.encode(text)[:, None]
        logits, _, _ = model.forward(ids[:-1], model.initial_state())
        alone += [0.0, *cross_entropy(logits, ids[1:])[0][:, 0]]
    assert memory.costs(model, vocabulary, texts) == pytest.approx(np.array(alone), abs=1e-12)


@pytest.mark.parametrize("name", "ch")
def test_states_side_by_side_are_those_of_each_text_alone(model, vocabulary, name, monkeypatch):
    monkeypatch.setattr(memory, "AT_ONCE", 2)
    texts = [memory.reading(one) for one in (TUNE, OTHER, OTHER + "A")]
    last = model.config.layers - 1
    alone = [model.trace(vocabulary.encode(text)[:, None])[last][name][:, 0] for text in texts]
    found = memory.states(model, vocabulary, texts, last, name)
    assert found == pytest.approx(np.concatenate(alone), abs=1e-12)


# -- labels


def test_labels_say_what_has_been_read():
    text, labels = memory.reading(TUNE), memory.labels(TUNE)
    start = text.index("|:")
    assert labels["header"].tolist() == [1] * start + [0] * (len(text) - start)
    music = text[start:]
    assert music == "|:GA B2|GA:|\nBA|]\n\n"
    assert "".join(map(str, labels["bar position"][start:])) == "0123456012301230123"
    assert "".join(map(str, labels["repeat"][start:])) == "0111111111100000000"


def test_a_part_may_close_and_open_at_once_and_a_bar_may_be_long():
    labels = memory.labels(OTHER + "|" + "a" * 30)
    text = memory.reading(OTHER + "|" + "a" * 30)
    assert labels["repeat"][text.index("::") + 1] == 1 and labels["repeat"][text.index("::")] == 0
    assert labels["bar position"].max() == memory.FARTHEST


def test_each_character_has_a_kind():
    text, kinds = memory.reading(TUNE), memory.asked(TUNE)
    start, letters = text.index("|:"), {"bar line": "|", "repeat": ":", "note": "n", "other": "."}
    assert set(kinds[:start]) == {"header"}
    assert "".join(letters[kind] for kind in kinds[start:]) == "|:nn.n.|nn:..nn|..."


def test_the_meter_is_one_number_for_each_tune():
    found = memory.meters([TUNE, OTHER, TUNE])
    sizes = [len(memory.reading(tune)) for tune in (TUNE, OTHER, TUNE)]
    assert found.tolist() == [0] * sizes[0] + [1] * sizes[1] + [0] * sizes[2]


# -- what the cells tell


def test_similarity_is_the_cosine_of_any_two_states():
    states = np.random.default_rng(1).normal(size=(5, 3))
    states[2] = 0
    found = memory.similarity(states)
    for t, one in enumerate(states):
        for s, other in enumerate(states):
            lengths = math.dist(one, [0] * 3) * math.dist(other, [0] * 3)
            assert found[t, s] == pytest.approx(sum(one * other) / lengths if lengths else 0)


def test_mutual_information_is_the_sum_over_a_table_of_counts():
    rng = np.random.default_rng(2)
    labels, cells = rng.integers(3, size=400), rng.normal(size=(400, 4))
    cells[:, 1] += labels
    found = memory.mutual_information(labels, cells, bins=4)
    for unit in range(4):
        in_order = sorted(cells[:, unit])
        edges = [np.quantile(in_order, share) for share in (0.25, 0.5, 0.75)]
        bins = [sum(value >= edge for edge in edges) for value in cells[:, unit]]
        wanted = 0
        for label in range(3):
            for place in range(4):
                both = sum(a == label and b == place for a, b in zip(labels, bins)) / 400
                apart = list(labels).count(label) * bins.count(place) / 400**2
                wanted += both * math.log(both / apart) if both else 0
        assert found[unit] == pytest.approx(wanted)


def test_a_cell_that_holds_the_label_tells_its_entropy_and_a_constant_one_nothing():
    labels = np.repeat([0, 1], 50)
    found = memory.mutual_information(labels, np.stack([labels, -labels, np.zeros(100)], axis=1).astype(float))
    assert found == pytest.approx([math.log(2), math.log(2), 0])


def test_shifted_labels_are_the_same_ones_in_other_places():
    labels, rng = np.arange(1000), np.random.default_rng(3)
    for _ in range(50):
        moved = memory.shifted(labels, rng)
        by = int((moved[1] - 1) % 1000)
        assert sorted(moved) == labels.tolist() and (np.diff(moved) % 1000 == 1).all()
        assert memory.LEAST <= min(by, 1000 - by)


def test_what_is_there_beats_the_best_by_chance_and_what_is_not_does_not():
    rng = np.random.default_rng(4)
    labels = np.repeat(rng.integers(3, size=150), 10)
    cells = rng.normal(size=(1500, 30))
    nothing = memory.mutual_information(labels, cells).max()
    cells[:, 7] += labels
    chance = memory.best_by_chance(labels, cells, rng, 10)
    assert memory.mutual_information(labels, cells)[7] > 5 * chance.max() and nothing < 1.5 * chance.max()


def test_a_probe_is_the_least_squares_solution_with_a_penalty():
    rng = np.random.default_rng(5)
    cells, labels = rng.normal(size=(60, 3)) + 2, rng.integers(2, size=60)
    weights = memory.probe(labels, cells)

    def loss(w):
        wanted = np.stack([labels == 0, labels == 1], axis=1)
        lost = sum((cells @ w[:-1] + w[-1] - wanted).ravel() ** 2)
        return lost + memory.RIDGE * 60 * cells.var(axis=0).mean() * (w[:-1] ** 2).sum()

    least = loss(weights)
    for _ in range(50):
        assert loss(weights + 0.01 * rng.normal(size=weights.shape)) > least
    scores = [[sum(row * weights[:3, k]) + weights[3, k] for k in range(2)] for row in cells]
    assert memory.probed(weights, cells).tolist() == [int(two[1] > two[0]) for two in scores]


# -- what the network does without them


def steps_without(model, ids, layer, units, value, of="h"):
    """Logits (T, V) by the textbook's step, one at a time, with h (or c) of some units set to `value` around it."""
    L, H = model.config.layers, model.config.units
    h, c, logits = np.zeros((L, 1, H)), np.zeros((L, 1, H)), []
    h[layer][:, units] = value
    for k in ids:
        x = model.network.embedding.embedding[k][None]
        for n, lstm in enumerate(model.network.lstm):
            z = (x @ lstm.kernel + lstm.bias)[None]
            _, after_h, after_c = cell.forward(z, h[n], c[n], lstm.recurrent_kernel)
            h[n], c[n] = after_h[1], after_c[1]
            if n == layer and of == "c":
                c[n][:, units] = h[n][:, units] = value  # h is o tanh(0) there
            elif n == layer:
                h[n][:, units] = value
            x = h[n]
        logits.append((x @ model.network.dense.kernel + model.network.dense.bias)[0])
    return np.array(logits)


def test_silenced_units_are_those_whose_output_is_zero_at_each_step(model, vocabulary):
    ids, before = vocabulary.encode(memory.reading(TUNE)), model.parameters.flat.copy()
    for layer in range(model.config.layers):
        for of in "hc":
            wanted = steps_without(model, ids, layer, [1, 4], 0, of)
            silent = memory.silenced(model, layer, [1, 4])
            found, _, _ = silent.forward(ids[:, None], silent.initial_state())
            assert found[:, 0] == pytest.approx(wanted, abs=1e-12)
    assert (model.parameters.flat == before).all()


def test_units_may_be_held_at_a_value_too(model, vocabulary):
    ids, value = vocabulary.encode(memory.reading(OTHER)), np.array([0.7, -0.2])
    layer = model.config.layers - 1
    held = memory.silenced(model, layer, [0, 5], value)
    found, _, _ = held.forward(ids[:, None], model.initial_state())
    assert found[:, 0] == pytest.approx(steps_without(model, ids, layer, [0, 5], value), abs=1e-12)


def test_nobody_silenced_changes_nothing(model):
    silent = memory.silenced(model, 0, [])
    assert (silent.parameters.flat == model.parameters.flat).all()


def test_damage_is_the_mean_of_what_characters_of_a_kind_cost_more():
    rng, tunes = np.random.default_rng(6), [TUNE, OTHER, TUNE]
    kinds = np.concatenate([memory.asked(tune) for tune in tunes])
    before, after = rng.random(len(kinds)), rng.random(len(kinds))
    damage = memory.damage(after, before, tunes)
    for kind in ("header", "bar line", "repeat", "note", "other"):
        more = [after[n] - before[n] for n in range(len(kinds)) if kinds[n] == kind]
        value, low, high = damage.at(kind)
        assert value == pytest.approx(sum(more) / len(more)) and low <= value <= high
    assert damage.tunes.tolist() == [n for n, tune in enumerate(tunes) for _ in memory.reading(tune)]
