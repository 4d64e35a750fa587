"""Keeps the computer awake while a night is recorded, and reports what may still send it to sleep.

Linux: an inhibitor lock of logind, held as an open file descriptor over D-Bus. macOS: `caffeinate`, which ends with this process.
Windows: `SetThreadExecutionState`. Each lock ends by itself when the recorder dies, so that a crash keeps no computer awake.
"""

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

log = logging.getLogger(__name__)

ANSWER_S: Final = 5.0
LOOK_S: Final = 30.0
"""Between two looks at the computer: somebody may pull the plug."""
LOGIND, MANAGER, PATH = "org.freedesktop.login1", "org.freedesktop.login1.Manager", "/org/freedesktop/login1"
WHAT: Final = "sleep:idle"
"""What the lock stops. A closed lid is not part of it, since logind wants more rights for that."""
MAINS: Final = Path("/sys/class/power_supply")
ACPI: Final = Path("/proc/acpi")

Held = Literal["held", "released", "refused", "unavailable", "unknown"]
Lid = Literal["sleeps", "stays_awake", "no_lid", "unknown"]


@dataclass(frozen=True, slots=True)
class Wakefulness:
    """Whether the computer stays awake.

    Parameters
    ----------
    lock : {"held", "released", "refused", "unavailable", "unknown"}
        The state of the lock: `released` where it can be held and is not; `unavailable` where this system has no way to ask for
        one; `unknown` where nobody has asked yet.
    on_mains : bool or None
        Whether the computer is plugged in; None where it does not tell.
    lid : {"sleeps", "stays_awake", "no_lid", "unknown"}
        What closing the lid does now.
    why : str
        What the system answered when it refused the lock, in its own words.
    """

    lock: Held = "unknown"
    on_mains: bool | None = None
    lid: Lid = "unknown"
    why: str = ""


@dataclass(slots=True)
class _Lock:
    """An open lock: how to release it."""

    release: Callable[[], None]
    fd: int = field(default=-1)


