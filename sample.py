"""Compose with saved weights: python sample.py. What there is to it is in lstm/compose.py."""

from lstm.io.interrupts import watch

if __name__ == "__main__":
    watch()  # first: what follows takes a while

from lstm.io.command_line import require_packages

require_packages("sample.py")

from lstm.compose import main
from lstm.io.command_line import exit_with

if __name__ == "__main__":
    exit_with(main, "sample.py", may_stop=True)
