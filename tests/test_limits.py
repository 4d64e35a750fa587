"""The limits of a dashboard: large, slow and many requests are cut off, and everybody else is served all the while."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from legmon.catalog.store import Catalog
from legmon.web import connections, sizes
from legmon.web.app import create_app
from legmon.web.connections import Connections
from tests.conftest import ROOT, let_in, until

QUICK_S = 0.4


@contextlib.contextmanager
def server(folder: Path, most: int = 40) -> Iterator[tuple[str, Connections]]:
    """A dashboard in this process, so that its limits can be made short."""
    folder.mkdir(exist_ok=True)
    catalog = Catalog(folder)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    held = Connections(most)
    running = uvicorn.Server(held.config(create_app(catalog, port)))
    running.install_signal_handlers = lambda: None  # type: ignore[attr-defined]

    async def serve() -> None:
        watching = asyncio.create_task(held.watch())
        await running.serve([listener])
        watching.cancel()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    until(lambda: running.started)
    try:
        yield f"http://127.0.0.1:{port}", held
    finally:
        running.should_exit = True
        thread.join(20)
        listener.close()
        catalog.close()
    assert not thread.is_alive()


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Connections, Path]]:
    for name in ("HEAD_S", "BODY_S", "UNREAD_S"):
        monkeypatch.setattr(connections, name, QUICK_S)
    monkeypatch.setattr(connections, "LOOK_S", 0.05)
    with server(tmp_path / "data") as (address, held):
        yield address, held, tmp_path / "data"


def connected(address: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=10)


def is_cut_off(client: socket.socket) -> bool:
    """Whether the server has ended the connection."""
    try:
        while client.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def head(address: str, line: str, *headers: str) -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", f"Host: {address[7:]}", *headers, "", ""]).encode()


def bearer(address: str, folder: Path) -> str:
    return f"Authorization: {let_in(address, folder)['Authorization']}"


def test_a_body_is_at_most_1_mb_whatever_it_says_of_itself(tmp_path: Path) -> None:
    with server(tmp_path / "data") as (address, _):
        url, headers = f"{address}/api/v1/settings", let_in(address, tmp_path / "data")
        large = b" " * (sizes.BODY_BYTES + 1)
        named = httpx.put(url, content=large, headers=headers)
        assert (named.status_code, named.json()["code"]) == (413, "too_large")
        in_chunks = httpx.put(url, content=iter([large[:600_000], large[600_000:]]), headers=headers)
        assert (in_chunks.status_code, in_chunks.json()["code"]) == (413, "too_large")
        just = b'{"theme": "night"}'.ljust(sizes.BODY_BYTES)
        assert (
            httpx.put(url, content=just, headers=headers | {"Content-Type": "application/json"}).status_code
            == 200
        )
        for name in ("-1", "1e9", "9" * 400):
            with connected(address) as client:
                client.sendall(
                    head(
                        address,
                        "PUT /api/v1/settings",
                        f"Content-Length: {name}",
                        bearer(address, tmp_path / "data"),
                    )
                )
                assert client.recv(12) in {b"HTTP/1.1 400", b"HTTP/1.1 413"}, name


def test_a_head_is_at_most_16_kb(tmp_path: Path) -> None:
    with server(tmp_path / "data") as (address, _), connected(address) as client:
        client.sendall(head(address, "GET /", *(f"X-{i}: {'y' * 1000}" for i in range(20))))
        assert client.recv(12) == b"HTTP/1.1 431"
        assert is_cut_off(client)
        with connected(address) as endless, contextlib.suppress(OSError):
            endless.sendall(b"GET / HTTP/1.1\r\nX: ")
            for _ in range(1000):
                endless.sendall(b"y" * 1000)
                time.sleep(0.001)
            pytest.fail("a head without an end is read")


@pytest.mark.parametrize("how", ["nothing", "half a head", "byte by byte", "half a body", "after an answer"])
def test_whoever_sends_too_slowly_is_cut_off(quick: tuple[str, Connections, Path], how: str) -> None:
    address, held, folder = quick
    with connected(address) as client:
        if how == "half a head":
            client.sendall(head(address, "GET /")[:-4])
        elif how == "byte by byte":
            with contextlib.suppress(OSError):
                for i in range(200):
                    client.sendall(head(address, "GET /" + "x" * 300)[i : i + 1])
                    time.sleep(0.02)
        elif how == "half a body":
            client.sendall(
                head(address, "PUT /api/v1/settings", "Content-Length: 50", bearer(address, folder))
            )
        elif how == "after an answer":
            client.sendall(head(address, "GET /"))
            client.recv(100)
            client.sendall(b"GET")
        assert is_cut_off(client)
    until(lambda: not held, 60, what="nothing is kept of it")


@pytest.mark.parametrize("path", ["/assets", "/api/v1/live"])
def test_whoever_never_reads_is_cut_off(
    quick: tuple[str, Connections, Path], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, held, folder = quick
    with connected(address) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        if path == "/assets":
            page = httpx.get(address).text
            path = page[page.index("/assets/") :].partition('"')[0]
            with contextlib.suppress(OSError):
                for _ in range(400):
                    client.sendall(head(address, f"GET {path}"))
        else:
            text = "x" * 3_000_000  # more than the system keeps for a connection
            monkeypatch.setattr("legmon.web.models.LiveStatus.model_dump_json", lambda _: text * 3)
            client.sendall(
                head(
                    address,
                    "GET /api/v1/live",
                    "Connection: Upgrade",
                    "Upgrade: websocket",
                    "Sec-WebSocket-Version: 13",
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                    bearer(address, folder),
                )
            )
        until(lambda: held, 60)
        until(lambda: not held, what="it is cut off")


def test_a_flood_makes_room_for_who_was_let_in(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with server(data, most=20) as (address, held), contextlib.ExitStack() as stack:
        owner = stack.enter_context(httpx.Client(base_url=address, headers=let_in(address, data)))
        owner.get("/api/v1/status").raise_for_status()
        flood = [stack.enter_context(connected(address)) for _ in range(100)]
        until(lambda: len(held) <= 20, 60)
        assert owner.get("/api/v1/status").status_code == 200, "the same connection goes on"
        assert httpx.get(f"{address}/api/v1/status", headers=let_in(address, data)).status_code == 200
        assert is_cut_off(flood[0]), "the oldest goes first"


def test_with_few_files_a_flood_leaves_no_traceback(tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows has no such limit")
    data = tmp_path / "data"
    data.mkdir()
    Catalog(data).close()
    limited = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)); "
        "sys.argv = sys.argv[1:]; runpy.run_module('legmon.web', run_name='__main__')"
    )
    command = [sys.executable, "-c", limited, "legmon.web", "--data", str(data), "--port", "0"]
    with (
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process,
        contextlib.ExitStack() as stack,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            address = process.stdout.readline().split()[1]
            for _ in range(400):
                client = stack.enter_context(connected(address))
                with contextlib.suppress(OSError):
                    client.sendall(b"GET / HT")
            for _ in range(5):
                answer = httpx.get(f"{address}/api/v1/status", headers=let_in(address, data))
                assert answer.status_code == 200
            if (files := Path(f"/proc/{process.pid}/fd")).exists():
                assert len(os.listdir(files)) < 200  # noqa: PTH208 (names alone)
        finally:
            process.stdin.close()
            assert process.wait(60) == 0
    log = (data / "logs" / "dashboard.log").read_text()
    assert "Traceback" not in log
    assert len(log) < 5000


def test_what_an_address_does_not_know_is_refused_with_what_it_knows(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with (
        server(data) as (address, _),
        httpx.Client(base_url=address, headers=let_in(address, data)) as http,
    ):
        for method, path, allow in (
            ("POST", "/api/v1/status", "GET"),
            ("DELETE", "/api/v1/settings", "GET, PUT"),
            ("POST", "/api/v1/nights/last", "GET, PATCH"),
            ("PUT", "/tonight.json", "GET"),
            ("POST", "/favicon.svg", "GET, HEAD"),
            ("PUT", "/", "GET, HEAD"),
        ):
            answer = http.request(method, path)
            assert (answer.status_code, answer.headers.get("allow")) == (405, allow), path
            assert answer.json()["code"] == "wrong_method"
            assert allow in answer.json()["detail"]


def test_every_problem_is_described(tmp_path: Path) -> None:
    described = json.loads((ROOT / "dashboard" / "openapi.json").read_text())
    assert described["security"] == [{"bearer": []}]
    operations = [o for methods in described["paths"].values() for o in methods.values()]
    assert len(operations) > 15
    for operation in operations:
        assert {"401", "403", "404", "405", "413", "422", "429", "503"} <= operation["responses"].keys()
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"]
