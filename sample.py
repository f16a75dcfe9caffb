"""Compose with saved weights: python sample.py. What there is to it is in lstm/compose.py."""

from lstm.commands.command import exit_with
from lstm.compose import main

if __name__ == "__main__":
    exit_with(main, "sample.py")
