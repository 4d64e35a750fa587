"""The lock: who is let in, with what, and who is not. A real server, real files, a real browser."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from legmon.catalog.store import Catalog
from legmon.messages import Event
from legmon.web import keys
from legmon.web.audit import FILE, FILE_BYTES, OLDER, Audit
from legmon.web.keys import Keys
from legmon.web.lock import MOST_WRONG
from tests.conftest import ROOT, entrance, let_in, run_command, run_program, started

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = ROOT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
LOCKED = ("/api/v1/status", "/api/v1/nights", "/api/v1/audit", "/tonight.json", "/night/last.json", "/openapi.json", "/nowhere",
          "/api/v1/../v1/status", "//api/v1/status", "/assets/../api/v1/status", "/%61pi/v1/status", "/docs",
          "/index.html/../tonight.json")  # fmt: skip


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    if not folder.exists():
        folder.mkdir()
        Catalog(folder).close()
    with started("-m", "legmon.web", "--data", str(folder), "--port", "0") as process:
        yield process.says("ready")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lock") / "data"


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served(folder) as at:
        yield at


def entered(address: str) -> dict[str, str]:
    """The cookie that a browser gets for a ticket, as a header."""
    answer = httpx.get(entrance(address))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    return {"Cookie": cookie.partition(";")[0]}


def socket_status(address: str, origin: str | None, headers: dict[str, str]) -> int:
    """The status with which the live socket answers: 101 is open."""
    try:
        with connect(
            f"ws{address[4:]}/api/v1/live",
            origin=Origin(origin) if origin else None,
            additional_headers=headers,
        ) as open_socket:
            assert json.loads(open_socket.recv(5))["type"] == "hello"
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


def test_nothing_but_the_pages_own_files_is_public(address: str) -> None:
    assert httpx.get(f"{address}/").status_code == 200
    assert httpx.get(f"{address}/favicon.svg").status_code == 200
    with httpx.Client() as client:
        for path in LOCKED:
            asked = client.build_request("GET", address)
            asked.url = asked.url.copy_with(raw_path=path.encode())
            answer = client.send(asked)
            assert (answer.status_code, answer.json()["code"]) == (401, "not_let_in"), path
            assert answer.headers["www-authenticate"].startswith("Bearer")
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        assert httpx.request(method, f"{address}/").status_code == 401, method
    assert socket_status(address, address, {}) == 401


def test_a_ticket_lets_one_browser_in_and_leaves_the_address(address: str) -> None:
    at = entrance(address)
    first, again = httpx.get(at), httpx.get(at)
    assert "set-cookie" in first.headers
    assert "set-cookie" not in again.headers, "it is valid once"
    assert again.headers["location"] == "/"
    cookie = {"Cookie": first.headers["set-cookie"].partition(";")[0]}
    assert httpx.get(f"{address}/api/v1/status", headers=cookie).status_code == 200
    assert httpx.get(f"{address}/?token={'x' * 43}").headers.get("set-cookie") is None
    assert httpx.get(f"{address}/?token=../token").headers.get("set-cookie") is None


def test_a_ticket_is_valid_for_five_minutes(folder: Path, address: str) -> None:
    for age, is_valid in ((keys.TICKET_S - 5, True), (keys.TICKET_S + 5, False), (-60, False)):
        ticket = keys.new_ticket(folder)
        (file,) = [f for f in (folder / keys.TICKETS).iterdir() if f.name == keys._name(ticket)]
        file.write_text(str(time.time() - age))
        assert keys.use_ticket(folder, ticket) is is_valid, age
    for _ in range(keys.MOST_TICKETS + 10):
        keys.new_ticket(folder)
    assert len(list((folder / keys.TICKETS).iterdir())) <= keys.MOST_TICKETS


def test_with_a_cookie_whatever_changes_something_needs_our_origin(address: str) -> None:
    cookie, url = entered(address), f"{address}/api/v1/wanted"
    ours = {"Origin": address}
    body = {"mode": "off"}
    assert httpx.post(url, json=body, headers=cookie | ours).status_code == 200
    assert httpx.post(url, json=body, headers=cookie).json()["code"] == "not_here"
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1", address.replace("http", "https")):
        assert httpx.post(url, json=body, headers=cookie | {"Origin": origin}).status_code == 403
    status = f"{address}/api/v1/status"
    assert httpx.get(status, headers=cookie).status_code == 200, "a browser reads its own page without Origin"
    for site, code in (("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403)):
        assert httpx.get(status, headers=cookie | {"Sec-Fetch-Site": site}).status_code == code, site
    assert socket_status(address, address, cookie) == 101
    assert socket_status(address, None, cookie) == 403
    assert socket_status(address, "http://evil.example", cookie) == 403


def test_a_program_needs_the_bearer_token_and_no_origin(folder: Path, address: str) -> None:
    url, bearer = f"{address}/api/v1/wanted", let_in(address)
    assert httpx.post(url, json={"mode": "off"}, headers=bearer).status_code == 200
    assert socket_status(address, None, bearer) == 101
    for wrong in ("Bearer", "Bearer x", "Basic eDp4", f"Bearer {bearer['Authorization'][7:-1]}"):
        answer = httpx.get(f"{address}/api/v1/status", headers=entered(address) | {"Authorization": wrong})
        assert answer.status_code == 401, "a wrong token is not made good by a cookie"
    old = bearer
    assert run_command("token", "--new", data=folder).returncode == 0
    assert httpx.get(f"{address}/api/v1/status", headers=old).status_code == 401
    assert httpx.get(f"{address}/api/v1/status", headers=let_in(address)).status_code == 200


def test_cookies_that_are_not_ours_let_nobody_in(tmp_path: Path, address: str) -> None:
    name, _, value = entered(address)["Cookie"].partition("=")
    issued, nonce, signature = value.split(".")
    later = int(issued) + 1
    other = Keys(tmp_path)
    forged = (
        f"{issued}.{nonce}.{int(signature, 16) ^ 1:0{len(signature)}x}",
        f"{later}.{nonce}.{signature}",
        f"{issued}.{nonce}",
        "",
        "é",
        other.new_session(),
    )
    assert other.cookie != name, "cookies are shared by all ports of 127.0.0.1"
    for wrong in forged:
        header = f"{name}={wrong}".encode()
        answer = httpx.get(f"{address}/api/v1/status", headers=[(b"Cookie", header)])
        assert answer.status_code == 401, wrong
    both = f"{other.cookie}={other.new_session()}; {name}={value}"
    assert httpx.get(f"{address}/api/v1/status", headers={"Cookie": both}).status_code == 200


def test_an_old_cookie_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Keys(tmp_path).new_session()
    assert Keys(tmp_path).is_session(made)
    monkeypatch.setattr(keys, "SESSION_S", -1)
    assert not Keys(tmp_path).is_session(made)
    monkeypatch.undo()
    (tmp_path / keys.SESSION).unlink()
    assert not Keys(tmp_path).is_session(made), "without the key, every browser is logged out"


def test_a_browser_stays_let_in_when_the_dashboard_starts_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with served(data) as at:
        cookie, ticket = entered(at), entrance(at)
        httpx.get(ticket)
    with served(data) as at:
        assert httpx.get(f"{at}/api/v1/status", headers=cookie).status_code == 200
        replayed = at + ticket[ticket.index("/?") :]
        assert "set-cookie" not in httpx.get(replayed).headers, "a used ticket is not valid after a restart"


def test_wrong_tokens_are_bounded_and_do_not_keep_the_owner_out(tmp_path: Path) -> None:
    with served(tmp_path / "data") as at:
        url = f"{at}/api/v1/status"
        codes = [
            httpx.get(url, headers={"Authorization": f"Bearer guess-{i}"}).status_code
            for i in range(MOST_WRONG + 3)
        ]
        assert codes == [401] * MOST_WRONG + [429] * 3
        assert httpx.get(f"{at}/?token=guess").status_code == 429
        assert httpx.get(url, headers=let_in(at)).status_code == 200
        assert httpx.get(url, headers=entered(at)).status_code == 200
    refused = [e for e in Audit(tmp_path / "data").newest(50) if e.event == Event.REFUSED]
    assert len(refused) == 1, "one entry a minute"


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root can be another user")
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the user of a socket")
def test_another_user_comes_in_with_neither_a_ticket_nor_a_cookie_of_ours(tmp_path: Path) -> None:
    """Both can be seen by others: on the command line of a browser, and by a server on another port."""
    code = """
