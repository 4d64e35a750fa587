"""The services and characteristics of the sensor's GATT server, and the permissions of each."""

from __future__ import annotations

from collections.abc import Callable

from bumble import att, gatt
from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.gatt_server import Server
from bumble.profiles.device_information_service import DeviceInformationService

from firmware_sim import profile
from firmware_sim.sensor import Sensor


class Attributes:
    """The services of section 2 of docs/ankle-profile.md, for one sensor.

    Parameters
    ----------
    sensor : Sensor
        The sensor whose values are read.
    clock : callable
        Returns the sensor's uptime in µs.
    on_request : callable
        Called with the client and the bytes (at least 2) of every request to the control point.
    """

    def __init__(
        self, sensor: Sensor, clock: Callable[[], int], on_request: Callable[[Connection, bytes], None]
    ) -> None:
        self._sensor = sensor
        self._on_request = on_request
        properties = Characteristic.Properties
        read, write = Characteristic.READ_REQUIRES_ENCRYPTION, Characteristic.WRITE_REQUIRES_ENCRYPTION
        neither = Characteristic.Permissions(0)
        self.live = Characteristic[bytes](profile.LIVE_DATA, properties.NOTIFY, neither, _value())
        self.control = Characteristic[bytes](
            profile.CONTROL_POINT,
            properties.WRITE | properties.INDICATE,
            write,
            _value(write=self._write_control),
        )
        self.status = Characteristic[bytes](
            profile.STATUS,
            properties.READ | properties.NOTIFY,
            read,
            _value(read=lambda _connection: sensor.status(clock())),
        )
        capabilities = Characteristic[bytes](
            profile.CAPABILITIES,
            properties.READ,
            read,
            _value(read=lambda _connection: sensor.capabilities()),
        )
        self.backfill = Characteristic[bytes](profile.BACKFILL_DATA, properties.NOTIFY, neither, _value())
        time = Characteristic[bytes](
            profile.TIME,
            properties.READ | properties.WRITE,
            read | write,
            _value(
                read=lambda _connection: profile.time(tag=sensor.time_tag, uptime_us=clock()),
                write=self._write_time,
            ),
        )
        self.battery = Characteristic[bytes](
            gatt.GATT_BATTERY_LEVEL_CHARACTERISTIC,
            properties.READ | properties.NOTIFY,
            Characteristic.READABLE,
            _value(read=lambda _connection: bytes([sensor.battery(clock())])),
        )
        self._own = Service(
            profile.SERVICE, [self.live, self.control, capabilities, self.status, self.backfill, time]
        )
        self._public = [
            Service(gatt.GATT_BATTERY_SERVICE, [self.battery]),
            DeviceInformationService(
                manufacturer_name="legmon",
                model_number="simulated ankle sensor",
                serial_number=f"{sensor.sensor_id:016x}",
                hardware_revision="simulated",
                firmware_revision="1.1",
                software_revision="1.0",
            ),
        ]

    def offer(self, server: Server) -> None:
        """Add the services to a GATT server."""
        server.add_services([self._own, *self._public])
        for characteristic in self._own.characteristics:
            # bumble lets everybody write these descriptors; the profile asks for encryption to subscribe.
            descriptor = server.get_descriptor_attribute(
                self._own.uuid, characteristic.uuid, gatt.GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR
            )
            if descriptor is not None:
                descriptor.permissions |= Characteristic.WRITE_REQUIRES_ENCRYPTION

    def _write_control(self, connection: Connection, value: bytes) -> None:
        if len(value) < 2:
            raise att.ATT_Error(att.ErrorCode.INVALID_ATTRIBUTE_LENGTH)
        self._on_request(connection, value)

    def _write_time(self, _connection: Connection, value: bytes) -> None:
        if len(value) != 1:
            raise att.ATT_Error(att.ErrorCode.INVALID_ATTRIBUTE_LENGTH)
        self._sensor.time_tag = value[0]


def _refuse_read(_connection: Connection) -> bytes:
    raise att.ATT_Error(att.ErrorCode.READ_NOT_PERMITTED)


def _refuse_write(_connection: Connection, _value: bytes) -> None:
    raise att.ATT_Error(att.ErrorCode.WRITE_NOT_PERMITTED)


def _value(
    read: Callable[[Connection], bytes] = _refuse_read,
    write: Callable[[Connection, bytes], None] = _refuse_write,
) -> CharacteristicValue[bytes]:
    """Return a value that refuses reads or writes that its properties do not allow.

    bumble 0.0.236 does not check this itself.
    """
    return CharacteristicValue(read=read, write=write)
