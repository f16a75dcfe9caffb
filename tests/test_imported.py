"""A state_dict of PyTorch, read: its network or a refusal by name. All of it needs the extra `peers`."""

import json

import numpy as np
import pytest

from lstm.io import InputError
from lstm.model import CharRNN, Config, initial_parameters
from lstm.storage import imported
from lstm.storage.checkpoint import Checkpoint
from lstm.storage.exported import export
from lstm.vocabulary import Vocabulary

torch = pytest.importorskip("torch", reason="needs the extra peers")
save_file = pytest.importorskip("safetensors.torch", reason="needs the extra peers").save_file
# Frameworks warn of things that are theirs to mend.
pytestmark = pytest.mark.filterwarnings("default")
CONFIG = Config(vocabulary=11, embedding=6, units=9, layers=3, dropout=0.0)
both = pytest.mark.parametrize("ending", [".pt", ".safetensors"])


@pytest.fixture
def vocabulary(tmp_path):
    path = tmp_path / "characters.json"
    path.write_text(json.dumps({character: n for n, character in enumerate("abcdefghijk")}))
    return path


def network(lstm=None, dtype=torch.float32):
    """Somebody's network, by other names than ours."""
    torch.manual_seed(1)
    parts = {"encoder": torch.nn.Embedding(11, 6), "rnn": lstm or torch.nn.LSTM(6, 9, 3)}
    return torch.nn.ModuleDict(parts | {"head": torch.nn.Linear(9, 11)}).to(dtype)


def save(weights, path):
    save_file(weights, path) if path.suffix == ".safetensors" else torch.save(weights, path)
    return path


