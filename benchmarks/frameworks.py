"""One training step of the same network, by us and by each peer.

Each function takes a Case and a number of threads, makes the network ready, and returns a function without
arguments that does the work once and returns the loss. A peer's library is imported inside, because it may not
be installed. Each peer takes the road its own manual recommends.
"""

import os
from importlib.util import find_spec

import numpy as np


def our_trainer(case, threads, backend="numba"):
    """A Trainer of this project for the sizes of a case, on random text of one batch."""
    from lstm.engine.threads import Workers
    from lstm.model import BACKENDS, CharRNN, Config, initial_parameters
    from lstm.settings import Settings
    from lstm.training import Trainer

    config = Config(case.V, case.E, case.H, case.L, case.dropout, case.input_dropout, case.recurrent_dropout)
    model = CharRNN(config, initial_parameters(config), BACKENDS[backend])
    settings = Settings(batch_size=case.B, seq_length=case.T)
    ids = np.random.default_rng(0).integers(0, case.V, case.B * case.T + 1).astype(np.int32)
    return Trainer(model, settings, ids, workers=Workers(threads))


def ours(case, threads, backend="numba"):
    """A step of this project: forward, backward, clip, Adam; the state is carried."""
    trainer = our_trainer(case, threads, backend)

    def step():
        trainer.position = 0  # the same batch again
        return trainer.step()

    return step


def ours_in_numpy(case, threads):
    """The same with the textbook backend."""
    return ours(case, threads, "numpy")


def torch_network(case):
    """The network in PyTorch: (modules, forward(ids, state) -> logits, state).

    Dropout of weights, which torch.nn has not, is torch.nn.functional.dropout of them at each step.
    """
    import torch
    from torch.nn.functional import dropout as drop

    embedding = torch.nn.Embedding(case.V, case.E)
    lstm = torch.nn.LSTM(case.E, case.H, case.L, dropout=case.dropout if case.L > 1 else 0)
    dropout, dense = torch.nn.Dropout(case.dropout), torch.nn.Linear(case.H, case.V)
    network = torch.nn.ModuleList([embedding, lstm, dropout, dense])

    recurrent = {name: weight for name, weight in lstm.named_parameters() if name.startswith("weight_hh")}

    def forward(ids, state):
        if case.input_dropout or case.recurrent_dropout:
            table = drop(embedding.weight, case.input_dropout, network.training)
            weights = {name: drop(w, case.recurrent_dropout, network.training) for name, w in recurrent.items()}
            x = torch.nn.functional.embedding(ids, table)
            output, state = torch.func.functional_call(lstm, weights, (x, state))
        else:
            output, state = lstm(embedding(ids), state)
        return dense(dropout(output)), state

    return network, forward


def torch_trainer(case, learning_rate=1e-3, clip=5.0):
    """(network, forward, step(ids, targets, state) -> loss, state) of PyTorch, with its fused Adam."""
    import torch

    network, forward = torch_network(case)
    adam = torch.optim.Adam(network.parameters(), learning_rate, fused=True)

    def step(ids, targets, state):
        logits, state = forward(ids, state)
        loss = torch.nn.functional.cross_entropy(logits.reshape(-1, case.V), targets.reshape(-1))
        adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
        adam.step()
        return loss, tuple(s.detach() for s in state)

    return network, forward, step


def pytorch(case, threads):
    """The same step in PyTorch."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    _, _, train_step = torch_trainer(case)
    ids, targets = (torch.tensor(a, dtype=torch.long) for a in case.batch())
    state = None

    def step():
        nonlocal state
        loss, state = train_step(ids, targets, state)
        return loss.item()

    return step


def import_keras():
    """Keras 3, on JAX where it is installed (its fastest backend here), else on PyTorch. Says which."""
    os.environ["KERAS_BACKEND"] = "jax" if find_spec("jax") else "torch"
    import keras

    return keras, keras.backend.backend()


def keras_network(case, T, training=True):
    """The network in Keras, its rows fixed because the state is carried."""
    keras, backend = import_keras()
    # note: a stateful LSTM fails to train on the torch backend, so there the state starts at zero
    stateful = backend == "jax" or not training
    stack = [keras.layers.Input((T,), batch_size=case.B), keras.layers.Embedding(case.V, case.E)]
    for _ in range(case.L):
        lstm = keras.layers.LSTM(case.H, return_sequences=True, stateful=stateful)
        stack += [lstm, keras.layers.Dropout(case.dropout)]
    model = keras.Sequential([*stack, keras.layers.Dense(case.V)])
    if stateful:
        carry_state(keras, model)
    return model


def carry_state(keras, model):
    """Make compiled code carry the state of stateful LSTMs, as it is carried where nothing is compiled.

    subtle: Keras (3.15) does not count these states among a model's variables, so on JAX they stay what they were
    when the code was compiled: zero, which XLA then computes with as a constant. That would be less work than ours.
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.LSTM):
            layer._tracker.unlock()
            for state in layer.states:
                layer._track_variable(state)
            layer._tracker.lock()


def keras_trainer(case, threads):
    """The same step in Keras. Which threads: all cores of this process (see rounds.keep_to)."""
    keras, backend = import_keras()
    keras.utils.set_random_seed(0)
    if backend == "torch":
        import torch

        torch.set_num_threads(threads)
    model = keras_network(case, case.T)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3, global_clipnorm=5.0), loss, jit_compile=backend == "jax")
    ids, targets = (np.ascontiguousarray(a.T) for a in case.batch())  # Keras is batch-first
    return lambda: float(model.train_on_batch(ids, targets))


TRAINING = {"ours": ours, "ours, NumPy": ours_in_numpy, "PyTorch": pytorch, "Keras": keras_trainer}
