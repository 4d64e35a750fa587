"""The life of a night: a closed terminal, a killed process or a second `legmon run` does not end it, `legmon stop` does."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from itertools import product
from pathlib import Path

import httpx
import pytest

from legmon.app.evening import unlocked
from legmon.app.running import REPORT, Report, supervisor
from legmon.catalog.file import RECORDER_LOCK, file_lock
from legmon.catalog.store import Catalog
from legmon.recorder import presence
from legmon.recorder.presence import RECORDER, STOP, Presence
from legmon.recording.files import first_file, read_segment
from legmon.recording.records import Gap, Samples
from tests.conftest import Running, end_run, let_in, run_command, run_program, sensor, started, until
from tests.test_demo import processes
from tests.test_recorder import info, recorded, recorder, records

pytestmark = pytest.mark.skipif(os.name != "posix", reason="elsewhere there are no such signals")

QUIET = ("--no-browser", "--port", "0")


def run(data: Path, *options: str) -> tuple[str, ...]:
    return ("-m", "legmon", "run", *options, "--data", str(data), *QUIET)


def left(data: Path) -> dict[int, str]:
    """Return what `legmon run` started."""
    return {pid: line for pid, line in processes(data) if "-m legmon run" not in line}


def killed(data: Path) -> dict[int, str]:
    """Kill what `legmon run` started. Return what was still there."""
    there = left(data)
    for pid in there:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return there


@pytest.fixture(autouse=True)
def nothing_stays(tmp_path: Path) -> Iterator[None]:
    """Kill what a failed test left, also where its files name no process any more."""
    yield
    for _ in range(20):
        for pid in (found := left(tmp_path / "data")):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            return
        time.sleep(0.1)


def report(data: Path) -> Report:
    found = supervisor(data)
    assert found is not None
    return found


def stopped(data: Path) -> str:
    """End everything with `legmon stop`; return what it said."""
    done = run_command("stop", data=data)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not left(data), "nothing that was started is left"
    return done.stdout


def samples(data: Path) -> int:
    return sum(len(r.xyz) for r in records(data) if isinstance(r, Samples))


TERMINAL = ("-c", "import pty, sys; pty.spawn([sys.executable, *sys.argv[1:]])")
"""A terminal with a shell's place in it. When it is killed, the system sends SIGHUP to what runs in it.

