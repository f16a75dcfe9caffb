"""Tunes that were made to do harm: none reads the user's files, steers a terminal or a page, or hangs for long."""

import itertools
import os
import random
import re

import pytest
from faults.test_hostile import is_steering
from faults.worker import Worker

from helpers import run_command
from lstm.notation.abc2midi import ask_abc2midi, find_abc2midi
from lstm.rendering import music, outputs
from lstm.rendering.album import album

pytestmark = pytest.mark.slow
SECRET = "S3CRET"
DIRECTIVES = [
    "%%abc-include {}", "%%ABC-INCLUDE {}", "%% abc-include {}", " %%abc-include {}", "\t%%abc-include\t{}",
    "%%abc-include \"{}\"", "%%abc-include <{}>", "%%include {}", "%%MIDI include {}", "%%abc2midi-include {}",
    "I:abc-include {}", "I: abc-include {}", "I:include {}", "[I:abc-include {}]CDEF|", "CDEF|[I: abc-include {}]",
    "%%abc-include\\\n{}", "CDEF|\r%%abc-include {}\rCDEF|", "CDEF|\v%%abc-include {}", "CDEF|\f%%abc-include {}\f",
    "CDEF|\x85%%abc-include {}", "CDEF|\u2028%%abc-include {}", "\ufeff%%abc-include {}", "\0%%abc-include {}",
    "%\0%abc-include {}", "%%abc-include\0{}", "%%%abc-include {}", "I:abc-incl\\u0075de {}", "%%abc-incl&#117;de {}",
    "%%ptstress {}", "%%MIDI ptstress {}", "I:MIDI ptstress {}", "%%MIDI  ptstress  {}", "%%format {}", "I:format {}",
    "%%EPS {}", "%%beginsvg\n<image href=\"{}\"/>\n%%endsvg", "%%postscript ({}) run", "%%beginps\n({}) run\n%%endps",
    "%%font {}", "%%soundfont file://{}", "%%MIDI soundfont {}", "%%musicfont url('file://{}')", "F:file://{}",
    'T:<image href="file://{}"/>', "T:<!DOCTYPE x [<!ENTITY e SYSTEM '{}'>]>&e;", "w:<xi:include href='{}'/>",
    '"^<image href=\'file://{}\'/>"CDEF|', "%%text file://{}", "%%begintext\n%%include {}\n%%endtext",
    "m:~n=%%include {}", "U:T=%%abc-include {}", "V:1 include={}", "K:C include={}", "%%abc-edited-by $(cat {})",
    "T:`cat {}`",
]
PARTS = ("before", "head", "music")
KEPT = [(" %%abc-include {}", "head"), ("\t%%abc-include\t{}", "head")]  # once they did not hold
KEPT += [("CDEF|\r%%abc-include {}\rCDEF|", "head"), ("CDEF|\r%%abc-include {}\rCDEF|", "music")]
HEAD, MUSIC = "X:1\nT:Reel\nM:4/4\nL:1/8\n", "K:C\nCDEF GABc|cdef gabc'|\n"
TITLES = ["\x1b]0;owned\x07", "\x1b[2J", "</script><script>alert(1)</script>", "../../../../tmp/owned", "/etc/passwd",
          "a\0b", "\u202egpj.exe", "<img src=x onerror=alert(1)>", "con", "a" * 5000, "-rf", "\ud800", "..", "%00",
          "\r", "&#27;[2J", "\\u001b[2J", "$(reboot)", "`reboot`", "'; --", "]]>", "<!--", "{{7*7}}", "\\e[2J"]


@pytest.fixture(scope="module")
def patient():
    """A Worker that waits as long as the readers of a tune may take where the machine is busy: 5 s for its notes, 15 s
    for its scores. They may be at work for 2 s and 6 s of that.
    """
    worker = Worker(60)
    yield worker
    worker.end()


def need_readers():
    """Skip the test where the extra `music` is not installed."""
    for library in ("symusic", "verovio", "resvg_py", "soundfile"):
        pytest.importorskip(library)


def some(cases, count, seed, kept=()):
    """A sample of the cases, and those that once did not hold."""
    cases = list(cases)
    return [*kept, *random.Random(seed).sample(cases, min(count, len(cases)))]


