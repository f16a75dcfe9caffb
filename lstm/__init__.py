"""A character-level LSTM by hand: NumPy, Numba, and nothing between you and the equations.

The modules in reading order are listed in README.md; start with `cell.py`.
"""
