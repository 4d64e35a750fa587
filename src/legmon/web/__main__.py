"""``python -m legmon.web``: started by ``legmon run`` and ``legmon demo``, not by hand."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import uvicorn

from legmon import __version__, logs
from legmon.catalog.store import Catalog
from legmon.errors import LegmonError
from legmon.web import keys
from legmon.web.app import create_app
from legmon.web.connections import Connections
from legmon.web.happening import HappeningFeed


def main() -> int:
    """Serve until standard input ends or a signal comes; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m legmon.web", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    os.umask(0o077)  # nights are private to this user
    logs.set_up(args.data, "dashboard", verbose=args.verbose, on_terminal=False)
    logging.getLogger("legmon.web").info("legmon %s shows the pages", __version__)
    try:
        catalog = Catalog(args.data)
    except LegmonError as e:
        return _fail(str(e), e.status)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", args.port))
    except OverflowError:
        return _fail(f"there is no port {args.port}; choose one from 1024 to 65535 with --port")
    except OSError as e:
        return _fail(
            f"port {args.port} cannot be used ({e.strerror}); end the other program or choose another with --port"
        )
    port = listener.getsockname()[1]
    app = create_app(catalog, port)
    connections = Connections()
    ended = threading.Event()
    threading.Thread(target=app.state.reports.fill, args=(ended,), daemon=True).start()
    server = uvicorn.Server(connections.config(app))
    asyncio.run(_serve(server, listener, args.data, connections, app.state.happenings))
    ended.set()
    return 0


async def _serve(
    server: uvicorn.Server,
    listener: socket.socket,
    folder: Path,
    connections: Connections,
    happenings: HappeningFeed,
) -> None:
    loop = asyncio.get_running_loop()
    watching = asyncio.create_task(connections.watch())
    ending: list[asyncio.Task[None]] = []

    def end() -> None:
        server.should_exit = True
        ending.append(loop.create_task(happenings.end()))

    def await_end_of_input() -> None:
        while os.read(0, 4096):  # not sys.stdin: its lock would abort the interpreter when it ends first
            pass
        loop.call_soon_threadsafe(end)

    threading.Thread(target=await_end_of_input, daemon=True).start()
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started and not serving.done():  # noqa: ASYNC110 (uvicorn has no event for this)
        await asyncio.sleep(0.01)
    for sig in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # on Windows the end of the input is what ends it
            loop.add_signal_handler(sig, end)
    pages = f"http://127.0.0.1:{listener.getsockname()[1]}"
    keys.announce(folder, pages)
    print(f"ready {pages}", flush=True)
    await serving
    await asyncio.gather(*ending)
    watching.cancel()


def _fail(message: str, status: int = 2) -> int:
    print(message, file=sys.stderr, flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
