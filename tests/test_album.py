"""The album: one page that needs nothing else, says what the judges say, and lets no tune write its markup."""

import base64
import hashlib
import io
import random
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lstm.io import InputError, child_process
from lstm.notation import judge
from lstm.notation.judge import judge_tune
from lstm.rendering import music
from lstm.rendering.album import album

for library in ("symusic", "verovio", "resvg_py", "soundfile"):
    pytest.importorskip(library)

CORPUS = (Path(__file__).parent.parent / "data" / "input.txt").read_text(encoding="ascii").split("\n\n")
HOSTILE = [
    'X:1\nT:</script><img src=x onerror="alert(1)">\nR:"><svg onload=alert(1)>\nM:4/4\nL:1/8\nK:G\n|:G2Bd g4:|',
    "X:1\nT:\"' onclick='alert(1)' x=\"&lt;\nR:]]><b>\nM:4/4\nL:1/8\nK:C\nCDEF GABc|]",
    "X:1\nT:<style>*{display:none}</style>&#60;script&#62;\nM:<b>\nK:C\nw:</pre><script>alert(1)</script>\nCDEF|]",
    'X:1\nT:An annotation\nM:4/4\nL:1/8\nK:C\n"^<script>alert(1)</script>"C4 "</pre><b>"D4|]',
    "</pre></details><script>alert(1)</script>",
]


class Page(HTMLParser):
    """A page taken apart: its elements in order, and the text in each kind of element."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.texts, self.open = [], {}, []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "source"):
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag  # every element is closed where it should be

    def handle_data(self, data):
        if self.open:
            self.texts[self.open[-1]][-1] += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


ELEMENTS = {  # what a page may have, and how many times for each tune at most (None: exactly once in a page)
    "html": None, "head": None, "meta": None, "title": None, "style": None, "body": None, "header": None, "h1": None,
    "main": None, "script": None, "article": 1, "h2": 1, "p": 4, "picture": 1, "source": 1, "img": 1, "audio": 1,
    "ul": 1, "li": 6, "div": 2, "details": 1, "summary": 1, "pre": 1, "span": 1, "button": 1,
}
IN_A_SCORE = {"svg", "desc", "defs", "g", "path", "style", "use", "rect", "polygon", "polyline", "ellipse", "text",
              "tspan", "circle", "line"}


def unpack(address, kind):
    """The content of a data: address."""
    start = f"data:{kind};base64,"
    assert address.startswith(start)
    return base64.b64decode(address[len(start) :], validate=True)


def assert_score_is_a_picture_alone(svg):
    for element in ElementTree.fromstring(svg).iter():
        assert element.tag.rpartition("}")[2] in IN_A_SCORE
        for name, value in element.attrib.items():
            assert not name.rpartition("}")[2].startswith("on") and "script" not in value
            assert not name.endswith("href") or value.startswith("#")


def assert_page_is_sound(html, tunes):
    """Nothing in the page but what an album is made of, with each tune's text as it was."""
    page = Page(html)
    counts = {tag: len(page.all(tag)) for tag, _ in page.elements}
    for tag, count in counts.items():
        assert count <= len(tunes) * (ELEMENTS[tag] or 0) or ELEMENTS[tag] is None, tag
    assert counts["script"] == counts["style"] == counts["title"] == 1 and counts["meta"] == 3
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert not [attributes["href"] for _, attributes in page.elements if "href" in attributes]
    assert page.texts.get("pre", []) == [tune.strip().encode("utf-8", "replace").decode() for tune in tunes]
    for address in [image["src"] for image in page.all("img")] + [image["srcset"] for image in page.all("source")]:
        assert_score_is_a_picture_alone(unpack(address, "image/svg+xml"))
    for player in page.all("audio"):
        assert unpack(player["src"], "audio/mpeg")
    return page


# ------------------------------------------------------------------------------- what is in a page


