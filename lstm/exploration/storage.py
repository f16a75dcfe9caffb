"""Where a study is kept: in a journal, a file that survives a kill and works on a shared disk; or in a database.

Optuna writes both. What goes wrong with them becomes one line, in which no password stands.
"""

import json
import os
import time
from contextlib import contextmanager
from pathlib import Path

from lstm.io import InputError
from lstm.io.files import make_directory, said_plainly
from lstm.io.places import how_to_install, shown

try:
    import optuna
    import sqlalchemy
except ImportError:
    optuna = sqlalchemy = None

WAIT = 10  # seconds for a server to answer
MOST = 300  # characters of what a server says
DRIVERS = {  # module of a driver, as SQLAlchemy calls it: the package that has it
    "psycopg2": "psycopg2-binary",
    "psycopg": '"psycopg[binary]"',
    "mysqldb": "mysqlclient",
    "pymysql": "pymysql",
}


def check_installed():
    """Raise InputError where Optuna is missing."""
    if optuna is None:
        raise InputError(f"Optuna leads the search; install it with  {how_to_install('optuna', 'explore')}")
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def open_storage(place):
    """Optuna's storage at a path of a journal or a URL of a database. Raises InputError where there can be none."""
    return database(place) if "://" in place else journal(Path(place))


def journal(path):
    """The storage in a journal, which is made where it is missing."""
    make_directory(path.parent)
    lock = optuna.storages.journal.JournalFileOpenLock(str(path))
    with said_plainly("write", path):
        if os.path.exists(path):
            mend(path, lock)
        return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path), lock))


def mend(path, lock):
    """Take off the end of a journal that a power cut has torn. Raises InputError for a file that is no journal."""
    with open(path, "rb") as file:
        first = file.readline(10**6)
    try:
        is_journal = not first or "op_code" in json.loads(first)
    except ValueError:
        is_journal = False
    if not is_journal:
        raise InputError(f"{shown(path)} is no journal of a search; name another file with --storage")
    lock.acquire()
    try:
        with open(path, "r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)
    finally:
        lock.release()


def database(url):
    """The storage in a database."""
    with said_plainly_of(url):
        options = {"pool_pre_ping": True}  # because hours may lie between two questions
        if address_of(url).get_driver_name() in DRIVERS:
            options["connect_args"] = {"connect_timeout": WAIT}
        try:
            return optuna.storages.RDBStorage(url, engine_kwargs=options)
        except (sqlalchemy.exc.IntegrityError, sqlalchemy.exc.ProgrammingError):
            time.sleep(1)  # another worker has made the same tables just now
            return optuna.storages.RDBStorage(url, engine_kwargs=options)


def address_of(url):
    """The parts of a URL. Raises InputError, without them, where it is none: which part is a password, nobody knows."""
    try:
        return sqlalchemy.engine.make_url(url)
    except (ValueError, sqlalchemy.exc.ArgumentError):
        kind = url.partition("://")[0]
        raise InputError(f"--storage {kind}://.. is no address of a database; an example is "
                         "postgresql+psycopg2://user:password@host:5432/name") from None


@contextmanager
def said_plainly_of(place):
    """Turn the errors of a storage into one line, without a password."""
    try:
        yield
    except ImportError as error:
        driver = getattr(error.__cause__ or error, "name", None) or str(error)
        package = DRIVERS.get(driver.lower(), driver)
        raise InputError(f"--storage {hidden(place)} needs the driver {driver}; "
                         f"install it with  {how_to_install(package)}") from None
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        said = getattr(error.__cause__ or error, "orig", None) or error.__cause__ or error
        said = " ".join(str(said).partition("(Background on")[0].split())
        if password := address_of(place).password:
            said = said.replace(str(password), "***")
        raise InputError(f"--storage {hidden(place)}: {said[:MOST]}; check the address, the user and the server; "
                         "what the study has been told is not lost") from None


def hidden(place):
    """A place as it may be shown: without a password."""
    return address_of(place).render_as_string(hide_password=True) if "://" in place else shown(place)
