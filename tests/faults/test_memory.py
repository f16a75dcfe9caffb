"""Memory that does not grow: in training, in composing; and a text of 200 MB, within its size times four and 500 MB."""

import json
import sys

import pytest
from faults.runs import ended, start_module

from commands import ROOT, TEXT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
]

STEPS, CHARACTERS = 2000, 200_000


def megabytes(name="VmRSS"):
    """The memory of this process: now, or with "VmHWM" the most that it had."""
    with open("/proc/self/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name)) / 1000


def train():
    """Yield the memory after each 200 steps of training."""
    from lstm.corpus import Corpus
    from lstm.model import Config
    from lstm.settings import Settings
    from lstm.storage.session import new_trainer

    corpus = Corpus.of(TEXT)
    settings = Settings(batch_size=4, seq_length=10, epochs=10**6)
    trainer = new_trainer(Config(len(corpus.vocabulary), 8, 16), settings, corpus, "numba", 2)
    for _ in range(STEPS // 200 + 1):
        for _ in range(200):
            if trainer.position == len(trainer.batches):
                trainer.finish_epoch()
            trainer.step()
        yield megabytes()


def compose():
    """Yield the memory after each 40 tunes, some 10,000 characters."""
    import lstm

    model, characters = lstm.load(), 0
    for number in range(1000):
        characters += sum(map(len, lstm.compose(model, tunes=40, random_seed=number)))
        yield megabytes()
        if characters >= CHARACTERS:
            return


def read():
    """Yield the most memory that reading a text of 200 MB takes."""
    from lstm.corpus import Corpus

    tunes = (ROOT / "data" / "input.txt").read_text(encoding="utf-8").split("\n\n")
    size = sum(map(len, tunes))
    text = "\n\n".join(tune for _ in range(200_000_000 // size + 1) for tune in tunes)
    del tunes
    before = megabytes()
    Corpus.of(text)
    yield len(text) / 1e6 + megabytes("VmHWM") - before


def measured(name):
    """What one of the functions above yields, in a process of its own."""
    told = ended(start_module("faults.test_memory", name, cwd=ROOT), 300)
    assert told.status == 0, told.err[-600:]
    return json.loads(told.out)


@pytest.mark.parametrize("name, kind", [("train", "steps of training"), ("compose", "characters composed")])
def test_memory_does_not_grow(table, name, kind):
    count = {"train": STEPS, "compose": CHARACTERS}[name]
    with table.row(f"memory after {count:,} {kind}: it grew by 2 % at most", seconds=300) as row, row.case(name):
        _, first, *rest = measured(name)  # at first there are still things to be made that stay
        row.took(0.0, max(0.0, max(rest) - first))
        assert rest[-1] <= 1.02 * first, f"{first:.0f} MB became {rest[-1]:.0f}"


def test_a_large_text_takes_a_bounded_memory(table):
    with table.row("a text of 200 MB to learn", seconds=300, memory=4 * 200 + 500) as row, row.case("tunes"):
        (most,) = measured("read")
        row.took(0.0, most)


if __name__ == "__main__":
    print(json.dumps([*globals()[sys.argv[1]]()]))
