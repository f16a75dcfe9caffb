"""Run the notebooks, each in a fresh kernel: python notebooks/run.py [NAME ...] [--write]

A notebook fails with an error, with a warning, with anything else on standard error, and where a cell no longer shows
what it shows in the file. With --write the outputs are stored instead, and beside them a small picture for the map of
the course, made of the figure of the cell that is tagged `picture`, or else of the first one.

It also fails if it takes more than two minutes, by the clock or of processor time, all cores together. The clock is
what a reader waits for, but it depends on what else the machine does. Processor time hardly does: so a notebook that
is within two minutes only because all cores are free and share the work is too long too. Its outputs are stored.

A cell's metadata may have a text for those who cannot see its picture, {"alt": "..."}. Jupyter has no rule for it yet;
nbconvert looks for it in the metadata of the output first, so the text is put there too.

Of a picture with sliders (`course/widgets.py`) the picture is stored, and no slider.

Results go to standard output, and what it is doing meanwhile to standard error. It needs the extra `notebooks`.
"""

import argparse
import base64
import io
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
PICTURES = "pictures"  # the folder beside the notebooks
WIDTH = 480  # of these pictures, in pixels
PATIENCE = 300  # seconds for one cell
SLIDERS = "application/vnd.jupyter.widget-"  # how the kinds of outputs begin that need the kernel they are from
LONGEST = 120  # seconds for a notebook, by the clock and of processor time
MOST = 1_000_000  # bytes of a notebook with its outputs

# What may change from run to run and says nothing is left out, so that a difference between two versions is one.
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# Warnings are errors in the kernel, but not those of Jupyter's own machinery.
JUPYTER = "ipykernel", "jupyter_client", "zmq", "tornado"
STRICT = "import warnings; warnings.simplefilter('error'); " + "; ".join(
    f"warnings.filterwarnings('default', module={module!r})" for module in JUPYTER
)


def execute(path, watch=None):
    """The notebook of a file with the outputs of a fresh kernel; all of them up to an error, if there is one.

    watch(number, count) is called when a code cell begins, the first of them with number 1.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(path, 4)
    cells = code_cells(notebook)
    for cell in cells:
        cell.outputs, cell.execution_count = [], None

    def begins(cell, cell_index):
        if watch:
            watch(len(code_cells({"cells": notebook.cells[: cell_index + 1]})), len(cells))

    client = NotebookClient(
        notebook,
        timeout=PATIENCE,
        kernel_name="python3",
        record_timing=False,
        on_cell_execute=begins,
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=[f"--IPKernelApp.exec_lines={STRICT}", "--IPKernelApp.log_level=ERROR"],
    )
    try:
        client.execute()
    except CellExecutionError:
        pass  # it is among the outputs
    for cell in cells:
        cell.outputs = joined(cell.outputs)
        hold_still(cell)
        describe(cell)
    return notebook


def joined(outputs):
    """Outputs in which what was printed in pieces, one after the other, is one: the pieces differ from run to run."""
    whole = []
    for output in outputs:
        if whole and output["output_type"] == whole[-1]["output_type"] == "stream" and output.name == whole[-1].name:
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def hold_still(cell):
    """Leave the sliders of an executed cell out, and keep the picture: without their kernel they show an error."""
    for output in cell["outputs"]:
        for kind in [kind for kind in output.get("data", {}) if kind.startswith(SLIDERS)]:
            del output["data"][kind]


def pictures(cell):
    """An iterator of the pictures that a cell shows: the output that each is in, and its kind, such as image/png."""
    for output in cell["outputs"]:
        for kind in output.get("data", {}):
            if kind.startswith("image/"):
                yield output, kind


def describe(cell):
    """Give the pictures of an executed cell its alternative text, if it has one."""
    if text := cell["metadata"].get("alt"):
        for output, kind in pictures(cell):
            output["metadata"].setdefault(kind, {})["alt"] = text


def undescribed(notebook):
    """An iterator of the cells whose pictures do not have the cell's alternative text, a line each."""
    for number, cell in enumerate(code_cells(notebook), 1):
        text = cell["metadata"].get("alt")
        if any(not text or output["metadata"].get(kind, {}).get("alt") != text for output, kind in pictures(cell)):
            remedy = "run it with --write" if text else 'give the cell the metadata {"alt": "..."}'
            yield f"cell {number} shows a picture without an alternative text: {remedy}"


