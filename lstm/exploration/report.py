"""The report of a search: explore.csv with each epoch of each trial, and explore.html, which sums up and does not hide.

Runs are compared at equal epochs alone. What stood still to be tried, and what may not be concluded, stands there too.
"""

import csv
import io
from datetime import date
from pathlib import Path
from typing import NamedTuple

from lstm.evaluation.heldout import ORDERS, Loss, NGram, bounded, n_gram_name
from lstm.exploration import figures
from lstm.exploration.space import Range, words
from lstm.exploration.storage import optuna
from lstm.exploration.study import COMPLETE, RUNNING, SEEDS, Run, best_runs, distribution, rungs
from lstm.io.files import write_bytes
from lstm.rendering.album import STYLE, TABLES, article, figure, markup, page, paragraph, readable, table
from lstm.settings import PRESETS, USUAL

COLUMNS = ("trial", "seed", "state", "epoch", "loss", "val_loss", "val_accuracy", "seconds", "parameters", "threads")
ENOUGH = 8  # trials to say what mattered
QUANTILE = 0.25  # of the trials count as good ones


class Entry(NamedTuple):
    """What is compared over seeds."""

    run: Run  # of the search, or of the first seed
    losses: dict  # {seed: loss after all epochs}
    seconds: float  # of an epoch

    @property
    def mean(self):
        """The mean loss over its seeds."""
        return sum(self.losses.values()) / len(self.losses)


def compared(exploration):
    """The Entries of the best trials and of the usual preset that have trained all epochs. The best come first, and
    before them those of which all seeds are known.
    """
    runs, whole = exploration.runs(), [run for run in exploration.all_runs() if run.state == COMPLETE]
    numbers = {run.number for run in best_runs(runs)} | {run.number for run in whole if run.usual}
    entries = []
    for number in numbers:
        mine = sorted((run for run in whole if run.number == number), key=lambda run: run.seed)
        if mine:
            seconds = sum(epoch["seconds"] for run in mine for epoch in run.curve) / sum(len(run.curve) for run in mine)
            entries.append(Entry(mine[0], {run.seed: run.loss for run in mine}, seconds))
    return sorted(entries, key=lambda entry: (len(entry.losses) < SEEDS, entry.mean))


def best_of(exploration):
    """The Run that the report recommends: the lowest mean over seeds, or the best so far where none is complete."""
    entries = compared(exploration)
    return entries[0].run if entries else best_runs(exploration.runs(), 1)[0]


# -- explore.csv


def write_csv(directory, exploration):
    """Write explore.csv: a line for each epoch of each trial, and one for a trial without any."""
    text, names = io.StringIO(), list(exploration.usual)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *names, "why it failed"])
    for run in exploration.all_runs():
        for epoch in run.curve or [{}]:
            numbers = (epoch.get(name, "") for name in COLUMNS[3:8])
            options = (run.options[name] for name in names)
            writer.writerow([run.name, run.seed, run.state, *numbers, run.parameters, run.threads, *options, run.why])
    path = Path(directory, "explore.csv")
    write_bytes(path, text.getvalue().encode())
    return path


# -- explore.html


def write_page(directory, exploration, corpus, command, names):
    """Write explore.html. command: what trains the best fully; names: of the texts that were learnt."""
    runs, entries, n_gram = exploration.runs(), compared(exploration), best_n_gram(corpus)
    shown = [run for run in runs if run.curve]
    shown += [run for run in exploration.runs(exploration.others) if run.usual and run.seed == exploration.seed
              and run.curve and not any(one.usual for one in runs)]
    best = best_of(exploration)
    varied = [name for name, choice in exploration.space.items() if isinstance(choice, Range) or len(choice) > 1]
    articles = [about_best(exploration, entries, best, command, n_gram), about_curves(shown, best, n_gram)]
    if any(run.state == COMPLETE for run in shown):
        articles.append(about_cost(shown))
    articles.append(about_importance(exploration, varied))
    articles += [about_trials(exploration, varied), about_space(exploration), about_limits(exploration, corpus)]
    whole = sum(run.state == COMPLETE for run in runs)
    about = f"{len(runs)} networks tried, {whole} of them trained for {exploration.epochs} epochs; {date.today()}"
    text = page("".join(articles), f"A search: {', '.join(names)}", about, STYLE + TABLES)
    path = Path(directory, "explore.html")
    write_bytes(path, text.encode(errors="replace"))
    return path