def test_tunes_that_name_files(table, tmp_path, worker, size, seed):
    need_readers()
    secret = tmp_path / "secret.abc"
    secret.write_text(f'T:{SECRET}\nK:C\n%%text {SECRET}\nw:{SECRET}\n"^{SECRET}"CDEF|\n{SECRET}\n')
    cases = some(itertools.product(DIRECTIVES, PARTS), size(25, 10**6), seed, KEPT)
    with table.row("tunes that name a file of the user's") as row:
        for form, place in cases:
            with row.case(f"{form!r} {place}"):
                line = form.replace("{}", str(secret)) + "\n"
                tune = line * (place == "before") + HEAD + line * (place == "head") + MUSIC + line * (place == "music")
                answer = worker(all_of, tune)
                assert SECRET.encode() not in answer.value, "what is in the file came out"
                row.took(answer.seconds, answer.megabytes)


def all_of(tune):
    """All that is made of a tune, as bytes, and what abc2midi says of it."""
    made = [repr(ask_abc2midi(tune, find_abc2midi())).encode(errors="replace"), album([tune]).encode(errors="replace")]
    for make in (music.midi, music.svg):
        try:
            content = make(tune)
            made.append(content if isinstance(content, bytes) else content.encode(errors="replace"))
        except music.Unplayable as reason:
            assert str(reason).isprintable(), repr(str(reason))
    return b"\n".join(made)


def test_titles_that_steer(table, tmp_path, worker, size, seed):
    need_readers()
    titles = some(TITLES, size(12, 10**6), seed)
    with table.row("titles that steer a terminal, a file name or a page") as row:
        for n, title in enumerate(titles):
            with row.case(repr(title)):
                tune = HEAD.replace("Reel", title) + MUSIC
                answer = worker(write_files_of, str(tmp_path / str(n)), tune)
                written, err = answer.value
                for name in written:
                    assert re.fullmatch(r"[a-z0-9-]{1,60}\.(mid|svg)|album\.html", name), name
                assert not any(map(is_steering, err)), repr(err)
                row.took(answer.seconds, answer.megabytes)
        there = {path.name for path in tmp_path.iterdir()}
        with row.case("nothing was written elsewhere"):
            assert there == set(map(str, range(len(titles)))), there


def write_files_of(directory, tune):
    """Write a tune's files and its album, which is looked at: (their names, what is said on standard error)."""
    from test_album import assert_page_is_sound

    def main(arguments):
        places = outputs.Outputs(None, ["midi", "svg"], directory, os.path.join(directory, "album.html"), tune)
        places.finish(tune)
        places.close()
        return 0

    os.makedirs(directory)
    status, _, err = run_command(main, "outputs")
    assert status == 0, err
    with open(os.path.join(directory, "album.html"), encoding="utf-8", newline="") as page:
        assert_page_is_sound(page.read(), [tune])
    return os.listdir(directory), err


LOOPS = {
    "a rest of a billion bars": "Z999999999|",
    "deep brackets": "[" * 20_000,
    "deep braces": "{" * 20_000,
    "tuplets": "(9:9:9" * 5000 + "C",
    "repeats": "|:C:|" * 5000,
    "slashes": "C" + "/" * 20_000,
    "octaves": "C" + "'" * 20_000,
    "a long line": "CDEF|" * 50_000,
    "parts": "P:(A999)999\nP:A\nCDEF|",
    "a tempo": "Q:1/4=999999999\nCDEF|",
    "no tempo": "Q:0\nCDEF|",
    "a meter of nothing": "M:0/0\nCDEF|",
    "a length of nothing": "L:1/0\nCDEF|",
    "voices": "".join(f"V:{n}\nCDEF|\n" for n in range(500)),
    "macros": "m:~n=~n~n\n~C|",
    "chords": '"' + "A" * 50_000 + '"C',
    "ties": "C-" * 20_000,
    "verses": "CDEF|\n" + "w:a-b-c-d\n" * 2000,
    "a key": "K:" + "^f" * 5000 + "\nCDEF|",
    "drums": "%%MIDI drum " + "dz" * 5000 + "\n%%MIDI drumon\nCDEF|",
    "grooves": "%%MIDI gchord " + "fzczc" * 5000 + '\n"A"CDEF|',
}


def test_tunes_that_make_their_readers_hang(table, patient, size, seed):
    need_readers()
    with table.row("tunes that make their readers hang, crash or print without end", seconds=10) as row:
        for name in some(LOOPS, size(4, 10**6), seed):
            with row.case(name):
                answer = patient(all_of, f"{HEAD}K:C\n{LOOPS[name]}\n")
                row.took(answer.seconds, answer.megabytes)
