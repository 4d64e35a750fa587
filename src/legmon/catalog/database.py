"""Open a catalog's file, recognise its tables, bring them to the newest version, and name the reason when SQLite refuses."""

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from legmon.catalog.models import Base
from legmon.messages import CatalogFault

HEAD = "0006"
"""The newest migration."""

SCHEMAS = {
    "0001": "5ba22c24dc657fda",
    "0002": "69a4722460ada2e1",
    "0003": "b596f80034468604",
    "0004": "062dfad72edbb5f2",
    "0005": "89f3c2af20f1a9a4",
    "0006": "8616925299eac1e5",
}
"""The fingerprint of the tables after each migration. A migration that has landed is never edited."""

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

WAIT_S = 5.0
"""How long one writer waits for another one."""


def fault_of(error: BaseException | None) -> CatalogFault:
    """Return the fault that an error of SQLite stands for."""
    code = getattr(error, "sqlite_errorcode", None)
    return CatalogFault.OTHER if code is None else _BY_CODE.get(code & 0xFF, CatalogFault.OTHER)


def catalog_fault(error: DBAPIError) -> CatalogFault:
    """Return the fault that an error of SQLAlchemy stands for."""
    return fault_of(error.orig)


def open_database(file: Path, *, lasting: bool = False, wait_ms: int = round(WAIT_S * 1000)) -> Engine:
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
    engine = create_engine(
        URL.create("sqlite", database=str(file)),
        poolclass=NullPool if lasting else None,
        hide_parameters=True,  # an error must not carry what a person wrote into a log
    )
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


# what a file is

Kind = Literal["missing", "empty", "ours", "later", "unknown", "foreign", "damaged"]


class Contents(NamedTuple):
    """What the file of a catalog holds.

    Parameters
    ----------
    kind : str
        "ours" has the tables of a version in `SCHEMAS`. "unknown" was made by legmon with tables of another version. "later"
        was made by a later version. "foreign" is a database of another program.
    version : str
        The version of the tables; empty if it is not known.
    """

    kind: Kind
    version: str = ""


@contextlib.contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a file for reading alone, and close it."""
    c = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=WAIT_S)
    c.text_factory = lambda data: data.decode("utf-8", "replace")
    try:
        yield c
    finally:
        c.close()


def contents(file: Path, *, whole: bool = False) -> Contents:
    """Return what a file holds, by its tables and not by the version that it names. Nothing is changed.

    Parameters
    ----------
    file : Path
        The catalog's file.
    whole : bool
        Whether to check every page of it for damage.

    Raises
    ------
    sqlite3.Error
        If it cannot be read at the moment.
    """
    try:
        if not file.stat().st_size:
            return Contents("empty")
    except (FileNotFoundError, NotADirectoryError):
        return Contents("missing")
    try:
        with reading(file) as c:
            if whole and c.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                return Contents("damaged")
            columns = table_columns(c)
            if not columns:
                return Contents("empty")
            named = _version(c)
    except UnicodeDecodeError:  # SQLite names what is malformed, in the bytes of the file
        return Contents("damaged")
    except sqlite3.Error as e:
        if fault_of(e) is CatalogFault.DAMAGED:
            return Contents("damaged")
        raise
    if named is not None and named not in SCHEMAS:
        return Contents("later")
    tables = fingerprint(columns)
    for version, known in SCHEMAS.items():
        if tables == known:
            return Contents("ours", version)
    if named == HEAD and columns >= HEAD_COLUMNS:  # another program added tables or columns of its own
        return Contents("ours", HEAD)
    return Contents("foreign" if named is None else "unknown")


def table_columns(c: sqlite3.Connection) -> frozenset[str]:
    """Return the columns of a database, each as ``table.column``."""
    query = (
        "SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p"
        " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY 1, 2"
    )
    return frozenset(f"{table}.{column}" for table, column in c.execute(query))


def fingerprint(columns: Iterable[str]) -> str:
    """Return a digest of the tables and columns of a database."""
    return hashlib.sha256("\n".join(sorted(columns)).encode()).hexdigest()[:16]


HEAD_COLUMNS = frozenset(f"{t.name}.{c.name}" for t in Base.metadata.tables.values() for c in t.columns)
"""The columns of the newest version."""


def _version(c: sqlite3.Connection) -> str | None:
    try:
        row = c.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as e:
        if fault_of(e) is CatalogFault.OTHER:  # no such table
            return None
        raise
    return str(row[0]) if row else None


# what is done with it


def migrate(engine: Engine, version: str, at_last: Callable[[Connection], None] | None = None) -> None:
    """Bring the tables to the newest version, all of them in one transaction.

    Parameters
    ----------
    engine : Engine
        The database.
    version : str
        The version of its tables; empty if it has none.
    at_last : callable, optional
        Called before the transaction is committed. If it raises, nothing has changed.

    Raises
    ------
    sqlalchemy.exc.DatabaseError
        If SQLite refuses; `catalog_fault` names the reason.
    """
    from alembic import command
    from alembic.config import Config

    with engine.begin() as c:
        c.exec_driver_sql("BEGIN IMMEDIATE")
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = c
        if version:
            _name_version(c, version)
        command.upgrade(config, "head")
        if at_last is not None:
            at_last(c)


def _name_version(c: Connection, version: str) -> None:
    """Write the version of the tables where Alembic looks for it; an earlier program may have named another one."""
    c.exec_driver_sql(
        "CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"
    )
    c.exec_driver_sql("DELETE FROM alembic_version")
    c.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (version,))


def copy_database(file: Path, to: Path) -> None:
    """Copy a database as it is at one moment, also while others write to it. `to` appears whole or not at all.

    Raises
    ------
    sqlite3.Error, OSError
        If it cannot be read or written.
    """
    new = to.with_name(to.name + ".new")
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        with reading(file) as source, contextlib.closing(sqlite3.connect(new)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")
        new.replace(to)
    finally:
        new.unlink(missing_ok=True)


def set_aside(path: Path, why: str = "damaged") -> Path:
    """Keep a file under another name, which tells why and when, and return that name.

    The files that SQLite keeps beside a database move with it.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    name, n = f"{path.stem}.{why}-{stamp}", 1
    while (place := path.with_name(f"{name}{f'-{n}' if n > 1 else ''}{path.suffix}")).exists():
        n += 1
    for end in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + end).replace(place.with_name(place.name + end))
    return place
