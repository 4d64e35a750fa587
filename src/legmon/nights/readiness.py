"""Whether everything is ready for the night: one list of checks for `legmon doctor` and for the page Tonight.

A check has an item and a code. The code decides its level and its sentence (`legmon.messages.READINESS`), so the doctor and the
page agree wherever they know the same facts. No I/O in here; `legmon.nights.machine` asks the machine.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Self

from legmon.catalog.annotations import Check
from legmon.catalog.recording_files import Custody
from legmon.catalog.state import ApiValue, SensorState, about
from legmon.limits import (
    BATTERY_NIGHT_H,
    CLOCK_JUMP_S,
    DISK_NIGHT_S,
    LOW_PERCENT,
    NEEDED_BYTES,
    OLDEST_YEAR,
    ROOMY_BYTES,
    WEAK_DBM,
)
from legmon.link.inhibitor import Wakefulness
from legmon.messages import (
    BLUETOOTH_FIXES,
    NETWORK_TIME,
    READINESS,
    Level,
    LinkCode,
    fit_values,
    sensor_words,
)
from legmon.movement import NS
from legmon.night.fit import RATE_WITHIN
from legmon.sensors.base import HeardSensor, strongest_first

NAMED_NIGHTS = 5

RadioTrouble = Literal["absent", "service", "off", "denied", "classic", "hci", "unknown"]
"""Why the radio does not scan."""


@dataclass(frozen=True, slots=True)
class ReadinessCheck:
    """One line of the list.

    Parameters
    ----------
    item : str
        The thing that was checked.
    code : str
        The result of the check. `legmon.messages.READINESS` lists the codes of every item.
    values : mapping of str to float
        The numbers, by the names that translations use.
    words : mapping of str to str
        The parts of the sentence that are not numbers.
    """

    item: str
    code: str
    values: Mapping[str, float] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def level(self) -> Level:
        """Whether this is ready, worth a look, or a reason not to start."""
        return READINESS[self.item][self.code].level

    @property
    def sentence(self) -> str:
        """The result of the check, in English."""
        text = READINESS[self.item][self.code].sentence.format(**self.values, **self.words)
        return text[:1].upper() + text[1:] if self.item in {"battery", "link"} else text

    @property
    def advice(self) -> str:
        """The action to take, in English; empty if there is none."""
        return READINESS[self.item][self.code].advice.format(**self.values, **self.words)

    def answer(self) -> dict[str, Any]:
        """Return the check as a JSON object."""
        return {
            "item": self.item,
            "level": self.level,
            "code": self.code,
            "values": dict(self.values),
            "sentence": self.sentence,
            "advice": self.advice,
        }


def worst(checks: Iterable[ReadinessCheck]) -> Level:
    """Return the most serious level of several checks."""
    levels = {c.level for c in checks}
    return "stop" if "stop" in levels else "look" if "look" in levels else "ok"


# what both know


@dataclass(frozen=True, slots=True)
class DiskRoom(ApiValue):
    """How many nights still fit on the disk, each with a sensor on both legs."""

    free_bytes: int = field(metadata=about("on the disk of the data folder"))
    recording_bytes: float = field(metadata=about("what a night takes until it is closed"))
    night_bytes: float = field(metadata=about("what a night takes for good"))
    measured_nights: int = field(
        metadata=about("nights on which `night_bytes` was measured; 0 if it is estimated")
    )
    nights: int = field(metadata=about("that still fit"))
    night_hours: float = DISK_NIGHT_S / 3600
    sensors: int = 2

    @classmethod
    def of(
        cls, free_bytes: int, estimate: float, kept: float | None = None, measured_nights: int = 0
    ) -> Self:
        """Return the room for nights.

        Parameters
        ----------
        free_bytes : int
            Room on the disk.
        estimate : float
            Bytes that one sensor writes in a second.
        kept : float, optional
            Bytes per sensor and second that earlier nights take; `estimate` if there are none.
        measured_nights : int
            How many nights these are.
        """
        night = (estimate if kept is None else kept) * DISK_NIGHT_S * 2
        recording = max(estimate * DISK_NIGHT_S * 2, night)
        nights = 0 if free_bytes < recording else 1 + int((free_bytes - recording) / max(night, 1.0))
        return cls(free_bytes, recording, night, measured_nights, nights)


def disk(room: DiskRoom) -> ReadinessCheck:
    """Check the room on the disk."""
    free = room.free_bytes
    code = "full" if free < NEEDED_BYTES else "little" if free < ROOMY_BYTES else "ok"
    basis = f"measured on {_count(room.measured_nights, 'night')}" if room.measured_nights else "estimated"
    words = {
        "free": _size(free),
        "needed": _size(NEEDED_BYTES),
        "nights_text": f"{_count(room.nights, 'night')} of {_size(room.night_bytes)}",
        "basis": f"{room.night_hours:.0f} h, two sensors, {basis}",
    }
    return ReadinessCheck("disk", code, {"gb": free / 1e9, "nights": float(room.nights)}, words)


def clock(
    now_ns: int,
    *,
    newest_ns: int | None = None,
    synchronised: bool | None = None,
    jump_s: float = 0.0,
) -> ReadinessCheck:
    """Check whether nights get the right time.

    Parameters
    ----------
    now_ns : int
        The time that the clock shows, ns UTC.
    newest_ns : int or None
        The end of the newest night; None if there is none.
    synchronised : bool or None
        Whether the system reports that it follows a time server; None if it does not report it.
    jump_s : float
        By how much the clock was set during the check; 0 if this was not checked.
    """
    year = datetime.fromtimestamp(now_ns / NS, UTC).year
    values = {"now": now_ns / NS, "year": float(year), "jump_s": jump_s}
    if year < OLDEST_YEAR:
        code = "wrong_year"
    elif newest_ns is not None and now_ns < newest_ns:
        code = "early"
    elif abs(jump_s) > CLOCK_JUMP_S:
        code = "was_set"
    else:
        code = "not_synchronised" if synchronised is False else "ok"
    state = "follows a time server" if synchronised else "runs evenly; whether it is right is not known here"
    return ReadinessCheck("clock", code, values, {"state": state, "network_time": NETWORK_TIME})


def battery(percent: int | None, drain_per_hour: float | None, name: str = "") -> ReadinessCheck:
    """Check the charge of a sensor.

    Parameters
    ----------
    percent : int or None
        The charge; None if the sensor does not report it.
    drain_per_hour : float or None
        Percent per hour on earlier nights; None before the first night.
    name : str
        The name of the sensor, if there are several.
    """
    words = {"of": f"{name}: " if name else ""}
    if percent is None:
        return ReadinessCheck("battery", "unknown", words=words)
    values = {"percent": float(percent)}
    if drain_per_hour is None:
        return ReadinessCheck("battery", "low" if percent < LOW_PERCENT else "percent", values, words)
    nights = int(percent / (drain_per_hour * BATTERY_NIGHT_H))
    words["nights_text"] = _count(nights, "night")
    return ReadinessCheck("battery", "nights" if nights else "low", values | {"nights": float(nights)}, words)


def link(rssi_dbm: float | None, name: str = "") -> ReadinessCheck:
    """Check the signal strength of a sensor; None if it is not known."""
    words = {"of": f"{name}: " if name else ""}
    if rssi_dbm is None:
        return ReadinessCheck("link", "unknown", words=words)
    return ReadinessCheck("link", "weak" if rssi_dbm < WEAK_DBM else "ok", {"dbm": float(rssi_dbm)}, words)


def computer(state: Wakefulness) -> list[ReadinessCheck]:
    """Check whether the computer stays awake: legmon's lock, the mains, and the lid."""
    mains = "unknown" if state.on_mains is None else "plugged" if state.on_mains else "battery"
    return [
        ReadinessCheck("sleep", state.lock, words={"words": f" ({state.why})" if state.why else ""}),
        ReadinessCheck("mains", mains),
        ReadinessCheck("lid", state.lid),
    ]


