"""The page with the network in it: what Python puts there; and its program, by Node where there is one.

Its JavaScript is compared with NumPy. What it plays is in test_page_notes.py, its controls are in test_page_browser.py.
"""

import base64
import hashlib
import json
import re
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest

import lstm
from helpers import NODE, javascript, model_of, needs_node, run_command
from lstm import cell
from lstm import page as command
from lstm.corpus import read
from lstm.engine.threads import Workers
from lstm.io import InputError, places
from lstm.notation.tunes import split
from lstm.page import FOLDER, SCRIPTS, STEPS, packed, page
from lstm.sampling import Draw, distribution, pick
from lstm.settings import Settings
from lstm.storage.checkpoint import Checkpoint
from lstm.storage.keras_files import HardSigmoid
from lstm.training import character_losses
from lstm.vocabulary import Vocabulary

LARGEST = 6_000_000  # bytes of the page with the model that ships


class Elements(HTMLParser):
    """The elements of a page: [(tag, attributes, text)]."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes), []))
        self.open = True

    def handle_data(self, data):
        if self.open:
            self.found[-1][2].append(data)

    def handle_endtag(self, tag):
        self.open = False


def checkpoint(sizes=(9, 3, 4, 2), characters=None, abc=True, seed=4):
    """A Checkpoint of a small network with random weights."""
    return Checkpoint(model_of(sizes, cell, seed=seed), Vocabulary(characters or "\n:|KX1ABc"[: sizes[0]]), abc=abc)


def network_of(model):
    """A model as JavaScript has it, as an expression and what that must be given."""
    shapes, data = packed(model.parameters)
    config = model.config
    given = {
        "weights": base64.b64encode(data).decode(), "shapes": [*shapes.items()],
        "V": config.vocabulary, "E": config.embedding, "H": config.units, "L": config.layers,
    }
    expression = """(() => {
        const { bytes, multiply } = fastest(Uint8Array.from(Buffer.from(given.weights, 'base64')), 2000);
        return new Network(unpacked(bytes, given.shapes), given, multiply); })()"""
    return expression, given


def unpacked(shapes, data):
    """The arrays of `packed` again, as its docstring has them: {name: array}, float32."""
    arrays, at = {}, 0
    for name, (rows, columns) in shapes.items():
        arrays[name] = scales = np.frombuffer(data, "<f4", columns, at)
        at += 4 * columns
        if rows:
            arrays[name] = np.frombuffer(data, "i1", rows * columns, at).reshape(rows, columns) * scales
            at += rows * columns
    return arrays


def as_the_page_has_it(model):
    """The same model with the weights of the page."""
    other = model.copy()
    for name, array in unpacked(*packed(model.parameters)).items():
        other.parameters[name] = array
    return other


# -- what Python writes


def test_packed_weights_are_right_to_half_a_scale_and_biases_are_kept():
    parameters = model_of((9, 3, 4, 2), cell).parameters
    parameters["dense/kernel"][:, 3] = 0  # a column that says nothing
    arrays = unpacked(*packed(parameters))
    assert [*arrays] == [*parameters]
    for name, array in parameters.items():
        off = np.abs(arrays[name] - array)
        scale = np.abs(array).max(axis=0) / STEPS if array.ndim == 2 else 0
        assert (off <= scale * 0.5001 + 1e-12).all(), name


@pytest.mark.slow
def test_with_the_weights_of_the_page_the_held_out_tunes_cost_hardly_more():
    model = lstm.load()
    text, _ = read([str(places.USUAL_INPUT)], None, print)
    ids = model.vocabulary.encode(split(text, Settings.validation)[1])
    whole, eighth = (
        character_losses(network, ids, Settings.seq_length, Workers(2))[0].mean(dtype=np.float64)
        for network in (model.model, as_the_page_has_it(model.model))
    )
    assert eighth - whole < 0.002  # measured: -0.0002


def test_the_page_loads_nothing_and_runs_only_its_own_program():
    text = page(checkpoint())
    elements = Elements(text).found
    assert not [tag for tag, attributes, _ in elements if {"src", "href", "onclick", "onload"} & {*attributes}]
    policy = next(attributes["content"] for tag, attributes, _ in elements if attributes.get("http-equiv"))
    style = next("".join(content) for tag, _, content in elements if tag == "style")
    script = next("".join(content) for tag, attributes, content in elements if tag == "script" and not attributes)
    for part in (style, script):
        assert base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy.replace("'wasm-unsafe-eval'", "")  # which lets in no code that is not the script's


def test_no_character_of_a_vocabulary_becomes_markup():
    hostile = "</script>\"'&\u2028\n"
    characters = "".join(dict.fromkeys(hostile))
    text = page(checkpoint((len(characters), 3, 4, 1), characters, abc=False))
    facts = next(c for tag, attributes, c in Elements(text).found if attributes.get("id") == "model")
    assert json.loads("".join(facts))["characters"] == characters
    assert text.count("</script>") == 3


def test_the_page_of_the_model_that_ships_is_small():
    assert len(page(lstm.load()).encode()) < LARGEST


def test_the_command_writes_the_page_and_says_its_size(tmp_path):
    status, out, err = run_command(command.main, "page", "--out", tmp_path / "a.html")
    assert (status, out) == (0, "") and "MB" in err
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == page(lstm.load())


@pytest.mark.parametrize("arguments, said", [
    (["--out", "no/such/folder/a.html"], "no/such/folder"),
    (["--weights", "nothing.h5"], "nothing.h5"),
    (["3", "--weights", "nothing.h5"], "leave one out"),
])
def test_what_cannot_be_done_is_said_in_one_line(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = run_command(command.main, "page", *arguments)
    assert status == 2 and said in err and err.count("\n") == 1 and not out


def test_a_model_with_other_gates_is_refused():
    other = checkpoint()
    other.model.backend = HardSigmoid((2, 2))
    with pytest.raises(InputError, match="hard_sigmoid"):
        page(other)


# -- the network in JavaScript


@needs_node
@pytest.mark.parametrize("sizes", [(9, 3, 4, 2), (5, 8, 17, 1), (7, 9, 16, 3)])
def test_the_logits_are_those_of_numpy(sizes):
    model = model_of(sizes, cell)
    ids = np.random.default_rng(1).integers(0, sizes[0], 50)
    expression, given = network_of(model)
    found = javascript(
        f"(() => {{ const network = {expression}; let state = network.zero(); return given.ids.map((id) => {{"
        "const now = network.step(id, state); state = now.state; return [...now.logits]; }); })()",
        given | {"ids": ids.tolist()},
    )
    other = as_the_page_has_it(model)
    logits, _, _ = other.forward(ids[:, None], other.initial_state())
    np.testing.assert_allclose(found, logits[:, 0], atol=1e-5)


@needs_node
@pytest.mark.parametrize("N, K", [(1, 1), (3, 15), (5, 16), (17, 50), (300, 1200)])
def test_the_fast_product_has_the_bits_of_the_readable_one_and_writes_nowhere_else(N, K):
    rng = np.random.default_rng(N)
    x, W = rng.normal(size=N).astype(np.float32), rng.integers(-128, 128, N * K)
    same, kept, fast, wanted = javascript("""(() => {
        const given_bytes = Uint8Array.from(given.W), before = [...given_bytes], { x, N, K } = given;
        const { bytes, multiply } = fastest(given_bytes, Math.max(N, K));
        const W = new Int8Array(bytes.buffer, bytes.byteOffset, N * K), row = Float32Array.from(x);
        const found = [...multiply(row, W, K)], again = [...multiply(row, W, K)], wanted = [...product(row, W, K)];
        const same = found.every((z, k) => Object.is(z, wanted[k]) && Object.is(z, again[k]));
        return [same, before.every((byte, n) => byte === bytes[n]), multiply !== product, wanted];
    })()""", {"x": x.tolist(), "W": (W % 256).tolist(), "N": N, "K": K})
    assert fast and same and kept
    np.testing.assert_allclose(wanted, x @ W.reshape(N, K), rtol=1e-4, atol=1e-3)


@needs_node
def test_where_there_is_no_webassembly_the_readable_product_does_the_same():
    expression, given = network_of(model_of((9, 3, 20, 2), cell))
    slow, *logits = javascript(f"""(() => {{
        const fast = {expression};
        delete globalThis.WebAssembly;
        const readable = {expression};
        const read = (network) => [...network.step(3, network.step(2, network.zero()).state).logits];
        return [readable.multiply === product, read(fast), read(readable)];
    }})()""", given)
    assert slow and logits[0] == logits[1]


@needs_node
def test_no_two_parts_of_the_program_share_a_name():
    program = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)
    done = subprocess.run([NODE, "--check", "-"], input=program, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@needs_node
@pytest.mark.slow
def test_the_model_that_ships_has_the_same_logits_over_2000_characters_and_the_same_greedy_text():
    checkpoint = lstm.load()
    model, (expression, given) = as_the_page_has_it(checkpoint.model), network_of(checkpoint.model)
    text, _ = read([str(places.USUAL_INPUT)], None, print)
    ids = checkpoint.vocabulary.encode(text[-2000:])
    program = f"""(() => {{
        const network = {expression};
        let state = network.zero();
        const logits = given.ids.map((id) => {{
            const now = network.step(id, state); state = now.state; return [...now.logits]; }});
        const greedy = [given.first];
        state = network.zero();
        while (greedy.length < 500) {{
            const now = network.step(greedy.at(-1), state);
            state = now.state;
            greedy.push(pick(distribution(now.logits, {{ temperature: 0, top_p: 1 }}), 0.5));
        }}
        return [logits, greedy];
    }})()"""
    logits, greedy = javascript(program, given | {"ids": ids.tolist(), "first": int(ids[0])})
    wanted, _, _ = model.forward(ids[:, None], model.initial_state())
    np.testing.assert_allclose(logits, wanted[:, 0], atol=1e-4)
    ours, state = [int(ids[0])], model.initial_state()
    while len(ours) < 500:
        row, state, _ = model.forward(np.array([[ours[-1]]]), state)
        ours.append(int(row[0, 0].argmax()))
    assert greedy == ours


@needs_node
def test_a_hand_does_what_it_says():
    """Silence, a held cell and a forget bias, against the equations of cell.py with the same change."""
    model = as_the_page_has_it(model_of((5, 3, 6, 1), cell))
    expression, given = network_of(model)
    hand = {"bias": 1.5, "cells": {"2": -0.75}, "silent": [0, 4]}
    found = javascript(
        f"(() => {{ const network = {expression}; let state = network.zero(); return given.ids.map((id) => {{"
        "const now = network.step(id, state, [given.hand]); state = now.state;"
        "return ['f', 'c', 'h'].map((name) => [...state[0][name]]); }); })()",
        given | {"ids": [1, 3, 0, 2], "hand": hand},
    )
    p, h, c = model.parameters, np.zeros(6), np.zeros(6)
    for id, (f_found, c_found, h_found) in zip([1, 3, 0, 2], found):
        z = p["embedding/embedding"][id] @ p["lstm_1/kernel"] + h @ p["lstm_1/recurrent_kernel"] + p["lstm_1/bias"]
        zi, zf, zg, zo = np.split(z, 4)
        i, f, g, o = cell.sigmoid(zi), cell.sigmoid(zf + 1.5), np.tanh(zg), cell.sigmoid(zo)
        c = f * c + i * g
        c[2] = -0.75
        h = o * np.tanh(c)
        h[[0, 4]] = 0
        np.testing.assert_allclose([f_found, c_found, h_found], [f, c, h], atol=1e-6)


@needs_node
@pytest.mark.parametrize("temperature, top_p", [(1, 1), (0.5, 1), (0, 1), (1.3, 0.6), (0.8, 0), (2, 0.95)])
def test_a_character_is_drawn_as_sampling_draws_it(temperature, top_p):
    logits = np.random.default_rng(3).normal(0, 2, (20, 9))
    how = {"temperature": temperature, "top_p": top_p}
    found = javascript("given.logits.map((row) => [...distribution(Float64Array.from(row), given.how)])",
                       {"logits": logits.tolist(), "how": how})
    np.testing.assert_allclose(found, [distribution(row, Draw(**how)) for row in logits], atol=1e-12)
    uniforms = np.linspace(0, 0.999, 20)
    picked = javascript("given.p.map((row, n) => pick(Float64Array.from(row), given.uniforms[n]))",
                        {"p": found, "uniforms": uniforms.tolist()})
    assert picked == [pick(np.array(row), uniform) for row, uniform in zip(found, uniforms)]


COMPOSE = """(() => {
    const network = %s, model = { network, characters: [...given.characters], abc: true, order: "XTRMLK" };
    const make = (settings, variations) => {
        const composer = new Composer(model, { temperature: 1, top_p: 1, seed: "", lines: [], length: 120, hands: [],
            random_seed: 1, ...settings }, variations);
        while (!composer.ended) composer.step();
        return composer;
    };
    return (%s);
})()"""


def composed(what, characters="\n:|KXRTMABc1"):
    """What an expression gives that has make(settings, variations): a Composer that has ended."""
    expression, given = network_of(model_of((len(characters), 3, 4, 1), cell))
    return javascript(COMPOSE % (expression, what), given | {"characters": characters})


@needs_node
def test_the_same_seed_gives_the_same_tune_and_another_seed_another():
    same, again, other = composed("[1, 1, 2].map((random_seed) => make({ random_seed }).text)")
    assert same == again != other


@needs_node
def test_going_on_in_another_way_keeps_what_stands_before_and_an_address_repeats_it():
    text, varied, repeated = composed("""(() => {
        const composer = make({}), text = composer.text;
        const variation = { at: 40, random_seed: 7, temperature: 1.5, top_p: 0.9 };
        composer.vary(variation);
        while (!composer.ended) composer.step();
        return [text, composer.text, make({}, [variation]).text];
    })()""")
    assert varied == repeated != text and varied[:40] == text[:40]


@needs_node
def test_one_cannot_go_on_from_within_what_was_given_nor_after_the_end():
    given, drawn, last = composed("""(() => {
        const composer = make({ seed: "X:1" });
        return [[1, 2], [3, 50], [composer.text.length]].map((places) => places.map((at) => composer.canVary(at)));
    })()""")
    assert not any(given) and all(drawn) and last == [False]


@needs_node
def test_a_character_beyond_the_first_65536_is_one_character():
    characters = "\n:|KXRTMABc🎻"
    text = composed("make({ temperature: 50 }).steps.map((step) => step.character)", characters)
    assert set(text) <= set(characters) and "🎻" in text
    again, varied = composed("""(() => {
        const composer = make({ temperature: 50 }), variation = { at: 30, random_seed: 7, temperature: 50, top_p: 1 };
        composer.vary(variation);
        while (!composer.ended) composer.step();
        return [make({ temperature: 50 }, [variation]).text, composer.text];
    })()""", characters)
    assert again == varied


@needs_node
def test_the_network_reads_first_what_it_reads_in_python():
    for seed, text in (("", "\n\nX:"), ("K:A", "K:A")):
        model = model_of((11, 3, 4, 1), cell)
        expression, given = network_of(model)
        given |= {"characters": "\n:|KXRTMABc", "seed": seed}
        settings = "seed: given.seed, temperature: 1, top_p: 1, random_seed: 1, lines: [], length: 9, hands: []"
        found = javascript(f"""[...new Composer({{ network: {expression}, characters: [...given.characters], abc: true,
            order: "XTRMLK" }}, {{ {settings} }}).logits]""", given)
        ids = np.array([["\n:|KXRTMABc".index(character)] for character in text])
        other = as_the_page_has_it(model)
        logits, _, _ = other.forward(ids, other.initial_state())
        np.testing.assert_allclose(found, logits[-1, 0], atol=1e-5)


@needs_node
def test_the_lines_that_are_wanted_stand_in_the_header_once_and_in_order():
    text = composed("make({ lines: ['R:A\\n', 'K:B\\n'], length: 400 }).text")
    assert re.search(r"^R:A\n(.*\n)*?K:B\n", text, re.MULTILINE)
    assert text.count("R:A\n") == 1
