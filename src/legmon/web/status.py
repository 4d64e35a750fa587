"""What is happening now: the recorder's report and the desired state, as the HTTP interface shows them."""

import contextlib
import time
from dataclasses import asdict

from legmon import __version__
from legmon.catalog.state import NightInfo, RecorderState, SensorState
from legmon.catalog.store import Catalog, UnknownNightError
from legmon.catalog.zone import local_zone
from legmon.movement import NS
from legmon.nights.report import zone
from legmon.scoring.live import Tally
from legmon.scoring.rules import RULES
from legmon.web import models as m
from legmon.web import models_evening as e

ALIVE_NS = 3 * NS


def status(catalog: Catalog) -> m.Status:
    """Return what is happening now; counts and movements are those of the recorder's last report."""
    recorder, wanted = catalog.recorder(), catalog.wanted()
    alive = recorder is not None and _is_alive(recorder)
    trouble = recorder.trouble if recorder and alive else None
    now = recorder.now_ns() if recorder and alive else time.time_ns()
    night = _running_night(catalog, recorder)
    counts = recorder.counts if recorder and night else Tally()
    named = (night.zone_name, night.utc_offset_s) if night else local_zone(now)
    return m.Status(
        version=__version__,
        simulated=recorder.simulated if recorder else False,
        recording=alive and night is not None,
        mode=wanted.mode,
        night=night.id if night else None,
        now=now / NS,
        speed=recorder.clock.speed if recorder and alive else 1.0,
        recorder_alive=alive,
        trouble=trouble.sentence if trouble else None,
        trouble_code=trouble.code if trouble else None,
        trouble_values=dict(trouble.values) if trouble else {},
        started=night.started_ns / NS if night else None,
        zone=zone(*named, night.started_ns if night else now, now),
        rules=RULES,
        **asdict(counts),
        confirmed=recorder.confirmed if recorder and night else Tally(),
        analysed_s=recorder.analysed_ns / NS if recorder and night else 0.0,
        sensors=[_sensor(s) for s in recorder.sensors] if recorder and alive else [],
        nearby=recorder.nearby if recorder and alive else [],
        chosen=e.Chosen(left=wanted.sensors.get("left"), right=wanted.sensors.get("right")),
        last_movements=recorder.last_movements if recorder and night else [],
    )


def _is_alive(recorder: RecorderState) -> bool:
    return time.time_ns() - recorder.seen_ns < ALIVE_NS


def alive_recorder(catalog: Catalog) -> RecorderState | None:
    """Return the recorder's report, None if the recorder no longer reports."""
    recorder = catalog.recorder()
    return recorder if recorder is not None and _is_alive(recorder) else None


def _running_night(catalog: Catalog, recorder: RecorderState | None) -> NightInfo | None:
    """Return the night that is recorded; None also if it has just left the list."""
    if recorder is None or recorder.night is None:
        return None
    with contextlib.suppress(UnknownNightError):
        return catalog.night(recorder.night)
    return None


def _sensor(s: SensorState) -> m.Sensor:
    values = {name: value for name, value in asdict(s).items() if name in m.Sensor.model_fields}
    return m.Sensor(**values, last_sample=None if s.last_sample_ns is None else s.last_sample_ns / NS)
