"""The judges of ABC: known verdicts, exact bar counts, and input that would like to crash them."""

import random
import re
import time
from pathlib import Path

import pytest

from lstm.io import InputError
from lstm.notation import judge
from lstm.notation.abc2midi import find_abc2midi

CORPUS = (Path(__file__).parent.parent / "data" / "input.txt").read_text(encoding="ascii").split("\n\n")
GOOD = CORPUS[3]


def tune(music, meter="2/4", unit="1/8"):
    return f"X:1\nT:Test\nM:{meter}\nL:{unit}\nK:G\n{music}\n"


@pytest.fixture
def abc2midi():
    pytest.importorskip("symusic")
    return find_abc2midi()


# ------------------------------------------------------------------------------- bars


def test_every_bar_of_the_corpus_is_right():
    counts = [judge.count_bars(text) for text in CORPUS]
    assert all(bars == right for bars, right in counts)
    assert sum(bars for bars, _ in counts) == 32035  # so the count cannot become right by measuring nothing


@pytest.mark.parametrize("bar, length", [
    ("A2 B2", 4), ("AB cd", 4), ("A3/2B/ A//B// A/4B/4c", 4), ("A4/1", 4), ("z4", 4), ("x2z2", 4),
    ("A>B c<d", 4), ("A>>B c<<<d", 4), ("A2>B2", 4), ("A3>B1", 5),  # 3 * 3/2 + 1/2
    ("(3ABc d2", 4), ("(3A>BcG2", 4), ("(3:2:3ABc d2", 4), ("(3:2ABc d2", 4), ("(3::2AB c8/3", 4), ("(2AB c", 4),
    ("(4ABcd e", 4), ("(6ABcdef d2", 4), ("(5ABcde d2", 4),
    ("{ABc}A2 {B/}c2", 4), ("[GBd]2 [GB]2", 4), ("[G2B2] [G4B4]1/2", 4), ("[G/B/]4 A2", 4),
    ('"Am"A2 !trill!B2', 4), ("~A2 .B2", 4), ("^A2 __B,,2 =c'", 5), ("A2-A2", 4),
])
def test_a_bar_is_measured_exactly(bar, length):
    assert judge.count_bars(tune(f"c|{bar}|c|", f"{length}/8")) == (1, 1)
    assert judge.count_bars(tune(f"c|{bar}|c|", f"{length + 1}/8")) == (1, 0)


@pytest.mark.parametrize("meter, bar", [
    ("6/8", "(2AB (4ABcd"), ("6/8", "(5ABcde d3"), ("9/8", "(5ABcde d6"),
    ("4/4", "(5ABcde d6"), ("3/4", "(7ABcdefg d4"),
])
def test_tuplets_of_five_and_seven_follow_the_meter(meter, bar):
    assert judge.count_bars(tune(f"c|{bar}|c|", meter)) == (1, 1)


def test_a_rest_of_whole_bars_is_always_right():
    assert judge.count_bars(tune("c|Z|Z4|c|", "7/8")) == (2, 2)


@pytest.mark.parametrize("music, counts", [
    ("AB|ABcd|ABcd|AB|]", (2, 2)),  # a pickup, and the bar it completes
    ("|:c|ABcd|ABc:|:d|ABcd|ABc:|", (2, 2)),  # ... at repeats
    ("ABcd|ABc|ABcd|AB", (2, 1)),  # a short bar inside
    ("ABcd|ABcde|ABcd|AB", (2, 1)),  # a long one
    ("ABcd|ABcd|1 AB:|2 AB||ABcd|ABcd|ABcd|]", (1, 1)),  # endings and double bars are edges
    ("ABcd|ABcd|[1 AB:|[2 AB||ABcd|ABcd|ABcd|]", (1, 1)),
    ("ABcd|ABcd|\nABcd|ABcd|\nAB", (3, 3)),  # a line's end is none
    ("AB|ABcd|AB|\n|:cd|ABcd|AB| :|", (2, 2)),  # bar lines in a row are one
    ("ABcde|ABcde:|", (2, 0)),  # nothing excuses a bar that is too long
    ("ABcdefgabcd", (1, 0)),
    ("ABcd", (0, 0)), ("", (0, 0)), ("|||::|", (0, 0)),
    ("c|ABcd|A2B|c|\n\nX:2\nK:C\nA|B|c|", (2, 1)),  # an empty line ends the tune
    ("c|ABcd|c|\nM:3/8\nL:1/16\nc|ABcdef|c|", (2, 2)),  # a new meter
    ("c|ABcd % |A\n|c|", (1, 1)), ("c|A>|Bcd|c|", (2, 0)),
])
def test_bars_at_an_edge_may_be_short(music, counts):
    assert judge.count_bars(tune(music)) == counts