Here `legmon run` starts anew, and so does everything that it starts.
"""


def hang_up(client: Running) -> None:
    client.process.send_signal(signal.SIGHUP)


def kill_client(client: Running) -> None:
    client.process.kill()


@pytest.mark.parametrize(
    ("end", "terminal"),
    [(hang_up, ()), (kill_client, ()), (kill_client, TERMINAL)],
    ids=["SIGHUP", "killed", "terminal closed"],
)
def test_a_night_outlives_its_terminal_and_stop_ends_it(
    air: str, tmp_path: Path, end: Callable[[Running], None], terminal: tuple[str, ...]
) -> None:
    data = tmp_path / "data"
    with sensor(air, tmp_path), started(*terminal, *run(data, "--hci", air)) as client:
        client.says("Your pages are at")
        until(lambda: recorded(data) > 50)
        before = report(data)
        end(client)
        client.process.wait(60)
        until(
            lambda: not [line for _, line in processes(data) if "-m legmon run" in line],
            what="the client ends",
        )
        for pid in (before.process.pid, before.recorder, before.dashboard):
            os.kill(pid, signal.SIGHUP)  # as the system sends to a whole session
        seen = recorded(data)
        until(lambda: recorded(data) > seen + 100, what="the night goes on")
        after = report(data)
        assert (after.recorder, after.dashboard) == (before.recorder, before.dashboard)
        assert (
            httpx.get(f"{after.pages}/api/v1/status", headers=let_in(after.pages, data)).json()["recording"]
            is True
        )
        assert "Everything is closed." in stopped(data)
    night = info(data)
    assert (night.state, night.gaps) == ("closed", 0)


def test_a_second_run_looks_on_and_its_ctrl_c_ends_the_looking_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with started(*run(data, "--simulate")) as first:
        pages = first.says("Your pages are at").split("/?token=")[0]
        until(lambda: recorded(data) > 50)
        with started(*run(data, "--simulate", "--leg", "right")) as second:
            second.says("legmon has been running here since")
            second.says("It keeps its own options")
            assert second.says("Your pages are at").startswith(f"{pages}/?token=")
            second.process.send_signal(signal.SIGINT)
            assert second.process.wait(60) == 0
            assert (
                second.lines[-1]
                == "This terminal looks on no longer. The night goes on; `legmon stop` ends it."
            )
            other = run_program("run", "--no-browser", data=data)
            assert other.returncode == 2
            assert "legmon already records a simulated night" in other.stderr
        seen = recorded(data)
        until(lambda: recorded(data) > seen, what="the night goes on")
        first.process.send_signal(signal.SIGINT)
        assert first.process.wait(60) == 0
        assert first.lines[-1].startswith("Everything is closed. To score the night again: legmon score ")
    assert not left(data)
    assert info(data).state == "closed"


def test_status_names_what_runs_and_nothing_where_nothing_runs(tmp_path: Path) -> None:
    data = tmp_path / "data"
    done = run_command("status", "--json", data=data)
    assert (done.returncode, json.loads(done.stdout)["runs"]) == (0, False)
    assert not data.exists(), "a look makes no folder"
    assert run_command("status", data=data).stdout.startswith("Nothing runs on")
    assert run_command("stop", data=data).stdout.startswith("Nothing runs on")
    with started(*run(data, "--simulate")) as client:
        pages = client.says("Your pages are at").split("/?token=")[0]
        until(lambda: recorded(data) > 50)
        until(lambda: json.loads(run_command("status", "--json", data=data).stdout)["night"])
        state = json.loads(run_command("status", "--json", data=data).stdout)
        running = left(data)
        assert "legmon.app.supervisor" in running[state["supervisor"]["pid"]]
        assert "legmon.recorder" in running[state["recorder"]["pid"]]
        assert "legmon.web" in running[state["dashboard"]["pid"]]
        assert (state["runs"], state["simulated"], state["pages"]) == (True, True, pages)
        assert (state["night"], state["data"]) == (info(data).id, str(data))
        assert 0 <= time.time() - state["supervisor"]["since"] < 200
        assert [(s["leg"], s["link"]) for s in state["sensors"]] == [("left", "streaming")]
        said = run_command("status", data=data).stdout
        assert f"Your pages are at {pages}" in said
        assert f"Night {state['night']} is being recorded." in said
        stopped(data)
        assert client.process.wait(60) == 0
    assert json.loads(run_command("status", "--json", data=data).stdout)["runs"] is False


def test_a_supervisor_that_is_killed_is_replaced_and_the_night_goes_on(air: str, tmp_path: Path) -> None:
    """The recorder goes on alone until another supervisor takes over, so that nothing is lost."""
    data = tmp_path / "data"
    with sensor(air, tmp_path), started(*run(data, "--hci", air)) as client:
        pages = client.says("Your pages are at").split("/?token=")[0]
        until(lambda: recorded(data) > 50)
        before = report(data)
        os.kill(before.process.pid, signal.SIGKILL)
        client.says("legmon stopped unexpectedly and was started again. The night goes on.")
        until(lambda: (after := supervisor(data)) is not None and after.pages)
        after = report(data)
        assert after.process.pid != before.process.pid
        assert (after.pages, after.since_ns) == (pages, before.since_ns)
        assert presence.recorder(data) is not None
        seen = recorded(data)
        until(lambda: recorded(data) > seen + 50, what="the night goes on")
        client.process.send_signal(signal.SIGINT)
        assert client.process.wait(60) == 0
        assert client.lines[-1].startswith("Everything is closed.")
    assert not left(data)
    night = info(data)
    assert (night.state, night.gaps) == ("closed", 0)
    assert len(list(data.glob("nights/*"))) == 1
    assert not [r for r in records(data) if isinstance(r, Gap)]


def test_a_start_after_everything_was_killed_goes_on_with_the_same_night(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with sensor(air, tmp_path):
        with started(*run(data, "--hci", air)) as client:
            client.says("Your pages are at")
            until(lambda: recorded(data) > 50)
            night = info(data).id
            client.process.kill()
            until(lambda: not killed(data))  # as a power cut does, which leaves none that starts another
        seen = recorded(data)
        with started(*run(data, "--hci", air)) as client:
            client.says("Looking for the sensor; the night begins with its first samples.")
            until(lambda: recorded(data) > seen + 50)
            assert report(data).process.pid != client.process.pid
            stopped(data)
            assert client.process.wait(60) == 0
    after = info(data)
    assert (after.id, after.state, after.gaps) == (night, "closed", 0)


def test_a_recorder_whose_supervisor_is_gone_is_stopped_in_order(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with sensor(air, tmp_path), started(*run(data, "--hci", air)) as client:
        client.says("Your pages are at")
        until(lambda: recorded(data) > 50)
        gone = report(data)
        client.process.kill()
        os.kill(gone.process.pid, signal.SIGKILL)
        until(lambda: not gone.process.is_alive())
        done = run_command("stop", data=data)
        assert done.returncode == 0, done.stdout + done.stderr
        until(lambda: not left(data))
    assert info(data).state == "closed"


def test_what_was_not_closed_is_named_by_stop(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with sensor(air, tmp_path), started(*run(data, "--hci", air)) as client:
        client.says("Your pages are at")
        until(lambda: recorded(data) > 50)
        night = info(data).id
        os.kill(report(data).recorder, signal.SIGSTOP)
        done = run_command("stop", data=data)
        assert done.returncode == 1
        assert f"Night {night} is not closed." in done.stdout
        assert client.process.wait(60) == 1
    assert info(data).state == "recording"


def to_recorder(before: Report) -> int:
    return before.recorder


def to_dashboard(before: Report) -> int:
    return before.dashboard


def is_another(data: Path, who: Callable[[Report], int], before: int) -> bool:
    return who(report(data)) not in (0, before)


def has_more(data: Path, samples: int) -> bool:
    return recorded(data) > samples


def test_a_signal_that_is_not_the_supervisors_word_ends_no_night(air: str, tmp_path: Path) -> None:
    """As a system sends it that runs out of memory."""
    data = tmp_path / "data"
    with sensor(air, tmp_path), started(*run(data, "--hci", air)) as client:
        client.says("Your pages are at")
        until(lambda: recorded(data) > 50)
        supervises, night = report(data).process.pid, info(data).id
        for who, sig in product((to_recorder, to_dashboard), (signal.SIGTERM, signal.SIGINT)):
            before = who(report(data))
            os.kill(before, sig)
            until(partial(is_another, data, who, before), what="it is started again")
            seen = recorded(data)
            until(partial(has_more, data, seen + 50), what="the night goes on")
            until(lambda: httpx.get(report(data).pages).status_code == 200, what="the pages are there")
            assert report(data).process.pid == supervises
            assert [n.name for n in data.glob("nights/*")] == [night]
        stopped(data)
    after = info(data)
    assert (after.id, after.state, after.gaps) == (night, "closed", 0)


def test_a_signal_to_all_at_once_closes_the_night_in_order(air: str, tmp_path: Path) -> None:
    """As when a system shuts down: the supervisor's word comes, and the recorder has waited for it."""
    data = tmp_path / "data"
    with sensor(air, tmp_path), started(*run(data, "--hci", air)) as client:
        client.says("Your pages are at")
        until(lambda: recorded(data) > 50)
        before = report(data)
        for pid in (before.recorder, before.dashboard, before.process.pid):
            os.kill(pid, signal.SIGTERM)
        assert client.process.wait(60) == 0
        assert client.lines[-1].startswith("Everything is closed.")
    assert info(data).state == "closed"


