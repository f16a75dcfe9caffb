"""The border of the public functions: what does not fit is refused in one line before compiled code runs.

What is wrong is made one argument at a time, in a child process, because what gets past the border can end the process.
What is not refused must give what the textbook gives for the same numbers in plain arrays.
"""

import dataclasses
import faulthandler
import itertools
import os
import subprocess
import sys
from collections import Counter
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

from lstm import cell, kernels, sampling, sampling_kernels
from lstm.adam import Adam, decay, gradient_norm, update_average
from lstm.batches import Batches
from lstm.engine.machine import Machine
from lstm.engine.threads import Workers
from lstm.io import InputError
from lstm.layers import LSTM, Dense, Dropout, Embedding
from lstm.loss import cross_entropy, cross_entropy_backward
from lstm.model import CharRNN, Config, DropoutKeys, State, dropout_keys, initial_parameters
from lstm.parameters import Parameters
from lstm.sampling import Draw, distribution, encode_prime, generate, pick
from lstm.settings import Settings
from lstm.storage.checkpoint import Checkpoint
from lstm.streams import generate_many, generators
from lstm.training import Trainer
from lstm.vocabulary import Vocabulary

ROOT = Path(__file__).resolve().parent.parent
T, B, V, E, H, L = 8, 3, 7, 6, 5, 2
CONFIG = Config(V, E, H, L, dropout=0.3, input_dropout=0.2, recurrent_dropout=0.2)
LETTERS = Vocabulary("\nabcdef")
WORKERS = Workers(2)
RNG = np.random.default_rng(0)