# the recorder is connected to the sensors, so only the page can check this


def tonight(
    sensors: Sequence[SensorState],
    *,
    disk: ReadinessCheck,
    clock: ReadinessCheck,
    wakefulness: Wakefulness,
    drain_per_hour: float | None = None,
    fits: Sequence[Check | None] = (),
) -> list[ReadinessCheck]:
    """Return the list of the page Tonight, each item once.

    Parameters
    ----------
    sensors : sequence of SensorState
        What the recorder reports of them.
    disk, clock : ReadinessCheck
        Of this machine.
    wakefulness : Wakefulness
        Whether it stays awake, as the recorder reports it.
    drain_per_hour : float or None
        Battery percent that an hour took on earlier nights.
    fits : sequence of (Check or None)
        This evening's fit check of each leg.
    """
    checks = [_fit(check) for check in fits] or [_fit(None)]
    fit = next((check for check in checks if check.code != "ok"), checks[0])
    return [*_sensors(sensors, drain_per_hour), fit, disk, clock, *computer(wakefulness)]


def _fit(check: Check | None) -> ReadinessCheck:
    if check is None:
        return ReadinessCheck("fit", "none")
    if not check.fit.problems:
        return ReadinessCheck("fit", "ok")
    return ReadinessCheck("fit", check.fit.problems[0], fit_values(check.fit.toes, check.fit.ratio))


