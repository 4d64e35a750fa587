"""Who may come in: the tokens of a data folder, in files that only its owner can read.

A browser comes in with a *ticket*: a token in the address that is valid once and for five minutes. It becomes a cookie, signed
with the folder's session key, so that the browser stays let in when legmon or the dashboard starts again. A program uses the
folder's *bearer token*. Nothing here is kept in a process: `legmon open` makes a ticket and the dashboard uses it.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path
from typing import Final

from legmon.errors import FailedError
from legmon.outside import read_outside
from legmon.recorder import presence
from legmon.recorder.presence import Presence

BEARER: Final = "token"
SESSION: Final = "session.key"
TICKETS: Final = "entry"
DASHBOARD: Final = "dashboard.json"
"""The file that names the dashboard's process and the address of its pages; it holds no token."""
TICKET_S: Final = 300
MOST_TICKETS: Final = 50
SESSION_S: Final = 400 * 86_400
"""Browsers keep no cookie longer than 400 days."""
BYTES: Final = 32
LONGEST: Final = 200
"""Bytes of a file that holds a secret or a time."""


def bearer_token(folder: Path, *, new: bool = False) -> str:
    """Return the token for programs; make it at first use, or another one.

    Raises
    ------
    FailedError
        If it cannot be written.
    """
    try:
        return _kept(folder / BEARER, new=new)
    except OSError as e:
        raise FailedError(
            f"no token can be kept in {folder} ({e.strerror}); check the disk and the permissions of the folder"
        ) from e


def has_bearer_token(folder: Path) -> bool:
    """Whether a token for programs was made."""
    return _read(folder / BEARER) is not None


def new_ticket(folder: Path) -> str:
    """Make a token that lets a browser in, once and within five minutes.

    Raises
    ------
    FailedError
        If it cannot be written.
    """
    ticket, now = secrets.token_urlsafe(BYTES), time.time()
    tickets = folder / TICKETS
    try:
        tickets.mkdir(mode=0o700, exist_ok=True)
        _write(tickets / _name(ticket), str(now))
        made = sorted(tickets.iterdir(), key=lambda f: f.stat().st_mtime, reverse=True)
    except OSError as e:
        raise FailedError(
            f"no address with a token can be made in {folder} ({e.strerror}); check the disk and the permissions of the folder"
        ) from e
    for number, old in enumerate(made):
        if number >= MOST_TICKETS or not _is_fresh(old, now):
            with contextlib.suppress(OSError):
                old.unlink()
    return ticket


def use_ticket(folder: Path, ticket: str) -> bool:
    """Whether a ticket is valid. It is not valid a second time, whoever asks: its file is removed, which succeeds once."""
    file = folder / TICKETS / _name(ticket)
    is_fresh = _is_fresh(file, time.time())
    try:
        file.unlink()
    except OSError:
        return False
    return is_fresh


def entrance(folder: Path, pages: str, page: str = "") -> str:
    """Return an address of the pages with a ticket.

    Parameters
    ----------
    folder : Path
        The data folder.
    pages : str
        The address of the pages, without a path.
    page : str
        The fragment that names a page, as `#/live`.
    """
    return f"{pages}/?token={new_ticket(folder)}{page}"


class Keys:
    """What the dashboard checks, for one data folder.

    Parameters
    ----------
    folder : Path
        The data folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._spare = secrets.token_urlsafe(BYTES)  # where the folder can only be read

    @property
    def cookie(self) -> str:
        """The name of the cookie: another one for each data folder, since all ports of 127.0.0.1 share their cookies."""
        return f"legmon-{hashlib.sha256(b'name ' + self._session_key()).hexdigest()[:12]}"

    def new_session(self) -> str:
        """Return the value of a new cookie."""
        issued = f"{int(time.time())}.{secrets.token_urlsafe(12)}"
        return f"{issued}.{self._signature(issued)}"

    def is_session(self, value: str) -> bool:
        """Whether a cookie is one of ours."""
        issued, _, signature = value.rpartition(".")
        at = issued.partition(".")[0]
        if not _same(signature, self._signature(issued)) or not at.isascii() or not at.isdigit():
            return False
        return time.time() - int(at) < SESSION_S

    def uses(self, ticket: str) -> bool:
        """Whether a ticket is valid; it is not valid a second time."""
        return use_ticket(self.folder, ticket)

    def is_bearer(self, token: str) -> bool:
        """Whether this is the token for programs."""
        kept = _read(self.folder / BEARER)
        return kept is not None and _same(token, kept)

    def _signature(self, text: str) -> str:
        return hmac.new(
            self._session_key(), b"session " + text.encode(errors="replace"), hashlib.sha256
        ).hexdigest()

    def _session_key(self) -> bytes:
        """Return the key that signs cookies. Whoever removes its file logs every browser out."""
        try:
            return _kept(self.folder / SESSION).encode()
        except OSError:
            return self._spare.encode()


# which dashboard runs


def announce(folder: Path, pages: str) -> None:
    """Write where the pages of this process are, for `legmon open`; and the session key, while there is room for it."""
    with contextlib.suppress(OSError):
        _kept(folder / SESSION)
    presence.write(folder / DASHBOARD, Presence.this().values() | {"pages": pages})


def pages_of(folder: Path) -> str | None:
    """Return the address of the pages that run on a data folder; None if there are none."""
    value = presence.read(folder / DASHBOARD)
    found = Presence.parse(value)
    return str(value.get("pages")) if found is not None and found.is_alive() else None


# files


def _name(ticket: str) -> str:
    """Return the name of a ticket's file, which does not tell the ticket."""
    return hashlib.sha256(ticket.encode(errors="replace")).hexdigest()


def _same(one: str, other: str) -> bool:
    """Whether two secrets are the same, in a time that does not depend on them."""
    return hmac.compare_digest(one.encode(errors="replace"), other.encode(errors="replace"))


def _is_fresh(file: Path, now: float) -> bool:
    try:
        return 0 <= now - float(_text(file)) + 1 <= TICKET_S + 1
    except (OSError, ValueError):
        return False


def _read(file: Path) -> str | None:
    try:
        text = _text(file)
    except (OSError, ValueError):
        return None
    return text if len(text) >= BYTES else None  # a shorter one is no secret


def _text(file: Path) -> str:
    return read_outside(file, LONGEST).decode("ascii").strip()


def _kept(file: Path, *, new: bool = False) -> str:
    """Return the secret of a file; make it if there is none. Two that make it at once agree on one."""
    if not new and (kept := _read(file)) is not None:
        return kept
    secret = secrets.token_urlsafe(BYTES)
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        _write(fresh, secret)
        if new or (file.exists() and _read(file) is None):
            fresh.replace(file)
        else:
            try:
                os.link(fresh, file)
            except FileExistsError:
                return _read(file) or secret
            except OSError:  # a file system without links
                fresh.replace(file)
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
    return secret


def _write(file: Path, text: str) -> None:
    """Write a file that only its owner can read, whatever the umask is."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(text)
        opened.flush()
        with contextlib.suppress(OSError):
            os.fsync(opened.fileno())
