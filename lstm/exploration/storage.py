"""Where a study is kept: in a journal, a file that survives a kill and works on a shared disk; or in a database.

Optuna writes both. What goes wrong with them becomes one line, in which no password stands.
"""

import json
import os
from contextlib import contextmanager, suppress
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
DRIVERS = {"postgresql": "psycopg2-binary", "mysql": "pymysql"}  # the usual ones


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
    with plainly_of_database(url):
        address = sqlalchemy.engine.make_url(url)
        kind = address.get_backend_name()
        options = {"pool_pre_ping": True}  # because hours may lie between two questions
        if kind in DRIVERS:
            options["connect_args"] = {"connect_timeout": WAIT}
        return optuna.storages.RDBStorage(url, engine_kwargs=options)


@contextmanager
def plainly_of_database(place):
    """Turn the errors of a storage into one line."""
    try:
        yield
    except ImportError as error:
        driver = next((name for kind, name in DRIVERS.items() if place.startswith(kind)), "the database's driver")
        cause = error.__cause__ or error
        missing = getattr(cause, "name", None) or "the driver"
        raise InputError(f"--storage {hidden(place)}: {missing} is not installed; "
                         f"install it with  {how_to_install(driver)}") from None
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        cause = getattr(error.__cause__ or error, "orig", None) or error.__cause__ or error
        said = " ".join(str(cause).split("(Background on")[0].split())
        with suppress(Exception):
            password = sqlalchemy.engine.make_url(place).password
            said = said.replace(str(password), "***") if password else said
        raise InputError(f"--storage {hidden(place)}: {said[:300]}; check the address, the user and the "
                         "server; nothing that was told to the study is lost") from None


def hidden(place):
    """A place as it may be shown: without a password."""
    if "://" not in place:
        return shown(place)
    try:
        return sqlalchemy.engine.make_url(place).render_as_string(hide_password=True)
    except sqlalchemy.exc.ArgumentError:
        return f"{place.partition('://')[0]}://.."
