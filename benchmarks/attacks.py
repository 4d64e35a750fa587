"""The attack list, run while a night records: attempts and breaches by kind, and samples lost. All on this computer.

    uv run python -m benchmarks.attacks

It records over the simulated radio and runs for about three minutes. As root, it also tries what another user can do.
"""

import argparse
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.typing import Origin

from legmon.catalog.store import Catalog
from legmon.recording.files import read_segment
from legmon.recording.records import Samples
from legmon.web import keys
from tests.conftest import Running, let_in, sensor, started, until

NOBODY = 65_534
MORE_MB = 150.0
"""A dashboard that grows by more has a breach of its memory."""
OWNER_S = 5.0
"""An owner who waits longer was kept out."""
HOSTILE_NAME = "LegMon-[/b]<i>%s{x}"
OTHER_USER = """
import encodings.idna, http.client, json, os, socket, sys
folder, host, port, ticket, cookie, uid = sys.argv[1:]
os.setgroups([]); os.setgid(int(uid)); os.setuid(int(uid))
tried = []

def attempt(name, act):
    try:
        tried.append((name, bool(act())))
    except OSError:
        tried.append((name, False))

def ask(method, path, headers={}, body=None):
    c = http.client.HTTPConnection(host, int(port), timeout=20)
    c.request(method, path, body, headers)
    a = c.getresponse()
    return a.status < 300 or a.getheader("set-cookie")

files = "token session.key entry dashboard.json supervisor.json catalog.sqlite audit.jsonl nights logs .".split()
for file in files:
    path = os.path.join(folder, file)
    attempt("read " + file, lambda: os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1))
    attempt("write " + file, lambda: open(os.path.join(folder, file + ".x"), "w"))
origin = "http://" + host + ":" + port
attempt("read without a token", lambda: ask("GET", "/api/v1/nights"))
attempt("stop without a token", lambda: ask("POST", "/api/v1/wanted", {}, '{"mode": "off"}'))
attempt("a ticket seen on a command line", lambda: ask("GET", "/?token=" + ticket))
attempt("read with a cookie seen on another port", lambda: ask("GET", "/api/v1/nights", {"Cookie": cookie}))
headers = {"Cookie": cookie, "Origin": origin, "Content-Type": "application/json"}
attempt("stop with it", lambda: ask("POST", "/api/v1/wanted", headers, '{"mode": "off"}'))
for pid in (p for p in os.listdir("/proc") if p.isdigit()):
    try:
        if folder.encode() not in open("/proc/" + pid + "/cmdline", "rb").read() or int(pid) == os.getpid():
            continue
    except OSError:
        continue
    attempt("signal " + pid, lambda: os.kill(int(pid), 0) is None)
    attempt("memory of " + pid, lambda: open("/proc/" + pid + "/mem", "rb"))
print(json.dumps(tried))
"""


class Tally:
    """Attempts and breaches by kind."""

    def __init__(self) -> None:
        self.found: dict[str, list[int]] = {}
        self.breaches: list[str] = []

    def add(self, kind: str, what: str, *, is_breach: bool) -> None:
        """Count an attempt."""
        counted = self.found.setdefault(kind, [0, 0])
        counted[0] += 1
        counted[1] += is_breach
        if is_breach:
            self.breaches.append(f"{kind}: {what}")


