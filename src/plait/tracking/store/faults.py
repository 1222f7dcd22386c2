"""What is wrong with a tracking store: whether waiting helps, and if not, what does."""

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from plait.errors import UserError
from plait.json_types import Values
from plait.tracking.store.backend import without_credentials

if TYPE_CHECKING:
    from sqlalchemy import URL

REFUSALS = ("UNAUTHENTICATED", "PERMISSION_DENIED", "CUSTOMER_UNAUTHORIZED")
"""Error codes of a server that will say the same again."""

PASSING = (
    *("TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR", "INVALID_STATE", "DEADLINE_EXCEEDED"),
    *("REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED", "RESOURCE_CONFLICT", "ABORTED"),
    "RESOURCE_ALREADY_EXISTS",
)
"""Error codes of a server that is in trouble, or of two that write the same: ask again."""

LATER = (408, 425, 429)
"""The HTTP statuses for faults of the client that only ask for patience."""

ANOTHER_WRITER = "must be in the 'active' state"
"""Said of a run, or an experiment, that has been deleted since it was found: look for it again."""

SAME_ROW = "UniqueViolation|UNIQUE constraint failed|Duplicate entry|Violation of PRIMARY KEY"
"""What PostgreSQL, SQLite, MySQL and SQL Server say of a row that is there already."""

DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
"""Schemes of addresses of databases that MLflow takes."""


class StoreUnavailable(UserError):
    """The tracking store does not answer; it may do so again in a while."""


class StoreBroken(UserError):
    """The tracking store will not work until somebody mends it, or the address of it."""


def check_own(database: Path) -> None:
    """Find what would keep MLflow from working on the checkout's database, in milliseconds.

    MLflow itself tries to open such a database for minutes. Imports nothing heavy.

    :raises StoreBroken: if waiting does not help.
    """
    store = f"the tracking store {database}"
    folder = next(path for path in database.parents if path.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StoreBroken(f"{store} can't be written: no permission in {folder}")
    if not database.exists():
        return
    try:
        with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
            _check(connection, store)
    except sqlite3.Error as error:
        if not _is_passing(error):
            raise StoreBroken(f"{store} {_said_of_database(error, str(database))}") from error


def check_address(address: str) -> None:
    """The same for a store that the configuration or the environment names.

    A database is asked; whether a server is there turns out when it is used.

    :raises StoreBroken: if waiting does not help.
    :raises StoreUnavailable: if it does.
    """
    store = f"the tracking store {without_credentials(address)}"
    from sqlalchemy import create_engine, make_url
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    try:
        if urlsplit(address).scheme.partition("+")[0] not in DATABASES:
            return
        url = make_url(address)
        if url.get_backend_name() == "sqlite":
            _check_database_of(url, store)
        else:
            create_engine(url, poolclass=NullPool).connect().close()
    except UserError:
        raise
    except (SQLAlchemyError, sqlite3.Error, ImportError) as error:
        raise in_words(error, address) from error
    except ValueError as error:
        raise StoreBroken(f"{store} has no valid address: {error}") from error


def in_words(error: BaseException, address: str) -> UserError:
    """What a store's error means for the user.

    :param address: of the store, as MLflow takes it.
    """
    store = f"the tracking store {without_credentials(address)}"
    reason = reason_of(error)
    for each in _causes(error):
        if isinstance(each, UserError):
            return each
        if isinstance(each, sqlite3.Error):
            if _is_passing(each):
                return StoreUnavailable(f"{store} does not answer:\n  {reason}")
            return StoreBroken(f"{store} {_said_of_database(each, address)}")
        if (fault := _fault(each, address)) is not None:
            return StoreBroken(f"{store} {fault}")
    code = vars(error).get("error_code")
    if others_write_the_same(error):
        return StoreUnavailable(f"{store} is being written by another process:\n  {reason}")
    if code in REFUSALS:
        return StoreBroken(f"{store} refuses: {reason}")
    if code in ("ENDPOINT_NOT_FOUND", "NOT_FOUND"):
        return StoreBroken(
            f"{store} is no MLflow server: there is no such path ({reason});\n"
            "  put tracking.uri, or the environment variable MLFLOW_TRACKING_URI, right"
        )
    if code is None or code in PASSING or ANOTHER_WRITER in str(error):
        return StoreUnavailable(f"{store} does not answer:\n  {reason}")
    return StoreBroken(f"{store} refuses: {reason}")


def others_write_the_same(error: BaseException) -> bool:
    """Whether a row was refused because another process had just written it: ask again.

    A server calls it a bad request, and says what its database said.
    """
    return any(re.search(SAME_ROW, str(each)) for each in _causes(error))


def reason_of(error: BaseException) -> str:
    """What a store's error says, in a line without credentials."""
    if vars(error).get("error_code") == "UNAUTHENTICATED":
        return (
            "valid credentials are missing; set MLFLOW_TRACKING_USERNAME and"
            " MLFLOW_TRACKING_PASSWORD"
        )
    return without_credentials(str(error)).strip().partition("\n")[0][:300]


def _check_database_of(url: "URL", store: str) -> None:
    given, options = url.get_dialect()().create_connect_args(url)
    # MLflow makes a folder that is missing, and a database in it: of a slip, another store.
    if given and given[0] and not given[0].startswith((":", "file:")):
        folder = Path(given[0]).absolute().parent
        if not folder.is_dir():
            raise StoreBroken(f"{store} can't be opened: there is no folder {folder}")
    how: Values = {**options, "timeout": 0.0, "isolation_level": None}
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect
    with closing(connect(*given, **how)) as connection:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            _check(connection, store)


def _check(connection: sqlite3.Connection, store: str) -> None:
    """:raises StoreBroken: for a database that the installed MLflow can't use."""
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if "alembic_version" not in tables:
        raise StoreBroken(
            f"{store} is a database, but not MLflow's; move it away, and a new one is made"
        )
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if row is not None and (newer := _is_newer(row[0])):
        raise StoreBroken(f"{store} {newer}")
    # What can't be written says so at the first change, though it is never made.
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"PRAGMA user_version = {version + 1}")
    connection.execute("ROLLBACK")


