"""Compiled code is kept on disk: damage to it shows in the time alone, it is never stale, nobody else's is run."""

import importlib.util
import itertools
import os
import pickle
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from numba.core import config
from numba.core.codegen import CPUCodegen

from commands import ROOT
from lstm import kernels
from lstm.engine import jit

posix = pytest.mark.skipif(os.name != "posix", reason="owners and modes of POSIX")

NUMBERS = "FACTOR = 2\n"
FUNCTIONS = """
from lstm.engine.jit import compiled
from lstm.numbers_of_a_test import FACTOR

@compiled
def times(x):
    return FACTOR * x

@compiled
def plus(x):
    return FACTOR + x
"""


@pytest.fixture
def code(tmp_path, monkeypatch):
    """A function that imports FUNCTIONS anew, as the next process would: (times(3), whether its code was found)."""
    if config.DISABLE_JIT:
        pytest.skip("nothing is compiled, so no code is kept")
    (tmp_path / "numbers.py").write_text(NUMBERS)
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    (tmp_path / "cache").mkdir(mode=0o700)
    monkeypatch.setattr(jit, "CACHE_FOLDER", tmp_path / "cache")

    def again(name="times"):
        for file in ("numbers", "functions"):
            spec = importlib.util.spec_from_file_location(f"lstm.{file}_of_a_test", tmp_path / f"{file}.py")
            module = importlib.util.module_from_spec(spec)
            monkeypatch.setitem(sys.modules, spec.name, module)
            exec(compile((tmp_path / f"{file}.py").read_text(), module.__file__, "exec"), vars(module))
        function = getattr(module, name)
        value = function(3)
        return value, bool(function.stats.cache_hits)

    return again


def kept(tmp_path):
    return sorted((tmp_path / "cache").iterdir())


def test_code_is_compiled_once_for_each_function_and_types(code, tmp_path):
    assert [code(), code()] == [(6, False), (6, True)]
    assert [code("plus"), code("plus"), code()] == [(5, False), (5, True), (6, True)]
    assert len(kept(tmp_path)) == 2


def changed(content):
    """The content with a bit of another value in its middle, where there is machine code."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def in_place(change):
    """The damage that changes a file's content."""
    return lambda path: path.write_bytes(change(path.read_bytes()))


def a_directory(path):
    path.unlink()
    path.mkdir()
    (path / "file").write_text("in it")


