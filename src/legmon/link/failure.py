"""What is said of an attempt that failed."""

from bleak.exc import BleakBluetoothNotAvailableError, BleakCharacteristicNotFoundError

from legmon.link.pairing import UnpairedError
from legmon.messages import LinkCode, Message, link_message
from legmon.sensors.base import FrameError, RefusedError


def plain(error: Exception) -> Message:
    """Say in plain words why an attempt failed."""
    if isinstance(error, RefusedError):
        why = str(error).rstrip(".")
        return link_message(LinkCode.SENSOR_REFUSED, why=f"{why[:1].upper()}{why[1:]}.")
    if isinstance(error, BleakBluetoothNotAvailableError):
        return link_message(LinkCode.BLUETOOTH_GONE)
    if isinstance(error, UnpairedError):
        return link_message(LinkCode.NOT_PAIRED if error.has_failed else LinkCode.PAIRING)
    if isinstance(error, FrameError | BleakCharacteristicNotFoundError):
        return link_message(LinkCode.NOT_UNDERSTOOD)
    return link_message(LinkCode.NO_ANSWER if isinstance(error, TimeoutError) else LinkCode.NO_CONNECTION)
