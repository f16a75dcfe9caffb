"""Bar lines: six spellings instead of dozens, and repeats that come in pairs.

    |   a bar ends          ||  a section ends      |]  the tune ends
    |:  a repeat opens      :|  a repeat closes     ::  one closes, the next opens
"""

import re

from cleaning.music_tokens import bar

WEAK_TO_STRONG = ("|", "||", "|]", "|:", ":|", "::")
OPENED = {"": "|:", "|": "|:", "||": "|:", "|]": "|:", ":|": "::"}  # the bar line that opens a repeat as well


def tidy_bar_lines(tokens):
    """The same music with tidy bar lines, the last of which ends the tune."""
    tokens = _join_over_line_ends(_join_neighbours(tokens))
    return _end_tune(_pair_repeats(tokens))


def plain_spelling(text):
    """One of the six: '|||' -> '||', ':|||:' -> '::', '[|' -> '|'."""
    if re.fullmatch(r":+\|*:+", text):
        return "::"
    if text in ("|:|", "||:|") or text.startswith(":"):
        return ":|"
    if text.endswith(":"):
        return "|:"
    if "]" in text:
        return "|]"
    return "|" if text in ("|", "[|") else "||"


def _join_neighbours(tokens):
    """Two bar lines in a row become one that says what both said."""
    joined = []
    for token in tokens:
        if token.kind == "bar":
            token = bar(plain_spelling(token.text))
            if joined and joined[-1].kind == "bar":
                token = _joined(joined.pop(), token)
        joined.append(token)
    return joined


def _joined(first, second):
    pair = (first.text, second.text)
    if ":|" in pair and "|:" in pair:
        return bar("::")
    return bar(max(pair, key=WEAK_TO_STRONG.index))


def _join_over_line_ends(tokens):
    """A bar line that ends a line and one that starts the next become one, or say one thing each."""
    joined = []
    for token in tokens:
        over_line_end = token.kind == "bar" and [t.kind for t in joined[-2:]] == ["bar", "line"]
        if over_line_end:
            ending, starting = _around_line_end(joined[-2].text, token.text)
            joined[-2] = bar(ending)
            joined += [bar(starting)] if starting else []
        else:
            joined.append(token)
    return joined


def _around_line_end(ending, starting):
    """(the bar line before the line's end, the one after it or None)."""
    if starting == "::":
        return ":|", "|:"
    if starting == "|:":
        return (ending, None) if ending in ("|:", "::") else (":|" if ending == ":|" else "||", "|:")
    return (starting if ending == "|" else ending), None


def _pair_repeats(tokens):
    """Every :| gets its |: and no |: stays open, because half of the typists left one of the two to the reader.

    A :| without a |: repeats from where its section began: the tune's start, a double bar, or the repeat before.
    """
    tokens = [bar(""), *tokens]  # the tune's start, as a bar line that can become a |:
    opened, section = None, 0  # where the open |: stands, and the bar line before the present section
    for i, token in enumerate(tokens):
        if token.kind != "bar":
            continue
        if token.text in (":|", "::"):
            if opened is None:
                tokens[section] = bar(OPENED[tokens[section].text])
            opened, section = (i if token.text == "::" else None), i
        elif token.text == "|:":
            if opened is not None:  # |: ... |:  means  |: ... :: ...
                _close_before(tokens, i)
            opened = section = i
        elif token.text in ("||", "|]"):
            if opened is None:
                section = i
            elif not _any_notes(tokens[i:]):
                tokens[i] = bar(":|")
    return _without_swallowed(tokens)


def _close_before(tokens, i):
    """The |: at i opens a repeat while one is open: close that, at the end of the line before if i starts a line."""
    if [token.kind for token in tokens[i - 2:i]] == ["bar", "line"]:
        tokens[i - 2] = bar(":|")
    else:
        tokens[i] = bar("::")


def _any_notes(tokens):
    return any(token.kind in ("note", "chord") for token in tokens)


def _without_swallowed(tokens):
    """Without the tune's start if it opens nothing, and without a plain | right after a |: that was put in."""
    return [token for before, token in zip([bar(""), *tokens], tokens)
            if token != bar("") and not (token == bar("|") and before == bar("|:"))]


def _end_tune(tokens):
    """The last bar line is |] or :|, and there is one."""
    last = max(i for i, token in enumerate(tokens) if token.kind != "line")
    if tokens[last].kind != "bar":
        return tokens[:last + 1] + [bar("|]")] + tokens[last + 1:]
    ends = {"|": "|]", "||": "|]", "::": ":|", "|:": ":|"}
    tokens[last] = bar(ends.get(tokens[last].text, tokens[last].text))
    return tokens
