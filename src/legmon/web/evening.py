"""The evening: which sensor a leg has, and the list before the night."""

import shutil
from collections.abc import Sequence

from legmon.catalog.annotations import Annotations, Check
from legmon.catalog.state import BOTH, RecorderState, SensorState
from legmon.catalog.store import Catalog
from legmon.limits import LOW_PERCENT, NEEDED_BYTES, ROOMY_BYTES, WEAK_DBM
from legmon.messages import LinkCode, ProblemCode, sensor_words
from legmon.movement import NS, Leg
from legmon.night.fit import RATE_WITHIN
from legmon.nights.report import fit_result
from legmon.web import models_evening as e
from legmon.web.problems import RefusedError

NIGHT_H = 8.0


def choose(catalog: Catalog, recorder: RecorderState | None, leg: Leg, address: str | None) -> e.Chosen:
    """Choose the sensor of a leg; if the other leg has this sensor, the two change places.

    Raises
    ------
    RefusedError
        If no such sensor is near, or a night is being recorded.
    """
    wanted = catalog.wanted()
    if wanted.mode == "record":
        raise RefusedError(
            409, ProblemCode.RECORDING, "A night is being recorded; stop it before you choose another sensor."
        )
    held = {s.leg: s.address for s in recorder.sensors if s.address} if recorder else {}
    near = {n.address for n in recorder.nearby} if recorder else set()
    if address is not None and address not in near | {*held.values(), *wanted.sensors.values()}:
        raise RefusedError(
            404,
            ProblemCode.SENSOR_NOT_NEAR,
            f"No sensor {address!r} is heard near here; switch it on and look again.",
        )
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


def preflight(
    sensors: Sequence[SensorState],
    *,
    free_bytes: int,
    drain_per_hour: float | None,
    fits: Sequence[Check | None],
    now_ns: int,
    newest_ns: int | None,
) -> list[e.PreflightItem]:
    """Return, for each thing a night needs, whether it is OK, worth a look, or a reason not to start.

    Parameters
    ----------
    sensors : sequence of SensorState
        As the recorder reports them.
    free_bytes : int
        Room on the disk.
    drain_per_hour : float or None
        Battery percent that an hour used in earlier nights.
    fits : sequence of (Check or None)
        This evening's check of each leg.
    now_ns, newest_ns : int
        The clock, and the end of the newest night.
    """
    items = [*_sensor_items(sensors, drain_per_hour)]
    codes = ["none" if c is None else c.fit.problems[0] if c.fit.problems else "ok" for c in fits] or ["none"]
    worst = next((code for code in codes if code != "ok"), "ok")
    items.append(_item("fit", "ok" if worst == "ok" else "look", worst))
    gigabytes = {"gb": free_bytes / 1e9}
    level = "stop" if free_bytes < NEEDED_BYTES else "look" if free_bytes < ROOMY_BYTES else "ok"
    items.append(_item("disk", level, {"stop": "full", "look": "little", "ok": "ok"}[level], gigabytes))
    early = newest_ns is not None and now_ns < newest_ns
    items.append(_item("clock", "look" if early else "ok", "early" if early else "ok", {"now": now_ns / NS}))
    return items


def _sensor_items(sensors: Sequence[SensorState], drain: float | None) -> list[e.PreflightItem]:
    streaming = [s for s in sensors if s.link == "streaming"]
    if not streaming:
        return [_no_sensor(sensors)]
    items = [_missing(sensors) or _item("sensor", "ok", "streaming")]
    levels = [s.battery_percent for s in streaming if s.battery_percent is not None]
    if not levels:
        items.append(_item("battery", "look", "unknown"))
    else:
        percent = min(levels)
        values = {"percent": float(percent)}
        nights = None if drain is None else percent / (drain * NIGHT_H)
        if nights is not None:
            values["nights"] = float(int(nights))
        short = percent < LOW_PERCENT if nights is None else nights < 1
        code = "low" if short else "percent" if nights is None else "nights"
        items.append(_item("battery", "look" if short else "ok", code, values))
    signals = [s.rssi_dbm for s in streaming if s.rssi_dbm is not None]
    weak = bool(signals) and min(signals) < WEAK_DBM
    code = "weak" if weak else "ok" if signals else "unknown"
    items.append(
        _item("link", "look" if weak else "ok", code, {"dbm": float(min(signals))} if signals else {})
    )
    off = [
        s.measured_rate_hz
        for s in streaming
        if s.measured_rate_hz
        and s.declared_rate_hz
        and abs(s.measured_rate_hz / s.declared_rate_hz - 1) > RATE_WITHIN
    ]
    known = [s.measured_rate_hz for s in streaming if s.measured_rate_hz]
    code = "off" if off else "ok" if known else "measuring"
    rate = off or known
    items.append(_item("rate", "look" if off else "ok", code, {"hz": rate[0]} if rate else {}))
    items.append(_worn(streaming))
    return items


def _no_sensor(sensors: Sequence[SensorState]) -> e.PreflightItem:
    """Return why no sensor sends; a named reason comes before the state of the search."""
    for s in sensors:
        if s.detail_code == LinkCode.SENSOR_REFUSED:
            return _item("sensor", "stop", s.detail_code, text=sensor_words(s.detail))
        if s.detail_code in {LinkCode.BLUETOOTH_GONE, LinkCode.NOT_PAIRED}:
            return _item("sensor", "stop", s.detail_code)
    return _item("sensor", "stop", sensors[0].link if sensors else "off")


def _missing(sensors: Sequence[SensorState]) -> e.PreflightItem | None:
    """Return which of two sensors does not send, with its own reason if it has one."""
    for s in sensors:
        if s.link != "streaming":
            refused = s.detail_code == LinkCode.SENSOR_REFUSED
            return _item("sensor", "look", f"{s.leg}_missing", text=sensor_words(s.detail) if refused else "")
    return None


def _worn(streaming: Sequence[SensorState]) -> e.PreflightItem:
    worn = [s.worn for s in streaming]
    if any(s.charging for s in streaming):
        return _item("worn", "look", "charging")
    if False in worn:
        return _item("worn", "look", "not_worn")
    return _item("worn", "ok", "worn") if True in worn else _item("worn", "look", "unknown")


def _item(
    item: str, level: str, code: str, values: dict[str, float] | None = None, *, text: str = ""
) -> e.PreflightItem:
    line = {"item": item, "level": level, "code": code, "values": values or {}, "text": text}
    return e.PreflightItem.model_validate(line)


def evening_list(
    catalog: Catalog,
    annotations: Annotations,
    drain: float | None,
    now_ns: int,
    sensors: Sequence[SensorState],
) -> e.Preflight:
    """Return the list before the night for this data folder."""
    nights = catalog.nights(limit=1)
    chosen = e.Settings(**annotations.settings()).leg
    legs: list[Leg] = list(BOTH) if chosen == "both" else [chosen] if chosen else [s.leg for s in sensors]
    checks = [annotations.check_of(leg, now_ns) for leg in legs]
    items = preflight(
        sensors,
        free_bytes=shutil.disk_usage(catalog.folder).free,
        drain_per_hour=drain,
        fits=checks,
        now_ns=now_ns,
        newest_ns=nights[0].started_ns + nights[0].duration_ns if nights else None,
    )
    return e.Preflight(
        legs=legs,
        items=items,
        may_start=not any(i.level == "stop" for i in items),
        data_folder=str(catalog.folder),
        fits=[fit_result(c) for c in checks if c],
    )
