"""The catalog is damaged, emptied, removed or held while a night is recorded: recorder and dashboard go on and say so."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from legmon.catalog.annotations import Annotations
from legmon.catalog.store import Catalog
from legmon.movement import NS
from legmon.recording.records import Gap
from tests.conftest import let_in, sensor, started, until
from tests.made import Made, evening, make_night, scenario
from tests.test_recorder import FIVE_A_MINUTE, close_by_itself, info, recorded, recorder, records, sent, want
from tests.test_rescan import empty, lose, overwrite


def hold(folder: Path) -> contextlib.AbstractContextManager[Any]:
    """Keep every other program from writing to the catalog."""
    other = sqlite3.connect(folder / "catalog.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return contextlib.closing(other)


def status(http: httpx.Client) -> dict[str, Any]:
    """What the page shows; empty while the catalog cannot be read."""
    answer = http.get("/status")
    return dict(answer.json()) if answer.status_code == 200 else {}


@contextlib.contextmanager
def evening_of(air: str, folder: Path, data: Path) -> Iterator[httpx.Client]:
    """A sensor, a recorder that records, and a dashboard; the night is closed at the end, with every sample in it."""
    want(data, record=True)
    earlier = len(list(data.glob("nights/*/")))
    with (
        sensor(air, folder, "--speed", "30", scenario=FIVE_A_MINUTE),
        started(*recorder(data, air)) as process,
        started("-m", "legmon.web", "--data", str(data), "--port", "0") as web,
        httpx.Client(base_url=f"{web.says('ready')}/api/v1") as http,
    ):
        http.headers.update(let_in(str(http.base_url)))
        until(lambda: len(list(data.glob("nights/*/"))) > earlier, what="the night begins")
        until(lambda: recorded(data) > 3000, what="the night is recorded")
        yield http
        at = recorded(data)
        until(lambda: recorded(data) > at + 1500, what="recording goes on")
        assert process.process.poll() is None
        assert web.process.poll() is None
        close_by_itself(process, data)
    rows = records(data)
    assert recorded(data) == sent(folder)
    assert not [r for r in rows if isinstance(r, Gap)]


@pytest.mark.parametrize("lose_it", [lose, overwrite, empty])
def test_a_catalog_lost_while_recording_is_made_anew_and_the_same_night_goes_on(
    air: str, tmp_path: Path, lose_it: Callable[[Path], None]
) -> None:
    data = tmp_path / "data"
    catalog = Catalog(data)
    old = make_night(catalog, Made(evening(0), {"left": scenario(6, 0.5, per_hour=120)}))
    Annotations(catalog).set_lights(old, (catalog.night(old).started_ns + 60 * NS, None), time.time_ns())
    before = catalog.night(old)
    catalog.close()
    with evening_of(air, tmp_path, data) as http:
        night = info(data).id
        lose_it(data)
        until(
            lambda: status(http).get("trouble_code") == "catalog_renewed",
            100,
            what="the page says it",
        )
        now = status(http)
        assert (now["recorder_alive"], now["recording"], now["night"]) == (True, True, night)
        until(lambda: http.get("/nights").json().get("total") == 2, what="the earlier night is there again")
    after = Catalog(data)
    assert {n.id for n in after.nights()} == {old, night}
    again = after.night(old)
    assert (again.movements, again.periodic, again.duration_ns) == (
        before.movements,
        before.periodic,
        before.duration_ns,
    )
    assert Annotations(after).lights(old)[0] is not None
    assert after.night(night).movements > 5
    after.close()


def test_a_catalog_that_another_program_holds_is_waited_for(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with evening_of(air, tmp_path, data) as http:
        night = info(data).id
        with hold(data):
            at = recorded(data)
            until(lambda: recorded(data) > at + 1500, what="recording goes on")
            assert http.get("/nights", timeout=30).status_code == 200, "what is there can be read"
        until(lambda: status(http).get("night") == night, what="the catalog follows")
    assert [n.id for n in Catalog(data).nights()] == [night]


def test_a_recorder_that_is_killed_while_its_catalog_is_lost_goes_on_with_the_same_night(
    air: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    command = recorder(data, air)
    with sensor(air, tmp_path, "--speed", "30", scenario=FIVE_A_MINUTE):
        with started(*command) as first:
            until(lambda: recorded(data) > 3000, what="the night is recorded")
            night = info(data).id
            first.process.kill()
            first.process.wait()
        lose(data)
        at = recorded(data)
        with started(*command) as second:
            until(lambda: recorded(data) > at + 1500, what="recording goes on")
            catalog = Catalog(data)
            until(lambda: (state := catalog.recorder()) and state.night == night, what="the same night")
            state = catalog.recorder()
            assert state is not None
            assert state.trouble is not None
            assert state.trouble.code == "catalog_renewed"
            catalog.close()
            close_by_itself(second, data)
    catalog = Catalog(data)
    assert [n.id for n in catalog.nights()] == [night]
    catalog.close()
    assert not [r for r in records(data) if isinstance(r, Gap)], "what it missed is fetched"
