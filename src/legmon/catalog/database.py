"""Opens a catalog's file and brings its tables to the newest form."""

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError

HEAD = "0001"
"""The newest migration; a catalog at it needs no alembic, which takes a while to import."""


def open_database(file: Path) -> Engine:
    """Open the file; writers wait for one another, and a crash of the program loses no transaction."""
    engine = create_engine(URL.create("sqlite", database=str(file)))
    event.listen(engine, "connect", _pragmas)
    return engine


def _pragmas(connection: Any, _: Any) -> None:
    for line in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {line}")


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest form."""
    with engine.connect() as c:
        try:
            if c.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD:
                return
        except OperationalError:  # a new file
            c.rollback()
    from alembic import command
    from alembic.config import Config

    with engine.begin() as c:
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = c
        command.upgrade(config, "head")
