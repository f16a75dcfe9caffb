"""Softmax cross-entropy: how surprised the model is by each next character, in nats.

    p_k  = exp(z_k) / (exp(z_1) + ... + exp(z_V))     softmax of the logits z
    loss = -log p_y                                   y is the target; the mean over all characters is minimised
    dz   = p - onehot(y)                              pushes the target up, the others down
"""

import numpy as np

from lstm.io import COUNT
from lstm.io.arrays import check_arrays, check_range


def log_softmax(logits):
    """log p over the last axis. The largest logit is taken off first, because exp of it could overflow."""
    log_p = logits - logits.max(axis=-1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=-1, keepdims=True))
    return log_p


def cross_entropy(logits, targets):
    """-log p(target) for each character.

    logits: (..., V); targets: integers (...).
    Returns nats (...) and, as the cache of backward, log p (..., V).
    """
    check_targets("logits", logits, targets)
    log_p = log_softmax(logits)
    return -np.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0], log_p


def cross_entropy_backward(log_p, targets, characters):
    """Gradient of (sum of nats) / characters with respect to the logits: (p - one_hot(target)) / characters."""
    check_targets("log_p", log_p, targets)
    characters = COUNT.check("characters", characters)
    dlogits = np.exp(log_p)  # (..., V)
    hit = np.take_along_axis(dlogits, targets[..., None], axis=-1)
    np.put_along_axis(dlogits, targets[..., None], hit - 1, axis=-1)
    dlogits /= characters
    return dlogits


def check_targets(name, scores, targets):
    """Raise InputError unless scores (..., V) have a target from 0 to V - 1 at each place."""
    # any number of axes before that of V, each with a letter of its own
    places = "".join(f"{letter}, " for letter in "TBCDEFGHKLMN"[: max(np.ndim(scores), 1) - 1])
    check_arrays({f"{name} ({places}V)": scores, f"targets ({places}) of whole numbers": targets})
    check_range("targets", targets, scores.shape[-1])
