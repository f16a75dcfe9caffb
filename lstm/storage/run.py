"""The files of a training run.

    model/weights.N.h5   model/resume.h5   logs/training_log.csv   logs/training_log.png

Each is written whole or not at all, the weights first: a crash at any moment leaves the last complete epoch,
and resuming writes again what was to come after it. While a run is under way, a hidden lock file in each directory
keeps others out.
"""

import csv
import io
import math
import os
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, fields
from pathlib import Path

from lstm.io import InputError
from lstm.io.files import is_there, make_directory, remove_leftovers, said_plainly, write_bytes
from lstm.io.locks import held
from lstm.rendering.plots import save, training_curves
from lstm.storage.checkpoint import epochs, save_weights, weights_path
from lstm.storage.resume import load_resume, save_resume
from lstm.training import Record

LOCK = ".lstm-training.lock"


class Run:
    """One run: a directory for its models and one for its log."""

    def __init__(self, model_dir, log_dir):
        self.model_dir, self.log_dir = Path(model_dir), Path(log_dir)
        self.resume_path = self.model_dir / "resume.h5"
        self.log_path = self.log_dir / "training_log.csv"
        self.curves_path = self.log_dir / "training_log.png"
        self._locks, self._locked = None, []

    @contextmanager
    def alone(self):
        """Within this context no other training uses these directories. Raises InputError where one does."""
        self._locked = []
        try:
            with ExitStack() as self._locks:
                self._lock()
                yield
        finally:
            self._locks = None

    def _lock(self):
        """Lock the directories that are there; they may be one and the same."""
        for directory in filter(os.path.isdir, (self.model_dir, self.log_dir)):
            if not any(os.path.samefile(directory, other) for other in self._locked):
                remedy = "stop it, or choose another --model-dir and --log-dir"
                self._locks.enter_context(held(directory / LOCK, remedy))
                self._locked.append(directory)

    def files(self):
        """The files of a run that are there."""
        weights = [weights_path(self.model_dir, epoch) for epoch in epochs(self.model_dir)]
        return weights + [path for path in (self.resume_path, self.log_path, self.curves_path) if is_there(path)]

    def make_directories(self):
        """Make the directories, and make sure (InputError) that files can be written there."""
        for directory in (self.model_dir, self.log_dir):
            make_directory(directory)
        if self._locks:
            self._lock()  # those that were not there before

    def remove_leftovers(self):
        """Remove the unfinished files of runs that were killed."""
        for directory in (self.model_dir, self.log_dir):
            remove_leftovers(directory)

    def begin(self, overwrite=False):
        """Make room for a new run: InputError where one is already, unless it is to be overwritten."""
        self._earlier(overwrite)
        self.make_directories()
        for path in self._earlier(overwrite):  # again: only now nobody else writes there
            with said_plainly("delete", path):
                path.unlink()
        self.remove_leftovers()

    def _earlier(self, overwrite):
        """The files that are there. Raises InputError if there are any and they are not to be overwritten."""
        files = self.files()
        if files and not overwrite:
            raise InputError(
                f"{files[0]} is there from an earlier run; --resume goes on with it, --overwrite deletes it, "
                "--model-dir and --log-dir choose another place"
            )
        return files

    def save_weights(self, checkpoint):
        """The weights file of an epoch."""
        save_weights(weights_path(self.model_dir, checkpoint.epoch), checkpoint)

    def save_resume(self, arrays, numbers):
        """The file that the run can be resumed from."""
        save_resume(self.resume_path, arrays, numbers)

    def load_resume(self):
        """(arrays, numbers) of the run to be resumed; InputError where there is none."""
        if not is_there(self.resume_path):
            remedy = "--overwrite begins it anew" if self.files() else "leave --resume out to begin a run"
            raise InputError(f"there is no {self.resume_path} to resume from; {remedy}")
        self.make_directories()
        return load_resume(self.resume_path)

    def save_log(self, history):
        """The log, one line for each Record, and the picture of the curves."""
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(field.name for field in fields(Record))
        for record in history:
            writer.writerow("" if math.isnan(value) else round(value, 6) for value in astuple(record))
        write_bytes(self.log_path, table.getvalue().encode())
        if history:
            save(training_curves(history), self.curves_path)
