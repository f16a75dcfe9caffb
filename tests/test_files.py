"""Reading files: plain line ends, no byte order mark, one line for what is no text."""

import re

import pytest

from lstm.io import InputError
from lstm.io.files import is_there, names_in, read_text


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