def floats(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def model_of(backend):
    return CharRNN(CONFIG, initial_parameters(CONFIG, 3), backend)


MODELS = {backend: model_of(backend) for backend in (kernels, cell)}
IDS, TARGETS = RNG.integers(0, V, (2, T, B))
STATE = {"h": floats(L, B, H), "c": floats(L, B, H)}
WEIGHTS = {"kernel": floats(E, 4 * H), "recurrent_kernel": floats(H, 4 * H), "bias": floats(4 * H)}
KEYS = {"output": np.arange(L).astype(np.uint32), "recurrent": np.arange(L).astype(np.uint32)}


# -- the functions, each with arrays and numbers that fit: function(backend, ..) -> what it gives and what it changed


def forward(backend, z, h0, c0, recurrent_kernel):
    return backend.forward(z, h0, c0, recurrent_kernel)


def backward(backend, dh, dh_next, dc_next, gates, c, recurrent_kernel):
    return backend.backward(dh, dh_next, dc_next, gates, c, recurrent_kernel)


def summed(backend, dz, where, P):
    return backend.sum_by_place(dz, where, P)


def dropout_into(backend, x, rate, key, out):
    return backend.dropout(x, rate, key, slice(0, T), out), out


def model_forward(backend, ids, h, c, output, recurrent):
    keys = DropoutKeys(output, recurrent, np.uint32(3))
    return MODELS[backend].forward(ids, State(h, c), keys)[:2]


def model_backward(backend, dlogits, h, c):
    model, into = MODELS[backend], MODELS[backend].parameters.like()
    cache = model.forward(IDS, State(**STATE))[2]
    return model.backward(dlogits, State(h, c), cache, into), into.flat


def loss_and_gradient(backend, ids, targets, h, c):
    result = MODELS[backend].loss_and_gradient(ids, targets, State(h, c))
    return result.nats, result.correct, result.state, result.gradient.flat.copy()


def embedding(backend, weights, ids):
    x, where, present = Embedding(weights).forward(ids)
    return x, where, present


def embedding_backward(backend, dx, present, weights):
    Embedding.backward(dx, present, Embedding(weights))
    return weights


def lstm_forward(backend, kernel, recurrent_kernel, bias, x, h0, c0):
    dropout = Dropout(0.3, np.uint32(5))
    return LSTM(kernel, recurrent_kernel, bias).forward(x, h0, c0, None, dropout, Machine(backend, WORKERS))[:2]


def lstm_looked_up(backend, x, where, h0, c0):
    return LSTM(**WEIGHTS).forward(x, h0, c0, where, machine=Machine(backend, WORKERS))[:2]


def lstm_backward(backend, dh, dh_next, dc_next, kernel, recurrent_kernel, bias):
    layer, machine = LSTM(**WEIGHTS), Machine(backend, WORKERS)
    cache = layer.forward(X, *STATE_OF_LAYER, machine=machine)[2]
    gradient = LSTM(kernel, recurrent_kernel, bias)
    return layer.backward(dh, dh_next, dc_next, cache, gradient, machine), kernel, recurrent_kernel, bias


def dense(backend, kernel, bias, x, dy):
    layer, machine, gradient = Dense(kernel, bias), Machine(backend, WORKERS), Dense(kernel.copy(), bias.copy())
    y, cache = layer.forward(x, Dropout(0.3, np.uint32(5)), machine)
    return y, layer.backward(dy, cache, gradient, machine), gradient.kernel, gradient.bias


def adam_step(backend, parameters, gradient, learning_rate, scale):
    adam = Adam(N)
    adam.step(parameters, gradient, learning_rate, scale, WORKERS)
    return parameters, adam.m, adam.v


def decayed(backend, array, rate):
    decay([array], rate, WORKERS)
    return array


def averaged(backend, average, parameters, most, t):
    update_average(average, parameters, most, t, WORKERS)
    return average


def drawn(backend, last, h, c, uniforms):
    twin = sampling_kernels.Sampler(MODELS[kernels], Draw(0.8), True, 2)
    sampler = twin if backend is kernels else sampling.Sampler(MODELS[cell], Draw(0.8))
    return sampler.draw(last, State(h, c), uniforms)


def was_read(backend, ids):
    twin = sampling_kernels.Sampler(MODELS[kernels], Draw(0.8))
    return (twin if backend is kernels else sampling.Sampler(MODELS[cell])).read(ids)


def batches(backend, ids, batch_size, seq_length):
    return list(Batches(ids, batch_size, seq_length, remainder=True))


def streams(backend, length, threads):
    chunks = list(generate_many(MODELS[backend], LETTERS, "ab", generators(1, 2), length, tunes=False, threads=threads))
    return [ord(letter) for n in (0, 1) for chunk in chunks if chunk.stream == n for letter in chunk.text]


def settings_of(backend, **fields):
    return [value for value in dataclasses.astuple(Settings(**fields)) if not isinstance(value, str)]


N = 11
X, STATE_OF_LAYER = floats(T, B, E), (floats(B, H), floats(B, H))
PLACES = {"where": RNG.integers(0, V, (T, B)), "x": floats(V, E)}
OF_CELL = {"gates": np.abs(floats(T, B, 4 * H)), "c": floats(T + 1, B, H), "recurrent_kernel": floats(H, 4 * H)}
OF_DH = {"dh": floats(T, B, H), "dh_next": floats(B, H), "dc_next": floats(B, H)}
FUNCTIONS = [
    (forward, dict(z=floats(T, B, 4 * H), h0=floats(B, H), c0=floats(B, H), recurrent_kernel=floats(H, 4 * H))),
    (backward, OF_DH | OF_CELL),
    (summed, dict(dz=floats(N, H), where=IDS.ravel()[:N], P=V)),
    (lambda backend, x, rate, key: backend.dropout(x, rate, key), dict(x=floats(T, B, H), rate=0.5, key=7)),
    (lambda backend, x, first: backend.dropout(x, 0.5, 7, first=first), dict(x=floats(T, B, H), first=9)),
    (dropout_into, dict(x=floats(T, B, H), rate=0.5, key=7, out=floats(T, B, H))),
    (model_forward, dict(ids=IDS) | STATE | KEYS),
    (model_backward, dict(dlogits=floats(T, B, V)) | STATE),
    (loss_and_gradient, dict(ids=IDS, targets=TARGETS) | STATE),
    (lambda backend, ids: MODELS[backend].trace(ids), dict(ids=IDS)),
    (lambda backend, B: MODELS[backend].initial_state(B), dict(B=B)),
    (embedding, dict(weights=floats(V, E), ids=IDS)),
    (embedding_backward, dict(dx=floats(B, E), present=np.array([0, 2, 6]), weights=floats(V, E))),
    (lstm_forward, WEIGHTS | dict(x=X, h0=STATE_OF_LAYER[0], c0=STATE_OF_LAYER[1])),
    (lstm_looked_up, PLACES | dict(h0=STATE_OF_LAYER[0], c0=STATE_OF_LAYER[1])),
    (lstm_backward, OF_DH | deepcopy(WEIGHTS)),
    (dense, dict(kernel=floats(H, V), bias=floats(V), x=floats(T, B, H), dy=floats(T, B, V))),
    (lambda _, logits, targets: cross_entropy(logits, targets), dict(logits=floats(T, B, V), targets=TARGETS)),
    (lambda _, **all: cross_entropy_backward(**all), dict(log_p=floats(T, B, V), targets=TARGETS, characters=T * B)),
    (lambda _, size, **how: Adam(size, np.float32, **how).m, dict(size=3, beta1=0.9, beta2=0.99, epsilon=0.1)),
    (adam_step, dict(parameters=floats(N), gradient=floats(N), learning_rate=0.1, scale=0.5)),
    (decayed, dict(array=floats(T, H), rate=0.1)),
    (averaged, dict(average=floats(N), parameters=floats(N), most=0.9, t=3)),
    (lambda _, gradient: gradient_norm(gradient, WORKERS), dict(gradient=floats(N))),
    (drawn, dict(last=IDS[0]) | STATE | dict(uniforms=RNG.random((T, B)))),
    (was_read, dict(ids=IDS[:, 0])),
    (lambda _, logits: distribution(logits, Draw(0.7, 3, 0.9)), dict(logits=floats(V))),
    (lambda _, p, uniform: pick(p, uniform), dict(p=np.abs(floats(V)), uniform=0.5)),
    (lambda _, ids: [ord(letter) for letter in LETTERS.decode(ids)], dict(ids=IDS[:, 0])),
    (batches, dict(ids=np.arange(60) % V, batch_size=3, seq_length=4)),
    (streams, dict(length=6, threads=2)),
    (lambda _, seed, step, layers, first: dropout_keys(seed, step, layers, first),
     dict(seed=3, step=4, layers=2, first=5)),
    (lambda _, a, b: Parameters({"a": (a, b)}).flat, dict(a=2, b=3)),
    (lambda _, **sizes: dataclasses.astuple(Config(**sizes)), dataclasses.asdict(CONFIG)),
    (lambda _, **how: dataclasses.astuple(Draw(**how)), dataclasses.asdict(Draw(0.8, 3, 0.9))),
    (settings_of, dataclasses.asdict(Settings())),
]


# -- what may be wrong with an argument


def with_strides(array):
    """The same numbers, each second one of a larger array."""
    wide = np.zeros([2 * size for size in array.shape], array.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in array.shape)]
    view[...] = array
    return view


