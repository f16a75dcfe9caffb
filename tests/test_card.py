"""The model card: each figure on it is that of the module which computes it, and no text writes its markup."""

import hashlib
import math
import re
from html.parser import HTMLParser

import pytest

from helpers import run_command
from lstm import api
from lstm.card import main, verdict
from lstm.corpus import Corpus
from lstm.evaluation.heldout import losses
from lstm.evaluation.quality import mean
from lstm.io.places import ROOT
from lstm.notation.tunes import split
from lstm.rendering import album
from lstm.storage.imported import load
from lstm.training import to_bits

for library in ("symusic", "verovio", "resvg_py", "soundfile"):
    pytest.importorskip(library)

CORPUS = (ROOT / "data" / "input.txt").read_text(encoding="ascii")
TUNES = CORPUS[: CORPUS.index("X:25\n")]  # 24 of them
PLAIN = "so much depends upon a red wheel barrow glazed with rain water beside the white chickens\n" * 30
HOSTILE = "</td><script>alert(1)</script>\"' onclick=x"
TINY = ["--embedding", "4", "--units", "6", "--batch-size", "4", "--seq-length", "20", "--epochs", "2"]
SWEEP = ["--sizes", "4,6", "--runs", "2", "--sweep-epochs", "1", "--samples", "3", "--threads", "1"]


class Page(HTMLParser):
    """A page taken apart: its elements, and the rows of its tables, {first cell: the other cells}."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.open, self.cells, self.rows, self.texts = [], [], [], {}, []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "source"):
            self.open.append(tag)
        if tag == "tr":
            self.cells = []
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "tr":
            self.rows[self.cells[0]] = self.cells[1:]

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += data
        self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def make(folder, text, *arguments, name="tunes.abc"):
    """Run the command on a text: (status, standard error, the Page or None)."""
    (folder / name).write_text(text, encoding="utf-8")
    places = ["--out", folder / "card.html", "--model-dir", folder / "model"]
    status, _, err = run_command(main, "card.py", folder / name, *places, *TINY, *SWEEP, *arguments)
    out = folder / "card.html"
    return status, err, Page(out.read_text(encoding="utf-8")) if out.exists() else None


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(the folder, the Page) of a card of tunes, some of which mean ill."""
    folder = tmp_path_factory.mktemp("card")
    text = TUNES.replace("R:", f"S:{HOSTILE}\nR:", 3)
    status, err, page = make(folder, text, "--source", HOSTILE)
    assert status == 0, err
    return folder, page, text


def number_of(text):
    return float(re.match(r"[-+]?[\d.,]+", text)[0].replace(",", ""))


def test_the_text_is_named_with_its_hash_its_sizes_and_its_split(made):
    folder, page, text = made
    corpus = Corpus.of(text)
    (row,) = [cells for name, cells in page.rows.items() if name.endswith("tunes.abc")]
    assert row == [f"{len(text.encode()):,}", hashlib.sha256((folder / "tunes.abc").read_bytes()).hexdigest()]
    assert page.rows["learnt"] == [f"{corpus.training.size:,} characters in {corpus.tunes[0]} tunes"]
    assert page.rows["held out, at the end"] == [f"{corpus.validation.size:,} characters in {corpus.tunes[1]} tunes"]
    assert page.rows["different characters"] == [str(len(corpus.vocabulary))]
    assert page.rows["S: source"] == ["3 of 24", f"{HOSTILE} (3)"]
    assert page.rows["C: composer"] == ["0 of 24", "not said in the file"]


def test_the_losses_are_those_of_the_evaluation_of_the_weights_that_are_there(made):
    folder, page, text = made
    epoch = int(re.search(r"this is epoch (\d+)", page.rows["epochs"][0])[1])
    checkpoint = load(folder / "model" / f"weights.{epoch}.h5")
    for cost in losses(checkpoint, *split(text, 0.1)):
        expected = [to_bits(cost.nats), cost.nats, cost.header, cost.music]
        assert page.rows[cost.model] == ["" if math.isnan(value) else f"{value:.3f}" for value in expected]
    assert page.rows["parameters"] == [f"{checkpoint.model.parameters.flat.size:,}"]


def test_the_samples_are_the_first_of_the_seed_and_can_be_had_again(made):
    folder, page, _ = made
    epoch = int(re.search(r"this is epoch (\d+)", page.rows["epochs"][0])[1])
    tunes = api.compose(load(folder / "model" / f"weights.{epoch}.h5"), 3, random_seed=1)
    assert tunes[:1] == api.compose(load(folder / "model" / f"weights.{epoch}.h5"), 1, random_seed=1)
    for tune in tunes:
        assert tune.strip() in page.texts
    assert page.rows["the first sample again"][0].startswith(f"python -m lstm.compose {epoch} --model-dir ")