def best_n_gram(corpus):
    """The Loss of the best n-gram model on the tunes kept apart."""
    training, apart = bounded(*(corpus.vocabulary.decode(ids) for ids in (corpus.training, corpus.validation)))
    nats = NGram(training, max(ORDERS), corpus.vocabulary.characters).losses(apart)[:, 1:].mean(axis=1)
    order = min(ORDERS, key=lambda order: nats[order])
    return Loss(n_gram_name(order), float(nats[order]))


def about_best(exploration, entries, best, command, n_gram):
    """The best of them beside the usual preset, and the command that trains it."""
    preset = PRESETS[USUAL].settings["epochs"]
    parts = [paragraph(verdict(exploration, entries, n_gram))]
    if entries:
        rows = [(entry.run.name, f"{entry.mean:.4f}", ", ".join(f"{loss:.4f}" for loss in entry.losses.values()),
                 f"{entry.run.parameters:,}", f"{entry.seconds:.0f}") for entry in entries]
        columns = "", "mean loss", "each seed", "parameters", "seconds an epoch"
        parts.append(table(columns, rows))
        spread = "; ".join(f"{e.run.name}: {', '.join(f'{x:.3f}' for x in e.losses.values())}" for e in entries)
        parts.append(figure(figures.seeds(entries), f"Losses of each seed. {spread}"))
    full = f"The command below trains {best.name} fully, for the {preset} epochs of the usual preset"
    seconds = sum(epoch["seconds"] for epoch in best.curve) / len(best.curve)
    threads = f"{best.threads} thread{'s' * (best.threads != 1)}"
    full += f": about {preset * seconds / 60:,.0f} minutes at its speed here, with {threads} beside whatever else "
    full += "was running. "
    full += "Whether it stays ahead until then, this search cannot know."
    parts += [paragraph(full), f"""<div class="notation">
<details open><summary>The command</summary>
<pre id="command" role="group" aria-label="The command" tabindex="0">{markup(command)}</pre>
</details>
<div class="copy"><span role="status"></span><button data-copies="command" hidden>Copy</button></div>
</div>"""]
    return article("The best", *parts)


def verdict(exploration, entries, n_gram):
    """What the seeds let one say of the best and the usual preset."""
    usual = next((entry for entry in entries if entry.run.usual), None)
    others = [entry for entry in entries if not entry.run.usual]
    ground = f"The best model that only counts, {n_gram.model}, has {n_gram.nats:.4f}."
    if not others or not usual:
        return f"Too few trials have trained all {exploration.epochs} epochs to compare the best with others. {ground}"
    best, at = others[0], f"after {exploration.epochs} epochs"
    gain = usual.mean - best.mean
    seeds = f"{best.run.name} has {best.mean:.4f} nats per character {at}, the usual preset {usual.mean:.4f}"
    seeds = f"{seeds[0].upper()}{seeds[1:]} (means over {len(best.losses)} and {len(usual.losses)} seeds)."
    if min(len(best.losses), len(usual.losses)) < SEEDS:
        return f"{seeds} That is too few seeds to tell whether the difference is one. {ground}"
    if max(best.losses.values()) < min(usual.losses.values()):
        said = f"It is better by {gain:.4f}, more than the spread over seeds: its worst is below the preset's best."
    elif min(best.losses.values()) > max(usual.losses.values()):
        said = f"The usual preset is better by {-gain:.4f}, more than the spread over seeds."
    else:
        said = f"The difference, {abs(gain):.4f}, is within the spread over seeds: these runs cannot tell them apart."
    return f"{seeds} {said} {ground}"


def about_curves(runs, best, n_gram):
    """Every trial's curve."""
    usual = next((run for run in runs if run.usual), None)
    label = f"Loss by epoch of {len(runs)} trials: {best.name} ends at {best.loss:.3f}"
    label += f", the usual preset at {usual.loss:.3f}" if usual else ""
    note = "A cross marks where a trial was stopped, because at equal epochs it was not among the better half."
    label += f"; {n_gram.model} is at {n_gram.nats:.3f}"
    return article("Every trial", paragraph(note), figure(figures.curves(runs, best.number, n_gram), label))


def about_cost(runs):
    """Loss against time and parameters."""
    parts = []
    for cost, label in ((seconds_of, "seconds of training"), (lambda run: run.parameters, "parameters")):
        front = figures.pareto([run for run in runs if run.state == COMPLETE], cost)
        listed = "; ".join(f"{run.name}: {run.loss:.3f} for {cost(run):,.0f}" for run in front)
        parts.append(figure(figures.against(runs, cost, label), f"Loss against {label}. On the Pareto front {listed}"))
        parts.append(paragraph(f"On the Pareto front of loss and {label}: {listed}."))
    note = "Of those that trained all epochs. Seconds are those of training steps, on machines that may have had other "
    note += "work, with the threads that explore.csv names: small differences mean nothing."
    return article("What a low loss costs", paragraph(note), *parts)


