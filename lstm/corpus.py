"""A text made ready to learn from: files of many kinds as one, its vocabulary, the ids to train and to validate on.

Three kinds are no ABC as they come, and are known by their content: the dumps of thesession.org, JSON or CSV, and the
data of folk-rnn, tunes without a line X:, which may be tokens with a blank between two.
"""

import csv
import io
import json
import os
import re
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from lstm.io import InputError
from lstm.io.files import MOST, check_encoding, read_any_text, said_plainly
from lstm.notation.header import ENOUGH, Headers, parse_key
from lstm.notation.tunes import END, held_out_from, starts, unended
from lstm.vocabulary import Vocabulary

BLOCK = 2**20  # characters of a text that are copied at a time


@dataclass(frozen=True)
class Corpus:
    """`Corpus.of(text)` knows every character of the text, those of the validation part too."""

    vocabulary: Vocabulary
    training: np.ndarray  # ids, of the smallest type that holds them
    validation: np.ndarray  # ids
    abc: bool  # whether the text is ABC tunes
    digest: str  # SHA-256 of the text, so that a run is resumed on the text it began with
    headers: Headers  # what is usual in those of its tunes
    edges: np.ndarray  # where tunes begin in the training ids, and where the last ends: what lies between may move
    tunes: tuple  # how many tunes there are to train and to validate on

    @classmethod
    def of(cls, text, validation=0.1):
        """Whole tunes at the end, or the end of a text that is not ABC, are held out for validation.

        An empty line goes before each tune that lacks one, as in `tunes.split`.
        """
        vocabulary, digest, places = Vocabulary.of(text), digest_of(text), starts(text)
        ids = vocabulary.encode(text, np.min_scalar_type(len(vocabulary)))
        abc = len(places) > 1
        some = places[: ENOUGH + 1] + [len(text)]
        headers = Headers.of(text[start:end] for start, end in zip(some, some[1:])) if abc else Headers()
        if missing := unended(text, places):  # of the ids, because another text would take up to four times as much
            ids = np.insert(ids, missing, vocabulary.encode("\n"))
            places = (places + np.searchsorted(missing, places, side="right")).tolist()
        cut = held_out_from(places, len(ids), validation)
        learnt = [start for start in places if start < cut] if abc else []
        # A last tune without an empty line after it does not move: before another one, it would run into that.
        whole = vocabulary.decode(ids[max(0, cut - len(END)) : cut]) == END
        edges = np.array(learnt + [cut] * whole, np.int64)
        tunes = (len(learnt), len(places) - len(learnt)) if abc else (0, 0)
        return cls(vocabulary, ids[:cut], ids[cut:], abc, digest, headers, edges, tunes)


