"""The figures of a search: every trial's curve, what a low loss costs, what mattered, and the spread over seeds."""

from lstm.exploration.study import COMPLETE, STOPPED
from lstm.rendering.plots import BLUE, GREEN, GREY, ORANGE, new_axes

NATS = "nats per character, tunes kept apart"
ROOM = 1.05  # above the highest curve that is shown whole


def curves(runs, best, n_gram):
    """Loss by epoch, a line for each of the Runs. best: the number of one. n_gram: its loss."""
    figure, axes = new_axes("Every trial", "epoch", NATS)
    looks = {True: dict(color=BLUE, lw=2.5, zorder=3), False: dict(color=GREY, lw=0.8, alpha=0.7)}
    for run in sorted(runs, key=lambda run: run.number == best):
        look = dict(color=ORANGE, ls="--", lw=2.5, zorder=4) if run.usual else looks[run.number == best]
        label = "the usual preset" if run.usual else f"trial {best}" if run.number == best else None
        losses = [epoch["val_loss"] for epoch in run.curve]
        axes.plot(range(1, len(losses) + 1), losses, marker="o", ms=3, label=label, **look)
        if run.state == STOPPED:
            axes.plot(len(losses), losses[-1], "x", color=GREY, ms=6)
    axes.axhline(n_gram.nats, color=GREEN, ls=":", label=n_gram.model)
    first = sorted(run.curve[0]["val_loss"] for run in runs)
    axes.set_ylim(top=ROOM * max(n_gram.nats, first[3 * len(first) // 4]))  # a few that learn nothing are cut off
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    return figure


def against(runs, cost, label):
    """Loss of the Runs that were not stopped against what they cost. cost: a function of a Run."""
    figure, axes = new_axes(f"Loss against {label}", label, NATS)
    whole = [run for run in runs if run.state == COMPLETE]
    others = [run for run in whole if not run.usual]
    axes.plot([cost(run) for run in others], [run.loss for run in others], "o", color=BLUE, label="a trial")
    usual = [run for run in whole if run.usual]
    axes.plot([cost(run) for run in usual], [run.loss for run in usual], "s", color=ORANGE, label="the usual preset")
    front = pareto(whole, cost)
    steps = [cost(run) for run in front], [run.loss for run in front]
    axes.step(*steps, where="post", color=GREEN, ls="--", label="Pareto front")
    for run in front:
        axes.annotate(run.name, (cost(run), run.loss), (5, 5), textcoords="offset points", size="small")
    axes.legend(frameon=False)
    return figure


def pareto(runs, cost):
    """The Runs to which no other one is better in cost and no worse in loss, or the other way round; cheapest first."""
    front = []
    for run in sorted(runs, key=lambda run: (cost(run), run.loss)):
        if not front or run.loss < front[-1].loss:
            front.append(run)
    return front


def bars(importance):
    """The importance of each choice. importance: {name: share}."""
    figure, axes = new_axes("What mattered for the loss after one epoch", "share of the importance", "")
    names = sorted(importance, key=importance.get)
    axes.barh(names, [importance[name] for name in names], color=BLUE)
    axes.grid(axis="y", visible=False)
    return figure


def seeds(entries):
    """Each seed's loss of the Entries that are compared."""
    figure, axes = new_axes("The best, and the usual preset, from other seeds", NATS, "")
    for place, entry in enumerate(reversed(entries)):
        losses = list(entry.losses.values())
        color = ORANGE if entry.run.usual else BLUE
        axes.plot(losses, [place] * len(losses), "o", color=color, alpha=0.6, label="one seed" if not place else None)
        axes.plot(entry.mean, place, "|", color="black", ms=18, label="mean" if not place else None)
    axes.set_yticks(range(len(entries)), [entry.run.name for entry in reversed(entries)])
    axes.legend(frameon=False)
    return figure
