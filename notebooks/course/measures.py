"""What the verdicts of the course rest on, each a number from a seed: see `verdicts.py`.

Corpora, models and curves are kept, because several verdicts look at the same. Where code stands in a notebook alone,
it is run from there. The weights that ship cannot be trained again for each seed; so they read other tunes, or
compose others.
"""

import functools

import numpy as np

import lstm
from check import nb05, nb06
from course import broken, choosing, copy_task, inside, luck, own_corpus, own_network, truncation
from course.descent import losses, range_test, small_trainer, update_ratios
from course.of_notebooks import of_notebook
from course.staged_training import advance, bars_right
from lstm.adam import Adam
from lstm.corpus import Corpus
from lstm.engine.threads import Workers
from lstm.evaluation import memory
from lstm.evaluation.quality import tunes_of_network
from lstm.io.places import INPUT
from lstm.loss import cross_entropy
from lstm.model import CharRNN, initial_parameters
from lstm.notation.tunes import split, split_tunes
from lstm.storage.checkpoint import find_weights, pretrained
from lstm.storage.imported import load
from lstm.training import Trainer, evaluate
from solutions import nb05 as answers_05, nb06 as answers_06


@functools.cache
def corpus():
    """The tunes."""
    return Corpus.of(INPUT.read_text(encoding="utf-8"))


@functools.cache
def shipped():
    """The weights that ship: a Checkpoint."""
    return load(find_weights(pretrained()))


# -- 04: the learner's network, with the package's layers in place of the learner's


@functools.cache
def first_training(seed):
    """The mean loss of the last 20 of 400 batches."""
    parameters = initial_parameters(own_network.config_of(len(corpus().vocabulary)), seed)
    return own_network.train(own_network.by_the_package, parameters, corpus().training, 400)[-20:].mean()


def without_memory():
    """What a model pays that knows how often each character comes, and nothing else."""
    share = np.bincount(corpus().training) / len(corpus().training)
    return float(-(share[share > 0] * np.log(share[share > 0])).sum())


# -- 05


def worst_named(seed):
    """The share that is named right with the worst of the biases that are called right."""
    biases = answers_05.SOLUTIONS["long_memory"], *answers_05.ALSO_RIGHT["long_memory"]
    return min(nb05.share_named(float(bias), seed) for bias in biases)


def best_refused(seed):
    """The same with the best of those that are called wrong because they do not learn."""
    biases = [bias for bias, words in answers_05.WRONG["long_memory"] if "steps ago" in words]
    return max(nb05.share_named(float(bias), seed) for bias in biases)


def cliff(bias, lag, seed):
    """The share that a network of the figure of the copy task names right."""
    return copy_task.learn(copy_task.Reader(16, bias, seed), lag, B=16, learning_rate=5e-3, seed=seed)


@functools.cache
def starts(seed):
    """The nats of the first 16 characters of windows in another part of the validation tunes, by how they start."""
    ids, size = corpus().validation, 5000
    place = seed * size % (len(ids) - size)
    nats = truncation.nats_by_position(shipped().model, ids[place : place + size], 64)
    return {start: float(values[:16].mean()) for start, values in nats.items()}


def least_step(seed):
    """By how much the next of the three is dearer, in the order of the solution; the smaller step."""
    return float(np.diff([starts(seed)[start] for start in answers_05.SOLUTIONS["predict_start"]]).min())


@functools.cache
def notebook_05():
    return of_notebook("05", corpus=corpus())


def foreign_state(seed):
    """What training with foreign states costs more than with none, held out."""
    train = notebook_05()["train_on_random_windows"]
    return train(True, seed)[1] - train(False, seed)[1]


def clip_gains(rate, seed):
    """What a run without a clip is worse by, at a rate beyond the cliff."""
    reached = notebook_05()["reached"]
    return reached(0, rate, seed) - reached(0.25, rate, seed)


# -- 06


def rates(answers, name):
    """The rates that some answers to fair_race give an optimizer."""
    return sorted({float(answer[name]) for answer in answers})


