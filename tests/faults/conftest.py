"""How many faults, and the table of them, which is printed in the end."""

import datetime
import os

import pytest
from faults import files
from faults.runs import Training
from faults.table import Table
from faults.worker import Worker

TABLE = Table()
if os.name != "posix":
    collect_ignore_glob = ["test_*.py"]  # they need signals and limits of POSIX


def pytest_addoption(parser):
    parser.addoption("--faults", choices=["ci", "full"], default="ci", help="how many faults are injected")
    parser.addoption("--faults-seed", type=int, help="of what is drawn (1; with --faults full the number of the day)")


def pytest_terminal_summary(terminalreporter, config):
    if TABLE.rows:
        terminalreporter.section(f"faults, seed {seed_of(config)}")
        terminalreporter.write_line(str(TABLE))


def is_full(config):
    return config.getoption("--faults", "ci") == "full"


def seed_of(config):
    seed = config.getoption("--faults-seed", None)
    return seed if seed is not None else datetime.date.today().toordinal() if is_full(config) else 1


@pytest.fixture(scope="session")
def table():
    return TABLE


@pytest.fixture(scope="session")
def size(request):
    """A function: so many in CI, so many at night."""
    return lambda ci, full: full if is_full(request.config) else ci


@pytest.fixture(scope="session")
def seed(request):
    return seed_of(request.config)


@pytest.fixture(scope="module")
def worker():
    worker = Worker()
    yield worker
    worker.end()


@pytest.fixture(scope="session")
def originals(tmp_path_factory):
    """A directory of files as they should be: a run, and weights of ours and of Keras. No test writes there."""
    directory = tmp_path_factory.mktemp("files")
    training = Training(directory)
    training.go_on()
    files.write_all(directory, training)
    return directory
