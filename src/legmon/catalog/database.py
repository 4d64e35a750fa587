"""Open a catalog's file, bring its tables to the newest version, and name the reason when SQLite refuses."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError

from legmon.messages import CatalogFault

HEAD = "0002"
"""The newest migration. A catalog at this version needs no alembic, which is slow to import."""


class LaterError(Exception):
    """A later version of the program made the tables."""


_BY_CODE = {
    sqlite3.SQLITE_BUSY: CatalogFault.BUSY,
    sqlite3.SQLITE_LOCKED: CatalogFault.BUSY,
    sqlite3.SQLITE_FULL: CatalogFault.FULL,
    sqlite3.SQLITE_READONLY: CatalogFault.READ_ONLY,
    sqlite3.SQLITE_PERM: CatalogFault.READ_ONLY,
    sqlite3.SQLITE_IOERR: CatalogFault.FAILS,
    sqlite3.SQLITE_CANTOPEN: CatalogFault.FAILS,
    sqlite3.SQLITE_CORRUPT: CatalogFault.DAMAGED,
    sqlite3.SQLITE_NOTADB: CatalogFault.DAMAGED,
}


PASSING = {CatalogFault.BUSY, CatalogFault.FULL, CatalogFault.FAILS}
"""Faults that may be over soon; the file itself is in order."""


def catalog_fault(error: DBAPIError) -> CatalogFault:
    """Return the fault that an error code of SQLite stands for."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return CatalogFault.OTHER if code is None else _BY_CODE.get(code & 0xFF, CatalogFault.OTHER)


def open_database(file: Path, *, lasting: bool = False, wait_ms: int = 5000) -> Engine:
    """Open the file. Writers wait for one another, and a crash of the program loses no transaction.

    Parameters
    ----------
    file : Path
        The catalog's file.
    lasting : bool
        Whether a power cut must not lose a transaction either. Each transaction then waits for the disk.
    wait_ms : int
        How long a writer waits for another one, ms.
    """
    engine = create_engine(URL.create("sqlite", database=str(file)), poolclass=NullPool if lasting else None)
    synchronous = "FULL" if lasting else "NORMAL"

    def set_up(connection: Any, _: Any) -> None:
        for line in (
            f"busy_timeout={wait_ms}",
            "journal_mode=WAL",
            f"synchronous={synchronous}",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {line}")

    event.listen(engine, "connect", set_up)
    return engine


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest version, all of them in one transaction.

    Raises
    ------
    sqlalchemy.exc.DatabaseError
        If SQLite refuses; `catalog_fault` names the reason.
    LaterError
        If a later version of the program made the tables.
    """
    with engine.connect() as c:
        if _version(c) == HEAD:
            return
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    with engine.begin() as c:
        c.exec_driver_sql("BEGIN IMMEDIATE")
        if _version(c) == HEAD:  # another process has already updated it
            return
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = c
        try:
            command.upgrade(config, "head")
        except CommandError as e:  # a revision it does not know
            raise LaterError from e


def _version(c: Connection) -> str | None:
    try:
        found: str | None = c.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except OperationalError as e:
        if catalog_fault(e) is CatalogFault.OTHER:  # no such table: a new file
            return None
        raise
    return found