def digest_of(text):
    """The SHA-256 of a text, as UTF-8."""
    digest = sha256()
    for start in range(0, len(text), BLOCK):
        digest.update(text[start : start + BLOCK].encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def shuffled(ids, edges, seed, epoch):
    """The ids with the pieces between the edges in another order, a function of seed and epoch alone."""
    order = np.random.default_rng([seed, epoch]).permutation(max(0, len(edges) - 1))
    pieces = [ids[edges[piece] : edges[piece + 1]] for piece in order]
    return np.concatenate([ids[: edges[0]], *pieces, ids[edges[-1] :]])


# -- files as one text

LARGE = 20 * 10**6  # bytes of a text that the user is told of, before it is read
READING = 20 * 10**6  # bytes a second, until all is known of a text
ENDINGS = (".abc", ".txt", ".json", ".csv")  # of the files of a folder that are read


def read(inputs, encoding=None, tell=lambda remark: None):
    """(the text of files and folders, one after another, remarks for the user on how they were read).

    encoding: of files that do not say theirs. tell: is called with a line for the user before what takes long.
    Raises InputError for what cannot be read as text.
    """
    if encoding is not None:
        check_encoding(encoding, "--encoding")
    parts, tunes, left_out, size, files = [], Counter(), Counter(), 0, files_of(inputs)
    sizes = [os.stat(path).st_size for path in files if os.path.isfile(path)]
    if (there := sum(sizes)) > LARGE and max(sizes) <= MOST:  # else it is refused
        tell(f"reading {there / 1e6:,.0f} MB of text: about {there / READING:.0f} s")
    for path in files:
        text, form, *counts = as_abc(read_any_text(path, encoding), path)
        if parts and not parts[-1].endswith(END):  # no tune runs into the next
            parts.append("\n" if parts[-1].endswith("\n") else END)
        parts.append(text)
        size += len(text)
        if size > MOST:
            raise InputError(f"with {path} there are more than {MOST:,} characters, the most; leave some files out")
        if form:
            tunes[form], left_out[form] = tunes[form] + counts[0], left_out[form] + counts[1]
    less = {form: f"; {count:,} left out, without music or a key" for form, count in left_out.items() if count}
    return "".join(parts), [f"read as {form}: {counted(tunes[form])}{less.get(form, '')}" for form in tunes]


def counted(tunes):
    """So many tunes, in words."""
    return f"{tunes:,} tune" + "s" * (tunes != 1)


def files_of(inputs):
    """The files that paths name, for a folder all below it. Raises InputError for one that is named twice."""
    files, known = [], set()
    for path in map(Path, inputs):
        with said_plainly("read", path):
            files += files_below(path) if path.is_dir() else [path]
    for path in files:
        if os.path.realpath(path) in known:
            raise InputError(f"--input names {path} twice; its tunes would count twice, so name it once")
        known.add(os.path.realpath(path))
    return files


def files_below(folder):
    """The files of a folder and of those within it, in sorted order, but for hidden ones."""

    def fail(error):
        raise error

    files = []
    for place, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [Path(place, name) for name in names if name.lower().endswith(ENDINGS) and not name.startswith(".")]
    if not files:
        raise InputError(f"{folder} is a directory without a file *{', *'.join(ENDINGS)}; name one with some")
    return sorted(files, key=lambda path: path.parts)


# -- what is no ABC as it comes

NEEDED = ("abc", "meter", "mode")  # what a row must have to be a tune
JSON = re.compile(r'\s*\[\s*\{[^{}]*"(?:abc|tune_id|setting_id)"')
LINE_BREAK = re.compile(r"(![A-Za-z][^!\s|]*!)|!$")  # an ornament, or at the end of a line what old ABC ended it with
EMPTY_LINES = re.compile(r"\n[ \t]*\n\s*")
KEY = r"[A-G][#b]?(?:[ \t]*(?:maj|min|dor|mix|lyd|phr|loc|aeo|ion)[a-z]*|m)?(?!\w)"
FIELD = re.compile(rf"\s*(?:([LM]):[ \t]*(\S+)|(K):[ \t]*({KEY})|([A-JN-WYZ]):[ \t]*(.*))")
TOKEN = re.compile(r"[\^_=]*[A-Ga-gxz][,']*|[^A-Za-z]+")  # of folk-rnn: a pitch, or what has no letter


def as_abc(text, path):
    """(text, None) of what may stay as it is, else (the tunes as ABC, the form they had, their number, the number of
    those that are left out because they lack what a tune needs). Raises InputError where the whole is damaged.
    """
    columns = set(text[:1000].partition("\n")[0].replace('"', "").split(","))
    if JSON.match(text):
        form, found = "TheSession's JSON", map(tune_of_row, rows_of_json(text, path))
    elif columns & {"tune_id", "setting_id"} or columns.issuperset(("abc", "mode")):
        form, found = "TheSession's CSV", map(tune_of_row, rows_of_csv(text, path))
    elif not starts(text) and tune_of_paragraph(next(paragraphs(text))):
        found = map(tune_of_paragraph, paragraphs(text))
        form = "folk-rnn's data"
    else:
        return text, None
    tunes, left_out = [], 0
    for tune in found:  # one by one, because of a large text all of them take much memory
        if tune:
            tunes.append(f"X:{len(tunes) + 1}\n{tune}{END}")
        else:
            left_out += 1
    if not tunes:
        raise InputError(f"{path} has no row with {', '.join(NEEDED)} that make a tune; give another file")
    text = re.sub("[\ud800-\udfff]", "?", "".join(tunes))  # JSON can say halves of characters
    return text, form, len(tunes), left_out


def rows_of_json(text, path):
    """The objects of a list in JSON."""
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged JSON: {error}; copy it again") from None
    return with_columns([row if isinstance(row, dict) else {} for row in rows], path)


def rows_of_csv(text, path):
    """The rows of a table in CSV, as dicts."""
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        return with_columns(list(rows), path)
    except csv.Error as error:
        raise InputError(f"{path} is damaged CSV: {error}, in line {rows.line_num} or before; copy it again") from None


def with_columns(rows, path):
    """The rows, if they have the columns that are needed."""
    missing = [name for name in NEEDED if not any(name in row for row in rows)]
    if missing:
        raise InputError(f"{path} has no column {' and no '.join(missing)}; tunes.json and tunes.csv have them")
    return rows


def tune_of_row(row):
    """A row of thesession.org as a tune, without X:. None if it lacks what a tune needs."""
    name, rhythm, meter, mode, abc = (row.get(column) for column in ("name", "type", "meter", "mode", "abc"))
    if not all(isinstance(value, str) and value.strip() for value in (meter, mode, abc)):
        return None
    return tune_of({"T": name, "R": rhythm, "M": meter, "K": mode}, abc)


def paragraphs(text):
    """The paragraphs of a text, one after another, because all of them at once may take much memory."""
    at = len(text) - len(text.lstrip())
    for match in EMPTY_LINES.finditer(text, at):
        yield text[at : match.start()]
        at = match.end()
    yield text[at:].rstrip()


def tune_of_paragraph(text):
    """A paragraph that begins with M: and K:, in lines of their own or not, as a tune. None if it does not."""
    fields, end = {}, 0
    while "K" not in fields and (match := FIELD.match(text, end)):
        fields[match[1] or match[3] or match[5]] = match[2] or match[4] or match[6]
        end = match.end()
    if not {"M", "K"} <= fields.keys():
        return None
    music, words = text[end:], text[end:].split()
    return tune_of(fields, "".join(words) if all(map(TOKEN.fullmatch, words)) else music)


def tune_of(fields, music):
    """A tune of header fields and music, without X:. None if it has no music, or a key that ABC does not know."""
    lines = [LINE_BREAK.sub(r"\1", line.rstrip()).rstrip() for line in re.split(r"\r\n?|\n", music)]
    lines = [line for line in lines if line and not line.startswith("X:")]
    key = parse_key(" ".join(fields.pop("K").split()))
    if not key:
        return None
    words = {name: " ".join(str(value or "").split()) for name, value in ({"L": "1/8"} | fields).items()}
    head = "".join(f"{name}:{words[name]}\n" for name in "TRML" if words.get(name))  # as data/input.txt has them
    return f"{head}K:{''.join(key)}\n" + "\n".join(lines) if lines else None