def _is_newer(revision: str) -> str | None:
    """What to say of a revision of the database's schema that the installed MLflow lacks."""
    package = find_spec("mlflow")
    assert package is not None
    assert package.submodule_search_locations
    from importlib.metadata import version

    migrations = Path(package.submodule_search_locations[0], "store", "db_migrations", "versions")
    if not migrations.is_dir() or any(migrations.glob(f"{revision}_*.py")):
        return None
    return (
        f"was written by a newer MLflow than {version('mlflow')}, which is installed"
        f" (it has the schema {revision});\n  install the version that wrote it"
    )


def _fault(error: BaseException, address: str) -> str | None:
    """What no waiting mends, among the errors that come from below MLflow."""
    from requests import exceptions as requests
    from sqlalchemy import exc as sqlalchemy

    text = str(error)
    if isinstance(error, requests.SSLError) and "CERTIFICATE" in text.upper():
        return f"can't be trusted: {reason_of(error)}"
    no_address = (requests.InvalidURL, requests.InvalidSchema, requests.MissingSchema)
    if isinstance(error, (*no_address, sqlalchemy.ArgumentError, sqlalchemy.NoSuchModuleError)):
        return f"has no valid address: {reason_of(error)}"
    answer = error.response if isinstance(error, requests.HTTPError) else None
    if answer is not None and 400 <= answer.status_code < 500 and answer.status_code not in LATER:
        return f"refuses: {reason_of(error)}"
    if isinstance(error, ImportError):
        return f"needs a package that is not installed: {reason_of(error)}"
    if isinstance(error, sqlalchemy.OperationalError) and re.search(
        "does not exist|authentication failed|no password supplied", text
    ):
        return f"refuses: {reason_of(error)}"
    if found := re.search(r"database schema \(found version (\w+)", text):
        return _is_newer(found[1]) or (
            "was written by an older MLflow; keep a copy of it, then run\n"
            f"  mlflow db upgrade '{without_credentials(address)}'"
        )
    if found := re.search("Can't locate revision identified by '(\\w+)'", text):
        return _is_newer(found[1]) or f"can't be brought up to date: {reason_of(error)}"
    not_found = "error_code" not in vars(error).get("json", {"error_code": ""}) and (
        "not found" in text.lower()
    )
    if not_found or "response body was not in a valid JSON format" in text:
        return (
            "is no MLflow server: something else answers there;\n"
            "  put tracking.uri, or the environment variable MLFLOW_TRACKING_URI, right"
        )
    return None


def _said_of_database(error: sqlite3.Error, where: str) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return "has no room: no space left on its disk"
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return "can't be written: it is read-only here, or its folder is"
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return (
            f"is damaged ({error}): put a copy of {where} back,\n"
            "  or move it away, and a new one is made"
        )
    return f"can't be used: {error}"


def _is_passing(error: sqlite3.Error) -> bool:
    """Whether another process has the database locked, or has just written the same."""
    if isinstance(error, sqlite3.IntegrityError):
        return True
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and those that it came from, which MLflow and SQLAlchemy wrap."""
    seen = [error]
    while seen:
        each = seen.pop()
        yield each
        inner = (vars(each).get("orig"), vars(each).get("message"), each.__cause__)
        seen += [other for other in (*inner, each.__context__) if isinstance(other, BaseException)]