@both
@pytest.mark.parametrize("dtype, relative", [(torch.float32, 2e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("how", [{}, {"bias": False}, {"batch_first": True}])
def test_a_network_of_pytorch_gives_its_logits_here(tmp_path, vocabulary, ending, dtype, relative, how):
    theirs = network(torch.nn.LSTM(6, 9, 3, **how), dtype)
    ours = imported.load(save(theirs.state_dict(), tmp_path / f"net{ending}"), vocabulary)
    assert ours.model.config == CONFIG and ours.vocabulary.characters == "abcdefghijk"
    ids = np.random.default_rng(1).integers(0, 11, (20, 3))
    logits, _, _ = ours.model.forward(ids, ours.model.initial_state(3))
    with torch.no_grad():
        x = torch.tensor(ids.T if how.get("batch_first") else ids)
        expected = theirs["head"](theirs["rnn"](theirs["encoder"](x))[0]).numpy()
    expected = expected.swapaxes(0, 1) if how.get("batch_first") else expected
    assert logits.dtype == expected.dtype
    assert np.abs(logits - expected).max() <= relative * np.abs(expected).max()


@both
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_we_wrote_comes_back_bit_for_bit_with_its_vocabulary(tmp_path, ending, dtype):
    ours = Checkpoint(CharRNN(CONFIG, initial_parameters(CONFIG, 3, dtype)), Vocabulary("zyxwvutsr\0é"))
    export(ours, tmp_path / f"model{ending}")
    back = imported.load(tmp_path / f"model{ending}")
    assert (back.model.config, back.vocabulary) == (CONFIG, ours.vocabulary)
    np.testing.assert_array_equal(back.model.parameters.flat, ours.model.parameters.flat, strict=True)


def test_our_safetensors_says_whether_it_learnt_abc(tmp_path):
    ours = Checkpoint(CharRNN(CONFIG), Vocabulary("abcdefghijk"), abc=False)
    export(ours, tmp_path / "model.safetensors")
    assert not imported.load(tmp_path / "model.safetensors").abc


@both
def test_from_pytorch_through_us_to_pytorch_it_is_the_same_network(tmp_path, vocabulary, ending):
    theirs = network()
    ours = imported.load(save(theirs.state_dict(), tmp_path / f"net{ending}"), vocabulary)
    export(ours, tmp_path / "back.pt")
    names = {"embedding.": "encoder.", "lstm.": "rnn.", "dense.": "head."}
    for name, array in torch.load(tmp_path / "back.pt", weights_only=True).items():
        module, _, rest = name.partition(".")
        expected = theirs.state_dict()[names[f"{module}."] + rest]
        if "bias_ih" in rest:  # ours is the sum of PyTorch's two
            expected = expected + theirs.state_dict()[f"rnn.{rest.replace('ih', 'hh')}"]
        assert torch.equal(array, 0 * expected if "bias_hh" in rest else expected), name


def changed(**arrays):
    return network().state_dict() | {name.replace("__", "."): array for name, array in arrays.items()}


def without(name):
    return {other: array for other, array in network().state_dict().items() if other != name}


OTHERS = {
    "GRU": (lambda: network(torch.nn.GRU(6, 9)).state_dict(), "it is a GRU, not an LSTM"),
    "RNN": (lambda: network(torch.nn.RNN(6, 9)).state_dict(), "it is a plain RNN, not an LSTM"),
    "both ways": (lambda: network(torch.nn.LSTM(6, 9, bidirectional=True)).state_dict(), "bidirectional.*_reverse"),
    "projected": (lambda: network(torch.nn.LSTM(6, 9, proj_size=4)).state_dict(), "projected .*weight_hr_l0"),
    "a layer gone": (lambda: without("rnn.weight_hh_l1"), "not whole: weight_hh_l1"),
    "two LSTMs": (lambda: changed(**{"b__weight_ih_l0": torch.zeros(36, 6)}), "2 modules with the arrays of an LSTM"),
    "no LSTM": (lambda: {"head.weight": torch.zeros(3, 2)}, "0 modules with the arrays of an LSTM"),
    "nothing beside": (lambda: torch.nn.LSTM(6, 9).state_dict(), "beside the LSTM it has nothing"),
    "no bias": (lambda: without("head.bias"), r"beside the LSTM it has .*, head.weight \(11, 9\)"),
    "more": (lambda: changed(norm__weight=torch.zeros(9)), r"beside the LSTM it has .*, norm.weight \(9,\)"),
    "width": (lambda: changed(head__weight=torch.zeros(11, 8)), r"dense/kernel has shape \(8, 11\), not \(9, 11\)"),
    "a bias": (lambda: changed(rnn__bias_hh_l0=torch.zeros(1)), r"bias_hh_l0 has shape \(1,\), not \(36,\)"),
    "a counter": (lambda: changed(steps=torch.zeros(1, dtype=torch.int64)), "steps holds .*64"),
    "a vector": (lambda: changed(rnn__weight_hh_l0=torch.zeros(36)), r"hh_l0 has shape \(36,\), and is no matrix"),
    "bfloat16": (lambda: changed(head__bias=torch.zeros(11).bfloat16()), "head.bias holds .*16, not .*64"),
    "NaN": (lambda: changed(head__bias=torch.full((11,), torch.nan)), "dense/bias has values that are not finite"),
}


@both
@pytest.mark.parametrize("weights, complaint", OTHERS.values(), ids=OTHERS)
def test_another_network_is_refused_by_name(tmp_path, vocabulary, ending, weights, complaint):
    path = save(weights(), tmp_path / f"net{ending}")
    with pytest.raises(InputError, match=f"^cannot use .*net{ending}: .*{complaint}.*; .*") as error:
        imported.load(path, vocabulary)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [
    [1, 2], torch.zeros(3), {"epoch": 3}, {3: torch.zeros(3)}, network(), {"state_dict": {}},
], ids=str)
def test_a_pt_file_of_something_else_is_refused_and_nothing_in_it_runs(tmp_path, vocabulary, content):
    torch.save(content, tmp_path / "net.pt")
    remedies = r"save a model's state_dict\(\) with|save that one alone, by"
    with pytest.raises(InputError, match=f"^cannot use .*; ({remedies}) torch.save$"):
        imported.load(tmp_path / "net.pt", vocabulary)


@both
@pytest.mark.parametrize("length", [0, 7, 8, 100, 900, -1])
def test_a_file_that_is_not_whole_is_refused(tmp_path, vocabulary, ending, length):
    path = save(network().state_dict(), tmp_path / f"net{ending}")
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match=f"it (is no whole {ending} file|cannot be unpacked)") as error:
        imported.load(path, vocabulary)
    assert "\n" not in str(error.value)


@both
def test_without_a_vocabulary_the_place_for_it_is_named(tmp_path, ending):
    path = save(network().state_dict(), tmp_path / f"net{ending}")
    with pytest.raises(InputError, match="it has no vocabulary of its 11 characters; name the char_to_idx.json"):
        imported.load(path)
