"""A tune's header: every typist's spelling of title, rhythm, meter, unit and key becomes one spelling.

Each function raises Reject when it cannot make sense of what it reads.
"""

import re
import unicodedata
from fractions import Fraction

from cleaning.raw_tunes import Reject

# O'Neill's "Music of Ireland" is ordered by kind of tune: (the last number, the kind).
ONEILL_SECTIONS = [(700, "air"), (1115, "jig"), (1175, "slip jig"), (1555, "reel"),
                   (1780, "hornpipe"), (1800, "long dance"), (1850, "march")]
RYAN_RHYTHMS = ("reel", "jig", "hornpipe", "slip jig", "strathspey")
SAME_RHYTHM = {"double jig": "jig", "single jig": "jig", "irish jig": "jig", "slipjig": "slip jig",
               "clog": "hornpipe", "lancashire clog": "hornpipe", "clog hornpipe": "hornpipe"}
MODES = {"": "", "maj": "", "ion": "", "m": "m", "min": "m", "aeo": "m",
         "dor": "dor", "mix": "mix", "phr": "phr", "lyd": "lyd", "loc": "loc"}
KINDS = "Reel|Jig|Hornpipe|Strathspey|Clog|Lancashire Clog|Slip Jig"  # behind a dash in a title
SMALL_WORDS = {"of", "the", "and", "a", "an", "in", "on", "to", "for", "at", "by", "my", "with", "from", "or"}

# Words in the titles of 1883 and 1903 that one would not print today.
UNKIND = re.compile(r"\b(zip coon|coons?|nigg\w*|dark(?:y|ey|ie)s?|negro\w*|sambo|jim crow|squaw|gips\w*|gyps\w*|"
                    r"savage|ethiop\w*|contraband|plantation|minstrel'?s|whore|turk'?s?|jews?'?|chinaman|mulatto|"
                    r"quadroon|octoroon|pickaninn\w*|wench|hottentot|cakewalk|walk-?around|essence|bitch)\b",
                    re.IGNORECASE)


def ascii_only(text):
    r"""Without accents, whether typed as letters or in ABC's way: "caf\'e" -> "cafe"."""
    text = re.sub(r"\\['`^\"~,/cuvo]\s?([A-Za-z])", r"\1", text)
    text = text.replace("`", "'").replace("\u2019", "'")
    return "".join(c for c in unicodedata.normalize("NFKD", text) if " " <= c <= "~")


def clean_title(text):
    """'Acacia -- Reel, The (2nd setting)' -> 'The Acacia Reel', 'LADY ON THE ISLE' -> 'Lady on the Isle'."""
    title = re.sub(r"\S+@\S+", "", ascii_only(text))  # a mail address
    title = re.sub(rf"\s+--?\s+(?=({KINDS})\b)", " ", title, flags=re.IGNORECASE)
    title = re.sub(r"[\[(].*?[\])]", " ", title)  # a remark in brackets
    title = re.sub(r"[^A-Za-z0-9 ',.!?&-]", " ", title)
    title = re.sub(r"\s+", " ", title.replace(".,", ",")).strip(" ,.-'")
    if article := re.match(r"(.*), (The|A|An)$", title, flags=re.IGNORECASE):
        title = f"{article[2].capitalize()} {article[1]}"
    if title.isupper() or title.islower():
        title = _title_case(title)
    if not title:
        raise Reject("no title")
    if UNKIND.search(title):
        raise Reject("a title one would not print today")
    return title


def _title_case(title):
    words = title.lower().split()
    title = " ".join(w if i and w in SMALL_WORDS else w[:1].upper() + w[1:] for i, w in enumerate(words))
    return re.sub(r"\b(O'|Mc)([a-z])", lambda m: m[1] + m[2].upper(), title)


def clean_key(text):
    """'D Mixolydian' -> 'Dmix', 'A minor' -> 'Am', 'G major' -> 'G'."""
    match = re.fullmatch(r"\s*([A-G][#b]?)\s*([A-Za-z]*)\s*", ascii_only(text))
    mode = match and MODES.get(match[2].lower()[:3])
    if mode is None:
        raise Reject("key")
    return match[1] + mode


def clean_meter(text):
    """'6 / 8' -> '6/8', 'C' and 'C|' -> '4/4'."""
    meter = text.replace(" ", "")
    if meter in ("C", "C|"):
        return "4/4"
    if not re.fullmatch(r"\d{1,2}/\d{1,2}", meter):
        raise Reject("meter")
    return meter


def clean_unit(text, meter):
    """The length of a plain note. Where L: says nothing, the ABC standard derives it from the meter."""
    unit = text.replace(" ", "")
    if re.fullmatch(r"1/(2|4|8|16|32)", unit):
        return unit
    return "1/16" if Fraction(meter) < Fraction(3, 4) else "1/8"


def oneill_number(fields):
    """The tune's number in O'Neill's book: from B: ("O'Neill's 42") or else from X:."""
    for text in (fields.get("B", ""), fields["X"]):
        if (match := re.search(r"\d+", text)) and 1 <= int(match[0]) <= 1850:
            return int(match[0])
    raise Reject("no number in O'Neill's book")


def oneill_rhythm(number):
    return next(rhythm for last, rhythm in ONEILL_SECTIONS if number <= last)


def ryan_rhythm(text, title):
    """What R: says, else what the title says."""
    rhythm = ascii_only(text).lower().strip()
    if not rhythm and (match := re.search(r"\b(reel|jig|hornpipe|strathspey|clog)\b", title.lower())):
        rhythm = match[1]
    rhythm = SAME_RHYTHM.get(rhythm, rhythm)
    if rhythm not in RYAN_RHYTHMS:
        raise Reject("rhythm")
    return rhythm
