"""What a sensor advertised, as the properties BlueZ gives a device."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from bumble.core import UUID, AdvertisingData
from dbus_fast import Variant

from tests.bluez.tree import Properties

_Type = AdvertisingData.Type
_NAMES = {_Type.COMPLETE_LOCAL_NAME, _Type.SHORTENED_LOCAL_NAME}
_UUID_WIDTHS = {
    _Type.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
    _Type.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
    _Type.INCOMPLETE_LIST_OF_32_BIT_SERVICE_CLASS_UUIDS: 4,
    _Type.COMPLETE_LIST_OF_32_BIT_SERVICE_CLASS_UUIDS: 4,
    _Type.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
    _Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
}
_SERVICE_DATA_WIDTHS = {
    _Type.SERVICE_DATA_16_BIT_UUID: 2,
    _Type.SERVICE_DATA_32_BIT_UUID: 4,
    _Type.SERVICE_DATA_128_BIT_UUID: 16,
}


def advertised(structures: Iterable[tuple[int, bytes]], rssi: int) -> Properties:
    """Read AD structures; a repeated one counts once."""
    properties: Properties = {"RSSI": Variant("n", rssi)}
    uuids: list[str] = []
    manufacturers: dict[int, Variant] = {}
    services: dict[str, Variant] = {}
    for kind, value in dict.fromkeys(structures):
        if kind in _NAMES:
            name = value.decode("utf-8", "replace")
            properties |= {"Name": Variant("s", name), "Alias": Variant("s", name)}
        elif kind == _Type.TX_POWER_LEVEL and value:
            properties["TxPower"] = Variant("n", struct.unpack_from("<b", value)[0])
        elif kind == _Type.MANUFACTURER_SPECIFIC_DATA and len(value) >= 2:
            manufacturers[struct.unpack_from("<H", value)[0]] = Variant("ay", value[2:])
        elif width := _UUID_WIDTHS.get(_Type(kind)):
            uuids += [uuid_text(value[i : i + width]) for i in range(0, len(value) - width + 1, width)]
        elif (width := _SERVICE_DATA_WIDTHS.get(_Type(kind))) and len(value) >= width:
            services[uuid_text(value[:width])] = Variant("ay", value[width:])
    if uuids:
        properties["UUIDs"] = Variant("as", uuids)
    if manufacturers:
        properties["ManufacturerData"] = Variant("a{qv}", manufacturers)
    if services:
        properties["ServiceData"] = Variant("a{sv}", services)
    return properties


def uuid_text(uuid: UUID | bytes) -> str:
    """Write a UUID as BlueZ does: 128 bits, lower case."""
    text = (UUID.from_bytes(uuid) if isinstance(uuid, bytes) else uuid).to_hex_str("-").lower()
    return text if len(text) == 36 else f"{text.zfill(8)}-0000-1000-8000-00805f9b34fb"
