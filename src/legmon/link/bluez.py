"""Two corrections for Linux: connections that outlive their program, and bleak's outdated picture of a sensor.

On Linux a connection belongs to `bluetoothd`, not to the program that asked for it. It stays up after the program crashed.
The sensor accepts one connection, so it does not advertise, and no scan finds it (hbldh/bleak#992).

bleak asks BlueZ for its objects once and follows its signals from then on. A signal that arrives together with the answer is
overwritten by the answer. bleak then believes for good that a sensor is connected, or that it is not. The race was found and
fixed for scanners in hbldh/bleak#395; the manager that holds this state since hbldh/bleak#902 still has it.
"""

# ruff: noqa: SLF001 (bleak offers no other way to refresh its state)
import asyncio
import logging
from importlib.metadata import version

from bleak.exc import BleakError

log = logging.getLogger(__name__)

BLUEZ, DEVICE = "org.bluez", "org.bluez.Device1"
ANSWER_S = 5.0
KNOWN_BLEAK = ("3.1.",)
"""Versions of bleak whose private attributes `replace_manager` knows."""
MOST_LEFT = 8  # managers left to their connections; each has a D-Bus connection of its own

_left: list[object] = []


def replace_manager() -> None:
    """Make bleak ask BlueZ for its objects again, with a new manager. Open connections stay with the old one.

    Do nothing with a version of bleak whose private attributes are not known here.
    """
    from bleak.backends.bluezdbus import manager

    if not version("bleak").startswith(KNOWN_BLEAK):
        log.warning(
            "link: bleak %s is an unknown version; its state of BlueZ is not refreshed", version("bleak")
        )
        return
    loop = asyncio.get_running_loop()
    old = manager._global_instances.get(loop)
    if old is None or old._bus is None:
        return
    if not old._device_watchers and not any(old._advertisement_callbacks.values()):
        old._bus.disconnect()
    elif len(_left) < MOST_LEFT:
        _left.append(old)
    else:
        return
    del manager._global_instances[loop]


async def disconnect_stale(address: str) -> bool:
    """Make BlueZ end its connections to a sensor, whichever program opened them.

    `close_stale_connections_by_address` of Bluetooth-Devices/bleak-retry-connector does the same, but reads bleak's manager
    instead of BlueZ: if the manager missed that the sensor is connected, it ends nothing (tests/test_bluez.py shows it).

    Parameters
    ----------
    address : str
        The sensor's address.

    Returns
    -------
    bool
        Whether there was such a connection. False also if BlueZ does not answer; the scan then shows what is wrong.
    """
    from bleak.backends.bluezdbus.utils import assert_reply, get_dbus_authenticator
    from dbus_fast import BusType, Message
    from dbus_fast.aio import MessageBus

    connected: list[str] = []
    try:
        bus = MessageBus(bus_type=BusType.SYSTEM, auth=get_dbus_authenticator())
    except OSError:
        return False

    async def call(path: str, interface: str, member: str) -> Message:
        reply = await bus.call(Message(destination=BLUEZ, path=path, interface=interface, member=member))
        if reply is None:
            raise EOFError("the D-Bus connection was closed")
        assert_reply(reply)
        return reply

    try:
        async with asyncio.timeout(ANSWER_S):
            await bus.connect()
            tree = await call("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
            for path, interfaces in tree.body[0].items():
                device = {name: value.value for name, value in interfaces.get(DEVICE, {}).items()}
                if device.get("Connected") and str(device.get("Address")).upper() == address.upper():
                    connected.append(path)
            for path in connected:
                log.info("link: BlueZ is still connected to %s; disconnecting it", path)
                await call(path, DEVICE, "Disconnect")
    except (BleakError, OSError, EOFError, TimeoutError) as e:
        log.info("link: BlueZ did not list its connections: %s: %s", type(e).__name__, e)
    finally:
        bus.disconnect()
    return bool(connected)