def a_link(path):
    """The right content, but behind a link: another user may have made it, and the content is not theirs to choose."""
    os.replace(path, path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def enormous(path):
    with open(path, "r+b") as file:
        file.truncate(10**12)


DAMAGES = {
    "changed": in_place(changed),
    "changed in its seal": in_place(lambda content: bytes([content[0] ^ 128]) + content[1:]),
    "cut": in_place(lambda content: content[:-1]),
    "cut to a seal": in_place(lambda content: content[:32]),
    "empty": in_place(lambda content: b""),
    "longer": in_place(lambda content: content + b"\0"),
    "zeros": in_place(lambda content: bytes(len(content))),
    "a pickle": in_place(lambda content: pickle.dumps(42)),
    "a directory": a_directory,
    "enormous": enormous,
}
if os.name == "posix":
    DAMAGES |= {"a link": a_link, "a pipe": a_pipe, "for others to write": lambda path: path.chmod(0o666)}
    DAMAGES["without permission"] = lambda path: path.chmod(0)  # which does not stop the superuser


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_thrown_away_and_made_anew(code, tmp_path, damage):
    code()
    (path,) = kept(tmp_path)
    DAMAGES[damage](path)
    assert code() == (6, damage == "without permission" and os.geteuid() == 0)
    assert code() == (6, True) and kept(tmp_path) == [path]


def test_a_file_is_not_taken_for_that_of_another_function(code, tmp_path):
    code(), code("plus")
    plus, times = kept(tmp_path)
    shutil.copy(plus, times)
    assert code() == (6, False)


class Harmful:
    """What a pickle can do: anything."""

    def __reduce__(self):
        return exec, ("import os; os.environ['HARM'] = 'done'; raise RuntimeError('of a pickle')",)


def test_a_pickle_without_the_seal_is_never_read_and_one_that_fails_does_no_harm(code, tmp_path, monkeypatch):
    code()
    (path,) = kept(tmp_path)
    monkeypatch.delenv("HARM", raising=False)
    path.write_bytes(path.read_bytes()[:32] + pickle.dumps(Harmful()))
    assert code() == (6, False) and "HARM" not in os.environ
    monkeypatch.setenv("HARM", "none")  # so that it is as before after the test
    path.write_bytes(jit.seal(path, pickle.dumps(Harmful())) + pickle.dumps(Harmful()))
    assert code() == (6, False) and os.environ["HARM"] == "done"


def test_where_nothing_can_be_written_any_more_the_function_works(code, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    for name in ("replace", "open"):
        with monkeypatch.context() as patched:
            patched.setattr(os, name, full)
            assert code() == (6, False)
    assert kept(tmp_path) == []


# -- stale code


def test_code_follows_from_the_constants_of_other_modules(code, tmp_path):
    code()
    (tmp_path / "numbers.py").write_text("FACTOR = 5\n")
    assert code() == (15, False)
    (tmp_path / "numbers.py").write_text(NUMBERS)
    assert code() == (6, True)


@pytest.mark.parametrize("line", [
    "from lstm.other_of_a_test import A",
    "from lstm import kernels, other_of_a_test as other",
    "from lstm import (\n    kernels,\n    other_of_a_test,\n)",
    "import sys, lstm.other_of_a_test",
    "try:\n    import lstm.other_of_a_test\nexcept ImportError:\n    pass",
])
def test_code_follows_from_all_that_is_imported_in_whatever_way(tmp_path, monkeypatch, line):
    for name, text in (("some", f"import os\n{line}\nA = 1\n"), ("other", "from lstm.some_of_a_test import B\n")):
        module = ModuleType(f"lstm.{name}_of_a_test")
        module.__file__ = str(tmp_path / name)
        (tmp_path / name).write_text(text)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    used = jit.sources("lstm.some_of_a_test", {})
    assert used["lstm.some_of_a_test"].startswith("import os") and used["lstm.other_of_a_test"].startswith("from")


def test_what_the_kernels_call_is_among_what_their_code_follows_from():
    used = jit.sources("lstm.sampling_kernels", {})
    assert {f"lstm.{name}" for name in ("kernels", "engine.tile", "engine.barrier", "engine.jit")} < used.keys()
    assert used["lstm.kernels"] == Path(kernels.__file__).read_text(encoding="utf-8")


@pytest.mark.parametrize("change", ["a setting", "a version", "another processor"])
def test_code_follows_from_who_made_it_and_for_which_processor(code, monkeypatch, change):
    assert [code(), code()] == [(6, False), (6, True)]
    if change == "a setting":
        monkeypatch.setattr(jit.config, "BOUNDSCHECK", 1)
    elif change == "a version":
        monkeypatch.setattr(jit.np, "__version__", "99.0")
    else:
        monkeypatch.setattr(CPUCodegen, "magic_tuple", lambda self: ("another",))
    assert [code(), code()] == [(6, False), (6, True)]


def test_code_of_a_function_within_another_and_of_a_notebook_is_not_kept(code, tmp_path):
    def inner(x):
        return x

    assert jit.compiled(inner)(1) == 1
    inner.__qualname__, inner.__module__ = "cell", "not_there"
    assert jit.compiled(inner)(1) == 1
    assert kept(tmp_path) == []


PROGRAM = "import numpy, lstm.kernels as k; print(float(k.sigmoid(numpy.float32(0))), k.sigmoid.stats.cache_hits)"


@pytest.mark.slow
@pytest.mark.parametrize("where", ["read-only checkouts", "checkouts that share NUMBA_CACHE_DIR", "a zip file"])
def test_an_edit_or_an_update_never_meets_stale_code(tmp_path, where):
    def answer(place):
        if where == "a zip file":
            shutil.make_archive(tmp_path / "code", "zip", place)
            place = tmp_path / "code.zip"
        environment = os.environ | {"HOME": str(tmp_path), "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
        environment["NUMBA_CACHE_DIR"] = str(tmp_path / "cache") if "share" in where else ""
        command = [sys.executable, "-c", PROGRAM]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
        assert done.stderr == ""
        value, hits = done.stdout.split(maxsplit=1)
        return float(value), hits != "Counter()\n"

    for name, other in (("mine", ""), ("theirs", " + type(x)(1)")):
        shutil.copytree(ROOT / "lstm", tmp_path / name / "lstm", ignore=shutil.ignore_patterns("__pycache__"))
        if where == "read-only checkouts":
            (tmp_path / name / "lstm" / "__pycache__").write_text("")  # which stops the superuser too
        path = tmp_path / name / "lstm" / "kernels.py"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("tanh(half * x) + half\n", f"tanh(half * x) + half{other}\n"), encoding="utf-8")
    assert [answer(tmp_path / "mine") for _ in range(2)] == [(0.5, False), (0.5, True)]
    assert [answer(tmp_path / "theirs") for _ in range(2)] == [(1.5, False), (1.5, True)]
    assert answer(tmp_path / "mine") == (0.5, True)
    path = tmp_path / "mine" / "lstm" / "engine" / "tile.py"  # which sigmoid's module imports
    path.write_text(path.read_text(encoding="utf-8") + "# edited\n", encoding="utf-8")
    assert answer(tmp_path / "mine") == (0.5, False)


# -- who else could have written it


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """The places where compiled code may be kept, in order."""
    monkeypatch.setattr(jit.config, "CACHE_DIR", str(tmp_path / "asked"))
    monkeypatch.setattr(jit, "PACKAGE", tmp_path / "package")
    monkeypatch.setenv("HOME", str(tmp_path / "home")), monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    places = tmp_path / "asked", tmp_path / "package" / "__pycache__", tmp_path / "home" / ".cache" / "lstm"
    return [place / "lstm-compiled" for place in places]


def test_code_is_kept_in_the_first_place_where_files_can_be_made(folders, capsys):
    for n, folder in enumerate(folders):
        assert jit.cache_folder() == folder
        folder.rmdir()
        folder.write_text("a file")
        assert capsys.readouterr().err == ""
    assert jit.cache_folder() is None
    assert capsys.readouterr().err.startswith("compiled code cannot be kept, so each start takes some seconds more; ")


@posix
@pytest.mark.parametrize("way", ["its group may write", "a link", "of another user", "no owners or modes there"])
def test_a_folder_where_others_could_put_code_is_not_used(folders, monkeypatch, way, tmp_path):
    first, second, _ = folders
    if way == "a link":
        (tmp_path / "trap").mkdir(mode=0o700)
        first.parent.mkdir()
        first.symlink_to(tmp_path / "trap")
    elif way == "its group may write":
        first.mkdir(parents=True)
        first.chmod(0o770)
    elif way == "of another user":
        first.mkdir(parents=True, mode=0o700)
        is_mine, inode = jit.is_mine, first.stat().st_ino
        monkeypatch.setattr(jit, "is_mine", lambda status, *kind: status.st_ino != inode and is_mine(status, *kind))
    else:  # as where a drive of Windows is mounted in Linux
        is_mine = jit.is_mine
        monkeypatch.setattr(jit, "is_mine", lambda status, *kind: bool(kind) and is_mine(status, *kind))
        assert jit.cache_folder() is None
        return
    assert jit.cache_folder() == second


@posix
@pytest.mark.parametrize("mode, owner, mine", [
    (0o600, 7, True), (0o644, 7, True), (0o644, 0, True), (0o644, 8, False), (0o664, 7, False), (0o606, 0, False),
])
def test_mine_is_what_i_or_the_administrator_alone_could_have_written(monkeypatch, mode, owner, mine):
    monkeypatch.setattr(os, "geteuid", lambda: 7)
    assert jit.is_mine(SimpleNamespace(st_mode=stat.S_IFREG | mode, st_uid=owner)) is mine
    assert not jit.is_mine(SimpleNamespace(st_mode=stat.S_IFIFO | mode, st_uid=owner))


# -- a command over a damaged cache


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="links and modes of POSIX")
def test_sample_py_over_36_damages_says_and_writes_what_it_did_before(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, ROOT / "sample.py", "--length", "20", "--random-seed", "1"]

    def result():
        done = subprocess.run(command, env=environment, capture_output=True, timeout=120)
        return done.returncode, done.stdout, done.stderr

    whole, files = result(), sorted((tmp_path / "lstm-compiled").iterdir())
    assert whole[0] == 0 and len(files) >= 5
    for n, (name, damage) in zip(range(36), itertools.cycle(DAMAGES.items())):
        damage(files[n % len(files)])
        assert result() == whole, (n, name, files[n % len(files)])
    assert sorted((tmp_path / "lstm-compiled").iterdir()) == files
