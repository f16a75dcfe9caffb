"""What is built of the project: a wheel and a source distribution, where an earlier build left things behind.

The package in the wheel is called as users call it: from a folder that has nothing to do with the project.
"""

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
    assert {name for name in names if ".dist-info/" not in name} == modules | shipped | {"lstm/pretrained/README.md"}


def test_a_source_distribution_has_what_the_repository_has_and_nothing_of_a_users_run(dist):
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("this is no repository")
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert not set(tracked.stdout.splitlines()) - names
    assert not names.intersection(LEFT)
