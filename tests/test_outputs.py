"""The files of tunes: their names, whatever a title is, and that no file of another tune is lost."""

import os
import re

import pytest

from lstm.io import InputError
from lstm.rendering import music
from lstm.rendering.outputs import RENDERERS, Outputs, file_name

TUNE = "X:1\nT:The Merry Maid\nK:G\n|:abc:|\n"


pytestmark = pytest.mark.usefixtures("renderers")


def titled(title):
    return f"X:1\nT:{title}\nK:G\n|:abc:|\n"


@pytest.mark.parametrize("title, words", [
    ("The Merry Maid", "the-merry-maid"),
    ("Roan's Hornpipe", "roans-hornpipe"),
    ("  - !Spaces?  ", "spaces"),
    ("Café Ñandú", "cafe-nandu"),
    ("../../etc/passwd", "etc-passwd"),
    ("C:\\CON", "c-con"),
    ("--out", "out"),
    ("a\x00b\x1b[2J$(rm -rf ~)`;|&", "a-b-2j-rm-rf"),
    ("<script>alert(1)</script>", "script-alert-1-script"),
    ("古池や", ""),
    ("!!!", ""),
    (".", ""),
    ("", "untitled"),
    ("ab " * 1000, "ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-a"),
])
def test_a_file_is_named_by_the_title_in_harmless_characters(title, words):
    name = file_name(titled(title))
    assert re.fullmatch(re.escape(words) + ("-" if words else "") + "[0-9a-f]{8}", name)


def test_the_same_tune_has_the_same_name_and_another_of_that_title_has_another():
    assert file_name(TUNE) == file_name(TUNE + "\n") == file_name(TUNE.strip())
    assert file_name(TUNE) != file_name(TUNE.replace("abc", "abd"))


def test_each_tune_has_a_file_of_each_kind(tmp_path, capsys):
    places = Outputs(kinds=list(RENDERERS), directory=tmp_path / "new" / "place")
    tunes = [TUNE, TUNE.replace("abc", "abd")]
    for tune in tunes:
        places.emit(tune)
        places.finish(tune)
    places.close()
    made = {path.name: path.read_text() for path in (tmp_path / "new" / "place").iterdir()}
    endings = {"svg": ".svg", "png": ".png", "midi": ".mid", "wav": ".wav"}
    assert made == {file_name(tune) + endings[kind]: f"{kind} of {tune}" for tune in tunes for kind in endings}
    out, err = capsys.readouterr()
    assert out == "\n".join(tunes)  # an empty line stands between them
    assert sorted(line.rpartition("/")[2] for line in err.splitlines()) == sorted(made)
    assert all(line.startswith("written to ") for line in err.splitlines())


def test_a_tune_that_cannot_be_rendered_is_told_once_and_the_others_are_written(tmp_path, capsys, monkeypatch):
    def unplayable(tune):
        if "abc" in tune:
            raise music.Unplayable("it has no K: line")
        return b"sound"

    for kind in ("midi", "wav"):
        monkeypatch.setattr(music, kind, unplayable)
    places = Outputs(kinds=["svg", "midi", "wav"], directory=tmp_path, album_file=tmp_path / "album.html", about="why")
    other = TUNE.replace("abc", "abd")
    for tune in (TUNE, other):
        places.finish(tune)
    places.close()
    name, err = file_name(TUNE), capsys.readouterr().err
    assert f"tune 1 ({name}) has no midi, wav: it has no K: line\n" in err
    assert err.count("has no midi") == 1
    expected = {f"{name}.svg", *(file_name(other) + ending for ending in (".svg", ".mid", ".wav")), "album.html"}
    assert set(os.listdir(tmp_path)) == expected
    assert (tmp_path / "album.html").read_text() == f"why\n{TUNE}\n{other}"  # where it is shown as text


def test_files_of_other_tunes_stay_and_the_same_tune_is_written_again(tmp_path):
    (tmp_path / "the-merry-maid.svg").write_text("mine")
    for tune in (TUNE, TUNE.replace("abc", "abd"), TUNE):
        Outputs(kinds=["svg"], directory=tmp_path).finish(tune)
    assert len(os.listdir(tmp_path)) == 3
    assert (tmp_path / "the-merry-maid.svg").read_text() == "mine"


def test_there_is_no_album_of_no_tune(tmp_path):
    places = Outputs(out=tmp_path / "text", album_file=tmp_path / "album.html")
    places.emit("X:1\nT:half a")
    places.close()
    assert os.listdir(tmp_path) == ["text"]


@pytest.mark.parametrize("places, says", [
    ({"album_file": "missing/album.html"}, "cannot write .*missing/album.html: No such file"),
    ({"album_file": "."}, "cannot write .*: it is a directory"),
    ({"out": "missing/tunes.abc", "album_file": "album.html"}, "cannot write .*tunes.abc"),
    ({"directory": "file", "kinds": ["svg"]}, "cannot write .*file: File exists"),
    ({"directory": "file/below", "kinds": ["svg"]}, "cannot write .*below: Not a directory"),
    ({"directory": "place"}, "--out-dir place is for files of --svg, --png, --midi or --wav"),
    ({"out": "tunes", "album_file": "./tunes"}, "--out and --album both name tunes"),
    ({"out": ""}, "empty name"),
    ({"album_file": ""}, "empty name"),
    ({"directory": "", "kinds": ["svg"]}, "empty name"),
])
def test_a_place_that_will_not_do_is_refused_at_once(tmp_path, monkeypatch, places, says):
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=says):
        Outputs(**places)
    assert os.listdir(tmp_path) == ["file"]


def test_without_the_extra_scores_and_sound_are_refused_at_once(tmp_path, monkeypatch):
    def missing():
        raise InputError("install it")

    monkeypatch.setattr(music, "check_installed", missing)
    monkeypatch.chdir(tmp_path)
    for places in ({"album_file": "album.html"}, {"kinds": ["midi"]}, {"kinds": ["svg"], "directory": "new"}):
        with pytest.raises(InputError, match="install it"):
            Outputs(**places)
    assert os.listdir(tmp_path) == []
    Outputs(out="tunes.abc")  # the text needs no library


def test_a_place_is_told_in_one_line(tmp_path, capsys):
    if os.name == "nt":
        pytest.skip("has no such names")
    places = Outputs(out=tmp_path / "a\n\x1b[2J\u202e", kinds=["svg"], directory=tmp_path / "b\rc")
    places.emit(TUNE)
    places.finish(TUNE)
    places.close()
    lines = capsys.readouterr().err.splitlines()
    assert [re.sub(".*/(?=[ab])", "", line) for line in lines] == [
        rf"b\rc/{file_name(TUNE)}.svg", r"a\n\x1b[2J\u202e"]


def test_characters_that_no_file_can_hold_stop_nothing(tmp_path, monkeypatch):
    """A weights file may claim to know half a character, and is not to be trusted."""
    places = Outputs(out=tmp_path / "text", kinds=["png"], directory=tmp_path, album_file=tmp_path / "album.html")
    monkeypatch.setattr(music, "png", lambda tune: b"picture")
    tune = titled("half \ud800")
    places.kept.append(tune)
    places.finish(tune)
    places.close()
    assert "half \\ud800" in (tmp_path / "text").read_text()
    assert (tmp_path / (file_name(tune) + ".png")).exists()