def code_cells(notebook):
    """The cells of a notebook that have code."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def shown(cell):
    """What kinds of things a cell shows, and how many of each: image/png, text/html, stdout ..."""
    kinds = Counter()
    for output in cell["outputs"]:
        if output["output_type"] == "stream":
            kinds[output["name"]] = 1  # because one text may come in several pieces
        else:
            kinds.update(output.get("data", {}).keys())
    return kinds


def complaints(notebook):
    """An iterator of what is wrong with an executed notebook, a line each."""
    for number, cell in enumerate(code_cells(notebook), 1):
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                yield f"cell {number}: {output['ename']}: {output['evalue']}".splitlines()[0]
            elif output.get("name") == "stderr":
                yield f"cell {number} writes to standard error: {output['text'].strip().splitlines()[0]}"
    if not any(cell["outputs"] for cell in code_cells(notebook)):
        yield "no cell shows anything"


def missing(stored, executed):
    """An iterator of what the cells of the stored notebook show, and those of the executed one do not."""
    for number, (before, after) in enumerate(zip(code_cells(stored), code_cells(executed)), 1):
        for kind, count in (shown(before) - shown(after)).items():
            yield f"cell {number} no longer shows {kind}" + (f" ({count} times)" if count > 1 else "")


def write(notebook, path):
    """Store a notebook, and the picture of it."""
    import nbformat

    notebook.metadata = nbformat.from_dict(METADATA)
    nbformat.write(notebook, path)
    if figure := figure_of(notebook):
        picture = path.parent / PICTURES / f"{path.stem}.png"
        picture.parent.mkdir(exist_ok=True)
        picture.write_bytes(small(figure))


def figure_of(notebook):
    """The PNG picture that stands for a notebook, as bytes; None if it shows none."""
    cells = sorted(code_cells(notebook), key=lambda cell: "picture" not in cell["metadata"].get("tags", []))
    figures = (output.get("data", {}).get("image/png") for cell in cells for output in cell["outputs"])
    return next((base64.b64decode(figure) for figure in figures if figure), None)


def small(png):
    """A PNG picture, WIDTH pixels wide."""
    from PIL import Image

    picture, file = Image.open(io.BytesIO(png)).convert("RGB"), io.BytesIO()
    picture.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    colors = picture.quantize(256, method=Image.Quantize.MAXCOVERAGE)  # others lose the colour of thin lines
    colors.save(file, "PNG", optimize=True)
    return file.getvalue()


def run(path, store, watch=None):
    """Execute one notebook, and store it if that is wanted and nothing is wrong. Returns what is wrong, as lines."""
    stored = json.loads(path.read_text(encoding="utf-8"))
    executed = execute(path, watch)
    wrong = list(complaints(executed))
    if store and not wrong:
        write(executed, path)
        if path.stat().st_size > MOST:
            wrong.append(f"{path.stat().st_size:,} bytes are more than {MOST:,}: show less, or shorter clips")
    elif not store:
        wrong += missing(stored, executed)
    return wrong


def seconds():
    """The time by the clock, and the processor time that finished child processes have used: 0 on Windows."""
    times = os.times()
    return time.perf_counter(), times.children_user + times.children_system


def too_long(clock, processor):
    """An iterator of what is wrong with the time that a notebook took, in seconds; a line each."""
    if clock > LONGEST:
        yield f"{clock:.0f} s by the clock are more than {LONGEST} s"
    if processor > LONGEST:
        yield f"{processor:.0f} s of processor time are more than {LONGEST} s"


class Progress:
    """One line on standard error that says where a notebook is; without a terminal, that it has begun."""

    def __init__(self, name):
        self.name, self.live, self.width = name, sys.stderr.isatty(), 0
        if self.live:
            self.show("starting ...")
        else:
            print(f"{name}: running ...", file=sys.stderr, flush=True)

    def __call__(self, number, count):
        if self.live:
            self.show(f"cell {number} of {count} ...")

    def show(self, what):
        """Write over the line that is there."""
        line = f"{self.name}: {what}"
        print(f"\r{line:{self.width}}", end="", file=sys.stderr, flush=True)
        self.width = len(line)

    def close(self):
        """Leave the line empty, for the result."""
        if self.live:
            print("\r" + " " * self.width + "\r", end="", file=sys.stderr, flush=True)


def find(names, folder):
    """The notebooks of a folder whose names begin with one of `names`; without names all. Exits if there is none."""
    paths = sorted(folder.glob("*.ipynb"))
    for name in names:
        if not any(path.name.startswith(name) for path in paths):
            sys.exit(f"no notebook begins with {name!r}; there are {', '.join(path.stem for path in paths)}")
    return [path for path in paths if not names or path.name.startswith(tuple(names))]


def main(argv=None, folder=FOLDER):
    """The command. Returns the exit status: 1 if something is wrong with a notebook."""
    parser = argparse.ArgumentParser(prog="python notebooks/run.py", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="how the notebooks' names begin, such as 07 (all)")
    parser.add_argument("--write", action="store_true", help="store the outputs in the notebooks")
    options = parser.parse_args(argv)
    failed = False
    for path in find(options.names, folder):
        started, progress = seconds(), Progress(path.name)
        try:
            wrong = run(path, options.write, progress)
        finally:
            progress.close()
        clock, processor = (now - before for now, before in zip(seconds(), started))
        wrong += too_long(clock, processor)
        took = f"{clock:.0f} s, {processor:.0f} s of processor time"
        print(f"{path.name}: {'failed' if wrong else 'fine'} after {took}", flush=True)
        print(*(f"    {line}" for line in wrong), sep="\n", end="\n" * bool(wrong), flush=True)
        failed |= bool(wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