def worst_of_right(name, seed):
    """The loss after 100 steps at the worst of the rates that are called right."""
    answers = answers_06.SOLUTIONS["fair_race"], *answers_06.ALSO_RIGHT["fair_race"]
    return max(nb06.loss_reached(name, rate, seed) for rate in rates(answers, name))


def best_of_wrong(name, seed):
    """The same at the best of the rates that are refused by name."""
    answers = [answer for answer, words in answers_06.WRONG["fair_race"] if words.startswith(f"{name} at")]
    return min(nb06.loss_reached(name, rate, seed) for rate in rates(answers, name))


def of_range_test(name, seed):
    """The same at the rate that the solution of suggest_rate reads from the optimizer's own range test."""
    grid = of_notebook("06", "grown")["grown"]["SGD" if name in ("SGD", "momentum") else "Adam"]
    measured = range_test(small_trainer(corpus(), name, seed=seed), grid)
    rate = answers_06.SOLUTIONS["suggest_rate"](grid[: len(measured)], measured)
    return nb06.loss_reached(name, float(rate), seed)


def spread(seed):
    """How many times wider the shares that matrices move by are apart with SGD than with Adam."""
    ratios = []
    for name, rate in (("SGD", 1), ("Adam", 0.003)):
        moved = update_ratios(small_trainer(corpus(), name, rate, seed=seed), 100)
        shares = [ratios_of_one[-20:].mean() for ratios_of_one in moved.values()]
        ratios.append(max(shares) / min(shares))
    return ratios[0] / ratios[1]


def lead_of_rmsprop(seed):
    """What RMSProp has at 0.03 less than Adam, nats."""
    return nb06.loss_reached("Adam", 0.03, seed) - nb06.loss_reached("RMSProp", 0.03, seed)


def lead_without_first_moment(seed):
    """What Adam has without its first moment less than with it, nats."""
    trainer = small_trainer(corpus(), "Adam", 0.03, seed=seed)
    trainer.adam = Adam(trainer.adam.m.size, beta1=0.0)
    return nb06.loss_reached("Adam", 0.03, seed) - float(np.mean(losses(trainer, 100)[-10:]))


# -- 07


@functools.cache
def notebook_07():
    """Its texts, sizes and settings, and what it defines."""
    names = ("before", "training", "vocabulary", "V", "parts", "ids", "counting", "by_order", "best_order", "config",
             "B", "T", "piece", "starts", "settings", "few", "short")
    return of_notebook("07", *names, text=INPUT.read_text(encoding="utf-8"), workers=Workers(1))


def by_heart(seed):
    """What is left after 150 steps on the notebook's batch, another network for each seed.

    Not another batch: where rows of a batch begin alike, nothing tells them apart, and no network can reach zero.
    """
    space = notebook_07()
    small = space["replace"](space["config"], embedding=32, units=64)
    space["little"] = CharRNN(small, initial_parameters(small, seed))
    return space["learn_by_heart"](space["piece"], 0.02)[-1]


def lead(seed, looked_at=300):
    """By how much the run is ahead of the best n-gram when a third of it is done; what it asserts is of the end."""
    space = notebook_07()
    model = CharRNN(space["config"], initial_parameters(space["config"], seed))
    settings = space["replace"](space["settings"], seed=seed)
    trainer = Trainer(model, settings, space["ids"]["training"], workers=space["workers"],
                      edges=space["starts"])
    advance(trainer, looked_at)
    loss, _ = evaluate(model, space["ids"]["validation"], settings.seq_length, space["workers"])
    return space["by_order"][space["best_order"]] - loss


def turn(seed):
    """By how much the validation loss has risen again at the end of the run on sixty tunes."""
    space = notebook_07()
    model = CharRNN(space["config"], initial_parameters(space["config"], seed))
    settings, checked = space["replace"](space["short"], seed=seed), []
    trainer = Trainer(model, settings, space["few"], workers=space["workers"])
    for step in range(28, 1 + settings.epochs * len(trainer.batches), 56):
        advance(trainer, step)
        checked.append(evaluate(model, space["ids"]["validation"], settings.seq_length, space["workers"])[0])
    return checked[-1] - min(checked)


