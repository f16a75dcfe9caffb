"""What is built of the project: a wheel and a source distribution, where an earlier build left things behind.

The package in the wheel is called as users call it: from a folder that has nothing to do with the project.
"""

import configparser
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from commands import ROOT

pytestmark = pytest.mark.slow
PROGRAM = "from setuptools import build_meta as b; b.build_sdist('dist'); b.build_wheel('dist')"
LEFT = "build/lib/lstm/gone.py", "build/lib/lstm/pretrained/weights.1.h5", "model/weights.1.h5", "tests/__pycache__/a"
NOT_COPIED = ".git", ".venv", "build", "dist", "*.egg-info", "__pycache__"


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """The folder of both, built from a copy of the project that has files of an earlier build and of a user's run."""
    pytest.importorskip("setuptools", "77.0.1")  # of pyproject.toml; the extra `music` has an older one
    project = tmp_path_factory.mktemp("built") / "project"
    shutil.copytree(ROOT, project, ignore=shutil.ignore_patterns(*NOT_COPIED))
    sources = "artificial_music_generator.egg-info/SOURCES.txt"
    for name in (*LEFT, sources):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("\n".join(LEFT))  # which is a list of files too
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return project / "dist"


@pytest.fixture(scope="module")
def wheel(dist):
    """The names of the files in the wheel, and the folder where they are unpacked, as if installed."""
    (path,) = dist.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(dist / "site")
        return archive.namelist(), dist / "site"


def test_a_wheel_has_the_modules_and_the_weights_of_today(wheel):
    names, _ = wheel
    modules = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("lstm/**/*.py")}
    shipped = {f"lstm/pretrained/{path.name}" for path in ROOT.glob("model/pretrained/weights.*.h5")}
    texts = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("lstm/*.md")} | {"lstm/pretrained/README.md"}
    page = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("lstm/rendering/composer/*")}
    assert {name for name in names if ".dist-info/" not in name} == modules | shipped | texts | page


def test_a_source_distribution_has_what_the_repository_has_and_nothing_of_a_users_run(dist):
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("this is no repository")
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert not set(tracked.stdout.splitlines()) - names
    assert not names.intersection(LEFT)


# -- the package in the wheel, in an empty folder


@pytest.fixture
def typed(wheel, tmp_path):
    """Run Python there: (status, standard output, standard error)."""
    environment = os.environ | {"PYTHONPATH": str(wheel[1])}

    def run(*arguments):
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert str(ROOT) not in done.stdout + done.stderr
        return done.returncode, done.stdout, done.stderr

    return run


def test_the_installed_package_composes_with_the_weights_that_ship(typed, tmp_path):
    status, out, err = typed("-m", "lstm.compose", "--length", 30, "--random-seed", 1)
    assert status == 0 and re.match(r"X:\d+\nT:", out) and "those that ship: weights" in err
    assert not list(tmp_path.iterdir())


def test_the_installed_package_trains_evaluates_composes_and_exports(typed, tmp_path):
    (tmp_path / "plain.txt").write_text("the cat sat on the mat\n" * 100)
    sizes = ["--preset", "tiny", "--units", 16, "--epochs", 2]
    status, out, err = typed("-m", "lstm.train", "--input", "plain.txt", *sizes)
    assert status == 0, err
    assert re.search(r"to hear what it learnt: python -m lstm\.compose \d\n$", out)
    assert (tmp_path / "model" / "weights.2.h5").is_file() and (tmp_path / "logs" / "training_log.csv").is_file()
    status, out, err = typed("-m", "lstm.compose", "best", "--length", 20)
    assert status == 0 and len(out) == 20, err
    status, out, err = typed("-m", "lstm.evaluate", "--input", "plain.txt")
    assert status == 0 and "LSTM" in out and (tmp_path / "logs" / "evaluation" / "evaluation.json").is_file(), err
    status, out, err = typed("-m", "lstm.export", "best", "model.npz")
    assert status == 0 and (tmp_path / "model.npz").is_file(), err


@pytest.mark.parametrize("name, required", [("train", "--input PATH is missing"), ("evaluate", "required: --input")])
def test_what_the_installed_package_has_no_tunes_for_needs_some(typed, tmp_path, name, required):
    status, out, err = typed("-m", f"lstm.{name}")
    assert (status, out, err.count("\n")) == (2, "", 1) and required in err
    assert "data/" not in typed("-m", f"lstm.{name}", "--help")[1]


def test_the_installed_package_names_the_commands_that_are_there(typed, tmp_path):
    status, out, err = typed("-m", "lstm.compose", "--model-dir", "nowhere")
    assert (status, out) == (2, "") and err.endswith("; python -m lstm.train makes some\n")
    for name in ("card", "compose", "evaluate", "explore", "export", "gradcheck", "page", "train"):
        status, out, err = typed("-m", f"lstm.{name}", "--help")
        assert status == 0 and not re.search(r"\w\.py\b|\.\[", out)


def test_the_installed_package_has_what_the_page_is_made_of(typed, tmp_path):
    status, out, err = typed("-m", "lstm.page", "--out", str(tmp_path / "composer.html"))
    assert (status, out) == (0, "") and "MB" in err and (tmp_path / "composer.html").stat().st_size > 10**6


@pytest.mark.parametrize("extra", ["music", "exchange", "data", "explore"])
def test_a_hint_of_the_installed_package_names_the_packages_of_an_extra_and_never_its_own(typed, extra):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    packages = [re.split("[=>]", line)[0] for line in setup["options.extras_require"][extra].split()]
    program = "from lstm.io.places import how_to_install; print(how_to_install('library', {!r}))"
    assert typed("-c", program.format(extra))[1].split() == ["python", "-m", "pip", "install", *packages]
    assert typed("-c", program.format(None))[1] == "python -m pip install library\n"
