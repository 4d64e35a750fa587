"""The evening: which sensor a leg has, and the list before the night."""

import time
from collections.abc import Sequence

from legmon.catalog.annotations import Annotations
from legmon.catalog.state import BOTH, RecorderState, SensorState
from legmon.catalog.store import Catalog
from legmon.link.inhibitor import Wakefulness
from legmon.messages import ProblemCode
from legmon.movement import Leg
from legmon.nights import machine
from legmon.nights.readiness import ReadinessCheck, worst
from legmon.nights.report import fit_result
from legmon.web import models_evening as e
from legmon.web.problems import RefusedError


def choose(catalog: Catalog, recorder: RecorderState | None, leg: Leg, address: str | None) -> e.Chosen:
    """Choose the sensor of a leg; if the other leg has this sensor, the two change places.

    Raises
    ------
    RefusedError
        If no such sensor is near, or a night is being recorded.
    """
    wanted = catalog.wanted()
    if wanted.mode == "record":
        raise RefusedError(409, ProblemCode.RECORDING)
    held = {s.leg: s.address for s in recorder.sensors if s.address} if recorder else {}
    near = {n.address for n in recorder.nearby} if recorder else set()
    if address is not None and address not in near | {*held.values(), *wanted.sensors.values()}:
        raise RefusedError(404, ProblemCode.SENSOR_NOT_NEAR, address=address)
    has = held | wanted.sensors
    other: Leg = "right" if leg == "left" else "left"
    sensors = {k: v for k, v in wanted.sensors.items() if k != leg}
    if address is not None:
        sensors[leg] = address
        if has.get(other) == address:
            sensors.pop(other, None)
            if (before := has.get(leg)) is not None and before != address:
                sensors[other] = before
    catalog.choose(sensors)
    return e.Chosen(left=sensors.get("left"), right=sensors.get("right"))


def evening_list(
    catalog: Catalog, annotations: Annotations, drain: float | None, recorder: RecorderState | None
) -> e.Preflight:
    """Return the list before the night, for this data folder."""
    sensors: Sequence[SensorState] = recorder.sensors if recorder else []
    now_ns = recorder.now_ns() if recorder else time.time_ns()
    chosen = e.Settings.of(annotations.settings()).leg
    legs: list[Leg] = list(BOTH) if chosen == "both" else [chosen] if chosen else [s.leg for s in sensors]
    simulated = recorder is not None and recorder.simulated
    checks = machine.tonight(
        catalog,
        annotations,
        legs,
        sensors,
        now_ns=now_ns,
        simulated=simulated,
        wakefulness=recorder.computer if recorder else Wakefulness(),
        drain_per_hour=drain,
    )
    fits = [annotations.check_of(leg, now_ns) for leg in legs]
    return e.Preflight(
        legs=legs,
        items=[preflight_item(c) for c in checks],
        may_start=worst(checks) != "stop",
        data_folder=str(catalog.folder),
        fits=[fit_result(c) for c in fits if c],
    )


def preflight_item(check: ReadinessCheck) -> e.PreflightItem:
    """Return a check as the pages get it: they translate its code, and show what the sensor itself says as it is."""
    return e.PreflightItem.model_validate(
        {
            "item": check.item,
            "level": check.level,
            "code": check.code,
            "values": dict(check.values),
            "text": check.words.get("sensor_words", ""),
        }
    )
