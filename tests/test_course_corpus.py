"""What notebook 12 looks at a corpus and reads a card with."""

import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from lstm.notation.tunes import body, header_fields
from lstm.rendering.album import article, page, paragraph, table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "notebooks"))

from course import own_corpus  # noqa: E402
from course.pictures import corpus as pictures  # noqa: E402

TUNE = "X:1\nT:A Tune\nR:jig\nM:6/8\nL:1/8\nK:G\n|:GAB c2d|e3 d3:|\n\n"
OTHER = TUNE.replace("jig", "reel").replace("e3", "f3")


def test_the_tunes_of_a_rhythm_are_those_whose_header_says_it():
    assert own_corpus.of_rhythm(TUNE + OTHER + TUNE, "jig", 9) == [TUNE, TUNE]
    assert own_corpus.of_rhythm(TUNE + OTHER + TUNE, "jig", 1) == [TUNE]


def test_a_disguised_tune_looks_another_and_has_the_same_normal_form():
    other = own_corpus.disguised(TUNE, 7)
    assert other.startswith("X:7\n") and other.endswith("\n\n") and body(other) != body(TUNE)
    assert header_fields(other)["K"] == "G" and own_corpus.normal(other) == own_corpus.normal(TUNE)
    assert own_corpus.in_both([TUNE], [OTHER, other]) == [1]
    assert own_corpus.in_both([TUNE], [TUNE.replace("K:G", "K:D")]) == []


def test_mixed_tunes_are_the_same_tunes_and_the_order_is_the_seeds():
    tunes = [str(n) for n in range(9)]
    assert sorted(own_corpus.mixed(tunes, 1)) == tunes
    assert own_corpus.mixed(tunes, 1) == own_corpus.mixed(tunes, 1) != own_corpus.mixed(tunes, 2)


def test_a_card_is_taken_apart_by_its_headings(capsys):
    rows = [("16", "2 (1 to 3)", "1.500, 2.500"), ("32", "1 (0 to 2)", "0.500, 1.500")]
    sizes = article("Is larger better?", paragraph("Yes & no."), table(("units", "mean", "runs"), rows))
    card = own_corpus.Card(page(sizes + article("Sample 1", "<pre>a &lt; b\nc</pre>"), "Card", "about"))
    assert card.runs() == {16: [1.5, 2.5], 32: [0.5, 1.5]}
    assert card.notes["Is larger better?"] == ["Yes & no."] and card.samples == ["a < b\nc"]
    card.show("Is larger better?")
    assert capsys.readouterr().out.splitlines()[:2] == ["Yes & no.", "  units | mean | runs"]


def test_a_command_runs_in_the_folder_and_says_what_is_wrong(tmp_path):
    (tmp_path / "short.txt").write_text("abc")
    assert "--source TEXT" in own_corpus.run(tmp_path, "-m", "lstm.card", "--help")
    with pytest.raises(RuntimeError, match="3 characters cannot be split"):
        own_corpus.run(tmp_path, "-m", "lstm.card", "short.txt")


def test_the_picture_has_a_bar_for_each_symbol():
    figure = pictures.overview({"one": "abca", "two": "x y"})
    assert isinstance(figure, Figure) and [len(axes.patches) for axes in figure.axes] == [3, 3]
