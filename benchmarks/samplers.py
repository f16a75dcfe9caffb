"""Composing, by us and by each peer: T more characters in each of B streams, one after another.

Functions as in frameworks.py. What is drawn goes back in as the next input, at temperature 1.
"""

import numpy as np

from benchmarks.frameworks import import_keras, keras_network, torch_network

CHUNK = 64  # characters at a time, as in lstm/sampling_kernels.py


def ours(case, threads):
    """This project's own samplers, as sample.py uses them: iterators of characters."""
    from lstm.model import CharRNN, Config
    from lstm.sampling import generate
    from lstm.streams import generate_many, generators
    from lstm.vocabulary import Vocabulary

    vocabulary = Vocabulary("".join(map(chr, range(32, 32 + case.V))))
    model = CharRNN(Config(case.V, case.E, case.H, case.L, case.dropout))
    if case.B == 1:
        rng = np.random.default_rng(0)
        texts = generate(model, vocabulary, "A", rng, threads=threads)
    else:
        rngs = generators(0, case.B)
        texts = (chunk.text for chunk in generate_many(model, vocabulary, "A", rngs, tunes=False, threads=threads))

    def compose():
        characters = 0
        while characters < case.B * case.T:
            characters += len(next(texts))

    return compose


def pytorch(case, threads):
    """PyTorch, in inference mode."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    network, forward = torch_network(case)
    network.eval()
    drawn, state = torch.zeros((1, case.B), dtype=torch.long), None

    @torch.inference_mode()
    def compose():
        nonlocal drawn, state
        text = []
        for _ in range(case.T):
            logits, state = forward(drawn, state)
            drawn = torch.multinomial(torch.softmax(logits[0], -1), 1).T  # (1, B)
            text.append(drawn)
        torch.cat(text).tolist()

    return compose


def keras(case, threads):
    """Keras on JAX, CHUNK steps and draws in one compiled function; calling the model itself takes far longer."""
    keras, backend = import_keras()
    if backend != "jax":
        raise ModuleNotFoundError(name="jax, which Keras samples with")
    import jax

    model = keras_network(case, 1, training=False)
    weights = [v.value for v in model.trainable_variables]

    def step(carried, _):
        state, drawn, key = carried
        logits, state = model.stateless_call(weights, state, drawn, training=False)
        key, now = jax.random.split(key)
        drawn = jax.random.categorical(now, logits[:, -1])[:, None].astype("int32")
        return (state, drawn, key), drawn[:, 0]

    chunk = jax.jit(lambda carried: jax.lax.scan(step, carried, length=CHUNK))
    state = [v.value for v in model.non_trainable_variables]
    carried = state, np.zeros((case.B, 1), np.int32), jax.random.key(0)

    def compose():
        nonlocal carried
        for _ in range(case.T // CHUNK):
            carried, text = chunk(carried)
            np.asarray(text)  # (CHUNK, B)

    return compose


SAMPLING = {"ours": ours, "PyTorch": pytorch, "Keras": keras}
