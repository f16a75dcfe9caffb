"""The exercises of notebook 10, Inside the memory: similarity, information, a probe, silence, damage, a dose."""

import numpy as np

from check import Wrong, close, exercise, several, shaped
from lstm import cell
from lstm.evaluation import memory

EXACT = 1e-9


@exercise(hints=[
    "Divide each state by its length, np.linalg.norm(states, axis=1, keepdims=True). What is the product of two such?",
    "All products of any two rows at once are `directions @ directions.T`.",
])
def cosine_of_states(answer):
    states = np.random.default_rng(0).normal(size=(6, 4)) * np.array([1, 2, 3, 0.1, 5, 1])[:, None] + 0.5
    right = memory.similarity(states)
    found = shaped(answer(states.copy()), right.shape)
    close("the cosine of a state with itself", np.diag(found), np.ones(6), EXACT)
    close("the cosines", found, right, EXACT)


TABLES = {
    "that is independent": np.outer([10, 30], [1, 2, 1]),
    "where one tells all": np.diag([5, 10, 25]),
    "with a cell of 0": np.array([[4, 0, 2], [1, 6, 3]]),
}


def told(table):
    """The mutual information of a table of counts, in nats."""
    p = table / table.sum()
    apart = np.outer(p.sum(axis=1), p.sum(axis=0))
    return float((p[p > 0] * np.log(p[p > 0] / apart[p > 0])).sum())


@exercise(hints=[
    "Counts become probabilities p when they are divided by their sum. Sums over rows and columns are the two p apart.",
    "np.outer(p.sum(axis=1), p.sum(axis=0)) is what p would be if neither told anything of the other.",
    "Sum p * log(p / apart), only where p > 0: what never happens adds nothing.",
])
def nats_told(answer):
    for name, table in TABLES.items():
        with np.errstate(all="ignore"):
            found = answer(table.astype(float))
        close(f"the information of a table {name}", found, told(table), EXACT)


@exercise(hints=[
    "memory.mutual_information(labels, cells) has the nats of each unit, (H,).",
    "np.argsort sorts upwards; of the negative numbers, downwards. The first k are wanted.",
])
def best_units(answer):
    rng = np.random.default_rng(1)
    labels, cells = np.repeat(rng.integers(4, size=200), 5), rng.normal(size=(1000, 12))
    for unit, much in ((7, 3.0), (2, -2.0), (10, 1.0), (4, -0.6)):  # some tell by falling
        cells[:, unit] += much * labels
    order = np.argsort(-memory.mutual_information(labels, cells))
    for k in (1, 2, 4):
        found = shaped(answer(labels.copy(), cells.copy(), k), (k,)).tolist()
        if sorted(found) != sorted(order[:k].tolist()):
            missing = sorted({*order[:k].tolist()} - {*found})
            raise Wrong(f"of the {k} best units {len(missing)} are not among yours, {found}: one tells by falling, too"
                        if k > 1 else f"unit {found[0]} is not the one that tells most")
        if found != order[:k].tolist():
            raise Wrong(f"the {k} units are the right ones, but not the best first: {found}")


@exercise(hints=[
    "How many of the controls are at least as large as the score? Equal counts too.",
    "The score itself is one more draw that could have come by chance: so 1 is added above and below the line, and no "
    "p is ever 0.",
])
def chance_of(answer):
    controls = [0.2, 0.5, 0.3, 0.3, 0.9, 0.1, 0.4, 0.25, 0.35]
    for score, count in ((0.6, 1), (0.3, 6), (1.0, 0), (0.05, 9)):
        close(f"p of the score {score} among {len(controls)} controls", answer(score, list(controls)), (1 + count) / 10,
              EXACT)


# Four groups of states that planes can tell apart, far from 0: the corners of a tetrahedron. Over eight seeds and three
# kinds of probe all new labels are right; without a bias 70 to 80 % are, and 1 to 70 % of those from shifted labels.
LEARNT, NEW, RIGHT_ENOUGH = 600, 400, 0.95
CORNERS = 3.0 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])


def grouped(seed):
    """Labels (N,) and cells (N, 3) that tell them by weighted sums and a bias: learnt ones, then new ones."""
    rng = np.random.default_rng([seed, 7])
    labels = rng.integers(4, size=LEARNT + NEW)
    return labels, CORNERS[labels] + rng.normal(size=(len(labels), 3)) + np.array([20.0, 12.0, -9.0])


@exercise(hints=[
    "Put a column of ones behind the cells, for the bias. The wanted scores are one-hot: np.eye(K)[labels].",
    "np.linalg.lstsq(x, wanted, rcond=None)[0] has the weights. The answer for new cells is the label with the highest "
    "score, argmax of `new_x @ weights`.",
])
def linear_probe(answer):
    for seed in range(3):
        labels, cells = grouped(seed)
        given = labels[:LEARNT], cells[:LEARNT], cells[LEARNT:]
        found = shaped(answer(*(one.copy() for one in given)), (NEW,))
        share = float(np.mean(found == labels[LEARNT:]))
        if share < RIGHT_ENOUGH:
            raise Wrong(f"{share:.0%} of the new labels are right; a plane between the groups gets {RIGHT_ENOUGH:.0%}")
        control = np.roll(given[0], 300)
        share = float(np.mean(shaped(answer(control, *(one.copy() for one in given[1:])), (NEW,)) == labels[LEARNT:]))
        if share >= RIGHT_ENOUGH:
            raise Wrong(f"from shifted labels it still says {share:.0%}: it does not learn from what it is given")


