"""What is out of date on Linux: a connection of a program that has died, and what bleak believes of a sensor.

A connection on Linux belongs to bluetoothd, not to the program that asked for it. After a crash it stays up; the sensor, which
takes one client, does not advertise; and no scan ever finds it.

bleak asks BlueZ once what there is, and follows its signals from then on. A signal that comes in the moment of the answer is
overwritten by it: bleak then takes a sensor for connected, for good, and every attempt fails on a connection that is not there.
"""

# ruff: noqa: SLF001 (bleak has no other way to be asked)
import asyncio
import logging

from bleak.exc import BleakError

log = logging.getLogger(__name__)

BLUEZ, DEVICE = "org.bluez", "org.bluez.Device1"
ANSWER_S = 5.0
MOST_LEFT = (
    8  # managers of bleak's that are left to their connections; each has a D-Bus connection of its own
)

_left: list[object] = []


def look_anew() -> None:
    """Have bleak ask BlueZ anew what there is; connections that are up go on as they were, on the manager that has them."""
    from bleak.backends.bluezdbus import manager

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


async def let_go(address: str) -> bool:
    """Have BlueZ end its connections to a sensor, whoever asked for them.

    Parameters
    ----------
    address : str
        The sensor's.

    Returns
    -------
    bool
        Whether there was one. False also where nobody answers: what is wrong then shows in the scan.
    """
    from bleak.backends.bluezdbus.utils import assert_reply, get_dbus_authenticator
    from dbus_fast import BusType, Message
    from dbus_fast.aio import MessageBus

    held: list[str] = []
    try:
        bus = MessageBus(bus_type=BusType.SYSTEM, auth=get_dbus_authenticator())
    except OSError:
        return False

    async def call(path: str, interface: str, member: str) -> Message:
        reply = await bus.call(Message(destination=BLUEZ, path=path, interface=interface, member=member))
        if reply is None:
            raise EOFError("the bus has gone")
        assert_reply(reply)
        return reply

    try:
        async with asyncio.timeout(ANSWER_S):
            await bus.connect()
            tree = await call("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
            for path, interfaces in tree.body[0].items():
                device = {name: value.value for name, value in interfaces.get(DEVICE, {}).items()}
                if device.get("Connected") and str(device.get("Address")).upper() == address.upper():
                    held.append(path)
            for path in held:
                log.info("link: BlueZ still holds %s; letting it go", path)
                await call(path, DEVICE, "Disconnect")
    except (BleakError, OSError, EOFError, TimeoutError) as e:
        log.info("link: what BlueZ holds is not known: %s: %s", type(e).__name__, e)
    finally:
        bus.disconnect()
    return bool(held)
