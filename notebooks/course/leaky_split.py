"""The split that many tutorials use and this project does not: windows of a text, drawn at random, are held out.

It is here to be measured against `tunes.split`: a tune that is cut into windows has some in training and some in
validation, so what is held out has half been read.
"""


def window_spans(length, window, fraction, rng):
    """The held-out windows of a text of so many characters, as [(start, end)] in order.

    The text is cut into windows of `window` characters; a share `fraction` of them, drawn by rng, is held out.
    """
    starts = range(0, length, window)
    held_out = sorted(rng.permutation(len(starts))[: round(len(starts) * fraction)])
    return [(starts[k], min(starts[k] + window, length)) for k in held_out]


def window_split(text, window, fraction, rng):
    """(training text, held-out text): each the windows of its side, joined in their order."""
    training, held_out, at = [], [], 0
    for start, end in window_spans(len(text), window, fraction, rng):
        training.append(text[at:start])
        held_out.append(text[start:end])
        at = end
    return "".join([*training, text[at:]]), "".join(held_out)