import encodings.idna, http.client, os, sys
os.setgroups([]); os.setgid(54321); os.setuid(54321)
c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
c.request("GET", sys.argv[2], headers={"Cookie": sys.argv[3]} if sys.argv[3] else {})
a = c.getresponse()
print(a.status, a.getheader("set-cookie"))
"""

    def as_other_user(path: str, cookie: str = "") -> str:
        command = [sys.executable, "-c", code, at.rpartition(":")[2], path, cookie]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    with served(tmp_path / "data") as at:
        ticket = entrance(at)
        assert as_other_user(ticket[len(at) :]) == "303 None"
        assert "set-cookie" in httpx.get(ticket).headers, "it is still there for the owner"
        assert as_other_user("/api/v1/status", entered(at)["Cookie"]) == "401 None"
        assert as_other_user("/") == "200 None"


def test_whoever_is_refused_can_read_why_though_a_body_was_still_to_come(address: str) -> None:
    for size in (0, 1_000, 900_000, 3_000_000):
        chunks = (b"x" * 10_000 for _ in range(size // 10_000 + 1))
        for body in (b"x" * size, chunks):
            answer = httpx.put(f"{address}/api/v1/settings", content=body)
            assert answer.status_code in {401, 413}, size
            assert int(answer.headers["content-length"]) == len(answer.content)
    port = int(address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=0.3) as client:
        head = f"PUT /api/v1/settings HTTP/1.1\r\nHost: {address[7:]}\r\nContent-Length: 5\r\n\r\n"
        client.sendall(head.encode())
        with pytest.raises(TimeoutError):
            client.recv(1)  # else the body would meet a closed connection
        client.sendall(b"12345")
        client.settimeout(10)
        assert client.recv(12) == b"HTTP/1.1 401"


# the files


def test_the_files_are_private_and_hold_no_token_twice(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        token = keys.bearer_token(tmp_path)
        ticket = keys.new_ticket(tmp_path)
        cookie = Keys(tmp_path).new_session()
        Audit(tmp_path).note(Event.START, "command", "2026-01-01")
    finally:
        os.umask(before)
    assert keys.bearer_token(tmp_path) == token
    files = [f for f in tmp_path.rglob("*") if f.is_file()]
    assert {f.name for f in files} >= {keys.BEARER, keys.SESSION, FILE}
    if os.name == "posix":
        assert [f.name for f in files if f.stat().st_mode & 0o077] == []
        assert (tmp_path / keys.TICKETS).stat().st_mode & 0o077 == 0
    held = "".join(f.name + f.read_text() for f in files)
    assert ticket not in held, "only its hash is kept"
    assert cookie not in held
    assert held.count(token) == 1


def test_an_empty_or_broken_token_file_lets_nobody_in(tmp_path: Path) -> None:
    for content in (b"", b"\n", b"short", b"\xff" * 50):
        (tmp_path / keys.BEARER).write_bytes(content)
        for guess in ("", "short", "None"):
            assert not Keys(tmp_path).is_bearer(guess)
    assert len(keys.bearer_token(tmp_path)) >= keys.BYTES


def test_two_that_make_a_token_at_once_agree(tmp_path: Path) -> None:
    code = f"from legmon.web import keys; from pathlib import Path; print(keys.bearer_token(Path({str(tmp_path)!r})))"
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    made = {process.communicate(timeout=60)[0].strip() for process in running}
    assert made == {keys.bearer_token(tmp_path)}


def test_no_token_is_in_a_log_or_in_what_status_prints(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with served(data) as at:
        ticket, bearer = entrance(at), let_in(at)["Authorization"]
        cookie = entered(at)["Cookie"]
        for url in (ticket, f"{at}/?token=wrong-{bearer[7:]}", f"{at}/api/v1/{bearer[7:]}"):
            httpx.get(url, headers={"Authorization": bearer + "x", "Cookie": cookie})
        said = run_command("status", "--json", data=data).stdout
    logs = "".join(f.read_text() for f in (data / "logs").iterdir())
    assert "a wrong token was refused" in logs
    for secret in (ticket.partition("=")[2], bearer[7:], cookie.partition("=")[2]):
        assert secret not in logs + said + (data / keys.DASHBOARD).read_text() + (data / FILE).read_text()


# the commands


def test_open_makes_an_address_while_pages_run(tmp_path: Path) -> None:
    data = tmp_path / "data"
    nothing = run_command("open", "--no-browser", data=data)
    assert nothing.returncode == 1
    assert "no pages are running" in nothing.stderr
    assert not data.exists()
    with served(data) as at:
        said = run_command("open", "--no-browser", data=data).stdout.strip()
        assert said.startswith(f"{at}/?token=")
        assert "set-cookie" in httpx.get(said).headers
        shown = json.loads(run_command("open", "--json", data=data).stdout)
        assert (shown["pages"], shown["data"]) == (at, str(data))
        assert "set-cookie" in httpx.get(shown["address"]).headers
    assert run_command("open", "--no-browser", data=data).returncode == 1, "they run no longer"


def test_open_opens_the_browser_and_prints_an_address_in_case_none_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, seen = tmp_path / "data", tmp_path / "seen"
    browser = tmp_path / "browser.py"
    browser.write_text(f"import pathlib, sys; pathlib.Path({str(seen)!r}).write_text(sys.argv[1])")
    monkeypatch.setenv("BROWSER", f"{sys.executable} {browser} %s")
    with served(data) as at:
        said = run_program("open", data=data).stdout.splitlines()
        assert said[0].startswith(f"Your pages are at {at} ")
        for way_in in (seen.read_text(), said[-1]):
            assert "set-cookie" in httpx.get(way_in).headers


def test_token_prints_one_token_for_each_folder(tmp_path: Path) -> None:
    assert run_command("token", data=tmp_path / "none").returncode == 2
    first = run_command("token", data=tmp_path).stdout.strip()
    assert first == run_command("token", data=tmp_path).stdout.strip() == keys.bearer_token(tmp_path)
    new = json.loads(run_command("token", "--new", "--json", data=tmp_path).stdout)
    assert new["token"] == keys.bearer_token(tmp_path) != first
    assert [e.event for e in Audit(tmp_path).newest(9)] == [Event.NEW_TOKEN, Event.TOKEN]


# the audit


def test_the_audit_names_who_did_what_and_no_contents(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with served(data) as at:
        browser = entered(at) | {"Origin": at}
        httpx.post(f"{at}/api/v1/wanted", json={"mode": "record", "leg": "right"}, headers=let_in(at))
        httpx.post(f"{at}/api/v1/wanted", json={"mode": "off"}, headers=browser)
        settings = httpx.get(f"{at}/api/v1/settings", headers=browser).json()
        httpx.put(f"{at}/api/v1/settings", json=settings | {"theme": "night"}, headers=browser)
        httpx.put(f"{at}/api/v1/settings", json=settings | {"theme": "pink"}, headers=browser)
        httpx.post(f"{at}/api/v1/wanted", json={"mode": "off"}, headers=browser | {"Origin": "null"})
        found = httpx.get(f"{at}/api/v1/audit", headers=browser).json()["entries"]
        assert httpx.get(f"{at}/api/v1/audit?limit=1", headers=browser).json()["entries"] == found[:1]
    assert [(e["event"], e["client"]) for e in found] == [
        ("settings", "browser"),
        ("stop", "browser"),
        ("start", "program"),
        ("entered", "browser"),
    ]
    assert found[0]["sentence"] == "The settings were changed."
    assert all(abs(e["at"] - time.time()) < 200 for e in found)
    assert "night" not in (data / FILE).read_text()


def test_the_audit_is_bounded_and_reads_what_it_can(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    (tmp_path / FILE).write_text("x\n[]\n{}\n" + '{"at": 1, "event": "start", "client": "browser"}\n' * 5000)
    for number in range(3):
        audit.note(Event.MARK, "browser", f"night-{number}")
    (tmp_path / FILE).write_text((tmp_path / FILE).read_text() + '{"at": 1e999, "ev')
    assert (tmp_path / OLDER).exists()
    assert (tmp_path / FILE).stat().st_size < 1000
    newest = audit.newest(500)
    assert [e.night for e in newest[:3]] == ["night-2", "night-1", "night-0"]
    assert len(newest) == 500
    (tmp_path / FILE).write_text("y" * (FILE_BYTES + 1))
    audit.note(Event.STOP, None)
    assert sum((tmp_path / name).stat().st_size for name in (FILE, OLDER)) < 3 * FILE_BYTES


# the page


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        made = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB", bypass_csp=True)
        yield made.new_page()
        browser.close()


@pytest.mark.parametrize("theme", ["light", "dark", "night"])
def test_a_browser_that_is_not_let_in_reads_how_to_come_in(page: Page, address: str, theme: str) -> None:
    page.context.clear_cookies()
    page.goto(f"{address}/favicon.svg")
    page.evaluate("look => localStorage.setItem('legmon.look', look)", json.dumps({"theme": theme}))
    page.goto(f"{address}/#/night")
    shut = page.get_by_test_id("not-let-in")
    expect(shut.get_by_role("heading")).to_have_text("You are not let in")
    expect(shut).to_contain_text("legmon open")
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    if AXE.exists():
        page.add_script_tag(path=AXE)
        found = page.evaluate("axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes[0].html))")
        assert found == []
    if folder := os.environ.get("LEGMON_PICTURES"):
        page.screenshot(path=f"{folder}/not-let-in-{theme}.png")


def test_the_token_leaves_the_address_bar_and_the_page_stays(page: Page, address: str) -> None:
    page.goto(entrance(address, "#/setup"))
    expect(page.locator("main h1").first).to_be_visible()
    assert page.url == f"{address}/#/setup"
    assert "token" not in page.evaluate("JSON.stringify([document.cookie, history.state, document.referrer])")
    page.reload()
    expect(page.locator("nav")).to_be_visible()
    answer = page.goto(f"{address}/tonight.json")
    assert answer is not None
    assert answer.status == 200, "an address that is typed has the cookie"


def test_a_page_of_another_port_can_neither_read_nor_change(page: Page, address: str) -> None:
    """A server of somebody else on 127.0.0.1 is the same site, so that its pages send our cookie."""
    code = (
        "import http.server as h; s = h.HTTPServer(('127.0.0.1', 0), h.SimpleHTTPRequestHandler); "
        "print(s.server_port, flush=True); s.serve_forever()"
    )
    page.goto(entrance(address))
    with started("-c", code) as other:
        page.goto(f"http://127.0.0.1:{other.says('')}/docs/")
        tried = page.evaluate(
            """async (at) => {
              const done = [];
              for (const [path, options] of [
                ['/api/v1/status', {}], ['/api/v1/status', {mode: 'no-cors'}],
                ['/api/v1/wanted', {method: 'POST', mode: 'no-cors', body: '{"mode":"record"}'}],
              ]) done.push(await fetch(at + path, {credentials: 'include', ...options}).then((r) => r.status, () => 'refused'));
              done.push(await new Promise((resolve) => {
                const socket = new WebSocket(at.replace('http', 'ws') + '/api/v1/live');
                socket.onopen = () => resolve('open');
                socket.onerror = () => resolve('refused');
              }));
              return done;
            }""",
            address,
        )
    assert tried == ["refused"] * 4
    assert httpx.get(f"{address}/api/v1/status", headers=let_in(address)).json()["mode"] == "off"


def test_the_settings_show_what_happened(page: Page, address: str) -> None:
    page.goto(entrance(address, "#/setup"))
    page.get_by_role("button", name="Settings").click()
    page.get_by_test_id("audit").locator("summary").click()
    rows = page.get_by_test_id("audit").locator("tbody tr")
    expect(rows.first).to_contain_text("A browser was let in.")
    expect(rows.first).to_contain_text("Browser")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    if folder := os.environ.get("LEGMON_PICTURES"):
        page.screenshot(path=f"{folder}/audit.png")
