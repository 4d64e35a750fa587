"""What is said of an attempt that failed."""

from bleak.exc import BleakBluetoothNotAvailableError, BleakCharacteristicNotFoundError

from legmon.link.faults import LinkSays, link_says
from legmon.link.pairing import UnpairedError
from legmon.messages import Said
from legmon.sensors.base import FrameError, RefusedError


def plain(error: Exception) -> Said:
    """Say in plain words why an attempt failed."""
    if isinstance(error, RefusedError):
        why = str(error).rstrip(".")
        return link_says(LinkSays.SENSOR_REFUSED, why=f"{why[:1].upper()}{why[1:]}.")
    if isinstance(error, BleakBluetoothNotAvailableError):
        return link_says(LinkSays.BLUETOOTH_GONE)
    if isinstance(error, UnpairedError):
        return link_says(LinkSays.NOT_PAIRED if error.has_failed else LinkSays.PAIRING)
    if isinstance(error, FrameError | BleakCharacteristicNotFoundError):
        return link_says(LinkSays.NOT_UNDERSTOOD)
    return link_says(LinkSays.NO_ANSWER if isinstance(error, TimeoutError) else LinkSays.NO_CONNECTION)