@pytest.mark.parametrize("writable", [True, False])
def test_stop_ends_what_its_file_does_not_name(air: str, tmp_path: Path, writable: bool) -> None:
    """The files of the processes are removed; a folder in their place lets nobody write them again, as a full disk does."""
    data = tmp_path / "data"
    with sensor(air, tmp_path), started(*run(data, "--hci", air)) as client:
        client.says("Your pages are at")
        until(lambda: recorded(data) > 50)
        before = report(data)
        names = (REPORT, RECORDER)
        for name in names:
            (data / name).unlink()
            if not writable:
                (data / name).mkdir()
        if writable:
            until(lambda: supervisor(data), 60, what="the supervisor writes its file again")
            until(lambda: presence.recorder(data), 60, what="the recorder writes its file again")
            (data / REPORT).unlink()
        else:
            state = json.loads(run_command("status", "--json", data=data).stdout)
            assert (state["runs"], state["supervisor"]) == (True, None)
            assert "`legmon stop` ends it" in run_command("status", data=data).stdout
        done = run_command("stop", data=data)
        assert (done.returncode, "Nothing runs" in done.stdout) == (0, False), done.stdout
        until(lambda: not left(data), what="the locks are free, and the processes end")
        assert not before.process.is_alive()
        assert not (data / STOP).exists()
        for name in names:
            if (data / name).is_dir():
                (data / name).rmdir()
    assert info(data).state == "closed"