class SleepInhibitor:
    """Asks the operating system to stay awake.

    Parameters
    ----------
    why : str
        What the system may show a person who wonders why the computer does not sleep.
    power : Path
        Where Linux lists the power supplies.
    """

    def __init__(self, why: str = "legmon is recording a night", power: Path = MAINS) -> None:
        self._why = why
        self._power = power
        self._lock: _Lock | None = None
        self._asking: asyncio.Task[Wakefulness] | None = None
        self._one = asyncio.Lock()
        self._is_wanted = False
        self._looked = -LOOK_S
        self.state = Wakefulness()

    def keep_awake(self, *, awake: bool) -> None:
        """Hold the lock from now on, or release it. The system is asked in the background, so that nothing waits for it."""
        if awake == self._is_wanted:
            return
        self._is_wanted = awake
        if awake:
            self._asking = asyncio.create_task(self._hold_if_wanted())
        else:
            self.release()

    async def _hold_if_wanted(self) -> Wakefulness:
        """Hold the lock; release it at once if the night ended while the system was asked."""
        before = self.state.lock
        state = await self.hold()
        if state.lock != before:
            level = logging.INFO if state.lock == "held" else logging.WARNING
            log.log(level, "the lock that keeps the computer awake: %s %s", state.lock, state.why)
        return state if self._is_wanted else self.release()

    async def hold(self) -> Wakefulness:
        """Ask for the lock, unless it is held already, and return what is known now."""
        held: Held
        held, why = "held", ""
        async with self._one:  # two who ask at once would hold two locks
            if self._lock is None:
                self._lock, held, why = await self._ask()
        self.state = Wakefulness(held, await asyncio.to_thread(on_mains, self._power), await lid(), why)
        return self.state

    def release(self) -> Wakefulness:
        """Let the computer sleep again; nothing happens where no lock is held."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None
            self.state = replace(self.state, lock="released", why="")
        return self.state

    def refresh(self) -> None:
        """Look at the computer again from time to time, in the background."""
        if time.monotonic() - self._looked > LOOK_S and (self._asking is None or self._asking.done()):
            self._looked = time.monotonic()
            self._asking = asyncio.create_task(self.look())

    async def look(self) -> Wakefulness:
        """Return what is known now. Where no lock is wanted, one is held for a moment, to know whether it can be."""
        if self._is_wanted:
            return await self._hold_if_wanted()
        lock, held, why = await self._ask()
        if lock is not None:
            lock.release()
            held = "released"
        found = Wakefulness(held, await asyncio.to_thread(on_mains, self._power), await lid(), why)
        if not self._is_wanted:  # else the night began meanwhile
            self.state = found
        return found

    async def _ask(self) -> tuple[_Lock | None, Held, str]:
        """Ask the system for a lock. Return the lock, and why there is none."""
        try:
            if sys.platform == "linux":
                lock = await _logind_lock(self._why)
            elif sys.platform == "darwin":
                lock = _caffeinate()
            elif sys.platform == "win32":
                lock = _execution_state()
            else:
                return None, "unavailable", ""
        except _UnavailableError as e:
            return None, "unavailable", str(e)
        except _RefusedError as e:
            return None, "refused", str(e)
        return lock, "held", ""


class _UnavailableError(Exception):
    """There is no service on this system that gives out such locks."""


class _RefusedError(Exception):
    """The service refused the lock."""


async def _logind_lock(why: str) -> _Lock:
    reply = await _call_logind("Inhibit", "ssss", [WHAT, "legmon", why, "block"])
    fd = reply.unix_fds[reply.body[0]]

    def release() -> None:
        with contextlib.suppress(OSError):
            os.close(fd)

    return _Lock(release, fd)


async def _call_logind(member: str, signature: str, body: list[Any], interface: str = MANAGER) -> Any:
    """Call logind once, on a connection of its own.

    Raises
    ------
    _UnavailableError
        If there is no D-Bus, or nobody on it answers for logind.
    _RefusedError
        If logind answers with an error.
    """
    try:
        from dbus_fast import BusType, Message, MessageType
        from dbus_fast.aio import MessageBus
    except ImportError as e:
        raise _UnavailableError("the D-Bus library is not installed") from e
    try:
        bus = MessageBus(bus_type=BusType.SYSTEM, negotiate_unix_fd=True)
    except (OSError, ValueError) as e:
        raise _UnavailableError(f"no D-Bus: {e}") from e
    message = Message(
        destination=LOGIND, path=PATH, interface=interface, member=member, signature=signature, body=body
    )
    try:
        async with asyncio.timeout(ANSWER_S):
            await bus.connect()
            reply = await bus.call(message)
    except (OSError, EOFError, TimeoutError) as e:
        raise _UnavailableError(f"logind does not answer: {e}") from e
    finally:
        bus.disconnect()
    if reply is None:
        raise _UnavailableError("logind does not answer")
    if reply.message_type is MessageType.ERROR:
        text = str(reply.body[0]) if reply.body else str(reply.error_name)
        absent = "ServiceUnknown" in str(reply.error_name) or "NameHasNoOwner" in str(reply.error_name)
        raise _UnavailableError(text) if absent else _RefusedError(text)
    return reply


async def lid(acpi: Path = ACPI) -> Lid:
    """Return what closing the lid of this computer does, as far as the system tells."""
    if sys.platform != "linux":
        return "unknown"
    try:
        reply = await _call_logind("GetAll", "s", [MANAGER], "org.freedesktop.DBus.Properties")
    except (_UnavailableError, _RefusedError):
        return "unknown"
    values = {name: value.value for name, value in reply.body[0].items()}
    if _has_no_lid(acpi):
        return "no_lid"
    docked = values.get("Docked") and values.get("HandleLidSwitchDocked") == "ignore"
    setting = values.get("HandleLidSwitch")
    if values.get("OnExternalPower") and values.get("HandleLidSwitchExternalPower"):
        setting = values["HandleLidSwitchExternalPower"]
    if setting is None:
        return "unknown"
    return "stays_awake" if docked or setting in {"ignore", "lock"} else "sleeps"


def _has_no_lid(acpi: Path) -> bool:
    """Whether ACPI lists no lid; without ACPI that is not known."""
    return acpi.is_dir() and not any(acpi.glob("button/lid/*"))


def on_mains(power: Path = MAINS) -> bool | None:
    """Whether the computer is plugged in; None where it does not tell."""
    if sys.platform == "darwin":
        return _macos_on_mains()
    return _linux_on_mains(power)


def _macos_on_mains() -> bool | None:
    try:
        answer = subprocess.run(
            ["/usr/bin/pmset", "-g", "batt"], capture_output=True, text=True, timeout=5, check=False
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return "AC Power" in answer if answer else None


def _linux_on_mains(power: Path) -> bool | None:
    found = None
    with contextlib.suppress(OSError):
        for supply in sorted(power.iterdir()):
            with contextlib.suppress(OSError):
                if (supply / "type").read_text(encoding="ascii").strip() == "Battery":
                    scope = supply / "scope"
                    if not scope.exists() or scope.read_text(encoding="ascii").strip() != "Device":
                        found = False if found is None else found
                    continue
                if (supply / "online").read_text(encoding="ascii").strip() == "1":
                    return True
                found = False
    return found


def _caffeinate() -> _Lock:
    """Start `caffeinate`, which ends with this process (`-w`)."""
    try:
        child = subprocess.Popen(
            ["/usr/bin/caffeinate", "-i", "-m", "-w", str(os.getpid())], stdin=subprocess.DEVNULL
        )
    except OSError as e:
        raise _UnavailableError(f"caffeinate does not start: {e}") from e

    def release() -> None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(2)

    return _Lock(release)


def _execution_state() -> _Lock:
    """Set the execution state of this thread; Windows drops it when the thread ends."""
    import ctypes

    continuous, system_required = 0x80000000, 0x00000001
    kernel32 = ctypes.windll.kernel32  # type: ignore[attr-defined]
    if not kernel32.SetThreadExecutionState(continuous | system_required):
        raise _RefusedError("SetThreadExecutionState failed")
    return _Lock(lambda: kernel32.SetThreadExecutionState(continuous))