def misaligned(array):
    """The same numbers, one byte off."""
    raw = np.zeros(array.nbytes + 1, np.uint8)
    view = raw[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def same_numbers(array):
    """(what, the numbers of an array in other memory)."""
    yield "with strides", with_strides(array)
    yield "backwards in memory", array[::-1].copy()[::-1]
    yield "in Fortran's order", np.asfortranarray(array)
    yield "misaligned", misaligned(array)
    yield "read-only", read_only(array)
    yield "big-endian", array.astype(array.dtype.newbyteorder(">"))


def other_shapes(array):
    """(what, an array of another shape or of no numbers)."""
    if array.ndim > 1:
        yield "transposed", array.T
    for a, b in itertools.combinations(range(array.ndim), 2):
        yield "permuted", np.ascontiguousarray(array.swapaxes(a, b))
    for axis, size in enumerate(array.shape):
        yield "one less", np.ascontiguousarray(np.delete(array, 0, axis))
        yield "one more", np.concatenate((array, array.take([0], axis)), axis)
        yield "one alone", array.take([0], axis)
        yield "empty", array.take([], axis)
    yield "an axis too few", array[0]
    yield "an axis too many", array[None]
    yield "flat", array.reshape(-1)


def other_kinds(array):
    """(what, an array of another kind, or no array)."""
    yield "float16", array.astype(np.float16)
    yield "float32 or float64", array.astype(np.float64 if array.dtype == np.float32 else np.float32)
    yield "long double", array.astype(np.longdouble)
    yield "complex", array.astype(complex)
    for kind in ("i1", "u4", "u8") if array.dtype.kind in "iu" else ("i4",):
        yield "whole", np.abs(array).astype(kind)
    yield "bool", array.astype(bool)
    yield "object", array.astype(object)
    yield "text", array.astype(str)
    yield "list", array.tolist()
    for value in (None, 3, "text", ()):
        yield "no array", value


def other_ids(array):
    """(what, an array of ids, one of which is none)."""
    for at, value in itertools.product((0, -1), (-1, V, 2**31, -(2**40))):
        wrong = array.astype(np.int64)
        wrong.reshape(-1)[at] = value
        yield f"the id {value}", wrong


def other_numbers(number):
    """(what, another number, or none)."""
    for value in (-1, -0.5, 0, 1, 2, 0.5, 3.0, 1e-30, 1e30, 2**70, -(2**70), 1e400, -1e400, float("nan")):
        yield f"the number {value!r}", value
    for kind in () if isinstance(number, (str, bool)) else (np.int8, np.uint64, np.float16, np.float32, np.float64):
        yield f"of {kind.__name__}", kind(number)
    for value in (True, None, "1", "linear", [1], np.array([1]), np.ones(2), 1j, object()):
        yield "no number", value


def wrong(value):
    """(what, another value) in the place of one that fits."""
    if isinstance(value, np.ndarray):
        yield from itertools.chain(same_numbers(value), other_shapes(value), other_kinds(value))
        if value.dtype.kind in "iu":
            yield from other_ids(value)
    else:
        yield from other_numbers(value)


NEVER = {"complex", "bool", "object", "text", "the number nan", "the number inf", "the number -inf"}  # fit anywhere


def cases():
    """An iterator over (function, its arguments, the name of the one that is wrong, what is wrong)."""
    for function, fitting in FUNCTIONS:
        kept = deepcopy(fitting)
        for name, value in {"": None, **fitting}.items():
            for what, other in wrong(value) if name else [("all fit", None)]:
                yield function, fitting | ({name: other} if name else {}), name, what
                for key, array in kept.items():  # because a function may write over what it is given
                    if isinstance(array, np.ndarray):
                        fitting[key][...] = array


# -- the child process, which is this file


def numbers_in(result):
    """All numbers in a result, one after another."""
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, (list, tuple)):
        return np.concatenate([np.zeros(0), *map(numbers_in, result)])
    return np.asarray(result, np.float64).ravel()


