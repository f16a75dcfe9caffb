"""The one kind of error that is the user's to mend: the commands print it as a single line."""


class InputError(ValueError):
    """Bad input from outside. The message names the value, the place and the remedy."""
