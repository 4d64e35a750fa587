"""What `legmon doctor` makes of what it found: one line a check, and what to do. No I/O in here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from legmon.limits import LOW_PERCENT, NEEDED_BYTES, ROOMY_BYTES, WEAK_DBM
from legmon.movement import Leg

Verdict = Literal["ok", "look", "stop"]
Trouble = Literal["absent", "service", "off", "denied", "classic", "hci", "unknown"]

NIGHT_S, NIGHT_LEGS = 10 * 3600, 2
JUMP_S = 0.2
OLDEST_YEAR = 2025  # a computer without a clock of its own begins in 1970 or with its last shutdown


@dataclass(frozen=True, slots=True)
class Check:
    """One line.

    Parameters
    ----------
    name : str
        What was looked at.
    verdict : {"ok", "look", "stop"}
        `look` is worth a look before the night, `stop` means that there would be no night.
    found : str
        What was found, a sentence.
    advice : str
        What to do; empty when nothing.
    """

    name: str
    verdict: Verdict
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """A sensor that advertises. None where it does not say."""

    name: str
    address: str
    driver: str
    side: Leg | None
    rssi_dbm: int
    battery: int | None


_OFF = {
    "linux": "Switch it on: `bluetoothctl power on`; where that fails, `rfkill unblock bluetooth`.",
    "darwin": "Switch Bluetooth on in the System Settings.",
    "win32": "Switch Bluetooth on in the Settings.",
}
_DENIED = {
    "linux": "Add yourself to the group: `sudo usermod -aG bluetooth $USER`, then log out and in again.",
    "darwin": "Allow your terminal in System Settings, Privacy & Security, Bluetooth; then start it again.",
    "win32": "Allow desktop apps to use Bluetooth in Settings, Privacy.",
}
_ABSENT = "Plug in a Bluetooth adapter (4.2 or later), or try `legmon demo`, which needs none."


def bluetooth(trouble: Trouble | None, detail: str, platform: str) -> Check:
    """Judge whether the radio scans.

    Parameters
    ----------
    trouble : str or None
        Why it does not.
    detail : str
        Which radio it is, or what was said about the trouble.
    platform : str
        As ``sys.platform``.
    """
    name = "bluetooth"
    if trouble is None:
        return Check(name, "ok", f"{detail} is there and scans.")
    found, advice = {
        "absent": ("This computer has no Bluetooth adapter.", _ABSENT),
        "service": (
            "The Bluetooth service does not run.",
            "Start it: `sudo systemctl enable --now bluetooth`. Without an adapter, `legmon demo` needs none.",
        ),
        "off": ("Bluetooth is switched off.", _OFF.get(platform, "Switch Bluetooth on.")),
        "denied": ("legmon may not use Bluetooth.", _DENIED.get(platform, "Allow it in the settings.")),
        "classic": ("The Bluetooth adapter has no Low Energy.", _ABSENT),
        "hci": (
            f"{detail[:1].upper()}{detail[1:]}.",
            "Is it plugged in, is the path right, may you open it? Else pull it out and plug it in again.",
        ),
        "unknown": (f"Bluetooth does not answer: {detail}.", "Switch Bluetooth off and on again."),
    }[trouble]
    return Check(name, "stop", found, advice)


def sensors(heard: Sequence[Heard], others: int, seconds: float) -> list[Check]:
    """Judge what was heard: a line for each sensor, or one that says that there was none."""
    if not heard:
        found = f"No sensor in {seconds:.0f} s; {others} other {_plural(others, 'device')}."
        advice = "Is it on, charged, near, and not connected to another program or phone?"
        return [Check("sensor", "look", found, advice)]
    return [_sensor(each) for each in sorted(heard, key=lambda h: -h.rssi_dbm)]


def _sensor(heard: Heard) -> Check:
    leg = f", {heard.side} leg" if heard.side else ""
    charge = f", battery {heard.battery} %" if heard.battery is not None else ""
    found = f"{heard.name} ({heard.address}), {heard.driver}{leg}: {heard.rssi_dbm} dBm{charge}."
    advice = []
    if heard.battery is not None and heard.battery < LOW_PERCENT:
        advice.append("Charge it before the night.")
    if heard.rssi_dbm < WEAK_DBM:
        advice.append("Weak signal: put the computer nearer, at the foot end of the bed.")
    return Check("sensor", "look" if advice else "ok", found, " ".join(advice))


def folder(path: str, trouble: str | None, *, exists: bool, others_read: bool) -> Check:
    """Judge whether nights can be written; `trouble` says why not."""
    if trouble is not None:
        return Check(
            "folder",
            "stop",
            f"{path} cannot be written: {trouble}.",
            "Name another with --data, or make it yours.",
        )
    if others_read:
        advice = f"Nights are nobody else's business: `chmod 700 {path}`."
        return Check("folder", "look", f"{path} can be read by others on this computer.", advice)
    return Check("folder", "ok", f"{path} can be written{'' if exists else ' and will be made'}.")


def disk(free_bytes: int, bytes_per_second: float) -> Check:
    """Judge for how many nights there is room, with a sensor on each leg."""
    night = bytes_per_second * NIGHT_S * NIGHT_LEGS
    nights = int(free_bytes / night)
    found = f"{_size(free_bytes)} free, {nights} {_plural(nights, 'night')} of {_size(night)} (two sensors)."
    if free_bytes < NEEDED_BYTES:
        advice = (
            f"A night wants {_size(NEEDED_BYTES)} free, for faster sensors and what other programs write."
            " Make room, or name a folder on another disk with --data."
        )
        return Check("disk", "stop", found, advice)
    if free_bytes < ROOMY_BYTES:
        return Check("disk", "look", found, "Make room soon.")
    return Check("disk", "ok", found)


def clock(year: int, jump_s: float, *, synchronised: bool | None) -> Check:
    """Judge whether nights get the right time.

    Parameters
    ----------
    year : int
        What the clock says.
    jump_s : float
        By how much it was set while we looked.
    synchronised : bool or None
        Whether the system says that it follows a time server; None where it does not tell.
    """
    keep = "Switch network time on (on Linux `sudo timedatectl set-ntp true`)."
    if year < OLDEST_YEAR:
        return Check("clock", "stop", f"The clock says it is {year}.", f"Set it. {keep}")
    if abs(jump_s) > JUMP_S:
        found = f"The clock was set by {jump_s:+.1f} s while we looked."
        return Check("clock", "look", found, "Wait until it has settled, then look again.")
    if synchronised is False:
        return Check("clock", "look", "The clock follows no time server; nights may get a wrong time.", keep)
    said = "follows a time server" if synchronised else "runs evenly; whether it is right is not known here"
    return Check("clock", "ok", f"The clock {said}.")


def zone(name: str | None, offset_s: int) -> Check:
    """Judge whether nights get the right hour of the day; None for a zone that is not known."""
    if name is None:
        advice = (
            "Set the time zone of this computer (on Linux `sudo timedatectl set-timezone Europe/Berlin`)."
        )
        return Check("zone", "look", "The time zone is not known; nights are shown in UTC.", advice)
    minutes = abs(offset_s) // 60
    sign = "-" if offset_s < 0 else "+"
    return Check("zone", "ok", f"{name}, UTC{sign}{minutes // 60:02d}:{minutes % 60:02d}.")


def cache(path: str, *, writable: bool) -> Check:
    """Judge whether the compiled detector can be kept."""
    if writable:
        return Check("cache", "ok", f"The compiled detector is kept in {path}.")
    advice = "Make the folder yours, or name another with NUMBA_CACHE_DIR."
    return Check(
        "cache",
        "look",
        f"{path} cannot be written; the detector is compiled anew at every start (seconds).",
        advice,
    )


def worst(checks: Sequence[Check]) -> Verdict:
    """Verdict on all of them."""
    verdicts = {c.verdict for c in checks}
    return "stop" if "stop" in verdicts else "look" if "look" in verdicts else "ok"


def _plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"


def _size(count: float) -> str:
    if count < 1e9:
        return f"{count / 1e6:.0f} MB"
    return f"{count / 1e9:.1f} GB" if count < 1e11 else f"{count / 1e9:.0f} GB"
