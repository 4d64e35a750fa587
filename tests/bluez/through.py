"""The radios that a test of the link goes through: our HCI backend always, bleak's BlueZ backend where a D-Bus daemon is."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from legmon.link.hci.adapter import Adapter
from legmon.link.radio import Radio, pick
from tests.bluez.daemon import bus_daemon
from tests.conftest import Running, started

Name = Literal["hci", "bluez"]

NEEDS_DAEMON = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("dbus-daemon") is None,
    reason="bleak's BlueZ backend needs Linux and dbus-daemon (Debian's package dbus)",
)


@dataclass(frozen=True)
class Through:
    """One way to the virtual air.

    Parameters
    ----------
    name : {"hci", "bluez"}
        Which backend of bleak.
    air : str
        The air's HCI transport: for simulated sensors, and for the HCI backend.
    process : Running
        The air.
    """

    name: Name
    air: str
    process: Running

    def pick(self) -> Radio:
        """Choose the radio as the program does: by its HCI transport, or as the operating system's."""
        return pick(self.air if self.name == "hci" else None)

    async def close(self) -> None:
        """Release what the backend keeps for the event loop; to be called in the loop, at its end."""
        if self.name == "hci":
            await Adapter.close_all()
            return
        from bleak.backends.bluezdbus import manager

        kept = manager._global_instances.pop(asyncio.get_running_loop(), None)
        if kept is not None and kept._bus is not None:
            kept._bus.disconnect()
            if kept._bus_watcher_task is not None:
                await kept._bus_watcher_task


@contextmanager
def opened_air(folder: Path) -> Iterator[tuple[str, Running]]:
    """Run an air in a folder until the block ends; give its HCI transport."""
    with started("-m", "firmware_sim", "air", f"unix:{folder}/air", "--until-eof") as process:
        process.says("ready")
        yield f"unix-client:{folder}/air", process


@contextmanager
def through_radio(name: Name, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Through]:
    """Run an air, and what it takes to reach it in this way, until the block ends."""
    with opened_air(folder) as (air, process):
        if name == "hci":
            yield Through(name, air, process)
            return
        with bluez(air, monkeypatch):
            yield Through(name, air, process)


@contextmanager
def bluez(air: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """Make the air the operating system's Bluetooth until the block ends, for this process and those it starts."""
    with bus_daemon() as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        with started("-m", "tests.bluez", air) as process:
            process.says("ready")
            yield process
