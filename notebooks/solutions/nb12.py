"""Solutions of notebook 12, right answers in other styles, and wrong ones with words that the check must say."""

import hashlib
import math
from pathlib import Path

import numpy as np

from lstm.evaluation.quality import mean
from lstm.model import CharRNN, Config, initial_parameters
from lstm.notation.tunes import body, header_fields

T = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776}


def file_hash(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def file_hash_in_pieces(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(4):
            digest.update(piece)
    return digest.hexdigest()


def file_hash_in_capitals(path):
    digest = hashlib.new("sha256")
    digest.update(memoryview(Path(path).read_bytes()))
    return digest.hexdigest().upper()


def of_text(path):
    with open(path, encoding="latin-1") as file:
        return hashlib.sha256(file.read().encode("latin-1")).hexdigest()


def of_utf_8(path):
    return hashlib.sha256(Path(path).read_bytes().decode(errors="replace").encode()).hexdigest()


def normal(tune):
    return header_fields(tune)["K"], "".join(body(tune).split())


def found_in_both(training, held_out):
    known = {normal(tune) for tune in training}
    return [n for n, tune in enumerate(held_out) if normal(tune) in known]


def found_in_loops(training, held_out):
    found = []
    for n, tune in enumerate(held_out):
        for other in training:
            if normal(tune) == normal(other):
                found.append(n)
                break
    return np.array(found)


def found_as_set(training, held_out):
    return {n for n, tune in enumerate(held_out) if any(normal(tune) == normal(other) for other in training)}


def same_text(training, held_out):
    return [n for n, tune in enumerate(held_out) if tune in training]


def same_body(training, held_out):
    return [n for n, tune in enumerate(held_out) if body(tune) in map(body, training)]


def any_key(training, held_out):
    known = {normal(tune)[1] for tune in training}
    return [n for n, tune in enumerate(held_out) if normal(tune)[1] in known]


def any_octave(training, held_out):
    known = {(normal(tune)[0], normal(tune)[1].lower()) for tune in training}
    return [n for n, tune in enumerate(held_out) if (normal(tune)[0], normal(tune)[1].lower()) in known]


def size_in_bytes(nats, characters):
    bits = nats / math.log(2)
    return bits, bits * characters / 8


def rival(rows):
    network = next(row for row in rows if row.model == "LSTM")
    best = min((row for row in rows if row.model != "LSTM"), key=lambda row: row.nats)
    return best.model, (best.nats - network.nats) / math.log(2)


def rival_sorted(rows):
    nats = {row.model: row.nats for row in rows}
    own = nats.pop("LSTM")
    name = sorted(nats, key=nats.get)[0]
    return [name, np.log2(np.e) * (nats[name] - own)]


def rival_in_a_loop(rows):
    name, lowest, own = None, np.inf, None
    for model, nats, *_ in rows:
        if model == "LSTM":
            own = nats
        elif nats < lowest:
            name, lowest = model, nats
    return name, (lowest - own) / np.log(2)


def rival_with(best, scale=1 / math.log(2), sign=1):
    def answer(rows):
        network = next(row for row in rows if row.model == "LSTM")
        chosen = best([row for row in rows if row.model != "LSTM"])
        return chosen.model, sign * scale * (chosen.nats - network.nats)
    return answer


def lowest(rows):
    return min(rows, key=lambda row: row.nats)


def count_parameters(V, E, H, L):
    layers = sum(4 * H * ((E if layer == 0 else H) + H + 1) for layer in range(L))
    return V * E + layers + H * V + V


def count_by_the_package(V, E, H, L):
    return initial_parameters(Config(V, E, H, L), 1).flat.size


def count_by_model(V, E, H, L):
    config = Config(V, E, H, L)
    return len(CharRNN(config, initial_parameters(config, 1)).parameters.flat)


def largest_network(V, E, budget):
    units = 1
    while count_parameters(V, E, units + 1, 1) <= budget:
        units += 1
    return units


def largest_by_formula(V, E, budget):
    a, b, c = 4, 4 * E + 4 + V, (E + 1) * V - budget
    return math.floor((-b + math.sqrt(b * b - 4 * a * c)) / (2 * a))


def largest_by_halving(V, E, budget):
    low, high = 1, budget
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count_parameters(V, E, middle, 1) <= budget else (low, middle)
    return float(low)


def claim_with(t):
    def answer(small, large):
        d = np.array(large) - np.array(small)
        half = t(len(d) - 1) * d.std(ddof=1) / np.sqrt(len(d))
        return "better" if d.mean() + half < 0 else "worse" if d.mean() - half > 0 else "cannot tell"
    return answer


claim = claim_with(T.get)


def claim_by_the_package(small, large):
    found = mean([b - a for a, b in zip(small, large)])
    if found.low <= 0 <= found.high:
        return "cannot tell"
    return "better" if found.value < 0 else "worse"


def claim_by_t(small, large):
    d = np.subtract(small, large)
    t = d.mean() / (d.std(ddof=1) / len(d) ** 0.5)
    return "cannot tell" if abs(t) < T[len(d) - 1] else ("worse", "better")[int(t > 0)]


def unpaired(small, large):
    gap = np.mean(large) - np.mean(small)
    half = T[len(small) - 1] * np.sqrt((np.var(small, ddof=1) + np.var(large, ddof=1)) / len(small))
    return "better" if gap + half < 0 else "worse" if gap - half > 0 else "cannot tell"


SOLUTIONS = {
    "file_hash": file_hash,
    "found_in_both": found_in_both,
    "size_in_bytes": size_in_bytes,
    "rival": rival,
    "count_parameters": count_parameters,
    "largest_network": largest_network,
    "claim": claim,
    "may_claim": "bdf",
}

ALSO_RIGHT = {
    "file_hash": [file_hash_in_pieces, file_hash_in_capitals],
    "found_in_both": [found_in_loops, found_as_set],
    "size_in_bytes": [
        lambda nats, characters: np.array([1, characters / 8]) * nats * np.log2(np.e),
        lambda nats, characters: [np.log2(np.exp(nats)), characters * np.log(np.exp(nats)) / np.log(256)],
    ],
    "rival": [rival_sorted, rival_in_a_loop],
    "count_parameters": [count_by_the_package, count_by_model],
    "largest_network": [largest_by_formula, largest_by_halving],
    "claim": [claim_by_the_package, claim_by_t],
    "may_claim": [{"b", "d", "f"}, ["f", "d", "b"]],
}

WRONG = {
    "file_hash": [
        (of_text, "as on Windows"),
        (of_utf_8, "not UTF-8"),
        (lambda path: hashlib.md5(Path(path).read_bytes()).hexdigest(), "64 digits"),
        (lambda path: hashlib.sha256(Path(path).read_bytes()).digest(), "64 digits"),
        (lambda path: hashlib.sha256(str(path).encode()).hexdigest(), "differs"),
    ],
    "found_in_both": [(same_text, "is not found"), (same_body, "is not found"), (any_key, "differs from all"),
                      (any_octave, "differs from all")],
    "size_in_bytes": [
        (lambda nats, characters: (nats * math.log(2), nats * math.log(2) * characters / 8), "the bits per character"),
        (lambda nats, characters: (nats / math.log(2), nats / math.log(2) * characters), "the bytes"),
        (lambda nats, characters: nats / math.log(2), "2 values"),
    ],
    "rival": [
        (lambda rows: (lowest(rows).model, 0.0), "harder to beat"),
        (rival_with(lowest, scale=1), "off by"),
        (rival_with(lowest, sign=-1), "off by"),
        (rival_with(lambda rows: rows[0]), "harder to beat"),
    ],
    "count_parameters": [
        (lambda V, E, H, L: V * E + L * 4 * H * (E + H + 1) + H * V + V, "L = 2"),
        (lambda V, E, H, L: count_parameters(V, E, H, L) - V, "off by"),
        (lambda V, E, H, L: V * E + L * H * (E + H + 1) + H * V + V, "off by"),
    ],
    "largest_network": [
        (lambda V, E, budget: largest_network(V, E, budget) + 1, "are too many"),
        (lambda V, E, budget: largest_network(V, E, budget) - 1, "would fit too"),
        (lambda V, E, budget: math.sqrt(budget / 4), "whole number"),
        (lambda V, E, budget: largest_network(V, E, budget - 1), "would fit too"),
    ],
    "claim": [
        (lambda small, large: "better" if np.mean(large) < np.mean(small) else "worse", "the mean difference"),
        (claim_with(lambda n: 2.0), "it says 'better'"),
        (unpaired, "it says 'cannot tell'"),
        (lambda small, large: claim(large, small), "it says"),
        (lambda small, large: True, "one of"),
    ],
    "may_claim": [("abdf", "1 of these"), ("bd", "1 that may stand"), ("ace", "3 of these"), ("", "0 of these"),
                  ("xyz", "letters from a to g")],
}
