"""What ``python -m firmware_sim sensor --family …`` runs: a commodity sensor on an HCI transport."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from firmware_sim.cli_files import BadInputError, FailedError
from firmware_sim.families import FAMILIES, Firmware
from firmware_sim.night import Night, Performed


@dataclass(frozen=True, slots=True)
class Played:
    """How a commodity sensor plays its night."""

    address: str
    speed: float
    log: Path | None
    truth: Path | None
    progress: bool
    until_eof: bool


def made(family: str, model: str | None, night: Night, stop_after_s: float | None) -> Firmware:
    """Make a sensor of a family.

    Raises
    ------
    BadInputError
        If there is no such family or model.
    """
    kind = FAMILIES.get(family)
    if kind is None:
        raise BadInputError(f'There is no family "{family}"; there are {", ".join(FAMILIES)}.')
    if model is not None and model not in kind.models:
        raise BadInputError(f'{family} has no model "{model}"; it has {", ".join(kind.models)}.')
    return kind(night, model or kind.models[0], stop_after_s=stop_after_s)


async def play(transport_spec: str, firmware: Firmware, played: Played) -> None:
    """Be the sensor until told to end.

    Raises
    ------
    BadInputError, FailedError
        If the transport makes no sense, or is not there or goes.
    """
    from firmware_sim.families.peripheral import FamilyPeripheral
    from firmware_sim.journal import Journal
    from firmware_sim.lifetime import told_to_end
    from firmware_sim.mischief import Mischief
    from firmware_sim.plugged import plugged, until_told
    from firmware_sim.truth import write_truth

    born, night, mischief = time.monotonic_ns(), firmware.night, Mischief()
    with contextlib.ExitStack() as stack:
        try:
            if played.truth is not None and isinstance(night, Performed):
                write_truth(played.truth, night.sleeper)
            journal = stack.enter_context(Journal(played.log))
        except OSError as error:
            raise FailedError(f"{error.filename}: cannot be written ({error.strerror}).") from error
        told = stack.enter_context(told_to_end(until_eof=played.until_eof, said=mischief.take))
        transport = await plugged(transport_spec)
        peripheral = FamilyPeripheral(
            firmware,
            transport,
            address=played.address,
            clock=lambda: int((time.monotonic_ns() - born) * played.speed) // 1000,
            speed=played.speed,
            journal=journal,
            over=lambda: print("over", flush=True) if played.progress else None,
            mischief=mischief,
        )
        try:
            await peripheral.advertise()
            print(f"advertising {firmware.name} {played.address}", flush=True)
            if played.progress:
                print(f"plays {night.leg} {night.declared_rate_hz} {night.duration_s:.3f}", flush=True)
            await until_told(peripheral.run(), transport, told, transport_spec)
        finally:
            await transport.close()
