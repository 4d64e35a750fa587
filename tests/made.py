"""Data folders for tests, pictures and benchmarks: simulated nights of one leg or two, in any zone, with or without gaps."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from legmon.app.simulator import run_simulator
from legmon.catalog.store import CAPTURE, Catalog
from legmon.detection import detector
from legmon.exchange.capture import Capture, read_capture
from legmon.movement import NS, Leg
from legmon.recorder.night import NightRecorder
from legmon.recording.files import RecordingError
from legmon.recording.seal import inspect
from legmon.scoring.rules import RULES


def verify(first: Path) -> str:
    """Return the SHA-256 of the records of a closed recording; raise what is wrong with it."""
    found = inspect(first)
    if found.damage is not None:
        raise RecordingError(found.damage.detail)
    return found.records_sha256


@dataclass(frozen=True)
class Made:
    """A night to make: its local start, its zone, and the scenario of each leg; `lost` frames never arrive."""

    start: datetime
    legs: Mapping[Leg, str]
    zone: str = "Europe/Paris"
    lost: Iterable[tuple[int, int]] = field(default=())

    @property
    def start_ns(self) -> int:
        """Its start, ns UTC."""
        return round(self.start.replace(tzinfo=ZoneInfo(self.zone)).timestamp()) * NS


@cache
def _simulated(text: str) -> bytes:
    """Return the file of a simulated scenario. Many tests ask for the same few."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "night.yaml").write_text(text)
        run_simulator(["capture", str(folder / "night.yaml"), "-o", str(folder / "night.capture")])
        return (folder / "night.capture").read_bytes()


def captured(text: str, folder: Path, name: str) -> Capture:
    """Simulate a scenario."""
    (folder / f"{name}.capture").write_bytes(_simulated(text))
    return read_capture(folder / f"{name}.capture")


def make_night(catalog: Catalog, made: Made) -> str:
    """Record a night as the recorder does, both legs on one clock; returns its id."""
    offset = made.start.replace(tzinfo=ZoneInfo(made.zone)).utcoffset()
    seconds = round(offset.total_seconds()) if offset else 0
    local = datetime.fromtimestamp(made.start_ns / NS, UTC) + timedelta(seconds=seconds)
    night = catalog.begin(
        local.strftime("%Y-%m-%d-%H%M"),
        started_ns=made.start_ns,
        zone=(made.zone, seconds),
        simulated=True,
        rules=RULES,
        detector=f"{detector.NAME} {detector.VERSION}",
    )
    recorder = NightRecorder(catalog, night, simulated=True)
    end = made.start_ns
    with tempfile.TemporaryDirectory() as folder:
        for side, text in made.legs.items():
            capture = captured(text, Path(folder), side)
            for first, last in made.lost:
                del capture.notifications[first:last]
            leg = recorder.leg(side, capture.sensor, CAPTURE, capture.format)
            for at_us, frame in capture.frames():
                end = max(end, made.start_ns + at_us * 1000)
                leg.frame(frame, made.start_ns + at_us * 1000)
    recorder.close(end)
    return night


def scenario(
    seed: int,
    hours: float = 7.6,
    *,
    per_hour: float = 34,
    leg: Leg = "left",
    rate: int = 50,
    walks: bool = True,
) -> str:
    """A night like those of the demo, with two walks to the bathroom."""
    trips = f"[{{at: {0.35 * hours:.2f}h, for: 5m}}, {{at: {0.7 * hours:.2f}h, for: 4m}}]" if walks else "[]"
    return (
        f"name: made\nduration: {hours}h\nseed: {seed}\nleg: {leg}\nrate_hz: {rate}\n"
        f"movements_per_hour: {per_hour}\nbody: {{bathroom: {trips}}}\n"
        "disturb: {breath_mg: 3, pulse_mg: 1}\n"
    )


def evening(days_ago: int, hour: int = 22, minute: int = 45) -> datetime:
    """An evening of November 2026."""
    return datetime(2026, 11, 21, hour, minute) - timedelta(days=days_ago)  # noqa: DTZ001 (a wall clock; the zone comes later)


def past_nights(catalog: Catalog, count: int, *, hours: float = 7.6) -> list[str]:
    """So many nights in a row, the last on 21 November."""
    rates = (34, 14, 48, 22, 30, 41, 18, 27, 36, 25, 12, 44)
    return [
        make_night(
            catalog,
            Made(
                evening(count - 1 - n, 22, 20 + 3 * n),
                {"left": scenario(100 + n, hours, per_hour=rates[n % len(rates)])},
            ),
        )
        for n in range(count)
    ]


def copy_nights(catalog: Catalog, night: str, count: int) -> None:
    """Copy a night of one leg to so many evenings before it: ``copy-001`` and so on.

    The copies have the night's rows in the catalog but for every fifth movement, left out in turn, and share its recording
    file (hard links).
    """
    c = sqlite3.connect(catalog.folder / "catalog.sqlite")
    (leg,) = c.execute("SELECT id FROM legs WHERE night_id = ?", (night,)).fetchone()
    segment = catalog.segment(night, "left")
    with c:
        for n in range(1, count + 1):
            name, other, before = f"copy-{n:03}", str(leg + n), n * 24 * 3600 * NS
            _copy_rows(c, "nights", f"id = '{night}'", id=f"'{name}'", started_ns=f"started_ns - {before}")
            _copy_rows(c, "legs", f"id = {leg}", id=other, night_id=f"'{name}'")
            _copy_rows(c, "anchors", f"leg_id = {leg}", leg_id=other, utc_ns=f"utc_ns - {before}")
            _copy_rows(c, "movements", f"leg_id = {leg} AND (first + {n}) % 5", leg_id=other)
            for table in ("gaps", "derived"):
                _copy_rows(c, table, f"leg_id = {leg}", leg_id=other)
            copy = catalog.segment(name, "left")
            copy.parent.mkdir()
            os.link(segment, copy)
    c.close()


def _copy_rows(c: sqlite3.Connection, table: str, where: str, **changed: str) -> None:
    """Copy rows of a table, with other values in some columns."""
    names = [row[1] for row in c.execute(f"PRAGMA table_info({table})")]
    columns = ", ".join(f'"{n}"' for n in names)
    values = ", ".join(changed.get(n, f'"{n}"') for n in names)
    c.execute(f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table} WHERE {where}")  # noqa: S608
