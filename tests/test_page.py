"""The page with the network in it: what Python puts there; and its program, by Node where there is one.

Its JavaScript is compared with NumPy and with abc2midi. The controls are tried in test_page_browser.py.
"""

import base64
import hashlib
import json
import random
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import lstm
from helpers import model_of, run_command
from lstm import cell
from lstm import page as command
from lstm.corpus import read
from lstm.engine.threads import Workers
from lstm.io import InputError, places
from lstm.notation.abc2midi import find_abc2midi
from lstm.notation.tunes import split, split_tunes
from lstm.page import FOLDER, STEPS, packed, page, unpacked
from lstm.rendering.music import beats, midi
from lstm.sampling import Draw, distribution, pick
from lstm.settings import Settings
from lstm.storage.checkpoint import Checkpoint
from lstm.storage.keras_files import HardSigmoid
from lstm.training import character_losses
from lstm.vocabulary import Vocabulary

NODE = shutil.which("node")
node = pytest.mark.skipif(NODE is None, reason="of JavaScript, and there is no Node here")
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


def javascript(expression, given=None):
    """What an expression gives that has all of the page's program but its last part, and `given`."""
    program = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in command.SCRIPTS[:-1])
    source = f"{program}\nconst given = JSON.parse(require('fs').readFileSync(0, 'utf8'));\n" \
             f"process.stdout.write(JSON.stringify({expression}));"
    done = subprocess.run([NODE, "-e", source], input=json.dumps(given), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def network_of(model):
    """A model as JavaScript has it, as an expression and what that must be given."""
    shapes, data = packed(model.parameters)
    config = model.config
    given = {
        "weights": base64.b64encode(data).decode(), "shapes": [*shapes.items()],
        "V": config.vocabulary, "E": config.embedding, "H": config.units, "L": config.layers,
    }
    arrays = "Object.fromEntries(unpacked(Uint8Array.from(Buffer.from(given.weights, 'base64')), given.shapes))"
    return f"new Network({arrays}, given)", given


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
    assert "default-src 'none'" in policy and "unsafe" not in policy


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


@node
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


@node
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


@node
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


@node
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
    const network = %s, model = { network, characters: given.characters, abc: true, order: "XTRMLK" };
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


@node
def test_the_same_seed_gives_the_same_tune_and_another_seed_another():
    same, again, other = composed("[1, 1, 2].map((random_seed) => make({ random_seed }).text)")
    assert same == again != other


@node
def test_going_on_in_another_way_keeps_what_stands_before_and_an_address_repeats_it():
    text, varied, repeated = composed("""(() => {
        const composer = make({}), text = composer.text;
        const variation = { at: 40, random_seed: 7, temperature: 1.5, top_p: 0.9 };
        composer.vary(variation);
        while (!composer.ended) composer.step();
        return [text, composer.text, make({}, [variation]).text];
    })()""")
    assert varied == repeated != text and varied[:40] == text[:40]


@node
def test_one_cannot_go_on_from_within_what_was_given_nor_after_the_end():
    given, drawn, last = composed("""(() => {
        const composer = make({ seed: "X:1" });
        return [[1, 2], [3, 50], [composer.text.length]].map((places) => places.map((at) => composer.canVary(at)));
    })()""")
    assert not any(given) and all(drawn) and last == [False]


@node
def test_the_lines_that_are_wanted_stand_in_the_header_once_and_in_order():
    text = composed("make({ lines: ['R:A\\n', 'K:B\\n'], length: 400 }).text")
    assert re.search(r"^R:A\n(.*\n)*?K:B\n", text, re.MULTILINE)
    assert text.count("R:A\n") == 1


# -- the notes that it plays


def notes_of(tune):
    """The notes of a tune by abc2midi, as `beats` gives them."""
    return beats(midi(tune))


def differing(tunes):
    """The first of the tunes whose notes are other ones than abc2midi plays, and how; None if there is none."""
    found = javascript("given.map((tune) => performed(tune).notes.map((n) => [n.pitch, n.start, n.end]))", tunes)
    for tune, ours in zip(tunes, found):
        ours, theirs = sorted(ours), sorted(map(list, notes_of(tune)))
        if len(ours) != len(theirs):
            return f"{tune}\n{len(ours)} notes, and {len(theirs)} by abc2midi"
        pairs = [pair for pair in zip(ours, theirs) if not np.allclose(*pair, rtol=0, atol=0.03)]
        if pairs:
            return f"{tune}\n{pairs[0][0]}, and {pairs[0][1]} by abc2midi"
    return None


HEAD = "X:1\nT:A tune\nR:{}\nM:{}\nL:{}\nK:{}\n"
PHRASES = [
    ("reel", "4/4", "1/8", "G", "|:AB|1 CD:|2 EF||GA|"),
    ("reel", "4/4", "1/8", "G", "AB:|CD:|"),
    ("reel", "4/4", "1/8", "G", "|:A|1,2B:|3c||"),
    ("reel", "4/4", "1/8", "G", "|:A::B:|"),
    ("jig", "6/8", "1/8", "D", "|:fdB|\n[1 e3 e3:|\n[2 d3 d3|]"),
    ("reel", "4/4", "1/8", "G", "=ffFf'|f"),
    ("reel", "4/4", "1/8", "G", "^f-|f f|f"),
    ("reel", "4/4", "1/8", "G", "z2 A3/2B/2 A//B// A3/ B/4|"),
    ("reel", "4/4", "1/8", "G", "A > B {c}d>{e}f A>>B A<B|"),
    ("reel", "4/4", "1/8", "G", "{d}cB {de}f2 {def}A/B/ {d/}c|"),
    ("reel", "4/4", "1/8", "G", "(3ABc d2 (3A2B2c2|(5ABcde (2AB(4ABcd|(3{e}dcd {e}(3dcd|"),
    ("jig", "6/8", "1/8", "D", "(2AB (4ABcd (5ABcde"),
    ("reel", "4/4", "1/8", "G", "~A ~A/ ~A2 ~A3 ~B4|~A>B A>~B ~A<B|"),
    ("reel", "4/4", "1/8", "G", "TA/ TA2 TA3|TF TE|(3TABTc TA>B A>TB {d}TA2|"),
    ("reel", "4/4", "1/8", "G", "RA2 RA3|HA2 .A2 uA2 vA2|"),
    ("reel", "4/4", "1/8", "G", "A-A B2-|B2 (A2-A2)|A2-|B2 A2|A-|A-|A|"),
    ("reel", "4/4", "1/8", "G", "A[K:D]f|[M:3/4]A3[L:1/4]A|Z A|"),
    ("hornpipe", "4/4", "1/8", "G", "A2 B A A2 B2|A>B A<B (3ABc AB|z A B z|A B2 A {c}AB AB|"),
    ("hornpipe", "4/4", "1/8", "G", "A>~B ~A>B ~AB A~B|TA>B TAB ATB|(3ABc (3Bcd ABcd|"),
    ("hornpipe", "2/4", "1/16", "G", "ABcd A>BA<B|A2B2 AB c2|"),
    ("Hornpipe", "C", "1/8", "G", "ABcd A>B c2|"),
    ("strathspey", "4/4", "1/8", "Bb", "B>cd<e __A^^G =A_B|"),
    *[("reel", "4/4", "1/8", key, "CDEF GABc|defg abc'd'|")
      for key in ("C", "F#m", "Bb", "Edor", "E dorian", "Amix", "Glyd", "Dphr", "Gm", "C#m", "Eb", "Cminor", "Dmaj")],
]


@node
@pytest.mark.parametrize("rhythm, meter, unit, key, body", PHRASES)
def test_repeats_ties_tuplets_and_ornaments_sound_as_abc2midi_plays_them(rhythm, meter, unit, key, body):
    pytest.importorskip("symusic")
    assert not differing([HEAD.format(rhythm, meter, unit, key) + body + "\n"])


def clean(tunes):
    """Those of some tunes that abc2midi plays without an error."""
    from lstm.notation.abc2midi import ask_abc2midi

    return [tune for tune in tunes if not ask_abc2midi(tune, find_abc2midi())[1]]


@node
@pytest.mark.slow
def test_300_tunes_of_the_corpus_sound_as_abc2midi_plays_them():
    pytest.importorskip("symusic")
    tunes = split_tunes(Path(places.USUAL_INPUT).read_text(encoding="utf-8"))
    chosen = clean(random.Random(1).sample(tunes, 310))
    assert len(chosen) >= 300 and not differing(chosen)


@node
@pytest.mark.slow
def test_300_composed_tunes_sound_as_abc2midi_plays_them():
    pytest.importorskip("symusic")
    chosen = clean(lstm.compose(lstm.load(), 310, 0.8, random_seed=11))
    assert len(chosen) >= 300 and not differing(chosen)


@node
def test_no_text_makes_it_hang_or_fail():
    letters = "ABCabc|:[]12,-(){}~T.Hz<>/^_=' \n\"!%KM"
    rng = random.Random(2)
    texts = ["X:1\nK:G\n" + "".join(rng.choices(letters, k=200)) for _ in range(300)]
    extreme = "|1-999999999 A", "A999999999", "A/99999999", "(9:9:9A", "Z99999", "A1/0"
    texts += ["X:1\nK:G\n" + body for body in extreme]
    ends = "given.map((tune) => performed(tune).notes.every((n) => n.end >= n.start && n.end < 1e7))"
    assert all(javascript(ends, texts))


@node
def test_its_midi_file_has_the_same_notes():
    symusic = pytest.importorskip("symusic")
    tune = HEAD.format("reel", "4/4", "1/8", "G") + "|:ABcd efga|[Ac]4 {d}c4:|\n"
    both = "(() => { const { notes } = performed(given); return [notes, [...midi(notes, 90)]]; })()"
    notes, data = javascript(both, tune)
    score = symusic.Score.from_midi(bytes(data))
    found = sorted((n.start / score.ticks_per_quarter, n.pitch, n.end / score.ticks_per_quarter)
                   for track in score.tracks for n in track.notes)
    np.testing.assert_allclose(found, sorted((n["start"], n["pitch"], n["end"]) for n in notes), atol=1 / 400)
    assert round(score.tempos[0].qpm) == 90
