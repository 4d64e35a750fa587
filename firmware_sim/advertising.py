"""How the sensor presents itself: advertisement, scan response (section 1 of the document), pairing (section 2)."""

from __future__ import annotations

from bumble import data_types
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection
from bumble.pairing import PairingConfig, PairingDelegate

from firmware_sim import profile


def advertising_data() -> bytes:
    """Give the ADV_IND's data."""
    flags = AdvertisingData.Flags
    return bytes(
        AdvertisingData(
            [
                data_types.Flags(flags.LE_GENERAL_DISCOVERABLE_MODE | flags.BR_EDR_NOT_SUPPORTED),
                data_types.CompleteListOf128BitServiceUUIDs([UUID(profile.SERVICE)]),
            ]
        )
    )


def scan_response(name: str, manufacturer_data: bytes) -> bytes:
    """Give the SCAN_RSP's data."""
    return bytes(
        AdvertisingData(
            [
                data_types.CompleteLocalName(name),
                data_types.ManufacturerSpecificData(profile.COMPANY, manufacturer_data),
            ]
        )
    )


def just_works(_connection: Connection) -> PairingConfig:
    """Pair by LE Secure Connections, Just Works, with bonding."""
    delegate = PairingDelegate(PairingDelegate.IoCapability.NO_OUTPUT_NO_INPUT)
    return PairingConfig(sc=True, mitm=False, bonding=True, delegate=delegate)
