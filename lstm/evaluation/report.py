"""What an evaluation shows and keeps: tables in Markdown, a plot, numbers for JSON."""

import math

from lstm.evaluation.quality import EXTENT, LARGEST, NOVELTY, VALIDITY
from lstm.rendering.plots import against_temperature
from lstm.training import to_bits

PEOPLE = "people, held out"
UNITS = dict.fromkeys([*VALIDITY, *NOVELTY, *EXTENT], ("%", 100))  # (unit, factor) of each figure
UNITS |= {"longest copied span": ("characters", 1), LARGEST: ("characters", 1), "notes per tune": ("mean", 1)}


def table(title, columns, rows):
    """A Markdown table under its title; of cells None is empty."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join([f"\n**{title}**\n", *("| " + " | ".join(cell or "" for cell in line) + " |" for line in lines)])


def written(value, form, unit=""):
    """A number as a cell; None if it is NaN."""
    return None if math.isnan(value) else format(value, form) + unit


def loss_table(rows, characters):
    """The table of Losses over so many characters."""
    columns = ["model", "nats per character", "nats, headers", "nats, music", "bits per character", "first guess right"]
    cells = (
        [row.model, *(written(nats, ".3f") for nats in (row.nats, row.header, row.music, to_bits(row.nats))),
         written(100 * row.accuracy, ".1f", " %")] for row in rows
    )
    return table(f"The held-out text, {characters:,} characters", columns, cells)


def tunes_table(title, rows, names):
    """The table of some figures of Summaries, each with its 95 % interval."""

    def cell(name, estimate):
        value, low, high = (written(UNITS[name][1] * number, ".1f") for number in estimate)
        return f"{value} ({low}-{high})" if low else value

    columns = ["tunes by", "temperature", "tunes", *(f"{name}, {UNITS[name][0]}" for name in names)]
    cells = (
        [row.source, None if row.temperature is None else f"{row.temperature:g}", f"{row.tunes:,}",
         *(cell(name, row.figures[name]) for name in names)] for row in rows
    )
    return table(title, columns, cells)


def draw(rows, names):
    """The plot of some figures against temperature. rows: all Summaries, people's first."""
    people, *composed = rows
    curves = {}
    for row in composed:
        curves.setdefault(row.source, {})[row.temperature] = row.figures
    return against_temperature({name: UNITS[name] for name in names}, curves, (people.source, people.figures))


def plain(value):
    """The same for JSON: named tuples by their names, and None for NaN, for which it has no word."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 6)
    return value
