"""The sensor's advertisement and scan response (section 1 of docs/ankle-profile.md) and its pairing (section 2)."""

from __future__ import annotations

from bumble import data_types
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection
from bumble.pairing import PairingConfig, PairingDelegate

from firmware_sim import profile


def advertising_data() -> bytes:
    """Return the data of the ADV_IND packet."""
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
    """Return the data of the SCAN_RSP packet."""
    return bytes(
        AdvertisingData(
            [
                data_types.CompleteLocalName(name),
                data_types.ManufacturerSpecificData(profile.COMPANY, manufacturer_data),
            ]
        )
    )


def just_works(_connection: Connection) -> PairingConfig:
    """Return a configuration that pairs by LE Secure Connections, Just Works, with bonding."""
    delegate = PairingDelegate(PairingDelegate.IoCapability.NO_OUTPUT_NO_INPUT)
    return PairingConfig(sc=True, mitm=False, bonding=True, delegate=delegate)
