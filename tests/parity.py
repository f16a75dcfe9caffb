"""Is what we compute what PyTorch and Keras compute? `python tests/parity.py` prints a row for each quantity.

Needs the extra `peers`. The status is 1 if a difference is above its tolerance. A difference is the largest one of an
array, as a share of the largest number in the peer's array; of files it is that of any weight, and none is allowed.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from twins import CASES, KERAS, PYTORCH, KerasTwin, TorchTwin, in_layout, keras, ours, problem, set_weights, theirs

from lstm.adam import Adam, clip_scale, gradient_norm
from lstm.engine.threads import Workers
from lstm.model import BACKENDS, CharRNN, initial_parameters
from lstm.parameters import Parameters
from lstm.sampling import Draw, distribution
from lstm.settings import Settings
from lstm.storage import imported
from lstm.storage.exported import export
from lstm.training import Trainer

EXACT, WITHIN = "float64", {"float64": 1e-12, "float32": 2e-5}
WORKERS = Workers()


class Row(NamedTuple):
    """One comparison: who, in which precision or file format, of what, how far, and how far it may be."""

    peer: str
    version: str
    format: str
    quantity: str
    difference: float
    tolerance: float

    @property
    def agrees(self):
        return self.difference <= self.tolerance  # not so for NaN


def difference(ours, theirs):
    """The largest difference of two arrays, as a share of the largest number of the second."""
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape
    return float(np.abs(ours - theirs).max() / (np.abs(theirs).max() or 1))


# -- the network


def network():
    """Logits, loss, state and gradients: the difference is that of the backend which is further off."""
    for dtype in WITHIN:
        for name in CASES:
            asked = problem(name, dtype)
            results = [ours(asked[0], backend, *asked[1:]) for backend in BACKENDS.values()]
            for twin in (TorchTwin(asked[0].config, dtype), KerasTwin(asked[0].config, dtype)):
                for what, arrays in theirs(twin, *asked).items():
                    pairs = [pair for result in results for pair in zip(result[what], arrays, strict=True)]
                    furthest = max(difference(*pair) for pair in pairs)
                    yield Row(*twin.peer, dtype, f"{what}, {name}", furthest, WITHIN[dtype])


# -- training


def adam():
    """200 steps down the same gradients, some of the size of epsilon.

    Keras adds epsilon to sqrt(v), we and PyTorch to sqrt(v'): its epsilon is ours * sqrt(1 - b2^t).
    """
    rate, epsilon, size = 2.0**-10, 1e-7, 1000  # a rate that float32 has exactly, because Keras keeps it as float32
    for dtype in WITHIN:
        rng = np.random.default_rng(7)
        scales = (10.0 ** rng.uniform(-9, 1, size)).astype(dtype)
        mine = rng.normal(size=size).astype(dtype)
        of_torch, of_keras = torch.nn.Parameter(torch.tensor(mine)), keras.Variable(mine, dtype=dtype)
        optimizers = Adam(size, dtype, epsilon=epsilon), torch.optim.Adam([of_torch], rate, eps=epsilon)
        keras_adam = keras.optimizers.Adam(rate)
        for t in range(1, 201):
            gradient = rng.normal(1, 1, size).astype(dtype) * scales
            optimizers[0].step(mine, gradient, rate, 1.0, WORKERS)
            of_torch.grad = torch.tensor(gradient)
            optimizers[1].step()
            keras_adam.epsilon = epsilon * np.sqrt(1 - 0.999**t)
            keras_adam.apply([torch.tensor(gradient)], [of_keras])
        for peer, weights in ((PYTORCH, of_torch), (KERAS, of_keras.value)):
            far = difference(mine, weights.detach().numpy())
            yield Row(*peer, dtype, "weights after 200 steps of Adam", far, WITHIN[dtype])


def clipping():
    """The gradient clipped by its norm. PyTorch divides by norm + 1e-6, we and Keras by the norm."""
    for dtype in WITHIN:
        gradient = Parameters(CASES["odd sizes"].config.shapes, dtype)
        gradient.flat[:] = np.random.default_rng(8).normal(size=gradient.flat.size)
        norm = gradient_norm(gradient.flat, WORKERS)
        for what, clip in (("above", 2.0**-3), ("below", 2.0**10)):  # which float32 has exactly, as Keras needs it
            clipped = gradient.flat * gradient.flat.dtype.type(clip_scale(norm, clip))
            arrays = [torch.tensor(array) for _, array in gradient.items()]
            weights = [torch.nn.Parameter(torch.zeros_like(array)) for array in arrays]
            for weight, array in zip(weights, arrays):
                weight.grad = array.clone()
            total = torch.nn.utils.clip_grad_norm_(weights, clip)
            found = {(*PYTORCH, "clip_grad_norm_"): [weight.grad for weight in weights]}
            for option, parts in (("global_clipnorm", arrays), ("clipnorm", [torch.tensor(gradient.flat)])):
                moved = [keras.Variable(torch.zeros_like(part), dtype=dtype) for part in parts]
                keras.optimizers.SGD(1.0, **{option: clip}).apply(parts, moved)
                found[(*KERAS, option)] = [-variable.value for variable in moved]
            yield Row(*PYTORCH, dtype, f"norm of the gradient, {what} the clip", difference(norm, total), WITHIN[dtype])
            for (*peer, option), parts in found.items():
                flat = np.concatenate([part.detach().numpy().ravel() for part in parts])
                scale = (norm + 1e-6) / norm if peer == [*PYTORCH] and what == "above" else 1
                far = difference(clipped, flat * flat.dtype.type(scale))
                yield Row(*peer, dtype, f"gradient {what} the clip, {option}", far, WITHIN[dtype])


def training():
    """Stateful batches, dropout off, clipping and Adam: the loss of each of 20 steps, and the weights after them."""
    config = CASES["3 layers"].config
    ids = np.random.default_rng(2).integers(0, config.vocabulary, 10 * 5 * 4 + 1)
    settings = Settings(batch_size=10, seq_length=5, learning_rate=0.02, clip=0.05)
    model, twin = CharRNN(config, initial_parameters(config, 1, np.float64)), TorchTwin(config, EXACT)
    set_weights(twin, model.parameters)
    adam, trainer = torch.optim.Adam(twin.weights, settings.learning_rate, eps=1e-7), Trainer(model, settings, ids)
    masks, far = torch.ones(config.layers), []
    for _ in range(5):
        state = torch.zeros((2, config.layers, settings.batch_size, config.units), dtype=torch.float64)
        for inputs, targets in trainer.batches:
            logits, *state = twin.forward(torch.tensor(inputs), *state, masks)
            loss = twin.loss(logits.reshape(-1, config.vocabulary), torch.tensor(targets).reshape(-1))
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(twin.weights, settings.clip)
            adam.step()
            state = [array.detach() for array in state]
            far.append(difference(trainer.step(), loss.detach()))
        trainer.finish_epoch()
    # looser, because PyTorch divides by norm + 1e-6 to clip
    yield Row(*PYTORCH, EXACT, "losses of 20 steps of training", max(far), 1e-6)
    pairs = zip(twin.weights, model.parameters.items(), strict=True)
    far = max(difference(mine, in_layout(twin, name, weight.detach().numpy())) for weight, (name, mine) in pairs)
    yield Row(*PYTORCH, EXACT, "weights after 20 steps of training", far, 1e-4)


# -- sampling


def cut(logits, temperature, top_k, top_p):
    """The distribution in a plain formulation: each cut marks what it keeps of softmax(logits / temperature)."""
    p = torch.softmax(torch.tensor(logits) / temperature, dim=-1)
    among_k = p >= (torch.topk(p, top_k).values[-1] if top_k else 0)
    likelier = torch.tensor([p[p > each].sum() for each in p])  # the probability of all that are likelier
    kept = torch.where(among_k & (likelier < top_p), p, 0)
    return kept / kept.sum()


def sampling():
    logits = np.random.default_rng(9).normal(0, 2, (20, 93))
    for how in (Draw(), Draw(0.7), Draw(1.3, top_k=5), Draw(0.8, top_p=0.9), Draw(1.0, 12, 0.8), Draw(0.5, 3, 0.99)):
        far = max(difference(distribution(row, how), cut(row, how.temperature, how.top_k, how.top_p)) for row in logits)
        quantity = f"probabilities, temperature {how.temperature}, top-k {how.top_k}, top-p {how.top_p}"
        yield Row(*PYTORCH, EXACT, quantity, far, WITHIN[EXACT])


# -- files: from the peer through us to the peer


def apart(before, after):
    """The largest difference of two lists of arrays; bytes of other types are not the same."""
    pairs = list(zip(before, after, strict=True))
    assert all(one.dtype == other.dtype and one.shape == other.shape for one, other in pairs)
    return max(float(np.abs(one - other).max()) for one, other in pairs)


def pytorch_round_trip(folder, ending, dtype, vocabulary):
    """PyTorch adds two biases: their sum comes back, and a second one that is 0."""
    V, E, H, L = 11, 5, 9, 2
    parts = {"embedding": torch.nn.Embedding(V, E), "lstm": torch.nn.LSTM(E, H, L), "dense": torch.nn.Linear(H, V)}
    state = torch.nn.ModuleDict(parts).to(getattr(torch, dtype)).state_dict()
    there, back = folder / f"there{ending}", folder / f"back{ending}"
    save_file(state, there) if ending == ".safetensors" else torch.save(state, there)
    export(imported.load(there, vocabulary), back)
    found = load_file(back) if ending == ".safetensors" else torch.load(back, weights_only=True)
    for name in [name for name in state if "bias_ih" in name]:
        other = name.replace("ih", "hh")
        state[name], state[other] = state[name] + state[other], torch.zeros_like(state[other])
    return apart([state[name].numpy() for name in sorted(state)], [found[name].numpy() for name in sorted(found)])


def keras_round_trip(folder, ending, dtype, vocabulary):
    """The arrays of Keras come back as they were."""
    V, E, H, L = 11, 5, 9, 2

    def model():
        lstm = [keras.layers.LSTM(H, return_sequences=True, dtype=dtype) for _ in range(L)]
        first = keras.layers.Input((None,)), keras.layers.Embedding(V, E, dtype=dtype)
        return keras.Sequential([*first, *lstm, keras.layers.Dense(V, dtype=dtype)])

    there, back, before = folder / f"there{ending}", folder / f"back{ending}", model()
    before.save_weights(there) if ending == ".weights.h5" else before.save(there)
    export(imported.load(there, vocabulary), back)
    if ending == ".keras":
        after = keras.saving.load_model(back)
    else:
        after = model()
        after.load_weights(back)
    return apart(before.get_weights(), after.get_weights())


def files():
    with tempfile.TemporaryDirectory() as folder:
        folder, what = Path(folder), "weights that went through us"
        vocabulary = folder / "char_to_idx.json"
        vocabulary.write_text(json.dumps({character: n for n, character in enumerate("abcdefghijk")}))
        for ending in (".pt", ".safetensors"):
            for dtype in WITHIN:
                far = pytorch_round_trip(folder, ending, dtype, vocabulary)
                yield Row(*PYTORCH, ending, f"{what}, {dtype}", far, 0)
        for ending in (".keras", ".weights.h5"):
            for dtype in WITHIN:
                far = keras_round_trip(folder, ending, dtype, vocabulary)
                yield Row(*KERAS, ending, f"{what}, {dtype}", far, 0)


# -- the table


def main():
    rows = [row for quantity in (network, adam, clipping, training, sampling, files) for row in quantity()]
    print("| peer | version | format | quantity | largest difference | tolerance | verdict |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        verdict = "agrees" if row.agrees else "ABOVE"
        print(f"| {' | '.join(row[:4])} | {row.difference:.1e} | {row.tolerance:.0e} | {verdict} |")
    return int(not all(row.agrees for row in rows))


if __name__ == "__main__":
    sys.exit(main())