@functools.cache
def dropout_pairs():
    """What dropout costs with each of the twelve seeds of the notebook, (12,)."""
    train = notebook_07()["train"]
    return np.array([train(seed, dropout=0.2) - train(seed) for seed in range(12)])


def sureness(which, limit, _):
    """The mean of some of the twelve, in standard errors, as a share of how many of them make it sure."""
    pairs = dropout_pairs()[which]
    return float(abs(pairs.mean()) / luck.standard_error(pairs) / limit)


def opposite(_):
    """The mean of the next six as a multiple of that of the first six."""
    return float(dropout_pairs()[6:].mean() / dropout_pairs()[:6].mean())


# -- 08


@functools.cache
def parts_of_corpus():
    return split(INPUT.read_text(encoding="utf-8"), 0.1)


@functools.cache
def said(held_out, seed):
    """Logits and targets of an eighth of the tunes that were held out, or of as many that were not."""
    tunes = split_tunes(parts_of_corpus()[held_out])
    part = "".join(tunes[seed % 8 :: 8 if held_out else 72])
    return choosing.next_logits(shipped().model, shipped().vocabulary.encode(part), steps=len(part) // 8 - 1)


def best_temperature(held_out, seed):
    """The temperature with the lowest loss."""
    logits, targets = said(held_out, seed)
    grid = np.round(np.arange(0.7, 1.51, 0.05), 2)
    return float(min(grid, key=lambda t: cross_entropy(logits / t, targets)[0].mean()))


def modesty(seed):
    """How much higher the best temperature is on tunes that were held out than on those that were not."""
    return best_temperature(True, seed) - best_temperature(False, seed)


def too_sure(seed):
    """By how much p is larger than the share that happened, mean of the bins above one half."""
    logits, targets = said(True, seed)
    p = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    happened = np.eye(p.shape[1], dtype=bool)[targets]
    mean, share = choosing.reliability(p.ravel(), happened.ravel(), np.linspace(0, 1, 11))
    return float((mean - share)[5:].mean())


@functools.cache
def composed(temperature, seed):
    """Sixty tunes that the weights that ship compose."""
    return [tune.text for tune in tunes_of_network(shipped(), 60, temperature, random_seed=seed)]


def returning(tunes):
    """The mean share of bars that have been in their tune before."""
    return float(np.mean([choosing.returning(choosing.bars_of(tune)) for tune in tunes]))


def seldom_returns(seed):
    """How many more bars return in people's tunes than in the network's at 0.8."""
    return returning(split_tunes(parts_of_corpus()[1])[:60]) - returning(composed(0.8, seed))


def bars_fail(seed):
    """How many fewer bars are right at temperature 1.5 than at 0.8."""
    return bars_right(composed(0.8, seed)).value - bars_right(composed(1.5, seed)).value


# -- 09


@functools.cache
def curve_of(letter, seed):
    """The curve of a suspect, "" for the sound network."""
    one = broken.suspect(letter) if letter else broken.SOUND
    return broken.curve(one, corpus().training, len(corpus().vocabulary), seed)


def late_gap(letter, seed):
    """What the last 50 steps cost more than the sound network's."""
    return broken.late(curve_of(letter, seed)) - broken.late(curve_of("", seed))


def wildest(letters, seed):
    """The highest loss of some suspects, as a multiple of ln V."""
    return max(curve_of(letter, seed).max() for letter in letters) / np.log(len(corpus().vocabulary))


def d_shows(seed):
    """By how much D is above the peak that tells it, in ln V, or too good without one, in nats: it is chaotic."""
    return max(wildest("D", seed) - broken.SPIKE, broken.TOO_GOOD - late_gap("D", seed))


def off(fault, seed):
    """How far a network's gradient is from the slopes, the worst array or gate."""
    return max(off for off, _ in broken.slopes(broken.network(fault), seed=seed).values())


def worst_by_heart(seed):
    """The loss on one batch of the suspect that learns it worst."""
    return max(broken.by_heart(broken.suspect(letter), corpus(), seed) for letter in broken.LETTERS)


def first_off(fault, seed):
    """The first loss less ln V."""
    one = broken.suspect(broken.LETTERS[broken.in_order().index(fault)])
    return broken.first_loss(one, corpus(), seed) - np.log(len(corpus().vocabulary))


def first_of_softmax(seed):
    """That of the network whose softmax goes over the rows."""
    return first_off("softmax over the rows", seed)


def first_of_others(seed):
    """The farthest of all others."""
    return max(abs(first_off(fault, seed)) for fault in broken.in_order() if fault != "softmax over the rows")


def least_off(seed):
    """How far off the gradient is that is the least broken."""
    return min(off(fault, seed) for fault in broken.IN_BACKWARD)


# -- 10: groups of units of the weights that ship, on other held-out tunes for each seed


@functools.cache
def halves(seed):
    """40 held-out tunes, in two halves: to rank units on, and to measure what they cost."""
    tunes = [tune for tune in split_tunes(parts_of_corpus()[1]) if "|" in tune]
    chosen = np.random.default_rng(seed).permutation(len(tunes))[:40]
    return [tunes[n] for n in chosen[:20]], [tunes[n] for n in chosen[20:]]


def best_units(name, layer, seed):
    """The units of a layer (from 0), by what their cells tell about labels of the first half: (H,)."""
    to_rank, _ = halves(seed)
    labels, music = inside.known(to_rank)
    cells = memory.states(shipped().model, shipped().vocabulary, [memory.reading(one) for one in to_rank], layer)
    return np.argsort(-memory.mutual_information(labels[name][music], cells[music]))


def without(units, layer, seed, kind):
    """What silenced units cost at characters of a kind, in nats, on the second half."""
    model, vocabulary, (_, to_test) = shipped().model, shipped().vocabulary, halves(seed)
    texts = [memory.reading(one) for one in to_test]
    costs = [memory.costs(network, vocabulary, texts) for network in (memory.silenced(model, layer, units), model)]
    return dict(inside.figures(memory.damage(*costs, to_test)))[kind].value


@functools.cache
def bar_group(seed, kind="bar line"):
    """What the 40 units that tell most about the bar cost there."""
    return without(best_units("bar position", 0, seed)[:40], 0, seed, kind)


def bar_group_more_than_chance(seed):
    """What they cost at bar lines, less what 40 by chance do."""
    (chance,) = inside.by_chance(shipped().model.config.units, 40, 1, seed)
    return bar_group(seed) - without(chance, 0, seed, "bar line")


def bar_group_more_than_elsewhere(seed):
    """What they cost at bar lines, less what they cost at notes."""
    return bar_group(seed) - bar_group(seed, "note")


def repeat_switch(seed):
    """p(:) at ends of parts that were never opened, with the best repeat unit held at its open end, less that without.

    Which end that is, -0.6 or 0.6, is for the first weights to say.
    """
    model, vocabulary, (_, to_test) = shipped().model, shipped().vocabulary, halves(seed)
    held = [memory.silenced(model, 1, best_units("repeat", 1, seed)[:1], end) for end in (-0.6, 0.6)]
    colons = [inside.of_colon(network, vocabulary, to_test)["never opened"].value for network in (*held, model)]
    return max(colons[:2]) - colons[2]


# -- 12: sizes on the jigs


@functools.cache
def size_loss(units, seed):
    """The held-out nats of a network of so many units, as the card of notebook 12 compares sizes."""
    jigs = own_corpus.mixed(own_corpus.of_rhythm(INPUT.read_text(encoding="utf-8"), "jig", 400), seed=1)
    records = lstm.train("".join(jigs), preset="tiny", units=units, epochs=2, seed=seed)
    return min(record.val_loss for record in records)


def size_helps(seed):
    """What 32 units cost more than 64."""
    return size_loss(32, seed) - size_loss(64, seed)
