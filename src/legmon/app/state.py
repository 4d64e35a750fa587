"""What runs on a data folder now, for `legmon status`."""

import contextlib
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError

from legmon.app import running
from legmon.catalog.file import FILE
from legmon.catalog.state import RecorderState, SensorState
from legmon.catalog.store import Catalog
from legmon.errors import LegmonError
from legmon.messages import UNKNOWN_RUNS
from legmon.movement import NS
from legmon.recorder import presence

ALIVE_NS = 10 * NS
"""A recorder whose last report is older does not report any more."""


def what_runs(folder: Path) -> dict[str, Any]:
    """Return what runs on a data folder, as JSON.

    `supervisor` and `recorder` have a process id and a time, or are null. `night` is the night that is recorded. `sensors` are
    those of the recorder's last report. `data` is the folder. Where only a lock shows that legmon runs, no process is named.
    """
    supervisor = running.find_supervisor(folder)
    recorder = presence.recorder(folder)
    held = running.locks(folder)
    report = _report(folder) if recorder is not None else None
    return {
        "runs": supervisor is not None or recorder is not None or bool(held),
        "data": str(folder),
        "simulated": supervisor.simulated if supervisor else bool(report and report.simulated),
        "supervisor": running.as_json(supervisor) if supervisor else None,
        "recorder": {"pid": recorder.pid, "since": recorder.since_ns / NS} if recorder else None,
        "dashboard": {"pid": supervisor.dashboard} if supervisor and supervisor.dashboard else None,
        "pages": supervisor.pages or None if supervisor else None,
        "mode": report.mode if report else None,
        "night": report.night if report else None,
        "trouble": report.trouble.sentence if report and report.trouble else None,
        "sensors": [_sensor(s) for s in report.sensors] if report else [],
        "logs": str(folder / "logs"),
    }


def sentences(state: dict[str, Any]) -> list[str]:
    """Return the same for a person, one sentence a line."""
    if not state["runs"]:
        return [f"Nothing runs on {state['data']}."]
    if not state["supervisor"] and not state["recorder"]:
        return [UNKNOWN_RUNS.format(folder=state["data"])]
    lines = [f"The data folder is {state['data']}."]
    if supervisor := state["supervisor"]:
        lines.append(f"legmon runs since {_clock(supervisor['since'])} (process {supervisor['pid']}).")
        if state["pages"]:
            lines.append(
                f"Your pages are at {state['pages']} (this computer only; `legmon open` opens them)."
            )
    if recorder := state["recorder"]:
        alone = "" if supervisor else " A demo or a replay started it, or its supervisor is gone."
        since = _clock(recorder["since"])
        lines.append(f"The recorder runs since {since} (process {recorder['pid']}).{alone}")
    else:
        lines.append("The recorder does not run at the moment; it is started again.")
    if dashboard := state["dashboard"]:
        lines.append(f"The dashboard runs (process {dashboard['pid']}).")
    night, mode = state["night"], state["mode"]
    if night:
        lines.append(f"Night {night} is being recorded.")
    else:
        waits = {"check": "The sensor is being checked.", "record": "A night begins with its first samples."}
        lines.append(waits.get(mode, "No night is being recorded."))
    lines += [
        f"The {s['leg']} sensor: {s['link']}"
        + (f", battery {s['battery_percent']} %" if s["battery_percent"] is not None else "")
        + f", {s['samples']} samples."
        for s in state["sensors"]
    ]
    if state["trouble"]:
        lines.append(state["trouble"])
    return lines


def _clock(at: float) -> str:
    when = datetime.fromtimestamp(at, UTC).astimezone()
    is_today = when.date() == datetime.now(UTC).astimezone().date()
    return f"{when:%H:%M}" if is_today else f"{when:%Y-%m-%d %H:%M}"


def _report(folder: Path) -> RecorderState | None:
    """Return the recorder's last report, if it is new and the catalog can be read."""
    if not (folder / FILE).exists():
        return None
    with contextlib.suppress(LegmonError, DBAPIError), contextlib.closing(Catalog(folder)) as catalog:
        report = catalog.recorder()
        if report is not None and time.time_ns() - report.seen_ns < ALIVE_NS:
            return report
    return None


def _sensor(sensor: SensorState) -> dict[str, Any]:
    return {
        "leg": sensor.leg,
        "name": sensor.name,
        "link": sensor.link,
        "battery_percent": sensor.battery_percent,
        "samples": sensor.samples,
    }
