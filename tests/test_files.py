"""Reading files: plain line ends, no byte order mark, one line for what is no text."""

import codecs
import contextlib
import os
import re
import threading
import time

import pytest

from lstm.io import InputError, files
from lstm.io.files import is_there, names_in, read_any_text, read_text


@pytest.mark.parametrize(
    "data, text",
    [
        ("X:1\n♪\n".encode(), "X:1\n♪\n"),
        ("\ufeffX:1\n".encode(), "X:1\n"),
        (b"a\r\nb\rc\nd\r\n\r\n", "a\nb\nc\nd\n\n"),
        (b"no line end", "no line end"),
    ],
    ids=["UTF-8", "byte order mark", "other line ends", "no line end"],
)
def test_text_is_read_with_plain_line_ends_and_no_byte_order_mark(tmp_path, data, text):
    path = tmp_path / "text"
    path.write_bytes(data)
    assert read_text(path) == text


@pytest.mark.parametrize(
    "data, complaint",
    [
        (b"", "is empty"),
        ("\ufeff".encode(), "is empty"),
        (b"abc\n\xffdef", "byte 0xff at offset 4"),
        ("♪".encode()[:2], "byte 0xe2 at offset 0"),
        ("abc".encode("utf-16"), "byte 0xff at offset 0"),
        ("\ufeffaé".encode() + "é".encode("latin-1"), "byte 0xe9 at offset 6"),
    ],
    ids=["empty", "only a byte order mark", "a stray byte", "cut", "UTF-16", "Latin-1 later on"],
)
def test_a_file_without_text_is_refused_in_one_line(tmp_path, data, complaint):
    path = tmp_path / "text"
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"^{re.escape(str(path))} .*{complaint}.*; ") as error:
        read_text(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["missing", ".", "file/below", "a" * 300, "missing/below"])
def test_a_place_that_is_no_file_is_refused_in_one_line(tmp_path, name):
    (tmp_path / "file").write_text("text")
    with pytest.raises(InputError, match=f"^cannot read {re.escape(str(tmp_path / name))}: .*; ") as error:
        read_text(tmp_path / name)
    assert "\n" not in str(error.value)


def test_what_is_there_is_told_and_what_cannot_be_looked_for_is_refused(tmp_path):
    (tmp_path / "file").write_text("text")
    assert is_there(tmp_path / "file") and is_there(tmp_path)
    assert names_in(tmp_path) == ["file"]
    for name in ("missing", "missing/below", "file/below"):
        assert not is_there(tmp_path / name)
        assert names_in(tmp_path / name) == []
    for look in (is_there, names_in):
        with pytest.raises(InputError, match="^cannot read .*: File name too long; check the file and its name$"):
            look(tmp_path / ("a" * 300))


# -- text in any encoding


LATIN = "X:1\nT:Séan\n"


@pytest.mark.parametrize("data, encoding, text", [
    ("\ufeffX:1\n\ufeffX:2\n".encode(), None, "X:1\nX:2\n"),
    ("X:1\nabc|\ufeffX:2\n".encode(), None, "X:1\nabc|\nX:2\n"),
    ("\ufeff\ufeffX:1\r\n".encode(), None, "X:1\n"),
    (LATIN.encode("utf-16"), None, LATIN),
    ("\ufeff".encode("utf-16-be") + (2 * "X:1\r\n\ufeff").encode("utf-16-be"), None, "X:1\nX:1\n"),
    (LATIN.encode("latin-1"), "latin-1", LATIN),
    ("T:Séan’s\n".encode("cp1252"), "cp1252", "T:Séan’s\n"),
    (LATIN.encode("utf-16-le"), "utf-16-le", LATIN),
    (b"%%abc-charset iso-8859-1\n" + LATIN.encode("latin-1"), None, "%%abc-charset iso-8859-1\n" + LATIN),
    (b"I:abc-charset iso-8859-2\r\nT:\xb1\r\n", "latin-1", "I:abc-charset iso-8859-2\nT:ą\n"),
    (b"%%abc-charset utf-8\n" + LATIN.encode(), "latin-1", "%%abc-charset utf-8\n" + LATIN),
    ("\ufeff%%abc-charset UTF8\nI:abc-charset utf-8\n♪".encode(), None, "%%abc-charset UTF8\nI:abc-charset utf-8\n♪"),
])
def test_a_text_is_read_in_the_encoding_that_it_says_or_the_user(tmp_path, data, encoding, text):
    (tmp_path / "text").write_bytes(data)
    assert read_any_text(tmp_path / "text", encoding) == text


@pytest.mark.parametrize("data, encoding, complaint", [
    (b"a\xe9", None, "is not UTF-8 text: byte 0xe9 at offset 1; --encoding names another one, such as latin-1"),
    ("é".encode(), "ascii", "is not ascii text: byte 0xc3 at offset 0; --encoding"),
    (b"%%abc-charset us-ascii\n\xe9", None, "is not ascii text: byte 0xe9 at offset 23; mend what it says"),
    (b"%%abc-charset hex\n", None, "abc-charset 'hex' is no encoding of text; there are utf-8, latin-1"),
    (b"%%abc-charset klingon\n", None, "abc-charset 'klingon' is no encoding of text"),
    (b"%%abc-charset utf-8\n%%abc-charset latin-1\n", None, "more than one encoding, iso8859-1 and utf-8; mend"),
    ("\ufeff%%abc-charset latin-1\n".encode(), None, "more than one encoding, iso8859-1 and utf-8; mend"),
    ("%%abc-charset latin-1\né".encode(), None, "says that it is iso8859-1, and its bytes are not; mend its line"),
    (b"%%abc-charset utf-16\n", None, "says that it is utf-16, and its bytes are not; mend its line"),
    (codecs.BOM_UTF16_LE + b"X", None, "is not utf-16 text: byte 0x58 at offset 2; mend what it says"),
    (codecs.BOM_UTF16_LE, None, "is empty"),
    (b"xn--\xff.", "idna", "is not idna text: "),
])
def test_an_encoding_that_cannot_be_is_refused_in_one_line(tmp_path, data, encoding, complaint):
    (tmp_path / "text").write_bytes(data)
    with pytest.raises(InputError, match=f"^{re.escape(str(tmp_path / 'text'))}.*{complaint}") as error:
        read_any_text(tmp_path / "text", encoding)
    assert "\n" not in str(error.value)


# -- what has no end


def test_more_than_the_most_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "sparse"
    with open(path, "wb") as file:
        file.truncate(30 * 10**9)
    for read in (read_text, read_any_text):
        with pytest.raises(InputError, match="sparse has more than 2,000,000,000 bytes, the most that is read; "):
            read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a pipe with a name")
def test_a_pipe_is_read_to_its_end_and_not_waited_for_in_vain(tmp_path, monkeypatch):
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def write(data, pause):
        with open(path, "wb") as file:
            time.sleep(pause)
            with contextlib.suppress(BrokenPipeError):
                file.write(data)

    def written(data, pause=0):
        writer = threading.Thread(target=write, args=(data, pause))
        writer.start()
        try:
            return read_any_text(path)
        finally:
            writer.join()

    assert written(b"abc\n" * 100_000, pause=0.05) == "abc\n" * 100_000
    with pytest.raises(InputError, match="pipe is empty"):
        written(b"")
    monkeypatch.setattr(files, "MOST", 10)
    with pytest.raises(InputError, match="pipe has more than 10 bytes"):
        written(b"abcdefghijk")
    monkeypatch.setattr(files, "PATIENCE", 0.05)
    with pytest.raises(InputError, match="nothing came through .*pipe for 0.05 seconds; start what writes to it"):
        read_text(path)