def small_layer(seed=2):
    """x (B, E), h, c (B, H), W, U, b of a small layer."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=size) for size in ((3, 4), (3, 5), (3, 5), (4, 20), (5, 20), (20,))]


@exercise(hints=[
    "First the step as ever, equations (1) to (7) of notebook 02. cell.sigmoid is there.",
    "Then, behind it, `h[:, units] = 0`. The cell goes on as it would: only the output is silent.",
])
def silenced_step(answer):
    x, h, c, W, U, b = small_layer()
    h[:, [1, 4]] = 0
    names = "h", "c"
    for step in (1, 2):  # the second step tells whether silence is kept, and the memory too
        _, all_h, all_c = cell.forward((x @ W + b)[None], h, c, U)
        right = all_h[1].copy(), all_c[1]
        right[0][:, [1, 4]] = 0
        given = [one.copy() for one in (x, h, c, W, U, b)]
        for (name, value), wanted in zip(several(answer(*given, [1, 4]), names), right):
            value = shaped(value, wanted.shape)
            if name == "h":
                close(f"h of the silenced units after step {step}", value[:, [1, 4]], wanted[:, [1, 4]], EXACT)
            close(f"{name} after step {step}", value, wanted, EXACT)
        h, c = right


@exercise(hints=[
    "Who hears h? The layer itself one step later, in h @ U, and the layer above, in h @ above. What of these matrices "
    "does unit k's number meet?",
    "Row k of each. A row of 0 and a number of 0 give the same product.",
    "Change copies: the trained matrices are still needed.",
])
def silent_rows(answer):
    _, h, _, _, U, _ = small_layer(3)
    above = np.random.default_rng(4).normal(size=(5, 7))
    units, given = [0, 3], (U.copy(), above.copy())
    found = several(answer(*given, units), ("U", "above"))
    if not all(np.array_equal(one, before) for one, before in zip(given, (U, above))):
        raise Wrong("the trained matrices themselves were changed, and should be as they were")
    silent = h.copy()
    silent[:, units] = 0
    for (name, matrix), before in zip(found, (U, above)):
        matrix = shaped(matrix, before.shape)
        close(f"h @ {name}, beside that of a silent h", h @ matrix, silent @ before, EXACT)


@exercise(hints=[
    "after - before is what each character cost more. Take its mean where kinds == kind, for each kind.",
    "set(kinds.tolist()) has the kinds; a dict {kind: mean} is wanted.",
])
def damage_by_kind(answer):
    rng = np.random.default_rng(5)
    kinds = np.array(["note", "bar line", "note", "header", "bar line", "note", "note"])
    before, after = rng.random(7), rng.random(7) + 0.3
    found = answer(before.copy(), after.copy(), kinds.copy())
    if not isinstance(found, dict) or set(found) != {*kinds.tolist()}:
        raise Wrong("a dict is wanted, with one number for each kind that occurs")
    for kind in ("note", "bar line", "header"):
        close(f"what a {kind} costs more", found[kind], (after - before)[kinds == kind].mean(), EXACT)


predictions = []  # the first ones: later ones are no predictions


@exercise(hints=[
    "A bar line costs 0.1 nats with the whole network. One that knew nothing at all would pay ln 82 = 4.4 nats.",
    "There is no wrong one. What do you believe?",
])
def predict_damage(answer):
    values = np.array([value for _, value in several(answer, ("one", "best 40", "any 40"))], dtype=object)
    try:
        values = values.astype(float)
    except (TypeError, ValueError):
        raise Wrong("three numbers are wanted, in nats") from None
    if values.shape != (3,) or not np.isfinite(values).all():
        raise Wrong("three finite numbers are wanted, in nats")
    predictions[:] = predictions or values.tolist()
    print("noted: " + ", ".join(f"{value:+.2f}" for value in predictions) + " nats; now measure")


RANKED = {1: (0.01, -0.01, 0.05), 5: (0.08, 0.02, 0.12), 10: (0.2, 0.15, 0.3), 20: (1.0, 0.7, 1.3)}
CHANCE = {1: [0.0, 0.01, -0.01], 5: [0.0, 0.03, 0.01], 10: [0.02, 0.09, 0.0], 20: [0.1, 0.05, 0.2]}


@exercise(hints=[
    "ranked[size] is (value, low, high), chance[size] a list of what groups of that size cost, taken by chance.",
    "Clear: `low` is above the largest of the chance groups of the same size. Not above 0: any group costs something.",
    "The smallest such size; min(..., default=None) if there may be none.",
])
def smallest_clear(answer):
    for ranked, chance, right in (
        (RANKED, CHANCE, 10),
        (dict(reversed(RANKED.items())), CHANCE, 10),
        (RANKED, CHANCE | {5: [0.0, 0.01, 0.015]}, 5),
        ({1: (0.0, -0.1, 0.1), 5: (0.3, 0.1, 0.5)}, {1: [0.05], 5: [0.2]}, None),
    ):
        found = answer(dict(ranked), dict(chance))
        if found == right:
            continue
        if not isinstance(found, (int, np.integer)) or found not in ranked:
            raise Wrong(f"it says {found}, and there is a size that is clear" if right else f"it says {found}: no size")
        low, most = ranked[found][1], max(chance[found])
        reason = "and so it is for a smaller size" if low > most else f"and a group by chance costs {most}"
        raise Wrong(f"it says {found}: there `low` is {low}, {reason}")