def test_each_tune_has_title_score_sound_text_and_verdict():
    page = assert_page_is_sound(album(CORPUS[3:5], "Two tunes", "Old & new."), CORPUS[3:5])
    assert page.texts["h1"] == page.texts["title"] == ["Two tunes"] and page.texts["p"][0] == "Old & new."
    assert page.texts["h2"] == [music.title(tune) for tune in CORPUS[3:5]]
    assert [image["alt"] for image in page.all("img")] == [f"Score of {title}" for title in page.texts["h2"]]
    assert "abc2midi finds no fault. All 12 measured bars have the right length." in page.texts["p"]
    svg = unpack(page.all("img")[0]["src"], "image/svg+xml").decode()
    assert svg == music.svg(CORPUS[3], music.UNTITLED)
    assert unpack(page.all("source")[0]["srcset"], "image/svg+xml").decode() != svg


def test_the_players_have_the_sound_of_their_tunes():
    import soundfile

    for tune, player in zip(CORPUS[3:5], Page(album(CORPUS[3:5])).all("audio")):
        info = soundfile.info(io.BytesIO(unpack(player["src"], "audio/mpeg")))
        assert info.duration == pytest.approx(music.notes(tune)[-1].end, abs=0.5)
        assert player["aria-label"] == music.title(tune) and "controls" in player


def test_the_page_asks_for_nothing_from_elsewhere_and_may_run_its_own_script_alone():
    html = album(CORPUS[3:4])
    page = Page(html)
    policy = next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    for part in ("script", "style"):
        text = page.texts[part][0]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{part}-src 'sha256-{digest}'" in policy and "unsafe" not in policy
        assert not re.search(r"https?:|//[a-z]|@import|url\(", text)
    assert "default-src 'none'" in policy
    assert "style" not in {name for _, attributes in page.elements for name in attributes}


def test_the_page_suits_phones_and_readers_of_screens():
    page = Page(album(CORPUS[3:4]))
    assert page.all("html") == [{"lang": "en"}]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")
    names = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    assert len(names) == 2 and page.all("article")[0]["aria-labelledby"] in names
    assert page.all("button")[0]["data-copies"] in names


def test_a_page_without_tunes_is_a_page():
    assert_page_is_sound(album([], about=""), [])


def test_the_same_tunes_give_the_same_page():
    assert album(CORPUS[3:4]) == album(CORPUS[3:4])


# ------------------------------------------------------------------------------- what the judges say


def words(tune):
    page = Page(album([tune]))
    return " ".join(page.texts["p"]), page.texts.get("li", [])


def test_complaints_are_counted_and_shown():
    tune = CORPUS[3].replace("Aaag", "Aaa")
    text, lines = words(tune)
    warnings = judge.judge_tune(tune).warnings
    assert f"abc2midi reports {len(warnings)} warnings. 11 of 12 measured bars have the right length." in text
    assert lines == list(warnings) and all("time units" in line for line in lines)


def test_of_many_complaints_the_first_are_shown():
    text, lines = words(CORPUS[3].replace("2", ""))
    assert re.search(r"reports (1 error and )?\d+ warnings", text) and len(lines) == 6
    assert re.fullmatch(r"and \d+ more", lines[-1])


def test_a_tune_that_cannot_be_played_is_shown_as_text_with_the_reason():
    tune = "X:1\nT:No key\nABc|]"
    html = album([tune])
    page = assert_page_is_sound(html, [tune])
    reason = "Error in line-char 4-0 : No valid K: field found at start of tune"
    assert f"No score and no sound: {reason}." in page.texts["p"]
    assert page.all("details") == [{"open": None}] and not page.all("img") and not page.all("audio")