def _sensors(sensors: Sequence[SensorState], drain_per_hour: float | None) -> list[ReadinessCheck]:
    streaming = [s for s in sensors if s.link == "streaming"]
    if not streaming:
        return [_no_sensor(sensors)]
    levels = [s.battery_percent for s in streaming if s.battery_percent is not None]
    signals = [s.rssi_dbm for s in streaming if s.rssi_dbm is not None]
    return [
        _one_missing(sensors) or ReadinessCheck("sensor", "streaming"),
        battery(min(levels, default=None), drain_per_hour),
        link(min(signals, default=None)),
        _rate(streaming),
        _worn(streaming),
    ]


def _no_sensor(sensors: Sequence[SensorState]) -> ReadinessCheck:
    """Return why nothing arrives; a failure goes before the search for the sensor."""
    for s in sensors:
        if s.detail_code == LinkCode.SENSOR_REFUSED:
            return _sensor(s.detail_code, sensor_words(s.detail))
        if s.detail_code in {LinkCode.BLUETOOTH_GONE, LinkCode.NOT_PAIRED}:
            return _sensor(s.detail_code)
    return _sensor(sensors[0].link if sensors else "off")


def _one_missing(sensors: Sequence[SensorState]) -> ReadinessCheck | None:
    """Return which of two sensors does not send, and its reason if it reports one."""
    for s in sensors:
        if s.link != "streaming":
            refused = s.detail_code == LinkCode.SENSOR_REFUSED
            return _sensor(f"{s.leg}_missing", sensor_words(s.detail) if refused else "")
    return None


def _sensor(code: str, words: str = "") -> ReadinessCheck:
    return ReadinessCheck("sensor", code, words={"sensor_words": words})


def _rate(streaming: Sequence[SensorState]) -> ReadinessCheck:
    known = [(s.measured_rate_hz, s.declared_rate_hz) for s in streaming if s.measured_rate_hz]
    off = [hz for hz, declared in known if declared and abs(hz / declared - 1) > RATE_WITHIN]
    if off:
        return ReadinessCheck("rate", "off", {"hz": off[0]})
    return ReadinessCheck("rate", "ok", {"hz": known[0][0]}) if known else ReadinessCheck("rate", "measuring")


def _worn(streaming: Sequence[SensorState]) -> ReadinessCheck:
    worn = [s.worn for s in streaming]
    if any(s.charging for s in streaming):
        return ReadinessCheck("worn", "charging")
    if False in worn:
        return ReadinessCheck("worn", "not_worn")
    return ReadinessCheck("worn", "worn" if True in worn else "unknown")


# what only the doctor looks at


def bluetooth(trouble: RadioTrouble | None, radio: str, platform: str) -> ReadinessCheck:
    """Check whether the radio scans.

    Parameters
    ----------
    trouble : str or None
        Why it does not.
    radio : str
        Which radio it is, or what the system said about the trouble.
    platform : str
        As ``sys.platform``.
    """
    fixes = BLUETOOTH_FIXES.get(trouble or "", {"": ""})
    words = {"radio": radio[:1].upper() + radio[1:] if trouble == "hci" else radio}
    return ReadinessCheck("bluetooth", trouble or "ok", words=words | {"fix": fixes.get(platform, fixes[""])})


