"""Listen to what happens in a running legmon, from a Python program of your own."""

import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from legmon.app.folders import own_folder
from legmon.errors import LegmonError

log = logging.getLogger(__name__)

FIRST_S: Final = 0.2
LONGEST_S: Final = 10.0
REFUSED: Final = {401, 403}


def listen(url: str, token: str | None = None, *, after: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield a message for each thing that happens, without end. After a lost connection it goes on where it was.

    Parameters
    ----------
    url : str
        The address of the pages, as ``http://127.0.0.1:8731``.
    token : str, optional
        What ``legmon token`` prints. Without it the environment's ``LEGMON_TOKEN`` counts, then the token of the data folder
        (``LEGMON_DATA``, or the default one).
    after : int, optional
        ``seq`` of the last message that you have. Without it only what happens from now on follows.

    Yields
    ------
    dict
        One message, as ``docs/events.md`` describes it. Times are Unix seconds, durations seconds. The first one of each
        connection has the type ``hello``; its ``missed`` says whether messages were lost.

    Raises
    ------
    LegmonError
        If no token is found, the token is refused, or nothing answers at the address at first.

    Examples
    --------
    >>> for message in legmon.listen("http://127.0.0.1:8731"):  # doctest: +SKIP
    ...     print(message["type"], message["seq"])
    """
    address = f"ws{url.rstrip('/').removeprefix('http')}/api/v1/events"
    headers = {"Authorization": f"Bearer {token or _token()}"}
    wait = FIRST_S
    has_connected = False
    while True:
        try:
            with connect(
                address if after is None else f"{address}?after={after}",
                additional_headers=headers,
                proxy=None,
            ) as socket:
                has_connected, wait = True, FIRST_S
                for message in _messages(socket):
                    yield message
                    after = message["seq"]
        except InvalidStatus as e:
            if e.response.status_code in REFUSED:
                raise LegmonError(f"{url} refused the token; `legmon token` prints the right one") from e
            log.info("%s: %s", url, e)
        except (ConnectionClosed, InvalidHandshake, OSError, TimeoutError) as e:
            if not has_connected:
                raise LegmonError(f"nothing answers at {url}; start legmon first ({e})") from e
            log.info("%s: %s", url, e)
        time.sleep(wait)
        wait = min(2 * wait, LONGEST_S)


def _messages(socket: ClientConnection) -> Iterator[dict[str, Any]]:
    for text in socket:
        yield json.loads(text)


def _token() -> str:
    if token := os.environ.get("LEGMON_TOKEN"):
        return token
    from legmon.web import keys

    folder = Path(os.environ.get("LEGMON_DATA") or own_folder())
    if not folder.is_dir():
        raise LegmonError(f"{folder} does not exist; pass the token that `legmon token` prints")
    return keys.bearer_token(folder)