class Attacks:
    """Attacks on a dashboard.

    Parameters
    ----------
    address : str
        Of the pages.
    folder : Path
        The data folder.
    ankle : Running
        The simulated sensor.
    """

    def __init__(self, address: str, folder: Path, ankle: Running) -> None:
        self.tally = Tally()
        self._at, self._folder, self._ankle = address, folder, ankle
        self._port = int(address.rpartition(":")[2])
        self._bearer = let_in(address, folder)
        self._pid = json.loads((folder / keys.DASHBOARD).read_text())["pid"]
        self._cookie = self._new_cookie()

    def _head(self, line: str, *headers: str) -> str:
        """Return the head of a request with the token."""
        let = f"Authorization: {self._bearer['Authorization']}"
        return "\r\n".join([f"{line} HTTP/1.1", f"Host: {self._at[7:]}", let, *headers, "", ""])

    def _new_cookie(self) -> str:
        return httpx.get(keys.entrance(self._folder, self._at)).headers["set-cookie"].partition(";")[0]

    def _asks(self, kind: str, what: str, method: str, path: str, **options: object) -> None:
        """Ask for something that must be refused."""
        try:
            answer = httpx.request(method, f"{self._at}{path}", timeout=20, **options)  # type: ignore[arg-type]
        except httpx.HTTPError:
            self.tally.add(kind, what, is_breach=False)
            return
        is_breach = answer.status_code < 300 or answer.status_code >= 500 or "set-cookie" in answer.headers
        self.tally.add(kind, f"{what}: {answer.status_code}", is_breach=is_breach)

    def _opens(self, kind: str, what: str, origin: str | None, headers: dict[str, str]) -> None:
        try:
            live = f"ws{self._at[4:]}/api/v1/live"
            with connect(live, origin=Origin(origin) if origin else None, additional_headers=headers) as s:
                s.recv(2)
            self.tally.add(kind, what, is_breach=True)
        except (OSError, WebSocketException):
            self.tally.add(kind, what, is_breach=False)

    def _connection(self, data: bytes = b"") -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self._port), timeout=10)
        with contextlib.suppress(OSError):
            made.sendall(data)
        return made

    def _is_served(self) -> bool:
        """Whether the owner is served in time."""
        began = time.monotonic()
        try:
            answer = httpx.get(f"{self._at}/api/v1/status", headers=self._bearer, timeout=OWNER_S)
            fresh = httpx.get(f"{self._at}/", timeout=OWNER_S)
        except httpx.HTTPError:
            return False
        return answer.status_code == fresh.status_code == 200 and time.monotonic() - began < OWNER_S

    def _megabytes(self) -> float:
        status = Path(f"/proc/{self._pid}/status")
        if not status.exists():
            return 0.0
        return int(status.read_text().partition("VmRSS:")[2].split()[0]) / 1000

    # the list

    def rebinding(self) -> None:
        """Ask with the name of another host."""
        for host in ("evil.example", f"evil.example:{self._port}", "127.0.0.1", "127.0.0.1:1", "0.0.0.0", ""):  # noqa: S104
            for who in (self._bearer, {"Cookie": self._cookie}, {}):
                for method, path in (("GET", "/api/v1/nights"), ("POST", "/api/v1/wanted"), ("GET", "/")):
                    body = {"mode": "off"} if method == "POST" else None
                    self._asks("rebinding", host, method, path, headers={**who, "Host": host}, json=body)

    def origins(self) -> None:
        """Change something with the cookie from another page, or without Origin."""
        cookie = {"Cookie": self._cookie}
        for origin in (
            "http://evil.example",
            "null",
            f"http://127.0.0.1:{self._port + 1}",
            f"https{self._at[4:]}",
            f"{self._at}.evil",
        ):
            headers = {**cookie, "Origin": origin}
            for method, path in (
                ("POST", "/api/v1/wanted"),
                ("PUT", "/api/v1/settings"),
                ("GET", "/api/v1/nights"),
            ):
                body = {"mode": "off"} if method == "POST" else None
                self._asks("foreign Origin", origin, method, path, headers=headers, json=body)
            self._opens("foreign Origin", f"socket from {origin}", origin, cookie)
        for method, path in (
            ("POST", "/api/v1/wanted"),
            ("PUT", "/api/v1/settings"),
            ("PATCH", "/api/v1/nights/last"),
            ("PUT", "/api/v1/wanted/sensors/left"),
        ):
            self._asks("missing Origin", path, method, path, headers=cookie, json={"mode": "off"})
        self._opens("missing Origin", "socket", None, cookie)
        for site in ("cross-site", "same-site"):
            self._asks(
                "missing Origin", site, "GET", "/api/v1/nights", headers={**cookie, "Sec-Fetch-Site": site}
            )

    def other_user(self) -> None:
        """Try all of it as another user of this computer."""
        if not hasattr(os, "getuid") or os.getuid() != 0:
            return
        ticket = keys.new_ticket(self._folder)
        command = [
            sys.executable,
            "-c",
            OTHER_USER,
            str(self._folder),
            "127.0.0.1",
            str(self._port),
            ticket,
            self._cookie,
        ]
        done = subprocess.run(
            [*command, str(NOBODY)], capture_output=True, text=True, timeout=120, check=True
        )
        for what, is_breach in json.loads(done.stdout):
            self.tally.add("another user", what, is_breach=is_breach)

    def guesses(self) -> None:
        """Guess tokens, and use used ones."""
        name, _, value = self._cookie.partition("=")
        with httpx.Client(base_url=self._at) as client:
            for number in range(600):
                guess = secrets.token_urlsafe(32)
                if number % 3 == 0:
                    answer = client.get("/api/v1/status", headers={"Authorization": f"Bearer {guess}"})
                elif number % 3 == 1:
                    answer = client.get(f"/?token={guess}")
                else:
                    forged = value[: number % len(value)] + guess
                    answer = client.get("/api/v1/status", headers={"Cookie": f"{name}={forged}"})
                is_breach = answer.status_code < 300 or "set-cookie" in answer.headers
                self.tally.add("guessed token", str(number), is_breach=is_breach)
        used = keys.new_ticket(self._folder)
        httpx.get(f"{self._at}/?token={used}")
        for _ in range(20):
            self._asks("replayed token", "a ticket", "GET", f"/?token={used}", follow_redirects=False)
        old = self._bearer
        keys.bearer_token(self._folder, new=True)
        self._bearer = let_in(self._at, self._folder)
        for _ in range(5):
            self._asks("replayed token", "an old token", "GET", "/api/v1/status", headers=old)

    def traversal(self) -> None:
        """Ask for files outside the pages."""
        steps = ("../", "..%2f", "%2e%2e/", "..\\", "..%5c", "%252e%252e/", "....//", "..;/")
        targets = (
            "etc/passwd",
            "token",
            "catalog.sqlite",
            "web/__main__.py",
            f"{str(self._folder).lstrip('/')}/token",
        )
        for start in ("/", "/assets/", "/night/", "/api/v1/nights/"):
            for step in steps:
                for depth in (1, 4, 10):
                    for target in targets:
                        for who in ({}, self._bearer):
                            self._traverse(start + step * depth + target, who)
        for path in (
            "//etc/passwd",
            "/%00",
            "/\x7f",
            "/assets/%00.js",
            f"/{self._folder}/token",
            "/static/../../keys.py",
        ):
            self._traverse(path, self._bearer)

    def _traverse(self, path: str, who: dict[str, str]) -> None:
        lines = [f"GET {path} HTTP/1.1", f"Host: {self._at[7:]}", "Connection: close"]
        lines += [f"{k}: {v}" for k, v in who.items()]
        with self._connection("\r\n".join([*lines, "", ""]).encode("latin-1")) as client:
            answer = b""
            with contextlib.suppress(OSError):
                while part := client.recv(65536):
                    answer += part
        secret = keys.bearer_token(self._folder).encode()
        is_breach = any(
            s in answer for s in (b"root:", secret, b"SQLite format", b"import argparse", b"HTTP/1.1 5")
        )
        self.tally.add("traversal", path, is_breach=is_breach)

    def oversized(self) -> None:
        """Send what is far too large."""
        before = self._megabytes()
        for who in ({}, self._bearer):
            headers = {**who, "Content-Type": "application/json"}
            for size in (2_000_000, 50_000_000):
                body = b" " * size
                self._asks(
                    "oversized", f"{size} bytes", "PUT", "/api/v1/settings", headers=headers, content=body
                )
                chunks = (b" " * 100_000 for _ in range(size // 100_000))
                self._asks(
                    "oversized",
                    f"{size} bytes in chunks",
                    "PUT",
                    "/api/v1/settings",
                    headers=headers,
                    content=chunks,
                )
            for bomb in (
                b"[" * 900_000,
                b'{"a":' * 150_000,
                b'{"mode": "' + b"x" * 900_000 + b'"}',
                b"1" * 900_000,
            ):
                self._asks("oversized", "nesting", "POST", "/api/v1/wanted", headers=headers, content=bomb)
            self._asks("oversized", "head", "GET", "/api/v1/status", headers={**who, "X": "y" * 200_000})
        self.tally.add("oversized", "memory", is_breach=self._megabytes() - before > MORE_MB)

    def slow(self) -> None:
        """Send so slowly that a connection would never end."""
        partly = self._head("PUT /api/v1/settings", "Content-Length: 900") + "{"
        slow = [self._connection(partly.encode() if n % 2 else b"GET / HTTP/1.1\r\nX: ") for n in range(60)]
        until_s = time.monotonic() + 35
        while time.monotonic() < until_s:
            for client in slow:
                with contextlib.suppress(OSError):
                    client.send(b" ")
            time.sleep(2)
        for client in slow:
            self.tally.add("slow", "still open after 35 s", is_breach=not _is_closed(client))

    def many(self) -> None:
        """Open 1,000 connections at once, and keep them."""
        held: list[socket.socket] = []
        for number in range(1000):
            with contextlib.suppress(OSError):
                held.append(self._connection(b"" if number % 2 else b"GET / HTTP/1.1\r\nHost: "))
            is_asked = number % 50 == 49
            self.tally.add("1,000 connections", "the owner", is_breach=is_asked and not self._is_served())
        for client in held:
            client.close()

    def unread(self) -> None:
        """Ask and never read, with the token."""
        before = self._megabytes()
        lines = self._head("GET /openapi.json")
        held = []
        for _ in range(50):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.settimeout(1)
            client.connect(("127.0.0.1", self._port))
            with contextlib.suppress(OSError):
                client.sendall(lines.encode() * 200)
            held.append(client)
        is_served = self._is_served()
        time.sleep(30)
        for client in held:
            self.tally.add(
                "unread download", "still open after 30 s", is_breach=not _is_closed(client, drain=False)
            )
        self.tally.add("unread download", "the owner", is_breach=not (is_served and self._is_served()))
        self.tally.add("unread download", "memory", is_breach=self._megabytes() - before > MORE_MB)

    def sockets(self) -> None:
        """Open live sockets and never read them, with the token."""
        before = self._megabytes()
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        head = self._head(
            "GET /api/v1/live", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", key
        )
        held = [self._connection(head.encode()) for _ in range(40)]
        time.sleep(50)  # a live socket that answers no ping is cut off after 40 s
        for client in held:
            self.tally.add("unread socket", "still open", is_breach=not _is_closed(client))
        self.tally.add("unread socket", "the owner", is_breach=not self._is_served())
        self.tally.add("unread socket", "memory", is_breach=self._megabytes() - before > MORE_MB)

    def radio(self) -> None:
        """Send damaged frames, and drop the link."""
        stdin = self._ankle.process.stdin
        if stdin is None:
            raise RuntimeError("the sensor has no standard input")
        for line in ("corrupt 20", "duplicate 20", "corrupt 20", "cut 1", "corrupt 20"):
            stdin.write(f"{line}\n")
            stdin.flush()
            time.sleep(6)
            is_alive = self._is_served()
            self.tally.add("hostile frames", line, is_breach=not is_alive)


def _is_closed(client: socket.socket, *, drain: bool = True) -> bool:
    """Whether the server has ended a connection."""
    client.settimeout(0.2)
    try:
        if not drain:
            for _ in range(3):
                client.sendall(b" ")
                time.sleep(0.02)
            return False
        while client.recv(1 << 20):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


@contextlib.contextmanager
def evening(folder: Path) -> Iterator[tuple[str, Running, Running]]:
    """Record a night over the simulated radio, from a sensor with a hostile name."""
    data = folder / "data"
    air = f"unix:{folder}/air"
    with started("-m", "firmware_sim", "air", air, "--until-eof") as running:
        running.says("ready")
        hci = f"unix-client:{folder}/air"
        with (
            sensor(hci, folder, "--name", HOSTILE_NAME) as ankle,
            started(
                "-m", "legmon", "run", "--hci", hci, "--data", str(data), "--no-browser", "--port", "0"
            ) as client,
        ):
            address = client.says("Your pages are at").partition("/?token=")[0]
            yield address, ankle, client


def lost(folder: Path) -> tuple[int, int]:
    """Return the samples that were sent between the first and the last recorded one, and those of them that are missing."""
    catalog = Catalog(folder / "data")
    night = catalog.night("last")
    found = {
        index
        for r in read_segment(catalog.segment(night.id, night.legs[0]))
        if isinstance(r, Samples)
        for index in range(r.first, r.first + len(r.xyz))
    }
    catalog.close()
    return len(found), max(found) - min(found) + 1 - len(found)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lm") as made:
        folder = Path(made)
        with evening(folder) as (address, ankle, client):
            data = folder / "data"
            until(lambda: list(data.glob("nights/*/left.seg")))
            attacks = Attacks(address, data, ankle)
            parts: list[Callable[[], None]] = [
                attacks.rebinding, attacks.origins, attacks.other_user, attacks.guesses, attacks.traversal, attacks.oversized,
                attacks.radio, attacks.many, attacks.slow, attacks.unread, attacks.sockets,
            ]  # fmt: skip
            seconds = {}
            for part in parts:
                began = time.monotonic()
                part()
                seconds[part.__name__] = round(time.monotonic() - began, 1)
            client.process.send_signal(signal.SIGINT)
            ended = client.process.wait(60)
        samples, missing = lost(folder)
        log = (data / "logs" / "dashboard.log").read_text()
    answer = {
        "kinds": {k: {"attempts": a, "breaches": b} for k, (a, b) in attacks.tally.found.items()},
        "breaches": attacks.tally.breaches,
        "samples": samples,
        "samples_lost": missing,
        "exit_status": ended,
        "log_bytes": len(log),
        "tracebacks": log.count("Traceback"),
        "seconds": seconds,
    }
    if args.json:
        print(json.dumps(answer))
        return
    print(f"{'kind':<20}{'attempts':>10}{'breaches':>10}")
    for kind, (attempts, breaches) in attacks.tally.found.items():
        print(f"{kind:<20}{attempts:>10}{breaches:>10}")
    for breach in attacks.tally.breaches[:40]:
        print(f"  {breach}")
    print(f"samples recorded {samples}, lost {missing}; exit status {ended}")
    print(f"dashboard's log {len(log)} bytes, {log.count('Traceback')} tracebacks; seconds {seconds}")


if __name__ == "__main__":
    main()
