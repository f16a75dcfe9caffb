"""What is measured: one training step of the same network, by us and by each peer.

Each function takes a Case and a number of threads, makes the network ready, and returns a function without
arguments that does the work once. A peer's library is imported inside, because it may not be installed.
"""

import os
from typing import NamedTuple

import numpy as np


class Case(NamedTuple):
    """The sizes of a network and of its batches."""

    V: int
    E: int
    H: int
    L: int
    B: int
    T: int
    dropout: float = 0.2

    def __str__(self):
        return f"{self.L} x {self.H}, embedding {self.E}, batch {self.B}, sequence {self.T}"

    def batch(self):
        """Random ids and targets, (T, B) each."""
        return np.random.default_rng(0).integers(0, self.V, (2, self.T, self.B)).astype(np.int32)


REFERENCE = Case(86, 512, 256, 3, 16, 64)


def ours(case, threads, backend="numba"):
    """A step of this project: forward, backward, clip, Adam; the state is carried."""
    from lstm.model import BACKENDS, CharRNN, Config, initial_parameters
    from lstm.shards import Workers
    from lstm.training import Settings, Trainer

    config = Config(case.V, case.E, case.H, case.L, case.dropout)
    model = CharRNN(config, initial_parameters(config), BACKENDS[backend])
    settings = Settings(batch_size=case.B, seq_length=case.T)
    ids = np.random.default_rng(0).integers(0, case.V, case.B * case.T + 1).astype(np.int32)
    trainer = Trainer(model, settings, ids, workers=Workers(threads))

    def step():
        trainer.position = 0  # the same batch again
        trainer.step()

    return step


def ours_in_numpy(case, threads):
    """The same with the textbook backend."""
    return ours(case, threads, "numpy")


def torch_network(case):
    """The network in PyTorch: (modules, forward(ids, state) -> logits, state)."""
    import torch

    embedding = torch.nn.Embedding(case.V, case.E)
    lstm = torch.nn.LSTM(case.E, case.H, case.L, dropout=case.dropout if case.L > 1 else 0)
    dropout, dense = torch.nn.Dropout(case.dropout), torch.nn.Linear(case.H, case.V)
    network = torch.nn.ModuleList([embedding, lstm, dropout, dense])

    def forward(ids, state):
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
        _, state = train_step(ids, targets, state)

    return step


def keras(case, threads):
    """The same step in Keras 3, on JAX where it is installed (its fastest backend here), else on PyTorch."""
    from importlib.util import find_spec

    os.environ["KERAS_BACKEND"] = "jax" if find_spec("jax") else "torch"
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    from keras import Sequential, layers, losses, optimizers

    stack = [layers.Input((case.T,), batch_size=case.B), layers.Embedding(case.V, case.E)]
    for _ in range(case.L):
        # note: stateful LSTMs fail to train on the torch backend, so there the state starts at zero
        stateful = os.environ["KERAS_BACKEND"] == "jax"
        stack += [layers.LSTM(case.H, return_sequences=True, stateful=stateful), layers.Dropout(case.dropout)]
    model = Sequential([*stack, layers.Dense(case.V)])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizers.Adam(1e-3, global_clipnorm=5.0), loss)
    ids, targets = (a.T for a in case.batch())
    return lambda: model.train_on_batch(ids, targets)


CONTESTANTS = {"ours": ours, "ours, NumPy": ours_in_numpy, "PyTorch": pytorch, "Keras": keras}