def test_a_tune_that_cannot_be_engraved_still_plays(monkeypatch):
    monkeypatch.setattr(music, "ENGRAVING_SECONDS", 0.001)
    page = assert_page_is_sound(album(CORPUS[3:4]), CORPUS[3:4])
    assert "No score: the engraver did not end within 0.001 seconds." in page.texts["p"]
    assert len(page.all("audio")) == 1 and not page.all("img")


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setattr(music.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install"):
        album(CORPUS[3:4])


# ------------------------------------------------------------------------------- what tunes may not do


def test_no_tune_writes_markup(capfd):
    page = assert_page_is_sound(album(HOSTILE, HOSTILE[0], HOSTILE[1]), HOSTILE)
    assert page.texts["h2"][0] == '</script><img src=x onerror="alert(1)">'
    assert capfd.readouterr() == ("", "")


def test_only_the_notation_has_what_hides_text_or_turns_it_round():
    tune = CORPUS[3].replace("T:", "T:\u202e\0").replace("R:reel", "R:\u2066\x9breel").replace("K:", "U:\u202e\nK:")
    page = assert_page_is_sound(album([tune], about="\u202d weights"), [tune])
    assert page.texts["p"][:2] == [r"\u202d weights", r"\u2066\x9breel · 4/4 · G"]
    assert page.texts["h2"] == ["The Ladus Reel"]
    page.texts.pop("pre"), page.texts.pop("script"), page.texts.pop("style")
    assert all(text.replace("\n", "").isprintable() for texts in page.texts.values() for text in texts)
    assert all((value or "").isprintable() for _, attributes in page.elements for value in attributes.values())


def malformed(seed):
    """A tune spoilt in one of the ways in which tunes get spoilt."""
    rng = random.Random(seed)
    tune = rng.choice(CORPUS)
    noise = bytes(rng.randrange(256) for _ in range(300)).decode("latin-1")
    place = rng.randrange(len(tune))
    signs = ['"', "[", "]", "{", "(9", "::", "|:", "[1", "9999", "////", "[V:2]", "[K:", "\nM:0/0\n", "\nL:1/0\n",
             "\nV:2\n", "\nQ:1/4=99999\n", "%%MIDI program 999\n", "\nP:AABB\n", "\0", "\x1b", "\u202e", "\ud800"]
    return [
        lambda: tune[:place],
        lambda: tune[:place] + rng.choice(signs) + tune[place:],
        lambda: "".join(rng.choice('"[]{}()|:>~^_=/279zKX\n!+&-<') if rng.random() < 0.02 else sign for sign in tune),
        lambda: tune.replace("K:", rng.choice(["", "k:", "K:Q", "K:\n", "V:"])),
        lambda: re.sub("T:.*", lambda _: "T:" + rng.choice(HOSTILE).replace("\n", " "), tune),
        lambda: "X:1\nT:noise\nK:C\n" + noise,
        lambda: noise,
        lambda: tune.replace(tune[place], noise[:3]),
    ][seed % 8]()


@pytest.mark.parametrize("seeds", [range(4), pytest.param(range(4, 304), marks=pytest.mark.slow)], ids=["4", "300"])
def test_malformed_tunes_neither_crash_nor_hang_nor_print_nor_inject(seeds, capfd):
    tunes = [malformed(seed) for seed in seeds]
    for tune in tunes:
        for make in (music.midi, music.notes, music.wav, music.svg, music.png):
            try:
                assert make(tune)
            except music.Unplayable as reason:
                assert re.fullmatch("[^\n]{5,}", str(reason))
    assert_page_is_sound(album(tunes), tunes)
    assert capfd.readouterr() == ("", "")


def test_nothing_is_asked_twice(monkeypatch):
    pytest.importorskip("verovio")
    asked, make = [], child_process.make

    def counted(command, *arguments):
        asked.append("engraver" if "engraver.py" in command[1] else "abc2midi")
        return make(command, *arguments)

    monkeypatch.setattr(child_process, "make", counted)
    album(CORPUS[5:6])
    assert sorted(asked) == ["abc2midi", "abc2midi", "engraver"]  # what it plays, and its bare notes
    asked.clear()
    music.svg(CORPUS[5]), music.png(CORPUS[5]), music.wav(CORPUS[5]), judge_tune(CORPUS[5])
    assert asked == ["engraver", "engraver"]  # the score with its title, and the picture of it