def test_a_recorder_that_cannot_name_itself_gets_a_new_supervisor_all_the_same(
    air: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    (data / RECORDER).mkdir(parents=True)  # so that no file can be written there, as on a full disk
    with sensor(air, tmp_path), started(*run(data, "--hci", air)) as client:
        client.says("Your pages are at")
        until(lambda: recorded(data) > 50)
        before, night = report(data), info(data).id
        os.kill(before.process.pid, signal.SIGKILL)
        client.says("legmon stopped unexpectedly and was started again. The night goes on.")
        until(lambda: (now := supervisor(data)) is not None and now.pages and now.recorder != before.recorder)
        seen = recorded(data)
        until(lambda: recorded(data) > seen + 50, what="the night goes on")
        stopped(data)
    (data / RECORDER).rmdir()
    assert (info(data).id, info(data).state) == (night, "closed")


def test_stop_ends_a_recorder_alone_that_cannot_name_itself(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    Catalog(data).want("record", None)
    (data / RECORDER).mkdir()
    nobody = json.dumps([sys.executable, "-c", ""])  # no supervisor can be started
    with sensor(air, tmp_path), started(*recorder(data, air), "--when-orphaned", nobody) as alone:
        alone.says("ready")
        until(lambda: recorded(data) > 50)
        assert alone.process.stdin is not None
        alone.process.stdin.close()
        done = run_command("stop", data=data)
        assert (done.returncode, "Nothing runs" in done.stdout) == (0, False), done.stdout
        assert alone.process.wait(60) == 0
    assert info(data).state == "closed"
    assert not (data / STOP).exists()


def test_a_look_at_the_lock_ends_no_start(air: str, tmp_path: Path) -> None:
    Catalog(tmp_path).close()
    lock = file_lock(tmp_path / RECORDER_LOCK)
    lock.acquire()
    with started(*recorder(tmp_path, air)) as process:
        time.sleep(1.0)  # longer than any look
        lock.release()
        process.says("ready")
        assert process.end() == 0
    lock.acquire()
    with ThreadPoolExecutor() as pool:
        waits = pool.submit(ExitStack().enter_context, unlocked(tmp_path))
        time.sleep(0.5)
        assert not waits.done(), "it waits, and does not refuse"
        lock.release()
        waits.result(60)


def test_a_lost_catalog_and_a_killed_recorder_go_on_with_the_same_night(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with started(*run(data, "--simulate")) as client:
        client.says("Your pages are at")
        until(lambda: recorded(data) > 50)
        before, night = report(data), info(data).id
        for part in data.glob("catalog.sqlite*"):
            part.unlink()
        os.kill(before.recorder, signal.SIGKILL)
        until(lambda: report(data).recorder not in (0, before.recorder), what="it is started again")
        seen = tail(data, night)
        until(lambda: tail(data, night) > seen + 50, what="the night goes on")
        assert [n.name for n in data.glob("nights/*")] == [night]
        stopped(data)
    assert (info(data).id, info(data).state) == (night, "closed")


def tail(data: Path, night: str) -> int:
    """Return the samples in the file of a night, which the catalog may not know."""
    return sum(len(r.xyz) for r in read_segment(first_file(data, night, "left")) if isinstance(r, Samples))


def test_a_stale_report_is_recognised(tmp_path: Path) -> None:
    """Its number may belong to somebody else by now: here to this very test."""
    Catalog(tmp_path).close()
    mine = Presence.this(supervised=True)
    other = Presence(mine.pid, f"{mine.born}9", 0, supervised=True)
    Report(other, 0).write(tmp_path)
    presence.write(tmp_path / RECORDER, other.values())
    assert supervisor(tmp_path) is None
    assert presence.recorder(tmp_path) is None
    other.kill()  # does not hit this process
    end_run(tmp_path)
    assert json.loads(run_command("status", "--json", data=tmp_path).stdout)["runs"] is False
    Report(mine, 0).write(tmp_path)
    assert supervisor(tmp_path) is not None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"process": {"pid": "x"}}', '{"process": {"pid": 1}, "said": [[]]}']
)
def test_a_damaged_report_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "supervisor.json").write_text(text)
    (tmp_path / RECORDER).write_text(text)
    assert Report.read(tmp_path) is None
    assert json.loads(run_command("status", "--json", data=tmp_path).stdout)["runs"] is False