def test_a_meter_within_a_line_counts_as_on_a_line_of_its_own():
    music = "abcd|abcd|\nM:3/4\nabcdef|abcdef|abcd|abcdef|\nL:1/16\nabcdefgabcde|\nM:2/4\nL:1/8\nabcd|abcd|]"
    within = re.sub(r"\n([ML]:[0-9/]+)", r"[\1]", music).replace("\n", "")
    header = "X:1\nM:2/4\nL:1/8\nK:C\n"
    assert judge.count_bars(header + within) == judge.count_bars(header + music) == (3, 2)


def test_an_ornament_of_the_old_kind_has_no_notes():
    assert judge.count_bars("X:1\nM:2/4\nL:1/8\nK:C\ncd+fermata+ef|gabc|+trill+cdef|]") == (1, 1)


def test_a_tune_without_a_meter_has_no_bars_to_measure():
    assert judge.count_bars("X:1\nK:G\nA|B|c|d|") == judge.count_bars(tune("A|B|c|d|", "none")) == (0, 0)


def test_without_a_unit_the_meter_gives_it():
    for meter, music in (("4/4", "ABcd ABcd"), ("3/4", "ABcdef"), ("2/4", "ABcd ABcd"), ("C|", "ABcd ABcd")):
        assert judge.count_bars(f"X:1\nM:{meter}\nK:G\nc|{music}|c|") == (1, 1)


SIGNS = ["{", '"', "! ", "[", "[K:", ":", "|:", "(", "A>", "A/////////", "9", "A9", "\0", "\ud800"]


@pytest.mark.parametrize("sign", SIGNS)
def test_hostile_lines_are_counted_in_time(sign):
    start = time.perf_counter()
    judge.count_bars(tune("A" + sign * (60_000 // len(sign))))
    assert time.perf_counter() - start < 2


# ------------------------------------------------------------------------------- abc2midi


def test_a_sound_tune_is_flawless(abc2midi):
    verdict = judge.judge_tune(GOOD, abc2midi)
    assert verdict == judge.Verdict(True, (), (), bars=12, bars_right=12) and verdict.flawless


@pytest.mark.parametrize("old, new, blame", [
    ("cdef", "cde", "warnings"), ("cdef", "cdeff", "warnings"),  # bars of a wrong length
    ("cdef", 'cd"ef', "errors"), ("cdef", "(3(3cdef", "errors"), ("K:G", "K:Gq", "errors"),
])
def test_a_broken_tune_is_blamed(abc2midi, old, new, blame):
    verdict = judge.judge_tune(GOOD.replace(old, new), abc2midi)
    assert getattr(verdict, blame) and not verdict.flawless


def test_what_is_no_tune_is_not_converted(abc2midi):
    for text in ("", "A B c", "T:No number\nK:G\nABc|", "\0\0\0"):
        verdict = judge.judge_tune(text, abc2midi)
        assert not verdict.converted and verdict.errors and not verdict.flawless


def test_both_judges_agree_on_a_wrong_bar(abc2midi):
    broken = judge.judge_tune(GOOD.replace("Aaag", "Aaa"), abc2midi)
    assert broken.bars - broken.bars_right == 1 and any("time units" in line for line in broken.warnings)


def test_random_bytes_neither_crash_nor_hang(abc2midi):
    rng = random.Random(1)
    for n in range(60):
        letters = [chr(rng.choice([0, 9, 10, 34, 37, 40, 58, 65, 91, 93, 123, 124, 255, 0xD800])) for _ in range(300)]
        assert not judge.judge_tune((tune("") if n % 2 else "") + "".join(letters), abc2midi).flawless


@pytest.fixture
def program(tmp_path):
    """A stand-in for abc2midi that misbehaves: program("exit 3") is its path."""
    def write(script):
        path = tmp_path / "abc2midi"
        path.write_text("#!/bin/sh\n" + script + "\n")
        path.chmod(0o755)
        return path
    return write


def test_an_endless_conversion_is_cut_off(program):
    verdict = judge.judge_tune(GOOD, program("echo > tune.mid; exec sleep 60"), seconds=0.2)
    assert not verdict.converted and verdict.errors == ("Error: abc2midi did not end within 0.2 seconds",)


def test_a_crash_is_an_error(program):
    verdict = judge.judge_tune(GOOD, program("echo > tune.mid; kill -SEGV $$"))
    assert not verdict.converted and verdict.errors == ("Error: abc2midi ended with status -11",)


def test_a_flood_of_messages_is_cut(program):
    verdict = judge.judge_tune(GOOD, program("yes 'Error here' | head -n 100000"))
    assert len(verdict.errors) < 10_000


def test_a_missing_abc2midi_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match=r'abc2midi was not found.*pip install -e "\.\[music]"'):
        find_abc2midi()