def test_each_size_has_its_runs_and_their_mean(made):
    _, page, text = made
    for units in (4, 6):
        settings = dict(preset="tiny", embedding=4, units=units, batch_size=4, seq_length=20, epochs=1, threads=1)
        runs = [list(api.train(text, seed=seed, **settings))[0].val_loss for seed in (1, 2)]
        estimate = "{:.3f} ({:.3f} to {:.3f})".format(*mean(runs))
        assert page.rows[str(units)] == [estimate, ", ".join(f"{nats:.3f}" for nats in runs)]


def test_a_claim_goes_no_further_than_its_interval():
    assert verdict([1.00, 1.01, 1.02], [0.90, 0.91, 0.92]).startswith("better (-0.100 nats")
    assert verdict([0.90, 0.91, 0.92], [1.00, 1.01, 1.02]).startswith("worse (+0.100 nats")
    assert verdict([1.0, 1.1, 1.2], [0.9, 1.2, 1.1]).startswith("these runs cannot tell")


def test_students_interval_is_that_of_the_tables():
    assert mean([1.0, 2.0, 3.0]) == pytest.approx((2.0, 2 - 4.303 / 3**0.5, 2 + 4.303 / 3**0.5))
    assert mean([1.0, 1.0]) == (1.0, 1.0, 1.0)


def test_the_page_loads_nothing_and_runs_its_own_script_alone(made):
    _, page, _ = made
    assert len(page.all("script")) == len(page.all("style")) == len(page.all("title")) == 1
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert not [attributes for _, attributes in page.elements if "href" in attributes or "style" in attributes]
    for address in [element["src"] for element in page.all("img") + page.all("audio")]:
        assert address.startswith("data:")
    policy = next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    assert policy == album.policy(album.STYLE + album.TABLES, album.SCRIPT)
    assert all(image["alt"] for image in page.all("img"))
    assert HOSTILE in page.texts  # --source, as text


def numbers_alone(page):
    """The rows of a page but for times."""
    timed = "training", "the comparison of sizes", "composing and judging", "in all", "date", "the card again"
    return {name: cells for name, cells in page.rows.items() if name not in timed}


def test_the_same_command_gives_the_same_numbers_and_a_run_is_not_deleted_unasked(tmp_path):
    status, _, first = make(tmp_path, PLAIN, name="plain.txt")
    before = (tmp_path / "card.html").read_bytes()
    assert status == 0
    status, err, _ = make(tmp_path, PLAIN, name="plain.txt")
    assert status == 2 and "is there from an earlier run" in err
    assert (tmp_path / "card.html").read_bytes() == before
    status, _, second = make(tmp_path, PLAIN, "--overwrite", name="plain.txt")
    assert status == 0 and numbers_alone(second) == numbers_alone(first)
    images = [image["src"] for image in first.all("img")]
    assert len(images) == 2 and [image["src"] for image in second.all("img")] == images


def test_a_text_that_is_no_abc_has_neither_scores_nor_judges_and_the_card_says_so(tmp_path):
    status, err, page = make(tmp_path, PLAIN, name="plain.txt")
    assert status == 0, err
    assert not page.all("audio") and not page.all("picture") and len(page.all("pre")) == 3
    assert page.rows["kind"][0].startswith("plain text")
    assert any("neither scores nor judges" in text for text in page.texts)
    assert "without error" not in page.rows


@pytest.mark.parametrize(
    "text, arguments, says",
    [
        ("abc", [], "3 characters cannot be split"),
        (CORPUS[:600], [], "3 tunes cannot be split"),
        (TUNES, ["--validation", "0"], "24 tunes cannot be split"),
        (PLAIN[:60], [], "too few for batch size 4"),
        (TUNES, ["--units", "0"], "--units"),
        (TUNES, ["--vocabulary", "9"], "unrecognized arguments"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_and_nothing_is_written(text, arguments, says, tmp_path):
    (tmp_path / "text").write_text(text)
    given = {name: value for name, value in zip(TINY[::2], TINY[1::2])} | dict(zip(arguments[::2], arguments[1::2]))
    options = [word for pair in given.items() for word in pair]
    places = ["--out", tmp_path / "card.html", "--model-dir", tmp_path / "model"]
    status, _, err = run_command(main, "card.py", tmp_path / "text", *places, *options, *SWEEP)
    lines = [line for line in err.splitlines() if not line.startswith("training;")]
    assert status == 2 and len(lines) == 1 and says in lines[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text"]


@pytest.mark.parametrize("sizes", ["0", "8,", "many", "-4"])
def test_sizes_that_are_none_are_refused(sizes, tmp_path):
    status, _, err = run_command(main, "card.py", "x", f"--sizes={sizes}")
    assert status == 2 and "--sizes" in err and err.count("\n") == 1


def test_a_card_does_not_overwrite_what_it_is_of(tmp_path):
    path = tmp_path / "tunes.abc"
    path.write_text(TUNES)
    status, _, err = run_command(main, "card.py", path, "--out", path)
    assert status == 2 and "is a text to learn" in err and path.read_text() == TUNES