def plain(value, fitting):
    """A value as the textbook should have it: an array in plain memory, of the type that fits."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        return value.item() if isinstance(value, np.generic) else value
    return value.astype(fitting.dtype if isinstance(fitting, np.ndarray) and fitting.dtype.kind == "f" else int)


def complaint_about(function, arguments, fitting):
    """(what happened, what is wrong with that or "")."""
    expected = {name: plain(value, fitting.get(name)) for name, value in arguments.items()}
    try:
        found = numbers_in(function(kernels, **arguments))
    except InputError as error:
        return "refused", "" if str(error).isprintable() and len(str(error)) < 400 else f"says {error}"
    except Exception as error:
        return "fell over", f"{type(error).__name__}: {error}"
    try:
        right = numbers_in(function(cell, **expected))
    except Exception as error:
        return "accepted", f"the textbook says {type(error).__name__}: {error}"
    close = found.shape == right.shape and np.allclose(found, right, 1e-4, 1e-5, equal_nan=True)
    return "accepted", "" if close else f"gives {found[:5]}, and the textbook {right[:5]}"


def report():
    """Try all cases. Prints a line for each that is wrong, then the counts."""
    faulthandler.enable()
    counts, fitting = Counter(), deepcopy({id(function): arguments for function, arguments in FUNCTIONS})
    for number, (function, arguments, name, what) in enumerate(cases()):
        sizes = {key: np.shape(value) for key, value in arguments.items() if isinstance(value, np.ndarray)}
        at = f"case {number}: {function.__name__} {sorted(arguments)}, {name} {what} {sizes.get(name, '')}"
        print(at, file=sys.stderr, flush=True)  # so that a crash names its case
        happened, complaint = complaint_about(function, arguments, fitting[id(function)])
        counts[happened] += 1
        if complaint or happened == {"all fit": "refused"}.get(what, "accepted" if what in NEVER else ""):
            print(f"{at}: {happened}, {complaint}")
    print("tried", sum(counts.values()), "refused", counts["refused"])


def test_what_does_not_fit_is_refused_and_what_is_not_refused_is_right():
    command = [sys.executable, "-W", "error", __file__]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    *wrong_cases, counts = done.stdout.splitlines()
    assert not wrong_cases, "\n".join(wrong_cases[:20])
    _, tried, _, refused = counts.split()
    assert int(tried) > 3000 and int(refused) > 2000


# -- one by one


def reference(V=82):
    return CharRNN(Config(V, 8, 16, 3))


def of_other_sizes(**sizes):
    return initial_parameters(dataclasses.replace(CONFIG, **sizes))


def test_a_state_for_other_rows_is_refused_and_both_shapes_are_named():
    model = reference()
    with pytest.raises(InputError) as error:
        model.forward(np.zeros((64, 1), int), model.initial_state(16))
    beside = "beside ids (T, B) of shape (64, 1) must have (L, B, H) = (3, 1, 16)"
    assert str(error.value) == f"state.h has shape (3, 16, 16), and {beside}"
    with pytest.raises(InputError, match=r"ids \(T, B\) of shape \(16, 64\) must have \(L, B, H\) = \(3, 64, 16\)"):
        model.forward(np.zeros((16, 64), int), model.initial_state(16))  # ids with the batch first


def adam_with_few():
    adam = Adam(9)
    adam.v = adam.v[:3]
    return adam


MANY = "".join(map(chr, range(97, 397)))
MODEL, ONE = MODELS[kernels], np.zeros((4, 1), int)
ZERO = MODEL.initial_state()
NAMED = {
    "a state of another H": (lambda: MODEL.forward(ONE, reference().initial_state()), r"must have \(L, B, H\)"),
    "a state that is none": (lambda: MODEL.forward(ONE, (1, 2)), "state .* must be a State"),
    "a state of another precision": (
        lambda: MODEL.forward(ONE, State(*np.zeros((2, L, 1, H)))), "state.h .* holds float64, not float32",
    ),
    "keys that are none": (lambda: MODEL.forward(ONE, ZERO, 3), "keys 3 must be None or DropoutKeys"),
    "keys of another model": (
        lambda: MODEL.forward(ONE, ZERO, dropout_keys(1, 2, 3)), r"keys.output has shape \(3,\)",
    ),
    "an id of -1": (lambda: MODEL.forward(ONE - 1, MODEL.initial_state()), "ids .* has -1, and must be at least 0"),
    "an id of V": (lambda: MODEL.forward(ONE + V, MODEL.initial_state()), "ids .* has 7, .* less than 7"),
    "no ids": (lambda: MODEL.trace(ONE[:0]), r"ids has shape \(0, 1\), and must have \(T, B\), at least 1 each"),
    "a config that is none": (lambda: CharRNN(82), "config 82 must be a Config"),
    "parameters of another H": (lambda: CharRNN(CONFIG, of_other_sizes(units=6)), "parameters have .*'lstm_1/kernel'"),
    "parameters of another L": (lambda: CharRNN(CONFIG, of_other_sizes(layers=3)), "parameters have .*'lstm_3/kernel'"),
    "parameters in a dict": (lambda: CharRNN(CONFIG, {}), "parameters {} must be Parameters"),
    "parameters of whole numbers": (lambda: Parameters({"a": (2,)}, int), "dtype .* must be float32 or float64"),
    "a gradient of another model": (
        lambda: MODEL.backward(floats(4, 1, V), ZERO, MODEL.forward(ONE, ZERO)[2], of_other_sizes(layers=1)),
        "into have",
    ),
    "Adam of another size": (
        lambda: Adam(10).step(floats(1000), floats(1000), 0.1, 1, WORKERS),
        r"parameters has shape \(1000,\), and beside m \(N,\) of shape \(10,\) must have \(N,\) = \(10,\)",
    ),
    "Adam of another precision": (lambda: Adam(3, float).step(floats(3), floats(3), 0.1, 1, WORKERS), "not float64"),
    "a larger vocabulary": (
        lambda: generate_many(MODEL, Vocabulary("abcdefgh"), "a", generators(1, 1)),
        "the vocabulary has 8 characters, and the model 7",
    ),
    "... of one text": (lambda: generate(MODEL, Vocabulary("abcdefgh"), "a", RNG), "the vocabulary has 8 characters"),
    "... in a Checkpoint": (lambda: Checkpoint(MODEL, Vocabulary("abcdefgh")), "the vocabulary has 8 characters"),
    "... that is a text": (lambda: generate_many(MODEL, "abcdefg", "a", generators(1, 1)), "must be a Vocabulary"),
    "a vocabulary in a list": (lambda: Vocabulary(["a", "b"]), "a vocabulary is a text"),
    "a prime that is none": (lambda: encode_prime(LETTERS, 3), "seed 3 must be a text"),
    "a negative temperature": (lambda: Draw(temperature=-1), "temperature -1 must be 0, or a number of at least 0.01"),
    "a negative top_k": (lambda: Draw(top_k=-3), "top_k -3 must be a whole number of at least 0"),
    "a probability of 2": (lambda: Draw(top_p=2), "top_p 2 must be a number of at least 0 and at most 1"),
    "a temperature for a Draw": (lambda: generate(MODEL, LETTERS, "a", RNG, 0.8), "draw 0.8 must be a Draw"),
    "more texts than a Sampler is for": (
        lambda: sampling_kernels.Sampler(MODEL, Draw()).draw(ONE[:2, 0], MODEL.initial_state(2), np.zeros((1, 2))),
        "many=True",
    ),
    "a Sampler of what is not compiled": (lambda: sampling_kernels.Sampler(MODELS[cell], Draw()), "must be compiled"),
    "another schedule": (lambda: Settings(schedule="linear"), "schedule 'linear' must be one of constant, "),
    "a validation of 90": (lambda: Settings(validation=90), "validation 90 must be a number of .* at most 0.9"),
    "text to train on": (lambda: Trainer(MODEL, Settings(), "abc"), "training 'abc' must be an array"),
    "ids of another text": (lambda: Trainer(MODEL, Settings(), np.arange(9)), "training has 8, .* less than 7"),
    "settings in a dict": (lambda: Trainer(MODEL, {}, np.arange(7)), "settings {} must be of type Settings"),
    "other keys": (lambda: Trainer(MODEL, Settings(transpose=1), np.arange(7)), "needs a Transposer"),
    "floats to decode": (lambda: LETTERS.decode([1.5]), "ids must be whole numbers"),
    "parameters that are replaced": (lambda: setattr(MODEL, "parameters", MODEL.parameters), "cannot be replaced"),
    "a config that is replaced": (lambda: setattr(MODEL, "config", Config(10**6)), "config cannot be replaced"),
    "a part of Adam's moments": (
        lambda: adam_with_few().step(floats(9), floats(9), 0.1, 1, WORKERS), r"v has shape \(3,\)",
    ),
    "an epsilon of 0": (lambda: Adam(3, epsilon=0), "epsilon 0 must be"),
    "tunes to shuffle without edges": (lambda: Trainer(MODEL, Settings(shuffle=True), np.arange(7)), "needs the edges"),
    "logits that are not finite": (lambda: distribution([np.nan, 1.0]), "have nan"),
    "more digits than Python writes": (lambda: Draw(top_k=10**5000), "top_k of type int must be a whole number"),
    "ids that are too short": (lambda: Vocabulary(MANY).encode("a", np.uint8), "ids up to 299 do not fit into uint8"),
    "an id to decode of -1": (lambda: LETTERS.decode([-1]), "ids has -1"),
}


@pytest.mark.parametrize("call, says", NAMED.values(), ids=NAMED)
def test_what_was_accepted_once_is_refused_in_a_line(call, says):
    with pytest.raises(InputError, match=says) as error:
        call()
    assert str(error.value).isprintable()


def test_numbers_of_numpy_are_as_good_as_those_of_python():
    config = Config(np.int64(7), dropout=np.float32(0.5), layers=np.uint8(2))
    assert config == Config(7, dropout=0.5, layers=2) and type(config.vocabulary) is int
    assert Draw(np.float64(0.5), np.int8(3)) == Draw(0.5, 3) and type(Draw(1).temperature) is float
    assert Settings(epochs=np.int32(3), clip=np.float16(2)) == Settings(epochs=3, clip=2.0)


if __name__ == "__main__":
    report()
