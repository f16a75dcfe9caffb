"""Where the program meets the outside: files, places, options, child processes, errors. Nothing here knows a model."""


class InputError(ValueError):
    """Bad input from outside, the user's to mend. The message names the value, the place and the remedy.

    The commands print it as a single line and end with status 2.
    """
