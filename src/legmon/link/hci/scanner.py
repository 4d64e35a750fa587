"""A scanner over an HCI stream, for ``BleakScanner(backend=HciScanner, hci=SPEC)``."""

import struct
from typing import Any

from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bumble.core import AdvertisingData as Ad

from legmon.link.hci.adapter import Adapter, uuids

_SERVICE_UUIDS = {
    Ad.Type.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
    Ad.Type.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
    Ad.Type.INCOMPLETE_LIST_OF_32_BIT_SERVICE_CLASS_UUIDS: 4,
    Ad.Type.COMPLETE_LIST_OF_32_BIT_SERVICE_CLASS_UUIDS: 4,
    Ad.Type.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
    Ad.Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
}
_SERVICE_DATA = {
    Ad.Type.SERVICE_DATA_16_BIT_UUID: 2,
    Ad.Type.SERVICE_DATA_32_BIT_UUID: 4,
    Ad.Type.SERVICE_DATA_128_BIT_UUID: 16,
}


class HciScanner(BaseBleakScanner):
    """Scanner backend.

    Parameters
    ----------
    hci : str
        Bumble transport of the controller.
    """

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str,
        *,
        hci: str,
        **_: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._active = scanning_mode != "passive"
        self._spec = hci
        self._adapter: Adapter | None = None
        self._parts: dict[str, dict[bool, list[tuple[int, bytes]]]] = {}

    async def start(self) -> None:
        """Start scanning."""
        self.seen_devices = {}
        self._parts = {}
        self._adapter = await Adapter.get(self._spec)
        await self._adapter.listen(self._heard, active=self._active)

    async def stop(self) -> None:
        """Stop scanning."""
        if self._adapter is not None:
            await self._adapter.unlisten(self._heard)

    def _heard(self, advertisement: Any) -> None:
        """Merge advertisement and scan response per address, as operating systems do."""
        address = advertisement.address.to_string(with_type_qualifier=False)
        parts = self._parts.setdefault(address, {})
        parts[advertisement.is_scan_response] = [(t, bytes(v)) for t, v in advertisement.data.ad_structures]
        structures = dict.fromkeys(s for half in (False, True) for s in parts.get(half, ()))
        data = _advertisement_data(list(structures), advertisement.rssi, advertisement)
        if not self.is_allowed_uuid(data.service_uuids):
            return
        details = {"address": advertisement.address, "hci": self._spec}
        device = self.create_or_update_device(address, address, data.local_name, details, data)
        self.call_detection_callbacks(device, data)


def _advertisement_data(structures: list[tuple[int, bytes]], rssi: int, raw: Any) -> AdvertisementData:
    name: str | None = None
    tx_power: int | None = None
    services: list[str] = []
    manufacturer: dict[int, bytes] = {}
    service_data: dict[str, bytes] = {}
    for kind, value in structures:
        if kind in (Ad.Type.COMPLETE_LOCAL_NAME, Ad.Type.SHORTENED_LOCAL_NAME):
            name = value.decode("utf-8", "replace")
        elif kind == Ad.Type.MANUFACTURER_SPECIFIC_DATA and len(value) >= 2:
            manufacturer[struct.unpack_from("<H", value)[0]] = value[2:]
        elif kind == Ad.Type.TX_POWER_LEVEL and value:
            tx_power = struct.unpack_from("<b", value)[0]
        elif width := _SERVICE_UUIDS.get(Ad.Type(kind)):
            services += uuids([value], width)
        elif (width := _SERVICE_DATA.get(Ad.Type(kind))) and len(value) >= width:
            service_data[uuids([value[:width]], width)[0]] = value[width:]
    return AdvertisementData(name, manufacturer, service_data, services, tx_power, rssi, (raw,))
