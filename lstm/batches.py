"""A sequence of ids as stateful batches: row b of one batch continues row b of the batch before.

The sequence is cut into B equal rows that are read side by side, T ids at a time:

    ids  0 1 2 3 4 5 6 7 8 9 10 11 12 13,  B = 2, T = 3   ->   row 0 reads 0..5, row 1 reads 6..11,
    the first batch is [0 6; 1 7; 2 8] (T, B), the second [3 9; 4 10; 5 11].

The target of each id is the one after it. Arrays are time-first.
"""

import numpy as np

from lstm.io import COUNT, InputError
from lstm.io.arrays import check_arrays


class Batches:
    """The batches of one pass over `ids`. `len(batches)`, `batches[i]` -> inputs and targets, (T, B) each.

    With `remainder`, a last, shorter batch reads the rows to their end (for evaluation); without, all
    batches have T steps (for training, where each is one step of the optimizer).
    """

    def __init__(self, ids, batch_size, seq_length, remainder=False):
        check_arrays({"ids (N,) of whole numbers": ids})
        batch_size, seq_length = COUNT.check("batch_size", batch_size), COUNT.check("seq_length", seq_length)
        if len(ids) - 1 < batch_size * (1 if remainder else seq_length):
            raise InputError(self._too_short(len(ids), batch_size, seq_length))
        row = (len(ids) - 1) // batch_size
        self.seq_length = seq_length
        self.length = row if remainder else row - row % seq_length  # ids of a row that are read
        read = self.length * batch_size
        self._inputs = ids[:read].reshape(batch_size, self.length)
        self._targets = ids[1 : read + 1].reshape(batch_size, self.length)

    def __len__(self):
        return -(-self.length // self.seq_length)

    def __getitem__(self, i):
        if not 0 <= i < len(self):
            raise IndexError(i)
        steps = slice(i * self.seq_length, (i + 1) * self.seq_length)
        # note: only a batch is copied. Copies of all rows, as int32, would take eight times as much as the text
        inputs, targets = self._inputs[:, steps].T, self._targets[:, steps].T
        kind = np.int64 if np.iinfo(inputs.dtype).max > np.iinfo(np.int32).max else np.int32
        return np.ascontiguousarray(inputs, kind), np.ascontiguousarray(targets, kind)

    @property
    def characters(self):
        """How many characters one pass predicts."""
        return self._inputs.size

    @classmethod
    def count(cls, characters, batch_size, seq_length):
        """How many batches of T steps a text of so many characters has. Raises InputError where it has none."""
        count = (characters - 1) // batch_size // seq_length
        if not count:
            raise InputError(cls._too_short(characters, batch_size, seq_length))
        return count

    @staticmethod
    def _too_short(characters, batch_size, seq_length):
        largest_batch = max(0, characters - 1) // seq_length
        largest_sequence = max(0, characters - 1) // batch_size
        fits = [f"--batch-size {largest_batch}"] * (largest_batch > 0)
        fits += [f"--seq-length {largest_sequence}"] * (largest_sequence > 0)
        return (
            f"{characters} characters to train on are too few for batch size {batch_size} and sequence length "
            f"{seq_length}, which need {batch_size * seq_length + 1}; "
            + (f"the largest that fit: {' or '.join(fits)}" if fits else "give a longer text")
        )