def seconds_of(run):
    """What a Run took."""
    return sum(epoch["seconds"] for epoch in run.curve)


def about_importance(exploration, varied):
    """Which choices made a difference, by PED-ANOVA, at the epochs that all trials have."""
    runs = [run for run in exploration.runs() if run.curve]
    if len(runs) < ENOUGH or not varied:
        return article("What mattered", paragraph(f"Fewer than {ENOUGH} trials, or nothing to choose, tell nothing."))
    shares = importance(exploration, runs, varied)
    note = f"PED-ANOVA (Watanabe et al. 2023) over {len(runs)} trials: how much more a choice is confined among the "
    note += f"best {100 * QUANTILE:.0f} % after their first epoch than among all. It is a rough figure of few trials, "
    note += "and of what learns fast: after one epoch little dropout and a high rate look better than at the end. What "
    note += "the search settled early, so that nearly all trials have it, counts for little here."
    rows = [(name.replace("_", " "), f"{100 * share:.0f} %") for name, share in shares.items()]
    label = "Importance of each choice. " + ", ".join(f"{name} {share}" for name, share in rows)
    drawing = figure(figures.bars({name.replace("_", " "): share for name, share in shares.items()}), label)
    return article("What mattered", paragraph(note), table(("choice", "importance"), rows), drawing)


def importance(exploration, runs, varied):
    """{choice: its share of the importance for the loss after one epoch}, the largest first."""
    kinds = {name: distribution(name, exploration.space[name]) for name in varied}
    study = optuna.create_study()
    for run in runs:
        values = {name: run.options[name] for name in varied}
        study.add_trial(optuna.create_trial(params=values, distributions=kinds, value=run.curve[0]["val_loss"]))
    by = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=QUANTILE)
    return optuna.importance.get_param_importances(study, evaluator=by)


def about_trials(exploration, varied):
    """All trials, and the runs from other seeds."""
    rows = []
    for run in sorted(exploration.all_runs(), key=lambda run: (run.number, run.seed)):
        loss = f"{run.loss:.4f}" if run.curve else ""
        values = (words([run.options[name]]) for name in varied)
        rows.append((run.name, f"{run.seed}", run.state + f": {run.why}" * bool(run.why), f"{len(run.curve)}", loss,
                     f"{run.parameters:,}", f"{seconds_of(run):.0f}", *values))
    columns = "", "seed", "", "epochs", "loss", "parameters", "seconds", *(name.replace("_", " ") for name in varied)
    return article("All trials", table(columns, rows))


def about_space(exploration):
    """What was searched, and what was held fixed."""
    rows = [(name.replace("_", " "), words(choice)) for name, choice in exploration.space.items()]
    held = [(name.replace("_", " "), f"{value}") for name, value in exploration.plan["held fixed"].items()]
    return article("What was searched, and what was not",
                   paragraph("Nothing beyond these bounds was tried:"), table(("choice", "from"), rows),
                   paragraph("These were the same in all trials:"), table(("held fixed", "at"), held))


def about_limits(exploration, corpus):
    """What may not be concluded."""
    apart, running = corpus.validation.size, sum(run.state == RUNNING for run in exploration.all_runs())
    lacking, steps = len([*exploration.missing(exploration.runs())]), ", ".join(map(str, rungs(exploration.epochs)))
    lines = [
        f"Losses are those of {apart:,} characters that stand at the end of the training tunes and are kept apart. The "
        "tunes that training holds out took no part: their loss stays a fair figure.",
        "The best was chosen among many by these losses, so its own are a little too good, those of other seeds less.",
        f"All were compared after {exploration.epochs} epochs or fewer. What learns slowly, such as a large network or "
        "one with much dropout, may be better in the end.",
        f"Trials were stopped after {steps or 'no'} epochs by the loss of one seed." if steps else "",
        "Another machine type, or more workers, lead to other trials: what is drawn depends on what has ended before.",
        f"{running} trials are still under way." if running else "",
        f"{lacking} trainings from other seeds were not made: some of the means above are of fewer." if lacking else "",
    ]
    listed = "".join(f"<li>{readable(line)}</li>" for line in lines if line)
    return article("What may not be concluded", f"<ul>{listed}</ul>")
