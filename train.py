"""Train the LSTM on a text, ABC tunes by default: python train.py. What there is to it is in lstm/train.py."""

from lstm.io.interrupts import watch

if __name__ == "__main__":
    watch()  # first: what follows takes a while

from lstm.io.command_line import require_packages

require_packages("train.py")

from lstm.io.command_line import exit_with
from lstm.train import main

if __name__ == "__main__":
    exit_with(main, "train.py")