def heard(
    sensors: Sequence[HeardSensor],
    titles: Mapping[str, str],
    others: int,
    seconds: float,
    drain_per_hour: float | None = None,
) -> list[ReadinessCheck]:
    """Check the sensors that the scan found, the strongest first: family, charge and signal of each.

    Parameters
    ----------
    sensors : sequence of HeardSensor
        Each with a driver.
    titles : mapping of str to str
        What a person calls the sensors of a driver.
    others : int
        How many other devices the scan found.
    seconds : float
        For how long the radio listened.
    drain_per_hour : float or None
        Battery percent that an hour took on earlier nights.
    """
    if not sensors:
        devices = {"others": _count(others, "other device")}
        return [ReadinessCheck("sensor", "none_heard", {"seconds": seconds}, devices)]
    checks: list[ReadinessCheck] = []
    for sensor in sorted(sensors, key=strongest_first):
        name = sensor.name or "unnamed"
        kind = titles.get(sensor.driver or "", sensor.driver or "")
        words = {"name": name, "address": sensor.address}
        words["kind"] = f"{kind}, {sensor.side} leg" if sensor.side else kind
        checks.append(ReadinessCheck("sensor", "heard", words=words))
        checks.append(link(sensor.rssi_dbm, name))
        if sensor.battery_percent is not None:  # else the charge is known only once it is connected
            checks.append(battery(sensor.battery_percent, drain_per_hour, name))
    return checks


def folder(path: str, trouble: str | None, *, exists: bool, others_read: bool) -> ReadinessCheck:
    """Check whether nights can be written to the folder. `trouble` is the reason if they cannot."""
    if trouble is not None:
        return ReadinessCheck("folder", "not_writable", words={"path": path, "why": trouble})
    code = "read_by_others" if others_read else "ok" if exists else "to_be_made"
    return ReadinessCheck("folder", code, words={"path": path})


def catalog(path: str, trouble: str) -> ReadinessCheck:
    """Return the check for a catalog that cannot be opened."""
    return ReadinessCheck("folder", "catalog", words={"path": path, "why": trouble})


def lost_catalog(path: str, kind: str) -> ReadinessCheck:
    """Return the check for a catalog that legmon makes anew at its next start."""
    codes = {"damaged": "catalog_damaged", "unknown": "catalog_older"}
    return ReadinessCheck("folder", codes.get(kind, "catalog_missing"), words={"path": path})


def recordings(known: Custody, now_ns: int) -> ReadinessCheck:
    """Check whether the recordings are what was sealed.

    Parameters
    ----------
    known : Custody
        What the catalog knows of them.
    now_ns : int
        The time, ns UTC.
    """
    days = math.ceil(max(now_ns - (known.oldest_ns or now_ns), 0) / NS / 86400)
    values = {"recordings": float(known.sealed), "days": float(days)}
    words = {"recordings_text": _count(known.sealed, "recording"), "days_text": _count(days, "day")}
    for code, nights in (("damaged", known.damaged), ("not_verified", known.not_verified)):
        if nights:
            more = f" and {len(nights) - NAMED_NIGHTS} more" if len(nights) > NAMED_NIGHTS else ""
            words["nights_text"] = ", ".join(nights[:NAMED_NIGHTS]) + more
            return ReadinessCheck("recordings", code, values | {"nights": float(len(nights))}, words)
    return ReadinessCheck("recordings", "ok" if known.sealed else "none", values, words)


def zone(name: str | None, offset_s: int) -> ReadinessCheck:
    """Check whether nights get the right hour of the day; None for a time zone that is not known."""
    if name is None:
        return ReadinessCheck("zone", "unknown")
    minutes = abs(offset_s) // 60
    offset = f"{'-' if offset_s < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"
    return ReadinessCheck("zone", "ok", words={"zone": name, "offset": offset})


def cache(path: str, *, writable: bool) -> ReadinessCheck:
    """Check whether the compiled detector can be kept."""
    return ReadinessCheck("cache", "ok" if writable else "not_writable", words={"path": path})


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _size(count: float) -> str:
    if count < 1e9:
        return f"{count / 1e6:.0f} MB"
    return f"{count / 1e9:.1f} GB" if count < 1e11 else f"{count / 1e9:.0f} GB"
